"""Data ready-made of those that are there: centred, moved away from the origin, scaled, with one point far out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Columns = dict[str, list[float]]


class Ready(NamedTuple):
    words: str
    change: Callable[[Columns], Columns]


def _inputs(columns: Columns) -> list[str]:
    """All columns but the last, which is the target, where there are several."""
    return list(columns)[:-1] or list(columns)


def _each(columns: Columns, change: Callable[[np.ndarray], np.ndarray]) -> Columns:
    made = dict(columns)
    for name in _inputs(columns):
        made[name] = [float(f"{value:.6g}") for value in change(np.array(columns[name]))]
    return made


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _outlier(columns: Columns) -> Columns:
    """The first row's inputs, five times as far out."""
    return columns | {name: [5 * columns[name][0], *columns[name][1:]] for name in _inputs(columns)}


READY = {
    "centred": Ready("centred: each input's mean is 0", lambda columns: _each(columns, lambda v: v - v.mean())),
    "standardised": Ready("standardised: mean 0, deviation 1", lambda columns: _each(columns, _standardised)),
    "uncentred": Ready("uncentred: each input plus 3", lambda columns: _each(columns, lambda v: v + 3)),
    "scaled": Ready("scaled: each input times 3", lambda columns: _each(columns, lambda v: 3 * v)),
    "outlier": Ready("one row five times as far out", _outlier),
}
