"""Predict, then reveal: a question of one of four kinds, and what is true, which is read off the scene."""

import math
from typing import Any, Literal, NamedTuple, get_args

from app.answer.result import simulate
from app.scene import SceneError
from app.story.error import StoryError, in_line, lines_of, table
from app.story.numbers import holds, in_words, run_index, value
from app.story.scenes import Shown

Kind = Literal["place", "angle", "choice", "number"]
KINDS: tuple[str, ...] = get_args(Kind)
FIELDS = {
    "place": ("kind", "run", "step", "holds"), "angle": ("kind", "run", "step", "holds"),
    "choice": ("kind", "options", "right", "holds"), "number": ("kind", "is", "unit", "holds", "step"),
}  # fmt: skip
MAX_OPTIONS = 4


class Question(NamedTuple):
    line: int
    text: str
    """Markdown"""
    kind: str
    step: int
    """to which the scene plays when it is revealed"""
    truth: tuple[float, ...]
    """a place (x, y), an angle in degrees, the index of an option, or a number"""
    words: str
    """the same in words"""
    run: int = 0
    options: tuple[str, ...] = ()
    unit: str = ""


def question_of(content: str, line: int, shown: Shown | None) -> Question:
    """A question block: what is asked, then lines of TOML that say how it is answered. `line` is its first line's."""
    lines = content.splitlines()
    begin = next((i for i, each in enumerate(lines) if _is_field(each)), len(lines))
    text, fields = "\n".join(lines[:begin]).strip(), "\n".join(lines[begin:])
    if not text:
        raise StoryError(line, "A question begins with what is asked; its fields stand below.")
    data = table(fields, line + begin)
    with in_line(line, lines_of(fields, line + begin)):
        kind = data.get("kind")
        if kind not in KINDS:
            said = f"kind: {str(kind)[:30]!r} is none" if "kind" in data else "A question has a kind"
            raise SceneError("question", f"{said}; there are {', '.join(KINDS)}.")
        if unknown := [name for name in data if name not in FIELDS[kind]]:
            has = ", ".join(FIELDS[kind])
            raise SceneError("question", f"{unknown[0]}: a question of the kind {kind} has no such field; it has {has}.")
        made = Question(line, text, kind, *_truth(kind, data, shown))
        if "holds" in data and not holds(_scene(shown), str(data["holds"])):
            raise SceneError("question", f"holds: it is not true of this scene that {str(data['holds'])[:80]}.")
    return made


def _is_field(line: str) -> bool:
    name, sign, _ = line.partition("=")
    return bool(sign) and name.strip() in {field for fields in FIELDS.values() for field in fields}


def _scene(shown: Shown | None) -> Any:
    if shown is None:
        raise SceneError("question", "A question of this kind is about a scene, and none stands in or before this stop.")
    return shown.scene


def _truth(kind: str, data: dict[str, Any], shown: Shown | None) -> tuple[Any, ...]:
    if kind == "choice":
        return _choice(data, shown)
    scene = _scene(shown)
    step = data.get("step", scene.steps)
    begin = shown.at or 0
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= scene.steps:
        raise SceneError("question", f"step: the scene has the steps 0 to {scene.steps}; there is no step {str(step)[:20]}.")
    if kind == "number":
        known, words = value(scene, str(data.get("is", "")))
        if not math.isfinite(known):
            raise SceneError("question", "is: what is asked for is no finite number in this scene.")
        return step, (known,), words, 0, (), str(data.get("unit", ""))[:30]
    if scene.chart is not None:
        raise SceneError("question", f"kind: a chart has no paths, so nobody can be asked for a {kind}; ask for a number.")
    if step <= begin:
        raise SceneError("question", f"step: at step {step} the reader sees the answer; let the scene stand before it (at).")
    run = run_index(scene, data.get("run"))
    path = simulate(scene).runs[run].paths[0]
    degrees = math.degrees(float(path.angle[step]))
    if kind == "angle":
        return step, (degrees,), in_words(degrees, "degrees"), run
    x, y = float(path.x[step]), float(path.y[step])
    if not math.isfinite(x + y):
        raise SceneError("question", f"step: at step {step} this run has no place that could be marked.")
    return step, (x, y), f"({in_words(x, 'number')}, {in_words(y, 'number')})", run


def _choice(data: dict[str, Any], shown: Shown | None) -> tuple[Any, ...]:
    options, right = data.get("options"), data.get("right")
    if not (isinstance(options, list) and 2 <= len(options) <= MAX_OPTIONS and all(isinstance(o, str) for o in options)):
        raise SceneError("question", f"options: a choice has two to {MAX_OPTIONS} options in quotes.")
    if right not in options:
        raise SceneError("question", "right: name the option that is right, in the same words.")
    step = shown.scene.steps if shown else 0
    return step, (float(options.index(right)),), right, 0, tuple(options)
