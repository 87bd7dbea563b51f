"""The pages, used by hand: keys typed, Tab all the way round, a finger where it lands, on a desk, a tablet and a phone."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
import pytest
from browser import CHART, STAGE, busy, free_port, serving_command
from playwright.sync_api import Browser, Locator, Page, expect

from app.scene import Atlas, Run, Scene, from_link, to_link

PATIENCE = 30_000
PAGES = ("", "explore", "curvature", "normalisation", "chaos", "atlas")
PHONE, SMALL_PHONE, TABLET, LAPTOP, DESK = (390, 844), (360, 740), (768, 1024), (1440, 900), (1920, 1080)
MAGNIFIED = (911, 512)
"""1366 × 768 at 150 %"""
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")

DEEP = """
  const deep = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? deep(e.shadowRoot) : [])]);
  const inner = (e, next) => {
    while (e?.shadowRoot && next(e.shadowRoot) && next(e.shadowRoot) !== e) e = next(e.shadowRoot);
    return e;
  };
  const active = () => inner(document.activeElement, (root) => root.activeElement);
  const at = (x, y) => inner(document.elementFromPoint(x, y), (root) => root.elementFromPoint(x, y));
  const name = (e) => e.ariaLabel || e.id || e.title || e.textContent.trim().slice(0, 40) || e.tagName;
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 1;
  const CONTROLS = "button, input, select, textarea, summary, a[href], [role=slider], [tabindex='0']";
  const controls = () => deep(document).filter((e) => e.matches(CONTROLS) && !e.disabled && e.tabIndex >= 0 && seen(e));
"""


def js(page: Page, expression: str) -> object:
    return page.evaluate(f"() => {{ {DEEP} return {expression}; }}")


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.wait_for_function(f"() => {STAGE}?.__zoomout.frame || {CHART}?.__chart.header", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Link", exact=True)).to_be_visible(timeout=PATIENCE)
    return page


@contextmanager
def held(browser: Browser, size: tuple[int, int], url: str, **more: object) -> Iterator[Page]:
    """A page on a screen of this size; below 800 pixels it is touched and not clicked."""
    touched = size[0] < 800
    context = browser.new_context(
        viewport=dict(zip(("width", "height"), size, strict=True)), has_touch=touched, is_mobile=touched, **more
    )
    yield opened(context.new_page(), url)
    context.close()


def stage(page: Page, expression: str) -> object:
    return page.evaluate(f"() => {{ const root = {STAGE}, z = root.__zoomout; return {expression}; }}")


def until(page: Page, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const root = {STAGE}, z = root?.__zoomout; return z?.frame && ({condition}); }}", timeout=PATIENCE
    )


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=f"{name}, typed")


def write(page: Page, field: Locator, text: str) -> None:
    field.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def hit(page: Page, what: Locator) -> bool:
    """Whether a finger in the middle of a control lands on it, or on what belongs to it."""
    return what.evaluate(
        f"""(e) => {{ {DEEP}
          const b = e.getBoundingClientRect(), found = at(b.x + b.width / 2, b.y + b.height / 2);
          const whole = b.top >= 0 && b.left >= 0 && b.bottom <= innerHeight + 1 && b.right <= innerWidth + 1;
          return whole && (e === found || e.contains(found) || found?.contains(e) || found?.control === e); }}"""
    )


# ---- the keyboard ----


def test_a_number_is_typed_and_tab_goes_on(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    field = box(page, "Learning rate")
    write(page, field, "0.275")
    page.keyboard.press("Backspace")
    assert field.input_value() == "0.27"
    page.keyboard.press("Tab")
    until(page, "Math.abs(Math.exp(z.frame.runs[0].paths[0].log_effective_rate?.[0] ?? 0) - 1) < 2 && z.frame.id >= 0")
    page.wait_for_function("() => location.search.includes('scene=')", timeout=PATIENCE)
    page.wait_for_timeout(700)
    assert from_link(page.url).runs[0].learning_rate == 0.27
    assert js(page, "active().id") == "run:0:learning_rate"


@pytest.mark.parametrize("path", PAGES)
def test_every_control_is_reached_used_and_left_by_keyboard_alone(page: Page, address: str, path: str) -> None:
    opened(page, f"{address}/{path}?play=0")
    wanted = js(page, "controls().map((e) => (e.__n = controls().indexOf(e), name(e)))")
    reached, left = [], 0
    for _ in range(len(wanted) + 10):
        page.keyboard.press("Tab")
        found = js(
            page, "active() && active() !== document.body ? [active().__n ?? -1, active().matches('input.number')] : null"
        )
        if found is None:  # behind the last one, or the page has just stopped scrolling, which takes its focus
            continue
        if found[1]:  # a key is typed, and taken back
            before = js(page, "active().value")
            page.keyboard.press("End")
            page.keyboard.type("7")
            assert js(page, "active().value") == f"{before}7"
            page.keyboard.press("Backspace")
            assert js(page, "active().value") == before
            left += 1
        reached.append(found[0])
    there = js(page, "controls().map((e) => e.__n ?? -1)")
    missing = [name for n, name in enumerate(wanted) if n in there and n not in reached]
    assert missing == [] and left >= 2
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert js(page, "active() !== document.body")


def test_arrow_keys_move_the_start_and_say_where_it_is(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    start = page.get_by_role("button", name=re.compile("^Start 1 at −0.700, 0.700"))
    start.focus()
    for key in ("ArrowRight", "Shift+ArrowUp", "ArrowLeft", "Shift+ArrowRight"):
        page.keyboard.press(key)
    until(page, "z.frame.runs.every(({ paths: [{ start: [x, y] }] }) => x > -0.45 && y > 0.9)")
    assert stage(page, "z.t") == 0
    expect(page.get_by_role("button", name=re.compile("^Start 1 at −0.[23]"))).to_be_visible()


def test_a_clicker_steps_and_strips_have_names(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    stage(page, "z.seek(40)")
    for key, t in (("PageDown", 41), ("PageDown", 42), ("PageUp", 41)):
        page.keyboard.press(key)
        assert stage(page, "z.t") == t
    for name in ("loss L, over all steps", "weight norm ‖w‖, logarithmic, over all steps"):
        expect(page.get_by_role("img", name=name)).to_be_visible()


# ---- one's own work ----


def test_ones_own_formula_stays_in_its_box_while_sliders_come_and_go(page: Page, address: str) -> None:
    opened(page, f"{address}/explore?play=0")
    page.get_by_label("Loss", exact=True).select_option("formula")
    field = page.get_by_label("L(x, y) =")
    text = "a*cos(2*theta); a = 0.5 in [0, 1]"
    field.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text, delay=20)
    slider = page.get_by_role("slider", name="a", exact=True)
    expect(slider).to_be_visible(timeout=PATIENCE)
    assert field.input_value() == text and js(page, "[active().id, active().selectionStart]") == ["formula", len(text)]
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("x^2 + y^2", delay=20)
    expect(slider).to_have_count(0, timeout=PATIENCE)
    assert field.input_value() == "x^2 + y^2" and js(page, "active().id") == "formula"


def test_a_knob_keeps_its_value_while_its_formula_is_written_on(page: Page, address: str) -> None:
    opened(page, to_link(Scene(formula="a*cos(2*theta); a = 0.5 in [0, 1]"), f"{address}/explore"))
    write(page, box(page, "a"), "0,9")
    page.keyboard.press("Enter")
    field = page.get_by_label("L(x, y) =")
    field.click()
    page.keyboard.press("ControlOrMeta+Home")
    page.keyboard.type("1 + ")
    expect(page.locator(".control.math")).to_have_attribute("aria-label", re.compile(r"1 \+ a"), timeout=PATIENCE)
    expect(box(page, "a")).to_have_value("0.9")


def test_what_is_replaced_comes_back_with_ctrl_z_undo_back_and_reset(page: Page, address: str) -> None:
    opened(page, f"{address}/explore?play=0")
    page.get_by_label("Loss", exact=True).select_option("formula")
    field = page.get_by_label("L(x, y) =")
    write(page, field, "cosh(x) + y^2")
    math = page.locator(".control.math")
    expect(math).to_have_attribute("aria-label", "L = cosh(x) + y^2", timeout=PATIENCE)
    page.wait_for_timeout(1200)  # two changes within a second are one
    for way in ("keys", "button", "back"):
        page.get_by_label("Start from").select_option("catapult")
        expect(field).to_have_count(0, timeout=PATIENCE)
        page.wait_for_timeout(1200)
        if way == "keys":
            page.keyboard.press("ControlOrMeta+z")
        elif way == "button":
            page.get_by_role("button", name="Undo").click()
        else:
            page.go_back()
        expect(field).to_have_value("cosh(x) + y^2", timeout=PATIENCE)
        page.wait_for_timeout(1200)
    page.get_by_role("button", name="Reset").click()
    expect(field).to_have_count(0, timeout=PATIENCE)
    page.keyboard.press("ControlOrMeta+z")
    expect(field).to_have_value("cosh(x) + y^2", timeout=PATIENCE)


def test_a_click_on_a_map_never_overwrites_the_run_that_one_had(page: Page, address: str) -> None:
    opened(page, f"{address}/explore?play=0")
    write(page, box(page, "Steps"), "123")
    page.keyboard.press("Enter")
    until(page, "z.frame.steps === 123")
    page.get_by_role("link", name="Atlas").click()
    page.wait_for_function(f"() => {CHART}?.__chart.header?.plots[0]?.pick", timeout=PATIENCE)
    canvas = page.locator(".zoomout-chart canvas").first
    canvas.click(position={"x": 300, "y": 200})
    page.wait_for_url("**/explore*", timeout=PATIENCE)
    until(page, "z.frame.steps !== 123")
    page.get_by_role("button", name="Undo").click()
    until(page, "z.frame.steps === 123")


# ---- what is refused, what takes long ----


def test_what_is_refused_has_one_state_and_a_way_on(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    field = box(page, "Momentum")
    write(page, field, "0.6")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert").filter(has_text="Still shown: 0.")
    expect(alert).to_be_visible(timeout=PATIENCE)
    slider = page.get_by_role("slider", name="Momentum")
    assert field.input_value() == "0.6" and slider.get_attribute("aria-valuetext") == "0"
    assert (
        slider.evaluate(
            "(e) => parseFloat(e.style.getPropertyValue('--to')) - parseFloat(e.style.getPropertyValue('--from'))"
        )
        > 30
    )
    page.get_by_role("button", name=re.compile("^Take 0.5")).click()
    expect(alert).to_have_count(0, timeout=PATIENCE)
    assert field.input_value().startswith("0.5") and slider.get_attribute("aria-valuetext") == field.input_value()


def test_what_takes_long_says_so_and_can_be_given_up(page: Page, address: str) -> None:
    opened(page, f"{address}/?play=0")
    page.get_by_label("Arithmetic").select_option("certified")
    page.wait_for_function(
        "() => !document.querySelector('#zoomout-wait') || document.querySelector('#zoomout-wait').hidden"
    )
    write(page, box(page, "Steps"), "9 000")
    page.keyboard.press("Enter")
    sign = page.get_by_role("status").filter(has_text="The picture still shows what was there before")
    expect(sign).to_be_visible(timeout=2000)
    page.wait_for_timeout(1500)
    expect(sign).to_be_visible()
    assert stage(page, "z.frame.steps") == 130
    page.get_by_role("button", name="Cancel").click()
    expect(sign).to_be_hidden(timeout=5000)
    expect(box(page, "Steps")).to_have_value("130")


def test_the_first_html_shows_the_shapes_of_the_page_and_the_picture_takes_them_away(browser: Browser) -> None:
    port = free_port()
    with serving_command(port) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(address, wait_until="commit")
        shapes = page.locator("#zoomout-first")
        expect(shapes).to_be_visible(timeout=5000)
        assert page.title() == "zoomout"
        until(page, "z.frame")
        expect(shapes).to_have_count(0)
        context.close()


def test_a_symbol_in_the_name_of_a_run_is_never_made_a_capital(page: Page, address: str) -> None:
    opened(page, f"{address}/curvature?play=0")
    summary = page.locator("summary").filter(has_text="η").first
    assert "η" in summary.inner_text()  # as it is seen, styles included


@pytest.mark.parametrize("what", ["a map", "certified paths"])
def test_a_closed_tab_ends_its_work_within_a_second(browser: Browser, address: str, what: str) -> None:
    pair = (Run(label="decay", learning_rate=0.3, weight_decay=0.25),)
    proven = {"steps": 9000, "arithmetic": "certified"}
    far = {"steps": 200_000, "chart": Atlas(statistic="lyapunov")} if what == "a map" else proven
    context = browser.new_context()
    page = context.new_page()
    page.goto(to_link(Scene(landscape="five_wells", runs=pair, **far), f"{address}/explore"))
    page.get_by_role("button", name="Link", exact=True).wait_for(timeout=PATIENCE)
    before = busy(address)
    page.wait_for_timeout(1500)
    assert busy(address) - before > 0.7, "it works while somebody waits"
    context.close()
    time.sleep(1.0)
    before = busy(address)
    time.sleep(1.5)
    assert busy(address) - before < 0.3


# ---- fingers, and screens of every size ----


@pytest.mark.parametrize("size", [PHONE, SMALL_PHONE, TABLET, LAPTOP, DESK, MAGNIFIED], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("path", ["", "explore"])
def test_the_player_is_always_in_sight_and_under_the_finger(
    browser: Browser, address: str, size: tuple[int, int], path: str
) -> None:
    with held(browser, size, f"{address}/{path}?play=0") as page:
        page.wait_for_timeout(600)
        player = ["Play (Space)", "One step back (←)", "One step forward (→)", "Speed (+ and −)"]
        for name in player:
            assert hit(page, page.get_by_role("button", name=name)), name
        assert hit(page, page.get_by_role("slider", name="Step", exact=True))
        play = page.get_by_role("button", name="Play (Space)")
        play.tap() if size[0] < 800 else play.click()
        until(page, "z.playing")
        assert js(page, "document.documentElement.scrollWidth <= innerWidth + 1")


@pytest.mark.parametrize("size", [PHONE, TABLET], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("path", PAGES)
def test_every_control_lies_under_the_finger(browser: Browser, address: str, size: tuple[int, int], path: str) -> None:
    with held(browser, size, f"{address}/{path}?play=0") as page:
        page.get_by_role("button", name="Controls").tap()
        page.wait_for_timeout(600)
        for details in page.locator(".zoomout-rail summary").all():
            details.tap()
        covered = js(page, """controls().filter((e) => {
          const touched = "button:not(.zo-start), input:not([type=color]), select, textarea, summary, a:not([href^='#'])";
          if (!e.matches(touched)) return false;
          e.scrollIntoView({ block: "center" });
          const b = e.getBoundingClientRect(), found = at(b.x + b.width / 2, b.y + b.height / 2);
          return !(e === found || e.contains(found) || found?.control === e);
        }).map(name)""")  # fmt: skip
        assert covered == []


def test_a_sheet_leaves_the_picture_in_sight_while_a_slider_moves(browser: Browser, address: str) -> None:
    with held(browser, PHONE, f"{address}/?play=0") as page:
        page.get_by_role("button", name="Controls").tap()
        page.wait_for_timeout(600)
        slider = page.get_by_role("slider", name="Learning rate")
        slider.scroll_into_view_if_needed()
        x = stage(page, "z.frame.runs[0].paths[0].x[1]")
        spot = slider.bounding_box()
        page.touchscreen.tap(spot["x"] + 0.3 * spot["width"], spot["y"] + spot["height"] / 2)
        until(page, f"z.frame.runs[0].paths[0].x[1] !== {x}")
        picture = page.locator(".zoomout-stage canvas").first.bounding_box()
        bar = page.get_by_role("slider", name="Step", exact=True).bounding_box()
        assert min(bar["y"], 844) - max(picture["y"], 0) >= 280
        page.get_by_role("button", name="Controls").tap()
        expect(slider).not_to_be_in_viewport()


# ---- for everyone ----


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_that_an_audit_calls_serious(browser: Browser, address: str, path: str, theme: str) -> None:
    with held(browser, LAPTOP, f"{address}/{path}?play=0", color_scheme=theme) as page:
        page.wait_for_timeout(1000)
        page.evaluate(AXE)
        for dialog in (None, "Link", "Export", "Code", "Words"):
            if dialog is not None:
                page.get_by_role("button", name=dialog, exact=True).click()
                expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE)
                page.wait_for_timeout(500)
            found = page.evaluate("() => axe.run()")["violations"]
            bad = [(dialog, v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical")]
            assert bad == []
            if dialog is not None:
                page.keyboard.press("Escape")
                expect(page.get_by_role("dialog")).to_have_count(0, timeout=PATIENCE)


def test_a_formula_that_is_too_long_for_the_rail_is_read_and_scrolled_by_keyboard(page: Page, address: str) -> None:
    opened(page, to_link(Scene(landscape="beale", runs=(Run(),)), f"{address}/explore"))
    expect(page.locator(".control.math")).to_have_attribute("aria-label", re.compile(r"^L = \("))
    assert page.locator(".control.math").evaluate("(e) => e.tabIndex") == 0
