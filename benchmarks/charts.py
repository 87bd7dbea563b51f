"""How quick the pages of charts feel, in a headless Chromium: zooms, cancelled zooms, and the card under the pointer.

    python benchmarks/charts.py [--json]

The map: five wells, Lyapunov exponents, 512² runs of 500 steps. Every time is from the event to the drawn answer, both
read off the page's own clock, after two zooms that nobody counts. A Chromium is looked for on PATH and in CHROMIUM.
"""

import json
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.gallery.presets import of_page
from app.scene import to_link

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import ARGUMENTS, CHART, chromium, serving  # noqa: E402  (the same app and browser that the tests drive)

ATLAS = of_page("atlas")

SCENE = next(preset.scene for preset in ATLAS if preset.name == "lyapunov")
TARGETS = {"first_p50_ms": 200, "whole_p50_ms": 2000, "cancel_p50_ms": 1000}
WARM, ZOOMS, PAUSE = 2, 10, 30_000

WATCH = (
    "() => { const root = " + CHART + ", c = root.__chart, log = (window.__log = { moved: 0, seen: [], cards: [] });"
    "root.addEventListener('pointerup', () => { log.moved = performance.now(); log.seen = []; }, true);"
    "root.addEventListener('pointermove', () => { log.moved = performance.now(); }, true);"
    "let header = c.header, card = null;"
    "const look = () => { const h = c.header, at = performance.now() - log.moved; if (h !== header) { header = h;"
    " log.seen.push({ at, low: h.plots[0].x.low, whole: !h.more && h.done === 1 });"
    " if (h.card && h.card !== card) { card = h.card; log.cards.push(at); } }"
    " requestAnimationFrame(look); }; look(); }"
)
"""keeps when sheets arrived, counted from the pointer's last event"""


def place(page: Page, across: float, up: float) -> tuple[float, float]:
    left, top, width, height = page.evaluate(
        "() => { const root = " + CHART + ", b = root.getBoundingClientRect(), p = root.__chart.plots()[0];"
        " return [b.x + p.left, b.y + p.top, p.width, p.height]; }"
    )
    return left + across * width, top + (1 - up) * height


def stretch(page: Page, low: float, high: float) -> float:
    """A rubber band round the middle; gives the lower end of the x axis before it."""
    before = page.evaluate("() => " + CHART + ".__chart.header.plots[0].x.low")
    page.mouse.move(*place(page, low, low))
    page.mouse.down()
    page.mouse.move(*place(page, high, high), steps=3)
    page.mouse.up()
    return before


def zoom(page: Page, low: float = 0.2, high: float = 0.85) -> tuple[float, float]:
    """ms from the release of a rubber band to the first picture of the new window, and to the whole one."""
    before = stretch(page, low, high)
    page.wait_for_function("(b) => window.__log.seen.some((s) => s.whole && s.low !== b)", arg=before, timeout=PAUSE)
    seen = [s for s in page.evaluate("() => window.__log.seen") if s["low"] != before]
    return seen[0]["at"], next(s["at"] for s in seen if s["whole"])


def cancelled(page: Page) -> float:
    """ms from the release of a second rubber band, while the first one's map is computed, to its first picture."""
    before = stretch(page, 0.1, 0.9)
    page.wait_for_function("(b) => window.__log.seen.some((s) => s.low !== b)", arg=before, timeout=PAUSE)
    before = stretch(page, 0.1, 0.9)
    page.wait_for_function("(b) => window.__log.seen.some((s) => s.whole && s.low !== b)", arg=before, timeout=PAUSE)
    return next(s["at"] for s in page.evaluate("() => window.__log.seen") if s["low"] != before)


def hover(page: Page, k: int) -> float:
    """ms from the pointer's last move to the card of the pixel under it."""
    count = page.evaluate("() => window.__log.cards.length")
    page.mouse.move(*place(page, 0.1 + 0.07 * k, 0.15 + 0.05 * (k % 9)))
    page.wait_for_function("(n) => window.__log.cards.length > n", arg=count, timeout=PAUSE)
    return page.evaluate("() => window.__log.cards.at(-1)")


def home(page: Page) -> None:
    page.evaluate("() => " + CHART + ".querySelector('.zo-plot').focus()")
    page.keyboard.press("Home")
    page.wait_for_function(
        "() => { const h = " + CHART + ".__chart.header; return h.depth === 0 && !h.more && h.done === 1; }"
    )


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1) + 0.5)]


def main() -> None:
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(to_link(SCENE, f"{address}/atlas"))
        page.wait_for_function(
            "() => { const h = " + CHART + "?.__chart.header; return h && h.done === 1; }", timeout=60_000
        )
        page.wait_for_timeout(500)
        page.evaluate(WATCH)
        zooms = []
        for k in range(WARM + ZOOMS):
            zooms.append(zoom(page))
            if k % 4 == 3:
                home(page)
        home(page)
        cancels = []
        for _ in range(6):
            cancels.append(cancelled(page))
            home(page)
        hovers = [hover(page, k) for k in range(12)]
        browser.close()
    first, whole = (quantiles([each[i] for each in zooms[WARM:]]) for i in (0, 1))
    figures = {}
    for name, (p50, p95) in {
        "first": first,
        "whole": whole,
        "cancel": quantiles(cancels),
        "hover": quantiles(hovers[2:]),
    }.items():
        figures |= {f"{name}_p50_ms": p50, f"{name}_p95_ms": p95}
    if "--json" in sys.argv:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:16} {value:8.0f}" + (f"   target {TARGETS[name]}" if name in TARGETS else ""))


if __name__ == "__main__":
    main()
