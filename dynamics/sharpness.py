"""The sharpness at which a rule stops being stable on a quadratic (SGD with momentum: Cohen et al. 2021, appendix B)."""

import numpy as np

from dynamics.path import Path
from dynamics.schedules import schedule
from dynamics.simulate import Run


def threshold_factor(run: Run, steps: int, scale_invariant: bool) -> np.ndarray | None:
    """c_t with threshold sharpness c_t/η_t, over t = 0 ... steps; None where no such linear limit is known.

    With d = η_tλ_t: gradient descent 2 - d; heavy ball with L2 2 + 2γ - d, decoupled (1 + γ)(2 - d); Nesterov
    (2 + 2γ)/(1 + 2γ) - d. Where only the angle counts, decay lengthens the step instead: 2(1 - d) for plain steps.
    """
    own = run.hyperparameters
    gamma = float(own.get("momentum", 0.0))
    rate, decay = (schedule(value).rates(steps + 1) for value in (run.learning_rate, run.weight_decay))
    decaying = bool(np.any(decay.mantissa > 0))
    d = rate.value * decay.value if decaying else np.zeros(steps + 1)
    if run.clip_norm is not None or run.rule not in ("gd", "sphere"):
        return None
    if run.rule == "sphere":
        return np.full(steps + 1, 2.0) if scale_invariant else None
    if scale_invariant and decaying:
        return 2 * (1 - d) if not gamma else None
    if own.get("decoupled"):
        return (1 + gamma) * (2 - d)
    return (2 + 2 * gamma) / (1 + 2 * gamma if own.get("nesterov") else 1.0) - d


def log_sharpness_over_threshold(path: Path, factor: np.ndarray) -> np.ndarray:
    """ln(sharpness · η_t / c_t) over t: above 0 the sharpest direction is overshot; nan where the loss curves down."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return path.log_sharpness + path.log_learning_rate - np.log(factor)
