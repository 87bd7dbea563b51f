"""Charts: what a scene may show instead of its paths, computed coarse to fine and drawn by one component.

sheet      plots on axes (rasters, curves, marks), and their bytes for the page
colours    values to colours, every one as frequent as any other
sides      axes in words and degrees, and what a run is at a place        zooming   windows
atlas, orbits, portrait, ensemble, distances, averages, sweep, race      a scene's chart -> finer and finer sheets
picture    a sheet as png, svg or pdf            film   a zoom            chart.js  a sheet on the page
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from app.chart import atlas, averages, distances, ensemble, orbits, portrait, race, sweep
from app.chart.sheet import Card, Sheet, data
from app.scene import Atlas, Averages, Distances, Ensemble, Orbits, Portrait, Race, Scene, SceneError, Sweep
from app.scene.charts import side
from dynamics.lanes import Cancelled

KINDS: dict[type, ModuleType] = {
    Atlas: atlas, Orbits: orbits, Portrait: portrait, Ensemble: ensemble, Distances: distances, Averages: averages,
    Sweep: sweep, Race: race,
}  # fmt: skip
WINDOW = ("x", "y", "window", "begin")
"""fields of charts that say what part of them is seen"""


def _kind(scene: Scene) -> ModuleType:
    return KINDS[type(scene.chart)]


def sheets(scene: Scene, cancel: Callable[[], bool] | None = None) -> Iterator[Sheet]:
    """The scene's chart, finer and finer; the last sheet is the whole. `cancel` is asked between chunks of work."""
    try:
        yield from _kind(scene).sheets(scene, cancel)
    except Cancelled:
        return


def whole(scene: Scene) -> Sheet:
    """The scene's chart, as fine as it gets."""
    *_, last = sheets(scene)
    return last


def data_of(scene: Scene) -> dict[str, Any]:
    """The chart's numbers as plain data: a kind's own table, or all that is drawn by name."""
    kind = _kind(scene)
    return kind.data_of(scene) if hasattr(kind, "data_of") else data(whole(scene))


def subject(scene: Scene) -> tuple[Any, ...]:
    """What a scene's chart is about: its kind and what varies along its sides, wherever one looks."""
    return type(scene.chart), *(side(text).path for name in "xy" if (text := getattr(scene.chart, name, None)))


def zoomed(scene: Scene, window: tuple[float, float, float, float]) -> Scene:
    """The scene with its chart over another window, given in the numbers that the axes show."""
    if not hasattr(_kind(scene), "zoomed"):
        raise SceneError("chart", "This chart is seen whole; there is nothing finer in it to look at.")
    return _kind(scene).zoomed(scene, window)


def seen_as(scene: Scene, other: Scene) -> Scene:
    """The scene with its chart over the window of another one of its kind; all else stays as it is."""
    window = {name: getattr(other.chart, name) for name in WINDOW if hasattr(scene.chart, name)}
    return replace(scene, chart=replace(scene.chart, **window))


def picked(scene: Scene, made: Sheet, where: dict[str, Any]) -> tuple[Scene, str]:
    """What a click on the chart leads to (a scene of paths, or the chart with one orbit more), and a word about it."""
    return _kind(scene).picked(scene, made, where)


def card(scene: Scene, made: Sheet, where: dict[str, Any]) -> Card | None:
    """What is under the pointer, as a little picture."""
    return _kind(scene).card(scene, made, where) if hasattr(_kind(scene), "card") else None
