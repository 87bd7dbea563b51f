"""What a page needs to move a picture's starts by itself: modules, numbers and tables, and what its strips are made of."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from app.answer.result import RunResult
from app.picture.picture import Picture
from app.picture.strips import Strip
from app.wire.packing import Arrays
from dynamics import rules
from dynamics.path import STATUS_TEXT
from dynamics.portable.job import job
from dynamics.portable.reading import Untranslated
from dynamics.preconditioner import stretches
from dynamics.sharpness import threshold_factor
from dynamics.simulate import FRAME_LIMIT, prepare
from dynamics.twins import powers_of

READ = ("loss", "norm", "gradient_norm", "effective_rate", "sharpness", "gap")
"""the strips that a page can read off its own columns; others are empty once a start has been moved"""


def live(picture: Picture, arrays: Arrays, every: int, controls: str) -> dict[str, Any] | None:
    """The header's part, or None where a picture needs more than paths of floats that have portable programs.

    `controls` says what may be moved: none, some (the starts) or all (numbers too).
    """
    scene, result = picture.scene, picture.result
    floats = scene.arithmetic in ("float64", "float32") and find_spec("wasmtime") is not None
    plain = all(panel.plane and not panel.traces for panel in picture.panels)
    followed = all(field.shift is None and field.quantity == "loss" for field in picture.fields)
    near = all(2.0**-FRAME_LIMIT < max(map(abs, start)) < 2.0**FRAME_LIMIT for start in scene.points)
    crowd = any(line.path is None for strip in picture.strips for line in strip.lines)
    if controls == "none" or not (floats and plain and followed and near and picture.handles) or crowd:
        return None
    if any(run.run.flow_of is not None or run.run.image_of is not None for run in result.runs):
        return None
    try:
        jobs = [_job(picture, run, arrays) for run in result.runs]
    except Untranslated:
        return None
    return {
        "jobs": jobs,
        "starts": [list(start) for start in scene.points],
        "values": [
            {"learning_rate": run.motion.learning_rate, "weight_decay": run.motion.weight_decay} if _constant(run) else {}
            for run in result.runs
        ],
        "numbers": [_numbers(picture, r) if controls == "all" else [] for r in range(len(result.runs))],
        "strips": [_strip(picture, strip, arrays, every) for strip in picture.strips],
        "endings": STATUS_TEXT,
        "summary": "Paths from starts that were moved in this page.",
    }


def _job(picture: Picture, run: RunResult, arrays: Arrays) -> dict[str, Any]:
    scene = picture.scene
    _, traced, kernel = prepare(
        scene.field, run.motion, scene.points, scene.steps, scene.knobs, scene.arithmetic, scene.seed
    )
    made = job(kernel, traced, scene.steps)
    grown = _grown(picture, run)
    pieces = {"code": made.compiled.code, "numbers": made.numbers} | ({} if grown else {"rates": made.rates})
    return {name: arrays.add(np.frombuffer(data, np.uint8), "<u1") for name, data in pieces.items()} | {
        "stride": made.stride, "row": made.row, "rows": made.rows, "steps": made.steps,
        "float": made.compiled.program.float_type, "ghost": run.run.ghost_of is not None,
        "invariant": scene.field.scale_invariant, "partner": run.partner, "ticks": made.compiled.program.ticks,
        "names": made.compiled.program.numbers, "columns": made.compiled.program.rates, "twin": grown,
    }  # fmt: skip


def _constant(run: RunResult) -> bool:
    return isinstance(run.motion.learning_rate, float) and isinstance(run.motion.weight_decay, float)


def _grown(picture: Picture, run: RunResult) -> dict[str, Any] | None:
    """How a twin's rates grow from its partner's constant ones, where a page can compute that table itself."""
    if run.run.twin_of is None:
        return None
    partner = picture.result.runs[run.partner]
    how = powers_of(picture.scene.field, partner.motion)
    plain = _constant(partner) and not partner.motion.hyperparameters.get("momentum")
    if not plain or how.rate not in (-1, 0) or how.fading not in (0, 1):
        return None
    return {"power": how.rate, "fading": how.fading, "shrinks": how.shrinks}


def _numbers(picture: Picture, r: int) -> list[dict[str, Any]]:
    """What of a run a reader may move: constant rates, and hyperparameters where no twin's shape hangs on them."""
    run = picture.result.runs[r]
    motion, rule = run.motion, rules.named(run.motion.rule)
    twins = [other for other in picture.result.runs if other.partner == r and other.run.twin_of is not None]
    if run.run.named or not _constant(run) or any(_grown(picture, other) is None for other in twins):
        return []
    made = [("learning_rate", "learning rate", motion.learning_rate, rules.LEARNING_RATE)]
    if twins or motion.weight_decay > 0:
        made.append(("weight_decay", "weight decay", motion.weight_decay, rules.WEIGHT_DECAY))
    if not twins:
        own = rule.defaults | dict(motion.hyperparameters)
        made += [(f"own.{name}", name.replace("_", " "), own[name], knob) for name, knob in rule.knobs.items()]
        if motion.noise > 0:
            made.append(("noise", "noise", motion.noise, rules.NOISE))
        if motion.clip_norm is not None:
            made.append(("clip_norm", "clipping", motion.clip_norm, rules.CLIP_NORM))
    return [
        {"name": name, "label": label, "symbol": knob.symbol, "help": knob.help, "value": value,
         "log": knob.log and value > 0, "low": min(knob.low, value), "high": max(knob.high, value)}
        for name, label, value, knob in made
    ]  # fmt: skip


def _strip(picture: Picture, strip: Strip, arrays: Arrays, every: int) -> dict[str, Any] | None:
    """How a strip's lines follow from paths; None where the page cannot say."""
    scene, runs = picture.scene, picture.result.runs
    known: dict[str, Any] = {"name": strip.name}
    if strip.name not in READ or not strip.lines:
        return None
    first = runs[strip.lines[0].run]
    match strip.name:
        case "effective_rate":
            known |= {"lengths": [run.paths[0].length for run in runs]}
        case "sharpness" if len(runs) == 1 and not stretches(first.motion.rule):
            factor = threshold_factor(first.motion, scene.steps, scene.field.scale_invariant)
            shift = np.zeros(scene.steps + 1) if factor is None else first.paths[0].log_learning_rate - np.log(factor)
            known |= {"offset": _sent(shift, arrays, every)}
        case "gap":
            shared = _grown(picture, first) is not None  # then the page has it from the table
            known |= {"offset": None if shared else _sent(first.log_projection, arrays, every), "partner": first.partner}
        case "sharpness":
            return None
    return known


def _sent(values: np.ndarray, arrays: Arrays, every: int) -> str:
    return arrays.add(values[::every], "<f8")
