"""What a scene may show instead of its paths: a map of many runs, their orbits, a portrait, what many particles do.

A side of a chart is written as text, in a file as on the command line: `runs.0.learning_rate:log:0.01:1`,
`knobs.a:0:1`, `start.norm:log:0.1:10`.
"""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, get_args

import numpy as np
from msgspec import Meta, Struct

from app.scene import budget
from app.scene.error import SceneError
from dynamics.atlas import Axis
from dynamics.orbits import WATCHED
from dynamics.statistics import STATISTICS
from dynamics.varied import check_names
from landscapes import FormulaError, Landscape, typed

if TYPE_CHECKING:
    from app.scene.schema import Scene

AxisText = Annotated[str, Meta(max_length=120)]
RATE, DECAY, INTRINSIC = "runs.0.learning_rate:log:0.01:1", "runs.0.weight_decay:log:0.001:1", "runs.0.intrinsic:log:0.001:1"
NEVER_NEGATIVE = ("learning_rate", "weight_decay", "intrinsic", "norm", "start_scale", "noise", "clip_norm")
MAX_ORBITS = 64
MOST_AVERAGED = 32
"""iterates of a run that are averaged"""


class Atlas(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="atlas"):
    """A map of runs: two things vary, one number is kept of each run."""

    x: AxisText = RATE
    y: AxisText = DECAY
    statistic: str = "final_loss"
    settle: Annotated[float, Meta(ge=0.1, le=1000)] | None = None
    """where given, each run is followed for settle/(ηλ) steps, but at least the scene's: decay needs so long to forget"""
    begin: tuple[AxisText, AxisText] | None = None
    """the sides that a zoom began with, and that a film of it begins with"""


class Orbits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="orbits"):
    """An orbit diagram: one thing varies, and the last states of each run are drawn over it."""

    x: AxisText = INTRINSIC
    watched: str = "angle"
    kept: Annotated[int, Meta(ge=1, le=2000)] = 200
    window: tuple[float, float] | None = None


class Portrait(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="portrait"):
    """Every start's orbit as dots: over ln|x| and ln|y| on x²/(x²+y²), over the angle and the norm elsewhere."""

    window: tuple[float, float, float, float] | None = None


class Ensemble(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="ensemble"):
    """Many noisy particles a run and start: their angles over time."""

    particles: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000
    tangential: bool = True


class Distances(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="distances"):
    """How far the noisy particles of every run wander in so many steps, after the scene's steps."""

    particles: Annotated[int, Meta(ge=100, le=100_000)] = 20_000


class Averages(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="averages"):
    """What the average of several iterates is worth: of one run, and of the first run's two first starts."""

    particles: Annotated[int, Meta(ge=100, le=20_000)] = 8000
    apart: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """steps from one iterate to the next; the first one comes after the scene's steps"""
    tangential: bool = True


class Sweep(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="sweep"):
    """One thing varies along x, in every run of the scene; one number or several are kept of each."""

    x: AxisText = RATE
    statistic: str | tuple[str, ...] = "final_loss"
    points: Annotated[int, Meta(ge=2, le=1024)] = 64
    repeats: Annotated[int, Meta(ge=1, le=64)] = 1
    """with other noise: the curve is their median, and a point is gone where most of them are"""
    at: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """the part of the steps after which the number is read"""
    over: AxisText | None = None
    """where given, the best of this is shown instead of the number: see `best`"""
    best: Literal["least", "stable"] = "least"
    """of `over`: where the number is least, or the largest at which the run is not gone"""
    guides: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=4)] = ()
    """formulas of x, such as 2/x, drawn as lines"""

    @property
    def statistics(self) -> tuple[str, ...]:
        return (self.statistic,) if isinstance(self.statistic, str) else tuple(self.statistic)


class Race(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="race"):
    """Every run of the scene has as many trials to find its best learning rate: who reaches the target first?"""

    x: AxisText = "runs.0.learning_rate:log:0.001:1"
    target: Annotated[float, Meta(gt=-1e300, lt=1e300)] = 1e-2
    """the loss that is to be reached"""
    trials: Annotated[int, Meta(ge=2, le=256)] = 24
    common: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """the rate at which all are run beside each other; by default the tried one that is best for all together"""

    over = None


Chart = Atlas | Orbits | Portrait | Ensemble | Distances | Averages | Sweep | Race
CHARTS: dict[str, type[Struct]] = {kind.__struct_config__.tag: kind for kind in get_args(Chart)}


class Side(NamedTuple):
    """A side of a chart: which run it belongs to (None: to all), what varies along it, and the text's own name of that."""

    run: int | None
    axis: Axis
    path: str

    @property
    def text(self) -> str:
        """As it is written, with six digits at least and as many as the zoom needs."""
        _, low, high, log = self.axis
        digits = max(6, 4 + math.ceil(-math.log10(max((high - low) / max(abs(low), abs(high)), 1e-17))))
        return f"{self.path}:{'log' if log else 'linear'}:{low:.{digits}g}:{high:.{digits}g}"


def side(text: str) -> Side:
    """A side from its text, or `SceneError`."""
    name, *rest = text.split(":")
    scale = rest.pop(0) if len(rest) == 3 else "linear"
    try:
        low, high = map(float, rest)
    except ValueError:
        low = high = math.nan
    place = re.fullmatch(r"(?:runs\.(\d{1,3})|knobs|starts?(?:\.0)?)\.(\w+)", name)
    if place is None or scale not in ("log", "linear") or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SceneError(
            "axis",
            "An axis is written as runs.0.learning_rate:log:0.01:1 (or knobs.NAME, or start.x, y, norm, angle or scale; log "
            "or linear; low < high).",
        )
    varied = "start_scale" if name.startswith("start") and place[2] == "scale" else place[2]  # a knob may be called scale
    if scale == "log" and low <= 0:
        raise SceneError("axis", f"A logarithmic axis needs a low end above 0; {low:g} is not.")
    if varied in NEVER_NEGATIVE and low < 0:
        raise SceneError("axis", f"{place[2]} is never negative; {low:g} is.")
    if place[2] == "clip_norm" and low == 0:
        raise SceneError("axis", "Clipping to nothing stops every run; begin this axis above 0.")
    return Side(None if place[1] is None else int(place[1]), Axis(varied, low, high, scale == "log"), name)


def check_chart(scene: "Scene") -> None:
    match scene.chart:
        case Atlas(x=x, y=y, statistic=statistic, begin=begin):
            sides_of(scene, x, y)
            if begin is not None and [side(t).path for t in begin] != [side(t).path for t in (x, y)]:
                raise SceneError("axis", "A zoom begins and ends on the same two axes; here begin names others.")
            _known("statistic", statistic, STATISTICS)
            if statistic in ("basin", "steps_to_converge"):
                _check_minima(scene, [side(text) for text in (x, y)] if statistic == "basin" else [])
        case Orbits(x=x, watched=watched, kept=kept, window=window):
            sides_of(scene, x)
            _known("watched quantity", watched, WATCHED)
            if kept > scene.steps:
                raise SceneError("chart", f"An orbit diagram keeps at most its {scene.steps} steps; {kept} were asked for.")
            _ascending(window)
        case Portrait(window=window):
            _ascending((window or (0, 1, 0, 1))[:2])
            _ascending((window or (0, 1, 0, 1))[2:])
            run_of(scene, 0)
        case Ensemble(tangential=tangential):
            _check_particles(scene, tangential)
        case Sweep():
            _check_sweep(scene, scene.chart)
        case Race():
            _check_race(scene, scene.chart)
        case Distances():
            _check_particles(scene)
        case Averages(tangential=tangential):
            _check_particles(scene, tangential)
            _check_minima(scene)
    check_large(scene)


def check_large(scene: "Scene", page: bool = False) -> None:
    """Refuses a chart that asks for more states or steps than there may be, on a page or of a shell."""
    chart, runs, starts = scene.chart, len(scene.runs), len(scene.points)
    match chart:
        case Orbits(kept=kept):
            budget.check("orbits", starts * kept, page)
        case Ensemble(particles=particles):
            budget.check("particles", particles * scene.steps * runs * starts, page)
        case Distances(particles=particles):
            budget.check("particles", particles * 2 * scene.steps * runs, page)
        case Averages(particles=particles, apart=apart):
            budget.check("particles", particles * (scene.steps + (MOST_AVERAGED - 1) * apart) * min(2, starts), page)
        case Race(trials=trials):
            budget.check("particles", trials * scene.steps * len(own_runs(scene)), page)
        case Sweep():
            tries = chart.points * chart.repeats * (1 if chart.over is None else TRIES) * len(chart.statistics)
            budget.check("particles", tries * scene.steps * len(own_runs(scene)), page)


def _check_race(scene: "Scene", chart: Race) -> None:
    if (varied := side(chart.x).axis).name != "learning_rate" or varied.low <= 0:
        raise SceneError("axis", "A race is over learning rates above 0: x = runs.0.learning_rate:log:0.001:1.")
    for index in own_runs(scene):
        swept(scene, index)


def _check_sweep(scene: "Scene", chart: Sweep) -> None:
    if not 1 <= len(chart.statistics) <= 4:
        raise SceneError("statistic", "A sweep keeps one number of each run, or up to four.")
    for name in chart.statistics:
        _known("statistic", name, STATISTICS)
        if name in ("basin", "steps_to_converge"):
            _check_minima(scene)
    if chart.over is not None and len(chart.statistics) > 1:
        raise SceneError("statistic", "The best of something is the best by one number; name one statistic beside over.")
    for text in filter(None, (chart.x, chart.over)):
        if (named := side(text).run) is not None:
            run_of(scene, named)
    for index in own_runs(scene):
        swept(scene, index)
    for guide in chart.guides:
        guide_of(guide)


TRIES = 48
"""values of `over` among which the best is sought"""


def own_runs(scene: "Scene") -> list[int]:
    """The runs that have numbers of their own; a twin, a ghost, a flow or an image has its partner's."""
    return [index for index, run in enumerate(scene.runs) if not run.named]


def swept(scene: "Scene", index: int) -> tuple[Axis, ...]:
    """What varies in a run of a sweep: along x, and over what the best is sought; or `SceneError`."""
    texts = [text for text in (scene.chart.x, scene.chart.over) if text is not None]
    names = [side(text).axis.name for text in texts]
    try:
        check_names(scene.field, run_of(scene, index).motion, names)
    except ValueError as reason:
        raise SceneError("axis", f"{scene.labels[index]}: {reason}") from None
    return tuple(side(text).axis for text in texts)


def guide_of(formula: str) -> Landscape:
    """A guide line's formula of x alone, or `SceneError`."""
    try:
        made = typed(formula, {})
    except FormulaError as error:
        raise SceneError("guide", f"The guide {formula[:60]!r} cannot be read: {error.message}", error.column) from None
    with np.errstate(all="ignore"):
        seen = made.loss(np.array([0.5, 0.5]), np.array([1.0, 2.0]))
    if not (seen[0] == seen[1] or np.isnan(seen).all()):
        raise SceneError("guide", f"A guide is a formula of x alone, such as 2/x; {formula[:60]!r} has y in it.")
    return made


def _check_minima(scene: "Scene", sides: Sequence[Side] = ()) -> None:
    """Some charts say where a run is among the minima: these must be known, and the same for all runs."""
    if not (scene.field.scale_invariant or scene.field.minima):
        raise SceneError("chart", "This needs the minima, which are not known of a formula of your own; choose another.")
    if any(each.path.startswith("knobs.") for each in sides):
        raise SceneError("chart", "A knob may move the minima, so basins have no names along its axis; vary something else.")


def _check_particles(scene: "Scene", tangential: bool = False) -> None:
    if tangential and not scene.field.scale_invariant:
        raise SceneError("chart", "Tangential noise needs a loss that ignores the length of its weights.")
    for index in range(len(scene.runs)):
        run_of(scene, index)


def sides_of(scene: "Scene", *texts: str) -> tuple[int, tuple[Axis, ...]]:
    """Which run the sides of a chart belong to, and their axes; or `SceneError`."""
    sides = [side(text) for text in texts]
    named = {each.run for each in sides if each.run is not None} or {0}
    if len(named) > 1:
        raise SceneError("axis", "Both axes of an atlas belong to one run; here they name two.")
    index = named.pop()
    try:
        check_names(scene.field, run_of(scene, index).motion, [each.axis.name for each in sides])
    except ValueError as reason:
        raise SceneError("axis", str(reason)) from None
    lowest = {each.axis.name: each.axis.low for each in sides}
    if "intrinsic" in lowest and lowest.get("learning_rate", 1) <= 0:
        raise SceneError("axis", "Beside the intrinsic learning rate ηλ the learning rate begins above 0.")
    return index, tuple(each.axis for each in sides)


def run_of(scene: "Scene", index: int):  # noqa: ANN201
    """A run that can be followed over many lanes, or `SceneError`."""
    if index >= len(scene.runs):
        raise SceneError("axis", f"There is no run {index}; the scene has {len(scene.runs)}, counted from 0.")
    for kind in scene.runs[index].named:
        raise SceneError("axis", f"A {kind.removesuffix('_of')} takes its numbers from its partner; map that run instead.")
    if scene.arithmetic not in ("float32", "float64"):
        raise SceneError(
            "arithmetic", "An atlas is computed in float32 or float64; set the scene's arithmetic to one of them."
        )
    return scene.runs[index]


def _known(what: str, name: str, among: object) -> None:
    if name not in among:  # type: ignore[operator]
        raise SceneError(what.split()[0], f"There is no {what} called {name[:40]!r}; there are {', '.join(among)}.")  # type: ignore[call-overload]


def _ascending(window: tuple[float, ...] | None) -> None:
    if window is not None and not (all(map(math.isfinite, window)) and window[0] < window[1]):
        raise SceneError("chart", "A chart's window is finite numbers, the lower one first.")
