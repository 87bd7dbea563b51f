"""The same rule with the same numbers on the same loss in other units: whose path moves?

    L̃(u) = s · L(A u),   u₀ = A⁻¹ w₀,   shown is A u_t        A = c · (rotation by φ) · diag(s_x, s_y)

A rule that is invariant to the change of units gives the same path again. What it compares with a fixed size, an ε or a
clipping norm, shows by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from dynamics.path import Path, Readings
from landscapes import Landscape, sharpness
from landscapes.seen import Matrix, Seen, seen

UNMOVED = {"float64": 1e-9, "float32": 1e-4}
"""the largest difference, relative to the norm, of a path that did not move"""
SURE = 0.4
"""the share of the steps to the horizon up to which rounding cannot reach that difference"""


class Units(NamedTuple):
    """A change of units: of the loss by s, of the weights by A."""

    loss_scale: float = 1.0
    weights_scale: float = 1.0
    rotate: float = 0.0
    """degrees"""
    stretch: tuple[float, float] = (1.0, 1.0)

    @property
    def matrix(self) -> Matrix:
        """A."""
        turn = math.radians(self.rotate)
        cos, sin = math.cos(turn), math.sin(turn)
        if self.rotate % 90 == 0:  # a quarter of a turn swaps coordinates and rounds nothing
            cos, sin = float(round(cos)), float(round(sin))
        sx, sy = (self.weights_scale * side for side in self.stretch)
        return (cos * sx, -sin * sy), (sin * sx, cos * sy)

    def inside(self, start: tuple[float, float]) -> tuple[float, float]:
        """A⁻¹ w₀."""
        (a, b), (c, d) = self.matrix
        x, y = start
        det = a * d - b * c
        return (d * x - b * y) / det, (a * y - c * x) / det

    def of(self, landscape: Landscape) -> Seen:
        return seen(landscape, self.loss_scale, self.matrix)

    def back(self, path: Path, start: tuple[float, float], landscape: Landscape, knobs: dict[str, float]) -> Path:
        """A path of the loss in these units, as a path of the loss itself; its readings are those of the loss there."""
        (a, b), (c, d) = self.matrix
        x, y = a * path.frame_x + b * path.frame_y, c * path.frame_x + d * path.frame_y

        @cache
        def readings() -> Readings:
            with np.errstate(all="ignore"):
                here = landscape.local(x, y, knobs)
                gradient = np.hypot(here.gx, here.gy) * np.exp(-path.frame_log)
            return Readings(here.loss, gradient, np.asarray(sharpness(here)))

        return replace(path, start=start, frame_x=x, frame_y=y, readings=readings)


def moved(
    gaps: Sequence[np.ndarray], paths: Sequence[Path], images: Sequence[Path], arithmetic: str = "float64"
) -> tuple[bool, float]:
    """Whether any path moved, and the largest difference relative to the norm, as far as rounding is no excuse."""
    largest = 0.0
    for gap, *both in zip(gaps, paths, images, strict=True):
        horizons = [path.horizon for path in both if path.horizon is not None]
        sure = len(gap) if not horizons else max(1, math.ceil(SURE * min(horizons)))
        alike = (both[0].x == both[1].x) & (both[0].y == both[1].y)
        differences = np.where(alike, 0.0, gap)[:sure]
        largest = max(largest, float(np.max(np.where(np.isfinite(differences), differences, np.inf))))
    return largest > UNMOVED[arithmetic], largest
