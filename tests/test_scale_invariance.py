"""Losses that ignore the length of their weights: the laws of Euler, and that no length is too long or too short."""

from fractions import Fraction

import numpy as np
import pytest

from dynamics import Run, simulate
from landscapes import LANDSCAPES, gradient_norm, typed
from landscapes.expression import in_order

ANGLES = np.linspace(-3, 3, 24)  # none at a minimum or maximum of a built-in loss
CIRCLE = np.cos(ANGLES), np.sin(ANGLES)


def test_loss_ignores_length(invariant):
    x, y = CIRCLE
    for factor in (1e-300, 1e-2, 0.3, 7.0, 1e2, 1e300):
        assert np.allclose(invariant.loss(factor * x, factor * y), invariant.loss(x, y), rtol=1e-13, atol=1e-14)


def test_gradient_is_orthogonal_to_the_weights(invariant):
    x, y = CIRCLE
    for length in (1e-150, 0.7, 1e150):
        local = invariant.local(length * x, length * y, order=1)
        along = (x * local.gx + y * local.gy) / gradient_norm(local)
        assert np.max(np.abs(along)) < 1e-14


def test_twice_the_length_is_half_the_gradient_and_a_quarter_of_the_curvature(invariant):
    x, y = CIRCLE
    near, far = invariant.local(x, y), invariant.local(2 * x, 2 * y)
    assert np.array_equal(far.gx, near.gx / 2) and np.array_equal(far.gy, near.gy / 2)
    assert np.array_equal(far.hxx, near.hxx / 4) and np.array_equal(far.hxy, near.hxy / 4)


def test_the_hessian_along_the_weights_is_minus_the_gradient(invariant):
    x, y = CIRCLE
    local = invariant.local(x, y)
    scale = gradient_norm(local) + np.abs(local.hxx) + np.abs(local.hyy)
    assert np.max(np.abs(local.hxx * x + local.hxy * y + local.gx) / scale) < 1e-14
    assert np.max(np.abs(local.hxy * x + local.hyy * y + local.gy) / scale) < 1e-14


@pytest.mark.parametrize("arithmetic, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
def test_recorded_gradient_is_right_from_norm_1e_minus_300_to_1e300(invariant, arithmetic, tolerance):
    x, y = CIRCLE
    lengths = [1e-300, 1e-200, 1e-80, 1e-10, 1.0, 1e10, 1e80, 1e200, 1e300]
    starts = [(float(length * a), float(length * b)) for length in lengths for a, b in zip(x, y, strict=True)]
    paths = simulate(invariant, Run(learning_rate=0.0), starts, 1, arithmetic=arithmetic)
    found = np.array([path.gradient_norm[0] for path in paths]).reshape(len(lengths), -1)
    expected = gradient_norm(invariant.local(x, y, order=1)) / np.array(lengths)[:, None]
    steepest = expected.max(axis=1, keepdims=True)
    worst = float(np.max(np.abs(found - expected) / steepest))
    print(f"{invariant.name} {arithmetic}: {worst:.1e}")
    assert worst <= tolerance


def test_the_formula_proves_the_invariance(invariant):
    assert invariant.degree == 0
    assert invariant.invariance.proof == "structure"
    assert invariant.invariance.deviation < 1e-12


def test_the_probe_finds_no_invariance_that_the_formula_does_not_prove(landscape):
    assert landscape.scale_invariant == (landscape.degree == 0)


def measured_degree(landscape):
    """ln(L(2w)/L(w)) / ln 2, where it is the same at every point; else None."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0.2, 1.5, size=(2, 40))
    degrees = np.log2(landscape.loss(2 * x, 2 * y) / landscape.loss(x, y))
    return float(degrees[0]) if np.ptp(degrees) < 1e-9 else None


def test_the_degree_that_the_formula_proves_is_the_one_measured(landscape):
    if any(part.op == "stop" for part in in_order([landscape.expression])):
        assert landscape.degree is None, "its gradient is not that of a loss of any degree, whatever its values are"
    elif landscape.degree is None:
        assert measured_degree(landscape) is None
    else:
        assert measured_degree(landscape) == pytest.approx(float(landscape.degree), abs=1e-9)


@pytest.mark.parametrize("formula, degree", [
    ("x^2/(x^2 + y^2)", 0), ("cos(3*theta)^2 + 2", 0), ("x*y/r^2 + 1", 0), ("r^3", 3), ("sqrt(x*y)", 1), ("1/r", -1),
    ("max(x, y)", 1), ("relu(x)/r + 1", 0), ("abs(x) + r", 1), ("atan2(y, x) + 4", 0), ("x^2.5*y^0.5", 3),
    ("hypot(x, y)", 1),
    ("exp(x/r)", 0), ("sigmoid(x/y)", 0), ("sign(x) + 2", 0), ("x^2/(x^2+y^2)*a; a = 2 in [1, 3]", 0),
    ("sqrt(x^2 + 2*x*y + 3*y^2)", 1),
])  # fmt: skip
def test_homogeneous_formulas_know_their_degree(formula, degree):
    landscape = typed(formula)
    assert landscape.degree == Fraction(degree)
    assert measured_degree(landscape) == pytest.approx(degree, abs=1e-9)


@pytest.mark.parametrize("formula", ["x^2", "log(r)", "x^2/(x^2+y^2) + 0.001*r", "x + y^2", "x^2/(x^2+y^2+1e-6)", "exp(x)"])
def test_losses_that_feel_length_are_not_called_invariant(formula):
    assert not typed(formula).scale_invariant


def test_an_invariance_that_only_measuring_finds_is_a_suggestion_and_no_proof():
    landscape = typed("log1p(expm1(log(x^2) - log(x^2 + y^2)))")
    assert landscape.scale_invariant  # a logarithm of a quotient is proven
    seeming = typed("log(exp(x)/exp(x - x^2/(x^2 + y^2)))")
    assert seeming.degree is None and not seeming.scale_invariant and seeming.invariance.proof == "probe"


def test_plain_evaluation_would_be_wrong_where_the_frame_is_right():
    """Why losses are evaluated on the unit vector: written as it stands, the quotient's gradient dies at norm 1e200."""
    x, y = np.array([0.6e200]), np.array([0.8e200])
    quotient = LANDSCAPES["quotient"]
    with np.errstate(all="ignore"):
        assert not np.isfinite(x**2 / (x**2 + y**2))[0]
    assert quotient.loss(x, y)[0] == pytest.approx(0.36, rel=1e-14)
