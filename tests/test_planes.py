"""Beside the loss: its sharpness over the threshold, white at the edge, and the length of its gradient."""

import numpy as np
import pytest

from app.answer.result import simulate
from app.drawing.field import field_image
from app.gallery.presets import preset
from app.picture.picture import colour_table, picture
from app.scene import Run, Scene, SceneError, View
from app.stage.frame import frame
from dynamics.schedules import Warmup
from landscapes import quantity

UNARY = {name: getattr(np, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "sign", "tanh", "log1p")}
UNARY["atan"] = np.arctan


def carried_out(program: dict, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """A browser's program, read by NumPy."""
    made: list[np.ndarray] = []
    for op, *args in program["ops"]:
        at = [made[a] for a in args] if op not in ("const", "powi") else []
        match op:
            case "const":
                made.append(np.full_like(x, args[0]))
            case "x" | "y" | "r" | "theta":
                made.append({"x": x, "y": y, "r": np.hypot(x, y), "theta": np.arctan2(y, x)}[op])
            case "powi":
                made.append(made[args[0]] ** float(args[1]))
            case "add" | "mul" | "div":
                made.append({"add": np.add, "mul": np.multiply, "div": np.divide}[op](*at))
            case "neg":
                made.append(-at[0])
            case "min" | "max" | "pow" | "atan2":
                made.append({"min": np.minimum, "max": np.maximum, "pow": np.power, "atan2": np.arctan2}[op](*at))
            case "gated":
                made.append(np.where(at[0] == 0, 0.0, at[0] * at[1]))
            case _:
                made.append(UNARY[op](*at))
    return [made[i] for i in program["outputs"]]


@pytest.mark.parametrize("name", ["sharpness", "gradient_norm", "loss"])
def test_what_the_browser_draws_of_a_loss_is_what_the_derivatives_say(landscape, name) -> None:
    x, y = np.random.default_rng(3).uniform(-1.5, 1.5, (2, 60))
    seen = carried_out(landscape.program(quantity=name), x, y)
    wanted = quantity(landscape, name, x, y)
    fine = np.isfinite(wanted)
    assert fine.sum() > 50 and np.allclose(seen[0][fine], wanted[fine], rtol=1e-8, atol=1e-8)
    local = landscape.local(x, y, order=1)
    assert np.allclose(seen[1], local.gx, rtol=1e-8, atol=1e-8) and np.allclose(seen[2], local.gy, rtol=1e-8, atol=1e-8)


def edge(rate) -> Scene:
    run = Run(label="a", learning_rate=rate)
    return Scene(landscape="product", steps=40, starts=((2.0, 0.2),), runs=(run,), view=View(panels="sharpness"))


def test_the_plane_is_white_exactly_where_the_sharpness_is_what_the_rate_can_bear() -> None:
    """On (xy − 1)²/2 at x = 0 the Hessian is [[y², −1], [−1, 0]]: λ₁ = (y² + √(y⁴ + 4))/2."""
    rate, y = 0.2, np.linspace(0.5, 6, 200)
    field = picture(simulate(edge(rate))).fields[1]._replace(contours=False)
    sharp = (y**2 + np.sqrt(y**4 + 4)) / 2
    at = np.interp(2 / rate, sharp, y)
    pixel = field_image(field, (-1e-9, 1e-9, at - 1e-9, at + 1e-9), 1, 1)[0, 0]
    white = colour_table("RdBu_r")[127:129]
    assert np.abs(pixel - white.mean(axis=0)).max() <= 2 and white.min() > 235
    above, below = (field_image(field, (-1e-9, 1e-9, v - 1e-9, v + 1e-9), 1, 1)[0, 0].astype(int) for v in (at + 1, at - 1))
    assert above[0] > above[2] and below[2] > below[0]  # red beyond the edge, blue within


def test_along_a_schedule_the_white_line_moves_with_the_clock() -> None:
    field = picture(simulate(edge(Warmup(peak=0.4, warmup_steps=30)))).fields[1]
    window, images = (-4, 4, -4, 4), []
    for t in (0.0, 10.0, 35.0):
        images.append(field_image(field, window, 60, 60, t).astype(int))
    red = [(image[..., 0] > image[..., 2] + 8).sum() for image in images]
    assert red[0] < red[1] < red[2]
    assert np.array_equal(field_image(field, window, 60, 60, 35.0), field_image(field, window, 60, 60, 40.0))


def test_the_threshold_is_the_rules_own() -> None:
    plain = picture(simulate(edge(0.2))).fields[1].shift
    heavy = Scene(
        landscape="product", steps=40, starts=((2.0, 0.2),), view=View(panels="sharpness"),
        runs=(Run(learning_rate=0.2, hyperparameters={"momentum": 0.9}),),
    )  # fmt: skip
    assert np.allclose(plain, np.log(0.2 / 2)) and np.allclose(picture(simulate(heavy)).fields[1].shift, np.log(0.2 / 3.8))


@pytest.mark.parametrize("name", ["adam", "sign", "lion", "unit_gradient"])
def test_a_rule_without_such_a_threshold_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(SceneError, match=f"the rule {name} ") as refused:
        Scene(landscape="product", runs=(Run(rule=name),), view=View(panels="sharpness"))
    assert refused.value.message.endswith(".")
    assert picture(simulate(Scene(landscape="product", steps=9, runs=(Run(rule=name),), view=View(panels="gradient_norm"))))


def test_paths_and_starts_are_in_both_planes() -> None:
    seen = picture(simulate(edge(0.2)))
    assert [panel.runs for panel in seen.panels] == [(0,), (0,)] and [panel.field for panel in seen.panels] == [0, 1]
    assert b"Sharpness over its threshold" in frame(seen)
    moving = picture(simulate(edge(Warmup(peak=0.2, warmup_steps=30))))
    assert len(frame(seen)) < len(frame(moving))  # one number, where the edge rests


def test_the_preset_s_run_is_thrown_once_the_edge_has_passed_it() -> None:
    path = simulate(preset("edge_on_the_plane").scene).runs[0].paths[0]
    over = path.learning_rate * path.sharpness / 2
    passed = int(np.argmax(over > 1))
    assert 0 < passed < 100 and over[-1] < 1 and path.status == "finished"
    assert path.sharpness[-1] < 0.9 * path.sharpness[passed]
