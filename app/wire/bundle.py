"""Scripts and styles in one piece: a component arrives without files beside it, so what it imports comes inside it."""

import re
from functools import cache
from pathlib import Path

IMPORT = re.compile(r'^(?:import\s*\{[^}]*\}\s*from|@import)\s*"(\.[^"]*)";\n', re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
"""lines that are a comment and nothing else"""


@cache
def bundled(file: Path) -> str:
    """A file's text with each file that it imports, once, in the place of an import; so no two scripts may share a name.

    What is written for who reads the source stays at home.
    """
    there: set[Path] = set()

    def text(file: Path) -> str:
        if file in there:
            return ""
        there.add(file)
        return IMPORT.sub(lambda found: text((file.parent / found[1]).resolve()), file.read_text("utf-8"))

    return COMMENT.sub("", text(file.resolve()))
