"""A sheet: plots on axes, each with a raster, curves and marks; and the bytes that the page draws it from."""

import math
from typing import Any, NamedTuple

import numpy as np

from app.wire.packing import Arrays, packed


class Axis(NamedTuple):
    label: str
    low: float
    high: float
    log: bool = False
    degrees: bool = False

    def at(self, share: float) -> float:
        """The number that lies a share of the way from low to high."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def share(self, number: float) -> float:
        """How far a number lies on the way from low (0) to high (1)."""
        if self.log:
            return math.log(max(number, 1e-300) / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def centre(self, pixel: int, count: int) -> float:
        """The number at the centre of one of `count` pixels, the first of which is centred on low and the last on high."""
        return self.at(pixel / max(count - 1, 1))

    def pixel(self, number: float, count: int) -> int:
        """Which of those pixels a number lies in; the first or the last where it lies outside."""
        return min(max(math.floor(self.share(number) * (count - 1) + 0.5), 0), count - 1)

    def edges(self, count: int) -> tuple[float, float]:
        """From the outer edge of the first of those pixels to that of the last: half a pixel beyond low and high."""
        half = 0.5 / max(count - 1, 1)
        return self.at(-half), self.at(1 + half)


class Raster(NamedTuple):
    """`levels` (rows, columns), row 0 lowest, are colours of `table`; `values` are what a pointer reads."""

    levels: np.ndarray
    table: np.ndarray
    window: tuple[float, float, float, float]
    values: np.ndarray | None = None
    clear: int | None = None
    """the level that lets the ground show through"""


class Key(NamedTuple):
    """What colours mean: places of a bar (0 to 1) and their words, or colours and their words."""

    title: str
    ticks: tuple[tuple[float, str], ...] = ()
    words: tuple[tuple[str, str], ...] = ()


class Curve(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    label: str = ""
    colour: str | None = None
    dash: tuple[float, ...] = ()
    width: float = 2.0
    dots: bool = False
    cross: bool = False
    """a small cross at every point instead of a line"""


class Mark(NamedTuple):
    """A line across the plot at x or at y; with both, a ring."""

    label: str
    x: float | None = None
    y: float | None = None


class Plot(NamedTuple):
    title: str
    x: Axis
    y: Axis
    cell: tuple[int, int, int, int] = (0, 0, 1, 1)
    """column, row, and how many of each it spans"""
    raster: Raster | None = None
    key: Key | None = None
    curves: tuple[Curve, ...] = ()
    marks: tuple[Mark, ...] = ()
    zoom: bool = False
    pick: bool = False
    hover: bool = False
    reading: str = ""
    words: tuple[str, ...] = ()
    equal: bool = False
    """one unit is as long across as up: both sides are coordinates of one plane"""


class Card(NamedTuple):
    """A little picture beside the pointer."""

    plot: int
    x: float
    y: float
    title: str
    lines: tuple[str, ...] = ()
    path: tuple[np.ndarray, np.ndarray] | None = None
    window: tuple[float, float, float, float] | None = None
    colour: str = "#d55e00"


class Sheet(NamedTuple):
    plots: tuple[Plot, ...]
    caption: str
    columns: tuple[float, ...] = (1.0,)
    rows: tuple[float, ...] = (1.0,)
    done: float = 1.0


def numbers(sheet: Sheet) -> dict[str, np.ndarray]:
    """Everything that is drawn, as named arrays: rasters with their windows (rows from the lowest up), and curves."""
    made: dict[str, np.ndarray] = {}
    for i, plot in enumerate(sheet.plots):
        if plot.raster is not None:
            made[f"plot{i}_values"] = plot.raster.levels if plot.raster.values is None else plot.raster.values
            made[f"plot{i}_window"] = np.array(plot.raster.window)
        for j, curve in enumerate(plot.curves):
            made |= {f"plot{i}_curve{j}_{name}": np.asarray(values) for name, values in (("x", curve.x), ("y", curve.y))}
            made[f"plot{i}_curve{j}_label"] = np.array(curve.label)
    return made


def data(sheet: Sheet) -> dict[str, Any]:
    """The same as plain data; what is no finite number is None."""

    def plain(values: Any) -> Any:
        if isinstance(values, list):
            return [plain(value) for value in values]
        return None if isinstance(values, float) and not math.isfinite(values) else values

    return {name: plain(values.tolist()) for name, values in numbers(sheet).items()}


def sent(
    sheet: Sheet, request: int = 0, key: str = "", *, name: str = "", more: bool = False, depth: int = 0,
    card: Card | None = None, have: frozenset[str] = frozenset(),
) -> bytes:  # fmt: skip
    """The sheet's bytes. `name` names its rasters; those that the page says it has are not sent again."""
    arrays = Arrays()
    header: dict[str, Any] = {
        "version": 1, "id": request, "key": key, "more": more, "done": sheet.done, "caption": sheet.caption,
        "summary": ". ".join([plot.title for plot in sheet.plots if plot.title] + [sheet.caption]), "depth": depth,
        "columns": sheet.columns, "rows": sheet.rows,
        "plots": [_plot(plot, f"{name}/{i}", arrays, have) for i, plot in enumerate(sheet.plots)],
        "card": None if card is None else _card(card, arrays),
    }  # fmt: skip
    return packed(header, arrays)


def _plot(plot: Plot, name: str, arrays: Arrays, have: frozenset[str]) -> dict[str, Any]:
    made = plot._asdict() | {"x": plot.x._asdict(), "y": plot.y._asdict(), "raster": None, "key": None}
    if plot.raster is not None:
        made["raster"] = _raster(plot.raster, name, arrays, have)
    if plot.key is not None:
        made["key"] = {kind: value for kind, value in plot.key._asdict().items() if value or kind == "title"}
    made["curves"] = [c._asdict() | {"x": arrays.add(c.x), "y": arrays.add(c.y)} for c in plot.curves]
    made["marks"] = [mark._asdict() for mark in plot.marks]
    return made | {"words": plot.words or None}


def _raster(raster: Raster, name: str, arrays: Arrays, have: frozenset[str]) -> dict[str, Any]:
    rows, columns = raster.levels.shape
    known = name in have
    return {
        "id": name, "columns": columns, "rows": rows, "window": raster.window, "clear": raster.clear,
        "levels": None if known else arrays.add(raster.levels, "<u1"),
        "values": None if known or raster.values is None else arrays.add(raster.values),
        "table": arrays.add(raster.table, "<u1"),
    }  # fmt: skip


def _card(card: Card, arrays: Arrays) -> dict[str, Any]:
    path = None if card.path is None else {"x": arrays.add(card.path[0]), "y": arrays.add(card.path[1])}
    return card._asdict() | {"path": path}
