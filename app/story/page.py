"""A story as one file of HTML: an article to scroll, a lecture to step through, an exercise; offline, with no server.

What the author wrote is text, MathML and data; a content security policy lets nothing run or load but the page's own script
and style, which it knows by their hashes.
"""

import base64
import html
import json
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from app.answer.result import Result, simulate
from app.picture.look import THEMES, Theme
from app.picture.picture import Picture, picture
from app.stage.frame import frame
from app.story.posters import moment, poster, scene_of, size_of, words
from app.story.questions import Question
from app.story.story import Stop, Story
from app.wire.bundle import bundled
from app.wire.embed import hashed, squeezed

HERE = Path(__file__).parent
UNTOLD = "How it goes on is asked below."
"""what is said of a picture to those who do not see it, while its question is open"""

COLOURS = """
{open}
  --st-background-color: {theme.background};
  --st-text-color: {theme.text};
  --st-primary-color: {theme.accent};
  --st-secondary-background-color: {theme.soft};
  --muted: {theme.muted};
  --line: {theme.line};
  color-scheme: {theme.name};
{close}
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{sentence}">
<meta name="author" content="{author}">
<style>{style}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
{lead}<button type="button" class="button begin" title="Lecture (P)">Give it as a lecture</button>
<nav aria-label="Contents"><ol>
{contents}</ol></nav>
</header>
{stops}<footer>
{foot}</footer>
</main>
<script id="story" type="application/json">{data}</script>
{frames}<script type="module">{script}</script>
</body>
</html>
"""


def page(story: Story) -> str:
    """The story's file as text."""
    style, script = _style(), _script()
    policy = (
        f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    frames: dict[bytes, str] = {}
    told = [_stop_data(stop, frames) for stop in story.stops]
    return PAGE.format(
        policy=policy,
        title=html.escape(story.title),
        sentence=html.escape(story.sentence),
        author=html.escape(story.author),
        style=style,
        lead="".join(
            f'<p class="{name}">{html.escape(text)}</p>\n'
            for name, text in (("sentence", story.sentence), ("author", story.author))
            if text
        ),
        contents="".join(
            f'<li><a href="#stop-{number}">{html.escape(stop.title)}</a></li>\n'
            for number, stop in enumerate(story.stops, 1)
        ),
        stops="".join(_stop(number, stop) for number, stop in enumerate(story.stops, 1)),
        foot=_foot(story),
        data=json.dumps({"title": story.title, "stops": told}, ensure_ascii=False).replace("<", "\\u003c"),
        frames="".join(f'<script id="{name}" type="text/plain">{_packed(data)}</script>\n' for data, name in frames.items()),
        script=script,
    )


def _stop(number: int, stop: Stop) -> str:
    pieces = [
        f'<section class="stop" id="stop-{number}" aria-labelledby="title-{number}">\n',
        f'<h2 id="title-{number}">{html.escape(stop.title)}</h2>\n',
        _text(stop.before),
        _figure(stop) if stop.own else "",
        _text(stop.below),
    ]
    if stop.asked:
        pieces.append(
            f'<div class="asked">\n<div class="question">{stop.asked.html}{_options(stop.asked.question)}</div>\n'
            f'<details class="answer"><summary>Reveal</summary>\n<div>{stop.asked.answer}</div></details>\n</div>\n'
        )
    pieces.append(_text(stop.after))
    pieces.append(f'<aside class="notes" aria-label="Notes" hidden>{stop.notes}</aside>\n' if stop.notes else "")
    return "".join([*pieces, "</section>\n"])


def _text(made: str) -> str:
    return f'<div class="text">{made}</div>\n' if made else ""


def _options(question: Question) -> str:
    """The options of a choice, for paper and where no script runs."""
    if not question.options:
        return ""
    return f'<ol class="options">{"".join(f"<li>{html.escape(option)}</li>" for option in question.options)}</ol>'


def _figure(stop: Stop) -> str:
    said = words(stop)
    light, dark = (f"data:image/webp;base64,{base64.b64encode(poster(stop, theme)).decode()}" for theme in ("light", "dark"))
    width, height = size_of(stop)
    return (
        f'<figure class="{_shape(stop)}">\n<div class="place"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="{html.escape(said)}" width="{width}" height="{height}"></picture></div>\n'
        f"<figcaption>{html.escape(said)}</figcaption>\n</figure>\n"
    )


def _shape(stop: Stop) -> str:
    """How much room a figure asks for."""
    scene = stop.shown.scene
    if scene.chart is not None:
        return "chart"
    panels = len(picture(simulate(scene)).panels)
    return "one" if panels == 1 else "many"


def _stop_data(stop: Stop, frames: dict[bytes, str]) -> dict[str, Any]:
    """What the page's script knows of a stop; the same frame travels once."""
    if not stop.own or stop.shown.scene.chart is not None:
        name = None
    else:
        seen = _untold(stop) if stop.asked else picture(simulate(stop.shown.scene))
        name = frames.setdefault(frame(seen, key="story", autoplay=False), f"frame-{len(frames)}")
    asked = stop.asked and {
        name: value for name, value in stop.asked.question._asdict().items() if name not in ("line", "text")
    }
    at = stop.shown.at if stop.shown else None
    return {
        "frame": name, "at": at, "play": bool(stop.shown and stop.shown.play),
        "poster": moment(stop) if name else None, "controls": stop.shown.controls if stop.shown else (), "question": asked,
    }  # fmt: skip


def _untold(stop: Stop) -> Picture:
    """The picture of a figure at which something is asked, without what it would say of the end beforehand."""
    done = simulate(stop.shown.scene)
    runs = (run._replace(paths=tuple(replace(path, horizon=None) for path in run.paths)) for run in done.runs)
    return picture(Result(scene_of(stop), tuple(runs)))._replace(summary=UNTOLD)


def _foot(story: Story) -> str:
    sources = "".join(f"<li>{html.escape(source)}</li>\n" for source in story.sources)
    made = f"Made with zoomout. {html.escape(story.licence)}".strip()
    return (f"<h2>Sources</h2>\n<ul>\n{sources}</ul>\n" if sources else "") + f"<p>{made}</p>\n"


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode()


@cache
def _style() -> str:
    light, dark = THEMES["light"], THEMES["dark"]
    colours = _colours(light, ":root {", "}") + _colours(dark, "@media (prefers-color-scheme: dark) { :root {", "} }")
    return colours + squeezed(bundled(HERE / "story.css"))


def _colours(theme: Theme, begin: str, end: str) -> str:
    return COLOURS.format(theme=theme, open=begin, close=end)


@cache
def _script() -> str:
    source = squeezed(bundled(HERE / "story.js") + "tell();\n")
    assert "</script" not in source.lower()
    return source
