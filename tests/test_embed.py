"""The exported page: one file, no network, small, and nothing in it runs that the stage did not bring."""

import base64
import hashlib
import json
import re
import struct
import tomllib
import zlib

import numpy as np
import pytest
from msgspec.structs import replace

from app.answer.result import simulate
from app.picture.look import THEMES
from app.picture.picture import Picture, picture
from app.scene import Run, Scene, View
from app.stage.frame import frame
from app.wire import embed
from app.wire.embed import HERE, squeezed

RUNS = (Run(label="weight decay", learning_rate=0.3, weight_decay=0.25), Run(label="growing rate", twin_of="weight decay"))
NASTY = "</title><script>window.pwned = 1</script><img src=x onerror='pwned()'>"


def pictured(**scene):
    return picture(simulate(Scene(landscape="five_wells", **{"runs": RUNS, "steps": 40} | scene)))


def unpacked(content: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """A frame's header and arrays, read by its description and not by the product."""
    length = struct.unpack("<I", content[4:8])[0]
    header = json.loads(content[8 : 8 + length])
    arrays = {
        name: np.frombuffer(content, "<" + each["dtype"], int(np.prod(each["shape"])), 8 + length + each["offset"])
        for name, each in header["arrays"].items()
    }
    return header, arrays


def page(seen: Picture, theme: str = "light") -> str:
    return embed.page("stage", seen.scene, seen.summary, frame(seen, key="page"), theme)


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
        written = [line.strip() for line in source.splitlines() if line.strip()]
        kept = iter(small.splitlines())
        now = next(kept)
        for line in written:  # in their order: a line, a line without its remark, or no line at all
            if line == now or line.startswith(f"{now} // "):
                now = next(kept, None)
            else:
                assert re.match(r"/\*|\*|//|.*\*/$", line), line
        assert now is None


def test_what_looks_like_a_comment_in_a_text_is_kept():
    source = 'const a = "http: // no comment";\nb(); // one, don\'t\nc("x"); // two\n'
    assert squeezed(source) == 'const a = "http: // no comment";\nb();\nc("x");\n'


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


FAR = Scene(
    formula="(x-300)^2+3*(y+300)^2", steps=60, starts=((300.0003, -299.9996),), runs=(Run(learning_rate=0.05),),
    view=View(window=(299.9995, 300.0005, -300.0005, -299.9995)),
)  # fmt: skip


@pytest.mark.parametrize("view", [FAR.view, View()], ids=["a small window", "the usual window"])
def test_a_descent_far_from_the_origin_travels_as_smooth_as_it_is(view):
    """In float32 a position near 300 is a multiple of 3e-5, a thirtieth of this window."""
    scene = replace(FAR, view=view)
    header, arrays = unpacked(frame(picture(simulate(scene))))
    sent, path = header["runs"][0]["paths"][0], simulate(scene).runs[0].paths[0]
    for name, exact in (("x", path.x), ("y", path.y)):
        assert np.array_equal(arrays[sent[name]], exact)
    norm = next(strip for strip in header["strips"] if "norm" in strip["title"])
    assert len(np.unique(arrays[norm["series"][0]["array"]])) > 30


def test_an_ordinary_path_travels_in_half_the_bytes():
    header, arrays = unpacked(frame(pictured(steps=200)))
    assert arrays[header["runs"][0]["paths"][0]["x"]].dtype == np.float32
