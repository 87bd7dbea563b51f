"""Stage, chart and rail as Streamlit components, and the one idea behind them: data down, numbered requests up."""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.bundle import bundled

HERE = Path(__file__).parent
log = logging.getLogger("zoomout")


@cache
def _files(folder: str, name: str) -> dict[str, str]:
    return {kind: bundled(HERE / folder / f"{name}.{kind}") for kind in ("js", "css")}


def _component(name: str) -> Any:
    return st.components.v2.component(f"zoomout_{name}", html=f'<div class="zoomout-{name}"></div>', **_files(name, name))


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


def rail(data: dict[str, Any], key: str, on_edit: Callable[[dict[str, Any]], None]) -> None:
    """Shows controls. `on_edit` is called, before the page runs again, with a batch of edits."""
    told = _told(key, "edit", on_edit)
    _component("rail")(data=data, key=key, on_edit_change=told, width="stretch", height="content")
