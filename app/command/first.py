"""The first HTML that a browser gets shows the page's shapes at once: Streamlit's own is white until its scripts have come.

Streamlit serves a folder of its package; here that is a folder of links to the same files, with another index.html.
"""

import re
from pathlib import Path

from app.machine.files import own_folder

SHAPES = Path(__file__).with_name("first.html")


def with_shapes(index: str) -> str:
    """Streamlit's index.html with the shapes behind its body's begin, which the first picture takes away again.

    Without its inline script, which speaks to a service that there is not, so that a proxy may forbid such scripts.
    """
    page = re.sub(r"<script>[^<]*</script>\s*", "", index).replace("<title>Streamlit</title>", "<title>zoomout</title>")
    return page.replace("<body>", "<body>\n" + SHAPES.read_text("utf-8"), 1)


def serve_shapes() -> None:
    """From here on Streamlit serves them. Where links cannot be made, it serves what it always does."""
    from streamlit import file_util

    there = Path(file_util.get_static_dir())
    folder = own_folder()
    try:
        for each in there.iterdir():
            if each.name != "index.html":
                (folder / each.name).symlink_to(each, each.is_dir())
    except OSError:  # on Windows links need a permission
        return
    (folder / "index.html").write_text(with_shapes((there / "index.html").read_text("utf-8")), "utf-8")
    file_util.get_static_dir = lambda: str(folder)
