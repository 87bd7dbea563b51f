"""What is to be seen of a result: panels, fields, strips, caption. The stage, the film and the page all draw this.

Colours, colour scales and arrow lengths are decided here once, so that a film's frame is the stage's frame.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from app.panels import Panel, panels, twin_pair
from app.result import Result, RunResult
from app.scene import Scene
from dynamics import Path
from dynamics.sharpness import log_sharpness_over_threshold, threshold_factor
from landscapes import Landscape, gradient_norm

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
LEVELS = 12


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


class Line(NamedTuple):
    run: int
    path: int
    values: np.ndarray
    runaway: bool = False
    """of a path that diverged: it does not set the strip's range"""


class Strip(NamedTuple):
    """A small chart over t. With `log`, the values are natural logarithms and the axis shows what they are logs of."""

    title: str
    log: bool
    lines: tuple[Line, ...]
    threshold: float | None = None
    threshold_label: str = ""
    guides: tuple[tuple[np.ndarray, str], ...] = ()
    """lines over t that belong to no run, each with its label"""

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest value shown: of the paths that did not diverge, without dust below a double's last digit
        and without a lone spike."""
        calm = [line.values for line in self.lines if not line.runaway]
        values = np.concatenate(calm or [line.values for line in self.lines])
        values = values[np.isfinite(values)]
        if not len(values):
            return 0.0, 1.0
        low, most, high = float(values.min()), float(np.quantile(values, 0.95)), float(values.max())
        if self.log and high > np.log(1e-12):
            low = max(low, float(np.log(1e-17)))
        if not self.log and high - most > 50 * (most - low) > 0:
            high = most + 0.2 * (most - low)
        return low, high


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


def picture(result: Result) -> Picture:
    scene = result.scene
    window = view_window(scene)
    colours = tuple(run.run.colour or STYLES[i % len(STYLES)][0] for i, run in enumerate(result.runs))
    dashes = tuple(STYLES[i % len(STYLES)][1] for i in range(len(result.runs)))
    return Picture(
        result, colours, dashes, (_field(scene, window),), panels(result, window), _strips(result),
        horizon_text(result), summary(result),
    )  # fmt: skip


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
    x0, x1, y0, y1 = window
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(x0, x1, 97), np.linspace(y0, y1, 97)))
    local = landscape.local(x, y, dict(knobs), order=1)
    loss = np.asarray(local.loss)[np.isfinite(local.loss)]
    norms = gradient_norm(local)
    norms = norms[np.isfinite(norms) & (norms > 0)]
    arrows = tuple(float(q) for q in np.quantile(np.log(norms), (0.05, 0.95))) if len(norms) else None
    return _colour_scale(loss), arrows  # type: ignore[return-value]


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
# Strips


def _strips(result: Result) -> tuple[Strip, ...]:
    strips = [
        _chart("loss L", result, lambda path: path.loss),
        _log_chart("weight norm ‖w‖", result, lambda path: path.log_norm),
    ]
    if result.scene.field.scale_invariant:
        power = {run.paths[0].length for run in result.runs}
        title = "effective rate " + ("η/‖w‖²" if power == {2} else "η/‖w‖" if power == {1} else "")
        strips.append(_log_chart(title.strip(), result, lambda path: path.log_learning_rate - path.length * path.log_norm))
    strips.append(_sharpness_strip(result))
    pair = twin_pair(result)
    if pair is not None:
        with np.errstate(divide="ignore"):
            lines = tuple(Line(pair[1], p, np.log(gap)) for p, gap in enumerate(result.runs[pair[1]].gaps))
        strips.append(Strip("gap between the two", True, lines, guides=_error_growth(result, pair[0])))
    flows = [(r, run) for r, run in enumerate(result.runs) if run.run.flow_of is not None]
    if flows:
        with np.errstate(divide="ignore"):
            lines = tuple(Line(r, p, np.log(gap)) for r, run in flows for p, gap in enumerate(run.gaps))
        strips.append(Strip("distance to the flow", True, lines))
    return tuple(strips)


def _error_growth(result: Result, partner: int) -> tuple[tuple[np.ndarray, str], ...]:
    """ε e^(λt): how one rounding error grows at the path's Lyapunov exponent λ, up to the size of the picture."""
    path = result.runs[partner].paths[0]
    if path.lyapunov is None or not np.isfinite(path.lyapunov[-1]) or path.lyapunov[-1] <= 0:
        return ()
    t = np.arange(path.steps + 1)
    exponent, roundoff = float(path.lyapunov[-1]), 2.0**-24 if result.scene.arithmetic == "float32" else 2.0**-53
    line = np.log(roundoff) + exponent * t
    return ((np.where(line < np.log(2.0), line, np.nan), f"ε·exp({exponent:.2g} t)"),)


def _lines(result: Result, read: Any) -> tuple[Line, ...]:
    return tuple(_line(r, p, path, read(path)) for r, run in enumerate(result.runs) for p, path in enumerate(run.paths))


def _line(run: int, index: int, path: Path, values: np.ndarray) -> Line:
    """The values up to where the path ended; a path that diverged has none afterwards."""
    diverged = path.status == "diverged" and path.stopped_at is not None
    if diverged:
        values = np.where(np.arange(len(values)) < path.stopped_at, values, np.nan)
    return Line(run, index, values, diverged)


def _log_chart(title: str, result: Result, read: Any) -> Strip:
    return Strip(title, True, _lines(result, read))


def _chart(title: str, result: Result, read: Any) -> Strip:
    """Logarithmic where the values are positive and span more than three decades."""
    lines = _lines(result, read)
    values = np.concatenate([line.values for line in lines if not line.runaway] or [line.values for line in lines])
    values = values[np.isfinite(values)]
    if len(values) and values.min() >= 0 and _decades(values) > 3:
        with np.errstate(divide="ignore"):
            return Strip(title, True, tuple(line._replace(values=np.log(line.values)) for line in lines))
    return Strip(title, False, lines)


def _decades(values: np.ndarray) -> float:
    positive = values[values > 0]
    return float(np.log10(positive.max() / np.quantile(positive, 0.02))) if len(positive) else 0.0


def _sharpness_strip(result: Result) -> Strip:
    lines, plain = [], True
    for r, run in enumerate(result.runs):
        factor = threshold_factor(run.motion, result.scene.steps, result.scene.field.scale_invariant)
        if factor is not None:
            plain = plain and bool(np.all(factor == 2.0))
            lines += [_line(r, p, path, log_sharpness_over_threshold(path, factor)) for p, path in enumerate(run.paths)]
    if lines:
        title = "sharpness ÷ (2/η)" if plain else "sharpness ÷ its threshold"
        return Strip(title, True, tuple(lines), 0.0, "edge of stability")
    return _chart("sharpness", result, lambda path: path.sharpness)


# ---------------------------------------------------------------------------------------------------------------------
# Words


def remark(result: Result) -> str:
    """What the arithmetic has to say of the picture, after the caption."""
    if result.scene.arithmetic == "shared":
        return "Both pictures are derived from one run: this shows the theorem and proves nothing."
    if result.scene.arithmetic == "certified":
        bits = max(path.bits or 0 for run in result.runs for path in run.paths)
        return f"Certified: every point is proven to a billionth of its norm, with {bits} bits."
    return ""


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
