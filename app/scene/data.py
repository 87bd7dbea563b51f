"""A scene as plain data: nested dicts, as TOML and JSON have them."""

import json
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from app.scene.changes import changed
from app.scene.charts import CHARTS
from app.scene.error import SceneError
from app.scene.presets import preset_data
from app.scene.schema import PARTNERS, VERSION, Run, Scene, View
from app.scene.spelling import field_names, perhaps
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
    data = _based(data)
    if isinstance(data.get("runs"), list):
        data["runs"] = [_nested(run) if isinstance(run, dict) else run for run in data["runs"]]
    try:
        return msgspec.convert(_whole(data), Scene, strict=True)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, SceneError):
            raise error.__cause__ from None
        raise SceneError("scene", _sentence(error, data)) from None
    except RecursionError:
        raise SceneError("scene", "The scene is nested too deeply.") from None


OF_A_LOSS = ("landscape", "formula", "data", "knobs", "starts")
"""fields that say nothing of another loss"""


def from_preset(name: Any) -> Scene:
    """The scene of a preset, or `SceneError` with a name that there is."""
    return from_data({"preset": name})


def _based(data: dict[str, Any]) -> dict[str, Any]:
    """The data themselves; of those that name a preset, the preset with what they say otherwise and with their `change`."""
    own = dict(data)
    name, change = own.pop("preset", None), own.pop("change", {})
    if name is None and not change:
        return own
    base = preset_data(name) if name is not None else {}
    if "landscape" in own or "formula" in own:
        base = {field: value for field, value in base.items() if field not in OF_A_LOSS}
    merged = {f: base[f] | own[f] for f in ("view", "knobs") if isinstance(own.get(f), dict) and f in base}
    return changed(base | own | merged, change)


def _whole(data: Any, counts: bool = False) -> Any:
    """Data in which 300.0 steps are 300: programs that know one kind of number write whole ones so."""
    if isinstance(data, dict):
        return {name: _whole(value, name in _COUNTS) for name, value in data.items()}
    if isinstance(data, list):
        return [_whole(value, counts) for value in data]
    return int(data) if counts and isinstance(data, float) and data.is_integer() and abs(data) < 2**53 else data


def _counts(kind: Any) -> bool:
    """Whether a type is a whole number, or a list of such."""
    return kind is int or any(map(_counts, get_args(kind)))


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
        hint = _word_for(place, data)
        return f"{place.partition('.')[0]}: a hyperparameter of a rule is a number, or true or false.{hint}"
    name = re.sub(r"\[\d+\]$", "", place.rpartition(".")[2])
    for pattern, words in _PLAIN_WORDS:
        reason = re.sub(pattern, words, reason)
    if name == "schedule":
        reason = f"there is no such schedule; there are {', '.join(SCHEDULES)}"
    elif place == "chart.kind":
        reason = f"there is no such chart; there are {', '.join(CHARTS)}"
    elif name in _CHOICES:
        reason = f"choose one of {', '.join(_CHOICES[name])}"
    elif found := re.search(r"unknown field '(\w+)'", reason):
        reason = f"there is no field called '{found[1]}'; {meant(found[1], place) or _fields_at(place, data)}"
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
_COUNTS = {"version"} | {
    field.name for kind in (Scene, *CHARTS.values(), *SCHEDULES.values()) for field in msgspec.structs.fields(kind)
    if _counts(field.type)
}  # fmt: skip
_CHOICES = {
    field.name: get_args(field.type)
    for kind in (Scene, View, *SCHEDULES.values())
    for field in msgspec.structs.fields(kind)
    if get_origin(field.type) is Literal and field.name != "version"
}


def _word_for(place: str, data: dict[str, Any]) -> str:
    """A hint where a run's field with a word in it is none of ours."""
    run = data["runs"][int(re.search(r"\d+", place)[0])].get("hyperparameters", {})
    hints = (meant(name, "runs") for name, value in run.items() if not isinstance(value, (int, float)))
    return next((f" {hint[0].upper()}{hint[1:]}?" for hint in hints if hint), "")


def meant(name: str, place: str) -> str | None:
    """The field that a misspelt or foreign name stands for at a place of a scene, as a hint."""
    kind = Run if place.startswith("run") else View if place.startswith("view") else Scene
    return perhaps(name, field_names(kind))


def _fields_at(place: str, data: dict[str, Any]) -> str:
    """The fields that there are at a place of a scene."""
    if re.search(r"learning_rate$|weight_decay$", place):
        return "zoomout list schedules shows the fields of each"
    kind = Run if place.startswith("runs") else View if place.startswith("view") else Scene
    kind = CHARTS.get(data["chart"].get("kind"), Scene) if place.startswith("chart") else kind
    return f"there are {', '.join(field.name for field in msgspec.structs.fields(kind))}"


def _paired(text: str) -> str:
    """The text, or a refusal where half a character stands in it."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise SceneError("text", "This text holds half of a character (an unpaired surrogate), which no text may.") from None
    except (ValueError, RecursionError):
        pass  # what is wrong with it is said below
    return text


def parsed(text: str) -> Any:
    """JSON without what a scene cannot hold: fields that stand twice, infinities."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise SceneError("syntax", "A field stands twice in this scene; keep one of the two.")
        return dict(pairs)

    def refused(name: str) -> Any:
        raise SceneError("syntax", f"{name} is not a number that a scene can hold.")

    if any("\ud800" <= character <= "\udfff" for character in text) or re.search(r"\\u[dD][89a-fA-F]", text):
        text = _paired(text)
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
