"""Values to colours: every colour as frequent as any other, the sign of a value never in doubt, grey where there is none."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.chart.sheet import Key
from dynamics.statistics import Statistic

MISSING = (176, 176, 176)
"""a grey that is far from every colour of the maps and kinds: the middle of cividis is grey too"""
KINDS = ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#000000", "#D9D5CC", "#CC79A7", "#F0E442")
PLACES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""the same eight, for kinds of which none is an end: black comes last"""
LEVELS = 255
"""colours of a map, the first ones of its table; the one after them says that there is no value"""


@lru_cache(maxsize=8)
def table_of(name: str, count: int = LEVELS) -> np.ndarray:
    """RGB bytes of a matplotlib map, shape (count + 1, 3); the last is the colour of what has no value."""
    from matplotlib import colormaps

    colours = colormaps[name](np.linspace(0, 1, count))[:, :3]
    return np.vstack([np.rint(255 * colours), MISSING]).astype(np.uint8)


def table_from(*colours: str) -> np.ndarray:
    """RGB bytes of colours such as #d55e00, shape (n, 3)."""
    return np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], np.uint8)


class Paint(NamedTuple):
    """How one map's values become levels of a table."""

    table: np.ndarray
    words: tuple[str, ...] = ()
    below: np.ndarray = np.empty(0)
    """a sorted sample of the values below zero, where their sign matters; else none"""
    above: np.ndarray = np.empty(0)
    """a sorted sample of the others"""
    signed: bool = False
    grain: float = 0.0
    """relative differences below this are rounding"""

    def levels(self, values: np.ndarray) -> np.ndarray:
        """Places in the table, uint8, of the values' shape."""
        last = len(self.table) - 2
        fine = np.isfinite(values)
        known = np.where(fine, values, 0)
        level = known if self.words else self._share(known) * last
        return np.where(fine, np.clip(level, 0, last), last + 1).astype(np.uint8)

    def _share(self, values: np.ndarray) -> np.ndarray:
        above = _rank(self.above, self.told_apart(values))
        if not self.signed:
            return above
        below = np.minimum(_rank(self.below, self.told_apart(values)), 1 - 1e-9)
        return np.where(values < 0, below, 1 + above) / 2

    def told_apart(self, values: np.ndarray) -> np.ndarray:
        """Values that differ by less than rounding does are one value: its noise is no structure."""
        if not self.grain:
            return values
        mantissa, exponent = np.frexp(values)
        return np.ldexp(np.round(mantissa / self.grain) * self.grain, exponent)

    def key(self, title: str) -> Key:
        if self.words:
            hexes = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in self.table]
            return Key(title, words=tuple(zip(hexes, self.words, strict=False)))
        ticks: list[tuple[float, str]] = []
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            text = f"{self._value(share):.3g}".replace("-", "−")
            if not ticks or ticks[-1][1] != text:  # equal values have one colour, and so one tick
                ticks.append((share, text))
        return Key(title, ticks=tuple(ticks))

    def _value(self, share: float) -> float:
        if not self.signed:
            sample = self.above
        elif share == 0.5:
            return 0.0
        else:
            sample, share = (self.below, 2 * share) if share < 0.5 else (self.above, 2 * share - 1)
        if not len(sample):
            return 0.0
        return float(sample[min(int(share * len(sample)), len(sample) - 1)])


def paint(values: np.ndarray, statistic: Statistic, words: tuple[str, ...] = ()) -> Paint:
    """Colours for a map of this statistic, equalised over its values; `words` name its values where they count kinds."""
    if words:
        palette = KINDS if statistic.words else PLACES
        chosen = [palette[k % len(palette)] for k in range(len(words))]
        return Paint(np.vstack([table_from(*chosen), np.array([MISSING], np.uint8)]), words)
    sample = values.reshape(-1)[:: max(1, values.size // 200_000)]
    sample = np.sort(sample[np.isfinite(sample)])
    table = table_of("RdBu_r" if statistic.signed else "cividis")
    grain = _grain(sample)
    sample = Paint(table, grain=grain).told_apart(sample)
    if not statistic.signed:
        return Paint(table, above=sample, grain=grain)
    return Paint(table, below=sample[sample < 0], above=sample[sample >= 0], signed=True, grain=grain)


def _grain(sample: np.ndarray) -> float:
    """A thousand roundings of the map's own arithmetic."""
    return 1000 * float(np.finfo(sample.dtype if sample.dtype.kind == "f" else float).eps)


def _rank(sample: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The share of the sample below each value, equal ones in the middle of their own."""
    left, right = (np.searchsorted(sample, values, side) for side in ("left", "right"))
    return (left + right) / 2 / max(len(sample), 1)
