"""The exported page: one file, no network, small, and nothing in it runs that the stage did not bring."""

import base64
import hashlib
import re
import tomllib
import zlib

import pytest

from app import embed
from app.embed import HERE, squeezed
from app.picture import Picture, picture
from app.result import simulate
from app.scene import Run, Scene
from app.stage.frame import frame
from app.theme import THEMES

RUNS = (Run(label="weight decay", learning_rate=0.3, weight_decay=0.25), Run(label="growing rate", twin_of="weight decay"))
NASTY = "</title><script>window.pwned = 1</script><img src=x onerror='pwned()'>"


def pictured(**scene):
    return picture(simulate(Scene(landscape="five_wells", **{"runs": RUNS, "steps": 40} | scene)))


def page(seen: Picture, theme: str = "light") -> str:
    return embed.page("stage", seen.scene.title, seen.summary, frame(seen, key="page"), theme)


@pytest.fixture(scope="module")
def text():
    return page(pictured(title=NASTY))


def test_two_panels_of_two_thousand_steps_fit_in_250_kilobytes():
    size = len(page(pictured(steps=2000)).encode())
    print(f"two panels, 2000 steps: {size / 1000:.0f} kB")
    assert size <= 250_000


def test_a_page_carries_the_frame_exactly(text):
    data = re.search(r'<script id="data" type="text/plain">([^<]*)</script>', text)[1]
    assert zlib.decompress(base64.b64decode(data)) == frame(pictured(title=NASTY), key="page")


def test_a_page_asks_no_other_host_for_anything(text):
    assert set(re.findall(r"https?://[^\"'\s]*", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"<(?:link|iframe|img|object|embed)\b|\bsrc=|@import|\bimport\s*\(|\bfetch\s*\(|XMLHttpRequest|WebSocket",
        text.replace(_escaped(), ""),
    )


def _escaped():
    import html

    return html.escape(NASTY)


def test_the_policy_allows_exactly_the_page_s_own_script_and_style(text):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for kind, pattern in (("script", r'<script type="module">(.*?)</script>'), ("style", r"<style>(.*?)</style>")):
        (source,) = re.findall(pattern, text, re.S)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_a_title_is_text_and_nothing_else(text):
    assert text.count(_escaped()) == 2
    assert "<script>window" not in text and "<img" not in text


def test_labels_travel_as_data_only():
    labelled = (RUNS[0], Run(label=NASTY, twin_of="weight decay"))
    assert NASTY not in page(pictured(runs=labelled))


def test_squeezing_drops_comments_and_indentation_and_nothing_else():
    for name in ("stage.js", "stage.css"):
        source = (HERE / "stage" / name).read_text("utf-8")
        small = squeezed(source)
        assert len(small) < len(source)
        written = {line.strip() for line in source.splitlines()}
        assert set(small.splitlines()) <= written
        dropped = written - set(small.splitlines()) - {""}
        assert all(re.match(r"/\*|\*|//", line) for line in dropped)


def test_a_source_with_a_text_over_several_lines_is_left_alone():
    source = "const a = `one\n   two`;\n  // kept\n"
    assert squeezed(source) == source


def test_page_and_app_have_the_same_two_themes():
    configured = tomllib.loads((HERE / ".streamlit" / "config.toml").read_text())["theme"]
    for name, theme in THEMES.items():
        colours = configured[name]
        assert (theme.background, theme.text, theme.accent) == (
            colours["backgroundColor"],
            colours["textColor"],
            colours["primaryColor"],
        )
        assert theme.background in page(pictured(), name)
