"""The registries and results as the command prints them: for people in lines, for programs as data."""

import inspect
from typing import Any

import msgspec
import numpy as np

from app.answer.result import Result
from app.scene import from_preset
from app.scene.presets import preset_files
from dynamics import RULES, SCHEDULES, rules
from dynamics.rules import Knob, Rule
from dynamics.schedules import Schedule
from landscapes import LANDSCAPES, Landscape

Entry = dict[str, Any]


def entries(kind: str) -> list[Entry]:
    """Every member of a registry as plain data; of lessons there are none yet."""
    match kind:
        case "landscapes":
            return [_landscape(landscape) for landscape in LANDSCAPES.values()]
        case "rules":
            return [_rule(rule) for rule in RULES.values()]
        case "schedules":
            return [_schedule(name, kind) for name, kind in SCHEDULES.items()]
        case "presets":
            return [_preset(name) for name in preset_files()]
    return []


def _preset(name: str) -> Entry:
    scene = from_preset(name)
    return {
        "name": name, "title": scene.title, "sentence": scene.sentence, "page": scene.shown_on, "caveat": scene.caveat,
        "source": scene.source, "topics": list(scene.topics),
    }  # fmt: skip


def _landscape(landscape: Landscape) -> Entry:
    return {
        "name": landscape.name,
        "title": landscape.title,
        "sentence": landscape.sentence,
        "formula": landscape.formula,
        "latex": landscape.latex(),
        "knobs": {knob.name: _range(knob.low, knob.high, knob.value, knob.log) for knob in landscape.knobs},
        "scale_invariant": landscape.scale_invariant,
        "window": list(landscape.window),
        "start": list(landscape.start),
        "minima": [list(point) for point in landscape.minima],
        "citation": landscape.citation,
    }


def _rule(rule: Rule) -> Entry:
    shared = {
        "learning_rate": rules.LEARNING_RATE, "weight_decay": rules.WEIGHT_DECAY,
        "clip_norm": rules.CLIP_NORM, "noise": rules.NOISE,
    }  # fmt: skip
    return {
        "name": rule.name,
        "title": rule.title,
        "sentence": rule.summary.partition("\n\n")[0].replace("\n", " "),
        "knobs": {name: _knob(knob, rule.defaults.get(name)) for name, knob in (rule.knobs | shared).items()},
        "switches": rule.switches,
    }


def _knob(knob: Knob, default: float | None) -> Entry:
    return _range(knob.low, knob.high, default, knob.log) | {"symbol": knob.symbol, "help": knob.help}


def _range(low: float, high: float, default: float | None, log: bool) -> Entry:
    return {"low": low, "high": high, "default": default, "log": log}


def _schedule(name: str, kind: type[Schedule]) -> Entry:
    fields = {field.name: None if field.required else field.default for field in msgspec.structs.fields(kind)}
    return {"name": name, "sentence": inspect.getdoc(kind), "fields": fields}


# ---------------------------------------------------------------------------------------------------------------------
# For people


def lines(kind: str, found: list[Entry]) -> list[str]:
    if not found:
        return [f"There are no {kind} in this version."]
    width = max(len(entry["name"]) for entry in found)
    return [f"{kind}:"] + [f"  {entry['name']:<{width}}  {entry['sentence']}" for entry in found]


def table(result: Result) -> list[str]:
    """One line per path: how it ended and where."""
    rows = [("run", "start", "status", "last loss", "norm", "angle")]
    for run in result.runs:
        for path in run.paths:
            x, y = path.start
            rows.append((
                run.label, f"({x:g}, {y:g})", path.status, f"{path.loss[-1]:.6g}", _scale(path.log_norm[-1]),
                f"{np.degrees(path.angle[-1]):.2f}°",
            ))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _scale(log: float) -> str:
    """A norm from its logarithm; one that no float holds is written as a power of ten."""
    if abs(log) < 700:
        return f"{np.exp(log):.6g}"
    exponent, rest = divmod(log / np.log(10), 1)
    return f"{10**rest:.3f}e{int(exponent):+d}"
