"""The film: files that play, frames that show what the stage shows, refusals before any work, and nothing half done."""

import errno
import json
import os
import re
import zlib
from fcntl import LOCK_EX, flock
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import app.film.encode as encode
from app.answer.result import simulate
from app.drawing import trails
from app.drawing.camera import Lens, broken, fit_window, ticks, ticks_of_degrees, ticks_of_logs, trail_of
from app.drawing.draw import Drawing
from app.drawing.layout import layout
from app.drawing.reel import Reel
from app.film import field_image, render, times
from app.gallery.presets import of_page
from app.gallery.presets import preset as named
from app.picture.look import THEMES
from app.picture.picture import Colours, Field, colour_table, picture
from app.scene import Run, Scene, SceneError, View
from app.views import zoom_out
from landscapes import typed

EXPLORE, ZOOM_OUT = of_page("explore"), of_page("zoom-out")

av = pytest.importorskip("av")

SMALL, FPS, SECONDS = (480, 270), 10, 1.5
COUNT = 25
DECAY = Run(label="weight decay", learning_rate=0.3, weight_decay=0.25)
TWINS = Scene(
    title="A $title$ {of} \\two_runs^2",
    landscape="five_wells",
    steps=60,
    runs=(DECAY, Run(label="growing rate", twin_of="weight decay")),
)
BOWL = Scene(
    formula="x^2 + y^2", steps=20, starts=((-1.0, 1.0),), runs=(Run(label="one", colour="#d55e00", learning_rate=0.02),)
)


@pytest.fixture(scope="module")
def twins():
    return picture(simulate(TWINS))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return {kind: render(TWINS, folder / f"film.{kind}", SMALL, FPS, SECONDS) for kind in ("mp4", "webm", "gif")}


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


# ---------------------------------------------------------------------------------------------------------------------
# Files


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "h264"), ("webm", "vp9")])
def test_a_film_has_its_frames_its_length_and_colours_that_every_player_shows(films, kind, codec):
    with av.open(str(films[kind])) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name in (codec, f"libvpx-{codec}")
        assert (stream.width, stream.height) == SMALL
        assert stream.pix_fmt == "yuv420p"
        assert float(container.duration) / 1e6 == pytest.approx(SECONDS + 1, abs=0.02)
        assert sum(1 for _ in container.decode(video=0)) == COUNT


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_film_carries_its_title_and_says_in_words_what_it_shows(films, twins, kind):
    with av.open(str(films[kind])) as container:
        told = {name.lower(): text for name, text in container.metadata.items()}
    assert told["title"] == TWINS.title and told["description"] == twins.summary


def test_an_mp4_can_play_before_it_is_whole(films):
    data = films["mp4"].read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_gif_loops_for_ever_and_lasts_as_long_as_the_film(films):
    with Image.open(films["gif"]) as gif:
        assert gif.n_frames == COUNT
        assert gif.info["loop"] == 0
        assert sum(_duration(gif, n) for n in range(COUNT)) == round(1000 * (SECONDS + 1))


def _duration(gif, number):
    gif.seek(number)
    return gif.info["duration"]


def test_the_frames_of_a_gif_are_the_film_s_to_within_its_palette(films, twins):
    reel, moments = Reel(twins, SMALL, THEMES["light"], fade_ticks=True), times(TWINS.steps, FPS, SECONDS)
    with Image.open(films["gif"]) as gif:
        for number in (0, 7, COUNT - 1):
            gif.seek(number)
            difference = np.abs(np.asarray(gif.convert("RGB"), dtype=int) - reel.frame(moments[number])[..., :3])
            assert np.quantile(difference, 0.99) <= 14


def test_a_film_keeps_the_colours_of_its_frames(films, twins):
    reel, moments = Reel(twins, SMALL, THEMES["light"], fade_ticks=True), times(TWINS.steps, FPS, SECONDS)
    for kind in ("mp4", "webm"):
        last = decoded(films[kind])[-1]
        difference = np.abs(last.astype(int) - reel.frame(moments[-1])[..., :3])
        assert difference.mean() < 3, kind


def test_a_film_holds_its_last_frame_for_a_second():
    moments = times(300, 30, 11.0)
    assert len(moments) == 12 * 30
    assert (moments[0], moments[329] < 300, *moments[330:]) == (0, True, *[300] * 30)


def test_a_png_shows_the_asked_step_and_says_in_words_what_it_shows(tmp_path, twins):
    path = render(TWINS, tmp_path / "still.png", SMALL, step=20)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), Reel(twins, SMALL, THEMES["light"]).frame(20.0)[..., :3])
        assert "Step 20 of 60: both point at" in image.text["Description"]


def test_an_svg_is_vectors_around_one_image_a_panel(tmp_path):
    text = render(TWINS, tmp_path / "still.svg", SMALL, step=20).read_text()
    assert text.count("<image") == 2
    assert text.count("<path") > 50
    assert not re.search(r"(?:href|src)=\"http", text)


def test_a_pdf_has_text_that_can_be_searched(tmp_path):
    data = render(TWINS, tmp_path / "still.pdf", SMALL, step=20).read_bytes()
    assert data.startswith(b"%PDF") and data.rstrip().endswith(b"%%EOF")
    streams = [zlib.decompressobj().decompress(part) for part in re.findall(rb"stream\r?\n(x.*?)endstream", data, re.S)]
    assert sum(stream.count(b"Tj") + stream.count(b"TJ") for stream in streams) > 20


# ---------------------------------------------------------------------------------------------------------------------
# What the frames show


def test_the_colour_of_a_pixel_is_the_place_of_its_loss_in_the_colour_table(twins):
    field, window, size = twins.fields[0], twins.panels[0].window, 200
    image = field_image(field, window, size, size)
    x0, x1, y0, y1 = fit_window(window, size, size)
    rng = np.random.default_rng(0)
    for i, j in rng.integers(0, size, (50, 2)):
        x, y = x0 + (i + 0.5) / size * (x1 - x0), y1 - (j + 0.5) / size * (y1 - y0)
        loss = (
            0.8
            + 0.5 * np.cos(2 * np.arctan2(y, x) + 1)
            - 0.4 * np.cos(3 * np.arctan2(y, x) + 2.5)
            + 0.4 * np.cos(5 * np.arctan2(y, x))
        )
        place = np.clip((loss - field.colours.lo) / (field.colours.hi - field.colours.lo), 0, 1)
        near = colour_table("cividis")[[int(255 * place), min(255, int(255 * place) + 1)]].astype(int)
        assert np.abs(near - image[j, i]).max(axis=1).min() <= 1


def test_where_the_loss_is_not_finite_there_is_a_neutral_hatch():
    field = Field(typed("sqrt(x)"), {}, Colours("cividis", "linear", 0.0, 0.0, 1.0), None, True)
    image = field_image(field, (-1, 1, -1, 1), 64, 64)
    left, right = image[:, :32], image[:, 32:]
    assert set(map(tuple, left.reshape(-1, 3).tolist())) == {(150, 150, 150), (176, 176, 176)}
    assert np.ptp(right.astype(int), axis=-1).max() > 20


@pytest.mark.parametrize("step", [3, 11, 20])
def test_the_head_stands_where_the_path_is(step):
    drawing = Drawing(picture(simulate(BOWL)), (640, 360), THEMES["light"])
    image = Reel(drawing.picture, (640, 360), THEMES["light"]).frame(float(step))
    box, path = drawing.layout.panels[0], drawing.picture.result.runs[0].paths[0]
    x, y = drawing.panels[0].lens(step).project(path.x[step], path.y[step])
    assert tuple(image[round(y), round(x), :3]) == (0xD5, 0x5E, 0x00)
    orange = np.argwhere(np.all(image[:, : int(box.right), :3] == (0xD5, 0x5E, 0x00), axis=-1))
    assert np.hypot(*(np.median(orange, axis=0) - [y, x])) < 8


def test_between_two_steps_the_head_is_between_their_places():
    drawing = Drawing(picture(simulate(BOWL)), (640, 360), THEMES["light"])
    path = drawing.picture.result.runs[0].paths[0]
    image = Reel(drawing.picture, (640, 360), THEMES["light"]).frame(2.5)
    x, y = drawing.panels[0].lens(2.5).project((path.x[2] + path.x[3]) / 2, (path.y[2] + path.y[3]) / 2)
    assert tuple(image[round(y), round(x), :3]) == (0xD5, 0x5E, 0x00)


def test_a_frame_depends_on_its_time_alone(twins):
    reel = Reel(twins, SMALL, THEMES["dark"])
    first = reel.frame(17.3).copy()
    for t in (0.0, 60.0, 41.2):
        reel.frame(t)
    assert np.array_equal(reel.frame(17.3), first)


def test_a_path_of_ten_thousand_growing_steps_is_drawn_without_overflow():
    scene = Scene(landscape="five_wells", steps=10_000, runs=TWINS.runs)
    seen = picture(simulate(scene))
    assert np.max(seen.result.runs[1].paths[0].log_norm) > 700
    with np.errstate(over="raise", invalid="raise"):
        for t in (0.0, 5000.5, 10_000.0):
            assert Reel(seen, SMALL, THEMES["light"]).frame(t).any()


def test_an_angle_that_wraps_draws_no_line_across_the_picture():
    x, y = np.array([100.0, 170.0, -170.0, -100.0]), np.zeros(4)
    lens = Lens(0.0, 1.0, 1.0, 180.0, 0.0)
    trail = trail_of(x, y, y, lens, 3.0, jump=180.0)
    assert np.array_equal(trail.points[:, 0], [280, 350, 10, 80])
    points = broken(trail).points[:, 0]
    assert np.array_equal(np.isnan(points), [False, False, True, False, False])
    assert trail_of(x, y, y, lens, 1.5, jump=180.0).points[-1, 0] == 350


@pytest.mark.parametrize("preset", ["projected", "reduced"])
def test_a_panel_with_coordinates_of_its_own_shows_the_heads_there(preset):
    scene = named(preset).scene
    drawing = Drawing(picture(simulate(scene)), (1280, 720), THEMES["light"])
    image, view = Reel(drawing.picture, (1280, 720), THEMES["light"]).frame(30.0), drawing.panels[-1]
    trace = view.panel.traces[-1]
    x, y = view.lens(30.0).project(trace.x[30], trace.y[30])
    colour = drawing.picture.colours[trace.run]
    assert tuple(image[round(y), round(x), :3]) == tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("log_scale", [-700.0, -3.3, 0.0, 9.21, 700.0, 9000.0])
def test_ticks_are_true_coordinates_on_a_ladder_whatever_the_zoom(log_scale):
    marks = ticks(-1.5, 1.5, log_scale, 500, 80)
    assert 3 <= len(marks) <= 8
    assert marks[len(marks) // 2].text == "0"
    assert all(mark.text.lstrip("−").lstrip("0.")[0] in "125468" for mark in marks if mark.text != "0")


def test_ticks_of_the_reduced_map_are_degrees_and_powers_of_ten():
    assert _texts(ticks_of_degrees(-180, 180, 400, 60)) == "−180° −90° 0° 90° 180°"
    assert _texts(ticks_of_logs(np.log(0.09), np.log(11), 400, 40)) == "0.1 0.2 0.5 1 2 5 10"
    assert _texts(ticks_of_logs(-70, 70, 300, 60)) == "10⁻²⁶ 10⁻¹³ 1 10¹³ 10²⁶"


def _texts(marks):
    return " ".join(mark.text for mark in marks)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (1080, 1080), (640, 360), (720, 1280), (320, 240)])
@pytest.mark.parametrize("preset", [ZOOM_OUT[0], ZOOM_OUT[5], EXPLORE[0]], ids=lambda preset: preset.name)
def test_nothing_stands_on_anything_else_at_any_size(size, preset):
    place = layout(picture(simulate(preset.scene)), size)
    u, tick_room = place.unit, 1.5 * place.unit
    blocks = [(box.x, box.y, box.right, box.bottom + tick_room) for box in place.panels]
    blocks += [(box.x, box.y - place.strip_head, box.right, box.bottom) for box in place.strips]
    blocks += [(place.caption.x, place.caption.y, place.caption.right, place.caption.bottom)]
    blocks += [(place.timeline.x, place.timeline.y - 0.3 * u, place.timeline.right, place.timeline.y + 0.3 * u)]
    blocks += [(place.title.x, place.title.y, place.title.right, place.title.bottom)]
    for n, (l, t, r, b) in enumerate(blocks):
        assert 0 <= l <= r <= size[0] and 0 <= t <= b <= size[1]
        for other_l, other_t, other_r, other_b in blocks[:n]:
            assert l >= other_r or r <= other_l or t >= other_b or b <= other_t
    assert all(min(box.width, box.height) >= 0.18 * min(size) for box in place.panels)


# ---------------------------------------------------------------------------------------------------------------------
# Refusals and failures


@pytest.mark.parametrize(
    "options",
    [
        {"size": (481, 270)}, {"size": (100, 100)}, {"size": (3840, 2160)}, {"size": (10**9, 10**9)},
        {"fps": 0}, {"fps": 61}, {"seconds": 0}, {"seconds": 1e9}, {"seconds": float("nan")}, {"seconds": 100, "fps": 60},
        {"theme": "pink"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_over_budget_is_refused_before_anything_is_simulated(tmp_path, monkeypatch, options):
    monkeypatch.setattr("app.film.simulate", lambda scene: pytest.fail("it was simulated"))
    with pytest.raises(SceneError) as refused:
        render(TWINS, tmp_path / "film.mp4", **{"size": SMALL, "fps": FPS} | options)
    assert refused.value.code == "film"
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_gif_that_would_be_huge_is_refused_with_its_size(tmp_path):
    with pytest.raises(SceneError, match=r"about \d+ MB; at most 25") as refused:
        render(TWINS, tmp_path / "film.gif", (1920, 1080), 50, 15)
    assert refused.value.code == "film"


def test_a_film_of_the_longest_scene_says_how_many_frames_it_would_have(tmp_path):
    slow = Scene(landscape="five_wells", view=View(seconds=600))
    with pytest.raises(SceneError, match="18 030"):
        render(slow, tmp_path / "film.mp4")


def test_large_pictures_are_made_when_they_are_asked_for(tmp_path):
    path = render(BOWL, tmp_path / "large.png", (3840, 2160), large=True)
    with Image.open(path) as image:
        assert image.size == (3840, 2160)


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "still.png"
    path.write_text("precious")
    with pytest.raises(SceneError, match="exists already"):
        render(BOWL, path, SMALL)
    assert path.read_text() == "precious"
    assert Image.open(render(BOWL, path, SMALL, force=True)).size == SMALL


def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(SceneError, match=r"\.mp4.*\.html"):
        render(BOWL, tmp_path / "film.avi", SMALL)


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_an_interrupted_film_leaves_nothing_behind(tmp_path, kind):
    def interrupt(done, total):
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(TWINS, tmp_path / f"film.{kind}", SMALL, FPS, SECONDS, progress=interrupt)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("reason", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "the folder may not be written to")]
)
@pytest.mark.parametrize("kind", ["mp4", "gif", "png", "svg", "html"])
def test_a_file_that_cannot_be_finished_gives_one_sentence_and_no_file(tmp_path, monkeypatch, kind, reason, words):
    def fails(self, target):
        raise OSError(reason, "for a reason")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(SceneError, match=rf"^film\.{kind} cannot be written: {words}\.$"):
        render(TWINS, tmp_path / f"film.{kind}", SMALL, FPS, 0.5)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_export_left_is_swept_up_and_what_another_is_writing_is_not(tmp_path):
    old, new = tmp_path / ".zoomout-0.partial", tmp_path / ".zoomout-1.partial"
    for file in (old, new):
        file.touch()
    os.utime(old, (1, 1))
    with new.open() as held:
        flock(held, LOCK_EX)  # as a writer that lives holds it
        render(BOWL, tmp_path / "still.png", SMALL)
    assert sorted(file.name for file in tmp_path.iterdir()) == [new.name, "still.png"]


def test_a_disk_that_fills_while_the_film_is_written_is_named(tmp_path, monkeypatch):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left"):
        encode.film(full, "webm", iter([np.zeros((270, 480, 4), np.uint8)] * 40), 40, SMALL, FPS)


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        (folder / "probe").touch()
        pytest.skip("this user may write everywhere")
    except PermissionError:
        with pytest.raises(SceneError, match="may not be written to"):
            render(BOWL, folder / "still.png", SMALL)
    finally:
        folder.chmod(0o700)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    for kind in ("mp4", "gif", "png", "pdf", "html"):
        with pytest.raises(SceneError, match="there is no such folder"):
            render(BOWL, tmp_path / "nowhere" / f"film.{kind}", SMALL, FPS, 0.5)


def test_without_pyav_films_are_refused_in_words_and_gifs_are_still_made(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(SceneError, match="pip install av, or choose gif"):
        render(BOWL, tmp_path / "film.mp4", SMALL, FPS, 0.5)
    assert [file.name for file in tmp_path.iterdir()] == []
    assert render(BOWL, tmp_path / "film.gif", SMALL, FPS, 0.5).exists()


def test_a_missing_codec_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(encode.CODECS, "mp4", ("no_such_codec", {}, {}))
    with pytest.raises(SceneError, match="cannot make mp4"):
        render(BOWL, tmp_path / "film.mp4", SMALL, FPS, 0.5)
    assert not list(tmp_path.iterdir())


def test_progress_counts_every_frame(tmp_path):
    seen = []
    render(BOWL, tmp_path / "film.mp4", SMALL, FPS, 0.5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 15) for n in range(1, 16)]


def test_any_title_and_label_is_drawn_as_it_stands(tmp_path):
    nasty = "$\\frac{1}{$ <script> \u202e \U0001f600 " + "x" * 150
    scene = Scene(title=nasty, landscape="five_wells", steps=5, runs=(Run(label=nasty[:80]), Run(label="b" * 80)))
    for kind in ("png", "svg", "pdf"):
        assert render(scene, tmp_path / f"nasty.{kind}", SMALL).stat().st_size > 1000


def test_the_ring_lies_round_the_disc_as_long_as_the_two_runs_are_one(monkeypatch) -> None:
    """In the twin's panel, whatever its camera: the ring is drawn from the partner's numbers, the disc from its own."""
    spots: dict[str, tuple[float, float]] = {}
    monkeypatch.setattr("app.drawing.panel.draw_echo", lambda pen, x, y, *_: spots.update(ring=(x, y)))
    monkeypatch.setattr(
        "app.drawing.panel.draw_head", lambda pen, head, *_: spots.update(disc=tuple(head)) or tuple(head)
    )
    for view in (View(), View(camera="fixed"), View(panels="projected")):
        seen = picture(simulate(Scene(landscape="five_wells", steps=300, runs=TWINS.runs, view=view)))
        reel = Reel(seen, (1280, 720), THEMES["light"])
        for t in (0.0, 3.5, 20.0, 100.25):
            reel.frame(t)
            assert np.hypot(*np.subtract(spots["ring"], spots["disc"])) < 0.5 * max(1.0, np.hypot(*spots["disc"]) / 1e3)
        reel.frame(200.0)
        assert np.hypot(*np.subtract(spots["ring"], spots["disc"])) > 5


def test_the_first_picture_is_true_for_its_whole_loop() -> None:
    scene = ZOOM_OUT[0].scene
    left, right = (run.paths[0] for run in simulate(scene).runs)
    assert left.horizon is None and right.horizon is None
    assert np.max(np.abs(np.exp(1j * (left.angle - right.angle)) - 1)) < 0.01


def test_a_trail_fades_in_a_film_as_on_the_page() -> None:
    script = (Path(__file__).parents[1] / "app/stage/stage.js").read_text("utf-8")
    [rows] = re.findall(r"const AGES = \[.*?\n(.*?),?\n\];", script, re.DOTALL)
    rows = json.loads(f"[{rows.replace('Infinity', '1e999')}]")
    assert [tuple(row) for row in rows] == list(zip(trails.AGES, trails.FADES, trails.WIDTHS, trails.CASINGS, strict=True))


@pytest.mark.parametrize(("starts", "view"), [(5, View()), (1, View(trails=False)), (1, View(panels="one"))])
def test_no_ray_and_no_ring_where_they_would_hide_the_picture(starts: int, view: View) -> None:
    scene = Scene(landscape="five_wells", steps=9, runs=TWINS.runs, starts=((0.7, 0.7),) * starts, view=view)
    assert not any(panel.rays or panel.echo for panel in picture(simulate(scene)).panels)
    assert "ring" not in zoom_out.subtitle(scene) and "ring" in zoom_out.subtitle(TWINS)
