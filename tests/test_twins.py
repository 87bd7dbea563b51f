"""Theorems as laws: a run with weight decay and its twin without walk the same path, or a sentence says why not."""

import numpy as np
import pytest

from dynamics import RULES, Run, precise, simulate
from dynamics.schedules import Constant, Cosine, Exponential, InverseSqrt, Linear, Step, Warmup, schedule
from dynamics.twins import NoTwin, gap, overflow_steps, twin, weight_decay_of
from landscapes import named, typed

START = (-0.7, 0.7)
QUOTIENT, FIVE_WELLS = named("quotient"), named("five_wells")
HEAVY, DECOUPLED = {"momentum": 0.9}, {"momentum": 0.9, "decoupled": True}


def without_fixed_sizes(name):
    """A rule's run with every hyperparameter that is a fixed size (an epsilon) at zero."""
    own = {knob: 0.0 for knob, meaning in RULES[name].knobs.items() if meaning.length}
    return Run(name, 0.02, 0.1, own)


CASES = {name: without_fixed_sizes(name) for name in RULES if RULES[name].after is None} | {
    "gd, schedules": Run("gd", Cosine(0.1, 3000), Linear(0.1, 0.3, 500)),
    "gd, step decay": Run("gd", Step(0.1, [40], [0.02]), 0.1),
    "gd, growing rate": Run("gd", Exponential(0.1, 1.001), 0.05),
    "sign, schedule": Run("sign", InverseSqrt(0.05, 0.1), 0.1),
    "heavy ball": Run("gd", 0.02, 0.1, HEAVY),
    "heavy ball, step decay": Run("gd", Step(0.02, [40], [0.01]), 0.1, HEAVY),
    "heavy ball, warmup to zero": Run("gd", Warmup(0.02, 30, "cosine", 1500), 0.1, HEAVY),
    "decoupled momentum": Run("gd", 0.02, 0.1, DECOUPLED),
    "decoupled momentum, schedules": Run("gd", Step(0.02, [40], [0.01]), Linear(0.4, 0.2, 300), DECOUPLED),
    "decoupled Nesterov": Run("gd", 0.02, 0.1, DECOUPLED | {"nesterov": True}),
    "adamw, schedule": Run("adamw", InverseSqrt(0.02, 0.01), 0.1, {"eps": 0.0}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_and_its_twin_walk_the_same_path(case):
    """In float64, before chaos has stretched the roundings."""
    made = twin(FIVE_WELLS, CASES[case], 60)
    ((partner,), (other,)) = (simulate(FIVE_WELLS, run, [START], 60) for run in (CASES[case], made.run))
    assert schedule(made.run.weight_decay) == Constant(0.0)
    assert gap(partner, other, made.log_projection).max() < 1e-11


@pytest.mark.parametrize("case", [case for case in CASES if precise.refused(QUOTIENT, CASES[case]) is None])
def test_a_certified_run_and_its_twin_agree_for_2000_steps(case):
    """Both are simulated on their own, the twin with its own schedule, recomputed in balls from its partner's decimals."""
    made = twin(QUOTIENT, CASES[case], 2000)
    ((partner,), (other,)) = (precise.simulate(QUOTIENT, run, [START], 2000) for run in (CASES[case], made.run))
    assert max(partner.radius.max(), other.radius.max()) < 1e-9
    assert gap(partner, other, made.log_projection).max() < 1e-12


@pytest.mark.parametrize("case", ["gd", "unit_loss", "heavy ball", "adamw"])
def test_a_certified_run_on_five_wells_agrees_with_its_twin_for_1000_steps(case):
    run = CASES[case]._replace(learning_rate=0.04, weight_decay=0.05)
    made = twin(FIVE_WELLS, run, 1000)
    ((partner,), (other,)) = (precise.simulate(FIVE_WELLS, each, [START], 1000) for each in (run, made.run))
    assert gap(partner, other, made.log_projection).max() < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_a_twin_leaves_its_partner_where_its_schedule_is_changed(case):
    made = twin(FIVE_WELLS, CASES[case], 60)
    other = made.run._replace(learning_rate=Exponential(0.02, 1.02))
    ((partner,), (wrong,)) = (simulate(FIVE_WELLS, run, [START], 60) for run in (CASES[case], other))
    assert gap(partner, wrong, made.log_projection).max() > 1e-6


def test_the_float64_twin_of_five_wells_leaves_its_partner_between_steps_130_and_150():
    run = Run("gd", 0.3, 0.25)
    made = twin(FIVE_WELLS, run, 300)
    ((partner,), (other,)) = (simulate(FIVE_WELLS, each, [START], 300) for each in (run, made.run))
    assert 130 <= int(np.argmax(gap(partner, other, made.log_projection) > 1e-2)) <= 150


# ---------------------------------------------------------------------------------------------------------------------
# The schedule that the theorem writes


@pytest.mark.parametrize("name", [name for name in RULES if RULES[name].after is None])
def test_the_rate_grows_by_one_minus_eta_lambda_to_the_minus_length(name):
    made, t = twin(QUOTIENT, without_fixed_sizes(name), 300), np.arange(301)
    length, a = RULES[name].length, 1 - 0.02 * 0.1
    assert made.log_learning_rate == pytest.approx(np.log(0.02) - (length * t + 1) * np.log(a), abs=1e-12)
    assert made.log_projection == pytest.approx(t * np.log(a), abs=1e-14)
    assert made.growth == pytest.approx(np.full(300, a**-length), rel=1e-12)


def test_a_step_decay_makes_the_growing_rate_jump():
    """η̃_t / η̃_{t-1} = (η_new/η_old) / (a_old a_new)."""
    made = twin(QUOTIENT, Run("gd", Step(0.1, [40], [0.02]), 0.5), 60)
    assert made.growth[39] == pytest.approx(0.02 / 0.1 / ((1 - 0.05) * (1 - 0.01)), rel=1e-12)


def test_heavy_ball_grows_by_the_larger_root_and_primes_its_buffer():
    eta, lam, gamma = 0.02, 0.1, 0.9
    alpha = max(np.roots([1, -(1 + gamma - eta * lam), gamma]))
    made = twin(QUOTIENT, CASES["heavy ball"], 300)
    assert made.growth == pytest.approx(np.full(300, alpha**-2), rel=1e-12)
    assert made.log_projection[-1] == pytest.approx(300 * np.log(alpha), rel=1e-12)
    assert schedule(made.run.initial_buffer).rates(1).value[0] == pytest.approx(-(1 - alpha) / (alpha * eta), rel=1e-12)


def test_the_recursion_for_schedules_is_the_one_in_alpha():
    """α_t = 1 - η_t λ_t + γ (η_t/η_{t-1}) (1 - 1/α_{t-1}), α_{-1} = 1; buffers start at zero."""
    run = Run("gd", Step(0.02, [40], [0.01]), 0.1, HEAVY)
    made, alpha, before, log = twin(QUOTIENT, run, 200), 1.0, 0.02, 0.0
    for t in range(201):
        assert made.log_projection[t] == pytest.approx(log, abs=1e-12)
        eta = 0.02 if t < 40 else 0.01
        alpha, before = 1 - eta * 0.1 + 0.9 * eta / before * (1 - 1 / alpha), eta
        log += np.log(alpha)
    assert schedule(made.run.initial_buffer).rates(1).value[0] == 0


def test_at_constant_rates_the_recursion_tends_to_the_primed_factor():
    constant = twin(QUOTIENT, CASES["heavy ball"], 2000).growth[-1]
    unprimed = twin(QUOTIENT, Run("gd", Step(0.02, [5000], [0.02]), 0.1, HEAVY), 2000).growth
    assert unprimed[0] != pytest.approx(constant, rel=1e-3)
    assert unprimed[-1] == pytest.approx(constant, rel=1e-12)


def adam_twin(a, steps, eta=0.02, b1=0.9, b2=0.999):
    """The twin of AdamW with ε = 0 written out: β₁ → aβ₁, β₂ → a²β₂, gains and bias corrections as they were."""
    w, m, v = np.array(START), np.zeros(2), np.zeros(2)
    for t in range(steps):
        x, y = w
        g = np.array([2 * x * y * y, -2 * x * x * y]) / (x * x + y * y) ** 2
        m, v = a * b1 * m + (1 - b1) * g, a * a * b2 * v + (1 - b2) * g * g
        w = w - eta * a ** (-t - 1) * (m / (1 - b1 ** (t + 1))) / np.sqrt(v / (1 - b2 ** (t + 1)))
    return w


def test_the_averages_of_adamw_fade_in_its_twin():
    (path,) = simulate(QUOTIENT, twin(QUOTIENT, CASES["adamw"], 60).run, [START], 60)
    assert (path.x[-1], path.y[-1]) == pytest.approx(adam_twin(1 - 0.02 * 0.1, 60), rel=1e-9)


# ---------------------------------------------------------------------------------------------------------------------
# Where there is none


@pytest.mark.parametrize(
    "run, why",
    [
        (Run("gd", 0.1, 0.1, clip_norm=1.0), "Clipping"),
        (Run("gd", 0.1, 0.1, noise=0.1), "Noise"),
        (Run("gd", 0.02, 0.1, HEAVY | {"nesterov": True}), "Nesterov with L2"),
        (Run("adamw", 0.1, 0.1), "ε = 1e-08"),
        (Run("adabelief", 0.1, 0.1, {"eps": 0.0}), "eps_root = 0"),
        (Run("gd", 2.0, 1.0), "at step 0 it is 2"),
        (Run("gd", Step(0.1, [7], [0.4]), 3.0), "at step 7 it is 1.2"),
        (Run("gd", 0.1, 0.1, HEAVY), "(1−√γ)² = 0.002633 for ever; beyond it the factor α of step 23"),
        (Run("gd", Linear(0.1, 0.2, 50), 0.1, HEAVY), "α of step"),
    ],
)
def test_a_refusal_is_one_sentence_with_its_reason(run, why):
    with pytest.raises(NoTwin) as refusal:
        twin(QUOTIENT, run, 100)
    assert why in str(refusal.value)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


def test_a_loss_that_sees_the_length_has_no_twin():
    with pytest.raises(NoTwin, match="ignores the length"):
        twin(named("beale"), Run(), 10)


def test_heavy_ball_has_a_twin_up_to_the_limit_for_ever_and_beyond_it_for_a_while():
    """γ = 0.81: (1 - √γ)² = 1/100 exactly, which floats would put on the wrong side. At ηλ = 0.0027, γ = 0.9, α_355 < 0."""
    assert twin(QUOTIENT, Run("gd", 0.1, 0.1, {"momentum": 0.81}), 300).growth[-1] == pytest.approx(0.9**-2, rel=1e-9)
    beyond = Run("gd", 0.1, 0.027, HEAVY)
    assert "of step 355" in str(pytest.raises(NoTwin, twin, QUOTIENT, beyond, 400).value)
    for run in (beyond, beyond._replace(learning_rate=Step(0.1, [10_000], [0.2]))):
        made = twin(QUOTIENT, run, 20)
        assert "α²" not in made.theorem  # there is no real root to quote
        ((partner,), (other,)) = (simulate(QUOTIENT, each, [START], 20) for each in (run, made.run))
        assert gap(partner, other, made.log_projection).max() < 1e-12


CONSTANT_RATE, ONE_LEVEL = Run("gd", 0.02, 0.1, HEAVY), Run("gd", Step(0.02, [10_000], [0.5]), 0.1, HEAVY)


def test_a_rate_written_as_a_schedule_of_one_level_has_the_same_fate():
    for decay in (0.1, 0.2, 1.0):
        fates = []
        for run in (CONSTANT_RATE, ONE_LEVEL):
            try:
                made = twin(QUOTIENT, run._replace(weight_decay=decay), 50)
                fates.append(np.isfinite(made.log_learning_rate).all())
            except NoTwin as refusal:
                fates.append(str(refusal))
        assert fates[0] == fates[1]


# ---------------------------------------------------------------------------------------------------------------------
# Losses of other degrees, the sphere, and clipping

HOMOGENEOUS = {
    "gd, degree 1": ("r + abs(x)/2", Run("gd", 0.05, 0.2)), "gd, degree 2": ("(x^2 + 3*y^2)/2", Run("gd", 0.1, 0.3)),
    "gd, degree 4": ("(x*y)^2/2 + x^4/8", Run("gd", 0.1, 0.2)), "gd, degree -2": ("1/(x^2 + 2*y^2)", Run("gd", 0.05, 0.1)),
    "gd, schedules": ("(x^2 + 3*y^2)/2", Run("gd", Cosine(0.1, 3000), Linear(0.1, 0.3, 500))),
    "sign": ("(x^2 + 3*y^2)/2", Run("sign", 0.02, 0.2)), "unit gradient": ("x^4 + y^4", Run("unit_gradient", 0.02, 0.2)),
    "unit loss": ("x^4 + 2*y^4", Run("unit_loss", 0.02, 0.2)),
    "heavy ball": ("(x^2 + 3*y^2)/2", Run("gd", 0.02, 0.1, HEAVY)),
    "heavy ball, degree 4": ("(x*y)^2/2 + x^4/8", Run("gd", 0.02, 0.1, {"momentum": 0.5})),
    "heavy ball, step decay": ("(x*y)^2/2 + x^4/8", Run("gd", Step(0.02, [20], [0.01]), 0.1, HEAVY)),
    "decoupled momentum": ("(x*y)^2/2 + x^4/8", Run("gd", 0.02, 0.1, DECOUPLED)),
    "decoupled Nesterov": ("(x^2 + 3*y^2)/2", Run("gd", 0.02, 0.1, DECOUPLED | {"nesterov": True})),
    "adamw": ("(x^2 + 3*y^2)/2", Run("adamw", 0.02, 0.1, {"eps": 0.0})),
    "adamw, degree 4": ("(x*y)^2/2 + x^4/8", Run("adamw", 0.02, 0.1, {"eps": 0.0})),
    "lion": ("(x^2 + 3*y^2)/2", Run("lion", 0.02, 0.1)),
    "sphere": ("x^2/(x^2 + y^2)", Run("sphere", 0.1, 0.3)), "sphere, any loss": ("(x - 2)^2 + y^4", Run("sphere", 0.1, 0.3)),
    "sphere, clipped": ("(x - 2)^2 + y^4", Run("sphere", 0.1, 0.3, clip_norm=0.5)),
    "sign, clipped": ("x^2/(x^2 + y^2)", Run("sign", 0.02, 0.2, clip_norm=0.1)),
    "unit gradient, clipped": ("x^2/(x^2 + y^2)", Run("unit_gradient", 0.02, 0.2, clip_norm=0.1)),
}  # fmt: skip


@pytest.mark.parametrize("case", HOMOGENEOUS)
def test_losses_of_other_degrees_and_the_sphere_have_twins(case):
    loss, run = typed(HOMOGENEOUS[case][0]), HOMOGENEOUS[case][1]
    made = twin(loss, run, 40)
    ((partner,), (other,)) = (simulate(loss, each, [START], 40) for each in (run, made.run))
    assert schedule(made.run.weight_decay) == Constant(0.0) and partner.status == "finished"
    assert gap(partner, other, made.log_projection).max() < 1e-11
    if precise.refused(loss, run) is None:
        ((partner,), (other,)) = (precise.simulate(loss, each, [START], 40) for each in (run, made.run))
        assert gap(partner, other, made.log_projection).max() < 1e-15


DEGREES = [(1, "r + abs(x)/2"), (2, "(x^2 + 3*y^2)/2"), (4, "x^4 + y^4"), (-2, "1/(x^2 + 2*y^2)")]


@pytest.mark.parametrize("degree, formula", DEGREES)
def test_the_rate_of_a_loss_of_degree_k_is_its_partners_times_a_power_of_what_remains(degree, formula):
    """η̃_t = η P_t^(k-1) / P_{t+1} with P_t = (1 - ηλ)^t."""
    remains, t = 1 - 0.1 * 0.2, np.arange(31)
    made = twin(typed(formula), Run("gd", 0.1, 0.2), 30)
    assert np.exp(made.log_learning_rate) == pytest.approx(0.1 * remains ** (t * (degree - 1) - t - 1.0), rel=1e-12)


def test_a_quadratics_twin_has_a_constant_rate_and_the_spheres_the_same_path():
    made = twin(typed("(x^2 + 3*y^2)/2"), Run("gd", 0.1, 0.2), 30)
    assert np.exp(made.log_learning_rate) == pytest.approx(0.1 / 0.98, rel=1e-12)
    run = Run("sphere", 0.1, 0.3)
    made = twin(QUOTIENT, run, 50)
    ((partner,), (other,)) = (precise.simulate(QUOTIENT, each, [START], 50) for each in (run, made.run))
    assert np.array_equal(partner.x, other.x) and np.array_equal(partner.y, other.y)
    assert np.exp(made.log_learning_rate) == pytest.approx(0.1 / 0.97, rel=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# Numbers that outgrow floats, and the way back


@pytest.mark.parametrize("case", ["gd", "sign", "heavy ball", "heavy ball, step decay", "adamw"])
def test_the_step_of_overflow_is_where_the_float_becomes_infinite(case):
    run = CASES[case]._replace(weight_decay=0.12)
    short, long = twin(QUOTIENT, run, 1000), twin(QUOTIENT, run, 60_000)
    with np.errstate(over="ignore"):
        narrow = schedule(long.run.learning_rate).rates(60_000).value.astype(np.float32)
    expected = int(np.argmax(np.isinf(narrow)))
    assert expected > 1000
    assert [overflow_steps(made)["float32"].learning_rate for made in (short, long)] == [expected, expected]


def test_overflow_follows_the_logarithm_of_the_largest_float():
    """t ~ ln(MAX/η) / (2 |ln a|): ηλ = 0.05 leaves float32 near step 866 and float64 near 6 900."""
    found = overflow_steps(twin(QUOTIENT, Run("gd", 1.0, 0.05), 300))
    assert 864 <= found["float32"].learning_rate <= 866
    assert 6_900 <= found["float64"].learning_rate <= 6_930
    assert found["float32"].weights == pytest.approx(2 * found["float32"].learning_rate, abs=2)


def test_without_weight_decay_nothing_overflows():
    assert set(overflow_steps(twin(QUOTIENT, Run("gd", 0.1), 50)).values()) == {(None, None)}


@pytest.mark.parametrize("name, own", [("gd", {}), ("gd", HEAVY), ("sign", {}), ("unit_gradient", {}), ("unit_loss", {})])
def test_a_growing_rate_stands_for_a_weight_decay_and_back(name, own):
    grown = Run(name, Exponential(0.05, 1.004), hyperparameters=own)
    partner = weight_decay_of(grown)
    back = twin(QUOTIENT, partner._replace(initial_buffer=0.0), 100)
    assert back.log_learning_rate == pytest.approx(np.log(0.05) + np.arange(101) * np.log(1.004), abs=1e-12)
    ((decaying,), (growing,)) = (simulate(FIVE_WELLS, run, [START], 60) for run in (partner, grown))
    assert gap(decaying, growing, back.log_projection[:61]).max() < 1e-11


@pytest.mark.parametrize(
    "run, why",
    [
        (Run("gd", 0.1), "exponentially growing"),
        (Run("gd", Exponential(0.1, 0.99)), "exponentially growing"),
        (Run("gd", Exponential(0.1, 1.2), hyperparameters=HEAVY), "1/γ"),
        (Run("lion", Exponential(0.1, 1.01)), "buffers"),
        (Run("gd", Exponential(0.1, 1.01), clip_norm=1.0), "Clipping"),
    ],
)
def test_the_way_back_refuses_in_a_sentence(run, why):
    with pytest.raises(NoTwin, match=why):
        weight_decay_of(run)
