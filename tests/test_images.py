"""The same run in other units: which rules give the same path again, and what a picture and a file say of it."""

import json
import math

import numpy as np
import pytest

from app.answer.result import simulate, to_data_of
from app.picture.picture import picture, remark
from app.scene import Run, Scene, SceneError, from_link, read, to_data, to_link, to_toml
from dynamics import RULES
from dynamics import simulate as run_paths
from landscapes import named
from landscapes.seen import seen

EXACT = {name: {knob: 0.0 for knob in rule.knobs if knob.startswith("eps")} for name, rule in RULES.items()}
"""each rule without the fixed size that it may compare with"""
BLIND_TO_SCALE = {
    "sign", "unit_gradient", "unit_loss", "adam", "adamw", "rmsprop", "adabelief", "nadam", "amsgrad", "lion",
}
"""rules whose step is the same for L and for s L, once ε is 0; unit loss, because ∇ log(s L) = ∇ log L"""
TURNS_ALONG = {"gd", "unit_gradient", "unit_loss", "sphere"}
"""rules that see no coordinates"""


def images(rule, units, landscape="beale", own=None, rate=1e-3, steps=60):
    runs = [Run(label="plain", rule=rule, learning_rate=rate, hyperparameters=EXACT[rule] if own is None else own)]
    runs += [Run(label=f"image {i}", image_of="plain", **each) for i, each in enumerate(units)]
    return to_data_of(simulate(Scene(landscape=landscape, starts=((0.9, 0.55),), runs=tuple(runs), steps=steps)))["runs"][1:]


def test_each_rule_is_blind_to_what_the_table_says_and_to_nothing_else(rule):
    units = [{"loss_scale": 1e-8}, {"loss_scale": 1e8}, {"rotate": 37.0}, {"rotate": 90.0}, {"weights_scale": 3.0}]
    shrunk, grown, turned, quarter, longer = images(rule.name, units)
    assert shrunk["moved"] == grown["moved"] == (rule.name not in BLIND_TO_SCALE)
    assert turned["moved"] == (rule.name not in TURNS_ALONG)
    assert not quarter["moved"], "every rule treats its coordinates alike"
    assert longer["moved"], "a step has a length"


def test_where_a_step_is_the_gradient_the_loss_scale_can_pay_for_the_length_of_the_weights():
    assert not images("gd", [{"weights_scale": 4.0, "loss_scale": 1 / 16}])[0]["moved"]


def test_epsilon_is_a_hidden_size_and_shows_by_itself():
    with_eps = images("adam", [{"loss_scale": 1e-4}, {"loss_scale": 1e-8}], own={})
    without = images("adam", [{"loss_scale": 1e-4}, {"loss_scale": 1e-8}])
    assert [image["moved"] for image in with_eps] == [True, True]
    assert [image["moved"] for image in without] == [False, False]
    assert with_eps[0]["largest_difference"] < with_eps[1]["largest_difference"]


def test_a_sum_over_the_rows_is_the_mean_in_other_units():
    rows = named("linear_regression").rows
    for name, moves in (("gd", True), ("unit_loss", False), ("sign", False)):
        (image,) = images(name, [{"loss_scale": float(rows)}], landscape="linear_regression", rate=0.05)
        assert image["moved"] == moves


@pytest.mark.parametrize("name", ["beale", "quotient", "five_wells", "batch_norm_neuron"])
def test_a_seen_loss_is_the_loss_of_the_point_that_is_meant(name):
    loss, matrix = named(name), ((0.6, -0.8), (1.6, 1.2))
    other = seen(loss, 7.0, matrix)
    x, y = np.random.default_rng(3).normal(size=(2, 16))
    at = matrix[0][0] * x + matrix[0][1] * y, matrix[1][0] * x + matrix[1][1] * y
    here, there = other.local(x, y), loss.local(*at)
    assert np.allclose(here.loss, 7 * there.loss, rtol=1e-12)
    for got, expected in zip(  # the chain rule: Aᵀ g and Aᵀ H A
        here[1:], _pulled_back(there, np.array(matrix)), strict=True
    ):
        assert np.allclose(got, 7 * expected, rtol=1e-9, atol=1e-9)
    assert other.scale_invariant == loss.scale_invariant


def _pulled_back(local, a):
    g, h = a.T @ np.array([local.gx, local.gy]), np.array([[local.hxx, local.hxy], [local.hxy, local.hyy]])
    bent = np.einsum("ia,ijn,jb->abn", a, h, a)
    return [g[0], g[1], bent[0, 0], bent[0, 1], bent[1, 1]]


def test_an_image_is_the_rule_on_the_other_loss_brought_back():
    scene = Scene(
        landscape="beale", starts=((0.9, 0.55),), steps=40,
        runs=(Run(label="a", learning_rate=1e-3), Run(label="b", image_of="a", stretch=(2.0, 0.5), loss_scale=3.0)),
    )  # fmt: skip
    image = simulate(scene).runs[1].paths[0]
    w = np.array([0.9 / 2.0, 0.55 / 0.5])
    for t in range(41):
        assert (image.x[t], image.y[t]) == pytest.approx((2.0 * w[0], 0.5 * w[1]), rel=1e-11)
        here = named("beale").local(*(np.array([c]) for c in (2.0 * w[0], 0.5 * w[1])))
        assert image.loss[t] == pytest.approx(here.loss[0], rel=1e-11)
        w = w - 1e-3 * 3.0 * np.array([2.0 * here.gx[0], 0.5 * here.gy[0]])


def test_another_change_of_units_compiles_nothing():
    from dynamics.simulate import _recorded

    run_paths(seen(named("beale"), 1.0, ((1.0, 0.0), (0.0, 1.0))), _plain(), [(0.9, 0.55)], 30)
    before = _recorded.cache_info().misses
    run_paths(seen(named("beale"), 5.0, ((0.0, 2.0), (-1.0, 0.0))), _plain(), [(0.9, 0.55)], 30)
    assert _recorded.cache_info().misses == before


def _plain():
    from dynamics import Run as Motion

    return Motion("gd", 1e-3)


def test_a_picture_says_whose_path_did_not_move():
    scene = Scene(
        landscape="beale", starts=((0.9, 0.55),), steps=60,
        runs=(
            Run(label="sign", rule="sign", learning_rate=1e-3), Run(label="tiny loss", image_of="sign", loss_scale=1e-8),
            Run(label="turned", image_of="sign", rotate=30.0),
        ),
    )  # fmt: skip
    made = picture(simulate(scene))
    words = remark(made.result)
    assert "“tiny loss” did not move" in words and "“turned” moved" in words
    (strip,) = [strip for strip in made.strips if strip.title == "difference from the original"]
    assert len(strip.lines) == 2


def test_an_image_travels_and_is_refused_without_its_original():
    scene = read(
        'landscape = "beale"\n[[runs]]\nlabel = "a"\n[[runs]]\nimage_of = "a"\nstretch = [2, 0.5]\nrotate = 30\n'
    )  # fmt: skip
    assert scene.runs[1].units.stretch == (2.0, 0.5) and math.isclose(scene.runs[1].units.rotate, 30.0)
    assert to_data(read(to_toml(scene))) == to_data(scene) == to_data(from_link(to_link(scene)))
    assert json.loads(json.dumps(to_data(scene)))["runs"][1]["image_of"] == "a"
    for wrong, sentence in (
        ('[[runs]]\nloss_scale = 3', "name that run with image_of"),
        ('[[runs]]\nlabel = "a"\n[[runs]]\nimage_of = "b"', "no other run has that label"),
        ('[[runs]]\nlabel = "a"\n[[runs]]\nimage_of = "a"\nstretch = [0, 1]', "stretch"),
        ('[[runs]]\nlabel = "a"\n[[runs]]\nimage_of = "a"\nloss_scale = -1', "loss_scale"),
    ):
        with pytest.raises(SceneError) as refused:
            read('landscape = "beale"\n' + wrong)
        assert sentence in refused.value.message
