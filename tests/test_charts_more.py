"""How far particles wander, what an average is worth (SCIENCE.md 004-19, 004-20), and clouds of paths."""

import numpy as np
import pytest
from msgspec.structs import replace

from app import chart
from app.answer.result import simulate
from app.drawing.reel import Reel
from app.edit.chart_controls import chart_groups
from app.edit.edits import edit
from app.gallery.presets import of_page
from app.picture.look import THEMES
from app.picture.picture import picture
from app.picture.strips import SHARES
from app.scene import Averages, Distances, Run, Scene, SceneError, View, from_link, read, to_json, to_link, to_toml
from app.scene.links import MAX_LINK
from app.views import explore
from dynamics import Run as Motion
from dynamics.averages import curvatures, ornstein_uhlenbeck
from dynamics.schedules import Warmup
from landscapes import LANDSCAPES, typed

CHAOS = of_page("chaos")

PRESETS = {preset.name: preset.scene for preset in CHAOS}
NOISY = Run(label="noisy", learning_rate=0.1, noise=1.0)
ORIGIN = ((0.0, 0.0),)


def curves(sheet, plot=0):
    return {curve.label: curve for curve in sheet.plots[plot].curves}


@pytest.mark.parametrize("name", ["saturates", "river", "averages", "particles"])
def test_a_scene_with_particles_survives_every_door(name):
    scene = PRESETS[name]
    assert from_link(to_link(scene)) == read(to_toml(scene)) == read(to_json(scene)) == scene
    assert len(to_link(scene)) < MAX_LINK


@pytest.mark.parametrize("name", ["saturates", "river", "averages"])
def test_a_chart_of_particles_begins_with_few_of_them(name):
    scene = PRESETS[name]
    few, all_of_them = chart.sheets(scene)
    assert few.done < all_of_them.done == 1.0
    for label, curve in curves(few).items():
        assert np.allclose(curve.y, curves(all_of_them)[label].y, rtol=0.15)
    assert not list(chart.sheets(scene, lambda: True))


# Distances


def test_in_a_bowl_the_distance_is_the_law_and_saturates_at_its_mark():
    made = chart.whole(PRESETS["saturates"])
    seen, law = curves(made)["in the bowl"], curves(made)["Ornstein–Uhlenbeck"]
    (mark,) = made.plots[0].marks
    assert np.abs(seen.y / law.y - 1).max() < 0.02
    assert mark.y == pytest.approx(0.3104, abs=1e-4) == pytest.approx(seen.y[-1], rel=0.02)
    assert "has stopped growing" in made.caption and "2 tr Σ is 0.3104" in made.caption


def test_along_a_river_the_distance_grows_on_and_the_caption_says_until_when():
    made = chart.whole(PRESETS["river"])
    seen = curves(made)["along the river"]
    assert np.all(np.diff(seen.y) > 0) and seen.y[-1] == pytest.approx(29, rel=0.03)
    assert "goes on growing" in made.caption and "2 tr Σ = 1\u202f000, in some 1/(ηh) = 100\u202f000 steps" in made.caption


def test_every_run_has_its_curve_and_only_what_has_a_law_is_given_one():
    runs = (NOISY, replace(NOISY, label="with momentum", hyperparameters={"momentum": 0.5}), Run(label="still"))
    scene = Scene(
        landscape="quadratic", knobs={"h": 0.5}, steps=200, runs=runs, starts=ORIGIN, chart=Distances(particles=500)
    )
    made = chart.whole(scene)
    assert list(curves(made)) == ["noisy", "Ornstein–Uhlenbeck", "with momentum", "still"]
    assert [mark.label for mark in made.plots[0].marks] == ["2 tr Σ, noisy"]
    assert not np.isfinite(curves(made)["still"].y).any() and "still: Nothing wanders without noise." in made.caption
    assert "A law is drawn for plain descent" in made.caption


@pytest.mark.parametrize(
    ("formula", "run", "found"),
    [
        ("0.5*x^2 + 0.25*y^2", {}, (1.0, 0.5)),
        ("x^2 + x*y + y^2 + 3*x - 7", {}, (3.0, 1.0)),
        ("0.5*x^2 + 0.25*y^2", {"weight_decay": 0.25}, (1.25, 0.75)),
        ("0.5*x^2 + 0.25*y^2", {"weight_decay": Warmup(peak=0.1, warmup_steps=5)}, None),
        ("0.5*x^2 + 0.25*y^2", {"clip_norm": 1.0}, None),
        ("0.5*x^2 + 0.25*y^2", {"rule": "sign"}, None),
        ("0.5*x^2", {}, None),
        ("6*x^2 + y^2", {}, None),
        ("x^2 - y^2", {}, None),
        ("x^2 + abs(x) + y^2", {}, None),
        ("x^2 + y^2 + 0.01*x^3", {}, None),
        ("x^2 + y^2 + log(x + 2.5)", {}, None),
        ("x^2/(x^2 + y^2)", {}, None),
    ],
)
def test_curvatures_are_those_of_a_stable_bowl_under_plain_descent_and_of_nothing_else(formula, run, found):
    h = curvatures(typed(formula), Motion(**{"learning_rate": 0.1} | run))
    assert h == pytest.approx(found) if found else h is None


def test_the_law_of_a_turned_bowl_with_decay_is_what_is_measured():
    run = replace(NOISY, weight_decay=0.5)
    scene = Scene(formula="x^2 + x*y + y^2", steps=200, runs=(run,), starts=ORIGIN, chart=Distances(particles=20_000))
    seen = curves(chart.whole(scene))["noisy"]
    assert np.abs(seen.y / ornstein_uhlenbeck((3.5, 1.5), 0.1, 1.0, seen.x) - 1).max() < 0.03


# Averages


def test_within_a_well_an_average_lowers_the_loss_and_across_two_it_does_not():
    made = chart.whole(PRESETS["averages"])
    one, other, across = made.plots[0].curves
    assert [one.y[0], one.y[1]] == pytest.approx([0.0463, 0.0398], rel=0.02)
    assert np.all(np.diff(one.y) < 0) and np.all(np.diff(other.y) < 0)
    assert across.x[0] == 2 and across.y.min() > 1.0 > other.y[0] > one.y[0]
    assert [mark.y for mark in made.plots[0].marks] == pytest.approx([0.0336, 0.2470], abs=1e-4)
    assert "more than a single iterate of either: between two wells lies a hill" in made.caption


def test_above_the_bottom_of_its_well_the_loss_of_an_average_falls_like_one_over_its_size():
    for curve in chart.whole(PRESETS["averages"]).plots[1].curves:
        assert curve.y[:4] * curve.x[:4] / curve.y[0] == pytest.approx(np.ones(4), rel=0.1)


def test_runs_that_sit_in_one_well_are_not_said_to_have_a_hill_between_them():
    start = PRESETS["averages"].starts[0]
    scene = replace(PRESETS["averages"], starts=(start, start), chart=Averages(particles=500))
    made = chart.whole(scene)
    assert made.plots[0].curves[2].y[-1] < made.plots[0].curves[0].y[0]
    assert "both starts are in one well" in made.caption and "hill" not in made.caption
    (alone,) = chart.whole(replace(scene, starts=(start,))).plots[0].curves
    assert np.array_equal(alone.y, made.plots[0].curves[0].y)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"landscape": "quadratic", "chart": Averages()}, "Tangential noise"),
        ({"landscape": "five_wells", "steps": 200_000, "chart": Distances(particles=100_000)}, "at most"),
        ({"landscape": "five_wells", "steps": 200_000, "chart": Averages(particles=20_000, apart=10_000)}, "at most"),
        ({"landscape": "five_wells", "steps": 10, "arithmetic": "certified", "chart": Distances()}, "float32 or float64"),
    ],
)
def test_what_cannot_be_followed_with_particles_is_refused_in_one_sentence(fields, reason):
    with pytest.raises(SceneError, match=reason):
        Scene(**fields)


def test_the_rail_changes_how_many_particles_and_how_far_apart():
    for name, control, value in (("saturates", "particles", 500), ("averages", "particles", 500), ("averages", "apart", 7)):
        scene = edit(PRESETS[name], f"chart:{control}", value)
        assert getattr(scene.chart, control) == value
        assert f"chart:{control}" in {c.get("id") for part in chart_groups(scene) for c in part["controls"]}


# Clouds


def cloud(trails, count=20, **more):
    starts = tuple((round(float(np.cos(a)), 3), round(float(np.sin(a)), 3)) for a in np.linspace(0.1, 6.2, count))
    run = Run(label="particles", learning_rate=0.1, weight_decay=0.1, noise=2.0)
    return Scene(landscape="five_wells", starts=starts, steps=40, runs=(run,), view=View(trails=trails, **more))


def test_two_hundred_particles_spread_over_the_wells_and_noise_holds_their_norm():
    """With noise alone E‖w‖² settles at σ²η/λ: here its root is 2, and the slope adds less than a tenth."""
    paths = simulate(PRESETS["particles"]).runs[0].paths
    assert len(paths) == 200 and len({path.start for path in paths}) == 1
    norms = np.exp([path.log_norm[300:] for path in paths])
    assert 2.0 < np.sqrt(np.mean(norms**2)) < 2.2
    wells = np.degrees(np.arctan2(*np.array(LANDSCAPES["five_wells"].minima).T[::-1]))
    ends = np.degrees([path.angle[-1] for path in paths])
    nearest = np.abs((ends[:, None] - wells + 180) % 360 - 180).argmin(axis=1)
    assert np.bincount(nearest, minlength=5).min() >= 8 and np.bincount(nearest).argmax() == 0


def test_the_strips_of_a_crowd_are_a_median_in_a_band_and_those_of_a_few_are_lines():
    seen = picture(simulate(cloud(True)))
    values = np.array([path.loss for path in seen.result.runs[0].paths])
    (line,) = seen.strips[0].lines
    low, middle, high = (np.quantile(values, share, axis=0, method="nearest") for share in SHARES)
    assert np.array_equal(line.values, middle) and np.array_equal(line.band, (low, high)) and line.path is None
    assert seen.strips[0].range[0] == low.min()
    few = picture(simulate(cloud(True, count=12))).strips[0]
    assert [line.path for line in few.lines] == list(range(12)) and all(line.band is None for line in few.lines)


def test_paths_that_diverge_leave_a_crowd_when_they_do_and_do_not_set_its_range():
    starts = tuple((0.4 * k + 1, 4.0) for k in range(20))
    scene = Scene(landscape="catapult", starts=starts, steps=60, runs=(Run(learning_rate=0.1),))
    result = simulate(scene)
    strip = picture(result).strips[0]
    (line,), (_, high) = strip.lines, strip.range
    left = [path.stopped_at for path in result.runs[0].paths if path.status == "diverged"]
    assert 5 < len(left) < 15 and np.isfinite(line.values).all()
    # while all are there the median is theirs, and when some have left it is of those that stay: a loss near zero
    losses = np.log([path.loss[min(left) - 1] for path in result.runs[0].paths])
    assert line.values[min(left) - 1] == np.quantile(losses, 0.5, method="nearest") and line.values[-1] < -30
    assert np.nanmax(line.band[1]) > high == line.values.max()


def test_a_film_of_a_cloud_has_discs_without_rings_trails_or_handles():
    def paint(scene, t):
        frame = Reel(picture(simulate(scene)), (640, 360), THEMES["light"]).frame(t)[..., :3].astype(int)
        white = np.all(frame > 250, axis=2) & (np.arange(640) < 380)  # the picture's white is in rings and casings only
        orange = np.abs(frame - (213, 94, 0)).max(axis=2) < 60
        return white[40:300].sum(), (orange & (np.arange(640) < 380))[40:300].sum()

    ground, _ = paint(cloud(False, quiver=False), 0)
    white, orange = paint(cloud(False, quiver=False), 40)
    assert white == ground and 20 * 3 < orange < 20 * 40
    white, orange = paint(cloud(True, quiver=False), 40)
    assert white > ground + 500 and orange > 20 * 40


def test_the_rail_lists_a_few_starts_and_counts_many():
    def controls(scene):
        return {c.get("id"): c for part in explore.groups(scene, simulate(scene)) for c in part["controls"]}

    many = controls(PRESETS["particles"])
    assert many["view:trails"]["value"] is False and "start:clear" in many and "start:0" not in many
    few = controls(cloud(True, count=3))
    assert "view:trails" not in few and "start:2" in few
    assert edit(PRESETS["particles"], "view:trails", True).view == View(window=(-4.0, 4.0, -4.0, 4.0))
    with pytest.raises(SceneError, match="view.trails: expected true or false"):
        edit(PRESETS["particles"], "view:trails", "yes")
