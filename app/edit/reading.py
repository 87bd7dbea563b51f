"""Numbers as people type them: the page's own way of writing, a decimal comma, thousands, a minus sign of any kind."""

import math
import re
from collections.abc import Callable
from typing import Any

from app.scene import SceneError

SPACES = "\u00a0\u2007\u2009\u202f'’_"
"""what may stand between thousands beside a plain space"""
MINUS = str.maketrans(dict.fromkeys("−–‒﹣－", "-"))
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,4})?", re.IGNORECASE)


def number(value: Any, what: str) -> float:
    """A finite number. `what` names the field in the sentence that refuses anything else."""
    found = _read(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise SceneError("number", f"{what}: write a number such as 0.3.")
    try:
        found = float(found)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise SceneError("number", f"{what} has to be a finite number.")
    return found


def whole(value: Any, what: str) -> int:
    """A whole number. Here a comma can only stand between thousands; a point before three digits could be either."""
    text = _tidy(value) if isinstance(value, str) else ""
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+", text):
        return int(text.replace(",", ""))
    if re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})+", text):
        plain = text.replace(".", "")
        raise SceneError(
            "number", f"{what} is a whole number, and {text} could be two: write {plain}, or leave out the zeros."
        )
    found = number(value, what)
    if found != int(found):
        raise SceneError("number", f"{what} is a whole number; {text or f'{found:g}'} is not.")
    return int(found)


def several(value: Any, what: str, count: int | None = None, read: Callable[[Any, str], float] = number) -> list[Any]:
    """Numbers side by side: `0.5, 0.7`, `0,5; 0,7`, `(−0.5 0.7)`, `1 … 2`."""
    pieces = _pieces(value.strip().strip("()[]{}"), read is number and count is None) if isinstance(value, str) else value
    if count is not None and len(pieces) != count:
        words = {1: "one number such as 0.5", 2: "two numbers such as 0.5, 0.7"}.get(count, f"{count} numbers")
        raise SceneError("number", f"{what}: write {words}; with decimal commas put a semicolon between: 0,5; 0,7.")
    return [read(piece, what) for piece in pieces]


def _pieces(text: str, one: bool) -> list[str]:
    """Split where the strongest mark stands: … or ;, then a comma before a space, then spaces, then commas.

    Where it may be `one` number, a lone comma between digits is a decimal comma.
    """
    if one and re.fullmatch(r"[^\s;…,.]+,\d+", text):
        return [text]
    for mark in (r"…|\.\.\.|;", r",\s+", r"[ \t\n]+", r","):
        if re.search(mark, text):
            return [piece.strip() for piece in re.split(mark, text) if piece.strip()]
    return [text] if text else []


def _tidy(text: str) -> str:
    text = text.strip().translate(MINUS)
    return "".join(character for character in text if character not in SPACES)


def _read(text: str) -> float | None:
    """The number that a text writes, or None."""
    text = _tidy(text)
    if text.lower() in ("inf", "-inf", "+inf", "infinity", "nan", "∞", "-∞"):
        return math.inf
    text = _with_exponent(text)
    mantissa, e, exponent = text.partition("e") if "e" in text else text.partition("E")
    if " " in mantissa:
        if not re.fullmatch(r"[-+]?\d{1,3}( \d{3})+([.,]\d*)?", mantissa):
            return None
        mantissa = mantissa.replace(" ", "")
    mantissa = _point(mantissa)
    return float(mantissa + e + exponent) if PLAIN.fullmatch(mantissa + e + exponent) else None


def _point(text: str) -> str:
    """The decimal mark as a point, and no marks between thousands."""
    points, commas = text.count("."), text.count(",")
    if points and commas:  # the last of the two kinds is the decimal mark
        grouping, decimal = (",", ".") if text.rindex(".") > text.rindex(",") else (".", ",")
        whole_part, _, rest = text.rpartition(decimal)
        grouped = re.fullmatch(rf"[-+]?\d{{1,3}}({re.escape(grouping)}\d{{3}})+", whole_part)
        return f"{whole_part.replace(grouping, '')}.{rest}" if grouped else text
    for mark in ",.":
        if text.count(mark) > 1 and re.fullmatch(rf"[-+]?\d{{1,3}}({re.escape(mark)}\d{{3}})+", text):
            return text.replace(mark, "")
    return text.replace(",", ".") if commas == 1 else text


def _with_exponent(text: str) -> str:
    """`3·10⁻⁴`, `3×10^-4` and `10⁻⁴` as floats write them."""
    found = re.fullmatch(r"(.*?)\s*[·×*]?\s*10(?:\^|\*\*)?([-+]?\d+|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    marked = found and (re.search(r"10(\^|\*\*)", text) or any(c in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹" for c in found[2]))
    if not found or not marked:
        return text
    mantissa = found[1].rstrip("·×* ")
    return f"{'1' if mantissa in ('', '+') else '-1' if mantissa == '-' else mantissa}e{found[2].translate(SUPERSCRIPTS)}"
