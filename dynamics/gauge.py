"""The reduced map: on a loss f(θ) that sees only the angle, gradient descent needs no norm.

    tan dθ = -κ f'(θ),   κ' = κ cos²dθ / a²,   κ = η / (a r²),   a = 1 - ηλ

A step goes from w = r n to a r n - (η f'/r) t, orthogonal parts, so tan dθ = -η f'/(a r²) and r' cos dθ = a r. With
schedules κ' = κ cos²dθ · η_{t+1} / (η_t a_t a_{t+1}): the factor is the growth of the twin's learning rate, and a twin
(a = 1, η̃) has the same κ. Weight decay and an exponentially growing rate are one map in (θ, κ).
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dynamics.path import Path
from dynamics.schedules import schedule
from dynamics.simulate import Kernel, Run, prepare
from landscapes import Landscape


class Reduced(NamedTuple):
    """T + 1 points of the reduced map, arrays over t = 0 ... T."""

    x: np.ndarray
    y: np.ndarray
    """the unit vector (cos θ, sin θ): it keeps relative accuracy near a minimum on an axis, where θ would not"""
    kappa: np.ndarray

    @property
    def angle(self) -> np.ndarray:
        """θ in (-π, π]."""
        return np.arctan2(self.y, self.x)

    @property
    def unwrapped(self) -> np.ndarray:
        """θ without jumps: |dθ| < π/2 at every step, since tan dθ is finite."""
        return np.unwrap(self.angle)


def reduced(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], steps: int,
    knobs: Mapping[str, float] | None = None,
) -> list[Reduced]:  # fmt: skip
    """The reduced map of plain gradient descent from every start, one `Reduced` each."""
    if not landscape.scale_invariant:
        raise ValueError("The reduced map needs a loss that ignores the length of its weights; this one does not.")
    if run.rule != "gd" or run.clip_norm is not None or run.noise or run.hyperparameters.get("momentum"):
        raise ValueError("The reduced map is that of plain gradient descent: no momentum, clipping or noise.")
    eta, decay = (schedule(value).rates(steps + 1).value for value in (run.learning_rate, run.weight_decay))
    remains = 1 - eta * decay
    if not (np.all(eta > 0) and np.all(remains > 0)):
        raise ValueError("The reduced map needs a positive learning rate and ηλ below 1 at every step.")
    growth = eta[1:] / eta[:-1] / (remains[:-1] * remains[1:])
    _, traced, kernel = prepare(landscape, run, starts, steps, knobs)
    points = np.asarray(starts, float).reshape(-1, 2)
    r = np.hypot(*points.T)
    room = len(traced["rate"])
    with jax.enable_x64(True):
        record = _compiled(kernel)(
            points / r[:, None], eta[0] / remains[0] / r**2, np.pad(growth, (0, room - steps)), steps, traced["knobs"]
        )
    return [Reduced(*columns) for columns in np.moveaxis(np.asarray(record)[:, : steps + 1], 2, 1)]


@lru_cache(maxsize=64)
def _compiled(kernel: Kernel) -> Any:
    """unit vectors (P, 2), κ₀ (P,) -> (P, room + 1, 3) of the unit vector and κ."""
    return jax.jit(partial(_iterate, kernel.formula.landscape))


def _iterate(landscape: Landscape, units: Any, kappas: Any, growth: Any, steps: Any, knobs: Any) -> Any:
    def one(unit: Any, kappa: Any) -> Any:
        def body(t: Any, carry: Any) -> Any:
            x, y, kappa, record = carry
            local = landscape.local(x, y, knobs, jnp, order=1)
            turn = -kappa * (x * local.gy - y * local.gx)  # tan dθ
            x, y = x - turn * y, y + turn * x
            r = jnp.hypot(x, y)
            x, y, kappa = x / r, y / r, kappa * growth[t] / (1 + turn * turn)
            return x, y, kappa, record.at[t + 1].set(jnp.stack([x, y, kappa]))

        start = (unit[0], unit[1], kappa)
        record = jnp.zeros((growth.shape[0] + 1, 3)).at[0].set(jnp.stack(start))
        return jax.lax.fori_loop(0, steps, body, (*start, record))[-1]

    return jax.vmap(one)(units, kappas)


# ---------------------------------------------------------------------------------------------------------------------
# What is known of its portrait


def log_kappa(path: Path, run: Run) -> np.ndarray:
    """ln κ_t = ln η_t - ln a_t - 2 ln r_t along a path of plain gradient descent, over t; the same for its twin."""
    decay = schedule(run.weight_decay).rates(path.steps + 1).value
    with np.errstate(invalid="ignore", divide="ignore"):
        remains = np.log1p(-np.where(decay > 0, path.learning_rate * decay, 0.0))
        return path.log_learning_rate - remains - 2 * path.log_norm


def stability_line(landscape: Landscape, angle: Any, knobs: Mapping[str, float] | None = None) -> np.ndarray:
    """κ = 2/f''(θ), of the angles' shape; infinite where f'' <= 0. Below it a minimum attracts, above it repels."""
    angle = np.asarray(angle, float)
    x, y = np.cos(angle), np.sin(angle)
    local = landscape.local(x, y, knobs)
    bend = local.hxx * y * y - 2 * local.hxy * x * y + local.hyy * x * x
    return np.divide(2.0, bend, out=np.full(angle.shape, np.inf), where=bend > 0)


class TwoCycle(NamedTuple):
    """The orbit of period two of x²/(x²+y²): ± `offset` off the minimum, at one norm."""

    offset: float
    norm: float
    kappa: float
    multipliers: tuple[complex, complex]
    """of its two steps together; their modulus is 1, so it neither attracts nor repels"""


def quotient_two_cycle(eta: float, lam: float) -> TwoCycle:
    """r² = η, θ = θ* ± arccos(a)/2, κ = 1/a; multipliers exp(±4i arccos a), a = 1 - ηλ.

    With φ = θ - θ* the loss is sin²φ, so dφ = -2φ asks for tan 2φ = κ sin 2φ, and a constant norm for cos 2φ = a. One step
    and the reflection φ -> -φ together turn by 2 arccos a.
    """
    a = 1 - eta * lam
    if not 0 < a <= 1:
        raise ValueError("The two-cycle exists for 0 <= ηλ < 1.")
    turn = math.acos(a)
    multiplier = complex(math.cos(4 * turn), math.sin(4 * turn))
    return TwoCycle(turn / 2, math.sqrt(eta), 1 / a, (multiplier, multiplier.conjugate()))
