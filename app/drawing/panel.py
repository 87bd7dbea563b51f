"""One panel of a picture: its ground, what never moves on it, and its paths at time t."""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.path import Path as Shape

from app.drawing.camera import Lens, broken, fit_window, lens_of, ticks, ticks_of_degrees, ticks_of_logs, trail_of
from app.drawing.field import arrows, field_image
from app.drawing.layout import Box
from app.drawing.pen import Pen, Style, fitted, printable, width_of
from app.drawing.table import draw_table
from app.drawing.trails import (
    CROWD,
    Ink,
    draw_echo,
    draw_handle,
    draw_head,
    draw_labels,
    draw_particle,
    draw_ray,
    draw_trail,
    stopped,
)
from app.picture.panels import Panel
from app.picture.picture import Field, Picture
from app.picture.words import STOPS, norm_text
from dynamics import Path

NIGHT = np.array([10, 12, 16])


class Item(NamedTuple):
    """A path in the coordinates in which its panel shows it: (x, y)·e^k over t."""

    run: int
    path: Path
    x: np.ndarray
    y: np.ndarray
    k: np.ndarray


class PanelView:
    """`detail` is how many field pixels there are to a pixel; with `fade`, ticks of a moving camera come and go softly."""

    def __init__(self, picture: Picture, panel: Panel, box: Box, gutter: float, style: Style, detail: int, fade: bool):
        self.picture, self.panel, self.box, self.gutter, self.style = picture, panel, box, gutter, style
        self.detail, self.fade = detail, fade and panel.log_scale is not None
        self.window = fit_window(panel.window, box.width, box.height) if panel.plane else panel.window
        self.items = self._items()

    def _items(self) -> list[Item]:
        runs = self.picture.result.runs
        if self.panel.table:
            return []
        if self.panel.traces:
            still = np.zeros(self.picture.scene.steps + 1)
            return [Item(t.run, runs[t.run].paths[t.path], t.x, t.y, still) for t in self.panel.traces]
        return [Item(r, p, p.frame_x, p.frame_y, p.frame_log) for r in self.panel.runs for p in runs[r].paths]

    def lens(self, t: float) -> Lens:
        """From the panel's coordinates to the picture's pixels."""
        lens = lens_of(self.panel, self.window, self.box.width, self.box.height, t)
        return lens._replace(ox=lens.ox + self.box.x, oy=lens.oy + self.box.y)

    def ink(self, run: int) -> Ink:
        return Ink(self.picture.colours[run], self.picture.dashes[run])

    # What never moves

    def still(self, pen: Pen) -> None:
        box = self.box
        self._title(pen)
        if not self.moves:
            pen.image(box.x, box.y, int(box.width), int(box.height), self._ground())
        with pen.clipped(*box):
            self._quiver(pen) if self.panel.plane else self._grid(pen)
            self._curves(pen)
            self._axis_names(pen)
        if self.panel.log_scale is None:
            self._ticks(pen, 0.0)

    def _title(self, pen: Pen) -> None:
        u, x, y = self.style.unit, self.box.x, self.box.y - 0.95 * self.style.unit
        room = self.box.width - (self._corner_room() if self.has_corner else 0)
        if len(self.panel.runs) == 1 and len(self.picture.result.runs) > 1:
            draw_swatch(pen, self.ink(self.panel.runs[0]), x, y, self.style)
            x, room = x + 2.3 * u, room - 2.3 * u
        pen.text(x, y, fitted(printable(self.panel.title), u, room, True), u, self.style.theme.text, bold=True)

    def _corner_room(self) -> float:
        """The widest that the norm gets in the course of the film."""
        moments = [self.picture.scene.steps * i // 40 for i in range(41)]
        u = self.style.unit
        return max(width_of(norm_text(self.picture, self.panel, t), 0.94 * u) for t in moments) + 0.7 * u

    @cached_property
    def has_corner(self) -> bool:
        """Whether the norm stands beside the title: not where it would cut it."""
        u, swatch = self.style.unit, len(self.panel.runs) == 1 and len(self.picture.result.runs) > 1
        title = width_of(printable(self.panel.title), u, True) + 2.3 * u * swatch
        return self.panel.title == "" or title + self._corner_room() <= self.box.width

    @property
    def field(self) -> Field:
        return self.picture.fields[self.panel.field]

    @property
    def moves(self) -> bool:
        """Whether the ground itself changes over time."""
        return self.panel.plane and self.field.shift is not None and bool(np.ptp(self.field.shift))

    def _ground(self, t: float = 0.0) -> np.ndarray:
        width, height = int(self.box.width * self.detail), int(self.box.height * self.detail)
        corners = _rounded(width, height, 0.5 * self.style.unit * self.detail)
        if not self.panel.plane:
            return np.dstack([np.broadcast_to(_bytes(self.style.theme.soft), (height, width, 3)), corners])
        image = field_image(self.field, self.window, width, height, t)
        if self.style.theme.dark:
            image = np.rint(0.87 * image + 0.13 * NIGHT).astype(np.uint8)
        return np.dstack([image, corners])

    def _quiver(self, pen: Pen) -> None:
        lens = self.lens(0.0)._replace(s=0.0)
        strokes = arrows(self.field, lens, self.panel.window, self.box)
        if strokes:
            path = Shape.make_compound_path(*(Shape(stroke) for stroke in strokes))
            pen.line(path, "#ffffff", self.style.stroke, 0.38, cap="round")

    def _grid(self, pen: Pen) -> None:
        """Lines at the ticks, instead of a landscape."""
        box, theme = self.box, self.style.theme
        across, up = self._axes(0.0)
        for tick in across:
            x = box.x + tick.at * box.width
            pen.line([(x, box.y), (x, box.bottom)], theme.line, 1, smooth=False)
        for tick in up:
            y = box.bottom - tick.at * box.height
            pen.line([(box.x, y), (box.right, y)], theme.line, 1, smooth=False)

    def _axis_names(self, pen: Pen) -> None:
        if self.panel.axes is None:
            return
        axes = self.panel.axes
        box, u, small, theme = self.box, self.style.unit, self.style.small, self.style.theme
        halo = (theme.soft, 1.0, 4.0)
        pen.text(box.right - 0.5 * u, box.bottom - 0.8 * u, axes.across, small, theme.muted, align="right", halo=halo)
        pen.text(box.x + 0.5 * u, box.y + 0.9 * u, axes.up, small, theme.muted, halo=halo)

    def _curves(self, pen: Pen) -> None:
        """Lines and places that belong to no run; each with its words where it is first seen from the right."""
        lens, theme, m, small = self.lens(0.0), self.style.theme, self.style.stroke, self.style.small
        halo = (theme.soft, 1.0, 4.0)
        for curve in self.panel.curves:
            points = lens.project(curve.x, curve.y)
            pen.line(points, theme.text, 1.3 * m, 0.6, (5 * m, 4 * m))
            inside = points[(points[:, 1] > self.box.y + 2 * small) & (points[:, 1] < self.box.bottom - small)]
            if len(inside):
                x, y = inside[np.argmax(inside[:, 0])]
                pen.text(min(x + 6 * m, self.box.right - 4), y, curve.label, small, theme.text, align="right", halo=halo)
        for mark in self.panel.marks:
            x, y = lens.project(np.array(mark.x), np.array(mark.y))
            pen.disc(x, y, 4.6 * m, theme.text)
            pen.disc(x, y, 3 * m, theme.soft)
            pen.text(x, y + 15 * m, mark.label, small, theme.text, align="center", halo=halo)

    def _axes(self, t: float) -> tuple[list, list]:
        (x0, x1, y0, y1), u, box = self.window, self.style.unit, self.box
        axes, s = self.panel.axes, self.lens(t).s
        if axes is not None and axes.degrees and axes.log:
            return ticks_of_degrees(x0, x1, box.width, 4 * u), ticks_of_logs(y0, y1, box.height, 3 * u)
        return ticks(x0, x1, s, box.width, 5 * u, self.fade), ticks(y0, y1, s, box.height, 4 * u, self.fade)

    def _ticks(self, pen: Pen, t: float) -> None:
        size, u, box, free = self.style.small, self.style.unit, self.box, -math.inf
        across, up = self._axes(t)
        for tick in across:
            x, half = box.x + tick.at * box.width, width_of(tick.text, size) / 2
            if x - half < free or x + half > self.style.right:
                continue
            free = x + half + 0.5 * u
            pen.text(x, box.bottom + 0.85 * u, tick.text, size, self.style.theme.muted, align="center", alpha=tick.alpha)
        inside = any(width_of(tick.text, size) > self.gutter - 0.5 * u for tick in up)  # rather than cut to another number
        for tick in up if self.gutter else ():
            y = box.y + min(max((1 - tick.at) * box.height, size / 2), box.height - size / 2)
            if inside:
                pen.text(box.x + 0.3 * u, y, tick.text, size, "#ffffff", alpha=tick.alpha, halo=("#0a0e14", 0.72, 3.5))
            else:
                pen.text(box.x - 0.5 * u, y, tick.text, size, self.style.theme.muted, align="right", alpha=tick.alpha)

    # What moves

    def moving(self, pen: Pen, t: float) -> None:
        u, box = self.style.unit, self.box
        if self.panel.log_scale is not None:
            self._ticks(pen, t)
        if self.moves:
            pen.image(box.x, box.y, int(box.width), int(box.height), self._ground(t))
        corner = norm_text(self.picture, self.panel, t) if self.has_corner else ""
        pen.text(box.right, box.y - 0.95 * u, corner, 0.94 * u, self.style.theme.muted, align="right")
        with pen.clipped(*box):
            if self.panel.table:
                draw_table(pen, self.picture, self.panel, self.lens(t), self.window, t, self.style)
            self._paths(pen, t) if self.picture.scene.view.trails else self._cloud(pen, t)

    def _paths(self, pen: Pen, t: float) -> None:
        lens, heads = self.lens(t), []
        for item in self.items:
            trail = trail_of(item.x, item.y, item.k, lens, t, self._jump)
            heads.append(trail.points[-1])
            draw_trail(pen, broken(trail), item.path, self.ink(item.run), t, self.style)
        self._handles(pen, lens)
        self._compare(pen, t, lens, heads)
        labels = []
        for i, (item, head) in enumerate(zip(self.items, heads, strict=True)):
            if np.all(np.isfinite(head)):
                spot = draw_head(pen, head, item.path, self.ink(item.run), t, self.box, self.style)
                labels.append((self._label(i, t), *spot))
        draw_labels(pen, labels, self.box, self.style)

    def _compare(self, pen: Pen, t: float, lens: Lens, heads: list[np.ndarray]) -> None:
        """What lets the eye compare two panels: rays through the heads, and rings where the other one's heads would be."""
        for head in heads if self.panel.rays else ():
            if np.all(np.isfinite(head)):
                draw_ray(pen, np.array([lens.ox, lens.oy]), head, self.box, self.style)
        for path in self.picture.result.runs[self.panel.echo.run].paths if self.panel.echo else ():
            k = path.frame_log + self.panel.echo.log_scale
            place = trail_of(path.frame_x, path.frame_y, k, lens, t, self._jump).points[-1]
            if np.all(np.isfinite(place)):
                draw_echo(pen, *place, self.ink(self.panel.echo.run), self.style)

    @property
    def _jump(self) -> float:
        """pixels; a longer step across is an angle that wraps"""
        return math.inf if self.panel.plane else self.box.width / 2

    def _handles(self, pen: Pen, lens: Lens) -> None:
        if self.picture.handles and not self.panel.traces:
            for start in dict.fromkeys(item.path.start for item in self.items):
                draw_handle(pen, *lens.project(*np.array(start)), lens.s > math.log(4), self.style)

    def _cloud(self, pen: Pen, t: float) -> None:
        """Every path only where it is, between two of its steps."""
        lens, now = self.lens(t), math.floor(t)
        self._handles(pen, lens)
        for item in self.items:
            x, y, k = (values[now : now + 2] for values in (item.x, item.y, item.k))
            place = trail_of(x, y, k, lens, t - now, self._jump).points[-1]
            if np.all(np.isfinite(place)):
                draw_particle(pen, *place, self.ink(item.run), self.style)

    def _label(self, index: int, t: float) -> str:
        """What stands beside a head: the run where there are several, and how its path ended."""
        item = self.items[index]
        first = all(other.run != item.run for other in self.items[:index])
        name = printable(self.picture.result.runs[item.run].label) if first and len(self.panel.runs) > 1 else ""
        ending = STOPS[item.path.status] if stopped(item.path, t) and len(self.items) <= CROWD else ""
        return fitted(" · ".join(word for word in (name, ending) if word), self.style.small, 14 * self.style.unit, True)


def draw_swatch(pen: Pen, ink: Ink, x: float, y: float, style: Style) -> None:
    dash = [d * style.stroke for d in ink.dash]
    pen.line([(x, y), (x + 1.8 * style.unit, y)], ink.colour, 3 * style.stroke, dash=dash, smooth=False)


def _bytes(colour: str) -> np.ndarray:
    return np.rint(255 * np.array(to_rgb(colour))).astype(np.uint8)


def _rounded(width: int, height: int, radius: float) -> np.ndarray:
    """An alpha channel with rounded corners, shape (height, width)."""
    x, y = (np.maximum(radius - 0.5 - np.minimum(np.arange(n), n - 1 - np.arange(n)), 0) for n in (width, height))
    return np.rint(255 * np.clip(radius + 0.5 - np.hypot(x[None, :], y[:, None]), 0, 1)).astype(np.uint8)
