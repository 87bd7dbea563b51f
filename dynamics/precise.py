"""Certified arithmetic: a path of balls, each proven to hold the exact point.

Every number of a run is read as its shortest decimal, and the raw recursion of the rule is followed in ball arithmetic;
where a ball grows beyond 1e-9 of the norm the whole path is done again with more digits. SignSGD at rational rates moves
by exact fractions instead, so that a coordinate that is exactly zero is known to be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from dynamics import cancel, rules
from dynamics.balls import LOCK, Balls, Irrational, Undecided, field, precision
from dynamics.exact import RULES, norm, signed_walk, walk
from dynamics.path import Path, make_path
from dynamics.schedules import Rates, schedule
from dynamics.simulate import FRAME_LIMIT, Run
from landscapes import Landscape, sharpness

TOLERANCE = 1e-9
"""The largest proven radius, relative to the norm, of a recorded position."""
FIRST_BITS, MAX_WORK = 128, 400_000_000
"""Binary digits of the first attempt, and the most binary digits times steps of the last."""
PATIENCE = 3
"""How often more digits may fail to get further before it is said that no number of digits would."""

READING_BITS = 128
"""Binary digits with which a recorded point's norm and readings are formed."""


class Uncertified(ValueError):
    """Why a path could not be proven, in one sentence."""


class _TooWide(ArithmeticError):
    """A ball is too wide, or holds zero where its sign is needed."""

    def __init__(self, step: int, undecided: bool):
        super().__init__(step)
        self.step, self.undecided = step, undecided

    @property
    def sentence(self) -> str:
        if self.undecided:
            return f"After step {self.step} a sign cannot be decided with any number of digits: it is probably exactly zero."
        return f"More digits do not lead beyond step {self.step - 1}: the path meets a place where the loss has no value."


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
    if run.noisy:
        return "Certified arithmetic has no noise: its random numbers are floats."
    if landscape.formula is None:
        return "Certified arithmetic reads a formula; this loss is given as a function."
    if any(isinstance(rate, Rates) for rate in (run.learning_rate, run.weight_decay)):
        return "Certified arithmetic reads schedules, not tables of floats."
    return None


def _proven(landscape: Landscape, run: Run, start: tuple[float, float], steps: int, knobs: Mapping[str, float]) -> Path:
    def path(points: Iterable[Any], bits: int) -> Path:
        return _path(landscape, run, start, knobs, points, steps, bits)

    if run.rule == "sign":
        try:
            with precision(READING_BITS):
                return path(signed_walk(landscape, run, start, steps, knobs), READING_BITS)
        except Irrational:
            pass
        except _TooWide as lost:
            raise Uncertified(lost.sentence) from None
    bits, stuck, reached = FIRST_BITS, 0, -1
    while True:
        try:
            with precision(bits):
                n = Balls(bits)
                return path(walk(field(landscape, knobs, n), run, start, steps, n), bits)
        except _TooWide as lost:
            stuck, reached = (stuck + 1, reached) if lost.step <= reached else (0, lost.step)
            if stuck == PATIENCE:
                raise Uncertified(lost.sentence) from None
            a_step = bits / max(reached, 1)
            bits = max(2 * bits, int(1.15 * a_step * steps))
            if bits * steps > MAX_WORK and reached > 10:
                raise Uncertified(
                    f"This path loses {a_step:.1f} binary digits a step, so that certified arithmetic can prove about "
                    f"{round((MAX_WORK / 1.15 / a_step) ** 0.5, -2):.0f} steps of it; ask for fewer steps."
                ) from None


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
            cancel.check()
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
    rate = schedule(run.learning_rate).rates(steps + 1)
    read = np.stack([*rows[:, 3:6].T, sharp])
    path = make_path(tuple(start), record.T, lambda: read, rate, rules.named(run.rule).length, framed)
    return replace(path, radius=radius, bits=bits)


def _reading(x: Any, y: Any, loss: Any, gx: Any, gy: Any, framed: bool) -> tuple[float, ...]:
    """(x, y, frame, loss, gx, gy, relative radius) as floats, positions and gradient in the units 2^frame."""
    x, y = arb(x), arb(y)
    r = norm((x, y))
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
