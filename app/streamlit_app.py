"""The page's front door: configuration, navigation, and the warm-up that makes the first touch quick."""

import gc
import os
import threading
from pathlib import Path

import streamlit as st

from app.answer.result import simulate
from app.chart import sheets
from app.laboratory.dialogs import plain
from app.laboratory.laboratory import show, visited
from app.scene import SceneError, budget, from_query
from app.views import atlas, chaos, curvature, explore, gallery, normalisation, zoom_out

PAGES = (zoom_out.PAGE, explore.PAGE, curvature.PAGE, normalisation.PAGE, chaos.PAGE, atlas.PAGE)
NAMES = {
    "zoom-out": "Zoom out", "explore": "Explore", "curvature": "Curvature", "normalisation": "Normalisation",
    "chaos": "Chaos", "atlas": "Atlas",
}  # fmt: skip
STYLE = Path(__file__).parent / "style.css"


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Compiles the pages' first scenes behind the first picture, then hides all that is loaded from garbage collection."""

    def work() -> None:
        for page in PAGES:
            scene = page.presets[0].scene
            if scene.chart is None:
                simulate(scene)
            else:
                next(sheets(scene))
        gc.collect()
        gc.freeze()

    threading.Thread(target=work, daemon=True).start()


st.set_page_config("zoomout", layout="wide", initial_sidebar_state="auto")
st.html(STYLE)


def go(name: str) -> None:
    """To the page of this name, the first of which has no address of its own."""
    st.switch_page(pages[0] if name == PAGES[0].name else next(page for page in pages if page.url_path == name))


def page_asked(query: dict[str, str]) -> str:
    """The page that a link to the front door is for: that of its scene, the first where it holds none that can be read."""
    try:
        scene = from_query(query)
    except SceneError:
        scene = None
    return scene.shown_on if scene is not None else PAGES[0].name


pages = [
    st.Page(lambda page=page: show(page, go), title=NAMES[page.name], url_path=page.name, default=i == 0)
    for i, page in enumerate(PAGES)
]
pages.append(st.Page(lambda: gallery.show(NAMES, go), title=gallery.TITLE, url_path=gallery.NAME))
chosen = st.navigation(pages, position="hidden")
if chosen is pages[0] and not visited(PAGES[0]) and (name := page_asked(st.query_params.to_dict())) != PAGES[0].name:
    st.switch_page(next(page for page in pages if page.url_path == name), query_params=st.query_params.to_dict())
with st.sidebar:
    st.markdown("# zoom:primary[out]")
    with st.container(key="pages", gap=None):
        for page in pages:
            st.page_link(page, label=page.title, width="stretch")
chosen.run()
if budget.public():
    owner = os.environ[budget.PUBLIC]
    with st.sidebar:
        st.caption(f"A shared machine{'' if owner == '1' else f' ({plain(owner[:80])})'}: each visitor may ask for half of "
                   "what zoomout allows at home.")  # fmt: skip
warm_up()
