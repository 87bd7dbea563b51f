"""How an adaptive rule stretches the plane, and the curvature that its steps meet there.

    w  <-  w - η D⁻¹ m̂        D = √v̂ + ε (unit loss: D = L)        curvature: λ₁ of D^(-1/2) H D^(-1/2)

The second moment v̂ is the optimizer's own, made of the gradients up to and with that of the step (J. Cohen et al.,
Adaptive gradient methods at the edge of stability, 2022, arXiv:2207.14484). While D hardly changes from step to step the
rule is gradient descent, with an average of gradients, in coordinates in which this is the Hessian.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dynamics import rules
from dynamics.path import Path
from dynamics.simulate import SHORT, Run
from landscapes import Landscape, Local, sharpness


def stretches(rule: str) -> bool:
    """Whether the rule has a preconditioner."""
    return rule == "unit_loss" or rules.named(rule).squares


def curvature(local: Local, scale: tuple[Any, Any], xp: Any = np) -> Any:
    """λ₁ of D^(-1/2) H D^(-1/2) for a diagonal D = `scale`."""
    a, b = scale
    return sharpness(local._replace(hxx=local.hxx / a, hyy=local.hyy / b, hxy=local.hxy / xp.sqrt(a * b)), xp)


def scale_after(rule: str, own: Mapping[str, Any], state: Any) -> tuple[Any, Any]:
    """D from an optax state that has just taken in a gradient."""
    values = rules.named(rule).defaults | dict(own)
    seen = remembered(state)
    v = seen.nu_max if hasattr(seen, "nu_max") else seen.nu
    if rule == "rmsprop":
        eps, inside = values["eps"], values["eps_in_sqrt"]
        return tuple(jnp.sqrt(a + eps) if inside else jnp.sqrt(a) + eps for a in v)  # type: ignore[return-value]
    if not hasattr(seen, "nu_max"):
        v = tuple(a / (1 - values["b2"] ** seen.count) for a in v)
    added = 0.0 if rule == "adabelief" else values["eps_root"]  # which AdaBelief accumulates in v itself
    return tuple(jnp.sqrt(a + added) + values["eps"] for a in v)  # type: ignore[return-value]


def remembered(state: Any) -> Any:
    """The part of an optax state that holds squares of gradients."""
    parts = jax.tree.leaves(state, is_leaf=lambda part: hasattr(part, "_fields"))
    return next(part for part in parts if "nu" in getattr(part, "_fields", ()))


def core(rule: str, own: Mapping[str, Any], clip_norm: Any) -> optax.GradientTransformation:
    """What turns a gradient into a direction."""
    return optax.chain(rules.clip_by_norm(clip_norm), rules.named(rule).core(**own))


def preconditioned_sharpness(
    landscape: Landscape, run: Run, path: Path, knobs: Mapping[str, float] | None = None
) -> np.ndarray | None:
    """The curvature that each step of a path meets, over t; None without a preconditioner, or where noise hides it."""
    if not stretches(run.rule) or run.noisy:
        return None
    with np.errstate(all="ignore"):
        here = landscape.local(path.frame_x, path.frame_y, knobs)
        unit = np.exp(-path.frame_log)
        gradient = np.stack([here.gx * unit, here.gy * unit])
        hessian = here._replace(**{name: getattr(here, name) * unit**2 for name in ("hxx", "hxy", "hyy")})
        scale = (here.loss, here.loss) if run.rule == "unit_loss" else _scales(run, gradient)
        return curvature(hessian, scale)


def _scales(run: Run, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D over t, from the gradients (2, T + 1) of a path."""
    rule, steps = rules.named(run.rule), gradient.shape[1]
    own = {name: float(value) for name, value in run.hyperparameters.items() if name in rule.knobs}
    switches = tuple((name, bool(value)) for name, value in run.hyperparameters.items() if name in rule.switches)
    room = max(SHORT, 1 << (steps - 1).bit_length())
    padded = np.pad(gradient, [(0, 0), (0, room - steps)], mode="edge")
    with jax.enable_x64(True):
        made = _scan(run.rule, switches)(padded, own, np.inf if run.clip_norm is None else run.clip_norm)
    return tuple(np.asarray(each)[:steps] for each in made)  # type: ignore[return-value]


@lru_cache(maxsize=32)
def _scan(rule: str, switches: tuple[tuple[str, bool], ...]) -> Any:
    def scales(gradient: Any, own: Any, clip_norm: Any) -> Any:
        values = own | dict(switches)
        chain = core(rule, values, clip_norm)

        def one(state: Any, g: Any) -> Any:
            _, state = chain.update((g[0], g[1]), state)
            return state, scale_after(rule, values, state)

        zero = jnp.zeros_like(gradient[0, 0])
        return jax.lax.scan(one, chain.init((zero, zero)), gradient.T)[1]

    return jax.jit(scales)
