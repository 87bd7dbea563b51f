"""What a preset's line claims is what its scene shows."""

import re

import numpy as np
import pytest
from msgspec.structs import replace

from app.answer.result import simulate
from app.edit.edits import edit
from app.gallery.presets import Preset, of_page, presets
from app.laboratory.laboratory import _sentence_under
from app.laboratory.workbench import Bench
from app.views import explore, zoom_out

ALL = {preset.name: preset for preset in presets()}
REST = {name: preset for name, preset in ALL.items() if preset.scene.chart is None}


def paths(name: str):
    return [run.paths[0] for run in simulate(ALL[name].scene).runs]


def bounces(path) -> np.ndarray:
    with np.errstate(all="ignore"):
        return path.learning_rate * path.sharpness


@pytest.mark.parametrize("preset", ALL.values(), ids=ALL)
def test_a_line_names_no_step_that_it_would_have_to_compute(preset: Preset) -> None:
    said = preset.line.replace("step 500", "").replace("step 3 000", "")  # which stand in the scene
    assert not re.search(r"steps? \d|within|\d+ times|fractal", said)


@pytest.mark.parametrize("page", [zoom_out.PAGE, explore.PAGE], ids=lambda page: page.name)
def test_the_words_over_a_scene_go_once_it_is_another_one_and_come_back_with_it(page) -> None:
    preset = page.presets[0]
    work = Bench(preset.scene, preset.name)
    assert _sentence_under(page, work) == preset.line
    work.adopt(lambda scene: edit(scene, "run:0:learning_rate", 0.01))
    assert _sentence_under(page, work) == f"Changed from “{preset.title}”."
    assert not work.scene.sentence and not work.scene.source and work.scene.title == preset.title
    work.adopt(lambda scene: edit(scene, "run:0:learning_rate", preset.scene.runs[0].learning_rate))
    assert work.scene == preset.scene and _sentence_under(page, work) == preset.line
    work.adopt(lambda scene: edit(scene, "seed", 4))
    work.travel("undo", 1)
    assert work.scene == preset.scene


def test_the_headline_over_a_scene_without_decay_does_not_speak_of_decay() -> None:
    lines = {preset.name: zoom_out.PAGE.subtitle(preset.scene) for preset in of_page("zoom-out")}
    assert lines["stuck"].startswith("Without weight decay") and lines["kicked"].startswith(
        "Weight decay at a constant rate"
    )
    assert "constant" not in lines["step_decay"]


def test_clipping_and_warmup_end_below_two_over_the_rate_where_the_bare_run_diverges() -> None:
    for name in ("clipping", "warmup"):
        kept, bare = paths(name)
        assert bare.status == "diverged" and kept.status == "finished"
        assert bounces(kept)[-1] < 2 and kept.loss[-1] < 1e-12
    warmed = paths("warmup")[0]
    assert warmed.sharpness[50] < 0.3 * warmed.sharpness[0] and bounces(warmed).max() < 2


def test_the_catapult_rises_from_above_two_over_the_rate_and_lands_below() -> None:
    high, low = paths("catapult")
    assert bounces(high)[0] > 2 > bounces(high)[-1] and high.loss.max() > 10 * high.loss[0]
    assert bounces(low).max() < 2 and low.loss.max() == low.loss[0]


def test_more_decay_and_fewer_digits_part_the_twins_sooner() -> None:
    scenes = {name: replace(ALL[name].scene, steps=300) for name in ("kicked", "separate", "float32")}
    horizon = {name: simulate(scene).runs[0].paths[0].horizon for name, scene in scenes.items()}
    assert horizon["separate"] < horizon["kicked"] and horizon["float32"] < 0.5 * horizon["kicked"]


def test_slower_decay_puts_spikes_further_apart() -> None:
    def gaps(name: str) -> float:
        loss = paths(name)[0].loss
        spikes = np.flatnonzero((loss[1:-1] > 0.2) & (loss[1:-1] >= loss[:-2]) & (loss[1:-1] > loss[2:]))
        apart = np.diff(spikes)
        return float(np.median(apart[apart > 10]))

    assert gaps("spikes") > 2 * gaps("restless_watched")


def test_the_starts_that_survive_on_the_catapult_are_exactly_a_disc() -> None:
    """x² + y² <= 4/η (SCIENCE: r'² = r² - η x²y² (4 - η r²)); the axes rest."""
    from dynamics.atlas import Axis, atlas

    scene = ALL["disc"].scene
    rate = scene.runs[0].learning_rate
    made = atlas(
        scene.field,
        scene.runs[0].motion,
        Axis("x", -8.0, 8.0),
        Axis("y", -8.0, 8.0),
        "steps_to_diverge",
        3000,
        64,
        arithmetic="float64",
    )
    inside = made.x[None, :] ** 2 + made.y[:, None] ** 2 <= 4 / rate
    assert np.array_equal(np.isnan(made.values), inside)
