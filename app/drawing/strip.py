"""A strip: a small chart over t with a cursor, its past strong and its future faint."""

import math
from typing import Any

import numpy as np
from matplotlib.path import Path as Shape

from app.drawing.layout import Box, values_at
from app.drawing.pen import Pen, Style, fitted, width_of
from app.drawing.trails import BEYOND, LOST
from app.picture.picture import Picture
from app.picture.strips import Strip
from app.picture.words import strip_text

BAND = 0.22
"""how strong the band of a crowd is beside its line"""


class StripView:
    """`head` is the height of the words above the chart; `horizon` the step from which nothing is predictive."""

    def __init__(self, picture: Picture, strip: Strip, box: Box, head: float, style: Style, horizon: int | None):
        self.picture, self.strip, self.box, self.head, self.style = picture, strip, box, head, style
        self.horizon, self.steps = horizon, picture.scene.steps
        self.lo, self.hi = strip.range

    def level(self, value: Any) -> Any:
        """The pixel row of a value; a little beyond the box where the value is beyond the range."""
        value = np.asarray(value, dtype=float)
        with np.errstate(invalid="ignore"):
            place = (value - self.lo) / (self.hi - self.lo) if self.hi > self.lo else np.zeros_like(value) + 0.5
        height = self.box.bottom - 3 - np.clip(place, -0.02, 1.02) * (self.box.height - 6)
        return np.where(np.isfinite(value), height, np.nan)

    def still(self, pen: Pen) -> None:
        box, size, theme = self.box, self.style.small, self.style.theme
        name = fitted(self.strip.title, size, box.width - (width_of("  log", size) if self.strip.log else 0))
        y = box.y - self.head + 0.9 * self.style.unit
        wide = pen.text(box.x, y, name, size, theme.muted)
        if self.strip.log:
            pen.text(box.x + wide, y, "  log", size, theme.muted, alpha=0.75)
        pen.line([(box.x, box.bottom), (box.right, box.bottom)], theme.line, 1, smooth=False)
        if self.strip.threshold is not None:
            level = self.level(self.strip.threshold)
            pen.line([(box.x, level), (box.right, level)], theme.muted, 1, dash=(4, 4), smooth=False)
        if self.horizon is not None:
            x = box.x + self.horizon / self.steps * box.width
            pen.line([(x, box.y), (x, box.bottom)], theme.muted, 1, dash=(2, 3), smooth=False)
        for values, _ in self.strip.guides:
            self._line(pen, values, theme.text, 1.0, 0.6, [1.5, 2.5])

    def lines(self, pen: Pen, alpha: float) -> None:
        """The quantities over all of time, and the words over them."""
        m, t = self.style.stroke, np.arange(self.steps + 1)
        for line in self.strip.lines:
            colour, dash = self.picture.colours[line.run], [d * m for d in self.picture.dashes[line.run]]
            if line.band is not None:
                self._band(pen, line.band, colour, alpha)
            horizon = None if line.path is None else self.picture.result.runs[line.run].paths[line.path].horizon
            known = t <= (self.steps if horizon is None else horizon)
            self._line(pen, np.where(known, line.values, np.nan), colour, 1.5 * m, alpha, dash)
            beyond = ~known | np.roll(~known, -1)
            if beyond.any():
                values = np.where(beyond, line.values, np.nan)
                self._line(pen, values, colour, 1.5 * m, LOST * alpha, [d * m for d in BEYOND])
        self._words(pen)

    def _line(self, pen: Pen, values: np.ndarray, colour: str, width: float, alpha: float, dash: list[float]) -> None:
        """One quantity; with many more values than columns, each column from its lowest to its highest."""
        height, x = self.level(values), self.box.x + np.arange(len(values)) / max(len(values) - 1, 1) * self.box.width
        if len(values) > 4 * self.box.width:
            x, height, dash = *_envelope(height, self.box), []
        pen.line(np.stack([x, height], axis=1), colour, width, alpha, dash)

    def _band(self, pen: Pen, band: tuple[np.ndarray, np.ndarray], colour: str, alpha: float) -> None:
        """Between two quantities, where both have a value."""
        low, high = map(self.level, band)
        known = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
        known = known[:: max(1, int(len(known) / (2 * self.box.width)))]
        if len(known) > 1:
            x = self.box.x + known / max(len(low) - 1, 1) * self.box.width
            edge = np.concatenate([np.stack([x, high[known]], axis=1), np.stack([x, low[known]], axis=1)[::-1]])
            pen.fill(Shape(edge), colour, BAND * alpha)

    def _words(self, pen: Pen) -> None:
        """What the dashed line and the guides are and, where there is room, the ends of the range."""
        box, size, theme, strip = self.box, self.style.small, self.style.theme, self.strip
        halo = (theme.background, 1.0, 4.0)
        for level, label in self._labels():
            beside = level - 0.75 * size if level > box.y + 1.5 * size else level + 0.9 * size
            if width_of(label, size) < 0.7 * box.width:
                pen.text(box.right - 2, beside, label, size, theme.muted, align="right", halo=halo)
        if box.height >= 6 * self.style.unit:
            pen.text(box.x + 4, box.y + 0.7 * size, strip_text(strip, self.hi), size, theme.muted, halo=halo)
            pen.text(box.x + 4, box.bottom - 0.9 * size, strip_text(strip, self.lo), size, theme.muted, halo=halo)

    def _labels(self) -> list[tuple[float, str]]:
        if self.strip.threshold is None or not self.strip.threshold_label:
            return [(self.box.bottom, label) for _, label in self.strip.guides]
        return [(float(self.level(self.strip.threshold)), self.strip.threshold_label)]

    def cut(self, t: float) -> Box:
        """The part of the chart that lies before the cursor."""
        return self.box._replace(width=round(min(max(t / self.steps, 0.0), 1.0) * self.box.width))

    def moving(self, pen: Pen, t: float) -> None:
        """The cursor, and the values at it: at the right of the name, or below it."""
        box, u, size, theme = self.box, self.style.unit, self.style.small, self.style.theme
        now = self.cut(t).right
        pen.line([(now, box.y), (now, box.bottom)], theme.text, 1, smooth=False)
        values = values_at(self.picture, self.strip, math.floor(t + 1e-9), u)
        x = box.x - 0.4 * u if self.head > 2 * u else box.right - sum(value.width for value in values)
        for text, dot, width in values:
            written = pen.text(x + width, box.y - 0.8 * u, text, size, theme.text, align="right")
            if dot:
                pen.disc(x + width - written - 0.5 * u, box.y - 0.8 * u, 0.25 * u, dot)
            x += width


def _envelope(height: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value in each column, one after the other."""
    columns = np.linspace(0, len(height), int(box.width) + 1).astype(int)[:-1]
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduceat(height, columns), np.fmax.reduceat(height, columns)
    x = box.x + (np.arange(len(columns)) + 0.5) / len(columns) * box.width
    return np.repeat(x, 2), np.stack([low, high], axis=1).ravel()
