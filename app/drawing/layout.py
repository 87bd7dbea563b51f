"""Where everything stands on a picture of a given size: panels as large as they can be, and nothing on top of anything."""

import math
from typing import NamedTuple

from app.drawing.pen import fitted, printable, width_of
from app.picture.look import EVERYTHING, LEAST, SMALL, Parts
from app.picture.picture import Picture
from app.picture.strips import Strip
from app.picture.words import caption, norm_text, strip_text

Size = tuple[int, int]
TITLE, SENTENCE, SENTENCE_LINE = 1.3, 0.95, 1.35
"""sizes of letters, and a line's height, in units of ordinary text"""


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


class Entry(NamedTuple):
    """One run in the legend."""

    run: int
    label: str
    x: float
    y: float


class Layout(NamedTuple):
    size: Size
    unit: float
    """the size of ordinary text, in pixels"""
    title: Box
    sentence: Box
    """what to watch, under the title"""
    legend: tuple[Entry, ...]
    panels: tuple[Box, ...]
    gutters: tuple[float, ...]
    """room for ticks left of each panel; 0 where the panel before has the same"""
    strips: tuple[Box, ...]
    strip_head: float
    """height of the words above a strip: one line, or two where name and value do not fit side by side"""
    timeline: Box
    caption: Box


class _Sizes(NamedTuple):
    """One way to arrange the panels: their size, and where the strips go."""

    arrangement: str
    width: float
    height: float
    rows: int
    """of strips; 0 where there is no room for any"""


def layout(picture: Picture, size: Size, parts: Parts = EVERYTHING) -> Layout:
    """`picture` has no more strips than the parts allow: see `Drawing`."""
    width, height = size
    u = max(unit_of(size), LEAST * parts.ratio / SMALL)
    margin = round((1.5 if parts.words or parts.title else 0.5) * u)
    inner = width - 2 * margin
    title, legend, below = _head(picture, margin, inner, u, picture.scene.title if parts.title else "")
    text = picture.scene.sentence if parts.title else ""
    said = len(lines([(text, False)], inner, SENTENCE * u)) if text else 0
    sentence = Box(margin, below - 0.5 * u, inner, said * SENTENCE_LINE * u)
    top = max(below, sentence.bottom + 0.4 * u) if said else below
    foot = height - (1.9 if parts.credit else 0.9 if parts.words else 0.2) * u
    words = Box(margin, foot, inner, 0)
    timeline, bottom = words, foot
    if parts.words:
        high = _caption_lines(picture, inner, u) * 1.5 * u
        words = Box(margin, foot - high, inner, high)
        timeline = Box(margin, words.y - 1.15 * u, inner, (1.2 if picture.horizon_text else 0.25) * u)
        bottom = timeline.y - (1.1 if picture.horizon_text else 0.4) * u
    panels, gutters, strips, head = _body(picture, Box(margin, top, inner, bottom - top), u)
    return Layout(size, u, title, sentence, legend, panels, gutters, strips, head, timeline, words)


def unit_of(size: Size) -> float:
    """The size of text: 16 pixels on a film of 1280 × 720, proportional above, and shrinking more slowly below."""
    scale = min(size[0] / 1280, size[1] / 720, (size[0] * size[1] / (1280 * 720)) ** 0.5)
    return 16 * (scale if scale >= 1 else scale**0.6)


# ---------------------------------------------------------------------------------------------------------------------
# Head and words


def _head(picture: Picture, margin: float, inner: float, u: float, title: str) -> tuple[Box, tuple[Entry, ...], float]:
    """Title and legend: on one line where there is room, and the height at which the rest begins."""
    shared = any(len(panel.runs) > 1 for panel in picture.panels)
    labels = [fitted(printable(run.label), 0.9 * u, 16 * u) for run in picture.result.runs] if shared else []
    widths = [2.5 * u + width_of(label, 0.9 * u) + 1.3 * u for label in labels]
    title = printable(title)
    beside = inner - sum(widths) - u if labels else inner
    one_line = not labels or width_of(title, TITLE * u, True) <= beside
    rows = len(title_lines(title, inner, u))
    box = Box(margin, 1.1 * u, beside if one_line else inner, 1.9 * u * rows) if title else Box(margin, 0.4 * u, 0, 0)
    x, y = (margin + inner - sum(widths) + 1.3 * u if title and one_line else margin), box.y + box.height / 2
    if labels and not (title and one_line):
        y = box.bottom + 0.9 * u
    entries = []
    for run, (label, wide) in enumerate(zip(labels, widths, strict=True)):
        if x + wide - 1.3 * u > margin + inner + 1:
            x, y = margin, y + 1.7 * u
        entries.append(Entry(run, label, x, y))
        x += wide
    bottom = max([box.bottom, *(entry.y + 0.9 * u for entry in entries)])
    return box, tuple(entries), bottom + 0.5 * u


def title_lines(title: str, room: float, u: float) -> list[str]:
    """A title on one line or two."""
    return ["".join(word for word, _ in line) for line in lines([(title, True)], room, TITLE * u, 2)]


def _caption_lines(picture: Picture, inner: float, u: float) -> int:
    """Lines that the longest of the film's captions needs, at most three."""
    steps = picture.scene.steps
    moments = {steps * i // 60 for i in range(61)}
    return max(len(lines(caption(picture, t), inner, u)) for t in moments)


def lines(pieces: list[tuple[str, bool]], room: float, size: float, most: int = 3) -> list[list[tuple[str, bool]]]:
    """A sentence broken into lines between words; what does not fit in `most` lines is left out after an ellipsis."""
    rows: list[list[tuple[str, bool]]] = [[]]
    used = 0.0
    for word, bold, glued in _words(pieces):
        wide = width_of(word, size, bold)
        if used + wide > room and rows[-1] and not glued:
            if len(rows) == most:
                rows[-1].append(("…", False))
                return rows
            rows.append([])
            used, word = 0.0, word.lstrip()
        rows[-1].append((word, bold))
        used += width_of(word, size, bold)
    return rows


def _words(pieces: list[tuple[str, bool]]) -> list[tuple[str, bool, bool]]:
    """(word with the space before it, bold, glued to the word before because there is no space)."""
    words = []
    for text, bold in pieces:
        parts = printable(text).split(" ")
        for i, part in enumerate(parts):
            word = " " + part if i else part
            if word:
                words.append((word, bold, not word.startswith(" ")))
    return words


# ---------------------------------------------------------------------------------------------------------------------
# Panels and strips


Boxes = tuple[Box, ...]


def _body(picture: Picture, body: Box, u: float) -> tuple[Boxes, tuple[float, ...], Boxes, float]:
    gutters = _gutters(picture, u)
    n, count = len(picture.panels), len(picture.strips)
    head = 1.9 * u if any(panel.title or norm_text(picture, panel, 0) for panel in picture.panels) else 0.4 * u
    foot, gap = 1.9 * u, 1.5 * u
    sizes = _arranged(n, count, body, u, gutters, head, foot, gap)
    stacked, beside = sizes.arrangement == "stacked", sizes.arrangement == "beside"
    if stacked:
        gutters = (max(gutters),) * n
    across = (gutters[0] + sizes.width) if stacked else sum(gutters) + n * sizes.width + (n - 1) * gap
    left = body.x + (0 if beside else max(0, (body.width - across) / 2))
    boxes, x, y = [], left, body.y + head
    for gutter in gutters:
        boxes.append(Box(round(x + gutter), round(y), round(sizes.width), round(sizes.height)))
        if stacked:
            y += sizes.height + foot + head
        else:
            x += gutter + sizes.width + gap
    bottom = boxes[-1].bottom + foot
    if beside:
        column = Box(left + across + 2 * u, body.y, body.right - left - across - 2 * u, body.height - foot + 0.4 * u)
        return tuple(boxes), gutters, *_rows_of_strips(picture, column, sizes.rows, u)
    row = Box(boxes[0].x, bottom, boxes[-1].right - boxes[0].x, body.bottom - bottom)
    if stacked:
        row = row._replace(x=body.x, width=body.width)
    return tuple(boxes), gutters, *_rows_of_strips(picture, row, sizes.rows, u)


def _gutters(picture: Picture, u: float) -> tuple[float, ...]:
    wide: list[float] = []
    for i, panel in enumerate(picture.panels):
        before = picture.panels[i - 1] if i else None
        if before and before.log_scale is None and panel.log_scale is None and before.window == panel.window:
            wide.append(0.0)
        else:
            wide.append((2.8 if panel.log_scale is None else 4.2) * u)
    return tuple(wide)


def _arranged(
    n: int, count: int, body: Box, u: float, gutters: tuple[float, ...], head: float, foot: float, gap: float
) -> _Sizes:
    """The arrangement whose panels have the largest shorter side; panels are nearly square."""

    def sizes(arrangement: str, room: float, height: float, rows: int) -> _Sizes:
        side = min(room, height)
        return _Sizes(arrangement, min(room, 1.75 * side), min(height, 1.22 * side), rows)

    def share(room: float) -> float:
        return (room - sum(gutters) - gap * (n - 1)) / n

    def strips(rows: int) -> float:
        return rows * 6.6 * u + 0.4 * u if count else 0.0

    def under(rows: int) -> _Sizes:
        return sizes("under", share(body.width), body.height - head - foot - strips(rows), rows)

    best = under(1)
    for rows in range(2, count + 1):  # more rows of strips, as long as the panels lose nothing by it
        room = body.height - head - foot - best.height
        if under(rows).height < best.height or room / best.rows < 15 * u:
            break
        best = under(rows)
    column = max(15 * u, 0.3 * body.width)
    beside = sizes("beside", share(body.width - column - 2 * u), body.height - head - foot, count)
    stacked = sizes("stacked", body.width - max(gutters), (body.height - strips(1)) / n - head - foot, 1)
    alone = sizes("under", share(body.width), body.height - head - foot, 0)

    def side(option: _Sizes) -> float:
        return min(option.width, option.height)

    if count and body.height > 6 * u * count and side(beside) > side(best) * (0.85 if n == 1 else 1.1):
        best = beside
    if n > 1 and side(stacked) > 1.15 * side(best):
        best = stacked
    return best if side(best) > 0.6 * side(alone) else alone  # on a small picture the paths matter more than the strips


def _rows_of_strips(picture: Picture, room: Box, rows: int, u: float) -> tuple[Boxes, float]:
    """Charts, with words above each; in one row only as many as can be read. Also the height of the words."""
    count = len(picture.strips)
    if not count or not rows:
        return (), 0.0
    gap = 1.5 * u
    fit = max(1, int((room.width + gap) // (9.5 * u + gap)))
    per_row = min(-(-count // rows), fit)
    rows, shown = min(rows, -(-count // per_row)), picture.strips[: per_row * rows]
    width, step = (room.width - gap * (per_row - 1)) / per_row, room.height / rows
    beside = all(name_width(strip, u) + value_room(picture, strip, u) <= width for strip in shown)
    head = (1.7 if beside else 2.8) * u
    height = min(step - head - 0.5 * u, max(0.75 * width, 3.5 * u))
    if height < 1.5 * u:
        return (), 0.0
    places = [(room.x + i % per_row * (width + gap), room.y + i // per_row * step + head) for i in range(len(shown))]
    return tuple(Box(round(x), round(y), round(width), round(height)) for x, y in places), head


def name_width(strip: Strip, u: float) -> float:
    return width_of(strip.title + ("  log" if strip.log else ""), SMALL * u)


def value_room(picture: Picture, strip: Strip, u: float) -> float:
    """The widest that a strip's values get in the course of the film."""
    moments = {picture.scene.steps * i // 40 for i in range(41)}
    return max(sum(value.width for value in values_at(picture, strip, t, u)) for t in moments)


class Value(NamedTuple):
    text: str
    dot: str | None
    """the colour of the run it belongs to, where there are two"""
    width: float


def values_at(picture: Picture, strip: Strip, t: float, u: float) -> list[Value]:
    """What a strip's lines read at time t; more than two numbers would say nothing."""
    if len(strip.lines) > 2:
        return []
    texts = [strip_text(strip, float(line.values[math.floor(t + 1e-9)])) for line in strip.lines]
    dots = [picture.colours[line.run] if len(strip.lines) > 1 else None for line in strip.lines]
    return [
        Value(text, dot, width_of(text, SMALL * u) + (1.4 if dot else 0.4) * u)
        for text, dot in zip(texts, dots, strict=True)
    ]
