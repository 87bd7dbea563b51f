"""Faults of the machine are survived: the right numbers, one sentence, and nothing half done."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.machine.files import passing_folder
from app.scene import SceneError

pytest.importorskip("resource", reason="limits of a process are another thing on Windows")
ROOT = Path(__file__).parents[1]
SCENE = {"landscape": "quotient", "steps": 20, "runs": [{"label": "d", "learning_rate": 0.3, "weight_decay": 0.25}]}


def told(
    arguments: list[str], folder: Path, environment: dict[str, str] | None = None, start: Sequence[str] = ("-m", "app")
) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {})
    command = [sys.executable, *start, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scene.json").write_text(json.dumps(SCENE))
    return tmp_path


def test_a_damaged_cache_of_compiled_programs_changes_no_number_and_is_no_news(folder: Path) -> None:
    cache = folder / "cache"
    keep = {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    first = told(["run", "scene.json", "--json"], folder, environment=keep)
    entries = [entry for entry in cache.rglob("*") if entry.is_file()]
    assert first.returncode == 0 and entries
    for entry in entries:
        entry.write_bytes(b"\0garbage" * 9)
    again = told(["run", "scene.json", "--json"], folder, environment=keep)
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, b"")
    nowhere = told(
        ["run", "scene.json", "--json"], folder, environment=keep | {"JAX_COMPILATION_CACHE_DIR": str(folder / "scene.json")}
    )
    assert (nowhere.returncode, nowhere.stdout) == (0, first.stdout) and b"Traceback" not in nowhere.stderr


@pytest.mark.parametrize("arguments", [["run", "scene.json", "--out", "a.npz"], ["render", "scene.json", "--out", "a.png"],
                                       ["render", "scene.json", "--out", "a.mp4"]])  # fmt: skip
def test_where_no_file_may_grow_further_one_sentence_says_so_and_none_is_left(folder: Path, arguments: list[str]) -> None:
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (2048, 2048)); from app.__main__ import main; main()"
    made = told(arguments, folder, start=["-c", limit])
    assert made.returncode == 1 and made.stderr.count(b"\n") == 1 and b"larger than a file may be here" in made.stderr
    assert [each.name for each in folder.iterdir()] == ["scene.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_under_an_export_of_the_page_is_one_sentence(code: int) -> None:
    with pytest.raises(SceneError, match="cannot be made on this machine: (the disk is full|it would be larger)"), \
            passing_folder() as there:  # fmt: skip
        raise OSError(code, os.strerror(code))
    assert not there.exists()


def test_what_is_deeper_than_a_file_keeps_its_own_sentence() -> None:
    with pytest.raises(SceneError, match="^my own$"), passing_folder():
        raise SceneError("x", "my own")


def test_an_export_that_is_killed_leaves_nothing_at_its_name(folder: Path) -> None:
    for wait in (1.0, 2.0, 3.0):
        command = [sys.executable, "-m", "app", "render", "scene.json", "--out", "a.mp4", "--size", "1920x1080"]
        made = subprocess.Popen([*command, "--seconds", "30"], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})
        time.sleep(wait)
        made.send_signal(signal.SIGKILL)
        assert made.wait(10) == -signal.SIGKILL and not (folder / "a.mp4").exists()
