"""Which starts survive gradient descent on (xy − μ)²/2, exactly, at a learning rate η with η|μ| < 1.

    η* = 8/(s + √(s² − 16μz)),   s = x² + y²,   z = xy − μ        a start diverges at rates above η*
    η* = η   on   u²/(8/η + 4μ) + v²/(8/η − 4μ) = 1,   u = x + y,   v = x − y        a step leads from it to it

With μ = 0 the ellipse is the disc's rim x² + y² = 4/η. On it a step is θ -> π − 3θ with u ~ cos θ, v ~ sin θ, so orbits
there are chaotic with exponent ln 3. Above η = 1/|μ| no minimum is stable, though runs may stay bounded: nothing is claimed.
Liang, Montúfar 2025, arXiv:2509.25351.
"""

from typing import Any

import numpy as np

from dynamics.schedules import Constant, schedule
from dynamics.simulate import Run
from landscapes import Landscape

PRODUCTS = {"(x*y)^2/2": 0.0, "(x*y - 1)^2/2": 1.0}
"""μ of the losses that are known to be such a product, by their formula"""


def critical_step(x: Any, y: Any, mu: float) -> Any:
    """η*, of the points' shape."""
    s = x * x + y * y
    return 8 / (s + np.sqrt(s * s - 16 * mu * (x * y - mu)))


def border(rate: float, mu: float, count: int = 361) -> tuple[np.ndarray, np.ndarray]:
    """x and y round the ellipse on which η* = `rate`."""
    phi = np.linspace(0, 2 * np.pi, count)
    u, v = np.sqrt(8 / rate + 4 * mu) * np.cos(phi), np.sqrt(8 / rate - 4 * mu) * np.sin(phi)
    return (u + v) / 2, (u - v) / 2


def border_of(landscape: Landscape, run: Run) -> tuple[np.ndarray, np.ndarray] | None:
    """The border of what survives under a run, where it is known: plain descent at a constant rate below 1/|μ|."""
    rate, decay = schedule(run.learning_rate), schedule(run.weight_decay)
    mu = PRODUCTS.get(landscape.formula)
    if mu is None or run.noisy or not (run.plain and isinstance(rate, Constant) and decay == Constant(0.0)):
        return None
    return border(rate.value, mu) if 0 < rate.value and rate.value * abs(mu) < 1 else None
