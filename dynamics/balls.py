"""Numbers without rounding errors: balls that enclose the exact value, and exact rationals; formulas traced over both.

Balls are python-flint's `arb` (F. Johansson, Arb, IEEE Transactions on Computers 66, 2017). Their precision is one
setting of the whole process, so whoever computes with them holds `LOCK`.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from threading import RLock
from typing import Any

from flint import arb, ctx, fmpq

from dynamics.schedules import shortest
from landscapes import Landscape
from landscapes.expression import (
    ALONG_THETA,
    ALONG_X,
    ALONG_Y,
    THETA,
    R,
    X,
    Y,
    derivative,
    evaluate,
    harmonics_as_polynomials,
    in_order,
    substitute,
    unstopped,
)
from landscapes.rows import written_out

LOCK = RLock()


class Undecided(ArithmeticError):
    """A ball holds zero, so its sign is not known at this precision."""


class Outside(ArithmeticError):
    """The formula has no value at this point."""


class Irrational(ArithmeticError):
    """A number of this formula or schedule is no fraction."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    with ctx.workprec(bits):
        yield


def sign(a: Any) -> int:
    """-1, 0 or 1; 0 only where the number is exactly zero."""
    if a > 0:
        return 1
    if a < 0:
        return -1
    if a == 0:
        return 0
    raise Undecided


NOTHING = object()
"""stands for the value of a part that has none here, which may turn out not to count"""


def divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise Outside
    return a / b


def quotient(a: Any, b: Any) -> Any:
    """a / b in a formula, where something over zero is infinite."""
    if b == 0 and isinstance(b, arb) and (a > 0 or a < 0):
        return arb("inf") if a > 0 else arb("-inf")
    return divide(a, b)


def gated(weight: Any, value: Any) -> Any:
    """weight · value, and 0 where the weight is 0."""
    if weight is NOTHING:
        raise Outside
    if weight == 0:
        return weight
    known = weight > 0 or weight < 0
    if value is NOTHING and known:
        raise Outside
    if not known and (value is NOTHING or (isinstance(value, arb) and not value.is_finite())):
        raise Undecided
    return weight * value


def _within(function: Callable[..., Any], outside: Callable[[Any], bool]) -> Callable[..., Any]:
    def apply(a: Any, *rest: Any) -> Any:
        if outside(a):
            raise Outside
        return function(a, *rest)

    return apply


class Balls:
    """Arithmetic over balls of so many bits, to be used under `precision(bits)`."""

    functions: Mapping[str, Callable[..., Any]] = {
        name: getattr(arb, name) for name in "sin cos tan atan sinh cosh tanh exp expm1 atan2 min max".split()
    } | {
        "abs": abs,
        "sign": lambda a: arb(sign(a)),
        "sqrt": _within(arb.sqrt, lambda a: a < 0),
        "log": _within(lambda a: arb("-inf") if a == 0 else a.log(), lambda a: a < 0),
        "log1p": _within(arb.log1p, lambda a: a <= -1),
        "asin": _within(arb.asin, lambda a: abs(a) > 1),
        "acos": _within(arb.acos, lambda a: abs(a) > 1),
        "pow": _within(operator.pow, lambda a: a < 0),
        "gated": gated,
    }
    cos, sqrt = staticmethod(arb.cos), staticmethod(arb.sqrt)

    def __init__(self, bits: int):
        self.bits = bits
        self._known: dict[float | Fraction, arb] = {}

    def number(self, value: float | Fraction) -> arb:
        """The ball around a written number, read as its shortest decimal."""
        if value not in self._known:
            self._known[value] = self.ratio(*shortest(value).as_integer_ratio())
        return self._known[value]

    @staticmethod
    def ratio(a: int, b: int) -> arb:
        return arb(fmpq(int(a), int(b)))

    @property
    def pi(self) -> arb:
        return arb.pi()

    @property
    def constants(self) -> Mapping[str, arb]:
        return {"pi": arb.pi(), "tau": 2 * arb.pi(), "e": arb.const_e()}


class _Rational(dict):
    def __missing__(self, name: str) -> Any:
        raise Irrational(name)


class Rationals:
    """Arithmetic over exact fractions; whatever leaves them raises `Irrational`."""

    @staticmethod
    def number(value: float | Fraction) -> fmpq:
        return fmpq(*shortest(value).as_integer_ratio())

    @staticmethod
    def ratio(a: int, b: int) -> fmpq:
        return fmpq(int(a), int(b))

    @property
    def pi(self) -> Any:
        raise Irrational("pi")

    @staticmethod
    def cos(a: Any) -> Any:
        raise Irrational("cos")

    sqrt = cos
    constants = _Rational()
    functions = _Rational({"abs": abs, "sign": lambda a: fmpq(sign(a)), "min": min, "max": max, "gated": gated})


# ---------------------------------------------------------------------------------------------------------------------
# A formula is traced once, then followed at every step


class Slot:
    """A number that is not known yet: what is done to it goes on its tape."""

    __slots__ = ("tape", "place")

    def __init__(self, tape: "Tape", place: int):
        self.tape, self.place = tape, place

    def __add__(self, other: Any) -> "Slot":
        return self.tape.record(operator.add, self, other)

    def __mul__(self, other: Any) -> "Slot":
        return self.tape.record(operator.mul, self, other)

    def __neg__(self) -> "Slot":
        return self.tape.record(operator.neg, self)

    def __truediv__(self, other: Any) -> "Slot":
        return self.tape.record(quotient, self, other)

    def __rtruediv__(self, other: Any) -> "Slot":
        return self.tape.record(quotient, other, self)

    __radd__, __rmul__ = __add__, __mul__


class Tape:
    """The operations that lead from (x, y) to the loss and its gradient, constants folded and repetitions shared.

    Walking a tree costs more than a multiplication of a thousand digits; walking a tape does not.
    """

    def __init__(self) -> None:
        self._memory: list[Any] = []
        self._operations: list[tuple[int, Callable[..., Any], list[int]]] = []
        self._recorded: dict[Any, Slot] = {}
        self.outputs: list[Any] = []

    def slot(self, value: Any = None) -> Slot:
        self._memory.append(value)
        return Slot(self, len(self._memory) - 1)

    def record(self, function: Callable[..., Any], *operands: Any) -> Slot:
        places = [(a if isinstance(a, Slot) else self.slot(a)).place for a in operands]
        key = (function, *places)
        if key not in self._recorded:
            self._recorded[key] = self.slot()
            self._operations.append((self._recorded[key].place, function, places))
        return self._recorded[key]

    def recording(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself for known numbers, its record for others."""

        def apply(*operands: Any) -> Any:
            return self.record(function, *operands) if any(isinstance(a, Slot) for a in operands) else function(*operands)

        return apply

    def __call__(self, x: Any, y: Any) -> list[Any]:
        memory = self._memory.copy()
        memory[0], memory[1] = x, y
        for place, function, operands in self._operations:
            memory[place] = _done(function, [memory[i] for i in operands])
        found = [memory[a.place] if isinstance(a, Slot) else a for a in self.outputs]
        if any(a is NOTHING or (isinstance(a, arb) and (a == INFINITE or a == -INFINITE)) for a in found):
            raise Outside
        return found


INFINITE = arb("inf")


def _done(function: Callable[..., Any], operands: list[Any]) -> Any:
    if function is not gated and any(a is NOTHING for a in operands):
        return NOTHING
    try:
        return function(*operands)
    except Outside:
        return NOTHING


def field(landscape: Landscape, knobs: Mapping[str, float], n: Any) -> Tape:
    """(x, y) -> [L, ∂L/∂x, ∂L/∂y] in the arithmetic n.

    Of a loss that is proven to see only the angle, the slope f' round the circle gives gradient = f' (-y, x)/r².
    """
    f, round_circle = landscape.expression, landscape.degree == 0
    if round_circle:
        f = substitute(f, {X**2 + Y**2: R**2})  # r does not change round the circle, so no zero has to be enclosed
        trees = [f, derivative(f, ALONG_THETA)]
    else:
        trees = [f, derivative(f, ALONG_X), derivative(f, ALONG_Y)]
    trees = [substitute(tree, {R**2: X**2 + Y**2}) for tree in harmonics_as_polynomials(trees)]
    trees = written_out(unstopped(trees), landscape.columns)
    tape = Tape()
    x, y = tape.slot(), tape.slot()
    functions = {name: tape.recording(function) for name, function in n.functions.items()}
    functions = type(n.functions)(functions)
    leaves = {X: x, Y: y}
    for node in in_order(trees):
        if node.op == "knob":
            leaves[node] = n.number((landscape.knob_values | dict(knobs))[node.args[0]])
        elif node == R:
            leaves[R] = functions["sqrt"](x * x + y * y)
        elif node == THETA:
            leaves[THETA] = functions["atan2"](y, x)
    tape.outputs = evaluate(trees, leaves, functions, n.number, n.constants)
    if round_circle:
        loss, slope = tape.outputs
        turn = slope / (x * x + y * y)
        tape.outputs = [loss, -(turn * y), turn * x]
    return tape
