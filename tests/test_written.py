"""What is written for people means what was typed: LaTeX and MathML, read back, have the formula's value everywhere."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscapes import LANDSCAPES, typed

X, Y = np.array([0.7, -1.3, 2.1]), np.array([1.9, 0.4, -0.6])


def from_latex(text: str) -> str:
    """LaTeX of arithmetic in the language of formulas."""
    text = text.replace(r"\left(", "(").replace(r"\right)", ")").replace(r"\,", "*").replace(r" \cdot ", "*")
    while r"\frac" in text:
        start = text.rindex(r"\frac")  # the last one holds no other
        top, after = braced(text, start + 5)
        below, end = braced(text, after)
        text = f"{text[:start]}(({top})/({below})){text[end:]}"
    return re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)


def braced(text: str, at: int) -> tuple[str, int]:
    depth, i = 0, at
    while True:
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        i += 1
        if depth == 0:
            return text[at + 1 : i - 1], i


def from_mathml(piece) -> str:
    if isinstance(piece, str):
        return {"\u2062": "*", "·": "*", "−": "-", "\u2061": ""}.get(piece, piece.replace("−", "-"))
    head, *parts = piece
    inner = [from_mathml(part) for part in parts]
    if head == "mfrac":
        return f"(({inner[0]})/({inner[1]}))"
    return f"{inner[0]}^({inner[1]})" if head == "msup" else "".join(inner)


def combine(children):
    pairs = st.tuples(children, st.sampled_from("+-*/"), children).map("".join)
    return pairs | children.map("-{}".format) | children.map("({})".format) | children.map("({})^2".format)


FORMULAS = st.recursive(st.sampled_from(["x", "y", "2", "3", "0.5", "-2", "(-x)", "-y", "x*y"]), combine, max_leaves=8)


@given(FORMULAS)
def test_what_is_written_means_what_was_typed(formula: str) -> None:
    try:
        loss = typed(formula)
    except ValueError:
        return  # a part of it is no finite number
    with np.errstate(all="ignore"):
        meant = loss.loss(X, Y)
        for text in (from_latex(loss.latex()), from_mathml(["mrow", *loss.mathml()])):
            assert np.allclose(typed(text).loss(X, Y), meant, rtol=1e-12, equal_nan=True), text
            assert not re.search(r"[-+*/]\s*[-+]", text), f"two signs stand side by side in {text}"


@pytest.mark.parametrize(
    ("formula", "latex"),
    [("y*(-x*y)", r"y\,\left(-x\,y\right)"), ("2*(-x*y)", r"2\,\left(-x\,y\right)"), ("x*(-2*y)", r"x\,\left(-2\,y\right)"),
     ("3 - -x*y", r"3 - \left(-x\,y\right)"), ("-x^2", "-x^{2}"), ("x-(-2)", "x + 2")],
)  # fmt: skip
def test_a_negative_factor_stands_in_brackets(formula: str, latex: str) -> None:
    assert typed(formula).latex() == latex


@pytest.mark.parametrize("name", ["quotient", "quadratic", "himmelblau", "rosenbrock", "beale", "catapult"])
def test_built_in_losses_are_written_as_they_are(name: str) -> None:
    loss = LANDSCAPES[name]
    knobs = {knob.name: knob.value for knob in loss.knobs}
    declared = "".join(f"; {n} = {v!r}" for n, v in knobs.items())
    assert np.allclose(typed(from_latex(loss.latex()) + declared).loss(X, Y), loss.loss(X, Y), rtol=1e-12)
