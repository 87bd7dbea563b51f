"""What one scene has that another has not, as places in plain data: `{"runs.0.weight_decay": 0.25}`.

    changed(before, difference(before, after)) = after
"""

from copy import deepcopy
from typing import Any

from app.scene.error import SceneError

NOTHING = None
"""the value of a place that is not there afterwards"""


def difference(before: Any, after: Any, place: str = "") -> dict[str, Any]:
    """The places at which plain data differ, each with its value afterwards; lists of another length are one place."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: dict[str, Any] = {}
        for name in [*after, *(name for name in before if name not in after)]:
            here = f"{place}.{name}" if place else name
            if name not in before or name not in after:
                found[here] = after.get(name, NOTHING)
            else:
                found |= difference(before[name], after[name], here)
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return {name: value for i, (a, b) in pairs for name, value in difference(a, b, f"{place}.{i}").items()}
    return {} if before == after and type(before) is type(after) else {place: after}


def changed(data: dict[str, Any], change: Any) -> dict[str, Any]:
    """Plain data with other values at some places; the data themselves stay as they are."""
    if not isinstance(change, dict):
        raise SceneError("change", 'A change is a table of places and values, such as { "runs.0.weight_decay" = 0.25 }.')
    made = deepcopy(data)
    for place, value in change.items():
        _put(made, place, value)
    return made


def _put(data: dict[str, Any], place: str, value: Any) -> None:
    *way, last = place.split(".")
    here: Any = data
    for name in way:
        here = here.setdefault(name, {}) if isinstance(here, dict) else _item(here, name, place)
    if isinstance(here, list):
        _item(here, last, place)
        here[int(last)] = value
    elif not isinstance(here, dict):
        raise SceneError("change", f"There is nothing called {place[:60]!r} in the scene that is changed.")
    elif value is NOTHING:
        here.pop(last, None)
    else:
        here[last] = value


def _item(here: Any, name: str, place: str) -> Any:
    if isinstance(here, list) and name.isascii() and name.isdigit() and int(name) < len(here):
        return here[int(name)]
    raise SceneError("change", f"There is nothing called {place[:60]!r} in the scene that is changed.")
