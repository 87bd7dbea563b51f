"""What a click on a chart opens is what the chart drew, and what its words say is what its numbers are."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from app import chart
from app.answer.result import simulate
from app.chart import portrait, sides
from app.chart.ensemble import coarse, crowds
from app.chart.orbits import ROWS
from app.scene import Atlas, Ensemble, Orbits, Portrait, Run, Scene, SceneError
from app.scene.charts import MAX_ORBITS
from dynamics.ensemble import distance
from dynamics.schedules import Constant
from dynamics.sharpness import log_over_threshold

DECAY = Run(label="decay", learning_rate=0.05, weight_decay=0.1)
CALM = Scene(
    landscape="five_wells", runs=(DECAY,), steps=60, arithmetic="float64",
    chart=Atlas(x="runs.0.learning_rate:log:0.02:0.05", y="runs.0.weight_decay:log:0.001:0.02"),
)  # fmt: skip
PIXELS = [(0, 0), (63, 63), (5, 40), (33, 20), (63, 0)]


def first(scene):
    return next(chart.sheets(scene))


def middle(made, column, row):
    """Of a pixel, in the numbers that the axes show."""
    plot = made.plots[0]
    rows, columns = plot.raster.levels.shape
    return {"x": plot.x.centre(column, columns), "y": plot.y.centre(row, rows)}


def opened(scene, made, column, row):
    found, words = chart.picked(scene, made, middle(made, column, row))
    return simulate(found), words


# ---------------------------------------------------------------------------------------------------------------------
# The map


def _first_below(path, scene):
    x, y = scene.field.minima[0]
    lowest = float(scene.field.loss(np.array([x]), np.array([y]))[0])
    reached = np.flatnonzero(path.loss <= lowest + 1e-3 * abs(path.loss[0] - lowest))
    return float(reached[0]) if len(reached) else math.nan


def _over_threshold(path, scene):
    return log_over_threshold(scene.field, scene.runs[0].motion, path, scene.knobs)[-1]


TOLD = {
    "final_loss": lambda path, scene: path.loss[-1],
    "log_norm": lambda path, scene: path.log_norm[-1],
    "sharpness_ratio": lambda path, scene: math.exp(_over_threshold(path, scene)),
    "lyapunov": lambda path, scene: path.lyapunov[-1],
    "area_growth": lambda path, scene: path.area_growth[-1],
    "steps_to_diverge": lambda path, scene: math.nan,
    "steps_to_converge": _first_below,
}


@pytest.mark.parametrize("statistic", TOLD)
@pytest.mark.parametrize(("arithmetic", "close"), [("float64", 1e-9), ("float32", 1e-4)])
def test_the_value_of_a_calm_pixel_is_that_of_the_run_it_opens(statistic, arithmetic, close):
    scene = replace(CALM, arithmetic=arithmetic, chart=replace(CALM.chart, statistic=statistic))
    made = first(scene)
    for column, row in PIXELS:
        done, _ = opened(scene, made, column=column, row=row)
        path, value = done.runs[0].paths[0], made.plots[0].raster.values[row, column]
        right = TOLD[statistic](path, done.scene)
        assert value == pytest.approx(right, rel=close, abs=0.01 * close, nan_ok=True), (column, row)


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_a_run_that_the_map_says_is_at_rest_is_at_rest_when_it_is_opened(arithmetic):
    scene = Scene(
        landscape="himmelblau", runs=(Run(learning_rate=0.01),), steps=300, arithmetic=arithmetic,
        chart=Atlas(x="start.x:-4:4", y="runs.0.learning_rate:0.005:0.05", statistic="regime"),
    )  # fmt: skip
    made = first(scene)
    seen = {}
    for column, row in [(c, r) for c in (3, 20, 45, 60) for r in (2, 30, 60)]:
        kind = made.plots[0].words[int(made.plots[0].raster.values[row, column])]
        (path,) = opened(scene, made, column=column, row=row)[0].runs[0].paths
        moved = max(abs(path.x[-1] - path.x[-2]), abs(path.y[-1] - path.y[-2]))
        seen.setdefault(kind, []).append(bool(moved < 1e-3 * abs(path.x[-1])))
    assert all(seen["comes to rest"]) and not any(seen.get("periodic", [])) and len(seen) > 1


def test_the_basin_of_a_pixel_is_the_well_that_the_opened_run_ends_nearest_to():
    gentle = replace(CALM, steps=300, runs=(Run(learning_rate=0.05, weight_decay=0.01),))
    scene = replace(gentle, chart=Atlas(x="start.angle:-3:3", y="start.norm:0.5:1", statistic="basin"))
    made = first(scene)
    wells = [float(word.removeprefix("well at ").removesuffix("°").replace("−", "-")) for word in made.plots[0].words]
    seen = set()
    for column in range(2, 64, 9):
        (path,) = opened(scene, made, column=column, row=30)[0].runs[0].paths
        apart = [abs((math.degrees(path.angle[-1]) - well + 180) % 360 - 180) for well in wells]
        assert path.horizon is None and int(made.plots[0].raster.values[30, column]) == np.argmin(apart)
        seen.add(np.argmin(apart))
    assert len(seen) > 3


def test_the_card_of_a_chaotic_pixel_says_until_which_step_it_is_predicted():
    wild = Scene(
        landscape="five_wells", runs=(Run(learning_rate=0.3, weight_decay=0.3),), steps=300, arithmetic="float32",
        chart=Atlas(x="runs.0.learning_rate:0.28:0.32", y="runs.0.weight_decay:0.28:0.32", statistic="lyapunov"),
    )  # fmt: skip
    made = first(wild)
    card = chart.card(wild, made, middle(made, 20, 30))
    done, words = opened(wild, made, column=20, row=30)
    (path,) = done.runs[0].paths
    assert 0 < path.horizon < 300
    assert (
        f"float32 predicts it until step {path.horizon};" in " ".join(card.lines) and f"until step {path.horizon};" in words
    )
    assert np.array_equal(card.path[0], path.x) and np.array_equal(card.path[1], path.y)
    assert not any("predicts" in line for line in chart.card(CALM, first(CALM), middle(first(CALM), 20, 30)).lines)


def test_the_little_path_of_a_long_run_goes_from_its_start_to_its_end_in_few_points():
    long = replace(CALM, steps=5000)
    made = first(replace(long, steps=5))  # any map of these sides will do
    (path,) = opened(long, made, 20, 30)[0].runs[0].paths
    x, y = chart.card(long, made, middle(made, 20, 30)).path
    assert len(x) == len(y) == 1000 and (x[0], y[0], x[-1], y[-1]) == (path.x[0], path.y[0], path.x[-1], path.y[-1])


def test_the_card_of_a_noisy_pixel_says_that_the_run_is_another_draw():
    noisy = replace(CALM, runs=(replace(DECAY, noise=0.5),))
    made = first(noisy)
    lines = chart.card(noisy, made, middle(made, 1, 1)).lines
    assert any("another draw" in line for line in lines)


def test_a_click_on_the_coarser_map_that_a_page_still_shows_opens_the_run_that_was_clicked():
    coarse, fine = (made for made, _ in zip(chart.sheets(CALM), range(2), strict=False))
    for made in (coarse, fine):
        found, _ = chart.picked(CALM, made, middle(coarse, 40, 10))
        assert found.runs[0].learning_rate == pytest.approx(0.02 * 2.5 ** (40.5 / 64), rel=0.02)


def test_a_click_says_what_the_map_said():
    scene = replace(CALM, chart=replace(CALM.chart, statistic="log_norm"))
    made = first(scene)
    value = made.plots[0].raster.values[40, 5]
    _, words = opened(scene, made, column=5, row=40)
    assert f"Logarithm of the norm: {value:.4g}".lower().replace("-", "−") in words.lower() and words.endswith(".")
    assert "η = " in words and "λ = " in words


AT = {
    "start.norm": (0.5, "five_wells", lambda scene: np.hypot(*scene.points[0])),
    "start.angle": (2.0, "five_wells", lambda scene: math.atan2(*reversed(scene.points[0]))),
    "start.x": (0.25, "five_wells", lambda scene: scene.points[0][0]),
    "start.y": (-0.25, "five_wells", lambda scene: scene.points[0][1]),
    "runs.0.learning_rate": (0.3, "five_wells", lambda scene: scene.runs[0].learning_rate),
    "runs.0.weight_decay": (0.3, "five_wells", lambda scene: scene.runs[0].weight_decay),
    "runs.0.intrinsic": (0.03, "five_wells", lambda scene: scene.runs[0].weight_decay * scene.runs[0].learning_rate),
    "runs.0.momentum": (0.8, "five_wells", lambda scene: scene.runs[0].hyperparameters["momentum"]),
    "runs.0.clip_norm": (0.7, "five_wells", lambda scene: scene.runs[0].clip_norm),
    "runs.0.noise": (0.7, "five_wells", lambda scene: scene.runs[0].noise),
    "knobs.m": (0.7, "uncentred_regression", lambda scene: scene.knobs["m"]),
}


@pytest.mark.parametrize("place", AT)
def test_a_pixel_opens_with_what_its_axis_says_and_nothing_else_changed(place):
    value, landscape, read = AT[place]
    name = place.rpartition(".")[2]
    scene = Scene(landscape=landscape, runs=(DECAY,), starts=((-0.7, 0.4),), chart=Portrait())
    found = sides.at(scene, 0, {name: value})
    assert read(found) == pytest.approx(value, rel=1e-12) and found.chart is None
    for other, (_, where, elsewhere) in AT.items():
        moved = {"intrinsic": {"weight_decay"}, "weight_decay": {"intrinsic"}, "learning_rate": {"intrinsic"}}.get(
            name, set()
        )
        moved |= {"x": {"norm", "angle"}, "y": {"norm", "angle"}, "norm": {"x", "y"}, "angle": {"x", "y"}}.get(name, set())
        if where == landscape and other.rpartition(".")[2] not in {name, "momentum", *moved}:
            assert elsewhere(found) == elsewhere(scene) or elsewhere(found) == pytest.approx(elsewhere(scene), rel=1e-12)


def test_norm_and_angle_or_x_and_y_together_are_a_start():
    assert sides.at(CALM, 0, {"norm": 2.0, "angle": math.pi / 6}).points[0] == pytest.approx((math.sqrt(3), 1.0))
    assert sides.at(CALM, 0, {"x": 0.3, "y": -0.4}).points[0] == (0.3, -0.4)


def test_an_axis_of_the_second_run_opens_the_second_run():
    scene = replace(
        CALM, runs=(DECAY, Run(label="adam", rule="adam")), chart=Atlas(x="runs.1.learning_rate:0.01:0.1", y="start.x:0:1")
    )
    done, _ = opened(scene, first(scene), column=63, row=63)
    assert [run.label for run in done.runs] == ["adam"] and done.scene.runs[0].learning_rate == 0.1


def test_a_constant_rate_may_be_written_as_a_schedule_beside_the_intrinsic_axis():
    run = replace(DECAY, learning_rate=Constant(0.1))
    scene = replace(CALM, runs=(run,), chart=Atlas(x="runs.0.intrinsic:log:0.001:0.1", y="start.norm:0.5:1"))
    made = first(scene)
    done, _ = opened(scene, made, column=63, row=63)
    assert done.scene.runs[0].weight_decay == pytest.approx(1.0)
    assert made.plots[0].raster.values[63, 63] == pytest.approx(done.runs[0].paths[0].loss[-1], rel=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# The portrait

FOLDED = Scene(
    landscape="quotient", runs=(Run(learning_rate=1.0, weight_decay=0.2),), starts=((0.4, 0.949),), chart=Portrait()
)


@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_a_click_on_the_portrait_adds_an_orbit_exactly_there(rate):
    scene = replace(FOLDED, runs=(Run(learning_rate=rate, weight_decay=0.2 / rate),))
    made = first(scene)
    plot = made.plots[0]
    x, y = 0.6 * plot.x.low + 0.4 * plot.x.high, 0.3 * plot.y.low + 0.7 * plot.y.high
    found, _ = chart.picked(scene, made, {"x": x, "y": y})
    assert found.points[0] == scene.points[0] and len(found.points) == 2
    assert np.log(np.abs(found.points[1]) / np.sqrt(rate)) == pytest.approx((x, y), rel=1e-12)
    after = first(found).plots[0]
    assert (after.x.low, after.x.high, after.y.low, after.y.high) == (plot.x.low, plot.x.high, plot.y.low, plot.y.high)
    rows, columns = after.raster.levels.shape
    before = plot.raster.levels[int(0.7 * rows) - 1 : int(0.7 * rows) + 2, int(0.4 * columns) - 1 : int(0.4 * columns) + 2]
    there = after.raster.levels[int(0.7 * rows) - 1 : int(0.7 * rows) + 2, int(0.4 * columns) - 1 : int(0.4 * columns) + 2]
    assert not before.any() and there.any()


def test_a_portrait_of_a_well_adds_the_orbit_at_the_angle_and_the_norm_of_the_click():
    scene = Scene(landscape="five_wells", runs=(Run(learning_rate=0.25, weight_decay=0.4),), chart=Portrait())
    found, _ = chart.picked(scene, first(scene), {"x": 120.0, "y": 0.5})
    x, y = found.points[-1]
    assert math.degrees(math.atan2(y, x)) == pytest.approx(120) and math.log(math.hypot(x, y) / 0.5) == pytest.approx(0.5)


def test_a_full_portrait_lets_its_oldest_orbit_go():
    starts = tuple((0.1 + 0.01 * k, 0.9) for k in range(MAX_ORBITS))
    found, _ = chart.picked(replace(FOLDED, starts=starts), first(FOLDED), {"x": 0.0, "y": 0.0})
    assert len(found.points) == MAX_ORBITS and found.points[:-1] == starts[1:]


@pytest.mark.parametrize(("rate", "decay"), [(1.0, 0.2), (0.1, 2.0), (0.5, 1.2)])
def test_the_ring_is_on_the_two_cycle(rate, decay):
    scene = replace(FOLDED, runs=(Run(learning_rate=rate, weight_decay=decay),))
    (mark,) = first(scene).plots[0].marks
    assert mark.label == "two-cycle"
    start = portrait.picked(scene, first(scene), {"x": mark.x, "y": mark.y})[0].points[-1]
    (path,) = simulate(replace(scene, chart=None, starts=(start,), steps=4)).runs[0].paths
    w = np.stack([path.x, path.y], axis=1)
    assert w[2] == pytest.approx(w[0], rel=1e-12) and w[4] == pytest.approx(w[0], rel=1e-12)
    assert np.abs(w[1]) == pytest.approx(np.abs(w[0]), rel=1e-12) and not np.allclose(w[1], w[0], rtol=0.1)


@pytest.mark.parametrize(
    "run",
    [Run(rule="sign", weight_decay=0.2), Run(weight_decay=0.2, noise=0.1), Run(weight_decay=0.2, clip_norm=1.0),
     Run(weight_decay=0.2, hyperparameters={"momentum": 0.5})],
)  # fmt: skip
def test_a_portrait_claims_area_and_a_two_cycle_for_plain_descent_alone(run):
    assert "preserves area" in first(FOLDED).caption
    made = first(replace(FOLDED, runs=(run,)))
    assert "preserves area" not in made.caption and made.plots[0].marks == ()


def test_an_orbit_of_the_sea_falls_into_an_island_for_good():
    """In certified arithmetic, so that no rounding carries it there."""
    scene = replace(FOLDED, starts=((1.0, 0.949),), steps=1500, arithmetic="certified", chart=None)
    (path,) = simulate(scene).runs[0].paths
    log_x = np.log(np.abs(path.x))
    assert log_x[:300].min() < -5 and log_x[300:].min() > -2.1


def test_two_places_have_the_same_image():
    """So an island can be entered, although every step preserves area."""
    starts = ((0.712996918688505, 0.23821981745680654), (-0.31674691868850496, 0.9480301825431934))
    for path in simulate(replace(FOLDED, chart=None, starts=starts, steps=1)).runs[0].paths:
        assert (path.x[1], path.y[1]) == pytest.approx((0.317, 0.949), rel=1e-14)
    assert np.ptp(np.log(np.abs(starts)), axis=0).min() > 0.5  # not one the mirror image of the other


# ---------------------------------------------------------------------------------------------------------------------
# The orbit diagram


@pytest.mark.parametrize("watched", ["angle", "log_norm"])
def test_the_dots_of_a_calm_column_are_the_last_states_of_the_runs_that_it_opens(watched):
    scene = Scene(
        landscape="five_wells", runs=(DECAY,), steps=200, starts=((-0.7, 0.7), (0.5, -0.4)),
        chart=Orbits(x="runs.0.intrinsic:log:0.0001:0.001", kept=8, watched=watched),
    )  # fmt: skip
    made = first(scene)
    plot = made.plots[0]
    for column in (0, 40, 119):
        done, words = opened(scene, made, column=column, row=0)
        states = np.concatenate([getattr(path, watched)[-8:] for path in done.runs[0].paths])
        states = np.degrees(states) if watched == "angle" else states
        rows = (states - plot.y.low) / (plot.y.high - plot.y.low) * ROWS
        assert set(np.flatnonzero(plot.raster.levels[:, column])) == set(rows.astype(int)), column
        value = done.scene.runs[0].weight_decay * 0.05
        assert f"ηλ = {value:.4g}" in words and len(done.runs[0].paths) == 2


def test_a_column_of_starts_opens_from_its_own_start():
    scene = Scene(landscape="five_wells", runs=(DECAY,), steps=60, chart=Orbits(x="start.norm:log:0.1:3", kept=5))
    done, _ = opened(scene, first(scene), column=119, row=0)
    assert np.hypot(*done.scene.points[0]) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("quotient", "sum to zero"),
        ("cosine_wells_3", "f⁗/f″ = −9, below −4"),
        ("cosine_wells_1", "f⁗/f″ = −1, not below −4"),
    ],
)
def test_an_orbit_diagram_speaks_of_areas_and_wells_for_plain_descent_alone(place, words):
    scene = Scene(landscape=place, runs=(Run(learning_rate=1.0),), steps=60, chart=Orbits(kept=5))
    assert words in first(scene).caption
    rests = first(replace(scene, runs=(Run(learning_rate=1.0, weight_decay=0.0),), chart=Orbits(x="start.norm:1:2", kept=5)))
    assert "f⁗" not in rests.caption
    sign = first(replace(scene, runs=(Run(rule="sign"),))).caption
    assert "sum to zero" not in sign and "f⁗" not in sign


# ---------------------------------------------------------------------------------------------------------------------
# The ensemble

NOISY = Run(label="a", learning_rate=0.1, weight_decay=0.1, noise=6.0)


@pytest.mark.parametrize(
    ("other", "agree", "norms"),
    [
        (NOISY, True, "and so do their norms"),
        (replace(NOISY, learning_rate=0.4, weight_decay=0.025), True, "by a factor of 2"),
        (replace(NOISY, noise=4.0), False, ""),
    ],
)
def test_the_words_under_an_ensemble_say_agree_or_differ_as_its_numbers_do(other, agree, norms):
    runs = (NOISY, replace(other, label="b"))
    scene = Scene(landscape="five_wells", steps=2000, arithmetic="float32", runs=runs, chart=Ensemble(particles=5000))
    whole = chart.whole(scene)
    plot = next(plot for plot in whole.plots if plot.y.label == "Σ|p − q|")
    (curve,), floor = plot.curves, next(mark.y for mark in plot.marks if mark.y is not None)
    assert bool(curve.y[-1] < 1.25 * floor) == agree
    assert ("agree" in whole.caption) == agree and ("still differ" in whole.caption) != agree and norms in whole.caption
    assert f"{curve.y[-1]:.3f}" in whole.caption and f"{floor:.3f}" in whole.caption
    first_one, second = (coarse(crowd.seen.counts[-1]) for crowd in crowds(scene, 5000))
    assert curve.y[-1] == pytest.approx(float(distance(first_one, second)))


def test_the_histograms_of_an_ensemble_are_densities():
    scene = Scene(landscape="five_wells", steps=100, arithmetic="float32", runs=(NOISY,), chart=Ensemble(particles=500))
    whole = chart.whole(scene)
    for plot in whole.plots:
        if plot.raster is not None:
            assert plot.raster.values.sum(axis=0) * 2 * np.pi / plot.raster.values.shape[0] == pytest.approx(1.0)


def test_an_ensemble_that_leaves_the_plane_is_refused_in_a_sentence():
    scene = Scene(
        landscape="himmelblau",
        runs=(Run(label="hot", learning_rate=50.0),),
        steps=60,
        chart=Ensemble(particles=100, tangential=False),
    )
    with pytest.raises(SceneError, match=r"The particles of 'hot' leave the plane; give them a smaller rate\.$"):
        chart.whole(scene)


def test_gibbs_law_is_drawn_where_it_holds_and_nowhere_else():
    def laws(run, **kind):
        scene = Scene(
            landscape="five_wells", steps=60, arithmetic="float32", runs=(run,), chart=Ensemble(particles=100, **kind)
        )
        return [curve.label for plot in chart.whole(scene).plots for curve in plot.curves if "Gibbs" in curve.label]

    assert laws(NOISY)
    for run in (
        replace(NOISY, weight_decay=0.0),
        replace(NOISY, hyperparameters={"momentum": 0.9}),
        replace(NOISY, rule="sign"),
    ):
        assert not laws(run)
    assert not laws(NOISY, tangential=False)
