"""What a page needs to move a picture's starts by itself: modules, numbers and tables, and what its strips are made of."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from app.answer.result import RunResult
from app.picture.picture import Picture
from app.picture.strips import Strip
from app.wire.packing import Arrays
from dynamics.path import STATUS_TEXT
from dynamics.portable.job import job
from dynamics.portable.reading import Untranslated
from dynamics.preconditioner import stretches
from dynamics.sharpness import threshold_factor
from dynamics.simulate import FRAME_LIMIT, prepare

READ = ("loss", "norm", "gradient_norm", "effective_rate", "sharpness", "gap")
"""the strips that a page can read off its own columns; others are empty once a start has been moved"""


def live(picture: Picture, arrays: Arrays, every: int) -> dict[str, Any] | None:
    """The header's part, or None where a picture needs more than paths of floats that have portable programs."""
    scene, result = picture.scene, picture.result
    floats = scene.arithmetic in ("float64", "float32") and find_spec("wasmtime") is not None
    plain = all(panel.plane and not panel.traces for panel in picture.panels)
    followed = all(field.shift is None and field.quantity == "loss" for field in picture.fields)
    near = all(2.0**-FRAME_LIMIT < max(map(abs, start)) < 2.0**FRAME_LIMIT for start in scene.points)
    crowd = any(line.path is None for strip in picture.strips for line in strip.lines)
    if not (floats and plain and followed and near and picture.handles) or crowd:
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
    sent = {name: arrays.add(np.frombuffer(data, np.uint8), "<u1") for name, data in (
        ("code", made.compiled.code), ("numbers", made.numbers), ("rates", made.rates))}  # fmt: skip
    return sent | {
        "stride": made.stride, "row": made.row, "rows": made.rows, "steps": made.steps,
        "float": made.compiled.program.float_type, "ghost": run.run.ghost_of is not None,
        "invariant": scene.field.scale_invariant,
    }  # fmt: skip


def _strip(picture: Picture, strip: Strip, arrays: Arrays, every: int) -> dict[str, Any] | None:
    """How a strip's lines follow from paths; None where the page cannot say."""
    scene, runs = picture.scene, picture.result.runs
    known: dict[str, Any] = {"name": strip.name}
    rate = {tuple(run.paths[0].log_learning_rate[::every].tolist()) for run in runs}
    if strip.name not in READ or not strip.lines:
        return None
    first = runs[strip.lines[0].run]
    match strip.name:
        case "effective_rate" if len(rate) == 1 and len({run.paths[0].length for run in runs}) == 1:
            known |= {"offset": _sent(first.paths[0].log_learning_rate, arrays, every), "length": first.paths[0].length}
        case "sharpness" if len(runs) == 1 and not stretches(first.motion.rule):
            factor = threshold_factor(first.motion, scene.steps, scene.field.scale_invariant)
            shift = np.zeros(scene.steps + 1) if factor is None else first.paths[0].log_learning_rate - np.log(factor)
            known |= {"offset": _sent(shift, arrays, every)}
        case "gap":
            known |= {"offset": _sent(first.log_projection, arrays, every), "partner": first.partner}
        case "effective_rate" | "sharpness":
            return None
    return known


def _sent(values: np.ndarray, arrays: Arrays, every: int) -> str:
    return arrays.add(values[::every], "<f8")
