"""Where runs go in the end: recorded last states are those of paths, however the work was cut; and ηλ as an axis."""

import numpy as np
import pytest

from dynamics import Run, lanes, simulate
from dynamics.atlas import Axis, along, atlas, value
from dynamics.orbits import WATCHED, orbits
from dynamics.schedules import Constant, Step
from landscapes import LANDSCAPES, typed

FIVE, QUOTIENT, START = LANDSCAPES["five_wells"], LANDSCAPES["quotient"], (-0.7, 0.7)
RATES = np.linspace(0.05, 0.4, 7)


def test_the_last_states_are_those_of_recorded_paths(rule):
    varied = {"learning_rate": RATES / 10, "weight_decay": RATES[::-1]}
    found = orbits(FIVE, Run(rule.name), varied, 20, 21, ("angle", "log_norm", "loss"))
    for eta, lam, states in zip(*varied.values(), found, strict=True):
        path = simulate(FIVE, Run(rule.name, eta, lam), [FIVE.start], 20)[0]
        assert states == pytest.approx(np.column_stack([path.angle, path.log_norm, path.loss]), rel=1e-9, abs=1e-11)


def test_everything_that_is_watched_is_what_its_name_says():
    landscape = typed("1 + a*sin(theta)^2 + y; a = 2 in [1, 3]")
    varied = {"x": np.array([0.5, -0.3]), "y": np.array([-0.2, 0.8]), "a": np.array([1.5, 2.5])}
    found = orbits(landscape, Run("gd", 0.01), varied, 5, 6, tuple(WATCHED))
    for i in range(2):
        a, start = varied["a"][i], (varied["x"][i], varied["y"][i])
        path = simulate(landscape, Run("gd", 0.01), [start], 5, {"a": a})[0]
        x, y, loss = path.x, path.y, path.loss
        right = {"angle": np.arctan2(y, x), "log_norm": np.log(np.hypot(x, y)), "loss": loss, "log_loss": np.log(loss)}
        right |= {"log_x": np.log(np.abs(x)), "log_y": np.log(np.abs(y))}
        for j, name in enumerate(WATCHED):
            assert found[i, :, j] == pytest.approx(right[name], rel=1e-12, abs=1e-13), name


def test_next_to_the_axis_the_logarithm_keeps_its_digits():
    """x falls to 1e-20 and below, where θ - π/2 is zero in float64."""
    found = orbits(QUOTIENT, Run("gd", 0.1, 0.2), {"norm": np.array([np.hypot(*START)])}, 150, 151, ("log_x", "log_loss"))[0]
    path = simulate(QUOTIENT, Run("gd", 0.1, 0.2), [START], 150)[0]
    assert found[:, 0].min() < np.log(1e-20)
    assert found[:, 1] == pytest.approx(2 * (found[:, 0] - path.log_norm), abs=1e-9)


def test_how_many_states_are_kept_does_not_change_them():
    many, few = (orbits(FIVE, Run("gd", 0.3), {"weight_decay": RATES}, 300, kept, ("angle",)) for kept in (200, 7))
    assert many.shape == (7, 200, 1) and np.array_equal(many[:, -7:], few)


def test_the_chunks_of_orbits_do_not_change_them(monkeypatch):
    varied, watched = {"weight_decay": np.linspace(0.01, 0.4, 700)}, ("log_x", "angle")
    whole = orbits(FIVE, Run("gd", 0.3, noise=0.1), varied, 100, 30, watched)
    monkeypatch.setattr(lanes, "CHUNK_WORK", 1 << 14)
    told = []
    cut = orbits(FIVE, Run("gd", 0.3, noise=0.1), varied, 100, 30, watched, progress=lambda *parts: told.append(parts))
    assert np.array_equal(whole, cut) and len(told) > 1 and told[-1] == (700, 700)
    with pytest.raises(lanes.Cancelled):
        orbits(FIVE, Run("gd", 0.3), varied, 100, 30, watched, cancel=lambda: True)


def test_a_run_in_a_list_is_its_pixel_in_the_map():
    x, y = Axis("learning_rate", 0.05, 1.0), Axis("norm", 0.5, 2.0)
    made = atlas(FIVE, Run("gd", 0.1, 0.1, noise=0.3), x, y, "log_norm", 60, (5, 4))
    norm, eta = (side.ravel() for side in np.meshgrid(made.y, made.x, indexing="ij"))
    listed = along(FIVE, Run("gd", 0.1, 0.1, noise=0.3), {"learning_rate": eta, "norm": norm}, "log_norm", 60)
    assert np.array_equal(listed.reshape(4, 5), made.values)


# The intrinsic learning rate ηλ as an axis


@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_the_intrinsic_rate_is_set_by_the_weight_decay(arithmetic):
    mu = np.linspace(0.01, 0.1, 9)
    common = {"steps": 200, "arithmetic": arithmetic}
    for case in ({"learning_rate": RATES[:1].repeat(9)}, {"learning_rate": np.linspace(0.1, 0.9, 9)}):
        eta = case["learning_rate"].astype(arithmetic).astype(float)
        found = along(FIVE, Run(), case | {"intrinsic": mu}, "log_norm", **common)
        assert np.array_equal(found, along(FIVE, Run(), case | {"weight_decay": mu / eta}, "log_norm", **common))
    constant = along(FIVE, Run("gd", 0.25), {"intrinsic": mu}, "log_norm", **common)
    assert np.array_equal(constant, along(FIVE, Run("gd", 0.25), {"weight_decay": mu / 0.25}, "log_norm", **common))
    assert np.array_equal(constant, along(FIVE, Run("gd", Constant(0.25)), {"intrinsic": mu}, "log_norm", **common))


def test_a_map_over_the_intrinsic_rate_is_made_of_its_runs():
    made = atlas(FIVE, Run(), Axis("intrinsic", 0.01, 0.2), Axis("learning_rate", 0.1, 1.0), "lyapunov", 100, (6, 5))
    at = {"intrinsic": made.x[4], "learning_rate": made.y[3]}
    assert np.float32(value(FIVE, Run(), at, "lyapunov", 100)) == made.values[3, 4]


def test_what_cannot_vary_is_refused_in_words():
    ones = np.ones(3)
    with pytest.raises(ValueError, match="only one of the two can vary"):
        orbits(FIVE, Run(), {"intrinsic": ones, "weight_decay": ones}, 10, 5)
    with pytest.raises(ValueError, match="a constant above 0"):
        orbits(FIVE, Run("gd", Step(0.1, [5], [0.1])), {"intrinsic": ones}, 10, 5)
    with pytest.raises(ValueError, match="it is one of learning_rate, weight_decay, intrinsic"):
        orbits(FIVE, Run(), {"beauty": ones}, 10, 5)
    with pytest.raises(ValueError, match="one length"):
        orbits(FIVE, Run(), {"learning_rate": ones, "weight_decay": ones[:2]}, 10, 5)
    with pytest.raises(ValueError, match="between 1 and 11 states"):
        orbits(FIVE, Run(), {"learning_rate": ones}, 10, 12)
    with pytest.raises(ValueError, match="there are angle, log_norm"):
        orbits(FIVE, Run(), {"learning_rate": ones}, 10, 5, ("beauty",))
