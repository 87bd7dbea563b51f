"""How quick the page feels, in a headless Chromium: drag to new picture, playback, recompilations, foreign requests.

    python benchmarks/page.py [--json]

The scene: the theatre's two panels, five starts, 2 000 steps. Latency is from the pointer's event to the drawn frame
that answers it, both read off the page's own clock. A Chromium is looked for on PATH and in CHROMIUM.
"""

import json
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.scene import Run, Scene, to_link

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import ARGUMENTS, STAGE, chromium, serving  # noqa: E402  (the same app and browser that the tests drive)

STARTS = ((-0.7, 0.7), (0.5, 0.5), (0.2, -0.7), (1.0, 1.0), (-1.0, -0.2))
HEAVY = Scene(
    landscape="five_wells", starts=STARTS, steps=2000,
    runs=(
        Run(label="weight decay", learning_rate=0.3, weight_decay=0.25),
        Run(label="growing rate", twin_of="weight decay"),
    ),
)  # fmt: skip

WATCH = (
    "() => { const root = " + STAGE + "; const z = root.__zoomout; window.__times = []; let moved = 0, id = z.frame.id;"
    "root.addEventListener('pointermove', () => { moved = performance.now(); }, true);"
    "const look = () => { if (z.frame.id !== id) { id = z.frame.id; window.__times.push(performance.now() - moved); }"
    " requestAnimationFrame(look); }; look(); }"
)


def drag(page: Page, moves: int = 80) -> list[float]:
    """Latencies in ms of single moves of the start handle, each waited for."""
    page.evaluate(WATCH)
    box = page.evaluate(
        "() => { const root = " + STAGE + "; const c = root.querySelector('canvas').getBoundingClientRect();"
        "const v = root.__zoomout.panels()[0]; return [c.x + v.left, c.y, v.width, v.height]; }"
    )
    x0, x1, y0, y1 = page.evaluate("() => " + STAGE + ".__zoomout.frame.panels[0].window")
    x, y = page.evaluate("() => " + STAGE + ".__zoomout.frame.runs[0].paths[0].start")
    unit = min(box[2] / (x1 - x0), box[3] / (y1 - y0))  # one unit of the plane in pixels; the window is centred
    px = box[0] + box[2] / 2 + unit * (x - (x0 + x1) / 2)
    py = box[1] + box[3] / 2 - unit * (y - (y0 + y1) / 2)
    page.mouse.move(px, py)
    page.mouse.down()
    for i in range(moves):
        seen = page.evaluate("() => window.__times.length")
        page.mouse.move(px + 30 * ((i % 10) / 10), py - 20 * ((i % 7) / 7) - 1)
        try:
            page.wait_for_function("(n) => window.__times.length > n", arg=seen, timeout=3000)
        except Exception:
            continue
    page.mouse.up()
    return page.evaluate("() => window.__times")


def slide(page: Page, moves: int = 40) -> list[float]:
    """Latencies in ms of the learning-rate slider, from its input event to the drawn frame."""
    page.evaluate(
        "() => { const z = " + STAGE + ".__zoomout; window.__slides = []; window.__slid = 0;"
        "let last = z.frame; const look = () => { if (z.frame !== last) { last = z.frame;"
        " window.__slides.push(performance.now() - window.__slid); }"
        " requestAnimationFrame(look); }; look(); }"
    )
    find = (
        "() => { const walk = (n) => { for (const e of n.querySelectorAll('*')) {"
        " if (e.id === 'run:0:learning_rate') return e;"
        "const i = e.shadowRoot && walk(e.shadowRoot); if (i) return i; } return null; }; return walk(document); }"
    )
    for i in range(moves):
        seen = page.evaluate("() => window.__slides.length")
        page.evaluate(
            "(v) => { const e = (" + find + ")(); window.__slid = performance.now(); e.value = v;"
            " e.dispatchEvent(new Event('input', {bubbles: true})); }",
            600 + i,
        )
        try:
            page.wait_for_function("(n) => window.__slides.length > n", arg=seen, timeout=3000)
        except Exception:
            continue
    return page.evaluate("() => window.__slides")


def playback(page: Page, seconds: float = 3.0) -> tuple[float, float]:
    """Draws per second, and ms of main thread per drawn frame (median)."""
    page.evaluate("() => { const z = " + STAGE + ".__zoomout; z.seek(0); z.play(); }")
    time.sleep(0.5)
    before = page.evaluate("() => " + STAGE + ".__zoomout.stats.draws")
    start = time.perf_counter()
    time.sleep(seconds)
    draws = page.evaluate("() => " + STAGE + ".__zoomout.stats.draws") - before
    rate = draws / (time.perf_counter() - start)
    spent = page.evaluate("() => " + STAGE + ".__zoomout.stats.frameMs.slice(-100)")
    return rate, statistics.median(spent)


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))]


def main() -> None:
    foreign: list[str] = []
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("request", lambda request: foreign.append(request.url) if "127.0.0.1" not in request.url else None)
        page.goto(to_link(HEAVY, f"{address}/") + "&play=0")
        page.wait_for_function("() => { const e = " + STAGE + "; return e && e.__zoomout.frame; }", timeout=60_000)
        time.sleep(2)
        drag(page, 10)
        drags, slides = quantiles(drag(page)), quantiles(slide(page))
        rate, spent = playback(page)
        browser.close()
    foreign = [url for url in foreign if not url.startswith(("data:", "blob:"))]
    figures = {
        "drag_p50_ms": drags[0], "drag_p95_ms": drags[1], "slider_p50_ms": slides[0], "slider_p95_ms": slides[1],
        "draws_per_second": rate, "main_thread_ms_per_frame": spent, "foreign_requests": len(foreign),
    }  # fmt: skip
    if "--json" in sys.argv:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value:8.1f}")


if __name__ == "__main__":
    main()
