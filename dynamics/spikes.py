"""Spikes of a loss that never rests: when they come, how far apart they are, and the best that was seen before them."""

import numpy as np


def spikes(loss: np.ndarray, threshold: float) -> np.ndarray:
    """The steps t with L_t > threshold >= L_{t-1}, the first of each excursion; `loss` is over t = 0 ... T."""
    above = np.asarray(loss) > threshold
    return np.flatnonzero(above[1:] & ~above[:-1]) + 1


def spike_period(loss: np.ndarray, threshold: float) -> float:
    """The mean number of steps from one spike to the next; nan with fewer than two."""
    steps = spikes(loss, threshold)
    return float(np.diff(steps).mean()) if len(steps) > 1 else float("nan")


def best_so_far(loss: np.ndarray) -> np.ndarray:
    """min(L_0, ..., L_t) over t: what a run that stops early has kept; steps without a value are passed over."""
    return np.fmin.accumulate(np.asarray(loss, float))
