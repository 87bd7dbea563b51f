"""What a picture says at time t, in words: numbers with three digits, and the sentence under the panels.

The stage writes the same sentences in the browser (`caption` in stage.js); a test holds the two together.
"""

import math
import re
from collections import Counter

import numpy as np

from app.answer.result import RunResult, simulate
from app.picture.panels import Panel, twin_pair
from app.picture.picture import Picture, lyapunov, remark, telling
from app.picture.picture import picture as picture_of
from app.picture.strips import CROWD, Strip
from app.scene import Scene
from dynamics import Path
from dynamics.path import wrapped

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PARTED = 0.01
"""an angle between two that an eye sees"""
FINEST = 4e-16
"""radians: what two angles in float64 can tell apart"""
STOPS = {
    "diverged": "diverged", "left_the_plane": "left the plane", "zero_gradient": "gradient exactly zero",
    "reached_the_origin": "reached the origin", "stalled": "stalled",
}  # fmt: skip

Piece = tuple[str, bool]
"""a piece of a sentence, and whether it is a number that is to stand out"""


# ---------------------------------------------------------------------------------------------------------------------
# Numbers


def grouped(text: str) -> str:
    """Thin spaces between thousands: 1234567 becomes 1 234 567."""
    return re.sub(r"^\d{4,}", lambda whole: re.sub(r"\B(?=(\d{3})+$)", "\u202f", whole[0]), text)


def ten_to(exponent: int) -> str:
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


def format_log(log: float, digits: int = 3) -> str:
    """e^log in words: plain from 0.001 to a million, then powers of ten."""
    if math.isnan(log):
        return "–"
    if math.isinf(log):
        return "∞" if log > 0 else "0"
    ten = log / math.log(10)
    exponent = math.floor(ten)
    plain = -3 <= exponent < 6
    if plain and exponent >= digits - 1:
        return grouped(f"{math.exp(log):.0f}")
    kept = digits if plain else digits - 1
    mantissa = float(f"{10 ** (ten - exponent):.{kept - 1}e}")
    if mantissa >= 10:
        mantissa, exponent = mantissa / 10, exponent + 1
    if plain and exponent < 6:
        return grouped(f"{math.exp(log):.{max(0, digits - 1 - exponent)}f}")
    return f"{mantissa:.{kept - 1}f}·{ten_to(exponent)}"


def format_number(value: float, digits: int = 3) -> str:
    if value == 0:
        return "0"
    return ("−" if value < 0 else "") + format_log(math.log(abs(value)), digits)


def strip_text(strip: Strip, value: float) -> str:
    """A value of a strip in words, with three digits and no more; a logarithmic strip holds natural logarithms."""
    if strip.log and not abs(value) < 13:
        return format_log(value)
    return format_number(float(f"{math.exp(value) if strip.log else value:.3g}"))


def tick_text(mantissa: int, power: int) -> str:
    """mantissa · 10^power, exactly, as an axis writes it."""
    if mantissa == 0:
        return "0"
    digits = str(abs(mantissa))
    bare = digits.rstrip("0")
    end = power + len(digits) - len(bare)
    exponent, sign = end + len(bare) - 1, "−" if mantissa < 0 else ""
    if -4 <= exponent < 5:
        return sign + grouped(f"{int(bare) * 10.0**end:.{max(0, -end)}f}")
    head = bare if len(bare) == 1 else f"{bare[0]}.{bare[1:]}"
    return sign + ("" if head == "1" else f"{head}·") + ten_to(exponent)


# ---------------------------------------------------------------------------------------------------------------------
# Sentences


def norm_text(picture: Picture, panel: Panel, t: float) -> str:
    """The corner of a panel: how long its weight vector is, where there is one to speak of."""
    paths = [path for r in panel.runs for path in picture.result.runs[r].paths]
    return f"‖w‖ = {format_log(_log_norm(paths[0], _step(picture, t)), 4)}" if len(paths) == 1 and panel.plane else ""


def caption(picture: Picture, t: float) -> list[Piece]:
    """What the picture shows at time t: the same words as under the stage."""
    step = _step(picture, t)
    pair = twin_pair(picture.result)
    body = _race(picture, step) if pair is None else _twins(*(picture.result.runs[r].paths[0] for r in pair), step)
    said = [_parted(picture, step), *_endings(picture, step), _chaos(picture, step), remark(picture.result)]
    more = [(f" {sentence}", False) for sentence in said if sentence]
    opening = [("Step ", False), (grouped(str(step)), True), (f" of {grouped(str(picture.scene.steps))}", False)]
    return opening + body + more


def _parted(picture: Picture, step: int) -> str:
    """The theorem behind twins is exact: where they part, rounding has parted them."""
    pair = twin_pair(picture.result)
    left, right = (picture.result.runs[r].paths[0] for r in pair) if pair else (None, None)
    if left is None or not abs(float(wrapped(_angle(right, step) - _angle(left, step)))) > PARTED:
        return ""
    return "Rounding errors have pulled them apart."


def alternative(scene: Scene) -> str:
    """A picture of the scene in words, for those who do not see it."""
    if scene.chart is not None:
        return " ".join(filter(None, (scene.title and f"{scene.title}.", scene.sentence)))
    seen = picture_of(simulate(scene))
    return f"{seen.summary} {plain(caption(seen, telling(seen)))}"


def _chaos(picture: Picture, step: int) -> str:
    exponent = lyapunov(picture.result)
    if exponent is None or step < 20 or not np.isfinite(exponent[step]):
        return ""
    return f"Lyapunov exponent so far {format_number(float(np.float32(exponent[step])), 2)} a step."


def plain(pieces: list[Piece]) -> str:
    return "".join(text for text, _ in pieces)


def _step(picture: Picture, t: float) -> int:
    """The last recorded step by time t: words are about recorded steps only."""
    return min(max(math.floor(t + 1e-9), 0), picture.scene.steps)


def _log_norm(path: Path, step: int) -> float:
    length = math.hypot(path.frame_x[step], path.frame_y[step])
    return float(path.frame_log[step]) + (math.log(length) if length else -math.inf)


def _angle(path: Path, step: int) -> float:
    return math.atan2(path.frame_y[step], path.frame_x[step])


def _degrees(angle: float) -> str:
    return f"{math.degrees(angle):.1f}°".replace("-", "−")


def _twins(left: Path, right: Path, step: int) -> list[Piece]:
    lengths = math.hypot(left.frame_x[step], left.frame_y[step]) * math.hypot(right.frame_x[step], right.frame_y[step])
    if not 0 < lengths < math.inf:
        return [(": at least one of the two has no direction any more.", False)]
    apart = abs(float(wrapped(_angle(right, step) - _angle(left, step))))
    distance = _further_out(_log_norm(right, step) - _log_norm(left, step))
    if apart > PARTED:
        angles = [(": the left points at ", False), (_degrees(_angle(left, step)), True), (", the right at ", False)]
        return [*angles, (_degrees(_angle(right, step)), True), (", ", False), *distance, (".", False)]
    digits = math.floor(-math.log10(max(apart, FINEST) / math.pi))
    angle = [(": both point at ", False), (_degrees(_angle(left, step)), True), (", the right one ", False)]
    return [*angle, *distance, (". They agree to ", False), (f"{digits} digits", True), (".", False)]


def _further_out(log_ratio: float) -> list[Piece]:
    if abs(log_ratio) < 0.005:
        return [("as far out as the left", False)]
    return [(format_log(abs(log_ratio)), True), (" times further out" if log_ratio > 0 else " times closer in", False)]


def _race(picture: Picture, step: int) -> list[Piece]:
    """The runs by their loss: for each the lowest of its paths, then the best run first."""
    strip = next((strip for strip in picture.strips if strip.title.split(" ")[0] == "loss"), None)
    crowd = any(line.path is None for line in strip.lines) if strip else False
    lowest: dict[int, float] = {}
    for line in strip.lines if strip else ():
        value, known = float(line.values[step]), lowest.get(line.run, math.nan)
        if math.isnan(known) or value < known:  # a path without a loss does not hide those that have one
            lowest[line.run] = value
    if strip is None or not lowest:
        return [(".", False)]
    order = sorted(lowest.items(), key=lambda item: (math.isnan(item[1]), 0.0 if math.isnan(item[1]) else item[1]))
    (first, best), rest = order[0], order[1:]
    label = [_named(run.label, len(run.paths), crowd) for run in picture.result.runs]
    if not _has_value(strip, best):
        return [(": no loss is finite.", False)]
    if not rest and len(picture.result.runs[first].paths) == 1:
        return [(": loss ", False), (strip_text(strip, best), True), (f" ({label[first]}).", False)]
    opening = ": median loss " if crowd else ": lowest loss "
    pieces = [(opening, False), (strip_text(strip, best), True), (f" ({label[first]})", False)]
    for n, (run, value) in enumerate(rest):
        written = strip_text(strip, value) if _has_value(strip, value) else "not finite"
        pieces += [(", " if n else "; ", False), (f"{label[run]} ", False), (written, True)]
    return [*pieces, (".", False)]


def _named(label: str, starts: int, crowd: bool) -> str:
    return label if starts == 1 else f"{label}, {starts} starts" if crowd else f"{label}, best of {starts} starts"


def _has_value(strip: Strip, value: float) -> bool:
    return bool(np.isfinite(value)) or (strip.log and value == -math.inf)


def _endings(picture: Picture, step: int) -> list[str]:
    """How each path that has ended by now did so, each sentence once; of a crowd, how many did so."""
    said: list[str] = []
    for run in picture.result.runs:
        stopped = (p for p in run.paths if p.status != "finished" and p.stopped_at is not None and step >= p.stopped_at)
        ended = list(stopped)
        said += _counted(run, ended) if len(run.paths) > CROWD else [_ending(run, path) for path in ended]
    return list(dict.fromkeys(said))


def _counted(run: RunResult, ended: list[Path]) -> list[str]:
    ways = Counter(STOPS[path.status] for path in ended)
    counts = ", ".join(f"{way} {count}" for way, count in ways.items())
    return [f"“{run.label}”, of {len(run.paths)} paths: {counts}."] if ways else []


def _ending(run: RunResult, path: Path) -> str:
    start = ", ".join(f"{c:.3g}".replace("-", "−") for c in path.start)
    return f"“{run.label}”{f' from ({start})' if len(run.paths) > 1 else ''} {path.status_text}."
