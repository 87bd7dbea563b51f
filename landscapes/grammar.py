"""Text to tree, and a plain sentence where the text is not a formula.

    formula      x^2/(x^2+y^2) + a*x
    with knobs   x^2/(x^2+y^2) + a*x; a = 0.5 in [0, 1]
    of data      mean((z - t)^2)/2; z = x*u + y*v           u, v and t are columns, z is a part with a name

A hand-written reader of a fixed language: no attribute, no name outside the table, nothing is ever executed.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from landscapes.expression import (
    ALIASES,
    ALONG_X,
    ALONG_Y,
    CONSTANTS,
    FLOAT_FUNCTIONS,
    OVER_ROWS,
    PRIMITIVES,
    SHORTHANDS,
    VARIABLES,
    Node,
    arity,
    call,
    derivative,
    evaluate,
    in_order,
    number,
    size,
)
from landscapes.writing import plain

MAX_LENGTH, MAX_DIGITS, MAX_DEPTH, MAX_PARTS, MAX_EXPONENT, MAX_KNOBS = 400, 30, 24, 160, 64, 8
MAX_WRITTEN, MAX_MEANS = 1000, 4
"""parts of a formula with its named ones written out, and means inside means"""
FUNCTIONS = sorted({*PRIMITIVES, *SHORTHANDS, *ALIASES, *OVER_ROWS})

MEANT = {"pow": "write x^2 for a power", "norm": "write hypot(x, y), or r", "mod": "angles need no remainder here"}

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SPELLED = {"π": "pi", "θ": "theta", "τ": "tau", "·": "*", "×": "*", "−": "-", "–": "-", "÷": "/", "**": "^"}
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z][A-Za-z0-9_]*|[πθτ])"
    r"|(?P<superscript>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?P<symbol>\*\*|//|[-+*/^(),·×−–÷])|(?P<space>\s+)"
)


class FormulaError(ValueError):
    """Why a text is not a formula: a code for programs, a column (from 1) and a sentence for people."""

    def __init__(self, code: str, message: str, column: int | None = None):
        super().__init__(message)
        self.code, self.message, self.column = code, message, column


class Declaration(NamedTuple):
    """A named number of a formula and the range that its slider covers."""

    name: str
    value: float
    low: float
    high: float
    log: bool = False


class Token(NamedTuple):
    kind: str
    text: str
    column: int


def _latin(text: str) -> str:
    """The text with the digits of every script, and full-width signs, as formulas write them."""
    wide = "".join(unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" else c for c in text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in wide)


class Piece(NamedTuple):
    """A part of a formula with a name of its own: what stands right of its =, and where."""

    text: str
    column: int


Parsed = tuple[Node, tuple[Declaration, ...]]


def parse(text: str, knobs: Collection[str] = (), columns: Collection[str] = ()) -> Parsed:
    """Reads a formula, its knob declarations and its named parts.

    Names in `knobs` are allowed without a declaration, those in `columns` inside a mean or a sum.
    """
    if not isinstance(text, str):
        raise FormulaError("not_text", "A formula is a piece of text such as x^2/(x^2+y^2).")
    return _parsed(text, tuple(knobs), tuple(columns))[:2]


def parts(text: str, knobs: Collection[str] = (), columns: Collection[str] = ()) -> dict[str, Node]:
    """The named parts of a formula that can be read, in the order in which they are written."""
    return _parsed(text, tuple(knobs), tuple(columns))[2]


@lru_cache(maxsize=256)
def _parsed(
    text: str, knobs: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[Node, tuple[Declaration, ...], dict[str, Node]]:
    if len(text) > MAX_LENGTH:
        raise FormulaError("too_long", f"A formula has at most {MAX_LENGTH} characters; this one has {len(text)}.")
    body, *rest = _latin(text).split(";")
    declarations, pieces = _declarations(rest, column=len(body) + 2)
    names = [*{d.name: d for d in declarations} | dict.fromkeys(knobs), *pieces, *columns]
    for name in names:
        check_name(name, "column" if name in columns else "part" if name in pieces else "knob")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FormulaError("bad_knob", f"{twice} is the name of two things; call one of them otherwise.")
    tokens = _tokens(body)
    if not tokens:
        raise FormulaError("empty", "The formula is empty; write a loss of x and y, for example x^2/(x^2+y^2).", 1)
    reader = _Reader(tokens, Names({*(d.name for d in declarations), *knobs}, columns, pieces), len(body) + 1)
    tree = reader.formula()
    named = {name: reader.named(name, piece.column) for name, piece in pieces.items()}  # one that is not used is read too
    if size(tree) > MAX_WRITTEN:
        written = f"With its named parts written out a formula may have at most {MAX_WRITTEN} parts."
        raise FormulaError("too_many_parts", written)
    if _nested(tree) > MAX_MEANS:
        raise FormulaError("too_deep", f"Means and sums may be nested at most {MAX_MEANS} deep.")
    _check_slopes(tree)
    return tree, declarations, named


def _nested(tree: Node) -> int:
    """How many means and sums stand inside one another."""
    deep: dict[Node, int] = {}
    for part in in_order([tree]):
        deep[part] = max((deep[operand] for operand in part.operands), default=0) + (part.op in OVER_ROWS)
    return deep[tree]


def _check_slopes(tree: Node) -> None:
    """Refuses a formula whose slopes need a constant that is no number, as (-2)^x needs log(-2)."""
    for slope in (derivative(tree, ALONG_X), derivative(tree, ALONG_Y)):
        values: dict[Node, float | None] = {}
        for part in in_order([slope]):
            made = part.operands and all(values[operand] is not None for operand in part.operands)
            values[part] = _constant(part) if made or not part.operands else None
            if made and not math.isfinite(values[part]):
                needs = f"The slope of this loss needs {plain(part)}, which is no finite number; change that part."
                raise FormulaError("not_finite", needs)


def check_name(name: str, kind: str = "knob") -> None:
    """Refuses a name that a knob, a part or a column cannot have."""
    code = "data" if kind == "column" else "bad_knob"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,15}", name) or "__" in name:
        raise FormulaError(code, f"A {kind}'s name is a letter, then at most 15 letters, digits or single underscores.")
    if name in VARIABLES or name in CONSTANTS or name in FUNCTIONS:
        raise FormulaError(code, f"{name} already means something in a formula; give the {kind} another name.")


# ---------------------------------------------------------------------------------------------------------------------


def _tokens(text: str, first_column: int = 1) -> list[Token]:
    tokens, position = [], 0
    while position < len(text):
        column = first_column + position
        match = _TOKEN.match(text, position)
        if match is None:
            raise FormulaError("bad_character", _bad_character(text[position]), column)
        kind, piece = match.lastgroup or "", match.group()
        position = match.end()
        if kind == "space":
            continue
        if max(map(len, re.findall(r"\d+", piece)), default=0) > MAX_DIGITS:
            raise FormulaError("long_number", f"A number may have at most {MAX_DIGITS} digits in a row.", column)
        if piece == "//":
            raise FormulaError(
                "bad_operator", "Whole-number division // is not part of the language; use a single /.", column
            )
        if "__" in piece:
            raise FormulaError("bad_name", "Names with double underscores are not allowed in a formula.", column)
        tokens.append(Token(kind, _SPELLED.get(piece, piece), column))
    return tokens


def _bad_character(character: str) -> str:
    shown = f"The character {character!r}" if character.isprintable() else "An unprintable character"
    hint = {
        "=": " Write only the right-hand side, without =.",
        ".": " A dot belongs inside a number, as in 0.5.",
        "[": " Use round brackets ( ).",
        "]": " Use round brackets ( ).",
        "{": " Use round brackets ( ).",
        "|": " Write abs(x) for an absolute value.",
        "√": " Write sqrt(x) for a square root.",
    }.get(character, " Use digits, names, + - * / ^ and round brackets.")
    return f"{shown} has no meaning in a formula.{hint}"


@dataclass
class Names:
    """What names mean beside variables, constants and functions; and what is shared by all readers of one formula."""

    knobs: Collection[str] = ()
    columns: Collection[str] = ()
    pieces: Mapping[str, Piece] = field(default_factory=dict)
    read: dict[str, Node | None] = field(default_factory=dict)
    """the pieces that were read; None for one that is being read"""
    parts: int = 0
    """of the formula so far"""


class _Reader:
    """Recursive descent over the tokens: sums of products of signed powers of atoms."""

    def __init__(self, tokens: list[Token], names: Names, end: int, means: int = 0):
        self.tokens, self.names, self.end = tokens, names, end
        self.at = self.depth = 0
        self.means = means  # in how many means or sums the next part stands

    def formula(self) -> Node:
        tree = self.sum()
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.text == ")":
                raise FormulaError("brackets", "This closing bracket has no opening one.", token.column)
            if token.text == ",":
                raise FormulaError("syntax", "A comma stands only between the arguments of a function.", token.column)
            raise FormulaError(
                "syntax", f"An operator is missing before {token.text!r}; write a product as 2*x.", token.column
            )
        return tree

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise FormulaError("syntax", "The formula ends too early; something is missing at its end.", self.end)
        self.at += 1
        return self.tokens[self.at - 1]

    def made(self, node: Node, column: int) -> Node:
        """Counts the part, and refuses a constant that is no finite number (1/0, 9^9^9, log(0))."""
        self.names.parts += 1
        if self.names.parts > MAX_PARTS:
            raise FormulaError("too_many_parts", f"A formula may have at most {MAX_PARTS} parts.", column)
        if node.operands and all(_constant(operand) is not None for operand in node.operands):
            value = _constant(node)
            if value is None or not math.isfinite(value):
                raise FormulaError("not_finite", "This constant part is not a finite number.", column)
        return node

    def sum(self) -> Node:
        node = self.product()
        while self.peek() in ("+", "-"):
            token = self.take()
            right = self.product()
            node = self.made(Node("add", node, right if token.text == "+" else _negated(right)), token.column)
        return node

    def product(self) -> Node:
        node = self.signed()
        while self.peek() in ("*", "/"):
            token = self.take()
            right = self.signed()
            node = self.made(Node("mul" if token.text == "*" else "div", node, right), token.column)
        return node

    def signed(self) -> Node:
        signs = 0
        while self.peek() in ("+", "-"):
            signs += self.take().text == "-"
            self.names.parts += 1
        node = self.powered()
        return _negated(node) if signs % 2 else node

    def powered(self) -> Node:
        base = self.atom()
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "superscript":
            token = self.take()
            exponent = int("".join(str(_SUPERSCRIPTS.index(c)) for c in token.text))
            return self.made(self._power(base, number(exponent), token.column), token.column)
        if self.peek() == "^":
            column = self.take().column
            self.deeper(column)
            exponent = self.signed()  # right associative, and 2^-1 is allowed
            self.depth -= 1
            return self.made(self._power(base, exponent, column), column)
        return base

    def _power(self, base: Node, exponent: Node, column: int) -> Node:
        value = _constant(exponent)
        if value is None:
            return Node("pow", base, exponent)
        if not abs(value) <= MAX_EXPONENT:
            raise FormulaError("exponent", f"A constant exponent lies between -{MAX_EXPONENT} and {MAX_EXPONENT}.", column)
        if value == int(value):
            return Node("powi", base, int(value)) if value else number(1)
        return call("sqrt", base) if value == 0.5 else Node("pow", base, exponent)

    def atom(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return self.made(self._number(token), token.column)
        if token.kind == "name":
            return self._name(token)
        if token.text == "(":
            self.deeper(token.column)
            node = self.sum()
            self.close(token)
            self.depth -= 1
            return node
        if token.text == ")":
            message = (
                "There is nothing between these brackets."
                if self.at > 1 and self.tokens[self.at - 2].text == "("
                else ("This closing bracket comes where a number or a name should stand.")
            )
            raise FormulaError("syntax", message, token.column)
        raise FormulaError("syntax", f"{token.text!r} needs a number or a name before it.", token.column)

    def _number(self, token: Token) -> Node:
        if not math.isfinite(float(token.text)):
            raise FormulaError(
                "not_finite", "This number is larger than any that a computer's float can hold.", token.column
            )
        if abs(int(token.text.lower().partition("e")[2] or 0)) > 400:
            raise FormulaError(
                "not_finite", "This number's exponent is out of range; keep it between -300 and 300.", token.column
            )
        return number(Fraction(token.text))

    def _name(self, token: Token) -> Node:
        name = ALIASES.get(token.text, token.text)
        if name in PRIMITIVES or name in SHORTHANDS or name in OVER_ROWS:
            return self._call(name, token)
        if self.peek() == "(":
            if name in MEANT:
                raise FormulaError("unknown_function", f"There is no function called {name!r}; {MEANT[name]}.", token.column)
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f" Perhaps {near[0]}?" if near else " Write a product as a*(b)."
            raise FormulaError("unknown_function", f"There is no function called {name!r}.{hint}", token.column)
        if name in VARIABLES:
            return self.made(Node("variable", name), token.column)
        if name in self.names.knobs:
            return self.made(Node("knob", name), token.column)
        if name in self.names.columns or name in self.names.pieces:
            return self._row(name, token)
        if name in CONSTANTS:
            return self.made(Node("constant", name), token.column)
        if name in ("X", "Y", "R"):
            small = f"The name {name!r} is not known. Variables are small letters: {name.lower()}."
            raise FormulaError("unknown_name", small, token.column)
        there = [*VARIABLES, *CONSTANTS, *self.names.knobs, *self.names.columns, *self.names.pieces, *FUNCTIONS]
        near = difflib.get_close_matches(name, there, 1)
        hint = f" Perhaps {near[0]}?" if near else ""
        if self.means:
            known = ", ".join(self.names.columns) or "there are none"
            hint += f" It is no column of the data ({known}); a knob is added as ; {name[:16]} = 0.5 in [0, 1]."
        elif len(name) <= 16:
            hint += f" To make it a knob, add ; {name} = 0.5 in [0, 1] at the end."
        raise FormulaError("unknown_name", f"The name {name[:32]!r} is not known.{hint}", token.column)

    def _row(self, name: str, token: Token) -> Node:
        """A column, or a part with a name: what differs from row to row stands inside a mean or a sum."""
        node = self.named(name, token.column) if name in self.names.pieces else Node("column", name)
        if node.by_row and not self.means:
            raise FormulaError(
                "column", f"{name} has a value for every row of the data; write mean(…) or sum(…) around it.", token.column
            )
        return self.made(node, token.column)

    def named(self, name: str, column: int) -> Node:
        """The part that a name stands for, read once."""
        read, piece = self.names.read, self.names.pieces[name]
        if name not in read:
            read[name] = None
            read[name] = _Reader(_tokens(*piece), self.names, piece.column + len(piece.text), means=1).formula()
        if read[name] is None:
            raise FormulaError("bad_knob", f"The part {name} is made of itself; write it in terms of others.", column)
        return read[name]

    def _call(self, name: str, token: Token) -> Node:
        wants = arity(name)
        if self.peek() == "^":
            raise FormulaError("syntax", f"Write a power of a function behind its brackets: {name}(x)^2.", token.column)
        if self.peek() != "(":
            raise FormulaError("syntax", f"The function {name} needs its argument in brackets: {name}(x).", token.column)
        opening = self.take()
        self.deeper(opening.column)
        self.means += name in OVER_ROWS
        arguments = [] if self.peek() == ")" else [self.sum()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.sum())
        self.close(opening)
        self.depth -= 1
        self.means -= name in OVER_ROWS
        if len(arguments) != wants:
            s = "s" if wants > 1 else ""
            raise FormulaError("arguments", f"{name} takes {wants} argument{s}, not {len(arguments)}.", token.column)
        if name in OVER_ROWS and not arguments[0].by_row:
            known = ", ".join(self.names.columns)
            there = f"this one has no column in it; its columns are {known}." if known else "this formula was given none."
            raise FormulaError("column", f"{name}(…) runs over the rows of data, and {there}", token.column)
        node = SHORTHANDS[name][1](*arguments) if name in SHORTHANDS else call(name, *arguments)
        return self.made(node, token.column)

    def deeper(self, column: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaError("too_deep", f"Brackets and powers may be nested at most {MAX_DEPTH} deep.", column)

    def close(self, opening: Token) -> None:
        if self.at >= len(self.tokens):
            raise FormulaError("brackets", "This bracket is never closed.", opening.column)
        token = self.take()
        if token.text != ")":
            raise FormulaError(
                "syntax", f"An operator is missing before {token.text!r}; write a product as 2*x.", token.column
            )


def _negated(node: Node) -> Node:
    return number(-node.args[0]) if node.op == "number" else Node("neg", node)


def _constant(node: Node) -> float | None:
    """The value of a part without variables or knobs; nan where it has none, None where it is not constant."""
    if node.op in ("variable", "knob", "column", "rows"):
        return None
    if node.op == "number":
        return float(node.args[0])
    try:
        return float(evaluate([node], {}, FLOAT_FUNCTIONS)[0])
    except KeyError:
        return None
    except (ArithmeticError, ValueError, TypeError):
        return math.nan


# ---------------------------------------------------------------------------------------------------------------------
# Knobs:  a = 0.5 in [0, 1]   or   a = 0.01 in [1e-4, 1] log;   named parts:  z = x*u + y*v

_NUMBER = r"([-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_DECLARATION = re.compile(rf"\s*(\w+)\s*=\s*{_NUMBER}\s*(?:in\s*\[\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\])?\s*(log)?\s*")
_PART = re.compile(r"\s*(\w+)\s*=(?!\s*[-+]?(?:nan|inf)\w*\s*$)(?!.*(?:\[|\bin\b))(.*\S.*)")


def _declarations(pieces: list[str], column: int) -> tuple[tuple[Declaration, ...], dict[str, Piece]]:
    """The knobs, and the texts of the named parts."""
    found: list[Declaration] = []
    parts: list[tuple[str, Piece]] = []
    for piece in pieces:
        knob = _DECLARATION.fullmatch(piece)
        if knob is None and (part := _PART.fullmatch(piece)):
            parts.append((part[1], Piece(part[2], column + part.start(2))))
        elif piece.strip():
            found.append(_declaration(knob, column))
        column += len(piece) + 1
    if len(found) > MAX_KNOBS:
        raise FormulaError("too_many_knobs", f"A formula may have at most {MAX_KNOBS} knobs.")
    if len({*(d.name for d in found), *(name for name, _ in parts)}) < len(found) + len(parts):
        raise FormulaError("bad_knob", "Each knob is declared once, and so is each part.")
    return tuple(found), dict(parts)


def _declaration(match: re.Match[str] | None, column: int) -> Declaration:
    if match is None:
        raise FormulaError("bad_knob", "A knob is declared as  a = 0.5 in [0, 1], a part as  z = x*u.", column)
    name, *numbers, log = match.groups()
    value, low, high = (None if n is None else float(n.replace("−", "-")) for n in numbers)
    return declare(name, value, low, high, bool(log), column)


def declare(
    name: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    column: int | None = None,
) -> Declaration:
    """A knob with a range; without one, from 0 (or -2|value|) to twice the value."""
    if value is None or not math.isfinite(value):
        raise FormulaError("bad_knob", f"The knob {name} needs a finite number as its value.", column)
    if low is None or high is None:
        high = 2 * abs(value) or 1.0
        low = -high if value < 0 else 0.0
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise FormulaError("bad_knob", f"The range of {name} goes from a smaller to a larger number.", column)
    if not low <= value <= high:
        raise FormulaError("bad_knob", f"The value of {name} lies outside its range [{low:g}, {high:g}].", column)
    if log and low <= 0:
        raise FormulaError("bad_knob", f"A logarithmic range for {name} must start above zero.", column)
    return Declaration(name, value, low, high, log)
