"""The strips under a picture: small charts of one quantity over the steps, each made by a function of the result."""

from collections.abc import Callable
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from app.answer.result import Result
from app.picture.panels import twin_pair
from app.scene import Scene
from dynamics import Path
from dynamics.path import wrapped
from dynamics.preconditioner import stretches
from dynamics.sharpness import log_over_threshold, threshold_factor
from dynamics.spikes import best_so_far

CROWD = 12
"""paths of a run; beyond it a strip shows what most of them do"""
SHARES = (0.1, 0.5, 0.9)
"""of a crowd that lie below its band, below its line, and below the band's upper end"""


class Line(NamedTuple):
    run: int
    path: int | None
    """None for the median of a crowd"""
    values: np.ndarray
    runaway: bool = False
    """of a path that diverged: it does not set the strip's range"""
    band: tuple[np.ndarray, np.ndarray] | None = None
    """of a crowd: between these are eight in ten"""


class Strip(NamedTuple):
    """A small chart over t. With `log`, the values are natural logarithms and the axis shows what they are logs of."""

    title: str
    log: bool
    lines: tuple[Line, ...]
    threshold: float | None = None
    threshold_label: str = ""
    guides: tuple[tuple[np.ndarray, str], ...] = ()
    """lines over t that belong to no run, each with its label"""
    name: str = ""
    """what it is called in a scene's view"""

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest value shown: of the paths that did not diverge, without dust below a double's last digit
        and without a lone spike."""
        calm = [values for line in self.lines if not line.runaway for values in (line.values, *(line.band or ()))]
        guides = [values for values, _ in self.guides]
        values = np.concatenate((calm or [line.values for line in self.lines]) + guides)
        values = values[np.isfinite(values)]
        if not len(values):
            return 0.0, 1.0
        low, most, high = float(values.min()), float(np.quantile(values, 0.95)), float(values.max())
        if self.log and high > np.log(1e-12):
            low = max(low, float(np.log(1e-17)))
        if not self.log and high - most > 50 * (most - low) > 0:
            high = most + 0.2 * (most - low)
        return low, high


def strips(result: Result) -> tuple[Strip, ...]:
    """Those that the scene's view names; without names, those that say something of this result."""
    made = ((name, MAKERS[name].make(result)) for name in shown(result.scene))
    return tuple(
        _crowded(_told(_scaled(strip, result.scene.view.strip_scale)))._replace(name=name)
        for name, strip in made
        if strip is not None
    )


def shown(scene: Scene) -> tuple[str, ...]:
    """The names of a scene's strips, in their order."""
    if scene.view.strips is not None:
        return scene.view.strips
    twins = any(run.twin_of for run in scene.runs)
    of_many = ("sharpness", "flow", "image")
    return ("loss", "norm", "effective_rate", *(("gap",) if twins else of_many))


def _scaled(strip: Strip, scale: str) -> Strip:
    """The strip on the axis that was asked for; what is not above zero has no logarithm."""
    if scale == "auto" or strip.log == (scale == "log"):
        return strip
    change = np.log if scale == "log" else np.exp

    def changed(values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            made = change(values)
        return np.where(np.isfinite(made), made, np.nan)

    lines = tuple(
        line._replace(values=changed(line.values), band=line.band and tuple(map(changed, line.band))) for line in strip.lines
    )
    threshold = None if strip.threshold is None else float(changed(np.array(strip.threshold, dtype=float)))
    return strip._replace(
        log=scale == "log", lines=lines, threshold=threshold if threshold is not None and np.isfinite(threshold) else None,
        guides=tuple((changed(values), label) for values, label in strip.guides),
    )  # fmt: skip


def _told(strip: Strip) -> Strip:
    """A strip of logarithms of nothing but zeros says that they are zero."""
    values = np.concatenate([line.values for line in strip.lines])
    if not strip.log or not len(values) or not np.all(np.isneginf(values) | np.isnan(values)) or np.isnan(values).all():
        return strip
    zeros = tuple(line._replace(values=np.where(np.isnan(line.values), np.nan, 0.0)) for line in strip.lines)
    return Strip(f"{strip.title}: none", False, zeros)


def _crowded(strip: Strip) -> Strip:
    """A line for every path of a run or, of many, one line and a band."""
    made: list[Line] = []
    for _, of_run in groupby(strip.lines, lambda line: line.run):
        lines = list(of_run)
        made += lines if len(lines) <= CROWD else [_crowd(lines)]
    return strip._replace(lines=tuple(made))


def _crowd(lines: list[Line]) -> Line:
    """At every step the median of the paths that have a value, and the band of most of them."""
    ordered = np.sort([line.values for line in lines], axis=0)  # what has no value comes last
    last = np.maximum(np.count_nonzero(~np.isnan(ordered), axis=0) - 1, 0)
    low, middle, high = (ordered[np.rint(share * last).astype(int), np.arange(len(last))] for share in SHARES)
    return Line(lines[0].run, None, middle, any(line.runaway for line in lines), (low, high))


def _loss(result: Result) -> Strip:
    return _chart("loss L", result, lambda path: path.loss)


def _best(result: Result) -> Strip:
    return _chart("best loss so far", result, lambda path: best_so_far(path.loss))


def _norm(result: Result) -> Strip:
    return _log_chart("weight norm ‖w‖", result, lambda path: path.log_norm)


def _gradient_norm(result: Result) -> Strip:
    return _chart("gradient norm ‖∇L‖", result, lambda path: path.gradient_norm)


def _step(result: Result) -> Strip:
    """ln ‖w_{t+1} − w_t‖, from frames, so that no length overflows; the last point has no step."""

    def length(path: Path) -> np.ndarray:
        grown = np.exp(np.minimum(np.diff(path.frame_log), 60))
        with np.errstate(all="ignore"):
            moved = np.hypot(path.frame_x[1:] * grown - path.frame_x[:-1], path.frame_y[1:] * grown - path.frame_y[:-1])
            return np.append(path.frame_log[:-1] + np.log(moved), np.nan)

    return _log_chart("step length", result, length)


def _turn(result: Result) -> Strip:
    """How far the direction turns at each step, in degrees; the last point has no step."""

    def turned(path: Path) -> np.ndarray:
        return np.append(np.degrees(np.abs(wrapped(np.diff(path.angle)))), np.nan)

    return _chart("turn a step (°)", result, turned)


def _effective_rate(result: Result) -> Strip | None:
    if not result.scene.field.scale_invariant:
        return None
    power = {run.paths[0].length for run in result.runs}
    title = "effective rate " + ("η/‖w‖²" if power == {2} else "η/‖w‖" if power == {1} else "")
    return _log_chart(title.strip(), result, lambda path: path.log_learning_rate - path.length * path.log_norm)


def _gap(result: Result) -> Strip | None:
    pair = twin_pair(result)
    if pair is None:
        return None
    with np.errstate(divide="ignore"):
        lines = tuple(Line(pair[1], p, np.log(gap)) for p, gap in enumerate(result.runs[pair[1]].gaps))
    return Strip("gap between the two", True, lines, guides=_error_growth(result, pair[0]))


def _flow(result: Result) -> Strip | None:
    return _distance(result, "flow_of", "distance to the flow")


def _image(result: Result) -> Strip | None:
    return _distance(result, "image_of", "difference from the original")


def _distance(result: Result, kind: str, title: str) -> Strip | None:
    """Of every run that is such a partner of another one: ln of its relative distance to it."""
    runs = [(r, run) for r, run in enumerate(result.runs) if getattr(run.run, kind) is not None]
    with np.errstate(divide="ignore"):
        lines = tuple(Line(r, p, np.log(gap)) for r, run in runs for p, gap in enumerate(run.gaps))
    return Strip(title, True, lines) if runs else None


SETTLING = 20
"""the part of the steps, one in so many, after which a finite-time exponent says something"""


def _lyapunov(result: Result) -> Strip | None:
    """Both exponents so far, of the paths whose small errors are followed."""
    lines, second = [], ()
    for r, run in enumerate(result.runs):
        for p, path in enumerate(run.paths):
            if path.lyapunov is not None:
                settled = np.arange(len(path.lyapunov)) >= path.steps / SETTLING
                lines.append(Line(r, p, np.where(settled, path.lyapunov, np.nan)))
                if path.area_growth is not None and not second:
                    second = ((np.where(settled, path.area_growth - path.lyapunov, np.nan), "λ₂"),)
    return Strip("Lyapunov exponents λ₁, λ₂ so far", False, tuple(lines), 0.0, "", second) if lines else None


def _error_growth(result: Result, partner: int) -> tuple[tuple[np.ndarray, str], ...]:
    """ε e^(λt): how one rounding error grows at the path's Lyapunov exponent λ, up to the size of the picture."""
    path = result.runs[partner].paths[0]
    if path.lyapunov is None or not np.isfinite(path.lyapunov[-1]) or path.lyapunov[-1] <= 0:
        return ()
    t = np.arange(path.steps + 1)
    exponent, roundoff = float(path.lyapunov[-1]), 2.0**-24 if result.scene.arithmetic == "float32" else 2.0**-53
    line = np.log(roundoff) + exponent * t
    return ((np.where(line < np.log(2.0), line, np.nan), "as predicted"),)


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
    scene, lines = result.scene, []
    for r, run in enumerate(result.runs):
        over = [log_over_threshold(scene.field, run.motion, path, scene.knobs) for path in run.paths]
        lines += [_line(r, p, path, v) for p, (path, v) in enumerate(zip(run.paths, over, strict=True)) if v is not None]
    if lines:
        plain = all(_doubled(result, line.run) for line in lines)
        title = "sharpness ÷ (2/η)" if plain else "sharpness ÷ its threshold"
        return Strip(title, True, tuple(lines), 0.0, "edge of stability")
    return _chart("sharpness (no threshold known)", result, lambda path: path.sharpness)


def _doubled(result: Result, run: int) -> bool:
    """Whether the run's threshold is 2/η, of the sharpness itself."""
    motion = result.runs[run].motion
    factor = threshold_factor(motion, result.scene.steps, result.scene.field.scale_invariant)
    return factor is not None and not stretches(motion.rule) and bool(np.all(factor == 2.0))


class Maker(NamedTuple):
    label: str
    """what the strip is called where it is chosen"""
    make: Callable[[Result], Strip | None]


MAKERS = {
    "loss": Maker("Loss over the steps", _loss),
    "best": Maker("Best loss so far", _best),
    "norm": Maker("Weight norm", _norm),
    "gradient_norm": Maker("Gradient norm", _gradient_norm),
    "step": Maker("Step length", _step),
    "turn": Maker("Turn a step", _turn),
    "effective_rate": Maker("Effective learning rate", _effective_rate),
    "sharpness": Maker("Sharpness", _sharpness_strip),
    "gap": Maker("Gap between twins", _gap),
    "flow": Maker("Distance to the flow", _flow),
    "image": Maker("Difference from the original", _image),
    "lyapunov": Maker("Lyapunov exponents", _lyapunov),
}
