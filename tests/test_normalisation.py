"""What the page Normalisation claims, each beside a number from elsewhere: a closed form, a law, or the step written out."""

import numpy as np
import pytest

from app.answer.result import simulate, verdict
from app.chart.race import data_of, race, sheets
from app.edit.edits import edit
from app.edit.probes import PROBES
from app.gallery.presets import of_page
from app.scene import Race, Run, Scene, SceneError
from app.views import normalisation
from dynamics import Run as Motion
from dynamics import simulate as paths
from dynamics.clocks import clock, frechet, resampled
from landscapes import named, typed

SCENES = {preset.name: preset.scene for preset in of_page("normalisation")}


def first(name):
    return [run.paths[0] for run in simulate(SCENES[name]).runs]


def plain(rule, formula, rate, start, steps, **own):
    landscape = typed(formula) if not isinstance(formula, str) or "x" in formula else named(formula)
    return paths(landscape, Motion(rule, rate, hyperparameters=own), [start], steps)[0]


def lengths(path):
    return np.hypot(np.diff(path.x), np.diff(path.y))


# ---------------------------------------------------------------------------------------------------------------------
# 000: the size of a loss, of a gradient, of a step


def test_000_1_and_2_a_sum_moves_descent_and_leaves_unit_loss_where_it_is():
    n, data = 6, dict(named("linear_regression").data)
    whole, share = (typed(f"{how}((x*u + y - t)^2)/2", data=data) for how in ("sum", "mean"))
    x, y = np.array([0.3]), np.array([-1.2])
    a, b = whole.local(x, y), share.local(x, y)
    assert np.hypot(a.gx, a.gy)[0] / np.hypot(b.gx, b.gy)[0] == pytest.approx(n, rel=1e-12)
    assert np.allclose([a.gx / a.loss, a.gy / a.loss], [b.gx / b.loss, b.gy / b.loss], rtol=1e-14)
    result = simulate(SCENES["own_size"])
    moved = [verdict(result, run)[0] for run in result.runs if run.run.image_of]
    assert moved == [True, False, False]


def test_000_4_and_11_the_step_goes_as_the_loss_to_the_power_one_half_nothing_and_minus_one_half():
    shown = zip(first("three_normalisations"), ("gd", "unit_gradient", "unit_loss"), (0.5, 0.0, -0.5), strict=True)
    for path, rule, slope in shown:
        alone = plain(rule, "x^2/2", 0.03, (1.6, 0.0), 20)
        fitted = np.polyfit(np.log(alone.loss[:-1]), np.log(lengths(alone)), 1)[0]
        assert np.sign(np.log(lengths(path)[20] / lengths(path)[0]).round(9)) == -np.sign(slope)
        assert fitted == pytest.approx(slope, abs=0.02)


def test_000_5_unit_loss_on_a_quadratic_is_booles_map():
    path = plain("unit_loss", "x^2/2", 0.05, (1.0, 0.0), 30)
    b = 1.0 / np.sqrt(0.1)
    for t in range(31):
        assert path.x[t] / np.sqrt(0.1) == pytest.approx(b, abs=1e-8)
        b = b - 1 / b


def test_000_7_signsgd_has_one_step_and_then_a_period_of_two():
    path = plain("sign", "x^2/2 + y^2", 0.1, (1.03, -0.77), 100)
    moving = (path.x[:-1] != 0) & (path.y[:-1] != 0)
    assert np.allclose(lengths(path)[moving], 0.1 * np.sqrt(2), rtol=0, atol=1e-12)
    assert np.allclose(path.x[-20:-2], path.x[-18:], atol=1e-15) and abs(path.x[-1]) <= 0.1 and abs(path.y[-1]) <= 0.1


def test_000_8_and_12_a_unit_step_ends_as_far_out_as_it_is_long_and_a_falling_rate_goes_all_the_way():
    constant, falling = first("decay_repairs")
    assert np.allclose(lengths(constant), 0.1, rtol=1e-12)
    assert 0.001 < np.hypot(constant.x[-1], constant.y[-1]) <= 0.1
    assert np.hypot(falling.x[-1], falling.y[-1]) <= 3 * falling.learning_rate[-1]


def test_000_9_adabelief_is_no_adam_at_a_constant_multiple_of_its_rate():
    made = data_of(SCENES["same_path"])
    adam, belief = made["entrants"]
    for rate, counts in ((0.1, (2169, 1860)), (0.01, (7922, 6038)), (0.001, (16082, 10735))):
        at = int(np.argmin(np.abs(np.log(np.array(adam["rates"]) / rate))))
        assert adam["rates"][at] == pytest.approx(rate, rel=1e-9)
        assert (adam["steps_to_target"][at], belief["steps_to_target"][at]) == pytest.approx(counts, rel=0.01)
    (pair,) = made["pairs"]
    assert pair["ratio"] == pytest.approx(7922 / 6038, rel=0.01)
    assert 1.7 < pair["clock"] < 2.0, "Adam at twice the rate needs 5885, a little less than AdaBelief"
    assert pair["distance"] < 0.05


def test_000_10_epsilon_is_a_hidden_size():
    result = simulate(SCENES["hidden_epsilon"])
    small, tiny = (verdict(result, run)[1] for run in result.runs[1:])
    assert 1e-9 < small < 1e-2 < tiny


# ---------------------------------------------------------------------------------------------------------------------
# 003: batch norm, data, and the norm


@pytest.mark.parametrize(("mean", "condition"), [(0.0, 1.0), (1.0, 6.85), (3.0, 119.0), (10.0, 10402.0)])
def test_003_1_an_input_mean_makes_the_condition_number(mean, condition):
    here = named("uncentred_regression").local(np.array([0.3]), np.array([-0.2]), {"m": mean})
    ends = np.linalg.eigvalsh([[here.hxx[0], here.hxy[0]], [here.hxy[0], here.hyy[0]]])
    assert ends[1] / ends[0] == pytest.approx(condition, rel=1e-3)
    assert ends[1] == pytest.approx(((2 + mean**2) + np.sqrt((2 + mean**2) ** 2 - 4)) / 2, rel=1e-9)


def test_003_5_a_normalised_neurons_loss_does_not_see_a_mean_of_its_inputs():
    shifted = {name: np.array(values) + (5.0 if name != "t" else 0.0) for name, values in named("batch_norm_neuron").data}
    x, y = np.random.default_rng(2).normal(size=(2, 20))
    there, here = (loss.loss(x, y) for loss in (named("batch_norm_neuron").over(shifted), named("batch_norm_neuron")))
    assert np.allclose(there, here, atol=1e-12)


def test_003_6_without_the_statistics_path_the_norm_runs_away_and_with_it_the_gradient_stays_at_right_angles():
    held, whole = first("statistics_stopped")[0], plain_bn(0.1, 300)
    assert held.norm[-1] > 1.5 * whole.norm[-1] or held.norm[-1] < 0.7 * whole.norm[-1]
    x, y = np.random.default_rng(2).normal(size=(2, 20))
    stopped, full = (named(name).local(x, y) for name in ("batch_norm_stopped", "batch_norm_neuron"))
    radial = [np.abs(x * each.gx + y * each.gy) for each in (stopped, full)]
    assert radial[0].max() > 0.1 and radial[1].max() < 1e-14


def plain_bn(rate, steps):
    return paths(named("batch_norm_neuron"), Motion("gd", rate), [(-0.9, 0.3)], steps)[0]


def test_003_9_the_squared_norm_grows_as_the_root_of_the_steps():
    rate, r0 = 0.1, np.hypot(0.5, 0.5)
    path = paths(typed("theta"), Motion("gd", rate), [(0.5, -0.5)], 1000)[0]
    k0 = r0**4 / (2 * rate**2)
    law = r0**2 * np.sqrt(1 + np.arange(1001) / k0)
    assert path.norm[-1] ** 2 == pytest.approx(law[-1], rel=2e-2)
    slow = paths(typed("theta"), Motion("gd", 0.02), [(0.5, -0.5)], 1000)[0]
    assert slow.norm[-1] ** 2 == pytest.approx(r0**2 * np.sqrt(1 + 1000 / (r0**4 / (2 * 0.02**2))), rel=1e-3)


def test_003_10_two_rates_ten_times_apart_end_with_the_same_effective_rate():
    large, small = (paths(typed("theta"), Motion("gd", rate), [(0.5, -0.5)], 100_000)[0] for rate in (1.0, 0.1))
    assert large.effective_learning_rate[-1] == pytest.approx(small.effective_learning_rate[-1], rel=0.01)
    large, small = first("two_rates")
    assert large.effective_learning_rate[-1] == pytest.approx(small.effective_learning_rate[-1], rel=0.02)


def test_003_12_decay_speeds_a_normalised_loss_up():
    none, little, more = first("decay_speeds_up")
    best = named("batch_norm_neuron").loss(np.array([0.976497]), np.array([0.215532]))[0]
    there = [int(np.argmax(path.loss < best + 0.01)) or 10**6 for path in (none, little, more)]
    assert there[2] < there[1] < there[0]


def test_003_14_a_batch_of_two_standardised_points_sees_only_their_order():
    data = named("batch_norm_neuron").data
    for rows in ((0, 1), (2, 5)):
        two = named("batch_norm_neuron").over({name: [values[i] for i in rows] for name, values in data})
        here = two.local(np.array([0.4]), np.array([0.7]))
        assert abs(here.gx[0]) + abs(here.gy[0]) < 1e-7


def test_separable_points_send_the_norm_to_infinity_and_the_direction_to_the_largest_margin():
    path = first("separable")[0]
    late = path.norm[[300, 1000, 3000]]
    assert late[0] < late[1] < late[2]
    assert (late[2] - late[1]) / (late[1] - late[0]) == pytest.approx(np.log(3) / np.log(10 / 3), rel=0.35)
    u, v, t = (np.array(values) for _, values in named("logistic_regression").data)
    angles = np.linspace(-np.pi, np.pi, 20_001)
    margin = np.min(t[:, None] * (np.cos(angles) * u[:, None] + np.sin(angles) * v[:, None]), axis=0)
    assert margin.max() > 0, "a line separates them"
    assert abs(path.angle[-1] - angles[np.argmax(margin)]) < abs(path.angle[100] - angles[np.argmax(margin)])


# ---------------------------------------------------------------------------------------------------------------------
# The race


def test_a_road_walked_at_another_pace_is_the_same_road():
    t = np.linspace(0, 1, 400)
    road = np.stack([np.cos(3 * t), np.sin(3 * t)], axis=1)
    slow = np.stack([np.cos(3 * t**3), np.sin(3 * t**3)], axis=1)
    assert frechet(road, slow) < 1e-2
    assert frechet(road, slow + [0.0, 0.25]) == pytest.approx(0.25, abs=1e-2)
    assert frechet(road, slow[::-1]) > 1.5, "the way back is another one"
    gaps = np.hypot(*np.diff(resampled(slow), axis=0).T)
    assert np.ptp(gaps) < 1e-3


def test_a_clock_is_the_multiple_of_the_rate_that_takes_as_many_steps():
    rates = np.geomspace(0.001, 1, 13)
    assert clock(rates, 5 / rates, 0.01, 5 / 0.03) == pytest.approx(3.0, rel=1e-9)
    assert clock(rates, np.where(rates > 0.02, np.nan, 5 / rates), 0.01, 5 / 0.5) is None


def test_every_entrant_tries_the_same_rates_and_its_best_has_the_fewest_steps():
    scene = Scene(
        landscape="rosenbrock", starts=((-1.2, 1.0),), steps=2000, arithmetic="float64",
        runs=(Run(label="a", rule="adam"), Run(label="b", rule="rmsprop")),
        chart=Race(x="runs.0.learning_rate:log:0.001:1", trials=12),
    )  # fmt: skip
    made = race(scene)
    for entrant, run in zip(made.entrants, scene.runs, strict=True):
        assert np.array_equal(entrant.rates, made.entrants[0].rates) and len(entrant.rates) == 12
        rate, steps = entrant.best
        path = paths(scene.field, run.motion._replace(learning_rate=rate), scene.points, 2000)[0]
        assert int(np.argmax(path.loss <= 1e-2)) == steps
        assert steps == np.nanmin(entrant.steps)
    rough, whole = sheets(scene, None)
    assert rough.done < 1 == whole.done and len(whole.plots) == 3 and "Fewest steps: " in whole.caption


def test_a_race_over_something_else_than_rates_is_refused_in_a_sentence():
    for x in ("runs.0.weight_decay:log:0.001:1", "runs.0.learning_rate:0:1"):
        with pytest.raises(SceneError, match="A race is over learning rates above 0"):
            Scene(landscape="beale", chart=Race(x=x))


# ---------------------------------------------------------------------------------------------------------------------
# The probe


@pytest.mark.parametrize("name", PROBES)
def test_the_probe_sets_every_run_beside_its_image_and_takes_it_away_again(name):
    scene = Scene(landscape="linear_regression", runs=(Run(rule="gd"), Run(rule="sign")))
    seen = edit(scene, "probe", name)
    assert [run.image_of for run in seen.runs] == [None, None, "gd", "sign"]
    assert {run.units for run in seen.runs if run.image_of} == {PROBES[name].units(scene)}
    control = normalisation.groups(seen, None)[1]["controls"][0]
    assert control["value"] == name
    assert len(edit(edit(seen, "probe", "turned"), "probe", "none").runs) == 2


def test_a_probe_of_too_many_runs_is_refused_in_a_sentence():
    scene = Scene(landscape="quadratic", runs=tuple(Run(label=f"run {i}") for i in range(7)))
    with pytest.raises(SceneError, match="at most 12 runs"):
        edit(scene, "probe", "large")
