"""How far a float path can be believed: predicted beside it, and measured against certified arithmetic."""

import numpy as np
import pytest

from app.answer.result import simulate as carry_out
from app.answer.result import to_data_of
from app.scene import from_data
from dynamics import Run, precise, simulate
from dynamics.atlas import value
from dynamics.horizon import UNIT_ROUNDOFF, trust
from dynamics.twins import gap, twin
from landscapes import named, typed

START = (-0.7, 0.7)
CHAOTIC = [
    ("five_wells", 0.3, 0.16), ("five_wells", 0.3, 0.25), ("five_wells", 0.3, 0.40), ("rotated_quotient", 0.1, 0.5),
    ("rotated_quotient", 0.1, 0.1),
]  # fmt: skip


def errors(landscape, run, steps):
    """The relative distance of float64 from the certified path, for five starts a few units in the last place apart.

    One path's error is one draw from the covariance, so it departs early or late by luck (and by processor).
    """
    starts = [(START[0] + k * np.spacing(START[0]), START[1]) for k in (-4, -2, 0, 2, 4)]
    pairs = zip(*(each(landscape, run, starts, steps) for each in (precise.simulate, simulate)), strict=True)
    return np.array([gap(exact, near, np.zeros(steps + 1)) for exact, near in pairs])


def departure(landscape, run, steps):
    """The step at which float64 is first 1e-2 of its norm away from the certified path: the median of five starts."""
    return np.median(np.argmax(errors(landscape, run, steps) > 1e-2, axis=1))


@pytest.mark.parametrize("name, eta, lam", CHAOTIC)
def test_the_horizon_stands_within_three_steps_of_where_float64_departs(name, eta, lam):
    run = Run("gd", eta, lam)
    (carried,) = trust(named(name), run, [START], 250)
    assert carried.horizon() == pytest.approx(departure(named(name), run, 250), abs=3)


@pytest.mark.parametrize("lam", [0.16, 0.25, 0.40])
def test_a_twin_with_an_exploding_rate_has_its_own_horizon_in_the_same_place(lam):
    run = Run("gd", 0.3, lam)
    made = twin(named("five_wells"), run, 250).run
    ((partner,), (other,)) = (trust(named("five_wells"), each, [START], 250) for each in (run, made))
    assert other.horizon() == pytest.approx(partner.horizon(), abs=3)
    assert other.horizon() == pytest.approx(departure(named("five_wells"), made, 250), abs=3)


@pytest.mark.parametrize("name, eta, lam", CHAOTIC)
def test_float32_is_lost_sooner_than_float64(name, eta, lam):
    (carried,) = trust(named(name), Run("gd", eta, lam), [START], 250)
    assert carried.horizon("float32") < carried.horizon("float64")


def test_the_horizon_of_the_quotient_is_pessimistic():
    """On the axis x keeps its relative accuracy, which a covariance in units of the norm does not know."""
    run = Run("gd", 0.1, 0.5)
    (carried,) = trust(named("quotient"), run, [START], 400)
    assert carried.horizon() + 100 < departure(named("quotient"), run, 400)


@pytest.mark.parametrize("exponent", [-100, 60, 300])
def test_the_horizon_does_not_see_the_length_of_the_weights(exponent):
    """A start 2^k times as long with a rate 4^k times as large is the same run in other units."""
    c, run = 2.0**exponent, Run("gd", 0.3, 0.25)
    (here,) = trust(named("five_wells"), run, [START], 200)
    far = run._replace(learning_rate=0.3 * c * c, weight_decay=0.25 / c / c)
    (there,) = trust(named("five_wells"), far, [(START[0] * c, START[1] * c)], 200)
    assert here.horizon() == there.horizon()
    assert there.log_spread[:100] == pytest.approx(here.log_spread[:100], abs=1e-3)


def test_on_a_quadratic_the_recursion_is_a_sum():
    """J = diag(1 - ηh), so tr P_t = Σ_s tr J^(2(t-s)) r_s²."""
    eta, h, w = 0.15, np.array([1.0, 10.0]), np.array([1.0, 0.5])
    landscape = named("quadratic")
    (carried,) = trust(landscape, Run("gd", eta), [tuple(w)], 60)
    spread = np.zeros(2)
    for t in range(61):
        spread = (1 - eta * h) ** 2 * spread + w @ w
        assert carried.log_spread[t] == pytest.approx(np.log(spread.sum() / (w @ w)) / 2, abs=1e-9)
        w = (1 - eta * h) * w
    tangent = np.array([0.6, 0.8]) * (1 - eta * h) ** 60
    assert carried.lyapunov[60] == pytest.approx(np.log(np.hypot(*tangent)) / 60, abs=1e-9)
    assert carried.area_growth[1:] == pytest.approx(np.full(60, np.log(np.abs(1 - eta * h)).sum()), abs=1e-12)
    assert carried.horizon() is None


def test_on_the_quotient_the_sum_of_the_exponents_telescopes():
    """det J = x'y'/(xy), so that t times the sum is the change of ln(|xy|/r²), at every step of a chaotic run."""
    run = Run("gd", 0.1, 0.2)
    whole = simulate(named("quotient"), run, [START], 2000)[0]
    starts = list(zip(whole.x[:-1:40], whole.y[:-1:40], strict=True))  # two programs round one chaotic run in two ways
    for carried, path in zip(*(each(named("quotient"), run, starts, 40) for each in (trust, simulate)), strict=True):
        ends = np.log(np.abs(path.x * path.y)) - 2 * path.log_norm
        assert carried.area_growth * np.arange(41) == pytest.approx(ends - ends[0], abs=1e-9)
    assert trust(named("quotient"), run, [START], 2000)[0].lyapunov[-1] > 0.03


def test_a_map_has_the_sum_of_the_exponents_that_a_path_carries():
    run = Run("gd", 0.3, 0.25)
    (carried,) = trust(named("five_wells"), run, [START], 60)
    at = {"learning_rate": 0.3, "weight_decay": 0.25}
    alone = value(named("five_wells"), run, at, "area_growth", 60, start=START, arithmetic="float64")
    assert alone == pytest.approx(carried.area_growth[60], abs=1e-6)


@pytest.mark.parametrize("run", [Run("gd", 0.1, 0.1, {"momentum": 0.5}), Run("adam", 0.1)])
def test_where_buffers_have_exponents_of_their_own_no_sum_of_two_is_claimed(run):
    (carried,) = trust(named("five_wells"), run, [START], 20)
    assert carried.area_growth is None and np.isfinite(carried.lyapunov).all()


def test_a_path_that_settles_has_no_horizon():
    (carried,) = trust(named("five_wells"), Run("gd", 0.3), [START], 2000)
    assert carried.horizon("float32") is None and carried.lyapunov[-1] < 0.01


def tangent_growth(eta, lam, steps):
    """(1/T) ln(‖δ_T‖/r_T · r_0/‖δ_0‖) on five_wells by a product of 2×2 matrices, written out in polar coordinates."""
    w, v = np.array(START), np.array([0.6, 0.8])
    for _ in range(steps):
        r, theta = np.hypot(*w), np.arctan2(w[1], w[0])
        slope = -np.sin(2 * theta + 1) + 1.2 * np.sin(3 * theta + 2.5) - 2 * np.sin(5 * theta)
        bend = -2 * np.cos(2 * theta + 1) + 3.6 * np.cos(3 * theta + 2.5) - 10 * np.cos(5 * theta)
        n = w / r
        t = np.array([-n[1], n[0]])
        hessian = (bend * np.outer(t, t) - slope * (np.outer(n, t) + np.outer(t, n))) / r**2
        v = (1 - eta * lam) * v - eta * hessian @ v
        w = (1 - eta * lam) * w - eta * slope / r * t
    return np.log(np.hypot(*v) / np.hypot(*w) * np.hypot(*START)) / steps


@pytest.mark.parametrize("lam, expected", [(0.3, 0.37), (0.4, 0.48)])
def test_the_lyapunov_exponent_is_that_of_a_product_of_matrices(lam, expected):
    (carried,) = trust(named("five_wells"), Run("gd", 0.3, lam), [START], 20_000)
    assert carried.lyapunov[20] == pytest.approx(tangent_growth(0.3, lam, 20), abs=1e-6)
    assert carried.lyapunov[-1] == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("case", [Run("gd", 0.1, 0.1), Run("gd", 0.02, 0.05, {"momentum": 0.9, "decoupled": True})])
def test_a_twin_has_the_lyapunov_exponent_of_its_partner(case):
    """In units of the norm, which grows without bound on one side and not on the other."""
    made = twin(named("rotated_quotient"), case, 100).run
    ((partner,), (other,)) = (trust(named("rotated_quotient"), each, [START], 100) for each in (case, made))
    assert other.lyapunov == pytest.approx(partner.lyapunov, abs=1e-6)
    if partner.area_growth is not None:
        assert other.area_growth == pytest.approx(partner.area_growth, abs=1e-6)


@pytest.mark.parametrize("formula, name", [("cos(3*theta)", "sign"), ("cos(3*theta)", "lion"), ("abs(x) + y^2", "gd")])
def test_where_nothing_has_a_derivative_no_horizon_is_claimed(formula, name):
    assert trust(typed(formula), Run(name, 0.1), [START], 20) is None


@pytest.mark.parametrize("name", ["adamw", "rmsprop", "unit_loss", "unit_gradient", "nadam"])
def test_every_smooth_rule_has_a_finite_spread(name):
    (carried,) = trust(named("five_wells"), Run(name, 0.05, 0.1), [START], 40)
    assert np.isfinite(carried.log_spread).all() and np.isfinite(carried.lyapunov).all()


@pytest.mark.parametrize(
    "run",
    [
        Run("gd", 0.05, 0.5, {"momentum": 0.9}),
        Run("gd", 0.1, 0.2, {"momentum": 0.5, "decoupled": True}),
        Run("adamw", 0.1, 0.5),
        Run("unit_loss", 0.1, 0.3),
    ],
)
def test_the_predicted_spread_is_that_of_the_errors_whatever_the_rule_remembers(run):
    """Within a factor of ten of their root mean square, over ten orders of magnitude."""
    landscape = named("five_wells")
    (carried,) = trust(landscape, run, [START], 180)
    predicted = carried.log_spread + np.log(UNIT_ROUNDOFF["float64"])
    early = np.flatnonzero(predicted[20:] < np.log(1e-3)) + 20
    measured = np.log(np.mean(errors(landscape, run, 180)[:, early] ** 2, axis=0)) / 2
    assert len(early) > 20
    assert np.abs(measured - predicted[early]).max() < np.log(10)


def test_a_result_carries_the_horizon_and_its_json_says_it():
    data = {
        "version": 1, "landscape": "five_wells", "starts": [list(START)], "steps": 300,
        "runs": [{"label": "decay", "learning_rate": 0.3, "weight_decay": 0.25}, {"label": "twin", "twin_of": "decay"}],
    }  # fmt: skip
    result = carry_out(from_data(data))
    told = to_data_of(result)
    for run, entry in zip(result.runs, told["runs"], strict=True):
        assert entry["paths"][0]["horizon"] == run.paths[0].horizon == pytest.approx(139, abs=3)
        assert run.paths[0].lyapunov.shape == run.paths[0].area_growth.shape == (301,)
    sooner = carry_out(from_data(data), horizon=False)
    assert sooner.runs[0].paths[0].horizon is None
    assert np.array_equal(sooner.runs[0].paths[0].x, result.runs[0].paths[0].x)
