"""Looking closer: windows of a chart as axes and scenes, and the way from one to another."""

import math

from msgspec.structs import replace

from app.chart import sides
from app.scene import Scene, SceneError
from app.scene.charts import NEVER_NEGATIVE, Side, side
from dynamics.atlas import Axis

CLOSEST = {"float32": 7e-5, "float64": 1.3e-13}
"""how narrow a side may get, relative to its numbers, before neighbouring pixels are the same number"""


def narrowed(text: str, low: float, high: float, arithmetic: str) -> str:
    """The side from low to high as shown; never below what its numbers may be, nor closer than they can be told apart."""
    given = side(text)
    low, high = (end / sides.unit(given.axis.name) for end in (low, high))
    if given.axis.name in NEVER_NEGATIVE:
        low = max(low, 0.0)
    if given.axis.log:
        low = max(low, 1e-12)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SceneError("axis", "A window has finite ends, the lower one first.")
    if high - low < CLOSEST[arithmetic] * max(abs(low), abs(high)):
        more = "; float64 goes deeper." if arithmetic == "float32" else "."
        raise SceneError("axis", f"This is as close as {arithmetic} can tell neighbouring pixels apart{more}")
    return given._replace(axis=given.axis._replace(low=low, high=high)).text


def zoomed(scene: Scene, window: tuple[float, float, float, float]) -> Scene:
    """The scene's atlas over another window; it remembers where the zoom began."""
    chart = scene.chart
    x = narrowed(chart.x, *window[:2], scene.arithmetic)
    y = narrowed(chart.y, *window[2:], scene.arithmetic)
    return replace(scene, chart=replace(chart, x=x, y=y, begin=chart.begin or (chart.x, chart.y)))


def between(first: Side, last: Side, share: float) -> Axis:
    """The side on the way from one to the other: its width shrinks by the same factor in the same time, about one point."""
    (name, a0, b0, log), (_, a1, b1, _) = first.axis, last.axis
    if log:
        a0, b0, a1, b1 = map(math.log, (a0, b0, a1, b1))
    w0, w1 = b0 - a0, b1 - a1
    w = w0 ** (1 - share) * w1**share
    if abs(w0 - w1) < 1e-9 * w0:
        low = a0 + share * (a1 - a0)
    else:
        still = (a1 - a0) / (w0 - w1)  # the share of the width that lies below the point that does not move
        low = a0 + still * (w0 - w)
    low, high = (math.exp(low), math.exp(low + w)) if log else (low, low + w)
    return Axis(name, low, high, log)
