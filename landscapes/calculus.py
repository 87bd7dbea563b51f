"""What the derivatives say: gradient norm, sharpness and the eigenvalues of a symmetric 2x2 matrix."""

from typing import Any

import numpy as np

from landscapes.landscape import Knobs, Landscape, Local


def gradient_norm(local: Local, xp: Any = np) -> Any:
    """‖∇L‖₂, of the points' shape."""
    return xp.hypot(local.gx, local.gy)


def eigenvalues(local: Local, xp: Any = np) -> tuple[Any, Any]:
    """(λ₁, λ₂) of the Hessian, largest first: mean ± √(half difference² + h_xy²)."""
    mean = (local.hxx + local.hyy) / 2
    radius = xp.hypot((local.hxx - local.hyy) / 2, local.hxy)
    return mean + radius, mean - radius


def sharpness(local: Local, xp: Any = np) -> Any:
    """The largest algebraic eigenvalue of the Hessian (Gilmer et al. 2021, arXiv:2110.04369)."""
    return eigenvalues(local, xp)[0]


def quantity(landscape: Landscape, name: str, x: Any, y: Any, knobs: Knobs | None = None) -> np.ndarray:
    """The loss, its gradient's norm or its sharpness at points (x, y), of their shape: see `landscape.QUANTITIES`."""
    if name == "loss":
        return np.asarray(landscape.loss(x, y, knobs), dtype=float)
    if name == "gradient_norm":
        return np.asarray(gradient_norm(landscape.local(x, y, knobs, order=1)), dtype=float)
    return np.asarray(sharpness(landscape.local(x, y, knobs)), dtype=float)
