"""Noise on a knob of the loss: label noise, where it arises, the same in paths, maps and ensembles."""

import numpy as np
import pytest
from msgspec.structs import replace

from app.answer.result import simulate as carry_out
from app.answer.result import to_data_of
from app.chart.atlas import trusted
from app.chart.ensemble import law_of
from app.edit.edits import edit
from app.scene import Ensemble, Scene, SceneError, from_data, from_link, to_data, to_link
from app.scene import Run as SceneRun
from app.scene.charts import side
from dynamics import Run, simulate
from dynamics.atlas import along
from dynamics.averages import curvatures
from dynamics.flow import NoFlow, flow
from dynamics.schedules import Warmup
from dynamics.sharpness import threshold
from landscapes import typed

PRODUCT = typed("(x*y - t)^2/2; t = 1 in [-5, 5]")
LABELS = {"t": 0.02}
LINE = typed("h*x^2/2 + 0*y; h = 1 in [0, 9]")


def warmed(steps: int, seed: int, sigma: float = 0.02, peak: float = 0.1):
    run = Run("gd", Warmup(peak=peak, warmup_steps=steps), knob_noise={"t": sigma})
    return simulate(PRODUCT, run, [(7.0, 0.1)], max(2 * steps, 800), seed=seed)[0]


def test_with_label_noise_only_warmup_survives_and_holds_the_sharpness_at_two_over_the_rate() -> None:
    """SCIENCE 002-10: ηλ₀ = 4.90; the mean of ηλ₁ over the second half of the warmup does not depend on its length."""
    assert [warmed(1, seed).status for seed in range(8)].count("diverged") == 8
    for length in (400, 1000):
        paths = [warmed(length, seed) for seed in range(8)]
        assert all(path.status == "finished" for path in paths)
        edge = [np.mean((path.learning_rate * path.sharpness)[length // 2 : length]) for path in paths]
        assert 1.85 <= np.mean(edge) <= 2.05


def test_a_residual_of_exactly_zero_far_above_the_threshold_is_named_and_noise_leaves_it() -> None:
    """On xy = 1 at (8, ⅛) the curvature is 64 and 2/η = 20: only rounding holds a run there."""
    held = simulate(PRODUCT, Run("gd", 0.1), [(8.0, 0.125)], 200)[0]
    assert held.status == "zero_gradient" and "exactly zero" in held.status_text
    shaken = simulate(PRODUCT, Run("gd", 0.05, knob_noise=LABELS), [(8.0, 0.125)], 2000)[0]
    assert shaken.status == "finished" and shaken.sharpness[-1] < 2 / 0.05


def test_more_label_noise_ends_flatter() -> None:
    """SCIENCE 002-15, Gilmer's figure 16: 18.8, 17.2 and 14.3."""
    last = [np.mean([warmed(1000, seed, sigma).sharpness[-1] for seed in range(8)]) for sigma in (0.02, 0.05, 0.1)]
    assert last[0] > last[1] > last[2] and last[0] < 2 / 0.1


def test_the_rate_and_not_the_start_decides_where_label_noise_lets_the_curvature_settle() -> None:
    """SCIENCE 002-13, figure 5: sixteen starts on xy = 1/2 with curvatures from 30 to 81."""
    starts = [(float(x), 0.5 / float(x)) for x in np.sqrt(np.linspace(30, 81, 16))]
    last = []
    for rate in (0.05, 0.1, 0.2):
        run = Run("gd", Warmup(peak=rate, warmup_steps=400), knob_noise=LABELS)
        made = np.array([path.sharpness[-1] for path in simulate(PRODUCT, run, starts, 3000, seed=1)])
        assert made.std() / made.mean() < 0.05
        last.append(made.mean())
    assert 3.5 < last[0] / last[2] < 7


@pytest.mark.parametrize(("side", "grows"), [(0.95, False), (1.05, True)])
def test_noise_on_the_curvature_lowers_the_largest_stable_rate_to_that_of_wu(side: float, grows: bool) -> None:
    """E w² is multiplied by (1 - ηh)² + η²s² a step, which is 1 at η = 2h/(h² + s²); Wu et al. 2018."""
    h, s, steps = 1.0, 1.0, 3
    rate = side * 2 * h / (h * h + s * s)
    run = Run("gd", rate, knob_noise={"h": s})
    ends = np.exp(along(LINE, run, {"x": np.ones(400_000)}, "log_norm", steps, start=(1.0, 0.0), knobs={"h": h}))
    factor = float(np.mean(ends.astype(float) ** 2)) ** (1 / steps)
    assert factor == pytest.approx((1 - rate * h) ** 2 + (rate * s) ** 2, rel=0.01) and (factor > 1) is grows


def test_every_run_from_a_start_meets_the_same_noise_and_a_seed_repeats_it() -> None:
    run = Run("gd", 0.01, knob_noise=LABELS)
    a, b = simulate(PRODUCT, run, [(2.0, 0.1), (2.0, 0.1)], 50)
    again, other = (simulate(PRODUCT, run, [(2.0, 0.1)], 50, seed=seed)[0] for seed in (0, 1))
    assert np.array_equal(a.x, again.x) and not np.array_equal(a.x, other.x) and not np.array_equal(a.x, b.x)
    clipped = simulate(PRODUCT, run._replace(clip_norm=1e9), [(2.0, 0.1)], 50)[0]
    assert np.array_equal(clipped.x, a.x)


def test_what_noise_hides_is_not_claimed() -> None:
    with pytest.raises(NoFlow):
        flow(PRODUCT, Run("gd", 0.01, knob_noise=LABELS), [(2.0, 0.1)], 5)
    made = carry_out(Scene(formula=PRODUCT.formula, steps=5, runs=(SceneRun(rule="adam", knob_noise=LABELS),)))
    assert to_data_of(made)["runs"][0]["paths"][0]["preconditioned_sharpness"] is None


def test_a_scene_keeps_its_noise_and_one_on_no_knob_is_refused_in_a_sentence() -> None:
    scene = Scene(formula=PRODUCT.formula, starts=((2.0, 0.1),), steps=5, runs=(SceneRun(knob_noise=LABELS),))
    assert from_data(to_data(scene)) == scene == from_link(to_link(scene))
    assert edit(scene, "run:0:knob_noise:t", 0.1).runs[0].knob_noise == {"t": 0.1}
    with pytest.raises(SceneError, match="'u' is none. Its knobs: t."):
        Scene(formula=PRODUCT.formula, steps=5, runs=(SceneRun(knob_noise={"u": 1.0}),))


def test_a_larger_start_lowers_the_largest_rate_that_converges() -> None:
    """SCIENCE 002-6: α·(3, .3) on (xy-1)²/2; the largest stable rate by bisection, and times the curvature there."""
    scale = np.array([0.5, 0.75, 1.0, 1.5, 2.0])
    low, high = np.full(5, 0.01), np.full(5, 2.0)
    for _ in range(30):
        rate = np.sqrt(low * high)
        varied = {"learning_rate": rate, "start_scale": scale}
        loss = along(PRODUCT, Run(), varied, "final_loss", 4000, start=(3.0, 0.3), arithmetic="float64")
        holds = np.isfinite(loss) & (loss < 1e-8)
        low, high = np.where(holds, rate, low), np.where(holds, high, rate)
    assert low == pytest.approx([0.996, 0.712, 0.420, 0.195, 0.110], rel=0.05)


def test_the_scale_of_the_start_is_an_axis_and_a_knob_of_that_name_is_another() -> None:
    assert side("start.scale:log:0.1:10").axis.name == "start_scale" and side("knobs.scale:0:1").axis.name == "scale"
    assert threshold(PRODUCT, Run("gd", 0.1), simulate(PRODUCT, Run("gd", 0.1), [(2.0, 0.1)], 1)[0]) is not None


def test_no_law_of_plain_noise_is_drawn_where_a_knob_is_noisy() -> None:
    """Gibbs's law, Ornstein and Uhlenbeck's, preserved area and the card's word all speak of noise on the gradient alone."""
    gibbs = Scene(
        formula="h*cos(2*theta) + 1; h = 1 in [0, 2]", steps=50, chart=Ensemble(particles=100),
        runs=(SceneRun(learning_rate=0.1, weight_decay=0.1, noise=0.5),),
    )  # fmt: skip
    shaken = replace(gibbs.runs[0], knob_noise={"h": 0.1})
    assert law_of(gibbs, gibbs.runs[0]) is not None and law_of(gibbs, shaken) is None
    bowl, run = typed("(x^2 + h*y^2)/2; h = 1 in [0, 2]"), Run("gd", 0.1, noise=0.5)
    assert curvatures(bowl, run) is not None and curvatures(bowl, run._replace(knob_noise={"h": 0.1})) is None
    assert trusted(None, gibbs) and "another draw" in trusted(None, replace(gibbs, runs=(replace(shaken, noise=0.0),)))
    assert Run("gd", 0.1).plain and not Run("gd", 0.1, clip_norm=1.0).plain and not Run("adam", 0.1).plain
