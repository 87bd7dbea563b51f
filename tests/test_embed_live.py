"""A page without a server whose starts move: from a file, offline, with the bits that this machine has."""

import re

import numpy as np
import pytest
from browser import STAGE
from msgspec.structs import replace

from app.answer.result import simulate
from app.film import render
from app.picture.look import EVERYTHING
from app.picture.picture import picture
from app.scene import Run, Scene, View
from app.stage.frame import frame
from app.wire import embed

TWINS = Scene(
    landscape="five_wells", steps=300, view=View(play=False),
    runs=(Run(label="decay", learning_rate=0.3, weight_decay=0.25), Run(label="growing rate", twin_of="decay")),
)  # fmt: skip
RACE = Scene(
    landscape="beale", steps=200, view=View(play=False), starts=((1.0, 1.0), (-1.0, 0.5)),
    runs=(
        Run(label="a", rule="adam", learning_rate=0.02), Run(label="b", learning_rate=0.001, noise=0.5),
        Run(label="c", ghost_of="a"),
    ),
)  # fmt: skip


def alive(scene):
    seen = picture(simulate(scene, engine="portable"))
    return embed.page("stage", scene, seen.summary, frame(seen, key="page", controls="all"))


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page's text from a file, and gives it with the addresses that it asked for and the errors that it had."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)

    def open_(text, wait=True):
        (tmp_path / "page.html").write_text(text, "utf-8")
        page = context.new_page()
        page.asked, page.errors = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_function(f"() => {STAGE}?.__zoomout.frame")
        if wait:
            page.wait_for_selector(".zo-start", state="attached")
        page.wait_for_timeout(500)  # until the layout has settled
        return page

    yield open_
    context.close()


def spot(page):
    """The middle of the first start on the screen."""
    box = page.locator(".zo-start").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def paths(page):
    return page.evaluate(
        f"() => {STAGE}.__zoomout.frame.runs.map(({{ paths }}) => paths.map(({{ start, x, y, k, status, stopped_at }}) =>"
        " ({ start, x: [...x], y: [...y], k: k && [...k], status, stopped_at })))"
    )


def assert_the_same_bits(page, scene):
    """What the page shows is what this machine makes of the starts that the page has."""
    shown = paths(page)
    moved = replace(scene, starts=tuple(tuple(path["start"]) for path in shown[0]))
    for run, there in zip(simulate(moved, False, "portable").runs, shown, strict=True):
        for path, drawn in zip(run.paths, there, strict=True):
            assert np.array_equal(path.frame_x, drawn["x"]) and np.array_equal(path.frame_y, drawn["y"])
            assert np.array_equal(path.frame_log, drawn["k"] or np.zeros(len(path.frame_x)))
            assert (path.status, path.stopped_at, list(path.start)) == (drawn["status"], drawn["stopped_at"], drawn["start"])
    return simulate(moved, False, "portable")


@pytest.mark.parametrize("scene", [TWINS, RACE], ids=["twins", "race with noise and a ghost"])
def test_a_dragged_start_draws_the_path_that_the_server_would_have_made(opened, scene):
    page = opened(alive(scene))
    x, y = spot(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30, steps=5)
    under_the_finger = paths(page)
    assert under_the_finger[0][0]["start"] != list(scene.points[0])
    page.mouse.up()
    page.wait_for_timeout(300)
    assert paths(page) == under_the_finger, "nothing moves when the finger is lifted"
    result = assert_the_same_bits(page, scene)
    read = "map(({ title, log, series }) => [title, log, [...series[0].array]])"
    strips = page.evaluate(f"() => {STAGE}.__zoomout.frame.strips.{read}")
    followed = 0
    for strip, (title, log, values) in zip(picture(result).strips, strips, strict=True):
        found, exact = np.array(values, float), strip.lines[0].values
        assert strip.title == title or title.endswith("only for the paths as they came")
        if np.isfinite(found).any():
            found, exact = (np.exp(line) if of else line for line, of in ((found, log), (exact, strip.log)))
            np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-14)
            followed += 1
    assert followed >= 2
    assert page.asked == [page.url] and not page.errors


def test_an_arrow_key_moves_a_start_where_there_is_no_server(opened):
    page = opened(alive(TWINS))
    page.locator(".zo-start").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    assert paths(page)[0][0]["start"][0] > TWINS.points[0][0]
    assert_the_same_bits(page, TWINS)


def slide(page, label, share):
    """Moves the slider with this label to a share of its way, and gives the number beside it."""
    number = page.locator(".zo-number", has_text=label).first
    number.locator("input").evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", round(1000 * share)
    )
    page.wait_for_timeout(200)
    return float(number.locator("output").inner_text().replace("−", "-"))


def test_a_slider_moves_a_run_and_its_twin_with_the_servers_bits(opened):
    page = opened(alive(TWINS))
    eta, lam = slide(page, "learning rate", 0.6), slide(page, "weight decay", 0.45)
    runs = (replace(TWINS.runs[0], learning_rate=eta, weight_decay=lam), TWINS.runs[1])
    result = assert_the_same_bits(page, replace(TWINS, runs=runs))
    scale = page.evaluate(f"() => [...{STAGE}.__zoomout.frame.panels[1].camera.log_scale]")
    np.testing.assert_allclose(scale, -result.runs[1].log_projection, rtol=1e-12, atol=1e-12)
    assert not page.errors and page.asked == [page.url]


def test_a_slider_moves_what_a_rule_remembers_with_the_servers_bits(opened):
    page = opened(alive(RACE))
    b1, noise = slide(page, "b1", 0.5), slide(page, "noise", 0.02)
    runs = (
        replace(RACE.runs[0], hyperparameters={"b1": b1}), replace(RACE.runs[1], noise=noise), RACE.runs[2],
    )  # fmt: skip
    assert_the_same_bits(page, replace(RACE, runs=runs))


def test_numbers_with_which_there_is_no_twin_change_nothing(opened):
    page = opened(alive(TWINS))
    slide(page, "learning rate", 1.0)
    before = paths(page)
    slide(page, "weight decay", 1.0)
    assert paths(page) == before and not page.errors


def test_a_page_whose_modules_may_not_run_plays_as_a_recording_and_says_so(opened):
    page = opened(alive(TWINS).replace(" 'wasm-unsafe-eval'", ""), wait=False)
    assert page.get_by_text("This page plays as a recording").is_visible()
    assert page.locator(".zo-start").count() == 0 and not page.errors
    assert len(paths(page)[0][0]["x"]) == 301


def test_a_damaged_module_leaves_a_recording(opened):
    seen = picture(simulate(TWINS, engine="portable"))
    data = frame(seen, key="page", controls="all").replace(b"\0asm", b"\0asn")
    page = opened(embed.page("stage", TWINS, seen.summary, data), wait=False)
    assert page.get_by_text("This page plays as a recording").is_visible() and not page.errors


@pytest.mark.parametrize("controls", ["none", "some", "all"])
def test_controls_say_what_a_reader_may_move(controls, tmp_path):
    text = render(TWINS, tmp_path / "page.html", parts=EVERYTHING._replace(controls=controls)).read_text("utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert ("'wasm-unsafe-eval'" in policy) == (controls != "none")
    assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", "")


def test_a_live_page_of_two_panels_and_300_steps_fits_in_150_kilobytes():
    assert len(alive(TWINS).encode()) <= 150_000


@pytest.mark.parametrize(
    "scene",
    [
        replace(TWINS, arithmetic="certified", steps=20),
        Scene(landscape="five_wells", steps=20, runs=(Run(label="a", learning_rate=0.1), Run(label="b", flow_of="a"))),
    ],
    ids=["certified", "a flow"],
)
def test_a_picture_that_needs_more_than_paths_of_floats_is_a_recording(scene):
    assert b'"live":null' in frame(picture(simulate(scene, engine="portable")), controls="all")
