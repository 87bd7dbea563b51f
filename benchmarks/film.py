"""How fast a film is made: the theatre's two panels, 300 frames of 1280 × 720 in mp4, encoding included.

    python benchmarks/film.py [--json]

Beside it, in the same run, what people use: `FuncAnimation.save` of the same picture made of figure, axes, imshow,
quiver and lines, redrawn whole for each frame as it does. Both are encoded by the same PyAV with the same settings
(matplotlib's own writer would need the ffmpeg program, and would be slower by a pipe), so what is compared is the
drawing. Each is warmed up with a short film first.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from matplotlib import colormaps
from matplotlib.animation import AbstractMovieWriter, FuncAnimation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.answer.result import simulate
from app.film import render, times
from app.film.encode import CODECS
from app.picture.picture import Picture, picture
from app.picture.words import caption, plain
from app.scene import Run, Scene

SIZE, FPS, SECONDS, FRAMES = (1280, 720), 30, 9.0, 300
THEATRE = Scene(
    title="Two runs, one picture",
    landscape="five_wells",
    steps=300,
    runs=(
        Run(label="weight decay", learning_rate=0.3, weight_decay=0.25),
        Run(label="growing rate", twin_of="weight decay"),
    ),
)


class AvWriter(AbstractMovieWriter):
    """What FuncAnimation.save writes to: a figure's pixels, encoded in this process."""

    def setup(self, fig: Figure, outfile: Any, dpi: float | None = None) -> None:
        super().setup(fig, outfile, dpi)
        codec, options, more = CODECS["mp4"]
        self.container = av.open(str(outfile), "w", format="mp4", options=more)
        self.stream = self.container.add_stream(codec, rate=int(self.fps), options=options)
        self.stream.width, self.stream.height = (int(side) for side in self.frame_size)
        self.stream.pix_fmt, self.number = "yuv420p", 0

    def grab_frame(self, **options: Any) -> None:
        self.fig.canvas.draw()
        frame = av.VideoFrame.from_ndarray(np.asarray(self.fig.canvas.buffer_rgba()), format="rgba")
        frame.pts, frame.time_base = self.number, Fraction(1, int(self.fps))
        self.number += 1
        self.container.mux(self.stream.encode(frame))

    def finish(self) -> None:
        self.container.mux(self.stream.encode())
        self.container.close()


def plain_matplotlib(seen: Picture, moments: np.ndarray, file: Path) -> None:
    """The same panels, trails, heads, strips and sentence, written the way a script with FuncAnimation writes them."""
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 10, height_ratios=[5, 1], hspace=0.25, wspace=0.9)
    panels = [_panel(figure.add_subplot(grid[0, 5 * i : 5 * i + 5]), seen, panel) for i, panel in enumerate(seen.panels)]
    strips = [_strip(figure.add_subplot(grid[1, 2 * i : 2 * i + 2]), strip, seen) for i, strip in enumerate(seen.strips)]
    sentence = figure.text(0.06, 0.02, "", parse_math=False)

    def draw(t: float) -> None:
        for update in panels + strips:
            update(t)
        sentence.set_text(plain(caption(seen, t)))

    FuncAnimation(figure, draw, frames=moments, init_func=lambda: None, cache_frame_data=False).save(
        file, writer=AvWriter(fps=FPS), dpi=100
    )


def _panel(axes: Any, seen: Picture, panel: Any) -> Callable[[float], None]:
    x0, x1, y0, y1 = panel.window
    field, path = seen.fields[0], seen.result.runs[panel.runs[0]].paths[0]
    x, y = np.meshgrid(np.linspace(x0, x1, 400), np.linspace(y0, y1, 400))
    loss = field.landscape.loss(x, y, field.knobs)
    axes.imshow(loss, extent=panel.window, origin="lower", cmap=colormaps["cividis"], aspect="equal")
    side = np.linspace(x0, x1, 19)[1:-1], np.linspace(y0, y1, 19)[1:-1]
    x, y = np.meshgrid(*side)
    local = field.landscape.local(x.ravel(), y.ravel(), field.knobs, order=1)
    g = np.hypot(local.gx, local.gy)
    axes.quiver(x.ravel(), y.ravel(), -local.gx / g, -local.gy / g, color="white", alpha=0.38, scale=40, width=0.003)
    axes.set_title(panel.title, loc="left", weight="bold", parse_math=False)
    colour = seen.colours[panel.runs[0]]
    (casing,) = axes.plot([], [], color="white", linewidth=4)
    (trail,) = axes.plot([], [], color=colour, linewidth=2.2)
    (head,) = axes.plot([], [], "o", color=colour, markersize=11, markeredgecolor="white", markeredgewidth=2)
    (start,) = axes.plot([], [], "o", color="white", markersize=9, markeredgecolor="black")
    scale = np.zeros(len(path.frame_x)) if panel.log_scale is None else panel.log_scale

    def update(t: float) -> None:
        step = int(t)
        e = np.exp(np.minimum(path.frame_log[: step + 1] - scale[step], 60))
        across, up = path.frame_x[: step + 1] * e, path.frame_y[: step + 1] * e
        casing.set_data(across, up)
        trail.set_data(across, up)
        head.set_data(across[-1:], up[-1:])
        start.set_data(across[:1], up[:1])
        if panel.log_scale is not None:
            axes.set_xticks(axes.get_xticks(), [f"{tick * np.exp(scale[step]):.3g}" for tick in axes.get_xticks()])
            axes.set_xlim(x0, x1)

    return update


def _strip(axes: Any, strip: Any, seen: Picture) -> Callable[[float], None]:
    for line in strip.lines:
        axes.plot(line.values, color=seen.colours[line.run], linewidth=1.2)
    axes.set_title(strip.title, fontsize=8, loc="left", parse_math=False)
    axes.tick_params(labelsize=6)
    axes.set_ylim(*strip.range)
    cursor = axes.axvline(0, color="black", linewidth=0.8)
    return lambda t: cursor.set_xdata([t, t])


def seconds_of(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure() -> dict[str, float]:
    seen, moments = picture(simulate(THEATRE)), times(THEATRE.steps, FPS, SECONDS)
    assert len(moments) == FRAMES
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.mp4"
        render(THEATRE, file, SIZE, FPS, 0.2)
        plain_matplotlib(seen, moments[:3], file)
        ours = min(seconds_of(lambda: render(THEATRE, file, SIZE, FPS, SECONDS, force=True)) for _ in range(2))
        size = file.stat().st_size
        theirs = seconds_of(lambda: plain_matplotlib(seen, moments, file))
    return {
        "frames": FRAMES, "film_fps": FRAMES / ours, "funcanimation_fps": FRAMES / theirs, "ratio": theirs / ours,
        "film_megabytes": size / 1e6,
    }  # fmt: skip


def main() -> None:
    figures = measure()
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    print("300 frames, 1280 × 720, two panels, mp4, encoding included")
    print(f"  this film              {figures['film_fps']:7.1f} frames per second   (target 60)")
    print(f"  FuncAnimation.save     {figures['funcanimation_fps']:7.1f} frames per second")
    print(f"  ratio                  {figures['ratio']:7.1f} ×                   (target 8)")
    print(f"  size                   {figures['film_megabytes']:7.2f} MB")


if __name__ == "__main__":
    main()
