"""A picture as one page of HTML: a component, its style and its data in a file that needs no network and no server.

What the scene's author wrote is only ever text (escaped) or data (packed, in base64); a content security policy lets
nothing run or load but the page's own script and style, which it knows by their hashes.
"""

import base64
import hashlib
import html
import re
import zlib
from functools import cache
from pathlib import Path

from app.picture.look import THEMES, Theme
from app.scene import Scene
from app.wire.bundle import bundled
from app.wire.packing import header

HERE = Path(__file__).parents[1]

START = """
{
  const packed = Uint8Array.from(atob(document.getElementById("data").textContent), (c) => c.charCodeAt(0));
  const bytes = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  mount(document.querySelector("main > div"), {}).update(new Uint8Array(await new Response(bytes).arrayBuffer()));
}
"""
"""after the component's own source, in the same module; nobody answers requests, so nothing asks for what it cannot get"""

FURNITURE = """
:root {{
  color-scheme: {theme.name};
  --st-background-color: {theme.background};
  --st-text-color: {theme.text};
  --st-primary-color: {theme.accent};
  --st-font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}}
body {{ margin: 0 auto; padding: 16px 24px; max-width: 1680px; font: 16px/1.5 var(--st-font); }}
body {{ background: {theme.background}; color: {theme.text}; }}
h1 {{ margin: 0 0 8px; font-size: 22px; line-height: 1.3; }}
.sentence, .caveat, .source {{ margin: 0 0 8px; max-width: 46em; color: {theme.muted}; text-wrap: pretty; }}
.source {{ margin: 8px 0 0; font-size: 13px; }}
main > div:not(:empty) + .summary {{ position: absolute; width: 1px; height: 1px; overflow: hidden; }}
@media (max-width: 640px) {{ body {{ padding: 12px; }} }}
@media (max-height: 560px) {{ body {{ padding: 8px 12px; }} h1, .sentence, .caveat, .source {{ display: none; }} }}
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{summary}">
<style>{style}</style>
</head>
<body>
<main>
{heading}<div class="zoomout-{name}"></div>
<p class="summary">{summary}</p>
{foot}</main>
<script id="data" type="text/plain">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def page(name: str, scene: Scene, summary: str, data: bytes, theme: str = "light") -> str:
    """The page of the component called `name`, as text. It plays from a file, offline; all is alive that asks no server.

    Where its data hold modules the policy lets WebAssembly run, and nothing else: text stays text.
    """
    style, script = _style(name, THEMES[theme]), _script(name)
    runs = " 'wasm-unsafe-eval'" if header(data).get("live") else ""
    policy = (
        f"default-src 'none'; script-src {hashed(script)}{runs}; style-src {hashed(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = html.escape(scene.title)
    said = "".join(f'<p class="{name}">{html.escape(text)}</p>\n' for name, text in _said(scene) if text)
    return PAGE.format(
        name=name,
        policy=policy,
        title=title or "zoomout",
        heading=(f"<h1>{title}</h1>\n" if title else "") + said,
        foot="".join(f'<p class="source">{html.escape(text)}</p>\n' for text in [scene.source] if text),
        summary=html.escape(summary),
        style=style,
        script=script,
        data=base64.b64encode(zlib.compress(data, 9)).decode(),
    )


def _said(scene: Scene) -> tuple[tuple[str, str], ...]:
    return ("sentence", scene.sentence), ("caveat", scene.caveat)


@cache
def _style(name: str, theme: Theme) -> str:
    return FURNITURE.format(theme=theme) + squeezed(bundled(HERE / name / f"{name}.css"))


@cache
def _script(name: str) -> str:
    source = bundled(HERE / name / f"{name}.js") + START
    assert "</script" not in source.lower()
    return squeezed(source)


def hashed(source: str) -> str:
    """A script or style as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def squeezed(source: str) -> str:
    """JavaScript or CSS without indentation and comments; nothing else changes.

    A text that runs over several lines would change with its indentation, so a source that has one stays as it is.
    """
    if any(line.count("`") % 2 for line in source.splitlines()):
        return source
    kept, inside = [], False
    for line in map(str.strip, source.splitlines()):
        opens = not inside and line.startswith("/*")
        comment = inside or opens or line.startswith("//")
        if inside or opens:
            inside = "*/" not in line
            comment = inside or re.fullmatch(r".*\*/", line) is not None
        if line and not comment:
            kept.append(_without_remark(line))
    return "\n".join(kept) + "\n"


def _without_remark(line: str) -> str:
    """A line without the comment at its end, unless that may stand in a text."""
    code, remark, _ = line.partition(" // ")
    return code.rstrip() if remark and not any(code.count(quote) % 2 for quote in "\"'`") else line
