"""The stories that come with zoomout, in their order; a number before a file's name is no part of the story's."""

from pathlib import Path
from typing import Any

from app.scene import SceneError
from app.scene.spelling import perhaps

FOLDER = Path(__file__).parent
STORY = "story:"
"""how the name of a story begins where a file is expected"""


def files() -> dict[str, Path]:
    """The files of the shelf by the names of their stories."""
    return {file.stem.partition("-")[2]: file for file in sorted(FOLDER.glob("*.md"))}


def file_of(source: str) -> Path:
    """The file of a story from its path or, after `story:`, from its name."""
    if not source.startswith(STORY):
        return Path(source.replace("\0", "�"))
    found, name = files(), source.removeprefix(STORY)
    if name not in found:
        hint = perhaps(name[:64], found) or "`zoomout list stories` names them"
        raise SceneError("story", f"There is no story called {name[:40]!r}; {hint}.")
    return found[name]


def entries() -> list[dict[str, Any]]:
    """Every story of the shelf as plain data, from its head alone."""
    from app.story.story import head

    return [{"name": name, **head(file.read_text("utf-8"))} for name, file in files().items()]
