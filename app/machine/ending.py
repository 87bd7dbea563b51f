"""Ctrl-C and SIGTERM end everything at once and in silence, also in the middle of compiled code, and leave nothing behind.

A process that ends while XLA computes on another thread aborts in its destructors; so it leaves without them, once what
must not stay (half-written files, folders of the page) is gone.
"""

import atexit
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED, TERMINATED = 130, 143
leftovers: set[Path] = set()
"""files and folders that are to vanish, however the process ends"""


@atexit.register
def _clear() -> None:
    for path in list(leftovers):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def leave(code: int) -> NoReturn:
    """Ends the process now."""
    _clear()
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            stream and stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)


def at_once() -> None:
    """From here on a signal ends the process."""

    def end(number: int, frame: FrameType | None) -> None:
        leave(TERMINATED if number == signal.SIGTERM else INTERRUPTED)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    atexit.register(_done)


def _done() -> None:
    """All is done and told: what is left is Python's own end, which no signal is to turn into a failure."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def stoppable(work: Callable[[], Any]) -> Any:
    """Does work on another thread and waits for it, so that a signal is heard while compiled code runs."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    done: list[tuple[Any, BaseException | None]] = []

    def carry_out() -> None:
        try:
            done.append((work(), None))
        except BaseException as error:  # told to who waits
            done.append((None, error))

    before = signal.signal(signal.SIGTERM, lambda number, frame: leave(TERMINATED))
    thread = threading.Thread(target=carry_out, daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)
    value, error = done[0]
    if error is not None:
        raise error
    return value
