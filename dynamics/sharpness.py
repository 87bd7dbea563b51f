"""The sharpness at which a rule stops being stable on a quadratic (SGD with momentum: Cohen et al. 2021, appendix B)."""

from typing import Any

import numpy as np

from dynamics.path import Path
from dynamics.simulate import Run


def threshold_factor(run: Run) -> float | None:
    """c with threshold sharpness c/η: 2 for gradient descent, 2+2γ for heavy ball, (2+2γ)/(1+2γ) for Nesterov.

    None for rules whose step is not a fixed linear function of the gradient.
    """
    if run.rule not in ("gd", "sphere") or run.clip_norm is not None:
        return None
    momentum = float(run.hyperparameters.get("momentum", 0.0))
    factor = 2.0 + 2.0 * momentum
    return factor / (1.0 + 2.0 * momentum) if run.hyperparameters.get("nesterov") else factor


def log_sharpness_over_threshold(path: Path, factor: float) -> Any:
    """ln(sharpness · η_t / c) over t: above 0 the rule overshoots along the sharpest direction; nan where it curves down."""
    return path.log_sharpness + path.log_learning_rate - np.log(factor)
