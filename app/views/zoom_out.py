"""Zoom out: weight decay on the left, its twin without decay seen through a zooming camera on the right."""

from app.laboratory import Page
from app.presets import ZOOM_OUT
from app.rail.controls import (
    Control,
    Group,
    colour_select,
    ghost_toggle,
    group,
    landscape_group,
    limit_note,
    more_run_controls,
    note,
    run_controls,
    time_group,
    twin_note,
)
from app.result import Result
from app.scene import Scene

RULES = ["gd", "sign", "unit_gradient", "unit_loss", "adamw"]


def groups(scene: Scene, result: Result | None) -> list[Group]:
    return [
        landscape_group(scene, only_scale_invariant=True),
        group("The run with weight decay", run_controls(scene, 0, RULES)),
        group("Its twin", [note(twin_note(result), "strong"), note(limit) if (limit := limit_note(scene)) else None]),
        time_group(scene, pictures=True),
        group("Ghost, schedules, noise, colours", _more(scene), more="more"),
    ]


def _more(scene: Scene) -> list[Control | None]:
    return [ghost_toggle(scene), *more_run_controls(scene, 0), colour_select(scene)]


PAGE = Page(
    "zoom-out",
    "The same walk, seen through a zooming lens",
    "Weight decay at a constant rate, and no decay at an exponentially growing one.",
    ZOOM_OUT,
    groups,
)
