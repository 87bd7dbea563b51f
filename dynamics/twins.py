"""A theorem is a pair of runs: weight decay at a given rate, and no decay at an exponentially growing one.

On a scale-invariant loss, w_t = P_t v_t where w decays and v does not. The twin's schedule follows from the partner's;
its path never does: it is simulated on its own, with its own raw recursion, so agreement is evidence.
(Z. Li, S. Arora 2019, arXiv:1910.07454, for gradient descent; other cases re-derived here.)
"""

from typing import NamedTuple

import numpy as np

from dynamics import rules
from dynamics.path import Path
from dynamics.schedules import Rates, Schedule, products, schedule
from dynamics.simulate import Run
from landscapes import Landscape


class NoTwin(ValueError):
    """Why a run has no twin without weight decay, in one sentence."""


class Twin(NamedTuple):
    """A run without weight decay and the projection that lays it over its partner."""

    run: Run
    log_projection: np.ndarray
    """ln P_t for t = 0 ... T, with P_t v_t = w_t; P_0 = 1."""
    theorem: str


def twin(landscape: Landscape, run: Run, steps: int) -> Twin:
    """The twin of a run with weight decay, or `NoTwin` with the reason why there is none.

    With a_t = 1 - η_t λ_t and P_{t+1} = a_t P_t, a rule whose update U has U(c w) = c^(-d) U(w) has the twin rate
    η̃_t = η_t / (P_t^d P_{t+1}): growth a^-2 per step for gradient descent (d = 1), a^-1 for sign and unit gradient.
    """
    if not landscape.scale_invariant:
        raise NoTwin("A twin needs a loss that ignores the length of its weights; this one does not.")
    _refuse(run)
    rate, decay = _rates(run.learning_rate, steps + 1), _rates(run.weight_decay, steps + 1)
    remains = 1.0 - rate.value * decay.value
    if not np.all(remains > 0):
        t = int(np.argmin(remains > 0))
        raise NoTwin(f"A twin needs ηλ below 1 at every step; at step {t} it is {1 - remains[t]:.3g}.")
    d = rules.named(run.rule).length - 1
    projection = products(remains)
    before, after = Rates(*(part[:-1] for part in projection)), Rates(*(part[1:] for part in projection))
    mantissa = rate.mantissa / (before.mantissa**d * after.mantissa)
    exponent = rate.exponent - d * before.exponent - after.exponent
    grown = Rates(mantissa, exponent)
    return Twin(
        run._replace(learning_rate=grown, weight_decay=0.0), before.log,
        f"no decay; the learning rate of step t is η_t/(P_t{'·' if d else '⁰·'}P_t₊₁), where P_t₊₁ = (1−η_tλ_t)·P_t",
    )  # fmt: skip


def _refuse(run: Run) -> None:
    rule = rules.named(run.rule)
    if run.rule == "sphere":
        raise NoTwin("On the sphere the length is reset at every step, so weight decay has no twin there.")
    if rule.length == 1 and rule.knobs:
        raise NoTwin(f"{rule.title} keeps averages of past gradients; only the memoryless rules have a twin here.")
    if run.clip_norm is not None:
        raise NoTwin("Clipping compares the gradient with a fixed length, so it is not the same at another norm: no twin.")
    if run.noise:
        raise NoTwin("Noise of a fixed size is not the same at another norm: no twin.")
    if run.hyperparameters.get("momentum"):
        raise NoTwin("The twin of a run with momentum is not available yet.")


def _rates(rate: float | Schedule | Rates, count: int) -> Rates:
    return rate if isinstance(rate, Rates) else schedule(rate).rates(count)


def gap(partner: Path, twin: Path, log_projection: np.ndarray) -> np.ndarray:
    """‖P_t v_t − w_t‖ / ‖w_t‖, over t, formed from logarithms so that nothing overflows."""
    with np.errstate(all="ignore"):
        stretch = np.exp(twin.log_norm + log_projection - partner.log_norm)
        dx = stretch * np.cos(twin.angle) - np.cos(partner.angle)
        dy = stretch * np.sin(twin.angle) - np.sin(partner.angle)
        return np.hypot(dx, dy)
