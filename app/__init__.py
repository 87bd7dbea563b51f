"""All that a person meets: the page, the stage, the film, the command. It contains no mathematics.

In Python everything comes through here, and nothing is loaded before it is used:

    from app import Run, Scene, render, show, simulate
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
DOORS = {"simulate": "app.answer.result", "render": "app.film", "show": "app.film.display"}
"""where a name that is used from Python lives; what is in none of them is a part of a scene, or reads one"""


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return getattr(import_module(DOORS.get(name, "app.scene")), name)
    except AttributeError:
        known = f"Scene, Run and the other parts of a scene, {', '.join(DOORS)}"
        raise AttributeError(f"app has no {name!r}; it has {known}") from None
