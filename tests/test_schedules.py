"""Every schedule against its closed form in exact fractions, at a few steps and at a hundred thousand."""

import math
from fractions import Fraction

import mpmath
import msgspec
import numpy as np
import pytest

from dynamics import SCHEDULES
from dynamics.schedules import AnySchedule, powers, products, schedule

STEPS = (0, 1, 2, 7, 49, 50, 51, 99, 100, 101, 100_000)


def exact(text):
    return Fraction(float(text))


def cosine(fraction):
    return Fraction(float((1 + mpmath.cos(mpmath.pi * fraction.numerator / fraction.denominator)) / 2))


def root(fraction):
    return mpmath.sqrt(mpmath.mpf(fraction.numerator) / fraction.denominator)


CLOSED_FORMS = [
    ({"schedule": "constant", "value": 0.3}, lambda t: exact(0.3)),
    ({"schedule": "exponential", "initial": 0.3, "factor": 0.999}, lambda t: exact(0.3) * exact(0.999) ** min(t, 5000)),
    ({"schedule": "warmup", "peak": 0.7, "warmup_steps": 50}, lambda t: exact(0.7) * min(Fraction(1), Fraction(t + 1, 50))),
    ({"schedule": "warmup", "peak": 0.7, "warmup_steps": 50, "then": "cosine", "total_steps": 100},
     lambda t: exact(0.7) * (Fraction(t + 1, 50) if t < 50 else cosine(Fraction(min(t, 100) - 50, 50)))),
    ({"schedule": "step", "initial": 1.0, "at": [2, 50, 100], "values": [0.5, 0.25, 0.1]},
     lambda t: exact(1.0 if t < 2 else 0.5 if t < 50 else 0.25 if t < 100 else 0.1)),
    ({"schedule": "cosine", "initial": 0.4, "total_steps": 100}, lambda t: exact(0.4) * cosine(Fraction(min(t, 100), 100))),
    ({"schedule": "inverse_time", "initial": 0.4, "rate": 0.1}, lambda t: exact(0.4) / (1 + exact(0.1) * t)),
    ({"schedule": "inverse_sqrt", "initial": 0.4, "rate": 0.1},
     lambda t: exact(0.4) / Fraction(float(root(1 + exact(0.1) * t)))),
    ({"schedule": "linear", "initial": 0.1, "final": 0.5, "total_steps": 100},
     lambda t: exact(0.1) + (exact(0.5) - exact(0.1)) * Fraction(min(t, 100), 100)),
]  # fmt: skip


@pytest.mark.parametrize("data, closed", CLOSED_FORMS, ids=[f"{d['schedule']}{i}" for i, (d, _) in enumerate(CLOSED_FORMS)])
def test_a_schedule_is_its_closed_form(data, closed):
    rates = msgspec.convert(data, AnySchedule).rates(STEPS[-1] + 1)
    for t in STEPS[:-1] if data["schedule"] == "exponential" else STEPS:
        assert rates.value[t] == pytest.approx(float(closed(t)), rel=2e-15, abs=1e-17)


def test_every_schedule_has_a_closed_form_here_and_says_it():
    assert {data["schedule"] for data, _ in CLOSED_FORMS} >= set(SCHEDULES)
    assert all("η_t" in kind.__doc__ for kind in SCHEDULES.values())


@pytest.mark.parametrize("factor", [1 / 0.99**2, 1.5, 1e6, 0.5, 1e-3])
def test_an_exponential_rate_is_finite_and_right_after_a_hundred_thousand_steps(factor):
    """Its factor is read as the shortest decimal that is the float: a rounding of it would grow a hundred thousand times."""
    rates = SCHEDULES["exponential"](0.1, factor).rates(100_001)
    with mpmath.workdps(40):
        log = mpmath.log(mpmath.mpf(0.1)) + 100_000 * mpmath.log(mpmath.mpf(repr(factor)))
        assert np.isfinite(rates.log[-1])
        assert rates.log[-1] == pytest.approx(float(log), rel=1e-15)
        mantissa = mpmath.exp(log - int(rates.exponent[-1]) * mpmath.log(2))
        assert rates.mantissa[-1] == pytest.approx(float(mantissa), rel=1e-14)


def test_powers_are_those_of_forty_digits():
    for base in (0.99**-2, 1.0000001, 3.7, 0.2):
        found = powers(base, np.arange(0, 4001, 500))
        with mpmath.workdps(40):
            for i, t in enumerate(range(0, 4001, 500)):
                expected = mpmath.mpf(repr(base)) ** t / mpmath.mpf(2) ** int(found.exponent[i])
                assert found.mantissa[i] == pytest.approx(float(expected), rel=4e-16)


def test_running_products_neither_overflow_nor_vanish():
    factors = np.full(100_000, 0.99)
    assert products(factors).log[-1] == pytest.approx(100_000 * math.log(0.99), rel=1e-12)
    assert products(1 / factors).log[-1] == pytest.approx(-100_000 * math.log(0.99), rel=1e-12)


def test_a_plain_number_is_a_constant_schedule():
    assert np.array_equal(schedule(0.25).rates(3).value, [0.25, 0.25, 0.25])


def test_a_schedule_answers_the_same_for_one_step_and_for_many():
    for data, _ in CLOSED_FORMS:
        made = msgspec.convert(data, AnySchedule)
        many = made(np.arange(120)) * np.ones(120)
        assert [float(made(t)) for t in range(120)] == pytest.approx(list(many), rel=1e-15)


@pytest.mark.parametrize("data", [
    {"schedule": "constant", "value": -1.0}, {"schedule": "exponential", "initial": 0.1, "factor": 0.0},
    {"schedule": "warmup", "peak": 0.1, "warmup_steps": 0},
    {"schedule": "warmup", "peak": 0.1, "warmup_steps": 9, "then": "cosine"},
    {"schedule": "warmup", "peak": 0.1, "warmup_steps": 9, "then": "cosine", "total_steps": 9},
    {"schedule": "warmup", "peak": 0.1, "warmup_steps": 9, "then": "jump"},
    {"schedule": "step", "initial": 0.1, "at": [3, 2], "values": [1.0, 1.0]},
    {"schedule": "step", "initial": 0.1, "at": [3], "values": []}, {"schedule": "cosine", "initial": 0.1},
    {"schedule": "sawtooth", "initial": 0.1},
    {"schedule": "linear", "initial": 0.1, "final": -0.1, "total_steps": 10},
    {"schedule": "inverse_time", "initial": 0.1, "rate": -1.0},
])  # fmt: skip
def test_an_impossible_schedule_is_refused(data):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, AnySchedule)
