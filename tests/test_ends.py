"""The app and every command end when asked, at any moment, in silence, and leave nothing half written."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browser import ROOT, free_port

from app import __main__ as command

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}
DECAY = [{"label": "d", "learning_rate": 0.3, "weight_decay": 0.25}]
SCENES = {
    "proof": {"landscape": "five_wells", "steps": 9000, "arithmetic": "certified", "runs": DECAY},
    "map": {"landscape": "five_wells", "steps": 200_000, "runs": DECAY, "chart": {"kind": "atlas", "statistic": "lyapunov"}},
    "film": {"landscape": "five_wells", "steps": 300, "runs": DECAY, "view": {"seconds": 30}},
}
COMMANDS = {
    "run": ["run", "proof.json", "--out", "a.npz"], "atlas": ["atlas", "map.json", "--size", "512", "--out", "a.npz"],
    "render": ["render", "film.json", "--out", "a.mp4", "--size", "1920x1080"],
    "chart": ["render", "map.json", "--out", "a.png"],
}  # fmt: skip


def started(arguments: list[str], folder: Path) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "app", *arguments], cwd=folder, env=environment, **pipes)


def ended(process: subprocess.Popen, how: signal.Signals) -> tuple[float, bytes]:
    begun = time.monotonic()
    process.send_signal(how)
    _, words = process.communicate(timeout=20)
    return time.monotonic() - begun, words


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("how", SIGNALS, ids=lambda s: s.name)
def test_a_command_ends_within_a_second_and_leaves_no_half_file(tmp_path, name, how) -> None:
    for scene, data in SCENES.items():
        (tmp_path / f"{scene}.json").write_text(json.dumps(data))
    process = started(COMMANDS[name], tmp_path)
    time.sleep(random.Random(f"{name}{how}").uniform(0.5, 4))
    took, words = ended(process, how)
    assert (process.returncode, words) == (SIGNALS[how], b"") and took < 1.5
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{scene}.json" for scene in sorted(SCENES)]


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc calls back with the exit code")
@pytest.mark.parametrize("how", SIGNALS, ids=lambda s: s.name)
def test_a_signal_after_the_work_is_done_makes_no_failure_of_it(how) -> None:
    # raise(exit code), when Python itself is gone
    late = "libc.on_exit(ctypes.cast(getattr(libc, 'raise'), ctypes.c_void_p), None)"
    script = f"import ctypes, sys; from app.machine import ending; libc = ctypes.CDLL(None); ending.at_once(); {late}; "
    command = [sys.executable, "-c", script + f"sys.exit({int(how)})"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (int(how), b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
@pytest.mark.parametrize("how", SIGNALS, ids=lambda s: s.name)
@pytest.mark.parametrize("page", ["", "atlas"])
def test_the_app_ends_in_silence_in_the_middle_of_its_work(tmp_path, how, page) -> None:
    from benchmarks.visitor import Visitor

    port = free_port()
    process = started(["app", "--no-browser", "--port", str(port)], tmp_path)
    try:
        assert process.stdout.readline().startswith(b"zoomout is at")
        with Visitor(f"http://127.0.0.1:{port}", page):
            took, words = ended(process, how)
    finally:
        process.kill()
    assert (process.returncode, words) == (SIGNALS[how], b"") and took < 2


def test_a_package_that_is_missing_is_named_in_one_sentence() -> None:
    for name, package in (("flint", "python-flint"), ("PIL.Image", "pillow"), ("optax", "optax"), ("jax.numpy", "jax")):
        code, sentence = command._explained(ModuleNotFoundError(f"No module named {name!r}", name=name))
        assert code == 1 and sentence == f"This needs the package {package}, which is not installed: pip install {package}."


def test_what_is_installed_is_looked_at_once(tmp_path, monkeypatch) -> None:
    looked = []
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(command, "_check_distributions", lambda: looked.append(1))
    for _ in range(3):
        command._check_names()
    assert len(looked) == 1
