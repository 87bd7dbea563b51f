"""Gallery: every preset as a card; the chosen one opens on its own page."""

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from app.gallery.cards import card_of
from app.gallery.presets import Preset, preset, presets
from app.laboratory.components import gallery
from app.laboratory.laboratory import open_on
from app.picture.look import THEMES
from app.scene.presets import preset_files
from dynamics import rules

NAME, TITLE = "gallery", "Gallery"
LINE = "Experiments to start from. Everything in them can be changed."
FOLDER = "_stcore/bidi-components/zoomout.gallery/"
"""where the server has what the component brings: see `components`"""
CHOSEN = "gallery:chosen"


def show(pages: dict[str, str], go: Callable[[str], None]) -> None:
    """Draws the page. `pages` are the names of the others by their addresses, and `go` leads to one."""
    if (name := st.session_state.pop(CHOSEN, None)) in preset_files():
        found = preset(name)
        open_on(found.scene.shown_on, found)
        go(found.scene.shown_on)
    with st.container(key="heading"):
        st.header(TITLE, anchor=False)
        st.caption(LINE)
    made = [_card(each) | {"page": pages[each.scene.shown_on]} for each in presets()]
    gallery({"cards": made, "folder": FOLDER}, "gallery", _chosen)


def _chosen(request: dict[str, Any]) -> None:
    st.session_state[CHOSEN] = str(request["name"])


@cache
def _card(preset: Preset) -> dict[str, Any]:
    scene = preset.scene
    used = dict.fromkeys(rules.named(run.rule).title for run in scene.runs if scene.partner(run) is None)
    return {
        "name": preset.name, "title": preset.title,
        "sentence": preset.line, "picture": {theme: card_of(preset, theme).name for theme in THEMES},
        "loss": scene.field.title if scene.landscape else "a formula", "rules": list(used), "topics": list(scene.topics),
        "address": f"{scene.shown_on}?preset={preset.name}",
    }  # fmt: skip
