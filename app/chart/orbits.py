"""The orbit diagram: where runs go, over one thing that varies; and below it both Lyapunov exponents."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec.structs import replace

from app.chart import sides
from app.chart.colours import table_from
from app.chart.portrait import preserves_area
from app.chart.sheet import Axis, Curve, Key, Mark, Plot, Raster, Sheet
from app.chart.zooming import narrowed
from app.scene import Scene
from app.scene.charts import side, sides_of
from dynamics.atlas import along
from dynamics.gauge import well_criterion
from dynamics.orbits import WATCHED, orbits
from dynamics.statistics import GROWN

COLUMNS, ROWS = (120, 480, 960), 480
REGULAR = ("#8b9aa7", "#5f93b8", "#2f87c4")
CHAOTIC = ("#ad9484", "#c97d48", "#d55e00")
CHUNK = 512
"""lanes at a time: one size, so that one program serves all widths"""
HELD = "#808080"


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    chart, window = scene.chart, scene.chart.window
    run, (x,) = sides_of(scene, chart.x)
    for columns in COLUMNS:
        across = np.repeat(x.values(columns), len(scene.points))
        starts = {"x": np.tile([p[0] for p in scene.points], columns), "y": np.tile([p[1] for p in scene.points], columns)}
        lanes = {x.name: across} | {name: values for name, values in starts.items() if _free(x.name)}
        common = (scene.field, scene.runs[run].motion, lanes)
        rest = {"start": scene.points[0], "knobs": scene.knobs, "arithmetic": scene.arithmetic, "seed": scene.seed}
        rest |= {"cancel": cancel, "chunk": CHUNK}
        states = orbits(*common, scene.steps, chart.kept, (chart.watched,), **rest)[..., 0].reshape(columns, -1, chart.kept)
        first = along(*common, "lyapunov", scene.steps, **rest).reshape(columns, -1)
        both = along(*common, "area_growth", scene.steps, **rest).reshape(columns, -1)
        if window is None:
            window = _range(states, chart.watched)
        yield _sheet(scene, run, x, states, first, both, window, columns / COLUMNS[-1])


def zoomed(scene: Scene, window: tuple[float, float, float, float]) -> Scene:
    chart = scene.chart
    scale = 180 / np.pi if chart.watched == "angle" else 1.0
    x = narrowed(chart.x, *window[:2], scene.arithmetic)
    return replace(scene, chart=replace(chart, x=x, window=(window[2] / scale, window[3] / scale)))


def picked(scene: Scene, made: Sheet, where: dict[str, Any]) -> tuple[Scene, str]:
    """The runs of a column as a scene of their own, and what varied."""
    run, (x,) = sides_of(scene, scene.chart.x)
    diagram = made.plots[0]
    columns = diagram.raster.levels.shape[1]
    value = float(x.values(columns)[diagram.x.pixel(float(where["x"]), columns)])
    found = sides.at(scene, run, {x.name: value})
    words = f"A column of the diagram: {sides.words_of(scene, run, x.name)} = {value * sides.unit(x.name):.4g}."
    return replace(found, starts=scene.starts) if _free(x.name) else found, words


def _free(name: str) -> bool:
    """Whether the starts of the scene may stand beside this axis."""
    return name not in ("x", "y", "norm", "angle")


def _decays(scene: Scene, run: int) -> bool:
    """Whether there is weight decay, which alone keeps a run from coming to rest."""
    return scene.runs[run].weight_decay != 0 or side(scene.chart.x).axis.name in ("intrinsic", "weight_decay")


def _range(states: np.ndarray, watched: str) -> tuple[float, float]:
    if watched == "angle":
        return -np.pi, np.pi
    fine = states[np.isfinite(states)]
    if not fine.size:
        return 0.0, 1.0
    low, high = np.quantile(fine, (0.001, 0.999))
    pad = 0.06 * (high - low) or 1.0
    return float(low - pad), float(high + pad)


def _sheet(scene, run, x, states, first, both, window, done) -> Sheet:  # noqa: ANN001
    columns, chart = len(states), scene.chart
    across = sides.shown(scene, run, x)
    scale = 180 / np.pi if chart.watched == "angle" else 1.0
    watched = WATCHED[chart.watched]
    up = Axis(watched.title, window[0] * scale, window[1] * scale, degrees=chart.watched == "angle")
    chaotic, held = first * scene.steps > GROWN, np.isnan(first)
    place = (states - window[0]) / (window[1] - window[0]) * ROWS
    levels = _shades(*(_counted(place, kind) for kind in (~chaotic & ~held, chaotic, held)))
    raster = Raster(levels, _table(), (*across.edges(columns), up.low, up.high), clear=0)
    key = Key("", words=((REGULAR[-1], "regular: errors hardly grow"), (CHAOTIC[-1], "chaotic: they grow exponentially")))
    if held.any():
        key = key._replace(words=(*key.words, (HELD, "held by rounding")))
    second = both - first
    t = np.broadcast_to(x.values(columns)[:, None] * sides.unit(x.name), first.shape).ravel()
    spread = np.concatenate([first.ravel(), second.ravel(), [0.0]])
    low, high = (float(q) for q in np.quantile(spread[np.isfinite(spread)], (0.02, 1.0)))
    pad = 0.1 * (high - low) or 0.1
    spectrum = Plot(
        "Lyapunov spectrum, every run", across, Axis("per step", low - pad, high + pad), (0, 1, 1, 1),
        curves=(
            Curve(t, second.ravel(), "λ₂", REGULAR[-1], width=1.6, dots=True),
            Curve(t, first.ravel(), "λ₁", CHAOTIC[-1], width=1.6, dots=True),
        ),
        marks=(Mark("", y=0.0),),
    )  # fmt: skip
    kept = f"the last {chart.kept} of {scene.steps:,} steps".replace(",", "\u202f")
    diagram = Plot(f"{watched.title.capitalize()}: {kept}", across, up, raster=raster, key=key, zoom=True, pick=True)
    return Sheet((diagram, spectrum), _caption(scene, run, chaotic, both), rows=(2.6, 1.0), done=done)


def _counted(place: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How often the wanted runs of each column come by each row; `place` (columns, runs, kept) counts in rows."""
    counts = np.zeros((ROWS, len(place)))
    inside = wanted[..., None] & np.isfinite(place) & (place >= 0) & (place < ROWS)
    column = np.broadcast_to(np.arange(len(place))[:, None, None], place.shape)
    np.add.at(counts, (place[inside].astype(int), column[inside]), 1)
    return counts


def _shades(regular: np.ndarray, chaotic: np.ndarray, held: np.ndarray) -> np.ndarray:
    """0 where nothing is; 1 to 3 regular, 4 to 6 chaotic, by how often the runs of a column come by; 7 held by rounding."""
    counts = np.maximum(regular, chaotic)
    share = counts / np.maximum(counts.max(axis=0, keepdims=True), 1)
    shades = np.where(counts > 0, 1 + np.digitize(share, (0.05, 0.3)) + 3 * (chaotic > regular), 0)
    return np.where((shades == 0) & (held > 0), 7, shades)


def _table() -> np.ndarray:
    return table_from(HELD, *REGULAR, *CHAOTIC, HELD)


def _caption(scene: Scene, run: int, chaotic: np.ndarray, both: np.ndarray) -> str:
    text = f"On {100 * float(chaotic.mean()):.0f} % of the runs errors grow."
    if preserves_area(scene, scene.runs[run]):
        worst = float(np.nanmax(np.abs(both)))
        return text + f" The two exponents sum to zero (to {worst:.1g}): every step preserves an area, so no orbit attracts."
    motion = scene.runs[run].motion
    if motion.noisy or not motion.plain or not _decays(scene, run):
        return text
    x, y = scene.field.minima[0] if scene.field.minima else (np.nan, np.nan)
    try:
        ratio = well_criterion(scene.field, float(np.arctan2(y, x)), scene.knobs)
    except ValueError:
        return text
    says = "below −4: under little decay it settles on a two-cycle" if ratio < -4.01 else "not below −4: it never settles"
    return text + f" In this well f⁗/f″ = {ratio:.3g}, ".replace("-", "−") + says + "."
