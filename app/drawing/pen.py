"""A pen for still and moving pictures: lines, discs, text and images in pixels, y downwards, as on the stage's canvas.

It draws through matplotlib's renderers, which know pixels (Agg), SVG and PDF, without figures, axes or global state.
Text is filled outlines, put together from pieces that are kept: a number that changes with every frame costs nothing new.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Affine2D, Bbox

from app.picture.fonts import families
from app.picture.look import SMALL, Theme

CAP = 0.36
"""half the height of a capital, in font sizes: text is placed by the middle of its capitals"""
DISC = Path.unit_circle()
_outlines = TextToPath()


@lru_cache(maxsize=512)
def font(bold: bool, text: str = "") -> FontProperties:
    return FontProperties(family=list(families(text)), weight="bold" if bold else "normal")


@lru_cache(maxsize=4096)
def _piece(text: str, bold: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Outline and advance of a piece of text at size 1; the advance is where the next letter would begin."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that no font has is drawn as a box
        drawn = font(bold, text)
        vertices, codes = _outlines.get_text_path(drawn, text, ismath=False)
        ends = [np.max(_outlines.get_text_path(drawn, end, ismath=False)[0], axis=0)[0] for end in (text + "|", "|")]
    scale = _outlines.FONT_SCALE
    outline = np.asarray(vertices, dtype=float).reshape(-1, 2) / scale
    return outline, np.asarray(codes, dtype=Path.code_type), (ends[0] - ends[1]) / scale


def _pieces(text: str, bold: bool) -> list[tuple[np.ndarray, np.ndarray, float]]:
    return [_piece(piece, bold) for piece in re.findall(r"[0-9⁰¹²³⁴-⁹]|[^0-9⁰¹²³⁴-⁹]+", text)]


def width_of(text: str, size: float, bold: bool = False) -> float:
    return size * sum(advance for _, _, advance in _pieces(text, bold))


def printable(text: str) -> str:
    """Text without control characters and line breaks: it is drawn as it is, never read as mathematics."""
    return "".join(c if c.isprintable() else " " for c in text)


@lru_cache(maxsize=512)
def fitted(text: str, size: float, room: float, bold: bool = False) -> str:
    """The text, cut to the room it has."""
    if width_of(text, size, bold) <= room:
        return text
    kept = text
    while kept and width_of(kept + "…", size, bold) > room:
        kept = kept[: min(len(kept) - 1, max(0, int(len(kept) * room / width_of(kept, size, bold))))].rstrip()
    return kept + "…" if kept else ""


class Style(NamedTuple):
    """What everything on a picture shares: colours, the size of text in pixels, and the picture's right edge."""

    theme: Theme
    unit: float
    right: float

    @property
    def small(self) -> float:
        return SMALL * self.unit

    @property
    def stroke(self) -> float:
        """how much thicker lines are than on the stage at its usual size"""
        return max(0.7, self.unit / 17)

    @property
    def casing(self) -> float:
        """how strong the light line round a path is"""
        return 0.86 if self.theme.dark else 0.94


class Pen:
    def __init__(self, renderer: RendererBase, height: float, real_text: bool = False):
        self.renderer, self.height, self.real_text = renderer, height, real_text
        self.clip: Bbox | None = None

    @contextmanager
    def clipped(self, x: float, y: float, width: float, height: float) -> Iterator[None]:
        before, self.clip = self.clip, Bbox.from_bounds(x, self.height - y - height, width, height)
        try:
            yield
        finally:
            self.clip = before

    def line(
        self, points: Any, colour: str, width: float, alpha: float = 1.0, dash: Sequence[float] = (), offset: float = 0.0,
        cap: str = "butt", smooth: bool = True,
    ) -> None:  # fmt: skip
        """A polyline, shape (n, 2), or a path. Lines that are not `smooth` are moved onto whole pixels."""
        context = self._context(colour, alpha)
        context.set_linewidth(width)
        context.set_capstyle(cap)
        context.set_joinstyle("round")
        context.set_dashes(offset, list(dash) or None)
        context.set_snap(not smooth)
        path = points if isinstance(points, Path) else Path(np.asarray(points, dtype=float))
        self.renderer.draw_path(context, path, Affine2D.from_values(1, 0, 0, -1, 0, self.height))
        context.restore()

    def fill(
        self, path: Path, colour: str, alpha: float = 1.0, x: float = 0.0, y: float = 0.0, scale: float = 1.0,
        smooth: bool = True,
    ) -> None:  # fmt: skip
        context = self._context(colour, alpha)
        context.set_linewidth(0)
        context.set_snap(not smooth)
        place = Affine2D.from_values(scale, 0, 0, -scale, x, self.height - y)
        self.renderer.draw_path(context, path, place, (*to_rgb(colour), alpha))
        context.restore()

    def disc(self, x: float, y: float, radius: float, colour: str, alpha: float = 1.0) -> None:
        self.fill(DISC, colour, alpha, x, y, radius)

    def box(self, x: float, y: float, width: float, height: float, colour: str, alpha: float = 1.0) -> None:
        self.fill(Path.unit_rectangle().transformed(Affine2D().scale(width, height)), colour, alpha, x, y, smooth=False)

    def image(self, x: float, y: float, width: float, height: float, pixels: np.ndarray) -> None:
        """An RGBA image. On paper it may have more pixels than the box it fills."""
        context = self._context("#000000", 1.0)
        pixels, bottom = np.ascontiguousarray(pixels[::-1]), self.height - y - height
        if pixels.shape[:2] == (height, width) and not self.renderer.option_scale_image():
            self.renderer.draw_image(context, x, bottom, pixels)
        else:
            self.renderer.draw_image(context, x, bottom, pixels, Affine2D().scale(width, height))
        context.restore()

    def text(
        self, x: float, y: float, text: str, size: float, colour: str, *, bold: bool = False, align: str = "left",
        alpha: float = 1.0, halo: tuple[str, float, float] | None = None,
    ) -> float:  # fmt: skip
        """Text whose capitals are centred on y; gives its width. `halo` = (colour, alpha, width) is drawn round it."""
        if not text:
            return 0.0
        pieces = _pieces(text, bold)
        starts = np.cumsum([0.0, *(advance for _, _, advance in pieces)])
        width = size * float(starts[-1])
        x -= {"left": 0.0, "center": width / 2, "right": width}[align]
        baseline = self.height - y - CAP * size
        vertices = np.concatenate([outline + [start, 0] for (outline, _, _), start in zip(pieces, starts, strict=False)])
        if not len(vertices):
            return width
        path = Path(vertices, np.concatenate([codes for _, codes, _ in pieces]))
        place = Affine2D.from_values(size, 0, 0, size, x, baseline)
        if halo:
            context = self._context(halo[0], halo[1])
            context.set_linewidth(halo[2])
            context.set_joinstyle("round")
            self.renderer.draw_path(context, path, place)
            context.restore()
        context = self._context(colour, alpha)
        context.set_linewidth(0)
        if self.real_text:
            properties = font(bold, text).copy()
            properties.set_size(size)
            self.renderer.draw_text(context, x, baseline, text, properties, 0, ismath=False)
        else:
            self.renderer.draw_path(context, path, place, (*to_rgb(colour), alpha))
        context.restore()
        return width

    def _context(self, colour: str, alpha: float) -> GraphicsContextBase:
        context = self.renderer.new_gc()
        context.set_foreground((*to_rgb(colour), alpha), isRGBA=True)
        if self.clip is not None:
            context.set_clip_rectangle(self.clip)
        return context
