"""A page with a picture: a scene in the session, edits that change it, a stage or a chart that follows.

Every door (a control, a drag on the stage, a link, a file) ends in `Bench.adopt`: a scene that cannot be simulated is
refused in one sentence beside the control, and the last good picture stays.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import streamlit as st

from app import dialogs
from app.chart import subject
from app.components import chart, rail, stage
from app.desk import Desk
from app.picture import picture
from app.presets import Preset
from app.rail.chart_controls import chart_groups
from app.rail.controls import Group, group, note, select
from app.rail.edits import edit
from app.result import Result, simulate
from app.scene import Scene, SceneError, from_token, to_link
from app.stage.frame import frame

log = logging.getLogger("zoomout")
PATHS = "explore"
"""the page on which a click on a chart opens a run"""
HEAVY = 5000
"""recorded points from which a dragged scene waits with its horizon of trust"""


class Page(NamedTuple):
    """What differs between the pages."""

    name: str
    title: str
    subtitle: str
    presets: tuple[Preset, ...]
    groups: Callable[[Scene, Result], list[Group]]
    """of the rail, for a scene and its paths; a chart brings its own to any page"""


@dataclass
class Bench:
    """One visitor's work on one page."""

    scene: Scene
    preset: str
    edit_seq: int = 0
    request_id: int = 0
    take: int = 0
    """counts the experiments: a new one starts the playback afresh, a dragged slider does not"""
    moving: bool = False
    """something is being dragged: a coarser frame will do until it is let go"""
    refused: dict[str, tuple[Any, str]] = field(default_factory=dict)
    notice: str = ""
    desk: Desk = field(default_factory=Desk)
    elsewhere: tuple[Scene, str] | None = None
    """a scene of paths that a click on a chart led to, and what it is; it is opened on the page for paths"""

    def carry_out(self, scene: Scene) -> Result | None:
        """The scene's paths, or None where it shows a chart.

        While something heavy is dragged they come without the horizon of trust, which follows at rest.
        """
        if scene.chart is not None:
            return None
        heavy = scene.steps * len(scene.points) * len(scene.runs) > HEAVY
        return simulate(scene, not (self.moving and heavy))

    def adopt(self, change: Callable[[Scene], Scene], control: str = "", typed: Any = None) -> bool:
        """Tries a change; keeps the old scene and remembers the sentence if it is refused. Says whether it was taken."""
        try:
            scene = change(self.scene)
            self.carry_out(scene)
        except SceneError as error:
            where = f" (column {error.column})" if error.column else ""
            self.refused[control] = (typed, error.message + where)
        except Exception as error:  # a visitor never sees a traceback
            log.exception("a scene failed")
            self.refused[control] = (typed, f"This did not work ({type(error).__name__}); the last good picture stays.")
        else:
            if _experiment(scene) != _experiment(self.scene):
                self.take += 1
                self.desk.trail.clear()
            self.scene = scene
            self.refused.pop(control, None)
            if control.split(":")[0] in ("preset", "landscape", "open"):
                self.refused.clear()
            return True
        return False


def _experiment(scene: Scene) -> tuple[Any, ...]:
    rules = tuple((run.rule, run.twin_of) for run in scene.runs)
    starts = len(scene.points) if scene.chart is None else 0  # a portrait with an orbit more is the same portrait
    return scene.landscape, scene.formula, rules, starts, scene.view.panels, scene.title, subject(scene)


def show(page: Page, open_paths: Callable[[], None]) -> None:
    """Draws the page once; Streamlit calls it after every interaction. `open_paths` goes to the page for paths."""
    bench = _bench(page)
    if bench.elsewhere is not None:
        _open_elsewhere(bench)
        open_paths()
    result = bench.carry_out(bench.scene)
    with st.sidebar:
        rail(_rail_data(page, bench, result), f"rail:{page.name}", lambda batch: _edited(page, bench, batch))
    top = st.container()
    key = f"{page.name}/{bench.take}"
    if result is None:
        data = bench.desk.bytes(bench.scene, bench.request_id, key)
        chart(data, f"chart:{page.name}", lambda request: _asked(bench, request))
        if bench.desk.seen.error is not None:
            bench.notice = _sentence(bench.desk.seen.error)
    else:
        autoplay = st.query_params.get("play") != "0"
        data = frame(picture(result), bench.request_id, key, autoplay=autoplay, preview=bench.moving)
        stage(data, f"stage:{page.name}", lambda request: _dragged(bench, request))
    with top:  # after the rail and the picture, which are what a finger waits for
        _header(page, bench)


def _bench(page: Page) -> Bench:
    key = f"bench:{page.name}"
    if key not in st.session_state:
        first = page.presets[0]
        bench = Bench(first.scene, first.name)
        token = st.query_params.get("scene")
        if token:
            bench.adopt(lambda _: from_token(token), "open")
            bench.preset = ""
            if "open" in bench.refused:
                bench.notice = f"{bench.refused.pop('open')[1]} Here is the default scene instead."
                bench.preset = first.name
        st.session_state[key] = bench
    return st.session_state[key]


def _open_elsewhere(bench: Bench) -> None:
    """Puts the scene that a click led to on the bench of the page for paths."""
    scene, words = bench.elsewhere
    there = Bench(scene, "", notice=words)
    st.session_state[f"bench:{PATHS}"], bench.elsewhere = there, None


def _sentence(error: Exception) -> str:
    if isinstance(error, (SceneError, ValueError)):
        return str(error)
    log.error("a chart failed", exc_info=error)
    return f"This did not work ({type(error).__name__}); change something and it is tried again."


def _asked(bench: Bench, request: dict[str, Any]) -> None:
    number = int(request.get("id", 0))
    if number <= bench.request_id:
        return
    bench.request_id, bench.notice = number, ""
    try:
        bench.elsewhere = bench.desk.asked(request, bench.scene, lambda change: bench.adopt(change, "chart"))
    except Exception as error:  # a run that cannot be opened; a visitor never sees a traceback
        bench.notice = _sentence(error)


def _header(page: Page, bench: Bench) -> None:
    left, right = st.columns([3, 1], vertical_alignment="top")
    with left, st.container(key="heading"):
        st.markdown(f"## {page.title}")
        # in the place of the subtitle, so that nothing below it moves
        st.caption(f"**{dialogs.plain(bench.notice)}**" if bench.notice else page.subtitle)
    with right, st.container(horizontal=True, horizontal_alignment="right", key="actions"):
        if st.button("Link", key=f"link:{page.name}", help="Copy a link to exactly this scene, or open another one"):
            dialogs.link(bench)
        if st.button("Export", key=f"export:{page.name}", help="Save a film, a picture, a page or the numbers"):
            dialogs.export(bench.scene)
        if any(run.twin_of for run in bench.scene.runs) and st.button(
            "Twin", key=f"twin:{page.name}", help="The learning rates that the theorem writes, and code for them"
        ):
            dialogs.twin(bench.scene)
        if st.button("Code", key=f"code:{page.name}", help="Python, TOML and the loss in NumPy, JAX or PyTorch"):
            dialogs.code(bench.scene)


def _rail_data(page: Page, bench: Bench, result: Result | None) -> dict[str, Any]:
    own = chart_groups(bench.scene) if result is None else page.groups(bench.scene, result)
    groups = [_preset_group(page, bench), *own]
    for part in groups:
        for control in part["controls"]:
            if control.get("id") in bench.refused:
                typed, sentence = bench.refused[control["id"]]
                control |= {"error": sentence} | ({"typed": typed} if isinstance(typed, str) else {})
    loose = [sentence for name, (_, sentence) in bench.refused.items() if not _has(groups, name)]
    groups[0]["controls"] += [note(sentence, "strong") for sentence in loose]
    return {"groups": groups, "seq": bench.edit_seq, "address": to_link(bench.scene)}


def _has(groups: list[Group], control: str) -> bool:
    return any(c.get("id") == control for part in groups for c in part["controls"])


def _preset_group(page: Page, bench: Bench) -> Group:
    options: list[tuple[str, ...]] = [(preset.name, preset.title) for preset in page.presets]
    if not bench.preset:
        options = [("", "A scene of your own"), *options]
    line = next((preset.line for preset in page.presets if preset.name == bench.preset), "")
    chooser = select("preset", "Start from", bench.preset, options, "Experiments to start from; everything can be changed.")
    return group("", [chooser, note(line) if line else None])


def _edited(page: Page, bench: Bench, batch: dict[str, Any]) -> None:
    seq = int(batch.get("seq", 0))
    if seq <= bench.edit_seq:
        return
    bench.edit_seq, bench.notice, bench.moving = seq, "", bool(batch.get("live"))
    for control, value in batch.get("edits", []):
        if control == "preset":
            chosen = next((preset for preset in page.presets if preset.name == value), None)
            if chosen is not None:
                bench.preset = chosen.name
                bench.adopt(lambda _, chosen=chosen: chosen.scene, control)
        else:
            bench.adopt(lambda scene, control=control, value=value: edit(scene, control, value), str(control), value)


def _dragged(bench: Bench, request: dict[str, Any]) -> None:
    number = int(request.get("id", 0))
    if number <= bench.request_id:
        return
    bench.request_id, bench.moving = number, not request.get("final", True)
    if request.get("kind") == "start":
        point = [float(f"{float(request[axis]):.4g}") for axis in "xy"]  # finer than a pixel, and short to read
        control = f"start:{int(request.get('index', 0))}"
        bench.adopt(lambda scene: edit(scene, control, point), control)
