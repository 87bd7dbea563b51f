"""The sides of a chart in words and degrees, where they usually lie, and what a run is at a place between them."""

import math
from typing import Any

from msgspec.structs import replace

from app.chart.sheet import Axis as Shown
from app.scene import Atlas, Scene
from app.scene.charts import Side
from dynamics import rules
from dynamics.atlas import Axis
from dynamics.rules import Knob
from dynamics.schedules import Schedule, schedule

INTRINSIC = Knob(1e-3, 1.0, "Learning rate times weight decay: what matters on a loss that ignores length.", "ηλ", log=True)
NORM = Knob(0.1, 10.0, "How long the weights are at the start.", "‖w₀‖", log=True)
SCALE = Knob(0.1, 10.0, "What the start is multiplied by.", "α", log=True)
ANGLE = Knob(-math.pi, math.pi, "Where the start points.", "θ₀")


def knob_of(scene: Scene, run: int, name: str) -> Knob:
    """The range, symbol and meaning of what an axis is named after."""
    x0, x1, y0, y1 = scene.field.window
    common = {
        "learning_rate": rules.LEARNING_RATE._replace(low=1e-2, high=1.0), "intrinsic": INTRINSIC,
        "weight_decay": rules.WEIGHT_DECAY._replace(low=1e-3, high=1.0), "clip_norm": rules.CLIP_NORM,
        "noise": rules.NOISE, "norm": NORM, "angle": ANGLE, "start_scale": SCALE,
        "x": Knob(x0, x1, "Where the start is.", "x₀"),
        "y": Knob(y0, y1, "Where the start is.", "y₀"),
    }  # fmt: skip
    own = rules.named(scene.runs[run].rule).knobs
    knobs = {k.name: Knob(k.low, k.high, "A knob of the landscape.", k.name, k.log) for k in scene.field.knobs}
    return (common | own | knobs)[name]


WORDS = {
    "x": "start", "y": "start", "norm": "norm of the start", "angle": "angle of the start", "start_scale": "start times",
    "intrinsic": "intrinsic learning rate", "clip_norm": "clipping at", "noise": "gradient noise",
}  # fmt: skip


def words_of(scene: Scene, run: int, name: str) -> str:
    """`learning rate η`: what an axis is called."""
    symbol = knob_of(scene, run, name).symbol
    words = WORDS.get(name, name.replace("_", " "))
    return words if symbol in ("", words) else f"{words} {symbol}"


def usual(scene: Scene, run: int, name: str) -> Side:
    """The side that a newly chosen axis begins with."""
    knob = knob_of(scene, run, name)
    of_start = name in WORDS and name not in ("intrinsic", "clip_norm", "noise")
    place = f"start.{name.removeprefix('start_')}" if of_start else f"runs.{run}.{name}"
    if name in scene.field.knob_values:
        place = f"knobs.{name}"
    return Side(run, Axis(name, knob.low, knob.high, knob.log), place)


def unit(name: str) -> float:
    """What a side's numbers are multiplied by to be shown: angles are shown in degrees."""
    return 180 / math.pi if name == "angle" else 1.0


def shown(scene: Scene, run: int, axis: Axis) -> Shown:
    scale = unit(axis.name)
    return Shown(words_of(scene, run, axis.name), axis.low * scale, axis.high * scale, axis.log, axis.name == "angle")


def at(scene: Scene, run: int, place: dict[str, float]) -> Scene:
    """The scene of one run at a place of a chart: what varied there has one value, and paths are shown."""
    chosen, knobs, (x, y) = scene.runs[run], dict(scene.knobs), scene.points[0]
    rates: dict[str, Any] = {}
    for name, value in place.items():
        if name in ("learning_rate", "weight_decay", "clip_norm", "noise"):
            rates[name] = value
        elif name in scene.field.knob_values:
            knobs[name] = value
        elif name in rules.named(chosen.rule).knobs:
            rates["hyperparameters"] = rates.get("hyperparameters", chosen.hyperparameters) | {name: value}
    if "intrinsic" in place:
        rates["weight_decay"] = place["intrinsic"] / rates.get("learning_rate", schedule(chosen.learning_rate)(0))
    x, y = place.get("x", x), place.get("y", y)
    norm, angle = place.get("norm", math.hypot(x, y)), place.get("angle", math.atan2(y, x))
    if "norm" in place or "angle" in place:
        x, y = norm * math.cos(angle), norm * math.sin(angle)
    x, y = x * place.get("start_scale", 1.0), y * place.get("start_scale", 1.0)
    return replace(scene, chart=None, knobs=knobs, starts=((x, y),), runs=(replace(chosen, **rates),))


def around(scene: Scene) -> Scene:
    """A map of many runs like a scene's first one: round its rates or, where these have schedules, over starts."""
    run = next(each for each in scene.runs if not each.named)
    rate, decay = (None if isinstance(value, Schedule) else float(value) for value in (run.learning_rate, run.weight_decay))
    x0, x1, y0, y1 = scene.view.window or scene.field.window
    if rate is None or rate <= 0:
        x, y = f"start.x:{x0:.6g}:{x1:.6g}", f"start.y:{y0:.6g}:{y1:.6g}"
    else:
        x = f"runs.0.learning_rate:log:{rate / 10:.6g}:{rate * 10:.6g}"
        y = f"runs.0.weight_decay:log:{decay / 10:.6g}:{decay * 10:.6g}" if decay else "start.scale:log:0.3:3"
    statistic = "regime" if scene.field.scale_invariant and decay else "final_loss"
    return replace(
        scene, runs=(run,), starts=scene.points[:1], steps=min(scene.steps, 2000), arithmetic="float32", page=None,
        title=f"A map round {scene.labels[scene.runs.index(run)]}", sentence="", caveat="", source="", topics=(),
        view=replace(scene.view, panels="auto", at=None), chart=Atlas(x=x, y=y, statistic=statistic),
    )  # fmt: skip
