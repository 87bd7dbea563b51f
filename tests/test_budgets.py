"""Whatever can be large is refused before anything is allocated, in a sentence; what is kept is bounded in bytes."""

import threading
import time
import tracemalloc

import pytest

from app.laboratory.workbench import Bench
from app.machine.recent import Recent
from app.scene import Ensemble, Orbits, Run, Scene, SceneError, budget

PAIR = (Run(label="d", weight_decay=0.1), Run(label="t", twin_of="d"))


@pytest.mark.parametrize(
    ("scene", "asked"),
    [({"steps": 200_001}, "200 001"), ({"steps": 200_000, "starts": ((1.0, 1.0),) * 256}, "102 400 000"),
     ({"steps": 200_000, "arithmetic": "certified"}, "400 000"),
     ({"starts": ((1.0, 1.0),) * 256, "steps": 2000, "runs": PAIR[:1], "chart": Orbits(kept=2000)}, "512 000")],
    ids=["steps", "points", "certified", "orbits"],
)  # fmt: skip
def test_what_is_too_large_is_refused_at_once_naming_budget_and_what_was_asked(scene, asked) -> None:
    tracemalloc.start()
    begun = time.perf_counter()
    with pytest.raises(SceneError, match="at most|At most") as refusal:
        Scene(**{"landscape": "quotient", "runs": PAIR} | scene)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.value.code == "budget" and asked in refusal.value.message
    assert time.perf_counter() - begun < 1 and peak < 5e6


def test_a_page_is_asked_for_less_than_a_shell() -> None:
    large = Scene(landscape="quotient", steps=100_000, starts=((1.0, 1.0),) * 120)
    work = Bench(Scene(landscape="quotient", steps=5))
    assert "At most 10 000 000 points" in work.adopt(lambda _: large)
    diagram = Scene(landscape="quotient", steps=2000, starts=((1.0, 1.0),) * 35, chart=Orbits(kept=2000))
    assert "At most" in work.adopt(lambda _: diagram) or "at most 40 000 states" in work.adopt(lambda _: diagram)
    crowd = Scene(landscape="five_wells", steps=6000, runs=(Run(noise=1.0),), chart=Ensemble(particles=1_000_000))
    assert "at most 4.0e+09 steps together; it asks for 6.0e+09" in work.adopt(lambda _: crowd)
    for name in budget.BUDGETS:
        assert budget.BUDGETS[name].page <= budget.BUDGETS[name].command
        budget.check(name, budget.BUDGETS[name].page, page=True)
        with pytest.raises(SceneError):
            budget.check(name, budget.BUDGETS[name].page + 1, page=True)


def test_the_film_of_a_zoom_has_a_budget_of_steps() -> None:
    from app.film import zoom as film
    from app.scene import Atlas

    chart = Atlas(x="runs.0.learning_rate:0.1:0.2", y="runs.0.weight_decay:0.1:0.2",
                  begin=("runs.0.learning_rate:0.01:1", "runs.0.weight_decay:0.01:1"))  # fmt: skip
    scene = Scene(landscape="quotient", steps=200_000, runs=PAIR[:1], chart=chart)
    with pytest.raises(SceneError, match="film of a zoom takes at most"):
        film.check(scene, (1280, 720), 300, page=True)
    film.check(Scene(landscape="quotient", steps=300, runs=PAIR[:1], chart=chart), (640, 360), 60, page=True)


def test_what_is_kept_is_bounded_in_bytes_and_the_newest_stays() -> None:
    kept = Recent(100)
    made = []
    for key in range(20):
        kept.get(key, lambda key=key: made.append(key) or key, 30)
        assert kept.held <= 100
    assert [kept.get(key, lambda: "again", 30) for key in (17, 18, 19)] == [17, 18, 19]
    assert kept.get(3, lambda: "again", 30) == "again"
    assert kept.get("huge", lambda: "made", 101) == "made" and kept.held <= 100


def test_many_at_once_get_what_they_asked_for() -> None:
    kept, wrong = Recent(1000), []

    def ask(worker: int) -> None:
        for key in range(200):
            if kept.get(key % 17, lambda key=key: key % 17, 90) != key % 17:
                wrong.append((worker, key))

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and 0 <= kept.held <= 1000
