"""The portrait: every start's orbit as dots in a plane where nothing runs away.

On x²/(x²+y²) the plane is (ln|x|, ln|y|): there gradient descent with weight decay preserves area, so that islands of
regular motion lie in a chaotic sea. It carries two places to one, so that an orbit may fall from the sea into an island.
On other losses that ignore length it is the angle and ln(‖w‖/√η).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec.structs import replace

from app.chart.colours import table_from
from app.chart.sheet import Axis, Key, Mark, Plot, Raster, Sheet
from app.scene import Run, Scene
from app.scene.charts import MAX_ORBITS
from dynamics.atlas import along
from dynamics.gauge import quotient_two_cycle
from dynamics.orbits import orbits
from dynamics.statistics import GROWN

LENGTHS = (500, 2000, 8000)
COLUMNS, ROWS = 840, 540
SEA, FALLEN = "#8c9096", "#b8954a"
ISLANDS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f6fd1")


def folded(scene: Scene) -> bool:
    """Whether the portrait is in (ln|x|, ln|y|)."""
    return scene.landscape == "quotient"


def preserves_area(scene: Scene, run: Run) -> bool:
    """Whether every step of the run preserves dx dy/|xy|, as gradient descent does there at any rates."""
    return folded(scene) and run.motion.plain and not run.motion.noisy


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    run = scene.runs[0].motion
    starts = np.array(scene.points)
    lanes = {"x": starts[:, 0], "y": starts[:, 1]}
    rest = {"knobs": scene.knobs, "arithmetic": scene.arithmetic, "seed": scene.seed, "cancel": cancel}
    for length in LENGTHS:
        watched = ("log_x", "log_y") if folded(scene) else ("angle", "log_norm")
        points = orbits(scene.field, run, lanes, length, length + 1, watched, **rest)  # the start among them
        half, whole = (n * along(scene.field, run, lanes, "lyapunov", n, **rest) for n in (length // 2, length))
        yield _sheet(scene, points, whole > 2 * GROWN, whole - half > GROWN, ~np.isfinite(whole), length)


def _sheet(
    scene: Scene, points: np.ndarray, chaotic: np.ndarray, still: np.ndarray, lost: np.ndarray, length: int
) -> Sheet:  # fmt: skip
    """Of every orbit, `chaotic` says whether errors grew on it, `still` whether they did so in its second half, and `lost`
    whether that cannot be said: rounding held it, or it left the plane."""
    half = 0.5 * np.log(_rate(scene))
    u = points[..., 0] - half if folded(scene) else points[..., 0]
    v = points[..., 1] - half
    window = scene.chart.window or usual(scene, u, v)
    levels = _drawn(u, v, window, chaotic, still, lost)
    table = table_from(SEA, SEA, FALLEN, *ISLANDS)
    scale = (1.0, 1.0) if folded(scene) else (180 / np.pi, 1.0)
    x0, x1, y0, y1 = window[0] * scale[0], window[1] * scale[0], window[2], window[3]
    across = Axis("ln(|x|/√η)", x0, x1) if folded(scene) else Axis("angle", x0, x1, degrees=True)
    up = Axis("ln(|y|/√η)" if folded(scene) else "ln(‖w‖/√η)", y0, y1)
    words = ((SEA, "chaotic"), (FALLEN, "fallen into an island"), (ISLANDS[0], "regular, a colour each"))
    plot = Plot(
        "Orbits, folded into one quarter of the plane" if folded(scene) else "Orbits", across, up,
        raster=Raster(levels, table, (x0, x1, y0, y1), clear=0), key=Key("", words=words if folded(scene) else words[::2]),
        marks=_marks(scene), zoom=True, pick=True,
    )  # fmt: skip
    return Sheet((plot,), _caption(scene, chaotic, still, lost, length), done=length / LENGTHS[-1])


def _rate(scene: Scene) -> float:
    rate = scene.runs[0].learning_rate
    return rate if isinstance(rate, float) else 1.0


def _drawn(
    u: np.ndarray, v: np.ndarray, window: tuple[float, ...], chaotic: np.ndarray, still: np.ndarray, lost: np.ndarray
) -> np.ndarray:  # fmt: skip
    """0 nothing, 1 the sea, 2 fallen out of it, 3 and on the islands; regular ones over the sea, lost ones nowhere."""
    levels = np.zeros((ROWS, COLUMNS), np.uint8)
    column = (u - window[0]) / (window[1] - window[0]) * COLUMNS
    row = (v - window[2]) / (window[3] - window[2]) * ROWS
    inside = np.isfinite(column) & np.isfinite(row) & (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    regular = 0
    for i in sorted(np.flatnonzero(~lost), key=lambda i: (not chaotic[i], not still[i])):
        level = np.full(u.shape[1], 1 if chaotic[i] else 3 + regular % len(ISLANDS))
        if chaotic[i] and not still[i]:
            level[_fell(u[i], v[i]) :] = 2
        fine = inside[i]
        levels[row[i][fine].astype(int), column[i][fine].astype(int)] = level[fine]
        regular += not chaotic[i]
    return levels


def _fell(u: np.ndarray, v: np.ndarray) -> int:
    """The step after which an orbit never left the box of its second half again."""
    half = len(u) // 2
    out = np.zeros(len(u), bool)
    for values in (u, v):
        out |= (values < values[half:].min()) | (values > values[half:].max())
    return int(np.flatnonzero(out)[-1]) + 1 if out.any() else 0


def usual(scene: Scene, u: np.ndarray, v: np.ndarray) -> tuple[float, float, float, float]:
    """A window that holds the orbits, without the rarest excursions."""
    fine = np.isfinite(u) & np.isfinite(v)
    if not fine.any():
        return -1.0, 1.0, -1.0, 1.0
    (x0, x1), (y0, y1) = np.quantile(u[fine], (0.01, 0.999)), np.quantile(v[fine], (0.001, 0.999))
    x0, x1 = (x0, x1) if folded(scene) else (-np.pi, np.pi)
    dx, dy = 0.05 * (x1 - x0) or 1.0, 0.08 * (y1 - y0) or 1.0
    dx = dx if folded(scene) else 0.0
    return float(x0 - dx), float(x1 + dx), float(y0 - dy), float(y1 + dy)


def _marks(scene: Scene) -> tuple[Mark, ...]:
    run = scene.runs[0]
    if not preserves_area(scene, run) or not all(isinstance(r, float) for r in (run.learning_rate, run.weight_decay)):
        return ()
    if not 0 < run.learning_rate * run.weight_decay < 1:
        return ()
    cycle = quotient_two_cycle(run.learning_rate, run.weight_decay)
    return (Mark("two-cycle", float(np.log(np.sin(cycle.offset))), float(np.log(np.cos(cycle.offset)))),)


def _caption(scene: Scene, chaotic: np.ndarray, still: np.ndarray, lost: np.ndarray, length: int) -> str:
    regular, fallen = int((~chaotic & ~lost).sum()), int((chaotic & ~still).sum())
    steps, orbits = f"{length:,}".replace(",", "\u202f"), "1 orbit" if len(chaotic) == 1 else f"{len(chaotic)} orbits"
    text = f"{orbits} of {steps} steps: {regular} regular so far, {int(chaotic.sum())} chaotic"
    text += f", {int(lost.sum())} held by rounding or gone, and not drawn." if lost.any() else "."
    if preserves_area(scene, scene.runs[0]):
        text += " Every step preserves area, so no orbit attracts; but two places are carried to one, so an orbit may fall"
        text += " from the sea into an island" + (f": {fallen or 'none'} did." if length == LENGTHS[-1] else ".")
    return text


def zoomed(scene: Scene, window: tuple[float, float, float, float]) -> Scene:
    scale = 1.0 if folded(scene) else np.pi / 180
    return replace(scene, chart=replace(scene.chart, window=(window[0] * scale, window[1] * scale, *window[2:])))


def picked(scene: Scene, made: Sheet, where: dict[str, Any]) -> tuple[Scene, str]:
    """The portrait with an orbit more, that begins where the click was; the oldest leaves when there are too many."""
    window = scene.chart.window or _shown(scene, made)
    starts = (*scene.points, _start(scene, float(where["x"]), float(where["y"])))[-MAX_ORBITS:]
    return replace(scene, starts=starts, chart=replace(scene.chart, window=window)), ""


def _shown(scene: Scene, made: Sheet) -> tuple[float, float, float, float]:
    """The window that is seen: it holds still while orbits are added."""
    across, up = made.plots[0].x, made.plots[0].y
    scale = 1.0 if folded(scene) else np.pi / 180
    return across.low * scale, across.high * scale, up.low, up.high


def _start(scene: Scene, x: float, y: float) -> tuple[float, float]:
    """The start at a place of the portrait."""
    root = float(np.sqrt(_rate(scene)))
    if folded(scene):
        return root * float(np.exp(x)), root * float(np.exp(y))
    angle = np.radians(x)
    return root * float(np.exp(y) * np.cos(angle)), root * float(np.exp(y) * np.sin(angle))
