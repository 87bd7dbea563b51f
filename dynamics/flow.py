"""The gradient flow under a path of gradient descent: where it would go if every step were cut into infinitely many.

    ẇ = -∇L(w) - λw,   read at τ_t = η_0 + ... + η_{t-1};   w_{t+1} = w_t - η_t (∇L(w_t) + λ_t w_t) is its Euler step

On a loss f(θ) that ignores length the norm has a closed form and the angle a time of its own, in which nothing is stiff:

    ln r(τ_t) = ln r_0 - Σ_{s<t} η_s λ_s,     dθ/dσ = -f'(θ),     dσ = dτ/r²

so that decay, which makes 1/r² grow without end, costs no steps. A λ that follows a schedule holds for the length of its
step. Dormand and Prince's method of order 8 (Prince, Dormand 1981), each interval to a tolerance of 1e-13 of the norm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dynamics.path import FAR, LN2, Path, make_path
from dynamics.simulate import Kernel, Run, prepare, room
from dynamics.twins import gap
from landscapes import Landscape, sharpness

TOLERANCE = 1e-13
AT_REST = 1e-15
"""an angle this near to the bottom of a well, by Newton's step, is on it"""
LONGEST = 1e300
MAX_STEPS = 4096
"""of the solver, in the time of one step of the run"""
EFFORT = 20
"""what the solver may take per step of the run on the whole, before the flow counts as stalled"""


class NoFlow(ValueError):
    """Why a run has no gradient flow under it, in one sentence."""


def refuse(run: Run) -> None:
    """`NoFlow` unless the run is plain gradient descent, the Euler step of a flow."""
    if run.noisy or not run.plain:
        raise NoFlow("A gradient flow lies under plain gradient descent only, without momentum, clipping or noise.")


def flow(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], steps: int,
    knobs: Mapping[str, float] | None = None,
) -> list[Path]:  # fmt: skip
    """The flow under `run` from every start, as paths of steps + 1 points at the times τ_t of the run's own points.

    In float64. A flow that reaches infinity in finite time has diverged; one that asks for ever smaller steps has stalled.
    """
    refuse(run)
    tables, traced, kernel = prepare(landscape, run, starts, steps, knobs)
    eta, lam = tables.learning_rate.value, tables.weight_decay.value
    with np.errstate(over="ignore"):
        held = np.isfinite(eta.sum()) and np.isfinite(np.max(eta) * lam.sum())
    if not held:
        raise NoFlow("The time of this flow, the sum of the learning rates, outgrows every float; take fewer steps.")
    decayed = np.r_[0.0, np.cumsum(eta[:steps] * lam[:steps])]
    log_norm = np.log(np.hypot(*traced["starts"].T)) + traced["frames"] * LN2
    spans = np.stack([_spans(eta, lam, log - decayed) if kernel.framed else eta for log in log_norm])
    given = {"starts": traced["starts"], "knobs": traced["knobs"], "steps": traced["steps"]}
    given |= {"spans": _padded(spans, room(steps)), "decay": _padded(lam, room(steps))}
    with jax.enable_x64(True):
        record = np.asarray(_compiled(kernel)(**given))[:, :, : steps + 1]
        paths = []
        for i, states in enumerate(record):
            points, frame = (states, 0.0) if not kernel.framed else _polar(states[0], decayed, traced["starts"][i])
            rows = _readings(landscape, knobs, points, frame + traced["frames"][i])
            read = lambda rows=rows: rows[3:]  # noqa: E731
            path = make_path(tuple(starts[i]), rows[:3], read, tables.learning_rate, 2, landscape.scale_invariant)
            paths.append(replace(path, status="stalled") if path.status == "left_the_plane" else path)
    return paths


def _spans(eta: np.ndarray, lam: np.ndarray, log_norm: np.ndarray) -> np.ndarray:
    """σ_{t+1} - σ_t = (e^(2η_tλ_t) - 1)/(2λ_t r_t²), or η_t/r_t² without decay."""
    with np.errstate(all="ignore"):
        own = np.where(lam > 0, np.log(np.expm1(2 * eta * lam)) - np.log(2 * lam), np.log(eta))
        return np.minimum(np.exp(own - 2 * log_norm), LONGEST)


def departure(flow: Path, path: Path) -> np.ndarray:
    """‖w_t − w(τ_t)‖ / ‖w(τ_t)‖, over t: of first order in the learning rate at a fixed time."""
    return gap(flow, path, np.zeros(path.steps + 1))


def _padded(values: np.ndarray, room: int) -> np.ndarray:
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, room - values.shape[-1])])


# ---------------------------------------------------------------------------------------------------------------------
# The solver


@lru_cache(maxsize=64)
def _compiled(kernel: Kernel) -> Any:
    """starts (P, 2), spans (P, room) -> (P, 2, room): points; or turns from the start in the first row."""
    import diffrax  # takes half a second, which only a flow pays

    return jax.jit(partial(_record, kernel, diffrax))


def _record(kernel: Kernel, diffrax: Any, starts: Any, spans: Any, decay: Any, knobs: Any, steps: Any) -> Any:
    landscape, angular = kernel.formula.landscape, kernel.framed

    def along(turn: Any, start: Any) -> tuple[Any, Any]:
        """f' and f'' at the start turned by an angle."""
        x, y = _turned(turn, start / jnp.hypot(start[0], start[1]), jnp)
        at = landscape.local(x, y, knobs, jnp)
        return x * at.gy - y * at.gx, y * y * at.hxx - 2 * x * y * at.hxy + x * x * at.hyy

    def resting(t: Any, state: Any, given: Any, **_: Any) -> Any:
        slope, bend = along(state[0], given[0])
        return jnp.abs(slope) <= AT_REST * bend

    def velocity(t: Any, state: Any, given: Any) -> Any:
        start, lam = given
        if angular:
            return jnp.stack([-along(state[0], start)[0], jnp.zeros_like(state[1])])
        at = landscape.local(state[0], state[1], knobs, jnp, order=1)
        return -jnp.stack([at.gx, at.gy]) - lam * state

    def interval(span: Any, state: Any, given: Any) -> tuple[Any, Any, Any]:
        scale = 1.0 if angular else jnp.hypot(state[0], state[1])
        solved = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity), diffrax.Dopri8(), 0.0, span, jnp.minimum(span, 1.0), state, given,
            stepsize_controller=diffrax.PIDController(rtol=0.0 if angular else TOLERANCE, atol=TOLERANCE * scale),
            event=diffrax.Event(resting) if angular else None, adjoint=diffrax.ForwardMode(), max_steps=MAX_STEPS,
            throw=False,
        )  # fmt: skip
        return solved.ys[0], diffrax.is_okay(solved.result), solved.stats["num_steps"]

    def one(given: Any) -> Any:
        start, spans = given

        def body(t: Any, carry: Any) -> Any:
            state, spent, record = carry
            here, span = (start, decay[t]), spans[t]
            going = jnp.isfinite(state).all() & (span > 0)
            going = going & ~resting(0.0, state, here) if angular else going
            kept = lambda: (state, jnp.array(True), jnp.zeros_like(spent))  # noqa: E731
            after, fine, taken = jax.lax.cond(going, lambda: interval(span, state, here), kept)
            spent = spent + taken
            lost = jnp.where(jnp.hypot(after[0], after[1]) > FAR, jnp.inf, jnp.nan)
            after = jnp.where(fine & (spent <= EFFORT * (t + MAX_STEPS)), after, lost)
            return after, spent, record.at[:, t + 1].set(after)

        begin = jnp.zeros_like(start) if angular else start
        record = jnp.zeros((2, decay.shape[0])).at[:, 0].set(begin)
        return jax.lax.fori_loop(0, steps, body, (begin, jnp.array(0), record))[2]

    return jax.lax.map(one, (starts, spans))


def _turned(turn: Any, point: Any, xp: Any) -> tuple[Any, Any]:
    c, s = xp.cos(turn), xp.sin(turn)
    return c * point[0] - s * point[1], s * point[0] + c * point[1]


# ---------------------------------------------------------------------------------------------------------------------
# From the solver's record to the rows of a path


def _polar(turn: np.ndarray, decayed: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A start turned and shrunk, in frames of whole powers of two, which hold any norm."""
    frame = np.rint(-decayed / LN2)
    return np.stack(_turned(turn, start, np)) * np.exp(-decayed - frame * LN2), frame


def _readings(landscape: Landscape, knobs: Any, points: np.ndarray, frame: Any) -> np.ndarray:
    """The rows of `make_path`: x, y, frame, loss, gradient's x and y, sharpness."""
    x, y = points
    with np.errstate(all="ignore"):
        at = landscape.local(x, y, knobs)
        rows = [x, y, np.broadcast_to(frame, x.shape), at.loss, at.gx, at.gy, sharpness(at)]
    return np.stack([np.asarray(row, float) for row in rows])
