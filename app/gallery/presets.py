"""Scenes to start from: the files of `scenes/`, each with a line that says what to watch. Those of Zoom out carry a twin."""

from functools import cache
from typing import NamedTuple

from app.scene import Scene, from_preset
from app.scene.presets import preset_files


class Preset(NamedTuple):
    name: str
    scene: Scene

    @property
    def title(self) -> str:
        return self.scene.title

    @property
    def line(self) -> str:
        return self.scene.sentence


@cache
def preset(name: str) -> Preset:
    return Preset(name, from_preset(name))


def presets() -> tuple[Preset, ...]:
    """All of them, page by page."""
    return tuple(map(preset, preset_files()))


@cache
def of_page(page: str) -> tuple[Preset, ...]:
    """Those of one page, the one that it opens with first."""
    return tuple(preset(name) for name, file in preset_files().items() if file.parent.name == page)
