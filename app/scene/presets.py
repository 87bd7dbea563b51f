"""Scenes to start from, by name. Each is a scene file in `app/gallery/scenes`, as the page saves it.

To add one, save it there. A number before the name says where it stands among its neighbours; it is no part of the name.
"""

import tomllib
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from app.scene.error import SceneError
from app.scene.spelling import perhaps

PageName = Literal["zoom-out", "explore", "curvature", "normalisation", "chaos", "atlas"]
PAGES: tuple[str, ...] = get_args(PageName)
"""the pages in their order; presets lie in a folder of each"""
FOLDER = Path(__file__).parents[1] / "gallery" / "scenes"


@cache
def preset_files() -> dict[str, Path]:
    """The files by the names of their scenes, page by page and in their order."""
    files = (file for page in PAGES for file in sorted((FOLDER / page).glob("*.toml")))
    return {file.stem.partition("-")[2]: file for file in files}


def preset_data(name: Any) -> dict[str, Any]:
    """The scene called `name` as plain data, a fresh copy; or one sentence that names one that there is."""
    files = preset_files()
    if not isinstance(name, str) or name not in files:
        hint = perhaps(str(name)[:64], files) or "`zoomout list presets` names them"
        raise SceneError("preset", f"There is no preset called {str(name)[:40]!r}; {hint}.")
    return deepcopy(_tables()[name])


def preset_titled(title: str) -> str | None:
    """The name of the preset with this title."""
    return next((name for name, data in _tables().items() if data["title"] == title), None)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return {name: tomllib.loads(file.read_text("utf-8")) for name, file in preset_files().items()}
