"""The pictures of the gallery: each preset in little, drawn by the product. `make cards` draws those that are stale.

A card's name holds the fingerprint of its scene, so that one of another scene is never shown. There is one for each theme.
"""

import tempfile
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from app.film import render
from app.gallery.presets import Preset, presets
from app.picture.look import THEMES, Parts
from app.scene import Scene, to_json

FOLDER = Path(__file__).parent / "cards"
SIZE = (480, 300)
BARE = Parts(title=False, strips=0, words=False)
QUALITY = 82


def fingerprint(scene: Scene) -> str:
    """Of all that is drawn: not of the words about it."""
    silent = replace(scene, title="", sentence="", caveat="", source="", topics=(), page=None)
    return sha256(to_json(silent).encode()).hexdigest()[:10]


def card_of(preset: Preset, theme: str) -> Path:
    """Where the card of a preset lies, or would."""
    return FOLDER / f"{preset.name}-{fingerprint(preset.scene)}-{theme}.webp"


def draw(preset: Preset, theme: str) -> Path:
    """Draws a preset's card."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        picture = render(preset.scene, Path(folder) / "card.png", SIZE, theme=theme, parts=BARE)
        with Image.open(picture) as image:
            image.convert("RGB").save(card_of(preset, theme), "webp", quality=QUALITY, method=6)
    return card_of(preset, theme)


def main() -> None:
    wanted = {card_of(preset, theme): (preset, theme) for preset in presets() for theme in THEMES}
    for stale in set(FOLDER.glob("*.webp")) - wanted.keys():
        stale.unlink()
    for card, (preset, theme) in wanted.items():
        if not card.exists():
            print(draw(preset, theme).name)


if __name__ == "__main__":
    main()
