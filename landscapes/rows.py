"""Data of a loss: a small table whose columns are names inside `mean(…)` and `sum(…)`.

    u_i, i = 1 … n        a column, a number for every row
    mean(f(u)) = (1/n) Σ_i f(u_i)
"""

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from landscapes.expression import ROWS, Node, in_order, number, rebuild

MAX_COLUMNS, MAX_ROWS = 8, 64

Columns = tuple[tuple[str, tuple[float, ...]], ...]
"""names and their values, in the order of the table"""


def table(columns: Mapping[str, Iterable[float]] | Columns) -> Columns:
    """Columns as a value that can be compared and kept."""
    return tuple((name, tuple(map(float, values))) for name, values in dict(columns).items())


def fault(columns: Columns) -> str | None:
    """Why these columns are no data, in one sentence, or None."""
    if len(columns) > MAX_COLUMNS:
        return f"Data have at most {MAX_COLUMNS} columns; these have {len(columns)}."
    lengths = {name[:32]: len(values) for name, values in columns}
    if len(set(lengths.values())) > 1:
        return f"All columns of data are equally long; these have {', '.join(f'{n} in {k}' for k, n in lengths.items())}."
    for name, values in columns:
        if not 1 <= len(values) <= MAX_ROWS:
            return f"Data have 1 to {MAX_ROWS} rows; these have {len(values)}."
        if not all(map(math.isfinite, values)):
            return f"Data are a table of finite numbers; the column {name[:32]} holds another."
    return None


def shaped(values: Any, x: Any) -> Any:
    """A column (n,) as (n, 1, …) beside points x; what has a row for each of them already stays."""
    return values.reshape(values.shape[0], *[1] * np.ndim(x)) if values.ndim == 1 else values


def written_out(outputs: list[Node], columns: Columns) -> list[Node]:
    """The outputs with every row's own part written down, numbers read as their shortest decimals: no column is left."""
    data = {name: tuple(number(Fraction(repr(value))) for value in values) for name, values in columns}
    count = len(columns[0][1]) if columns else 0
    made: dict[Node, tuple[Node, ...]] = {}
    for node in in_order(outputs):
        if node.op == "column":
            made[node] = data[node.args[0]]
        elif node == ROWS:
            made[node] = (number(count),)
        elif not node.operands:
            made[node] = (node,)
        elif node.op in ("mean", "sum"):
            total = _added(made[node.args[0]])
            made[node] = (total if node.op == "sum" else total / number(count),)
        else:
            wide = [made[operand] for operand in node.operands]
            made[node] = tuple(
                rebuild(node, tuple(each[i % len(each)] for each in wide)) for i in range(max(map(len, wide)))
            )
    return [made[node][0] for node in outputs]


def _added(parts: Iterable[Node]) -> Node:
    total, *rest = parts
    for part in rest:
        total = total + part
    return total
