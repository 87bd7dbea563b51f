"""Elementary functions from + − × ÷ √ and bits alone, against forty digits, and what the graph may simplify."""

import math

import mpmath
import numpy as np
import pytest

from dynamics.portable.elementary import FUNCTIONS, power, values
from dynamics.portable.graph import building, const, is_const, make, node, value

RANDOM = np.random.default_rng(12)


def spread(low, high, count=150):
    """Numbers of both signs whose powers of ten are uniform."""
    return RANDOM.choice([-1.0, 1.0], count) * 10.0 ** RANDOM.uniform(low, high, count)


WORST = {
    "sin": (0.8, [spread(-9, 308), [1e22, 2.0**1023, 6381956970095103 * 2.0**797, 1.6e6, np.pi, 355.0]]),
    "cos": (0.8, [spread(-9, 308), [1e22, 2.0**1023, 1.6e6, np.pi / 2, 5319372648326541 * 2.0**416]]),
    "tan": (2.0, [spread(-9, 308)]),
    "exp": (0.8, [spread(-9, 2.84), [-745.0, -708.5, 709.78]]),
    "log": (0.8, [abs(spread(-307, 308)), abs(spread(-1, 1)), [5e-324, 1e-310]]),
    "log1p": (1.2, [abs(spread(-17, 17)), RANDOM.uniform(-1, 1, 150)]),
    "expm1": (1.8, [spread(-17, 2.8)]),
    "sinh": (2.2, [spread(-17, 2.8), [710.0, -710.0]]),
    "cosh": (1.5, [spread(-17, 2.8), [710.0]]),
    "tanh": (2.6, [spread(-17, 2)]),
    "asin": (1.6, [RANDOM.uniform(-1, 1, 150), spread(-9, 0)]),
    "acos": (1.6, [RANDOM.uniform(-1, 1, 150)]),
    "atan": (0.9, [spread(-9, 9)]),
}
"""functions of one number: units in the last place that none may err by, and where they are looked at"""


def of_node(name, *given):
    """A function's value, as a constant is folded."""
    if name in ("sin", "cos"):
        return values("sincos", *given)[name == "cos"]
    with building():
        if name == "pow":
            return value(power(*(const(each, "f64") for each in given)))
    return values(name, *given)[0]


def ulps(found, exact):
    return float(abs(mpmath.mpf(float(found)) - exact) / mpmath.mpf(float(np.spacing(abs(float(exact))))))


@pytest.mark.parametrize("name", WORST)
def test_a_function_is_right_to_its_units_in_the_last_place(name):
    limit, parts = WORST[name]
    with mpmath.workprec(1200):
        for x in np.concatenate([np.asarray(part, float) for part in parts]):
            exact = getattr(mpmath, name)(mpmath.mpf(float(x)))
            assert ulps(of_node(name, x), exact) <= limit, x


@pytest.mark.parametrize("name,limit", [("atan2", 1.2), ("pow", 1.0)])
def test_a_function_of_two_numbers_is_right_to_its_units_in_the_last_place(name, limit):
    first, second = (abs(spread(-5, 5)), spread(-3, 1.5)) if name == "pow" else (spread(-5, 5), spread(-5, 5))
    exact = mpmath.power if name == "pow" else mpmath.atan2
    with mpmath.workprec(200):
        for x, y in zip(first, second, strict=True):
            if 1e-300 < (true := abs(exact(float(x), float(y)))) < 1e300:
                assert ulps(abs(of_node(name, x, y)), true) <= limit, (x, y)


SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, -3.5, math.inf, -math.inf, math.nan, 1e300, 5e-324)
NAMES = {"pow": lambda x, y: np.power([x, x], [y, 3.0])[0],  # a lone exponent of a half is NumPy's root
          "atan2": np.arctan2, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}  # fmt: skip


@pytest.mark.parametrize("name", WORST)
def test_special_values_are_those_of_numpy(name):
    with np.errstate(all="ignore"):
        for x in SPECIAL:
            found, known = of_node(name, x), NAMES.get(name, getattr(np, name, None))(x)
            assert np.isclose(found, known, rtol=1e-14, atol=0, equal_nan=True), x
            assert np.signbit(found) == np.signbit(known) or found != 0, x


@pytest.mark.parametrize("name", ["pow", "atan2"])
def test_special_pairs_are_those_of_numpy(name):
    with np.errstate(all="ignore"):
        for x in SPECIAL:
            for y in SPECIAL:
                found, known = of_node(name, x, y), NAMES[name](x, y)
                assert np.isclose(found, known, rtol=1e-14, atol=0, equal_nan=True), (x, y)
                assert np.signbit(found) == np.signbit(known) or found != 0, (x, y)


def test_the_graph_keeps_every_bit_that_a_simplification_could_lose():
    with building():
        a, b = (node("state", "f64", (), k) for k in (0, 1))
        assert a * 1.0 is a and a + -0.0 is a and a - 0.0 is a and (-a).operands == (a,) and a + b is b + a
        assert a + 0.0 is not a and a * 0.0 is not const(0, "f64") and a - a is not const(0, "f64")
        assert a / 4.0 is a * 0.25 and (a / 3.0).operation == "div"
        assert is_const(make("min", const(0.0, "f64"), -0.0), -0.0) and is_const(make("max", const(-0.0, "f64"), 0.0), 0.0)
        assert math.isnan(value(make("max", const(math.nan, "f64"), 1.0)))
        assert value(const(1e300, "f64").to("i32")) == 2**31 - 1 and value(const(math.nan, "f64").to("i32")) == 0
        assert ~(a < b) is not (a >= b)  # NaN is neither


def test_a_function_is_written_down_once():
    for function in FUNCTIONS.values():
        assert function.outputs is function.outputs and len(function.outputs) == function.results
