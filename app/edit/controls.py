"""Controls, read off signatures: a knob's range, unit and help stand once, where the knob is declared."""

from typing import Any

import msgspec
import numpy as np

from app.answer.result import Result
from app.edit.edits import OWN
from app.edit.history import History
from app.edit.ready import READY
from app.picture.panels import table_of
from app.picture.picture import STYLES
from app.picture.strips import MAKERS, shown
from app.scene import ARITHMETICS, COLOUR_MAPS, Run, Scene
from dynamics import rules
from dynamics.rules import Knob
from dynamics.schedules import SCHEDULES, Schedule
from dynamics.twins import heavy_ball_limit
from landscapes import LANDSCAPES
from landscapes.rows import MAX_ROWS

Control = dict[str, Any]
Group = dict[str, Any]

SCHEDULE_NAMES = {
    "constant": "constant", "exponential": "exponential", "warmup": "warmup", "step": "steps", "cosine": "cosine",
    "inverse_time": "1/(1 + rate·t)", "inverse_sqrt": "1/√(1 + rate·t)", "linear": "linear",
}  # fmt: skip
ARITHMETIC_NAMES = {
    "float64": "float64", "float32": "float32", "certified": "certified (balls)", "shared": "shared gauge",
}  # fmt: skip
PICTURES: list[tuple[str, ...]] = [
    ("auto", "decay · zooming camera"), ("three", "decay · as it is · zooming"), ("projected", "decay · projected back"),
    ("portrait", "with the reduced map"),
]  # fmt: skip
BESIDE: list[tuple[str, ...]] = [
    ("auto", "the loss"), ("sharpness", "loss · sharpness"), ("gradient_norm", "loss · gradient norm"),
]  # fmt: skip
FIELD_KNOBS = {
    "initial": Knob(1e-4, 10, "The rate of the first step.", log=True),
    "peak": Knob(1e-4, 10, "The largest rate, reached at the end of the warmup.", log=True),
    "final": Knob(1e-4, 10, "The rate at the end.", log=True),
    "factor": Knob(0.9, 1.2, "What the rate is multiplied by after every step."),
    "rate": Knob(1e-4, 10, "How fast the rate falls.", log=True),
    "warmup_steps": Knob(1, 10_000, "How many steps the rise takes.", log=True),
    "total_steps": Knob(1, 100_000, "When the schedule ends.", log=True),
}


def group(title: str, controls: list[Control | None], more: str = "") -> Group:
    return {"title": title, "controls": [c for c in controls if c is not None], "more": bool(more), "id": more or title}


def select(
    control: str, label: str, value: str, options: list[tuple[str, ...]], help: str = "", bare: bool = False
) -> Control:
    return {"kind": "select", "id": control, "label": label, "value": value, "options": options, "help": help, "bare": bare}


def slider(control: str, label: str, value: float, knob: Knob, zero: bool = False, whole: bool = False) -> Control:
    return {
        "kind": "slider", "id": control, "label": label, "symbol": knob.symbol, "value": value, "low": knob.low,
        "high": knob.high, "log": knob.log, "zero": zero, "whole": whole, "help": knob.help,
    }  # fmt: skip


def row(label: str, buttons: list[tuple[str, str, str, bool]]) -> Control:
    """Small buttons side by side: of each what it does, its word, what it is for, and whether there is something to it."""
    return {"kind": "row", "id": label, "label": label, "buttons": buttons}


def history_control(history: History) -> Control:
    """Undo, Redo and Reset."""
    here = history.here
    return row("Changes", [
        ("undo", "Undo", "One change back (Ctrl Z)", bool(history.past)),
        ("redo", "Redo", "One change forward (Ctrl Shift Z)", bool(history.future)),
        ("reset", "Reset", "Back to the experiment that this one was made from", here.scene != here.origin),
    ])  # fmt: skip


def note(text: str, tone: str = "") -> Control:
    return {"kind": "note", "text": text, "tone": tone}


# ---------------------------------------------------------------------------------------------------------------------


def landscape_group(scene: Scene, only_scale_invariant: bool) -> Group:
    """The choice of a loss, its formula typeset, a field for one's own, and its knobs."""
    options: list[tuple[str, ...]] = []
    for name, field in LANDSCAPES.items():
        if field.scale_invariant or not only_scale_invariant:
            options.append((name, field.title, "ignores length" if field.scale_invariant else "sees length"))
    options.append((OWN, "Your own formula …"))
    chosen = scene.landscape or OWN
    controls: list[Control | None] = [
        select("landscape", "Loss", chosen, options, "The loss that is walked on.", bare=True),
        None if scene.landscape else {
            "kind": "text", "id": "formula", "label": "L(x, y) =", "value": scene.formula, "rows": 2,
            "placeholder": "x^2/(x^2 + y^2) + a*x; a = 0.1 in [0, 1]",
            "help": "A loss of x, y, r and theta. Knobs are declared behind a semicolon: ; a = 0.5 in [0, 1]",
        },
        {"kind": "math", "id": "math", "formula": [["mrow", ["mi", "L"], ["mo", "="]], *scene.field.mathml()],
         "words": f"L = {scene.field.formula}"},
    ]  # fmt: skip
    for knob in scene.field.knobs:
        range_ = Knob(knob.low, knob.high, f"A knob of this landscape, from {knob.low:g} to {knob.high:g}.", "", knob.log)
        controls.append(slider(f"knob:{knob.name}", knob.name, scene.knobs.get(knob.name, knob.value), range_))
    if scene.landscape is None and not scene.field.scale_invariant and only_scale_invariant:
        controls.append(note("This loss sees the length of its weights, so weight decay has no twin here."))
    return group("Landscape", controls)


def run_controls(scene: Scene, index: int, choices: list[str]) -> list[Control | None]:
    """A run's rule, its rates and its own hyperparameters, read off the rule's signature."""
    run, at = scene.runs[index], f"run:{index}"
    rule = rules.named(run.rule)
    titles = [(name, rules.named(name).title) for name in choices]
    controls: list[Control | None] = [select(f"{at}:rule", "Rule", run.rule, titles, rule.summary, bare=True)]
    controls += rate_controls(f"{at}:learning_rate", "Learning rate", run.learning_rate, rules.LEARNING_RATE)
    controls += rate_controls(f"{at}:weight_decay", "Weight decay", run.weight_decay, rules.WEIGHT_DECAY)
    momentum = rule.knobs.get("momentum")
    if momentum is not None:
        controls.append(slider(f"{at}:momentum", "Momentum", _own(run, "momentum"), momentum))
    return controls


def more_run_controls(scene: Scene, index: int) -> list[Control | None]:
    """What is used less often: schedules, the rule's other hyperparameters, clipping and noise."""
    run, at = scene.runs[index], f"run:{index}"
    rule = rules.named(run.rule)
    controls: list[Control | None] = [
        schedule_select(f"{at}:learning_rate", "Learning rate schedule", run.learning_rate),
        schedule_select(f"{at}:weight_decay", "Weight decay schedule", run.weight_decay),
    ]
    for name, knob in rule.knobs.items():
        if name != "momentum":
            tiny = name.startswith("eps")
            shown = knob._replace(low=1e-16, log=True) if tiny else knob
            controls.append(slider(f"{at}:{name}", name.replace("_", " "), _own(run, name), shown, zero=tiny))
    for name in rule.switches:
        label, value = name.replace("_", " ").capitalize(), _own(run, name)
        controls.append({"kind": "toggle", "id": f"{at}:{name}", "label": label, "value": value, "help": ""})
    controls.append(slider(f"{at}:clip_norm", "Clip gradient norm", run.clip_norm or 0.0, rules.CLIP_NORM, zero=True))
    controls.append(slider(f"{at}:noise", "Gradient noise", run.noise, rules.NOISE._replace(low=1e-3, log=True), zero=True))
    if rows := scene.field.rows:
        size = Knob(1, rows, "So many rows of the data are drawn anew at each step; at the right end, all of them.")
        controls.append(slider(f"{at}:batch", "Batch", run.batch or rows, size, whole=True))
    for knob in scene.field.knobs:
        size = run.knob_noise.get(knob.name, 0.0)
        controls.append(slider(f"{at}:knob_noise:{knob.name}", f"Noise on {knob.name}", size, rules.KNOB_NOISE, zero=True))
    return controls


def rate_controls(control: str, label: str, rate: Any, knob: Knob) -> list[Control | None]:
    if not isinstance(rate, Schedule):
        return [slider(control, label, rate, knob, zero=control.endswith("decay"))]
    made: list[Control | None] = []
    for field in msgspec.structs.fields(type(rate)):
        value, name = getattr(rate, field.name), field.name
        if name in FIELD_KNOBS and value is not None:
            words = f"{label}: {name.replace('_', ' ')}"
            whole = name.endswith("steps")
            made.append(
                slider(
                    f"{control}:{name}", words, value, FIELD_KNOBS[name], zero=not whole and name != "factor", whole=whole
                )
            )
        elif isinstance(value, list):
            text = ", ".join(f"{number:g}" for number in value)
            words = {"at": "changes at steps", "values": "to the values"}[name]
            made.append({"kind": "text", "id": f"{control}:{name}", "label": f"{label} {words}", "value": text})
        elif name == "then":
            made.append(
                select(f"{control}:then", "After the warmup", value, [("constant", "constant"), ("cosine", "cosine to 0")])
            )
    return made


def schedule_select(control: str, label: str, rate: Any) -> Control:
    chosen = str(type(rate).__struct_config__.tag) if isinstance(rate, Schedule) else "constant"
    options: list[tuple[str, ...]] = [(name, SCHEDULE_NAMES.get(name, name)) for name in SCHEDULES]
    return select(f"{control}:schedule", label, chosen, options, "How the rate changes over the steps.")


def name_control(scene: Scene, index: int, removable: bool = True) -> Control:
    colour = scene.runs[index].colour or STYLES[index % len(STYLES)][0]
    return {
        "kind": "name", "id": f"run:{index}:label", "value": scene.labels[index], "colour": colour,
        "dash": list(STYLES[index % len(STYLES)][1]), "remove": f"run:{index}:remove" if removable else None,
    }  # fmt: skip


def time_group(scene: Scene, pictures: bool = False, floats: bool = False, steps: bool = True) -> Group:
    """How long, and in which arithmetic: only in `floats` for a chart; a portrait has its own length."""
    length = Knob(10, 2000, "How many updates are made; type a number for more than 2 000.", log=True, closed=False)
    arithmetics = ["float64", "float32"] if floats else [name for name in ARITHMETICS if name != "shared" or pictures]
    return group("Time and arithmetic", [
        slider("steps", "Steps", scene.steps, length, whole=True) if steps else None,
        select("arithmetic", "Arithmetic", scene.arithmetic, [(name, ARITHMETIC_NAMES[name]) for name in arithmetics],
               "How many digits every number carries. Chaotic paths outrun float64 within a hundred steps."),
        seed_entry(scene),
        note("Derived from one run: shows the picture, proves nothing.") if scene.arithmetic == "shared" else None,
        select("view:panels", "Pictures", scene.view.panels, PICTURES,
               "Which pictures of the pair are shown beside each other.") if pictures else
        select("view:panels", "Pictures", scene.view.panels, BESIDE,
               "Beside the loss the sharpness over its threshold, white at the edge, or the length of the gradient.")
        if scene.chart is None and not any(run.twin_of for run in scene.runs) else None,
    ])  # fmt: skip


def data_group(scene: Scene) -> Group | None:
    """The rows of the data, where the loss has some that can be drawn."""
    table = table_of(scene)
    if table is None:
        return None
    names = ", ".join(name for name in table.columns if name)
    ready: list[tuple[str, ...]] = [("", "as they are"), *((name, each.words) for name, each in READY.items())]
    rows: list[Control | None] = [
        select("row:ready", "Change them", "", ready, "Drag a point in the picture, or click there to add one.")
    ]
    for i, point in enumerate(table.points):
        rows.append({
            "kind": "entry", "id": f"row:{i}", "label": f"Row {i + 1}: {names}",
            "value": ", ".join(f"{value:.6g}" for value in point).replace("-", "−"),
            "remove": f"row:{i}:remove" if len(table.points) > 1 else None,
        })  # fmt: skip
    if len(table.points) < MAX_ROWS:
        rows.append({"kind": "button", "id": "row:add", "label": "Add a row"})
    return group("Data", rows, more="data")


def strips_group(scene: Scene) -> Group:
    """Which small charts stand under the picture, and how."""
    chosen = shown(scene)
    rows: list[Control | None] = [
        {"kind": "toggle", "id": f"view:strips:{name}", "label": maker.label, "value": name in chosen, "help": ""}
        for name, maker in MAKERS.items()
    ]
    scales: list[tuple[str, ...]] = [("auto", "as it suits"), ("log", "logarithmic"), ("linear", "linear")]
    rows.append(select("view:strip_scale", "Scale", scene.view.strip_scale, scales, "How the curves are drawn."))
    rows.append({"kind": "toggle", "id": "view:future", "label": "Show what is to come", "value": scene.view.future,
                 "help": "Off: a curve is drawn up to the present step only, so that one may guess."})  # fmt: skip
    return group("Curves under the picture", rows, more="strips")


def seed_entry(scene: Scene) -> Control | None:
    """The seed of all noise, where there is any."""
    if not any(run.motion.noisy for run in scene.runs):
        return None
    help = "The same number gives the same noise; another one, other noise."
    return {"kind": "entry", "id": "seed", "label": "Seed", "value": str(scene.seed), "help": help}


def ghost_toggle(scene: Scene) -> Control:
    return {
        "kind": "toggle", "id": "ghost", "label": "Ghost, one ulp away", "value": any(run.ghost_of for run in scene.runs),
        "help": "The same run from a start that differs in its last binary digit: how long do they stay together?",
    }  # fmt: skip


def colour_select(scene: Scene) -> Control:
    maps = [(name, name) for name in COLOUR_MAPS]
    return select(
        "view:colour_map", "Colours", scene.view.colour_map, maps, "The loss's colour map; all are perceptually uniform."
    )


def twin_note(result: Result | None) -> str:
    """What the theorem wrote, in one line."""
    if result is None:
        return "Its paths are being computed."
    twin = next((run for run in result.runs if run.log_projection is not None), None)
    if twin is None:
        return "No twin: see the note above."
    rates = twin.paths[0].log_learning_rate
    first, last = np.exp(rates[1] - rates[0]), np.exp(rates[-1] - rates[-2])
    growth = f"×{first:.4g} a step" if abs(first - last) < 1e-6 * first else f"from ×{first:.4g} to ×{last:.4g} a step"
    return f"No decay; the learning rate grows {growth}."


def limit_note(scene: Scene) -> str:
    """With momentum, how near ηλ is to the largest value at which there is a twin."""
    run = scene.runs[0]
    momentum, rates = _own(run, "momentum") if run.rule == "gd" else 0.0, (run.learning_rate, run.weight_decay)
    if not momentum or run.hyperparameters.get("decoupled") or any(isinstance(rate, Schedule) for rate in rates):
        return ""
    return f"ηλ = {rates[0] * rates[1]:.3g} of at most (1−√γ)² = {heavy_ball_limit(momentum):.3g}."


def _own(run: Run, name: str) -> Any:
    return run.hyperparameters.get(name, rules.named(run.rule).defaults[name])
