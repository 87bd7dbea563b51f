"""A scene in a notebook: the page that plays by itself where scripts run, a picture where they do not, words otherwise."""

import base64
import html
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

from app.film import render
from app.scene import Scene

HEIGHT, SIZE = 640, (1280, 720)


class Shown:
    """What a notebook displays of a scene."""

    def __init__(self, scene: Scene, height: int):
        self.scene, self.height = scene, height

    def __repr__(self) -> str:
        return f"show({self.scene!r})"

    @cached_property
    def page(self) -> str:
        """The scene's page as text."""
        return self._made("html").decode()

    @cached_property
    def picture(self) -> bytes:
        """The scene's picture as a PNG."""
        return self._made("png")

    def _made(self, kind: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return render(self.scene, Path(folder) / f"scene.{kind}", SIZE, theme=self.scene.view.theme).read_bytes()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        frame = (
            f'<iframe title="{html.escape(self.scene.title or "A moving picture")}" srcdoc="{html.escape(self.page)}" '
            f'style="width:100%;height:{self.height}px;border:0" sandbox="allow-scripts"></iframe>'
        )
        picture = base64.b64encode(self.picture).decode()
        return {"text/html": frame, "image/png": picture, "text/plain": repr(self.scene)}


def show(scene: Scene, height: int = HEIGHT) -> Shown:
    """The scene as a notebook displays it, `height` pixels high."""
    return Shown(scene, height)
