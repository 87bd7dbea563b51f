"""Scenes, links and formulas with faults: `python benchmarks/mutations.py [--count N] [--seed S]`, all in one process.

Each is a whole one with a few letters changed, cut, doubled or taken from another, and goes through the command `check`.
Every answer must be yes or one sentence with exit code 2; what is not is printed, and can be had again by its seed.
"""

import argparse
import contextlib
import io
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from app.__main__ import main as command  # noqa: E402
from app.scene import from_data, to_json, to_link  # noqa: E402
from app.scene.files import to_toml  # noqa: E402
from landscapes import LANDSCAPES  # noqa: E402

RUNS = [{"label": "a", "learning_rate": 0.1, "weight_decay": 0.1}, {"label": "b", "twin_of": "a"}]
DATA = [
    {"landscape": "five_wells", "steps": 5, "runs": RUNS, "starts": [[1.0, 0.5]], "view": {"window": [-1, 1, -1, 1]}},
    {"formula": "x^2 + 3*y^2", "steps": 9, "runs": [{"rule": "adam", "b1": 0.9}], "title": "κ", "arithmetic": "float32"},
    {"landscape": "quotient", "steps": 20, "chart": {"kind": "orbits", "kept": 5}, "seed": 3},
    {"landscape": "quotient", "steps": 20, "runs": RUNS[:1], "chart": {"kind": "atlas", "statistic": "lyapunov"}},
]
ALPHABET = "0123456789.,:;=-+*/^()[]{}<>\"'\\ \n\t\0eExyκ２٣½\ud800\U0001fbff_#&?%"
WORDS = ["nan", "inf", "-1", "1e999", "9" * 5000, "[" * 400, "(" * 99, "true", "null", "\\ud800", "0x1", "__", "x" * 500]


def whole() -> list[tuple[str, str]]:
    """Kind and text: a scene in its three forms, or a formula."""
    scenes = [from_data(data) for data in DATA]
    texts = [("scene", form(scene)) for scene in scenes for form in (to_json, to_toml, lambda s: to_link(s, "http://a/"))]
    return texts + [("formula", each.formula) for each in LANDSCAPES.values() if each.formula]


def mutated(text: str, other: str, chance: random.Random) -> str:
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        upto = min(len(text), at + chance.choice((0, 1, 1, 3, 20)))
        new = (chance.choice(ALPHABET), chance.choice(WORDS), "", text[at:upto] * 2, other[at:upto])
        text = text[:at] + chance.choice(new) + text[upto:]
    return text


def told(kind: str, text: str, file: Path) -> tuple[int, str]:
    """Exit code and words of `zoomout check`."""
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            command(["check", f"--formula={text}"] if kind == "formula" else ["check", str(file)])
        except SystemExit as end:
            return int(end.code or 0), out.getvalue()


def wrong(code: int, words: str) -> bool:
    return code not in (0, 2) or "Traceback" in words or "went wrong inside" in words or words.count("\n") > 1


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=20_000)
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    texts, codes, found, begun = whole(), Counter[tuple[str, int]](), 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.count):
            chance = random.Random(f"{given.seed} {number}")
            (kind, text), (_, other) = chance.choice(texts), chance.choice(texts)
            code, words = told(kind, text := mutated(text, other, chance), Path(folder) / "scene")
            codes[kind, code] += 1
            if wrong(code, words):
                found += 1
                print(f"{number} {kind} {code}: {text[:200]!r}: {words[:300]!r}")
    print(f"{given.count} in {time.monotonic() - begun:.0f} s: {dict(sorted(codes.items()))}, {found} wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
