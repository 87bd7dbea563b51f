"""Light and dark: the colours of whatever stands around a picture. `.streamlit/config.toml` gives the page the same ones."""

from typing import NamedTuple


class Theme(NamedTuple):
    name: str
    background: str
    text: str
    muted: str
    line: str
    accent: str
    soft: str
    """the ground of a plot that has no landscape"""

    @property
    def dark(self) -> bool:
        return self.name == "dark"


THEMES = {
    "light": Theme("light", "#fbfaf8", "#1a1c1e", "#5f6168", "#d9d7d4", "#1b6e66", "#f4f2ee"),
    "dark": Theme("dark", "#121416", "#eceae6", "#a9abb0", "#3d3f41", "#4fb3a9", "#1c1f22"),
}


class Parts(NamedTuple):
    """What stands on a picture beside its panels, and how large its letters are to be."""

    title: bool = True
    """the scene's title and its sentence"""
    strips: int = 99
    """how many, at most"""
    words: bool = True
    """the line of time and the sentence below it"""
    credit: bool = False
    """a small line that says with what it was made"""
    transparent: bool = False
    ratio: float = 0.0
    """pixels of the picture to one where it will be seen: no letter is smaller than `LEAST` there; 0 asks for nothing"""
    controls: str = "some"
    """what can be moved in a page without a server: none, some (the starts) or all (numbers too)"""


EVERYTHING = Parts()
LEAST = 11.0
"""pixels: letters smaller than this cannot be read"""
SMALL = 0.8
"""the smallest letters beside those of ordinary text"""
CREDIT = "made with zoomout"
