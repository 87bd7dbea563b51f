"""What a run needs of its step: a graph for the start, for the clock, for the step and for what is read at a point.

    state₀ = begin(numbers, start)     row_t = clock(numbers, rates_t)     state_{t+1} = step(numbers, start, row_t, state_t)

The rule is traced once with the loss left open; a formula is put in from its own tree. What depends on no start (counts,
β^t, rates) is the clock's, and every path reads it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive

from dynamics import rules
from dynamics.portable import values
from dynamics.portable.graph import TYPE_OF, Node, building, flat, node
from dynamics.portable.plan import in_order
from dynamics.portable.reading import Untranslated, read
from dynamics.portable.values import Values, nodes
from dynamics.simulate import Kernel, State, initial_state, step
from landscapes import sharpness
from landscapes.landscape import Local

RATES = ("rate", "rate_exponent", "decay", "decay_exponent", "fading")
"""the numbers that a table may give anew for every step"""
OF_A_START = ("x", "y", "frame", "place")
"""where a path begins, its frame, and its place among the starts, which its noise depends on"""
MOST_NODES = 60_000
"""A larger graph is not written: its module would take longer to compile than it saves."""


class Program(NamedTuple):
    """Graphs over leaves; the order of `numbers`, `start` and `rates` is that in memory."""

    numbers: tuple[tuple[str, str], ...]
    """names and types of what is the same at every step and for every start: hyperparameters, knobs, noise, the seed"""
    start: tuple[tuple[str, str], ...]
    rates: tuple[tuple[str, str], ...]
    float_type: str
    clock_begin: tuple[Node, ...]
    clock_step: tuple[Node, ...]
    """the clock's own state (states are numbered from 0)"""
    row: tuple[Node, ...]
    """what the clock gives for step t"""
    ticks: bool
    """whether a row depends on t by itself, and not only on the rates"""
    begin: tuple[Node, ...]
    step: tuple[Node, ...]
    sound: Node
    """whether loss and gradient at the state are finite"""
    readings: tuple[Node, ...]
    """loss, gradient's x and y, sharpness at (state 0, state 1)"""


class _Open(NamedTuple):
    """A loss that is left open while a rule is traced: all that a step may know of it."""

    scale_invariant: bool

    @property
    def landscape(self) -> "_Open":
        return self

    def slope(self, x: Any, y: Any, knobs: Mapping[str, Any], xp: Any) -> Local:
        loss, gx, gy = LOSS.bind(x, y, *(knobs[name] for name in sorted(knobs)))
        return Local(loss, gx, gy, None, None, None)

    def local(self, x: Any, y: Any, knobs: Mapping[str, Any], xp: Any, order: int) -> Local:
        return self.slope(x, y, knobs, xp)


LOSS = Primitive("open_loss")
"""(x, y, knobs) -> loss and the gradient's x and y"""
LOSS.multiple_results = True
LOSS.def_abstract_eval(lambda x, y, *knobs: [x, x, x])


@lru_cache(maxsize=256)
def program(kernel: Kernel, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Program:
    """The program of everything that a kernel is compiled for; `shapes` are those of the knobs and columns."""
    if kernel.batch:
        raise Untranslated("Batches of data are drawn by XLA only.")
    landscape = kernel.formula.landscape
    abstract, (begin_jaxpr, step_jaxpr), leaves = _traced(
        kernel._replace(formula=_Open(landscape.scale_invariant)), shapes
    )
    kinds = [TYPE_OF[np.dtype(leaf.dtype)] for leaf in leaves]
    float_type = kinds[0]
    with building():
        given, numbers = _leaves(abstract, kernel)
        names = sorted(dict(shapes))
        x, y, frame, place = (node("param", kind, (), name) for name, kind in _start(float_type))
        states = [node("state", kind, (), k) for k, kind in enumerate(kinds)]
        found: list[Sequence[Values]] = []

        def loss(x: Values, y: Values, *knobs: Values) -> Sequence[Values]:
            at = landscape.slope if kernel.framed else lambda *a: landscape.local(*a, order=1)
            found.append(_evaluated(lambda *a: at(*a)[:3], landscape, x, y, dict(zip(names, knobs, strict=True))))
            return found[-1]

        start = nodes(lambda at: (x, y)[at[0]], (2,))
        begin = [part.node for part in read(begin_jaxpr.jaxpr, begin_jaxpr.consts, [*given, start, Values(frame)])]
        inputs = [*given, *map(Values, states), Values(node("step", "i32")), Values(place)]
        after = [part.node for part in read(step_jaxpr.jaxpr, step_jaxpr.consts, inputs, {"open_loss": loss})]
        total = found[0][0].node + found[0][1].node + found[0][2].node
        sound = abs(total) < np.inf
        knobs = {name: _named(f"knobs.{name}", shape, float_type) for name, shape in shapes}

        def readings(x: Any, y: Any, knobs: Any, xp: Any) -> tuple[Any, ...]:
            local = landscape.local(x, y, knobs, xp)
            return local.loss, local.gx, local.gy, sharpness(local, xp)

        read_at = [part.node for part in _evaluated(readings, landscape, *map(Values, states[:2]), knobs)]
        made = _split(begin, after, sound, read_at, numbers, float_type)
    if (size := len(in_order([*made.row, *made.step, *made.readings]))) > MOST_NODES:
        raise Untranslated(f"A step of {size} operations is too long for a portable program.")
    return made


def shapes(traced: Mapping[str, Any]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple(sorted((name, np.shape(number)) for name, number in traced["knobs"].items()))


@lru_cache(maxsize=256)
def _traced(kernel: Kernel, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Any:
    """The rule's start and step as jaxprs over abstract numbers, and the leaves of its state."""
    real = np.dtype(kernel.dtype)

    def scalar(dtype: Any) -> Any:
        return jax.ShapeDtypeStruct((), dtype)

    with jax.enable_x64(True):
        abstract = {name: scalar(np.int32 if name.endswith("exponent") else real) for name in RATES}
        abstract |= {name: scalar(real) for name in ("clip_norm", "noise", "buffer")} | {"seed": scalar(np.uint32)}
        abstract |= {
            "own": {name: scalar(real) for name in rules.named(kernel.rule).knobs},
            "knob_noise": {name: scalar(real) for name in kernel.shaken},
            "knobs": {name: jax.ShapeDtypeStruct(shape, real) for name, shape in shapes},
        }
        begin, state = jax.make_jaxpr(
            lambda traced, start, frame: initial_state(kernel, traced, start, frame), return_shape=True
        )(abstract, jax.ShapeDtypeStruct((2,), real), scalar(np.int32))
        stepped = jax.make_jaxpr(lambda traced, state, t, place: step(kernel, traced, State(*state), t, place))(
            abstract, state, scalar(np.int32), scalar(np.int32)
        )
    return abstract, (begin, stepped), jax.tree.leaves(state)


def _start(float_type: str) -> tuple[tuple[str, str], ...]:
    return tuple(zip(OF_A_START, (float_type, float_type, "i32", "i32"), strict=True))


def _named(name: str, shape: tuple[int, ...], kind: str) -> Values:
    """A number of the run as leaves: one, or one for each place of a column."""
    return nodes(lambda place: node("param", kind, (), ".".join([name, *map(str, place)])), shape)


def _leaves(abstract: Any, kernel: Kernel) -> tuple[list[Values], tuple[tuple[str, str], ...]]:
    """The traced numbers as leaves, in the jaxpr's order, and the names of those that are not rates."""
    given, numbers = [], []
    for path, leaf in jax.tree_util.tree_flatten_with_path(abstract)[0]:
        name, kind = ".".join(str(key.key) for key in path), TYPE_OF[np.dtype(leaf.dtype)]
        if name in RATES:
            given.append(values.constant(np.ones((), leaf.dtype)) if name == "fading" and not kernel.fades
                         else Values(node("rate", kind, (), name)))  # fmt: skip
        else:
            given.append(_named(name, leaf.shape, kind))
            numbers += [(each.data, kind) for each in given[-1].nodes.flat]
    return given, tuple(numbers)


def _evaluated(function: Callable[..., Any], landscape: Any, x: Values, y: Values, knobs: Mapping[str, Any]) -> list[Values]:
    """Readings of a loss at nodes: of a formula by its tree, of another function by its jaxpr."""
    if hasattr(landscape, "expression"):
        return list(function(x, y, knobs, values))
    with jax.enable_x64(True):
        point = jax.ShapeDtypeStruct((), x.dtype)
        jaxpr = jax.make_jaxpr(lambda x, y: function(x, y, {}, jnp))(point, point)
    return read(jaxpr.jaxpr, jaxpr.consts, [x, y])


# ---------------------------------------------------------------------------------------------------------------------
# What depends on no start


def _split(
    begin: list[Node], after: list[Node], sound: Node, readings: list[Node],
    numbers: tuple[tuple[str, str], ...], float_type: str,
) -> Program:  # fmt: skip
    """The part of a step that is the same for every start, as the clock's, and the rest with its results as leaves."""
    ours, common = _common(begin, after)
    taken = [k for k in range(len(after)) if k not in ours]
    rows: dict[Node, Node] = {}
    place = {k: i for i, k in enumerate(taken)}

    def seen(each: Node) -> Node | None:
        if each.operation == "state":
            return node("state", each.type, (), place[each.data]) if each.data in place else None
        wanted = each in common and each.moves and each.type != "several" and each.operation != "step"
        return rows.setdefault(each, node("row", each.type, (), len(rows))) if wanted else None

    *stepped, is_sound = _rewritten([*(after[k] for k in taken), sound], seen)
    used = {each for each in in_order([*stepped, is_sound]) if each.operation == "row"}
    order = [each for each, leaf in rows.items() if leaf in used]
    renumbered = {rows[each]: node("row", each.type, (), k) for k, each in enumerate(order)}
    *stepped, is_sound = _rewritten([*stepped, is_sound], renumbered.get)
    mine = {k: i for i, k in enumerate(sorted(ours))}
    of_clock = lambda each: node("state", each.type, (), mine[each.data]) if each.operation == "state" else None  # noqa: E731
    row = _rewritten(order, of_clock)
    needed = {each.data for each in in_order(row) if each.operation == "state"}
    clock_step = _rewritten([after[k] for k in sorted(ours)], of_clock) if needed else []
    ticks = bool(needed) or any(each.operation == "step" for each in in_order(row))
    rates = sorted({(each.data, each.type) for each in in_order([*row, *clock_step]) if each.operation == "rate"})
    return Program(
        numbers, _start(float_type), tuple(rates), float_type,
        tuple(begin[k] for k in sorted(ours)) if needed else (), tuple(clock_step), tuple(row), ticks,
        tuple(begin[k] for k in taken), tuple(stepped), is_sound, tuple(readings),
    )  # fmt: skip


def _common(begin: list[Node], after: list[Node]) -> tuple[set[int], set[Node]]:
    """The states that are the same for every start, and all nodes that are: the largest set that is closed under a step."""
    order = in_order([*begin, *after])
    states = set(range(3, len(after)))  # x, y and the frame are the path's
    while True:
        common: set[Node] = set()
        for each in order:
            match each.operation:
                case "state":
                    same = each.data in states
                case "param":
                    same = each.data not in OF_A_START
                case _:
                    same = all(part in common for part in flat(each.operands))
            if same:
                common.add(each)
        kept = {k for k in states if after[k] in common and begin[k] in common}
        if kept == states:
            return states, common
        states = kept


def _rewritten(outputs: Sequence[Node], change: Callable[[Node], Node | None]) -> list[Node]:
    """Outputs with the nodes for which `change` gives another one replaced."""
    new: dict[Node, Node] = {}
    for each in in_order(outputs):
        found = change(each)
        if found is None and each.operands:
            operands = tuple(
                tuple(new[one] for one in part) if isinstance(part, tuple) else new[part] for part in each.operands
            )
            found = each if operands == each.operands else node(each.operation, each.type, operands, each.data)
        new[each] = found or each
    return [new[each] for each in outputs]
