"""The sharpness at which a rule stops being stable on a quadratic (SGD with momentum: Cohen et al. 2021, appendix B).

Near a minimum with curvature h a step is a linear map of (w, m), and the sharpest direction starts to flip when one of its
eigenvalues reaches -1. With a = ηh and d = ηλ that happens at a = c, the threshold times η:

    heavy ball, decay in the gradient     2 + 2γ - d                      (γ = 0: gradient descent)
    heavy ball, decoupled decay           (1 + γ)(2 - d)
    Nesterov, decay in the gradient       (2 + 2γ)/(1 + 2γ) - d
    Nesterov, decoupled decay             (1 + γ)(2 - d)/(1 + 2γ)
    where only the angle counts           2(1 - d), plain steps and the sphere: decay lengthens the step instead

This is the only place that says so: strips, maps and tests read it here.
"""

from typing import Any

import numpy as np

from dynamics.path import Path
from dynamics.schedules import schedule
from dynamics.simulate import Run


def critical(
    rule: str, invariant: bool, decay: Any, momentum: Any = 0.0, nesterov: bool = False, decoupled: bool = False,
    clipped: bool = False, xp: Any = np,
) -> Any:  # fmt: skip
    """c for d = `decay`, one number or an array of them; nan where no such limit is known."""
    d, gamma = decay + 0.0 * momentum, momentum + 0.0 * decay
    unknown = xp.full_like(d, np.nan)
    if clipped or rule not in ("gd", "sphere") or (rule == "sphere" and not invariant):
        return unknown
    if rule == "sphere":
        return 2 * (1 - d)
    ahead = 1 + 2 * gamma if nesterov else 1.0
    c = (1 + gamma) * (2 - d) / ahead if decoupled else (2 + 2 * gamma) / ahead - d
    if not invariant:
        return c
    return xp.where(d > 0, xp.where(gamma > 0, unknown, 2 * (1 - d)), c)


def threshold_factor(run: Run, steps: int, scale_invariant: bool) -> np.ndarray | None:
    """c_t with threshold sharpness c_t/η_t, over t = 0 ... steps; None where no such linear limit is known."""
    own = run.hyperparameters
    rate, decay = (schedule(value).rates(steps + 1) for value in (run.learning_rate, run.weight_decay))
    d = np.multiply(rate.value, decay.value, out=np.zeros(steps + 1), where=decay.mantissa > 0)
    switches = {name: bool(own.get(name)) for name in ("nesterov", "decoupled")}
    found = critical(
        run.rule, scale_invariant, d, float(own.get("momentum", 0.0)), clipped=run.clip_norm is not None, **switches
    )
    return None if np.isnan(found).all() else found


def log_sharpness_over_threshold(path: Path, factor: np.ndarray) -> np.ndarray:
    """ln(sharpness · η_t / c_t) over t: above 0 the sharpest direction is overshot; nan where the loss curves down."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return path.log_sharpness + path.log_learning_rate - np.log(factor)
