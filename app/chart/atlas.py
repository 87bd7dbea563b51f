"""The atlas: a map of runs, coarse to fine; and the run behind a pixel."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec.structs import replace

from app.answer.result import simulate
from app.chart import sides
from app.chart.colours import Paint, paint
from app.chart.sheet import Card, Curve, Plot, Raster, Sheet
from app.chart.zooming import zoomed as zoomed
from app.scene import Scene
from app.scene.charts import sides_of
from dynamics.atlas import Atlas, refined
from dynamics.critical import border_of
from dynamics.schedules import schedule
from dynamics.statistics import STATISTICS, Statistic, wells
from dynamics.varied import MOST_FOLLOWED, Varied

COARSEST, FINEST = 64, 512
MOST_STEPS = 2_000_000_000
"""of all runs of a map together; longer runs make a coarser map"""
CHUNK = 8192
"""lanes at a time: one size, so that one program serves all grids; fewer where long runs could not stop soon"""
MOST_DRAWN = 1000
"""points of a card's little path: a line that crosses itself a hundred thousand times holds a browser up for minutes"""


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    run, (x, y) = sides_of(scene, scene.chart.x, scene.chart.y)
    each = scene.steps if scene.chart.settle is None else MOST_FOLLOWED
    size = max(s for s in (FINEST >> k for k in range(4)) if s == COARSEST or s * s * each <= MOST_STEPS)
    grids = refined(
        COARSEST, landscape=scene.field, run=scene.runs[run].motion, x=x, y=y, statistic=scene.chart.statistic,
        steps=scene.steps, size=size, start=scene.points[0], knobs=scene.knobs, arithmetic=scene.arithmetic,
        seed=scene.seed, cancel=cancel, chunk=chunk(each), settle=scene.chart.settle,
    )  # fmt: skip
    for made in grids:
        yield sheet(scene, run, made)._replace(done=(len(made.x) / size) ** 2)


def chunk(steps: int) -> int:
    return max(256, CHUNK >> max(0, (steps // 16_000).bit_length()))


def sheet(scene: Scene, run: int, made: Atlas, colours: Paint | None = None) -> Sheet:
    """The map as a plot; in colours of its own, equalised over its values, unless others are given."""
    statistic = STATISTICS[made.statistic]
    words = kinds(scene, statistic)
    colours = colours or paint(made.values, statistic, words)
    across, up = (sides.shown(scene, run, axis) for axis in made.axes)
    rows, columns = made.values.shape
    window = (*across.edges(columns), *up.edges(rows))
    raster = Raster(colours.levels(made.values), colours.table, window, made.values)
    key = colours.key("per step" if "exponent" in statistic.title else "")
    plot = Plot(
        statistic.title, across, up, raster=raster, key=key, zoom=True, pick=True, hover=True,
        reading=statistic.title.lower(), words=words, equal={axis.name for axis in made.axes} == {"x", "y"},
        curves=_border(scene, run, made),
    )  # fmt: skip
    words = caption(scene, run, rows * columns, statistic)
    words += "" if np.isfinite(made.values).all() else " Grey: no value."
    for name, values in (("columns", made.x), ("rows", made.y)):
        apart = len(np.unique(values.astype(scene.arithmetic if scene.arithmetic == "float32" else float)))
        words += "" if apart == len(values) else f" {scene.arithmetic} tells only {apart} of {len(values)} {name} apart."
    return Sheet((plot,), words)


def _border(scene: Scene, run: int, made: Atlas) -> tuple[Curve, ...]:
    """What a theorem says of a map of starts: the border of those that survive."""
    known = border_of(scene.field, scene.runs[run].motion)
    if known is None or [axis.name for axis in made.axes] != ["x", "y"]:
        return ()
    return (Curve(*known, "exact border", "#d55e00", (5.0, 4.0), 2.0),)


def kinds(scene: Scene, statistic: Statistic) -> tuple[str, ...]:
    """The names of a statistic's values, where they count kinds; those of basins are where their minima lie."""
    if statistic is not STATISTICS["basin"]:
        return statistic.words
    places = wells(scene.field, scene.knobs)
    if scene.field.scale_invariant:
        return tuple(f"well at {np.degrees(np.arctan2(y, x)):.0f}°".replace("-", "−") for x, y in places)
    return tuple(f"({x:.3g}, {y:.3g})".replace("-", "−") for x, y in places)


def caption(scene: Scene, run: int, count: int, statistic: Statistic) -> str:
    """What a pixel is and what its colour says."""
    place = scene.field.title if scene.landscape else "a loss of your own"
    settle = getattr(scene.chart, "settle", None)
    steps = f"{grouped(scene.steps)} steps"
    if settle is not None:
        steps = f"{settle:g}/(ηλ) steps (at least {grouped(scene.steps)}, at most {grouped(MOST_FOLLOWED)})"
    return f"{grouped(count)} runs of {steps} on {place}, one a pixel. {statistic.title}: {statistic.sentence}"


def grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def place(scene: Scene, column: int, row: int, columns: int, rows: int) -> tuple[int, dict[str, float]]:
    """Which run a pixel belongs to, and the values of the two axes there."""
    run, (x, y) = sides_of(scene, scene.chart.x, scene.chart.y)
    return run, {x.name: float(x.values(columns)[column]), y.name: float(y.values(rows)[row])}


def found_at(scene: Scene, run: int, here: dict[str, float]) -> Scene:
    """The run behind a pixel, as long as the map followed it."""
    found = sides.at(scene, run, here)
    if scene.chart.settle is None:
        return found
    motion = found.runs[0].motion
    rates = [schedule(rate)(0) for rate in (motion.learning_rate, motion.weight_decay)]
    runs = Varied(scene.field, motion, ("x", "y"), scene.steps, settle=scene.chart.settle)
    return replace(found, steps=int(runs.followed(*rates)))


def picked(scene: Scene, made: Sheet, where: dict[str, Any]) -> tuple[Scene, str]:
    """The run behind a pixel as a scene of its own, and what the map says of it."""
    column, row, columns, rows = _pixel(made.plots[0], where)
    seen = card(scene, made, where)
    said = "; ".join(line for line in seen.lines[:2] if line)
    return found_at(scene, *place(scene, column, row, columns, rows)), f"A pixel of the map: {seen.title}. {said}."


def _pixel(plot: Plot, where: dict[str, Any]) -> tuple[int, int, int, int]:
    """Column and row of the pixel at a place, and how many there are; the page may still show a coarser map."""
    rows, columns = plot.raster.levels.shape
    return plot.x.pixel(float(where["x"]), columns), plot.y.pixel(float(where["y"]), rows), columns, rows


def card(scene: Scene, made: Sheet, where: dict[str, Any]) -> Card:
    """The little path of the run behind a pixel, its value, and how far it can be trusted."""
    plot = made.plots[0]
    column, row, columns, rows = _pixel(plot, where)
    value = float(plot.raster.values[row, column])
    run, here = place(scene, column, row, columns, rows)
    found = found_at(scene, run, here)
    path = simulate(found).runs[0].paths[0]
    fine = np.flatnonzero(np.isfinite(path.x) & np.isfinite(path.y))
    fine = fine[np.unique(np.linspace(0, len(fine) - 1, min(len(fine), MOST_DRAWN)).astype(int))]
    lines = [f"{plot.reading}: {read(value, plot.words)}", trusted(path.horizon, found)]
    if path.status != "finished":
        lines.append(f"the run {path.status_text}")
    symbols = {name: sides.knob_of(scene, run, name).symbol or name for name in here}
    title = ", ".join(f"{symbols[name]} = {v * sides.unit(name):.3g}" for name, v in here.items())
    across, up = plot.x.centre(column, columns), plot.y.centre(row, rows)
    return Card(0, across, up, title.replace("-", "−"), tuple(filter(None, lines)), (path.x[fine], path.y[fine]))


def read(value: float, words: tuple[str, ...]) -> str:
    if not np.isfinite(value):
        return "none"
    return words[int(value)] if words else f"{value:.4g}".replace("-", "−")


def trusted(horizon: int | None, scene: Scene) -> str:
    """Whether the path is the path, or only a typical one."""
    if scene.runs[0].motion.noisy:
        return "the noise is another draw here: this is a typical run, not the run"
    if horizon is None or horizon >= scene.steps:
        return ""
    return f"{scene.arithmetic} predicts it until step {horizon}; beyond, this is a typical run, not the run"
