"""A scene as plain data: nested dicts, as TOML and JSON have them."""

import json
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from app.scene.charts import CHARTS
from app.scene.checks import SceneError
from app.scene.schema import PARTNERS, VERSION, Run, Scene, View
from dynamics.schedules import SCHEDULES


def to_data(scene: Scene) -> dict[str, Any]:
    """A scene as plain data, defaults left out, hyperparameters beside the run's other fields."""
    data = msgspec.to_builtins(scene)
    data = {"version": VERSION} | {key: value for key, value in data.items() if value not in ({}, None)}
    data["runs"] = [_flat(run) for run in msgspec.to_builtins(scene.runs)]
    data["landscape" if scene.landscape else "formula"] = scene.landscape or scene.formula
    data["steps"] = scene.steps
    if scene.chart is not None:
        data["chart"] = {name: value for name, value in msgspec.to_builtins(scene.chart).items() if value is not None}
    data["starts"] = [list(start) for start in scene.points]
    return data


def _flat(run: dict[str, Any]) -> dict[str, Any]:
    own = run.pop("hyperparameters", {})
    shown = {} if any(kind in run for kind in PARTNERS) else {"rule": "gd", "learning_rate": 0.1}
    return {"label": run.pop("label", "")} | shown | run | own


def from_data(data: Any) -> Scene:
    """A scene from plain data, or `SceneError` with one sentence."""
    if not isinstance(data, dict):
        raise SceneError("scene", "A scene is a table of fields such as landscape, steps and runs.")
    data = dict(data)
    if isinstance(data.get("runs"), list):
        data["runs"] = [_nested(run) if isinstance(run, dict) else run for run in data["runs"]]
    try:
        return msgspec.convert(data, Scene, strict=True)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, SceneError):
            raise error.__cause__ from None
        raise SceneError("scene", _sentence(error, data)) from None
    except RecursionError:
        raise SceneError("scene", "The scene is nested too deeply.") from None


def _nested(run: dict[str, Any]) -> dict[str, Any]:
    common = {field.name for field in msgspec.structs.fields(Run)} - {"hyperparameters"}
    own = {name: value for name, value in run.items() if name not in common}
    return {name: value for name, value in run.items() if name in common} | ({"hyperparameters": own} if own else {})


def _sentence(error: msgspec.ValidationError, data: dict[str, Any]) -> str:
    """msgspec says `Expected `int` >= 1 - at `$.steps``; people read `steps: expected a whole number of at least 1`."""
    reason, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$").lstrip(".")
    if "version" in place:
        return f"This scene has version {data.get('version')!r}; this zoomout reads version {VERSION}."
    if ".hyperparameters" in place:
        return f"{place.partition('.')[0]}: a hyperparameter of a rule is a number, or true or false."
    name = re.sub(r"\[\d+\]$", "", place.rpartition(".")[2])
    for pattern, words in _PLAIN_WORDS:
        reason = re.sub(pattern, words, reason)
    if name == "schedule":
        reason = f"there is no such schedule; there are {', '.join(SCHEDULES)}"
    elif place == "chart.kind":
        reason = f"there is no such chart; there are {', '.join(CHARTS)}"
    elif name in _CHOICES:
        reason = f"choose one of {', '.join(_CHOICES[name])}"
    elif "unknown field" in reason:
        reason = reason.replace("object contains unknown field", "there is no field called") + f"; {_fields_at(place, data)}"
    return f"{place or 'scene'}: {reason[:1].lower()}{reason[1:]}."


_PLAIN_WORDS = [
    (r"`str` matching regex .*", "a colour such as #d55e00"),
    (r"`float` [<>]= -?1e\+300", "a finite number"),
    (r"Object missing required field `(\w+)`", r"the field \1 is missing"),
    (r"Object contains unknown field `(\w+)`", r"object contains unknown field '\1'"),
    (r"`array` of length >= 1\b", "at least one"),
    (r">= (\S+)", r"of at least \1"),
    (r"> (\S+)", r"above \1"),
    (r"of length <= (\S+)", r"of at most \1"),
    (r"<= (\S+)", r"of at most \1"),
    (r"`float \| object`", "a number or a schedule"),
    (r"`float`", "a number"),
    (r"`int`", "a whole number"),
    (r"`str`", "text"),
    (r"`object`", "a table"),
    (r"`array`", "a list"),
    (r"`bool`", "true or false"),
    (r"\b(\d+)\.0\b", r"\1"),
    (r"`", ""),
]
_CHOICES = {
    field.name: get_args(field.type)
    for kind in (Scene, View, *SCHEDULES.values())
    for field in msgspec.structs.fields(kind)
    if get_origin(field.type) is Literal and field.name != "version"
}


def _fields_at(place: str, data: dict[str, Any]) -> str:
    """The fields that there are at a place of a scene."""
    if re.search(r"learning_rate$|weight_decay$", place):
        return "zoomout list schedules shows the fields of each"
    kind = Run if place.startswith("runs") else View if place.startswith("view") else Scene
    kind = CHARTS.get(data["chart"].get("kind"), Scene) if place.startswith("chart") else kind
    return f"there are {', '.join(field.name for field in msgspec.structs.fields(kind))}"


def parsed(text: str) -> Any:
    """JSON without what a scene cannot hold: fields that stand twice, infinities."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise SceneError("syntax", "A field stands twice in this scene; keep one of the two.")
        return dict(pairs)

    def refused(name: str) -> Any:
        raise SceneError("syntax", f"{name} is not a number that a scene can hold.")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except json.JSONDecodeError as error:
        raise SceneError(
            "syntax", f"This is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, SceneError):
            raise
        raise SceneError("syntax", "This JSON is nested too deeply or holds a number that is too long.") from None
