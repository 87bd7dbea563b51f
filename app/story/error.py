"""Why a story is refused, and in which line."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.scene import SceneError


class StoryError(SceneError):
    """One sentence that begins with the line."""

    def __init__(self, line: int, message: str):
        super().__init__("story", f"Line {line}: {message}")
        self.line = line


@contextmanager
def in_line(line: int, fields: dict[str, int] | None = None) -> Iterator[None]:
    """What is refused in here is refused in this line, or in that of the field which the sentence names."""
    try:
        yield
    except StoryError:
        raise
    except SceneError as error:
        named = (there for name, there in (fields or {}).items() if name in error.message)
        raise StoryError(next(named, line), error.message) from None


def table(text: str, line: int) -> dict[str, Any]:
    """A block's TOML, whose first line is `line` of the story."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason, _, place = str(error).partition(" (at ")
        number = place.removeprefix("line ").partition(",")[0]
        there = line + int(number) - 1 if number.isdigit() else line + text.rstrip("\n").count("\n")
        raise StoryError(there, f"This is not TOML: {reason[:120].rstrip('.')}.") from None


def lines_of(text: str, line: int) -> dict[str, int]:
    """In which lines a block's fields, and the places of its change, stand."""
    found: dict[str, int] = {}
    for number, each in enumerate(text.splitlines(), line):
        for part in each.replace("{", ",").split(","):
            name = part.partition("=")[0].strip().strip('"')
            if "=" in part and name:
                found.setdefault(name, number)
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))
