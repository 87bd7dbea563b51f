"""A sweep: every point is a run, what is gone is said to be gone, and the best is the best of what was tried."""

import json

import numpy as np
import pytest
from msgspec.structs import replace

from app import chart
from app.__main__ import main
from app.answer.result import simulate
from app.chart import sides
from app.chart.sweep import COARSE, sheets, sweep
from app.gallery.presets import preset
from app.scene import Run, Scene, SceneError, Sweep, from_data, read, to_json, to_toml
from app.scene.charts import TRIES
from dynamics.critical import critical_step

RATES = Sweep(x="runs.0.learning_rate:log:0.02:2", points=24)
PAIR = Scene(
    landscape="product", steps=200, starts=((3.0, 0.3),), chart=RATES,
    runs=(Run(label="plain", learning_rate=0.1), Run(label="heavy", learning_rate=0.1, hyperparameters={"momentum": 0.5})),
)  # fmt: skip


@pytest.mark.parametrize("at", [1.0, 0.25])
def test_every_point_is_the_run_that_a_scene_of_its_own_is(at: float) -> None:
    scene = replace(PAIR, chart=replace(RATES, at=at))
    made = sweep(scene)
    for series in made.series:
        for x, value, status in list(zip(made.x, series.values, series.status(1), strict=True))[::3]:
            alone = sides.at(scene, series.run, {"learning_rate": float(x)})
            path = simulate(alone).runs[0].paths[0]
            end = round(at * scene.steps)
            gone = max(np.abs(path.x[: end + 1]).max(), np.abs(path.y[: end + 1]).max()) > 1e6 * np.hypot(3, 0.3)
            assert (status == "diverged") == (gone or not np.isfinite(path.loss[end]))
            if status == "finished" and path.horizon is None:
                assert value == pytest.approx(path.loss[end], rel=1e-9, abs=1e-30)


def test_the_largest_stable_rate_on_a_quadratic_is_two_over_its_curvature() -> None:
    scene = Scene(
        landscape="quadratic", steps=4000, starts=((1.0, 1.0),), runs=(Run(learning_rate=0.1),),
        chart=Sweep(x="knobs.h:log:2:60", over="runs.0.learning_rate:log:0.01:2", best="stable", points=9),
    )  # fmt: skip
    made, step = sweep(scene), (2 / 0.01) ** (1 / (TRIES - 1))
    ratio = made.series[0].values / (2 / np.maximum(made.x, 1))
    assert np.all(ratio <= 1.01) and np.all(ratio > 1 / step / 1.01)


def test_the_largest_stable_rate_of_the_product_is_that_of_the_theorem() -> None:
    """η* = 8/(s + √(s² − 16z)), s = x² + y², z = xy − 1, below 1/|μ| = 1."""
    scene = preset("largest_stable").scene
    made = sweep(scene)
    star = critical_step(3 * made.x, 0.3 * made.x, 1.0)
    step = (1 / 0.03) ** (1 / (TRIES - 1))
    ratio = (made.series[0].values / star)[star < 1]
    assert len(ratio) > 40 and np.all(ratio <= 1) and np.all(ratio > 1 / step / 1.001)
    guide = next(c for c in chart.whole(scene).plots[0].curves if c.label == scene.chart.guides[0])
    assert np.allclose(guide.y, star, rtol=1e-12)


def test_survivors_end_on_or_below_two_over_the_rate() -> None:
    scene = preset("survivors").scene
    made = sweep(scene)
    for series in made.series:
        kept = np.isfinite(series.values) & (made.x < 1)
        assert np.all(series.values[kept] <= 2 / made.x[kept] + 1e-6)
    plain, clipped = (series.survived.sum() for series in made.series)
    assert clipped == len(made.x) > plain


def test_the_catapult_is_lazy_below_two_flatter_below_four_and_gone_above() -> None:
    made = sweep(preset("catapult_band").scene)
    edge, ratio = made.series
    before = made.x * 20.0
    lazy, thrown, gone = before < 1.98, (before > 2.02) & (before < 3.98), before > 4.02
    assert np.allclose(ratio.values[lazy], before[lazy] / 2, rtol=0.05)
    assert np.all(ratio.values[thrown] < 1 + 1e-9) and np.isnan(ratio.values[gone]).all()
    assert edge.status(1)[-1] == "diverged" and np.allclose(edge.values[lazy], before[lazy], rtol=1e-3)


def test_a_warmup_rescues_a_start_under_label_noise_and_the_longer_the_more() -> None:
    scene = preset("warmup_family").scene
    made = sweep(replace(scene, chart=replace(scene.chart, x="start.scale:linear:0.999:1.001", points=2)))
    survived = {series.label: int(series.survived[0]) for series in made.series}
    assert survived["no warmup"] == 0 and survived["over 400 steps"] == 8
    last = next(series for series in made.series if series.label == "over 400 steps")
    assert 1.6 < 0.1 * last.values[0] < 2.05


def test_the_best_rate_stops_growing_below_two_over_the_curvature_where_there_is_little_noise() -> None:
    made = sweep(preset("best_rate").scene)
    best = made.series[0].values
    assert np.all(best < 2) and best[:8].min() > 1.2 and best[-4:].max() < 0.7


def test_repeats_have_other_noise_and_the_middle_of_them_is_drawn() -> None:
    scene = Scene(
        landscape="quadratic", steps=50, runs=(Run(learning_rate=0.05, noise=0.3),),
        chart=Sweep(x="knobs.h:linear:1:3", points=4, repeats=9),
    )  # fmt: skip
    series = sweep(scene).series[0]
    least, largest = series.band
    assert np.all(least < series.values) and np.all(series.values < largest) and np.all(series.survived == 9)
    assert not np.array_equal(series.values, sweep(replace(scene, seed=1)).series[0].values)


def test_a_sweep_is_first_seen_roughly() -> None:
    coarse, fine = sheets(PAIR, None)
    assert len(coarse.plots[0].curves[0].x) == COARSE < len(fine.plots[0].curves[0].x) == 24
    assert coarse.done < fine.done == 1


def test_a_click_on_a_curve_opens_its_run() -> None:
    made = chart.whole(PAIR)
    heavy = next(curve for curve in made.plots[0].curves if curve.label == "heavy")
    found, words = chart.picked(PAIR, made, {"plot": 0, "x": heavy.x[5] * 1.01, "y": heavy.y[5]})
    assert found.chart is None and found.runs[0].hyperparameters == {"momentum": 0.5}
    assert found.runs[0].learning_rate == pytest.approx(heavy.x[5]) and "heavy at η = " in words


def test_the_command_gives_the_numbers_of_every_chart(tmp_path, capsys) -> None:
    def told(scene: Scene) -> dict:
        file = tmp_path / "scene.json"
        file.write_text(to_json(scene))
        with pytest.raises(SystemExit) as end:
            main(["run", str(file), "--json"])
        assert not end.value.code
        return json.loads(capsys.readouterr().out)["chart"]

    made = told(replace(PAIR, chart=replace(RATES, statistic=("final_loss", "last_sharpness"))))
    kept = [(series["label"], series["statistic"]) for series in made["series"]]
    assert kept[:2] == [("plain", "final_loss"), ("plain", "last_sharpness")] and len(kept) == 4
    assert made["x"] == pytest.approx(np.geomspace(0.02, 2, 24))
    first = made["series"][0]
    assert set(first["status"]) == {"finished", "diverged"} and len(first["values"]) == 24
    assert [value is None for value in first["values"]] == [status == "diverged" for status in first["status"]]
    noisy = preset("saturates").scene
    other = told(replace(noisy, steps=20, chart=replace(noisy.chart, particles=200)))
    assert len(other["plot0_curve0_x"]) == len(other["plot0_curve0_y"])


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ({"statistic": "nothing"}, "There is no statistic called 'nothing'"),
        ({"statistic": []}, "A sweep keeps one number"), ({"x": "runs.0.colour:0:1"}, "plain: An axis cannot be 'colour'"),
        ({"guides": ["2/"]}, "The guide '2/' cannot be read"),
        ({"guides": ["x*y"]}, "A guide is a formula of x alone"), ({"at": 0}, "at: expected a number above 0"),
        ({"over": "runs.0.learning_rate:0.1:1"}, "Both axes are learning_rate"),
        ({"over": "knobs.z:0:1"}, "An axis cannot be 'z'"), ({"points": 1}, "at least 2"), ({"repeats": 65}, "at most 64"),
    ],
)  # fmt: skip
def test_what_is_no_sweep_is_refused_in_a_sentence(chart: dict, said: str) -> None:
    scene = json.loads(to_json(PAIR)) | {"chart": {"kind": "sweep", "x": "runs.0.learning_rate:0.1:1"} | chart}
    with pytest.raises(SceneError, match=said) as refused:
        from_data(scene)
    assert refused.value.message.endswith(".")


def test_a_sweep_too_large_for_a_page_is_refused_before_it_begins() -> None:
    huge = dict(points=1024, repeats=64, over="runs.0.noise:0:1")
    with pytest.raises(SceneError, match="at most"):
        replace(PAIR, steps=200_000, chart=replace(RATES, **huge))


def test_a_sweep_goes_through_a_file_and_back() -> None:
    scene = replace(PAIR, chart=replace(RATES, guides=("2/x",), statistic=("final_loss", "last_sharpness")))
    assert read(to_toml(scene)) == scene == read(to_json(scene))
