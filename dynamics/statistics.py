"""What one number says of a run: its last loss, its Lyapunov exponent, its period, its regime ...

A statistic watches a run step by step and is read at the end. All of it is arithmetic over arrays of lanes, so a map
of a million runs and a single run ask the same question in the same words.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from dynamics.lanes import State
from dynamics.preconditioner import core, curvature, remembered, scale_after, stretches
from dynamics.sharpness import critical_of
from landscapes import Landscape, sharpness

LONGEST_PERIOD = 16
CLOSE = 1e-3
GROWN = 10.0
"""ln of how much an error may grow on a regular orbit: as a power of time there, and exponentially where it is chaotic"""
HELD = 2.0
"""times the threshold of sharpness: up to here a gradient of exactly zero is chance, since rounding takes a while to grow"""


class End(NamedTuple):
    """What a statistic is read from: the run's motion, its last state, what was seen, and the growth per step of the
    logarithm of a small length (one tangent) or area (two)."""

    motion: Any
    state: State
    seen: Any
    growth: Any
    steps: Any

    @property
    def size(self) -> Any:
        return jnp.hypot(self.state.x, self.state.y)

    @property
    def exponent(self) -> Any:
        """The growth; nan where rounding holds the run, its gradient exactly zero, though an exact run would have left."""
        if not self.motion.kernel.formula.landscape.scale_invariant:
            return self.growth
        slope = self.motion.slope(self.state)
        held = (slope.gx == 0) & (slope.gy == 0) & (sharpness_ratio(self) > HELD)
        return jnp.where(held, jnp.nan, self.growth)


class Statistic(NamedTuple):
    """`begin(motion, state)` -> seen; `see(seen, motion, state after step t, t)` -> seen; `read(end)` -> one number."""

    title: str
    sentence: str
    read: Callable[[End], Any]
    begin: Callable[[Any, State], Any] = lambda motion, state: ()
    see: Callable[[Any, Any, State, Any], Any] = lambda seen, motion, state, t: seen
    tangents: int = 0
    """How many tangent vectors, up to two, are carried along for the Lyapunov exponents."""
    signed: bool = False
    words: tuple[str, ...] = ()
    """The names of whole values, where they count kinds."""


STATISTICS: dict[str, Statistic] = {}
REGIMES = ("comes to rest", "periodic", "regular, never resting", "chaotic", "leaves the plane", "not settled yet")
RESTS, PERIODIC, REGULAR, CHAOS, LEAVES, DRIFTS = range(6)
DRIFT = 0.02
"""ln of how much the norm may change over the second half of a run that has settled"""


def statistic(title: str, **parts: Any) -> Callable[[Callable[[End], Any]], Callable[[End], Any]]:
    def add(read: Callable[[End], Any]) -> Callable[[End], Any]:
        STATISTICS[read.__name__] = Statistic(title, (read.__doc__ or "").partition("\n")[0], read, **parts)
        return read

    return add


@statistic("Final loss")
def final_loss(end: End) -> Any:
    """L(w_T)."""
    return end.motion.local(end.state.x, end.state.y).loss


@statistic("Logarithm of the norm", signed=True)
def log_norm(end: End) -> Any:
    """ln ‖w_T‖."""
    return jnp.log(end.size)


@statistic("Sharpness")
def last_sharpness(end: End) -> Any:
    """λ₁(w_T), the largest eigenvalue of the Hessian at the end."""
    return sharpness(end.motion.local(end.state.x, end.state.y, order=2), jnp)


def _first_sharpness(motion: Any, state: State) -> Any:
    return sharpness(motion.local(state.x, state.y, order=2), jnp)


@statistic("Sharpness at the start", begin=_first_sharpness)
def start_sharpness(end: End) -> Any:
    """λ₁(w_0), the largest eigenvalue of the Hessian at the start."""
    return end.seen


@statistic("Rate times sharpness at the start", begin=_first_sharpness)
def start_edge(end: End) -> Any:
    """η_0 λ₁(w_0): below 2 a quadratic is descended, and on (xy)²/2 below 4 survived."""
    return end.motion.rate("learning_rate", 0) * end.seen


@statistic("Sharpness over its threshold")
def sharpness_ratio(end: End) -> Any:
    """η λ₁(w_T) / c, where c is the rule's own (2 for plain descent): above 1 it overshoots; none where c is not known."""
    motion, state = end.motion, end.state
    rule, own = motion.kernel.rule, {n: v for n, v in motion.own.items() if n != "clip_norm"}
    rate, decay = (motion.rate(name, end.steps) for name in ("learning_rate", "weight_decay"))
    c = critical_of(rule, own, motion.kernel.formula.landscape.scale_invariant, rate * decay, jnp)
    local = motion.local(state.x, state.y, order=2)
    return (_met(motion, own, state, local) if stretches(rule) else sharpness(local, jnp)) * rate / c


def _met(motion: Any, own: Any, state: State, local: Any) -> Any:
    """The curvature that the next step meets in the rule's own coordinates."""
    rule = motion.kernel.rule
    if rule == "unit_loss":
        return curvature(local, (local.loss, local.loss), jnp)
    chain = core(rule, {n: v for n, v in own.items() if n != "decoupled"}, motion.own.get("clip_norm", jnp.inf))
    begun = (optax.EmptyState(), remembered(state.optimizer))
    return curvature(local, scale_after(rule, own, chain.update((local.gx, local.gy), begun)[1]), jnp)


# The first step at which something holds; as a float, so that "never" can be nan


def _first(holds: Callable[[Any, State], Any]) -> dict[str, Any]:
    def begin(motion: Any, state: State) -> Any:
        return jnp.where(holds(motion, state), 0.0, jnp.nan).astype(state.x.dtype)

    def see(seen: Any, motion: Any, state: State, t: Any) -> Any:
        return jnp.where(jnp.isnan(seen) & holds(motion, state), (t + 1).astype(seen.dtype), seen)

    return {"begin": begin, "see": see}


@statistic("Steps to converge", **_first(lambda motion, state: motion.slope(state).loss <= motion.shared["level"]))
def steps_to_converge(end: End) -> Any:
    """The first step with L <= level: by default a thousandth of the way from the lowest minimum to the scene's start."""
    return end.seen


def _gone(motion: Any, state: State) -> Any:
    size = jnp.maximum(jnp.abs(state.x), jnp.abs(state.y))
    return ~(size <= motion.shared["far"])


@statistic("Steps to diverge", **_first(_gone))
def steps_to_diverge(end: End) -> Any:
    """The first step beyond 10⁶ (times the length of the scene's start, if that is above 1), or without a value."""
    return end.seen


@statistic("Lyapunov exponent", tangents=1, signed=True)
def lyapunov(end: End) -> Any:
    """The growth per step of the logarithm of a small error, relative to the norm where the loss ignores it."""
    return end.exponent


@statistic("Sum of the Lyapunov exponents", tangents=2, signed=True)
def area_growth(end: End) -> Any:
    """The growth per step of the logarithm of a small area, (1/T) Σ ln|det J|, relative to the squared norm as above.

    The second exponent is this sum without the first. Buffers bring exponents of their own: then it is the two largest.
    """
    return end.exponent


# Returns: the state LONGEST_PERIOD steps before the end is remembered, and the first return to it counted


def _remember(motion: Any, state: State) -> Any:
    return state.x, state.y, jnp.zeros_like(state.x)


def _returned(seen: Any, motion: Any, state: State, t: Any) -> Any:
    x, y, period = seen
    since = t + 1 - (motion.steps - LONGEST_PERIOD)
    near = jnp.maximum(jnp.abs(state.x - x), jnp.abs(state.y - y)) <= CLOSE * jnp.maximum(jnp.abs(x), jnp.abs(y))
    period = jnp.where((since > 0) & (period == 0) & near, since.astype(x.dtype), period)
    return jnp.where(since == 0, state.x, x), jnp.where(since == 0, state.y, y), period


@statistic("Period", begin=_remember, see=_returned)
def period(end: End) -> Any:
    """The least number of steps, up to 16, after which the run is back where it was to a thousandth; 0 without one."""
    return end.seen[2]


def _remember_half(motion: Any, state: State) -> Any:
    return (*_remember(motion, state), jnp.hypot(state.x, state.y))


def _returned_and_half(seen: Any, motion: Any, state: State, t: Any) -> Any:
    half = jnp.where(2 * (t + 1) <= motion.steps, jnp.hypot(state.x, state.y), seen[3])
    return (*_returned(seen[:3], motion, state, t), half)


@statistic("Regime", begin=_remember_half, see=_returned_and_half, tangents=1, words=REGIMES)
def regime(end: End) -> Any:
    """At rest (period 1), periodic (to 16), regular (errors hardly grow), chaotic (exponentially), gone, or still drifting.

    It drifts where length does not count, and the norm changes over the second half of what looks like the first three.
    """
    back = end.seen[2]
    kind = jnp.where(end.exponent * end.steps > GROWN, CHAOS, REGULAR)
    kind = jnp.where(back == 1, RESTS, jnp.where(back > 1, PERIODIC, kind))
    if end.motion.kernel.formula.landscape.scale_invariant:
        drifts = jnp.abs(jnp.log(end.size / end.seen[3])) > DRIFT
        kind = jnp.where(drifts & (kind != CHAOS), DRIFTS, kind)
    kind = jnp.where(jnp.isnan(end.exponent), jnp.nan, kind)
    return jnp.where(_gone(end.motion, end.state), LEAVES, kind).astype(end.state.x.dtype)


@statistic("Basin")
def basin(end: End) -> Any:
    """Which minimum is nearest at the end: by angle where the loss ignores length."""
    x, y = end.state.x, end.state.y
    places = end.motion.shared["wells"]
    size = end.size if end.motion.kernel.formula.landscape.scale_invariant else 1.0
    distances = [(x / size - places[k, 0]) ** 2 + (y / size - places[k, 1]) ** 2 for k in range(places.shape[0])]
    nearest, least = jnp.zeros_like(x), distances[0]
    for k, distance in enumerate(distances[1:], 1):
        nearest, least = jnp.where(distance < least, float(k), nearest), jnp.minimum(distance, least)
    return jnp.where(_gone(end.motion, end.state), jnp.nan, nearest).astype(x.dtype)


def wells(landscape: Landscape, knobs: Any = None) -> np.ndarray:
    """The minima, shape (K, 2): all round the circle where the loss ignores length, those that are listed elsewhere."""
    if not landscape.scale_invariant:
        return np.array(landscape.minima or [landscape.start], float)
    angles = np.linspace(-np.pi, np.pi, 3600, endpoint=False) + 1e-4
    loss = landscape.loss(np.cos(angles), np.sin(angles), knobs)
    lowest = angles[(loss <= np.roll(loss, 1)) & (loss < np.roll(loss, -1))]
    return np.stack([np.cos(lowest), np.sin(lowest)], axis=1)
