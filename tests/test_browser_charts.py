"""The pages of charts, driven as a visitor drives them."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from browser import CHART, STAGE
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from app import chart as charts
from app.answer.result import simulate
from app.film import render
from app.gallery.presets import Preset, of_page
from app.scene import Atlas, Run, Scene, from_link, to_link
from app.scene.charts import side

ATLAS, CHAOS = of_page("atlas"), of_page("chaos")

PATIENCE = 30_000
SHOWN = [
    (name, preset) for name, presets in (("atlas", ATLAS), ("chaos", CHAOS)) for preset in presets if preset.scene.chart
]
SLOW = Scene(
    landscape="five_wells", runs=(Run(weight_decay=0.25),), steps=3000, arithmetic="float32",
    chart=Atlas(y="start.angle:-3:3", statistic="log_norm"),
)  # fmt: skip
QUICK = Scene(
    landscape="five_wells", runs=(Run(label="decay", weight_decay=0.05),), steps=60, arithmetic="float64",
    chart=Atlas(x="runs.0.learning_rate:log:0.01:0.05", y="start.norm:log:0.5:2", statistic="final_loss"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def quiet(page: Page):
    """Nothing is written to the console as an error, beside Streamlit's own search for its server."""
    errors: list[str] = []
    page.on(
        "console", lambda m: errors.append(m.text) if m.type == "error" and "/_stcore/" not in m.location["url"] else None
    )
    yield
    assert errors == []


def chart(page: Page, expression: str) -> object:
    return page.evaluate(f"() => {{ const root = {CHART}, c = root.__chart, h = c.header; return {expression}; }}")


def until(page: Page, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const root = {CHART}, c = root?.__chart, h = c?.header; return h && ({condition}); }}", timeout=PATIENCE
    )


def open_page(page: Page, url: str, condition: str = "h.plots.length > 0") -> None:
    page.goto(url)
    until(page, condition)


def whole(page: Page, condition: str = "true") -> None:
    until(page, f"!h.more && h.done === 1 && ({condition})")
    page.wait_for_timeout(150)  # until the layout has settled


def spot(page: Page, across: float, up: float, plot: int = 0) -> tuple[float, float]:
    """A place of a plot on the screen, in shares of its sides from the left and from below."""
    page.evaluate(f"() => {CHART}.scrollIntoView({{ block: 'nearest' }})")
    box = chart(page, f"((b) => {{ const p = c.plots()[{plot}]; return [b.x + p.left, b.y + p.top, p.width, p.height]; }})"
                      "(root.getBoundingClientRect())")  # fmt: skip
    return box[0] + across * box[2], box[1] + (1 - up) * box[3]


def stretch(page: Page, first: tuple[float, float], last: tuple[float, float]) -> None:
    """A rubber band from one place to another."""
    page.mouse.move(*spot(page, *first))
    page.mouse.down()
    page.mouse.move(*spot(page, *last), steps=5)
    page.mouse.up()


def axes(page: Page) -> list[float]:
    return chart(page, "[h.plots[0].x.low, h.plots[0].x.high, h.plots[0].y.low, h.plots[0].y.high]")


# ---------------------------------------------------------------------------------------------------------------------
# Atlas


def test_a_map_is_seen_coarse_at_first_and_refines_to_its_end(page: Page, address: str) -> None:
    open_page(page, to_link(SLOW, f"{address}/atlas"), "h.plots[0].raster.columns < 512 && c.stats.draws > 0")
    assert chart(page, "h.more") is True
    whole(page, "h.plots[0].raster.columns === 512")
    expect(page.get_by_role("heading", name="A map of runs")).to_be_visible()
    assert "262 144 runs" in chart(page, "root.textContent").replace("\u202f", " ")


def test_a_rectangle_is_looked_at_more_closely_and_there_are_three_ways_back(page: Page, address: str) -> None:
    open_page(page, to_link(QUICK, f"{address}/atlas"))
    whole(page)
    before = axes(page)
    stretch(page, (0.25, 0.2), (0.5, 0.6))
    whole(page, "h.depth === 1")
    after, (x0, x1, y0, y1) = axes(page), np.log(before)
    wanted = [x0 + 0.25 * (x1 - x0), x0 + 0.5 * (x1 - x0), y0 + 0.2 * (y1 - y0), y0 + 0.6 * (y1 - y0)]
    assert np.log(after) == pytest.approx(wanted, abs=0.02)
    for depth in (2, 3):
        stretch(page, (0.2, 0.2), (0.8, 0.8))
        until(page, f"h.depth === {depth}")
    page.get_by_role("button", name="Back to the window before").click()
    until(page, "h.depth === 2")
    page.mouse.dblclick(*spot(page, 0.5, 0.5))
    until(page, "h.depth === 1")
    assert axes(page) == after
    page.evaluate(f"() => {CHART}.querySelector('.zo-plot').focus()")
    page.keyboard.press("Home")
    until(page, "h.depth === 0")
    assert axes(page) == before


def test_the_card_under_the_pointer_shows_the_run_of_that_pixel(page: Page, address: str) -> None:
    open_page(page, to_link(QUICK, f"{address}/atlas"))
    whole(page)
    page.mouse.move(*spot(page, 0.7, 0.3))
    until(page, "h.card && !root.querySelector('.zo-card').hidden")
    text = chart(page, "root.querySelector('.zo-card').textContent")
    assert "η = " in text and "‖w₀‖ = " in text and "final loss: " in text
    rate = float(re.search(r"η = ([\d.e−]+)", text)[1])
    assert np.log(rate / 0.01) / np.log(5) == pytest.approx(0.7, abs=0.02)
    assert chart(page, "h.card.path.x.length") == 61


def test_a_click_opens_the_run_of_that_pixel_and_says_what_the_map_said(page: Page, address: str) -> None:
    open_page(page, to_link(QUICK, f"{address}/atlas"))
    whole(page)
    page.mouse.click(*spot(page, 0.3, 0.6))
    page.wait_for_url("**/explore**", timeout=PATIENCE)
    notice = page.get_by_text("A pixel of the map")
    expect(notice).to_be_visible(timeout=PATIENCE)
    page.wait_for_function(f"() => {STAGE}?.__zoomout.frame", timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE / 1000
    while "scene=" not in page.url or from_link(page.url).chart is not None:  # the address follows a moment later
        assert time.monotonic() < deadline, "the address still names the map"
        page.wait_for_timeout(50)
    scene = from_link(page.url)
    assert np.log(scene.runs[0].learning_rate / 0.01) / np.log(5) == pytest.approx(0.3, abs=0.02)
    assert np.log(np.hypot(*scene.starts[0]) / 0.5) / np.log(4) == pytest.approx(0.6, abs=0.02)
    said = float(re.search(r"Final loss: ([\d.e−]+)\.$", notice.inner_text(), re.I)[1].replace("−", "-"))
    assert said == pytest.approx(simulate(scene).runs[0].paths[0].loss[-1], rel=1e-3)
    assert page.evaluate(f"() => {STAGE}.__zoomout.frame.runs[0].paths[0].x.length") == 61


def test_another_preset_and_another_colour_are_drawn(page: Page, address: str) -> None:
    open_page(page, f"{address}/atlas")
    page.get_by_label("Start from").select_option("basins")
    until(page, "h.plots[0].title === 'Basin' && h.plots[0].key.words.length === 5")
    page.get_by_label("Colour", exact=True).select_option("final_loss")
    until(page, "h.plots[0].title === 'Final loss' && h.plots[0].key.ticks.length === 5")
    assert chart(page, "h.plots[0].x.label").startswith("angle of the start")


def test_another_preset_has_no_way_back_into_the_one_before(page: Page, address: str) -> None:
    open_page(page, f"{address}/atlas")
    stretch(page, (0.2, 0.2), (0.8, 0.8))
    until(page, "h.depth === 1")
    page.get_by_label("Start from").select_option("disc")
    whole(page, "h.plots[0].title === 'Steps to converge'")
    assert chart(page, "h.depth") == 0
    expect(page.get_by_role("button", name="Back to the window before")).to_be_hidden()


def test_what_varies_is_chosen_in_the_rail_and_a_wrong_range_gets_one_sentence(page: Page, address: str) -> None:
    open_page(page, to_link(QUICK, f"{address}/atlas"))
    page.get_by_label("Up", exact=True).select_option("x")
    until(page, "h.plots[0].y.label === 'start x₀'")
    field = page.get_by_label("from … to").last
    field.fill("2 … 1")
    field.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="low < high")).to_be_visible(timeout=PATIENCE)
    field.fill("0.25 … 0.5")
    field.press("Enter")
    until(page, "h.plots[0].y.low === 0.25 && h.plots[0].y.high === 0.5")
    expect(page.get_by_role("alert").filter(has_text="low < high")).to_have_count(0, timeout=PATIENCE)


def test_the_address_holds_the_zoom_and_a_reload_brings_it_back(page: Page, address: str) -> None:
    open_page(page, to_link(QUICK, f"{address}/atlas"))
    whole(page)
    stretch(page, (0.25, 0.2), (0.5, 0.6))
    whole(page, "h.depth === 1")
    low = axes(page)[0]
    page.wait_for_function("() => location.search.includes('scene=')", timeout=PATIENCE)
    page.wait_for_timeout(700)
    assert side(from_link(page.url).chart.x).axis.low == pytest.approx(low, rel=1e-3)
    page.reload()
    until(page, f"Math.abs(h.plots[0].x.low / {low} - 1) < 1e-3")


def test_hostile_words_are_plain_text_on_a_chart(page: Page, address: str) -> None:
    nasty = '<img src=x onerror="window.__pwned=1"><script>window.__pwned=1</script>'
    scene = Scene(landscape="five_wells", title=nasty, steps=50, runs=(Run(label=nasty, noise=1.0), Run(label="![](http://a.invalid/b)")),
                  arithmetic="float32", chart=charts.Ensemble(particles=100))  # fmt: skip
    open_page(page, to_link(scene, f"{address}/chaos"))
    whole(page)
    assert page.evaluate("() => window.__pwned") is None and nasty in chart(page, "root.textContent")


# ---------------------------------------------------------------------------------------------------------------------
# Chaos


INKED = f"""() => [...{CHART}.querySelectorAll(".zo-plot canvas")].map((canvas) => {{
  const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), seen = new Set();
  for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) + (data[i + 1] << 8) + data[i + 2]);
  return seen.size;
}})"""
"""how many colours there are on every plot"""


@pytest.mark.parametrize(("name", "preset"), [pytest.param(*each, id=f"{each[0]}-{each[1].name}") for each in SHOWN])
def test_every_preset_draws_itself(page: Page, address: str, name: str, preset: Preset) -> None:
    open_page(page, to_link(preset.scene, f"{address}/{name}"), "h.plots.length > 0 && c.stats.draws > 0")
    inked = page.evaluate(INKED)
    assert len(inked) == chart(page, "h.plots.length") and min(inked) > 10
    assert chart(page, "root.getAttribute('aria-label').length") > 20


def test_a_click_on_the_portrait_adds_an_orbit_and_the_window_holds_still(page: Page, address: str) -> None:
    open_page(page, f"{address}/chaos")
    page.get_by_label("Start from").select_option("portrait")
    whole(page, "h.plots[0].title.startsWith('Orbits')")
    before, count = axes(page), len(next(preset for preset in CHAOS if preset.name == "portrait").scene.points)
    page.mouse.click(*spot(page, 0.25, 0.5))
    until(page, f"h.caption.startsWith('{count + 1} orbits')")
    assert axes(page) == pytest.approx(before, rel=1e-9)
    page.wait_for_function("() => location.search.includes('scene=')", timeout=PATIENCE)
    page.wait_for_timeout(700)
    x, y = np.log(np.abs(from_link(page.url).points[-1]))
    assert (x - before[0]) / (before[1] - before[0]) == pytest.approx(0.25, abs=0.01)
    assert (y - before[2]) / (before[3] - before[2]) == pytest.approx(0.5, abs=0.01)
    expect(page.get_by_text(f"{count + 1} orbits; click to start another")).to_be_visible(timeout=PATIENCE)


# ---------------------------------------------------------------------------------------------------------------------
# Anywhere


def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    for path in ("atlas", "chaos"):
        open_page(page, f"{address}/{path}", "h.plots.length > 0 && c.stats.draws > 0")
        page.wait_for_timeout(300)
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert chart(page, "root.scrollWidth <= root.clientWidth + 1")
    context.close()


def test_a_dark_page_has_a_dark_chart_with_light_words(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = context.new_page()
    open_page(page, f"{address}/chaos", "h.plots.length > 0 && c.stats.draws > 0")
    ground, words = (
        sum(map(int, re.findall(r"\d+", chart(page, f"getComputedStyle(root).{name}"))[:3]))
        for name in ("backgroundColor", "color")
    )
    assert ground < 200 < 500 < words
    context.close()


def test_an_exported_chart_is_looked_at_closely_from_a_file(browser: Browser, tmp_path: Path) -> None:
    file = render(QUICK, tmp_path / "page.html")
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    asked, faults = [], []
    page.on("request", lambda request: asked.append(urlsplit(request.url).scheme))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    open_page(page, file.as_uri())
    page.wait_for_timeout(200)
    before = chart(page, "c.spans()[0]")
    stretch(page, (0.25, 0.2), (0.5, 0.6))
    until(page, "h.depth === 1")
    after = chart(page, "c.spans()[0]")
    assert after[1] - after[0] == pytest.approx(0.25 * (before[1] - before[0]), rel=0.05)
    page.get_by_role("button", name="Back to the window before").click()
    until(page, "h.depth === 0")
    assert chart(page, "c.spans()[0]") == before
    assert set(asked) <= {"file", "data", "blob"} and faults == []
    context.close()


@pytest.mark.parametrize("name", ["Export", "Code", "Link"])
def test_what_is_clicked_while_a_map_is_refined_opens_and_stays(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/atlas{to_link(replace(SLOW, steps=60_000))}")
    until(page, "h.more && h.done > 0")
    page.get_by_role("button", name=name, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible(timeout=4000)
    page.wait_for_timeout(3000)
    expect(dialog).to_be_visible()
    if name == "Export":
        dialog.get_by_role("combobox").first.click()
        page.keyboard.type("page")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("button", name="Make it")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    before = chart(page, "h.done")
    until(page, f"h.done > {before} || !h.more")
