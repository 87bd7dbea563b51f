"""A drawing as pixels, frame after frame, or on paper. What never moves is drawn once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure

from app.drawing.draw import FUTURE, Drawing
from app.drawing.pen import Pen
from app.drawing.trails import LOST
from app.picture.look import EVERYTHING, Parts, Theme
from app.picture.picture import Picture
from app.picture.words import caption, plain

PAPER_DETAIL = 3
"""field pixels to a pixel on paper: sharp at the width of a page"""


class Reel:
    """Frames of a picture: the still part is copied back, the moving part drawn over it."""

    def __init__(
        self, picture: Picture, size: tuple[int, int], theme: Theme, fade_ticks: bool = False, parts: Parts = EVERYTHING
    ):
        self.picture, self.theme, self.size = picture, theme, size
        self.drawing = Drawing(picture, size, theme, fade_ticks=fade_ticks, parts=parts)
        renderer = RendererAgg(*size, 72)
        self.pixels, self.pen = np.asarray(renderer.buffer_rgba()), Pen(renderer, size[1])
        self.drawing.still(self.pen)
        self.base = self.pixels.copy()
        self.drawing.strip_lines(self.pen)
        self.past = self.pixels.copy()

    def frame(self, t: float) -> np.ndarray:
        """The frame at time t, shape (height, width, 4), uint8; it is overwritten by the next one."""
        np.copyto(self.pixels, self.base)
        for box in self.drawing.past(t):
            part = slice(int(box.y) - 2, int(box.bottom) + 2), slice(int(box.x), int(box.right))
            self.pixels[part] = self.past[part]
        self.drawing.moving(self.pen, t)
        return self.pixels

    def frames(self, times: Iterable[float]) -> Iterator[np.ndarray]:
        return map(self.frame, times)

    def samples(self) -> list[np.ndarray]:
        """A few frames that between them show every colour."""
        return [self.frame(self.picture.scene.steps * share).copy() for share in (0.1, 0.4, 0.7, 1.0)]

    def own_colours(self) -> list[str]:
        """Colours that must not be lost, however few pixels have them."""
        theme, paths = self.theme, self.picture.colours
        faint = [_mixed(colour, theme.background, share) for colour in paths for share in (FUTURE, LOST * FUTURE)]
        return [theme.background, theme.text, theme.muted, theme.accent, theme.line, "#ffffff", *paths, *faint]

    def save_png(self, file: Path, t: float) -> None:
        from PIL import Image, PngImagePlugin

        words = PngImagePlugin.PngInfo()
        for name, text in described(self.picture, t).items():
            words.add_itxt(name, text)
        frame = self.frame(t) if self.drawing.parts.transparent else self.frame(t)[..., :3]
        Image.fromarray(frame).save(file, "png", pnginfo=words)


def _mixed(ink: str, ground: str, share: float) -> str:
    channels = (round(share * int(ink[i : i + 2], 16) + (1 - share) * int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def described(picture: Picture, t: float) -> dict[str, str]:
    """What a picture is called and what it shows, for those who do not see it."""
    return {"Title": picture.scene.title or "zoomout", "Description": f"{picture.summary} {plain(caption(picture, t))}"}


class _OnPaper(Artist):
    """A drawing as the one artist of a figure, so that matplotlib writes the file."""

    def __init__(self, drawing: Drawing, t: float, real_text: bool):
        super().__init__()
        self.drawing, self.t, self.real_text = drawing, t, real_text

    def draw(self, renderer: RendererBase) -> None:
        pen = Pen(renderer, self.drawing.layout.size[1], self.real_text)
        self.drawing.still(pen)
        for box in self.drawing.past(self.t):
            with pen.clipped(box.x, box.y - 2, box.width, box.height + 4):
                self.drawing.strip_lines(pen)
        self.drawing.moving(pen, self.t)


def paper(
    picture: Picture, file: Path, kind: str, size: tuple[int, int], theme: Theme, t: float, parts: Parts = EVERYTHING
) -> None:
    """SVG or PDF: everything vectors, except the landscape, which is an image in three times the detail."""
    drawing = Drawing(picture, size, theme, detail=PAPER_DETAIL, parts=parts)
    figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72, frameon=False)
    figure.add_artist(_OnPaper(drawing, t, real_text=kind == "pdf"))
    words = described(picture, t)
    metadata = {"Title": words["Title"], ("Subject" if kind == "pdf" else "Description"): words["Description"]}
    metadata |= {"CreationDate": None} if kind == "pdf" else {"Date": None}
    figure.savefig(file, format=kind, transparent=parts.transparent, metadata=metadata)
