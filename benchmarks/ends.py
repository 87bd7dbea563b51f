"""Commands ended at random moments: `python benchmarks/ends.py [--ends N] [--seed S]`; ends by itself, two at once.

Each is interrupted, asked to end or killed somewhere in its life, every second time in its last quarter, where files are
written. It counts what must be none: files at a final name that their reader cannot read, exit codes that a shell does not
expect, words other than one sentence, and what killed ones left behind that the next command does not sweep.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
SCENE = {"landscape": "five_wells", "steps": 3000, "runs": [{"label": "d", "learning_rate": 0.3, "weight_decay": 0.25}]}
MAP = ["--x", "runs.0.learning_rate:log:0.01:1", "--y", "runs.0.weight_decay:log:0.01:1", "--statistic", "final_loss"]
SMALL = ["--size", "480x320", "--seconds", "1"]
COMMANDS = [
    *(["run", f"--out=a.{ending}"] for ending in ("npz", "csv", "json")),
    *(["render", f"--out=a.{ending}", *SMALL] for ending in ("mp4", "gif", "png", "svg", "html")),
    *(["atlas", f"--out=a.{ending}", *MAP, "--size", "96"] for ending in ("npz", "png", "html")),
]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
EXPECTED = {0, 1, 2, 130, 143, -signal.SIGTERM, -signal.SIGKILL}


def _film(file: Path) -> None:
    with av.open(str(file)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def _image(file: Path) -> None:
    with Image.open(file) as image:
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            image.load()
    assert file.suffix == ".png" or file.read_bytes().endswith(b";")


def _arrays(file: Path) -> None:
    with np.load(file, allow_pickle=False) as arrays:
        assert all(arrays[name] is not None for name in arrays.files)


def _rows(file: Path) -> None:
    with file.open(newline="") as lines:
        assert sum(1 for _ in csv.reader(lines)) == 2 + SCENE["steps"]


READERS: dict[str, Callable[[Path], object]] = {
    ".npz": _arrays, ".csv": _rows, ".json": lambda file: json.loads(file.read_text()), ".mp4": _film, ".gif": _image,
    ".png": _image, ".svg": lambda file: _closes(file, "</svg>"), ".html": lambda file: _closes(file, "</html>"),
}  # fmt: skip


def _closes(file: Path, last: str) -> None:
    assert file.read_text("utf-8").rstrip().endswith(last)


class End(NamedTuple):
    how: str
    code: int
    words: str
    file: str
    """whole, none or truncated"""


def started(command: list[str], folder: Path, name: str) -> subprocess.Popen:
    word, out, *rest = command
    arguments = [word, "scene.json", out.replace("a.", f"{name}."), *rest]
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
    )  # fmt: skip


def lasting(command: list[str], folder: Path) -> float:
    begun = time.monotonic()
    assert started(command, folder, f"whole-{COMMANDS.index(command)}").wait(120) == 0, f"{command} failed undisturbed"
    return time.monotonic() - begun


def end(number: int, seed: int, folder: Path, lasts: list[float]) -> End:
    chance = random.Random(f"{seed} {number}")
    which, how = number % len(COMMANDS), chance.choice(SIGNALS)
    moment = chance.uniform(*((0, 1.1) if number // len(COMMANDS) % 2 else (0.75, 1.1))) * lasts[which]
    process = started(COMMANDS[which], folder, f"end-{number}")
    try:
        _, words = process.communicate(timeout=moment)
        name = "too late"
    except subprocess.TimeoutExpired:
        process.send_signal(how)
        _, words = process.communicate(timeout=30)
        name = how.name
    return End(name, process.returncode, words, state(folder / f"end-{number}{Path(COMMANDS[which][1]).suffix}"))


def state(file: Path) -> str:
    if not file.exists():
        return "none"
    try:
        READERS[file.suffix](file)
    except Exception:  # whatever a reader makes of half a file
        return "truncated"
    return "whole"


def left(folder: Path) -> list[str]:
    return [each.name for pattern in (".zoomout-*", "zoomout-*") for each in folder.glob(pattern)]


def report(ends: list[End], left_before: int, left_after: list[str]) -> bool:
    """Whether nothing was found that must not be."""
    for how in dict.fromkeys(each.how for each in ends):
        mine = [each for each in ends if each.how == how]
        codes, files = Counter(each.code for each in mine), Counter(each.file for each in mine)
        print(f"{how:9} {len(mine):4} ends, exit codes {dict(codes)}, files {dict(files)}")
    wrong = [each for each in ends if each.code not in EXPECTED]
    talk = [each for each in ends if each.words.count("\n") > 1 or (each.code == 130 and each.words)]
    truncated = [each for each in ends if each.file == "truncated"]
    print(f"truncated {len(truncated)}, unexpected codes {len(wrong)}, unexpected words {len(talk)}")
    print(f"left behind {left_before}, after the next command {len(left_after)}")
    for each in (wrong + talk + truncated)[:5]:
        print(" ", each)
    return not (wrong or talk or truncated or left_after)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--ends", type=int, default=200)
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as two:
        folder = Path(name)
        (folder / "scene.json").write_text(json.dumps(SCENE))
        lasts = list(two.map(lambda command: lasting(command, folder), COMMANDS))
        ends = list(two.map(lambda number: end(number, given.seed, folder, lasts), range(given.ends)))
        before = len(left(folder))
        assert started(COMMANDS[0], folder, "next").wait(120) == 0
        return 0 if report(ends, before, left(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
