"""Many particles under noise: where they are is a histogram of angles that changes with time.

    g = ∇L + σ ξ             isotropic noise, ξ two standard normal numbers
    g = (f' + σ ξ)/r · t     tangential noise: that of batches whose losses all ignore length, t the tangent

Weight decay and noise hold a balance: cos dθ = 1 - ηλ on average, so that a particle turns by √(2ηλ) a step and its norm
settles at √(ησ/√(2ηλ)). In slow noise the angle then walks like a particle in the potential f at a temperature, and
its histogram settles on Gibbs's law, whatever it began with (Li, Lyu, Arora 2020; Wan et al. 2021).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from dynamics import lanes, noise
from dynamics.lanes import Motion, State
from dynamics.simulate import Run
from landscapes import Landscape

MOMENTS = 3


class Ensemble(NamedTuple):
    """What is kept of N particles at `times` (K,), t after so many steps."""

    times: np.ndarray
    counts: np.ndarray
    """(K, bins): how many particles have an angle in each of the equal parts of [-π, π)"""
    mean_log_norm: np.ndarray
    mean_square_norm: np.ndarray
    mean_square_turn: np.ndarray
    """of the angle turned in the last step before each time, in radians²"""
    final: np.ndarray
    """(N, 2): the particles' last positions, in the order of their numbers"""

    @property
    def density(self) -> np.ndarray:
        """(K, bins), of integral 1 over the circle."""
        return self.counts / self.counts.sum(axis=1, keepdims=True) * (self.counts.shape[1] / (2 * np.pi))

    @property
    def edges(self) -> np.ndarray:
        return np.linspace(-np.pi, np.pi, self.counts.shape[1] + 1)


def ensemble(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], particles: int = 100_000, steps: int = 10_000,
    *, snapshots: int = 100, bins: int = 256, tangential: bool = False, knobs: Mapping[str, float] | None = None,
    arithmetic: str = "float32", seed: int = 0,
    progress: Callable[[int, int], None] | None = None, cancel: Callable[[], bool] | None = None,
) -> Ensemble:  # fmt: skip
    """Particles that begin at `starts` in turn, watched at 0 and after each of `snapshots` equal parts of `steps`.

    Main arguments: `landscape`, `run` (its `noise` is σ), `starts`, `particles`, `steps`.
    Other arguments: `snapshots` (a divisor of `steps`), `bins`; `tangential` noise instead of isotropic; `seed`: the
    same seed gives the same particles, bit for bit, however the work is spread. `progress` and `cancel` as for an atlas.
    """
    if steps % snapshots:
        raise ValueError(f"{steps} steps cannot be cut in {snapshots} equal parts; take a divisor.")
    if tangential and not landscape.scale_invariant:
        raise ValueError("Tangential noise needs a loss that ignores the length of its weights.")
    swarm = lanes.swarm(landscape, run, steps, (), knobs, arithmetic, seed, tangential)
    swarm.shared["stride"] = np.int32(steps // snapshots)
    swarm.shared["particles"] = np.uint32(particles)
    sums = np.zeros((snapshots + 1, bins + MOMENTS))
    final = np.empty((particles, 2), swarm.dtype)
    program = lambda over: _program(swarm.program, snapshots, bins, over)  # noqa: E731
    work = lanes.Work(program, swarm.shared, in_turn(starts, swarm.dtype), particles, steps, progress, cancel)
    for first, end, rows in work.in_chunks():
        watched, places = rows[:, : sums.size], rows[:, sums.size :]
        for row in watched:  # block by block, so that the order of the sums does not depend on the chunks
            sums += row.reshape(sums.shape)
        width = places.shape[1] // 2
        both = places.reshape(-1, 2, width).transpose(0, 2, 1).reshape(-1, 2)
        final[first:end] = both[: end - first]
    moments = sums[:, bins:] / particles
    times = np.arange(snapshots + 1) * (steps // snapshots)
    return Ensemble(times, sums[:, :bins].astype(np.int64), *moments.T, final)


def in_turn(starts: Sequence[tuple[float, float]], dtype: Any) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The lanes of particles that begin at `starts`, one after the other and then from the first again."""
    points = np.asarray(starts, dtype).reshape(-1, 2)

    def begin(numbers: np.ndarray) -> dict[str, np.ndarray]:
        x, y = points[numbers % len(points)].T
        return {"x": np.ascontiguousarray(x), "y": np.ascontiguousarray(y), "index": numbers}

    return begin


@lru_cache(maxsize=32)
def _program(program: tuple[Any, ...], snapshots: int, bins: int, over: Mesh) -> Any:
    """Per block one row: histograms and moments of every time, then the last x and y."""

    def per_block(shared: Any, lane: Any) -> Any:
        motion = Motion(program, shared, lane)
        counted = lane["index"] < shared["particles"]
        stride = shared["stride"]

        def watch(state: State, turn: Any) -> Any:
            x, y = state.x, state.y
            place = ((noise.angle(x, y) / (2 * jnp.pi) + 0.5) * bins).astype(jnp.int32) % bins
            counts = jnp.zeros(bins, x.dtype).at[place].add(counted.astype(x.dtype))
            squared = x * x + y * y
            moments = [jnp.log(squared) / 2, squared, turn * turn]
            return jnp.concatenate([counts, jnp.stack([jnp.sum(jnp.where(counted, m, 0)) for m in moments])])

        def part(k: Any, carry: Any) -> Any:
            state, record = carry
            before = jax.lax.fori_loop(k * stride, (k + 1) * stride - 1, lambda t, s: motion.step(s, t), state)
            state = motion.step(before, (k + 1) * stride - 1)
            cross, dot = before.x * state.y - before.y * state.x, before.x * state.x + before.y * state.y
            return state, record.at[k + 1].set(watch(state, noise.angle(dot, cross)))

        state = motion.begin()
        record = jnp.zeros((snapshots + 1, bins + MOMENTS), state.x.dtype).at[0].set(watch(state, 0 * state.x))
        state, record = jax.lax.fori_loop(0, snapshots, part, (state, record))
        return jnp.concatenate([record.ravel(), state.x, state.y])

    return lanes.sharded(per_block, over)


# ---------------------------------------------------------------------------------------------------------------------
# What histograms say


def distance(counts: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Σ |p - q| of two histograms (or rows of them): 0 the same, 2 disjoint."""
    p, q = (np.asarray(c, float) / np.sum(c, axis=-1, keepdims=True) for c in (counts, others))
    return np.abs(p - q).sum(axis=-1)


def distance_floor(law: np.ndarray, first: int, second: int | None = None) -> float:
    """The distance to expect between samples of one law: of sizes `first` and `second`, or of one sample and the law itself.

    A bin's difference is nearly normal with variance p(1-p)(1/n + 1/m), and E|z| = √(2/π) of its standard deviation.
    """
    p = np.asarray(law, float) / np.sum(law)
    share = 1 / first + (1 / second if second else 0.0)
    return float(np.sqrt(2 / np.pi * p * (1 - p) * share).sum())


def gibbs(landscape: Landscape, sigma: float, eta: float, lam: float, bins: int = 256, knobs: Any = None) -> np.ndarray:
    """The share of each bin under p(θ) ∝ exp(-√2 f(θ) / (σ √(ηλ))): where tangential noise holds slow particles."""
    fine = 16
    angle = -np.pi + (np.arange(bins * fine) + 0.5) * 2 * np.pi / (bins * fine)
    f = landscape.loss(np.cos(angle), np.sin(angle), knobs)
    weight = np.exp(-np.sqrt(2) * (f - f.min()) / (sigma * np.sqrt(eta * lam)))
    return weight.reshape(bins, fine).sum(axis=1) / weight.sum()


def equilibrium_norm(sigma: float, eta: float, lam: float) -> float:
    """√(ησ/√(2ηλ)): the norm at which tangential noise and decay balance."""
    return float(np.sqrt(eta * sigma / np.sqrt(2 * eta * lam)))


def equilibrium_turn(eta: float, lam: float, momentum: float = 0.0) -> float:
    """√(2ηλ/(1+γ)): the angle turned per step at equilibrium, near arccos(1-ηλ) without momentum (Wan et al. 2021)."""
    return float(np.sqrt(2 * eta * lam / (1 + momentum)))


def mixing_time(made: Ensemble, law: np.ndarray | Ensemble, slack: float = 1.25) -> int | None:
    """The first watched step at which the distance to a law, or to another ensemble, is at most slack · its floor.

    None where there is none. It is O(1/(ηλ)) where noise crosses the barriers easily, and longer by about
    exp(barrier / temperature) where it does not: at fixed σ the temperature σ√(ηλ/2) falls with ηλ.
    """
    size = int(made.counts[0].sum())
    other = law.counts if isinstance(law, Ensemble) else np.asarray(law, float)
    second = int(law.counts[0].sum()) if isinstance(law, Ensemble) else None
    floor = distance_floor(other[-1] if other.ndim == 2 else other, size, second)
    near = distance(made.counts, other) <= slack * floor
    return int(made.times[np.argmax(near)]) if near.any() else None
