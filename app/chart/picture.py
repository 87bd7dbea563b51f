"""A sheet as a picture: the page's plots, drawn by matplotlib."""

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from app.chart.sheet import Curve, Mark, Plot, Raster, Sheet
from app.machine.files import whole_file
from app.picture.fonts import families
from app.picture.look import CREDIT, EVERYTHING, LEAST, THEMES, Parts, Theme

DPI = 100
HEAD, FOOT, LEFT, KEY = 42, 52, 66, 92
"""pixels for the title, for the caption, left of a plot for its ticks, and right of one for the bar of its colours"""
NOTE = 9
"""points of the smallest letters: names of marks and of curves"""
ROOMY = (960, 540)
"""pixels from which on words have their own size; in a smaller picture they shrink with it, so that plots keep their room"""


def figure(
    sheet: Sheet, size: tuple[int, int] = (1280, 720), theme: str = "light", title: str = "", parts: Parts = EVERYTHING
) -> Any:
    """A matplotlib figure of `size` pixels."""
    from matplotlib.figure import Figure

    colours, shrunk = THEMES[theme], min(1.0, size[0] / ROOMY[0], size[1] / ROOMY[1])
    shrunk, title = max(shrunk, LEAST * parts.ratio / (NOTE * DPI / 72)), title if parts.title else ""
    size = (size[0] / shrunk, size[1] / shrunk)
    inches = [pixels / DPI + 1e-6 for pixels in size]  # a hair more, since matplotlib cuts fractions of a pixel off
    made = Figure(inches, dpi=DPI * shrunk, facecolor=colours.background)
    if title:
        words = {"color": colours.text, "fontsize": 15, "fontweight": "bold", "va": "top"}
        words |= {"fontfamily": list(families(title))}
        made.text((LEFT + 8) / size[0], 1 - 12 / size[1], _plain(title), **words)
    for plot in sheet.plots:
        _draw(made, made.add_axes(_place(sheet, plot, size, HEAD if title else 8)), plot, colours)
    said = " ".join(filter(None, [sheet.caption if parts.words else "", CREDIT if parts.credit else ""]))
    lines = fill(_plain(said), width=max(20, int((size[0] - 2 * LEFT) / 7.4)))
    below = {"color": colours.muted, "fontsize": 10, "va": "bottom", "linespacing": 1.3, "fontfamily": list(families(lines))}
    made.text((LEFT + 8) / size[0], 10 / size[1], lines, **below)
    return made


def _place(sheet: Sheet, plot: Plot, size: tuple[int, int], head: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a plot in shares of the figure: its cell of the grid less room for its words."""
    column, row, across, up = plot.cell
    x, y = (np.concatenate([[0], np.cumsum(weights)]) / sum(weights) for weights in (sheet.columns, sheet.rows))
    wide, high = size[0] - 16, size[1] - head - FOOT
    left, right = 8 + wide * x[column] + LEFT, 8 + wide * x[column + across] - 14
    top, bottom = head + high * y[row] + 30, head + high * y[row + up] - 46
    if plot.key is not None:
        top, right = (top + 22, right) if plot.key.words else (top, right - KEY)
    return left / size[0], 1 - bottom / size[1], (right - left) / size[0], (bottom - top) / size[1]


def room(sheet: Sheet, title: str) -> tuple[int, int]:
    """What a figure of a sheet with one plot has beside the plot itself, across and up, in pixels."""
    words = bool(sheet.plots[0].key and sheet.plots[0].key.words)
    return 16 + LEFT + 14 + (0 if words else KEY), (HEAD if title else 8) + FOOT + 76 + (22 if words else 0)


def write(
    sheet: Sheet, file: Path, size: tuple[int, int] = (1280, 720), theme: str = "light", title: str = "",
    parts: Parts = EVERYTHING,
) -> None:  # fmt: skip
    """The picture as .png, .svg or .pdf; the file appears at its name only when whole."""
    made = figure(sheet, size, theme, title, parts)
    with whole_file(file) as partial:
        kind = file.suffix.removeprefix(".").lower()
        ground = "none" if parts.transparent else made.get_facecolor()
        made.savefig(partial, format=kind, facecolor=ground, metadata=_dateless(kind))


class Canvas:
    """A sheet of one map, drawn again and again with other pixels and other sides: the furniture holds still."""

    def __init__(self, sheet: Sheet, size: tuple[int, int], theme: str, title: str):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.figure = figure(sheet, size, theme, title)
        self.canvas = FigureCanvasAgg(self.figure)

    def draw(self, sheet: Sheet) -> np.ndarray:
        """RGBA, (height, width, 4)."""
        axes, plot = self.figure.axes[0], sheet.plots[0]
        axes.images[0].set_data(_rgba(plot.raster))
        axes.set_xlim(plot.x.low, plot.x.high)
        axes.set_ylim(plot.y.low, plot.y.high)
        self.canvas.draw()
        return np.asarray(self.canvas.buffer_rgba()).copy()


def _dateless(kind: str) -> dict[str, Any]:
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})


def _plain(text: str) -> str:
    """A dollar sign is a dollar sign, not the beginning of mathematics."""
    return text.replace("$", r"\$")


def _draw(made: Any, axes: Any, plot: Plot, theme: Theme) -> None:
    axes.set_facecolor(theme.soft)
    axes.set_title(_plain(plot.title), loc="left", color=theme.text, fontsize=12, fontweight="bold")
    if plot.raster is not None:
        _raster(made, axes, plot, theme)
    axes.set_xscale("log" if plot.x.log else "linear")
    axes.set_yscale("log" if plot.y.log else "linear")
    for axis, line, set_label in ((plot.x, axes.xaxis, axes.set_xlabel), (plot.y, axes.yaxis, axes.set_ylabel)):
        set_label(_plain(axis.label), color=theme.text)
        line.set_tick_params(colors=theme.muted, labelcolor=theme.muted)
        if axis.log:
            line.set_major_formatter(lambda value, _: f"{value:g}")
            line.set_minor_formatter(_between_decades(line))
        if axis.degrees:
            line.set_major_formatter(lambda value, _: f"{value:g}°".replace("-", "−"))
    for spine in axes.spines.values():
        spine.set_color(theme.line)
    for curve in plot.curves:
        _curve(axes, curve, theme)
    for mark in plot.marks:
        _mark(axes, mark, theme)
    axes.set_xlim(plot.x.low, plot.x.high)
    axes.set_ylim(plot.y.low, plot.y.high)
    if any(curve.label for curve in plot.curves):
        over = {"loc": "lower right", "bbox_to_anchor": (1, 1.0), "borderaxespad": 0.2} if plot.raster is not None else {}
        axes.legend(frameon=False, labelcolor=theme.text, fontsize=NOTE, **over)


def _raster(made: Any, axes: Any, plot: Plot, theme: Theme) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    raster, key = plot.raster, plot.key
    rgba = _rgba(raster)
    # placed by shares of the plot, a raster is as even along a logarithmic side as along any other
    x0, x1, y0, y1 = raster.window
    extent = (plot.x.share(x0), plot.x.share(x1), plot.y.share(y0), plot.y.share(y1))
    place = {"extent": extent, "transform": axes.transAxes, "origin": "lower", "aspect": "auto"}
    axes.imshow(rgba, interpolation="nearest", **place)
    if plot.equal:
        axes.set(xlim=(plot.x.low, plot.x.high), ylim=(plot.y.low, plot.y.high))
        axes.set_aspect("equal", adjustable="box", anchor="W")
        axes.apply_aspect()
    if key is None:
        return
    if key.words:
        handles = [Patch(color=colour, label=word) for colour, word in key.words]
        axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(key.words), columnspacing=1.2,
            frameon=False, labelcolor=theme.text,
            fontsize=NOTE, borderaxespad=0.2,
        )  # fmt: skip
        axes.set_title(axes.get_title("left"), loc="left", color=theme.text, fontsize=12, fontweight="bold", pad=22)
        return
    beside, thick = axes.get_position(), 14 / (made.get_figwidth() * DPI)
    bar_axes = made.add_axes((beside.x1 + thick, beside.y0, thick, beside.height))
    bar = made.colorbar(ScalarMappable(cmap=ListedColormap(raster.table[:-1] / 255)), cax=bar_axes)
    bar.set_ticks([share for share, _ in key.ticks], labels=[word for _, word in key.ticks])
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.muted)
    bar.outline.set_edgecolor(theme.line)
    bar.set_label(_plain(key.title), color=theme.text)


def _between_decades(line: Any) -> Any:
    """Words for the ticks 2 and 5 of a logarithmic side that is so short that its decades say too little."""

    def words(value: float, _: int) -> str:
        low, high = line.get_view_interval()
        wanted = "25" if high > 4 * low else "23456789"
        return f"{value:g}" if high < 30 * low and f"{value:e}"[0] in wanted else ""

    return words


def _rgba(raster: Raster) -> np.ndarray:
    rgba = np.dstack([raster.table[raster.levels], np.full(raster.levels.shape, 255, np.uint8)])
    if raster.clear is not None:
        rgba[raster.levels == raster.clear] = 0
    return rgba


def _curve(axes: Any, curve: Curve, theme: Theme) -> None:
    colour, dash = curve.colour or theme.text, (0, curve.dash) if curve.dash else "solid"
    if curve.cross:
        axes.plot(curve.x, curve.y, "x", color=colour, markersize=1.6 * curve.width)
        return
    if curve.dots:
        axes.plot(curve.x, curve.y, ".", color=colour, markersize=curve.width, label=_plain(curve.label) or None)
        return
    axes.plot(curve.x, curve.y, color=colour, linewidth=curve.width, linestyle=dash, label=_plain(curve.label) or None)


def _mark(axes: Any, mark: Mark, theme: Theme) -> None:
    line = {"color": theme.muted, "linewidth": 1.2, "linestyle": (0, (4, 3))}
    words = {"color": theme.muted, "fontsize": NOTE, "xytext": (5, 4), "textcoords": "offset points"}
    if mark.x is not None and mark.y is not None:
        axes.plot([mark.x], [mark.y], "o", mfc="none", mec=theme.text, markersize=9)
        axes.annotate(_plain(mark.label), (mark.x, mark.y), **words)
    elif mark.x is not None:
        axes.axvline(mark.x, **line)
        axes.annotate(_plain(mark.label), (mark.x, 0.93), xycoords=("data", "axes fraction"), **words)
    elif mark.y is not None:
        axes.axhline(mark.y, **line)
        axes.annotate(_plain(mark.label), (0, mark.y), xycoords=("axes fraction", "data"), **words)
