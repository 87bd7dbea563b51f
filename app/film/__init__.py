"""The film: a scene as mp4, webm, gif, png, svg, pdf or html, with the stage's colours and, at the same step, its frame."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from app.answer.result import simulate
from app.drawing.field import field_image as field_image
from app.machine.files import check_new, whole_file
from app.picture.fonts import note as note
from app.picture.look import EVERYTHING, THEMES, Parts, Theme
from app.picture.picture import Picture, picture, telling
from app.scene import Scene, SceneError
from dynamics.simulate import ENGINE

FILMS, PICTURES, PAGES = ("mp4", "webm", "gif"), ("png", "svg", "pdf"), ("html",)
HOLD = 1.0
"""seconds that the last frame stays"""
MAX_FRAMES, MAX_GIF = 1200, 25e6
GIF_BYTES = 0.025
"""bytes that a frame of a GIF takes per pixel, as measured on busy scenes"""
GIF_FPS = 50
"""frames a second: a frame of less than two hundredths of a second is shown for ten by browsers"""
SIDES, LARGE_SIDES = (1920, 1080), (3840, 2160)
SMALLEST = 240

Progress = Callable[[int, int], None]


def render(
    scene: Scene,
    path: Path | str,
    size: tuple[int, int] = (1280, 720),
    fps: int = 30,
    seconds: float | None = None,
    theme: str = "light",
    progress: Progress | None = None,
    force: bool = False,
    step: float | None = None,
    large: bool = False,
    parts: Parts = EVERYTHING,
) -> Path:
    """Writes a scene to a file whose ending says what it becomes, and gives the file's path.

    A film plays the whole scene in `seconds` (as the scene says, by default) and holds its last frame for one second
    more. A picture shows the moment `step` (by default the scene's `view.at`, or the one that tells most). `large` allows
    up to 3840 × 2160. What cannot be made is refused with `SceneError`, before anything is drawn; whatever fails leaves
    nothing at the name of the file. `parts` says what stands beside the panels, and how large letters are.
    """
    path, seconds = Path(path), scene.view.seconds if seconds is None else float(seconds)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FILMS + PICTURES + PAGES:
        endings = ", ".join(f".{ending}" for ending in FILMS + PICTURES + PAGES)
        raise SceneError(
            "format", f"A picture's ending says what it becomes: {endings}; {path.suffix or 'none'!r} is not one."
        )
    if kind not in PAGES:
        check_size(size, large)
    if kind in FILMS:
        check_film(kind, size, fps, seconds)
    if theme not in THEMES:
        raise SceneError("film", f"The theme is light or dark, not {str(theme)[:20]!r}.")
    if parts.transparent and kind not in PICTURES:
        raise SceneError("film", f"Only a picture ({', '.join(PICTURES)}) has a transparent ground; {path.suffix} has none.")
    check_new(path, force)
    if step is not None and not 0 <= step <= scene.steps:
        raise SceneError("film", f"The scene has the steps 0 to {scene.steps}; a picture at {step:g} cannot be drawn.")
    if scene.chart is not None:
        _write_chart(scene, path, kind, size, fps, seconds, theme, progress, large, parts)
    else:
        engine = "portable" if kind in PAGES and parts.controls != "none" else ENGINE
        _write(picture(simulate(scene, engine=engine)), path, kind, size, fps, seconds, THEMES[theme], progress, step, parts)
    return path


def _write_chart(
    scene: Scene, path: Path, kind: str, size: tuple[int, int], fps: int, seconds: float, theme: str,
    progress: Progress | None, large: bool, parts: Parts,
) -> None:  # fmt: skip
    """A chart as a picture or a page; an atlas that was zoomed into also as a film."""
    from app import chart
    from app.chart import picture
    from app.chart.sheet import sent
    from app.film import encode, zoom

    if kind in PICTURES:
        picture.write(chart.whole(scene), path, size, theme, scene.title, parts)
        return
    with whole_file(path) as file:
        if kind in PAGES:
            from app.wire.embed import page

            made = chart.whole(scene)
            file.write_text(page("chart", scene, made.caption, sent(made, name="page"), theme), "utf-8")
            return
        moving, hold = max(1, round(seconds * fps)), max(1, round(HOLD * fps))
        zoom.check(scene, size, moving, page=not large)
        images = _reported(zoom.frames(scene, size, moving, hold, theme), moving + hold, progress)
        if kind == "gif":
            first = next(zoom.frames(scene, size, 1, 0, theme))
            encode.gif(file, [first], images, moving + hold, fps, [THEMES[theme].background])
        else:
            encode.film(file, kind, images, moving + hold, size, fps, _words(scene, scene.sentence))


def _write(
    seen: Picture, path: Path, kind: str, size: tuple[int, int], fps: int, seconds: float, theme: Theme,
    progress: Progress | None, step: float | None, parts: Parts,
) -> None:  # fmt: skip
    from app.drawing.reel import Reel, paper
    from app.film import encode

    moment = telling(seen) if step is None else float(step)
    with whole_file(path) as file:
        if kind in PAGES:
            from app.stage.frame import frame
            from app.wire.embed import page

            data = frame(seen, key="page", controls=parts.controls)
            file.write_text(page("stage", seen.scene, seen.summary, data, theme.name), "utf-8")
        elif kind in ("svg", "pdf"):
            paper(seen, file, kind, size, theme, moment, parts)
        elif kind == "png":
            Reel(seen, size, theme, parts=parts).save_png(file, moment)
        else:
            reel, moments = Reel(seen, size, theme, fade_ticks=True, parts=parts), times(seen.scene.steps, fps, seconds)
            frames = _reported(reel.frames(moments), len(moments), progress)
            if kind == "gif":
                encode.gif(file, reel.samples(), frames, len(moments), fps, reel.own_colours())
            else:
                encode.film(file, kind, frames, len(moments), size, fps, _words(seen.scene, seen.summary))


def _words(scene: Scene, summary: str) -> dict[str, str]:
    """What a file says of itself: the scene's title, its sentence, and what is to be seen."""
    return {"title": scene.title, "comment": scene.sentence, "description": summary}


def times(steps: int, fps: int, seconds: float) -> np.ndarray:
    """The time t of each frame: 0 … steps in `seconds`, then the last one for `HOLD` seconds."""
    moving = max(1, round(seconds * fps))
    return np.minimum(np.arange(moving + max(1, round(HOLD * fps))) / moving, 1.0) * steps


def _reported(frames: Iterator[np.ndarray], count: int, progress: Progress | None) -> Iterator[np.ndarray]:
    for done, image in enumerate(frames, 1):
        yield image
        if progress:
            progress(done, count)


# ---------------------------------------------------------------------------------------------------------------------
# Budgets


def check_size(size: tuple[int, int], large: bool = False) -> None:
    width, height = size
    long, short = LARGE_SIDES if large else SIDES
    if width % 2 or height % 2:
        raise SceneError("film", f"Width and height are even numbers of pixels; {width}×{height} is not.")
    if min(size) < SMALLEST:
        raise SceneError("film", f"Below {SMALLEST} pixels nothing can be read; {width}×{height} was asked for.")
    if max(size) > long or min(size) > short:
        raise SceneError("film", f"A picture has at most {long}×{short} pixels; {width}×{height} was asked for.")


def check_film(kind: str, size: tuple[int, int], fps: int, seconds: float) -> None:
    if not 1 <= fps <= 60 or fps != int(fps):
        raise SceneError("film", f"A film has 1 to 60 whole frames per second, not {fps:g}.")
    if kind == "gif" and fps > GIF_FPS:
        slow = f"A GIF plays at most {GIF_FPS} frames a second, since browsers slow faster ones down"
        raise SceneError("film", f"{slow}; {fps} were asked for.")
    if not 0 < seconds <= 600:
        raise SceneError("film", f"A film's motion lasts up to 600 seconds; {seconds:g} were asked for.")
    count = round(seconds * fps) + round(HOLD * fps)
    if count > MAX_FRAMES:
        asked = f"{seconds:g} s at {fps} frames per second and one second at the end are {count:,}".replace(",", " ")
        raise SceneError("film", f"A film has at most {MAX_FRAMES} frames; {asked}. Choose fewer seconds or frames.")
    predicted = size[0] * size[1] * (0.4 + GIF_BYTES * count)
    if kind == "gif" and predicted > MAX_GIF:
        megabytes = f"about {predicted / 1e6:.0f} MB; at most {MAX_GIF / 1e6:.0f} are made"
        raise SceneError("film", f"This GIF would have {megabytes}. Choose mp4, a smaller size, or fewer frames.")
