"""Normalisation: what a rule sees of the size of a loss, of its weights and of its data; batch norm, and fair races."""

from app.answer.result import Result
from app.edit.controls import Control, Group, group, note, select
from app.edit.probes import PROBES
from app.laboratory.laboratory import Page
from app.scene import Scene
from app.views import explore


def groups(scene: Scene, result: Result | None) -> list[Group]:
    first, *rest = explore.groups(scene, result)
    return [first, group("In other units", _probe(scene)), *rest]


def _probe(scene: Scene) -> list[Control | None]:
    """Every run beside its image in other units: whose path does not move?"""
    seen = {run.units for run in scene.runs if run.image_of is not None}
    options: list[tuple[str, ...]] = [("none", "as it is")]
    options += [(name, probe.words) for name, probe in PROBES.items() if scene.field.rows or name != "sum"]
    chosen = next((name for name, probe in PROBES.items() if seen == {probe.units(scene)}), "none" if not seen else "own")
    if chosen == "own":
        options.append(("own", "units of your own"))
    help = "Each run again, with the same numbers on the same loss in other units, drawn where it would be in these."
    return [
        select("probe", "The same with", chosen, options, help),
        note("Words under the picture say who did not move.") if seen else None,
    ]


PAGE = Page(
    "normalisation",
    "Whose step is it?",
    lambda scene: "The size of a loss, the length of weights, the spread of data: each is a rate that nobody chose.",
    groups,
)
