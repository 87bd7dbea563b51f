"""Nothing that a visitor replaces is lost: undo, redo, reset, and the places that the browser's Back leads to."""

import time

import pytest

from app.edit.edits import edit
from app.edit.history import PAUSE, History, Place
from app.laboratory.workbench import Bench
from app.scene import Scene, SceneError, to_link
from app.views import explore, zoom_out

PAIR = zoom_out.PAGE.presets[0]
RACE = explore.PAGE.presets[0]


def bench(preset=PAIR) -> Bench:
    return Bench(preset.scene, preset.name)


def change(bench: Bench, control: str, value: object) -> str:
    return bench.adopt(lambda scene: edit(scene, control, value), control, value)


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when it is told to."""
    now = [100.0]
    monkeypatch.setattr("app.edit.history.time.monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_every_change_is_taken_back_and_made_again(clock) -> None:
    work, before = bench(), [PAIR.scene]
    edits = [
        ("landscape", "quotient"), ("landscape", "formula"), ("formula", "cos(theta)"), ("steps", "100"), ("ghost", True),
        ("run:0:learning_rate", 0.2), ("run:0:rule", "sign"), ("view:colour_map", "magma"), ("arithmetic", "float32"),
    ]  # fmt: skip
    for control, value in edits:
        clock(2 * PAUSE)
        assert change(work, control, value) == ""
        before.append(work.scene)
    assert len(set(map(to_link, before))) == len(before)
    for scene in reversed(before[:-1]):
        work.travel("undo", 1)
        assert work.scene == scene
    for scene in before[1:]:
        work.travel("redo", 1)
        assert work.scene == scene
    work.travel("undo", len(edits))
    assert work.scene == PAIR.scene and not work.history.past


def test_a_drag_is_one_change_however_long_it_takes(clock) -> None:
    work = bench()
    for k in range(20):
        work.moving = k < 19
        change(work, "run:0:weight_decay", 0.1 + 0.01 * k)
        clock(0.5 * PAUSE if k % 3 else 5)
    clock(5)
    change(work, "run:0:weight_decay", 0.25)
    work.travel("undo", 1)
    assert work.scene.runs[0].weight_decay == pytest.approx(0.29)
    work.travel("undo", 1)
    assert work.scene == PAIR.scene


def test_typing_is_one_change_but_another_control_is_another(clock) -> None:
    work = bench(RACE)
    change(work, "landscape", "formula")
    for text in ("x^2", "x^2 + y", "x^2 + y^2"):
        change(work, "formula", text)
        clock(0.4)
    change(work, "steps", 50)
    work.travel("undo", 1)
    assert work.scene.formula == "x^2 + y^2"
    work.travel("undo", 1)
    assert work.scene.formula == RACE.scene.field.formula


def test_a_preset_another_landscape_and_a_link_are_changes_like_others() -> None:
    work = bench(RACE)
    change(work, "landscape", "formula")
    change(work, "formula", "cosh(x) + y^2")
    mine = work.scene
    work.open_preset(explore.PAGE.presets[2])
    assert work.preset == explore.PAGE.presets[2].name
    work.travel("undo", 1)
    assert work.scene == mine and work.preset == RACE.name
    work.adopt(lambda _: Scene(landscape="beale"), "open", opened="")
    assert work.preset == ""
    work.travel("undo", 1)
    assert work.scene == mine


def test_reset_leads_to_what_the_scene_was_made_from_and_back() -> None:
    work = bench()
    change(work, "landscape", "quotient")
    mine = work.scene
    work.reset()
    assert work.scene == PAIR.scene and work.preset == PAIR.name
    work.travel("undo", 1)
    assert work.scene == mine
    work.adopt(lambda _: Scene(landscape="beale"), "open", opened="")
    change(work, "steps", 40)
    work.reset()
    assert work.scene == Scene(landscape="beale")


def test_a_place_is_found_by_its_mark_wherever_it_lies(clock) -> None:
    work, marks = bench(), []
    for steps in (10, 20, 30, 40):
        clock(2 * PAUSE)
        change(work, "steps", steps)
        marks.append(work.history.mark)
    for i in (0, 3, 1, 2):
        assert work.history.visit(marks[i]) and work.scene.steps == 10 * (i + 1)
    assert not work.history.visit("of another session")


def test_what_is_refused_is_no_change() -> None:
    work = bench()
    assert "finite" in change(work, "run:0:learning_rate", "inf")
    assert not work.history.past and work.scene == PAIR.scene


def test_what_was_undone_is_forgotten_once_something_else_is_done(clock) -> None:
    history = History(Place(PAIR.scene, "", PAIR.scene))
    a, b = Scene(landscape="beale"), Scene(landscape="quotient")
    history.put(Place(a, "", a))
    history.undo()
    history.put(Place(b, "", b))
    history.redo()
    assert history.here.scene == b


# ---- what is refused ----


def control_of(bench: Bench, control: str) -> dict:
    groups = zoom_out.PAGE.groups(bench.scene, bench.look())
    return next(c for group in groups for c in group["controls"] if c.get("id") == control)


def test_a_refused_number_shows_one_state_and_the_nearest_that_is_taken() -> None:
    """Heavy ball has a twin for ever up to ηλ = (1−√γ)²: at 0.075 up to γ = (1−√0.075)² = 0.5273, and a bit beyond."""
    work = bench()
    change(work, "run:0:momentum", "0,6")
    shown = control_of(work, "run:0:momentum")
    shown |= work.cure(shown)
    limit = (1 - 0.075**0.5) ** 2
    assert shown["value"] == 0 and shown["typed"] == "0,6" and "Still shown: 0." in shown["error"]
    assert 0.98 * limit < float(shown["cure"]) < 1.02 * limit
    assert shown["forbidden"][0] == pytest.approx(limit, rel=0.02) and shown["forbidden"][1] == shown["high"]
    assert change(work, "run:0:momentum", shown["cure"]) == "" and not work.refused


@pytest.mark.parametrize(
    ("control", "typed", "nearest"), [("steps", "300 000", "200000"), ("steps", "0", "1"), ("run:0:momentum", "-1", "0")]
)
def test_the_nearest_allowed_number_is_exact_where_there_is_a_bound(control: str, typed: str, nearest: str) -> None:
    work = bench()
    assert change(work, control, typed)
    shown = control_of(work, control)
    assert work.cure(shown)["cure"] == nearest


def test_a_sentence_beside_a_control_names_it_as_the_page_does() -> None:
    work = bench()
    for control, typed in [("run:0:learning_rate", "−1"), ("run:0:weight_decay", "-2"), ("steps", "-5")]:
        assert change(work, control, typed)
        shown = control_of(work, control)
        said = work.cure(shown)["error"]
        assert said.startswith(shown["label"]) and "runs[" not in said and "_" not in said and "-" not in said


# ---- waiting ----


def test_what_takes_long_shows_the_picture_before_and_can_be_given_up(monkeypatch) -> None:
    from app.laboratory import workbench

    real, slow = workbench.simulate, []

    def simulate(scene, horizon=True):
        if scene.steps == 77:
            slow.append(scene)
            time.sleep(1.0)
        return real(scene, horizon)

    monkeypatch.setattr(workbench, "simulate", simulate)
    monkeypatch.setattr(workbench, "FIRST_WAIT", 0.1)
    work = bench()
    while work.look() is None or work.waits:
        work.patient = True
    begun = time.monotonic()
    assert change(work, "steps", 77) == ""
    assert time.monotonic() - begun < 0.8
    assert work.look().scene == PAIR.scene and work.waits and work.scene.steps == 77
    work.cancel()
    assert work.scene == PAIR.scene and work.look().scene == PAIR.scene and not work.waits
    work.travel("redo", 1)
    while work.look().scene.steps != 77:
        work.patient = True
    assert not work.waits and slow


def test_paths_that_fail_late_leave_the_scene_before_and_a_sentence(monkeypatch) -> None:
    from app.laboratory import workbench

    real = workbench.simulate

    def simulate(scene, horizon=True):
        if scene.steps == 77:
            time.sleep(0.3)
            raise SceneError("late", "This turned out to be too much.")
        return real(scene, horizon)

    monkeypatch.setattr(workbench, "simulate", simulate)
    monkeypatch.setattr(workbench, "FIRST_WAIT", 0.1)
    work = bench()
    while work.look() is None or work.waits:
        work.patient = True
    assert change(work, "steps", 77) == ""
    while work.scene.steps == 77:
        work.patient = True
        work.look()
    assert work.scene == PAIR.scene and work.refused["steps"].sentence == "This turned out to be too much."
