"""How a path is drawn: a trail that fades with age over a light casing, a head, and words beside the heads."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.path import Path as Shape

from app.drawing.camera import Trail
from app.drawing.layout import Box
from app.drawing.pen import Pen, Style, width_of
from dynamics import Path

# How a trail fades: steps since the head passed, strength, width, and the strength of its light casing.
AGES = (25, 40, 60, 90, 130, math.inf)
FADES = (1, 0.85, 0.7, 0.58, 0.48, 0.4)
WIDTHS = (2.3, 2.2, 2.1, 1.9, 1.7, 1.6)
CASINGS = (0.8, 0.55, 0.36, 0.24, 0.16, 0.12)
LONG = 700
"""points; beyond it the old part of a trail is a hairline without casing"""
CROWD = 200
"""dots or labels beyond which there are none: they would only hide the paths"""
BEYOND = (5.0, 4.0)
LOST = 0.85
"""the dash, and how much fainter it is, of a line that is no longer predictive"""
CROSSED = ("diverged", "left_the_plane")


class Ink(NamedTuple):
    """What a run is drawn with."""

    colour: str
    dash: tuple[float, ...]


def draw_trail(pen: Pen, trail: Trail, path: Path, ink: Ink, t: float, style: Style) -> None:
    """The path so far, oldest part first, each part a light casing under the run's colour."""
    m, stretch = style.stroke, max(1.0, path.steps / 1200)
    horizon = math.inf if path.horizon is None else path.horizon
    long, start, travelled = len(trail.points) > LONG, 0, 0.0
    lengths = np.r_[0.0, np.nancumsum(np.minimum(np.hypot(*np.diff(trail.points, axis=0).T), 1e4))]
    for cut in sorted([*(t - age * stretch for age in AGES[:-1]), horizon, math.inf]):
        stop = max(start, int(np.searchsorted(trail.step, cut, side="right")) - 1)
        if stop == start:
            continue
        age = next(i for i, steps in enumerate(AGES) if t - trail.step[stop] < steps * stretch)
        lost, part = trail.step[stop] > horizon, trail.points[start : stop + 1]
        cap, hair = "butt" if age else "round", long and age == len(AGES) - 1
        if not long or age < 2:
            strength = style.casing * CASINGS[age] * (0.45 if lost else 1)
            pen.line(part, "#ffffff", (WIDTHS[age] + 2.1) * m, strength, cap=cap)
        pattern = [] if hair else [d * m for d in (BEYOND if lost else ink.dash)]
        offset = travelled % sum(pattern) if pattern else 0.0
        width = (1 if hair else WIDTHS[age]) * m
        pen.line(part, ink.colour, width, FADES[age] * (LOST if lost else 1), pattern, offset, cap)
        start, travelled = stop, float(lengths[stop])
    _vertices(pen, trail, t - AGES[1] * stretch, style)


def _vertices(pen: Pen, trail: Trail, since: float, style: Style) -> None:
    """Where steps are long enough to tell apart, a light dot on each of the recent ones."""
    far = np.hypot(*np.diff(trail.points, axis=0).T) >= 14 * style.stroke
    chosen = trail.points[1:-1][far[:-1] & (trail.step[1:-1] > since)]
    for x, y in chosen if len(chosen) <= CROWD else ():
        pen.disc(x, y, 1.3 * style.stroke, "#ffffff", 0.9 * style.casing)


def draw_handle(pen: Pen, x: float, y: float, far: bool, style: Style) -> None:
    m = style.stroke * (0.72 if far else 1)
    for radius, colour in ((8.5, "#ffffff"), (7.2, "#16181d"), (5.6, "#ffffff"), (2.2, "#16181d")):
        pen.disc(x, y, radius * m, colour)


def draw_head(pen: Pen, at: np.ndarray, path: Path, ink: Ink, t: float, box: Box, style: Style) -> tuple[float, float]:
    """A disc with a ring; a cross where the path ended badly; an arrow on the rim when the head is outside."""
    m, half = style.stroke, np.array([box.width, box.height]) / 2
    away = at - half - [box.x, box.y]
    if np.any(np.abs(away) > half + 8 * m):
        return _draw_arrow(pen, away, ink, box, style)
    x, y = at
    if stopped(path, t) and path.status in CROSSED:
        for width, colour in ((6, "#ffffff"), (3, ink.colour)):
            for side in (1, -1):
                pen.line([(x - 5 * m, y - 5 * m * side), (x + 5 * m, y + 5 * m * side)], colour, width * m, cap="round")
        return x, y
    pen.disc(x, y, 9.4 * m, "#000000", 0.28)
    pen.disc(x, y, 8.6 * m, "#ffffff")
    pen.disc(x, y, 6.2 * m, ink.colour)
    if stopped(path, t):
        pen.disc(x, y, 3 * m, "#ffffff")
    return x, y


def draw_ray(pen: Pen, origin: np.ndarray, head: np.ndarray, box: Box, style: Style) -> None:
    """From the origin through a head to the panel's edge: the direction, which two panels have in common."""
    away = head - origin
    far = 2 * (box.width + box.height) / (float(np.hypot(*away)) or 1.0)
    pen.line([tuple(origin), tuple(origin + far * away)], "#ffffff", style.stroke, 0.55)


def draw_echo(pen: Pen, x: float, y: float, ink: Ink, style: Style) -> None:
    """A ring where a head of another panel would be here."""
    turns = np.linspace(0, 2 * np.pi, 49)
    ring = np.stack([x + 12.5 * style.stroke * np.cos(turns), y + 12.5 * style.stroke * np.sin(turns)], axis=1)
    pen.line(ring, "#ffffff", 5 * style.stroke, 0.9)
    pen.line(ring, ink.colour, 2.6 * style.stroke)


def _draw_arrow(pen: Pen, away: np.ndarray, ink: Ink, box: Box, style: Style) -> tuple[float, float]:
    """Where the ray from the middle of the box to a head outside meets the rim."""
    m, half = style.stroke, np.array([box.width, box.height]) / 2
    with np.errstate(divide="ignore"):
        x, y = half + [box.x, box.y] + away * np.min((half - 10 * m) / np.abs(away))
    c, s = away / np.hypot(*away)
    arrow = np.array([(8, 0), (-5, -6), (-5, 6), (8, 0)]) @ [[c, s], [-s, c]] * m + [x, y]
    pen.line(arrow, "#ffffff", 2 * m)
    pen.fill(Shape(arrow), ink.colour)
    return x, y


def draw_particle(pen: Pen, x: float, y: float, ink: Ink, style: Style) -> None:
    """A path of a cloud: only where it is."""
    pen.disc(x, y, 2.5 * style.stroke, ink.colour, 0.8)


def draw_labels(pen: Pen, labels: list[tuple[str, float, float]], box: Box, style: Style) -> None:
    """Words beside heads, each on the first of four sides that is free."""
    size, away = style.small, 13 * style.stroke
    taken = [(x - 8, y - 8, x + 8, y + 8) for _, x, y in labels]
    for text, x, y in labels:
        wide, half = width_of(text, size, True), size / 2
        spots = [(x + away, y), (x - away - wide, y), (x - wide / 2, y - away - half), (x - wide / 2, y + away + half)]
        for a, b in spots:
            inside = box.x + 2 < a < box.right - 2 - wide and box.y + size < b < box.bottom - half
            if text and inside and all(a > r or a + wide < l or b - half > d or b + half < u for l, u, r, d in taken):
                taken.append((a, b - half, a + wide, b + half))
                pen.text(a, b, text, size, "#ffffff", bold=True, halo=("#0a0e14", 0.72, 3.5 * style.stroke))
                break


def stopped(path: Path, t: float) -> bool:
    return path.stopped_at is not None and t >= path.stopped_at
