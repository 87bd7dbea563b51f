"""Every rule against the update that the literature writes, and the laws that all of them obey."""

import logging
import math

import jax
import numpy as np
import pytest

from dynamics import RULES, Run, exact, simulate
from dynamics.rules import CLIP_NORM, NOISE, named
from dynamics.schedules import Cosine
from landscapes import LANDSCAPES, typed

# ---------------------------------------------------------------------------------------------------------------------
# The updates in plain Python, written from the papers' lines, coordinate by coordinate


class Adam:
    def __init__(self, b1=0.9, b2=0.999, eps=1e-8, eps_root=0.0):
        self.b1, self.b2, self.eps, self.eps_root = b1, b2, eps, eps_root
        self.m, self.v, self.t = [0.0, 0.0], [0.0, 0.0], 0

    def averages(self, g):
        self.t += 1
        self.m = [self.b1 * m + (1 - self.b1) * a for m, a in zip(self.m, g, strict=True)]
        self.v = [self.b2 * v + (1 - self.b2) * a * a for v, a in zip(self.v, g, strict=True)]

    def direction(self, g, loss):
        self.averages(g)
        bias1, bias2 = 1 - self.b1**self.t, 1 - self.b2**self.t
        return [m / bias1 / (math.sqrt(v / bias2 + self.eps_root) + self.eps) for m, v in zip(self.m, self.v, strict=True)]


class NAdam(Adam):
    def direction(self, g, loss):
        self.averages(g)
        now, after, bias2 = 1 - self.b1**self.t, 1 - self.b1 ** (self.t + 1), 1 - self.b2**self.t
        ahead = [self.b1 * m / after + (1 - self.b1) * a / now for m, a in zip(self.m, g, strict=True)]
        return [m / (math.sqrt(v / bias2 + self.eps_root) + self.eps) for m, v in zip(ahead, self.v, strict=True)]


class AMSGrad(Adam):
    largest = (0.0, 0.0)

    def direction(self, g, loss):
        self.averages(g)
        bias1, bias2 = 1 - self.b1**self.t, 1 - self.b2**self.t
        self.largest = [max(big, v / bias2) for big, v in zip(self.largest, self.v, strict=True)]
        return [m / bias1 / (math.sqrt(v + self.eps_root) + self.eps) for m, v in zip(self.m, self.largest, strict=True)]


class AdaBelief(Adam):
    def __init__(self, b1=0.9, b2=0.999, eps=1e-16, eps_root=1e-16):
        super().__init__(b1, b2, eps, eps_root)

    def direction(self, g, loss):
        self.t += 1
        self.m = [self.b1 * m + (1 - self.b1) * a for m, a in zip(self.m, g, strict=True)]
        surprise = [(a - m) ** 2 for a, m in zip(g, self.m, strict=True)]
        self.v = [self.b2 * v + (1 - self.b2) * s + self.eps_root for v, s in zip(self.v, surprise, strict=True)]
        bias1, bias2 = 1 - self.b1**self.t, 1 - self.b2**self.t
        return [m / bias1 / (math.sqrt(v / bias2) + self.eps) for m, v in zip(self.m, self.v, strict=True)]


class RMSProp:
    def __init__(self, b2=0.9, eps=1e-8, eps_in_sqrt=True):
        self.b2, self.eps, self.inside, self.v = b2, eps, eps_in_sqrt, [0.0, 0.0]

    def direction(self, g, loss):
        self.v = [self.b2 * v + (1 - self.b2) * a * a for v, a in zip(self.v, g, strict=True)]
        if self.inside:
            return [a / math.sqrt(v + self.eps) for a, v in zip(g, self.v, strict=True)]
        return [a / (math.sqrt(v) + self.eps) for a, v in zip(g, self.v, strict=True)]


class Lion:
    def __init__(self, b1=0.9, b2=0.99):
        self.b1, self.b2, self.m = b1, b2, [0.0, 0.0]

    def direction(self, g, loss):
        mixed = [self.b1 * m + (1 - self.b1) * a for m, a in zip(self.m, g, strict=True)]
        self.m = [self.b2 * m + (1 - self.b2) * a for m, a in zip(self.m, g, strict=True)]
        return [math.copysign(1.0, a) if a else 0.0 for a in mixed]


class Memoryless:
    def __init__(self, direction):
        self.rule = direction

    def direction(self, g, loss):
        return self.rule(g, loss)


DECOUPLED = {
    "sign": lambda: Memoryless(lambda g, loss: [math.copysign(1.0, a) if a else 0.0 for a in g]),
    "unit_gradient": lambda: Memoryless(lambda g, loss: [a / math.hypot(*g) for a in g]),
    "unit_loss": lambda: Memoryless(lambda g, loss: [a / loss for a in g]),
    "sphere": lambda: Memoryless(lambda g, loss: g),
    "adam": Adam, "adamw": Adam, "nadam": NAdam, "amsgrad": AMSGrad, "adabelief": AdaBelief, "rmsprop": RMSProp,
    "lion": Lion,
}  # fmt: skip


def test_every_rule_has_its_line_from_the_paper_and_its_exact_recursion():
    """A rule without a second, independent reading of it would pass every law that it breaks."""
    assert set(DECOUPLED) | {"gd"} == set(RULES)
    assert set(exact.RULES) == set(RULES)


def clipped(g, limit):
    length = math.hypot(*g)
    return [a * min(1.0, limit / length) for a in g] if limit is not None and length > 0 else g


def slope(landscape, w):
    local = landscape.local(*(np.array([c]) for c in w), order=1)
    return [float(local.gx[0]), float(local.gy[0])], float(local.loss[0])


def plain_path(landscape, rule, w, steps, rate, decay, clip=None, **own):
    """w ← (1−ηλ)w − η u, with every rate a function of t."""
    memory, path = DECOUPLED[rule](**own), [w]
    for t in range(steps):
        g, loss = slope(landscape, w)
        u = memory.direction(clipped(g, clip), loss)
        w = tuple((1 - rate(t) * decay(t)) * c - rate(t) * d for c, d in zip(w, u, strict=True))
        if rule == "sphere":
            w = tuple(c / math.hypot(*w) for c in w)
        path.append(w)
    return np.array(path)


def plain_descent(landscape, w, steps, rate, decay, clip=None, momentum=0.0, nesterov=False, decoupled=False):
    """Gradient descent: decay joins the gradient, unless it is decoupled from the momentum buffer."""
    m, path = [0.0, 0.0], [w]
    for t in range(steps):
        g = clipped(slope(landscape, w)[0], clip)
        pull = [decay(t) * c for c in w]
        if not decoupled:
            g = [a + p for a, p in zip(g, pull, strict=True)]
        m = [momentum * b + a for b, a in zip(m, g, strict=True)]
        u = [a + momentum * b for a, b in zip(g, m, strict=True)] if nesterov else m
        shrink = 1 - rate(t) * decay(t) if decoupled else 1.0
        w = tuple(shrink * c - rate(t) * d for c, d in zip(w, u, strict=True))
        path.append(w)
    return np.array(path)


def agree(path, expected, tolerance=1e-10):
    """Within rounding, which these paths stretch up to a hundred thousand times in twenty-five steps."""
    found = np.stack([path.x, path.y], axis=1)
    norms = np.maximum(np.hypot(*expected.T), 1e-3)
    assert np.max(np.hypot(*(found - expected).T) / norms) < tolerance


PLACES = [("five_wells", 0.1), ("quadratic", 0.02), ("batch_norm_neuron", 0.2), ("rosenbrock", 1e-4)]


@pytest.mark.parametrize("place, rate", PLACES)
@pytest.mark.parametrize("name", DECOUPLED)
def test_walks_the_update_of_its_paper(name, place, rate):
    landscape, start = LANDSCAPES[place], (-0.7, 0.6)
    path = simulate(landscape, Run(name, rate, 0.3), [start], 25)[0]
    agree(path, plain_path(landscape, name, start, 25, lambda t: rate, lambda t: 0.3))


@pytest.mark.parametrize("name", DECOUPLED)
def test_walks_the_update_of_its_paper_with_clipping_and_changing_rates(name):
    landscape, start = LANDSCAPES["five_wells"], (-0.7, 0.6)
    run = Run(name, Cosine(0.2, 30), Cosine(0.5, 40), clip_norm=0.4)
    expected = plain_path(
        landscape, name, start, 25, lambda t: 0.1 * (1 + math.cos(math.pi * t / 30)),
        lambda t: 0.25 * (1 + math.cos(math.pi * t / 40)), clip=0.4,
    )  # fmt: skip
    agree(simulate(landscape, run, [start], 25)[0], expected)


OWN = [
    ("adam", {"b1": 0.5, "b2": 0.8, "eps": 0.01, "eps_root": 0.02}), ("adamw", {"b1": 0.0, "b2": 0.5, "eps": 0.1}),
    ("nadam", {"b1": 0.7, "b2": 0.9, "eps": 0.01, "eps_root": 0.1}), ("amsgrad", {"b1": 0.3, "b2": 0.2, "eps": 0.01}),
    ("adabelief", {"b1": 0.6, "b2": 0.7, "eps": 0.01, "eps_root": 0.003}), ("rmsprop", {"b2": 0.4, "eps": 0.1}),
    ("rmsprop", {"b2": 0.4, "eps": 0.1, "eps_in_sqrt": False}), ("lion", {"b1": 0.3, "b2": 0.6}),
]  # fmt: skip


@pytest.mark.parametrize("name, own", OWN)
def test_walks_the_update_of_its_paper_with_other_hyperparameters(name, own):
    landscape, start = LANDSCAPES["five_wells"], (-0.7, 0.6)
    path = simulate(landscape, Run(name, 0.1, 0.2, own), [start], 25)[0]
    agree(path, plain_path(landscape, name, start, 25, lambda t: 0.1, lambda t: 0.2, **own))


@pytest.mark.parametrize("own", [
    {}, {"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}, {"momentum": 0.9, "decoupled": True},
    {"momentum": 0.5, "nesterov": True, "decoupled": True},
])  # fmt: skip
@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("place, rate", PLACES)
def test_gradient_descent_walks_pytorchs_update(place, rate, clip, own):
    landscape, start = LANDSCAPES[place], (-0.7, 0.6)
    path = simulate(landscape, Run("gd", rate, 0.3, own, clip_norm=clip), [start], 25)[0]
    agree(path, plain_descent(landscape, start, 25, lambda t: rate, lambda t: 0.3, clip, **own))


def test_one_step_of_descent_takes_the_gradient_before_the_decay():
    landscape = LANDSCAPES["five_wells"]
    (gx, gy), _ = slope(landscape, (-0.7, 0.7))
    path = simulate(landscape, Run("gd", 0.3, 0.25), [(-0.7, 0.7)], 1)[0]
    assert path.x[1] == pytest.approx((1 - 0.075) * -0.7 - 0.3 * gx, abs=1e-15)
    assert path.y[1] == pytest.approx((1 - 0.075) * 0.7 - 0.3 * gy, abs=1e-15)


# ---------------------------------------------------------------------------------------------------------------------
# Laws over the registry

WELL = typed("2 + x^2/(x^2 + y^2)")  # its loss is nowhere zero, so even a rule that divides by the loss is at home


def test_rests_at_a_minimum(rule):
    path = simulate(WELL, Run(rule.name, 0.1), [(0.0, 1.0)], 20)[0]
    assert path.status == "zero_gradient" and path.stopped_at == 0
    assert np.all(path.x == 0.0) and np.all(path.y == 1.0)


def test_comes_down_to_a_minimum_as_its_rate_fades(rule):
    path = simulate(WELL, Run(rule.name, Cosine(0.1, 2000)), [(-0.7, 0.7)], 2000)[0]
    assert path.loss[-1] - 2 < 1e-4


def another(knob, default):
    """A value of the knob that is not the default."""
    middle = (knob.low + knob.high) / 2
    return middle if middle != default else knob.high


def test_each_of_its_hyperparameters_changes_its_path(rule):
    own = {"momentum": 0.9} if rule.coupled else {}
    base = simulate(LANDSCAPES["five_wells"], Run(rule.name, 0.1, 0.1, own), [(-0.7, 0.7)], 20)[0]
    changes = {name: another(knob, rule.defaults[name]) for name, knob in rule.knobs.items()}
    changes |= {name: not value for name, value in rule.switches.items()}
    for name, value in changes.items():
        moved = simulate(LANDSCAPES["five_wells"], Run(rule.name, 0.1, 0.1, own | {name: value}), [(-0.7, 0.7)], 20)[0]
        assert not np.array_equal(base.x, moved.x), name


def test_without_a_learning_rate_nothing_moves(rule):
    path = simulate(LANDSCAPES["five_wells"], Run(rule.name, 0.0, 0.5), [(-0.6, 0.8)], 5)[0]
    assert np.allclose(path.x, -0.6, rtol=1e-15) and np.allclose(path.y, 0.8, rtol=1e-15)


@pytest.mark.parametrize("k", [5, -5, 200, -200])
def test_a_run_at_another_length_is_the_same_run(covariant, k):
    """With every number rescaled by its own power of the length 2^k, the path is 2^k times the path, to the last bit."""
    rule = covariant

    def scaled(value, length):
        return math.ldexp(value, k * length)

    own = {name: rule.defaults[name] for name in rule.knobs} | ({"momentum": 0.9} if rule.coupled else {})
    there = {name: scaled(value, rule.knobs[name].length) for name, value in own.items()}
    rate, decay, clip, noise, start = 0.1, 0.2, 0.5, 0.05, (-0.7, 0.6)
    near = simulate(LANDSCAPES["five_wells"], Run(rule.name, rate, decay, own, clip, noise), [start], 60)[0]
    far = Run(
        rule.name, scaled(rate, rule.length), scaled(decay, -rule.length), there,
        scaled(clip, CLIP_NORM.length), scaled(noise, NOISE.length),
    )  # fmt: skip
    far_path = simulate(LANDSCAPES["five_wells"], far, [tuple(scaled(c, 1) for c in start)], 60)[0]
    assert np.array_equal(far_path.x, np.ldexp(near.x, k)) and np.array_equal(far_path.y, np.ldexp(near.y, k))
    assert np.array_equal(far_path.loss, near.loss)


def compilations(caplog, work):
    """How many programs JAX compiles during `work`."""
    caplog.clear()
    with jax.log_compiles(), caplog.at_level(logging.WARNING, logger="jax"):
        work()
    return sum(
        "Compiling jit(_record)" in record.getMessage() or "Compiling _record" in record.getMessage()
        for record in caplog.records
    )


def test_moving_any_number_does_not_recompile(rule, caplog):
    landscape = typed("1 + sin(a*theta)^2 + 0.1*(x^2 + b*y^2); a = 2 in [1, 3]; b = 1 in [0, 2]")
    own = {name: rule.defaults[name] for name in rule.knobs}

    def go(rate=0.1, decay=0.1, start=(-0.7, 0.7), steps=100, clip=1.0, noise=0.1, knobs=None, seed=0, **changed):
        simulate(landscape, Run(rule.name, rate, decay, own | changed, clip, noise), [start], steps, knobs, seed=seed)

    go()

    def drag_everything():
        go(rate=0.2)
        go(rate=Cosine(0.2, 50))
        go(decay=0.4)
        go(decay=Cosine(0.4, 50))
        go(start=(0.3, 1.2))
        go(steps=1900)
        go(clip=0.2)
        go(noise=0.3)
        go(knobs={"a": 1.5, "b": 0.5})
        go(seed=9)
        for name, knob in rule.knobs.items():
            go(**{name: another(knob, rule.defaults[name])})

    assert compilations(caplog, drag_everything) == 0
    assert compilations(caplog, lambda: simulate(typed("3 + x^2 + y^4"), Run(rule.name), [(1.0, 1.0)], 10)) == 1


def test_noise_is_the_same_for_the_same_seed_and_other_for_another():
    def noisy(seed):
        return simulate(LANDSCAPES["five_wells"], Run(noise=0.5), [(-0.7, 0.7)], 50, seed=seed)[0].x

    assert np.array_equal(noisy(3), noisy(3)) and not np.array_equal(noisy(3), noisy(4))


def test_noise_has_the_standard_deviation_that_was_asked_for():
    slope = typed("2*x")
    pushes = np.diff(simulate(slope, Run(learning_rate=1.0, noise=0.25), [(0.0, 0.0)], 4000)[0].x)
    assert np.std(pushes) == pytest.approx(0.25, rel=0.05) and np.mean(pushes) == pytest.approx(-2, abs=0.02)


@pytest.mark.parametrize("length", [1.0, 1e-3, 1e20, 1e-20, 1e200])
def test_the_sphere_rule_stays_on_the_unit_circle_from_any_start(length):
    path = simulate(LANDSCAPES["five_wells"], Run("sphere", 0.1), [(-0.6 * length, 0.8 * length)], 30)[0]
    assert path.status == "finished"
    assert np.allclose(path.norm[1:], 1.0, rtol=1e-12)


def test_an_unknown_rule_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="no rule called 'adamm'. Perhaps adam"):
        named("adamm")


def test_every_rule_says_its_update_and_each_knob_its_meaning():
    for rule in RULES.values():
        assert rule.title and "w" in rule.summary or "Adam" in rule.summary
        for knob in rule.knobs.values():
            assert knob.help.endswith(".") and knob.symbol and knob.low <= knob.high
