"""The reduced map: no norm anywhere, and the same path."""

import numpy as np
import pytest

from dynamics import Run, simulate
from dynamics.gauge import quotient_two_cycle, reduced, stability_line, two_cycle, well_criterion
from dynamics.horizon import UNIT_ROUNDOFF, trust
from dynamics.path import wrapped
from dynamics.schedules import Exponential, Step, Warmup, schedule
from dynamics.twins import twin
from landscapes import named, typed

START = (-0.7, 0.7)
RUNS = {
    "constant": Run("gd", 0.3, 0.25), "no decay": Run("gd", 0.3), "slow": Run("gd", 0.02, 0.1),
    "schedules": Run("gd", Warmup(0.3, 50, "cosine", 3000), 0.1), "step decay": Run("gd", Step(0.1, [20], [0.01]), 0.3),
    "growing rate": Run("gd", Exponential(0.1, 1.02)),
}  # fmt: skip


def deviation(landscape, run, steps):
    """The distance of the directions and the relative distance of κ from the Cartesian run, and its predicted error."""
    (path,), (spread,) = (each(landscape, run, [START], steps) for each in (simulate, trust))
    (small,) = reduced(landscape, run, [START], steps)
    eta, lam = (schedule(value).rates(steps + 1).value for value in (run.learning_rate, run.weight_decay))
    kappa = eta / (1 - eta * lam) * np.exp(-2 * path.log_norm)
    apart = np.hypot(small.x - np.cos(path.angle), small.y - np.sin(path.angle)) + np.abs(small.kappa / kappa - 1)
    return apart, UNIT_ROUNDOFF["float64"] * np.exp(np.maximum.accumulate(spread.log_spread))


@pytest.mark.parametrize("case", RUNS)
def test_the_reduced_map_is_the_cartesian_run_before_its_horizon(invariant, case):
    """Wherever the Cartesian run itself is predicted to be right to 1e-13."""
    apart, error = deviation(invariant, RUNS[case], 200)
    believed = error < 1e-13
    assert believed.sum() > 10
    assert apart[believed].max() < 1e-12


def test_on_a_path_that_settles_the_two_agree_for_ever():
    apart, error = deviation(named("cosine_wells_5"), Run("gd", 0.1, 0.1), 2000)
    assert error.max() < 1e-13
    assert apart.max() < 1e-12


@pytest.mark.parametrize("case", ["constant", "step decay"])
def test_a_twin_has_the_same_reduced_map(case):
    """η̃_t/ṽ² = η_t/(a_t r²): weight decay and a growing rate are one map in (θ, κ)."""
    landscape = named("five_wells")
    made = twin(landscape, RUNS[case], 60)
    ((one,), (other,)) = (reduced(landscape, run, [START], 60) for run in (RUNS[case], made.run))
    assert other.kappa[:20] == pytest.approx(one.kappa[:20], rel=1e-12)
    assert wrapped(other.angle[:20] - one.angle[:20]) == pytest.approx(np.zeros(20), abs=1e-12)


def test_an_unwrapped_angle_never_turns_by_a_right_angle():
    (path,) = reduced(named("five_wells"), Run("gd", 0.3, 0.4), [START], 500)
    assert np.abs(np.diff(path.unwrapped)).max() < np.pi / 2
    assert wrapped(path.unwrapped - path.angle) == pytest.approx(np.zeros(501), abs=1e-9)


@pytest.mark.parametrize("eta, lam", [(0.3, 0.5), (1.0, 0.2), (0.1, 0.5), (0.05, 0.1)])
def test_the_two_cycle_of_the_quotient_returns_after_two_steps(eta, lam):
    cycle = quotient_two_cycle(eta, lam)
    for side in (1, -1):
        angle = np.pi / 2 + side * cycle.offset
        start = (cycle.norm * np.cos(angle), cycle.norm * np.sin(angle))
        (small,) = reduced(named("quotient"), Run("gd", eta, lam), [start], 40)
        (path,) = simulate(named("quotient"), Run("gd", eta, lam), [start], 40)
        assert small.angle == pytest.approx(np.pi / 2 + side * cycle.offset * (-1.0) ** np.arange(41), abs=1e-12)
        assert small.kappa == pytest.approx(np.full(41, cycle.kappa), rel=1e-12)
        assert path.norm == pytest.approx(np.full(41, cycle.norm), rel=1e-12)


@pytest.mark.parametrize("eta, lam", [(0.3, 0.5), (0.1, 0.5)])
def test_the_squares_of_its_multipliers_are_those_of_two_linearised_steps(eta, lam):
    """By central differences of the reduced map in (θ, ln κ), round the whole cycle."""
    cycle, h = quotient_two_cycle(eta, lam), 1e-6

    def twice(theta, log_kappa):
        r = np.sqrt(eta / (1 - eta * lam) * np.exp(-log_kappa))
        start = (r * np.cos(theta), r * np.sin(theta))
        (after,) = reduced(named("quotient"), Run("gd", eta, lam), [start], 2)
        return np.array([after.angle[2], np.log(after.kappa[2])])

    point = np.array([np.pi / 2 + cycle.offset, np.log(cycle.kappa)])
    jacobian = np.column_stack([(twice(*(point + h * e)) - twice(*(point - h * e))) / (2 * h) for e in np.eye(2)])
    found = sorted(np.linalg.eigvals(jacobian), key=lambda z: z.imag)
    assert found == pytest.approx(sorted((m * m for m in cycle.multipliers), key=lambda z: z.imag), abs=1e-6)
    assert abs(cycle.multipliers[0]) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("eta, lam", [(0.3, 0.5), (0.1, 0.5), (2.0, 0.15)])
def test_a_symmetric_well_has_a_two_cycle_with_the_multipliers_of_one_linearised_step(n, eta, lam):
    """By central differences of the reduced map in (θ, ln κ), and the reflection in the well's bottom."""
    landscape, a, h = named(f"cosine_wells_{n}"), 1 - eta * lam, 1e-5
    cycle = two_cycle(landscape, 0.0, eta, lam)

    def across(theta, log_kappa):
        r = np.sqrt(eta / a * np.exp(-log_kappa))
        (after,) = reduced(landscape, Run("gd", eta, lam), [(r * np.cos(theta), r * np.sin(theta))], 1)
        return np.array([-after.angle[1], np.log(after.kappa[1])])

    point = np.array([cycle.offset, np.log(cycle.kappa)])
    assert across(*point) == pytest.approx(point, abs=1e-12)
    assert cycle.norm == pytest.approx(np.sqrt(eta / a / cycle.kappa), rel=1e-12)
    jacobian = np.column_stack([(across(*(point + h * e)) - across(*(point - h * e))) / (2 * h) for e in np.eye(2)])
    found = sorted(np.linalg.eigvals(jacobian).astype(complex), key=lambda z: (z.imag, z.real))
    assert found == pytest.approx(sorted(cycle.multipliers, key=lambda z: (z.imag, z.real)), abs=1e-7)


def test_without_decay_the_two_cycle_is_where_the_minimum_begins_to_repel():
    for landscape, angle in ((named("cosine_wells_3"), 0.0), (named("quotient"), np.pi / 2)):
        cycle = two_cycle(landscape, angle, 0.2, 0.0)
        assert cycle.offset == 0 and cycle.kappa == pytest.approx(float(stability_line(landscape, angle)))


def test_the_criterion_of_a_well_is_the_ratio_of_its_derivatives():
    """For f = cos²(θ - φ) at any φ -4; for a cos 2θ + b cos 4θ, by hand (16a + 256b)/(-4a - 16b) at θ = 0."""
    assert well_criterion(named("rotated_quotient"), np.pi / 2 + 0.3, {"phi": 0.3}) == pytest.approx(-4, rel=1e-9)
    assert well_criterion(typed("-cos(2*theta) - 0.3*cos(4*theta)"), 0.0) == pytest.approx(-(16 + 76.8) / 8.8, rel=1e-9)


@pytest.mark.parametrize(
    "name, angle, eta, lam, why",
    [
        ("five_wells", np.arctan2(0.731771, 0.681551), 0.1, 0.1, "not symmetric"),
        ("quotient", 0.0, 0.1, 0.1, "no minimum"),
        ("beale", 0.0, 0.1, 0.1, "ignores the length"),
        ("quotient", np.pi / 2, 1.0, 1.0, "0 <= ηλ < 1"),
        ("cosine_wells_5", 0.0, 1.0, 0.8, "beyond the sides"),
    ],
)
def test_a_two_cycle_that_there_is_not_is_refused_in_words(name, angle, eta, lam, why):
    with pytest.raises(ValueError, match=why):
        two_cycle(named(name), angle, eta, lam)


def test_below_the_stability_line_a_minimum_attracts_and_above_it_repels(invariant):
    x, y = invariant.minima[0]
    angle = np.arctan2(y, x)
    kappa = float(stability_line(invariant, angle))
    for factor, attracts in ((0.9, True), (1.1, False)):
        start = (np.cos(angle + 1e-5), np.sin(angle + 1e-5))
        (path,) = reduced(invariant, Run("gd", kappa * factor), [start], 12)
        final = np.abs(wrapped(path.angle - angle))
        assert (final[-1] < final[0]) == attracts


def test_where_the_loss_bends_down_the_line_is_infinite():
    assert stability_line(named("quotient"), [np.pi / 2, 0.0]) == pytest.approx([1.0, np.inf])


@pytest.mark.parametrize(
    "name, run, why",
    [
        ("beale", Run("gd", 0.1), "ignores the length"),
        ("quotient", Run("sign", 0.1), "plain gradient descent"),
        ("quotient", Run("gd", 0.1, hyperparameters={"momentum": 0.9}), "plain gradient descent"),
        ("quotient", Run("gd", 0.0), "positive learning rate"),
        ("quotient", Run("gd", 1.0, 2.0), "below 1"),
    ],
)
def test_the_reduced_map_refuses_what_it_does_not_describe(name, run, why):
    with pytest.raises(ValueError, match=why):
        reduced(named(name), run, [START], 10)
