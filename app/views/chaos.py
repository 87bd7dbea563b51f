"""Chaos: why weight decay never lets it rest, where it is regular after all, and what many noisy runs have in common."""

from app.laboratory import Page
from app.presets import CHAOS
from app.rail.chart_controls import chart_groups
from app.rail.controls import Group
from app.result import Result
from app.scene import Distances, Scene
from app.views import explore


def groups(scene: Scene, result: Result | None) -> list[Group]:
    if result is not None:
        return explore.groups(scene, result)
    return chart_groups(scene, only_scale_invariant=not isinstance(scene.chart, Distances))


PAGE = Page(
    "chaos",
    "Never at rest",
    "Weight decay shrinks the weights until the step is too long: then it jumps, and all begins again.",
    CHAOS,
    groups,
)
