"""The threshold that the sharpness is divided by is where a quadratic really stops converging."""

import numpy as np
import pytest

from app.answer.result import simulate as carry_out
from app.answer.result import to_data_of
from app.picture.picture import picture
from app.scene import Run as SceneRun
from app.scene import Scene, View
from dynamics import Run, simulate
from dynamics.atlas import value
from dynamics.preconditioner import preconditioned_sharpness
from dynamics.schedules import Cosine
from dynamics.sharpness import critical, critical_of, log_over_threshold, threshold, threshold_factor
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


EVERY_KIND = [
    ("quadratic", Run("gd", 0.1)), ("quadratic", Run("gd", 0.1, 1.0)),
    ("quadratic", Run("gd", 0.05, 0.4, {"momentum": 0.5})),
    ("quadratic", Run("gd", 0.05, 0.4, {"momentum": 0.5, "decoupled": True})),
    ("quadratic", Run("gd", 0.05, 0.4, {"momentum": 0.5, "nesterov": True})),
    ("quadratic", Run("gd", 0.138429, 0.1, {"momentum": 0.9, "nesterov": True, "decoupled": True})),
    ("five_wells", Run("gd", 0.05)), ("five_wells", Run("gd", 0.05, 0.25)), ("five_wells", Run("sphere", 0.05, 0.25)),
    ("five_wells", Run("gd", 0.05, 0.0, {"momentum": 0.5})),
    ("himmelblau", Run("gd", Cosine(initial=0.01, total_steps=30), 0.1)),
    ("quadratic", Run("adam", 0.05, 0.1)), ("quadratic", Run("amsgrad", 0.05, 0.0, {"b2": 0.9})),
    ("quadratic", Run("rmsprop", 0.05, 0.1, {"eps_in_sqrt": False})), ("quadratic", Run("adabelief", 0.05, 0.1)),
    ("quadratic", Run("nadam", 0.05, 0.1, {"b1": 0.5}, clip_norm=0.3)), ("floored_quadratic", Run("unit_loss", 0.05, 0.1)),
    ("quadratic", Run("sign", 0.05, 0.1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run"), EVERY_KIND, ids=[str(i) for i in range(len(EVERY_KIND))])
def test_a_map_a_strip_and_the_command_have_one_threshold(name: str, run: Run) -> None:
    field, steps = LANDSCAPES[name], 12
    path = simulate(field, run, [(-0.7, 0.7)], steps)[0]
    told = value(field, run, {"x": -0.7, "y": 0.7}, "sharpness_ratio", steps, arithmetic="float64")
    strip = log_over_threshold(field, run, path)
    if strip is None:
        assert np.isnan(told)
    else:
        assert told == pytest.approx(np.exp(strip[-1]), rel=1e-12)


def test_the_ratio_of_a_run_and_its_twin_is_one_curve() -> None:
    runs = (SceneRun(label="a", learning_rate=0.3, weight_decay=0.5), SceneRun(label="b", twin_of="a"))
    strips = picture(carry_out(Scene(landscape="five_wells", steps=30, runs=runs, view=View(strips=("sharpness",))))).strips
    left, right = next(strip for strip in strips if strip.title.startswith("sharpness")).lines
    same = np.isfinite(left.values) & np.isfinite(right.values)
    assert same.any() and np.allclose(left.values[same], right.values[same], atol=1e-6)


def test_rules_without_a_linear_limit_have_no_threshold() -> None:
    for run in (Run("sign"), Run("unit_gradient"), Run("lion"), Run("sphere")):
        assert threshold_factor(run, 5, False) is None
    scene = Scene(landscape="quadratic", steps=5, runs=(SceneRun(rule="sign"),))
    assert any(strip.title == "sharpness (no threshold known)" for strip in picture(carry_out(scene)).strips)


# ---------------------------------------------------------------------------------------------------------------------
# Every claim against one step written out, on a quadratic with a preconditioner D that holds still (D = 1)


def _step(rule: str, a: float, d: float, b: float) -> np.ndarray:
    """(w, m) -> (w, m) after one step at ηh = a, ηλ = d, written in units in which h = 1 and η = a."""
    lam = d / a

    def move(w: float, m: float) -> tuple[float, float]:
        match rule:
            case "heavy ball":
                m = b * m + w + lam * w
                return w - a * m, m
            case "heavy ball, decoupled":
                m = b * m + w
                return (1 - d) * w - a * m, m
            case "nesterov":
                g = w + lam * w
                m = b * m + g
                return w - a * (g + b * m), m
            case "nesterov, decoupled":
                m = b * m + w
                return (1 - d) * w - a * (w + b * m), m
            case "average":
                m = b * m + (1 - b) * w
                return (1 - d) * w - a * m, m
            case "average, ahead":
                m = b * m + (1 - b) * w
                return (1 - d) * w - a * (b * m + (1 - b) * w), m
        raise AssertionError(rule)

    return np.array([move(1.0, 0.0), move(0.0, 1.0)]).T


CLAIMS = {
    "heavy ball": ("gd", {}), "heavy ball, decoupled": ("gd", {"decoupled": True}), "nesterov": ("gd", {"nesterov": True}),
    "nesterov, decoupled": ("gd", {"nesterov": True, "decoupled": True}), "average": ("adam", {}),
    "average, ahead": ("nadam", {}),
}  # fmt: skip


@pytest.mark.parametrize("d", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("b", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("claim", CLAIMS)
def test_the_threshold_is_where_the_spectral_radius_of_a_step_crosses_one(claim: str, b: float, d: float) -> None:
    rule, switches = CLAIMS[claim]
    own = {"momentum" if rule == "gd" else "b1": b} | switches
    low, high = 1e-6, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        grows = np.max(np.abs(np.linalg.eigvals(_step(claim, middle, d, b)))) > 1 + 1e-13
        low, high = (low, middle) if grows else (middle, high)
    assert float(critical_of(rule, own, False, np.float64(d))) == pytest.approx(low, rel=1e-9)


def test_the_exact_thresholds_at_nine_tenths_are_those_of_the_literature_and_not_two_over_the_rate() -> None:
    at = lambda rule, **own: float(critical_of(rule, own, False, np.float64(0)))  # noqa: E731
    assert at("gd", momentum=0.9) == pytest.approx(3.8) and at("gd", momentum=0.5) == 3.0
    assert at("gd", momentum=0.9, nesterov=True) == pytest.approx(3.8 / 2.8)
    assert at("adam") == at("amsgrad") == at("adamw") == pytest.approx(38.0) and at("rmsprop") == 2.0


@pytest.mark.parametrize(("b1", "b2", "median"), [(0.9, 0.99, 0.984), (0.9, 0.98, 0.983), (0.0, 0.99, 1.0)])
def test_adam_lives_where_its_own_curvature_is_at_the_frozen_threshold(b1: float, b2: float, median: float) -> None:
    """With β₂ = 0.999 the run reaches a loss of exactly zero before v̂ has faded, and rounding holds it there."""
    run = Run("adam", 1e-3, 0.0, {"b1": b1, "b2": b2})
    field = typed("(x^2 + 0.1*y^2)/2")
    path = simulate(field, run, [(1.0, 1.0)], 20_000)[0]
    ratio = np.median(np.exp(log_over_threshold(field, run, path))[10_000:])
    assert 0.93 <= ratio <= 1.05 and ratio == pytest.approx(median, abs=0.01)


def test_the_preconditioned_curvature_is_that_of_a_plain_recursion_of_the_second_moment() -> None:
    run = Run("adam", 0.01, 0.0, {"b2": 0.99})
    field = typed("(x^2 + 3*y^2)/2 + x*y")
    path = simulate(field, run, [(1.0, 0.7)], 50)[0]
    v, told = np.zeros(2), preconditioned_sharpness(field, run, path)
    hessian = np.array([[1.0, 1.0], [1.0, 3.0]])
    for t, w in enumerate(np.stack([path.x, path.y], axis=1)):
        v = 0.99 * v + 0.01 * (hessian @ w) ** 2
        d = np.sqrt(v / (1 - 0.99 ** (t + 1))) + 1e-8
        assert told[t] == pytest.approx(np.linalg.eigvalsh(hessian / np.sqrt(np.outer(d, d)))[-1], rel=1e-9)


def test_a_clipped_run_stays_near_a_minimum_up_to_the_threshold_of_its_rule_and_not_beyond() -> None:
    for side, grows in ((0.995, False), (1.005, True)):
        path = simulate(typed("(x^2 + y^2)/2"), Run("gd", 2 * side, clip_norm=1.0), [(1e-3, 0.0)], 1000)[0]
        assert bool(abs(path.x[-1]) > 1e-3) is grows


@pytest.mark.parametrize(("side", "grows"), [(0.98, False), (1.02, True)])
def test_the_unit_loss_settles_on_a_floor_below_two_over_the_rate_in_its_own_coordinates(side: float, grows: bool) -> None:
    field, run = typed("x^2/2 + 0*y + 0.1"), Run("unit_loss", 0.2 * side)
    path = simulate(field, run, [(1e-4, 0.0)], 2000)[0]
    assert bool(abs(path.x[-1]) > 1e-4) is grows
    assert bool(log_over_threshold(field, run, path)[0] > 0) is grows


def test_the_command_says_what_the_curvature_is_to_be_compared_with() -> None:
    runs = (SceneRun(label="a", weight_decay=0.5), SceneRun(label="b", rule="adam"), SceneRun(label="c", rule="sign"))
    a, b, c = (run["paths"][0] for run in to_data_of(carry_out(Scene(landscape="quadratic", steps=4, runs=runs)))["runs"])
    assert a["threshold"] == pytest.approx([(2 - 0.05) / 0.1] * 5) and "preconditioned_sharpness" not in a
    assert b["threshold"] == pytest.approx([380.0] * 5) and len(b["preconditioned_sharpness"]) == 5
    assert c["threshold"] is None
    field = LANDSCAPES["quadratic"]
    assert threshold(field, Run(), simulate(field, Run(), [(1, 1)], 2)[0])[0] == pytest.approx(20)
