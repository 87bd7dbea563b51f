"""A sweep: one thing varies in every run, and a number of each is drawn over it, first roughly and then finely.

    value(x) = statistic(run at x),   or with `over`   argmin_z statistic(run at x, z)

What has left the plane by then is drawn as a cross at the edge. Guides are formulas of x.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from app.chart import sides
from app.chart.sheet import Axis, Curve, Plot, Sheet
from app.picture.picture import STYLES
from app.scene import Scene
from app.scene.charts import TRIES, guide_of, own_runs, swept
from dynamics.atlas import Axis as Varied
from dynamics.atlas import along
from dynamics.statistics import STATISTICS

COARSE = 16
"""points of the first picture"""
GUIDE = (6, 4)
GONE = "steps_to_diverge"


Told = tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]
"""of every x the number, how many repeats survived, and the least and the largest of those"""


class Series(NamedTuple):
    """One run's numbers along x, and of how many repeats each point has survived."""

    label: str
    statistic: str
    run: int
    values: np.ndarray
    survived: np.ndarray
    band: tuple[np.ndarray, np.ndarray]
    """the least and the largest of the repeats that survived"""

    def status(self, repeats: int) -> list[str]:
        return ["finished" if 2 * count > repeats else "diverged" for count in self.survived.tolist()]


class Swept(NamedTuple):
    x: np.ndarray
    series: tuple[Series, ...]


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    points = scene.chart.points
    for count in sorted({min(COARSE, points), points}):
        yield _sheet(scene, sweep(scene, count, cancel), count / points)


def sweep(scene: Scene, count: int | None = None, cancel: Callable[[], bool] | None = None) -> Swept:
    """The numbers of a scene's sweep at `count` values of x, as many as it has by default."""
    x = _across(scene).values(count or scene.chart.points)
    made: list[Series] = []
    for run in own_runs(scene):
        label = scene.labels[run]
        gone, *read = _asked(scene, run, x, (GONE, *scene.chart.statistics), cancel)
        for name, values in zip(scene.chart.statistics, read, strict=True):
            told = _best(scene, run, values, gone) if scene.chart.over else _plain(values, gone)
            made.append(Series(label, name, run, *told))
    return Swept(x, tuple(made))


def _across(scene: Scene) -> Varied:
    """What varies along x: the same for every run."""
    return swept(scene, own_runs(scene)[0])[0]


def _asked(
    scene: Scene, run: int, x: np.ndarray, statistics: tuple[str, ...], cancel: Callable[[], bool] | None
) -> list[np.ndarray]:
    """Of every statistic an array (x, tries, repeats); one try where nothing is sought over."""
    chart, axes = scene.chart, swept(scene, run)
    tries = axes[1].values(TRIES) if len(axes) > 1 else np.zeros(1)
    shape = len(x), len(tries), chart.repeats
    grid = np.broadcast_to(x[:, None, None], shape), np.broadcast_to(tries[None, :, None], shape)
    varied = {axis.name: values.reshape(-1) for axis, values in zip(axes, grid, strict=False)}
    steps = max(1, round(chart.at * scene.steps))
    told = [
        along(
            scene.field, scene.runs[run].motion, varied, name, steps, start=scene.points[0], knobs=scene.knobs,
            arithmetic=scene.arithmetic, seed=scene.seed, cancel=cancel,
        ).astype(float).reshape(shape)
        for name in statistics
    ]  # fmt: skip
    return told


def _plain(values: np.ndarray, gone: np.ndarray) -> Told:
    stays = np.isnan(gone[:, 0]) & np.isfinite(values[:, 0])
    middle, least, largest = (_over(f, np.where(stays, values[:, 0], np.nan)) for f in (np.nanmedian, np.nanmin, np.nanmax))
    return middle, stays.sum(axis=1), (least, largest)


def _best(scene: Scene, run: int, values: np.ndarray, gone: np.ndarray) -> Told:
    """What was tried and is best: where the median number is least, or the last before the first that is gone."""
    tries, repeats = swept(scene, run)[1].values(TRIES), scene.chart.repeats
    stays = np.isnan(gone) & np.isfinite(values)
    most = 2 * stays.sum(axis=2) > repeats
    if scene.chart.best == "stable":
        last = np.where(most.all(axis=1), len(tries), np.argmin(most, axis=1)) - 1
        found = np.where(last >= 0, tries[np.maximum(last, 0)], np.nan)
    else:
        number = np.where(most, _over(np.nanmedian, np.where(stays, values, np.nan)), np.inf)
        found = np.where(np.isfinite(number).any(axis=1), tries[np.argmin(number, axis=1)], np.nan)
    return found, np.where(np.isfinite(found), repeats, 0), (found, found)


def _over(measure: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    """A measure over the repeats, nan where none is left."""
    none = np.isnan(values).all(axis=-1)
    return np.where(none, np.nan, measure(np.where(none[..., None], 0.0, values), axis=-1))


# ---------------------------------------------------------------------------------------------------------------------


def _sheet(scene: Scene, made: Swept, done: float) -> Sheet:
    names = scene.chart.statistics
    x, rows = sides.shown(scene, own_runs(scene)[0], _across(scene)), max(1, len(names))
    plots = tuple(_plot(scene, made, name, x, (0, row, 1, 1)) for row, name in enumerate(names))
    return Sheet(plots, _caption(scene, made), rows=(1.0,) * rows, done=done)


def _plot(scene: Scene, made: Swept, name: str, x: Axis, cell: tuple[int, int, int, int]) -> Plot:
    chart, curves = scene.chart, []
    scale = sides.unit(_across(scene).name)
    mine = [series for series in made.series if series.statistic == name]
    guides = [(text, guide_of(text).loss(made.x, np.ones_like(made.x))) for text in chart.guides if cell[1] == 0]
    y = _up(scene, name, [s.values for s in mine] + [values for _, values in guides])
    for series in mine:
        run = scene.runs[series.run]
        colour, dash = STYLES[series.run % len(STYLES)]
        colour = run.colour or colour
        curves.append(Curve(made.x * scale, series.values, series.label, colour, dash, 2.0))
        if chart.repeats > 1 and not chart.over:
            curves += [Curve(made.x * scale, bound, "", colour, (1, 3), 1.0) for bound in series.band]
        gone = np.array([status == "diverged" for status in series.status(chart.repeats)])
        if gone.any():
            edge = y.at(0.985)
            curves.append(Curve(made.x[gone] * scale, np.full(gone.sum(), edge), "", colour, width=4.0, cross=True))
    curves += [Curve(made.x * scale, values, text, None, GUIDE, 1.5) for text, values in guides]
    return Plot(_titled(scene, name), x, y, cell, curves=tuple(curves), pick=True)


def _titled(scene: Scene, name: str) -> str:
    if scene.chart.over is None:
        return STATISTICS[name].title
    words = sides.words_of(scene, own_runs(scene)[0], swept(scene, own_runs(scene)[0])[1].name)
    if scene.chart.best == "stable":
        return f"Largest stable {words}"
    return f"Best {words}, by: {STATISTICS[name].title.lower()}"


def _up(scene: Scene, name: str, drawn: list[np.ndarray]) -> Axis:
    """The side that holds all that is finite, logarithmic where it spans decades."""
    values = np.concatenate(drawn) if drawn else np.zeros(0)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if scene.chart.over is not None and swept(scene, own_runs(scene)[0])[1].log or (low > 0 and high > 30 * low):
        return Axis(_titled(scene, name), low / 1.3, high * 1.6, log=True)
    room = 0.08 * (high - low) or 0.5
    return Axis(_titled(scene, name), low - room, high + 1.5 * room)


def _caption(scene: Scene, made: Swept) -> str:
    chart = scene.chart
    count = len(made.x) * chart.repeats * len(own_runs(scene)) * (TRIES if chart.over else 1)
    text = f"{count:,} runs".replace(",", "\u202f")
    if chart.at < 1:
        text += f", each read after {round(chart.at * scene.steps)} of its {scene.steps} steps"
    if chart.repeats > 1:
        text += f"; of {chart.repeats} with other noise the median, and the least and the largest"
    lost = {series.label for series in made.series if "diverged" in series.status(chart.repeats)}
    return text + (". A cross marks where a run is gone." if lost and not chart.over else ".")


def picked(scene: Scene, made: Sheet, where: dict[str, Any]) -> tuple[Scene, str]:
    """The run behind the nearest point of the nearest curve, as a scene of its own."""
    axis, scale = _across(scene), sides.unit(_across(scene).name)
    plot = made.plots[min(int(where.get("plot", 0)), len(made.plots) - 1)]
    named = [curve for curve in plot.curves if curve.label in scene.labels]
    across, up = plot.x.share(float(where["x"])), plot.y.share(float(where["y"]))
    i = int(np.argmin([abs(plot.x.share(x) - across) for x in named[0].x]))
    curve = min(named, key=lambda c: abs(plot.y.share(c.y[i]) - up) if np.isfinite(c.y[i]) else 2.0)
    run, shown = scene.labels.index(curve.label), float(curve.x[i])
    symbol = sides.knob_of(scene, run, axis.name).symbol or axis.name
    said = f"A point of the sweep: {curve.label} at {symbol} = {shown:.4g}."
    here = {axis.name: shown / scale}
    if scene.chart.over is not None and np.isfinite(curve.y[i]):
        here[swept(scene, run)[1].name] = float(curve.y[i])  # what was found to be best there
    return sides.at(scene, run, here), said


def data_of(scene: Scene) -> dict[str, Any]:
    """The sweep's numbers, as `zoomout run --json` gives them."""
    made = sweep(scene)

    def told(values: np.ndarray) -> list[float | None]:
        return [value if np.isfinite(value) else None for value in values.tolist()]

    return {
        "x": made.x.tolist(),
        "series": [
            {
                "label": series.label, "statistic": series.statistic, "values": told(series.values),
                "status": series.status(scene.chart.repeats), "survived": series.survived.tolist(),
            }
            for series in made.series
        ],
    }  # fmt: skip
