"""Explore: any loss, any rules, racing from one start or several."""

from app.answer.result import Result
from app.edit.controls import (
    Control,
    Group,
    colour_select,
    data_group,
    group,
    landscape_group,
    more_run_controls,
    name_control,
    note,
    run_controls,
    strips_group,
    time_group,
)
from app.laboratory.laboratory import Page
from app.picture.picture import MOST_HANDLES
from app.scene import Scene
from dynamics import RULES


def groups(scene: Scene, result: Result | None) -> list[Group]:
    made = [landscape_group(scene, only_scale_invariant=False)]
    for i, run in enumerate(scene.runs):
        title = "Runs" if i == 0 else ""
        own: list[Control | None] = [name_control(scene, i, removable=len(scene.runs) > 1)]
        if scene.partner(run) is None:
            own += run_controls(scene, i, list(RULES))
        made.append(group(title, own))
        if scene.partner(run) is None:
            made.append(group(f"More of {scene.labels[i]}", more_run_controls(scene, i), more=f"more:{i}"))
    if len(scene.runs) < 8:
        made.append(group("", [{"kind": "button", "id": "run:add", "label": "Add a run"}]))
    made.append(group("Starts", _starts(scene)))
    if (data := data_group(scene)) is not None:
        made.append(data)
    made.append(time_group(scene, pictures=False))
    made.append(strips_group(scene))
    made.append(group("Colours", [colour_select(scene)], more="colours"))
    return made


def _starts(scene: Scene) -> list[Control | None]:
    rows: list[Control | None] = []
    many = len(scene.points) > MOST_HANDLES
    if many or not scene.view.trails:
        help = "Without trails the paths are a cloud: of each only where it is."
        rows.append({"kind": "toggle", "id": "view:trails", "label": "Trails", "value": scene.view.trails, "help": help})
    if many:
        clear = {"kind": "button", "id": "start:clear", "label": "Keep only the first"}
        return [note(f"{len(scene.points)} starts."), *rows, clear]
    for i, (x, y) in enumerate(scene.points):
        remove = f"start:{i}:remove" if len(scene.points) > 1 else None
        rows.append(
            {
                "kind": "entry",
                "id": f"start:{i}",
                "label": f"Start {i + 1}",
                "value": f"{x:.12g}, {y:.12g}".replace("-", "−"),
                "remove": remove,
            }
        )
    if len(scene.points) < MOST_HANDLES:
        rows.append({"kind": "button", "id": "start:add", "label": "Add a start"})
    return rows


PAGE = Page(
    "explore",
    "Explore",
    lambda scene: "Any loss, any rules, from one start or several: drag the start, change a rate, add a rival.",
    groups,
)
