"""The flow under gradient descent (SCIENCE.md 004-3): what it conserves, how it is left, how it ends."""

import runpy
import subprocess
import sys

import numpy as np
import pytest

from app.answer.result import simulate as simulated
from app.answer.result import to_data_of
from app.edit.edits import edit
from app.gallery.presets import of_page
from app.picture.picture import picture
from app.scene import SceneError, from_link, read, to_data, to_json, to_link, to_python, to_toml
from dynamics import Run, simulate
from dynamics.flow import NoFlow, departure, flow
from dynamics.schedules import Exponential, Step
from landscapes import LANDSCAPES, typed
from landscapes.landscape import FunctionLandscape

EXPLORE = of_page("explore")

FIVE, START = LANDSCAPES["five_wells"], (-0.7, 0.7)


def flow_of(landscape, eta, steps, lam=0.0, start=START):
    return flow(landscape, Run("gd", eta, lam), [start], steps)[0]


@pytest.fixture(scope="module")
def in_the_plane():
    """Five wells as a loss of two coordinates, whose flow is solved in the plane and not by its angle."""
    import jax.numpy as jnp

    def loss(x, y):
        t = jnp.arctan2(y, x)
        return 0.8 + 0.5 * jnp.cos(2 * t + 1) - 0.4 * jnp.cos(3 * t + 2.5) + 0.4 * jnp.cos(5 * t)

    return FunctionLandscape(loss, start=START)


def test_gradient_descent_leaves_the_flow_to_first_order_in_the_learning_rate():
    off = []
    for steps in (160, 320, 640):
        path = simulate(FIVE, Run("gd", 0.3 / steps), [START], steps)[0]
        off.append(departure(flow_of(FIVE, 0.3 / steps, steps), path)[-1])
    assert np.abs(np.log2(np.array(off[:-1]) / off[1:]) - 1).max() < 0.002


def test_the_flow_lowers_the_loss_and_keeps_the_norm(in_the_plane):
    for landscape in (FIVE, in_the_plane):
        path = flow_of(landscape, 0.03, 300)
        assert path.status == "finished" and np.abs(path.norm / path.norm[0] - 1).max() < 1e-12
        assert np.all(np.diff(path.loss) < 1e-14) and path.loss[-1] == pytest.approx(0.285416, abs=1e-6)


def test_under_decay_the_norm_falls_as_an_exponential_of_time(in_the_plane):
    for landscape in (FIVE, in_the_plane):
        path = flow_of(landscape, 0.03, 60, 0.25)
        assert np.abs(path.log_norm - path.log_norm[0] + 0.25 * 0.03 * np.arange(61)).max() < 1e-12


def test_the_flow_of_the_angle_is_the_flow_in_the_plane(in_the_plane):
    for lam in (0.0, 0.25, Step(0.0, [20], [0.5])):
        assert departure(flow_of(FIVE, 0.03, 60, lam), flow_of(in_the_plane, 0.03, 60, lam)).max() < 1e-11


def test_decay_may_shrink_the_norm_below_every_float():
    path = flow_of(FIVE, 0.3, 20_000, 0.25)
    assert path.status == "finished" and path.log_norm[-1] == pytest.approx(np.log(0.7 * np.sqrt(2)) - 1500, abs=1e-9)
    assert path.loss[-1] == pytest.approx(0.285416, abs=1e-6)


def test_on_a_quadratic_the_flow_is_an_exponential():
    """L = (x² + 10 y²)/2 and any schedule: x(τ) = x₀ exp(-(1 + λ)τ), to the time that the rates add up to."""
    rate = Step(0.1, [50], [0.01])
    path = flow_of(LANDSCAPES["quadratic"], rate, 100, 0.5, (1.0, 1.0))
    tau = np.r_[0, np.cumsum(rate.rates(100).value)]
    curved = LANDSCAPES["quadratic"].local(1.0, 1.0)
    assert path.x == pytest.approx(np.exp(-(curved.hxx + 0.5) * tau), rel=1e-10)
    assert np.abs(path.y - np.exp(-(curved.hyy + 0.5) * tau)).max() < 1e-12


def test_a_step_of_no_length_takes_no_time():
    path = flow_of(FIVE, Step(0.1, [10], [0.0]), 40)
    assert np.all(path.angle[10:] == path.angle[10]) and path.angle[10] != path.angle[9]


@pytest.mark.parametrize(
    "formula,status", [("-x^4 - y^2", "diverged"), ("abs(x) + y^2", "stalled"), ("1e7*x^2 + y^2", "stalled")]
)
def test_a_flow_that_cannot_go_on_says_how_it_ended(formula, status):
    path = flow(typed(formula), Run("gd", 1.0), [START], 300)[0]
    assert path.status == status and 0 < path.stopped_at <= 300 and np.all(np.isfinite(path.x))


def test_a_point_that_decay_holds_against_the_gradient_has_not_met_a_zero_gradient():
    loss, run = typed("(x - 1)^2 + (y - 1)^2"), Run("gd", 0.25, 0.5)
    for path in (*simulate(loss, run, [START], 500), *flow(loss, run, [START], 500)):
        assert path.status == "finished" and path.x[-1] == pytest.approx(0.8)
        assert path.gradient_norm[-1] == pytest.approx(0.4 * np.sqrt(2))


@pytest.mark.parametrize(
    "run", [Run("sign"), Run("gd", hyperparameters={"momentum": 0.9}), Run("gd", clip_norm=1.0), Run("gd", noise=0.1)]
)
def test_only_plain_gradient_descent_has_a_flow(run):
    with pytest.raises(NoFlow, match="plain gradient descent only"):
        flow(FIVE, run, [START], 10)


def test_a_time_that_no_float_holds_is_refused_in_words():
    with pytest.raises(NoFlow, match="outgrows every float"):
        flow_of(FIVE, Exponential(1.0, 100.0), 1000)


def test_only_a_flow_pays_for_its_solver():
    script = "import sys; import dynamics.flow, app.answer.result; assert 'diffrax' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


# In a scene

SCENE = """
landscape = "five_wells"
steps = 60
[[runs]]
label = "gradient descent"
learning_rate = 0.3
[[runs]]
label = "gradient flow"
flow_of = "gradient descent"
"""


def test_a_scene_shows_the_flow_under_a_run_and_its_distance():
    scene = read(SCENE)
    path, under = simulated(scene).runs
    assert under.partner == 0 and under.run.named == {"flow_of": "gradient descent"}
    assert np.array_equal(under.gaps[0], departure(under.paths[0], path.paths[0])) and under.gaps[0][0] == 0
    strip = next(strip for strip in picture(simulated(scene)).strips if strip.title == "distance to the flow")
    assert strip.log and [line.run for line in strip.lines] == [1]
    data = to_data_of(simulated(scene))["runs"][1]
    assert data["flow_of"] == "gradient descent" and len(data["paths"][0]["gap"]) == 61


def test_a_scene_with_a_flow_comes_back_from_every_door(tmp_path):
    scene = read(SCENE)
    for back in (read(to_toml(scene)), read(to_json(scene)), from_link(to_link(scene))):
        assert to_data(back) == to_data(scene)
    script = tmp_path / "scene.py"
    script.write_text(to_python(scene))
    assert runpy.run_path(str(script))["scene"].runs == scene.runs


@pytest.mark.parametrize(
    "change,code,sentence",
    [
        (('learning_rate = 0.3', 'rule = "sign"'), "no_flow", "plain gradient descent only"),
        (('learning_rate = 0.3', "momentum = 0.9"), "no_flow", "plain gradient descent only"),
        (("steps = 60", 'arithmetic = "certified"'), "arithmetic", "certified arithmetic has no flow"),
        (('flow_of = "gradient descent"', 'flow_of = "nobody"'), "flow_of", "no other run has that label"),
        (('flow_of = "gradient descent"', 'flow_of = "gradient descent"\nbeta = 1.0'), "flow_of", "leave out beta"),
        (("flow_of", 'twin_of = "gradient descent"\nflow_of'), "twin_of", "not two of them"),
        (('label = "gradient descent"', 'ghost_of = "gradient flow"'), "ghost_of", "name the run itself"),
    ],
)  # fmt: skip
def test_a_scene_whose_flow_is_not_there_is_refused_in_words(change, code, sentence):
    with pytest.raises(SceneError, match=sentence) as refused:
        read(SCENE.replace(*change))
    assert refused.value.code == code


def test_a_flow_follows_its_partners_new_name_and_leaves_with_it():
    scene = read(SCENE)
    renamed = edit(scene, "run:0:label", "descent")
    assert renamed.runs[1].flow_of == "descent"
    both = edit(edit(renamed, "run:add", None), "run:0:remove", None)
    assert [run.flow_of for run in both.runs] == [None]


def test_at_half_the_rate_the_preset_ends_half_as_far_from_its_flow():
    preset = next(preset for preset in EXPLORE if preset.name == "flow")
    slower = edit(edit(preset.scene, "run:0:learning_rate", 0.05), "steps", 80)
    (path, under), (_, nearer) = simulated(preset.scene).runs, simulated(slower).runs
    assert np.abs(under.paths[0].norm / under.paths[0].norm[0] - 1).max() < 1e-12
    assert np.all(np.diff(path.paths[0].norm) > -1e-12) and path.paths[0].norm[-1] > 1.05
    assert under.gaps[0][-1] / nearer.gaps[0][-1] == pytest.approx(2, rel=0.05)
