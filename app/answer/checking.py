"""What `zoomout check` says of a scene or a formula: accepted or not, why, and what is known of the loss."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from app.answer.result import twin_of
from app.scene import Scene, SceneError
from landscapes import FormulaError, Landscape, typed

Verdict = dict[str, Any]


def of_formula(text: str) -> Verdict:
    try:
        landscape = typed(text)
    except FormulaError as error:
        return _refused(error)
    return _accepted(landscape, {}, landscape.start)


def of_scene(load: Callable[[], Scene]) -> Verdict:
    try:
        scene = load()
        for run in scene.runs:
            if run.twin_of is not None:
                twin_of(scene, run)
    except SceneError as error:
        return _refused(error)
    return _accepted(scene.field, scene.knobs, scene.points[0])


def _refused(error: SceneError | FormulaError) -> Verdict:
    return {
        "ok": False, "code": error.code, "message": error.message, "column": error.column, "scale_invariant": None,
    }  # fmt: skip


def _accepted(landscape: Landscape, knobs: dict[str, float], at: tuple[float, float]) -> Verdict:
    invariance = landscape.invariance
    values = landscape.knob_values | knobs
    here = landscape.local(*(np.array([c], float) for c in at), values)
    kink = bool(np.isfinite(here.loss[0]) and np.isnan(here.hxx[0] + here.hxy[0] + here.hyy[0]))
    return {
        "ok": True,
        "code": "accept" if invariance.holds else "accept_flag",
        "message": _sentence(landscape) + (f" It has a kink at ({at[0]:g}, {at[1]:g}): no curvature there." if kink else ""),
        "column": None,
        "scale_invariant": invariance.holds,
        "invariance": {"proof": invariance.proof, "deviation": _plain(invariance.deviation)},
        "degree": None if landscape.degree is None else str(landscape.degree),
        "latex": landscape.latex(),
        "knobs": values,
        "at": list(at),
        "value": _plain(here.loss[0]),
        "kink": kink,
    }


def _sentence(landscape: Landscape) -> str:
    if landscape.scale_invariant:
        return "Accepted. This loss ignores the length of its weights (by its structure)."
    if landscape.invariance.proof == "probe":
        return (
            "Accepted. At 64 points this loss looks as if it ignored the length of its weights, but its formula does not "
            "prove it, so it is computed as written and has no twin."
        )
    return "Accepted. This loss depends on the length of its weights, so weight decay has no twin on it."


def _plain(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
