"""A formula written down: LaTeX for people, source code for their scripts, a program for the browser."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from landscapes.expression import CONSTANTS, PRIMITIVES, ROWS, Node, in_order, number, substitute
from landscapes.rows import Columns

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
_SUMS = ("add", "neg", "mean", "sum")
"""what stands in brackets behind a sign of summation"""


# ---------------------------------------------------------------------------------------------------------------------
# LaTeX

_LATEX_NAMES = {"theta": r"\theta", "pi": r"\pi", "tau": r"\tau", "e": r"\mathrm{e}"}
_LATEX_FUNCTIONS = {"asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "log": r"\ln"} | {
    name: rf"\operatorname{{{name}}}" for name in ("expm1", "log1p", "sign", "atan2", "stop")
}


_INDICES = "ijkl"
"""of rows: of the outermost sum, of one inside it, and so on"""


def latex(node: Node, inside: int = 0) -> str:
    """The formula as LaTeX, fractions upright and brackets only where they are needed, `inside` so many sums over rows."""
    written: dict[Node, tuple[str, int]] = {}

    def text(part: Node, at_least: int) -> str:
        piece, binding = written[part]
        return piece if binding >= at_least else rf"\left({piece}\right)"

    def behind(part: Node, at_least: int) -> str:
        """Behind another sign or factor a sign of one's own needs brackets."""
        piece = text(part, at_least)
        return rf"\left({piece}\right)" if piece.startswith("-") else piece

    for part in in_order([node]):
        a, b = (*part.args, None, None)[:2]
        match part.op:
            case "number":
                written[part] = _latex_number(a)
            case "constant" | "variable":
                written[part] = _LATEX_NAMES.get(a, a), _ATOM
            case "knob":
                head, _, index = a.partition("_")
                head = head if len(head) == 1 else rf"\mathrm{{{head}}}"
                index = index.replace("_", r"\_")
                written[part] = (rf"{head}_{{\mathrm{{{index}}}}}" if index else head), _ATOM
            case "column":
                head = a if len(a) == 1 else rf"\mathrm{{{a}}}".replace("_", r"\_")
                written[part] = f"{head}_{{{_INDICES[max(inside - 1, 0)]}}}", _ATOM
            case "rows":
                written[part] = a, _ATOM
            case "mean" | "sum":
                body = latex(a, inside + 1) if a.op not in _SUMS else rf"\left({latex(a, inside + 1)}\right)"
                share = r"\frac{1}{n}" if part.op == "mean" else ""
                written[part] = rf"{share}\sum_{{{_INDICES[inside]}}} {body}", _SUM
            case "add" if b.op == "neg":
                written[part] = f"{text(a, _SUM)} - {behind(b.args[0], _PRODUCT)}", _SUM
            case "add" if b.op == "number" and b.args[0] < 0:
                written[part] = f"{text(a, _SUM)} - {_latex_number(-b.args[0])[0]}", _SUM
            case "add":
                written[part] = f"{text(a, _SUM)} + {behind(b, _SUM)}", _SUM
            case "neg":
                written[part] = f"-{behind(a, _PRODUCT)}", _SIGN
            case "mul":
                left, right = text(a, _PRODUCT), behind(b, _POWER if b.op != "mul" else _PRODUCT)
                joint = r" \cdot " if right[0].isdigit() else r"\,"
                written[part] = left + joint + right, _PRODUCT
            case "div":
                written[part] = rf"\frac{{{written[a][0]}}}{{{written[b][0]}}}", _PRODUCT
            case "powi" if a.op in PRIMITIVES and a.op not in ("sqrt", "abs") and part.args[1] > 0:
                name = _LATEX_FUNCTIONS.get(a.op, "\\" + a.op)
                inner = ", ".join(written[operand][0] for operand in a.operands)
                written[part] = rf"{name}^{{{b}}}\left({inner}\right)", _POWER
            case "powi":
                written[part] = f"{text(a, _ATOM)}^{{{b}}}", _POWER
            case "pow":
                written[part] = f"{text(a, _ATOM)}^{{{written[b][0]}}}", _POWER
            case "sqrt":
                written[part] = rf"\sqrt{{{written[a][0]}}}", _ATOM
            case "abs":
                written[part] = rf"\left|{written[a][0]}\right|", _ATOM
            case function:
                name = _LATEX_FUNCTIONS.get(function, "\\" + function)
                inner = ", ".join(written[operand][0] for operand in part.operands)
                written[part] = rf"{name}\left({inner}\right)", _POWER
    return written[node][0]


def _latex_number(value: Fraction) -> tuple[str, int]:
    text = _python_number(value)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
        text = rf"{factor}10^{{{int(exponent)}}}"
    return text, _SIGN if value < 0 else (_PRODUCT if exponent else _ATOM)


# ---------------------------------------------------------------------------------------------------------------------
# Source code

DIALECTS = {"numpy": ("numpy", "np"), "jax": ("jax.numpy", "jnp"), "torch": ("torch", "torch")}
STOPPED = {"np": "({})", "jnp": "jax.lax.stop_gradient({})", "torch": "({}).detach()"}
_ARRAY_NAMES = {"min": "minimum", "max": "maximum", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}


def source(
    node: Node, knobs: Mapping[str, float], dialect: str = "numpy", name: str = "loss", data: Columns = ()
) -> str:
    """A Python function of x, y and the knobs that computes the formula with numpy, jax or torch.

    Columns of data stand in it as arrays with the rows as their first axis, beside points of any shape.
    """
    module, short = DIALECTS[dialect]
    used = {part.args[0] for part in in_order([node]) if part.op == "variable"}
    arguments = ", ".join(["x", "y", *(f"{knob}={value!r}" for knob, value in knobs.items())])
    whole = ["import jax"] if dialect == "jax" and any(part.op == "stop" for part in in_order([node])) else []
    lines = [*whole, f"import {module}" + (f" as {short}" if short != module else ""), "", "", f"def {name}({arguments}):"]
    if data:
        lines.append(f"    {_table(data, short)}")
    if "r" in used:
        lines.append(f"    r = {short}.sqrt(x**2 + y**2)")
    if "theta" in used:
        lines.append(f"    theta = {short}.{_ARRAY_NAMES['atan2']}(y, x)")
    lines.append(f"    return {_python(substitute(node, {ROWS: number(len(data[0][1]) if data else 0)}), short)}")
    return "\n".join(lines) + "\n"


def _table(data: Columns, module: str) -> str:
    """The line that makes the columns of points x: arrays with the rows as their first axis."""
    names, values = ", ".join(name for name, _ in data), ", ".join(str(list(column)) for _, column in data)
    torch = module == "torch"
    made = f"torch.tensor([{values}], dtype=x.dtype)" if torch else f"{module}.array([{values}])"
    dimensions = "x.ndim" if torch else f"{module}.ndim(x)"
    return f"[{names}] = {made}.reshape({len(data)}, {len(data[0][1])}, *[1] * {dimensions})"


def _python(node: Node, module: str) -> str:
    written: dict[Node, tuple[str, int]] = {}

    def text(part: Node, at_least: int) -> str:
        piece, binding = written[part]
        return piece if binding >= at_least else f"({piece})"

    def argument(part: Node) -> str:
        constant = all(leaf.op not in ("variable", "column") for leaf in in_order([part]))
        if module == "torch" and constant:  # torch's functions take tensors only
            return f"torch.as_tensor({written[part][0]}, dtype=x.dtype)"
        return written[part][0]

    for part in in_order([node]):
        a, b = (*part.args, None, None)[:2]
        match part.op:
            case "number":
                written[part] = _python_number(a), _SIGN if a < 0 else _ATOM
            case "variable" | "knob" | "column" | "rows":
                written[part] = a, _ATOM
            case "mean" | "sum" if module:
                written[part] = f"{module}.{part.op}({argument(a)}, 0)", _ATOM
            case "constant":
                written[part] = repr(CONSTANTS[a]), _ATOM
            case "add" if b.op == "neg":
                written[part] = f"{text(a, _SUM)} - {text(b.args[0], _PRODUCT)}", _SUM
            case "add" if b.op == "number" and b.args[0] < 0:
                written[part] = f"{text(a, _SUM)} - {_python_number(-b.args[0])}", _SUM
            case "add":
                written[part] = f"{text(a, _SUM)} + {text(b, _PRODUCT)}", _SUM
            case "neg":
                written[part] = f"-{text(a, _POWER)}", _SIGN
            case "mul":
                written[part] = f"{text(a, _PRODUCT)} * {text(b, _POWER)}", _PRODUCT
            case "div":
                written[part] = f"{text(a, _PRODUCT)} / {text(b, _POWER)}", _PRODUCT
            case "powi":
                written[part] = f"{text(a, _ATOM)}**{b if b >= 0 else f'({b})'}", _POWER
            case "pow":
                written[part] = f"{text(a, _ATOM)} ** {text(b, _ATOM)}", _POWER
            case "stop" if module in STOPPED:
                written[part] = STOPPED[module].format(argument(a)), _ATOM
            case function:
                inner = ", ".join(argument(operand) for operand in part.operands)
                name = f"{module}.{_ARRAY_NAMES.get(function, function)}" if module else function
                written[part] = f"{name}({inner})", _ATOM
    return written[node][0]


def plain(node: Node) -> str:
    """The formula in its own language."""
    return _python(node, "").replace(" ** ", "^").replace("**", "^")


def _python_number(value: Fraction) -> str:
    return repr(int(value) if value.denominator == 1 and abs(value) < 10**12 else float(value))


# ---------------------------------------------------------------------------------------------------------------------
# A program for the browser


def program(outputs: list[Node], knobs: Mapping[str, float]) -> dict[str, Any]:
    """The outputs as a list in single-assignment form, which the stage runs over whole tiles without evaluating text.

    Each entry is ``[operation, operands...]``; operands are indices of earlier entries. Knobs become constants.
    """
    place: dict[Node, int] = {}
    ops: list[list[Any]] = []
    for part in in_order(outputs):
        match part.op:
            case "number":
                entry = ["const", float(part.args[0])]
            case "constant":
                entry = ["const", CONSTANTS[part.args[0]]]
            case "knob":
                entry = ["const", float(knobs[part.args[0]])]
            case "variable":
                entry = [part.args[0]]
            case "powi":
                entry = ["powi", place[part.args[0]], part.args[1]]
            case op:
                entry = [op, *(place[operand] for operand in part.operands)]
        place[part] = len(ops)
        ops.append(entry)
    return {"ops": ops, "outputs": [place[node] for node in outputs]}


# ---------------------------------------------------------------------------------------------------------------------
# MathML, as nested lists that a page builds without parsing any markup

MathML = list[Any]
_MATHML_NAMES = {"theta": "θ", "pi": "π", "tau": "τ"}
_MATHML_FUNCTIONS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "log": "ln"}


def mathml(node: Node, inside: int = 0) -> MathML:
    """The formula as presentation MathML: ``["mfrac", child, child]``, text as plain strings; indices as in `latex`."""
    written: dict[Node, tuple[MathML, int]] = {}

    def row(part: Node, at_least: int) -> MathML:
        piece, binding = written[part]
        return piece if binding >= at_least else _bracketed(piece)

    def behind(part: Node, at_least: int) -> MathML:
        piece = row(part, at_least)
        return _bracketed(piece) if _signed(piece) else piece

    for part in in_order([node]):
        a, b = (*part.args, None, None)[:2]
        match part.op:
            case "number":
                written[part] = _mathml_number(a), _SIGN if a < 0 else _ATOM
            case "constant" | "variable":
                written[part] = ["mi", _MATHML_NAMES.get(a, a)], _ATOM
            case "knob" | "rows":
                written[part] = ["mi", a], _ATOM
            case "column":
                written[part] = ["msub", ["mi", a], ["mi", _INDICES[max(inside - 1, 0)]]], _ATOM
            case "mean" | "sum":
                body = mathml(a, inside + 1) if a.op not in _SUMS else _bracketed(mathml(a, inside + 1))
                share = [["mfrac", ["mn", "1"], ["mi", "n"]]] if part.op == "mean" else []
                sigma = ["munder", ["mo", "∑"], ["mi", _INDICES[inside]]]
                written[part] = ["mrow", *share, sigma, body], _SUM
            case "add" if b.op == "neg" or (b.op == "number" and b.args[0] < 0):
                right = behind(b.args[0], _PRODUCT) if b.op == "neg" else _mathml_number(-b.args[0])
                written[part] = ["mrow", row(a, _SUM), ["mo", "−"], right], _SUM
            case "add":
                written[part] = ["mrow", row(a, _SUM), ["mo", "+"], behind(b, _SUM)], _SUM
            case "neg":
                written[part] = ["mrow", ["mo", "−"], behind(a, _PRODUCT)], _SIGN
            case "mul":
                joint = "·" if b.op == "number" or (b.op == "powi" and b.args[0].op == "number") else "\u2062"
                written[part] = ["mrow", row(a, _PRODUCT), ["mo", joint], behind(b, _POWER)], _PRODUCT
            case "div":
                written[part] = ["mfrac", written[a][0], written[b][0]], _POWER
            case "powi":
                written[part] = ["msup", row(a, _ATOM), _mathml_number(Fraction(b))], _POWER
            case "pow":
                written[part] = ["msup", row(a, _ATOM), written[b][0]], _POWER
            case "sqrt":
                written[part] = ["msqrt", written[a][0]], _ATOM
            case "abs":
                written[part] = ["mrow", ["mo", "|"], written[a][0], ["mo", "|"]], _ATOM
            case function:
                inner: MathML = ["mrow"]
                for operand in part.operands:
                    inner += ([["mo", ","]] if len(inner) > 1 else []) + [written[operand][0]]
                name = ["mi", _MATHML_FUNCTIONS.get(function, function)]
                written[part] = ["mrow", name, ["mo", "\u2061"], _bracketed(inner)], _ATOM
    return written[node][0]


def mathml_terms(node: Node) -> list[MathML]:
    """The formula as one piece of MathML per term of its outermost sum, so that a narrow place can break lines there."""
    if node.op != "add":
        return [mathml(node)]
    *_, sign, right = mathml(node)
    return [*mathml_terms(node.args[0]), ["mrow", ["mrow"], sign, right]]  # the empty row makes the sign an infix one


def _signed(piece: Any) -> bool:
    """Whether it begins with a minus sign."""
    while isinstance(piece, list) and piece[0] in ("mrow", "mn", "mo") and len(piece) > 1:
        piece = piece[1]
    return isinstance(piece, str) and piece.startswith("−")


def _bracketed(piece: MathML) -> MathML:
    return ["mrow", ["mo", "("], piece, ["mo", ")"]]


def _mathml_number(value: Fraction) -> MathML:
    mantissa, _, exponent = _python_number(value).replace("-", "−").partition("e")
    if not exponent:
        return ["mn", mantissa]
    power = ["msup", ["mn", "10"], ["mn", exponent.lstrip("+").replace("−0", "−")]]
    return power if mantissa == "1" else ["mrow", ["mn", mantissa], ["mo", "·"], power]
