"""A visitor's chart: the work under way behind it, the way back from a zoom, and what lies under the pointer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from app import chart
from app.chart.sheet import Card, Sheet, sent
from app.laboratory.stream import Newest, Stream
from app.scene import Scene

FIRST_WAIT, NEXT_WAIT = 0.6, 1.0
"""seconds that an answer waits for a first picture, and for the next finer one; the page asks again by itself"""
Adopt = Callable[[Callable[[Scene], Scene]], bool]
NOTHING = Sheet((), "")


@dataclass
class Desk:
    scene: Scene | None = None
    """what is being computed or has been"""
    stream: Stream | None = None
    seen: Newest = field(default_factory=lambda: Newest(NOTHING, 0, True, None))
    drawn: Scene | None = None
    """what is seen: the scene before, until there is a first picture of the new one"""
    name: str = field(default_factory=lambda: token_hex(4))
    """tells its rasters from those that a page may still hold from another session"""
    serial: int = 0
    trail: list[Scene] = field(default_factory=list)
    """the scenes that were zoomed from"""
    card: Card | None = None
    have: frozenset[str] = frozenset()
    """rasters that the page said it has, with the request that is being answered"""
    waits: bool = False
    """whether the request that is being answered asks for something finer"""

    def look(self, scene: Scene) -> Newest:
        """The newest sheet of the scene; another scene than before begins anew, and what was under way stops."""
        if scene != self.scene or self.stream is None or (self.seen.more and self.stream.abandoned):
            if self.stream is not None:
                self.stream.stop()
            self.scene, self.serial, self.card = scene, self.serial + 1, None
            self.stream = Stream(lambda cancel: chart.sheets(scene, cancel))
            self.seen = self.seen._replace(number=0, more=True, error=None)
            found = self.stream.newest(0, FIRST_WAIT)
        else:
            found = self.stream.newest(self.seen.number, NEXT_WAIT) if self.waits else self.stream.newest(0, 0)
        if found.thing is not None:
            self.seen, self.drawn = found, scene
        else:  # until there is a first picture of the new scene, the old one stays
            self.seen = self.seen._replace(more=found.more, error=found.error)
        return self.seen

    def bytes(self, scene: Scene, request: int, key: str, finer: bool = True) -> bytes:
        """What the page draws, and nothing of it that the page has; whether it may ask for something `finer`."""
        seen = self.look(scene)
        have, self.have, self.waits = self.have, frozenset(), False
        return sent(
            seen.thing, request, key, name=f"{self.name}.{self.serial}.{seen.number}", more=finer and seen.more,
            depth=len(self.trail), card=self.card, have=have,
        )  # fmt: skip

    def asked(self, request: dict[str, Any], scene: Scene, adopt: Adopt) -> tuple[Scene, str] | None:
        """Carries out what was done on the chart. Returns a scene of paths where a click led to one, and what it is.

        `adopt(change)` changes the page's scene and says whether that was possible.
        """
        self.have, self.waits = frozenset(map(str, request.get("have") or ())), request["kind"] == "more"
        if not all(
            math.isfinite(float(end)) for end in [request.get("x", 0), request.get("y", 0), *request.get("window", ())]
        ):
            return None
        match request["kind"]:
            case "zoom":
                window = tuple(float(end) for end in request["window"])
                if adopt(lambda old: chart.zoomed(old, window)):
                    self.trail.append(scene)
            case "back" | "home" if self.trail:
                before = self.trail.pop() if request["kind"] == "back" else self.trail[0]
                self.trail = self.trail if request["kind"] == "back" else []
                adopt(lambda old: chart.seen_as(old, before))
            case "pick" if self.drawn == scene:
                found, words = chart.picked(scene, self.seen.thing, request)
                if found.chart is None:
                    return found, words
                adopt(lambda _: found)
            case "hover" if self.drawn == scene:
                self.card = chart.card(scene, self.seen.thing, request)
        return None
