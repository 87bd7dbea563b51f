"""The curves under the picture: which there are, what they say, and on which axis."""

import numpy as np
import pytest
from msgspec.structs import replace

from app.answer.result import simulate
from app.edit.edits import edit
from app.picture.picture import picture
from app.picture.strips import MAKERS, shown
from app.scene import STRIPS, Run, Scene, View

RUNS = (Run(label="plain", learning_rate=0.003), Run(label="heavy", learning_rate=0.003, hyperparameters={"momentum": 0.9}))
SCENE = Scene(landscape="himmelblau", steps=60, runs=RUNS)


def strip(scene: Scene, name: str, **view: object):
    (made,) = picture(simulate(replace(scene, view=View(strips=(name,), **view)))).strips
    return made


def values(made) -> list[np.ndarray]:
    return [np.exp(line.values) if made.log else line.values for line in made.lines]


def test_what_may_be_chosen_is_what_there_is() -> None:
    assert tuple(MAKERS) == STRIPS


def test_a_step_is_as_long_as_the_way_between_two_points_and_turns_by_the_angle_between_them() -> None:
    lengths, turns = values(strip(SCENE, "step")), values(strip(SCENE, "turn"))
    for length, turn, run in zip(lengths, turns, simulate(SCENE).runs, strict=True):
        w = run.paths[0].x + 1j * run.paths[0].y
        assert np.allclose(length[:-1], np.abs(np.diff(w)), rtol=1e-9) and np.isnan(length[-1])
        assert np.allclose(turn[:-1], np.abs(np.degrees(np.angle(w[1:] / w[:-1]))), atol=1e-9) and np.isnan(turn[-1])


def test_a_plain_step_is_the_rate_times_the_gradient() -> None:
    length, slope = values(strip(SCENE, "step"))[0], values(strip(SCENE, "gradient_norm"))[0]
    assert np.allclose(length[:-1], 0.003 * slope[:-1], rtol=1e-9)


def test_steps_of_a_run_that_outgrows_floats_are_still_told() -> None:
    pair = (Run(label="d", learning_rate=0.3, weight_decay=0.5), Run(label="t", twin_of="d"))
    made = strip(Scene(landscape="five_wells", steps=6000, runs=pair), "step")
    assert made.log and np.isfinite(made.lines[1].values[:-1]).mean() > 0.9
    assert np.nanmax(made.lines[1].values) > 700  # beyond what a float holds, as a logarithm


@pytest.mark.parametrize("name", ["loss", "norm", "step"])
def test_a_strip_on_another_axis_says_the_same(name: str) -> None:
    log, linear = strip(SCENE, name, strip_scale="log"), strip(SCENE, name, strip_scale="linear")
    assert log.log and not linear.log
    for a, b in zip(values(log), values(linear), strict=True):
        fine = np.isfinite(a) & np.isfinite(b) & (b > 0)
        assert fine.sum() > 50 and np.allclose(a[fine], b[fine], rtol=1e-9)


def test_a_curve_is_added_and_taken_away_in_the_order_of_the_list() -> None:
    more = edit(SCENE, "view:strips:turn", True)
    assert more.view.strips == tuple(name for name in STRIPS if name in {*shown(SCENE), "turn"})
    assert edit(more, "view:strips:turn", False).view.strips == shown(SCENE)
    assert edit(SCENE, "view:strip_scale", "log").view.strip_scale == "log"
    assert not edit(SCENE, "view:future", False).view.future
