"""A scene as a link. This is the only file that knows how one is packed."""

import base64
import json
import zlib
from urllib.parse import parse_qs, urlencode, urlsplit

from app.scene.data import from_data, parsed, to_data
from app.scene.error import SceneError
from app.scene.schema import Scene

MAX_LINK, MAX_TEXT = 8_000, 64_000
"""letters of a link's scene, packed and unpacked"""


def to_link(scene: Scene, base: str = "") -> str:
    """`base`?scene=…: the scene as JSON, deflated, in URL-safe letters; what could not be opened again is refused."""
    text = json.dumps(to_data(scene), separators=(",", ":")).encode()
    token = base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")
    if len(token) > MAX_LINK or len(text) > MAX_TEXT:
        raise SceneError("link", "This scene is too large for a link; save it as a file, which opens in the same places.")
    return f"{base}?{urlencode({'scene': token})}"


def from_link(link: str) -> Scene:
    try:
        query = parse_qs(urlsplit(link).query, max_num_fields=100)
    except ValueError:
        query = {}
    if "scene" not in query:
        raise SceneError("link", "This link holds no scene; copy it again with the Link button.")
    return from_token(query["scene"][0])


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
