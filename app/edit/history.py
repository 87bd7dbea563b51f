"""Where a visitor's scene has been: what Undo, Redo and the browser's Back lead to. Nothing that is replaced is lost."""

import time
from dataclasses import dataclass, field
from secrets import token_hex
from typing import NamedTuple

from app.scene import Scene

MOST = 200
"""how many changes can be taken back"""
PAUSE = 1.0
"""seconds between two changes of one control from which they are two changes, and not one drag or one word"""


class Place(NamedTuple):
    """A scene, the preset that it came from, and the scene that Reset leads to."""

    scene: Scene
    preset: str
    origin: Scene


@dataclass
class History:
    """The places before this one and after it. Every place has a mark of its own, which addresses carry."""

    here: Place
    past: list[tuple[str, Place]] = field(default_factory=list)
    future: list[tuple[str, Place]] = field(default_factory=list)
    name: str = field(default_factory=lambda: token_hex(4))
    count: int = 0
    mark: str = ""
    last: tuple[str, float] = ("", 0.0)
    """the control that made the last change, and when"""

    def __post_init__(self) -> None:
        self.mark = self._next_mark()

    def put(self, place: Place, control: str = "", live: bool = False) -> None:
        """A change. One that goes on with the last one (a drag, a held key, a word being typed) belongs to it."""
        now, (before, when) = time.monotonic(), self.last
        self.last = (control, now + 60 * live)  # a finger may rest as long as it is down
        if place == self.here:
            return
        if not (control and control == before and now < when + PAUSE):
            self.past = [*self.past, (self.mark, self.here)][-MOST:]
            self.future, self.mark = [], self._next_mark()
        self.here = place

    def undo(self, times: int = 1) -> None:
        self._move(self.past, self.future, times)

    def redo(self, times: int = 1) -> None:
        self._move(self.future, self.past, times)

    def visit(self, mark: str) -> bool:
        """Goes to the place with this mark, and says whether there is one."""
        marks = [name for name, _ in self.past], [name for name, _ in self.future]
        if mark in marks[0]:
            self.undo(len(marks[0]) - marks[0].index(mark))
        elif mark in marks[1]:
            self.redo(len(marks[1]) - marks[1].index(mark))
        return mark == self.mark

    def _move(self, source: list[tuple[str, Place]], target: list[tuple[str, Place]], times: int) -> None:
        for _ in range(min(times, len(source))):
            target.append((self.mark, self.here))
            self.mark, self.here = source.pop()
        self.last = ("", 0.0)

    def _next_mark(self) -> str:
        self.count += 1
        return f"{self.name}.{self.count}"
