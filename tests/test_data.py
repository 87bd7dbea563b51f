"""Losses made of data: what `mean(…)` and `sum(…)` over the rows of a table say, in every reading of a formula."""

import itertools

import mpmath
import numpy as np
import pytest

from app.answer.result import simulate as carried_out
from app.edit.controls import OWN
from app.edit.edits import edit
from app.scene import Run as SceneRun
from app.scene import Scene, SceneError, from_link, load, read, to_json, to_link, to_python, to_toml
from dynamics import Run, precise, simulate
from dynamics.simulate import _read, _recorded, prepare  # noqa: PLC2701
from landscapes import FormulaError, named, typed
from landscapes.neurons import INPUTS, TARGETS

RNG = np.random.default_rng(5)
DATA = {name: RNG.normal(size=6).round(3) for name in "uvt"}
NORMALISED = "mean(((z - mean(z))/sqrt(mean((z - mean(z))^2)) - t)^2); z = x*u + y*v"


def scene_paths(scene):
    return carried_out(scene).runs


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


# ---------------------------------------------------------------------------------------------------------------------
# A part that no gradient passes through


def test_what_is_stopped_counts_and_is_a_constant_to_the_gradient():
    landscape = named("batch_norm_stopped")
    whole, u, v, t = named("batch_norm_neuron"), *(np.array(values) for _, values in landscape.data)
    for x, y in RNG.normal(size=(4, 2)):
        here = landscape.local(np.array([x]), np.array([y]))
        z = x * u + y * v
        error = 2 * ((z - z.mean()) / z.std() - t) / z.std()
        assert here.loss[0] == pytest.approx(whole.loss(np.array([x]), np.array([y]))[0], rel=1e-13)
        assert here.gx[0] == pytest.approx(np.mean(error * u), rel=1e-12)
        assert here.gy[0] == pytest.approx(np.mean(error * v), rel=1e-12)
        assert abs(x * here.gx[0] + y * here.gy[0]) > 1e-3, "it feels the length"


def test_a_loss_with_a_stopped_part_is_never_said_to_have_a_twin():
    assert not named("batch_norm_stopped").scale_invariant
    assert typed("x/r*stop(y/r)").scale_invariant, "each factor ignores length, and so does its gradient"


def test_jax_and_torch_are_told_what_is_stopped():
    landscape = named("batch_norm_stopped")
    assert "jax.lax.stop_gradient(" in landscape.source("jax") and "import jax\n" in landscape.source("jax")
    assert ".detach()" in landscape.source("torch") and "stop" not in landscape.source("numpy").split("def ")[1][20:]


def test_the_jax_source_of_a_stopped_loss_has_its_gradient():
    import jax

    made: dict = {}
    landscape = named("batch_norm_stopped")
    exec(landscape.source("jax"), made)  # noqa: S102
    with jax.enable_x64(True):
        gx, gy = jax.grad(made[landscape.name], argnums=(0, 1))(0.4, -1.1)
    here = landscape.local(np.array([0.4]), np.array([-1.1]))
    assert (float(gx), float(gy)) == pytest.approx((here.gx[0], here.gy[0]), rel=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# Batches


LINEAR = "mean((x*u + y*v - t)^2)/2"


def batches_of(path, data, size):
    """Which rows each step of a plain path saw, found by trying every batch."""
    u, v, t = (np.asarray(data[name]) for name in "uvt")
    seen = []
    for now in range(path.steps):
        w, step = np.array([path.x[now], path.y[now]]), np.array([path.x[now + 1], path.y[now + 1]])
        found = [
            rows for rows in itertools.combinations(range(len(u)), size)
            if np.allclose(w - 0.1 * _slope(w, u[list(rows)], v[list(rows)], t[list(rows)]), step, rtol=0, atol=1e-12)
        ]  # fmt: skip
        assert len(found) == 1, f"step {now} is a step of one batch of {size}"
        seen.append(found[0])
    return seen


def _slope(w, u, v, t):
    error = w[0] * u + w[1] * v - t
    return np.array([np.mean(error * u), np.mean(error * v)])


def test_each_step_sees_a_batch_of_so_many_rows_none_of_them_twice():
    path = simulate(typed(LINEAR, data=DATA), Run("gd", 0.1, batch=2), [(1.0, -0.5)], 60)[0]
    seen = batches_of(path, DATA, 2)
    assert len(set(seen)) > 10, "of fifteen batches most are met in sixty steps"


def test_every_row_is_drawn_as_often_as_the_others():
    n, steps = 6, 3000
    data = {"u": np.arange(1.0, n + 1)}
    path = simulate(typed("mean(u)*x", data=data), Run("gd", 1.0, batch=2), [(0.0, 0.0)], steps)[0]
    sums = np.rint(-2 * np.diff(path.x)).astype(int)
    pairs = [a + b for a, b in itertools.combinations(range(1, n + 1), 2)]
    for total in set(pairs):
        share = pairs.count(total) / len(pairs)
        assert abs(np.mean(sums == total) - share) < 4.5 * np.sqrt(share * (1 - share) / steps)


def test_lanes_draw_batches_as_paths_do_and_each_its_own():
    n, steps, runs = 6, 1, 2000
    data = {"u": np.arange(1.0, n + 1)}
    from dynamics.atlas import along

    ends = along(
        typed("mean(u)*x", data=data), Run("gd", 1.0, batch=2), {"x": np.zeros(runs)}, "final_loss", steps,
        start=(0.0, 0.0), arithmetic="float64",
    )  # fmt: skip
    sums = np.rint(-2 * ends / 3.5).astype(int)  # the loss at the end is mean(u) x over all rows
    pairs = [a + b for a, b in itertools.combinations(range(1, n + 1), 2)]
    assert set(sums) <= set(pairs)
    for total in set(pairs):
        share = pairs.count(total) / len(pairs)
        assert abs(np.mean(sums == total) - share) < 4.5 * np.sqrt(share * (1 - share) / runs)


def test_a_batch_of_all_rows_is_the_whole_loss():
    whole, batch = (
        simulate(typed(NORMALISED, data=DATA), Run("gd", 0.05, batch=size), [(0.4, -0.7)], 30)[0] for size in (0, 6)
    )
    assert np.allclose(batch.x, whole.x, rtol=1e-12) and np.allclose(batch.y, whole.y, rtol=1e-12)


def test_batch_statistics_are_those_of_the_batch_so_a_normalised_loss_of_batches_ignores_length_and_has_its_twin():
    scene = Scene(
        landscape="batch_norm_neuron", steps=60, starts=((0.6, 0.9),),
        runs=(
            SceneRun(label="decay", learning_rate=0.05, weight_decay=0.1, batch=4),
            SceneRun(label="twin", twin_of="decay"),
        ),
    )  # fmt: skip
    first, twin = scene_paths(scene)
    path = first.paths[0]
    gradients = np.diff(np.stack([path.x, path.y])) / -0.05 - 0.1 * np.stack([path.x, path.y])[:, :-1]
    radial = np.sum(gradients * np.stack([path.x, path.y])[:, :-1], axis=0)
    assert np.max(np.abs(radial)) < 1e-10
    assert np.max(twin.gaps[0]) < 1e-9


def test_what_cannot_be_drawn_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="at most as many rows as the data, which have 6; 7"):
        simulate(typed(LINEAR, data=DATA), Run(batch=7), [(1.0, 0.0)], 5)
    with pytest.raises(ValueError, match="this loss has none"):
        simulate(named("quadratic"), Run(batch=2), [(1.0, 0.0)], 5)
    with pytest.raises(precise.Uncertified, match="random numbers are floats"):
        precise.simulate(typed(LINEAR, data=DATA), Run(batch=2), [(1.0, 0.0)], 5)


# ---------------------------------------------------------------------------------------------------------------------
# Data in a scene


WRITTEN = """
formula = "mean((z - t)^2)/2; z = x*u + y"
steps = 40
starts = [[-1.0, 1.0]]
runs = [{ rule = "gd", learning_rate = 0.1, batch = 2 }]
[data]
u = [-1, 0, 1]
t = [0.5, 0.25, 1.5]
"""


def test_a_scene_with_data_comes_back_from_every_form_it_travels_in():
    scene = read(WRITTEN)
    assert scene.data == {"u": (-1.0, 0.0, 1.0), "t": (0.5, 0.25, 1.5)} and scene.runs[0].batch == 2
    assert read(to_toml(scene)) == read(to_json(scene)) == from_link(to_link(scene)) == scene
    made: dict = {}
    exec(to_python(scene).split("for run in")[0], made)  # noqa: S102
    assert made["scene"] == scene
    u, t = np.array(scene.data["u"]), np.array(scene.data["t"])
    path = scene_paths(scene)[0].paths[0]
    assert path.loss[-1] == pytest.approx(np.mean((path.x[-1] * u + path.y[-1] - t) ** 2) / 2, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["u,t\n-1,0.5\n0,0.25\n1,1.5\n", "\ufeffu;t\r\n-1;0,5\r\n\r\n0;0,25\r\n1;1,5", "u\tt\n-1\t0.5\n0\t.25\n1\t1.5"]
)
def test_data_are_read_from_a_table_beside_the_scene(tmp_path, text):
    (tmp_path / "points.csv").write_text(text)
    lines = WRITTEN.split("[data]")[0].replace("steps", 'data = "points.csv"\nsteps')
    (tmp_path / "scene.toml").write_text(lines)
    assert load(str(tmp_path / "scene.toml")) == read(WRITTEN)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("u = [1, 2]\nt = [1, 2, 3]", "All columns of data are equally long; these have 2 in u, 3 in t."),
        ("u = [1, inf]\nt = [1, 2]", "finite"),
        ("u = []\nt = []", "1 to 64 rows"),
        (f"u = {[1] * 65}\nt = {[1] * 65}", "1 to 64 rows"),
        ("u = [1]\ns = [2]", "t"),
        ('u = ["one"]\nt = [2]', "a number"),
        ("u = 3\nt = [2]", "a list"),
        ("u = [1]\nt = [2]\nx = [3]", "x"),
    ],
)
def test_data_that_are_no_table_are_refused_in_one_sentence(change, sentence):
    with pytest.raises(SceneError) as refused:
        read(WRITTEN.split("u = ")[0] + change)
    assert sentence in refused.value.message and "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("u,t\n1,2\n3\n", "Row 2 of this table has 1 numbers"), ("u,u\n1,2\n", "one name"),
        ("u,t\n1,two\n", "'two' in row 1"), ("", "no table"), ("u,t\n" + "1,2\n" * 65, "these have 65"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_refused_with_its_row(tmp_path, table, sentence):
    (tmp_path / "points.csv").write_text(table)
    (tmp_path / "scene.toml").write_text(WRITTEN.split("[data]")[0].replace("steps", 'data = "points.csv"\nsteps'))
    with pytest.raises(SceneError) as refused:
        load(str(tmp_path / "scene.toml"))
    assert sentence in refused.value.message


def test_a_landscape_over_other_points_has_all_their_columns():
    data = {"u": [-1.0, 0.5, 2.0], "t": [0.0, 1.0, 1.0]}
    moved = Scene(landscape="linear_regression", data=data)
    assert moved.field.rows == 3 and read(to_toml(moved)).data == moved.data
    with pytest.raises(SceneError, match="has no data"):
        Scene(landscape="quadratic", data=data)
    with pytest.raises(SceneError, match="t is missing"):
        Scene(landscape="linear_regression", data={"u": [1.0]})
    with pytest.raises(SceneError, match="'w' is none"):
        Scene(landscape="linear_regression", data=data | {"w": [1.0, 2.0, 3.0]})


def test_a_page_keeps_the_data_while_its_formula_is_written_on_and_lets_them_go_with_another_loss():
    scene = Scene(landscape="linear_regression", runs=(SceneRun(label="a", batch=2),))
    own = edit(scene, "landscape", OWN)
    assert own.data == {name: values for name, values in named("linear_regression").data}
    written = edit(own, "formula", "mean((x*u*y - t)^2)")
    assert written.data == own.data and written.runs[0].batch == 2
    other = edit(written, "landscape", "quadratic")
    assert other.data == {} and other.runs[0].batch is None
    assert edit(scene, "run:0:batch", 6).runs[0].batch is None and edit(scene, "run:0:batch", 3).runs[0].batch == 3
