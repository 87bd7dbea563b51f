"""Scripts for the page in one piece: a component arrives without files beside it, so what it imports comes inside it."""

import re
from functools import cache
from pathlib import Path

IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"(\.[^"]*)";\n', re.MULTILINE)


@cache
def bundled(script: Path) -> str:
    """A script's text with each file that it imports in the place of the import, so no two of them may share a name."""
    return IMPORT.sub(lambda found: bundled(script.parent / found[1]), script.read_text("utf-8"))
