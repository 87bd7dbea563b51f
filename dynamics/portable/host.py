"""A program run on this machine, by wasmtime: numbers and starts in, paths and readings out."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import wasmtime

from dynamics.portable.graph import TYPES
from dynamics.portable.program import OF_A_START, Program, program, shapes
from dynamics.portable.wasm import FREE, written
from dynamics.simulate import Kernel

PAGE = 65536
_engine = wasmtime.Engine()


class Module(NamedTuple):
    """A program and what it is compiled to."""

    program: Program
    code: bytes
    compiled: wasmtime.Module


@lru_cache(maxsize=128)
def compiled(kernel: Kernel, shapes: Any) -> Module:
    """What a kernel is compiled to; raises `Untranslated`."""
    made = program(kernel, shapes)
    code = written(made)
    return Module(made, code, wasmtime.Module(_engine, code))


class Record(NamedTuple):
    """Paths of one program, from several starts."""

    module: Module
    numbers: bytes
    points: np.ndarray
    """(P, 3, T + 1) of x, y and frame"""
    sound: np.ndarray
    """of each path whether every loss and gradient that a step was made from is finite"""

    def readings(self, at: slice = slice(None)) -> np.ndarray:
        """(P, 4, T + 1) of the loss, the gradient's x and y, and the sharpness, at the points t of a slice."""
        points = np.ascontiguousarray(self.points[:, :2, at])
        paths, _, count = points.shape
        run = _Run(self.module, self.numbers)
        where, out = run.room(2 * 8 * count), run.room(4 * 8 * count)
        found = np.empty((paths, 4, count))
        for p in range(paths):
            run.write(points[p].tobytes(), where)
            run.call("read", FREE, where, 8 * count, out, count)
            found[p] = run.read(out, (4, count))
        return found


def record(kernel: Kernel, traced: Mapping[str, Any], steps: int) -> Record:
    """Every start's path of a prepared run."""
    module = compiled(kernel, shapes(traced))
    made = module.program
    numbers = packed(made.numbers, _numbers(traced))
    table, rows = rates(made, traced, steps)
    run = _Run(module, numbers)
    given, clock = run.room(max(len(table), 8)), run.room(8 * max(len(made.row), 1) * rows)
    start, out = run.room(8 * len(OF_A_START)), run.room(3 * 8 * (steps + 1))
    run.write(table, given)
    run.call("clock", FREE, given, 8 * len(made.rates) if len(table) > 8 * len(made.rates) else 0, clock, rows)
    points = np.empty((len(traced["starts"]), 3, steps + 1))
    sound = np.empty(len(points), bool)
    stride = 8 * len(made.row) if rows > 1 else 0
    for p, (x, y) in enumerate(traced["starts"]):
        run.write(packed(made.start, {"x": x, "y": y, "frame": traced["frames"][p], "place": p}), start)
        sound[p] = run.call("path", FREE, start, clock, stride, out, 8 * (steps + 1), steps)
        points[p] = run.read(out, (3, steps + 1))
    return Record(module, numbers, points, sound)


def _numbers(traced: Mapping[str, Any]) -> dict[str, Any]:
    """Every traced number under its leaf's name."""
    found: dict[str, Any] = {}
    for name, given in traced.items():
        parts = {f"{name}.{inner}": part for inner, part in given.items()} if isinstance(given, dict) else {name: given}
        for key, part in parts.items():
            found |= {".".join([key, *map(str, place)]): np.asarray(part)[place] for place in np.ndindex(np.shape(part))
                      } if np.size(part) <= 64 else {}  # fmt: skip
    return found


def packed(names: tuple[tuple[str, str], ...], numbers: Mapping[str, Any]) -> bytes:
    """Numbers in a program's order, eight bytes each."""
    return b"".join(TYPES[kind](numbers[name]).tobytes().ljust(8, b"\0") for name, kind in names)


def rates(made: Program, traced: Mapping[str, Any], steps: int) -> tuple[bytes, int]:
    """The table of rates, and how many rows the clock has to give: one where every step has the same."""
    columns = [np.asarray(traced[name], TYPES[kind])[..., :steps] for name, kind in made.rates]
    constant = all(column.ndim == 0 or (column == column[:1]).all() for column in columns)
    count = 1 if constant else steps
    table = np.zeros((count, len(columns), 8), np.uint8)
    for k, column in enumerate(columns):
        kept = np.ascontiguousarray(np.broadcast_to(column[..., :count], (count,)))
        table[:, k, : kept.itemsize] = kept.view(np.uint8).reshape(count, -1)
    return table.tobytes(), max(steps, 1) if made.ticks else count


class _Run:
    """One instance with a memory of its own: numbers first, then what is asked room for."""

    def __init__(self, module: Module, numbers: bytes):
        self._store = wasmtime.Store(_engine)
        self._exports = wasmtime.Instance(self._store, module.compiled, []).exports(self._store)
        self._memory = self._exports["memory"]
        self._end = FREE
        self.write(numbers, self.room(len(numbers)))

    def room(self, size: int) -> int:
        at, self._end = self._end, self._end + (size + 63) // 64 * 64
        lacking = self._end - self._memory.data_len(self._store)
        if lacking > 0:
            self._memory.grow(self._store, -(-lacking // PAGE))
        return at

    def write(self, data: bytes, at: int) -> None:
        if data:
            self._memory.write(self._store, data, at)

    def call(self, name: str, *arguments: int) -> Any:
        return self._exports[name](self._store, *arguments)

    def read(self, at: int, shape: tuple[int, ...]) -> np.ndarray:
        return np.frombuffer(self._memory.read(self._store, at, at + 8 * int(np.prod(shape))), float).reshape(shape)
