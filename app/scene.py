"""A scene says everything: landscape, starts, runs, steps, arithmetic and view, in one frozen, versioned value.

It goes to and from TOML, JSON, a link and Python source. This is the only file that knows about links, and the one
schema that every door (page, command, file, link) is checked by.
"""

import base64
import json
import math
import re
import tomllib
import unicodedata
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import numpy as np
from msgspec import Meta, Struct

from dynamics import Run as Motion
from dynamics import precise, rules
from dynamics.rules import Knob
from dynamics.schedules import SCHEDULES, AnySchedule, Rate
from landscapes import FormulaError, Landscape, named, typed

VERSION = 1
MAX_STEPS, MAX_POINTS, MAX_FILE, MAX_LINK = 200_000, 20_000_000, 1_000_000, 8_000
MAX_CERTIFIED_POINTS = 100_000

Label = Annotated[str, Meta(max_length=80)]
Coordinate = Annotated[float, Meta(ge=-1e300, le=1e300)]
Start = tuple[Coordinate, Coordinate]
Arithmetic = Literal["float64", "float32", "certified", "shared"]
ColourMap = Literal["cividis", "viridis", "magma", "gray"]
ARITHMETICS: tuple[str, ...] = get_args(Arithmetic)
COLOUR_MAPS: tuple[str, ...] = get_args(ColourMap)


class SceneError(ValueError):
    """Why a scene is refused: a code for programs, a sentence for people, a column where there is one."""

    def __init__(self, code: str, message: str, column: int | None = None):
        super().__init__(message)
        self.code, self.message, self.column = code, message, column


class Run(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One run: a rule with its rates. The rule's own hyperparameters stand beside these fields in a file."""

    label: Label = ""
    rule: str = "gd"
    learning_rate: Rate | AnySchedule = 0.1
    weight_decay: Rate | AnySchedule = 0.0
    clip_norm: Annotated[float, Meta(gt=0, le=1e300)] | None = None
    noise: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    twin_of: Label | None = None
    ghost_of: Label | None = None
    """the same run, started one unit in the last place away"""
    colour: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")] | None = None
    hyperparameters: dict[str, float | bool] = {}

    def __hash__(self) -> int:
        # a schedule may hold lists, so the rates are left to equality
        return hash((self.label, self.rule, self.twin_of, self.ghost_of, self.clip_norm, self.noise))


class View(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """How it is looked at. Everything has a sensible default."""

    window: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    colour_map: ColourMap = "cividis"
    quiver: bool = True
    contours: bool = False
    panels: Literal["auto", "one", "two", "three", "projected", "portrait"] = "auto"
    camera: Literal["zoom", "fixed"] = "zoom"
    theme: Literal["light", "dark"] = "light"
    seconds: Annotated[float, Meta(gt=0, le=600)] = 11.0


class Scene(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A complete experiment. `landscape` names a built-in loss; `formula` writes one; exactly one of the two."""

    version: Literal[1] = VERSION
    title: Annotated[str, Meta(max_length=200)] = ""
    landscape: str | None = None
    formula: str | None = None
    starts: Annotated[tuple[Start, ...], Meta(min_length=1, max_length=256)] | None = None
    steps: Annotated[int, Meta(ge=1)] = 300
    arithmetic: Arithmetic = "float64"
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    knobs: dict[str, float] = {}
    runs: Annotated[tuple[Run, ...], Meta(min_length=1, max_length=12)] = (Run(),)
    view: View = View()

    def __post_init__(self) -> None:
        _check(self)

    def __hash__(self) -> int:
        return hash((self.landscape, self.formula, self.starts, self.steps, self.seed, self.arithmetic, self.runs))

    @property
    def field(self) -> Landscape:
        """The landscape itself, with its knobs' ranges."""
        return _landscape(self.landscape, self.formula, tuple(self.knobs.items()))

    @property
    def points(self) -> tuple[Start, ...]:
        return self.starts or (self.field.start,)

    @property
    def labels(self) -> list[str]:
        """The runs' labels; a run without one is called by its rule."""
        names = [run.label or _unnamed(run) for run in self.runs]
        made: list[str] = []
        for i, name in enumerate(names):
            numbered = (f"{name} {k}" for k in range(1, len(names) + 2))
            made.append(name if names.count(name) == 1 else next(n for n in numbered if n not in made + names[i + 1 :]))
        return made

    def partner(self, run: Run) -> Run | None:
        """The run that this one is the twin or the ghost of."""
        name = run.twin_of or run.ghost_of
        return None if name is None else self.runs[self.labels.index(name)]


def _unnamed(run: Run) -> str:
    if run.twin_of or run.ghost_of:
        return f"twin of {run.twin_of}" if run.twin_of else f"ghost of {run.ghost_of}"
    return run.rule


# ---------------------------------------------------------------------------------------------------------------------
# Checks that a schema of types cannot say


@lru_cache(maxsize=64)
def _landscape(name: str | None, formula: str | None, knobs: tuple[tuple[str, float], ...]) -> Landscape:
    return named(name) if name is not None else typed(formula or "", dict(knobs))


def _check(scene: Scene) -> None:
    if (scene.landscape is None) == (scene.formula is None):
        raise SceneError(
            "landscape", "A scene has either a landscape (a built-in name) or a formula, exactly one of the two."
        )
    try:
        field = scene.field
    except FormulaError as error:
        raise SceneError(error.code, error.message, error.column) from None
    for text in (scene.title, *(run.label for run in scene.runs)):
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            raise SceneError("text", "A title or label is one line of ordinary text, without control characters.")
    for name, value in scene.knobs.items():
        if name not in field.knob_values:
            known = ", ".join(field.knob_values) or "none"
            raise SceneError("knobs", f"The landscape has no knob called {name[:32]!r}; its knobs: {known}.")
        if not math.isfinite(value):
            raise SceneError("knobs", f"The knob {name} needs a finite number.")
    for knob in field.knobs:
        value = scene.knobs.get(knob.name, knob.value)
        if not knob.low <= value <= knob.high:
            between = f"between {knob.low:g} and {knob.high:g}"
            raise SceneError("knobs", f"The knob {knob.name} lies {between}; {value:g} does not.")
    if not all(math.isfinite(c) for start in scene.starts or () for c in start):
        raise SceneError("starts", "Every start needs two finite numbers.")
    if field.scale_invariant and any(start == (0, 0) for start in scene.points):
        raise SceneError(
            "starts", "The origin has no direction, so a scale-invariant loss has no value there; start elsewhere."
        )
    _check_values(scene, field)
    _check_budget(scene)
    _check_view(scene.view)
    for run, label in zip(scene.runs, scene.labels, strict=True):
        _check_run(scene, run, label)


def _check_values(scene: Scene, field: Landscape) -> None:
    """A start must be a number of the arithmetic, and the loss must have a value there."""
    for x, y in scene.points:
        if scene.arithmetic == "float32" and not field.scale_invariant and max(abs(x), abs(y)) > 3e38:
            raise SceneError("starts", f"float32 cannot hold the start ({x:g}, {y:g}); use float64 or start nearer.")
        if math.isnan(float(field.loss(np.array([x]), np.array([y]), scene.knobs)[0])):
            raise SceneError("starts", f"The loss has no value at the start ({x:g}, {y:g}); start elsewhere.")


def _check_budget(scene: Scene) -> None:
    if scene.steps > MAX_STEPS:
        raise SceneError(
            "budget", f"A path has at most {MAX_STEPS:,} steps; {scene.steps:,} were asked for.".replace(",", " ")
        )
    recorded = scene.steps * len(scene.points) * len(scene.runs)
    most, which = (MAX_CERTIFIED_POINTS, "certified ") if scene.arithmetic == "certified" else (MAX_POINTS, "")
    if recorded > most:
        raise SceneError(
            "budget",
            f"At most {most:,} {which}points are recorded (steps × starts × runs); this asks for {recorded:,}.".replace(
                ",", " "
            ),
        )


def _check_view(view: View) -> None:
    if view.window is not None:
        x0, x1, y0, y1 = view.window
        if not (all(map(math.isfinite, view.window)) and x0 < x1 and y0 < y1):
            raise SceneError("view", "A window is four finite numbers: left < right, bottom < top.")


def _check_run(scene: Scene, run: Run, label: str) -> None:
    if run.twin_of is not None and run.ghost_of is not None:
        raise SceneError("twin_of", f"The run {label!r} is either a twin or a ghost, not both.")
    for kind in ("twin_of", "ghost_of"):
        name, word = getattr(run, kind), kind.removesuffix("_of")
        if name is None:
            continue
        if name not in scene.labels or scene.partner(run) is run:
            raise SceneError(kind, f"The run {label!r} is the {word} of {name!r}, but no other run has that label.")
        if scene.partner(scene.partner(run)) is not None:  # type: ignore[arg-type]
            raise SceneError(kind, f"The run {label!r} is the {word} of a twin or ghost; name the run itself instead.")
        if run.hyperparameters:
            surplus = ", ".join(name[:32] for name in run.hyperparameters)
            raise SceneError(kind, f"A {word} takes all its numbers from its partner; leave out {surplus}.")
        return
    try:
        rule = rules.named(run.rule)
    except ValueError as error:
        raise SceneError("rule", str(error)) from None
    if scene.arithmetic == "certified" and (refusal := precise.refused(scene.field, Motion(run.rule, noise=run.noise))):
        raise SceneError("arithmetic", refusal)
    for name, value in run.hyperparameters.items():
        if name in rule.switches:
            if not isinstance(value, bool):
                raise SceneError("hyperparameter", f"{name} of the run {label!r} is true or false.")
        elif name in rule.knobs:
            _check_knob(name, value, rule.knobs[name], label)
        else:
            known = ", ".join([*rule.knobs, *rule.switches]) or "none of its own"
            raise SceneError("hyperparameter", f"The rule {run.rule} has no hyperparameter {name[:32]!r}; it has {known}.")


def _check_knob(name: str, value: Any, knob: Knob, label: str) -> None:
    if (
        isinstance(value, bool)
        or not math.isfinite(value)
        or value < min(knob.low, 0)
        or (knob.closed and value > knob.high)
    ):
        raise SceneError(
            "hyperparameter",
            f"{name} of the run {label!r} lies between {knob.low:g} and {knob.high:g}; {value!r} does not.",
        )


# ---------------------------------------------------------------------------------------------------------------------
# Plain data: nested dicts, as TOML and JSON have them


def to_data(scene: Scene) -> dict[str, Any]:
    """A scene as plain data, defaults left out, hyperparameters beside the run's other fields."""
    data = msgspec.to_builtins(scene)
    data = {"version": VERSION} | {key: value for key, value in data.items() if value not in ({}, None)}
    data["runs"] = [_flat(run) for run in msgspec.to_builtins(scene.runs)]
    data["landscape" if scene.landscape else "formula"] = scene.landscape or scene.formula
    data["steps"] = scene.steps
    data["starts"] = [list(start) for start in scene.points]
    return data


def _flat(run: dict[str, Any]) -> dict[str, Any]:
    own = run.pop("hyperparameters", {})
    shown = {} if "twin_of" in run or "ghost_of" in run else {"rule": "gd", "learning_rate": 0.1}
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
    elif name in _CHOICES:
        reason = f"choose one of {', '.join(_CHOICES[name])}"
    elif "unknown field" in reason:
        reason = reason.replace("object contains unknown field", "there is no field called") + f"; {_fields_at(place)}"
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


def _fields_at(place: str) -> str:
    """The fields that there are at a place of a scene."""
    if re.search(r"learning_rate$|weight_decay$", place):
        return "zoomout list schedules shows the fields of each"
    kind = Run if place.startswith("runs") else View if place.startswith("view") else Scene
    return f"there are {', '.join(field.name for field in msgspec.structs.fields(kind))}"


# ---------------------------------------------------------------------------------------------------------------------
# Files


def read(text: str) -> Scene:
    """A scene from TOML, JSON or a link."""
    if len(text.encode("utf-8", "replace")) > MAX_FILE:
        raise SceneError("too_large", "A scene file has at most one megabyte.")
    stripped = text.lstrip("\ufeff \t\r\n")
    if re.match(r"(https?://|\?)", stripped):
        return from_link(stripped.strip())
    if stripped.startswith("{"):
        return from_data(_json(stripped))
    try:
        return from_data(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SceneError("syntax", f"This is neither TOML nor JSON: {error}."[:300]) from None


def load(source: str) -> Scene:
    """A scene from the path of a file, or from a link."""
    if re.match(r"(https?://|\?)", source):
        return from_link(source)
    path = Path(source.replace("\0", "�"))
    try:
        with path.open("rb") as file:
            return read_bytes(file.read(MAX_FILE + 1), path.name)
    except OSError as error:
        raise SceneError(
            "file", f"The scene {path.name!r} cannot be read: {(error.strerror or 'no such file').lower()}."
        ) from None


def read_bytes(content: bytes, name: str) -> Scene:
    """A scene from the first bytes of a file (at most one more than it may have)."""
    if len(content) > MAX_FILE:
        raise SceneError("too_large", "A scene file has at most one megabyte.")
    try:
        return read(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SceneError("syntax", f"{name} is not a text file; a scene is TOML or JSON.") from None


def _json(text: str) -> Any:
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


def to_json(scene: Scene) -> str:
    return json.dumps(to_data(scene), indent=2, ensure_ascii=False)


def to_toml(scene: Scene) -> str:
    import tomli_w

    return tomli_w.dumps(to_data(scene))


# ---------------------------------------------------------------------------------------------------------------------
# Links


def to_link(scene: Scene, base: str = "") -> str:
    """`base`?scene=…: the scene as JSON, deflated, in URL-safe letters. It holds every field, defaults included."""
    packed = zlib.compress(json.dumps(to_data(scene), separators=(",", ":")).encode(), 9)
    return f"{base}?{urlencode({'scene': base64.urlsafe_b64encode(packed).decode().rstrip('=')})}"


def from_link(link: str) -> Scene:
    try:
        query = parse_qs(urlsplit(link).query, max_num_fields=100)
    except ValueError:
        query = {}
    if "scene" not in query:
        raise SceneError("link", "This link holds no scene; copy it again with the Link button.")
    return from_token(query["scene"][0])


def from_token(token: str) -> Scene:
    """A scene from the value of a link's `scene` field."""
    if len(token) > MAX_LINK:
        raise SceneError("link", "This link is too long to be a scene; copy it again with the Link button.")
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True), 64_000)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise ValueError
        data = _json(text.decode())
    except (ValueError, zlib.error):
        raise SceneError("link", "This link is damaged; copy it again with the Link button.") from None
    return from_data(data)


# ---------------------------------------------------------------------------------------------------------------------
# Python source


def to_python(scene: Scene) -> str:
    """A script that rebuilds the scene and its numbers."""
    fields = {f.name: getattr(scene, f.name) for f in msgspec.structs.fields(Scene)}
    fields |= {"starts": scene.points}
    schedules = sorted(
        {type(r).__name__ for run in scene.runs for r in (run.learning_rate, run.weight_decay) if isinstance(r, Struct)}
    )
    names = ["Run", "Scene"] + (["View"] if scene.view != View() else [])
    lines = ["from app.result import simulate", f"from app.scene import {', '.join(names)}"]
    lines += [f"from dynamics.schedules import {', '.join(schedules)}"] if schedules else []
    lines += ["", "scene = Scene("]
    lines += [f"    {name}={_literal(value, 4)}," for name, value in fields.items() if value != _default(Scene, name)]
    lines += [")", "for run in simulate(scene).runs:", "    for path in run.paths:"]
    lines += ["        print(run.label, path.status, path.x[-1], path.y[-1], path.loss[-1])"]
    return "\n".join(lines) + "\n"


def _default(kind: type[Struct], name: str) -> Any:
    field = next(f for f in msgspec.structs.fields(kind) if f.name == name)
    return field.default_factory() if callable(field.default_factory) else field.default


def _literal(value: Any, indent: int) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        inner = " " * (indent + 4)
        return "(\n" + "".join(f"{inner}{_literal(item, indent + 4)},\n" for item in value) + " " * indent + ")"
    if isinstance(value, Struct):
        kept = {f.name: getattr(value, f.name) for f in msgspec.structs.fields(type(value))}
        shown = {name: v for name, v in kept.items() if v != _default(type(value), name)}
        return f"{type(value).__name__}({', '.join(f'{name}={_literal(v, indent)}' for name, v in shown.items())})"
    return repr(value)
