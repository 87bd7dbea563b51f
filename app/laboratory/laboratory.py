"""A page with a picture: a rail of controls, a stage or a chart that follows, and what goes up from them."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from app.answer.result import Result
from app.chart.sides import around
from app.edit.chart_controls import chart_groups
from app.edit.controls import Group, group, history_control, note, row, select
from app.edit.edits import edit
from app.gallery.presets import Preset, of_page
from app.laboratory import dialogs
from app.laboratory.components import chart, rail, stage
from app.laboratory.workbench import Bench
from app.picture.picture import picture
from app.scene import Scene, SceneError, from_link, from_query, to_link
from app.stage.frame import frame

log = logging.getLogger("zoomout")
PATHS = "explore"
"""the page on which a click on a chart opens a run"""


MAP = "Map this"
UNASKED = ("more", "hover")
"""what a chart asks for by itself or in passing: what was said stays"""


class Page(NamedTuple):
    """What differs between the pages."""

    name: str
    title: str
    subtitle: Callable[[Scene], str]
    groups: Callable[[Scene, Result | None], list[Group]]
    """of the rail, for a scene and its paths; a chart brings its own to any page"""

    @property
    def presets(self) -> tuple[Preset, ...]:
        return of_page(self.name)


def show(page: Page, go: Callable[[str], None]) -> None:
    """Draws the page once; Streamlit calls it after every interaction. `go` leads to the page of a name."""
    bench = _bench(page)
    if bench.elsewhere is not None:
        (name, scene, words), bench.elsewhere = bench.elsewhere, None
        there = _bench_named(name) or st.session_state.setdefault(f"bench:{name}", Bench(scene))
        there.adopt(lambda _: scene, "open", opened="")
        there.notice = words
        go(name)
    result = bench.look()
    with st.sidebar:
        rail(_rail_data(page, bench, result), f"rail:{page.name}", lambda batch: _edited(page, bench, batch))
    top = st.container()
    key = f"{page.name}/{bench.take}"
    if bench.scene.chart is not None:
        data = bench.desk.bytes(bench.scene, bench.request_id, key, finer=not bench.dialog)
        chart(data, f"chart:{page.name}", lambda request: _asked(bench, request))
        if bench.desk.seen.error is not None:
            bench.notice = _sentence(bench.desk.seen.error)
    else:
        autoplay = st.query_params.get("play") != "0"
        data = b"" if result is None else frame(
            picture(result), bench.request_id, key, autoplay=autoplay, preview=bench.moving
        )  # fmt: skip
        stage(data, f"stage:{page.name}", lambda request: _dragged(bench, request))
    with top:  # after the rail and the picture, which are what a finger waits for
        _header(page, bench)


def open_on(page: str, preset: Preset) -> None:
    """Opens a preset on a page; what was there can be had again by undo."""
    bench = _bench_named(page)
    if bench is None:
        st.session_state[f"bench:{page}"] = Bench(preset.scene, preset.name)
    else:
        bench.open_preset(preset)


def visited(page: Page) -> bool:
    """Whether this visitor has a scene on the page already."""
    return _bench_named(page.name) is not None


def _bench_named(page: str) -> Bench | None:
    return st.session_state.get(f"bench:{page}")


def _bench(page: Page) -> Bench:
    bench = _bench_named(page.name)
    if bench is None:
        first = page.presets[0]
        bench = st.session_state[f"bench:{page.name}"] = Bench(first.scene, first.name)
        query = st.query_params.to_dict()
        if {"scene", "preset"} & {*query} and (
            refusal := bench.adopt(lambda old: from_query(query) or old, "open", opened=query.get("preset", ""))
        ):
            bench.refused.clear()
            bench.notice = f"{refusal} Here is the default scene instead."
    return bench


def _sentence(error: Exception) -> str:
    if isinstance(error, (SceneError, ValueError)):
        return str(error)
    log.error("a chart failed", exc_info=error)
    return f"This did not work ({type(error).__name__}); change something and it is tried again."


def _asked(bench: Bench, request: dict[str, Any]) -> None:
    number = int(request.get("id", 0))
    if number <= bench.request_id:
        return
    bench.request_id = number
    if request.get("kind") not in UNASKED:
        bench.notice = ""
    try:
        found = bench.desk.asked(request, bench.scene, lambda change: not bench.adopt(change, "chart"))
        bench.elsewhere = found and (PATHS, *found)
    except Exception as error:  # a run that cannot be opened; a visitor never sees a traceback
        bench.notice = _sentence(error)


def _header(page: Page, bench: Bench) -> None:
    left, right = st.columns([3, 1], vertical_alignment="top")
    with left, st.container(key="heading"):
        st.header(dialogs.plain(bench.scene.title or page.title), anchor=False)
        # in the place of the sentence, so that nothing below it moves
        st.caption(f"**{dialogs.plain(bench.notice)}**" if bench.notice else dialogs.plain(_sentence_under(page, bench)))
    with right, st.container(horizontal=True, horizontal_alignment="right", key="actions"):
        for name, help_text in _actions(bench.scene).items():
            opens = partial(_map, bench) if name == MAP else partial(setattr, bench, "dialog", name)
            st.button(name, key=f"{name.lower()}:{page.name}", help=help_text, on_click=opens)
    if bench.dialog:
        dialogs.show(bench.dialog, bench)


def _sentence_under(page: Page, bench: Bench) -> str:
    """What to watch, in the scene's own words; of a changed scene what it was made from, since they may not hold there."""
    scene, origin = bench.scene, bench.history.here.origin
    own = " ".join(filter(None, (scene.sentence, scene.caveat)))
    if own:
        return own
    return f"Changed from “{origin.title}”." if scene != origin and origin.title else page.subtitle(scene)


def _map(bench: Bench) -> None:
    """Opens a map of many runs like this one on the page of maps; this page keeps its scene."""
    try:
        found = around(bench.scene)
        words = f"Made from “{bench.scene.title or 'your scene'}”, which stays on its page."
        bench.elsewhere = (found.shown_on, found, words)
    except SceneError as error:
        bench.notice = error.message


def _actions(scene: Scene) -> dict[str, str]:
    """The buttons over the picture, and what each is for."""
    twins = {"Twin": "The learning rates that the theorem writes, and code for them"}
    return {
        "Link": "Copy a link to exactly this scene, or open another one",
        "Export": "Save a film, a picture, a page or the numbers",
        **(twins if any(run.twin_of for run in scene.runs) else {}),
        **({MAP: "A quarter of a million runs like this one, round its own numbers"} if scene.chart is None else {}),
        "Code": "Python, TOML and the loss in NumPy, JAX or PyTorch",
        "Words": "What twin, effective learning rate, edge of stability and others mean",
    }


def _rail_data(page: Page, bench: Bench, result: Result | None) -> dict[str, Any]:
    own = page.groups(bench.scene, result) if bench.scene.chart is None else chart_groups(bench.scene)
    groups = [_preset_group(page, bench), *own]
    for part in groups:
        for control in part["controls"]:
            if control.get("id") in bench.refused:
                control |= bench.cure(control)
    loose = [refusal.sentence for name, refusal in bench.refused.items() if not _has(groups, name)]
    groups[0]["controls"] += [note(sentence, "strong") for sentence in loose]
    here = {"mark": bench.history.mark, "address": _address(bench.scene), "waits": bench.waits}
    return {"groups": groups, "seq": bench.edit_seq} | here


def _address(scene: Scene) -> str:
    """What the page's address holds; nothing of a scene that is too large for it."""
    try:
        return to_link(scene)
    except SceneError:
        return ""


def _has(groups: list[Group], control: str) -> bool:
    return any(c.get("id") == control for part in groups for c in part["controls"])


def _preset_group(page: Page, bench: Bench) -> Group:
    options: list[tuple[str, ...]] = [(preset.name, preset.title) for preset in page.presets]
    if not bench.preset:
        options = [("", "A scene of your own"), *options]
    chooser = select("preset", "Start from", bench.preset, options, "Experiments to start from; everything can be changed.")
    turn = [("previous", "‹ Previous", "The experiment before", True), ("next", "Next ›", "The experiment after", True)]
    return group("", [chooser, row("Experiments", turn), history_control(bench.history)])


def _edited(page: Page, bench: Bench, batch: dict[str, Any]) -> None:
    seq = int(batch.get("seq", 0))
    if seq <= bench.edit_seq:
        return
    bench.edit_seq, bench.notice, bench.moving = seq, "", bool(batch.get("live"))
    for control, value in batch.get("edits", []):
        match control:
            case "preset":
                for preset in page.presets:
                    if preset.name == value:
                        bench.open_preset(preset)
            case "previous" | "next":
                names = [preset.name for preset in page.presets]
                at = names.index(bench.preset) if bench.preset in names else -1 if control == "next" else 0
                bench.open_preset(page.presets[(at + (1 if control == "next" else -1)) % len(names)])
            case "undo" | "redo":
                bench.travel(control, value)
            case "visit":
                _visited(bench, *map(str, value))
            case "reset":
                bench.reset()
            case "cancel":
                bench.cancel()
            case "more":
                bench.patient = True
            case _:
                bench.adopt(lambda scene, control=control, value=value: edit(scene, control, value), str(control), value)


def _visited(bench: Bench, mark: str, address: str) -> None:
    """The browser went to a place of this page; one that is no longer known is opened from its address."""
    if not bench.history.visit(mark):
        bench.adopt(lambda _: from_link(address), "open", opened="")
    bench.refused.clear()


def _dragged(bench: Bench, request: dict[str, Any]) -> None:
    number = int(request.get("id", 0))
    if number <= bench.request_id:
        return
    bench.request_id, bench.moving = number, not request.get("final", True)
    if (kind := request.get("kind")) in ("start", "row"):
        point = [float(f"{float(request[axis]):.4g}") for axis in "xy"]  # finer than a pixel, and short to read
        control = f"{kind}:{int(request.get('index', 0))}"
        bench.adopt(lambda scene: edit(scene, control, point), control)
