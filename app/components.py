"""The stage and the rail as Streamlit components, and the one idea behind both: data down, numbered requests up."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.bundle import bundled

HERE = Path(__file__).parent


@cache
def _files(folder: str, name: str) -> dict[str, str]:
    script, style = HERE / folder / f"{name}.js", HERE / folder / f"{name}.css"
    return {"js": bundled(script), "css": style.read_text("utf-8")}


def _component(name: str) -> Any:
    return st.components.v2.component(f"zoomout_{name}", html=f'<div class="zoomout-{name}"></div>', **_files(name, name))


def stage(frame: bytes, key: str, on_request: Callable[[dict[str, Any]], None]) -> None:
    """Shows a frame. `on_request` is called, before the page runs again, with what was dragged on it."""

    def changed() -> None:
        request = st.session_state[key].get("request")
        if request:
            on_request(request)

    _component("stage")(data=frame, key=key, on_request_change=changed, width="stretch", height="content")


def chart(sheet: bytes, key: str, on_request: Callable[[dict[str, Any]], None]) -> None:
    """Shows a sheet. `on_request` is called, before the page runs again, with what was done on it."""

    def changed() -> None:
        request = st.session_state[key].get("request")
        if request:
            on_request(request)

    _component("chart")(data=sheet, key=key, on_request_change=changed, width="stretch", height="content")


def rail(data: dict[str, Any], key: str, on_edit: Callable[[dict[str, Any]], None]) -> None:
    """Shows controls. `on_edit` is called, before the page runs again, with a batch of edits."""

    def changed() -> None:
        batch = st.session_state[key].get("edit")
        if batch:
            on_edit(batch)

    _component("rail")(data=data, key=key, on_edit_change=changed, width="stretch", height="content")
