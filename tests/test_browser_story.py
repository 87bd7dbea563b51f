"""A story's file in a browser: opened from a folder, without a server, as an article, a lecture and an exercise."""

import re
import time

import pytest

from app.story import shelf
from app.story.page import page as page_of
from app.story.story import load, read

HEAD = '+++\ntitle = "A walk"\nauthor = "A. Lecturer"\nsources = ["Somebody, 2019"]\n+++\n\n'
ANSWER = "It was kicked out again"
STOPS = f"""
# Stuck

Words with $L(c\\,w) = L(w)$ and a number, {{loss}}.

```scene
preset = "stuck_in_a_well"
runs = [{{ learning_rate = 0.3 }}]
at = 3
play = false
show = ["loss", "norm"]
```

```question
Where does it end?
kind = "place"
step = 50
```

```answer
{ANSWER}: {{angle}}.
```

```notes
Only for the lecturer.
```

---

# Decay

```scene
change = {{ "runs.0.weight_decay" = 0.25 }}
at = 10
```

```question
At which angle?
kind = "angle"
step = 30
```

```answer
There.
```

---

# How often?

```question
How often?
kind = "number"
is = "wells"
```

```answer
So often: {{wells}}.
```

---

# Which?

```question
Which one?
kind = "choice"
options = ["one", "two"]
right = "two"
```

```answer
The second.
```

---

# The end

```scene
preset = "kicked"
at = 84
play = false
```
"""
SHOWN = "document.body.innerText"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    made = tmp_path_factory.mktemp("story") / "walk.html"
    made.write_text(page_of(read(HEAD + STOPS)), "utf-8")
    return made.as_uri()


@pytest.fixture
def opened(page, file):
    """The page, opened from the file at a place; no request may leave it."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def at(place: str = "", width: int = 1440, height: int = 900):
        page.set_viewport_size({"width": width, "height": height})
        page.goto("about:blank")
        page.goto(file + place)
        until(page, "window.__story")
        return page

    yield at
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []


def until(page, expression: str) -> None:
    """Waits until it is true; the page's policy lets nothing be evaluated in its own time."""
    deadline = time.monotonic() + 20
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)


def stop(page, number: int, what: str):
    return page.evaluate(f"window.__story.stops[{number - 1}].{what}")


def settled(page, number: int) -> None:
    until(page, f"(s => s.api && !s.api.playing)(window.__story.stops[{number - 1}])")
    page.wait_for_timeout(400)


def current(page) -> int:
    return page.evaluate("window.__story.current") + 1


def test_a_whole_story_is_played_with_the_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("p")
    assert page.locator("body.lecture").count() == 1 and current(page) == 1
    page.keyboard.press("q")
    page.keyboard.type("-0.1")
    page.keyboard.press("Tab")
    page.keyboard.type("1.2")
    page.keyboard.press("Enter")
    assert "You marked (−0.100, 1.20)" in page.inner_text(".current .verdict") and ANSWER in page.evaluate(SHOWN)
    page.keyboard.press("PageDown")
    page.keyboard.press("q")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert stop(page, 2, "mark") == 5 and current(page) == 2
    page.keyboard.press("r")
    assert "You said 5°" in page.inner_text(".current .verdict")
    page.keyboard.press("PageDown")
    page.keyboard.press("q")
    page.keyboard.type("7")
    page.keyboard.press("r")
    assert "You said 7" in page.inner_text(".current .verdict")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("q")
    page.keyboard.press("Space")
    page.keyboard.press("r")
    assert page.inner_text(".current .verdict") == "You chose “one”. It is “two”."
    page.keyboard.press("PageDown")
    page.keyboard.press("Space")
    assert current(page) == 5 and stop(page, 5, "api.playing")
    page.keyboard.press("Space")
    assert not stop(page, 5, "api.playing")
    page.keyboard.press("2")
    assert current(page) == 2
    page.keyboard.press("Home")
    assert current(page) == 1
    page.keyboard.press(".")
    assert page.locator(".blank").is_visible()
    page.keyboard.press("PageDown")
    assert not page.locator(".blank").is_visible() and current(page) == 1
    page.keyboard.press("?")
    assert "the speaker’s window" in page.inner_text(".keys")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.locator("body.lecture").count() == 0


def test_a_clicker_s_two_keys_lead_through_all_of_it_and_back(opened):
    page = opened("#lecture")
    seen = []
    for _ in range(12):
        seen.append((current(page), page.locator(".current .answer[open]").count()))
        page.keyboard.press("PageDown")
    assert seen[:9] == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1), (5, 0)] and seen[-1] == (5, 0)
    for _ in range(5):
        page.keyboard.press("PageUp")
    assert current(page) == 1


def test_before_the_reveal_neither_the_answer_nor_the_path_beyond_is_there(opened):
    page = opened("#lecture&stop=1")
    until(page, "window.__story.stops[0].api?.frame")
    assert ANSWER not in page.evaluate(SHOWN) and ANSWER not in page.locator("#stop-1").inner_text()
    page.evaluate("window.__story.stops[0].api.seek(40)")
    assert stop(page, 1, "api.t") == 3
    page.evaluate("window.__story.stops[0].api.play()")
    settled(page, 1)
    assert stop(page, 1, "api.t") == 3 and stop(page, 1, "api.frame.future") is False
    told = page.evaluate("[...document.querySelectorAll('#stop-1 canvas')].map((c) => c.ariaLabel).join(' ')")
    assert "asked below" in told and "ends at" not in told
    before = page.locator("#stop-1 .zo-panel canvas").screenshot()
    page.keyboard.press("r")
    until(page, "window.__story.stops[0].api.t === 50")
    assert page.locator("#stop-1 .zo-panel canvas").screenshot() != before and ANSWER in page.evaluate(SHOWN)


def test_a_click_on_the_plane_is_a_mark_and_a_code_brings_it_to_others(opened):
    page = opened("#lecture&stop=1")
    page.locator(".current .marks").click(position={"x": 200, "y": 150})
    mark, code = stop(page, 1, "mark"), page.evaluate("window.__story.stops[0].code.textContent").removeprefix("Your code: ")
    assert re.fullmatch(r"1p[0-9a-z]{6}", code)
    page.reload()
    until(page, "window.__story?.stops[0].question.window")
    page.evaluate(f"window.__story.stops[0].paste('{code} 1pzz nonsense 2a000')")
    assert stop(page, 1, "others.length") == 1
    assert stop(page, 1, "others[0].mark") == pytest.approx(mark, abs=1e-3)
    assert page.locator(".current .marks text").text_content() == code


def test_the_same_link_gives_the_same_pixels(opened):
    pictures = []
    for place in ("#stop=5&t=60", "#stop=5&t=60", "#lecture&stop=5&t=60", "#lecture&stop=5&t=60"):
        page = opened(place)
        settled(page, 5)
        assert stop(page, 5, "api.t") == 60
        page.mouse.move(2, 2)
        pictures.append(page.locator("#stop-5 .zo-panels").screenshot())
    assert pictures[0] == pictures[1] and pictures[2] == pictures[3]


SMALLEST = """() => {
  const says = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  const shown = [...document.querySelectorAll("body *")].filter((e) =>
    says(e) && e.checkVisibility() && e.getClientRects().length && !e.closest(".zo-unseen, script, math"));
  const size = (e) => parseFloat(getComputedStyle(e).fontSize);
  return shown.map((e) => [size(e), e.className, e.textContent.slice(0, 30)]).sort((a, b) => a[0] - b[0])[0];
}"""


LOWEST = """(stop) => Math.max(...[...document.querySelectorAll(`${stop} .zoomout-stage > *`)]
  .map((e) => e.getBoundingClientRect().bottom))"""
"""where the lowest part of a stop's stage ends"""


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_in_a_lecture_nothing_is_small_and_the_figure_is_large(opened, number):
    page = opened(f"#lecture&stop={number}", 1920, 1080)
    page.wait_for_timeout(300)
    smallest, who, text = page.evaluate(SMALLEST)
    assert smallest >= 24, (who, text)
    if page.locator(".current figure").count():
        settled(page, number) if number != 2 else page.wait_for_timeout(500)
        assert page.locator(".current .zoomout-stage").bounding_box()["height"] >= 0.75 * 1080
        assert page.evaluate(f"({LOWEST})('.current')") <= 1080


def test_the_speaker_s_window_shows_the_notes_and_mirrors_the_moment_within_a_tenth_of_a_second(opened, page):
    opened("#lecture&stop=1")
    with page.context.expect_page() as other:
        page.keyboard.press("s")
    speaker = other.value
    until(speaker, "window.__story?.stops[0].api")
    notes, following = "Only for the lecturer.", "Next: Decay"
    assert notes in speaker.evaluate(SHOWN) and following in speaker.evaluate(SHOWN)
    assert notes not in page.evaluate(SHOWN)
    speaker.keyboard.press("5")
    until(page, "window.__story.current === 4")
    settled(page, 5)
    page.evaluate("""window.seen = new Promise((done) => {
      const wait = () => (window.__story.stops[4].api.t === 33 ? done(Date.now()) : setTimeout(wait, 2));
      wait();
    }); 0""")
    until(speaker, "window.__story.stops[4].api")
    speaker.wait_for_timeout(300)
    began = speaker.evaluate("(window.__story.stops[4].api.seek(33), Date.now())")
    late = page.evaluate("window.seen") - began
    print(f"seen in the other window after {late} ms")
    assert late <= 100
    page.keyboard.press("PageUp")
    until(speaker, "window.__story.current === 3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "#lecture&stop=2"])
def test_readers_of_all_kinds_can_read_it(opened, page, scheme, place):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    opened(place)
    page.wait_for_timeout(500)
    found = Axe().run(page).response["violations"]
    serious = [(each["id"], each["nodes"][0]["html"][:160]) for each in found if each["impact"] in ("serious", "critical")]
    assert serious == []


def test_nothing_moves_on_the_page_when_a_figure_wakes(opened, page):
    page.add_init_script("""window.shifts = []; new PerformanceObserver((list) => shifts.push(...list.getEntries()
      .map((e) => e.value))).observe({ type: "layout-shift", buffered: true });""")
    opened()
    height = page.evaluate("document.documentElement.scrollHeight")
    for _ in range(12):
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(80)
    assert page.evaluate("document.documentElement.scrollHeight") == height
    assert sum(page.evaluate("shifts")) < 0.01


def test_a_figure_sleeps_when_nobody_sees_it_and_draws_with_every_frame_when_one_does(opened):
    page = opened("#stop=2")
    page.evaluate("(s => (s.reveal(), s.api && s.api.play()))(window.__story.stops[1])")
    page.wait_for_timeout(200)
    draws = stop(page, 2, "api.stats.draws")
    page.wait_for_timeout(300)
    assert stop(page, 2, "api.stats.draws") > draws
    page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
    page.wait_for_timeout(200)
    draws = stop(page, 2, "api.stats.draws")
    page.wait_for_timeout(300)
    assert stop(page, 2, "api.stats.draws") <= draws + 1


def test_a_page_of_text_leaves_the_keys_to_who_reads(opened):
    page = opened()
    for key in ("Space", "PageDown", "End", "Home"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.locator("body.lecture").count() == 0 and stop(page, 1, "api.t") == 3


def test_on_a_phone_nothing_is_wider_than_the_screen(opened):
    page = opened("", 390, 844)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for number in (1, 5):
        page.evaluate(f"document.querySelector('#stop-{number} .place').scrollIntoView({{ behavior: 'instant' }})")
        settled(page, number)
        box = page.locator(f"#stop-{number} .place").bounding_box()
        assert page.evaluate(f"({LOWEST})('#stop-{number}')") <= box["y"] + box["height"] + 1, "it is as high as its place"


def test_without_scripts_it_is_text_pictures_and_folded_answers(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file)
    text = page.inner_text("body")
    assert "Step 84 of 130" in text and "Where does it end?" in text and ANSWER not in text
    assert page.locator("figure img").first.bounding_box()["height"] > 200
    page.locator("summary").first.click()
    assert ANSWER in page.inner_text("body")
    context.close()


def test_first_words_come_soon_and_six_figures_fit_in_600_kilobytes(page, tmp_path):
    story = load(shelf.file_of("story:zoom_out"))
    figures = [stop for stop in story.stops if stop.own][:6]
    made = page_of(story._replace(stops=tuple(figures)))
    (tmp_path / "six.html").write_text(made, "utf-8")
    began = time.monotonic()
    page.goto((tmp_path / "six.html").as_uri())
    until(page, "performance.getEntriesByName('first-contentful-paint').length")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"{len(figures)} figures: {len(made.encode()) / 1000:.0f} kB, first words after {painted:.0f} ms "
          f"({1000 * (time.monotonic() - began):.0f} ms by the clock)")  # fmt: skip
    assert len(figures) == 6 and len(made.encode()) <= 600_000
    assert painted <= 300
