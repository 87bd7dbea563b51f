"""Work that is no longer wanted ends where it next asks: `check()` stands in every loop that takes long in Python.

Who begins the work says how to ask, for everything that it calls on its thread: `with cancelling(asked): ...`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Cancelled(RuntimeError):
    """The work was stopped before its end, as asked."""


_asked: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)


@contextmanager
def cancelling(asked: Callable[[], bool]) -> Iterator[None]:
    """Within, `check()` raises `Cancelled` once `asked()` is true."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def check() -> None:
    asked = _asked.get()
    if asked is not None and asked():
        raise Cancelled("The work was cancelled.")
