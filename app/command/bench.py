"""`zoomout bench`: the benchmarks that come with the source, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


class NoBenchmarks(ValueError):
    code, column = "benchmarks", None
    message = "The benchmarks come with zoomout's source, not with an installed copy; run this command in a checkout."


def run(as_json: bool, quick: bool) -> int:
    """The exit code of benchmarks/engine.py, which prints what it found."""
    script = BENCHMARKS / "engine.py"
    if not script.exists():
        raise NoBenchmarks(NoBenchmarks.message)
    options = [*(["--json"] if as_json else []), *(["--quick"] if quick else [])]
    return subprocess.run([sys.executable, "-P", str(script), *options], env=_environment()).returncode


def _environment() -> dict[str, str]:
    paths = [str(BENCHMARKS.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
