"""Ensembles: where noisy particles are over time, how far two of them are apart, and what does not mix."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from app.chart.colours import table_of
from app.chart.sheet import Axis, Curve, Mark, Plot, Raster, Sheet
from app.picture.picture import STYLES
from app.scene import Run, Scene, SceneError
from dynamics import ensemble as science
from dynamics.schedules import schedule

FEW = 2000
"""particles of the first, quick look"""
BINS, COARSE = 144, 24
MOST_SNAPSHOTS = 120
SHOWN = 4
"""ensembles whose histograms stand side by side; the others only appear in the curves"""


class Crowd(NamedTuple):
    """One ensemble: a run from one start."""

    label: str
    run: Run
    colour: str
    dash: tuple[float, ...]
    seen: science.Ensemble


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    most = scene.chart.particles
    for particles in sorted({min(FEW, most), most}):
        yield _sheet(scene, crowds(scene, particles, cancel), particles)


def _watched(steps: int) -> tuple[int, int]:
    """How many of the steps are made, at most a few fewer, so that they can be cut in so many equal parts."""
    parts = range(min(steps, MOST_SNAPSHOTS // 2), MOST_SNAPSHOTS + 1)
    return max((steps - steps % part, part) for part in parts if part <= steps)


def crowds(scene: Scene, particles: int, cancel: Callable[[], bool] | None = None) -> list[Crowd]:
    """An ensemble for every run and start, each with its own noise."""
    steps, snapshots = _watched(scene.steps)
    made: list[Crowd] = []
    for run, label in zip(scene.runs, scene.labels, strict=True):
        for k, start in enumerate(scene.points):
            seen = science.ensemble(
                scene.field, run.motion, [start], particles, steps, snapshots=snapshots, bins=BINS,
                tangential=scene.chart.tangential, knobs=scene.knobs, arithmetic=scene.arithmetic,
                seed=scene.seed + len(made), cancel=cancel,
            )  # fmt: skip
            colour, dash = STYLES[len(made) % len(STYLES)]
            if not (np.all(seen.counts.sum(axis=1)) and np.all(np.isfinite(seen.mean_square_norm))):
                raise SceneError("chart", f"The particles of {label!r} leave the plane; give them a smaller rate.")
            name = f"{label}, start {k + 1}" if len(scene.points) > 1 else label
            made.append(Crowd(name, run, run.colour or colour, dash, seen))
    return made


def _sheet(scene: Scene, made: list[Crowd], particles: int) -> Sheet:
    shown = made[:SHOWN]
    width = 12 // len(shown)
    tops = tuple(_histogram(crowd, (k * width, 0, width, 1)) for k, crowd in enumerate(shown))
    plots = (*tops, _final(scene, made), _distances(scene, made), _norms(made))
    done = 1.0 if particles == scene.chart.particles else particles / scene.chart.particles
    return Sheet(plots, _caption(scene, made, particles), columns=(1.0,) * 12, rows=(1.25, 1.0), done=done)


def _histogram(crowd: Crowd, cell: tuple[int, int, int, int]) -> Plot:
    seen = crowd.seen
    density = seen.density.T
    top = np.quantile(density, 0.995)
    levels = np.clip(np.sqrt(density / top), 0, 1) * 254
    steps = float(seen.times[-1])
    raster = Raster(levels.astype(np.uint8), table_of("cividis"), (0.0, steps, -180.0, 180.0), density)
    return Plot(
        crowd.label, Axis("step", 0.0, steps), Axis("angle", -180.0, 180.0, degrees=True), cell, raster,
        reading="particles per radian",
    )  # fmt: skip


def _final(scene: Scene, made: list[Crowd]) -> Plot:
    middle = np.degrees((made[0].seen.edges[1:] + made[0].seen.edges[:-1]) / 2)
    curves = [Curve(middle, c.seen.density[-1], c.label, c.colour, c.dash) for c in made]
    law = law_of(scene, made[0].run)
    if law is not None:
        curves.append(Curve(middle, law * BINS / (2 * np.pi), "Gibbs’s law", None, (2, 3), 1.5))
    top = max(float(curve.y.max()) for curve in curves)
    return Plot(
        "At the end: density of the angle", Axis("angle", -180.0, 180.0, degrees=True),
        Axis("per radian", 0.0, 1.1 * top), (0, 1, 4, 1), curves=tuple(curves),
    )  # fmt: skip


def _last(run: Run, steps: int) -> tuple[int, float, float]:
    """Since when the rates are what they are at the end, and these: η and λ."""
    eta, lam = (schedule(rate).rates(steps).value for rate in (run.learning_rate, run.weight_decay))
    changed = np.flatnonzero((np.diff(eta) != 0) | (np.diff(lam) != 0))
    return int(changed[-1]) + 1 if len(changed) else 0, float(eta[-1]), float(lam[-1])


def law_of(scene: Scene, run: Run) -> np.ndarray | None:
    """Gibbs's law for the run's last rates, where the noise is tangential and there is something to balance it."""
    _, eta, lam = _last(run, scene.steps)
    motion = run.motion
    if motion.shaken or not (scene.chart.tangential and motion.plain and run.noise > 0 and 0 < eta * lam < 1):
        return None
    return science.gibbs(scene.field, run.noise, eta, lam, BINS, scene.knobs)


def coarse(counts: np.ndarray) -> np.ndarray:
    """Histograms of fewer, wider bins: fine ones are mostly sampling noise."""
    return counts.reshape(*counts.shape[:-1], COARSE, -1).sum(axis=-1)


def _distances(scene: Scene, made: list[Crowd]) -> Plot:
    """How far histograms are apart over time, and how far apart samples of one law would be."""
    first, law, n = made[0], law_of(scene, made[0].run), int(made[0].seen.counts[0].sum())
    counts = [coarse(crowd.seen.counts) for crowd in made]
    if len(made) > 1:
        curves = [
            Curve(c.seen.times, science.distance(counts[0], other), f"from {c.label}", c.colour, c.dash)
            for c, other in zip(made[1:], counts[1:], strict=True)
        ]
        floor, title = science.distance_floor(counts[0][-1], n, n), f"L1 distance of {first.label}"
    elif law is not None:
        curves = [Curve(first.seen.times, science.distance(counts[0], coarse(law)), "from Gibbs’s law", first.colour)]
        floor, title = science.distance_floor(coarse(law), n), "L1 distance"
    else:
        curves = [Curve(first.seen.times, science.distance(counts[0], counts[0][-1]), "from the end", first.colour)]
        floor, title = science.distance_floor(counts[0][-1], n, n), "L1 distance"
    marks = [Mark("sampling floor", y=floor)]
    since, eta, lam = _last(first.run, scene.steps)
    if 0 < eta * lam and since + 1 / (eta * lam) < scene.steps:
        marks.append(Mark("1/(ηλ) later" if since else "1/(ηλ)", x=since + 1 / (eta * lam)))
    return Plot(
        title, Axis("step", 0.0, float(scene.steps)), Axis("Σ|p − q|", 0.0, 2.05), (4, 1, 4, 1), curves=tuple(curves),
        marks=tuple(marks),
    )  # fmt: skip


def _norms(made: list[Crowd]) -> Plot:
    curves = [Curve(c.seen.times, np.sqrt(c.seen.mean_square_norm), c.label, c.colour, c.dash) for c in made]
    norms = np.concatenate([curve.y for curve in curves])
    low, high = float(norms.min()), float(norms.max())
    return Plot(
        "Norm, root mean square", Axis("step", 0.0, float(made[0].seen.times[-1])),
        Axis("‖w‖", low / 1.3, high * 1.3, log=True), (8, 1, 4, 1), curves=tuple(curves),
    )  # fmt: skip


def _caption(scene: Scene, made: list[Crowd], particles: int) -> str:
    count = f"{particles:,}".replace(",", "\u202f")
    text = f"{len(made)} ensembles of {count} particles each." if len(made) > 1 else f"{count} particles."
    if len(made) < 2:
        return text
    counts = [coarse(crowd.seen.counts[-1]) for crowd in made]
    apart = max(float(science.distance(counts[0], other)) for other in counts[1:])
    floor = science.distance_floor(counts[0], particles, particles)
    norms = [float(np.sqrt(crowd.seen.mean_square_norm[-1])) for crowd in made]
    if apart < 1.25 * floor:
        text += f" At the end their angles agree as well as samples can (L1 {apart:.3f}, floor {floor:.3f})"
        ratio = max(norms) / min(norms)
        text += f", while their norms differ by a factor of {ratio:.3g}." if ratio > 1.05 else ", and so do their norms."
    else:
        text += f" At the end their angles still differ: L1 {apart:.3f}, where samples of one law are {floor:.3f} apart."
    return text
