"""Every way in which a landscape is written down says the same as its numbers."""

import math
import sys

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

from landscapes import LANDSCAPES, typed

RNG = np.random.default_rng(11)
EXAMPLES = [
    "x^2/(x^2+y^2)", "-x^2 - (-y)^2", "2 - (3 - x) - (y - 1)", "x/(y/3)/2", "2^-3*x + 2^x", "-(x + y)^2", "(x*y)^-2",
    "x^y^2 + 1",
    "sin(x)^2 + cos(2*theta + 1)", "abs(x) + sign(y) + min(x, y) + max(x, 2)", "1e-9*x + 1e12*y",
    "hypot(x, y)*sigmoid(x)",
    "softplus(x) + relu(y)", "log2(x^2 + 1) + log10(y^2 + 1)", "asin(x/9) + acos(y/9) + atan(x) + atan2(y, x)",
    "expm1(x) + log1p(y^2)",
    "sinh(x) + cosh(y) + tanh(x) + tan(x/3)", "a*x^2 + b_1*y; a = 0.5 in [0, 1]; b_1 = -2 in [-3, 3]",
    "pi*x + e*y + tau", "x^0.5 + x^1.5",
]  # fmt: skip


@pytest.fixture(params=EXAMPLES)
def example(request):
    return typed(request.param)


def places(landscape):
    """Points of the window's upper right quarter: every example is finite there."""
    _, x1, _, y1 = landscape.window
    return RNG.uniform(0.1, min(x1, 2.0), 16), RNG.uniform(0.1, min(y1, 2.0), 16)


def check_source(landscape, imported, dialect, as_array, tolerance=1e-12):
    module = imported(landscape.source(dialect))
    x, y = places(landscape)
    found = np.asarray(getattr(module, landscape.name)(as_array(x), as_array(y)))
    assert np.allclose(found, landscape.loss(x, y), rtol=tolerance, atol=tolerance)


def test_comes_back_from_its_own_numpy_source(landscape, imported):
    check_source(landscape, imported, "numpy", np.asarray)


def test_an_example_comes_back_from_its_own_numpy_source(example, imported):
    check_source(example, imported, "numpy", np.asarray)


def test_comes_back_from_its_own_jax_source(landscape, imported):
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        check_source(landscape, imported, "jax", jnp.asarray)


def test_an_example_comes_back_from_its_own_jax_source(example, imported):
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        check_source(example, imported, "jax", jnp.asarray)


class Tensor(np.ndarray):
    def detach(self):
        return self


class Tensors:
    """As strict as torch: its functions take tensors only, and answer in the tensor's type."""

    @staticmethod
    def as_tensor(value, dtype):
        return np.asarray(value, dtype).view(Tensor)

    tensor = as_tensor

    def __getattr__(self, name):
        function = getattr(np, name)

        def strict(*tensors):
            if name in ("mean", "sum"):
                *tensors, axis = tensors
                assert axis == 0, "the rows are the first axis"
                return np.asarray(function(*tensors, 0)).view(Tensor)
            assert all(isinstance(tensor, np.ndarray) for tensor in tensors), f"{name} takes tensors only"
            return np.asarray(function(*tensors)).view(Tensor)

        return strict


@pytest.fixture(params=["torch", "a stand-in as strict"])
def tensor(request, monkeypatch):
    """How a tensor is made: torch's own where torch is installed, and always the stand-in's."""
    if request.param == "torch":
        return pytest.importorskip("torch").tensor
    monkeypatch.setitem(sys.modules, "torch", Tensors())
    return lambda values: np.asarray(values).view(Tensor)


def test_every_landscape_and_example_comes_back_from_its_own_torch_source(imported, tensor):
    for landscape in [*LANDSCAPES.values(), *map(typed, EXAMPLES)]:
        check_source(landscape, imported, "torch", tensor)


def test_exported_source_keeps_the_chosen_knobs(imported):
    landscape = typed("a*x^2; a = 0.5 in [0, 1]")
    module = imported(landscape.source("numpy", {"a": 0.25}))
    assert module.loss(2.0, 0.0) == 1.0 and module.loss(2.0, 0.0, a=1.0) == 4.0


# ---------------------------------------------------------------------------------------------------------------------
# LaTeX


def balanced(text):
    depth = 0
    for character in text.replace(r"\{", "").replace(r"\}", ""):
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0 and text.count(r"\left") == text.count(r"\right")


def check_latex(landscape):
    text = landscape.latex()
    assert balanced(text) and "**" not in text
    MathTextParser("path").parse(f"${text}$")  # an independent reader accepts it


def test_its_latex_is_balanced_and_can_be_typeset(landscape):
    check_latex(landscape)


def test_an_examples_latex_is_balanced_and_can_be_typeset(example):
    check_latex(example)


@pytest.mark.parametrize("formula, latex", [
    ("x^2/(x^2+y^2)", r"\frac{x^{2}}{x^{2} + y^{2}}"),
    ("-(x + y)", r"-\left(x + y\right)"),
    ("x - (y - 1)", r"x - \left(y - 1\right)"),
    ("2*3*x", r"2 \cdot 3\,x"),
    ("sqrt(x)/abs(y)", r"\frac{\sqrt{x}}{\left|y\right|}"),
    ("cos(2*theta)^2", r"\cos^{2}\left(2\,\theta\right)"),
    ("(-x)^2", r"\left(-x\right)^{2}"),
])  # fmt: skip
def test_latex_brackets_only_what_needs_it(formula, latex):
    assert typed(formula).latex() == latex


# ---------------------------------------------------------------------------------------------------------------------
# The browser's program

ARITHMETIC = {
    "add": lambda a, b: a + b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "neg": lambda a: -a,
    "sign": lambda a: math.copysign(1, a) if a else 0.0, "abs": abs, "min": min, "max": max, "pow": math.pow,
    "gated": lambda weight, value: weight * value if weight else 0.0,
}  # fmt: skip


def interpreted(program, x, y):
    """The outputs of a program at one point: what the stage does, in plain Python."""
    values = []
    leaves = {"x": x, "y": y, "r": math.hypot(x, y), "theta": math.atan2(y, x)}
    for op, *operands in program["ops"]:
        if op == "const":
            values.append(operands[0])
        elif op in leaves:
            values.append(leaves[op])
        elif op == "powi":
            values.append(values[operands[0]] ** operands[1])
        else:
            function = ARITHMETIC[op] if op in ARITHMETIC else getattr(math, op)
            values.append(function(*(values[i] for i in operands)))
    return [values[i] for i in program["outputs"]]


def check_program(landscape):
    program = landscape.program()
    for x, y in zip(*places(landscape), strict=True):
        r = math.hypot(x, y) if landscape.scale_invariant else 1.0
        loss, gx, gy = interpreted(program, x / r, y / r)
        local = landscape.local(np.array([x]), np.array([y]), order=1)
        scale = max(1.0, abs(local.gx[0]), abs(local.gy[0]))
        assert loss == pytest.approx(float(local.loss[0]), rel=1e-12, abs=1e-13)
        assert abs(gx / r - local.gx[0]) < 1e-12 * scale and abs(gy / r - local.gy[0]) < 1e-12 * scale


def test_its_program_for_the_browser_evaluates_like_numpy(landscape):
    check_program(landscape)


def test_an_examples_program_for_the_browser_evaluates_like_numpy(example):
    check_program(example)


def test_a_program_never_asks_for_an_angle_where_harmonics_suffice():
    ops = {entry[0] for entry in typed("cos(5*theta + 1) + sin(-2*theta)").program()["ops"]}
    assert "theta" not in ops and "atan2" not in ops


def test_a_program_is_in_order_and_plain_data(landscape):
    program = landscape.program()
    for place, (op, *operands) in enumerate(program["ops"]):
        parents = [] if op == "const" else operands[:1] if op == "powi" else operands
        assert all(isinstance(i, int) and i < place for i in parents)
