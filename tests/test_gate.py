"""Heavy work of several visitors shares the machine, smallest first; light work does not wait for it."""

import threading
import time

import pytest

from app.machine import gate
from app.machine.gate import Gate, Job

CHUNK = 0.03


@pytest.fixture
def door(monkeypatch):
    monkeypatch.setattr(gate, "FREE", 2 * CHUNK)
    monkeypatch.setattr(gate, "BREATH", CHUNK / 3)
    return Gate()


class Worker(threading.Thread):
    """So many chunks of work; remembers when each began and ended."""

    def __init__(self, door: Gate, chunks: int, wanted=lambda: True):
        super().__init__(daemon=True)
        self.door, self.chunks, self.job, self.done = door, chunks, Job(wanted), []
        self.start()

    def run(self):
        for _ in range(self.chunks):
            self.door.turn(self.job)
            if not self.job.wanted():
                break
            begun = time.monotonic()
            time.sleep(CHUNK)
            self.done.append((begun, time.monotonic()))
        self.door.leave(self.job)


def test_heavy_work_takes_its_turns_one_after_another(door):
    workers = [Worker(door, 12) for _ in range(3)]
    for worker in workers:
        worker.join(10)
    queued = sorted(span for worker in workers for span in worker.done[3:])
    assert len(queued) == 27
    assert all(end <= begun + CHUNK / 3 for (_, end), (begun, _) in zip(queued, queued[1:], strict=False))


def test_small_work_that_comes_later_is_done_sooner(door):
    large = Worker(door, 60)
    time.sleep(10 * CHUNK)
    small = Worker(door, 8)
    small.join(10)
    assert not small.is_alive() and large.is_alive()
    assert time.monotonic() - small.done[0][0] < 8 * CHUNK * 3


def test_equal_work_is_shared_evenly(door):
    workers = [Worker(door, 200) for _ in range(3)]
    time.sleep(60 * CHUNK)
    counts = [len(worker.done) for worker in workers]
    for worker in workers:
        worker.job.wanted = lambda: False
    assert max(counts) - min(counts) <= 3


def test_heavy_work_holds_its_breath_while_somebody_waits_for_light_work(door):
    heavy = Worker(door, 100)
    time.sleep(8 * CHUNK)
    with door.light(Job()):
        time.sleep(1.5 * CHUNK)  # the chunk that is under way ends
        before = len(heavy.done)
        time.sleep(6 * CHUNK)
        assert len(heavy.done) == before
    assert_soon(lambda: len(heavy.done) > before)
    heavy.job.wanted = lambda: False


def test_light_work_that_turns_out_heavy_does_not_wait_for_itself(door):
    job = Job()
    with door.light(job):
        worker = Worker(door, 10)
        worker.job.since, begun = time.monotonic(), time.monotonic()
        door._light[:] = [worker.job]
        worker.join(5)
        assert time.monotonic() - begun < 10 * CHUNK * 2
        door._light[:] = [job]


def test_heavy_work_is_never_held_for_ever(door, monkeypatch):
    monkeypatch.setattr(gate, "YIELD", 2 * CHUNK)
    with door.light(Job()):
        heavy = Worker(door, 8)
        heavy.join(5)
        assert len(heavy.done) == 8


def test_who_is_no_longer_wanted_leaves_the_queue_at_once(door):
    large = Worker(door, 300)
    time.sleep(6 * CHUNK)
    there = [True]
    waiting = Worker(door, 300, lambda: there[0])
    time.sleep(6 * CHUNK)
    there[0] = False
    waiting.join(1)
    assert not waiting.is_alive()
    before = len(large.done)
    assert_soon(lambda: len(large.done) > before + 3)
    large.job.wanted = lambda: False


def assert_soon(holds, seconds=3.0):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(CHUNK / 3)
    assert holds()
