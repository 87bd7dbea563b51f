"""Work behind a page: the newest thing wins, and nothing is computed for nobody."""

import threading
import time

import pytest
from msgspec.structs import replace

from app.chart.sheet import Sheet
from app.laboratory import desk, stream
from app.laboratory.desk import Desk
from app.laboratory.stream import Stream
from app.scene import Atlas, Ensemble, Run, Scene

LONG = Scene(landscape="five_wells", steps=200_000, arithmetic="float32", chart=Atlas(statistic="lyapunov"))


def counting(stopped: threading.Event, pause: float = 0.005):
    """Things without end: 0, 1, 2, ... until it is cancelled."""

    def make(cancel):
        number = 0
        try:
            while not cancel():
                yield number
                number += 1
                time.sleep(pause)
        finally:  # whether it asked in vain or was put away
            stopped.set()

    return make


def until(holds, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()


def test_the_newest_thing_is_what_is_told():
    made = Stream(lambda cancel: iter("abc"))
    assert until(lambda: not made.newest().more)
    assert made.newest()[:3] == ("c", 3, False) and made.newest().error is None


def test_who_waits_for_something_newer_is_woken_by_it():
    go = threading.Event()

    def make(cancel):
        yield "first"
        go.wait(5)
        yield "second"

    made = Stream(make)
    assert made.newest(0, 5).thing == "first"
    assert made.newest(1, 0.02).thing == "first"  # nothing newer in this time
    threading.Timer(0.1, go.set).start()
    begun = time.monotonic()
    assert made.newest(1, 5).thing == "second" and time.monotonic() - begun < 1


def test_work_that_is_over_makes_nobody_wait():
    made = Stream(lambda cancel: iter(()))
    until(lambda: not made.newest(0, 0).more)
    begun = time.monotonic()
    assert made.newest(7, 5).thing is None and time.monotonic() - begun < 0.5


def test_it_stops_when_it_is_told_to():
    stopped = threading.Event()
    made = Stream(counting(stopped))
    made.stop()
    assert stopped.wait(1) and until(lambda: not made.newest(0, 0).more)


def test_it_stops_when_nobody_asks_and_goes_on_while_somebody_does(monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE", 0.3)
    stopped = threading.Event()
    made = Stream(counting(stopped))
    for _ in range(8):
        time.sleep(0.1)
        assert made.newest(0, 0).more
    assert not stopped.is_set()
    assert stopped.wait(2)


@pytest.mark.parametrize("error", [ValueError("There is no such thing."), RuntimeError("boom")])
def test_what_went_wrong_is_told_beside_what_was_made_before(error):
    def make(cancel):
        yield "picture"
        raise error

    made = Stream(make)
    assert until(lambda: not made.newest(0, 0).more)
    assert made.newest().thing == "picture" and made.newest().error is error


# ---------------------------------------------------------------------------------------------------------------------
# A visitor's chart


def test_another_scene_stops_the_work_on_the_one_before_long_before_its_end():
    mine, noisy = Desk(), Run(noise=1.0)
    minutes = Scene(landscape="five_wells", runs=(noisy,), steps=9000, chart=Ensemble(particles=1_000_000))
    assert until(lambda: mine.look(minutes).number > 0 and mine.stream is not None, 20)  # its quick first look is there
    before = mine.stream
    assert before.newest(0, 0).more
    mine.look(replace(LONG, steps=10))
    assert until(lambda: not before.newest(0, 0).more, 8)
    assert before.newest(0, 0).number == 1 and before.newest(0, 0).error is None


def test_the_old_picture_stays_until_there_is_a_new_one(monkeypatch):
    monkeypatch.setattr(desk, "FIRST_WAIT", 0.01)
    gate, pictures = threading.Event(), {}

    def sheets(scene, cancel):
        if scene.steps == 2:
            gate.wait(5)
        yield pictures.setdefault(scene.steps, Sheet((), f"{scene.steps}"))

    monkeypatch.setattr(desk.chart, "sheets", sheets)
    mine, one = Desk(), replace(LONG, steps=1)
    until(lambda: mine.look(one).thing is pictures.get(1), 2)
    assert mine.look(replace(LONG, steps=2)).thing is pictures[1]
    gate.set()
    assert until(lambda: mine.look(replace(LONG, steps=2)).thing is pictures.get(2), 2)


def test_a_click_on_the_picture_before_opens_nothing(monkeypatch):
    """What lies under the pointer there is not what the new scene has at that place."""
    monkeypatch.setattr(desk, "FIRST_WAIT", 0.01)
    gate, sheets = threading.Event(), desk.chart.sheets

    def late(scene, cancel):
        if scene.steps == 2:
            gate.wait(5)
        yield from sheets(scene, cancel)

    monkeypatch.setattr(desk.chart, "sheets", late)
    mine, one, two = Desk(), replace(LONG, steps=1), replace(LONG, steps=2)
    click = {"kind": "pick", "x": 0.1, "y": 0.1}
    assert until(lambda: mine.look(one).thing.plots, 20) and mine.asked(click, one, None) is not None
    mine.look(two)
    assert mine.seen.thing.plots and mine.asked(click, two, None) is None
    gate.set()
    assert until(lambda: mine.look(two).number > 0, 20) and mine.asked(click, two, None) is not None


def test_work_that_was_abandoned_begins_anew_when_it_is_looked_at_again(monkeypatch):
    monkeypatch.setattr(desk, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(stream, "PATIENCE", 0.1)
    begun = []

    def sheets(scene, cancel):
        begun.append(scene)
        while not cancel():
            time.sleep(0.005)
        yield from ()

    monkeypatch.setattr(desk.chart, "sheets", sheets)
    mine = Desk()
    mine.look(LONG)
    time.sleep(0.3)
    assert mine.look(LONG).more and len(begun) == 2


def test_a_failure_is_told_while_the_last_good_picture_stays(monkeypatch):
    def sheets(scene, cancel):
        if scene.steps == 2:
            raise ValueError("The particles leave the plane.")
        yield Sheet((), "good")

    monkeypatch.setattr(desk.chart, "sheets", sheets)
    mine = Desk()
    until(lambda: mine.look(replace(LONG, steps=1)).thing.caption == "good", 2)
    found = mine.look(replace(LONG, steps=2))
    assert str(found.error) == "The particles leave the plane." and found.thing.caption == "good" and not found.more


def test_back_leads_through_the_windows_that_were_zoomed_from_and_home_to_the_first():
    page = {"scene": replace(LONG, steps=20)}

    def adopt(change):
        page["scene"] = change(page["scene"])
        return True

    mine, first = Desk(), page["scene"]
    for window in ((0.02, 0.5, 0.01, 0.5), (0.1, 0.3, 0.1, 0.3), (0.15, 0.2, 0.15, 0.2)):
        mine.asked({"kind": "zoom", "window": window}, page["scene"], adopt)
    third = page["scene"]
    mine.asked({"kind": "back"}, third, adopt)
    second = page["scene"]
    assert len({first, second, third}) == 3 and len(mine.trail) == 2
    mine.asked({"kind": "home"}, second, adopt)
    assert page["scene"] == first and mine.trail == []
    mine.asked({"kind": "back"}, first, adopt)
    assert page["scene"] == first
