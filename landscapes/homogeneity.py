"""How a formula behaves when its weights are made longer, as far as its structure proves it for every value of its knobs.

    L(c w) = c^k L(w)                homogeneous of degree k; 0 is scale invariance        Scaling(degree=k)
    L(c w) = L(w) + k log c          what a logarithm makes of that                         Scaling(shift=k)

for every c > 0. k is a sum of constants with rational factors, such as 2 + 3 p for x²·r^(3p) with a knob p, so that what
cancels is seen to cancel whatever the knobs are. A measurement proves nothing: it appears nowhere here.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from landscapes.expression import ONE, ROWS, THETA, ZERO, Node, in_order

Constant = tuple[tuple[Node, Fraction], ...]
"""A sum of constant parts of the formula, each with its factor, in one order: equal sums are equal tuples."""
NONE: Constant = ()


class Scaling(NamedTuple):
    degree: Constant = NONE
    shift: Constant = NONE

    @property
    def invariant(self) -> bool:
        return self == Scaling()


def degree(node: Node) -> Fraction | None:
    """The k with L(c w) = c^k L(w) for every c > 0, where it is one number; None where the tree proves none."""
    found = scaling(node)
    if found is None or found.shift:
        return None
    if not found.degree:
        return Fraction(0)
    return found.degree[0][1] if [part for part, _ in found.degree] == [ONE] else None


def scaling(node: Node) -> Scaling | None:
    known: dict[Node, Scaling | None] = {}
    for part in in_order([node]):
        known[part] = _leaf(part) if not part.operands else _made(part, [known[operand] for operand in part.operands])
    return known[node]


def _leaf(part: Node) -> Scaling:
    return Scaling(_pure(1)) if part.op == "variable" and part != THETA else Scaling()


def _made(part: Node, of: list[Scaling | None]) -> Scaling | None:
    if part.op in ("add", "min", "max") and ZERO in part.args:
        return of[1 - part.args.index(ZERO)]  # zero has every degree
    if None in of:
        return None
    if part.op in _MADE:
        return _MADE[part.op](part, *of)
    return Scaling() if all(each.invariant for each in of) else None


def _alike(part: Node, a: Scaling, b: Scaling) -> Scaling | None:
    return a if a == b else None


def _sum(part: Node, a: Scaling, b: Scaling) -> Scaling | None:
    """Equal degrees stay; shifts of what is else invariant add."""
    if a.degree or b.degree:
        return _alike(part, a, b)
    return Scaling(shift=_plus(a.shift, b.shift))


def _negative(part: Node, a: Scaling) -> Scaling:
    return Scaling(a.degree, _times(a.shift, ONE, Fraction(-1)))


def _product(part: Node, a: Scaling, b: Scaling) -> Scaling | None:
    left, right = part.operands
    if a.shift or b.shift:  # of a logarithm, only a constant multiple is one
        factor, logarithm = (left, b) if b.shift else (right, a)
        return Scaling(shift=_multiple(logarithm.shift, factor)) if _constant(factor) else None
    return Scaling(_plus(a.degree, b.degree))


def _quotient(part: Node, a: Scaling, b: Scaling) -> Scaling | None:
    if a.shift or b.shift:
        below = part.operands[1]
        return Scaling(shift=_multiple(a.shift, ONE / below)) if _constant(below) else None
    return Scaling(_plus(a.degree, _times(b.degree, ONE, Fraction(-1))))


def _whole_power(part: Node, a: Scaling) -> Scaling | None:
    return None if a.shift else Scaling(_times(a.degree, ONE, Fraction(part.args[1])))


def _power(part: Node, a: Scaling, b: Scaling) -> Scaling | None:
    exponent = part.operands[1]
    if not _constant(exponent):
        return Scaling() if a.invariant and b.invariant else None
    return None if a.shift else Scaling(_multiple(a.degree, exponent))


def _root(part: Node, a: Scaling) -> Scaling | None:
    return None if a.shift else Scaling(_times(a.degree, ONE, Fraction(1, 2)))


def _logarithm(part: Node, a: Scaling) -> Scaling | None:
    return None if a.shift else Scaling(shift=a.degree)


def _exponential(part: Node, a: Scaling) -> Scaling | None:
    return None if a.degree else Scaling(degree=a.shift)


def _size(part: Node, a: Scaling) -> Scaling | None:
    return None if a.shift else a


def _direction(part: Node, a: Scaling) -> Scaling | None:
    return None if a.shift else Scaling()


def _over_rows(part: Node, a: Scaling) -> Scaling | None:
    """Parts of one degree have it together; a degree or shift that differs from row to row is none."""
    if any(constant.by_row for constant, _ in (*a.degree, *a.shift)):
        return None
    return a if part.op == "mean" else a._replace(shift=_multiple(a.shift, ROWS))


def _angle(part: Node, a: Scaling, b: Scaling) -> Scaling | None:
    return Scaling() if a == b and not a.shift else None


_MADE: dict[str, Callable[..., Scaling | None]] = {
    "add": _sum, "min": _alike, "max": _alike, "neg": _negative, "mul": _product, "gated": _product, "div": _quotient,
    "powi": _whole_power, "pow": _power, "sqrt": _root, "log": _logarithm, "exp": _exponential, "abs": _size,
    "sign": _direction, "atan2": _angle, "mean": _over_rows, "sum": _over_rows,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Sums of constants


def _constant(node: Node) -> bool:
    return all(part.op != "variable" for part in in_order([node]))


def _pure(value: int | Fraction) -> Constant:
    return ((ONE, Fraction(value)),)


def _plus(a: Constant, b: Constant) -> Constant:
    total = dict(a)
    for part, factor in b:
        total[part] = total.get(part, Fraction(0)) + factor
    return tuple(sorted(((part, factor) for part, factor in total.items() if factor), key=repr))


def _times(a: Constant, part: Node, factor: Fraction) -> Constant:
    return _plus(NONE, tuple((each * part, own * factor) for each, own in a))


def _multiple(a: Constant, constant: Node) -> Constant:
    """The sum times a constant part: numbers are multiplied out, so that 2·p and p·2 are one."""
    match constant.op:
        case "number":
            return _times(a, ONE, constant.args[0])
        case "neg":
            return _times(_multiple(a, constant.args[0]), ONE, Fraction(-1))
        case "mul":
            return _multiple(_multiple(a, constant.args[0]), constant.args[1])
        case "add":
            return _plus(_multiple(a, constant.args[0]), _multiple(a, constant.args[1]))
    return _plus(NONE, tuple((_ordered(each, constant), own) for each, own in a))


def _ordered(a: Node, b: Node) -> Node:
    """The product of two constants, the same whichever comes first."""
    factors = sorted((*_factors(a), *_factors(b)), key=repr)
    made = ONE
    for factor in factors:
        made = made * factor
    return made


def _factors(node: Node) -> tuple[Node, ...]:
    if node == ONE:
        return ()
    return (*_factors(node.args[0]), *_factors(node.args[1])) if node.op == "mul" else (node,)
