"""`zoomout atlas`: a map of runs from a scene and two axes, as a picture, as numbers or as a page."""

import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from app.chart.atlas import kinds, sheet
from app.chart.colours import paint
from app.chart.sheet import sent
from app.machine.files import whole_file
from app.scene import Atlas as AtlasChart
from app.scene import Scene, SceneError, to_data
from app.scene.charts import sides_of
from app.wire.embed import page
from dynamics import backend
from dynamics.atlas import Atlas, Axis, atlas
from dynamics.statistics import STATISTICS, Statistic

MAX_SIDE, MAX_PAGE_SIDE, MAX_READ, MAX_WORK = 8192, 2048, 1024, 200_000_000_000
BAND = 256


class Plan(NamedTuple):
    """What is to be computed, checked against every budget before anything is allocated."""

    scene: Scene
    run: int
    x: Axis
    y: Axis
    statistic: str
    size: tuple[int, int]


def plan(scene: Scene, x: str | None, y: str | None, statistic: str | None, size: str, out: Path) -> Plan:
    """A plan, or `SceneError` with one sentence. What is not given is what the scene's own atlas says."""
    own = scene.chart if isinstance(scene.chart, AtlasChart) else None
    if own is None and not (x and y):
        raise SceneError("axis", "Say what varies with --x and --y, or in the scene's own [chart] table of kind atlas.")
    own = own or AtlasChart()
    chart = AtlasChart(x=x or own.x, y=y or own.y, statistic=statistic or own.statistic, settle=own.settle)
    run, (across, up) = sides_of(scene, chart.x, chart.y)
    scene = replace(scene, chart=chart)
    writer(out)
    return Plan(scene, run, across, up, chart.statistic, _size(size, scene.steps, out))


def _size(text: str, steps: int, out: Path) -> tuple[int, int]:
    sides = text.lower().replace("×", "x").split("x")
    if not (len(sides) in (1, 2) and all(s.isascii() and s.isdecimal() and 0 < len(s) < 6 and int(s) > 0 for s in sides)):
        raise SceneError("size", "A --size is a number of pixels or WIDTHxHEIGHT, for example 1024.")
    columns, rows = (int(sides[0]), int(sides[-1]))
    most = MAX_PAGE_SIDE if out.suffix.lower() == ".html" else MAX_SIDE
    if max(columns, rows) > most:
        raise SceneError("budget", f"A map has at most {most} pixels a side here; {max(columns, rows)} were asked for.")
    if columns * rows * steps > MAX_WORK:
        raise SceneError("budget", f"A map takes at most {MAX_WORK:.0e} steps; {columns * rows * steps:.1e} were asked for.")
    return columns, rows


def join(coordinator: str, processes: int, process: int) -> None:
    """Shares the work with other processes; the coordinator is "host:port"."""
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise SceneError("coordinator", f"A --coordinator is HOST:PORT, for example 10.0.0.1:8476; {coordinator!r} is not.")
    backend.join(coordinator, processes, process)


def compute(work: Plan, progress: Callable[[int, int], None] | None = None) -> Atlas:
    scene, motion = work.scene, work.scene.runs[work.run].motion
    return atlas(
        scene.field, motion, work.x, work.y, work.statistic, scene.steps, work.size, start=scene.points[0],
        knobs=scene.knobs, arithmetic=scene.arithmetic, seed=scene.seed, progress=progress, settle=scene.chart.settle,
    )  # fmt: skip


def progress_line(done: int, total: int) -> None:
    print(f"\r{100 * done // total} % of {total} runs", end="\n" if done == total else "", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------------------------------
# Files


def write(made: Atlas, work: Plan, out: Path, bare: bool = False) -> None:
    """The file appears at its name only when it is whole."""
    with whole_file(out) as partial, partial.open("wb") as file:
        (_pixels if bare and out.suffix.lower() == ".png" else writer(out))(made, work, file)


def writer(out: Path) -> Callable[[Atlas, Plan, Any], None]:
    if out.suffix.lower() not in WRITERS:
        raise SceneError("format", f"The ending of a map is one of {', '.join(WRITERS)}; {out.suffix or 'none'!r} is not.")
    return WRITERS[out.suffix.lower()]


def _npz(made: Atlas, work: Plan, file: Any) -> None:
    np.savez_compressed(
        file, values=made.values, x=made.x, y=made.y, x_name=work.x.name, y_name=work.y.name, statistic=work.statistic,
        words=np.array(kinds(work.scene, STATISTICS[work.statistic])), scene=json.dumps(to_data(work.scene)), run=work.run,
    )  # fmt: skip


def _png(made: Atlas, work: Plan, file: Any) -> None:
    """The map with its axes and its key, a pixel or more for every run; a larger one than a screen is its pixels alone."""
    rows, columns = made.values.shape
    if max(rows, columns) > MAX_PAGE_SIDE:
        _pixels(made, work, file)
        return
    from app.chart.picture import figure, room

    shown, times = sheet(work.scene, work.run, made), -(-512 // max(rows, columns))
    wide, high = room(shown, work.scene.title)
    made_figure = figure(shown, (columns * times + wide, rows * times + high), "light", work.scene.title)
    made_figure.savefig(file, format="png", facecolor=made_figure.get_facecolor())


def _pixels(made: Atlas, work: Plan, file: Any) -> None:
    """Band by band, so that a map of 8192² needs no second copy in memory. The largest y is on top."""
    rows, columns = made.values.shape

    def part(kind: bytes, data: bytes) -> None:
        file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))

    file.write(b"\x89PNG\r\n\x1a\n")
    part(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0))
    packer = zlib.compressobj(6)
    for band in _bands(made, STATISTICS[work.statistic], kinds(work.scene, STATISTICS[work.statistic])):
        lines = np.zeros((len(band), 1 + 3 * columns), np.uint8)  # every line begins with its filter, none
        lines[:, 1:] = band.reshape(len(band), -1)
        if packed := packer.compress(lines.tobytes()):
            part(b"IDAT", packed)
    part(b"IDAT", packer.flush())
    part(b"IEND", b"")


def _bands(made: Atlas, statistic: Statistic, words: tuple[str, ...]) -> Iterator[np.ndarray]:
    colours = paint(made.values, statistic, words)
    for end in range(len(made.values), 0, -BAND):
        yield colours.table[colours.levels(made.values[max(0, end - BAND) : end][::-1])]


def _html(made: Atlas, work: Plan, file: Any) -> None:
    """One self-contained page: the map as the app shows it, where a rectangle looks closer and a pointer reads values."""
    shown = sheet(work.scene, work.run, made)
    if made.values.size > MAX_READ**2:  # the values of more pixels would make the page too heavy to be passed on
        plot = shown.plots[0]
        shown = shown._replace(plots=(plot._replace(raster=plot.raster._replace(values=None)),))
    title = work.scene.title or (work.scene.field.title if work.scene.landscape else "A map of runs")
    file.write(page("chart", replace(work.scene, title=title), shown.caption, sent(shown, name="page")).encode())


WRITERS: dict[str, Callable[[Atlas, Plan, Any], None]] = {".png": _png, ".npz": _npz, ".html": _html}
