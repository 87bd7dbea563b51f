"""A header and arrays as one run of bytes for the page.

"ZOF1" · uint32 header length · JSON header (padded to 8) · little-endian arrays, each at a multiple of 8
"""

import json
from typing import Any

import numpy as np

MAGIC = b"ZOF1"


class Arrays:
    """The arrays of a frame or sheet, and where each one stands."""

    def __init__(self) -> None:
        self.table: dict[str, dict[str, Any]] = {}
        self.pieces: list[bytes] = []
        self.offset = 0

    def add(self, values: np.ndarray, kind: str = "<f4") -> str:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite on the page
            values = np.ascontiguousarray(values, kind)
        name = f"a{len(self.table)}"
        self.table[name] = {"dtype": values.dtype.str[1:], "shape": list(values.shape), "offset": self.offset}
        data = values.tobytes()
        data += b"\0" * (-len(data) % 8)
        self.pieces.append(data)
        self.offset += len(data)
        return name


def header(data: bytes) -> dict[str, Any]:
    """What stands before the arrays."""
    return json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])


def packed(header: dict[str, Any], arrays: Arrays) -> bytes:
    text = json.dumps(header | {"arrays": arrays.table}, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(len(MAGIC) + 4 + len(text)) % 8)
    return b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *arrays.pieces])
