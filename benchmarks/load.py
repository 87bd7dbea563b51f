"""How the page holds under load: `python benchmarks/load.py [visitors] [seconds]`, against a server of its own here.

First so many visitors, one change a second each; then one who drags while three others compute the heaviest that a page
allows. It prints medians and 95th percentiles of the time from a change to its answer, and errors, and ends by itself.
"""

import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from app.scene import Atlas, Ensemble, Orbits, Run, Scene, to_link  # noqa: E402
from benchmarks.visitor import Visitor  # noqa: E402

DECAY = (Run(label="d", learning_rate=0.3, weight_decay=0.25),)
HEAVY = [
    Scene(landscape="five_wells", steps=200_000, runs=DECAY, chart=Atlas(statistic="lyapunov")),
    Scene(landscape="five_wells", steps=20_000, runs=(Run(label="d", learning_rate=0.1, weight_decay=0.1, noise=2.0),),
          chart=Ensemble(particles=100_000)),
    Scene(landscape="five_wells", steps=20_000, runs=DECAY, starts=((-0.7, 0.7), (0.7, 0.7)) * 10, chart=Orbits(kept=2000)),
]  # fmt: skip


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app", "app", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    process.stdout.readline()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def visit(address: str, seconds: float, number: int, told: list[float], errors: list[str]) -> None:
    chance = random.Random(number)
    time.sleep(chance.random() * 2)
    try:
        with Visitor(address) as visitor:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                due = time.monotonic() + 1
                x, y = chance.uniform(-1, 1), chance.uniform(0.2, 1)
                decay = chance.uniform(0.05, 0.3)
                told.append(visitor.drag(x, y) if chance.random() < 0.7 else visitor.edit(run__0__weight_decay=decay))
                time.sleep(max(0.0, due - time.monotonic()))
            errors += visitor.words
    except Exception as error:  # counted and shown, whatever it is
        errors.append(f"{type(error).__name__}: {error}"[:160])


def at_once(*work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def show(name: str, told: list[float], errors: list[str]) -> None:
    p50, p95 = (1000 * float(np.quantile(told, q)) for q in (0.5, 0.95))
    print(f"{name}: {len(told)} changes, p50 {p50:.0f} ms, p95 {p95:.0f} ms, {len(errors)} errors", *errors[:3], flush=True)


def crowd(visitors: int, seconds: float) -> None:
    told: list[float] = []
    errors: list[str] = []
    with server() as address:
        with Visitor(address) as first:
            first.drag(-0.6, 0.6)
        at_once(*(lambda n=n: visit(address, seconds, n, told, errors) for n in range(visitors)))
    show(f"{visitors} visitors", told, errors)


def beside_heavy(seconds: float) -> None:
    with server() as address:
        with Visitor(address) as first:
            first.drag(-0.6, 0.6)
        quiet: list[float] = []
        errors: list[str] = []
        visit(address, seconds / 2, 0, quiet, errors)
        show("a drag alone", quiet, errors)
        stop = threading.Event()

        def heavy(scene: Scene) -> None:
            with Visitor(address, "explore", to_link(scene).lstrip("?")) as visitor:
                while not stop.is_set():
                    visitor.edit(more=True)

        def light() -> None:
            time.sleep(4)
            beside: list[float] = []
            visit(address, seconds, 1, beside, errors)
            show("a drag beside three heavy ones", beside, errors)
            stop.set()

        at_once(light, *(lambda scene=scene: heavy(scene) for scene in HEAVY))


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    visitors, seconds = given + [40, 60][len(given) :]
    beside_heavy(min(seconds, 30))
    crowd(visitors, seconds)
