"""A schedule is a formula in t = 0, 1, ...: the learning rate or weight decay of step t.

Rates are kept as a mantissa and a power of two, so that an exponentially growing one never overflows.
"""

import math
from collections.abc import Iterable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from msgspec import Meta, Struct

Rate = Annotated[float, Meta(ge=0, le=1e300, description="a rate, at least 0")]
Steps = Annotated[int, Meta(ge=1, le=10_000_000, description="a number of steps, at least 1")]


class Rates(NamedTuple):
    """One rate per step, ``mantissa * 2**exponent``; shapes (T,)."""

    mantissa: np.ndarray
    exponent: np.ndarray

    @property
    def value(self) -> np.ndarray:
        """As floats; infinite where a float cannot hold the rate."""
        with np.errstate(over="ignore"):
            return self._each(np.ldexp)

    @property
    def log(self) -> np.ndarray:
        """Natural logarithms, always finite for a positive rate."""
        with np.errstate(divide="ignore"):
            return self._each(lambda mantissa, exponent: np.log(mantissa) + exponent * np.log(2.0))

    def _each(self, function: Any) -> np.ndarray:
        """A function of every rate, computed once where all are the same one (see `Constant`)."""
        if self.mantissa.strides == self.exponent.strides == (0,):
            return np.broadcast_to(function(self.mantissa[:1], self.exponent[:1]), self.mantissa.shape)
        return function(self.mantissa, self.exponent)


def rates(values: Any) -> Rates:
    mantissa, exponent = np.frexp(np.asarray(values, float))
    return Rates(mantissa, exponent.astype(np.int64))


def shortest(value: float | Fraction) -> Fraction:
    """A float as the shortest decimal that is read as it: 0.1 means 1/10, not the double nearest to it."""
    return value if isinstance(value, Fraction) else Fraction(repr(float(value)))


class Floats:
    """Arithmetic of a schedule over floats and arrays of them; `dynamics.precise` has the one over balls."""

    pi = np.pi
    number = staticmethod(float)
    cos = staticmethod(np.cos)
    sqrt = staticmethod(np.sqrt)

    @staticmethod
    def ratio(a: Any, b: Any) -> Any:
        return a / b


class Schedule(Struct, tag_field="schedule", frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A schedule is called with a whole t (an int or an array of them) and an arithmetic, and answers with the rate."""

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        raise NotImplementedError

    def rates(self, count: int) -> Rates:
        """The rates of steps 0 ... count-1."""
        return rates(self(np.arange(count)) * np.ones(count))

    def numbers(self, count: int, n: Any) -> Iterable[Any]:
        """The same rates one by one, in the arithmetic n."""
        return self.rates(count).value.tolist() if n is Floats else (self(t, n) for t in range(count))


class Constant(Schedule, tag="constant"):
    """η_t = value."""

    value: Rate

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        return n.number(self.value)

    def rates(self, count: int) -> Rates:
        return Rates(*(np.broadcast_to(part, count) for part in rates(self.value)))


class Exponential(Schedule, tag="exponential"):
    """η_t = initial · factor^t. A factor above 1 grows without bound, and never overflows here."""

    initial: Rate
    factor: Annotated[float, Meta(gt=0, le=1e6, description="the growth per step, above 0")]

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        return n.number(self.initial) * n.number(self.factor) ** t

    def rates(self, count: int) -> Rates:
        mantissa, exponent = powers(self.factor, np.arange(count))
        first, shift = np.frexp(self.initial)
        mantissa, carry = np.frexp(mantissa * first)
        return Rates(mantissa, exponent + carry + int(shift))


class Warmup(Schedule, tag="warmup"):
    """η_t = peak · min(1, (t+1)/W); with then="cosine", half a cosine from peak at W to 0 at total_steps."""

    peak: Rate
    warmup_steps: Steps
    then: Literal["constant", "cosine"] = "constant"
    total_steps: Steps | None = None

    def __post_init__(self) -> None:
        if self.then == "cosine" and (self.total_steps is None or self.total_steps <= self.warmup_steps):
            raise ValueError('a warmup with then="cosine" needs total_steps larger than warmup_steps')

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        peak = n.number(self.peak)
        rise = peak * n.ratio(np.minimum(t + 1, self.warmup_steps), self.warmup_steps)
        if self.then != "cosine" or self.total_steps is None:
            return rise
        after = np.clip(t - self.warmup_steps, 0, self.total_steps - self.warmup_steps)
        fall = (1 + n.cos(n.pi * n.ratio(after, self.total_steps - self.warmup_steps))) / 2
        return rise * fall


class Step(Schedule, tag="step"):
    """η_t = initial before at[0], values[i] from step at[i] on."""

    initial: Rate
    at: list[Annotated[int, Meta(ge=0)]]
    values: list[Rate]

    def __post_init__(self) -> None:
        if len(self.at) != len(self.values) or list(self.at) != sorted(set(self.at)):
            raise ValueError("a step schedule needs increasing steps in `at` and as many `values`")

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        levels = [self.initial, *self.values]
        level = np.searchsorted(self.at, t, side="right")
        return np.asarray(levels)[level] if n is Floats else n.number(levels[int(level)])


class Cosine(Schedule, tag="cosine"):
    """η_t = initial · (1 + cos(π min(t, T)/T))/2."""

    initial: Rate
    total_steps: Steps

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        return n.number(self.initial) * (1 + n.cos(n.pi * n.ratio(np.minimum(t, self.total_steps), self.total_steps))) / 2


class InverseTime(Schedule, tag="inverse_time"):
    """η_t = initial / (1 + rate·t)."""

    initial: Rate
    rate: Rate

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        return n.number(self.initial) / (1 + n.number(self.rate) * t)


class InverseSqrt(Schedule, tag="inverse_sqrt"):
    """η_t = initial / √(1 + rate·t)."""

    initial: Rate
    rate: Rate

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        return n.number(self.initial) / n.sqrt(1 + n.number(self.rate) * t)


class Linear(Schedule, tag="linear"):
    """η_t from initial to final in equal steps over total_steps, then constant."""

    initial: Rate
    final: Rate
    total_steps: Steps

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        first, last = n.number(self.initial), n.number(self.final)
        return first + (last - first) * n.ratio(np.minimum(t, self.total_steps), self.total_steps)


def powers(base: float, t: np.ndarray) -> Rates:
    """base^t for whole t up to four million, right to about one unit in the last place at any size.

    log2(base) is split in a part of few digits, whose product with t is exact, and a small rest.
    """
    with localcontext() as context:
        context.prec = 50
        log2 = Decimal(repr(float(base))).ln() / Decimal(2).ln()  # the shortest decimal, as everywhere
        coarse = float(round(log2 * 2**22)) / 2**22
        fine = float(log2 - Decimal(coarse))
    whole = np.rint(t * coarse)
    return Rates(np.exp2((t * coarse - whole) + t * fine), whole.astype(np.int64))


def products(factors: np.ndarray) -> Rates:
    """The running product 1, f_0, f_0 f_1, ... of positive factors; shape (T+1,), without overflow."""
    mantissas, exponents, mantissa, exponent = [1.0], [0], 1.0, 0
    for factor in factors.tolist():
        mantissa, shift = math.frexp(mantissa * factor)
        exponent += shift
        mantissas.append(mantissa)
        exponents.append(exponent)
    return Rates(np.array(mantissas), np.array(exponents))


SCHEDULES: dict[str, type[Schedule]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (Constant, Exponential, Warmup, Step, Cosine, InverseTime, InverseSqrt, Linear)
}
AnySchedule = Constant | Exponential | Warmup | Step | Cosine | InverseTime | InverseSqrt | Linear


def schedule(value: "float | Schedule") -> Schedule:
    """A plain number is a constant schedule."""
    return value if isinstance(value, Schedule) else Constant(float(value))
