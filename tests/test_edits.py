"""The rail: every control shows what the scene says, and what it sends changes that and nothing else."""

import pytest
from jax import monitoring

from app.answer.result import simulate
from app.edit.edits import edit
from app.gallery.presets import Preset
from app.laboratory.laboratory import Page
from app.laboratory.workbench import Bench
from app.scene import Scene, SceneError, from_data, from_link, to_data, to_link
from app.views import explore, zoom_out

PAGES = (zoom_out.PAGE, explore.PAGE)
CASES = [pytest.param(page, preset, id=f"{page.name}-{preset.name}") for page in PAGES for preset in page.presets]
VALUED = ("select", "slider", "text", "toggle", "entry")


def controls(page: Page, scene: Scene) -> list[dict]:
    return [control for group in page.groups(scene, simulate(scene)) for control in group["controls"]]


@pytest.mark.parametrize(("page", "preset"), CASES)
def test_a_control_set_to_what_it_shows_changes_nothing(page: Page, preset: Preset) -> None:
    plain = from_data(to_data(preset.scene))
    for control in controls(page, preset.scene):
        if control["kind"] in VALUED and control["id"] != "landscape":
            after = edit(preset.scene, control["id"], control["value"])
            assert _meaning(after) == _meaning(plain), control["id"]


def _meaning(scene: Scene) -> dict:
    """The scene's data with every rule's hyperparameters written out."""
    from dynamics import RULES

    data = to_data(scene)
    data["knobs"] = scene.field.knob_values | scene.knobs
    data.pop("view", None)
    for run, data_run in zip(scene.runs, data["runs"], strict=True):
        if run.twin_of is None:
            data_run |= RULES[run.rule].defaults | run.hyperparameters | {"weight_decay": data_run.get("weight_decay", 0.0)}
    return data


@pytest.mark.parametrize(("page", "preset"), CASES)
def test_a_preset_comes_back_from_its_link_with_the_same_numbers(page: Page, preset: Preset) -> None:
    there = from_link(to_link(preset.scene, "http://localhost/"))
    for a, b in zip(simulate(preset.scene).runs, simulate(there).runs, strict=True):
        assert [path.loss.tobytes() for path in a.paths] == [path.loss.tobytes() for path in b.paths]


@pytest.mark.parametrize(("page", "preset"), CASES)
def test_a_preset_says_in_one_line_what_to_watch(page: Page, preset: Preset) -> None:
    assert preset.line.endswith(".") and len(preset.line) < 150
    assert len(set(preset.scene.labels)) == len(preset.scene.labels)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_dragging_every_slider_of_a_page_compiles_nothing_new(page: Page) -> None:
    bench = Bench(page.presets[0].scene, "")
    sliders = [control for control in controls(page, bench.scene) if control["kind"] == "slider"]
    compiled: list[str] = []

    def listen(event: str, seconds: float, **_: object) -> None:
        if "backend_compile" in event:
            compiled.append(event)

    assert all(len(path.loss) for run in simulate(bench.scene).runs for path in run.paths)  # the first picture reads them
    monitoring.register_event_duration_secs_listener(listen)
    for control in sliders:
        if control["id"].split(":")[-1] in ("noise", "clip_norm"):
            continue  # off and on are two programs; between two values of on nothing compiles either
        for share in (0.2, 0.5, 0.8):
            low, high = control["low"], control["high"]
            value = low * (high / low) ** share if control["log"] else low + (high - low) * share
            bench.adopt(lambda scene, c=control, v=value: edit(scene, c["id"], v), control["id"])
    assert compiled == []


def test_a_refused_edit_keeps_the_scene_and_remembers_what_was_typed() -> None:
    bench = Bench(explore.PAGE.presets[0].scene, "race")
    scene = bench.scene
    bench.adopt(lambda s: edit(s, "run:0:learning_rate", "fast"), "run:0:learning_rate", "fast")
    assert bench.scene is scene
    assert bench.refused["run:0:learning_rate"].typed == "fast"
    bench.adopt(lambda s: edit(s, "run:0:learning_rate", 0.01), "run:0:learning_rate", 0.01)
    assert not bench.refused


@pytest.mark.parametrize(
    ("control", "value"),
    [("nonsense", 1), ("run:9:rule", "gd"), ("run:0:rule", "gdd"), ("start:7", "1, 2"), ("start:0", "here"),
     ("steps", "1e9"), ("knob:a", 1), ("arithmetic", "float16"), ("view:panels", "nine"),
     ("run:0:learning_rate:schedule", "exponential2")],
)  # fmt: skip
def test_an_impossible_edit_is_refused_in_one_sentence(control: str, value: object) -> None:
    with pytest.raises(SceneError) as refusal:
        edit(explore.PAGE.presets[0].scene, control, value)
    assert refusal.value.message.rstrip().endswith((".", "?"))


def test_a_run_is_called_by_its_new_rule_but_a_twin_keeps_finding_its_partner() -> None:
    race = edit(explore.PAGE.presets[0].scene, "run:0:rule", "lion")
    assert race.labels[0] == "Lion"
    pair = edit(zoom_out.PAGE.presets[0].scene, "run:0:rule", "sign")
    assert pair.runs[1].twin_of == pair.labels[0]


def test_a_schedule_begins_where_the_constant_rate_was() -> None:
    scene = edit(zoom_out.PAGE.presets[0].scene, "run:0:learning_rate:schedule", "cosine")
    assert scene.runs[0].learning_rate.initial == 0.3
    assert edit(scene, "run:0:learning_rate:schedule", "constant").runs[0].learning_rate == 0.3
