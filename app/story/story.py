"""A story: a text split into stops, each with its scene, its question and its notes. To read one is to check it."""

from pathlib import Path
from typing import Any, NamedTuple

from markdown_it.token import Token

from app.scene import SceneError, to_data
from app.scene.changes import difference
from app.scene.spelling import perhaps
from app.story.error import StoryError, in_line, lines_of, table
from app.story.markup import Writer, plain, tokens
from app.story.numbers import value
from app.story.questions import Question, question_of
from app.story.scenes import Shown, scene_of

MAX_FILE, MAX_STOPS = 200_000, 40
"""letters and stops of a story"""
BLOCKS = ("scene", "question", "answer", "notes")
ABOUT = ("title", "author", "licence", "sources", "sentence")
FENCE = "+++"


class Asked(NamedTuple):
    question: Question
    html: str
    answer: str
    """HTML, too"""


class Stop(NamedTuple):
    line: int
    title: str
    before: str
    """HTML above the figure, the title left out"""
    below: str
    """and below it"""
    after: str
    """and after its question"""
    shown: Shown | None
    """its own scene, or the one it goes on with"""
    own: bool
    """whether the scene stands here"""
    asked: Asked | None
    notes: str


class Story(NamedTuple):
    title: str
    author: str
    sentence: str
    licence: str
    sources: tuple[str, ...]
    stops: tuple[Stop, ...]

    def changes(self) -> list[dict[str, Any]]:
        """What each stop's scene changes in the one before, and so what going back undoes."""
        scenes = [to_data(stop.shown.scene) if stop.shown else {} for stop in self.stops]
        return [difference(a, b) for a, b in zip([{}, *scenes], scenes, strict=False)]


def load(path: Path) -> Story:
    """The story in a file; what it names lies beside it."""
    try:
        with path.open("rb") as file:
            content = file.read(4 * MAX_FILE + 1)
    except OSError as error:
        reason = (error.strerror or "no such file").lower()
        raise SceneError("file", f"The story {path.name!r} cannot be read: {reason}.") from None
    try:
        return read(content.decode("utf-8-sig"), path.parent)
    except UnicodeDecodeError:
        raise SceneError("file", f"{path.name} is not a text file; a story is Markdown.") from None


def head(text: str) -> dict[str, Any]:
    """What a story says of itself, without its scenes."""
    about, _ = _about(text)
    return about | {"sources": list(about["sources"])}


def read(text: str, folder: Path | None = None) -> Story:
    """The story in a text, with every scene accepted and every number computed, or `StoryError` with the line."""
    if len(text) > MAX_FILE:
        raise SceneError("too_large", f"A story has at most {MAX_FILE // 1000} thousand letters.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    about, body = _about(text)
    parts = _split(tokens(body))
    if len(parts) > MAX_STOPS:
        raise StoryError(_line(parts[MAX_STOPS]), f"A story has at most {MAX_STOPS} stops; this one has {len(parts)}.")
    stops: list[Stop] = []
    for part in parts:
        stops.append(_stop(part, stops[-1].shown if stops else None, folder))
    return Story(stops=tuple(stops), **about)


def _about(text: str) -> tuple[dict[str, Any], str]:
    """The fields between two lines of +++, and the text with empty lines in their place: lines keep their numbers."""
    head, lines = {}, text.split("\n")
    if lines[0].strip() == FENCE:
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == FENCE), None)
        if end is None:
            raise StoryError(1, "The story's head begins with +++ and does not end; close it with a line of +++.")
        head = table("\n".join(lines[1:end]), 2)
        there = lines_of("\n".join(lines[1:end]), 2)
        for name, given in head.items():
            if name not in ABOUT:
                hint = perhaps(name, ABOUT) or f"there are {', '.join(ABOUT)}"
                raise StoryError(there.get(name, 2), f"A story's head has no field called {name[:40]!r}; {hint}.")
            kind = list if name == "sources" else str
            if not isinstance(given, kind) or (kind is list and not all(isinstance(each, str) for each in given)):
                wanted = "a list of texts" if kind is list else "a text"
                raise StoryError(there.get(name, 2), f"{name} is {wanted} in quotes.")
        lines[: end + 1] = [""] * (end + 1)
    if not head.get("title"):
        raise StoryError(1, 'A story begins with its head: a line +++, a line title = "…", and a line +++.')
    known = {name: head.get(name, "") for name in ABOUT} | {"sources": tuple(head.get("sources", ()))}
    return known, "\n".join(lines)


def _split(found: list[Token]) -> list[list[Token]]:
    """The tokens of each stop; what a --- follows or begins with is no stop of its own."""
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.type == "hr" and token.level == 0 and token.markup.startswith("-"):
            parts.append([])
        else:
            parts[-1].append(token)
    kept = [part for part in parts if part]
    if not kept:
        raise StoryError(1, "This story has no stops yet; write a heading and a scene.")
    return kept


def _line(part: list[Token]) -> int:
    return next(token.map[0] + 1 for token in part if token.map)


def _stop(part: list[Token], before: Shown | None, folder: Path | None) -> Stop:
    line, heading = _line(part), part[0]
    if heading.type != "heading_open":
        raise StoryError(line, "A stop begins with its heading: a line with # and a few words.")
    blocks, prose = _blocks(part[3:])
    shown, own, writer = before, "scene" in blocks, Writer(folder)
    if own:
        token, at = blocks["scene"]
        with in_line(at, lines_of(token.content, at + 1)):
            shown = scene_of(table(token.content, at + 1), before.scene if before else None, folder)

    def words(text: str) -> str:
        if shown is None:
            raise SceneError("number", "A number is computed from a scene; none stands in or before this stop.")
        return value(shown.scene, text)[1]

    above, below, after = (writer.html(each, words) for each in prose)
    return Stop(
        line, plain(part[1].children or []), above, below, after, shown, own, _asked(blocks, shown, own, writer, words),
        _written(blocks, "notes", writer, words),
    )  # fmt: skip


def _blocks(found: list[Token]) -> tuple[dict[str, tuple[Token, int]], tuple[list[Token], ...]]:
    """The stop's blocks with their lines, and the tokens above its scene, below it, and after its question."""
    blocks: dict[str, tuple[Token, int]] = {}
    prose: tuple[list[Token], ...] = ([], [], [])
    for token in found:
        name = token.info.split()[0] if token.type == "fence" and token.info.strip() else ""
        if name not in BLOCKS:
            if name and (near := perhaps(name, BLOCKS)):
                raise StoryError(token.map[0] + 1, f"There is no block called {name[:40]!r}; {near}.")
            prose[2 if "question" in blocks else "scene" in blocks].append(token)
            continue
        line = token.map[0] + 1
        if token.level:
            raise StoryError(line, f"A {name} stands on its own, not inside a list or a quotation.")
        if name in blocks:
            raise StoryError(line, f"A stop has one {name}; begin another stop with --- for the next.")
        if token.map[1] - token.map[0] < token.content.count("\n") + 2:
            raise StoryError(line, f"This {name} does not end; close it with ``` on a line of its own.")
        blocks[name] = token, line
    return blocks, prose


def _asked(blocks: dict[str, tuple[Token, int]], shown: Shown | None, own: bool, writer: Writer, words: Any) -> Asked | None:
    if "question" not in blocks:
        if "answer" in blocks:
            raise StoryError(blocks["answer"][1], "An answer stands here without a question; write a question above it.")
        return None
    token, line = blocks["question"]
    if "answer" not in blocks:
        raise StoryError(line, "This question has no answer; write an answer block below it.")
    question = question_of(token.content, line + 1, shown)
    if not own and question.kind in ("place", "angle"):
        raise StoryError(line, f"A question for a {question.kind} needs a scene in its own stop, on which it is marked.")
    return Asked(question, writer.text(question.text, words, line), _written(blocks, "answer", writer, words))


def _written(blocks: dict[str, tuple[Token, int]], name: str, writer: Writer, words: Any) -> str:
    if name not in blocks:
        return ""
    token, line = blocks[name]
    return writer.text(token.content, words, line)
