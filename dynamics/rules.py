"""A rule is a function from hyperparameters to an `optax.GradientTransformation`; its signature is its schema.

    w  <-  w - η · core(clip(g) [+ λw])  [- ηλw]

The learning rate η, weight decay λ and gradient clipping are the same for every rule; a rule adds its own core.
Each hyperparameter's range, unit and meaning stand once, in its annotation. The unit is a power of the length of the
weights: on a scale-invariant loss gradients have length -1, and with its hyperparameters and state rescaled by their
units a run at norm c·r is exactly the run at norm r. That is how a path changes its frame without rounding, and where
the growth a^(-length) of a twin's learning rate comes from.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import optax


class Knob(NamedTuple):
    """The range, unit and meaning of a hyperparameter."""

    low: float
    high: float
    help: str
    symbol: str = ""
    log: bool = False
    length: int = 0
    """The power of the weights' length that this quantity carries on a scale-invariant loss."""
    closed: bool = True
    """Whether values beyond the slider's range, but above `low`, are refused."""


LEARNING_RATE = Knob(1e-4, 10.0, "How far a step goes along the (preconditioned) gradient.", "η", log=True, closed=False)
WEIGHT_DECAY = Knob(1e-4, 4.0, "How strongly every step pulls the weights towards the origin.", "λ", log=True, closed=False)
CLIP_NORM = Knob(1e-3, 1e3, "Gradients longer than this are shortened to it.", "c", log=True, length=-1, closed=False)
NOISE = Knob(
    0.0, 10.0, "Standard deviation of the Gaussian noise added to each gradient coordinate.", "σ", length=-1, closed=False
)
KNOB_NOISE = Knob(
    1e-3, 1.0, "Standard deviation of the Gaussian noise added to this knob of the loss at each step.", "σ", log=True,
    closed=False,
)  # fmt: skip

Momentum = Annotated[float, Knob(0.0, 0.9999, "How much of the last step's direction is kept.", "γ")]
Beta1 = Annotated[float, Knob(0.0, 0.9999, "How slowly the average gradient forgets.", "β₁")]
Beta2 = Annotated[float, Knob(0.0, 0.999999, "How slowly the average squared gradient forgets.", "β₂")]
Eps = Annotated[float, Knob(0.0, 1.0, "Added to the root of the squared gradient: a hidden absolute scale.", "ε", length=-1)]
EpsRoot = Annotated[float, Knob(0.0, 1.0, "Added to the squared gradient before the root.", "ε₀", length=-2)]


class Rule(NamedTuple):
    """A registered rule: its name, its core and what its signature says."""

    name: str
    title: str
    core: Callable[..., optax.GradientTransformation]
    length: int
    """The learning rate's length: 2 where the step is as long as η times a gradient, 1 where it is as long as η."""
    knobs: dict[str, Knob]
    switches: dict[str, bool]
    defaults: dict[str, Any]
    after: Callable[[Any, Any], Any] | None
    """What is done to the moved weights at last, given the length 1 in the frame's units."""
    coupled: bool
    covariant: bool
    smooth: bool
    """Whether the step has a derivative, so that small errors can be followed through it."""

    @property
    def squares(self) -> bool:
        """Whether it remembers squares of gradients."""
        state = jax.tree.leaves(self.core().init((0.0, 0.0)), is_leaf=lambda part: hasattr(part, "_fields"))
        return any(STATE_LENGTHS.get(name) == -2 for part in state for name in getattr(part, "_fields", ()))

    @property
    def summary(self) -> str:
        return inspect.getdoc(self.core) or ""

    def transformation(
        self, learning_rate: Any, weight_decay: Any, clip_norm: Any = None, bounded: bool = False, **own: Any
    ) -> optax.GradientTransformationExtraArgs:
        """The whole update as one optax chain; every number may be traced. `bounded` promises finite learning rates."""
        own = self.defaults | own
        coupled = self.coupled and not own.pop("decoupled", False)
        decay = optax.add_decayed_weights(weight_decay)
        parts = [] if clip_norm is None else [clip_by_norm(clip_norm)]
        parts += [decay, self.core(**own)] if coupled else [self.core(**own), decay]
        return optax.chain(*parts, optax.scale(-learning_rate) if bounded else descend(learning_rate))


RULES: dict[str, Rule] = {}

STATE_LENGTHS = {"trace": -1, "mu": -1, "nu": -2, "nu_max": -2, "count": 0}
"""The lengths of the fields of optax's states; a rule with any other state keeps its frame."""


def rule(
    title: str, length: int, after: Any = None, coupled: bool = False, covariant: bool = True, smooth: bool = True
) -> Callable[[Callable], Callable]:
    """Registers a core under its function's name; menus, scenes, links, docs and laws read it from here."""

    def add(core: Callable[..., optax.GradientTransformation]) -> Callable[..., optax.GradientTransformation]:
        hints = get_type_hints(core, include_extras=True)
        parameters = inspect.signature(core).parameters
        knobs = {n: get_args(hints[n])[1] for n in parameters if get_origin(hints[n]) is Annotated}
        switches = {n: parameters[n].default for n in parameters if hints[n] is bool}
        defaults = {n: p.default for n, p in parameters.items()}
        if coupled:
            switches["decoupled"] = defaults["decoupled"] = False
        RULES[core.__name__] = Rule(
            core.__name__, title, core, length, knobs, switches, defaults, after, coupled, covariant, smooth
        )
        return core

    return add


def named(name: str) -> Rule:
    if name in RULES:
        return RULES[name]
    near = difflib.get_close_matches(str(name), RULES, 1)
    hint = f"Perhaps {near[0]}?" if near else f"There are {', '.join(RULES)}."
    raise ValueError(f"There is no rule called {str(name)[:40]!r}. {hint}")


# ---------------------------------------------------------------------------------------------------------------------
# What optax lacks, or measures with a small bias


def norm(g: Any) -> Any:
    return jnp.hypot(*g)


def _stateless(update: Callable[..., Any]) -> optax.GradientTransformationExtraArgs:
    def apply(g: Any, state: Any, params: Any = None, **extra: Any) -> Any:
        return update(g, params, extra), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), apply)


def clip_by_norm(limit: Any) -> optax.GradientTransformationExtraArgs:
    """g <- g · min(1, c/‖g‖), without epsilon; a zero gradient stays zero."""
    return _stateless(lambda g, w, extra: jax.tree.map(lambda a: jnp.where(norm(g) > limit, a / norm(g) * limit, a), g))


def descend(rate: Any) -> optax.GradientTransformationExtraArgs:
    """u <- -η u; a direction that is exactly zero stays zero even under a rate that no float holds."""
    return _stateless(lambda u, w, extra: jax.tree.map(lambda a: jnp.where((a == 0) & jnp.isinf(rate), 0.0, -rate * a), u))


def to_sphere(w: Any, radius: Any) -> Any:
    """w is brought to ‖w‖ = radius."""
    return jax.tree.map(lambda a: a / norm(w) * radius, w)


# ---------------------------------------------------------------------------------------------------------------------
# Rules


@rule("Gradient descent", length=2, coupled=True)
def gd(momentum: Momentum = 0.0, nesterov: bool = False) -> optax.GradientTransformation:
    """m ← γm + g + λw, w ← w − ηm (heavy ball in PyTorch's convention, m₀ = 0).

    Nesterov: w ← w − η(g + λw + γm). Decoupled: m ← γm + g, w ← (1−ηλ)w − ηm. Polyak 1964; Nesterov 1983.
    """
    if isinstance(momentum, float) and momentum == 0:  # not traced: then no buffer is carried
        return optax.identity()
    return optax.trace(momentum, nesterov)


@rule("SignSGD", length=1, smooth=False)
def sign() -> optax.GradientTransformation:
    """w ← w − η sign(g), coordinate by coordinate, sign(0) = 0. Bernstein et al. 2018, arXiv:1802.04434."""
    return _stateless(lambda g, w, extra: jax.tree.map(jnp.sign, g))


@rule("Unit gradient", length=1)
def unit_gradient() -> optax.GradientTransformation:
    """w ← w − η g/‖g‖: every step has length η; a zero gradient stays put. Exactly unit, unlike one with an epsilon."""
    return _stateless(lambda g, w, extra: jax.tree.map(lambda a: jnp.where(norm(g) > 0, a / norm(g), 0.0), g))


@rule("Unit loss", length=2)
def unit_loss() -> optax.GradientTransformation:
    """w ← w − η g/L(w), the gradient of L/stop_gradient(L) = log L: mean and sum over a batch give the same step."""
    return _stateless(lambda g, w, extra: jax.tree.map(lambda a: a / extra["value"], g))


@rule("Gradient descent on the sphere", length=2, after=to_sphere)
def sphere() -> optax.GradientTransformation:
    """w ← (w − ηg)/‖w − ηg‖: the length is put back to 1 after every step."""
    return optax.identity()


@rule("Adam", length=1)
def adam(b1: Beta1 = 0.9, b2: Beta2 = 0.999, eps: Eps = 1e-8, eps_root: EpsRoot = 0.0) -> optax.GradientTransformation:
    """w ← (1−ηλ)w − η m̂/(√v̂ + ε). Kingma, Ba 2014, arXiv:1412.6980; decay decoupled as in AdamW."""
    return optax.scale_by_adam(b1, b2, eps, eps_root)


@rule("AdamW", length=1)
def adamw(b1: Beta1 = 0.9, b2: Beta2 = 0.999, eps: Eps = 1e-8, eps_root: EpsRoot = 0.0) -> optax.GradientTransformation:
    """w ← (1−ηλ)w − η m̂/(√v̂ + ε). Loshchilov, Hutter 2017, arXiv:1711.05101."""
    return optax.scale_by_adam(b1, b2, eps, eps_root)


@rule("RMSProp", length=1, covariant=False)  # the length of its ε depends on eps_in_sqrt
def rmsprop(b2: Beta2 = 0.9, eps: Eps = 1e-8, eps_in_sqrt: bool = True) -> optax.GradientTransformation:
    """v ← β₂v + (1−β₂)g², w ← w − η g/√(v + ε) (or /(√v + ε)); v₀ = 0, no bias correction. Hinton 2012."""
    return optax.scale_by_rms(b2, eps, 0.0, eps_in_sqrt)


@rule("AdaBelief", length=1)
def adabelief(
    b1: Beta1 = 0.9, b2: Beta2 = 0.999, eps: Eps = 1e-16, eps_root: EpsRoot = 1e-16
) -> optax.GradientTransformation:
    """Adam with v the average of (g − m)², m updated first and ε₀ accumulated. Zhuang et al. 2020, arXiv:2010.07468."""
    return optax.scale_by_belief(b1, b2, eps, eps_root)


@rule("NAdam", length=1)
def nadam(b1: Beta1 = 0.9, b2: Beta2 = 0.999, eps: Eps = 1e-8, eps_root: EpsRoot = 0.0) -> optax.GradientTransformation:
    """Adam with Nesterov's look-ahead in m̂, as optax has it (PyTorch's has a schedule of momenta). Dozat 2016."""
    return optax.scale_by_adam(b1, b2, eps, eps_root, nesterov=True)


@rule("AMSGrad", length=1)
def amsgrad(b1: Beta1 = 0.9, b2: Beta2 = 0.999, eps: Eps = 1e-8, eps_root: EpsRoot = 0.0) -> optax.GradientTransformation:
    """Adam with the largest v̂ so far, corrected before the comparison as in optax (PyTorch: after). Reddi et al. 2018."""
    return optax.scale_by_amsgrad(b1, b2, eps, eps_root)


@rule("Lion", length=1, smooth=False)
def lion(b1: Beta1 = 0.9, b2: Beta2 = 0.99) -> optax.GradientTransformation:
    """w ← (1−ηλ)w − η sign(β₁m + (1−β₁)g), m ← β₂m + (1−β₂)g. Chen et al. 2023, arXiv:2302.06675."""
    return optax.scale_by_lion(b1, b2)
