"""The reduced map: on a loss f(θ) that sees only the angle, gradient descent needs no norm.

    tan dθ = -κ f'(θ),   κ' = κ cos²dθ / a²,   κ = η / (a r²),   a = 1 - ηλ

A step goes from w = r n to a r n - (η f'/r) t, orthogonal parts, so tan dθ = -η f'/(a r²) and r' cos dθ = a r. With
schedules κ' = κ cos²dθ · η_{t+1} / (η_t a_t a_{t+1}): the factor is the growth of the twin's learning rate, and a twin
(a = 1, η̃) has the same κ. Weight decay and an exponentially growing rate are one map in (θ, κ).
"""

import cmath
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dynamics.path import Path
from dynamics.schedules import schedule
from dynamics.simulate import Kernel, Run, prepare, room
from landscapes import Landscape, named


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
    if run.noisy or not run.plain:
        raise ValueError("The reduced map is that of plain gradient descent: no momentum, clipping or noise.")
    eta, decay = (schedule(value).rates(steps + 1).value for value in (run.learning_rate, run.weight_decay))
    remains = 1 - eta * decay
    if not (np.all(eta > 0) and np.all(remains > 0)):
        raise ValueError("The reduced map needs a positive learning rate and ηλ below 1 at every step.")
    growth = eta[1:] / eta[:-1] / (remains[:-1] * remains[1:])
    _, traced, kernel = prepare(landscape, run, starts, steps, knobs)
    points = np.asarray(starts, float).reshape(-1, 2)
    r = np.hypot(*points.T)
    with jax.enable_x64(True):
        record = _compiled(kernel)(
            points / r[:, None], eta[0] / remains[0] / r**2, np.pad(growth, (0, room(steps) - steps)), steps, traced["knobs"]
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
    bend = np.asarray(_slope_and_bend(landscape, np.asarray(angle, float), knobs)[1])
    return np.divide(2.0, bend, out=np.full(bend.shape, np.inf), where=bend > 0)


def _slope_and_bend(landscape: Landscape, angle: Any, knobs: Mapping[str, float] | None, xp: Any = np) -> tuple[Any, Any]:
    """f'(θ) and f''(θ)."""
    x, y = xp.cos(angle), xp.sin(angle)
    local = landscape.local(x, y, knobs, xp)
    return x * local.gy - y * local.gx, local.hxx * y * y - 2 * local.hxy * x * y + local.hyy * x * x


# ---------------------------------------------------------------------------------------------------------------------
# The orbit of period two of a symmetric well


class TwoCycle(NamedTuple):
    """The orbit of period two of a well that is symmetric about its minimum: ± `offset` off it, at one norm."""

    offset: float
    norm: float
    kappa: float
    multipliers: tuple[complex, complex]
    """of one step and the reflection φ -> -φ together, largest modulus first; their squares are those of both steps"""

    @property
    def exponent(self) -> float:
        """ln of the largest modulus: the Lyapunov exponent per step; the two-cycle attracts where it is below 0."""
        return math.log(abs(self.multipliers[0]))


def two_cycle(
    landscape: Landscape, angle: float, eta: float, lam: float, knobs: Mapping[str, float] | None = None
) -> TwoCycle:
    """r² = η f'(δ/2)/sin δ, θ = θ* ± δ/2, κ = tan δ/f'(δ/2), with δ = arccos a, a = 1 - ηλ, f a symmetric well at θ*.

    A turn from one side to the other is dφ = -2φ, so tan 2φ = κ f'(φ); a constant norm asks for cos 2φ = a. In (φ, ln κ)
    one step and the reflection have the determinant q + 1 - 2a² and the trace q - 2 sin²δ, q = a sin δ f''/f' at δ/2.
    """
    a = 1 - eta * lam
    if not (eta > 0 and 0 < a <= 1):
        raise ValueError("The two-cycle exists for a positive learning rate and 0 <= ηλ < 1.")
    _symmetric(landscape, angle, knobs)
    turn = math.acos(a)
    slope, bend = (float(part) for part in _slope_and_bend(landscape, np.array(angle + turn / 2), knobs))
    rho = slope / math.sin(turn) if turn else bend / 2  # r²/η
    if not rho > 0:
        raise ValueError(f"At ηλ = {eta * lam:.3g} a step would turn by {turn:.3g} radians, beyond the sides of this well.")
    q = a * bend / rho
    half, determinant = q / 2 - math.sin(turn) ** 2, q + 1 - 2 * a * a
    root = cmath.sqrt(half * half - determinant)
    pair = sorted((half + root, half - root), key=abs, reverse=True)
    return TwoCycle(turn / 2, math.sqrt(eta * rho), 1 / (a * rho), (pair[0], pair[1]))


def quotient_two_cycle(eta: float, lam: float) -> TwoCycle:
    """That of x²/(x²+y²), where f = sin²φ: r² = η, κ = 1/a, multipliers exp(±2iδ), δ = arccos a, so that it is elliptic.

    The map is two to one: from r² = η tan²δ, at δ/2 off the maximum, a step leads onto it. So regular orbits round it are
    entered from outside, although every step preserves area.
    """
    return two_cycle(named("quotient"), math.pi / 2, eta, lam)


def well_criterion(landscape: Landscape, angle: float, knobs: Mapping[str, float] | None = None) -> float:
    """f⁗/f'' at the minimum of a symmetric well: for small ηλ the two-cycle attracts iff this is below -4.

    The determinant of one step and the reflection is 1 + ηλ (4 + f⁗/f'')/3 + O((ηλ)²); derived in this project.
    """
    _symmetric(landscape, angle, knobs)
    bend = lambda theta: _slope_and_bend(landscape, theta, knobs, jnp)[1]  # noqa: E731
    with jax.enable_x64(True):
        return float(jax.grad(jax.grad(bend))(float(angle)) / bend(float(angle)))


def _symmetric(landscape: Landscape, angle: float, knobs: Mapping[str, float] | None) -> None:
    if not landscape.scale_invariant:
        raise ValueError("A two-cycle off a minimum needs a loss that ignores the length of its weights; this one does not.")
    slope, bend = _slope_and_bend(landscape, angle + np.linspace(-np.pi, np.pi, 129), knobs)
    scale = np.abs(bend).max()
    if not (bend[64] > 0 and abs(slope[64]) < 1e-5 * scale):
        raise ValueError("There is no minimum at this angle; give that of the bottom of a well.")
    if not np.abs(slope + slope[::-1]).max() < 1e-4 * scale:
        raise ValueError("This well is not symmetric about its minimum, so the formulas of the two-cycle do not hold.")
