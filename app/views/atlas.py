"""Atlas: two things vary, a million runs, one number of each."""

from app.laboratory import Page
from app.presets import ATLAS
from app.rail.chart_controls import chart_groups
from app.rail.controls import Group
from app.result import Result
from app.scene import Scene


def groups(scene: Scene, result: Result | None) -> list[Group]:
    return chart_groups(scene, only_scale_invariant=False)


PAGE = Page(
    "atlas",
    "A map of runs",
    "Every pixel is a run: drag a rectangle to look closer, rest on a pixel to see its path, click to open it.",
    ATLAS,
    groups,
)
