"""A map of runs: two things vary over a grid, one number is kept of each run.

    values[j, i] = statistic(run with x-axis value x_i and y-axis value y_j)

Work goes in chunks (see `dynamics.lanes`), so a map shows progress, stops within a second and needs little more memory
than its values. `value` computes the number of one pixel by the same program on one lane, bit for bit the map's.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from dynamics import lanes, rules
from dynamics.lanes import Motion, State
from dynamics.simulate import DTYPES, Run
from dynamics.statistics import STATISTICS, End, wells
from landscapes import Landscape

RENORMALISED = 10
"""A tangent vector is brought back to length 1 every so many steps."""


class Axis(NamedTuple):
    """What varies along a side: a rate, a hyperparameter, clip_norm, noise, a knob, or the start's x, y, norm or angle."""

    name: str
    low: float
    high: float
    log: bool = False

    def values(self, count: int) -> np.ndarray:
        """`count` values from low to high, equally spaced (in the logarithm, if so asked)."""
        if count == 1:
            return np.array([self.low])
        return np.geomspace(self.low, self.high, count) if self.log else np.linspace(self.low, self.high, count)


class Atlas(NamedTuple):
    """`values` (rows, columns) over `y` (rows,) and `x` (columns,)."""

    values: np.ndarray
    x: np.ndarray
    y: np.ndarray
    axes: tuple[Axis, Axis]
    statistic: str


START = ("x", "y", "norm", "angle")


def can_vary(landscape: Landscape, run: Run) -> tuple[str, ...]:
    """The names an axis may have."""
    rule = rules.named(run.rule)
    return ("learning_rate", "weight_decay", *rule.knobs, "clip_norm", "noise", *START, *landscape.knob_values)


def atlas(
    landscape: Landscape, run: Run, x: Axis, y: Axis, statistic: str = "final_loss", steps: int = 500,
    size: int | tuple[int, int] = 256, *, start: tuple[float, float] | None = None,
    knobs: Mapping[str, float] | None = None, arithmetic: str = "float32", seed: int = 0, level: float | None = None,
    progress: Callable[[int, int], None] | None = None, cancel: Callable[[], bool] | None = None,
    out: np.ndarray | None = None,
) -> Atlas:  # fmt: skip
    """One number for each run of a grid of `size` (columns, rows).

    Main arguments: `landscape`, `run`, the axes `x` and `y`, `statistic` (a name in STATISTICS), `steps`, `size`.
    Other arguments: `start` and `knobs` where no axis says otherwise; `arithmetic`; `seed` of the noise; `level`, the
    loss that counts as converged; `progress(done, total)`; `cancel()`, asked between chunks, ends with `Cancelled`;
    `out`, an array (a memory-mapped one, say) to fill.
    """
    columns, rows = (size, size) if isinstance(size, int) else size
    across, up = x.values(columns), y.values(rows)
    question = _Question(landscape, run, (x.name, y.name), statistic, steps, start, knobs, arithmetic, seed, level)
    flat = np.empty(columns * rows, DTYPES[arithmetic]) if out is None else out.reshape(-1)

    tables = [question.rounded(axis.name, values) for axis, values in ((x, across), (y, up))]

    def sides(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.minimum(numbers, np.uint32(columns * rows - 1))
        row = numbers // np.uint32(columns)
        return tables[0][numbers - row * np.uint32(columns)], tables[1][row]

    for first, end, values in question.answers(sides, columns * rows, progress, cancel):
        flat[first:end] = values.reshape(-1)[: end - first]
    return Atlas(flat.reshape(rows, columns), across, up, (x, y), statistic)


def value(
    landscape: Landscape, run: Run, at: Mapping[str, float], statistic: str = "final_loss", steps: int = 500, *,
    start: tuple[float, float] | None = None, knobs: Mapping[str, float] | None = None, arithmetic: str = "float32",
    seed: int = 0, level: float | None = None, lane: int = 0,
) -> float:  # fmt: skip
    """The statistic of one run: `at` gives the two axes' names and values; `lane` is the pixel's number, for its noise."""
    question = _Question(landscape, run, tuple(at), statistic, steps, start, knobs, arithmetic, seed, level)
    pair = [question.rounded(name, np.array([v], float)) for name, v in at.items()]
    [(_, _, values)] = question.answers(lambda numbers: tuple(np.repeat(v, len(numbers)) for v in pair), 1, lane=lane)
    return float(values.reshape(-1)[0])


def refined(coarsest: int = 64, **arguments: Any) -> Iterator[Atlas]:
    """The same map in finer and finer grids, each twice the one before: something to look at while the rest is computed."""
    size = arguments.pop("size", 512)
    steps = [s for s in (coarsest << k for k in range(16)) if s < size]
    for s in [*steps, size]:
        yield atlas(size=s, **arguments)


# ---------------------------------------------------------------------------------------------------------------------
# From axes to lanes


class _Question:
    """Everything but the grid: what is asked of which run."""

    def __init__(self, landscape, run, names, statistic, steps, start, knobs, arithmetic, seed, level):  # noqa: ANN001
        known = can_vary(landscape, run)
        for name in names:
            if name not in known:
                raise ValueError(f"An axis cannot be {name[:40]!r}; it is one of {', '.join(known)}.")
        if len(set(names)) < len(names):
            raise ValueError(f"Both axes are {names[0]}; choose two different ones.")
        if statistic not in STATISTICS:
            raise ValueError(f"There is no statistic called {statistic[:40]!r}; there are {', '.join(STATISTICS)}.")
        self.names, self.statistic, self.steps = names, statistic, steps
        self.start = tuple(map(float, start or landscape.start))
        varied = tuple(n for n in names if n not in START)
        rates = tuple(n for n in ("learning_rate", "weight_decay") if n not in varied and _constant(getattr(run, n)))
        self.fixed = {n: float(getattr(run, n)) for n in rates}
        self.swarm = lanes.swarm(landscape, run, steps, (*varied, *rates), knobs, arithmetic, seed)
        self.swarm.shared.update(self._marks(landscape, knobs, level))

    def _marks(self, landscape: Landscape, knobs: Any, level: float | None) -> dict[str, Any]:
        """The start that lanes share, and what some statistics compare with."""
        places, dtype = wells(landscape, knobs), self.swarm.dtype
        lowest = float(np.min(landscape.loss(places[:, 0], places[:, 1], knobs)))
        first = float(landscape.loss(np.array([self.start[0]]), np.array([self.start[1]]), knobs)[0])
        reach = lowest + 1e-3 * abs(first - lowest) if level is None else level
        far = 1e6 * max(1.0, np.hypot(*self.start))
        start = {"x": dtype(self.start[0]), "y": dtype(self.start[1])}
        return start | {"level": dtype(reach), "far": dtype(far), "wells": places.astype(dtype)}

    def answers(self, sides, total, progress=None, cancel=None, lane=0):  # noqa: ANN001, ANN201
        program = lambda over: _program(self.swarm.program, self.statistic, over)  # noqa: E731
        work = lanes.Work(
            program, self.swarm.shared, lambda numbers: self._lanes(numbers, sides(numbers), lane), total, self.steps,
            progress, cancel,
        )  # fmt: skip
        return work.in_chunks()

    def rounded(self, name: str, values: np.ndarray) -> np.ndarray:
        """An axis's values as the lanes hold them; what a start is made of is rounded later."""
        return values if name in START else values.astype(self.swarm.dtype)

    def _lanes(self, numbers: np.ndarray, sides: tuple[np.ndarray, ...], lane: int) -> dict[str, np.ndarray]:
        dtype, count = self.swarm.dtype, len(numbers)
        given = {n: np.full(count, v, dtype) for n, v in self.fixed.items()} | dict(zip(self.names, sides, strict=True))
        x, y = given.pop("x", self.start[0]), given.pop("y", self.start[1])
        norm, angle = given.pop("norm", np.hypot(x, y)), given.pop("angle", None)
        if angle is not None:
            x, y = norm * np.cos(angle), norm * np.sin(angle)
        elif "norm" in self.names:
            x, y = x / np.hypot(x, y) * norm, y / np.hypot(x, y) * norm
        starts = {n: a.astype(dtype) for n, a in (("x", x), ("y", y)) if np.ndim(a)}
        return given | starts | {"index": numbers + np.uint32(lane)}


def _constant(rate: Any) -> bool:
    return isinstance(rate, (int, float))


# ---------------------------------------------------------------------------------------------------------------------
# The program


@lru_cache(maxsize=64)
def _program(program: tuple[Any, ...], name: str, over: Mesh) -> Any:
    statistic = STATISTICS[name]

    def per_block(shared: Any, lane: Any) -> Any:
        motion = Motion(program, shared, lane)
        state = motion.begin()
        seen = statistic.begin(motion, state)
        if statistic.tangent:
            state, seen, exponent = _with_tangent(motion, statistic, state, seen)
        else:
            state, seen = jax.lax.fori_loop(
                0, shared["steps"], lambda t, carry: _seen(motion, statistic, carry, t), (state, seen)
            )
            exponent = None
        return statistic.read(End(motion, state, seen, exponent, shared["steps"]))

    return lanes.sharded(per_block, over)


def _seen(motion: Motion, statistic: Any, carry: Any, t: Any) -> Any:
    state, seen = carry
    state = motion.step(state, t)
    return state, statistic.see(seen, motion, state, t)


def _with_tangent(motion: Motion, statistic: Any, state: State, seen: Any) -> Any:
    """The run with a small error beside it, whose length is read off and put back to 1 every few steps."""
    steps = motion.shared["steps"]
    real, rebuild = _real_numbers(state)
    tangent = [jnp.full_like(leaf, size) for leaf, size in zip(real, (0.6, 0.8), strict=False)]
    tangent += [jnp.zeros_like(leaf) for leaf in real[2:]]

    def one(t: Any, carry: Any) -> Any:
        state, tangent, seen = carry
        real, rebuild = _real_numbers(state)

        def move(*numbers: Any) -> Any:
            after = motion.step(rebuild(numbers), t)
            return _real_numbers(after)[0], after

        _, tangent, after = jax.jvp(move, tuple(real), tuple(tangent), has_aux=True)
        return after, tangent, statistic.see(seen, motion, after, t)

    def round(k: Any, carry: Any) -> Any:
        state, tangent, seen, growth = carry
        first = k * RENORMALISED
        state, tangent, seen = jax.lax.fori_loop(
            first, jnp.minimum(first + RENORMALISED, steps), one, (state, tangent, seen)
        )
        length = jnp.sqrt(tangent[0] ** 2 + tangent[1] ** 2)
        length = jnp.where(length > 0, length, jnp.finfo(length.dtype).tiny)
        return state, [leaf / length for leaf in tangent], seen, growth + jnp.log(length)

    begun = jnp.log(jnp.hypot(state.x, state.y))
    rounds = (steps + RENORMALISED - 1) // RENORMALISED
    state, _, seen, growth = jax.lax.fori_loop(0, rounds, round, (state, tangent, seen, jnp.zeros_like(state.x)))
    if motion.kernel.formula.landscape.scale_invariant:
        growth = growth - jnp.log(jnp.hypot(state.x, state.y)) + begun
    return state, seen, jnp.where(jnp.isfinite(growth), growth, jnp.nan) / steps.astype(state.x.dtype)


def _real_numbers(state: State) -> tuple[list[Any], Callable[[Any], State]]:
    """The state's real numbers, position first, and the way back."""
    leaves, tree = jax.tree.flatten(state)
    real = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def rebuild(numbers: Any) -> State:
        out = list(leaves)
        for place, leaf in zip(real, numbers, strict=True):
            out[place] = leaf
        return jax.tree.unflatten(tree, out)

    return [leaves[i] for i in real], rebuild
