"""The sharpness at which a rule stops being stable on a quadratic (SGD with momentum: Cohen et al. 2021, appendix B).

Near a minimum with curvature h a step is a linear map of (w, m), and the sharpest direction starts to flip when one of its
eigenvalues reaches -1. With a = ηh and d = ηλ that happens at a = c, the threshold times η:

    heavy ball, decay in the gradient     2 + 2γ - d                      (γ = 0: gradient descent)
    heavy ball, decoupled decay           (1 + γ)(2 - d)
    Nesterov, decay in the gradient       (2 + 2γ)/(1 + 2γ) - d
    Nesterov, decoupled decay             (1 + γ)(2 - d)/(1 + 2γ)
    an average of gradients (Adam ...)    (1 + β₁)(2 - d)/(1 - β₁)        (38 at β₁ = .9; the 40 of Gilmer et al. is a fit)
    NAdam                                 (1 + β₁)(2 - d)/((1 - β₁)(1 + 2β₁))
    where only the angle counts           2(1 - d), plain steps and the sphere: decay lengthens the step instead

Adaptive rules and the unit loss are compared by the curvature in their own coordinates (see `dynamics.preconditioner`).
Clipping changes none of it: near a minimum gradients are short. Signs and unit steps come near no limit: they have none.

This is the only place that says so: strips, maps and tests read it here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dynamics import rules
from dynamics.path import Path
from dynamics.preconditioner import preconditioned_sharpness, stretches
from dynamics.schedules import schedule
from dynamics.simulate import Run
from landscapes import Landscape


def critical(
    rule: str, invariant: bool, decay: Any, momentum: Any = 0.0, nesterov: bool = False, decoupled: bool = False,
    xp: Any = np,
) -> Any:  # fmt: skip
    """c for d = `decay`, one number or an array of them; nan where no such limit is known."""
    d, gamma = decay + 0.0 * momentum, momentum + 0.0 * decay
    unknown = xp.full_like(d, np.nan)
    if rule == "sphere":
        return 2 * (1 - d) if invariant else unknown
    if stretches(rule):
        c = (1 + gamma) * (2 - d) / (1 - gamma) / (1 + 2 * gamma if rule == "nadam" else 1.0)
        return xp.where(d > 0, unknown, c) if invariant else c
    if rule != "gd":
        return unknown
    ahead = 1 + 2 * gamma if nesterov else 1.0
    c = (1 + gamma) * (2 - d) / ahead if decoupled else (2 + 2 * gamma) / ahead - d
    if not invariant:
        return c
    return xp.where(d > 0, xp.where(gamma > 0, unknown, 2 * (1 - d)), c)


def critical_of(rule: str, own: Mapping[str, Any], invariant: bool, decay: Any, xp: Any = np) -> Any:
    """c of a rule with the hyperparameters that it was given."""
    values = rules.named(rule).defaults | dict(own)
    switches = {name: bool(values.get(name)) for name in ("nesterov", "decoupled")}
    return critical(rule, invariant, decay, values.get("momentum", values.get("b1", 0.0)), xp=xp, **switches)


def threshold_factor(run: Run, steps: int, scale_invariant: bool) -> np.ndarray | None:
    """c_t with threshold sharpness c_t/η_t, over t = 0 ... steps; None where no such linear limit is known."""
    rate, decay = (schedule(value).rates(steps + 1) for value in (run.learning_rate, run.weight_decay))
    d = np.multiply(rate.value, decay.value, out=np.zeros(steps + 1), where=decay.mantissa > 0)
    found = critical_of(run.rule, run.hyperparameters, scale_invariant, d)
    return None if np.isnan(found).all() else found


def log_curvature(landscape: Landscape, run: Run, path: Path, knobs: Mapping[str, float] | None = None) -> np.ndarray | None:
    """ln of the curvature that the rule's threshold speaks of, over t; nan where the loss curves down, None if unknown."""
    if not stretches(run.rule):
        return path.log_sharpness
    met = preconditioned_sharpness(landscape, run, path, knobs)
    with np.errstate(divide="ignore", invalid="ignore"):
        return None if met is None else np.log(met)


def log_over_threshold(
    landscape: Landscape, run: Run, path: Path, knobs: Mapping[str, float] | None = None
) -> np.ndarray | None:
    """ln(curvature · η_t / c_t) over t: above 0 the sharpest direction is overshot; None where no limit is known."""
    factor, met = threshold_factor(run, path.steps, landscape.scale_invariant), log_curvature(landscape, run, path, knobs)
    if factor is None or met is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return met + path.log_learning_rate - np.log(factor)


def threshold(landscape: Landscape, run: Run, path: Path) -> np.ndarray | None:
    """c_t/η_t over t: what the curvature is to be compared with; None where no such limit is known."""
    factor = threshold_factor(run, path.steps, landscape.scale_invariant)
    with np.errstate(divide="ignore", over="ignore"):
        return None if factor is None else np.exp(np.log(factor) - path.log_learning_rate)
