"""What a model says of its data: the first named part of a formula that differs from row to row, as a function of a point.

    mean((z - t)^2)/2; z = x*u + y          z(u) = x u + y            a line over one input
    mean(softplus(-t*z)); z = x*u + y*v     z(u, v) = 0               a border between two inputs

What the part averages over, as a batch normalisation does, is averaged over the data's own rows.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from landscapes import grammar, writing
from landscapes.expression import OVER_ROWS, Node, X, Y, array_functions, evaluate, in_order, rebuild, unstopped
from landscapes.landscape import Knobs, Landscape
from landscapes.rows import written_out


class Model(NamedTuple):
    tree: Node
    """of x, y, knobs and the inputs, which are variables"""
    inputs: tuple[str, ...]

    def program(self, knobs: Knobs) -> dict[str, Any]:
        """For the browser; inputs are operations called by their names."""
        return writing.program([self.tree], knobs)

    def at(self, x: float, y: float, inputs: dict[str, np.ndarray], knobs: Knobs) -> np.ndarray:
        """What the model of weights (x, y) says of points."""
        shape = np.broadcast_shapes(*(values.shape for values in inputs.values()))
        leaves: dict[Node, Any] = {X: np.float64(x), Y: np.float64(y)}
        leaves |= {_input(name): values for name, values in inputs.items()}
        for node in in_order([self.tree]):
            if node.op == "knob":
                leaves[node] = knobs[node.args[0]]
            elif node.op == "variable" and node not in leaves:
                leaves[node] = np.hypot(x, y) if node.args[0] == "r" else np.arctan2(y, x)
        with np.errstate(all="ignore"):
            return np.broadcast_to(evaluate([self.tree], leaves, array_functions(np))[0], shape)


@lru_cache(maxsize=64)
def model_of(landscape: Landscape) -> Model | None:
    """The model of a loss of data, where its formula gives it a name."""
    if not landscape.data:
        return None
    named = grammar.parts(landscape.formula, tuple(knob.name for knob in landscape.extra_knobs), tuple(dict(landscape.data)))
    tree = next((part for part in named.values() if part.by_row), None)
    if tree is None:
        return None
    (outside,) = written_out(unstopped([_outside(tree)]), landscape.data)
    inputs = tuple(name for name, _ in landscape.data if _input(name) in in_order([outside]))
    return Model(outside, inputs) if inputs else None


def _input(name: str) -> Node:
    return Node("variable", name)


def _outside(node: Node) -> Node:
    """The part with inputs in the place of columns, except in what is averaged over the rows."""
    if node.op == "column":
        return _input(node.args[0])
    if node.op in OVER_ROWS or not node.operands:
        return node
    return rebuild(node, tuple(map(_outside, node.operands)))
