"""What a schema of types cannot say: each check refuses a scene with one sentence that says what to do."""

import math
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from app.scene import budget
from app.scene.error import SceneError
from app.scene.spelling import field_names, perhaps
from dynamics import Run as Motion
from dynamics import batches, flow, precise, rules
from dynamics.images import Units
from dynamics.preconditioner import stretches
from dynamics.rules import Knob
from dynamics.sharpness import threshold_factor
from dynamics.simulate import beyond_reach
from landscapes import FormulaError, Landscape, named, typed
from landscapes.rows import Columns

if TYPE_CHECKING:
    from app.scene.schema import Run, Scene, View

@lru_cache(maxsize=64)
def landscape_of(name: str | None, formula: str | None, knobs: tuple[tuple[str, float], ...], data: Columns) -> Landscape:
    if name is None:
        return typed(formula or "", dict(knobs), data)
    return named(name).over(data) if data else named(name)


def check(scene: "Scene") -> None:
    if (scene.landscape is None) == (scene.formula is None):
        raise SceneError(
            "landscape", "A scene has either a landscape (a built-in name) or a formula, exactly one of the two."
        )
    try:
        field = scene.field
    except FormulaError as error:
        raise SceneError(error.code, error.message, error.column) from None
    for text in (scene.title, scene.sentence, scene.caveat, scene.source, *scene.topics, *(run.label for run in scene.runs)):
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            raise SceneError("text", "A title or label is one line of ordinary text, without control characters.")
    for name, value in scene.knobs.items():
        if name not in field.knob_values:
            known = ", ".join(field.knob_values) or "none"
            raise SceneError("knobs", f"The landscape has no knob called {name[:32]!r}; its knobs: {known}.")
        if not math.isfinite(value):
            raise SceneError("knobs", f"The knob {name} needs a finite number.")
    for knob in field.knobs:
        value = scene.knobs.get(knob.name, knob.value)
        if not knob.low <= value <= knob.high:
            between = f"between {knob.low:g} and {knob.high:g}"
            raise SceneError("knobs", f"The knob {knob.name} lies {between}; {value:g} does not.")
    if not all(math.isfinite(c) for start in scene.starts or () for c in start):
        raise SceneError("starts", "Every start needs two finite numbers.")
    if field.scale_invariant and any(start == (0, 0) for start in scene.points):
        raise SceneError(
            "starts", "The origin has no direction, so a scale-invariant loss has no value there; start elsewhere."
        )
    _check_values(scene, field)
    check_budget(scene)
    _check_view(scene.view)
    if scene.view.at is not None and not scene.view.at <= scene.steps:
        raise SceneError("view", f"The scene has the steps 0 to {scene.steps}; it cannot stand at {scene.view.at:g}.")
    for run, label in zip(scene.runs, scene.labels, strict=True):
        _check_run(scene, run, label)
    if scene.view.panels == "sharpness":
        _check_threshold(scene)


def _check_threshold(scene: "Scene") -> None:
    """The plane can be coloured by sharpness where the first run's threshold is one of the Hessian itself."""
    run = scene.partner(scene.runs[0]) or scene.runs[0]
    if stretches(run.rule) or threshold_factor(run.motion, 1, scene.field.scale_invariant) is None:
        why = "measures curvature in coordinates of its own, which change on the way" if stretches(run.rule) else "has none"
        raise SceneError(
            "view", f"The picture of sharpness needs a threshold of the Hessian; the rule {run.rule} {why}."
        )


def _check_values(scene: "Scene", field: Landscape) -> None:
    """A start must be a number of the arithmetic, and the loss must have a value there."""
    for x, y in scene.points:
        if scene.arithmetic == "float32" and not field.scale_invariant and max(abs(x), abs(y)) > 3e38:
            raise SceneError("starts", f"float32 cannot hold the start ({x:g}, {y:g}); use float64 or start nearer.")
        if math.isnan(float(field.loss(np.array([x]), np.array([y]), scene.knobs)[0])):
            raise SceneError("starts", f"The loss has no value at the start ({x:g}, {y:g}); start elsewhere.")


def recorded(scene: "Scene") -> int:
    """How many points the scene's paths have together."""
    return scene.steps * len(scene.points) * len(scene.runs)


def check_budget(scene: "Scene", page: bool = False) -> None:
    budget.check("steps", scene.steps, page)
    budget.check("certified" if scene.arithmetic == "certified" else "points", recorded(scene), page)


def _check_view(view: "View") -> None:
    if view.window is not None:
        x0, x1, y0, y1 = view.window
        if not (all(map(math.isfinite, view.window)) and x0 < x1 and y0 < y1):
            raise SceneError("view", "A window is four finite numbers: left < right, bottom < top.")


def _check_run(scene: "Scene", run: "Run", label: str) -> None:
    if len(run.named) > 1:
        of = next(iter(run.named))
        raise SceneError(of, f"The run {label!r} is a twin, a ghost, a flow or an image, not two of them.")
    if run.image_of is None and run.units != Units():
        raise SceneError("image_of", "Other units are what an image of another run has; name that run with image_of.")
    for kind, name in run.named.items():
        word = kind.removesuffix("_of")
        if name not in scene.labels or scene.partner(run) is run:
            raise SceneError(kind, f"The run {label!r} is the {word} of {name!r}, but no other run has that label.")
        partner = scene.runs[scene.labels.index(name)]
        if partner.named:
            whose = "a twin, ghost, flow or image; name the run itself instead"
            raise SceneError(kind, f"The run {label!r} is the {word} of {whose}.")
        if run.hyperparameters:
            surplus = ", ".join(name[:32] for name in run.hyperparameters)
            raise SceneError(kind, f"A {word} takes all its numbers from its partner; leave out {surplus}.")
        if kind == "flow_of":
            _check_flow(scene, partner)
        return
    try:
        rule = rules.named(run.rule)
    except ValueError as error:
        raise SceneError("rule", str(error)) from None
    floats = "float32" if scene.arithmetic == "float32" else "float64"
    if scene.arithmetic != "certified" and (refusal := beyond_reach(scene.field, run.motion, scene.points, floats)):
        raise SceneError("starts", refusal)
    if refusal := batches.refused(run.batch or 0, scene.field):
        raise SceneError("batch", refusal)
    noises = Motion(run.rule, noise=run.noise, knob_noise=run.knob_noise, batch=run.batch or 0)
    if scene.arithmetic == "certified" and (refusal := precise.refused(scene.field, noises)):
        raise SceneError("arithmetic", refusal)
    for name in run.knob_noise:
        if name not in scene.field.knob_values:
            known = ", ".join(scene.field.knob_values) or "none"
            raise SceneError("knob_noise", f"Noise is on a knob of the loss; {name[:32]!r} is none. Its knobs: {known}.")
    for name, value in run.hyperparameters.items():
        if name in rule.switches:
            if not isinstance(value, bool):
                raise SceneError("hyperparameter", f"{name} of the run {label!r} is true or false.")
        elif name in rule.knobs:
            _check_knob(name, value, rule.knobs[name], label)
        else:
            known = ", ".join([*rule.knobs, *rule.switches]) or "none of its own"
            near = perhaps(name, [*field_names(type(run)), *rule.knobs, *rule.switches])
            hint = f" Perhaps you mean {near.removeprefix('perhaps ')}?" if near else ""
            raise SceneError(
                "hyperparameter", f"The rule {run.rule} has no hyperparameter {name[:32]!r}; it has {known}.{hint}"
            )


def _check_flow(scene: "Scene", partner: "Run") -> None:
    if scene.arithmetic == "certified":
        raise SceneError("arithmetic", "A gradient flow is solved in float64; certified arithmetic has no flow.")
    try:
        flow.refuse(partner.motion)
    except flow.NoFlow as reason:
        raise SceneError("no_flow", str(reason)) from None


def _check_knob(name: str, value: Any, knob: Knob, label: str) -> None:
    if (
        isinstance(value, bool)
        or not math.isfinite(value)
        or value < min(knob.low, 0)
        or (knob.closed and value > knob.high)
    ):
        raise SceneError(
            "hyperparameter",
            f"{name} of the run {label!r} lies between {knob.low:g} and {knob.high:g}; {value!r} does not.",
        )
