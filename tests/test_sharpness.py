"""The threshold that the sharpness is divided by is where a quadratic really stops converging."""

import numpy as np
import pytest

from app.picture import picture
from app.result import simulate as carry_out
from app.scene import Run as SceneRun
from app.scene import Scene
from dynamics import Run, simulate
from dynamics.atlas import value
from dynamics.schedules import Cosine
from dynamics.sharpness import critical, log_sharpness_over_threshold, threshold_factor
from landscapes import LANDSCAPES, typed

CASES = {
    "gd": Run(), "gd with decay": Run(weight_decay=0.2), "heavy ball": Run(hyperparameters={"momentum": 0.9}),
    "heavy ball with L2": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9}),
    "nesterov": Run(hyperparameters={"momentum": 0.9, "nesterov": True}),
    "nesterov with L2": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9, "nesterov": True}),
    "decoupled": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9, "decoupled": True}),
    "nesterov, decoupled": Run(weight_decay=0.2, hyperparameters={"momentum": 0.9, "nesterov": True, "decoupled": True}),
    "much decay, decoupled": Run(weight_decay=1.2, hyperparameters={"momentum": 0.5, "decoupled": True}),
}  # fmt: skip


@pytest.mark.parametrize("run", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("side", "grows"), [(0.995, False), (1.005, True)])
def test_a_quadratic_converges_below_the_threshold_and_not_above(run: Run, side: float, grows: bool) -> None:
    run = run._replace(learning_rate=1.0)
    factor = threshold_factor(run, 10, False)
    assert factor is not None
    path = simulate(typed("h*x^2/2 + 0*y; h = 1 in [0, 9]"), run, [(1.0, 0.0)], 4000, {"h": side * factor[0]})[0]
    assert bool(np.abs(path.x[-1]) > 1) is grows


@pytest.mark.parametrize(("side", "grows"), [(0.99, False), (1.01, True)])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_on_the_sphere_a_well_holds_below_the_threshold_and_not_above(decay: float, side: float, grows: bool) -> None:
    """f = -cos 3θ has f'' = 9 at its minimum; the step is a tangent of η f'/(1 - ηλ)."""
    rate = 1.0
    for _ in range(60):  # η with 9η = side · c(ηλ)
        rate = side * float(critical("sphere", True, np.float64(rate * decay))) / 9
    path = simulate(typed("-cos(3*theta)"), Run("sphere", rate, decay), [(np.cos(1e-6), np.sin(1e-6))], 3000)[0]
    assert bool(np.abs(path.angle[-1]) > 1e-6) is grows


TWELVE = [
    ("quadratic", Run("gd", 0.1)), ("quadratic", Run("gd", 0.1, 1.0)),
    ("quadratic", Run("gd", 0.05, 0.4, {"momentum": 0.5})),
    ("quadratic", Run("gd", 0.05, 0.4, {"momentum": 0.5, "decoupled": True})),
    ("quadratic", Run("gd", 0.05, 0.4, {"momentum": 0.5, "nesterov": True})),
    ("quadratic", Run("gd", 0.138429, 0.1, {"momentum": 0.9, "nesterov": True, "decoupled": True})),
    ("five_wells", Run("gd", 0.05)), ("five_wells", Run("gd", 0.05, 0.25)), ("five_wells", Run("sphere", 0.05, 0.25)),
    ("five_wells", Run("gd", 0.05, 0.0, {"momentum": 0.5})),
    ("himmelblau", Run("gd", Cosine(initial=0.01, total_steps=30), 0.1)),
    ("quadratic", Run("adam", 0.05, 0.1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run"), TWELVE, ids=[str(i) for i in range(12)])
def test_a_map_a_strip_and_the_command_have_one_threshold(name: str, run: Run) -> None:
    field, steps = LANDSCAPES[name], 12
    path = simulate(field, run, [(-0.7, 0.7)], steps)[0]
    told = value(field, run, {"x": -0.7, "y": 0.7}, "sharpness_ratio", steps, arithmetic="float64")
    factor = threshold_factor(run, steps, field.scale_invariant)
    if factor is None:
        assert np.isnan(told)
    else:
        strip = np.exp(log_sharpness_over_threshold(path, factor)[-1])
        assert told == pytest.approx(strip, rel=1e-12)


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
