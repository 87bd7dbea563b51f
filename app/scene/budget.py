"""What may be asked for: one table, in steps, points and states; twice as much is asked of a shell than of a page.

Everything that can be large is refused here, in a sentence that names the budget and what was asked, before anything is
allocated. A recorded point takes some 80 bytes until its picture is drawn, a kept state of an orbit diagram some 8 in each
of 960 columns, with as much again while they are sorted into a picture.
"""

import os
from typing import NamedTuple

from app.scene.error import SceneError


class Budget(NamedTuple):
    sentence: str
    """with {most} and {asked}"""
    command: int
    page: int


BUDGETS = {
    "steps": Budget("A path has at most {most} steps; {asked} were asked for.", 200_000, 200_000),
    "points": Budget(
        "At most {most} points are recorded (steps × starts × runs); this asks for {asked}.", 20_000_000, 10_000_000
    ),
    "certified": Budget(
        "At most {most} certified points are recorded (steps × starts × runs); this asks for {asked}.", 100_000, 100_000
    ),
    "particles": Budget(
        "The runs of this chart take at most {most} steps together; it asks for {asked}: take fewer, or shorter ones.",
        10_000_000_000, 4_000_000_000,
    ),
    "orbits": Budget(
        "An orbit diagram keeps at most {most} states a column (starts × steps drawn); this asks for {asked}.",
        80_000, 40_000,
    ),
    "zoom": Budget(
        "The film of a zoom takes at most {most} steps (pixels × frames × steps); this asks for {asked}: make it shorter or "
        "smaller, or let its runs be shorter.", 200_000_000_000, 20_000_000_000,
    ),
}  # fmt: skip


PUBLIC = "ZOOMOUT_PUBLIC"
"""the variable that says: many visitors share this machine, so that each may ask for half"""


def public() -> bool:
    return os.environ.get(PUBLIC, "") not in ("", "0")


def check(name: str, asked: int, page: bool = False) -> None:
    budget, shared = BUDGETS[name], page and public()
    most = (budget.page if page else budget.command) // (2 if shared else 1)
    if asked > most:
        why = " Many visitors share this machine; on one of your own twice as much is allowed." if shared else ""
        raise SceneError("budget", budget.sentence.format(most=_written(most), asked=_written(asked)) + why)


def _written(number: int) -> str:
    return f"{number:.1e}" if number >= 10**9 else f"{number:,}".replace(",", " ")
