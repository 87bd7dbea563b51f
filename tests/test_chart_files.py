"""Charts as files: pictures, pages, films of a zoom and maps, whole or not at all."""

import base64
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image
from test_command import zoomout

from app import chart
from app.chart.zooming import zoomed
from app.film import FILMS, PAGES, PICTURES, render
from app.film import zoom as film
from app.scene import Atlas, Ensemble, Orbits, Portrait, Run, Scene, SceneError, to_toml
from dynamics.atlas import Axis, atlas

av = pytest.importorskip("av")

SMALL, FPS, SECONDS = (480, 270), 6, 1.5
DECAY = Run(label="decay", learning_rate=0.3, weight_decay=0.25)
TITLE = "A $map$ {of} \\runs_2 <b>&"
MAP = Scene(
    title=TITLE, landscape="five_wells", runs=(DECAY,), steps=30, arithmetic="float32",
    chart=Atlas(x="runs.0.learning_rate:log:0.02:0.5", y="start.angle:-3:3", statistic="log_norm"),
)  # fmt: skip
ZOOM = zoomed(MAP, (0.1, 0.2, -60.0, 60.0))
NOISY = replace(DECAY, noise=1.0)
SCENES = {
    "atlas": MAP,
    "orbits": replace(MAP, chart=Orbits(kept=10)),
    "portrait": Scene(landscape="quotient", runs=(Run(learning_rate=1.0, weight_decay=0.2),), chart=Portrait()),
    "ensemble": replace(MAP, runs=(NOISY,), chart=Ensemble(particles=200)),
}


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize(("size", "theme"), [(SMALL, "light"), ((482, 246), "dark"), ((242, 1000), "light")])
def test_every_kind_of_chart_is_a_picture_of_the_size_that_was_asked_for(kind, size, theme, tmp_path):
    file = render(SCENES[kind], tmp_path / "chart.png", size, theme=theme)
    with Image.open(file) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (size[1], size[0], 3) and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert (pixels[0, 0].sum() > 600) == (theme == "light")


def test_a_chart_as_svg_is_xml_with_its_title_as_it_was_written(tmp_path):
    file = render(MAP, tmp_path / "chart.svg", SMALL)
    tree = ElementTree.parse(file)
    assert tree.getroot().tag.endswith("svg") and TITLE in file.read_text("utf-8").replace("&lt;", "<").replace(
        "&gt;", ">"
    ).replace("&amp;", "&")


def test_a_chart_as_pdf_is_a_pdf_and_the_same_one_twice(tmp_path):
    first, second = (render(MAP, tmp_path / f"{k}.pdf", SMALL).read_bytes() for k in "ab")
    assert first.startswith(b"%PDF-") and b"%%EOF" in first[-16:] and first == second


def test_a_chart_as_a_page_holds_the_sheet_and_asks_nobody(tmp_path):
    text = render(MAP, tmp_path / "chart.html").read_text("utf-8")
    data = zlib.decompress(base64.b64decode(re.search(r'<script id="data" type="text/plain">([^<]*)<', text)[1]))
    header = json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])
    whole = chart.whole(MAP)
    assert header["caption"] == whole.caption and header["plots"][0]["raster"]["columns"] == 512
    assert whole.plots[0].raster.levels.tobytes() in data
    assert "<b>" not in re.search(r"<title>(.*?)</title>", text)[1] and "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\"'\s]*", text)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("kind", FILMS)
def test_a_zoom_is_a_film_from_where_it_began_to_where_it_ends(kind, tmp_path):
    told = []
    file = render(ZOOM, tmp_path / f"zoom.{kind}", SMALL, FPS, SECONDS, progress=lambda *now: told.append(now))
    with av.open(str(file)) as container:
        images = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(images) == 15 and told == [(k, 15) for k in range(1, 16)]
    assert images[0].shape == (270, 480, 3)
    assert np.abs(images[0] - images[8]).mean() > 2  # it moves
    assert np.abs(images[9] - images[14]).mean() < 2  # and then it holds


def test_the_frames_of_a_zoom_are_the_maps_of_its_windows_in_one_set_of_colours():
    first, *_, last = film.frames(ZOOM, SMALL, 3, 0, "light")
    assert first.shape == last.shape == (270, 480, 4)
    legend = (slice(None), slice(430, 480))  # the colour bar holds still
    assert np.array_equal(first[legend], last[legend])
    assert not np.array_equal(first, last)


@pytest.mark.parametrize("kind", FILMS)
@pytest.mark.parametrize("name", SCENES)
def test_a_film_without_a_zoom_is_refused_in_one_sentence_and_leaves_nothing(name, kind, tmp_path):
    with pytest.raises(SceneError, match=r"^A chart's film is the zoom of an atlas: .*\.$"):
        render(SCENES[name], tmp_path / f"film.{kind}", SMALL, FPS, SECONDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [*FILMS, *PICTURES, *PAGES])
def test_a_failure_leaves_nothing_and_spares_what_was_there(kind, tmp_path, monkeypatch):
    def fails(*_args, **_rest):
        raise MemoryError("no room")

    monkeypatch.setattr(film, "frames", fails)
    monkeypatch.setattr(chart, "whole", fails)
    there = tmp_path / f"there.{kind}"
    there.write_bytes(b"precious")
    for file in (tmp_path / f"new.{kind}", there):
        with pytest.raises(MemoryError):
            render(ZOOM, file, SMALL, FPS, SECONDS, force=True)
    assert [file.name for file in tmp_path.iterdir()] == [there.name] and there.read_bytes() == b"precious"


# ---------------------------------------------------------------------------------------------------------------------
# The command


@pytest.fixture
def scene_file(tmp_path):
    file = tmp_path / "scene.toml"
    file.write_text(to_toml(MAP), "utf-8")
    return file


def test_the_command_maps_over_the_axes_of_the_scenes_own_chart(scene_file, tmp_path):
    out = tmp_path / "map.npz"
    done = zoomout("atlas", scene_file, "--size", "24x16", "--out", out)
    assert done.returncode == 0, done.stderr
    x, y = Axis("learning_rate", 0.02, 0.5, log=True), Axis("angle", -3.0, 3.0)
    made = atlas(MAP.field, DECAY.motion, x, y, "log_norm", 30, (24, 16))
    with np.load(out) as file:
        assert [str(file[name]) for name in ("x_name", "y_name", "statistic")] == ["learning_rate", "angle", "log_norm"]
        assert np.array_equal(file["values"], made.values) and np.array_equal(file["x"], made.x)


def test_what_the_command_line_says_replaces_what_the_chart_says(scene_file, tmp_path):
    out = tmp_path / "map.npz"
    done = zoomout("atlas", scene_file, "--y", "start.norm:0.5:1", "--statistic", "final_loss", "--size", "8", "--out", out)
    assert done.returncode == 0, done.stderr
    with np.load(out) as file:
        assert [str(file[name]) for name in ("x_name", "y_name", "statistic")] == ["learning_rate", "norm", "final_loss"]


def test_a_scene_without_a_map_needs_axes_and_says_so(tmp_path):
    file = tmp_path / "scene.toml"
    file.write_text(to_toml(replace(MAP, chart=None)), "utf-8")
    done = zoomout("atlas", file, "--out", tmp_path / "map.png")
    assert done.returncode == 2 and "--x and --y" in done.stderr and not (tmp_path / "map.png").exists()


def test_the_command_renders_a_chart_and_refuses_its_film_without_a_zoom(scene_file, tmp_path):
    done = zoomout("render", scene_file, "--out", tmp_path / "chart.png", "--size", "480x270")
    assert done.returncode == 0 and (tmp_path / "chart.png").exists(), done.stderr
    done = zoomout("render", scene_file, "--out", tmp_path / "chart.mp4", "--size", "480x270")
    assert done.returncode == 2 and "zoom in first" in done.stderr and not (tmp_path / "chart.mp4").exists()
