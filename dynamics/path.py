"""A path and its readings: where it went, how it stood there, and how it ended."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from dynamics.schedules import Rates

LN2 = float(np.log(2.0))
VISIBLE = 1e-6
"""a step, relative to the norm, that no rounding can hide"""
FAR = 1e6
"""a norm from which a step without a value is the end of growth, and not of the formula's domain"""

STATUS_TEXT = {
    "finished": "ran to the last step",
    "diverged": "grew beyond what the numbers can hold",
    "left_the_plane": "stepped to where the loss, or the step itself, has no value",
    "zero_gradient": "met a gradient that is exactly zero in this arithmetic, so no new push comes from the loss",
    "reached_the_origin": "landed exactly on the origin, where the loss has no value",
    "stalled": "asked for ever smaller steps of time and was followed no further",
}


class Readings(NamedTuple):
    """The loss, the norm of its gradient, and the sharpness in the frame's units, over t."""

    loss: np.ndarray
    gradient_norm: np.ndarray
    frame_sharpness: np.ndarray


@dataclass(frozen=True)
class Path:
    """T + 1 points and their readings, arrays over t = 0 ... T; the point at t is the one after t updates.

    (x, y) may overflow; `frame_x`, `frame_y`, `frame_log` do not: w = (frame_x, frame_y) · e^frame_log.
    """

    start: tuple[float, float]
    status: str
    stopped_at: int | None
    frame_x: np.ndarray
    frame_y: np.ndarray
    frame_log: np.ndarray
    readings: Callable[[], "Readings"]
    """what there is to read at the points; computed when first asked for, and kept by whoever gave it"""
    rates: Rates
    length: int
    horizon: int | None = None
    radius: np.ndarray | None = None
    """certified arithmetic only: a proven bound on the distance to the exact point, relative to the norm"""
    bits: int | None = None
    """certified arithmetic only: how many binary digits the proof took"""
    lyapunov: np.ndarray | None = None
    """the finite-time largest Lyapunov exponent per step (see `dynamics.horizon`)"""
    area_growth: np.ndarray | None = None
    """the sum of both finite-time exponents, for plain gradient descent"""

    @property
    def steps(self) -> int:
        return len(self.frame_x) - 1

    @property
    def loss(self) -> np.ndarray:
        return self.readings().loss

    @property
    def gradient_norm(self) -> np.ndarray:
        return self.readings().gradient_norm

    @property
    def frame_sharpness(self) -> np.ndarray:
        """The sharpness in the frame's units: that of w is frame_sharpness · e^(-2 frame_log)."""
        return self.readings().frame_sharpness

    @cached_property
    def learning_rate(self) -> np.ndarray:
        return self.rates.value

    @cached_property
    def log_learning_rate(self) -> np.ndarray:
        return self.rates.log

    @property
    def x(self) -> np.ndarray:
        return _scaled(self.frame_x, self.frame_log)

    @property
    def y(self) -> np.ndarray:
        return _scaled(self.frame_y, self.frame_log)

    @property
    def log_norm(self) -> np.ndarray:
        """ln ‖w‖₂, finite wherever the point is not the origin."""
        with np.errstate(divide="ignore"):
            return np.log(np.hypot(self.frame_x, self.frame_y)) + self.frame_log

    @property
    def norm(self) -> np.ndarray:
        return _scaled(np.hypot(self.frame_x, self.frame_y), self.frame_log)

    @property
    def angle(self) -> np.ndarray:
        """atan2(y, x) in radians, in (-π, π]."""
        return np.arctan2(self.frame_y, self.frame_x)

    @property
    def sharpness(self) -> np.ndarray:
        """The largest algebraic eigenvalue of the Hessian at w_t."""
        return _scaled(self.frame_sharpness, -2 * self.frame_log)

    @property
    def log_sharpness(self) -> np.ndarray:
        """Its natural logarithm, nan where it is not positive; finite where the sharpness itself overflows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(self.frame_sharpness) - 2 * self.frame_log

    @property
    def digest(self) -> str:
        """The first 16 digits of SHA-256 over the float64 bits, little endian, of frame_x, frame_y and frame_log over t: two
        paths with one digest are the same to the last bit."""
        points = np.array([self.frame_x, self.frame_y, self.frame_log], "<f8")
        return hashlib.sha256(points.tobytes()).hexdigest()[:16]

    @property
    def effective_learning_rate(self) -> np.ndarray:
        """η_t / ‖w_t‖² (η_t / ‖w_t‖ for rules whose step does not grow with the gradient), from logarithms."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.exp(self.log_learning_rate - self.length * self.log_norm)

    @property
    def status_text(self) -> str:
        where = "" if self.stopped_at is None else f" (step {self.stopped_at})"
        return STATUS_TEXT[self.status] + where


def make_path(
    start: tuple[float, float], points: np.ndarray, read: Callable[[], np.ndarray], rates: Rates, length: int,
    scale_invariant: bool, uneventful: bool = False, unfailing: bool = True,
) -> Path:  # fmt: skip
    """A path from the engine's points, rows (x, y, frame), cut where it stopped.

    `read` gives the rows (loss, gradient's x and y, sharpness) at them. It is not asked for before somebody wants to know,
    where the engine has seen that the path is `uneventful`: all is finite, and the last gradient and step are not zero.
    `unfailing`: a gradient that is not zero makes a step as long as the rule says, which no ε and no memory shortens.
    """
    status, stopped_at, kept = "finished", None, slice(None)
    if not uneventful:
        status, stopped_at = _ended(np.concatenate([points, read()]), rates, length, scale_invariant, unfailing)
    if status not in ("finished", "zero_gradient"):
        kept = np.minimum(np.arange(points.shape[1]), max(stopped_at - 1, 0))
    x, y, frame = points[:, kept]

    @cache
    def readings() -> Readings:
        loss, gx, gy, sharp = read()[:, kept]
        gradient = np.hypot(gx, gy)
        if status == "zero_gradient":
            gradient[stopped_at:] = 0.0
        if scale_invariant and frame.any():
            gradient = _scaled(gradient, -frame * LN2)
        return Readings(loss, gradient, sharp)

    log = frame * LN2 if frame.any() else frame
    return Path(start, status, stopped_at, x, y, log, readings, rates, length)


def _ended(
    rows: np.ndarray, rates: Rates, length: int, scale_invariant: bool, unfailing: bool
) -> tuple[str, int | None]:
    """The status of a path with all its rows, and the step at which it stopped."""
    x, y, _, _, gx, gy, _ = rows
    fine = np.isfinite(rows[[0, 1, 3, 4, 5]]).all(axis=0)
    if not fine.all():
        at = int(np.argmin(fine))
        return _ending(x, y, at, scale_invariant), at
    if gx[-1] == 0 == gy[-1]:
        moving = np.flatnonzero((gx != 0) | (gy != 0))
        return "zero_gradient", int(moving[-1]) + 1 if len(moving) else 0
    frozen = _frozen(rows, rates, length) if scale_invariant and unfailing else None
    return ("finished", None) if frozen is None else ("zero_gradient", frozen)


def _frozen(rows: np.ndarray, learning_rate: Rates, length: int) -> int | None:
    """The step from which a path stands bitwise still although the gradient read beside it asks for a visible step.

    The loop's own gradient is exactly zero there; the reading, compiled apart, may keep a last digit. Asked only where
    length has no pull of its own: elsewhere weight decay may hold a point where the gradient is not zero.
    """
    x, y, frame, _, gx, gy, _ = rows[:, -1]
    moved = np.flatnonzero((rows[:3] != rows[:3, -1:]).any(axis=0))
    since = int(moved[-1]) + 1 if len(moved) else 0
    if since >= rows.shape[1] - 1:
        return None
    with np.errstate(divide="ignore"):
        push = np.log(np.hypot(gx, gy)) if length == 2 else 0.0
        step = learning_rate.log[-1] - length * frame * LN2 + push - np.log(np.hypot(x, y))
    return since if step > np.log(VISIBLE) else None


def _ending(x: np.ndarray, y: np.ndarray, at: int, scale_invariant: bool) -> str:
    """Why a path stopped: a point that floats cannot hold after growth diverged; one without a value left the plane."""
    if scale_invariant and x[at] == 0 == y[at]:
        return "reached_the_origin"
    last = at if np.isfinite(x[at]) and np.isfinite(y[at]) else at - 1
    overflowed = np.isinf(x[at]) or np.isinf(y[at])
    return "diverged" if overflowed or last < 0 or np.hypot(x[last], y[last]) > FAR else "left_the_plane"


def _scaled(values: np.ndarray, log: np.ndarray) -> np.ndarray:
    """values · e^log for logs that are whole powers of two: exact, infinite or zero beyond the floats' range."""
    if not log.any():
        return values
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, np.rint(log / LN2).astype(np.int64))


def wrapped(angle: Any) -> Any:
    """An angle brought into (-π, π]."""
    return -((-np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi)
