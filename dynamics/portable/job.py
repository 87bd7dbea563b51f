"""What is asked of a module: the numbers, starts and rates of a prepared run, as bytes in the program's order."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dynamics.portable.graph import TYPES
from dynamics.portable.program import Program, program, shapes
from dynamics.portable.wasm import written
from dynamics.simulate import Kernel

WIDTH = 8
"""bytes of every number, whatever its type"""


class Compiled(NamedTuple):
    program: Program
    code: bytes
    """the module"""


class Job(NamedTuple):
    """A run as a module is asked for it."""

    compiled: Compiled
    numbers: bytes
    starts: tuple[bytes, ...]
    rates: bytes
    """one row of rates for all points, or one for each"""
    rows: int
    """how many rows the clock is to give: one where every step has the same"""
    steps: int

    @property
    def stride(self) -> int:
        """From one row of rates to the next, in bytes."""
        one = WIDTH * len(self.compiled.program.rates)
        return one if len(self.rates) > one else 0

    @property
    def row(self) -> int:
        """The bytes of one of the clock's rows."""
        return WIDTH * len(self.compiled.program.row)


@lru_cache(maxsize=128)
def compiled(kernel: Kernel, shapes: Any) -> Compiled:
    """What a kernel is compiled to; raises `Untranslated`."""
    made = program(kernel, shapes)
    return Compiled(made, written(made))


def job(kernel: Kernel, traced: Mapping[str, Any], steps: int) -> Job:
    """A prepared run as a job; raises `Untranslated`."""
    made = compiled(kernel, shapes(traced))
    numbers = dict(_numbers(traced))
    starts = [
        packed(made.program.start, {"x": x, "y": y, "frame": frame, "place": place})
        for place, ((x, y), frame) in enumerate(zip(traced["starts"], traced["frames"], strict=True))
    ]
    columns = [np.atleast_1d(np.asarray(traced[name], TYPES[kind]))[: steps + 1] for name, kind in made.program.rates]
    count = 1 if all((column == column[0]).all() for column in columns) else steps + 1
    return Job(
        made, packed(made.program.numbers, numbers), tuple(starts), _table(columns, count),
        max(steps, 1) if made.program.ticks or count > 1 else 1, steps,
    )  # fmt: skip


def packed(names: Sequence[tuple[str, str]], numbers: Mapping[str, Any]) -> bytes:
    return b"".join(TYPES[kind](numbers[name]).tobytes().ljust(WIDTH, b"\0") for name, kind in names)


def _numbers(traced: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a program may call a number of the run: own.momentum, knobs.a, knobs.column.3, seed."""
    for name, given in traced.items():
        for inner, part in given.items() if isinstance(given, dict) else [("", given)]:
            if isinstance(given, dict) or np.ndim(part) == 0:
                for place in np.ndindex(np.shape(part)):
                    yield ".".join([name, *([inner] if inner else []), *map(str, place)]), np.asarray(part)[place]


def _table(columns: Sequence[np.ndarray], count: int) -> bytes:
    table = np.zeros((count, len(columns), WIDTH), np.uint8)
    for k, column in enumerate(columns):
        kept = np.ascontiguousarray(np.broadcast_to(column[:count], count))
        table[:, k, : kept.itemsize] = kept.view(np.uint8).reshape(count, -1)
    return table.tobytes()
