"""The language of formulas: what is read, what is refused and in which words, and what text can never do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscapes import FormulaError, parse, typed
from landscapes.expression import PRIMITIVES, SHORTHANDS

X, Y = 0.6, 0.8  # r = 1
R, THETA = math.hypot(X, Y), math.atan2(Y, X)

GOOD = {
    "x": X, "1.5": 1.5, ".5*x": 0.3, "2.*x": 1.2, "1e-3*x": 6e-4, "+x": X, "--x": X, "-x^2": -(X**2), "(-x)^2": X**2,
    "2^-1": 0.5,
    "2^3^2": 512.0, "x**2": X**2, "x²+y³": X**2 + Y**3, "x^2/x^2*y": Y, "8/4/2": 1.0, "2-3-4": -5.0, "a*x; a = 2": 1.2,
    "a*b_2; a = 2 in [1, 3]; b_2 = 5 in [1, 9] log": 10.0, "π": math.pi, "θ": THETA, "τ·x": math.tau * X,
    "3×x − y": 3 * X - Y,
    "ln(e)": 1.0, "hypot(3, 4)": 5.0, "arctan2(y, x)": THETA, "log10(1000)": 3.0, "log2(8)": 3.0, "sigmoid(0)": 0.5,
    "logistic(x)": 1 / (1 + math.exp(-X)),
    "relu(-x) + relu(y)": Y, "softplus(0)": math.log(2), "softplus(-x)": math.log1p(math.exp(-X)),
    "min(x, y) - max(x, y)": X - Y,
    "abs(-3)": 3.0, "sign(-3) + sign(x) + sign(0)": 0.0, "x^0.5": math.sqrt(X), "x^1.5": X**1.5, "x^y": X**Y,
    "r + theta": R + THETA,
    " x\t+\ny ": X + Y, "((((x))))": X, "x^-2": X**-2, "x^64": X**64, "sqrt(x)": math.sqrt(X),
    "expm1(x)": math.expm1(X), "log1p(x)": math.log1p(X),
    "sinh(x)*cosh(x)*tanh(x)": math.sinh(X) * math.cosh(X) * math.tanh(X), "asin(x) + acos(x)": math.pi / 2,
    "atan(tan(x))": X, "x^0": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_good_formula_has_its_value(text):
    landscape = typed(text)
    assert landscape.loss(np.array([X]), np.array([Y]))[0] == pytest.approx(GOOD[text], abs=1e-13)


BAD = {
    "": "empty", "   ": "empty", "; a = 1": "empty", "x +": "syntax", "* x": "syntax", "x y": "syntax", "2x": "syntax",
    "x 2": "syntax",
    "(x": "brackets", "x)": "brackets", "()": "syntax", "x,y": "syntax", "sin": "syntax", "sin x": "syntax",
    "sin()": "arguments", "sin(x, y)": "arguments",
    "min(x)": "arguments", "z": "unknown_name", "foo(x)": "unknown_function", "x(2)": "unknown_function",
    "sim(x)": "unknown_function", "import": "unknown_name",
    "x.real": "bad_character", "x[0]": "bad_character", "x = 1": "bad_character", "x; y": "bad_knob",
    "x | y": "bad_character", "'x'": "bad_character",
    "x//2": "bad_operator", "x % 2": "bad_character", "x @ y": "bad_character", "x if y else 1": "syntax",
    "lambda x: x": "bad_character", "x == y": "bad_character",
    "__import__('os')": "bad_character", "x__y": "bad_name", "0x10": "syntax", "1_000": "bad_character",
    "1e999": "not_finite", "1/0": "not_finite", "log(0)": "not_finite",
    "9^9^9": "exponent", "x^65": "exponent", "x^-65": "exponent", "x^1e300": "exponent", "sqrt(-1)": "not_finite",
    "1" * 31: "long_number", "x+" * 250 + "x": "too_long",
    "(" * 25 + "x" + ")" * 25: "too_deep", "+".join(["x"] * 100): "too_many_parts", "x\x00": "bad_character",
    "x\u202e": "bad_character", "х": "bad_character",
    "x; sin = 1": "bad_knob", "x; x = 1": "bad_knob", "a; a = 1; a = 2": "bad_knob", "a; a = nan": "bad_knob",
    "a; a = 2 in [0, 1]": "bad_knob", "a; a = 0.5 in [1, 0]": "bad_knob",
    "a; a = 0 in [0, 1] log": "bad_knob", "a; a = 1e999": "bad_knob",
    ";".join(["x"] + [f"k{i} = 1" for i in range(9)]): "too_many_knobs", "x; " + "a" * 17 + " = 1": "bad_knob",
    "log(-1 - x^2)": "never_finite", "exec(x)": "unknown_function", "os.system(x)": "bad_character",
    "{x}": "bad_character", "<b>x</b>": "bad_character", "x!": "bad_character",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_formula_is_refused_with_a_code_a_column_and_a_sentence(text):
    with pytest.raises(FormulaError) as refusal:
        typed(text)
    error = refusal.value
    assert error.code == BAD[text]
    assert error.message == str(error)
    assert error.message[-1] in ".?" and "\n" not in error.message and len(error.message) < 200
    assert error.column is None or 1 <= error.column <= len(text) + 2


@pytest.mark.parametrize("text, column", [
    ("x + $", 5), ("x + (y", 5), ("x + y)", 6), ("x + foo(y)", 5), ("x + z", 5), ("x + ", 5), ("x*y; a = ", 5),
    ("sin(x, y)", 1), ("1/0 + x", 2), ("x^99", 2),
])  # fmt: skip
def test_the_column_points_at_the_mistake(text, column):
    with pytest.raises(FormulaError) as refusal:
        typed(text)
    assert refusal.value.column == column


FLAGGED = [
    "x",
    "log(r)",
    "x^2/(x^2+y^2) + 0.001*r",
    "x^2 + y^2",
    "(x*y - 1)^2/2",
    "r",
    "x^2/(x^2+y^2) + a*x; a = 0.5 in [0, 1]",
]


@pytest.mark.parametrize("text", FLAGGED)
def test_a_loss_that_feels_length_is_accepted_and_known_as_such(text):
    assert not typed(text).scale_invariant


@pytest.mark.parametrize(
    "wrong, right", [("sine(x)", "sin"), ("sqr(x)", "sqrt"), ("thet", "theta"), ("arctan3(x)", "arctan")]
)
def test_a_near_name_is_suggested(wrong, right):
    with pytest.raises(FormulaError, match=f"Perhaps {right}"):
        typed(wrong)


def test_every_function_of_the_language_can_be_written():
    for name in [*PRIMITIVES, *SHORTHANDS]:
        arguments = "0.5" if name not in ("min", "max", "atan2", "hypot") else "0.5, 0.25"
        assert np.isfinite(typed(f"{name}({arguments}) + 0*x").loss(np.array([X]), np.array([Y])))


def test_a_knob_without_a_range_gets_one_around_its_value():
    knobs = {knob.name: knob for knob in typed("a*x + b*y; a = 3; b = -2").knobs}
    assert (knobs["a"].low, knobs["a"].high) == (0.0, 6.0)
    assert (knobs["b"].low, knobs["b"].high) == (-4.0, 4.0)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        parse(text)
    except FormulaError as error:
        assert error.code and error.message and "\n" not in error.message


@given(
    st.lists(
        st.sampled_from([*"xyr+-*/^(),.;=[]0123456789 ", "sin", "theta", "min", "a", "in", "**", "1e9", "²", "log"]),
        max_size=40,
    ).map("".join)
)
def test_any_jumble_of_the_languages_words_is_read_or_refused_in_a_sentence(text):
    try:
        typed(text)
    except FormulaError as error:
        assert error.code and error.message and "\n" not in error.message


def test_text_is_never_executed(tmp_path):
    canary = tmp_path / "canary"
    for text in (
        f"__import__('pathlib').Path('{canary}').touch()", f"open('{canary}', 'w')", f"exec(\"open('{canary}','w')\")",
        "().__class__.__base__.__subclasses__()", f"eval(open('{canary}', 'w'))", f"x if open('{canary}', 'w') else y",
    ):  # fmt: skip
        with pytest.raises(FormulaError):
            typed(text)
    assert not canary.exists()
