"""Where a picture goes, and so how large it is and how large its letters are: those are never below 11 pixels there."""

from typing import NamedTuple


class Target(NamedTuple):
    label: str
    size: tuple[int, int]
    ratio: float
    """pixels of the file to one where it will be seen; a point of paper counts for 4/3 of a pixel"""
    strips: int = 0
    """how many curves there is room for under the picture"""


TARGETS = {
    "blog": Target("Blog (680 wide, 2×)", (1360, 850), 2.0),
    "slide": Target("Slide 16:9", (1920, 1080), 1.5, 99),
    "square": Target("Square, for feeds", (1080, 1080), 2.0),
    "story": Target("Story 9:16, for phones", (1080, 1920), 2.75),
    "paper": Target("Paper, one column", (480, 340), 0.75),
}
SHAPES = {"16:9": "slide", "1:1": "square", "9:16": "story"}


def named(text: str) -> Target | None:
    """The target called so, by its name or its shape."""
    return TARGETS.get(SHAPES.get(text, text))
