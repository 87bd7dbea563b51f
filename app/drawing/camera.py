"""Where things stand on the film: the stage's lens and its ticks, on arrays.

A point is (x, y)·e^k and the camera has a log scale s of its own; only e^(k - s) is ever formed, so a path of any
length fits. The pixel is

    ox + ux · x · e^(k - s),    oy + uy · y · e^(k - s)      (pixels from the panel's upper left corner).
"""

import math
from typing import NamedTuple

import numpy as np

from app.picture.panels import Panel
from app.picture.words import tick_text

Window = tuple[float, float, float, float]


class Lens(NamedTuple):
    """Camera, window and size, folded into five numbers."""

    s: float
    ux: float
    uy: float
    ox: float
    oy: float

    def project(self, x: np.ndarray, y: np.ndarray, k: np.ndarray | float = 0.0) -> np.ndarray:
        """Pixels, shape (n, 2). Beyond e^60 a point is far outside every window: it is held there."""
        e = np.exp(np.minimum(k - self.s, 60.0))
        return np.stack([self.ox + self.ux * x * e, self.oy + self.uy * y * e], axis=-1)


def lens_of(panel: Panel, window: Window, width: float, height: float, t: float) -> Lens:
    x0, x1, y0, y1 = window
    ux, uy = width / (x1 - x0), -height / (y1 - y0)
    s = 0.0 if panel.log_scale is None else float(between(panel.log_scale, t))
    return Lens(s, ux, uy, -x0 * ux, -y1 * uy)


def between(values: np.ndarray, t: float) -> float:
    """A recorded quantity between two steps: linear."""
    i = min(max(math.floor(t), 0), len(values) - 1)
    return values[i] if i == len(values) - 1 or t <= i else values[i] + (t - i) * (values[i + 1] - values[i])


def fit_window(window: Window, width: float, height: float) -> Window:
    """The window widened so that a unit is as long across as up."""
    x0, x1, y0, y1 = window
    unit = max((x1 - x0) / width, (y1 - y0) / height) / 2
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return cx - unit * width, cx + unit * width, cy - unit * height, cy + unit * height


class Trail(NamedTuple):
    """A path up to time t in pixels; `step` says which step each point is. The last point is the head."""

    points: np.ndarray
    step: np.ndarray
    jump: float = math.inf


def trail_of(x: np.ndarray, y: np.ndarray, k: np.ndarray, lens: Lens, t: float, jump: float = math.inf) -> Trail:
    """The path so far, without points that fall on the one before; the head stands between two steps.

    A step across more than `jump` pixels is an angle that wraps: the head does not cross the picture for it.
    """
    last = min(math.floor(t), len(x) - 1)
    points, step = lens.project(x[: last + 2], y[: last + 2], k[: last + 2]), np.arange(min(last + 2, len(x)))
    if t > last and len(points) > last + 1 and abs(points[-1, 0] - points[-2, 0]) <= jump:
        points[-1] = points[-2] + (t - last) * (points[-1] - points[-2])
    else:
        points, step = points[: last + 1], step[: last + 1]
    moved = np.any(np.diff(np.rint(2 * np.clip(points, -1e6, 1e6)), axis=0) != 0, axis=1)
    moved[-1:] = True
    return Trail(points[np.r_[True, moved]], step[np.r_[True, moved]], jump)


def broken(trail: Trail) -> Trail:
    """The trail with a gap (nan) wherever it jumps."""
    gaps = np.flatnonzero(np.abs(np.diff(trail.points[:, 0])) > trail.jump) + 1
    return trail._replace(
        points=np.insert(trail.points, gaps, np.nan, axis=0), step=np.insert(trail.step, gaps, trail.step[gaps])
    )


# ---------------------------------------------------------------------------------------------------------------------
# Ticks

LADDER = (1, 2, 5, 10)
FINER = (0.5, 1, 2, 5)
COARSER = (2, 5, 10, 20)


class Tick(NamedTuple):
    at: float
    """place along the axis, from 0 to 1"""
    text: str
    alpha: float


def ticks(lo: float, hi: float, log_scale: float, pixels: float, gap: float, fade: bool = False) -> list[Tick]:
    """A 1-2-5 ladder for camera coordinates lo … hi whose true values are e^log_scale times larger, kept in logs.

    With `fade`, a tick that the next rung will drop fades out before the switch, and one that it adds fades in after.
    """
    tens = log_scale / math.log(10)
    wanted = math.log10((hi - lo) * gap / pixels) + tens
    power = math.floor(wanted)
    rung = next(i for i, m in enumerate(LADDER) if math.log10(m) >= wanted - power - 1e-12)
    m, below = LADDER[rung], math.log10(FINER[rung])
    spacing, phase = m * 10 ** (power - tens), (wanted - power - below) / (math.log10(m) - below)
    marks = []
    for i in range(math.ceil(lo / spacing - 1e-9), math.floor(hi / spacing + 1e-9) + 1):
        stays, old = (i * m) % COARSER[rung] == 0, (i * m) % FINER[rung] == 0
        alpha = min(1.0, 1.0 if stays else 6 * (1 - phase), 1.0 if old else 6 * phase) if fade else 1.0
        marks.append(Tick((i * spacing - lo) / (hi - lo), tick_text(i * m, power), max(alpha, 0.0)))
    return marks


def ticks_of_degrees(lo: float, hi: float, pixels: float, gap: float) -> list[Tick]:
    """Directions, every 90 degrees or finer where there is room."""
    spacing = next((d for d in (15, 45, 90) if d * pixels / (hi - lo) >= gap), 180)
    marks = range(math.ceil(lo / spacing) * spacing, math.floor(hi) + 1, spacing)
    return [Tick((d - lo) / (hi - lo), f"{d}°".replace("-", "−"), 1.0) for d in marks]


def ticks_of_logs(lo: float, hi: float, pixels: float, gap: float) -> list[Tick]:
    """Powers of ten, with 2 and 5 between them where there is room, on an axis of natural logarithms lo … hi."""
    tens = range(math.floor(lo / math.log(10)), math.ceil(hi / math.log(10)) + 1)
    decade = math.log(10) * pixels / (hi - lo)
    every = max(1, math.ceil(gap / decade))
    steps = (1, 2, 5) if decade >= 3.5 * gap else (1,)
    places = [(math.log(m) + e * math.log(10), m, e) for e in tens if e % every == 0 for m in steps]
    return [Tick((log - lo) / (hi - lo), tick_text(m, e), 1.0) for log, m, e in places if lo <= log <= hi]
