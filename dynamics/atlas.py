"""A map of runs: two things vary over a grid, one number is kept of each run.

    values[j, i] = statistic(run with x-axis value x_i and y-axis value y_j)

Work goes in chunks (see `dynamics.lanes`), so a map shows progress, stops within a second and needs little more memory
than its values. `along` asks the same of any list of runs, and `value` of one: by the same program, bit for bit the map's.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from dynamics import lanes
from dynamics.lanes import Motion, State
from dynamics.simulate import DTYPES, Run
from dynamics.statistics import STATISTICS, End, wells
from dynamics.varied import Varied
from dynamics.varied import can_vary as can_vary
from landscapes import Landscape

RENORMALISED = 10
"""Tangent vectors are brought back to length 1, and at right angles, every so many steps."""


class Axis(NamedTuple):
    """What varies along a side: a rate, intrinsic (ηλ), a hyperparameter, clip_norm, noise, a knob, or the start's x, y,
    norm, angle or scale."""

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


def atlas(
    landscape: Landscape, run: Run, x: Axis, y: Axis, statistic: str = "final_loss", steps: int = 500,
    size: int | tuple[int, int] = 256, *, start: tuple[float, float] | None = None,
    knobs: Mapping[str, float] | None = None, arithmetic: str = "float32", seed: int = 0, level: float | None = None,
    progress: Callable[[int, int], None] | None = None, cancel: Callable[[], bool] | None = None,
    out: np.ndarray | None = None, chunk: int | None = None, settle: float | None = None,
) -> Atlas:  # fmt: skip
    """One number for each run of a grid of `size` (columns, rows).

    Main arguments: `landscape`, `run`, the axes `x` and `y`, `statistic` (a name in STATISTICS), `steps`, `size`.
    Other arguments: `start` and `knobs` where no axis says otherwise; `arithmetic`; `seed` of the noise; `level`, the
    loss that counts as converged; `progress(done, total)`; `cancel()`, asked between chunks, ends with `Cancelled`;
    `out`, an array (a memory-mapped one, say) to fill; `chunk`, a number of lanes at a time (a multiple of 128 for every
    device), where grids of several sizes should share one compiled program; `settle`: each run is followed for
    settle/(ηλ) steps, at least `steps` (see `dynamics.varied`).
    """
    columns, rows = (size, size) if isinstance(size, int) else size
    across, up = x.values(columns), y.values(rows)
    runs = _asked(landscape, run, (x.name, y.name), statistic, steps, start, knobs, arithmetic, seed, level, settle)
    flat = np.empty(columns * rows, DTYPES[arithmetic]) if out is None else out.reshape(-1)
    tables = [runs.rounded(axis.name, values) for axis, values in ((x, across), (y, up))]

    def pixels(numbers: np.ndarray) -> dict[str, np.ndarray]:
        inside = np.minimum(numbers, np.uint32(columns * rows - 1))
        row = inside // np.uint32(columns)
        return runs.lanes(numbers, (tables[0][inside - row * np.uint32(columns)], tables[1][row]))

    _answer(flat, runs, statistic, pixels, steps, progress, cancel, chunk)
    return Atlas(flat.reshape(rows, columns), across, up, (x, y), statistic)


def along(
    landscape: Landscape, run: Run, varied: Mapping[str, np.ndarray], statistic: str = "final_loss", steps: int = 500, *,
    start: tuple[float, float] | None = None, knobs: Mapping[str, float] | None = None, arithmetic: str = "float32",
    seed: int = 0, level: float | None = None, first: int = 0, chunk: int | None = None,
    progress: Callable[[int, int], None] | None = None, cancel: Callable[[], bool] | None = None,
    settle: float | None = None,
) -> np.ndarray:  # fmt: skip
    """The statistic of N runs, (N,): `varied` names what differs between them, arrays (N,).

    `first` is the first run's number, for its noise; the other arguments are an atlas's.
    """
    runs = _asked(landscape, run, tuple(varied), statistic, steps, start, knobs, arithmetic, seed, level, settle)
    count, made = runs.one_by_one(varied, first)
    values = np.empty(count, DTYPES[arithmetic])
    _answer(values, runs, statistic, made, steps, progress, cancel, chunk)
    return values


def value(
    landscape: Landscape, run: Run, at: Mapping[str, float], statistic: str = "final_loss", steps: int = 500, *,
    lane: int = 0, **rest: Any,
) -> float:  # fmt: skip
    """The statistic of one run: `at` names what varies and its value; `lane` is the pixel's number, for its noise."""
    varied = {name: np.array([v], float) for name, v in at.items()}
    return float(along(landscape, run, varied, statistic, steps, first=lane, **rest)[0])


def refined(coarsest: int = 64, **arguments: Any) -> Iterator[Atlas]:
    """The same map in finer and finer grids, each twice the one before: something to look at while the rest is computed."""
    size = arguments.pop("size", 512)
    steps = [s for s in (coarsest << k for k in range(16)) if s < size]
    for s in [*steps, size]:
        yield atlas(size=s, **arguments)


# ---------------------------------------------------------------------------------------------------------------------
# From a question to lanes


def _asked(
    landscape: Landscape, run: Run, names: tuple[str, ...], statistic: str, steps: int, start: Any, knobs: Any,
    arithmetic: str, seed: int, level: float | None, settle: float | None,
) -> Varied:  # fmt: skip
    """The runs that are asked, and beside what they share what some statistics compare with."""
    if statistic not in STATISTICS:
        raise ValueError(f"There is no statistic called {statistic[:40]!r}; there are {', '.join(STATISTICS)}.")
    runs = Varied(landscape, run, names, steps, start, knobs, arithmetic, seed, settle)
    (x, y), dtype, places = runs.start, runs.swarm.dtype, wells(landscape, knobs)
    lowest = float(np.min(landscape.loss(places[:, 0], places[:, 1], knobs)))
    begun = float(landscape.loss(np.array([x]), np.array([y]), knobs)[0])
    reach = lowest + 1e-3 * abs(begun - lowest) if level is None else level
    far = 1e6 * max(1.0, np.hypot(x, y))
    runs.swarm.shared.update(level=dtype(reach), far=dtype(far), wells=places.astype(dtype))
    return runs


def _answer(
    values: np.ndarray, runs: Varied, statistic: str, made: Any, steps: int, progress: Any, cancel: Any, chunk: Any = None
) -> None:
    """Fills `values`, one number a lane."""
    swarm = runs.swarm
    program = lambda over: _program(swarm.program, statistic, over)  # noqa: E731
    for first, end, rows in lanes.Work(program, swarm.shared, made, len(values), steps, progress, cancel, chunk).in_chunks():
        values[first:end] = rows.reshape(-1)[: end - first]


# ---------------------------------------------------------------------------------------------------------------------
# The program


@lru_cache(maxsize=64)
def _program(program: tuple[Any, ...], name: str, over: Mesh) -> Any:
    statistic = STATISTICS[name]

    def per_block(shared: Any, lane: Any) -> Any:
        motion = Motion(program, shared, lane)
        state = motion.begin()
        seen = statistic.begin(motion, state)
        if statistic.tangents:
            state, seen, exponent = _with_tangents(motion, statistic, state, seen)
        else:
            state, seen = jax.lax.fori_loop(
                0, jnp.max(motion.steps), lambda t, carry: _seen(motion, statistic, carry, t), (state, seen)
            )
            exponent = None
        return statistic.read(End(motion, state, seen, exponent, motion.steps))

    return lanes.sharded(per_block, over)


def _seen(motion: Motion, statistic: Any, carry: Any, t: Any) -> Any:
    state, seen = carry
    after = motion.step(state, t)
    return _while_followed(motion, t, (after, statistic.see(seen, motion, after, t)), carry)


def _while_followed(motion: Motion, t: Any, after: Any, before: Any) -> Any:
    """What is after the step where a lane is still followed, and stays as it was where its last step is made."""
    if motion.steps.ndim == 0:
        return after
    return jax.tree.map(lambda new, old: jnp.where(t < motion.steps, new, old), after, before)


def _with_tangents(motion: Motion, statistic: Any, state: State, seen: Any) -> Any:
    """The run with one or two small errors beside it; the length or area they span is read off every few steps."""
    steps, count = motion.steps, statistic.tangents
    last = jnp.max(steps)
    real, _ = _real_numbers(state)
    directions = ((0.6, 0.8), (-0.8, 0.6))[:count]
    tangents = [
        [jnp.full_like(leaf, size) for leaf, size in zip(real, direction, strict=False)]
        + [jnp.zeros_like(leaf) for leaf in real[2:]]
        for direction in directions
    ]

    def one(t: Any, carry: Any) -> Any:
        state, tangents, seen = carry
        real, rebuild = _real_numbers(state)

        def move(*numbers: Any) -> Any:
            after = motion.step(rebuild(numbers), t)
            return _real_numbers(after)[0], after

        moved = [jax.jvp(move, tuple(real), tuple(tangent), has_aux=True) for tangent in tangents]
        after = moved[0][2]
        made = after, [list(tangent) for _, tangent, _ in moved], statistic.see(seen, motion, after, t)
        return _while_followed(motion, t, made, carry)

    def round(k: Any, carry: Any) -> Any:
        state, tangents, seen, growth = carry
        first = k * RENORMALISED
        state, tangents, seen = jax.lax.fori_loop(
            first, jnp.minimum(first + RENORMALISED, last), one, (state, tangents, seen)
        )
        tangents, sizes = _orthonormal(tangents)
        return state, tangents, seen, sum(map(jnp.log, sizes), start=growth)

    begun = jnp.log(jnp.hypot(state.x, state.y))
    rounds = (last + RENORMALISED - 1) // RENORMALISED
    state, _, seen, growth = jax.lax.fori_loop(0, rounds, round, (state, tangents, seen, jnp.zeros_like(state.x)))
    if motion.kernel.formula.landscape.scale_invariant:
        growth = growth - count * (jnp.log(jnp.hypot(state.x, state.y)) - begun)
    return state, seen, jnp.where(jnp.isfinite(growth), growth, jnp.nan) / steps.astype(state.x.dtype)


def _orthonormal(tangents: list[list[Any]]) -> tuple[list[list[Any]], list[Any]]:
    """Tangents whose positions have length 1 and are at right angles (Gram, Schmidt), and what they were divided by."""
    done: list[list[Any]] = []
    sizes = []
    for tangent in tangents:
        for other in done:
            shared = other[0] * tangent[0] + other[1] * tangent[1]
            tangent = [leaf - shared * along for leaf, along in zip(tangent, other, strict=True)]
        size = jnp.sqrt(tangent[0] ** 2 + tangent[1] ** 2)
        size = jnp.where(size > 0, size, jnp.finfo(size.dtype).tiny)
        done.append([leaf / size for leaf in tangent])
        sizes.append(size)
    return done, sizes


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
