"""Where many runs go in the end: the last states of each, for orbit diagrams and portraits.

    states[i, k, j] = what is watched (j) of run i after t = steps + 1 - kept + k updates

The engine records positions alone, as one array a block; what is watched of them is read off outside of it.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from dynamics import lanes
from dynamics.lanes import Motion
from dynamics.simulate import Run
from dynamics.varied import Varied
from landscapes import Landscape

RECORDING = 8
"""a recorded state counts as so many steps of work, so that a chunk's record stays within tens of megabytes"""


class Watched(NamedTuple):
    """`read(x, y, loss)` -> an array of the shape of x and y; loss(x, y) is the landscape's."""

    title: str
    unit: str
    sentence: str
    read: Callable[[Any, Any, Callable[[Any, Any], Any]], Any]


WATCHED: dict[str, Watched] = {}


def watched(title: str, unit: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(read: Callable[..., Any]) -> Callable[..., Any]:
        WATCHED[read.__name__] = Watched(title, unit, read.__doc__ or "", read)
        return read

    return add


@watched("Angle", "rad")
def angle(x: Any, y: Any, loss: Any) -> Any:
    """θ = atan2(y, x) in [-π, π]."""
    return np.arctan2(y, x)


@watched("Logarithm of the norm")
def log_norm(x: Any, y: Any, loss: Any) -> Any:
    """ln ‖w‖."""
    return np.log(np.hypot(x, y))


@watched("Logarithm of |x|")
def log_x(x: Any, y: Any, loss: Any) -> Any:
    """ln |x|, which keeps its relative accuracy next to the axis."""
    return np.log(np.abs(x))


@watched("Logarithm of |y|")
def log_y(x: Any, y: Any, loss: Any) -> Any:
    """ln |y|, which keeps its relative accuracy next to the axis."""
    return np.log(np.abs(y))


@watched("Loss")
def loss(x: Any, y: Any, loss: Any) -> Any:
    """L(w)."""
    return loss(x, y)


@watched("Logarithm of the loss")
def log_loss(x: Any, y: Any, loss: Any) -> Any:
    """ln L(w); without a value where the loss is negative."""
    return np.log(loss(x, y))


def orbits(
    landscape: Landscape, run: Run, varied: Mapping[str, np.ndarray], steps: int, kept: int,
    watched: tuple[str, ...] = ("angle",), *, start: tuple[float, float] | None = None,
    knobs: Mapping[str, float] | None = None, arithmetic: str = "float64", seed: int = 0,
    progress: Callable[[int, int], None] | None = None, cancel: Callable[[], bool] | None = None,
    chunk: int | None = None,
) -> np.ndarray:  # fmt: skip
    """The last `kept` of the steps + 1 states of N runs: an array (N, kept, len(watched)).

    Main arguments: `landscape`, `run`, `varied` (arrays (N,) of whatever an atlas's axis may be), `steps`, `kept`,
    `watched` (names in WATCHED). Other arguments: `start` and `knobs` where `varied` does not say otherwise;
    `arithmetic`; `seed` of the noise; `progress(done, total)`; `cancel()`, asked between chunks, ends with `Cancelled`;
    `chunk`, a number of lanes at a time, where calls with several N should share one compiled program.
    """
    if not 1 <= kept <= steps + 1:
        raise ValueError(f"Of {steps} steps between 1 and {steps + 1} states can be kept; {kept} were asked for.")
    for name in watched:
        if name not in WATCHED:
            raise ValueError(f"Nothing called {name[:40]!r} can be watched; there are {', '.join(WATCHED)}.")
    made = Varied(landscape, run, tuple(varied), steps, start, knobs, arithmetic, seed)
    count, lane = made.one_by_one(varied)
    program = lambda over: _program(made.swarm.program, kept, over)  # noqa: E731
    effort = steps + RECORDING * kept
    states = np.empty((count, kept, len(watched)), made.swarm.dtype)
    for first, end, rows in lanes.Work(program, made.swarm.shared, lane, count, effort, progress, cancel, chunk).in_chunks():
        x, y = rows.transpose(2, 0, 3, 1).reshape(2, -1, kept)[:, : end - first]
        own = {n: np.asarray(varied[n][first:end], float)[:, None] for n in varied if n in landscape.knob_values}
        here = lambda x, y, own=own: landscape.loss(x, y, {**(knobs or {}), **own})  # noqa: E731
        with np.errstate(all="ignore"):
            for j, name in enumerate(watched):
                states[first:end, :, j] = WATCHED[name].read(x, y, here)
    return states


@lru_cache(maxsize=32)
def _program(program: tuple[Any, ...], kept: int, over: Mesh) -> Any:
    """Per block one row (kept, 2, lanes): x and y of the last states."""

    def per_block(shared: Any, lane: Any) -> Any:
        motion = Motion(program, shared, lane)
        first = shared["steps"] + 1 - kept
        state = jax.lax.fori_loop(0, first, lambda t, state: motion.step(state, t), motion.begin())

        def watch(k: Any, carry: Any) -> Any:
            state, record = carry
            state = motion.step(state, first + k - 1)
            return state, record.at[k].set(jnp.stack([state.x, state.y]))

        record = jnp.zeros((kept, 2, *state.x.shape), state.x.dtype).at[0].set(jnp.stack([state.x, state.y]))
        return jax.lax.fori_loop(1, kept, watch, (state, record))[1]

    return lanes.sharded(per_block, over)
