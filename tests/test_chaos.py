"""What weight decay's chaos obeys: spikes, the intrinsic learning rate, areas, both exponents, and which wells settle."""

import numpy as np
import pytest

from dynamics import Run, precise, simulate
from dynamics.atlas import along, value
from dynamics.gauge import quotient_two_cycle, two_cycle, well_criterion
from dynamics.schedules import Step
from dynamics.spikes import best_so_far, spike_period, spikes
from landscapes import LANDSCAPES

FIVE, QUOTIENT, START = LANDSCAPES["five_wells"], LANDSCAPES["quotient"], (-0.7, 0.7)


def number(landscape, run, statistic, steps, start=START):
    at = {"learning_rate": run.learning_rate, "weight_decay": run.weight_decay}
    return value(landscape, run, at, statistic, steps, start=start, arithmetic="float64")


# Spikes (004-4 ... 004-9)


def test_a_spike_is_the_first_step_of_an_excursion():
    loss = [0.5, 0.2, 0.0, 0.3, 0.4, np.nan, 0.1, 0.1, 0.2, 0.0, 0.7]
    assert list(spikes(loss, 0.1)) == [3, 8, 10] and spike_period(loss, 0.1) == 3.5
    assert np.isnan(spike_period(loss, 0.6)) and len(spikes(loss, 1.0)) == 0
    assert list(best_so_far(loss)) == [0.5, 0.2, *[0.0] * 9]


def test_the_quotient_spikes_eighteen_times_in_a_thousand_exact_steps():
    """Certified here, and by 400 digits elsewhere; float64 leaves the exact run on the way and counts 19, or near it."""
    (exact,) = precise.simulate(QUOTIENT, Run("gd", 0.1, 0.2), [START], 1000)
    (near,) = simulate(QUOTIENT, Run("gd", 0.1, 0.2), [START], 1000)
    assert len(spikes(exact.loss, 0.1)) == 18 and list(spikes(exact.loss, 0.1)[:3]) == [101, 174, 221]
    assert 17 <= len(spikes(near.loss, 0.1)) <= 21
    for path in (exact, near):
        assert path.loss.min() == pytest.approx(6.1475e-49, rel=1e-3) and path.loss.max() == pytest.approx(0.5424, abs=1e-4)


def test_when_weight_decay_ends_the_run_comes_to_rest():
    off = Run("gd", 0.1, Step(0.2, [1000], [0.0]))
    (path,) = simulate(QUOTIENT, off, [START], 3000)
    assert path.loss[-1] < 1e-12 and np.all(np.diff(path.log_norm[1000:]) >= -1e-15)
    assert len(spikes(path.loss[1000:], 0.1)) <= 1
    assert abs(path.log_norm[-1] - path.log_norm[-500]) < 1e-12


@pytest.mark.parametrize("eta, lam", [(0.1, 0.2), (0.05, 0.2), (0.01, 0.5), (0.1, 0.03)])
def test_a_smaller_rate_spikes_as_often_in_intrinsic_time(eta, lam):
    """Period times ηλ between 0.8 and 1.05, over two hundred of them, from ηλ = 0.02 down to 0.003 (here 0.93 to 0.96)."""
    (path,) = simulate(QUOTIENT, Run("gd", eta, lam), [START], round(200 / (eta * lam)))
    assert path.status == "finished" and len(spikes(path.loss, 0.1)) > 150
    assert 0.8 < spike_period(path.loss, 0.1) * eta * lam < 1.05


def test_once_the_gradient_is_small_decay_shrinks_the_norm_geometrically():
    path = simulate(QUOTIENT, Run("gd", 0.1, 0.2), [START], 1000)[0]
    quiet = np.flatnonzero(path.loss[:-1] < 1e-12)
    assert len(quiet) > 100
    assert np.max(np.abs(np.diff(path.log_norm)[quiet] - np.log(0.98))) < 1e-11


@pytest.mark.parametrize("arithmetic, lam, step", [("float32", 0.05, 142), ("float64", 0.01, 819)])
def test_a_float_that_runs_out_of_gradient_stays_quiet_for_ever(arithmetic, lam, step):
    """Low ηλ takes x below what the arithmetic resolves: its gradient is exactly zero, and nothing ever spikes again."""
    (path,) = simulate(QUOTIENT, Run("gd", 0.1, lam), [START], 3000, arithmetic=arithmetic)
    assert path.status == "zero_gradient" and path.stopped_at == pytest.approx(step, rel=0.1)
    assert len(spikes(path.loss, 0.1)) == 0
    (exact,) = precise.simulate(QUOTIENT, Run("gd", 0.1, lam), [START], 3000)
    assert len(spikes(exact.loss, 0.1)) > 0


def test_a_map_claims_no_exponent_where_rounding_has_ended_the_spikes():
    """In float32 below ηλ = 0.01 or so, in float64 below 0.0017: no exponent and no regime, not a false one."""
    mu = np.array([0.0005, 0.003, 0.03])
    for arithmetic, known in (("float32", [False, False, True]), ("float64", [False, True, True])):
        for statistic in ("lyapunov", "area_growth", "regime"):
            found = along(QUOTIENT, Run("gd", 0.1), {"intrinsic": mu}, statistic, 4000, arithmetic=arithmetic)
            assert list(np.isfinite(found)) == known
    assert np.isfinite(number(QUOTIENT, Run("gd", 0.1), "lyapunov", 100_000))  # at rest without decay, and rightly so


def test_early_stopping_matters_where_decay_never_rests():
    path = simulate(QUOTIENT, Run("gd", 0.1, 0.2), [START], 2000)[0]
    best = best_so_far(path.loss)
    assert best[-1] < 1e-20 and np.max(path.loss[-200:]) > 1e-3 and np.all(best <= path.loss)


# The intrinsic learning rate and the turn (004-10, 004-11)


@pytest.mark.parametrize("statistic", ["final_loss", "lyapunov", "area_growth", "log_norm"])
def test_only_the_product_of_rate_and_decay_counts(statistic):
    """(η, λ, w₀) -> (cη, λ/c, √c w₀) gives √c w_t: with c = 4, 16, 64 bit for bit, through 3000 steps of chaos."""
    c = 4.0 ** np.arange(4)
    varied = {"learning_rate": 0.1 * c, "weight_decay": 0.2 / c, "x": -0.7 * np.sqrt(c), "y": 0.7 * np.sqrt(c)}
    found = along(QUOTIENT, Run(), varied, statistic, 3000, arithmetic="float64")
    if statistic == "log_norm":
        assert found - np.log(c) / 2 == pytest.approx(found[0], abs=1e-12)
    else:
        assert np.unique(found).size == 1


def test_before_chaos_any_factor_gives_the_same_path():
    for c in (3.0, 0.7, 100.0):
        start = (-0.7 * c**0.5, 0.7 * c**0.5)
        (here,), (there,) = (simulate(FIVE, Run("gd", e, m), [s], 20) for e, m, s in (
            (0.3, 0.25, START), (0.3 * c, 0.25 / c, start)
        ))  # fmt: skip
        assert there.x / c**0.5 == pytest.approx(here.x, abs=1e-12) and there.loss == pytest.approx(here.loss, abs=1e-12)


@pytest.mark.parametrize("name, eta, lam", [("quotient", 0.1, 0.2), ("five_wells", 0.3, 0.4), ("cosine_wells_1", 0.1, 0.1)])
def test_every_run_balances_its_turns_against_its_decay(name, eta, lam):
    """Σ ln cos dθ_t = T ln(1 - ηλ) - ln(r_T/r_0), exactly, in chaos too; so a norm that stays asks for cos dθ = 1 - ηλ."""
    steps = 5000
    (path,) = simulate(LANDSCAPES[name], Run("gd", eta, lam), [START], steps)
    turns = np.diff(np.unwrap(path.angle))
    left = np.log(np.cos(turns)).sum()
    right = steps * np.log1p(-eta * lam) - (path.log_norm[-1] - path.log_norm[0])
    assert left < -10 and left == pytest.approx(right, abs=1e-9)


# Both Lyapunov exponents (section 5)


@pytest.mark.parametrize("lam, exponent", [(0.05, 0.022), (0.1, 0.036), (0.2, 0.057), (0.5, 0.103)])
def test_the_quotient_is_chaotic_from_the_usual_start(lam, exponent):
    assert number(QUOTIENT, Run("gd", 0.1, lam), "lyapunov", 20_000) == pytest.approx(exponent, rel=0.25)


@pytest.mark.parametrize("lam, exponent", [(0.25, 0.19), (0.3, 0.38), (0.4, 0.49)])
def test_five_wells_is_chaotic_under_strong_decay(lam, exponent):
    assert number(FIVE, Run("gd", 0.3, lam), "lyapunov", 20_000) == pytest.approx(exponent, rel=0.1)


def test_the_quotient_preserves_an_area():
    """det J = x'y'/(xy) at every step: dx dy/|xy| is preserved, so the exponents sum to 0 and no orbit attracts."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200))
    for eta, lam in ((0.1, 0.2), (0.3, 0.5), (1.0, 0.05)):
        local, a = QUOTIENT.local(x, y), 1 - eta * lam
        moved = (a * x - eta * local.gx) * (a * y - eta * local.gy) / (x * y)
        determinant = (a - eta * local.hxx) * (a - eta * local.hyy) - (eta * local.hxy) ** 2
        assert np.allclose(determinant, moved, rtol=1e-9)


def test_on_the_quotient_the_exponents_sum_to_zero():
    """What is left of the sum is the change of ln|xy|/r² over T, however chaotic the run."""
    lam = np.array([0.1, 0.2, 0.5])
    both, first = (
        along(QUOTIENT, Run("gd", 0.1), {"weight_decay": lam}, s, 500_000, start=START, arithmetic="float64")
        for s in ("area_growth", "lyapunov")
    )
    assert np.all(first > 0.03) and np.abs(both).max() < 1e-4


def test_on_other_losses_an_area_shrinks_or_grows_on_its_way():
    """Chaos with expansion on the five wells, with contraction on -cos θ."""
    assert number(FIVE, Run("gd", 0.3, 0.4), "area_growth", 20_000) > 0.2
    bursts = [number(LANDSCAPES["cosine_wells_1"], Run("gd", 0.1, 0.1), s, 20_000) for s in ("lyapunov", "area_growth")]
    assert bursts[0] > 0.02 and -0.01 < bursts[1] < -0.001


@pytest.mark.parametrize("eta, lam", [(0.3, 0.5), (1.0, 0.2), (0.1, 0.1)])
def test_the_quotient_has_islands_where_errors_do_not_grow(eta, lam):
    """Round its elliptic two-cycle, r² = η at ± arccos(1-ηλ)/2 off the minimum."""
    cycle = quotient_two_cycle(eta, lam)
    start = (1.01 * cycle.norm * np.sin(cycle.offset), 1.01 * cycle.norm * np.cos(cycle.offset))
    assert abs(number(QUOTIENT, Run("gd", eta, lam), "lyapunov", 100_000, start)) < 2e-4


@pytest.mark.parametrize("eta, lam", [(0.3, 0.5), (1.0, 0.2), (0.1, 0.1)])
def test_another_place_steps_onto_the_two_cycle(eta, lam):
    """r² = η tan²δ at δ/2 off the maximum, δ = arccos(1-ηλ): the map is two to one, and islands are entered from outside."""
    cycle = quotient_two_cycle(eta, lam)
    norm = np.sqrt(eta) * np.tan(2 * cycle.offset)
    (path,) = simulate(QUOTIENT, Run("gd", eta, lam), [(norm * np.cos(cycle.offset), norm * np.sin(cycle.offset))], 9)
    assert abs(path.norm[0] / cycle.norm - 1) > 0.2
    assert path.norm[1:] == pytest.approx(np.full(9, cycle.norm), rel=1e-9)
    assert np.abs(np.abs(path.angle[1:]) - np.pi / 2) == pytest.approx(np.full(9, cycle.offset), abs=1e-9)


def test_islands_catch_chaotic_runs():
    """At η = 0.3, λ = 0.5 runs are chaotic at first and regular after some ten thousand steps, and stay so."""
    angles = {"angle": np.linspace(1.8, 3.0, 256)}
    growth = [
        steps * along(QUOTIENT, Run("gd", 0.3, 0.5), angles, "lyapunov", steps, arithmetic="float64")
        for steps in (500, 2000, 4000, 20_000, 40_000, 200_000, 400_000)
    ]
    chaotic = [np.mean((late - early) > 0.01 * steps) for early, late, steps in zip(
        growth[1::2], growth[2::2], (2000, 20_000, 200_000), strict=True
    )]  # fmt: skip
    assert np.mean(growth[0] > 20) > 0.7
    assert chaotic[0] > 0.5 and chaotic[1] < 0.2 and chaotic[2] == 0


# Which wells settle (section 5)


@pytest.mark.parametrize("n, exponent", [(3, np.log(0.99169)), (5, np.log(0.96444))])
def test_three_and_five_wells_settle_at_the_rate_of_their_two_cycle(n, exponent):
    landscape = LANDSCAPES[f"cosine_wells_{n}"]
    assert two_cycle(landscape, 0.0, 0.1, 0.1).exponent == pytest.approx(exponent, abs=1e-5)
    assert number(landscape, Run("gd", 0.1, 0.1), "lyapunov", 20_000) == pytest.approx(exponent, rel=0.01)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_well_settles_where_its_fourth_derivative_is_below_minus_four_times_its_second(n):
    """|det| = 1 + ηλ (4 + f⁗/f'')/3 + O((ηλ)²), with f⁗/f'' = -n² for -cos nθ; and what a run next to the two-cycle does."""
    landscape = LANDSCAPES[f"cosine_wells_{n}"]
    assert well_criterion(landscape, 0.0) == pytest.approx(-n * n, rel=1e-9)
    mu = 1e-4
    cycle = two_cycle(landscape, 0.0, 1.0, mu)
    assert np.expm1(2 * cycle.exponent) == pytest.approx(mu * (4 - n * n) / 3, abs=10 * n**4 * mu**2)
    cycle = two_cycle(landscape, 0.0, 0.1, 0.1)
    start = tuple(cycle.norm * f(cycle.offset * (1 + 1e-6)) for f in (np.cos, np.sin))
    (path,) = simulate(landscape, Run("gd", 0.1, 0.1), [start], 400)
    off = np.log(np.abs(np.abs(path.angle) - cycle.offset) / cycle.offset + np.abs(path.norm / cycle.norm - 1))
    after = np.maximum.reduceat(off, range(0, 400, 40))[:6]
    if n == 2:
        assert np.abs(after - after[0]).max() < 0.2
    elif n == 5:
        assert after[-1] < np.log(1e-9)
    else:
        assert np.polyfit(range(0, 240, 40), after, 1)[0] == pytest.approx(cycle.exponent, rel=0.1)


def test_three_wells_lose_their_two_cycle_at_half_an_intrinsic_rate():
    """A multiplier leaves through -1 at ηλ = 1/2: the period doubles."""
    landscape = LANDSCAPES["cosine_wells_3"]
    assert two_cycle(landscape, 0.0, 1.0, 0.49).exponent < -0.02 < 0 < two_cycle(landscape, 0.0, 1.0, 0.51).exponent
    assert two_cycle(landscape, 0.0, 1.0, 0.5).multipliers[0] == pytest.approx(-1, abs=1e-9)
