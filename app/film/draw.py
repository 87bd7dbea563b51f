"""A picture at time t, drawn with a pen: the stage's frame, without its buttons.

still     what never moves: the landscape, titles, fixed ticks, the strips in full but faint
past      the strips again, strong; of it only the part before the cursor is shown
moving    the paths up to t, ticks of a zooming camera, cursors, numbers, the sentence
"""

import math
from typing import Any

import numpy as np
from matplotlib.path import Path as Shape

from app.film.camera import Lens, Trail, fit_window, lens_of, ticks, trail_of
from app.film.field import arrows, field_image
from app.film.layout import Box, Layout, layout, lines, values_at
from app.film.pen import Pen, fitted, printable, width_of
from app.panels import Panel
from app.picture import Picture
from app.theme import Theme
from app.words import caption, norm_text, strip_text
from dynamics import Path

# How a trail fades: steps since the head passed, strength, width, and the strength of its light casing.
AGES = (25, 40, 60, 90, 130, math.inf)
FADES = (1, 0.8, 0.62, 0.48, 0.4, 0.34)
WIDTHS = (2.3, 2.2, 2.1, 1.9, 1.7, 1.6)
CASINGS = (0.8, 0.6, 0.45, 0.32, 0.26, 0.24)
LONG = 700
"""points; beyond it the old part of a trail is a hairline without casing"""
CROWD = 200
"""dots or labels beyond which there are none: they would only hide the paths"""
BEYOND = (5.0, 4.0)
"""the dash of a trail that is no longer predictive"""
STOPS = {
    "diverged": "diverged", "left_the_plane": "left the plane", "zero_gradient": "gradient exactly zero",
    "reached_the_origin": "reached the origin",
}  # fmt: skip
CROSSED = ("diverged", "left_the_plane")
FUTURE = 0.38
"""how strongly the part of a strip after the cursor is drawn"""
NIGHT = np.array([10, 12, 16])


class Drawing:
    """A picture at one size in one theme. `detail` is how many field pixels there are to a pixel: more than 1 on paper."""

    def __init__(self, picture: Picture, size: tuple[int, int], theme: Theme, detail: int = 1, fade_ticks: bool = False):
        self.picture, self.theme, self.detail, self.fade_ticks = picture, theme, detail, fade_ticks
        self.layout: Layout = layout(picture, size)
        self.steps = picture.scene.steps
        self.casing = ("#ffffff", 0.86 if theme.dark else 0.94)
        self.windows = [fit_window(p.window, box.width, box.height) for p, box in self._panels()]
        self.ranges = [strip.range for strip in picture.strips]
        horizons = [path.horizon for run in picture.result.runs for path in run.paths if path.horizon is not None]
        self.horizon = min(horizons, default=None)

    def _panels(self) -> list[tuple[Panel, Box]]:
        return list(zip(self.picture.panels, self.layout.panels, strict=True))

    def lens(self, index: int, t: float) -> Lens:
        panel, box = self._panels()[index]
        return lens_of(panel, self.windows[index], box.width, box.height, t)

    # -----------------------------------------------------------------------------------------------------------------
    # What never moves

    def still(self, pen: Pen) -> None:
        place, theme, u = self.layout, self.theme, self.layout.unit
        pen.box(0, 0, *place.size, theme.background)
        if place.title.width:
            title = fitted(printable(self.picture.scene.title), 1.3 * u, place.title.width, True)
            pen.text(place.title.x, place.title.y + place.title.height / 2, title, 1.3 * u, theme.text, bold=True)
        for entry in place.legend:
            self._swatch(pen, entry.run, entry.x, entry.y)
            pen.text(entry.x + 2.3 * u, entry.y, entry.label, 0.9 * u, theme.text)
        for i, (panel, box) in enumerate(self._panels()):
            self._panel_title(pen, panel, box)
            pen.image(box.x, box.y, int(box.width), int(box.height), self._background(i))
            self._quiver(pen, i, box)
            if panel.log_scale is None:
                self._ticks(pen, i, box, 0.0)
        for i, box in enumerate(place.strips):
            self._strip_frame(pen, i, box)
        self.strips(pen, FUTURE)
        self._track(pen)

    def _panel_title(self, pen: Pen, panel: Panel, box: Box) -> None:
        u, x, y = self.layout.unit, box.x, box.y - 0.95 * self.layout.unit
        corners = [norm_text(self.picture, panel, self.steps * i // 40) for i in range(41)]
        room = box.width - max(width_of(corner, 0.94 * u) for corner in corners) - 0.7 * u
        if len(panel.runs) == 1 and len(self.picture.result.runs) > 1:
            self._swatch(pen, panel.runs[0], x, y)
            x, room = x + 2.3 * u, room - 2.3 * u
        pen.text(x, y, fitted(printable(panel.title), u, room, True), u, self.theme.text, bold=True)

    def _swatch(self, pen: Pen, run: int, x: float, y: float) -> None:
        u = self.layout.unit
        dash = [d * self.layout.stroke for d in self.picture.dashes[run]]
        pen.line([(x, y), (x + 1.8 * u, y)], self.picture.colours[run], 3 * self.layout.stroke, dash=dash, smooth=False)

    def _background(self, index: int) -> np.ndarray:
        box, field = self.layout.panels[index], self.picture.fields[0]
        width, height = int(box.width * self.detail), int(box.height * self.detail)
        image = field_image(field, self.windows[index], width, height)
        if self.theme.dark:
            image = np.rint(0.87 * image + 0.13 * NIGHT).astype(np.uint8)
        corners = _rounded(width, height, 0.5 * self.layout.unit * self.detail)
        return np.dstack([image, corners])

    def _quiver(self, pen: Pen, index: int, box: Box) -> None:
        panel, field = self.picture.panels[index], self.picture.fields[0]
        strokes = arrows(field, self.lens(index, 0.0)._replace(s=0.0), panel.window, box.width, box.height)
        if strokes:
            path = Shape.make_compound_path(*(Shape(stroke + [box.x, box.y]) for stroke in strokes))
            with pen.clipped(*box):
                pen.line(path, "#ffffff", self.layout.stroke, 0.38, cap="round")

    def _ticks(self, pen: Pen, index: int, box: Box, t: float) -> None:
        size, u, lens, free = self.layout.small, self.layout.unit, self.lens(index, t), -math.inf
        x0, x1, y0, y1 = self.windows[index]
        fade = self.fade_ticks and self.picture.panels[index].log_scale is not None
        right = self.layout.size[0] - 0.3 * u
        for tick in ticks(x0, x1, lens.s, box.width, 5 * u, fade):
            x, half = box.x + tick.at * box.width, width_of(tick.text, size) / 2
            if x - half < free or x + half > right:
                continue
            free = x + half + 0.5 * u
            pen.text(x, box.bottom + 0.85 * u, tick.text, size, self.theme.muted, align="center", alpha=tick.alpha)
        if not self.layout.gutters[index]:
            return
        for tick in ticks(y0, y1, lens.s, box.height, 4 * u, fade):
            y = box.y + min(max((1 - tick.at) * box.height, size / 2), box.height - size / 2)
            pen.text(box.x - 0.5 * u, y, tick.text, size, self.theme.muted, align="right", alpha=tick.alpha)

    # -----------------------------------------------------------------------------------------------------------------
    # Strips

    def _strip_frame(self, pen: Pen, index: int, box: Box) -> None:
        strip, size, theme = self.picture.strips[index], self.layout.small, self.theme
        y = box.y - self.layout.strip_head + 0.9 * self.layout.unit
        name = fitted(strip.title, size, box.width - (width_of("  log", size) if strip.log else 0))
        wide = pen.text(box.x, y, name, size, theme.muted)
        if strip.log:
            pen.text(box.x + wide, y, "  log", size, theme.muted, alpha=0.75)
        pen.line([(box.x, box.bottom), (box.right, box.bottom)], theme.line, 1, smooth=False)
        if strip.threshold is not None:
            level = self._level(index, box, strip.threshold)
            pen.line([(box.x, level), (box.right, level)], theme.muted, 1, dash=(4, 4), smooth=False)
        if self.horizon is not None:
            x = box.x + self.horizon / self.steps * box.width
            pen.line([(x, box.y), (x, box.bottom)], theme.muted, 1, dash=(2, 3), smooth=False)

    def _level(self, index: int, box: Box, value: Any) -> Any:
        """The pixel row of a value; a little beyond the box where the value is beyond the range."""
        lo, hi = self.ranges[index]
        with np.errstate(invalid="ignore"):
            place = np.clip((value - lo) / (hi - lo), -0.02, 1.02) if hi > lo else np.zeros_like(value) + 0.5
        return np.where(np.isfinite(value), box.bottom - 3 - place * (box.height - 6), np.nan)

    def strips(self, pen: Pen, alpha: float) -> None:
        for i, box in enumerate(self.layout.strips):
            for line in self.picture.strips[i].lines:
                self._strip_line(pen, line.run, line.values, i, box, alpha)
            self._strip_words(pen, i, box)

    def _strip_line(self, pen: Pen, run: int, values: np.ndarray, index: int, box: Box, alpha: float) -> None:
        """One quantity; with more values than columns, each column from its lowest to its highest."""
        height = self._level(index, box, values)
        x = box.x + np.arange(len(values)) / max(len(values) - 1, 1) * box.width
        dash = [d * self.layout.stroke for d in self.picture.dashes[run]]
        if len(values) > 4 * box.width:
            x, height, dash = *_envelope(height, box), []
        finite = np.isfinite(height)
        breaks = np.flatnonzero(np.diff(np.r_[False, finite, False].astype(int)))
        for start, stop in zip(breaks[::2], breaks[1::2], strict=True):
            points = np.stack([x[start:stop], height[start:stop]], axis=1)
            pen.line(points, self.picture.colours[run], 1.5 * self.layout.stroke, alpha, dash)

    def _strip_words(self, pen: Pen, index: int, box: Box) -> None:
        """What the dashed line is and, where there is room, the ends of the range."""
        strip, size, theme = self.picture.strips[index], self.layout.small, self.theme
        lo, hi = self.ranges[index]
        halo = (theme.background, 1.0, 4.0)
        if strip.threshold is not None and strip.threshold_label:
            y = self._level(index, box, strip.threshold)
            if y > box.y and width_of(strip.threshold_label, size) < 0.7 * box.width:
                beside = y - 0.75 * size if y > box.y + 1.5 * size else y + 0.9 * size
                label = strip.threshold_label
                pen.text(box.right - 2, beside, label, size, theme.muted, align="right", halo=halo)
        if box.height >= 6 * self.layout.unit:
            pen.text(box.x + 4, box.y + 0.7 * size, strip_text(strip, hi), size, theme.muted, halo=halo)
            pen.text(box.x + 4, box.bottom - 0.9 * size, strip_text(strip, lo), size, theme.muted, halo=halo)

    # -----------------------------------------------------------------------------------------------------------------
    # What moves

    def past(self, t: float) -> list[Box]:
        """The parts of the strips that lie before the cursor."""
        done = min(max(t / self.steps, 0.0), 1.0)
        return [box._replace(width=round(done * box.width)) for box in self.layout.strips]

    def moving(self, pen: Pen, t: float) -> None:
        for i, (panel, box) in enumerate(self._panels()):
            if panel.log_scale is not None:
                self._ticks(pen, i, box, t)
            corner = norm_text(self.picture, panel, t)
            u = self.layout.unit
            pen.text(box.right, box.y - 0.95 * u, corner, 0.94 * u, self.theme.muted, align="right")
            with pen.clipped(*box):
                self._paths(pen, i, box, t)
        for i, (box, past) in enumerate(zip(self.layout.strips, self.past(t), strict=True)):
            pen.line([(past.right, box.y), (past.right, box.bottom)], self.theme.text, 1, smooth=False)
            self._strip_values(pen, i, box, t)
        self._elapsed(pen, t)
        self._caption(pen, t)

    def _strip_values(self, pen: Pen, index: int, box: Box, t: float) -> None:
        """The values at the cursor: at the right of the name, or below it."""
        u, size = self.layout.unit, self.layout.small
        values = values_at(self.picture, self.picture.strips[index], t, u)
        two_lines = self.layout.strip_head > 2 * u
        x = box.x - 0.4 * u if two_lines else box.right - sum(value.width for value in values)
        for text, dot, width in values:
            written = pen.text(x + width, box.y - 0.8 * u, text, size, self.theme.text, align="right")
            if dot:
                pen.disc(x + width - written - 0.5 * u, box.y - 0.8 * u, 0.25 * u, dot)
            x += width

    def _paths(self, pen: Pen, index: int, box: Box, t: float) -> None:
        panel, lens = self.picture.panels[index], self.lens(index, t)
        lens = lens._replace(ox=lens.ox + box.x, oy=lens.oy + box.y)
        items = [(r, path) for r in panel.runs for path in self.picture.result.runs[r].paths]
        heads = [self._trail(pen, r, path, t, lens) for r, path in items]
        far = lens.s > math.log(4)
        for start in dict.fromkeys(path.start for _, path in items):
            self._handle(pen, *lens.project(*np.array(start)), far)
        labels, seen = [], set()
        for (r, path), head in zip(items, heads, strict=True):
            if not np.all(np.isfinite(head)):
                continue
            x, y = self._head(pen, r, path, head, t, box)
            label = printable(self.picture.result.runs[r].label) if len(panel.runs) > 1 and r not in seen else ""
            seen.add(r)
            ending = STOPS[path.status] if _stopped(path, t) and len(items) <= CROWD else ""
            words = " · ".join(word for word in (label, ending) if word)
            labels.append((fitted(words, self.layout.small, 14 * self.layout.unit, True), x, y))
        self._labels(pen, labels, box)

    def _trail(self, pen: Pen, run: int, path: Path, t: float, lens: Lens) -> np.ndarray:
        """The path so far, oldest part first, each part a light casing under the run's colour; gives the head."""
        trail, m = trail_of(path, lens, t), self.layout.stroke
        stretch, horizon = max(1.0, self.steps / 1200), math.inf if path.horizon is None else path.horizon
        colour, dash = self.picture.colours[run], [d * m for d in self.picture.dashes[run]]
        long, start, travelled = len(trail.points) > LONG, 0, 0.0
        lengths = np.r_[0.0, np.cumsum(np.minimum(np.hypot(*np.diff(trail.points, axis=0).T), 1e4))]
        for cut in sorted([*(t - age * stretch for age in AGES[:-1]), horizon, math.inf]):
            stop = max(start, int(np.searchsorted(trail.step, cut, side="right")) - 1)
            if stop == start:
                continue
            age = next(i for i, steps in enumerate(AGES) if t - trail.step[stop] < steps * stretch)
            lost, part = trail.step[stop] > horizon, trail.points[start : stop + 1]
            cap, hair = "butt" if age else "round", long and age == len(AGES) - 1
            if not long or age < 2:
                white, strength = self.casing
                pen.line(part, white, (WIDTHS[age] + 2.1) * m, strength * CASINGS[age] * (0.45 if lost else 1), cap=cap)
            pattern = [] if hair else [d * m for d in BEYOND] if lost else dash
            offset = travelled % sum(pattern) if pattern else 0.0
            width = (1 if hair else WIDTHS[age]) * m
            pen.line(part, colour, width, FADES[age] * (0.85 if lost else 1), pattern, offset, cap)
            start, travelled = stop, float(lengths[stop])
        self._vertices(pen, trail, t - AGES[1] * stretch)
        return trail.points[-1]

    def _vertices(self, pen: Pen, trail: Trail, since: float) -> None:
        """Where steps are long enough to tell apart, a light dot on each of the recent ones."""
        far = np.hypot(*np.diff(trail.points, axis=0).T) >= 14 * self.layout.stroke
        chosen = trail.points[1:-1][far[:-1] & (trail.step[1:-1] > since)]
        for x, y in chosen if len(chosen) <= CROWD else ():
            pen.disc(x, y, 1.3 * self.layout.stroke, self.casing[0], 0.9)

    def _handle(self, pen: Pen, x: float, y: float, far: bool) -> None:
        m = self.layout.stroke * (0.72 if far else 1)
        for radius, colour in ((8.5, "#ffffff"), (7.2, "#16181d"), (5.6, "#ffffff"), (2.2, "#16181d")):
            pen.disc(x, y, radius * m, colour)

    def _head(self, pen: Pen, run: int, path: Path, head: np.ndarray, t: float, box: Box) -> tuple[float, float]:
        """A disc with a ring; a cross where the path ended badly; an arrow on the rim when the head is outside."""
        m, colour = self.layout.stroke, self.picture.colours[run]
        half = np.array([box.width, box.height]) / 2
        centre = half + [box.x, box.y]
        away = head - centre
        if np.any(np.abs(away) > half + 8 * m):
            with np.errstate(divide="ignore"):
                x, y = centre + away * np.min((half - 10 * m) / np.abs(away))
            c, s = away / np.hypot(*away)
            arrow = np.array([(8, 0), (-5, -6), (-5, 6), (8, 0)]) @ [[c, s], [-s, c]] * m + [x, y]
            pen.line(arrow, "#ffffff", 2 * m)
            pen.fill(Shape(arrow), colour)
            return x, y
        x, y = head
        if _stopped(path, t) and path.status in CROSSED:
            for width, ink in ((6, "#ffffff"), (3, colour)):
                for side in (1, -1):
                    pen.line([(x - 5 * m, y - 5 * m * side), (x + 5 * m, y + 5 * m * side)], ink, width * m, cap="round")
            return x, y
        pen.disc(x, y, 9.4 * m, "#000000", 0.28)
        pen.disc(x, y, 8.6 * m, "#ffffff")
        pen.disc(x, y, 6.2 * m, colour)
        if _stopped(path, t):
            pen.disc(x, y, 3 * m, "#ffffff")
        return x, y

    def _labels(self, pen: Pen, labels: list[tuple[str, float, float]], box: Box) -> None:
        """Words beside heads, each on the first of four sides that is free."""
        size, away = self.layout.small, 13 * self.layout.stroke
        taken = [(x - 8, y - 8, x + 8, y + 8) for _, x, y in labels]
        for text, x, y in labels:
            wide, half = width_of(text, size, True), size / 2
            spots = [(x + away, y), (x - away - wide, y), (x - wide / 2, y - away - half), (x - wide / 2, y + away + half)]
            for a, b in spots:
                inside = box.x + 2 < a < box.right - 2 - wide and box.y + size < b < box.bottom - half
                if text and inside and all(a > r or a + wide < l or b - half > d or b + half < u for l, u, r, d in taken):
                    taken.append((a, b - half, a + wide, b + half))
                    pen.text(a, b, text, size, "#ffffff", bold=True, halo=("#0a0e14", 0.72, 3.5 * self.layout.stroke))
                    break

    # -----------------------------------------------------------------------------------------------------------------
    # Time and words

    def _track(self, pen: Pen) -> None:
        """The timeline, with the mark beyond which the numbers no longer predict."""
        track, u, theme = self.layout.timeline, self.layout.unit, self.theme
        pen.line([(track.x, track.y), (track.right, track.y)], theme.line, 0.22 * u, cap="round")
        if self.horizon is None or not self.picture.horizon_text:
            return
        x = track.x + self.horizon / self.steps * track.width
        pen.line([(x, track.y - 0.45 * u), (x, track.y + 0.45 * u)], theme.text, 0.11 * u, smooth=False)
        wide = width_of(self.picture.horizon_text, self.layout.small)
        align, shift = ("right", -0.4 * u) if x + wide + u > track.right else ("left", 0.4 * u)
        text, size = self.picture.horizon_text, self.layout.small
        pen.text(x + shift, track.y - 0.75 * u, text, size, theme.muted, align=align)

    def _elapsed(self, pen: Pen, t: float) -> None:
        track, u = self.layout.timeline, self.layout.unit
        x = track.x + t / self.steps * track.width
        pen.line([(track.x, track.y), (x, track.y)], self.theme.accent, 0.22 * u, cap="round")
        pen.disc(x, track.y, 0.42 * u, self.theme.background)
        pen.disc(x, track.y, 0.34 * u, self.theme.accent)

    def _caption(self, pen: Pen, t: float) -> None:
        box, size = self.layout.caption, 0.97 * self.layout.unit
        for row, line in enumerate(lines(caption(self.picture, t), box.width, size)):
            x, y = box.x, box.y + (row + 0.5) * 1.5 * self.layout.unit
            for text, strong in line:
                x += pen.text(x, y, text, size, self.theme.text if strong else self.theme.muted, bold=strong)


def _envelope(height: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value in each column, one after the other."""
    columns = np.linspace(0, len(height), int(box.width) + 1).astype(int)[:-1]
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduceat(height, columns), np.fmax.reduceat(height, columns)
    x = box.x + (np.arange(len(columns)) + 0.5) / len(columns) * box.width
    return np.repeat(x, 2), np.stack([low, high], axis=1).ravel()


def _stopped(path: Path, t: float) -> bool:
    return path.stopped_at is not None and t >= path.stopped_at


def _rounded(width: int, height: int, radius: float) -> np.ndarray:
    """An alpha channel with rounded corners, shape (height, width)."""
    x, y = (np.maximum(radius - 0.5 - np.minimum(np.arange(n), n - 1 - np.arange(n)), 0) for n in (width, height))
    return np.rint(255 * np.clip(radius + 0.5 - np.hypot(x[None, :], y[:, None]), 0, 1)).astype(np.uint8)
