"""Where many particles are at given times: how far they wander, and what the average of their weights is worth.

    E‖w_T - w_{T+Δ}‖² = 2 tr Σ (1 - (1 - ηh)^Δ)     on a quadratic, summed over its curvatures h
    Σ = ησ²/(h(2 - ηh))                             the stationary variance along one of them

Within one well the average of several iterates lies nearer to the bottom than each; between two wells lies a hill
(Z. Li, K. Lyu, S. Arora 2020, arXiv:2010.02916, sections 3 and 6; averaging: P. Izmailov et al. 2018, arXiv:1803.05407).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from dynamics import lanes
from dynamics.ensemble import in_turn
from dynamics.lanes import Motion
from dynamics.schedules import Constant, schedule
from dynamics.simulate import Run
from landscapes import Landscape, eigenvalues

Points = np.ndarray
"""shape (..., 2)"""


def positions(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], particles: int, times: Sequence[int],
    *, tangential: bool = False, knobs: Mapping[str, float] | None = None, arithmetic: str = "float32", seed: int = 0,
    progress: Callable[[int, int], None] | None = None, cancel: Callable[[], bool] | None = None,
) -> Points:  # fmt: skip
    """w_t of every particle at `times` (K increasing numbers of steps); shape (K, particles, 2).

    Particles begin at `starts` in turn and see the noise of `dynamics.ensemble`: the same seed, the same particles.
    """
    moments = np.asarray(times, np.int32)
    if moments.ndim != 1 or not len(moments) or moments[0] < 0 or np.any(np.diff(moments) <= 0):
        raise ValueError("Times are numbers of steps that increase, the first of at least 0.")
    swarm = lanes.swarm(landscape, run, int(moments[-1]), (), knobs, arithmetic, seed, tangential)
    swarm.shared["times"] = moments
    found = np.empty((len(moments), particles, 2), swarm.dtype)
    program = lambda over: _program(swarm.program, len(moments), over)  # noqa: E731
    begin, steps = in_turn(starts, swarm.dtype), max(int(moments[-1]), 1)
    work = lanes.Work(program, swarm.shared, begin, particles, steps, progress, cancel)
    for first, end, rows in work.in_chunks():  # one row per block: times, coordinates, lanes
        both = rows.transpose(1, 0, 3, 2).reshape(len(moments), -1, 2)
        found[:, first:end] = both[:, : end - first]
    return found


@lru_cache(maxsize=32)
def _program(program: tuple[Any, ...], count: int, over: Mesh) -> Any:
    def per_block(shared: Any, lane: Any) -> Any:
        motion, times = Motion(program, shared, lane), shared["times"]

        def part(k: Any, carry: Any) -> Any:
            state, record = carry
            since = jnp.where(k > 0, times[k - 1], 0)
            state = jax.lax.fori_loop(since, times[k], lambda t, s: motion.step(s, t), state)
            return state, record.at[k].set(jnp.stack([state.x, state.y]))

        state = motion.begin()
        record = jnp.zeros((count, 2, *state.x.shape), state.x.dtype)
        return jax.lax.fori_loop(0, count, part, (state, record))[1]

    return lanes.sharded(per_block, over)


# ---------------------------------------------------------------------------------------------------------------------
# How far they wander


def separation(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], particles: int, settled: int,
    lags: Sequence[int], **how: Any,
) -> np.ndarray:  # fmt: skip
    """E‖w_T - w_{T+Δ}‖² over the `lags` Δ, T = `settled`, in squared units of the weights. `how` as for `positions`."""
    there = positions(landscape, run, starts, particles, [settled, *(settled + np.asarray(lags))], **how).astype(float)
    return np.mean(np.sum((there[1:] - there[0]) ** 2, axis=2), axis=1)


def stationary_variance(h: Any, eta: float, sigma: float) -> np.ndarray:
    """ησ²/(h(2 - ηh)): of gradient descent with noise σ on h x²/2, where 0 < ηh < 2.

    With batches of B, σ² ∝ 1/B. Doubling η and B multiplies it by (2 - ηh)/(2 - 2ηh): linear scaling holds for small ηh.
    """
    h = np.asarray(h, float)
    return eta * sigma**2 / (h * (2 - eta * h))


def ornstein_uhlenbeck(h: Sequence[float], eta: float, sigma: float, lags: Sequence[int]) -> np.ndarray:
    """Σ_i 2 Σ_i (1 - (1 - ηh_i)^Δ) over the lags Δ: the separation at equilibrium on a quadratic of curvatures h_i < 1/η."""
    h = np.asarray(h, float)
    forgotten = -np.expm1(np.multiply.outer(np.asarray(lags, float), np.log1p(-eta * h)))
    return forgotten @ (2 * stationary_variance(h, eta, sigma))


def curvatures(landscape: Landscape, run: Run, knobs: Mapping[str, float] | None = None) -> np.ndarray | None:
    """h_1 >= h_2 for which `ornstein_uhlenbeck` is the law of this run: the eigenvalues of the Hessian, and λ more.

    There is a law for plain gradient descent at constant rates on a quadratic with 0 < h < 1/η; none where knobs are noisy.
    """
    rates = [schedule(rate) for rate in (run.learning_rate, run.weight_decay)]
    if not run.plain or run.shaken or not all(isinstance(rate, Constant) for rate in rates):
        return None
    x0, x1, y0, y1 = landscape.window
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(x0, x1, 5), np.linspace(y0, y1, 5)))
    at = landscape.local(x, y, knobs, order=2)
    with np.errstate(all="ignore"):
        curved = [at.hxx * x + at.hxy * y, at.hxy * x + at.hyy * y]
        constant = np.stack([*eigenvalues(at), at.gx - curved[0], at.gy - curved[1]])  # what is one number on a quadratic
        quadratic = np.all(np.ptp(constant, axis=1) <= 1e-9 * max(np.abs(constant).max(), np.abs(curved).max()))
    h = constant[:2, 0] + rates[1].value
    return h if quadratic and h[1] > 0 and rates[0].value * h[0] < 1 else None


# ---------------------------------------------------------------------------------------------------------------------
# What an average is worth, in weights and in answers


def averaged(landscape: Landscape, points: Points, knobs: Mapping[str, float] | None = None) -> np.ndarray:
    """L(mean of w over the first axis): of snapshots of one run, or of weights of several; (K, N, 2) -> (N,)."""
    x, y = np.mean(points, axis=0, dtype=float).T
    return np.asarray(landscape.loss(x, y, knobs))


def label_probabilities(points: Points, inputs: Points) -> np.ndarray:
    """P(u·w > 0) of each input u (M, 2) over particles w (N, 2): what an ensemble of linear classifiers answers; (M,)."""
    return np.mean(np.asarray(points, float) @ np.asarray(inputs, float).T > 0, axis=0)


def disagreement(p: Any, q: Any) -> Any:
    """p(1-q) + q(1-p): how often independent members of two ensembles differ, who answer yes with these probabilities.

    Between two ensembles of one law it is 2p(1-p), far from 0, although their label probabilities agree.
    """
    return p * (1 - q) + q * (1 - p)
