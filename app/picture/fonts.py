"""Which installed fonts have the signs of a text: titles may be written in any script."""

import logging
from functools import cache, lru_cache

from matplotlib.font_manager import fontManager
from matplotlib.ft2font import FT2Font

FONTS = ("Noto Sans", "Source Sans 3", "DejaVu Sans")
"""the first that is installed leads; the last comes with matplotlib and has every sign that the product writes"""
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


@cache
def _signs(file: str) -> frozenset[int]:
    """What a font can draw; nothing where it has pictures instead of outlines, or cannot be read."""
    try:
        font = FT2Font(file)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()


@cache
def _installed() -> dict[str, str]:
    """Upright fonts of usual weight by family: name to file, those of FONTS first."""
    upright = [font for font in fontManager.ttflist if font.style == "normal" and not font.name.startswith("Last Resort")]
    usual = {font.name: font.fname for font in upright if font.weight in (400, "normal", "regular", "book")}
    first = {name: usual[name] for name in FONTS if name in usual}
    return first | dict(sorted((name, file) for name, file in usual.items() if name not in first))


@lru_cache(maxsize=512)
def families(text: str) -> tuple[str, ...]:
    """The families that draw a text: the usual ones, and whichever else has what they lack."""
    installed = _installed()
    chosen = [name for name in FONTS if name in installed]
    missing = _missing(text, chosen)
    for name in installed:
        if not missing:
            break
        if missing & _signs(installed[name]):
            chosen.append(name)
            missing -= _signs(installed[name])
    return tuple(chosen)


def unprintable(text: str) -> str:
    """The signs of a text that no installed font has."""
    missing = _missing(text, list(families(text)))
    return "".join(dict.fromkeys(character for character in text if ord(character) in missing))


def note(text: str) -> str:
    """What is to be said of a text beside its picture, or ""."""
    signs = unprintable(text)
    if not signs:
        return ""
    return f"No installed font has the signs {signs[:20]}, so they are drawn as boxes; one of the Noto fonts has them."


def _missing(text: str, names: list[str]) -> set[int]:
    have = frozenset().union(*(_signs(_installed()[name]) for name in names))
    return {ord(character) for character in text if character.isprintable() and not character.isspace()} - have
