"""What the presets of Curvature claim is what their scenes show; each number beside that of the paper or a proof."""

import numpy as np
import pytest

from app.answer.result import simulate
from app.gallery.presets import of_page
from app.scene import from_data, to_data
from dynamics import Run
from dynamics import simulate as run_paths
from dynamics.atlas import along
from dynamics.sharpness import log_over_threshold
from landscapes import LANDSCAPES

CURVATURE = of_page("curvature")

SCENES = {preset.name: preset.scene for preset in CURVATURE}


def paths(name: str):
    return [path for run in simulate(SCENES[name], False).runs for path in run.paths]


def edge(path) -> np.ndarray:
    with np.errstate(all="ignore"):
        return path.learning_rate * path.sharpness


def test_lazy_thrown_and_gone_lie_below_two_between_two_and_four_and_above_four() -> None:
    """SCIENCE 002-3; Lewkowycz et al. 2020."""
    *kept, gone = paths("thrown")
    assert gone.status == "diverged" and edge(gone)[0] > 4
    for path in kept:
        thrown = edge(path)[0] > 2
        assert path.status in ("finished", "zero_gradient") and edge(path)[-1] < 2
        assert bool(path.loss.max() > 1.01 * path.loss[0]) is bool(thrown)
    assert [edge(path)[-1] for path in kept[2:4]] == pytest.approx([1.892, 0.223], abs=2e-3)


def test_the_catapult_obeys_its_recursion_of_two_variables() -> None:
    """With f = xy and λ = x² + y²: f' = f(1 - ηλ + η²f²), λ' = λ - ηf²(4 - ηλ)."""
    for path in run_paths(LANDSCAPES["catapult"], Run("gd", 0.1), SCENES["thrown"].points[:5], 60):
        f, lam = path.x * path.y, path.x**2 + path.y**2
        close = lambda made, told: np.max(np.abs(made - told) / (1 + np.abs(told)))  # noqa: E731
        assert close(f[1:], (f * (1 - 0.1 * lam + 0.01 * f * f))[:-1]) < 1e-12
        assert close(lam[1:], (lam - 0.1 * f * f * (4 - 0.1 * lam))[:-1]) < 1e-12


def test_what_survives_a_catapult_is_exactly_the_disc_of_four_over_the_rate() -> None:
    """x² + y² <= 4/η: r'² = r² - ηx²y²(4 - ηr²)."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-8, 8, (2, 20_000))
    inside, near = x * x + y * y < 40, np.abs(x * x + y * y - 40) < 0.1
    loss = along(LANDSCAPES["catapult"], Run("gd", 0.1), {"x": x, "y": y}, "final_loss", 3000, arithmetic="float64")
    assert np.array_equal(np.isfinite(loss)[~near], inside[~near])


def test_warmup_survives_where_the_bare_run_does_not_and_both_starts_end_where_the_rate_says() -> None:
    kept, bare = paths("warmup_rescues")
    assert kept.status == "finished" and bare.status == "diverged" and edge(bare)[0] == pytest.approx(4.90, abs=0.01)
    made = paths("same_end")
    small, large = (np.array([path.sharpness[-1] for path in of]) for of in (made[:6], made[6:]))
    assert small.std() / small.mean() < 0.1 and large.std() / large.mean() < 0.05 and 3.5 < small.mean() / large.mean() < 7


def test_clipping_ends_below_two_over_the_rate_unless_it_is_too_tight() -> None:
    """SCIENCE 002-11: c = 1 ends at 19.68, below 20; c = 0.1 stays above."""
    kept, bare = paths("clipped_enough")
    assert bare.status == "diverged" and kept.loss[-1] < 1e-10 and kept.sharpness[-1] == pytest.approx(19.68, abs=0.01)
    tight = run_paths(LANDSCAPES["product"], Run("gd", 0.1, clip_norm=0.1), [(7.0, 0.1)], 500)[0]
    assert tight.sharpness[-1] > 20


def test_the_curvature_climbs_to_two_over_the_rate_and_is_held_there() -> None:
    """SCIENCE 002-8 and 002-9: 46 to 2/η = 100; and a two-cycle at 1 + y = √(2/η), |x| = √(c(Y - y)/(1 + y))."""
    climbed, held = paths("sharpening")[0], paths("held")[0]
    assert climbed.sharpness[0] < 50 and 0.98 <= edge(climbed)[-1] / 2 <= 1.0
    assert held.y[-1] == pytest.approx(1.0, abs=2e-3) and abs(held.x[-1]) == pytest.approx(0.04472, abs=2e-3)
    assert held.x[-1] * held.x[-2] < 0


def test_a_run_may_diverge_although_it_starts_at_half_of_two_over_the_rate() -> None:
    path = paths("too_far")[0]
    assert path.status == "diverged" and edge(path)[0] == pytest.approx(1.074, abs=1e-3)


def test_each_rule_of_the_race_lies_on_its_own_side_of_its_own_edge() -> None:
    scene = SCENES["own_edge"]
    for run, below in zip(simulate(scene, False).runs, (True, True, False), strict=True):
        over = log_over_threshold(scene.field, run.motion, run.paths[0], scene.knobs)
        assert bool(over[0] < 0) is below and bool(run.paths[0].loss[-1] < run.paths[0].loss[0]) is below


def test_adam_hovers_at_thirty_eight_over_its_rate() -> None:
    scene = SCENES["adam"]
    run = simulate(scene, False).runs[0]
    over = np.exp(log_over_threshold(scene.field, run.motion, run.paths[0], scene.knobs))
    assert over[0] < 0.1 and np.median(over[3000:]) == pytest.approx(0.983, abs=0.02)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_of_the_page_is_a_file_like_any_other(name: str) -> None:
    assert to_data(from_data(to_data(SCENES[name]))) == to_data(SCENES[name])
