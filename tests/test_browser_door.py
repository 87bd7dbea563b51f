"""The front door: what the first picture says, what an address holds, and the gallery."""

import re
import time

import pytest
from browser import CHART, STAGE
from playwright.sync_api import Browser, Page, expect

from app.gallery.presets import presets
from app.scene import Run, Scene, to_link

PATIENCE = 30_000
RACE = Scene(landscape="himmelblau", steps=33, runs=(Run(label="alone", learning_rate=0.02),))
DEEP = """
  const deep = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? deep(e.shadowRoot) : [])]);
"""
PAINTED = "(e) => e.matches('.za-card img') && e.complete && e.naturalWidth"


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.wait_for_function(f"() => {STAGE}?.__zoomout.frame || {CHART}?.__chart.header", timeout=PATIENCE)
    return page


def stage(page: Page, expression: str) -> object:
    return page.evaluate(f"() => {{ const z = {STAGE}.__zoomout; return {expression}; }}")


def until(page: Page, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const root = {STAGE}, z = root?.__zoomout; return z?.frame && ({condition}); }}", timeout=PATIENCE
    )


def pixels(page: Page) -> list[str]:
    return page.evaluate(f"() => [...{STAGE}.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())")


@pytest.mark.parametrize("step", [20, 60, 100, 130])
def test_over_the_first_pictures_it_says_that_both_point_one_way(page: Page, address: str, step: int) -> None:
    opened(page, f"{address}/?preset=kicked&t={step}")
    said = page.locator(".zo-now")
    words = rf"Step {step} of 130: both point at .*times further out\. They agree to \d+ digits"
    expect(said).to_contain_text(re.compile(words))
    assert said.evaluate("(node) => parseFloat(getComputedStyle(node).fontSize)") >= 18
    expect(page.get_by_role("heading", name="The same walk, through a zooming lens")).to_be_visible()


def test_a_link_shows_what_was_seen_and_so_does_a_reload(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = opened(context.new_page(), f"{address}/explore?preset=race&t=84")
    page.get_by_role("button", name="SignSGD", exact=True).click()
    page.keyboard.press("ArrowRight")
    canvas = page.locator(".zo-panel canvas").first
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -240)
    page.wait_for_function("() => /t=85/.test(location.search) && /window=/.test(location.search)", timeout=PATIENCE)
    page.mouse.move(5, 5)
    page.wait_for_timeout(2000)
    before, link = pixels(page), page.url
    assert "preset=race" in link and "hidden=2" in link and stage(page, "z.t") == 85
    for again in (page.reload, lambda: page.goto(link)):
        again()
        until(page, "z.t === 85")
        deadline = time.monotonic() + 15  # fonts and the horizon come a moment after the picture
        while pixels(page) != before and time.monotonic() < deadline:
            page.wait_for_timeout(300)
        assert pixels(page) == before
    page.get_by_role("button", name="Link", exact=True).click()
    shown = page.get_by_role("dialog").locator("code").first
    expect(shown).to_contain_text("t=85", timeout=PATIENCE)
    assert "hidden=2" in shown.inner_text() and len(shown.inner_text()) < 160
    expect(page.get_by_role("dialog").get_by_text("only this machine's")).to_be_visible()
    context.close()


def test_a_link_to_the_front_door_opens_the_page_of_its_kind(page: Page, address: str) -> None:
    opened(page, f"{address}/?preset=race&play=0")
    page.wait_for_url("**/explore?**", timeout=PATIENCE)
    until(page, "z.frame.runs.length === 4 && !z.playing")


def test_the_handle_asks_to_be_dragged_until_it_was_and_a_click_moves_the_start(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    expect(page.get_by_text("drag me")).to_be_visible(timeout=PATIENCE)
    box = page.locator(".zo-panel canvas").first.bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    until(page, "z.frame.runs[0].paths[0].start[0] > 0.2 && z.frame.runs[0].paths[0].start[1] > 0.3")
    expect(page.get_by_text("drag me")).to_be_hidden()
    expect(page.get_by_text("Changed from “The same walk, through a zooming lens”.")).to_be_visible(timeout=PATIENCE)


def test_the_first_picture_does_not_move_when_something_is_changed(page: Page, address: str) -> None:
    opened(page, f"{address}/curvature?play=0")
    where = lambda: page.locator(".zo-panel canvas").first.bounding_box()  # noqa: E731
    page.wait_for_timeout(1000)
    before = where()
    page.get_by_label("Learning rate, typed").fill("0.09")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Changed from")).to_be_visible(timeout=PATIENCE)
    assert where() == before


def test_curves_are_chosen_and_their_future_can_be_hidden(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    page.get_by_text("Curves under the picture").click()
    page.get_by_label("Turn a step").check()
    until(page, "z.frame.strips.some(({ title }) => title.startsWith('turn'))")
    page.get_by_label("Loss over the steps").uncheck()
    until(page, "!z.frame.strips.some(({ title }) => title.startsWith('loss'))")
    page.get_by_label("Show what is to come").uncheck()
    until(page, "z.frame.future === false")


def test_the_gallery_is_painted_soon_and_a_card_opens_its_page(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    began = time.monotonic()
    page.get_by_role("link", name="Gallery").click()
    page.wait_for_function(f"() => {{ {DEEP} return deep(document).some({PAINTED}); }}", timeout=PATIENCE)
    assert time.monotonic() - began < 5  # a wide margin: a second is meant
    assert page.locator(".za-card").count() == len(presets())
    page.get_by_label("Topic").select_option("noise")
    assert 0 < page.locator(".za-card").count() < len(presets())
    page.get_by_label("Topic").select_option("")
    page.locator(".za-card").first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    until(page, "z.frame.steps === 300")
    expect(page.get_by_role("heading", name="Blown up")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Next ›").click()
    expect(page.get_by_role("heading", name="Projected back")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Blown up")).to_be_visible(timeout=PATIENCE)


UNCUT = f"""() => {{
  {DEEP}
  const TEXT = ".chosen, .za-card b, .za-card span, h2, summary, .control > label, button:not(.zo-start)";
  const cut = (e) => e.getBoundingClientRect().width > 2 && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1;
  return deep(document).filter((e) => e.matches(TEXT) && e.checkVisibility() && cut(e)).map((e) => e.textContent);
}}"""
WRITE = """(node, value) => {
  const option = [...node.options].find((option) => option.value === value);
  node.parentNode.firstChild.textContent = option.textContent;
}"""


@pytest.mark.parametrize("width", [1440, 390])
def test_no_title_and_no_choice_is_cut(browser: Browser, address: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, has_touch=width < 800, is_mobile=width < 800)
    page = context.new_page()
    for name in ("", "explore", "curvature", "normalisation", "chaos", "atlas"):
        opened(page, f"{address}/{name}?play=0")
        page.wait_for_timeout(600)
        if width < 800:
            page.get_by_role("button", name="Controls").click()
            page.wait_for_timeout(300)
        chooser = page.get_by_label("Start from")
        for value in chooser.evaluate("(node) => [...node.options].map(({ value }) => value)"):
            chooser.evaluate(WRITE, value)
            assert page.evaluate(UNCUT) == [], (name, value)
    page.goto(f"{address}/gallery")
    expect(page.locator(".za-card").first).to_be_visible(timeout=PATIENCE)
    assert page.evaluate(UNCUT) == []
    context.close()


def test_a_map_is_made_of_a_scene_and_the_scene_stays(page: Page, address: str) -> None:
    opened(page, f"{address}/explore?preset=stuck_in_a_well&play=0")
    page.get_by_role("button", name="Map this").click()
    page.wait_for_url("**/atlas**", timeout=PATIENCE)
    expect(page.get_by_text("which stays on its page")).to_be_visible(timeout=PATIENCE)
    page.wait_for_function(f"() => {CHART}?.__chart.header.plots[0].raster", timeout=PATIENCE)
    page.wait_for_timeout(1500)  # it is refined, and asks for more by itself
    expect(page.get_by_text("which stays on its page")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Explore").click()  # while the map is still refined, and asks for more
    expect(page.get_by_role("heading", name="Stuck in a well")).to_be_visible(timeout=PATIENCE)


def test_a_scene_of_another_kind_that_is_opened_here_stays_here(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    page.get_by_role("button", name="Link", exact=True).click()
    page.get_by_placeholder("https://…?scene=…").fill(to_link(RACE, "http://localhost:8501/"))
    page.get_by_placeholder("https://…?scene=…").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Open", exact=True).click()
    until(page, "z.frame.steps === 33")
    page.wait_for_function("() => location.search.includes('scene=')", timeout=PATIENCE)
    page.get_by_label("Learning rate, typed").fill("0.03")
    page.keyboard.press("Enter")
    until(page, "z.frame.summary && location.pathname === '/'")
    page.wait_for_timeout(1500)
    assert stage(page, "location.pathname") == "/"
    expect(page.get_by_label("Learning rate, typed")).to_have_value("0.03")


def test_on_a_phone_the_gallery_leads_to_the_other_pages(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}/gallery")
    expect(page.locator(".za-card").first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Pages").tap()
    page.locator(".st-key-pages").get_by_role("link", name="Explore").tap()
    until(page, "z.frame.runs.length === 4")
    expect(page.get_by_role("button", name="Controls")).to_be_visible()
    context.close()
