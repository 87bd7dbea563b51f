"""Two paths: are they the same road, and how much faster is one of them walked?

    distance   d_F(a, b) = min over monotone pairings of max ‖a(s) − b(t)‖, discrete Fréchet: time does not count
    clock      m with T_b(m η) = T_a(η): the multiple of its rate at which b needs as many steps as a
"""

import numpy as np

POINTS = 128
"""places, equally far apart along each path, that are paired"""


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The discrete Fréchet distance of two paths (n, 2), each resampled along its own length (T. Eiter, H. Mannila 1994)."""
    first, second = resampled(a), resampled(b)
    apart = np.hypot(*(first[:, None] - second[None, :]).transpose(2, 0, 1))
    reach = np.maximum.accumulate(apart[0])
    for row in apart[1:]:
        entered = np.minimum(reach, np.r_[np.inf, reach[:-1]])  # from below, or from below and before
        now = np.empty_like(reach)
        before = np.inf
        for j, (own, enter) in enumerate(zip(row.tolist(), entered.tolist(), strict=True)):
            before = now[j] = max(own, min(before, enter))
        reach = now
    return float(reach[-1])


def resampled(path: np.ndarray, count: int = POINTS) -> np.ndarray:
    """Places equally far apart along a path (n, 2), its ends included."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    along = np.r_[0.0, np.cumsum(steps)]
    if along[-1] == 0:
        return np.repeat(path[:1], count, axis=0)
    places = np.linspace(0, along[-1], count)
    return np.stack([np.interp(places, along, path[:, side]) for side in range(2)], axis=1)


def clock(
    rates: np.ndarray, steps: np.ndarray, near: float, wanted: float, unit: float | None = None
) -> float | None:
    """The multiple of `unit` (of `near`, by default) at which a run needs `wanted` steps.

    Its curve of steps over rates (NaN: not within the budget) is read between its points as a power law; of several places
    the one nearest to the rate `near` counts, and where it needs so many steps nowhere there is none.
    """
    there = np.isfinite(steps)
    x, y = np.log(rates), np.log(np.where(there, steps, 1.0)) - np.log(wanted)
    crossings = [
        x[i] + (x[i + 1] - x[i]) * (y[i] / (y[i] - y[i + 1]) if y[i] != y[i + 1] else 0.0)
        for i in range(len(x) - 1)
        if there[i] and there[i + 1] and y[i] * y[i + 1] <= 0
    ]
    if not crossings:
        return None
    nearest = min(crossings, key=lambda place: abs(place - np.log(near)))
    return float(np.exp(nearest) / (unit or near))
