"""One import serves Python: nothing heavy before it is used, sentences for errors, and a scene that shows itself."""

import html
import re
import subprocess
import sys

import pytest

import app
from app import Run, Scene, SceneError, render, show, simulate

PAIR = [Run(label="decay", learning_rate=0.3, weight_decay=0.25), Run(label="twin", twin_of="decay")]


def test_what_is_not_used_is_not_loaded() -> None:
    def loaded(statement: str) -> set[str]:
        script = f"{statement}; import sys; print(*sys.modules)"
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return set(told.stdout.split()) & {"jax", "matplotlib", "streamlit", "av", "plotly", "numpy"}

    assert loaded("import app") == set()
    assert not loaded("from app import Scene, Run") & {"matplotlib", "streamlit", "av", "plotly"}


def test_lists_are_taken_and_the_picture_is_written(tmp_path) -> None:
    scene = Scene(landscape="five_wells", steps=20, starts=[[-0.7, 0.7]], runs=PAIR)
    assert simulate(scene).runs[1].label == "twin" and scene.starts == ((-0.7, 0.7),)
    assert render(scene, tmp_path / "a.png").stat().st_size > 10_000
    assert "landscape='five_wells'" in repr(scene) and "noise" not in repr(scene)  # what was set, and no more


def test_errors_are_the_scene_s_sentences() -> None:
    with pytest.raises(SceneError, match="perhaps learning_rate"):
        Run(lr=0.1)
    with pytest.raises(AttributeError, match="app has no 'Sceen'"):
        app.Sceen  # noqa: B018
    with pytest.raises(SceneError, match="perhaps kicked"):
        app.from_preset("kiked")


def test_a_scene_is_displayed_as_a_page_that_plays_and_as_a_picture() -> None:
    made = show(app.from_preset("stuck"), height=500)._repr_mimebundle_()
    assert set(made) == {"text/html", "image/png", "text/plain"}
    frame = made["text/html"]
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])
    assert page == show(app.from_preset("stuck")).page and "<script" in page and 'height:500px' in frame
    assert 'sandbox="allow-scripts"' in frame and made["image/png"].startswith("iVBORw0KGgo")
