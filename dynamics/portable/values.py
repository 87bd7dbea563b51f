"""Arrays of nodes with NumPy's names: what a formula and the equations of a jaxpr are evaluated over.

    formula(nodes) = a graph        landscape.local(x, y, knobs, values) as landscape.local(x, y, knobs, numpy)

Elementary functions are those of `elementary`, float32's the float64 ones rounded; parts of a formula that are plain
numbers are folded by them too, so that no two machines disagree about a constant.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from dynamics.portable import elementary
from dynamics.portable.graph import FLOATS, TYPE_OF, TYPES, Node, const, is_const, make, value
from dynamics.portable.graph import where as either

float64, float32, nan, inf, pi = np.float64, np.float32, math.nan, math.inf, math.pi


class Values:
    """An array of nodes of one type."""

    __array_ufunc__ = None  # NumPy's numbers leave operators to this class

    def __init__(self, nodes: Any):
        self.nodes = np.empty((), object) if isinstance(nodes, Node) else np.asarray(nodes, object)
        if isinstance(nodes, Node):
            self.nodes[()] = nodes

    @property
    def shape(self) -> tuple[int, ...]:
        return self.nodes.shape

    @property
    def ndim(self) -> int:
        return self.nodes.ndim

    @property
    def size(self) -> int:
        return self.nodes.size

    @property
    def node(self) -> Node:
        """The one node of an array without axes."""
        return self.nodes[()]

    @property
    def kind(self) -> str:
        return self.nodes.flat[0].type

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(TYPES[self.kind])

    def astype(self, dtype: Any) -> "Values":
        kind = TYPE_OF[np.dtype(dtype)]
        return each(lambda a: a.to(kind), self)

    def reshape(self, *shape: Any) -> "Values":
        return Values(self.nodes.reshape(*shape))

    def any(self, axis: int) -> "Values":
        return Values(np.asarray(reduce(np.bitwise_or, np.moveaxis(self.nodes, axis, 0)), object))

    def __add__(self, other: Any) -> "Values":
        return both("add", self, other)

    def __radd__(self, other: Any) -> "Values":
        return both("add", other, self)

    def __sub__(self, other: Any) -> "Values":
        return both("sub", self, other)

    def __rsub__(self, other: Any) -> "Values":
        return both("sub", other, self)

    def __mul__(self, other: Any) -> "Values":
        return both("mul", self, other)

    def __rmul__(self, other: Any) -> "Values":
        return both("mul", other, self)

    def __truediv__(self, other: Any) -> "Values":
        return both("div", self, other)

    def __rtruediv__(self, other: Any) -> "Values":
        return both("div", other, self)

    def __neg__(self) -> "Values":
        return each(lambda a: -a, self)

    def __abs__(self) -> "Values":
        return each(abs, self)

    def __eq__(self, other: Any) -> "Values":  # type: ignore[override]
        return both("eq", self, other)

    def __lt__(self, other: Any) -> "Values":
        return both("lt", self, other)

    def __gt__(self, other: Any) -> "Values":
        return both("gt", self, other)

    __hash__ = None  # type: ignore[assignment]


def each(function: Callable[..., Node], *arrays: Values) -> Values:
    """A function of nodes at every place."""
    parts = np.broadcast_arrays(*(array.nodes for array in arrays))
    found = np.empty(parts[0].shape, object)
    for place in np.ndindex(found.shape):
        found[place] = function(*(part[place] for part in parts))
    return Values(found)


def both(operation: str, a: Any, b: Any) -> Values:
    return each(lambda a, b: make(operation, a, b), *alike(a, b))


def alike(*given: Any) -> list[Values]:
    """Arrays and written numbers as arrays of one type: a number takes the arrays' own, and truth counts as 0 or 1."""
    kinds = [part.kind for part in given if isinstance(part, Values)]
    kind = max(kinds, key=("bool", "u32", "i32", "u64", "i64", "f32", "f64").index)
    if kind == "bool" and any(isinstance(part, int) and not isinstance(part, bool) for part in given):
        kind = "i64"
    return [part.astype(TYPES[kind]) if isinstance(part, Values) else Values(const(part, kind)) for part in given]


def constant(array: Any) -> Values:
    array = np.asarray(array)
    found = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        found[place] = const(array[place], TYPE_OF[array.dtype])
    return Values(found)


def nodes(names: Callable[[tuple[int, ...]], Node], shape: tuple[int, ...]) -> Values:
    """An array whose node at each place is `names(place)`."""
    found = np.empty(shape, object)
    for place in np.ndindex(shape):
        found[place] = names(place)
    return Values(found)


# ---------------------------------------------------------------------------------------------------------------------
# Functions of nodes


def called(name: str, *arguments: Node, result: int = 0) -> Node:
    """An elementary function in the arguments' own precision."""
    if arguments[0].type == "f32":
        return called(name, *(a.to("f64") for a in arguments), result=result).to("f32")
    return elementary.call(name, *arguments, result=result)


def whole_power(x: Node, n: int) -> Node:
    """x^n by repeated squaring."""
    if n < 0:
        return 1 / whole_power(x, -n)
    found = None
    while n:
        if n & 1:
            found = x if found is None else found * x
        n >>= 1
        if n:
            x = x * x
    return const(1, x.type) if found is None else found


def to_the_power(x: Node, y: Node) -> Node:
    if is_const(y) and abs(value(y)) <= 8 and value(y) == np.floor(value(y)):
        return whole_power(x, int(value(y)))
    return elementary.power(x.to("f64"), y.to("f64")).to(x.type)


def signum(x: Node) -> Node:
    """-1, 0 or 1; a zero keeps its sign, and NaN stays NaN."""
    if x.type in FLOATS:
        return either(x > 0, const(1, x.type), either(x < 0, const(-1, x.type), x))
    return (x > 0).to(x.type) - (x < 0).to(x.type)


def hypotenuse(x: Node, y: Node) -> Node:
    """√(x² + y²) without overflow: h √(1 + (l/h)²) with h the larger and l the smaller."""
    x, y = abs(x), abs(y)
    high, low, endless = make("max", x, y), make("min", x, y), x.equals(inf) | y.equals(inf)
    ratio = low / either(high.equals(0), const(1, x.type), high)
    return either(endless, inf, either(high.equals(0), high, high * make("sqrt", 1 + ratio * ratio)))


FUNCTIONS: dict[str, Callable[..., Node]] = {
    "sin": lambda a: called("sincos", a),
    "cos": lambda a: called("sincos", a, result=1),
    "abs": abs,
    "sign": signum,
    "sqrt": lambda a: make("sqrt", a),
    "min": lambda a, b: make("min", a, b),
    "max": lambda a, b: make("max", a, b),
    "pow": to_the_power,
    "hypot": hypotenuse,
} | {
    name: (lambda *a, name=name: called(name, *a))
    for name in ("tan", "asin", "acos", "atan", "atan2", "exp", "log", "log1p", "expm1", "sinh", "cosh", "tanh")
}


# ---------------------------------------------------------------------------------------------------------------------
# The same under NumPy's names


def _of_arrays(name: str) -> Callable[..., Values]:
    return lambda *given: each(FUNCTIONS[name], *alike(*given))


sin, cos, tan, arcsin, arccos, arctan, arctan2, exp, expm1, log, log1p, sinh, cosh, tanh, sqrt, sign, hypot, power = map(
    _of_arrays,
    ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "exp", "expm1", "log", "log1p", "sinh", "cosh", "tanh", "sqrt",
     "sign", "hypot", "pow"),
)  # fmt: skip
minimum, maximum, abs_ = map(_of_arrays, ("min", "max", "abs"))


def __getattr__(name: str) -> Any:
    if name == "abs":
        return abs_
    raise AttributeError(name)


def where(condition: Any, yes: Any, no: Any) -> Any:
    if not isinstance(condition, Values):  # a written number's
        return yes if condition else no
    return each(either, condition, *alike(yes, no))


def full_like(like: Any, number: float) -> Any:
    return each(lambda a: const(number, a.type), like) if isinstance(like, Values) else number


def zeros_like(like: Any) -> Any:
    return full_like(like, 0.0)


def asarray(given: Any) -> Values:
    return given if isinstance(given, Values) else constant(np.asarray(given, float))


def sum(given: Values, axis: int = 0) -> Values:
    """One row after the other."""
    return Values(np.asarray(reduce(lambda a, b: a + b, np.moveaxis(given.nodes, axis, 0)), object))


def mean(given: Values, axis: int = 0) -> Values:
    return sum(given, axis) / float(given.shape[axis])


def folded(function: str, *numbers: float) -> float:
    """A function of plain numbers, as the nodes would have it."""
    if function == "gated":
        weight, number = numbers
        return weight * number if weight else 0.0
    return float(value(FUNCTIONS[function](*(const(number, "f64") for number in numbers))))
