"""Markdown to HTML in which everything that somebody wrote is text: markdown-it reads, and nothing else gets through."""

import base64
import html
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from app.scene import SceneError
from app.story.error import StoryError
from app.story.scenes import beside

IMAGES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
MAX_IMAGE, MAX_SIDE = 1_000_000, 4096
"""bytes and pixels of an image beside a story"""

Words = Callable[[str], str]
"""what a number in braces becomes"""


def _number(state: StateInline, silent: bool) -> bool:
    """The markdown rule for a number in braces."""
    found = re.compile(r"\{([^{}]*)\}", re.DOTALL).match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        token = state.push("number", "", 0)
        token.content = " ".join(found[1].split())
        token.meta = {"below": state.src.count("\n", 0, state.pos)}
    state.pos = found.end()
    return True


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("lheading")  # --- under a line ends a stop
    reader.use(dollarmath_plugin, allow_space=True, double_inline=True)
    reader.inline.ruler.before("escape", "number", _number)
    return reader


READER = _reader()


def tokens(text: str) -> list[Token]:
    return READER.parse(text)


class Writer:
    """Tokens to HTML for one story: with what its numbers say, and the images beside it."""

    def __init__(self, folder: Path | None):
        self.folder, self.line = folder, 1

    def html(self, found: Sequence[Token], words: Words, offset: int = 0) -> str:
        """`offset` is how many lines of the story stand above the text from which the tokens come."""
        self.words, self.offset = words, offset
        pieces = []
        for token in found:
            if token.map:
                self.line = token.map[0] + 1 + offset
            pieces.append(self._inline(token.children or []) if token.type == "inline" else self._block(token))
        return "".join(pieces)

    def text(self, markdown: str, words: Words, offset: int) -> str:
        return self.html(tokens(markdown), words, offset)

    def _block(self, token: Token) -> str:
        match token.type:
            case "heading_open" | "heading_close":
                level = min(int(token.tag[1]) + 1, 6)
                return f"<{'/' if token.nesting < 0 else ''}h{level}>" + "\n" * (token.nesting < 0)
            case "math_block" | "math_block_label" | "amsmath":
                return f'<div class="formula">{self._math(token.content, True)}</div>\n'
            case "fence" | "code_block":
                return f'<pre tabindex="0"><code>{html.escape(token.content)}</code></pre>\n'
            case "table_open":
                return '<div class="table" tabindex="0"><table>\n'
            case "table_close":
                return "</table></div>\n"
        if token.hidden:
            return ""
        if token.nesting == 0:
            return f"<{token.tag}>\n"
        start = token.attrGet("start") if token.type == "ordered_list_open" else None
        aligned = re.search(r"text-align:(\w+)", str(token.attrGet("style") or ""))
        more = (f' start="{int(start)}"' if start else "") + (f' class="{aligned[1]}"' if aligned else "")
        return f"<{'/' if token.nesting < 0 else ''}{token.tag}{more}>" + "\n" * (token.nesting < 0)

    def _inline(self, children: Sequence[Token]) -> str:
        return "".join(map(self._span, children))

    def _span(self, token: Token) -> str:
        match token.type:
            case "text":
                return html.escape(token.content, quote=False)
            case "softbreak":
                return "\n"
            case "hardbreak":
                return "<br>\n"
            case "code_inline":
                return f"<code>{html.escape(token.content)}</code>"
            case "math_inline":
                return self._math(token.content, False)
            case "math_inline_double":
                return f'<span class="formula">{self._math(token.content, True)}</span>'
            case "number":
                self.line += token.meta["below"]
                try:
                    return f'<span class="number">{html.escape(self.words(token.content))}</span>'
                except SceneError as error:
                    raise StoryError(self.line, error.message) from None
                finally:
                    self.line -= token.meta["below"]
            case "image":
                return self._image(token)
            case "link_open":
                return f'<a href="{html.escape(str(token.attrGet("href")))}" rel="noopener noreferrer">'
        return f"<{'/' if token.nesting < 0 else ''}{token.tag}>"

    def _math(self, latex: str, block: bool) -> str:
        try:
            return mathml(latex, block)
        except SceneError as error:
            raise StoryError(self.line, error.message) from None

    def _image(self, token: Token) -> str:
        name = str(token.attrGet("src") or "")
        if re.match(r"[a-zA-Z][\w+.-]*:|//", name):
            raise StoryError(self.line, f"An image lies beside the story; {name[:60]!r} would be loaded from elsewhere.")
        try:
            kind, content = image(beside(name, self.folder))
        except SceneError as error:
            raise StoryError(self.line, error.message) from None
        data = base64.b64encode(content).decode()
        return f'<img src="data:{kind};base64,{data}" alt="{html.escape(token.content)}">'


def image(file: Path) -> tuple[str, bytes]:
    """An image's kind and bytes; what is none, or too large, is refused."""
    from PIL import Image

    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_IMAGE + 1)
    except OSError:
        raise SceneError("image", f"There is no image called {file.name[:80]!r} beside the story.") from None
    if len(content) > MAX_IMAGE:
        raise SceneError("image", f"The image {file.name[:80]} has more than {MAX_IMAGE / 1e6:.0f} MB; make it smaller.")
    try:
        with Image.open(io.BytesIO(content), formats=tuple(IMAGES)) as opened:
            kind, size = opened.format, opened.size
    except (OSError, ValueError, Image.DecompressionBombError):
        raise SceneError("image", f"{file.name[:80]} is no image of the kinds {', '.join(IMAGES)}.") from None
    if max(size) > MAX_SIDE:
        wide = f"{size[0]}×{size[1]}"
        raise SceneError("image", f"The image {file.name[:80]} is {wide}; a side has at most {MAX_SIDE} pixels.")
    return IMAGES[kind], content


PARTS = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3, "mroot": 2}
"""how many parts an element of MathML has; one that lacks some is broken LaTeX that was let through"""
MATHML = "{http://www.w3.org/1998/Math/MathML}"


def mathml(latex: str, block: bool) -> str:
    """LaTeX as MathML, or one sentence with what is wrong with it."""
    shown = " ".join(latex.split())[:60]
    try:
        made = convert(latex, display="block" if block else "inline")
        tree = ElementTree.fromstring(made)
    except Exception as error:  # the library raises what it stumbles over
        reason = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
        raise SceneError("math", f"The formula {shown!r} cannot be read ({reason}); is a brace missing?") from None
    for node in tree.iter():
        tag = node.tag.removeprefix(MATHML)
        if tag in PARTS and len(node) != PARTS[tag]:
            raise SceneError("math", f"The formula {shown!r} is not complete; is a part or a brace missing?")
        if found := re.search(r"\\[a-zA-Z]*|&", node.text or ""):
            raise SceneError("math", f"The formula {shown!r} holds {found[0]!r}, which is not known here.")
    return re.sub(r' (?:style|xmlns)="[^"]*"', "", made)  # a page whose styles are known by their hashes allows none here


def plain(found: Sequence[Token]) -> str:
    """The words of an inline token without its marks."""
    return "".join(
        plain(token.children) if token.children else token.content if token.type != "softbreak" else " " for token in found
    ).strip()
