"""The command, from outside: its answers, its refusals in a sentence, its exit codes and its patience."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from app.__main__ import main

ROOT = Path(__file__).parents[1]

SCENE = """
landscape = "five_wells"
starts = [[-0.7, 0.7]]
steps = 60
[[runs]]
label = "weight decay"
learning_rate = 0.3
weight_decay = 0.25
[[runs]]
label = "exponential learning rate"
twin_of = "weight decay"
"""


class Answer(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def zoomout(*arguments, text=""):
    """The command line, run inside this process: what it prints and its exit code."""
    out, err, given = io.StringIO(), io.StringIO(), io.TextIOWrapper(io.BytesIO(text.encode()))
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", given)
        with pytest.raises(SystemExit) as leaving:
            main([str(argument) for argument in arguments])
    return Answer(leaving.value.code, out.getvalue(), err.getvalue())


def shell(*arguments, text=None, **environment):
    """The command line in a process of its own, as a shell runs it."""
    return subprocess.run(
        [sys.executable, "-m", "app", *map(str, arguments)], input=text, text=True, encoding="utf-8", cwd=ROOT,
        capture_output=True, timeout=120, env=os.environ | environment,
    )  # fmt: skip


def answered(*arguments, text="", by=zoomout):
    done = by(*arguments, text=text)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def refused(*arguments, text="", code=2, by=zoomout, **environment):
    """Refused with one sentence on standard error and nothing else there."""
    done = by(*arguments, text=text, **environment)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1 and done.stderr[-2] in ".?" and "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def scene(tmp_path):
    file = tmp_path / "scene.toml"
    file.write_text(SCENE, "utf-8")
    return file


# ---------------------------------------------------------------------------------------------------------------------
# Help, and what it does not load


def test_help_names_every_command_and_loads_neither_jax_nor_streamlit():
    code = (
        "import sys; sys.argv = ['zoomout', '--help']\n"
        "import app.__main__ as door\n"
        "try: door.main()\n"
        "finally: print(sorted(m for m in sys.modules if m in ('jax', 'numpy', 'streamlit', 'matplotlib', 'optax')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("app", "run", "render", "check", "list", "code", "link"):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE)
    assert "completion" not in done.stdout


def test_every_command_explains_itself():
    for command in ("app", "run", "render", "check", "list", "code", "link"):
        assert f"Usage: zoomout {command}" in answered(command, "--help")


def test_it_knows_its_version():
    from app import __version__

    assert answered("--version") == f"zoomout {__version__}\n"


# ---------------------------------------------------------------------------------------------------------------------
# Answers


def test_run_tells_people_how_each_path_ended(scene):
    header, *rows = answered("run", scene).splitlines()
    assert header.split()[:3] == ["run", "start", "status"] and len(rows) == 2
    assert rows[0].startswith("weight decay ") and "finished" in rows[0] and rows[0].endswith("°")


def test_run_gives_every_number_as_json_from_a_file_standard_input_and_a_link(scene):
    from_file = json.loads(answered("run", scene, "--json"))
    from_input = json.loads(answered("run", "-", "--json", text=SCENE, by=shell))
    link = answered("link", scene).strip()
    from_link = json.loads(answered("run", link, "--json"))
    assert from_file == from_input == from_link
    assert from_file["version"] == 1 and len(from_file["runs"][0]["paths"][0]["x"]) == 61


def test_run_writes_numbers_and_thins_them(scene, tmp_path):
    for ending in ("json", "npz", "csv"):
        assert answered("run", scene, "--out", tmp_path / f"numbers.{ending}", "--every", 20) == ""
    assert json.loads((tmp_path / "numbers.json").read_text())["t"] == [0, 20, 40, 60]
    assert len((tmp_path / "numbers.csv").read_text().splitlines()) == 1 + 2 * 4
    assert (tmp_path / "numbers.npz").stat().st_size > 0


@pytest.mark.parametrize("ending, head", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("html", b"<!"), ("mp4", b"ftyp")])
def test_render_makes_the_file_and_replaces_it_only_when_told(scene, tmp_path, ending, head):
    out = tmp_path / f"picture.{ending}"
    options = ("render", scene, "--out", out, "--size", "480x270", "--fps", 10, "--seconds", 0.5)
    answered(*options)
    assert head in out.read_bytes()[:16]
    assert "--force" in refused(*options).stderr or "exists" in refused(*options).stderr
    answered(*options, "--force", "--theme", "dark")
    assert [file.name for file in tmp_path.iterdir() if file != scene] == [out.name]


@pytest.mark.parametrize("options", [
    ("--size", "big"), ("--size", "481x270"), ("--size", "8000x400"), ("--fps", 0), ("--fps", 61), ("--seconds", 0),
    ("--seconds", 300, "--fps", 60), ("--theme", "blue"),
])  # fmt: skip
def test_render_refuses_what_is_over_budget(scene, tmp_path, options):
    refused("render", scene, "--out", tmp_path / "film.mp4", *options)
    assert list(tmp_path.iterdir()) == [scene]


def test_render_refuses_a_name_that_it_cannot_write(scene, tmp_path):
    for name in ("film.avi", "film", "none/film.mp4", "."):
        refused("render", scene, "--out", tmp_path / name)


def test_work_that_fails_says_so_with_exit_code_one(scene):
    if not Path("/proc/version").exists():
        pytest.skip("no folder here that even the superuser cannot write to")
    refused("run", scene, "--out", "/proc/numbers.json", code=1, by=shell)
    refused("render", scene, "--out", "/proc/picture.svg", code=1)


def test_check_answers_in_json_for_scenes_and_formulas(scene):
    fine = json.loads(answered("check", scene, "--json"))
    assert (fine["ok"], fine["code"], fine["column"], fine["scale_invariant"]) == (True, "accept", None, True)
    flagged = json.loads(answered("check", "--formula", "x^2 + a*y^2; a = 3", "--json"))
    assert (flagged["ok"], flagged["code"], flagged["scale_invariant"]) == (True, "accept_flag", False)
    assert flagged["knobs"] == {"a": 3.0} and flagged["value"] == pytest.approx(0.49 * 4)
    done = refused("check", "--formula", "x + $", "--json")
    verdict = json.loads(done.stdout)
    assert (verdict["ok"], verdict["code"], verdict["column"]) == (False, "bad_character", 5)
    assert done.stderr.strip() == verdict["message"] and verdict["scale_invariant"] is None


def test_check_refuses_a_twin_that_does_not_exist():
    text = SCENE.replace("weight_decay = 0.25", "weight_decay = 0.25\nclip_norm = 1.0")
    assert json.loads(refused("check", "-", "--json", text=text).stdout)["code"] == "no_twin"
    refused("run", "-", text=text)


def test_list_reads_the_registries():
    from dynamics import RULES, SCHEDULES
    from landscapes import LANDSCAPES

    everything = json.loads(answered("list", "--json"))
    assert [entry["name"] for entry in everything["landscapes"]] == list(LANDSCAPES)
    assert [entry["name"] for entry in everything["rules"]] == list(RULES)
    assert [entry["name"] for entry in everything["schedules"]] == list(SCHEDULES)
    assert everything["lessons"] == json.loads(answered("list", "lessons", "--json")) == []
    assert json.loads(answered("list", "rules", "--json")) == everything["rules"]
    spoken = answered("list")
    assert all(name in spoken for registry in (LANDSCAPES, RULES, SCHEDULES) for name in registry)


def test_code_prints_python_that_gives_the_same_numbers(scene, tmp_path):
    script = tmp_path / "scene.py"
    script.write_text(answered("code", scene), "utf-8")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    paths = [run["paths"][0] for run in json.loads(answered("run", scene, "--json"))["runs"]]
    for line, path in zip(done.stdout.splitlines(), paths, strict=True):
        assert line.endswith(f"{path['x'][-1]} {path['y'][-1]} {path['loss'][-1]}")


def test_a_reader_that_stops_reading_is_no_failure(scene):
    command = f"{sys.executable} -m app run {scene} --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


# ---------------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize("arguments", [
    ("frobnicate",), ("run",), ("run", "none.toml"), ("run", "x", "--every", "0"), ("run", "x", "--every", "few"),
    ("run", "."),
    ("run", "https://example.org/?scene=zzz"), ("run", "a", "b"), ("run", "--jason", "x"), ("check",),
    ("check", "x", "--formula", "y"),
    ("check", "--formula", ""), ("check", "--formula", "__import__('os')"), ("list", "planets"), ("code", "none.toml"),
    ("app", "--port", "0"),
    ("app", "--port", "abc"), ("render", "none.toml"), ("--unknown",),
])  # fmt: skip
def test_wrong_usage_is_one_sentence(arguments):
    assert refused(*arguments).stdout == ""


def test_a_refusal_leaves_with_exit_code_two_from_a_shell():
    refused("check", "--formula", "x +", by=shell)


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"landscape": 1}', "\x00\xff", "{" * 50_000, SCENE + "steps = 3"])
def test_a_bad_scene_on_standard_input_is_one_sentence(text):
    refused("run", "-", text=text)


def test_what_goes_wrong_inside_is_one_sentence_and_a_traceback_only_on_request(scene, tmp_path):
    (tmp_path / "optax.py").write_text("raise RuntimeError('a broken installation')", "utf-8")
    broken = {"PYTHONPATH": str(tmp_path)}
    done = refused("run", scene, code=1, by=shell, **broken)
    assert "RuntimeError: a broken installation" in done.stderr
    assert "Traceback" in shell("run", scene, ZOOMOUT_DEBUG="1", **broken).stderr


def test_a_distribution_with_the_same_package_name_stops_it_in_one_sentence(tmp_path):
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("dynamics\n")
    (info / "RECORD").write_text("dynamics/__init__.py,,\n")
    done = refused("list", by=shell, PYTHONPATH=str(tmp_path))
    assert "stranger" in done.stderr and "environment of its own" in done.stderr
    assert "Usage" in shell("--help", PYTHONPATH=str(tmp_path)).stdout


# ---------------------------------------------------------------------------------------------------------------------
# The app


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_app_prints_its_address_answers_there_and_ends_quietly():
    port = free_port()
    command = [sys.executable, "-m", "app", "app", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        address = f"http://localhost:{port}"
        assert address in line
        assert urllib.request.urlopen(f"{address}/_stcore/health", timeout=10).read() == b"ok"
        assert b"<title>" in urllib.request.urlopen(address, timeout=10).read()
        assert str(port) in refused("app", "--no-browser", "--port", port).stderr
        time.sleep(1)
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
        assert server.returncode in (0, 130) and out == "" and err == ""
    finally:
        server.kill()
        server.wait()


def test_the_port_moves_on_when_the_usual_one_is_taken():
    from app.command import server

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not server.free(port) and server.chosen_port(port) is None
    assert server.chosen_port(None) in range(server.PORT, server.PORT + 100)
