"""The loss and gradient for the inside of a loop: no angle, no hypotenuse, one division a step.

    f'(θ) = f with x' = -y, y' = x        ∇L = f' / r² · (-y, x)        1/r and 1/r² from one reciprocal

A formula whose structure proves that it ignores length needs no unit vector: f' has degree 0, so it is read at w
itself, with x² + y² written as r² and every division by a power of r as a product. Squares must fit in a float, which
is the caller's promise: norms well within 1e±15 in float32, 1e±150 in float64. `Landscape.local` needs no promise.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from landscapes.expression import (
    ALONG_THETA,
    THETA,
    Node,
    R,
    X,
    Y,
    array_functions,
    derivative,
    evaluate,
    harmonics_as_polynomials,
    in_order,
    rewrite,
)
from landscapes.homogeneity import degree

SQUARED, INVERSE, INVERSE_SQUARED = (Node("variable", name) for name in ("r^2", "1/r", "1/r^2"))
HIGHEST_DEGREE = 4
"""Formulas with parts of a higher degree are read on the unit vector, so that no power of a norm overflows."""


class Angular(NamedTuple):
    """f and f' as trees, and whether they may be read at w itself or only on the unit vector."""

    trees: list[Node]
    anywhere: bool


@lru_cache(maxsize=64)
def angular(expression: Node) -> Angular:
    f = rewrite([expression], _circle)[0]
    trees = rewrite(harmonics_as_polynomials([f, derivative(f, ALONG_THETA)]), _circle)
    degrees = [degree(part) for part in in_order(trees)]
    anywhere = degree(expression) == 0 and all(d is not None and abs(d) <= HIGHEST_DEGREE for d in degrees)
    return Angular(rewrite(trees, _by_reciprocal), anywhere)


def _circle(node: Node) -> Node:
    """x² + y² = r²."""
    return R**2 if node in (X**2 + Y**2, Y**2 + X**2) else node


def _by_reciprocal(node: Node) -> Node:
    """a / r^n = a · (1/r)^n, and even powers from the square."""
    match node.op:
        case "div" if node.args[1] == R:
            return node.args[0] * INVERSE
        case "div" if node.args[1] == SQUARED:
            return node.args[0] * INVERSE_SQUARED
        case "div" if node.args[1].op == "powi" and node.args[1].args[0] == SQUARED:
            return node.args[0] * INVERSE_SQUARED ** node.args[1].args[1]
        case "powi" if node.args[0] == R and node.args[1] % 2 == 0:
            return SQUARED ** (node.args[1] // 2)
    return node


def at(form: Angular, x: Any, y: Any, given: Mapping[Node, Any], xp: Any) -> tuple[Any, Any, Any]:
    """(L, ∂L/∂x, ∂L/∂y) at (x, y); `given` are the values of knobs and columns."""
    squared = x * x + y * y
    inverse_squared = 1 / squared
    inverse = xp.sqrt(inverse_squared)
    leaves: dict[Node, Any] = {X: x, Y: y, R: squared * inverse, SQUARED: squared}
    leaves |= {INVERSE: inverse, INVERSE_SQUARED: inverse_squared}
    if not form.anywhere:
        leaves = {X: x * inverse, Y: y * inverse} | dict.fromkeys((R, SQUARED, INVERSE, INVERSE_SQUARED), 1.0)
    if THETA in in_order(form.trees):
        leaves[THETA] = xp.arctan2(y, x)
    loss, slope = evaluate(form.trees, leaves | given, array_functions(xp))
    push = slope * inverse_squared
    return loss, -y * push, x * push
