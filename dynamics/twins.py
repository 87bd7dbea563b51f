"""A theorem is a pair of runs: weight decay at a given rate, and no decay at an exponentially growing one.

    w_t = P_t v_t,   P_0 = 1,   P_{t+1} = α_t P_t,   η̃_t = η_t P_t^u / P_{t+1}

On a loss of degree k (0 where it ignores length) w decays and v does not; α_t is what a step of decay leaves of the
length, and u is the degree of the update, U(c w) = c^u U(w): k - 1 for gradient descent, -1 for a gradient over its loss,
0 for steps that do not see the size of a gradient. The twin's schedule follows from the partner's; its path never does: it
is simulated on its own, with its own raw recursion, so agreement is evidence.
(Z. Li, S. Arora 2019, arXiv:1910.07454, for gradient descent with and without momentum; other cases re-derived here.)
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from dynamics import rules
from dynamics.path import LN2, Path, Readings
from dynamics.schedules import Constant, Exponential, Floats, Rates, Schedule, products, rates, schedule, shortest
from dynamics.simulate import Run
from landscapes import Landscape


class NoTwin(ValueError):
    """Why a run has no twin without weight decay, in one sentence."""


class Grown(Schedule, tag="grown"):
    """A twin's rates: a table in floats, and the recipe by which another arithmetic computes them from the partner's."""

    table: Rates
    recipe: Callable[[int, Any], Iterable[Any]]

    def __call__(self, t: Any, n: Any = Floats) -> Any:
        return self.table.value[t] if n is Floats else next(islice(self.recipe(t + 1, n), t, None))

    def rates(self, count: int) -> Rates:
        return Rates(self.table.mantissa[:count], self.table.exponent[:count])

    def numbers(self, count: int, n: Any) -> Iterable[Any]:
        return self.recipe(count, n)


class Twin(NamedTuple):
    """A run without weight decay and the projection that lays it over its partner."""

    run: Run
    log_projection: np.ndarray
    """ln P_t for t = 0 ... T, with P_t v_t = w_t; P_0 = 1."""
    theorem: str
    degree: int = 0
    """of the loss: L(w_t) = P_t^degree L(v_t)"""

    @property
    def log_learning_rate(self) -> np.ndarray:
        """ln η̃_t for t = 0 ... T."""
        return schedule(self.run.learning_rate).rates(len(self.log_projection)).log

    @property
    def growth(self) -> np.ndarray:
        """η̃_{t+1} / η̃_t for t = 0 ... T-1: a^-2 for gradient descent, a^-1 for sign and unit gradient."""
        with np.errstate(all="ignore"):
            return np.exp(np.diff(self.log_learning_rate))


def twin(landscape: Landscape, run: Run, steps: int) -> Twin:
    """The twin of a run with weight decay, or `NoTwin` with the reason why there is none.

    Decay that does not pass through a buffer leaves α_t = 1 - η_t λ_t. Buffers of a twin then fade by a further α_{t-1}
    (squares by its square): momentum γ α_{t-1}, averages β₁ α_{t-1} and β₂ α²_{t-1} with gains and bias corrections as
    they were. Heavy ball with L2 keeps its γ, and α_t follows from `shrinkages`. At constant rates the buffer is primed
    and growth is purely exponential; with schedules it starts at zero.
    """
    _refuse(run)
    count, how = steps + 1, powers_of(landscape, run)
    shrunk = np.array(list(_checked(run, count)))
    projection = products(1 - shrunk) if how.shrinks else products(np.ones(count))
    before, after = Rates(*(part[:-1] for part in projection)), Rates(*(part[1:] for part in projection))
    rate = schedule(run.learning_rate).rates(count)
    if not how.shrinks:
        after = rates(1 - shrunk)
    grown = _powered(rate, before, after, how.rate)
    made = run._replace(learning_rate=Grown(grown, lambda count, n: _grown(run, how, count, n)), weight_decay=0.0)
    if primed := _primed_share(run, Floats):
        made = made._replace(initial_buffer=Grown(rates([-primed]), lambda count, n: [-_primed_share(run, n)]))
    if how.fading:
        fades = (1.0 - shrunk[:-1]) ** how.fading
        made = made._replace(fading=Grown(rates([1.0, *fades]), lambda count, n: _fadings(run, how, count, n)))
    log_remains = np.cumsum(np.log1p(-shrunk), dtype=np.longdouble).astype(float) * how.shrinks
    return Twin(made, np.array([0.0, *log_remains[:-1]]), _theorem(run, how, shrunk), how.degree)


class Powers(NamedTuple):
    """η̃_t = η_t P_t^rate / P_t₊₁, and buffers that fade by a further α_{t-1}^fading."""

    rate: int
    fading: int = 0
    degree: int = 0
    """of the loss"""
    shrinks: bool = True
    """False on the sphere, which puts the length back itself: P_t = 1, and α_t divides the rate alone"""


def powers_of(landscape: Landscape, run: Run) -> Powers:
    """g(c v) = c^(k-1) g(v) for a loss of degree k, so a step η g(P v) is one of η P^(k-1) g(v)."""
    rule, degree = rules.named(run.rule), _degree(landscape)
    if rule.name == "sphere":
        return Powers(0, shrinks=False)
    if degree is None:
        raise NoTwin("A twin needs a loss that ignores the length of its weights, or one that is homogeneous.")
    if degree.denominator != 1:
        raise NoTwin(f"A twin is known for whole degrees of homogeneity; this loss has {degree}.")
    k = int(degree)
    through = bool(_momentum_of_decay(run))
    fading = (-k if through else 1 - k) if through or _fades(run) else 0
    return Powers({"gd": k - 1, "unit_loss": -1}.get(rule.name, 0), fading, k)


def _degree(landscape: Landscape) -> Fraction | None:
    return Fraction(0) if landscape.scale_invariant else getattr(landscape, "degree", None)


def _powered(rate: Rates, before: Rates, after: Rates, power: int) -> Rates:
    """η · before^power / after, mantissas and exponents apart."""
    above, below = (before.mantissa**power, 1.0) if power > 0 else (1.0, before.mantissa**-power)
    mantissa = rate.mantissa * above / (below * after.mantissa)
    return Rates(mantissa, rate.exponent + power * before.exponent - after.exponent)


# ---------------------------------------------------------------------------------------------------------------------
# The recursions, over any arithmetic


def shrinkages(run: Run, count: int, n: Any = Floats) -> Iterator[tuple[Any, Any]]:
    """(η_t, 1 - α_t) for t = 0 ... count-1, in the arithmetic n.

    α_t = 1 - η_t k_t with k_t = λ_t + γ b_t and b_{t+1} = k_t/α_t. Here γ is the momentum of a buffer that decay passes
    through (L2), else 0, and b_t P_t w_t is the decay that the buffer holds: m_t = (n_t + b_t P_t² v_t)/P_t for the
    twin's own buffer n_t. b_0 = 0, or where it stays fixed if the buffer is primed.
    """
    momentum, held = n.number(_momentum_of_decay(run)), _primed_share(run, n)
    rate, decay = (schedule(value).numbers(count, n) for value in (run.learning_rate, run.weight_decay))
    for eta, lam in zip(rate, decay, strict=True):
        pull = lam + momentum * held
        yield eta, eta * pull
        held = pull / (1 - eta * pull)


def _grown(run: Run, how: Powers, count: int, n: Any) -> Iterator[Any]:
    projection = n.number(1)
    for eta, shrunk in shrinkages(run, count, n):
        after = projection * (1 - shrunk)
        yield eta * projection**how.rate / after if how.rate > 0 else eta / (projection**-how.rate * after)
        projection = after if how.shrinks else projection


def _fadings(run: Run, how: Powers, count: int, n: Any) -> Iterator[Any]:
    remains = (1 - shrunk for _, shrunk in shrinkages(run, count, n))
    powered = (each**how.fading if how.fading > 0 else 1 / each**-how.fading for each in remains)
    return islice(chain([n.number(1)], powered), count)


def _primed_share(run: Run, n: Any) -> Any:
    """b = 2λ/(1 - γ - ηλ + √D), D = (1 + γ - ηλ)² - 4γ: where b_{t+1} = b_t at constant rates; elsewhere 0.

    Then α = 1 - η(λ + γb) is the larger root of α² - (1 + γ - ηλ)α + γ, and the twin's buffer starts at
    -b w₀ = -(1 - α)/(αη) w₀. D >= 0 is ηλ <= (1 - √γ)²; it is decided on the exact decimals.
    """
    exact = _constants(run)
    if exact is None:
        return n.number(0)
    gamma, eta, lam = exact
    discriminant = (1 + gamma - eta * lam) ** 2 - 4 * gamma
    if discriminant < 0 or eta * lam > 1:
        return n.number(0)
    return n.number(2 * lam) / (n.number(1 - gamma - eta * lam) + n.sqrt(n.number(discriminant)))


def _constants(run: Run) -> tuple[Fraction, Fraction, Fraction] | None:
    """(γ, η, λ) of a heavy ball with L2 at constant rates, as exact decimals."""
    gamma, eta, lam = _momentum_of_decay(run), schedule(run.learning_rate), schedule(run.weight_decay)
    if not (gamma and isinstance(eta, Constant) and isinstance(lam, Constant)):
        return None
    return shortest(gamma), shortest(eta.value), shortest(lam.value)


def _momentum_of_decay(run: Run) -> float:
    own = run.hyperparameters
    return float(own.get("momentum", 0.0)) if rules.named(run.rule).coupled and not own.get("decoupled") else 0.0


def _fades(run: Run) -> bool:
    """Whether the rule keeps buffers that decay does not pass through."""
    rule, own = rules.named(run.rule), run.hyperparameters
    return bool(own.get("decoupled") and own.get("momentum")) if rule.coupled else bool(rule.knobs)


# ---------------------------------------------------------------------------------------------------------------------
# Refusals, and the theorem in words


def _refuse(run: Run) -> None:
    rule = rules.named(run.rule)
    if run.rule == "sphere":
        return  # clipping and noise change both runs alike
    if run.clip_norm is not None and run.rule not in ("sign", "unit_gradient"):
        raise NoTwin("Clipping compares the gradient with a fixed length, so it is not the same at another norm: no twin.")
    if run.noise:  # of a batch, or of a loss whose knobs are shaken, every loss ignores length
        raise NoTwin("Noise of a fixed size is not the same at another norm: no twin.")
    if run.hyperparameters.get("nesterov") and _momentum_of_decay(run):
        raise NoTwin(
            "Nesterov with L2 would need two different momenta inside and outside the look-ahead: no twin; "
            "decoupled decay has one."
        )
    for name, knob in rule.knobs.items():
        value = run.hyperparameters.get(name, rule.defaults[name])
        if knob.length and value:
            raise NoTwin(
                f"{rule.title} compares gradients with the fixed size {knob.symbol} = {value:g}, so it is not the same at "
                f"another norm: no twin; with {name} = 0 it has one."
            )


def heavy_ball_limit(momentum: float) -> float:
    """(1 − √γ)², the largest ηλ at which a heavy ball with L2 and constant rates has a twin."""
    return (1 - momentum**0.5) ** 2


def _checked(run: Run, count: int) -> Iterator[float]:
    """1 - α_t for t = 0 ... count-1, or `NoTwin` at the first step that leaves no positive factor."""
    gamma = _momentum_of_decay(run)
    for t, (eta, shrunk) in enumerate(shrinkages(run, count)):
        if not np.isfinite(eta):
            raise NoTwin(f"The learning rate of step {t} is beyond what a float holds; use fewer steps.")
        if not shrunk < 1 and gamma:
            raise NoTwin(
                f"With momentum γ = {gamma:g} a twin needs ηλ ≤ (1−√γ)² = {heavy_ball_limit(gamma):.4g} for ever; beyond it "
                f"the factor α of step {t} is {1 - shrunk:.3g}, no longer positive, so there is one up to step {t} only."
            )
        if not shrunk < 1:
            raise NoTwin(f"A twin needs ηλ below 1 at every step; at step {t} it is {shrunk:.3g}.")
        yield shrunk


def _theorem(run: Run, how: Powers, shrunk: np.ndarray) -> str:
    if not how.shrinks:
        return "no decay; the learning rate of step t is η_t/(1−η_tλ_t), and the path is the same, point by point"
    above = {0: "η_t", 1: "η_t·P_t"}.get(how.rate, f"η_t·P_t^{how.rate}" if how.rate > 0 else "η_t")
    below = {-1: "(P_t·P_t₊₁)"}.get(how.rate, "P_t₊₁" if how.rate >= 0 else f"(P_t^{-how.rate}·P_t₊₁)")
    rate = f"{above}/{below}"
    if _primed_share(run, Floats) and how.degree == 0:
        alpha = 1 - shrunk[0]
        return (
            f"no decay, the same momentum; the learning rate of step t is η·α^(−2t−1) with α = {alpha:.6g}, the larger root "
            "of α² − (1+γ−ηλ)α + γ, and the buffer starts at −(1−α)/(αη)·w₀"
        )
    if _momentum_of_decay(run):
        momentum = "the same momentum" if how.degree == 0 else f"momentum γ·α_t₋₁^{-how.degree}"
        buffer = ", and the buffer starts at −(1−α)/(αη)·w₀" if _primed_share(run, Floats) else ""
        return (
            f"no decay, {momentum}; the learning rate of step t is {rate}, where P_t₊₁ = α_t·P_t and "
            f"α_t = 1 − η_tλ_t + γ(η_t/η_t₋₁)(1 − 1/α_t₋₁){buffer}"
        )
    sentence = f"no decay; the learning rate of step t is {rate}, where P_t₊₁ = (1−η_tλ_t)·P_t"
    if not how.fading:
        return sentence
    power = "" if how.fading == 1 else f", to the power {how.fading}"
    if rules.named(run.rule).coupled:
        return f"{sentence}, and its momentum γ·(1−η_t₋₁λ_t₋₁){power}"
    return f"{sentence}; averages of gradients fade by a further 1−η_t₋₁λ_t₋₁{power}, of squares by its square"


# ---------------------------------------------------------------------------------------------------------------------
# What a twin asks of its numbers, and the way back


class Overflow(NamedTuple):
    """The first steps whose learning rate, and whose weights, a float cannot hold; None where they never outgrow it."""

    learning_rate: int | None
    weights: int | None


def overflow_steps(twin: Twin, log_norm: float = 0.0) -> dict[str, Overflow]:
    """The first t with η̃_t > MAX and with e^log_norm / P_t > MAX, for float32 and float64, from logarithms.

    `log_norm` is ln ‖w‖ of the partner. Beyond the table's end the last growth per step goes on.
    """
    weights = log_norm - twin.log_projection
    return {
        name: Overflow(*(_first_above(log, float(np.log(np.finfo(name).max))) for log in (twin.log_learning_rate, weights)))
        for name in ("float32", "float64")
    }


def _first_above(log: np.ndarray, limit: float) -> int | None:
    above = np.flatnonzero(log > limit)
    if len(above):
        return int(above[0])
    slope = log[-1] - log[-2] if len(log) > 1 and np.isfinite(log[-2:]).all() else 0.0
    return len(log) + int((limit - log[-1]) // slope) if slope > 1e-15 else None


def weight_decay_of(run: Run) -> Run:
    """The run with weight decay that an exponentially growing learning rate η₀ f^t stands for: its `twin` is `run`.

    a = f^(-1/2) (f^-1 for sign and unit gradient), η = η₀ a and λ = (1 - a)/η; with heavy ball λ = (1 - a)(1 - γ/a)/η,
    where a >= √γ, and the buffer starts (1 - a)/(aη) w₀ above the twin's.
    """
    rule, grown = rules.named(run.rule), schedule(run.learning_rate)
    _refuse(run)
    if not isinstance(grown, Exponential) or grown.factor < 1 or schedule(run.weight_decay) != Constant(0.0):
        raise NoTwin("Only an exponentially growing learning rate without weight decay stands for a weight decay.")
    if _fades(run):
        raise NoTwin(f"{rule.title} would need other buffers; only plain steps and momentum with L2 have a way back.")
    gamma = _momentum_of_decay(run)
    if grown.factor * gamma > 1:
        raise NoTwin(
            f"With momentum γ = {gamma:g} a rate that grows by more than 1/γ = {1 / gamma:.6g} a step stands for no "
            "weight decay."
        )
    remains = grown.factor ** (-1 / rule.length)
    eta = grown.initial * remains
    lam = (1 - remains) * (1 - gamma / remains) / eta
    held = (1 - remains) / (remains * eta) if gamma else 0.0
    buffer = float(schedule(run.initial_buffer).rates(1).value[0]) + held
    return run._replace(learning_rate=eta, weight_decay=lam, initial_buffer=buffer)


def derived(partner: Path, made: Twin) -> Path:
    """The twin's path read off its partner's, v_t = w_t / P_t. It shows the picture and proves nothing."""
    log = partner.frame_log - made.log_projection
    whole = np.rint(log / LN2) * LN2  # a path's frame is a whole power of two; the rest goes to the frame's coordinates
    rest = np.exp(log - whole)

    @cache
    def readings() -> Readings:
        k, log_projection = made.degree, made.log_projection
        with np.errstate(over="ignore", under="ignore"):
            gradient = partner.gradient_norm * np.exp((1 - k) * log_projection)
            shrunk = np.exp(-k * log_projection) if k else 1.0
            loss, bend = partner.loss * shrunk, partner.frame_sharpness * shrunk
        return Readings(loss, gradient, bend / rest**2)

    return replace(
        partner, frame_x=partner.frame_x * rest, frame_y=partner.frame_y * rest, frame_log=whole, readings=readings,
        rates=schedule(made.run.learning_rate).rates(len(log)),
    )  # fmt: skip


def gap(partner: Path, twin: Path, log_projection: np.ndarray) -> np.ndarray:
    """‖P_t v_t − w_t‖ / ‖w_t‖, over t, formed from logarithms so that nothing overflows."""
    with np.errstate(all="ignore"):
        stretch = np.exp(twin.log_norm + log_projection - partner.log_norm)
        dx = stretch * np.cos(twin.angle) - np.cos(partner.angle)
        dy = stretch * np.sin(twin.angle) - np.sin(partner.angle)
        return np.hypot(dx, dy)
