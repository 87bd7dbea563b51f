"""Heavy work of all visitors goes through one gate, between its chunks; light work, a drag or a slider, never waits.

    job  ── light for its first moments ──►  gate.turn(job) between chunks ──►  one at a time, least served first

Who has had least goes first, so that small work is done soon and large work shares what is left. While somebody waits
for something light, the gate is shut for a moment. A job is light until it has taken `FREE` seconds.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FREE = 0.25
"""seconds of work that nobody has to queue for"""
YIELD = 0.6
"""the longest that a chunk of heavy work waits for light work, in seconds"""
BREATH = 0.02
"""seconds between two questions at the gate, for loops whose chunks are shorter"""


class Job:
    """Something heavy, perhaps: how long it has worked, and since when it works now."""

    def __init__(self, wanted: Callable[[], bool] = lambda: True):
        self.wanted = wanted
        self.spent = 0.0
        self.since = time.monotonic()
        self.inside = False


class Gate:
    def __init__(self, places: int = 1):
        self._places = places
        self._changed = threading.Condition()
        self._inside = 0
        self._waiting: set[Job] = set()
        self._light: list[Job] = []

    def turn(self, job: Job) -> None:
        """Called by a job between its chunks: waits until it is its turn, or until it is no longer wanted."""
        now = time.monotonic()
        if now - job.since < BREATH:
            return
        job.spent += now - job.since
        if job.spent >= FREE:
            self._queue(job, now)
        job.since = time.monotonic()

    def _queue(self, job: Job, since: float) -> None:
        with self._changed:
            self._leave(job)
            self._waiting.add(job)
            while job.wanted() and not self._open(job, time.monotonic() - since):
                self._changed.wait(0.05)
            self._waiting.remove(job)
            job.inside = True
            self._inside += 1

    def _open(self, job: Job, waited: float) -> bool:
        first = min(self._waiting, key=lambda each: each.spent)
        shut = waited < YIELD and any(light is not job for light in self._light)
        return self._inside < self._places and first is job and not shut

    def leave(self, job: Job) -> None:
        """The job is done, or given up."""
        with self._changed:
            self._leave(job)

    def _leave(self, job: Job) -> None:
        if job.inside:
            job.inside = False
            self._inside -= 1
            self._changed.notify_all()

    @contextmanager
    def light(self, job: Job) -> Iterator[None]:
        """Within, somebody waits for this job, which should be light, and the heavy work of others holds its breath."""
        with self._changed:
            self._light.append(job)
        try:
            yield
        finally:
            with self._changed:
                self._light.remove(job)
                self._changed.notify_all()


GATE = Gate()
"""the one of this server"""
