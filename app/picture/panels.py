"""The panels of a picture: the plane through a fixed or a zooming camera, the projected twin, and the reduced map."""

from typing import NamedTuple

import numpy as np

from app.answer.result import Result
from app.scene import Scene
from dynamics.gauge import log_kappa, quotient_two_cycle, stability_line
from dynamics.schedules import Constant, schedule
from landscapes.model import Model, model_of

Window = tuple[float, float, float, float]

class Axes(NamedTuple):
    """What is plotted, across and up, in a panel that is not the plane of weights."""

    across: str
    up: str
    degrees: bool = False
    """whether across is an angle in degrees"""
    log: bool = False
    """whether up is a natural logarithm"""


REDUCED = Axes("direction", "κ = η/(a‖w‖²)", degrees=True, log=True)


class Table(NamedTuple):
    """The data of a loss, and what its model says of them: a line over one input, or a border z = 0 between two."""

    columns: tuple[str, str | None]
    """what is across and up; None where the rows have nothing to be drawn at"""
    points: tuple[tuple[float, float], ...]
    filled: tuple[bool, ...]
    """which side a row is on, where it is on one"""
    model: Model | None
    border: bool
    """whether the model is drawn where it is zero; else as a height over the first column"""


class Trace(NamedTuple):
    """A path in coordinates of the panel's own, over t."""

    run: int
    path: int
    x: np.ndarray
    y: np.ndarray


class Curve(NamedTuple):
    """A line that belongs to no run; nan breaks it."""

    x: np.ndarray
    y: np.ndarray
    label: str


class Mark(NamedTuple):
    x: float
    y: float
    label: str


class Echo(NamedTuple):
    """A run that another panel shows: a ring is where its head would be here, at w · e^(log_scale)."""

    run: int
    log_scale: np.ndarray


class Panel(NamedTuple):
    title: str
    runs: tuple[int, ...]
    window: Window
    log_scale: np.ndarray | None = None
    """the camera's log scale over t: a point is drawn at w · e^(-log_scale)"""
    traces: tuple[Trace, ...] = ()
    """where given, these are drawn instead of the paths' own coordinates"""
    curves: tuple[Curve, ...] = ()
    marks: tuple[Mark, ...] = ()
    rays: bool = False
    """whether a ray from the origin passes through each head: what two panels have in common is a direction"""
    echo: Echo | None = None
    field: int = 0
    """which of the picture's fields is under it"""
    axes: Axes | None = None
    """of a plot that is not the plane of weights"""
    table: Table | None = None

    @property
    def plane(self) -> bool:
        return self.axes is None


QUANTITIES = ("sharpness", "gradient_norm")
"""of which a picture may stand beside that of the loss"""
MOST_RAYS = 4
"""starts beyond which rays and rings would hide the picture"""


def compared(scene: Scene) -> bool:
    """Whether rays and rings let the eye compare the pictures of a pair of twins."""
    return scene.view.trails and scene.view.panels != "one" and len(scene.points) <= MOST_RAYS


def twin_pair(result: Result) -> tuple[int, int] | None:
    """The first run that is a twin, and its partner: (partner, twin)."""
    for i, run in enumerate(result.runs):
        if run.partner is not None and run.log_projection is not None:
            return run.partner, i
    return None


def _panels(result: Result, window: Window) -> tuple[Panel, ...]:
    pair, view = twin_pair(result), result.scene.view
    everything = tuple(range(len(result.runs)))
    if view.panels in QUANTITIES:
        shown = everything if pair is None else tuple(i for i in everything if i != pair[1])
        return Panel("Loss", shown, window), Panel(_over(result), shown, window, field=1)
    if pair is None and view.panels == "auto" and (table := table_of(result.scene)) is not None:
        drawn = tuple(i for i in everything if not result.runs[i].run.named)
        return Panel("Weights", everything, window), _data(table, drawn)
    if pair is None or view.panels == "one":
        return (Panel("", everything, window),)
    partner, twin = pair
    left = Panel(_titled(result, partner), tuple(i for i in everything if i != twin), window, rays=True)
    growth, name = -_projection(result, twin), _titled(result, twin)
    raw = Panel(f"{name}, as it is", (twin,), window, rays=True, echo=Echo(partner, growth))
    zoomed = raw._replace(title=f"{name}, zooming out", log_scale=growth)
    right = raw if view.camera == "fixed" else zoomed
    match view.panels:
        case "three":
            return left, raw, zoomed
        case "projected":
            return left, _projected(result, twin, window)
        case "portrait" if _reduces(result, pair):
            return left, right, _portrait(result, pair)
    return left, right


def _over(result: Result) -> str:
    """The title of the panel beside the loss; where runs differ, whose threshold it is."""
    if result.scene.view.panels == "gradient_norm":
        return "Gradient norm ‖∇L‖"
    return "Sharpness over its threshold" + (f", “{result.runs[0].label}”" if len(result.runs) > 1 else "")


def panels(result: Result, window: Window) -> tuple[Panel, ...]:
    """One panel for a race; for a pair of twins, the partner and the twin as the scene's view asks to see it."""
    made = _panels(result, window)
    return made if compared(result.scene) else tuple(panel._replace(rays=False, echo=None) for panel in made)


def _titled(result: Result, run: int) -> str:
    label = result.runs[run].label
    return label[:1].upper() + label[1:]


def _projection(result: Result, twin: int) -> np.ndarray:
    log_projection = result.runs[twin].log_projection
    assert log_projection is not None, "a twin has a projection"
    return log_projection


def _projected(result: Result, twin: int, window: Window) -> Panel:
    """The twin's points brought back to its partner's size one by one: P_t v_t."""
    traces = []
    for p, path in enumerate(result.runs[twin].paths):
        scale = np.exp(path.frame_log + _projection(result, twin))
        traces.append(Trace(twin, p, path.frame_x * scale, path.frame_y * scale))
    partner, title = result.runs[twin].partner, f"{_titled(result, twin)}, projected back"
    echo = Echo(partner, np.zeros(result.scene.steps + 1))
    return Panel(title, (twin,), window, traces=tuple(traces), rays=True, echo=echo)


# ---------------------------------------------------------------------------------------------------------------------
# Data, and what a model says of them


MARGIN = 0.25
"""room round the data, as a share of their extent"""


def table_of(scene: Scene) -> Table | None:
    """The data as a plot: two inputs, or an input and its target; None where there is nothing to draw."""
    columns = dict(scene.field.data)
    if not columns:
        return None
    model, names = model_of(scene.field), list(columns)
    inputs = list(model.inputs) if model else names
    targets = [name for name in names if name not in inputs]
    border = len(inputs) >= 2
    across, up = (inputs[0], inputs[1]) if border else (inputs[0], targets[0] if targets else None)
    heights = columns[up] if up else (0.0,) * len(columns[across])
    sides = columns[targets[0]] if border and targets else (1.0,) * len(heights)
    drawn = model if model and len(inputs) <= 2 else None
    return Table((across, up), tuple(zip(columns[across], heights, strict=True)), tuple(s > 0 for s in sides), drawn, border)


def _data(table: Table, runs: tuple[int, ...]) -> Panel:
    low, high = np.min(table.points, axis=0), np.max(table.points, axis=0)
    room = np.maximum(MARGIN * (high - low), 0.5)
    (x0, y0), (x1, y1) = low - room, high + room
    axes = Axes(table.columns[0], table.columns[1] or "model")
    title = "Data, and where the model is 0" if table.border and table.model else "Data and model" if table.model else "Data"
    return Panel(title, runs, (float(x0), float(x1), float(y0), float(y1)), axes=axes, table=table)


# ---------------------------------------------------------------------------------------------------------------------
# The portrait of the reduced map


def _reduces(result: Result, pair: tuple[int, int]) -> bool:
    return result.runs[pair[0]].motion.plain


def _portrait(result: Result, pair: tuple[int, int]) -> Panel:
    """(θ, ln κ) of both twins, which is all there is to them, and the line κ f'' = 2 above which a well repels."""
    traces = tuple(
        Trace(r, p, np.degrees(path.angle), log_kappa(path, result.runs[r].motion))
        for r in pair
        for p, path in enumerate(result.runs[r].paths)
    )
    degrees = np.linspace(-180, 180, 721)
    knobs = result.scene.field.knob_values | result.scene.knobs
    with np.errstate(divide="ignore"):
        line = np.log(stability_line(result.scene.field, np.radians(degrees), knobs))
    line[~np.isfinite(line)] = np.nan
    heights = np.concatenate([trace.y[np.isfinite(trace.y)] for trace in traces])
    low, high = (float(q) for q in np.quantile(heights, (0.0, 0.995))) if len(heights) else (-1.0, 1.0)
    low, high = min(low, float(np.nanmin(line))) - 0.5, high + 0.8
    curve = Curve(degrees, np.where(line < high, line, np.nan), "κ f″ = 2")
    return Panel(
        "Without the norm: direction and κ", pair, (-180.0, 180.0, low, high), traces=traces, curves=(curve,),
        marks=_two_cycle(result, pair[0]), axes=REDUCED,
    )  # fmt: skip


def _two_cycle(result: Result, partner: int) -> tuple[Mark, ...]:
    """The exact two-cycle of x²/(x²+y²), whose minima are at ±90 degrees."""
    motion = result.runs[partner].motion
    rate, decay = schedule(motion.learning_rate), schedule(motion.weight_decay)
    constant = isinstance(rate, Constant) and isinstance(decay, Constant)
    if result.scene.landscape != "quotient" or not constant or not 0 < rate.value * decay.value < 1:
        return ()
    cycle = quotient_two_cycle(rate.value, decay.value)
    offset, height = float(np.degrees(cycle.offset)), float(np.log(cycle.kappa))
    places = [(side * 90 + sign * offset) for side in (-1, 1) for sign in (-1, 1)]
    return tuple(Mark(x, height, "exact two-cycle" if i == 0 else "") for i, x in enumerate(places))
