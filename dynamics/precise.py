"""Certified arithmetic: a path of balls, each proven to hold the exact point.

Every number of a run is read as its shortest decimal, and the raw recursion of the rule is followed in ball arithmetic;
where a ball grows beyond 1e-9 of the norm the whole path is done again with more digits. SignSGD at rational rates moves
by exact fractions instead, so that a coordinate that is exactly zero is known to be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from dynamics import rules
from dynamics.balls import LOCK, Balls, Irrational, Outside, Rationals, Undecided, divide, field, precision, sign
from dynamics.path import Path, make_path
from dynamics.schedules import Rates, schedule
from dynamics.simulate import FRAME_LIMIT, Run
from landscapes import Landscape, sharpness

TOLERANCE = 1e-9
"""The largest proven radius, relative to the norm, of a recorded position."""
FIRST_BITS, MAX_BITS, MAX_WORK = 128, 1 << 17, 1_000_000_000
"""Binary digits of the first attempt, the most that are tried, and the most binary digits times steps."""

READING_BITS = 128
"""Binary digits with which a recorded point's norm and readings are formed."""

Pair = tuple[Any, Any]


class Uncertified(ValueError):
    """Why a path could not be proven, in one sentence."""


class _TooWide(ArithmeticError):
    def __init__(self, step: int, undecided: bool):
        super().__init__(step)
        self.step = step
        self.sentence = (
            f"After step {step} a sign cannot be decided, however many digits are used: the number is probably exactly zero."
            if undecided
            else f"Certified arithmetic proves this path up to step {step - 1} and no further; ask for fewer steps."
        )


def simulate(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], steps: int,
    knobs: Mapping[str, float] | None = None,
) -> list[Path]:  # fmt: skip
    """The certified path of a run from every start; `Uncertified` says which step the budget does not reach.

    `Path.radius` is the proven distance from the recorded floats to the exact point over the norm, `Path.bits` the
    binary digits that the proof took.
    """
    if refusal := refused(landscape, run):
        raise Uncertified(refusal)
    with LOCK:
        return [_proven(landscape, run, start, steps, knobs or {}) for start in starts]


def refused(landscape: Landscape, run: Run) -> str | None:
    """Why certified arithmetic does not cover a run, in one sentence, or None."""
    if run.rule not in RULES:
        return f"Certified arithmetic covers the rules {', '.join(RULES)}; {run.rule} is not one of them."
    if run.noise:
        return "Certified arithmetic has no noise: its random numbers are floats."
    if landscape.formula is None:
        return "Certified arithmetic reads a formula; this loss is given as a function."
    if any(isinstance(rate, Rates) for rate in (run.learning_rate, run.weight_decay)):
        return "Certified arithmetic reads schedules, not tables of floats."
    return None


def _proven(landscape: Landscape, run: Run, start: tuple[float, float], steps: int, knobs: Mapping[str, float]) -> Path:
    if run.rule == "sign":
        try:
            with precision(READING_BITS):
                return _path(landscape, run, start, knobs, _signed(landscape, run, start, steps, knobs), steps, READING_BITS)
        except Irrational:
            pass
        except _TooWide as lost:
            raise Uncertified(lost.sentence) from None
    bits, stuck, reached = FIRST_BITS, 0, -1
    while True:
        try:
            with precision(bits):
                n = Balls(bits)
                points = _walk(field(landscape, knobs, n), run, start, steps, n)
                return _path(landscape, run, start, knobs, points, steps, bits)
        except _TooWide as lost:
            stuck, reached = (stuck + 1, reached) if lost.step <= reached else (0, lost.step)
            bits = max(2 * bits, int(1.15 * bits * steps / max(lost.step, 1)))
            if stuck == 3 or bits > MAX_BITS or bits * steps > MAX_WORK:
                raise Uncertified(lost.sentence) from None


# ---------------------------------------------------------------------------------------------------------------------
# The recursion, in any arithmetic


def _walk(field: Any, run: Run, start: tuple[float, float], steps: int, n: Any) -> Iterator[tuple[Any, ...]]:
    """(x, y, loss, gx, gy) for t = 0 ... steps; where the formula has no value, (x, y, None, None, None) and the end."""
    update, own = RULES[run.rule], _own(run, n)
    rate, decay, fading = (
        iter(schedule(value).numbers(steps + 1, n)) for value in (run.learning_rate, run.weight_decay, run.fading)
    )
    x, y = n.number(start[0]), n.number(start[1])
    (buffer,) = schedule(run.initial_buffer).numbers(1, n)
    state: Any = (buffer * x, buffer * y) if run.rule == "gd" else None
    limit = None if run.clip_norm is None or run.rule == "sign" else n.number(run.clip_norm)
    for t in range(steps + 1):
        try:
            loss, *gradient = field(x, y)
        except Outside:
            yield x, y, None, None, None
            return
        yield x, y, loss, *gradient
        if t == steps:
            return
        if limit is not None:
            gradient = _clipped(gradient, limit)
        eta, lam, fade = next(rate), next(decay), next(fading)
        (ux, uy), pull, state = update(own, state, (x, y), gradient, loss, lam, fade)
        remains = 1 - eta * pull
        x, y = remains * x - eta * ux, remains * y - eta * uy
        if run.rule == "sphere":
            r = _norm(x, y)
            x, y = divide(x, r), divide(y, r)


def _own(run: Run, n: Any) -> dict[str, Any]:
    own = rules.named(run.rule).defaults | dict(run.hyperparameters)
    return {name: value if isinstance(value, bool) else n.number(value) for name, value in own.items()}


def _norm(x: Any, y: Any) -> Any:
    return (x * x + y * y).sqrt()


def _clipped(gradient: Sequence[Any], limit: Any) -> list[Any]:
    """g · min(1, c/‖g‖); where the balls do not tell which, one that holds both."""
    size = _norm(*gradient)
    if size <= limit:
        return list(gradient)
    factor = limit / size if size > limit else arb.min(arb(1), limit / size)
    return [g * factor for g in gradient]


# A rule's update, in its own words: (u, λ', state) with w ← (1 - ηλ')w - ηu.

Update = Callable[[Mapping[str, Any], Any, Pair, Sequence[Any], Any, Any, Any], tuple[Pair, Any, Any]]


def gd(own: Any, m: Pair, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """With v = γm + g: heavy ball u = v and m ← v + λw; Nesterov u = g + γv and λ' = (1 + γ)λ; decoupled m ← v."""
    gamma = own["momentum"]
    if gamma == 0:
        return tuple(g), lam, m
    kept = gamma * fade
    v = (kept * m[0] + g[0], kept * m[1] + g[1])
    u = (g[0] + gamma * v[0], g[1] + gamma * v[1]) if own["nesterov"] else v
    if own["decoupled"]:
        return u, lam, v
    return u, lam * (1 + gamma) if own["nesterov"] else lam, (v[0] + lam * w[0], v[1] + lam * w[1])


def gradient_sign(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return (sign(g[0]), sign(g[1])), lam, state


def unit_gradient(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    if g[0] == 0 and g[1] == 0:
        return (g[0], g[1]), lam, state
    size = _norm(*g)
    return (g[0] / size, g[1] / size), lam, state


def unit_loss(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return (divide(g[0], loss), divide(g[1], loss)), lam, state


def plain(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return (g[0], g[1]), lam, state


def adam(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², u = m/(1-β₁^k) / (√(v/(1-β₂^k) + ε₀) + ε), k = t + 1."""
    b1, b2, zero = own["b1"], own["b2"], 0 * lam
    mu, nu, power1, power2 = state or ((zero, zero), (zero, zero), 1 + zero, 1 + zero)
    mu = tuple(b1 * fade * m + (1 - b1) * a for m, a in zip(mu, g, strict=True))
    nu = tuple(b2 * fade * fade * v + (1 - b2) * a * a for v, a in zip(nu, g, strict=True))
    power1, power2 = power1 * b1, power2 * b2
    gain1, gain2 = 1 - power1, 1 - power2
    u = tuple(divide(m / gain1, (v / gain2 + own["eps_root"]).sqrt() + own["eps"]) for m, v in zip(mu, nu, strict=True))
    return u, lam, (mu, nu, power1, power2)


RULES: dict[str, Update] = {
    "gd": gd, "sign": gradient_sign, "unit_gradient": unit_gradient, "unit_loss": unit_loss, "sphere": plain,
    "adam": adam, "adamw": adam,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# SignSGD by exact fractions


def _signed(landscape: Landscape, run: Run, start: Any, steps: int, knobs: Mapping[str, float]) -> Iterator[Any]:
    """The walk of SignSGD at exact points: only the gradient's signs need more and more digits."""

    def gradient(x: Any, y: Any) -> list[Any]:
        loss, gx, gy = near(arb(x), arb(y))
        for bits in (256, 1024, 4096):
            if _known(gx) and _known(gy):
                return [loss, gx, gy]
            with precision(bits):
                _, gx, gy = field(landscape, knobs, Balls(bits))(arb(x), arb(y))
        if not (_known(gx) and _known(gy)):
            _, gx, gy = exact(x, y)
        return [loss, gx, gy]

    def exact(x: Any, y: Any) -> list[Any]:
        try:
            return field(landscape, knobs, Rationals())(x, y)
        except Irrational:
            raise Undecided from None

    near = field(landscape, knobs, Balls(READING_BITS))
    return _walk(gradient, run, start, steps, Rationals())


def _known(a: Any) -> bool:
    return a > 0 or a < 0 or a == 0


# ---------------------------------------------------------------------------------------------------------------------
# What is recorded


def _path(
    landscape: Landscape, run: Run, start: tuple[float, float], knobs: Mapping[str, float], points: Iterable[Any],
    steps: int, bits: int,
) -> Path:  # fmt: skip
    """The walk as a `Path`, or `_TooWide` at the first ball that is."""
    rows, framed = np.full((steps + 1, 7), np.nan), landscape.scale_invariant
    t = -1
    try:
        for t, point in enumerate(points):
            with precision(READING_BITS):
                rows[t] = _reading(*point, framed)
            if not rows[t, 6] <= TOLERANCE:
                raise _TooWide(t, False)
            if np.isinf(rows[t, :2]).any():
                break
    except Undecided:
        raise _TooWide(t, True) from None
    record, radius, t = rows[:, :3], rows[:, 6], min(t, steps)
    radius[t + 1 :] = radius[t]
    with np.errstate(all="ignore"):
        sharp = sharpness(landscape.local(record[:, 0], record[:, 1], knobs))
    readings = np.column_stack([rows[:, 3:6], sharp])
    rate = schedule(run.learning_rate).rates(steps + 1)
    path = make_path(tuple(start), record, readings, rate, rules.named(run.rule).length, framed)
    return replace(path, radius=radius, bits=bits)


def _reading(x: Any, y: Any, loss: Any, gx: Any, gy: Any, framed: bool) -> tuple[float, ...]:
    """(x, y, frame, loss, gx, gy, relative radius) as floats, positions and gradient in the units 2^frame."""
    x, y = arb(x), arb(y)
    r = _norm(x, y)
    exponent = _exponent(r) if framed and r > 0 else 0
    frame = exponent if abs(exponent) > FRAME_LIMIT else 0
    size = (x.rad() + y.rad()) / r if r > 0 else x.rad() + y.rad()
    radius = float(size.upper()) * (1 + 2**-50) + 2**-52  # a recorded position is the float nearest to its ball's middle
    fx, fy = (_float(_scaled(a, -frame)) for a in (x, y))
    if loss is None:
        return fx, fy, frame, np.nan, np.nan, np.nan, radius
    return fx, fy, frame, float(arb(loss)), *(_float(_scaled(arb(a), frame)) for a in (gx, gy)), radius


def _exponent(r: arb) -> int:
    mantissa, exponent = r.mid().man_exp()
    return int(exponent) + int(mantissa).bit_length()


def _scaled(a: arb, exponent: int) -> arb:
    return a * arb((1, exponent)) if exponent else a


def _float(a: arb) -> float:
    """The nearest float, but 0 only for zero itself, so that a path that lies still is told from one that creeps."""
    return float(a) or (0.0 if a == 0 else 5e-324)
