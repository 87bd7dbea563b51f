"""What is true of every built-in loss, and of the losses with a closed form of their own."""

import mpmath
import numpy as np
import pytest

from landscapes import LANDSCAPES, eigenvalues, gradient_norm, sharpness, typed
from landscapes.expression import THETA, Node, R, X, Y, evaluate, in_order, unstopped
from landscapes.neurons import INPUTS, TARGETS
from landscapes.rows import written_out


def points(landscape, count=24):
    """Random points of the landscape's window, none at the origin."""
    x0, x1, y0, y1 = landscape.window
    rng = np.random.default_rng(7)
    return rng.uniform(x0, x1, count), rng.uniform(y0, y1, count)


LOWEST_NOWHERE = ("logistic_regression", "tanh_neuron", "batch_norm_stopped")
"""losses that fall for ever along a ray, and one whose gradient has no zero where it is lowest"""


def test_says_where_it_is_lowest_if_it_is(landscape):
    assert bool(landscape.minima) == (landscape.name not in LOWEST_NOWHERE)


def test_is_flat_at_its_minima(landscape):
    x, y = np.array(landscape.minima).reshape(-1, 2).T
    local = landscape.local(x, y)
    steepest = np.maximum(1.0, np.abs(eigenvalues(local)).max(axis=0))
    assert np.all(gradient_norm(local) <= 2e-6 * steepest)  # minima are written with six digits


def test_curves_up_or_stays_level_at_its_minima(landscape):
    x, y = np.array(landscape.minima).reshape(-1, 2).T
    largest, smallest = eigenvalues(landscape.local(x, y))
    assert np.all(smallest >= -1e-5 * np.maximum(1.0, largest))


def test_is_nowhere_lower_around_its_minima(landscape):
    for x, y in landscape.minima:
        angles = np.linspace(0, 2 * np.pi, 33)
        around = landscape.loss(x + 1e-3 * np.cos(angles), y + 1e-3 * np.sin(angles))
        assert np.all(around >= landscape.loss(np.array([x]), np.array([y]))[0] - 1e-9)


def test_has_a_finite_loss_and_a_slope_at_its_start(landscape):
    x, y = (np.array([c]) for c in landscape.start)
    assert np.isfinite(landscape.loss(x, y)[0])
    assert gradient_norm(landscape.local(x, y))[0] > 0


def test_its_minima_and_start_lie_in_its_window(landscape):
    x0, x1, y0, y1 = landscape.window
    for x, y in (*landscape.minima, landscape.start):
        assert x0 <= x <= x1 and y0 <= y <= y1


def test_says_what_it_is_and_where_it_comes_from(landscape):
    assert landscape.title and landscape.citation
    assert landscape.sentence.endswith(".") and "\n" not in landscape.sentence


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives against an independent reading: the formula over fifty digits, differenced

FUNCTIONS = {name: getattr(mpmath, name) for name in ("sin", "cos", "sqrt", "atan2", "tanh", "exp", "log1p")} | {
    "abs": abs, "max": max, "sign": mpmath.sign
}


def precise_loss(landscape):
    def loss(x, y):
        knobs = {Node("knob", name): mpmath.mpf(value) for name, value in landscape.knob_values.items()}
        leaves = {X: x, Y: y, R: mpmath.hypot(x, y), THETA: mpmath.atan2(y, x)} | knobs
        constants = {"pi": mpmath.pi, "e": mpmath.e, "tau": 2 * mpmath.pi}

        def numeral(fraction):
            return mpmath.mpf(fraction.numerator) / fraction.denominator

        trees = written_out(unstopped([landscape.expression]), landscape.columns)
        return evaluate(trees, leaves, FUNCTIONS, numeral, constants)[0]

    return loss


def differenced(loss, x, y):
    """Loss, gradient and Hessian by central differences, good to twenty digits at sixty."""
    h = mpmath.mpf(10) ** -15
    x, y = mpmath.mpf(x), mpmath.mpf(y)
    here, e, w, n, s = loss(x, y), loss(x + h, y), loss(x - h, y), loss(x, y + h), loss(x, y - h)
    cross = loss(x + h, y + h) - loss(x + h, y - h) - loss(x - h, y + h) + loss(x - h, y - h)
    bends = ((e - 2 * here + w) / h**2, cross / (4 * h**2), (n - 2 * here + s) / h**2)
    return [float(v) for v in (here, (e - w) / (2 * h), (n - s) / (2 * h), *bends)]


def held(landscape):
    """Whether a part of the formula is kept from its gradient."""
    return any(part.op == "stop" for part in in_order([landscape.expression]))


def test_its_derivatives_are_those_of_the_formula_over_sixty_digits(landscape):
    if held(landscape):
        pytest.skip("its gradient leaves a part out: tests/test_data.py says which")
    x, y = points(landscape)
    local = np.array(landscape.local(x, y))
    with mpmath.workdps(60):
        expected = np.array([differenced(precise_loss(landscape), a, b) for a, b in zip(x, y, strict=True)]).T
    scale = np.abs(expected).max(axis=0)
    assert np.max(np.abs(local - expected) / scale) < 1e-12


def test_its_derivatives_are_those_of_automatic_differentiation(landscape):
    if held(landscape):
        pytest.skip("its gradient leaves a part out: tests/test_data.py says which")
    import jax
    import jax.numpy as jnp

    x, y = points(landscape)
    with jax.enable_x64(True):
        slope = jax.vmap(jax.grad(lambda a, b: landscape.loss(a, b, xp=jnp), argnums=(0, 1)))
        gx, gy = slope(jnp.asarray(x), jnp.asarray(y))
        local = landscape.local(x, y)
        scale = gradient_norm(local)
        assert np.max(np.hypot(gx - local.gx, gy - local.gy) / scale) < 1e-11


# ---------------------------------------------------------------------------------------------------------------------
# Closed forms


def test_the_batch_normalised_neuron_is_the_squared_error_of_a_standardised_neuron():
    x, y = points(LANDSCAPES["batch_norm_neuron"])
    outputs = np.array(INPUTS) @ np.array([x, y])
    standardised = (outputs - outputs.mean(axis=0)) / outputs.std(axis=0)
    error = np.mean((np.array(TARGETS)[:, None] - standardised) ** 2, axis=0)
    assert np.allclose(LANDSCAPES["batch_norm_neuron"].loss(x, y), error, rtol=1e-13)


def test_the_five_wells_are_their_harmonics_in_the_angle():
    x, y = points(LANDSCAPES["five_wells"])
    angle = np.arctan2(y, x)
    loss = 0.8 + 0.5 * np.cos(2 * angle + 1) - 0.4 * np.cos(3 * angle + 2.5) + 0.4 * np.cos(5 * angle)
    assert np.allclose(LANDSCAPES["five_wells"].loss(x, y), loss, rtol=0, atol=1e-14)


def test_the_rotated_quotient_is_the_quotient_in_turned_axes():
    x, y = points(LANDSCAPES["quotient"])
    u, v = np.cos(1) * x + np.sin(1) * y, -np.sin(1) * x + np.cos(1) * y
    assert np.allclose(LANDSCAPES["rotated_quotient"].loss(x, y), LANDSCAPES["quotient"].loss(u, v), rtol=1e-13)


@pytest.mark.parametrize("mean", [0.0, 1.0, 3.0, 10.0])
def test_uncentred_inputs_make_one_eigenvalue_an_outlier(mean):
    local = LANDSCAPES["uncentred_regression"].local(np.array([0.3]), np.array([-0.2]), {"m": mean})
    largest, smallest = (float(e[0]) for e in eigenvalues(local))
    root = np.sqrt((2 + mean**2) ** 2 - 4)
    assert largest == pytest.approx((2 + mean**2 + root) / 2, rel=1e-12)
    assert smallest == pytest.approx((2 + mean**2 - root) / 2, rel=1e-9)


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian(landscape):
    x, y = points(landscape)
    local = landscape.local(x, y)
    hessians = np.array([[local.hxx, local.hxy], [local.hxy, local.hyy]]).transpose(2, 0, 1)
    expected = np.linalg.eigvalsh(hessians)
    assert np.max(np.abs(sharpness(local) - expected[:, 1]) / np.abs(expected).max(axis=1)) < 1e-12


def test_a_knob_moves_the_loss(landscape):
    x, y = points(landscape)
    for knob in landscape.knobs:
        assert np.any(landscape.loss(x, y, {knob.name: knob.low}) != landscape.loss(x, y, {knob.name: knob.high}))


def test_a_typed_formula_is_the_same_loss_as_the_built_in_one(landscape):
    x, y = points(landscape)
    assert np.array_equal(typed(landscape.formula, data=landscape.data).loss(x, y), landscape.loss(x, y))
