"""Data under the hand: a point is dragged, moved by keys, added by a click, typed and removed, and the landscape follows."""

import pytest
from browser import STAGE
from playwright.sync_api import Browser, Page, expect

from app.film import render
from app.gallery.presets import preset

PATIENCE = 30_000
ROW = ".zo-start[aria-label^='Row']"


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.wait_for_function(f"() => {STAGE}?.__zoomout.frame?.panels[1]?.table", timeout=PATIENCE)
    return page


def seen(page: Page) -> dict:
    return page.evaluate(f"""() => {{
      const {{ frame }} = {STAGE}.__zoomout, path = frame.runs[0].paths[0];
      return {{ points: frame.panels[1].table.points, end: [path.x.at(-1), path.y.at(-1)], mse: frame.summary }};
    }}""")


def until(page: Page, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const t = {STAGE}.__zoomout.frame.panels[1].table; return {condition}; }}", timeout=PATIENCE
    )


def test_a_point_that_is_dragged_takes_the_landscape_and_the_paths_with_it(page: Page, address: str) -> None:
    opened(page, f"{address}/normalisation?preset=own_size&play=0")
    before = seen(page)
    box = page.locator(ROW).nth(5).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y + 60, steps=6)
    page.mouse.up()
    until(page, f"Math.abs(t.points[5][1] - {before['points'][5][1]}) > 0.2")
    page.wait_for_function(
        f"() => Math.abs({STAGE}.__zoomout.frame.runs[0].paths[0].x.at(-1) - {before['end'][0]}) > 1e-3", timeout=PATIENCE
    )
    after = seen(page)
    assert after["points"][:5] == before["points"][:5]
    page.keyboard.press("Control+z")
    until(page, f"t.points[5][1] === {before['points'][5][1]}")


def test_a_row_is_moved_by_arrow_keys_added_by_a_click_typed_and_removed(page: Page, address: str) -> None:
    opened(page, f"{address}/normalisation?preset=own_size&play=0")
    before = seen(page)["points"]
    page.locator(ROW).first.focus()
    page.keyboard.press("ArrowUp")
    until(page, f"t.points[0][1] > {before[0][1]}")
    canvas = page.locator(".zo-panel canvas").nth(1)
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.6 * box["height"])
    until(page, "t.points.length === 7")
    expect(page.locator(ROW)).to_have_count(7)
    page.get_by_text("Data", exact=True).click()
    typed = page.get_by_role("textbox", name="Row 7: u, t")
    typed.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("1.5, −0.5")
    page.keyboard.press("Tab")
    until(page, "t.points[6][0] === 1.5 && t.points[6][1] === -0.5")
    page.get_by_label("Change them").select_option("uncentred")
    until(page, "Math.abs(t.points[6][0] - 4.5) < 1e-9")


@pytest.mark.parametrize("width", [390, 768])
def test_on_a_small_screen_data_and_weights_are_both_in_sight(
    browser: Browser, address: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), f"{address}/normalisation?preset=batch_norm&play=0")
    boxes = [canvas.bounding_box() for canvas in page.locator(".zo-panel canvas").all()]
    assert len(boxes) == 2 and all(box["x"] >= 0 and box["x"] + box["width"] <= width + 12 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_probe_says_in_words_who_did_not_move(page: Page, address: str) -> None:
    opened(page, f"{address}/normalisation?preset=hidden_epsilon&play=0")
    page.get_by_label("The same with").select_option("turned")
    expect(page.locator(".zo-caption")).to_contain_text("“Adam, turned” moved", timeout=PATIENCE)
    page.get_by_label("Rule").first.select_option("gd")
    expect(page.locator(".zo-caption")).to_contain_text("did not move", timeout=PATIENCE)


@pytest.mark.parametrize("name", ["kicked", "batch_norm", "race"])
@pytest.mark.parametrize("width", [680, 340])
def test_an_exported_page_in_a_small_frame_shows_pictures_player_and_one_line(
    browser: Browser, tmp_path, name: str, width: int
) -> None:
    file = render(preset(name).scene, tmp_path / "figure.html")
    page = browser.new_page(viewport={"width": width, "height": 420})
    page.goto(file.as_uri())
    page.wait_for_function(f"() => {STAGE}?.__zoomout.frame", timeout=PATIENCE)
    page.wait_for_timeout(300)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [width, 420]
    boxes = [canvas.bounding_box() for canvas in page.locator(".zo-panel canvas").all()]
    assert len({round(box["y"]) for box in boxes}) == 1 and all(box["y"] + box["height"] <= 420 for box in boxes)
    for part in (".zo-now", ".zo-play, [aria-label^='Pause'], [aria-label^='Play']", "[aria-label=Step]"):
        expect(page.locator(part).first).to_be_in_viewport(ratio=0.99)
    assert page.locator(".zo-now").bounding_box()["height"] < 30
    page.close()
