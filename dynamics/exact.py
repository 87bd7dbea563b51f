"""The raw recursions of the rules over exact arithmetic: balls, or fractions.

    w ← (1 - ηλ')w - ηu,   (u, λ', state) = rule(state, w, g)

They are written apart from `dynamics.rules` on purpose: two independent readings of one convention check each other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flint import arb

from dynamics import rules
from dynamics.balls import Balls, Irrational, Outside, Rationals, Undecided, divide, field, precision, sign
from dynamics.schedules import schedule
from dynamics.simulate import Run
from landscapes import Landscape

Pair = tuple[Any, Any]
Gradient = Callable[[Any, Any], Sequence[Any]]
"""(x, y) -> (loss, gx, gy)"""


def walk(gradient: Gradient, run: Run, start: tuple[float, float], steps: int, n: Any) -> Iterator[tuple[Any, ...]]:
    """(x, y, loss, gx, gy) for t = 0 ... steps; where the formula has no value, (x, y, None, None, None) and the end."""
    own = rules.named(run.rule).defaults | dict(run.hyperparameters)
    own = {name: value if isinstance(value, bool) else n.number(value) for name, value in own.items()}
    limit = None if run.clip_norm is None or run.rule == "sign" else n.number(run.clip_norm)
    rates = zip(
        *(schedule(value).numbers(steps + 1, n) for value in (run.learning_rate, run.weight_decay, run.fading)), strict=True
    )
    x, y = n.number(start[0]), n.number(start[1])
    (buffer,) = schedule(run.initial_buffer).numbers(1, n)
    state: Any = (buffer * x, buffer * y) if run.rule == "gd" else None
    reading: Sequence[Any] = ()
    for _ in range(steps + 1):
        try:
            if reading:
                loss, *g = reading
                eta, lam, fade = next(rates)
                g = tuple(g) if limit is None else clipped(g, limit)
                (ux, uy), pull, state = RULES[run.rule](own, state, (x, y), g, loss, lam, fade)
                remains = 1 - eta * pull
                x, y = remains * x - eta * ux, remains * y - eta * uy
                if run.rule == "sphere":
                    x, y = unit((x, y))
            reading = gradient(x, y)
        except Outside:
            yield x, y, None, None, None
            return
        yield x, y, *reading


def signed_walk(
    landscape: Landscape, run: Run, start: tuple[float, float], steps: int, knobs: Mapping[str, float]
) -> Iterator[tuple[Any, ...]]:
    """The walk of SignSGD by fractions: points are exact, and only the signs of a gradient ask for digits."""
    known: dict[int, Gradient] = {}

    def gradient(x: Any, y: Any) -> Sequence[Any]:
        for bits in (128, 512, 2048, 8192):
            try:
                with precision(bits):
                    if bits not in known:
                        known[bits] = field(landscape, knobs, Balls(bits))
                    found = known[bits](arb(x), arb(y))
                sign(found[1]), sign(found[2])
                return found
            except Undecided:
                continue
        try:
            return field(landscape, knobs, Rationals())(x, y)
        except Irrational:
            raise Undecided from None

    return walk(gradient, run, start, steps, Rationals())


def norm(pair: Sequence[Any]) -> Any:
    return (pair[0] * pair[0] + pair[1] * pair[1]).sqrt()


def unit(pair: Sequence[Any]) -> Pair:
    size = norm(pair)
    return divide(pair[0], size), divide(pair[1], size)


def clipped(g: Sequence[Any], limit: Any) -> Pair:
    """g · min(1, c/‖g‖); where the balls do not tell which, one that holds both."""
    size = norm(g)
    if size <= limit:
        return g[0], g[1]
    factor = limit / size if size > limit else arb.min(arb(1), limit / size)
    return g[0] * factor, g[1] * factor


# ---------------------------------------------------------------------------------------------------------------------
# The rules

Update = Callable[[Mapping[str, Any], Any, Pair, Pair, Any, Any, Any], tuple[Pair, Any, Any]]


def gd(own: Any, m: Pair, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """With v = γm + g: heavy ball u = v and m ← v + λw; Nesterov u = g + γv and λ' = (1 + γ)λ; decoupled m ← v."""
    gamma = own["momentum"]
    if gamma == 0:
        return g, lam, m
    kept = gamma * fade
    v = (kept * m[0] + g[0], kept * m[1] + g[1])
    u = (g[0] + gamma * v[0], g[1] + gamma * v[1]) if own["nesterov"] else v
    if own["decoupled"]:
        return u, lam, v
    return u, lam * (1 + gamma) if own["nesterov"] else lam, (v[0] + lam * w[0], v[1] + lam * w[1])


def gradient_sign(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return (sign(g[0]), sign(g[1])), lam, state


def unit_gradient(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return g if g[0] == 0 and g[1] == 0 else unit(g), lam, state


def unit_loss(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return (divide(g[0], loss), divide(g[1], loss)), lam, state


def plain(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    return g, lam, state


def adam(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², u = m/(1-β₁^k) / (√(v/(1-β₂^k) + ε₀) + ε), k = t + 1."""
    b1, b2, zero = own["b1"], own["b2"], 0 * lam
    mu, nu, power1, power2 = state or ((zero, zero), (zero, zero), 1 + zero, 1 + zero)
    mu = tuple(b1 * fade * m + (1 - b1) * a for m, a in zip(mu, g, strict=True))
    nu = tuple(b2 * fade * fade * v + (1 - b2) * a * a for v, a in zip(nu, g, strict=True))
    power1, power2 = power1 * b1, power2 * b2
    gain1, gain2 = 1 - power1, 1 - power2
    u = tuple(divide(m / gain1, (v / gain2 + own["eps_root"]).sqrt() + own["eps"]) for m, v in zip(mu, nu, strict=True))
    return u, lam, (mu, nu, power1, power2)


def nadam(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """Adam's u with m̂ = (β₁m + (1-β₁)g)-looked-ahead: β₁ m/(1-β₁^(k+1)) + (1-β₁) g/(1-β₁^k), k = t + 1 (as optax has it)."""
    b1, b2, zero = own["b1"], own["b2"], 0 * lam
    mu, nu, power1, power2 = state or ((zero, zero), (zero, zero), 1 + zero, 1 + zero)
    mu, nu = _average(b1 * fade, 1 - b1, mu, g), _average(b2 * fade * fade, 1 - b2, nu, _squares(g))
    power1, power2 = power1 * b1, power2 * b2
    ahead = tuple(b1 * m / (1 - power1 * b1) + (1 - b1) * a / (1 - power1) for m, a in zip(mu, g, strict=True))
    return _over_root(own, ahead, tuple(v / (1 - power2) for v in nu)), lam, (mu, nu, power1, power2)


def amsgrad(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """Adam's u over the largest v̂ so far, bias corrected before it is compared (as optax has it)."""
    b1, b2, zero = own["b1"], own["b2"], 0 * lam
    mu, nu, most, power1, power2 = state or ((zero, zero), (zero, zero), (zero, zero), 1 + zero, 1 + zero)
    mu, nu = _average(b1 * fade, 1 - b1, mu, g), _average(b2 * fade * fade, 1 - b2, nu, _squares(g))
    power1, power2 = power1 * b1, power2 * b2
    most = tuple(_larger(fade * fade * old, v / (1 - power2)) for old, v in zip(most, nu, strict=True))
    return _over_root(own, tuple(m / (1 - power1) for m in mu), most), lam, (mu, nu, most, power1, power2)


def adabelief(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """m first; s ← β₂s + (1-β₂)(g - m)² + ε₀, which is kept; u = m̂/(√ŝ + ε)."""
    b1, b2, zero = own["b1"], own["b2"], 0 * lam
    mu, nu, power1, power2 = state or ((zero, zero), (zero, zero), 1 + zero, 1 + zero)
    mu = _average(b1 * fade, 1 - b1, mu, g)
    surprise = tuple(a - m for a, m in zip(g, mu, strict=True))
    nu = tuple(v + own["eps_root"] for v in _average(b2 * fade * fade, 1 - b2, nu, _squares(surprise)))
    power1, power2 = power1 * b1, power2 * b2
    corrected = tuple(m / (1 - power1) for m in mu), tuple(v / (1 - power2) for v in nu)
    return _over_root(own | {"eps_root": zero}, *corrected), lam, (mu, nu, power1, power2)


def rmsprop(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """v ← β₂v + (1-β₂)g², u = g/√(v + ε), or g/(√v + ε) where ε stands outside of the root."""
    b2, zero = own["b2"], 0 * lam
    nu = _average(b2 * fade * fade, 1 - b2, state or (zero, zero), _squares(g))
    inside, outside = (own["eps"], zero) if own["eps_in_sqrt"] else (zero, own["eps"])
    return tuple(divide(a, _root(v + inside) + outside) for a, v in zip(g, nu, strict=True)), lam, nu


def lion(own: Any, state: Any, w: Pair, g: Any, loss: Any, lam: Any, fade: Any) -> tuple[Pair, Any, Any]:
    """u = sign(β₁m + (1-β₁)g), then m ← β₂m + (1-β₂)g."""
    mu = tuple(fade * m for m in state or (0 * lam, 0 * lam))
    u = tuple(sign(each) for each in _average(own["b1"], 1 - own["b1"], mu, g))
    return u, lam, _average(own["b2"], 1 - own["b2"], mu, g)


def _average(keep: Any, take: Any, old: Sequence[Any], new: Sequence[Any]) -> Pair:
    return tuple(keep * a + take * b for a, b in zip(old, new, strict=True))


def _squares(pair: Sequence[Any]) -> Pair:
    return pair[0] * pair[0], pair[1] * pair[1]


def _root(a: Any) -> Any:
    return a if a == 0 else a.sqrt()


def _over_root(own: Any, m: Sequence[Any], v: Sequence[Any]) -> Pair:
    return tuple(divide(a, _root(b + own["eps_root"]) + own["eps"]) for a, b in zip(m, v, strict=True))


def _larger(a: Any, b: Any) -> Any:
    return arb.max(a, b)


RULES: dict[str, Update] = {
    "gd": gd, "sign": gradient_sign, "unit_gradient": unit_gradient, "unit_loss": unit_loss, "sphere": plain,
    "adam": adam, "adamw": adam, "nadam": nadam, "amsgrad": amsgrad, "adabelief": adabelief, "rmsprop": rmsprop,
    "lion": lion,
}  # fmt: skip
