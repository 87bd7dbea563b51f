"""A scene as a link. This is the only file that knows how one is packed."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from app.scene.changes import difference
from app.scene.data import from_data, from_preset, parsed, to_data
from app.scene.error import SceneError
from app.scene.presets import preset_data, preset_titled
from app.scene.schema import Scene

MAX_LINK, MAX_TEXT = 8_000, 64_000
"""letters of a link's scene, packed and unpacked"""


def to_link(scene: Scene, base: str = "") -> str:
    """`base`?preset=… for a preset as it is, else `base`?scene=…: the scene as JSON, deflated, in URL-safe letters.

    Of a scene that a preset became by few changes these alone are packed. What could not be opened again is refused.
    """
    data = json.loads(json.dumps(to_data(scene)))
    name = preset_titled(scene.title)
    if name is None:
        return f"{base}?{urlencode({'scene': _token(_text(data))})}"
    change = difference(preset_data(name), data)
    if not change:
        return f"{base}?{urlencode({'preset': name})}"
    shortest = min(_text(data), _text({"preset": name, "change": change}), key=len)
    return f"{base}?{urlencode({'scene': _token(shortest)})}"


def _text(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _token(text: bytes) -> str:
    token = base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")
    if len(token) > MAX_LINK or len(text) > MAX_TEXT:
        raise SceneError("link", "This scene is too large for a link; save it as a file, which opens in the same places.")
    return token


def from_link(link: str) -> Scene:
    try:
        query = {name: values[0] for name, values in parse_qs(urlsplit(link).query, max_num_fields=100).items()}
    except ValueError:
        query = {}
    scene = from_query(query)
    if scene is None:
        raise SceneError("link", "This link holds no scene; copy it again with the Link button.")
    return scene


def from_query(query: Mapping[str, str]) -> Scene | None:
    """The scene that the fields of an address hold, or None."""
    if "scene" in query:
        return from_token(query["scene"])
    return from_preset(query["preset"]) if "preset" in query else None


def from_token(token: str) -> Scene:
    """A scene from the value of a link's `scene` field."""
    if len(token) > MAX_LINK:
        raise SceneError("link", "This link is too long to be a scene; copy it again with the Link button.")
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True), MAX_TEXT)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise ValueError
        data = parsed(text.decode())
    except (ValueError, zlib.error):
        raise SceneError("link", "This link is damaged; copy it again with the Link button.") from None
    return from_data(data)
