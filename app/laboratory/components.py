"""Stage, chart and rail as Streamlit components, and the one idea behind them: data down, numbered requests up."""

import logging
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from app.gallery import cards
from app.machine.files import own_folder
from app.wire.bundle import bundled

HERE = Path(__file__).parents[1]
KINDS = ("rail", "stage", "chart", "gallery")
"""the components; each has a folder of its name here"""
log = logging.getLogger("zoomout")


@cache
def _folder() -> Path:
    """Scripts and styles of the components as files whose names tell one version from another: a browser asks once."""
    folder = own_folder()
    for name in KINDS:
        (folder / name).mkdir()
        for kind in ("js", "css"):
            text = bundled(HERE / name / f"{name}.{kind}").encode()
            (folder / name / f"{name}-{sha256(text).hexdigest()[:12]}.{kind}").write_bytes(text)
    for card in cards.FOLDER.glob("*.webp"):
        (folder / "gallery" / card.name).write_bytes(card.read_bytes())
    return folder


@cache
def _announced(manager: BidiComponentManager) -> None:
    """Tells a server where these files lie."""
    parts = [ComponentConfig(name, name) for name in KINDS]
    manager.register_from_manifest(ComponentManifest("zoomout", "1", parts), _folder())


def _component(name: str) -> Any:
    _announced(get_bidi_component_manager())
    html = f'<div class="zoomout-{name}"></div>'
    return st.components.v2.component(f"zoomout.{name}", html=html, js=f"{name}-*.js", css=f"{name}-*.css")


def _told(key: str, name: str, tell: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
    """What Streamlit calls when the page has set `name`. A message that makes no sense is no reason to stop the page."""

    def changed() -> None:
        message = st.session_state[key].get(name)
        if not isinstance(message, dict):
            return
        try:
            tell(message)
        except Exception:  # made by hand, since the components send no such thing
            log.exception("a message of %s was not understood", key)

    return changed


def stage(frame: bytes, key: str, on_request: Callable[[dict[str, Any]], None]) -> None:
    """Shows a frame. `on_request` is called, before the page runs again, with what was dragged on it."""
    told = _told(key, "request", on_request)
    _component("stage")(data=frame, key=key, on_request_change=told, width="stretch", height="content")


def chart(sheet: bytes, key: str, on_request: Callable[[dict[str, Any]], None]) -> None:
    """Shows a sheet. `on_request` is called, before the page runs again, with what was done on it."""
    told = _told(key, "request", on_request)
    _component("chart")(data=sheet, key=key, on_request_change=told, width="stretch", height="content")


def gallery(data: dict[str, Any], key: str, on_request: Callable[[dict[str, Any]], None]) -> None:
    """Shows cards. `on_request` is called, before the page runs again, with the name of the one that was chosen."""
    told = _told(key, "request", on_request)
    _component("gallery")(data=data, key=key, on_request_change=told, width="stretch", height="content")


def rail(data: dict[str, Any], key: str, on_edit: Callable[[dict[str, Any]], None]) -> None:
    """Shows controls. `on_edit` is called, before the page runs again, with a batch of edits."""
    told = _told(key, "edit", on_edit)
    _component("rail")(data=data, key=key, on_edit_change=told, width="stretch", height="content")
