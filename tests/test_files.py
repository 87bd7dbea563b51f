"""Files, links and titles: nothing is replaced unasked, nothing is written that cannot be read, every script is drawn."""

import json
import os
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

import pytest
from browser import ROOT

from app.__main__ import main
from app.film import check_film, render
from app.machine.files import passing_folder, whole_file
from app.picture import fonts
from app.scene import Run, Scene, SceneError, View, from_data, from_link, load, read, read_bytes, to_json, to_link
from dynamics.schedules import Step
from landscapes import FormulaError, typed

TINY = Scene(landscape="quotient", steps=5, runs=(Run(label="d", weight_decay=0.1),))
LINK = to_link(TINY, "http://localhost:8501/")


def told(*arguments: str, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    out = capsys.readouterr()
    return int(end.value.code or 0), out.out + out.err


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene.json").write_text(json.dumps({"landscape": "quotient", "steps": 5, "runs": [{"weight_decay": 0.1}]}))
    return tmp_path


AXES = [
    "--x",
    "runs.0.learning_rate:0.1:0.2",
    "--y",
    "runs.0.weight_decay:0.1:0.2",
    "--size",
    "4",
    "--statistic",
    "final_loss",
]
WRITERS = {
    "run": ["run", "scene.json", "--out", "a.csv"], "run npz": ["run", "scene.json", "--out", "a.npz"],
    "render": ["render", "scene.json", "--out", "a.png", "--size", "240x240"],
    "atlas": ["atlas", "scene.json", "--out", "a.npz", *AXES], "atlas png": ["atlas", "scene.json", "--out", "a.png", *AXES],
}  # fmt: skip


@pytest.mark.parametrize("command", WRITERS)
def test_no_command_replaces_a_file_unless_it_is_forced_to(here, command, capsys) -> None:
    name = WRITERS[command][WRITERS[command].index("--out") + 1]
    (here / name).write_text("mine")
    code, words = told(*WRITERS[command], capsys=capsys)
    assert code == 2 and "exists already" in words and (here / name).read_text() == "mine"
    assert told(*WRITERS[command], "--force", capsys=capsys)[0] == 0
    assert (here / name).read_bytes() != b"mine" and not list(here.glob(".zoomout-*"))


@pytest.mark.parametrize("command", WRITERS)
def test_a_symbolic_link_stays_and_what_it_names_is_written_when_forced(here, command, capsys) -> None:
    name = WRITERS[command][WRITERS[command].index("--out") + 1]
    (here / "elsewhere").write_text("mine")
    (here / name).symlink_to("elsewhere")
    assert told(*WRITERS[command], capsys=capsys)[0] == 2 and (here / "elsewhere").read_text() == "mine"
    assert told(*WRITERS[command], "--force", capsys=capsys)[0] == 0
    assert (here / name).is_symlink() and (here / "elsewhere").read_bytes() != b"mine"


def test_a_link_laid_where_a_partial_file_could_be_is_not_followed(here) -> None:
    victim = here / "victim"
    victim.write_text("precious")
    for name in (".a.npz.partial", ".zoomout-a.partial"):
        (here / name).symlink_to(victim)
    with whole_file(here / "a.npz") as partial:
        partial.write_bytes(b"new")
    assert victim.read_text() == "precious" and (here / "a.npz").read_bytes() == b"new"


def test_what_a_killed_export_left_behind_is_swept(here) -> None:
    script = "import pathlib, sys; from app.machine.files import whole_file as whole\n"
    script += "with whole(pathlib.Path(sys.argv[1])) as file: file.write_text('half'); print('written', flush=True); input()"
    command = [sys.executable, "-c", script, str(here / "a.csv")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"written\n"
    [left] = here.glob(".zoomout-*.partial")
    for living in (True, False):
        with whole_file(here / "b.csv") as partial:
            partial.write_text("whole")
        assert left.exists() is living
        process.kill()
        process.wait()
    assert not (here / "a.csv").exists()


# ---- films ----


def test_folders_of_processes_that_are_gone_are_swept_and_those_of_others_stay(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"zoomout-{gone.pid}-left", f"zoomout-{os.getpid()}-own", "zoomout-page-other"):
        (tmp_path / name).mkdir()
    with passing_folder() as folder:
        assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
            [f"zoomout-{os.getpid()}-own", "zoomout-page-other", folder.name]
        )
    assert not folder.exists()


@pytest.mark.parametrize("fps", [7, 10, 15, 24, 30, 49, 50])
def test_no_frame_of_a_gif_is_shorter_than_browsers_show(tmp_path, fps) -> None:
    from PIL import Image

    file = render(TINY, tmp_path / "a.gif", (240, 240), fps, 0.4)
    with Image.open(file) as image:
        lasts = []
        for number in range(image.n_frames):
            image.seek(number)
            lasts.append(image.info["duration"])
    assert min(lasts) >= 20
    assert sum(lasts) == pytest.approx(1000 * float(Fraction(len(lasts), fps)), abs=15)


def test_a_gif_that_no_browser_would_play_is_refused() -> None:
    with pytest.raises(SceneError, match="at most 50 frames a second"):
        check_film("gif", (240, 240), 60, 1.0)
    check_film("mp4", (240, 240), 60, 1.0)


# ---- links and scenes as people hand them on ----


HANDED_ON = [f"<{LINK}>", f"({LINK}).", f"[{LINK}]", f"“{LINK}”", f"{LINK}.", f" {LINK}\n", f"{LINK},"]
HANDED_ON += [LINK.replace("?", "?x=1&amp;")]


@pytest.mark.parametrize("text", HANDED_ON)
def test_a_link_is_read_as_mail_and_chat_hand_it_on(text) -> None:
    assert read(text) == load(text) == from_link(LINK)


def test_a_link_that_could_not_be_opened_is_not_written(here, capsys) -> None:
    import random

    chance = random.Random(1)
    table = Step(initial=0.1, at=list(range(1, 901)), values=[chance.uniform(0, 1) for _ in range(900)])
    starts = tuple((chance.uniform(-1, 1), chance.uniform(-1, 1)) for _ in range(256))
    long = Scene(landscape="quotient", steps=1000, runs=(Run(learning_rate=table),))
    with pytest.raises(SceneError, match="save it as a file"):
        to_link(long)
    (here / "many.json").write_text(to_json(long))
    code, words = told("link", "many.json", capsys=capsys)
    assert code == 2 and "save it as a file" in words
    for count in (1, 10, 50, 120, 200):
        scene = Scene(landscape="quotient", starts=starts[:count])
        try:
            link = to_link(scene)
        except SceneError:
            continue
        assert from_link(link) == scene


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_the_encodings_that_editors_write(encoding) -> None:
    assert read_bytes('landscape = "quotient"\ntitle = "κ = 2"'.encode(encoding), "a.toml").title == "κ = 2"


def test_whole_numbers_may_be_written_with_a_point_and_others_are_refused() -> None:
    assert from_data({"landscape": "quotient", "steps": 300.0, "seed": 7.0, "version": 1.0}).steps == 300
    rate = {"schedule": "step", "initial": 0.1, "at": [3.0, 9.0], "values": [0.2, 0.3]}
    assert from_data({"landscape": "quotient", "runs": [{"learning_rate": rate}]}).runs[0].learning_rate.at == [3, 9]
    with pytest.raises(SceneError, match="steps: expected a whole number"):
        from_data({"landscape": "quotient", "steps": 300.5})


@pytest.mark.parametrize(
    ("data", "meant"),
    [({"runs": [{"lr": 0.1}]}, "learning_rate"), ({"runs": [{"learnig_rate": 0.1}]}, "learning_rate"), 
     ({"iterations": 9}, "steps"),
     ({"runs": [{"wd": 0.1}]}, "weight_decay"), ({"runs": [{"beta1": 0.5, "rule": "adam"}]}, "b1"), ({"step": 9}, "steps"),
     ({"view": {"windw": [0, 1, 0, 1]}}, "window"), ({"runs": [{"optimizer": "adam"}]}, "rule"), 
     ({"start": [[1, 1]]}, "starts")],
)  # fmt: skip
def test_a_misspelt_field_is_answered_with_the_one_that_is_meant(data, meant) -> None:
    with pytest.raises(SceneError, match=rf"[Pp]erhaps (you mean )?{meant}\b"):
        from_data({"landscape": "quotient"} | data)


@pytest.mark.parametrize(
    "text",
    ['{"landscape":"quotient","title":"\\ud800"}', '{"landscape":"quotient","\\udfff":1}', '{"runs":[{"label":"a\\ud83d"}]}',
     "steps = " + "9" * 6000, '{"steps": ' + "9" * 6000 + "}", "steps = 1e99999", "x = " + "[" * 5000],
)  # fmt: skip
def test_hostile_text_gets_one_sentence(text, here, capsys) -> None:
    (here / "bad.json").write_text(text)
    code, words = told("check", "bad.json", capsys=capsys)
    assert code == 2 and "went wrong inside" not in words and words.strip().count("\n") == 0


def test_digits_of_every_script_are_read_alike() -> None:
    for text in ("２*x^2+y^٣", "2*x^2+y^3", "२*x^2+y^3", "２＊ｘ^2＋y^3"):
        assert float(typed(text).loss(1.5, 2.0)) == 2 * 1.5**2 + 2.0**3
    with pytest.raises(FormulaError):
        typed("x^½")


# ---- Python ----


def test_a_scene_may_be_written_with_lists_and_says_only_what_is_its_own() -> None:
    scene = Scene(landscape="quotient", runs=[Run(label="a", weight_decay=0.1)], starts=[[1, 2]])
    assert hash(scene) == hash(Scene(landscape="quotient", runs=(Run(label="a", weight_decay=0.1),), starts=((1, 2),)))
    assert repr(scene.runs[0]) == "Run(label='a', weight_decay=0.1)" and "arithmetic" not in repr(scene)


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"starts": ((1, 2, 3),)}, "length 2"), ({"runs": (Run(learning_rate=-1),)}, "learning_rate"), 
     ({"runs": ("a",)}, "runs"),
     ({"steps": "many"}, "steps"), ({"runs": (Run(noise=-1.0),)}, "noise"), ({"seed": -1}, "seed")],
)  # fmt: skip
def test_what_is_no_scene_is_refused_when_it_is_written(fields, words) -> None:
    with pytest.raises(SceneError, match=re.escape(words)):
        Scene(landscape="quotient", **fields)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [(Run, {"lr": 0.1}, "perhaps learning_rate"), (View, {"windw": 1}, "perhaps window"),
     (Scene, {"epochs": 3}, "perhaps steps"), (Run, {"quite_else": 1}, "there are label")],
)  # fmt: skip
def test_a_misspelt_argument_is_answered_with_the_one_that_is_meant(kind, fields, words) -> None:
    with pytest.raises(SceneError, match=words):
        kind(**fields)
    with pytest.raises(SceneError, match="by name"):
        kind(0.1)


# ---- every script ----


def test_fonts_that_have_what_the_usual_ones_lack_join_them(monkeypatch) -> None:
    signs = {"usual": frozenset(map(ord, "abc ")), "han": frozenset(map(ord, "地图")), "thai": frozenset(map(ord, "ไทย"))}
    monkeypatch.setattr(fonts, "FONTS", ("usual",))
    monkeypatch.setattr(fonts, "_installed", lambda: {name: name for name in signs})
    monkeypatch.setattr(fonts, "_signs", signs.__getitem__)
    fonts.families.cache_clear()
    assert fonts.families("abc") == ("usual",) and fonts.families("a 地图") == ("usual", "han")
    assert fonts.families("地ไ") == ("usual", "han", "thai") and fonts.note("abc 地图") == ""
    assert fonts.unprintable("a☃b☃") == "☃" and "☃" in fonts.note("a☃")
    fonts.families.cache_clear()


def test_a_title_that_no_font_can_draw_is_made_and_said(here, capsys) -> None:
    title = "𒀀 \U0001fbff"
    (here / "t.json").write_text(json.dumps({"landscape": "quotient", "steps": 5, "title": title}))
    code, words = told("render", "t.json", "--out", "t.png", "--size", "240x240", capsys=capsys)
    assert code == 0 and (here / "t.png").exists()
    assert ("No installed font has the signs" in words) == bool(fonts.unprintable(title))


def test_lists_do_not_offer_what_is_not_there(capsys) -> None:
    code, words = told("list", "--help", capsys=capsys)
    assert code == 0 and "lesson" not in words and "lesson" not in told("list", capsys=capsys)[1]
