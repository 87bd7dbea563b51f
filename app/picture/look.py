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
