"""The threshold that the sharpness is divided by is where a quadratic really stops converging."""

import numpy as np
import pytest

from app.picture import picture
from app.result import simulate as carry_out
from app.scene import Run as SceneRun
from app.scene import Scene
from dynamics import Run, simulate
from dynamics.sharpness import threshold_factor
from landscapes import typed

CASES = {
    "gd": Run(), "gd with decay": Run(weight_decay=0.2), "heavy ball": Run(hyperparameters={"momentum": 0.9}),
    "heavy ball with L2": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9}),
    "nesterov": Run(hyperparameters={"momentum": 0.9, "nesterov": True}),
    "nesterov with L2": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9, "nesterov": True}),
    "decoupled": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9, "decoupled": True}),
}  # fmt: skip


@pytest.mark.parametrize("run", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("side", "grows"), [(0.995, False), (1.005, True)])
def test_a_quadratic_converges_below_the_threshold_and_not_above(run: Run, side: float, grows: bool) -> None:
    run = run._replace(learning_rate=1.0)
    factor = threshold_factor(run, 10, False)
    assert factor is not None
    path = simulate(typed("h*x^2/2 + 0*y; h = 1 in [0, 9]"), run, [(1.0, 0.0)], 4000, {"h": side * factor[0]})[0]
    assert bool(np.abs(path.x[-1]) > 1) is grows


def test_the_ratio_of_a_run_and_its_twin_is_one_curve() -> None:
    runs = (SceneRun(label="a", learning_rate=0.3, weight_decay=0.5), SceneRun(label="b", twin_of="a"))
    strips = picture(carry_out(Scene(landscape="five_wells", steps=30, runs=runs))).strips
    left, right = next(strip for strip in strips if strip.title.startswith("sharpness")).lines
    same = np.isfinite(left.values) & np.isfinite(right.values)
    assert same.any() and np.allclose(left.values[same], right.values[same], atol=1e-6)


def test_rules_without_a_linear_limit_have_no_threshold() -> None:
    assert threshold_factor(Run("adam"), 5, False) is None
    assert threshold_factor(Run(clip_norm=1.0), 5, False) is None
    assert threshold_factor(Run("sphere"), 5, False) is None
