"""A scene from a file of TOML or JSON, and back."""

import json
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from app.scene.data import from_data, from_preset, parsed, to_data
from app.scene.error import SceneError
from app.scene.links import from_link
from app.scene.schema import Scene
from app.scene.table import columns

MAX_FILE = 1_000_000
PRESET = "preset:"
"""how the name of a preset begins where a file is expected"""
WIDE = 100
"""letters in a line of a written file"""


def read(text: str, beside: Path | None = None) -> Scene:
    """A scene from TOML, JSON or a link; `beside` is the folder in which a file that holds its data is looked for."""
    if len(text.encode("utf-8", "replace")) > MAX_FILE:
        raise SceneError("too_large", "A scene file has at most one megabyte.")
    stripped = text.lstrip("\ufeff \t\r\n")
    if link := link_in(text):
        return from_link(link)
    if stripped.startswith("{"):
        return from_data(_with_data(parsed(stripped), beside))
    try:
        return from_data(_with_data(tomllib.loads(text), beside))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, SceneError):
            raise
        reason = "it holds a number that is too long" if "digits" in str(error) else str(error).rstrip(".")
        raise SceneError("syntax", f"This is neither TOML nor JSON: {reason}."[:300]) from None


def _with_data(data: Any, beside: Path | None) -> Any:
    """A scene's plain data in which the name of a file of data, `data = "points.csv"`, has become its columns."""
    name = data.get("data") if isinstance(data, dict) else None
    if not isinstance(name, str):
        return data
    if beside is None:
        raise SceneError("data", "The data stand in another file: open the scene's own file, or write the columns here.")
    try:
        with (beside / name.replace("\0", "�")).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        why = (error.strerror or "no such file").lower()
        raise SceneError("data", f"The data {name[:60]!r} cannot be read: {why}.") from None
    if len(content) > MAX_FILE:
        raise SceneError("too_large", "A file of data has at most one megabyte.")
    return data | {"data": columns(content.decode("utf-8", "replace"))}


def link_in(text: str) -> str | None:
    """The link that a text is, as mail and chat hand it on: in brackets, before a full stop, with & written &amp;."""
    found = re.fullmatch(r"[\s<(\[\"'“]*((?:https?://|\?)[^\s<>\"']*?)[>)\]\"'”.,;!\s]*", text.replace("&amp;", "&"))
    return found and found[1]


def load(source: str) -> Scene:
    """A scene from the path of a file, from a link, or from the name of a preset: `preset:kicked`."""
    if source.startswith(PRESET):
        return from_preset(source.removeprefix(PRESET))
    if link := link_in(source):
        return from_link(link)
    path = Path(source.replace("\0", "�"))
    try:
        with path.open("rb") as file:
            return read_bytes(file.read(MAX_FILE + 1), path.name, path.parent)
    except OSError as error:
        raise SceneError(
            "file", f"The scene {path.name!r} cannot be read: {(error.strerror or 'no such file').lower()}."
        ) from None


def read_bytes(content: bytes, name: str, beside: Path | None = None) -> Scene:
    """A scene from the first bytes of a file (at most one more than it may have)."""
    if len(content) > MAX_FILE:
        raise SceneError("too_large", "A scene file has at most one megabyte.")
    try:
        return read(content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"), beside)
    except UnicodeDecodeError:
        raise SceneError("syntax", f"{name} is not a text file; a scene is TOML or JSON.") from None


def to_json(scene: Scene) -> str:
    return json.dumps(to_data(scene), indent=2, ensure_ascii=False)


def to_toml(scene: Scene) -> str:
    import tomli_w

    return compact(tomli_w.dumps(to_data(scene)))


_ARRAY = re.compile(r"\[\n((?: +[^ \n][^\n]*[^\n{\[],\n| +\d,\n)+) *\]")
"""a list of numbers, of words or of such lists in one line each, as it is written over many lines"""


def compact(toml: str) -> str:
    """TOML whose lists of numbers fill their lines, so that a person can read them."""
    for _ in range(2):  # the inner lists, then those that hold them
        toml = _ARRAY.sub(_filled, toml)
    return toml


def _filled(found: re.Match[str]) -> str:
    items = [line.strip() for line in found[1].splitlines()]
    if any("{" in item for item in items):
        return found[0]
    line = " ".join(items).removesuffix(",")
    if len(line) <= WIDE or '"' in line:  # a text may hold a space at which no line ends
        return f"[{line}]"
    filled = textwrap.fill(line, WIDE, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"[\n{filled},\n]"
