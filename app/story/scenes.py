"""A story's scenes: a preset, a file, a link, a scene written out, or a change to the scene before."""

from pathlib import Path
from typing import Any, NamedTuple

from app.scene import MAX_FILE, Scene, SceneError, from_data, from_link, read_bytes, to_data
from app.scene.changes import changed
from app.scene.schema import STRIPS
from dynamics import rules

STORY = ("at", "play", "show", "controls", "file", "link")
"""what a story says of a scene, beside what the scene says itself"""
SHARED = ("learning_rate", "weight_decay", "noise", "clip_norm")


class Shown(NamedTuple):
    """A scene as it stands in a story."""

    scene: Scene
    at: float | None
    play: bool
    controls: tuple[str, ...]


def scene_of(data: dict[str, Any], before: Scene | None, folder: Path | None) -> Shown:
    """The scene that a block asks for. What is said of the moment and of controls holds for its own stop alone."""
    own = {name: value for name, value in data.items() if name not in STORY}
    scene = _made(own, data, before, folder)
    show = data.get("show")
    if show is not None:
        _check_list(show, "show")
        if unknown := [name for name in show if name not in STRIPS]:
            raise SceneError("show", f"show: there is no curve called {unknown[0][:40]!r}; there are {', '.join(STRIPS)}.")
        scene = from_data(changed(to_data(scene), {"view.strips": show}))
    at, play, controls = data.get("at"), data.get("play", True), data.get("controls", [])
    if at is not None and (isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at <= scene.steps):
        raise SceneError("at", f"at: the scene has the steps 0 to {scene.steps}; there is no moment {str(at)[:20]}.")
    if not isinstance(play, bool):
        raise SceneError("play", "play is true or false.")
    _check_list(controls, "controls")
    for place in controls:
        _check_control(scene, place)
    return Shown(scene, at, play, tuple(controls))


def _made(own: dict[str, Any], data: dict[str, Any], before: Scene | None, folder: Path | None) -> Scene:
    ways = [name for name in ("preset", "file", "link") if name in data]
    ways += ["landscape"] if {"landscape", "formula"} & own.keys() and "preset" not in ways else []
    if len(ways) > 1:
        raise SceneError("scene", f"A scene is given in one way; this one has {' and '.join(ways)}.")
    if ways and ways[0] in ("file", "link"):
        base = _from_file(data["file"], folder) if "file" in data else from_link(str(data["link"]))
        return from_data(changed(to_data(base), own.pop("change", {})) | own)
    if ways:
        return from_data(own)
    if "change" not in own:
        raise SceneError("scene", "A scene names a preset, a file, a link, a landscape or a formula, or it is a change.")
    if before is None:
        raise SceneError("change", "change: no scene stands before this one that could be changed; name a preset.")
    return from_data(changed(to_data(before), own.pop("change")) | own)


def _from_file(name: Any, folder: Path | None) -> Scene:
    file = beside(name, folder)
    try:
        with file.open("rb") as opened:
            return read_bytes(opened.read(MAX_FILE + 1), file.name)
    except OSError:
        raise SceneError("file", f"file: there is no scene file called {str(name)[:80]!r} beside the story.") from None


def beside(name: Any, folder: Path | None) -> Path:
    """A file in the story's folder or below it, whatever its name says."""
    if folder is None:
        raise SceneError("file", "file: this story has no folder, so it can name no file.")
    home = folder.resolve()
    file = (home / str(name).replace("\0", "")).resolve()
    if not file.is_relative_to(home):
        raise SceneError("file", f"file: {str(name)[:80]!r} does not lie beside the story or below it.")
    return file


def _check_list(value: Any, name: str) -> None:
    if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise SceneError(name, f"{name} is a list of names in quotes.")


def _check_control(scene: Scene, place: str) -> None:
    """Refuses what a reader could not move."""
    part, *rest = place.split(".")
    if part == "runs" and len(rest) == 2 and rest[0].isdigit() and int(rest[0]) < len(scene.runs):
        known = (*SHARED, *rules.named(scene.runs[int(rest[0])].rule).knobs)
    elif part == "knobs":
        rest, known = rest[-1:], tuple(scene.field.knob_values)
    elif place in ("starts", "steps", "seed"):
        return
    else:
        known = ()
    if not rest or rest[-1] not in known:
        can = f"there it can be {', '.join(known)}" if known else "write runs.0.weight_decay, knobs.NAME, starts or steps"
        raise SceneError("controls", f"controls: a reader cannot move {place[:60]!r}; {can}.")
