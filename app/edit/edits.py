"""An edit is a pure function: (scene, which control, new value) -> scene, or one sentence why not.

Controls are named by what they change: ``landscape``, ``knob:a``, ``run:0:learning_rate``, ``run:0:learning_rate:factor``,
``start:0:remove``, ``steps``, ``view:panels``.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from app.chart.sides import unit, usual
from app.edit.probes import PROBES
from app.edit.reading import number, several, whole
from app.edit.ready import READY
from app.picture.panels import table_of
from app.picture.strips import shown
from app.scene import PARTNERS, STRIPS, Scene, SceneError, from_data, to_data
from app.scene.charts import side
from dynamics import rules
from dynamics.schedules import SCHEDULES, Schedule
from landscapes import LANDSCAPES, FormulaError, typed

OWN = "formula"
"""the choice of a landscape that means: my own formula"""
MOST_RUNS = 12
"""of a scene"""

Data = dict[str, Any]


def edit(scene: Scene, control: str, value: Any) -> Scene:
    """The scene after one edit, checked as every scene is."""
    kind, *rest = control.split(":")
    data = to_data(scene)
    try:
        _EDITS[kind](data, rest, value, scene)
    except SceneError:
        raise
    except (KeyError, ValueError, IndexError, TypeError):
        raise SceneError("edit", "This control cannot be set to that here.") from None
    return from_data(data)


def _landscape(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    data.pop("landscape", None)
    (data.get("chart") or {}).pop("window", None)  # another loss has another plane to look at
    if value == OWN:  # one's own begins as the formula that is there, looked at through the same window
        data["formula"] = scene.field.formula
        if scene.field.data:
            data["data"] = {name: list(values) for name, values in scene.field.data}
        data.setdefault("view", {})["window"] = list(scene.view.window or scene.field.window)
        return
    for field in ("formula", "knobs", "starts", "data"):
        data.pop(field, None)
    data.get("view", {}).pop("window", None)
    data["landscape"] = str(value)
    chosen = LANDSCAPES.get(str(value))
    if chosen is not None and not chosen.scale_invariant:
        data["runs"] = [run for run in data["runs"] if "twin_of" not in run]
    for run in data["runs"]:
        if chosen is not None and run.get("batch", 0) > chosen.rows:
            run.pop("batch")


def _formula(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    """Another formula. A knob keeps its value where that fits, unless another one is now written down for it."""
    formula, written = str(value), {knob.name: knob.value for knob in scene.field.knobs}
    used = {name: at for name, at in data.pop("knobs", {}).items() if re.search(rf"\b{re.escape(name)}\b", formula)}
    with suppress(FormulaError):  # the scene says why
        there = {knob.name: knob for knob in typed(formula, used, scene.field.data).knobs}
        used = {
            name: at
            for name, at in used.items()
            if there[name].value == written[name] and there[name].low <= at <= there[name].high
        }
    if scene.field.data:
        data["data"] = {name: list(values) for name, values in scene.field.data}
    data |= {"formula": formula, "knobs": used}


def _knob(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    data.setdefault("knobs", {})[rest[0]] = number(value, f"The knob {rest[0]}")


def _run(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    if rest == ["add"]:
        data["runs"].append(_next_run(data["runs"]))
        return
    index, field, *inner = rest
    run = data["runs"][_index(index, data["runs"])]
    if field == "remove":
        data["runs"] = [other for other in data["runs"] if other is not run and _partner(other) != run["label"]]
    elif field == "label":
        _rename(data["runs"], run, str(value).strip())
    elif field == "colour":
        run[field] = str(value)
    elif field == "rule":
        _change_rule(data["runs"], run, str(value), scene.runs[int(index)].rule)
    elif field in ("learning_rate", "weight_decay"):
        run[field] = _rate(run.get(field, 0.0), inner, value, scene.steps, field)
    elif field == "knob_noise":
        sizes = run.pop(field, {}) | {inner[0]: number(value, f"Noise on {inner[0]}")}
        kept = {name: size for name, size in sizes.items() if size}
        run |= {field: kept} if kept else {}
    elif field == "batch":
        size = whole(value, "A batch")
        run |= {field: size}
        if size == scene.field.rows:
            run.pop(field)
    elif isinstance(value, bool):
        run[field] = value
    else:
        _set_or_drop(run, field, number(value, _words(field)))


def _partner(run: Data) -> str | None:
    return next((run[kind] for kind in PARTNERS if kind in run), None)


def _set_or_drop(run: Data, field: str, number: float) -> None:
    if field == "clip_norm" and number == 0:
        run.pop(field, None)  # the slider's left end means: no clipping
    else:
        run[field] = number


def _rename(runs: list[Data], run: Data, label: str) -> None:
    for other in runs:
        for kind in PARTNERS:
            if other.get(kind) == run["label"]:
                other[kind] = label
    run["label"] = label


def _change_rule(runs: list[Data], run: Data, rule: str, old: str) -> None:
    """Another rule: its own hyperparameters start afresh, and a run in a race is called by its new rule."""
    known = rules.named(rule)
    if rule == old:
        return
    for name in [*rules.named(old).knobs, *rules.named(old).switches]:
        if name not in known.knobs and name not in known.switches:
            run.pop(name, None)
    run["rule"] = rule
    if any(other.get("twin_of") == run["label"] for other in runs):
        run |= {name: 0.0 for name in known.knobs if name.startswith("eps")}  # a twin has no room for a fixed size
    else:
        _rename(runs, run, _free_label(known.title, [other for other in runs if other is not run]))


def _next_run(runs: list[Data]) -> Data:
    """A run with the next rule that is not there yet, at the first run's learning rate."""
    used = {run.get("rule", "gd") for run in runs}
    rule = next((name for name in rules.RULES if name not in used), "gd")
    rate = runs[0].get("learning_rate", 0.1) if runs else 0.1
    return {"label": _free_label(rules.named(rule).title, runs), "rule": rule, "learning_rate": rate}


def _free_label(title: str, runs: list[Data]) -> str:
    taken = {run["label"] for run in runs}
    return next(name for n in range(1, 20) if (name := title if n == 1 else f"{title} {n}") not in taken)


def _rate(old: Any, inner: list[str], value: Any, steps: int, field: str) -> Any:
    """A new constant rate, another kind of schedule, or one field of the present one."""
    if not inner:
        return number(value, _words(field))
    if inner == ["schedule"]:
        if isinstance(old, dict) and old["schedule"] == value:
            return old
        first = old if not isinstance(old, dict) else next((old[k] for k in ("initial", "peak", "value") if k in old), 0.1)
        return first if value == "constant" else _fresh(SCHEDULES[str(value)], float(first), steps)
    old = dict(old) if isinstance(old, dict) else {}
    if inner[0] in ("at", "values"):
        old[inner[0]] = several(value, _words(field), read=whole if inner[0] == "at" else number)
    elif inner[0] == "then":
        old["then"] = str(value)
        if value == "cosine":
            old.setdefault("total_steps", max(steps, int(old["warmup_steps"]) + 1))
    else:
        old[inner[0]] = (whole if inner[0].endswith("steps") else number)(value, _words(inner[0]))
    return old


def _fresh(kind: type[Schedule], first: float, steps: int) -> Data:
    """A schedule of another kind that begins at the old rate and makes sense over the scene's steps."""
    values = {
        "initial": first, "peak": first, "factor": 1.02, "warmup_steps": max(1, steps // 10), "total_steps": steps,
        "rate": 0.1, "final": 0.0, "at": [steps // 2], "values": [first / 10],
    }  # fmt: skip
    fields = [field.name for field in msgspec.structs.fields(kind) if field.required]
    return {"schedule": kind.__struct_config__.tag} | {name: values[name] for name in fields}


def _start(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    starts = data["starts"]
    if rest == ["add"]:
        starts.append(_next_start(scene))
    elif rest == ["clear"]:
        del starts[1:]
    elif rest[1:] == ["remove"]:
        del starts[_index(rest[0], starts)]
    else:
        index = _index(rest[0], starts)
        starts[index] = several(value, f"Start {index + 1}", 2)


def _next_start(scene: Scene) -> list[float]:
    """The last start turned by 72 degrees about the window's centre: five of them make a star."""
    x0, x1, y0, y1 = scene.view.window or scene.field.window
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    x, y = scene.points[-1][0] - cx, scene.points[-1][1] - cy
    return [round(cx + 0.309017 * x - 0.951057 * y, 3), round(cy + 0.951057 * x + 0.309017 * y, 3)]


def _row(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    """A row of the data: moved on its plot, added behind the last, or removed."""
    columns = {name: list(values) for name, values in scene.field.data}
    if rest == ["ready"]:
        data["data"] = READY[str(value)].change(columns)
        return
    table = table_of(scene)
    if table is None:
        raise SceneError("edit", "This loss has no data.")
    count = len(table.points)
    index = count if rest[0] == "add" else int(rest[0])
    if not 0 <= index <= count or (rest[1:] and index == count):
        raise SceneError("edit", "This row is no longer there.")
    if rest[1:] == ["remove"]:
        for values in columns.values():
            values.pop(index)
    else:
        at = value if isinstance(value, (str, list, tuple)) else "0, 0"  # a button's value says nothing
        point = several(at, f"Row {index + 1}", 2) if isinstance(at, str) else at
        if index == count:
            columns = {name: [*values, values[-1]] for name, values in columns.items()}
        for name, coordinate in zip(table.columns, point, strict=True):
            if name is not None:
                columns[name][index] = number(coordinate, f"Row {index + 1}")
    data["data"] = columns


def _steps(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    data["steps"] = whole(value, "Steps")


def _plain(field: str) -> Callable[[Data, list[str], Any, Scene], None]:
    def put(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
        data[field] = whole(value, "The seed") if field == "seed" else value

    return put


def _ghost(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    """Adds or removes a run that starts one unit in the last place away from the first."""
    data["runs"] = [run for run in data["runs"] if "ghost_of" not in run]
    if value:
        data["runs"].append({"label": "ghost", "ghost_of": data["runs"][0]["label"]})


def _probe(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    """Every run with numbers of its own gets an image in these units; the images that were there go."""
    for run, label in zip(data["runs"], scene.labels, strict=True):
        run["label"] = label
    data["runs"] = [run for run in data["runs"] if "image_of" not in run]
    if value == "none":
        return
    probe, own = PROBES[str(value)], [run for run in data["runs"] if _partner(run) is None]
    if len(data["runs"]) + len(own) > MOST_RUNS:
        raise SceneError("edit", f"A scene has at most {MOST_RUNS} runs, and each image is one; remove some first.")
    for run in own:
        label = _free_label(f"{run['label']}, {probe.short}", data["runs"])
        data["runs"].append({"label": label, "image_of": run["label"]} | probe.changes(scene))


def _view(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    view = data.setdefault("view", {})
    if rest[0] == "strips":
        chosen = {*shown(scene)} | {rest[1]} if value else {*shown(scene)} - {rest[1]}
        view["strips"] = [name for name in STRIPS if name in chosen]
        return
    view[rest[0]] = number(value, "Seconds") if rest[0] == "seconds" else value


def _chart(data: Data, rest: list[str], value: Any, scene: Scene) -> None:
    """A chart's own settings; a side is changed by what varies along it (`chart:x`) or by its range (`chart:x:range`)."""
    chart, (field, *inner) = data["chart"], rest
    if field in ("x", "y"):
        run = side(chart[field]).run or 0
        chart[field] = _ranged(chart[field], str(value)) if inner else usual(scene, run, str(value)).text
        chart.pop("begin", None)
    elif field == "kind":
        data["chart"] = {"kind": str(value)}
        return
    elif field in ("kept", "particles", "apart", "points", "repeats", "trials"):
        chart[field] = whole(value, _words(field))
    elif field in ("at", "target"):
        chart[field] = number(value, {"at": "The part of the steps", "target": "The target"}[field])
    else:
        chart[field] = value
    if field in ("x", "watched"):
        chart.pop("window", None)


def _ranged(text: str, numbers: str) -> str:
    """A side with another range, written as two numbers."""
    given = side(text)
    low, high = (end / unit(given.axis.name) for end in several(numbers, "From … to", 2))
    return given._replace(axis=given.axis._replace(low=low, high=high)).text


def _words(field: str) -> str:
    """A field's name as the rail writes it."""
    return field[:1].upper() + field[1:].replace("_", " ")


def _index(text: str, items: list[Any]) -> int:
    if not text.isdigit() or int(text) >= len(items):
        raise SceneError("edit", "This control belongs to something that is no longer there.")
    return int(text)


_EDITS: dict[str, Callable[[Data, list[str], Any, Scene], None]] = {
    "landscape": _landscape,
    "formula": _formula,
    "knob": _knob,
    "run": _run,
    "start": _start,
    "row": _row,
    "steps": _steps,
    "ghost": _ghost,
    "probe": _probe,
    "arithmetic": _plain("arithmetic"),
    "seed": _plain("seed"),
    "view": _view,
    "chart": _chart,
}
