"""What is to be seen of a result: panels, fields, strips, caption. The stage, the film and the page all draw this.

Colours, colour scales and arrow lengths are decided here once, so that a film's frame is the stage's frame.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.answer.result import Result, RunResult, verdict
from app.picture.panels import Panel, panels, twin_pair
from app.picture.strips import Strip, strips
from app.scene import Scene
from dynamics import Path
from dynamics.sharpness import threshold_factor
from dynamics.spikes import spike_period, spikes
from landscapes import Landscape, Local, gradient_norm

# Okabe and Ito's colours that stay apart for every kind of colour vision; each with a line style of its own.
STYLES = (
    ("#d55e00", ()),
    ("#0072b2", (7, 4)),
    ("#009e73", (2, 3)),
    ("#cc79a7", (9, 3, 2, 3)),
    ("#e69f00", (5, 2)),
    ("#56b4e9", (3, 2, 1, 2)),
    ("#111111", (1, 2)),
    ("#f0e442", (11, 3)),
)
QUIVER = 17
SPIKE = 0.1
"""a loss above this, after one next to nothing, is a spike"""
LEVELS = 12
MOST_HANDLES = 8


class Colours(NamedTuple):
    """A loss v becomes z = v or ln(v - offset), and its place in the table is (z - lo)/(hi - lo)."""

    name: str
    transform: str
    offset: float
    lo: float
    hi: float


class Field(NamedTuple):
    landscape: Landscape
    knobs: dict[str, float]
    colours: Colours
    quiver: tuple[float, float] | None
    """ln of the gradient norms that get the shortest and the longest arrow"""
    contours: bool
    quantity: str = "loss"
    shift: np.ndarray | None = None
    """over t: what is added to ln of the quantity before it is coloured, ln(η/c) for the sharpness against its threshold"""
    levels: int = LEVELS


class Picture(NamedTuple):
    result: Result
    colours: tuple[str, ...]
    dashes: tuple[tuple[int, ...], ...]
    fields: tuple[Field, ...]
    panels: tuple[Panel, ...]
    strips: tuple[Strip, ...]
    horizon_text: str
    summary: str

    @property
    def scene(self) -> Scene:
        return self.result.scene

    @property
    def handles(self) -> bool:
        """Whether the starts are drawn: not the many starts of a cloud."""
        return self.scene.view.trails or len(self.scene.points) <= MOST_HANDLES


def picture(result: Result) -> Picture:
    scene = result.scene
    window = view_window(scene)
    colours = tuple(run.run.colour or STYLES[i % len(STYLES)][0] for i, run in enumerate(result.runs))
    dashes = tuple(STYLES[i % len(STYLES)][1] for i in range(len(result.runs)))
    return Picture(
        result, colours, dashes, _fields(result, window), panels(result, window), strips(result),
        horizon_text(result), summary(result),
    )  # fmt: skip


TELLING = 0.65
"""the share of the way to its end, or to where rounding parts them, at which twins are shown best"""


def telling(picture: Picture) -> float:
    """The step that a picture alone shows best: the scene's own; of twins one before their horizon; else the last."""
    scene, horizons = picture.scene, [path.horizon for run in picture.result.runs for path in run.paths if path.horizon]
    if scene.view.at is not None:
        return scene.view.at
    if twin_pair(picture.result) is None:
        return float(scene.steps)
    return float(round(TELLING * min([scene.steps, *horizons])))


# ---------------------------------------------------------------------------------------------------------------------
# Windows


def view_window(scene: Scene) -> tuple[float, float, float, float]:
    """The scene's window, or the landscape's, widened so that every start is inside."""
    if scene.view.window is not None:
        return scene.view.window
    x0, x1, y0, y1 = scene.field.window
    reach = max([1.0] + [_outside(x, y, (x0, x1, y0, y1)) for x, y in scene.points if abs(x) + abs(y) < 1e12])
    cx, cy, hx, hy = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
    return cx - reach * hx, cx + reach * hx, cy - reach * hy, cy + reach * hy


def _outside(x: float, y: float, window: tuple[float, float, float, float]) -> float:
    x0, x1, y0, y1 = window
    return 1.12 * max(abs(2 * x - x0 - x1) / (x1 - x0), abs(2 * y - y0 - y1) / (y1 - y0))


# ---------------------------------------------------------------------------------------------------------------------
# The field: colours and arrows


SPREAD = float(np.log(8.0))
"""ln of the sharpness over its threshold at which colours end"""
DIVERGING, GRADIENT = "RdBu_r", "magma"


def _fields(result: Result, window: tuple[float, float, float, float]) -> tuple[Field, ...]:
    """The loss, and what is drawn beside it."""
    scene, first = result.scene, _field(result.scene, window)
    match scene.view.panels:
        case "sharpness":
            run, path = result.runs[0].motion, result.runs[0].paths[0]
            factor = threshold_factor(run, scene.steps, scene.field.scale_invariant)
            assert factor is not None, "the scene's check says so"
            colours = Colours(DIVERGING, "log", 0.0, -SPREAD, SPREAD)
            shift = path.log_learning_rate - np.log(factor)
            beside = first._replace(colours=colours, quantity="sharpness", shift=shift, contours=True, levels=2, quiver=None)
        case "gradient_norm":
            local = _over(scene.field, tuple(first.knobs.items()), window)
            norms = np.asarray(gradient_norm(local))
            norms = np.log(norms[np.isfinite(norms) & (norms > 0)])
            ends = tuple(float(q) for q in np.quantile(norms, (0.02, 0.98))) if len(norms) else (0.0, 1.0)
            beside = first._replace(colours=Colours(GRADIENT, "log", 0.0, *ends), quantity="gradient_norm", quiver=None)
        case _:
            return (first,)
    return first, beside


def _field(scene: Scene, window: tuple[float, float, float, float]) -> Field:
    knobs = scene.field.knob_values | scene.knobs
    scales = _scales(scene.field, tuple(knobs.items()), window)
    colours = Colours(scene.view.colour_map, *scales[0])
    return Field(scene.field, knobs, colours, scales[1] if scene.view.quiver else None, scene.view.contours)


@lru_cache(maxsize=64)
def _scales(
    landscape: Landscape, knobs: tuple, window: tuple
) -> tuple[tuple[str, float, float, float], tuple[float, float] | None]:
    """The colour scale and the arrow scale, from the loss and gradient on a grid over the window."""
    local = _over(landscape, knobs, window)
    loss = np.asarray(local.loss)[np.isfinite(local.loss)]
    norms = gradient_norm(local)
    norms = norms[np.isfinite(norms) & (norms > 0)]
    arrows = tuple(float(q) for q in np.quantile(np.log(norms), (0.05, 0.95))) if len(norms) else None
    return _colour_scale(loss), arrows  # type: ignore[return-value]


@lru_cache(maxsize=8)
def _over(landscape: Landscape, knobs: tuple, window: tuple) -> Local:
    """Loss and gradient on a grid over a window."""
    x0, x1, y0, y1 = window
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(x0, x1, 97), np.linspace(y0, y1, 97)))
    return landscape.local(x, y, dict(knobs), order=1)


def _colour_scale(loss: np.ndarray) -> tuple[str, float, float, float]:
    if not len(loss):
        return "linear", 0.0, 0.0, 1.0
    low, middle, high = (float(q) for q in np.quantile(loss, (0.0, 0.5, 0.98)))
    if high - low > 6 * (middle - low) > 0:
        soft = 2e-3 * (middle - low)
        return "log", low - soft, float(np.log(soft)), float(np.log(high - low + soft))
    return "linear", 0.0, low, high if high > low else low + 1.0


@lru_cache(maxsize=8)
def colour_table(name: str) -> np.ndarray:
    """256 RGB bytes of a perceptually uniform map, slightly desaturated so that the paths sing; shape (256, 3)."""
    from matplotlib import colormaps

    rgb = colormaps[name](np.linspace(0, 1, 256))[:, :3]
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    return np.rint(255 * (0.85 * rgb + 0.15 * grey[:, None])).astype(np.uint8)


# ---------------------------------------------------------------------------------------------------------------------
# Words


def remark(result: Result) -> str:
    """What the arithmetic and the axes have to say of the picture, after the caption."""
    return " ".join(filter(None, (_arithmetic(result), _axes(result.scene), _hatch(result.scene))))


def _axes(scene: Scene) -> str:
    """Said where one scale for both axes shows much that a scene's window leaves out."""
    if scene.view.window is None:
        return ""
    x0, x1, y0, y1 = scene.view.window
    return "" if 0.5 <= (x1 - x0) / (y1 - y0) <= 2 else "Both axes have one scale: the picture shows more than its window."


def _hatch(scene: Scene) -> str:
    """What the hatch means, where more of the picture than the surroundings of a point has no loss."""
    if scene.view.panels in ("projected", "portrait"):
        return ""
    loss = _over(scene.field, tuple((scene.field.knob_values | scene.knobs).items()), view_window(scene)).loss
    return "Hatched: there the loss has no value." if np.mean(~np.isfinite(loss)) > 0.005 else ""


def _arithmetic(result: Result) -> str:
    if result.scene.arithmetic == "shared":
        return "Both pictures are derived from one run: this shows the theorem and proves nothing."
    if result.scene.arithmetic == "certified":
        bits = max(path.bits or 0 for run in result.runs for path in run.paths)
        return f"Certified: every point is proven to a billionth of its norm, with {bits} bits."
    return " ".join(filter(None, (_images(result), _spiking(result))))


def _images(result: Result) -> str:
    """Of every run in other units, whether its path is the same."""
    said = []
    for run in result.runs:
        if run.run.image_of is not None:
            away, largest = verdict(result, run)
            size = "beyond all measure" if largest is None else f"{largest:.1g}"
            said.append(f"“{run.label}” {'moved' if away else 'did not move'} (difference {size}).")
    return " ".join(said)


def _spiking(result: Result) -> str:
    """How often the first path's loss jumps up from next to nothing, where it does so again and again."""
    motion, path, field = result.runs[0].motion, result.runs[0].paths[0], result.scene.field
    rates = (motion.learning_rate, motion.weight_decay)
    if not (field.scale_invariant and all(isinstance(rate, float) for rate in rates) and np.prod(rates) > 0):
        return ""
    count = len(spikes(path.loss, SPIKE))
    if count < 5 or np.quantile(path.loss, 0.25) > 1e-3 * SPIKE:
        return ""
    period = spike_period(path.loss, SPIKE)
    return f"{count} spikes, one every {period:.0f} steps: times ηλ that is {period * np.prod(rates):.2g}."


def lyapunov(result: Result) -> np.ndarray | None:
    """The first path's finite-time Lyapunov exponent over t, where errors have grown enough to call it chaotic."""
    path = result.runs[0].paths[0]
    chaotic = path.lyapunov is not None and path.lyapunov[-1] * path.steps > 20  # a short positive stretch is none yet
    return path.lyapunov if chaotic and path.status == "finished" else None


def horizon_text(result: Result) -> str:
    horizons = [path.horizon for run in result.runs for path in run.paths if path.horizon is not None]
    return f"{result.scene.arithmetic} is predictive until step {min(horizons)}" if horizons else ""


def summary(result: Result) -> str:
    """The run in words, made from its data: what a screen reader says of the picture."""
    scene = result.scene
    place = scene.field.title if scene.landscape else f"the loss {scene.formula}"
    runs = "; ".join(_run_summary(run) for run in result.runs)
    return f"{len(result.runs)} run{'s' * (len(result.runs) > 1)} of {scene.steps} steps on {place}. {runs}."


def _run_summary(run: RunResult) -> str:
    path: Path = run.paths[0]
    x, y = path.start
    angle = np.degrees(path.angle[-1])
    return (
        f"{run.label} starts at ({x:.3g}, {y:.3g}) and ends at loss {path.loss[-1]:.3g}, direction {angle:.1f} degrees, "
        f"norm {_power_of_ten(path.log_norm[-1])}: it {path.status_text}"
    )


def _power_of_ten(log: float) -> str:
    exponent = int(np.floor(log / np.log(10))) if np.isfinite(log) else 0
    return f"{np.exp(log):.3g}" if abs(exponent) < 5 else f"{np.exp(log - exponent * np.log(10)):.2g}e{exponent}"
