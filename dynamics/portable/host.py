"""A module run on this machine, by wasmtime: numbers and starts in, paths and readings out."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import wasmtime

from dynamics.portable.job import WIDTH, Job
from dynamics.portable.wasm import FREE

PAGE = 65536
_engine = wasmtime.Engine()


@lru_cache(maxsize=128)
def _machine_code(code: bytes) -> wasmtime.Module:
    return wasmtime.Module(_engine, code)


class Record(NamedTuple):
    """Paths from the starts of a job."""

    job: Job
    points: np.ndarray
    """(P, 3, T + 1) of x, y and frame"""
    sound: np.ndarray
    """of each path whether every loss and gradient that a step was made from is finite"""

    def readings(self, at: slice = slice(None)) -> np.ndarray:
        """(P, 4, T + 1) of the loss, the gradient's x and y, and the sharpness, at the points t of a slice."""
        points = np.ascontiguousarray(self.points[:, :2, at])
        found = np.empty((len(points), 4, points.shape[2]))
        run, plane = _Run(self.job), points.shape[2] * WIDTH
        where, out = run.room(2 * plane), run.room(4 * plane)
        for p, given in enumerate(points):
            run.write(given.tobytes(), where)
            run.call("read", FREE, where, plane, out, points.shape[2])
            found[p] = run.seen(out, found[p].shape)
        return found


def record(job: Job) -> Record:
    """Every start's path, one after the other: so a path is the same to the last bit alone and beside others."""
    run, plane = _Run(job), WIDTH * (job.steps + 1)
    rates, rows = run.room(len(job.rates)), run.room(job.row * job.rows)
    start, out = run.room(64), run.room(3 * plane)
    run.write(job.rates, rates)
    run.call("clock", FREE, rates, job.stride, rows, job.rows)
    points = np.empty((len(job.starts), 3, job.steps + 1))
    sound = np.empty(len(job.starts), bool)
    for p, given in enumerate(job.starts):
        run.write(given, start)
        sound[p] = run.call("path", FREE, start, rows, job.row if job.rows > 1 else 0, out, plane, job.steps)
        points[p] = run.seen(out, points[p].shape)
    return Record(job, points, sound)


class _Run:
    """One instance with a memory of its own: numbers first, then what is asked room for."""

    def __init__(self, job: Job):
        self._store = wasmtime.Store(_engine)
        self._exports = wasmtime.Instance(self._store, _machine_code(job.compiled.code), []).exports(self._store)
        self._memory = self._exports["memory"]
        self._end = FREE
        self.write(job.numbers, self.room(len(job.numbers)))

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

    def seen(self, at: int, shape: tuple[int, ...]) -> np.ndarray:
        """A view of results, as long as nothing asks for more room."""
        held = self._memory.get_buffer_ptr(self._store, WIDTH * int(np.prod(shape)), at)
        return np.frombuffer(held, float).reshape(shape)
