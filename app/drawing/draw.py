"""A picture at time t, drawn with a pen: the stage's frame, without its buttons.

still     what never moves: the landscape, titles, fixed ticks, the strips in full but faint
strips    the strips again, strong; of them only the part before the cursor is shown
moving    the paths up to t, ticks of a zooming camera, cursors, numbers, the sentence
"""

from app.drawing.layout import SENTENCE, SENTENCE_LINE, TITLE, Box, layout, lines, title_lines
from app.drawing.panel import PanelView, draw_swatch
from app.drawing.pen import Pen, Style, width_of
from app.drawing.strip import StripView
from app.drawing.trails import Ink
from app.picture.look import CREDIT, EVERYTHING, Parts, Theme
from app.picture.picture import Picture
from app.picture.words import caption

FUTURE = 0.38
"""how strongly the part of a strip after the cursor is drawn"""


class Drawing:
    """A picture at one size in one theme. `detail` is how many field pixels there are to a pixel: more than 1 on paper."""

    def __init__(
        self, picture: Picture, size: tuple[int, int], theme: Theme, detail: int = 1, fade_ticks: bool = False,
        parts: Parts = EVERYTHING,
    ):  # fmt: skip
        picture = picture._replace(strips=picture.strips[: parts.strips])
        self.picture, self.theme, self.steps, self.parts = picture, theme, picture.scene.steps, parts
        place = self.layout = layout(picture, size, parts)
        horizons = [path.horizon for run in picture.result.runs for path in run.paths if path.horizon is not None]
        self.horizon = min(horizons, default=None)
        self.style = style = Style(theme, place.unit, size[0])
        self.panels = [
            PanelView(picture, panel, box, gutter, style, detail, fade_ticks)
            for panel, box, gutter in zip(picture.panels, place.panels, place.gutters, strict=True)
        ]
        self.strips = [
            StripView(picture, strip, box, place.strip_head, style, self.horizon)
            for strip, box in zip(picture.strips, place.strips, strict=False)
        ]

    def still(self, pen: Pen) -> None:
        place, theme, u = self.layout, self.theme, self.layout.unit
        if not self.parts.transparent:
            pen.box(0, 0, *place.size, theme.background)
        if place.title.width:
            rows = title_lines(self.picture.scene.title, place.title.width, u)
            for row, text in enumerate(rows):
                y = place.title.y + (row + 0.5) * place.title.height / len(rows)
                pen.text(place.title.x, y, text, TITLE * u, theme.text, bold=True)
        if place.sentence.height:
            box, pieces = place.sentence, [(self.picture.scene.sentence, False)]
            for row, line in enumerate(lines(pieces, box.width, SENTENCE * u)):
                text = "".join(word for word, _ in line)
                pen.text(box.x, box.y + (row + 0.5) * SENTENCE_LINE * u, text, SENTENCE * u, theme.muted)
        for entry in place.legend:
            ink = Ink(self.picture.colours[entry.run], self.picture.dashes[entry.run])
            draw_swatch(pen, ink, entry.x, entry.y, self.style)
            pen.text(entry.x + 2.3 * u, entry.y, entry.label, 0.9 * u, theme.text)
        for part in (*self.panels, *self.strips):
            part.still(pen)
        if self.picture.scene.view.future:
            self.strip_lines(pen, FUTURE)
        if self.parts.words:
            self._track(pen)
        if self.parts.credit:
            x, y = place.caption.right, place.size[1] - 0.9 * u
            pen.text(x, y, CREDIT, self.style.small, theme.muted, align="right")

    def strip_lines(self, pen: Pen, alpha: float = 1.0) -> None:
        for strip in self.strips:
            strip.lines(pen, alpha)

    def past(self, t: float) -> list[Box]:
        """The parts of the strips that lie before the cursor."""
        return [strip.cut(t) for strip in self.strips]

    def moving(self, pen: Pen, t: float) -> None:
        for part in (*self.panels, *self.strips):
            part.moving(pen, t)
        if self.parts.words:
            self._elapsed(pen, t)
            self._caption(pen, t)

    def _track(self, pen: Pen) -> None:
        """The timeline, with the mark beyond which the numbers no longer predict."""
        track, u, theme = self.layout.timeline, self.layout.unit, self.theme
        pen.line([(track.x, track.y), (track.right, track.y)], theme.line, 0.22 * u, cap="round")
        text, size = self.picture.horizon_text, self.style.small
        if self.horizon is None or not text:
            return
        x = track.x + self.horizon / self.steps * track.width
        pen.line([(x, track.y - 0.45 * u), (x, track.y + 0.45 * u)], theme.text, 0.11 * u, smooth=False)
        align, shift = ("right", -0.4 * u) if x + width_of(text, size) + u > track.right else ("left", 0.4 * u)
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
