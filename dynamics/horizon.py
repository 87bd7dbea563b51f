"""How far a float path can be believed: the covariance of its rounding errors, carried along the path.

    P_0 = (ε r_0)² I,   P_{t+1} = J_t P_t J_tᵀ + (ε r_{t+1})² I,   predictive while √tr P_t / r_t <= 1e-2

J_t is the derivative of the whole step (position and buffers, change of frame included) and r_t the norm; a buffer's
rounding is measured by its own size. P is linear in ε², so one recursion serves every precision.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dynamics import rules
from dynamics.simulate import Kernel, Run, State, initial_state, prepare, room, step
from landscapes import Landscape
from landscapes.expression import in_order

TOLERANCE = 1e-2
UNIT_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}
KINKS = {"abs", "sign", "min", "max"}


class Trust(NamedTuple):
    """How a path of T steps carries small errors."""

    log_spread: np.ndarray
    """ln(√tr P_t / (ε r_t)) for t = 0 ... T: how often its own rounding a path's relative error is"""
    lyapunov: np.ndarray
    """(1/t) ln(‖δ_t‖/‖δ_0‖) for t = 0 ... T (0 at t = 0), δ a small change of position: the finite-time largest Lyapunov
    exponent per step; on a loss that sees only the angle δ is in units of the norm, so a run and its twin have the same"""
    area_growth: np.ndarray | None
    """(1/t) Σ ln|det J| for t = 0 ... T (0 at t = 0), in units of the squared norm where δ is in units of the norm: the sum
    of both exponents, so that the second is area_growth - lyapunov; None where buffers make the Jacobian larger"""

    def horizon(self, arithmetic: str = "float64") -> int | None:
        """The first step whose predicted relative error is above 1e-2, or None."""
        with np.errstate(invalid="ignore"):
            lost = np.flatnonzero(self.log_spread > np.log(TOLERANCE / UNIT_ROUNDOFF[arithmetic]))
        return int(lost[0]) if len(lost) else None


def trust(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], steps: int,
    knobs: Mapping[str, float] | None = None, seed: int = 0,
) -> list[Trust] | None:  # fmt: skip
    """One `Trust` per start, or None where the step or the loss has no derivative (sign rules, kinks)."""
    if not rules.named(run.rule).smooth or not _smooth(landscape):
        return None
    _, traced, kernel = prepare(landscape, run, starts, steps, knobs, "float64", seed)
    idle = run.rule == "gd" and not run.hyperparameters.get("momentum")  # then positions alone hold the whole Jacobian
    with jax.enable_x64(True):
        record = np.asarray(_compiled(kernel, room(steps))(**traced))[:, : steps + 1]
    return [Trust(spread, lyapunov, area if idle else None) for spread, lyapunov, area in np.moveaxis(record, 2, 1)]


def _smooth(landscape: Landscape) -> bool:
    tree = getattr(landscape, "expression", None)
    return tree is None or not any(node.op in KINKS for node in in_order([tree]))


@lru_cache(maxsize=64)
def _compiled(kernel: Kernel, room: int) -> Any:
    """starts (P, 2) -> (P, room, 3) of log spread, Lyapunov exponent, growth of areas."""
    return jax.jit(partial(_carry, kernel, room))


def _carry(kernel: Kernel, room: int, **traced: Any) -> Any:
    def path(p: Any, record: Any) -> Any:
        def body(t: Any, carry: Any) -> Any:
            state, spread, tangent, growth, area, record = carry
            flat, rebuild = _flatten(state)

            def move(flat: Any) -> tuple[Any, State]:
                after = step(kernel, traced, rebuild(flat), t, p)
                return _flatten(after)[0], after

            jacobian, after = jax.jacfwd(move, has_aux=True)(flat)
            moved = _flatten(after)[0]
            spread = jacobian @ spread @ jacobian.T + jnp.diag(_roundings(moved) ** 2)
            tangent = jacobian @ tangent
            r, length = jnp.hypot(moved[0], moved[1]), jnp.hypot(tangent[0], tangent[1])
            growth = growth + jnp.log(length)
            area = area + jnp.log(jnp.abs(jacobian[0, 0] * jacobian[1, 1] - jacobian[0, 1] * jacobian[1, 0]))
            log_spread = jnp.log(spread[0, 0] + spread[1, 1]) / 2 - jnp.log(r)
            longer = jnp.log(r) - log_r if kernel.framed else 0.0
            entry = jnp.stack([log_spread, (growth - longer) / (t + 1), (area - 2 * longer) / (t + 1)])
            return after, spread, tangent / length, growth, area, record.at[p, t + 1].set(entry)

        start = traced["starts"][p]
        state = initial_state(kernel, traced, start, traced["frames"][p])
        flat, _ = _flatten(state)
        log_r = jnp.log(jnp.hypot(start[0], start[1]))
        tangent = jnp.zeros(flat.shape).at[:2].set(jnp.array([0.6, 0.8]))
        record = record.at[p, 0, 0].set(jnp.log(2.0) / 2)
        spread = jnp.diag(_roundings(flat) ** 2)
        return jax.lax.fori_loop(0, traced["steps"], body, (state, spread, tangent, 0.0, 0.0, record))[-1]

    count = traced["starts"].shape[0]
    return jax.lax.fori_loop(0, count, path, jnp.zeros((count, room, 3)))


def _flatten(state: State) -> tuple[Any, Any]:
    """The real numbers of a state as one vector, position first, and the way back."""
    leaves, tree = jax.tree.flatten(state)
    real = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating)]

    def rebuild(flat: Any) -> State:
        out = list(leaves)
        for place, i in enumerate(real):
            out[i] = flat[place]
        return jax.tree.unflatten(tree, out)

    return jnp.stack([leaves[i] for i in real]), rebuild


def _roundings(flat: Any) -> Any:
    """The size of one rounding of each number over ε: the norm of the pair (position or buffer) that it belongs to."""
    return jnp.repeat(jnp.hypot(flat[0::2], flat[1::2]), 2)
