"""The pages, driven as a visitor drives them."""

from pathlib import Path

import pytest
from browser import STAGE, serving
from playwright.sync_api import Browser, Page, expect

from app.film import render
from app.scene import Run, Scene, to_link

PATIENCE = 30_000


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function(f"() => {STAGE}?.__zoomout.frame", timeout=PATIENCE)


def stage(page: Page, expression: str) -> object:
    return page.evaluate(f"() => {{ const root = {STAGE}, z = root.__zoomout; return {expression}; }}")


def until(page: Page, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const root = {STAGE}, z = root?.__zoomout; return z && ({condition}); }}", timeout=PATIENCE
    )


def grip(page: Page) -> tuple[float, float, float]:
    """Where the first panel's start handle is on the screen, and how many pixels one unit of the plane has."""
    page.wait_for_timeout(800)  # until the layout has settled
    x, y, unit = page.evaluate(
        f"""() => {{
          const root = {STAGE}, z = root.__zoomout, view = z.panels()[0], [x0, x1, y0, y1] = z.frame.panels[0].window;
          const box = root.querySelector("canvas").getBoundingClientRect(), [x, y] = z.frame.runs[0].paths[0].start;
          const unit = Math.min(view.width / (x1 - x0), view.height / (y1 - y0));
          return [box.x + view.left + view.width / 2 + unit * (x - (x0 + x1) / 2),
                  box.y + view.height / 2 - unit * (y - (y0 + y1) / 2), unit];
        }}"""
    )
    return x, y, unit


def test_something_true_is_moving_on_the_first_page(page: Page, address: str) -> None:
    open_page(page, address)
    assert stage(page, "z.frame.panels.length") == 2
    until(page, "z.playing && z.t > 5")
    expect(page.get_by_text("both point at")).to_be_visible(timeout=PATIENCE)


def test_a_page_opens_by_its_own_address_on_a_server_that_nobody_has_visited(page: Page) -> None:
    with serving() as fresh:
        open_page(page, f"{fresh}/explore")
        expect(page.get_by_role("heading", name="A fair-looking race")).to_be_visible(timeout=PATIENCE)


def test_dragging_the_start_moves_both_paths_under_the_finger(page: Page, address: str) -> None:
    open_page(page, f"{address}/?play=0")
    x, y, unit = grip(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * unit, y - 0.2 * unit, steps=6)
    page.mouse.up()
    until(page, "z.frame.runs.every(({ paths: [{ start: [x, y] }] }) => Math.hypot(x + 0.4, y - 0.9) < 0.03)")


def test_the_keyboard_plays_steps_and_rewinds(page: Page, address: str) -> None:
    open_page(page, f"{address}/?play=0")
    page.evaluate(f"() => {STAGE}.focus()")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    until(page, "z.t === 11")
    page.keyboard.press("Space")
    until(page, "z.playing && z.t > 12")
    page.keyboard.press("Space")
    until(page, "!z.playing")
    page.keyboard.press("End")
    until(page, "z.t === z.frame.steps")


def test_a_slider_changes_the_paths_and_keeps_the_time(page: Page, address: str) -> None:
    open_page(page, f"{address}/?play=0")
    stage(page, "z.seek(40)")
    before = stage(page, "z.frame.runs[0].paths[0].x[20]")
    page.get_by_role("slider", name="Weight decay").press("ArrowRight")
    until(page, f"z.frame.runs[0].paths[0].x[20] !== {before}")
    assert stage(page, "z.t") == 40


def test_a_typed_number_is_taken_and_a_typed_word_is_refused_in_a_sentence(page: Page, address: str) -> None:
    open_page(page, f"{address}/?play=0")
    field = page.get_by_role("textbox", name="Learning rate, typed")
    field.fill("0.2")
    field.press("Enter")
    until(page, "Math.abs(Math.hypot(z.frame.runs[0].paths[0].x[1], z.frame.runs[0].paths[0].y[1]) - 0.99) > 0.001")
    field.fill("a lot")
    field.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="write a number such as 0.3")).to_be_visible(timeout=PATIENCE)


def test_a_wrong_formula_gets_one_sentence_and_the_last_good_picture_stays(page: Page, address: str) -> None:
    open_page(page, f"{address}/explore?play=0")
    page.get_by_label("Loss", exact=True).select_option("formula")
    formula = page.get_by_label("L(x, y) =")
    formula.fill("x^2 + sinn(y)")
    expect(page.get_by_role("alert").filter(has_text="There is no function called 'sinn'. Perhaps sin?")).to_be_visible(
        timeout=PATIENCE
    )
    assert stage(page, "z.frame.runs.length") == 4
    formula.fill("x^2 + a*y^2; a = 0.5 in [0, 1]")
    expect(page.get_by_role("slider", name="a", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("alert").filter(has_text="sinn")).to_have_count(0)


def test_the_address_always_holds_the_scene_and_a_reload_brings_it_back(page: Page, address: str) -> None:
    open_page(page, f"{address}/?play=0")
    page.get_by_label("Start from").select_option("quotient")
    until(page, "z.frame.steps === 200")
    page.wait_for_function("() => location.search.includes('preset=quotient')", timeout=PATIENCE)
    page.wait_for_timeout(700)
    page.reload()
    until(page, "z.frame.steps === 200")


def test_a_damaged_link_opens_the_default_scene_with_one_notice(page: Page, address: str) -> None:
    open_page(page, f"{address}/?scene=not-a-scene&view=nan&unknown=1")
    expect(page.get_by_text("This link is damaged")).to_be_visible(timeout=PATIENCE)
    assert stage(page, "z.frame.steps") == 130


def test_a_hostile_label_is_plain_text_everywhere(page: Page, address: str) -> None:
    label = '<img src=x onerror="window.__pwned=1"><script>window.__pwned=1</script>'
    runs = (Run(label=label, learning_rate=0.1), Run(label="![](http://example.invalid/a.png)", rule="adam"))
    open_page(page, to_link(Scene(landscape="five_wells", runs=runs, title=label), f"{address}/explore"))
    until(page, "z.t > 1")
    for name in ("Code", "Link"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0, timeout=PATIENCE)
    assert page.evaluate("() => window.__pwned") is None


def test_the_export_dialog_makes_a_film_that_can_be_saved(page: Page, address: str) -> None:
    open_page(page, f"{address}/?play=0")
    page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("button", name="Make it").click()
    save = page.get_by_role("button", name="Save")
    expect(save).to_be_visible(timeout=120_000)
    with page.expect_download() as download:
        save.click()
    assert download.value.path().stat().st_size > 20_000


def test_a_run_and_a_start_can_be_added_and_removed(page: Page, address: str) -> None:
    open_page(page, f"{address}/explore?play=0")
    page.get_by_role("button", name="Add a start").click()
    until(page, "z.frame.runs.every((run) => run.paths.length === 2)")
    page.get_by_role("button", name="Remove start 2").click()
    until(page, "z.frame.runs.every((run) => run.paths.length === 1)")
    page.get_by_role("button", name="Add a run").click()
    until(page, "z.frame.runs.length === 5")
    page.get_by_role("button", name="Remove this run").first.click()
    until(page, "z.frame.runs.length === 4")


@pytest.mark.parametrize("size", [(390, 844), (768, 1024), (1440, 900), (1920, 1080)])
def test_nothing_scrolls_sideways(browser: Browser, address: str, size: tuple[int, int]) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, is_mobile=size[0] < 700, has_touch=size[0] < 700
    )
    page = context.new_page()
    for path in ("", "explore"):
        open_page(page, f"{address}/{path}")
        page.wait_for_timeout(500)
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth + 1")
    context.close()


def test_the_default_scene_fits_a_laptop_screen(page: Page, address: str) -> None:
    open_page(page, address)
    page.wait_for_timeout(500)
    assert stage(page, "root.getBoundingClientRect().bottom") <= 900


def test_who_prefers_reduced_motion_gets_a_still_picture(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    open_page(page, address)
    page.wait_for_timeout(800)
    assert stage(page, "z.playing") is False
    context.close()


def test_every_control_has_a_name_for_a_screen_reader(page: Page, address: str) -> None:
    open_page(page, f"{address}/explore?play=0")
    unnamed = page.evaluate(
        """() => {
          const bad = [];
          const walk = (node) => {
            for (const e of node.querySelectorAll("button, input, select, textarea, canvas")) {
              const label = e.getAttribute("aria-label") || e.textContent.trim() || e.title || (e.labels && e.labels.length)
                || e.getAttribute("aria-labelledby") || e.closest("label");
              const hidden = e.type === "file" || e.getAttribute("aria-hidden") === "true";
              if (!label && !hidden) bad.push(e.outerHTML.slice(0, 120));
            }
            for (const e of node.querySelectorAll("*")) if (e.shadowRoot) walk(e.shadowRoot);
          };
          walk(document);
          return bad;
        }"""
    )
    assert unnamed == []


def test_an_exported_page_plays_from_a_file_and_asks_nobody(browser: Browser, tmp_path: Path) -> None:
    label = "<b>weight decay</b>"
    decay = Run(label=label, learning_rate=0.3, weight_decay=0.25)
    scene = Scene(landscape="five_wells", steps=2000, runs=(decay, Run(label="twin", twin_of=label)))
    file = render(scene, tmp_path / "page.html")
    assert file.stat().st_size <= 250_000
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    open_page(page, file.as_uri())
    until(page, "z.playing && z.t > 2")
    page.keyboard.press("Space")
    until(page, "!z.playing")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert faults == []
    assert page.get_by_text(label).count() > 0
    context.close()
