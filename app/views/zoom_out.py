"""Zoom out: weight decay on the left, its twin without decay seen through a zooming camera on the right."""

from app.answer.result import Result
from app.edit.controls import (
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
    strips_group,
    time_group,
    twin_note,
)
from app.laboratory.laboratory import Page
from app.picture.panels import compared
from app.scene import Scene
from dynamics.schedules import Schedule

RULES = ["gd", "sign", "unit_gradient", "unit_loss", "adamw"]


def groups(scene: Scene, result: Result | None) -> list[Group]:
    return [
        landscape_group(scene, only_scale_invariant=True),
        group("The run with weight decay", run_controls(scene, 0, RULES)),
        group("Its twin", [note(twin_note(result), "strong"), note(limit) if (limit := limit_note(scene)) else None]),
        time_group(scene, pictures=True),
        strips_group(scene),
        group("Ghost, schedules, noise, colours", _more(scene), more="more"),
    ]


def _more(scene: Scene) -> list[Control | None]:
    return [ghost_toggle(scene), *more_run_controls(scene, 0), colour_select(scene)]


def subtitle(scene: Scene) -> str:
    """What the two pictures are of, as long as they are."""
    if not any(run.twin_of for run in scene.runs):
        return "A run on a loss of your choice; with weight decay it may have a twin without."
    decay, rate = scene.runs[0].weight_decay, scene.runs[0].learning_rate
    if decay == 0:
        return "Without weight decay the twin's rate is the run's own, and both are one walk."
    constant = not any(isinstance(each, Schedule) for each in (decay, rate))
    words = f"Weight decay{' at a constant rate' if constant else ''}, and no decay at a learning rate that makes up for it."
    return f"{words} The ring on the right points where the left disc does." if compared(scene) else words


PAGE = Page(
    "zoom-out",
    "The same walk, seen through a zooming lens",
    subtitle,
    groups,
)
