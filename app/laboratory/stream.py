"""Work behind a page: an iterator runs on a thread of its own, and the page asks for the newest of what it made.

Nothing is computed for nobody: work stops by itself when its visitor has left, or has not asked after it for a while.
What takes long shares the machine with that of other visitors (see `app.gate`).
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.machine.gate import GATE, Job
from dynamics.cancel import cancelling

PATIENCE = 5.0
"""seconds after which work that nobody asks after stops"""


class Newest(NamedTuple):
    """What there is so far: the newest thing made, its number, whether more is to come, and what went wrong."""

    thing: Any
    number: int
    more: bool
    error: Exception | None


_alive: "weakref.WeakSet[Stream]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """A process that ends in the middle of a computation may crash: what is under way ends first."""
    for stream in list(_alive):
        stream.stop()
    for stream in list(_alive):
        stream.join(2.0)


def presence() -> Callable[[], bool]:
    """Whether the visitor for whom this is called is there; outside of a page somebody always is."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return lambda: True
    runtime, session = Runtime.instance(), context.session_id
    return lambda: runtime.is_active_session(session)


class Stream:
    """`make(cancel)` iterates over things, each better than the one before, and asks `cancel()` whether to stop."""

    def __init__(self, make: Callable[[Callable[[], bool]], Iterator[Any]]):
        self._make = make
        self._changed = threading.Condition()
        self._newest = Newest(None, 0, True, None)
        self._asked = time.monotonic()
        self._stopped = False
        self._here = presence()
        self.job = Job(lambda: not self.abandoned)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        _alive.add(self)

    def newest(self, after: int = 0, wait: float = 0.2) -> Newest:
        """The newest thing, once there is one beyond number `after` or the `wait` (in seconds) is over."""
        self._asked = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._newest.number > after or not self._newest.more, wait)
            return self._newest

    def stop(self) -> None:
        """No more is wanted; the work ends at its next chunk."""
        self._stopped = True

    def join(self, patience: float) -> None:
        """Waits until the work has ended, so many seconds at most."""
        self._thread.join(patience)

    @property
    def abandoned(self) -> bool:
        """Stopped, or its visitor has left, or nobody has asked after it for a while."""
        return self._stopped or not self._here() or time.monotonic() - self._asked > PATIENCE

    def _cancelled(self) -> bool:
        """What the work asks between its chunks; here it waits for its turn."""
        GATE.turn(self.job)
        return self.abandoned

    def _work(self) -> None:
        try:
            with cancelling(self._cancelled):
                for thing in self._make(self._cancelled):
                    self._tell(lambda old, thing=thing: old._replace(thing=thing, number=old.number + 1))
                    if self.abandoned:
                        return
        except Exception as error:  # told to the page, which says it in words
            self._tell(lambda old, error=error: old._replace(error=error))
        finally:
            GATE.leave(self.job)
            self._tell(lambda old: old._replace(more=False))

    def _tell(self, change: Callable[[Newest], Newest]) -> None:
        with self._changed:
            self._newest = change(self._newest)
            self._changed.notify_all()
