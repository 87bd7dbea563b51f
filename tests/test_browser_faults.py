"""Faults between a page and its server: a connection that drops, visitors who do the same, one who sends too much."""

import json
import sys
import time
from pathlib import Path

import pytest
from browser import STAGE
from playwright.sync_api import Page, WebSocketRoute, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from visitor import Visitor  # noqa: E402

PATIENCE = 30_000


def until(page: Page, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const root = {STAGE}, z = root?.__zoomout; return z?.frame && ({condition}); }}", timeout=PATIENCE
    )


def test_a_connection_that_drops_loses_nothing_and_the_page_goes_on(page: Page, address: str) -> None:
    sockets: list[WebSocketRoute] = []

    def passed(route: WebSocketRoute) -> None:
        sockets.append(route)
        server = route.connect_to_server()
        route.on_message(server.send)
        server.on_message(route.send)

    page.route_web_socket("**/_stcore/stream", passed)
    page.goto(f"{address}/?preset=kicked&play=0")
    until(page, "true")
    box = page.get_by_label("Learning rate, typed")
    box.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("0.25")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('scene=')", timeout=PATIENCE)
    sockets[-1].close()
    deadline = time.monotonic() + 25
    while len(sockets) < 2 and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert len(sockets) >= 2, "the page comes back by itself"
    page.wait_for_timeout(1500)
    expect(box).to_have_value("0.25")
    before = page.evaluate(f"() => {STAGE}.__zoomout.frame.summary")
    decay = page.get_by_label("Weight decay, typed")
    decay.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("0.1")
    page.keyboard.press("Enter")
    until(page, f"z.frame.summary !== {json.dumps(before)}")
    expect(decay).to_have_value("0.1")
    expect(box).to_have_value("0.25")
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_two_visitors_of_one_scene_see_the_same_and_never_each_other(address: str) -> None:
    with Visitor(address, "explore") as one, Visitor(address, "explore") as other:

        def numbers(visitor: Visitor) -> bytes:
            return visitor.frame[-10_000:]  # the arrays, without the request's number in the header

        def changed(visitor: Visitor, **edits: object) -> None:
            before = visitor.frame
            visitor.edit(**edits)
            deadline = time.monotonic() + 20  # a page asks again for what is still being computed
            while visitor.frame in (before, b"") and time.monotonic() < deadline:
                visitor.edit(more=True)

        for visitor in (one, other):
            changed(visitor, run__0__noise=0.5)
            changed(visitor, seed="11")
        assert len(one.frame) > 20_000 and numbers(one) == numbers(other)
        kept = other.frame
        changed(one, seed="12")
        assert other.frame == kept and numbers(one) != numbers(other)
        changed(other, seed="12")
        assert numbers(one) == numbers(other)


@pytest.mark.parametrize("size", [20_000_000])
def test_a_message_of_twenty_megabytes_ends_at_most_its_own_connection(address: str, size: int) -> None:
    with Visitor(address, "explore") as other:
        with Visitor(address, "explore") as one:
            try:
                one.socket.send(b"\x00" * size)
                one.socket.recv(timeout=5)
            except Exception as refused:  # the server may close it, and says no more
                assert "closed" in type(refused).__name__.lower() or isinstance(refused, (TimeoutError, OSError)), refused
        assert other.drag(0.1, 0.4) < 10 and not other.words


def test_a_visitor_who_reads_slowly_keeps_nobody_waiting(address: str) -> None:
    with Visitor(address, "explore") as slow, Visitor(address, "explore") as other:
        for _ in range(30):  # asked for, and never read
            slow.number += 1
            request = {"kind": "start", "index": 0, "x": 0.1, "y": 0.4, "final": False, "id": slow.number}
            slow.send({"stage": {"request": request}})
        assert max(other.drag(0.1 + 0.01 * i, 0.4) for i in range(5)) < 10
