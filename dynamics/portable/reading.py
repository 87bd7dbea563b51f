"""A jaxpr read as a graph: every equation is a few operations on nodes, every array an array of nodes.

    (inputs, equations, outputs)  ->  outputs as nodes of the inputs' nodes

What cannot be read raises `Untranslated`, in one sentence.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jax.extend.core import Literal

from dynamics.portable.graph import FLOATS, TYPE_OF, Node, branch, const, is_const, make, value
from dynamics.portable.graph import where as either
from dynamics.portable.values import FUNCTIONS, Values, called, constant, each, hypotenuse, nodes, to_the_power, whole_power

Meaning = Callable[..., Sequence[Values]]


class Untranslated(Exception):
    """What has no portable program; the message says why, in one sentence."""


def read(jaxpr: Any, consts: Sequence[Any], given: Sequence[Values], meanings: Mapping[str, Meaning] = {}) -> list[Values]:
    """The outputs of a jaxpr; `meanings` says what primitives of one's own are."""
    known: dict[Any, Values] = dict(zip(jaxpr.constvars, map(constant, consts), strict=True))
    known |= zip(jaxpr.invars, given, strict=True)

    def found(atom: Any) -> Values:
        return constant(np.asarray(atom.val, atom.aval.dtype)) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        results = _results(equation, [found(atom) for atom in equation.invars], meanings)
        known |= zip(equation.outvars, results, strict=True)
    return [found(atom) for atom in jaxpr.outvars]


def _results(equation: Any, given: list[Values], meanings: Mapping[str, Meaning]) -> Sequence[Values]:
    name, about = equation.primitive.name, equation.params
    if name in meanings:
        return meanings[name](*given)
    if name in BY_PLACE:
        return [each(BY_PLACE[name], *given)]
    if name in SHAPES:
        found = SHAPES[name](about, [part.nodes for part in given])
        return [Values(part) for part in (found if isinstance(found, list) else [found])]
    if name in WHOLE:
        return WHOLE[name](about, *given)
    inner = next((about[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in about), None)
    if inner is not None and name not in ("scan", "while"):
        return read(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), given, meanings)
    if name == "cond":
        return _either_side(about["branches"], given, meanings)
    raise Untranslated(f"The operation {name} of JAX has no portable form yet.")


def _either_side(branches: Sequence[Any], given: list[Values], meanings: Mapping[str, Meaning]) -> list[Values]:
    if len(branches) != 2:
        raise Untranslated(f"A choice among {len(branches)} programs has no portable form yet.")
    chosen = given[0].node
    chosen = chosen if chosen.type == "bool" else chosen.differs(0)
    no, yes = (read(side.jaxpr, side.consts, given[1:], meanings) for side in branches)
    flat_yes, flat_no = (tuple(node for part in side for node in part.nodes.flat) for side in (yes, no))
    left = iter(branch(chosen, flat_yes, flat_no))
    return [nodes(lambda place: next(left), part.shape) for part in yes]


# ---------------------------------------------------------------------------------------------------------------------
# Place by place


def _logical_shift(a: Node, by: Node) -> Node:
    unsigned = "u" + a.type[1:]
    return make("shr", a.bits(unsigned), by.bits(unsigned)).bits(a.type)


def _shift(operation: str) -> Callable[[Node, Node], Node]:
    """Shifts by the width or more give nothing in XLA, and wrap elsewhere."""

    def shift(a: Node, by: Node) -> Node:
        width = 64 if a.type.endswith("64") else 32
        if not is_const(by):
            raise Untranslated("A shift by a number that is not known beforehand has no portable form yet.")
        if not 0 <= value(by) < width:
            return const(0, a.type) if operation != "shr" else make("shr", a, width - 1)
        return _logical_shift(a, by) if operation == "logical" else make(operation, a, by)

    return shift


def _power_of_two(x: Node) -> Node:
    """2^x, exact where x is whole."""
    if x.type == "f32":
        return _power_of_two(x.to("f64")).to("f32")
    whole = make("floor", x).equals(x) & (x >= -1022.0) & (x <= 1023.0)
    bounded = make("min", make("max", x, -1022.0), 1023.0).to("i64")
    return either(whole, ((bounded + 1023) << 52).bits("f64"), to_the_power(const(2, "f64"), x))


def _quotient(a: Node, b: Node) -> Node:
    if a.type not in FLOATS:
        raise Untranslated("A division of whole numbers has no portable form yet.")
    return a / b


BY_PLACE: dict[str, Callable[..., Node]] = {
    name: (lambda *a, operation=operation: make(operation, *a))
    for name, operation in (
        *((same, same) for same in (
            "add", "sub", "mul", "max", "min", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "neg", "not", "sqrt",
            "floor", "ceil",
        )),
        ("add_any", "add"),
    )
} | {
    "div": _quotient,
    "abs": lambda a: abs(a) if a.type in FLOATS else make("max", a, -a),
    "sign": FUNCTIONS["sign"],
    "square": lambda a: a * a,
    "rsqrt": lambda a: 1 / make("sqrt", a),
    "is_finite": lambda a: abs(a) < np.inf,
    "clamp": lambda low, a, high: make("min", make("max", a, low), high),
    "copy": lambda a: a,
    "stop_gradient": lambda a: a,
    "shift_left": _shift("shl"),
    "shift_right_arithmetic": _shift("shr"),
    "shift_right_logical": _shift("logical"),
    "pow": lambda a, b: to_the_power(a, b.to(a.type)),
    "exp2": _power_of_two,
    "erf_inv": lambda a: called("erf_inv", a),
    "hypot": hypotenuse,
} | {name: FUNCTIONS[name] for name in (
    "sin", "cos", "tan", "exp", "log", "log1p", "expm1", "tanh", "sinh", "cosh", "asin", "acos", "atan", "atan2",
)}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Shapes alone


def _broadcast(about: Any, given: list[Any]) -> Any:
    shape = [1] * len(about["shape"])
    for axis, length in zip(about["broadcast_dimensions"], given[0].shape, strict=True):
        shape[axis] = length
    return np.broadcast_to(given[0].reshape(shape), about["shape"])


def _padded(about: Any, given: list[Any]) -> Any:
    array, filling = given
    padding = about["padding_config"]
    if any(between or low < 0 or high < 0 for low, high, between in padding):
        raise Untranslated("Padding between numbers has no portable form yet.")
    out = np.full([n + low + high for n, (low, high, _) in zip(array.shape, padding, strict=True)], filling[()], object)
    out[tuple(slice(low, low + n) for n, (low, _, _) in zip(array.shape, padding, strict=True))] = array
    return out


def _cut(about: Any, given: list[Any]) -> Any:
    strides = about["strides"] or (1,) * given[0].ndim
    return given[0][tuple(map(slice, about["start_indices"], about["limit_indices"], strides))]


SHAPES: dict[str, Callable[[Any, list[Any]], Any]] = {
    "broadcast_in_dim": _broadcast,
    "reshape": lambda about, given: given[0].reshape(about["new_sizes"]),
    "squeeze": lambda about, given: np.squeeze(given[0], tuple(about["dimensions"])),
    "expand_dims": lambda about, given: np.expand_dims(given[0], tuple(about["dimensions"])),
    "transpose": lambda about, given: given[0].transpose(about["permutation"]),
    "concatenate": lambda about, given: np.concatenate(given, axis=about["dimension"]),
    "slice": _cut,
    "pad": _padded,
    "rev": lambda about, given: np.flip(given[0], about["dimensions"]),
    "split": lambda about, given: np.split(given[0], np.cumsum(about["sizes"])[:-1], axis=about["axis"]),
    "optimization_barrier": lambda about, given: given,
}


# ---------------------------------------------------------------------------------------------------------------------
# All places together


def _sum(about: Any, given: Values) -> list[Values]:
    return [Values(np.asarray(given.nodes.sum(axis=tuple(about["axes"])), object))]


def _dot(about: Any, a: Values, b: Values) -> list[Values]:
    (of_a, of_b), (batch, _) = about["dimension_numbers"]
    if batch or a.kind != b.kind:
        raise Untranslated("A product of many matrices at once has no portable form yet.")
    return [Values(np.asarray(np.tensordot(a.nodes, b.nodes, axes=(list(of_a), list(of_b))), object))]


def _select(about: Any, which: Values, *cases: Values) -> list[Values]:
    if len(cases) != 2:
        raise Untranslated(f"A choice among {len(cases)} arrays has no portable form yet.")
    chosen = which if which.kind == "bool" else each(lambda a: a.differs(0), which)
    return [each(lambda c, no, yes: either(c, yes, no), chosen, *cases)]


def _rounded(about: Any, given: Values) -> list[Values]:
    if int(about["rounding_method"]) != 1:
        raise Untranslated("Rounding halves away from zero has no portable form yet; round them to the even number.")
    return [each(lambda a: make("rint", a), given)]


def _typed(change: str) -> Callable[..., list[Values]]:
    def to(about: Any, given: Values) -> list[Values]:
        dtype = np.dtype(about["new_dtype"])
        if dtype not in TYPE_OF:
            raise Untranslated(f"Numbers of the type {dtype} have no portable form.")
        return [each(lambda a: make(change, a, kind=TYPE_OF[dtype]), given)]

    return to


def _counted(about: Any) -> list[Values]:
    along = [1] * len(about["shape"])
    along[about["dimension"]] = -1
    counts = np.arange(about["shape"][about["dimension"]], dtype=about["dtype"]).reshape(along)
    return [constant(np.broadcast_to(counts, about["shape"]))]


def _threefry(key: Sequence[Node], a: Node, b: Node) -> tuple[Node, Node]:
    """Twenty rounds of adding, turning and xor (J. Salmon et al. 2011): JAX's own random bits."""
    words = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    a, b = a + words[0], b + words[1]
    for i in range(5):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
            a = a + b
            b = a ^ make("rotl", b, turn)
        a, b = a + words[(i + 1) % 3], b + words[(i + 2) % 3] + (i + 1)
    return a, b


def _pair(a: Node, b: Node) -> list[Values]:
    return [nodes(lambda place: (a, b)[place[0]], (2,))]


def _bits(about: Any, key: Values) -> list[Values]:
    shape, zero = about["shape"], const(0, "u32")
    made = {}
    for count, place in enumerate(np.ndindex(*shape)):
        a, b = _threefry(list(key.nodes), zero, const(count, "u32"))
        made[place] = (a.to("u64") << 32) | b.to("u64") if about["bit_width"] == 64 else a ^ b
    return [nodes(made.__getitem__, shape)]


WHOLE: dict[str, Callable[..., list[Values]]] = {
    "reduce_sum": _sum,
    "dot_general": _dot,
    "select_n": _select,
    "integer_pow": lambda about, given: [each(lambda a: whole_power(a, about["y"]), given)],
    "round": _rounded,
    "convert_element_type": _typed("convert"),
    "bitcast_convert_type": _typed("bitcast"),
    "iota": _counted,
    "random_seed": lambda about, seed: _pair(const(0, "u32"), seed.node.to("u32")),
    "random_fold_in": lambda about, key, word: _pair(*_threefry(list(key.nodes), const(0, "u32"), word.node)),
    "random_bits": _bits,
    "random_wrap": lambda about, key: [key],
    "random_unwrap": lambda about, key: [key],
}
