"""What an average of weights is worth: its loss over how many iterates are averaged, within a well and across two."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from app.chart.ensemble import FEW
from app.chart.sheet import Axis, Curve, Mark, Plot, Sheet
from app.picture.picture import STYLES
from app.scene import Scene
from app.scene.charts import MOST_AVERAGED
from dynamics import averages as science
from dynamics.statistics import wells


class Average(NamedTuple):
    """The mean loss of averages of `counts` iterates."""

    label: str
    counts: np.ndarray
    loss: np.ndarray


class Well(NamedTuple):
    name: str
    bottom: float


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    most = scene.chart.particles
    for particles in sorted({min(FEW, most), most}):
        iterates = [_iterates(scene, k, particles, cancel) for k in range(min(2, len(scene.points)))]
        yield _sheet(scene, iterates, particles, particles / most)


def _iterates(scene: Scene, start: int, particles: int, cancel: Callable[[], bool] | None) -> science.Points:
    """Of every particle from one start; each start has its own noise."""
    times = scene.steps + scene.chart.apart * np.arange(MOST_AVERAGED)
    return science.positions(
        scene.field, scene.runs[0].motion, [scene.points[start]], particles, times, tangential=scene.chart.tangential,
        knobs=scene.knobs, arithmetic=scene.arithmetic, seed=scene.seed + start, cancel=cancel,
    )  # fmt: skip


def _sheet(scene: Scene, iterates: list[science.Points], particles: int, done: float) -> Sheet:
    held = [_well(scene, points[-1]) for points in iterates]
    within = [_average(scene, f"within {well.name}", points, 1) for well, points in zip(held, iterates, strict=True)]
    across = [_average(scene, "across the two", np.concatenate(_alternating(iterates)), 2)] if len(iterates) > 1 else []
    curves = tuple(Curve(a.counts, a.loss, a.label, *STYLES[k], 2.5) for k, a in enumerate([*within, *across]))
    side = _side(np.concatenate([curve.y for curve in curves]), "mean loss")
    marks = [Mark(f"bottom of {well.name}", y=well.bottom) for well in dict.fromkeys(held) if well.bottom > side.low]
    above = tuple(curve._replace(y=curve.y - well.bottom) for curve, well in zip(curves, held, strict=False))
    height = _side(np.concatenate([curve.y for curve in above]), "mean loss above the bottom")
    count = Axis("iterates averaged, k", 1.0, float(MOST_AVERAGED), log=True)
    plots = (
        Plot("The loss of an average of weights", count, side, curves=curves, marks=tuple(marks)),
        Plot("Above the bottom of its well", count, height, (1, 0, 1, 1), curves=above),
    )
    return Sheet(plots, _caption(held, within, across, particles), columns=(1.5, 1.0), done=done)


def _side(losses: np.ndarray, label: str) -> Axis:
    """Logarithmic where the losses are positive and far apart, with a little room below them for the bottoms of wells."""
    losses = losses[np.isfinite(losses)]
    low, high = (float(losses.min()), float(losses.max())) if len(losses) else (0.0, 1.0)
    if 0 < 5 * low < high:
        return Axis(label, low / 1.4, high * 1.25, log=True)
    pad = 0.1 * (high - low) or 0.1
    return Axis(label, low - pad, high + pad)


def _alternating(iterates: list[science.Points]) -> list[science.Points]:
    """One iterate of each run in turn: of any even number half come from each."""
    return [points[k : k + 1] for k in range(MOST_AVERAGED) for points in iterates]


def _average(scene: Scene, label: str, points: science.Points, first: int) -> Average:
    counts = [k for k in (1 << j for j in range(MOST_AVERAGED.bit_length())) if first <= k]
    loss = [science.averaged(scene.field, points[:k], scene.knobs).mean() for k in counts]
    return Average(label, np.array(counts), np.array(loss, float))


def _well(scene: Scene, points: np.ndarray) -> Well:
    """The minimum nearest to most of the particles: by angle where the loss ignores length."""
    invariant, places = scene.field.scale_invariant, wells(scene.field, scene.knobs)
    at = points / np.hypot(*points.T)[:, None] if invariant else points
    distances = np.square(at[:, None] - places).sum(axis=2)
    x, y = places[np.bincount(distances.argmin(axis=1), minlength=len(places)).argmax()]
    name = f"the well at {np.degrees(np.arctan2(y, x)):.0f}°" if invariant else f"the well at ({x:.3g}, {y:.3g})"
    return Well(name.replace("-", "−"), float(scene.field.loss(np.array([x]), np.array([y]), scene.knobs)[0]))


def _caption(held: list[Well], within: list[Average], across: list[Average], particles: int) -> str:
    count = f"{particles:,}".replace(",", "\u202f")
    text = f"{count} particles from each start." if len(held) > 1 else f"{count} particles."
    for well, made in zip(held, within, strict=True):
        text += f" In {well.name} one iterate has loss {made.loss[0]:.3g}, the average of {made.counts[-1]} of one run "
        text += f"{made.loss[-1]:.3g}."
    for made in across:
        text += f" The average of {made.counts[-1]} that come half from each has {made.loss[-1]:.3g}"
        text += _verdict(made.loss[-1], within, held)
    return text + " Two weights show what happens within one basin of a network, not what its basins are like."


def _verdict(loss: float, within: list[Average], held: list[Well]) -> str:
    if held[0] == held[1]:
        return ": both starts are in one well."
    if loss > max(made.loss[0] for made in within):
        return ", more than a single iterate of either: between two wells lies a hill."
    return ", less than a single iterate of either." if loss < min(made.loss[0] for made in within) else "."
