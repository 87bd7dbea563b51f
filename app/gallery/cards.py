"""The pictures of the gallery: each preset in little, drawn by the product. `make cards` draws those that are stale.

A card's name ends with the fingerprint of its scene, so that a card of another scene is never shown.
"""

import tempfile
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from app.film import render
from app.gallery.presets import Preset, presets
from app.picture.look import Parts
from app.scene import Scene, to_json

FOLDER = Path(__file__).parent / "cards"
SIZE = (640, 400)
BARE = Parts(title=False, strips=0, words=False)
QUALITY = 82


def fingerprint(scene: Scene) -> str:
    """Of all that is drawn: not of the words about it."""
    silent = replace(scene, title="", sentence="", caveat="", source="", topics=(), page=None)
    return sha256(to_json(silent).encode()).hexdigest()[:10]


def card_of(preset: Preset) -> Path:
    """Where the card of a preset lies, or would."""
    return FOLDER / f"{preset.name}-{fingerprint(preset.scene)}.webp"


def draw(preset: Preset) -> Path:
    """Draws a preset's card."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        picture = render(preset.scene, Path(folder) / "card.png", SIZE, parts=BARE)
        with Image.open(picture) as image:
            image.convert("RGB").save(card_of(preset), "webp", quality=QUALITY, method=6)
    return card_of(preset)


def main() -> None:
    wanted = {card_of(preset): preset for preset in presets()}
    for stale in set(FOLDER.glob("*.webp")) - wanted.keys():
        stale.unlink()
    for card, preset in wanted.items():
        if not card.exists():
            print(draw(preset).name)


if __name__ == "__main__":
    main()
