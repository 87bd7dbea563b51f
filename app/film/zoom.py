"""The film of a zoom: from the sides that a map began with to those that it has, in colours that hold still."""

from collections.abc import Iterator

import numpy as np

from app.chart.atlas import chunk, kinds, sheet
from app.chart.colours import Paint, paint
from app.chart.picture import Canvas
from app.chart.sheet import Sheet
from app.chart.zooming import between
from app.scene import Atlas, Scene, SceneError, budget
from app.scene.charts import side, sides_of
from dynamics.atlas import Atlas as Map
from dynamics.atlas import atlas
from dynamics.statistics import STATISTICS

LOOKS, COARSE = 7, 64
"""along the way so many small maps are made first, and the colours are chosen for all of them together"""
FINENESS = 0.42
"""pixels of the map per pixel of the film, each way"""


def check(scene: Scene, size: tuple[int, int], count: int, page: bool) -> None:
    if not isinstance(scene.chart, Atlas) or scene.chart.begin is None:
        raise SceneError(
            "film", "A chart's film is the zoom of an atlas: zoom in first, or give the chart's begin; or make a picture."
        )
    pixels = np.prod([max(COARSE, round(FINENESS * side)) for side in size])
    budget.check("zoom", int(pixels) * count * scene.steps, page)


def frames(scene: Scene, size: tuple[int, int], count: int, hold: int, theme: str) -> Iterator[np.ndarray]:
    """RGBA images, (height, width, 4): `count` on the way, then the last one `hold` times."""
    colours = _colours(scene)
    fine = tuple(max(COARSE, round(FINENESS * pixels)) for pixels in size)
    canvas: Canvas | None = None
    for k in range(count):
        seen = _sheet(scene, _map(scene, k / max(count - 1, 1), fine), colours)
        canvas = canvas or Canvas(seen, size, theme, scene.title)
        image = canvas.draw(seen)
        yield image
    for _ in range(hold):
        yield image


def _map(scene: Scene, share: float, size: tuple[int, int]) -> Map:
    chart = scene.chart
    run, _ = sides_of(scene, chart.x, chart.y)
    x, y = (between(side(a), side(b), share) for a, b in zip(chart.begin, (chart.x, chart.y), strict=True))
    return atlas(
        scene.field, scene.runs[run].motion, x, y, chart.statistic, scene.steps, size, start=scene.points[0],
        knobs=scene.knobs, arithmetic=scene.arithmetic, seed=scene.seed, chunk=chunk(scene.steps),
    )  # fmt: skip


def _colours(scene: Scene) -> Paint:
    statistic = STATISTICS[scene.chart.statistic]
    looks = [_map(scene, share, (COARSE, COARSE)).values for share in np.linspace(0, 1, LOOKS)]
    return paint(np.concatenate(looks), statistic, kinds(scene, statistic))


def _sheet(scene: Scene, made: Map, colours: Paint) -> Sheet:
    run, _ = sides_of(scene, scene.chart.x, scene.chart.y)
    return sheet(scene, run, made, colours)
