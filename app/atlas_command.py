"""`zoomout atlas`: a map of runs from a scene and two axes, as a picture, as numbers or as a page."""

import base64
import html
import io
import json
import math
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.result import motion_of
from app.scene import Scene, SceneError, to_data
from dynamics.atlas import Atlas, Axis, atlas, can_vary
from dynamics.statistics import STATISTICS, Statistic

MAX_SIDE, MAX_PAGE_SIDE, MAX_WORK = 8192, 2048, 200_000_000_000
BAND = 256
MISSING = (128, 128, 128)
KINDS = ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#000000", "#E69F00", "#CC79A7", "#F0E442")


class Plan(NamedTuple):
    """What is to be computed, checked against every budget before anything is allocated."""

    scene: Scene
    run: int
    x: Axis
    y: Axis
    statistic: str
    size: tuple[int, int]


def plan(scene: Scene, x: str, y: str, statistic: str, size: str, out: Path) -> Plan:
    """A plan, or `SceneError` with one sentence."""
    (first, across), (second, up) = axis(x), axis(y)
    named = {index for index in (first, second) if index is not None} or {0}
    if len(named) > 1:
        raise SceneError("axis", "Both axes of an atlas belong to one run; here they name two.")
    run = named.pop()
    if run >= len(scene.runs):
        raise SceneError("axis", f"There is no run {run}; the scene has {len(scene.runs)}, counted from 0.")
    if scene.runs[run].twin_of is not None:
        raise SceneError("axis", "A twin's rates are written by the theorem; map the run that it is the twin of.")
    if scene.arithmetic == "certified":
        raise SceneError(
            "arithmetic", "An atlas is computed in float32 or float64; set the scene's arithmetic to one of them."
        )
    known = can_vary(scene.field, motion_of(scene.runs[run]))
    for name in (across.name, up.name):
        if name not in known:
            raise SceneError("axis", f"An axis cannot be {name[:40]!r}; it is one of {', '.join(known)}.")
    if across.name == up.name:
        raise SceneError("axis", f"Both axes are {up.name}; choose two different ones.")
    if statistic not in STATISTICS:
        raise SceneError("statistic", f"There is no statistic called {statistic[:40]!r}; there are {', '.join(STATISTICS)}.")
    writer(out)
    return Plan(scene, run, across, up, statistic, _size(size, scene.steps, out))


def axis(text: str) -> tuple[int | None, Axis]:
    """`runs.0.learning_rate:log:0.01:1`, `knobs.a:0:1` or `start.norm:log:0.1:10` -> which run, and the axis."""
    name, *rest = text.split(":")
    scale = rest.pop(0) if len(rest) == 3 else "linear"
    try:
        low, high = map(float, rest)
    except ValueError:
        low = high = math.nan
    place = re.fullmatch(r"(?:runs\.(\d{1,3})|knobs|starts?(?:\.0)?)\.(\w+)", name)
    if place is None or scale not in ("log", "linear") or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SceneError(
            "axis",
            "An axis is written as runs.0.learning_rate:log:0.01:1 (or knobs.NAME, or start.x, y, norm or angle; log or "
            "linear; low < high).",
        )
    if scale == "log" and low <= 0:
        raise SceneError("axis", f"A logarithmic axis needs a low end above 0; {low:g} is not.")
    if place[2] in ("learning_rate", "weight_decay", "norm", "noise", "clip_norm") and low < 0:
        raise SceneError("axis", f"{place[2]} is never negative; {low:g} is.")
    return (None if place[1] is None else int(place[1])), Axis(place[2], low, high, scale == "log")


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


def compute(work: Plan, progress: Callable[[int, int], None] | None = None) -> Atlas:
    scene, motion = work.scene, motion_of(work.scene.runs[work.run])
    return atlas(
        scene.field, motion, work.x, work.y, work.statistic, scene.steps, work.size, start=scene.points[0],
        knobs=scene.knobs, arithmetic=scene.arithmetic, seed=scene.seed, progress=progress,
    )  # fmt: skip


def progress_line(done: int, total: int) -> None:
    print(f"\r{100 * done // total} % of {total} runs", end="\n" if done == total else "", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------------------------------
# Files


def write(made: Atlas, work: Plan, out: Path) -> None:
    """The file appears at its name only when it is whole."""
    make = writer(out)
    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("wb") as file:
            make(made, work, file)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def writer(out: Path) -> Callable[[Atlas, Plan, Any], None]:
    if out.suffix.lower() not in WRITERS:
        raise SceneError("format", f"The ending of a map is one of {', '.join(WRITERS)}; {out.suffix or 'none'!r} is not.")
    return WRITERS[out.suffix.lower()]


def _npz(made: Atlas, work: Plan, file: Any) -> None:
    np.savez_compressed(
        file, values=made.values, x=made.x, y=made.y, x_name=work.x.name, y_name=work.y.name, statistic=work.statistic,
        words=np.array(STATISTICS[work.statistic].words), scene=json.dumps(to_data(work.scene)), run=work.run,
    )  # fmt: skip


def _png(made: Atlas, work: Plan, file: Any) -> None:
    """Band by band, so that a map of 8192² needs no second copy in memory. The largest y is on top."""
    rows, columns = made.values.shape

    def part(kind: bytes, data: bytes) -> None:
        file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))

    file.write(b"\x89PNG\r\n\x1a\n")
    part(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0))
    packer = zlib.compressobj(6)
    for band in _bands(made, STATISTICS[work.statistic]):
        lines = np.zeros((len(band), 1 + 3 * columns), np.uint8)  # every line begins with its filter, none
        lines[:, 1:] = band.reshape(len(band), -1)
        if packed := packer.compress(lines.tobytes()):
            part(b"IDAT", packed)
    part(b"IDAT", packer.flush())
    part(b"IEND", b"")


def _bands(made: Atlas, statistic: Statistic) -> Iterator[np.ndarray]:
    paint = _painter(made.values, statistic)
    for end in range(len(made.values), 0, -BAND):
        yield paint(made.values[max(0, end - BAND) : end][::-1])


def _painter(values: np.ndarray, statistic: Statistic) -> Callable[[np.ndarray], np.ndarray]:
    """values -> RGB bytes. Colours are equalised, every one as frequent as any other; a signed map keeps its zero."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if statistic.words:
        table = np.array([to_rgb(KINDS[k % len(KINDS)]) for k in range(len(statistic.words))])
    else:
        table = colormaps["RdBu_r" if statistic.signed else "cividis"](np.linspace(0, 1, 256))[:, :3]
    palette = np.vstack([np.round(table * 255), MISSING]).astype(np.uint8)
    sample = values.reshape(-1)[:: max(1, values.size // 200_000)]
    sample = np.sort(sample[np.isfinite(sample)])
    last = len(table) - 1

    def level(band: np.ndarray) -> np.ndarray:
        if statistic.words:
            return band
        if not statistic.signed:
            return np.searchsorted(sample, band) / max(len(sample), 1) * last
        below, above = sample[sample < 0], sample[sample >= 0]
        low = np.searchsorted(below, band) / max(len(below), 1)
        high = np.searchsorted(above, band) / max(len(above), 1)
        return np.where(band < 0, low, 1 + high) / 2 * last

    def paint(band: np.ndarray) -> np.ndarray:
        fine = np.isfinite(band)
        shade = np.clip(level(np.where(fine, band, 0)), 0, last).astype(np.uint16)
        return palette[np.where(fine, shade, last + 1)]

    return paint


def _html(made: Atlas, work: Plan, file: Any) -> None:
    """One self-contained page: the picture, what its sides are, and what its colours mean."""
    picture = io.BytesIO()
    _png(made, work, picture)
    statistic, title = STATISTICS[work.statistic], work.scene.title or work.scene.landscape or "Map of runs"
    sides = [
        f"{way}: {a.name.replace('_', ' ')} from {a.low:g} to {a.high:g}{' (logarithmic)' if a.log else ''}"
        for way, a in (("left to right", work.x), ("bottom to top", work.y))
    ]
    kinds = "".join(
        f'<li><b style="background:{KINDS[k % len(KINDS)]}"></b>{html.escape(word)}</li>'
        for k, word in enumerate(statistic.words)
    )
    finite = made.values[np.isfinite(made.values)]
    span = f"values from {finite.min():.4g} to {finite.max():.4g}; " if finite.size and not statistic.words else ""
    file.write(
        f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>body{{font:16px system-ui;margin:2rem auto;max-width:64rem;padding:0 1rem}}
img{{max-width:100%;image-rendering:pixelated}}
ul{{list-style:none;padding:0}}li b{{display:inline-block;width:1em;height:1em;margin-right:.5em}}</style>
<h1>{html.escape(title)}</h1>
<figure><img width="{made.values.shape[1]}" height="{made.values.shape[0]}" alt="{html.escape(statistic.title)} of each run"
src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}">
<figcaption><p>{html.escape(statistic.title)}: {html.escape(statistic.sentence)}</p>
<p>{html.escape("; ".join(sides))}; {span}grey where there is no value.</p><ul>{kinds}</ul></figcaption></figure></html>
""".encode()
    )


WRITERS: dict[str, Callable[[Atlas, Plan, Any], None]] = {".png": _png, ".npz": _npz, ".html": _html}
