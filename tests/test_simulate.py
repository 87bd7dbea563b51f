"""A path: how it ends, what it records, and that no length, arithmetic or setting disturbs it."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamics import Run, simulate
from dynamics.path import STATUS_TEXT
from dynamics.schedules import Exponential, Linear
from dynamics.simulate import SHORT
from dynamics.twins import twin
from landscapes import LANDSCAPES, FunctionLandscape, gradient_norm, sharpness, typed

module = importlib.import_module("dynamics.simulate")  # the package gives the function of the same name
FIVE, QUOTIENT, START = LANDSCAPES["five_wells"], LANDSCAPES["quotient"], (-0.7, 0.7)

ENDINGS = {
    "finished": (FIVE, Run("gd", 0.3, 0.25), START, None),
    "diverged": (LANDSCAPES["quadratic"], Run("gd", 0.5), (1.0, 1.0), None),
    "left_the_plane": (typed("sqrt(x)"), Run("gd", 0.3), (0.9, 0.0), 5),
    "zero_gradient": (QUOTIENT, Run("gd", 0.1, 0.1), (0.0, 1.0), 0),
    "reached_the_origin": (QUOTIENT, Run("gd", 1.0, 1.0), (0.0, 1.0), 1),
}


@pytest.mark.parametrize("status", sorted(set(STATUS_TEXT) - {"stalled"}))  # that is how a flow ends
def test_every_ending_is_reached_and_named(status):
    landscape, run, start, stopped_at = ENDINGS[status]
    path = simulate(landscape, run, [start], 400)[0]
    assert path.status == status
    assert (path.stopped_at is None) == (status == "finished")
    if stopped_at is not None:
        assert path.stopped_at == stopped_at
    assert path.status_text.startswith(STATUS_TEXT[status])


@pytest.mark.parametrize("status", ["diverged", "left_the_plane", "reached_the_origin"])
def test_a_path_that_stops_keeps_its_last_finite_point(status):
    landscape, run, start, _ = ENDINGS[status]
    path = simulate(landscape, run, [start], 400)[0]
    last = path.stopped_at - 1
    for series in (path.x, path.y, path.loss, path.angle):
        assert np.all(np.isfinite(series)) and np.all(series[last:] == series[last])
    assert path.steps == 400


def test_records_what_it_says(landscape):
    path = simulate(landscape, Run("gd", 0.01, 0.05), [landscape.start], 40)[0]
    if not landscape.scale_invariant:
        assert np.all(path.frame_log == 0)
    local = landscape.local(path.x, path.y)
    steepest = np.abs(local.hxx) + np.abs(local.hyy)
    assert np.allclose(path.loss, local.loss, rtol=1e-12, atol=1e-14)
    assert np.allclose(path.gradient_norm, gradient_norm(local), rtol=1e-10)
    assert np.max(np.abs(path.sharpness - sharpness(local)) / steepest) < 1e-11
    assert np.allclose(path.norm, np.hypot(path.x, path.y), rtol=1e-14)
    assert np.allclose(path.log_norm, np.log(path.norm), atol=1e-13)
    assert np.allclose(path.angle, np.arctan2(path.y, path.x), atol=1e-15)
    assert np.allclose(path.effective_learning_rate, 0.01 / path.norm**2, rtol=1e-12)
    assert np.all(path.learning_rate == 0.01) and len(path.x) == 41
    assert (path.x[0], path.y[0]) == landscape.start


def test_without_decay_descent_on_an_invariant_loss_lengthens_the_weights_by_pythagoras(invariant):
    path = simulate(invariant, Run("gd", 0.2), [START], 100)[0]
    grown = path.norm[:-1] ** 2 + (0.2 * path.gradient_norm[:-1]) ** 2
    assert np.allclose(path.norm[1:] ** 2, grown, rtol=1e-14)


def test_the_exponential_rate_twin_stays_finite_for_a_hundred_thousand_steps():
    made = twin(QUOTIENT, Run("gd", 0.1, 0.1), 100_000)
    path = simulate(QUOTIENT, made.run, [START], 100_000)[0]
    assert path.status == "finished"
    assert np.all(np.isfinite(path.angle)) and np.all(np.isfinite(path.log_norm))
    assert path.log_norm[-1] > 709 and not np.isfinite(path.x[-1])  # no float holds it
    assert np.all(np.isfinite(path.loss)) and path.log_learning_rate[-1] > 1900


def test_a_typed_exponential_rate_stays_finite_for_a_hundred_thousand_steps():
    path = simulate(QUOTIENT, Run("gd", Exponential(0.1, 0.99**-2)), [START], 100_000)[0]
    assert path.status == "finished" and path.log_norm[-1] > 709
    assert np.all(np.isfinite(path.angle)) and np.all(np.isfinite(path.log_norm))


def test_a_path_is_a_function_of_its_start_alone():
    """Beside others or alone, shorter or longer: the same numbers."""
    run, starts = Run("gd", 0.3, 0.25), [START, (0.4, -1.1), (1.3, 0.2)]
    together = simulate(FIVE, run, starts, 200)
    alone = simulate(FIVE, run, [starts[1]], 200)[0]
    shorter = simulate(FIVE, run, [starts[1]], 50)[0]
    assert np.array_equal(together[1].x, alone.x)
    assert np.array_equal(alone.x[:51], shorter.x)


def test_a_long_path_begins_like_a_short_one(rule):
    """A constant rate is compiled as one number in a long run and as a table in a short one: the same to the last bit."""
    run, steps = Run(rule.name, 0.2, 0.1), SHORT + 100
    short, long = (simulate(FIVE, run, [START], n)[0] for n in (300, steps))
    assert np.array_equal(short.frame_x, long.frame_x[:301]) and np.array_equal(short.frame_y, long.frame_y[:301])


def test_nothing_is_read_along_a_path_before_it_is_asked_for(monkeypatch):
    asked = []
    read = module._read
    monkeypatch.setattr(module, "_read", lambda formula: asked.append(formula) or read(formula))
    path = simulate(FIVE, Run("gd", 0.1, 0.1), [START], 100)[0]
    assert path.status == "finished" and path.x[-1] != path.x[0] and not asked
    assert path.loss[-1] < path.loss[0] and path.sharpness[-1] > 0 and len(asked) == 1


def test_a_changing_rate_is_recorded_step_by_step():
    path = simulate(FIVE, Run("gd", Linear(0.1, 0.5, 10)), [START], 20)[0]
    assert np.allclose(path.learning_rate, np.minimum(0.1 + 0.04 * np.arange(21), 0.5))


def test_float32_leaves_the_callers_jax_alone():
    before = jax.config.jax_enable_x64
    simulate(FIVE, Run(), [START], 10, arithmetic="float32")
    simulate(FIVE, Run(), [START], 10, arithmetic="float64")
    assert jax.config.jax_enable_x64 == before
    assert jnp.asarray(1.0).dtype == (jnp.float64 if before else jnp.float32)


def test_float32_makes_float32s_roundings():
    path = simulate(FIVE, Run("gd", 0.3, 0.25), [START], 20, arithmetic="float32")[0]
    assert np.array_equal(path.x, path.x.astype(np.float32))
    finer = simulate(FIVE, Run("gd", 0.3, 0.25), [START], 20)[0]
    assert 1e-9 < np.max(np.abs(path.x - finer.x)) < 1e-4


def test_a_jax_function_moves_like_the_same_formula():
    function = FunctionLandscape(lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2)
    given = simulate(function, Run("gd", 1e-4), [(-1.2, 1.0)], 50)[0]
    formula = simulate(LANDSCAPES["rosenbrock"], Run("gd", 1e-4), [(-1.2, 1.0)], 50)[0]
    assert np.allclose(given.x, formula.x, rtol=1e-12) and np.allclose(given.sharpness, formula.sharpness, rtol=1e-10)


def test_knobs_of_the_landscape_are_followed():
    steep = simulate(LANDSCAPES["quadratic"], Run("gd", 0.01), [(1.0, 1.0)], 1, {"h": 50.0})[0]
    assert steep.y[1] == pytest.approx(1 - 0.01 * 50, rel=1e-14)


@pytest.mark.parametrize("length", [1e30, 1e155, 1e200, 1e300])
def test_far_from_the_origin_only_weight_decay_moves_the_weights(covariant, length):
    """The gradient is as small as the weights are long, and ηλ stays what it is at every length."""
    path = simulate(FIVE, Run(covariant.name, 0.1, 0.2), [(-0.6 * length, 0.8 * length)], 100)[0]
    assert path.status == "finished"
    assert path.log_norm[-1] == pytest.approx(np.log(length) + 100 * np.log(0.98), rel=1e-13)


def test_a_path_at_rest_stays_at_rest_under_a_rate_that_no_float_holds():
    path = simulate(typed("x^2 + y^2"), Run("gd", Exponential(0.1, 2.0)), [(0.0, 0.0)], 2000)[0]
    assert path.status == "zero_gradient" and np.all(path.x == 0)
