"""Link, Export and Code: how a scene leaves the page, and how one comes in."""

import html
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import numpy as np
import segno
import streamlit as st
from msgspec.structs import replace

from app.answer.result import simulate, write
from app.answer.twin_report import reports, sentences
from app.chart import whole
from app.chart.sheet import numbers
from app.film.targets import TARGETS, Target
from app.laboratory.glossary import TERMS, THEOREM
from app.laboratory.schedule_chart import schedule_chart
from app.laboratory.stream import presence
from app.laboratory.workbench import Bench
from app.machine.files import passing_folder
from app.machine.gate import GATE, Job
from app.picture.look import Parts
from app.picture.words import alternative
from app.scene import Scene, SceneError, read, to_json, to_link, to_python, to_toml
from dynamics import cancel

FORMATS = {
    "mp4": "Film for the web and slides (MP4)",
    "webm": "Film, open format (WebM)",
    "gif": "Moving picture for places without film (GIF, larger)",
    "html": "A page that plays offline (HTML)",
    "png": "Picture (PNG)",
    "svg": "Picture for print (SVG)",
    "pdf": "Picture for print (PDF)",
    "csv": "Numbers (CSV)",
    "npz": "Numbers (NumPy)",
    "json": "Numbers (JSON)",
}
FILMS = ("mp4", "webm", "gif")
THEMES = ["light", "dark"]
PLACES = {target.label: target for target in TARGETS.values()} | {
    f"{wide} × {high} pixels": Target("", (wide, high), 0.0, 99) for wide, high in ((1280, 720), (1920, 1080), (640, 360))
}
CURVES = {"none": 0, "one": 1, "all": 99}
FRAME = '<iframe src="zoomout.html" title="{title}" width="100%" height="620" style="border:0" loading="lazy"></iframe>'
MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]()<>#+-.!|$~:"})
SEEN = ("t", "play", "camera", "hidden", "window")
"""what the stage writes into the address beside the scene: see canvas/seen.js"""
LOCAL = ("localhost", "127.0.0.1", "::1")
SQUARE = "The same link, for a telephone"
MOST_IN_A_SQUARE = 600
"""letters of a link that a telephone still reads off a lecture's screen"""
LONGEST = 120
"""seconds that an export on the page may take"""
_slots = threading.BoundedSemaphore(2)
"""two exports at a time on a server of two cores"""


def plain(text: str) -> str:
    """A text whose every character is shown as it is, also where Markdown is read."""
    return text.translate(MARKDOWN)


def _link(bench: Bench) -> None:
    here = urlsplit(st.context.url or "")
    try:
        made = to_link(bench.scene, urlunsplit((here.scheme, here.netloc, here.path, "", "")))
        seen = {name: st.query_params[name] for name in SEEN if name in st.query_params}
        made += f"&{urlencode(seen, safe=',')}" if seen else ""
        st.write("Whoever opens this link sees exactly this: the same numbers, step and view.")
        st.code(made, language=None, wrap_lines=True)
        if here.hostname in LOCAL:
            st.caption("This address is only this machine's: elsewhere it opens a zoomout that runs there.")
        _square(made)
    except SceneError as error:
        st.info(error.message)
        st.download_button("Save as a file", to_toml(bench.scene), "scene.toml", on_click="ignore")
    st.write("**Open a scene**")
    file = st.file_uploader("A scene file (TOML or JSON)", type=["toml", "json", "txt"], max_upload_size=1)
    pasted = st.text_input("… or paste a link", placeholder="https://…?scene=…")
    if st.button("Open", type="primary", disabled=not (file or pasted)):
        _open(bench, file.getvalue().decode("utf-8", "replace") if file else pasted)


def _square(link: str) -> None:
    """The link for a telephone's eye, where it is short enough for one."""
    if len(link) <= MOST_IN_A_SQUARE:
        st.image(segno.make(link, error="l").svg_inline(scale=4, border=2, light="white"), alt=SQUARE, width=180)


def _open(bench: Bench, text: str) -> None:
    if refusal := bench.adopt(lambda _: read(text), "open", opened=""):
        bench.refused.pop("open")
        st.error(refusal)
    else:
        bench.dialog = ""
        st.rerun()


def _formats(scene: Scene) -> list[str]:
    """What the scene can become: of the charts only a map that was zoomed into moves."""
    if scene.chart is None:
        return list(FORMATS)
    moves = getattr(scene.chart, "begin", None) is not None
    return [kind for kind in FORMATS if kind not in ("csv", "json") and (moves or kind not in FILMS)]


def _as_seen(scene: Scene) -> Scene:
    """The scene as it stands on the page: its moment, window, camera and theme."""
    view, query = scene.view, st.query_params.to_dict()
    with suppress(ValueError):
        if "t" in query:
            view = replace(view, at=min(max(float(query["t"]), 0.0), scene.steps))
        if "window" in query:
            view = replace(view, window=tuple(map(float, query["window"].split(","))))
        if float(query.get("camera", 1)) < 0.5:
            view = replace(view, camera="fixed")
    view = replace(view, theme=st.context.theme.type or view.theme)
    try:
        return replace(scene, view=view)
    except SceneError:  # an address that somebody wrote by hand
        return scene


def _export(bench: Bench) -> None:
    scene = _as_seen(bench.scene)
    kind = st.selectbox("Format", _formats(scene), format_func=FORMATS.get)
    film, picture = kind in FILMS, kind in ("png", "svg", "pdf")
    options: dict[str, Any] = {}
    if film or picture:
        left, right = st.columns(2)
        target = PLACES[left.selectbox("For", PLACES)]
        options["size"] = target.size
        options["theme"] = right.selectbox("Theme", THEMES, THEMES.index(scene.view.theme))
        options["parts"] = _parts(target, picture)
    elif kind == "html":
        options["theme"] = st.selectbox("Theme", THEMES, THEMES.index(scene.view.theme))
    if film:
        left, right = st.columns(2)
        options["seconds"] = left.number_input("Seconds", 1.0, 60.0, min(60.0, scene.view.seconds), 1.0)
        rates, usual = ([10, 15, 20, 25, 50], 15) if kind == "gif" else ([12, 15, 24, 30, 60], 30)
        options["fps"] = right.select_slider("Frames per second", rates, usual)
    if st.button("Make it", type="primary", width="stretch"):
        _make(scene, kind, options)


def _parts(target: Target, picture: bool) -> Parts:
    """What stands on it, and letters that can be read where it goes."""
    with st.expander("What stands on it"):
        title = st.toggle("Title and sentence", True)
        strips = st.select_slider("Curves under the picture", list(CURVES), "all" if target.strips else "none")
        words = st.toggle("Line of time and caption", True)
        credit = st.toggle("A small line that says what made it", False)
        clear = picture and st.toggle("Transparent ground", False)
    return Parts(title, CURVES[strips], words, credit, bool(clear), target.ratio)


def _words_for(scene: Scene, kind: str) -> None:
    """What to write beside it where it goes: for those who do not see it, and for everybody."""
    said = " ".join(filter(None, (scene.title and f"{scene.title}.", scene.sentence, scene.caveat)))
    st.caption("Alternative text, caption and, for a page, the line that puts it into another one; to copy.")
    st.code(alternative(scene), language=None, wrap_lines=True)
    if said:
        st.code(f"{said} Made with zoomout.", language=None, wrap_lines=True)
    if kind == "html":
        title = html.escape(scene.title or "A moving picture", quote=True)
        st.code(FRAME.format(title=title), language="html", wrap_lines=True)


def _make(scene: Scene, kind: str, options: dict[str, Any]) -> None:
    if not _slots.acquire(timeout=20):
        st.warning("Two exports are being made already; try again in a moment.")
        return
    said = ""
    bar, job, here, begun = st.progress(0.0, "Drawing …"), Job(), presence(), time.monotonic()

    def given_up() -> bool:
        GATE.turn(job)
        return not here() or time.monotonic() - begun > LONGEST

    def drawn(done: int, of: int) -> None:
        cancel.check()
        bar.progress(done / of, f"Frame {done} of {of}")

    try:
        with cancel.cancelling(given_up), passing_folder() as folder:
            path = folder / f"zoomout.{kind}"
            if kind == "npz" and scene.chart is not None:
                np.savez_compressed(path, **numbers(whole(scene)), scene=to_json(scene))
            elif kind in ("csv", "npz", "json"):
                write(simulate(scene), path)
            else:
                from app.film import note, render  # matplotlib and PyAV are loaded when the first film is made

                render(scene, path, progress=drawn, **options)
                said = "" if kind == "html" else note(" ".join([scene.title, *scene.labels]))
            data = path.read_bytes()
    except SceneError as error:
        st.error(error.message)
        return
    except cancel.Cancelled:
        st.error(
            f"This was not done after {LONGEST} seconds, the most that an export on the page may take: make it shorter or "
            "smaller, or use `zoomout render` with the scene file, which may take as long as it needs."
        )
        return
    finally:
        bar.empty()
        GATE.leave(job)
        _slots.release()
    if said:
        st.caption(plain(said))
    st.success(f"Ready: {len(data) / 1024:,.0f} KB.".replace(",", " "))
    st.download_button("Save", data, f"zoomout.{kind}", type="primary", width="stretch", on_click="ignore")
    if kind not in ("csv", "npz", "json"):
        _words_for(scene, kind)


def _twin(bench: Bench) -> None:
    """The schedule compiler: what the theorem makes of the run's rates, as a chart, in words and as code."""
    scene = bench.scene
    try:
        found = reports(scene)
    except SceneError as error:
        st.info(error.message)
        return
    report = found[0]
    for line in THEOREM:
        st.latex(line)
    st.caption("The theorem, for plain steps at constant rates: with decay, seen from afar, and without. Below, this run.")
    st.plotly_chart(schedule_chart(scene, report), width="stretch", config={"displayModeBar": False})
    for sentence in sentences(report):
        st.write(plain(sentence))
    if "optax" not in report:
        st.caption(
            "There is code for plain steps and heavy ball at constant rates; `zoomout twin` gives every schedule."
        )
        return
    for tab, dialect in zip(st.tabs(["optax", "PyTorch"]), ("optax", "torch"), strict=True):
        with tab:
            st.code(report[dialect], language="python", height=320)


def _code(bench: Bench) -> None:
    scene = bench.scene
    knobs = scene.field.knob_values | scene.knobs
    python, toml, json, *losses = st.tabs(["Python", "Scene file", "JSON", "Loss in NumPy", "in JAX", "in PyTorch"])
    with python:
        st.caption("Rebuilds this scene and its numbers.")
        st.code(to_python(scene), language="python", wrap_lines=True)
    with toml:
        st.caption("For `zoomout run`, `zoomout render`, or to keep.")
        st.code(to_toml(scene), language="toml", wrap_lines=True)
    with json:
        st.code(to_json(scene), language="json", wrap_lines=True)
    for tab, dialect in zip(losses, ("numpy", "jax", "torch"), strict=True):
        with tab:
            st.code(scene.field.source(dialect, knobs), language="python", wrap_lines=True)


def _words(bench: Bench) -> None:
    for term, said in TERMS.items():
        with st.expander(term[:1].upper() + term[1:] if term != "κ" else term):
            st.write(plain(said))


WINDOWS: dict[str, tuple[str, Literal["small", "large"], Callable[[Bench], None]]] = {
    "Link": ("Link to this scene", "small", _link),
    "Export": ("Export", "small", _export),
    "Twin": ("The twin", "large", _twin),
    "Code": ("Code", "large", _code),
    "Words": ("Words", "small", _words),
}


def show(name: str, bench: Bench) -> None:
    """Opens a dialog; the page, which may run again meanwhile, shows it again until it is closed."""
    title, width, content = WINDOWS[name]
    st.dialog(title, width=width, on_dismiss=lambda: setattr(bench, "dialog", ""))(content)(bench)
