"""A loss seen through a change of units: in other coordinates, and on another scale.

    L̃(u) = s · L(A u)

The formula is rewritten, so every reading of it follows; s and A are knobs, so another change of units compiles nothing.
"""

from dataclasses import dataclass
from functools import cached_property

from landscapes.expression import THETA, Node, R, X, Y, call, harmonics_as_polynomials, substitute
from landscapes.grammar import Declaration
from landscapes.landscape import Landscape

SCALE, XX, XY, YX, YY = NAMES = ("loss scale", "A xx", "A xy", "A yx", "A yy")
"""knobs of a seen loss; no formula can name them, since they have a space"""
Matrix = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Seen(Landscape):
    """`inner` seen through units; see `seen`."""

    inner: Landscape | None = None
    units: tuple[float, ...] = (1.0, 1.0, 0.0, 0.0, 1.0)

    @cached_property
    def _parsed(self) -> tuple[Node, tuple[Declaration, ...]]:
        assert self.inner is not None
        scale, xx, xy, yx, yy = (Node("knob", name) for name in NAMES)
        across, up = xx * X + xy * Y, yx * X + yy * Y
        length = call("sqrt", across**2 + up**2)
        (plain,) = harmonics_as_polynomials([self.inner.expression])
        there = substitute(plain, {X: across, Y: up, R: length, THETA: call("atan2", up, across)})
        declared = tuple(Declaration(name, value, value, value) for name, value in zip(NAMES, self.units, strict=True))
        return scale * there, (*self.inner.knobs, *declared)


def seen(landscape: Landscape, scale: float, matrix: Matrix) -> Seen:
    """u ↦ s · L(A u) for s = `scale` and A = `matrix`."""
    (xx, xy), (yx, yy) = matrix
    return Seen(
        landscape.name, landscape.formula, landscape.title, window=landscape.window, start=landscape.start,
        data=landscape.data, inner=landscape, units=(scale, xx, xy, yx, yy),
    )  # fmt: skip
