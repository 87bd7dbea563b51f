"""Beside a refused number: the nearest one that is taken, and the part of the slider's track that is not."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from app.edit.reading import number
from app.scene import SceneError

HALVINGS = 40


class Nearest(NamedTuple):
    text: str
    forbidden: tuple[float, float]
    """from where to where the track of the slider refuses"""


def nearest(control: dict[str, Any], typed: Any, takes: Callable[[float], bool]) -> Nearest | None:
    """Halves between the slider's value, which is taken, and what was typed, which is not; None where that is no number."""
    good = float(control["value"])
    try:
        bad = number(typed, control["label"])
    except SceneError:
        return None
    if control["whole"]:
        bad = math.ceil(bad) if bad > good else math.floor(bad)
    if takes(bad) or not takes(good):
        return None
    wrong = bad
    for _ in range(HALVINGS):
        middle = _between(good, wrong)
        middle = round(middle) if control["whole"] else middle
        if middle in (good, wrong):
            break
        good, wrong = (middle, wrong) if takes(middle) else (good, middle)
    shown = _rounded(good, control["whole"], takes, down=bad > good)
    ends = (good, control["high"]) if bad > good else (control["low"], good)
    return None if shown is None else Nearest(shown, ends)


def _between(a: float, b: float) -> float:
    """In the middle by ratio where that makes sense, so that 1e-6 and 10 are both found."""
    return math.copysign(math.sqrt(a * b), a) if a * b > 0 else (a + b) / 2


def _rounded(value: float, whole: bool, takes: Callable[[float], bool], down: bool) -> str | None:
    """The shortest text near the value that is taken."""
    if whole:
        found = math.floor(value) if down else math.ceil(value)
        return str(found) if takes(found) else None
    for digits in range(2, 17):
        text = f"{value:.{digits}g}"
        step = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1) if value else 0.0
        for each in (text, f"{float(text) - step if down else float(text) + step:.{digits}g}"):
            if takes(float(each)) and abs(float(each) - value) <= 0.02 * abs(value):
                return each
    return None
