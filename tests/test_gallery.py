"""Presets are scene files; a scene may be written as what it has that a preset has not; links of both are short."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from app.__main__ import main
from app.chart import sheets
from app.chart.sides import around
from app.gallery import cards
from app.gallery.cards import card_of
from app.gallery.presets import of_page, preset, presets
from app.picture.look import THEMES
from app.scene import SceneError, from_data, from_link, load, read, to_data, to_link, to_toml
from app.scene.changes import changed, difference
from app.scene.charts import side
from app.scene.presets import FOLDER, PAGES, preset_files
from app.views import explore, zoom_out

ALL = pytest.mark.parametrize("name", preset_files())


@ALL
def test_a_preset_is_the_file_that_the_page_saves(name: str) -> None:
    assert preset_files()[name].read_text("utf-8") == to_toml(preset(name).scene)


@ALL
def test_a_preset_says_what_it_is_and_lies_in_the_folder_of_its_page(name: str) -> None:
    scene = preset(name).scene
    assert scene.title and scene.sentence and scene.topics and scene.page == preset_files()[name].parent.name
    assert not scene.source or re.match(r"00[0-4]-\d+(, 00[0-4]-\d+)*: ", scene.source)


def test_the_card_of_every_preset_is_of_its_scene_and_no_other_lies_there() -> None:
    wanted = {card_of(each, theme) for each in presets() for theme in THEMES}
    assert wanted == set(cards.FOLDER.glob("*.webp")), "make cards draws them"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["kicked", "race", "disc", "survivors"])
def test_a_card_is_what_the_product_draws(name: str, theme: str, tmp_path, monkeypatch) -> None:
    kept = np.asarray(Image.open(card_of(preset(name), theme)).convert("RGB"), dtype=float)
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    drawn = np.asarray(Image.open(cards.draw(preset(name), theme)).convert("RGB"), dtype=float)
    assert kept.shape == drawn.shape and np.abs(kept - drawn).mean() < 2


def test_no_two_presets_have_one_name_or_one_title() -> None:
    titles = [each.scene.title for each in presets()]
    assert len(set(titles)) == len(titles) == len(list(FOLDER.rglob("*.toml")))


def test_every_page_has_presets_and_opens_with_its_first() -> None:
    assert {name for name in PAGES if of_page(name)} == set(PAGES)
    assert zoom_out.PAGE.presets[0].name == "kicked" and explore.PAGE.presets[0].name == "race"


def test_a_preset_is_read_wherever_a_scene_is(tmp_path) -> None:
    scene = preset("kicked").scene
    file = tmp_path / "scene.toml"
    file.write_text('preset = "kicked"\n')
    assert scene == load("preset:kicked") == load(str(file)) == read('{"preset": "kicked"}') == from_link("?preset=kicked")
    other = from_data({"preset": "kicked", "steps": 20, "view": {"theme": "dark"}, "change": {"runs.0.weight_decay": 0.1}})
    assert (other.steps, other.view.theme, other.runs[0].weight_decay, other.title) == (20, "dark", 0.1, scene.title)
    assert from_data({"preset": "kicked", "formula": "x^2/(x^2+y^2)"}).landscape is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"preset": "kickd"}, "perhaps kicked"), ({"preset": 7}, "There is no preset"),
        ({"preset": "../kicked"}, "no preset"), ({"preset": "kicked", "change": 3}, "A change is a table"),
        ({"preset": "kicked", "change": {"runs.7.noise": 1}}, "runs.7"),
        ({"preset": "kicked", "change": {"steps.a.b": 1}}, "steps.a"),
        ({"preset": "kicked", "change": {"runs.x": 1}}, "runs.x"),
        ({"change": {"landscape": "quotient", "steps": "many"}}, "steps"),
    ],
)  # fmt: skip
def test_what_is_no_preset_or_no_change_is_refused_in_a_sentence(data, said) -> None:
    with pytest.raises(SceneError, match=re.escape(said)) as refused:
        from_data(data)
    assert refused.value.message.endswith(".")


DATA = st.recursive(
    st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.text("abc", max_size=3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
TABLES = st.dictionaries(st.sampled_from("abcd"), DATA, max_size=4)


@given(before=TABLES, after=TABLES)
def test_a_difference_leads_exactly_from_one_to_the_other_and_back(before, after) -> None:
    def written(data) -> str:
        return json.dumps(data, sort_keys=True)

    kept = written(before)
    assert written(changed(before, difference(before, after))) == written(after)
    assert written(changed(after, difference(after, before))) == kept == written(before)


@ALL
def test_a_link_to_a_preset_names_it_and_one_to_a_changed_preset_holds_the_changes(name: str) -> None:
    scene = preset(name).scene
    assert from_link(to_link(scene)) == scene
    other = from_data(to_data(scene) | {"seed": 7})
    link = to_link(other)
    assert from_link(link) == other and len(link) < 130


def test_the_command_lists_and_takes_presets(capsys) -> None:
    def said(*arguments: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        assert not end.value.code
        return capsys.readouterr().out

    listed = json.loads(said("list", "presets", "--json"))
    assert [each["name"] for each in listed] == list(preset_files())
    assert json.loads(said("run", "preset:stuck", "--json"))["scene"]["title"] == "Stuck"
    assert said("link", "preset:stuck") == "http://localhost:8501/?preset=stuck\n"


@pytest.mark.parametrize("name", [name for name in preset_files() if preset(name).scene.chart is None])
def test_from_every_scene_of_paths_a_map_is_drawn_round_its_own_numbers(name: str) -> None:
    scene = preset(name).scene
    made = around(scene)
    assert made.shown_on == "atlas" and (made.landscape, made.formula) == (scene.landscape, scene.formula)
    x = side(made.chart.x).axis
    rate = scene.runs[0].learning_rate
    if x.name == "learning_rate":
        assert x.low < rate < x.high
    first = next(sheets(replace(made, steps=min(made.steps, 20))))
    assert first.plots[0].raster is not None
