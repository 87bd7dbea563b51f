"""Scalars as a graph: every value is a node, equal nodes are one node, and what is known is folded at birth.

    node = operation(nodes)        only simplifications that keep every bit: a·1 = a, but a + 0 is not a where a = -0

Arithmetic is IEEE 754 in f64 and f32 without contraction, and two's complement in i32, i64, u32 and u64.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

TYPES = {
    "f64": np.float64, "f32": np.float32, "i32": np.int32, "i64": np.int64, "u32": np.uint32, "u64": np.uint64,
    "bool": np.bool_,
}  # fmt: skip
TYPE_OF = {np.dtype(kind): name for name, kind in TYPES.items()}
FLOATS = ("f64", "f32")
LEAVES = ("const", "param", "rate", "row", "state", "step", "argument")
"""a number known now; one of the run; one of step t; one that `clock` found for step t; the state, t, and an argument"""
MOVING = ("rate", "row", "state", "step")
"""leaves that change from step to step"""
COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
COMMUTATIVE = ("add", "mul", "and", "or", "xor", "max", "min", "eq", "ne")
TABLES: dict[str, np.ndarray] = {}
"""words (u32) that an elementary function looks up, under a name"""

_kept: ContextVar[dict[Any, "Node"]] = ContextVar("the nodes of the program being built")


class Node:
    """One operation on other nodes. `data` is a constant's value, a leaf's name or number, or which of several results."""

    __slots__ = ("operation", "operands", "type", "data", "number", "moves")

    def __init__(self, operation: str, operands: tuple[Any, ...], kind: str, data: Any, number: int):
        self.operation, self.operands, self.type, self.data, self.number = operation, operands, kind, data, number
        self.moves = operation in MOVING or any(each.moves for each in flat(operands))

    def __repr__(self) -> str:
        return f"{self.operation}#{self.number}:{self.type}"

    def __add__(self, other: Any) -> "Node":
        return make("add", self, other)

    def __radd__(self, other: Any) -> "Node":
        return make("add", self, other)

    def __sub__(self, other: Any) -> "Node":
        return make("sub", self, other)

    def __rsub__(self, other: Any) -> "Node":
        return make("sub", lifted(other, self), self)

    def __mul__(self, other: Any) -> "Node":
        return make("mul", self, other)

    def __rmul__(self, other: Any) -> "Node":
        return make("mul", self, other)

    def __truediv__(self, other: Any) -> "Node":
        return make("div", self, other)

    def __rtruediv__(self, other: Any) -> "Node":
        return make("div", lifted(other, self), self)

    def __neg__(self) -> "Node":
        return make("neg", self)

    def __abs__(self) -> "Node":
        return make("abs", self)

    def __lt__(self, other: Any) -> "Node":
        return make("lt", self, other)

    def __le__(self, other: Any) -> "Node":
        return make("le", self, other)

    def __gt__(self, other: Any) -> "Node":
        return make("gt", self, other)

    def __ge__(self, other: Any) -> "Node":
        return make("ge", self, other)

    def __and__(self, other: Any) -> "Node":
        return make("and", self, other)

    def __or__(self, other: Any) -> "Node":
        return make("or", self, other)

    def __xor__(self, other: Any) -> "Node":
        return make("xor", self, other)

    def __lshift__(self, other: Any) -> "Node":
        return make("shl", self, other)

    def __rshift__(self, other: Any) -> "Node":
        return make("shr", self, other)

    def __invert__(self) -> "Node":
        return make("not", self)

    def equals(self, other: Any) -> "Node":
        return make("eq", self, other)

    def differs(self, other: Any) -> "Node":
        return make("ne", self, other)

    def to(self, kind: str) -> "Node":
        """The nearest value of another type; integers wrap, floats saturate."""
        return make("convert", self, kind=kind)

    def bits(self, kind: str) -> "Node":
        """The same bits as another type."""
        return make("bitcast", self, kind=kind)


@contextmanager
def building() -> Iterator[None]:
    """Within it equal nodes are one node; afterwards nothing is remembered."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def flat(operands: Sequence[Any]) -> list[Node]:
    """The nodes that an operation looks at: both sides of an `if` are tuples of them."""
    return [each for part in operands for each in (part if isinstance(part, tuple) else (part,))]


def node(operation: str, kind: str, operands: tuple[Any, ...] = (), data: Any = None) -> Node:
    """The one node that does this."""
    kept = _kept.get()
    key = (operation, kind, data, operands)
    if key not in kept:
        kept[key] = Node(operation, operands, kind, data, len(kept))
    return kept[key]


def const(value: Any, kind: str) -> Node:
    with np.errstate(over="ignore"):
        value = TYPES[kind](value)
    if kind in FLOATS and value != value:
        value = TYPES[kind](math.nan)  # one NaN: engines differ in its sign and payload
    return node("const", kind, (), value.tobytes())


def value(each: Node) -> Any:
    return np.frombuffer(each.data, TYPES[each.type])[0]


def is_const(each: Node, number: float | None = None) -> bool:
    """Whether a node is known now (and is this number, zeros with their sign)."""
    if each.operation != "const":
        return False
    if number is None:
        return True
    found = value(each)
    return bool(found == number) and (each.type not in FLOATS or math.copysign(1, found) == math.copysign(1, number))


def lifted(number: Any, like: Node) -> Node:
    return number if isinstance(number, Node) else const(number, like.type)


def make(operation: str, *operands: Any, kind: str | None = None) -> Node:
    """An operation, folded or simplified where that keeps every bit."""
    first = next(each for each in operands if isinstance(each, Node))
    nodes = tuple(lifted(each, first) for each in operands)
    if kind is None:
        kind = "bool" if operation in COMPARISONS else nodes[1].type if operation == "select" else nodes[0].type
    if operation in ("convert", "bitcast") and nodes[0].type == kind:
        return nodes[0]
    if all(each.operation == "const" for each in nodes):
        return const(computed(operation, kind, [value(each) for each in nodes]), kind)
    if operation in COMMUTATIVE:
        nodes = tuple(sorted(nodes, key=lambda each: (each.operation == "const", each.number)))
    return simplified(operation, kind, nodes) or node(operation, kind, nodes)


def where(condition: Node, yes: Any, no: Any) -> Node:
    yes = lifted(yes, no) if isinstance(no, Node) else yes
    return make("select", condition, yes, lifted(no, yes))


def branch(condition: Node, yes: tuple[Node, ...], no: tuple[Node, ...]) -> tuple[Node, ...]:
    """`yes` or `no`, where only the side that holds is computed."""
    if is_const(condition):
        return yes if value(condition) else no
    if all(a is b for a, b in zip(yes, no, strict=True)):
        return yes
    whole = node("if", "several", (condition, yes, no))
    return tuple(
        a if a is b else node("part", a.type, (whole,), k) for k, (a, b) in enumerate(zip(yes, no, strict=True))
    )


def look(table: str, index: Node) -> Node:
    """A word of a table; the index must be one of its."""
    return const(TABLES[table][int(value(index))], "u32") if is_const(index) else node("look", "u32", (index,), table)


# ---------------------------------------------------------------------------------------------------------------------
# What an operation is


def computed(operation: str, kind: str, given: Sequence[Any]) -> Any:
    """The value of one operation on NumPy's scalars."""
    a, b = given[0], given[-1]
    with np.errstate(all="ignore"):
        if operation in COMPARISONS:
            return COMPARISONS[operation](a, b)
        match operation:
            case "add":
                return a + b
            case "sub":
                return a - b
            case "mul":
                return a * b
            case "div":
                return a / b
            case "neg":
                return -a
            case "abs":
                return abs(a)
            case "sqrt":
                return np.sqrt(a)
            case "max" | "min":
                return _extreme(operation, a, b)
            case "copysign":
                return np.copysign(a, b)
            case "floor" | "ceil" | "rint":
                return getattr(np, operation)(a)
            case "and":
                return a & b
            case "or":
                return a | b
            case "xor":
                return a ^ b
            case "not":
                return ~a
            case "shl":
                return np.left_shift(a, b)
            case "shr":
                return np.right_shift(a, b)
            case "rotl":
                return TYPES[kind]((int(a) << int(b) | int(a) >> (32 - int(b))) & 0xFFFFFFFF)
            case "select":
                return given[1] if a else b
            case "bitcast":
                return a.view(TYPES[kind])
            case "convert":
                return _converted(a, kind)
    raise KeyError(operation)


def _extreme(operation: str, a: Any, b: Any) -> Any:
    """max and min as IEEE 754-2019 has them: NaN wins, and -0 is below 0."""
    if a != a or b != b:
        return a + b
    if a == b and isinstance(a, np.floating):
        larger, smaller = (b, a) if np.signbit(a) else (a, b)
    else:
        larger, smaller = (a, b) if a > b else (b, a)
    return larger if operation == "max" else smaller


def _converted(a: Any, kind: str) -> Any:
    if not isinstance(a, np.floating) or kind in FLOATS:
        return np.asarray(a).astype(TYPES[kind])[()]
    limits = np.iinfo(TYPES[kind])
    if not np.isfinite(a):
        return 0 if a != a else limits.max if a > 0 else limits.min
    return min(max(int(a), limits.min), limits.max)


def _power_of_two(each: Node) -> bool:
    """Whether dividing by this constant is multiplying by its inverse, bit by bit."""
    if not is_const(each):
        return False
    mantissa, exponent = math.frexp(float(value(each)))
    return abs(mantissa) == 0.5 and abs(exponent) < (900 if each.type == "f64" else 100)


def simplified(operation: str, kind: str, nodes: tuple[Node, ...]) -> Node | None:
    """The same value by less work, or None."""
    a, b = nodes[0], nodes[-1]
    real = kind in FLOATS
    match operation:
        case "add":
            if is_const(b, -0.0) if real else is_const(b, 0):
                return a
            if b.operation == "neg":
                return a - b.operands[0]
            if a.operation == "neg":
                return b - a.operands[0]
            if not real and is_const(b) and a.operation == "add" and is_const(a.operands[1]):
                return a.operands[0] + (a.operands[1] + b)
        case "sub":
            if is_const(b, 0):
                return a
            if b.operation == "neg":
                return a + b.operands[0]
            if not real and is_const(b):
                return a + -b
        case "mul":
            if is_const(b, 1):
                return a
            if real and is_const(b, -1):
                return -a
            if real and a.operation == "neg" == b.operation:
                return a.operands[0] * b.operands[0]
        case "div":
            if is_const(b, 1):
                return a
            if is_const(b, -1):
                return -a
            if real and _power_of_two(b):
                return a * (1 / float(value(b)))
            if a.operation == "neg" == b.operation:
                return a.operands[0] / b.operands[0]
        case "neg":
            if a.operation == "neg":
                return a.operands[0]
        case "abs":
            if a.operation in ("neg", "abs"):
                return abs(a.operands[0])
        case "max" | "min":
            if a is b:
                return a
        case "and" | "or":
            if a is b:
                return a
            if kind == "bool" and is_const(b):
                return a if bool(value(b)) == (operation == "and") else b
            if is_const(b, 0):
                return b if operation == "and" else a
        case "xor" | "shl" | "shr":
            if kind != "bool" and is_const(b, 0):
                return a
        case "eq" | "ne":
            if a.operation == "convert" and a.operands[0].type == "bool" and is_const(b, 0):
                return a.operands[0] if operation == "ne" else ~a.operands[0]
        case "select":
            return _selected(*nodes)
        case "not":
            if a.operation == "not":
                return a.operands[0]
            if a.operation in ("eq", "ne") or (a.operation in OPPOSITE and a.operands[0].type not in FLOATS):
                return make(OPPOSITE[a.operation], *a.operands)
        case "convert":
            if kind == "bool":
                return a.differs(0)
            if a.operation == "convert":
                inner = a.operands[0]
                if inner.type == "bool" and a.type not in FLOATS or (inner.type, a.type, kind) == ("i32", "i64", "i32"):
                    return inner.to(kind)
        case "bitcast":
            if a.operation == "bitcast":
                return a.operands[0].bits(kind)
    return None


def _selected(condition: Node, yes: Node, no: Node) -> Node | None:
    if is_const(condition):
        return yes if value(condition) else no
    if yes is no:
        return yes
    if yes.type == "bool" and is_const(yes) and is_const(no):
        return condition if value(yes) else ~condition
    if condition.operation == "not":
        return where(condition.operands[0], no, yes)
    return None
