"""The picture of a stop's figure: what is seen before anything moves, on paper, and where no script runs."""

import tempfile
from pathlib import Path

from msgspec.structs import replace

from app.answer.result import simulate
from app.film import render
from app.machine.files import check_new, whole_file
from app.picture.look import Parts
from app.picture.picture import picture, telling
from app.picture.words import caption, plain
from app.scene import Scene, SceneError
from app.story.story import Stop, Story

SIZE = (960, 576)
BARE = Parts(title=False, strips=0, words=False, ratio=1.0)
QUALITY = 42
CHART, FINE = (1280, 880), 62
"""the same of a chart, whose picture nothing replaces"""
LARGE = (1600, 960)
"""of a picture that is written to a folder"""


def scene_of(stop: Stop) -> Scene:
    """The scene of a stop's figure as it may be seen: where something is asked, curves end where the clock stands."""
    scene = stop.shown.scene
    return replace(scene, view=replace(scene.view, future=False)) if stop.asked else scene


def moment(stop: Stop) -> float | None:
    """The step that the picture shows; None for a chart, which has none."""
    if stop.shown.scene.chart is not None:
        return None
    if stop.asked:
        return stop.shown.at or 0
    return telling(picture(simulate(stop.shown.scene))) if stop.shown.at is None else stop.shown.at


def words(stop: Stop) -> str:
    """What the picture shows, computed."""
    scene = stop.shown.scene
    if scene.chart is not None:
        return scene.sentence or scene.title
    return plain(caption(picture(simulate(scene)), moment(stop)))


def size_of(stop: Stop) -> tuple[int, int]:
    return SIZE if stop.shown.scene.chart is None else CHART


def poster(stop: Stop, theme: str) -> bytes:
    """The picture as WebP."""
    from PIL import Image

    scene, size = stop.shown.scene, size_of(stop)
    parts, quality = (BARE, QUALITY) if scene.chart is None else (BARE._replace(ratio=1.4), FINE)
    with tempfile.TemporaryDirectory() as folder:
        made = render(scene, Path(folder) / "poster.png", size, theme=theme, step=moment(stop), parts=parts)
        with Image.open(made) as image:
            image.convert("RGB").save(Path(folder) / "poster.webp", "webp", quality=quality, method=6)
        return (Path(folder) / "poster.webp").read_bytes()


def write_all(story: Story, folder: Path, force: bool) -> list[Path]:
    """Each figure's picture as a PNG in a folder, and beside it what it shows, as text."""
    if not folder.is_dir():
        raise SceneError("file", f"There is no folder called {folder.name!r} for the pictures.")
    made = [(number, stop) for number, stop in enumerate(story.stops, 1) if stop.own]
    files = [folder / f"stop-{number}.png" for number, _ in made]
    for file in files:
        check_new(file, force)
    for file, (_, stop) in zip(files, made, strict=True):
        render(stop.shown.scene, file, LARGE, step=moment(stop), force=True, parts=BARE)
        with whole_file(file.with_suffix(".txt")) as text:
            text.write_text(words(stop) + "\n", "utf-8")
    return files
