"""Losses made of data: what `mean(…)` and `sum(…)` over the rows of a table say, in every reading of a formula."""

import mpmath
import numpy as np
import pytest

from dynamics import Run, precise, simulate
from dynamics.simulate import _read, _recorded, prepare  # noqa: PLC2701
from landscapes import FormulaError, named, typed
from landscapes.neurons import INPUTS, TARGETS

RNG = np.random.default_rng(5)
DATA = {name: RNG.normal(size=6).round(3) for name in "uvt"}
NORMALISED = "mean(((z - mean(z))/sqrt(mean((z - mean(z))^2)) - t)^2); z = x*u + y*v"


def mean(values):
    return sum(values) / len(values)


def normalised(x, y, u, v, t):
    z = [x * a + y * b for a, b in zip(u, v, strict=True)]
    centred = [a - mean(z) for a in z]
    size = mpmath.sqrt(mean([a * a for a in centred]))
    return mean([(a / size - b) ** 2 for a, b in zip(centred, t, strict=True)])


def each(model):
    """The mean of a model's own loss of (x, y, u, v, t), row by row."""
    return lambda x, y, u, v, t: mean([model(x, y, *row) for row in zip(u, v, t, strict=True)])


MODELS = {
    "mean((z - t)^2)/2; z = x*u + y*v": each(lambda x, y, u, v, t: (x * u + y * v - t) ** 2 / 2),
    "mean(softplus(-t*z)); z = x*u + y*v": each(lambda x, y, u, v, t: mpmath.log(1 + mpmath.exp(-t * (x * u + y * v)))),
    "mean((tanh(x*u + y*v) - t)^2)": each(lambda x, y, u, v, t: (mpmath.tanh(x * u + y * v) - t) ** 2),
    "mean((relu(x*u + y*v) - t)^2)": each(lambda x, y, u, v, t: (max(x * u + y * v, 0) - t) ** 2),
    "mean((y*tanh(x*u) - t)^2)": each(lambda x, y, u, v, t: (y * mpmath.tanh(x * u) - t) ** 2),
    "mean((x*y*u - t)^2)/2": each(lambda x, y, u, v, t: (x * y * u - t) ** 2 / 2),
    NORMALISED: normalised,
}


@pytest.fixture(params=MODELS)
def model(request):
    """A formula, and its loss over (x, y, u, v, t) written apart from it."""
    return request.param, MODELS[request.param]


def table(rows):
    return {name: RNG.normal(size=rows) for name in "uvt"}


def differenced(loss, x, y):
    """Loss, gradient and Hessian by central differences, good to twenty digits at sixty."""
    h, x, y = mpmath.mpf(10) ** -15, mpmath.mpf(x), mpmath.mpf(y)
    here, e, w, n, s = loss(x, y), loss(x + h, y), loss(x - h, y), loss(x, y + h), loss(x, y - h)
    cross = loss(x + h, y + h) - loss(x + h, y - h) - loss(x - h, y + h) + loss(x - h, y - h)
    bends = ((e - 2 * here + w) / h**2, cross / (4 * h**2), (n - 2 * here + s) / h**2)
    return [float(v) for v in (here, (e - w) / (2 * h), (n - s) / (2 * h), *bends)]


@pytest.mark.parametrize("rows", [3, 6, 64])
def test_its_derivatives_are_those_of_the_model_over_sixty_digits(model, rows):
    formula, loss = model
    data = table(rows)
    for x, y in RNG.normal(size=(2, 2)):
        local = np.array(typed(formula, data=data).local(np.array([x]), np.array([y])))[:, 0]
        with mpmath.workdps(60):
            columns = [[mpmath.mpf(value) for value in data[name]] for name in "uvt"]
            expected = np.array(differenced(lambda a, b, c=columns: loss(a, b, *c), x, y))
        assert np.max(np.abs(local - expected)) < 1e-12 * np.abs(expected).max()


def test_the_sum_over_the_rows_is_their_number_times_the_mean(model):
    formula, _ = model
    x, y = RNG.normal(size=(2, 8))
    for rows in (1, 6, 64):
        data = table(max(rows, 3) if formula == NORMALISED else rows)
        both = formula.replace("mean(", "sum(", 1), formula
        whole, share = (np.array(typed(text, data=data).local(x, y)) for text in both)
        assert np.allclose(whole, len(data["u"]) * share, rtol=1e-12, atol=1e-12)


def test_the_batch_normalised_neuron_is_proved_to_ignore_length_by_its_structure():
    written = typed(NORMALISED, data=DATA)
    assert written.scale_invariant and written.invariance.proof == "structure"
    far = written.local(np.array([1e200]), np.array([-2e200]))
    assert far.loss[0] == pytest.approx(written.loss(np.array([1.0]), np.array([-2.0]))[0], rel=1e-13)


def test_the_neuron_of_the_registry_is_the_same_loss_written_over_its_six_points():
    data = {"u": [a for a, _ in INPUTS], "v": [b for _, b in INPUTS], "t": TARGETS}
    x, y = RNG.normal(size=(2, 32))
    written, closed = (np.array(each.local(x, y)) for each in (typed(NORMALISED, data=data), named("batch_norm_neuron")))
    assert np.max(np.abs(written - closed) / np.abs(closed).max(axis=0)) < 1e-12


@pytest.mark.parametrize(
    ("formula", "degree"),
    [("mean((x*u + y*v)^2)", 2), ("sum(abs(x*u + y*v))", 1), ("mean((x*u - t)^2)", None), ("mean(exp(u*log(r)))", None),
     ("mean(u)*x/r + sum(v)", 0), ("mean(r^u)", None)],
)  # fmt: skip
def test_a_mean_has_the_degree_that_all_rows_share(formula, degree):
    assert typed(formula, data=DATA).degree == degree


def test_moving_a_point_compiles_nothing_and_moves_the_path():
    starts, run = [(0.4, -0.7)], Run("gd", 0.05)
    first = simulate(typed(NORMALISED, data=DATA), run, starts, 40)[0]
    first.loss  # noqa: B018
    compiled = [_recorded.cache_info().misses, _read.cache_info().misses]
    moved = DATA | {"u": DATA["u"] + np.eye(6)[2]}
    second = simulate(typed(NORMALISED, data=moved), run, starts, 40)[0]
    assert second.loss[0] == pytest.approx(float(normalised(0.4, -0.7, *moved.values())), rel=1e-12)
    assert first.loss[0] == pytest.approx(float(normalised(0.4, -0.7, *DATA.values())), rel=1e-12)
    assert compiled == [_recorded.cache_info().misses, _read.cache_info().misses]
    _, traced, kernel = prepare(typed(NORMALISED, data=DATA), run, starts, 40)
    assert _recorded(kernel, 2048)._cache_size() == 1 and not np.array_equal(first.x, second.x)


def test_its_path_is_certified_at_every_step(model):
    formula, _ = model
    landscape, run, starts = typed(formula, data=DATA), Run("gd", 0.05), [(0.4, -0.7)]
    (exact,), (near,) = precise.simulate(landscape, run, starts, 20), simulate(landscape, run, starts, 20)
    assert np.max(np.hypot(exact.x - near.x, exact.y - near.y) / exact.norm) < 1e-12
    assert np.max(exact.radius) < 1e-12


@pytest.mark.parametrize("dialect", ["numpy", "jax"])
def test_it_comes_back_from_its_own_source(model, dialect, imported):
    import jax

    x, y = RNG.normal(size=(2, 5))
    landscape = typed(model[0], data=DATA)
    with jax.enable_x64(True):
        module = imported(landscape.source(dialect))
        found = [np.asarray(module.loss(x, y)), np.array([module.loss(a, b) for a, b in zip(x, y, strict=True)])]
    assert np.allclose(found, landscape.loss(x, y), rtol=1e-12, atol=1e-14)


def test_it_comes_back_from_its_torch_source(model, imported):
    torch = pytest.importorskip("torch")
    x, y = RNG.normal(size=(2, 5))
    landscape = typed(model[0], data=DATA)
    found = imported(landscape.source("torch")).loss(torch.tensor(x), torch.tensor(y))
    assert np.allclose(found.numpy(), landscape.loss(x, y), rtol=1e-12, atol=1e-14)


def test_the_browsers_program_has_every_row_written_out(model):
    known = {"const", "x", "y", "r", "theta", "add", "mul", "div", "neg", "powi", "sqrt", "tanh", "exp", "log1p"}
    program = typed(model[0], data=DATA).program()
    assert {op for op, *_ in program["ops"]} <= known | {"max", "abs", "sign", "gated", "pow"}


def test_its_latex_counts_each_sum_with_a_letter_of_its_own():
    from matplotlib.mathtext import MathTextParser

    text = typed("mean((x*u + y*v - t)^2)/2", data=DATA).latex()
    assert text == r"\frac{\frac{1}{n}\sum_{i} \left(x\,u_{i} + y\,v_{i} - t_{i}\right)^{2}}{2}"
    nested = typed(NORMALISED, data=DATA).latex()
    assert r"\sum_{i}" in nested and r"\sum_{j}" in nested and r"\sum_{k}" in nested
    MathTextParser("path").parse(f"${nested}$")


REFUSED = {
    "x + u": (5, "u has a value for every row"),
    "z + 1; z = x*u": (1, "z has a value for every row"),
    "mean(x)": (1, "this one has no column"),
    "mean(x*w)": (8, "'w' is not known"),
    "mean(z); z = u*w": (16, "'w' is not known"),
    "x; z = u*w": (10, "'w' is not known"),
    "mean(z); z = w; w = u + z": (25, "made of itself"),
    "mean(z); z = u; z = v": (None, "declared once"),
    "mean(u*x); u = 3": (None, "two things"),
    "mean(u*x); sin = v": (None, "already means something"),
    "mean(u, v)": (1, "takes 1 argument"),
    "mean(u - mean(u - mean(u - mean(u - mean(u)))))": (None, "at most 4 deep"),
}


@pytest.mark.parametrize("formula", REFUSED)
def test_a_formula_that_misuses_its_data_is_refused_with_a_sentence_and_a_column(formula):
    with pytest.raises(FormulaError) as refusal:
        typed(formula, data=DATA)
    column, words = REFUSED[formula]
    assert words in refusal.value.message and refusal.value.column == column and refusal.value.message[-1] == "."


def test_named_parts_that_double_one_another_are_refused_before_they_are_written_out():
    doubling = "; ".join(["mean(p0)", *(f"p{i} = p{i + 1} + p{i + 1}" for i in range(12)), "p12 = u*x"])
    with pytest.raises(FormulaError, match="written out"):
        typed(doubling, data=DATA)


TABLES = {
    "1 to 64 rows": {"u": []}, "these have 65": {"u": [0.0] * 65}, "finite": {"u": [1.0, np.inf]},
    "equally long": {"u": [1.0], "v": [1.0, 2.0]}, "at most 8 columns": {f"c{i}": [1.0] for i in range(9)},
    "x already means": {"x": [1.0]}, "a letter": {"two words": [1.0]},
}  # fmt: skip


@pytest.mark.parametrize("words", TABLES)
def test_what_is_no_table_of_finite_numbers_is_refused_in_a_sentence(words):
    with pytest.raises(FormulaError, match=words) as refusal:
        typed("x^2 + y^2", data=TABLES[words])
    assert refusal.value.code == "data"


def test_a_mean_without_data_says_that_there_are_none():
    with pytest.raises(FormulaError, match="was given none"):
        typed("mean(x)")
