"""A fair race: every run has the same number of trials to find its best rate, and is then run at it; and at a common one.

    T_i(η) = the first step with L <= target, of entrant i at the learning rate η

What is left between two of them once their clocks are set alike, is the distance of their paths.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from app.chart import sides
from app.chart.sheet import Axis, Curve, Mark, Plot, Sheet
from app.picture.picture import STYLES
from app.scene import Scene
from app.scene.charts import own_runs, swept
from dynamics import clocks
from dynamics import simulate as run_paths
from dynamics.atlas import along

COARSE = 8
"""trials of the first picture"""
CLOSER = 33
"""rates between two trials, by which a clock is read"""
SAME = 0.02
"""the distance of two paths, relative to their size, below which an eye sees one road"""


class Entrant(NamedTuple):
    label: str
    run: int
    rates: np.ndarray
    steps: np.ndarray
    """to the target at each rate; nan where the budget is not enough"""

    @property
    def best(self) -> tuple[float, float] | None:
        """The rate with the fewest steps, and these; None where no trial reached the target."""
        if np.isnan(self.steps).all():
            return None
        at = int(np.nanargmin(self.steps))
        return float(self.rates[at]), float(self.steps[at])


class Pair(NamedTuple):
    """Two entrants at one rate η: a at `clock` times that rate takes as many steps as b, on a path so far from b's."""

    a: int
    b: int
    clock: float | None
    distance: float | None
    ratio: float | None
    """the steps of a over those of b, both at that rate"""


class Raced(NamedTuple):
    entrants: tuple[Entrant, ...]
    common: float | None
    pairs: tuple[Pair, ...] = ()


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    trials = scene.chart.trials
    if trials > COARSE:
        yield _sheet(scene, Raced(_entrants(scene, COARSE, cancel), None), COARSE / trials)
    yield _sheet(scene, race(scene, cancel), 1.0)


def race(scene: Scene, cancel: Callable[[], bool] | None = None) -> Raced:
    """Every entrant's sweep, the common rate, and every pair at it."""
    entrants = _entrants(scene, scene.chart.trials, cancel)
    common = scene.chart.common or _common(entrants, scene.steps)
    if common is None:
        return Raced(entrants, None)
    return Raced(entrants, common, tuple(_pair(scene, a, b, common) for a, b in itertools.combinations(entrants, 2)))


def _entrants(scene: Scene, trials: int, cancel: Callable[[], bool] | None) -> tuple[Entrant, ...]:
    return tuple(_entrant(scene, run, swept(scene, run)[0].values(trials), cancel) for run in own_runs(scene))


def _entrant(scene: Scene, run: int, rates: np.ndarray, cancel: Callable[[], bool] | None) -> Entrant:
    steps = along(
        scene.field, scene.runs[run].motion, {"learning_rate": rates}, "steps_to_converge", scene.steps,
        start=scene.points[0], knobs=scene.knobs, arithmetic=scene.arithmetic, seed=scene.seed, level=scene.chart.target,
        cancel=cancel,
    )  # fmt: skip
    return Entrant(scene.labels[run], run, rates, steps.astype(float))


def _common(entrants: tuple[Entrant, ...], budget: int) -> float | None:
    """The tried rate at which all together need the fewest steps; who does not arrive counts the whole budget."""
    total = np.sum([np.where(np.isnan(each.steps), budget, each.steps) for each in entrants], axis=0)
    if np.isnan([each.steps for each in entrants]).all():
        return None
    return float(entrants[0].rates[int(np.argmin(total))])


def _pair(scene: Scene, a: Entrant, b: Entrant, rate: float) -> Pair:
    one, other = (_steps_at(scene, each, rate) for each in (a, b))
    ratio = one / other if one and other else None
    multiple = clocks.clock(a.rates, a.steps, rate, other) if other else None
    if multiple is None:
        return Pair(a.run, b.run, None, None, ratio)
    between = (a.rates[-1] / a.rates[0]) ** (1 / (len(a.rates) - 1))
    near = _entrant(scene, a.run, rate * multiple * between ** np.linspace(-1, 1, CLOSER), None)
    multiple = clocks.clock(near.rates, near.steps, rate * multiple, other, rate) or multiple
    roads = [_road(scene, a, rate * multiple), _road(scene, b, rate)]
    return Pair(a.run, b.run, multiple, clocks.frechet(*roads), ratio)


def _steps_at(scene: Scene, entrant: Entrant, rate: float) -> float | None:
    steps = float(_entrant(scene, entrant.run, np.array([rate]), None).steps[0])
    return None if np.isnan(steps) else steps


def _path(scene: Scene, entrant: Entrant, rate: float) -> Any:
    motion = scene.runs[entrant.run].motion._replace(learning_rate=rate)
    return run_paths(scene.field, motion, scene.points[:1], scene.steps, scene.knobs, scene.arithmetic, scene.seed)[0]


def _road(scene: Scene, entrant: Entrant, rate: float) -> np.ndarray:
    """Where an entrant walks, up to the target."""
    path = _path(scene, entrant, rate)
    arrived = np.flatnonzero(path.loss <= scene.chart.target)
    kept = slice(0, int(arrived[0]) + 1 if len(arrived) else None)
    return np.stack([path.x[kept], path.y[kept]], axis=1)


# ---------------------------------------------------------------------------------------------------------------------


def _sheet(scene: Scene, made: Raced, done: float) -> Sheet:
    best = [each.best for each in made.entrants]
    finishers = [(each, found[0]) for each, found in zip(made.entrants, best, strict=True) if found]
    plots = [_sensitivity(scene, made)]
    if done == 1.0 and finishers:
        plots.append(_run_off(scene, finishers, "Each at its best rate", (1, 0, 1, 1)))
        together = [(each, made.common) for each in made.entrants]
        plots.append(_run_off(scene, together, f"All at the rate {made.common:.3g}", (1, 1, 1, 1)))
    else:
        plots[0] = plots[0]._replace(cell=(0, 0, 2, 2))
    return Sheet(tuple(plots), _caption(scene, made, done), columns=(1.15, 1.0), rows=(1.0, 1.0), done=done)


def _sensitivity(scene: Scene, made: Raced) -> Plot:
    axis = swept(scene, own_runs(scene)[0])[0]
    x = sides.shown(scene, own_runs(scene)[0], axis)
    steps = np.concatenate([each.steps for each in made.entrants])
    steps = steps[np.isfinite(steps)]
    low, high = (float(steps.min()), float(steps.max())) if len(steps) else (1.0, float(scene.steps))
    y = Axis(f"steps to a loss of {scene.chart.target:g}", max(low / 1.6, 0.5), high * 1.6, log=True)
    curves = []
    for each in made.entrants:
        colour, dash = _ink(scene, each)
        curves.append(Curve(each.rates, each.steps, each.label, colour, dash, 2.0))
        if each.best:
            curves.append(Curve(*(np.array([side]) for side in each.best), "", colour, width=5.0, dots=True))
    marks = () if made.common is None else (Mark("common", x=made.common),)
    return Plot("Steps over the learning rate", x, y, (0, 0, 1, 2), curves=tuple(curves), marks=marks, pick=True)


def _run_off(scene: Scene, runners: list[tuple[Entrant, float]], title: str, cell: tuple[int, int, int, int]) -> Plot:
    """The loss of each over its steps."""
    curves, low, high, last = [], np.inf, scene.chart.target, 2.0
    for each, rate in runners:
        loss = _path(scene, each, rate).loss
        with np.errstate(invalid="ignore"):
            arrived = np.flatnonzero(loss <= scene.chart.target)
        count = int(arrived[0]) + 1 if len(arrived) else len(loss)
        kept = np.unique(np.rint(np.geomspace(1, count, 600)).astype(int)) - 1
        seen = np.where(np.isfinite(loss[kept]) & (loss[kept] > 0), loss[kept], np.nan)
        colour, dash = _ink(scene, each)
        curves.append(Curve(kept + 1.0, seen, each.label, colour, dash, 2.0))
        last = max(last, float(count))
        if np.isfinite(seen).any():
            low, high = min(low, float(np.nanmin(seen))), max(high, float(np.nanmax(seen[: len(seen) // 2 + 1])))
    y = Axis("loss", min(low, scene.chart.target) / 2, high * 2, log=True)
    return Plot(title, Axis("step", 1.0, last * 1.1, log=True), y, cell, curves=tuple(curves),
                marks=(Mark("target", y=scene.chart.target),))  # fmt: skip


def _ink(scene: Scene, entrant: Entrant) -> tuple[str, tuple[float, ...]]:
    colour, dash = STYLES[entrant.run % len(STYLES)]
    return scene.runs[entrant.run].colour or colour, dash


def _caption(scene: Scene, made: Raced, done: float) -> str:
    count = len(made.entrants[0].rates)
    text = f"Each has {count} trials of {scene.steps} steps."
    ranked = sorted((each for each in made.entrants if each.best), key=lambda each: each.best[1])
    if not ranked:
        return f"{text} None reaches a loss of {scene.chart.target:g}."
    places = [f"{each.label} {each.best[1]:.0f} at {each.best[0]:.3g}" for each in ranked]
    lost = [each.label for each in made.entrants if not each.best]
    text += f" Fewest steps: {'; '.join(places)}{'; not at all: ' + ', '.join(lost) if lost else ''}."
    return " ".join([text, *(_compared(scene, made, pair) for pair in _told(made))]) if done == 1.0 else text


MOST_TOLD = 2


def _told(made: Raced) -> list[Pair]:
    """The pairs whose paths are most alike."""
    known = [pair for pair in made.pairs if pair.distance is not None]
    return sorted(known, key=lambda pair: pair.distance)[:MOST_TOLD]


def _compared(scene: Scene, made: Raced, pair: Pair) -> str:
    a, b = (scene.labels[run] for run in (pair.a, pair.b))
    size = np.ptp(_road(scene, next(each for each in made.entrants if each.run == pair.b), made.common), axis=0).max()
    alike = "almost the same path" if pair.distance < SAME * size else "another path"
    return (
        f"At the rate {made.common:.3g}, {a} with {pair.clock:.3g} times that rate keeps pace with {b}, on {alike} "
        f"(distance {pair.distance:.2g})."
    )


def picked(scene: Scene, made: Sheet, where: dict[str, Any]) -> tuple[Scene, str]:
    """All entrants as paths, at the rate under the pointer."""
    plot = made.plots[0]
    rate = float(np.clip(float(where["x"]), plot.x.low, plot.x.high)) if int(where.get("plot", 0)) == 0 else None
    runs = tuple(run if run.named or rate is None else replace(run, learning_rate=rate) for run in scene.runs)
    said = "The entrants as paths" + ("." if rate is None else f", all at the rate {rate:.3g}.")
    return replace(scene, chart=None, starts=scene.points[:1], runs=runs), said


def data_of(scene: Scene) -> dict[str, Any]:
    """The race's numbers, as `zoomout run --json` gives them."""
    made = race(scene)

    def told(values: np.ndarray) -> list[float | None]:
        return [value if np.isfinite(value) else None for value in values.tolist()]

    entrants = []
    for each in made.entrants:
        rate, steps = each.best or (None, None)
        entrants.append(
            {"label": each.label, "rates": each.rates.tolist(), "steps_to_target": told(each.steps), "best_rate": rate,
             "best_steps": steps}
        )  # fmt: skip
    pairs = [
        {"a": scene.labels[pair.a], "b": scene.labels[pair.b], "distance": pair.distance, "clock": pair.clock,
         "ratio": pair.ratio}
        for pair in made.pairs
    ]  # fmt: skip
    return {"target": scene.chart.target, "common_rate": made.common, "entrants": entrants, "pairs": pairs}
