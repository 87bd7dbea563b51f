"""One pure scalar step, and the driver that records a whole path of it.

    state = (x, y, frame, optimizer state)          w = (x, y) · 2^frame

On a scale-invariant loss the state lives in a frame: when the norm leaves [2^-30, 2^30] everything is rescaled by an
exact power of two according to its length (see `dynamics.rules`), so a run at norm 1e300, or one whose learning rate
grows for 100 000 steps, makes the same roundings as one at norm 1. Elsewhere the frame stays 0 and a path that
outgrows its floats has diverged.

Every number (starts, hyperparameters, knobs, schedules, the count of steps) is traced: changing it never recompiles.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dynamics import batches, rules
from dynamics.path import Path, make_path
from dynamics.schedules import Rates, Schedule, schedule
from landscapes import Landscape, sharpness

FRAME_LIMIT = 30
STEEPEST = 60
"""the largest power of two of a learning rate in the frame's units, where the start is so near the origin"""
SHORT = 2048
"""Below so many steps all runs of a rule share one program, whatever their schedules; in a longer run a constant rate is
one number, where a table would take as long to fill as the run to make."""
SMALLEST = {"float32": -100, "float64": -900}
"""the power of two below which a learning rate in the frame's units is not let sink"""
REACH = {"float32": 12, "float64": 100}
"""the largest power of ten of a start's length, and of its inverse, from which a rule with a memory is followed"""
ENGINE = "xla"
"""who makes a path where nobody says otherwise"""
DTYPES = {"float32": np.float32, "float64": np.float64}


class Run(NamedTuple):
    """What moves: a rule, its rates and hyperparameters."""

    rule: str = "gd"
    learning_rate: float | Schedule | Rates = 0.1
    weight_decay: float | Schedule | Rates = 0.0
    hyperparameters: Mapping[str, Any] = {}
    clip_norm: float | None = None
    noise: float = 0.0
    initial_buffer: float | Schedule = 0.0
    """The momentum buffer starts at this multiple of w₀ (a primed buffer: see the heavy-ball twin)."""
    fading: float | Schedule | Rates = 1.0
    """Before step t every buffer is multiplied by fading_t to the power of minus its length: averages of gradients by
    fading_t, of squared ones by its square (see the twins with decoupled decay)."""
    knob_noise: Mapping[str, float] = {}
    """Standard deviations of the Gaussian noise on knobs of the loss, drawn anew at each step (on a target: label noise)."""

    batch: int = 0
    """Of the loss's data so many rows are drawn anew at each step, none twice; 0 takes them all."""

    @property
    def shaken(self) -> bool:
        """Whether the loss itself is another one at each step: noise on a knob, or a batch of its data."""
        return any(self.knob_noise.values()) or self.batch > 0

    @property
    def noisy(self) -> bool:
        return self.noise > 0 or self.shaken

    @property
    def plain(self) -> bool:
        """Whether a step is η times the gradient and nothing else, decay and noise aside."""
        return self.rule == "gd" and not self.hyperparameters.get("momentum") and self.clip_norm is None


def simulate(
    landscape: Landscape,
    run: Run,
    starts: Sequence[tuple[float, float]],
    steps: int,
    knobs: Mapping[str, float] | None = None,
    arithmetic: str = "float64",
    seed: int = 0,
    engine: str = ENGINE,
) -> list[Path]:
    """Runs a rule from every start and records steps + 1 points of each path.

    Main arguments: `landscape`, `run`, `starts` as pairs (x, y), `steps`.
    Other arguments: `knobs` of the landscape, `arithmetic` ("float64" or "float32"; the caller's JAX settings are left
    alone), `seed` of the gradient noise, which is the same for every run from the same start, `engine` ("portable": the same
    bits on every machine, and XLA's where the loss has no portable program; "xla").
    """
    if refusal := beyond_reach(landscape, run, starts, arithmetic):
        raise ValueError(refusal)
    tables, traced, kernel = prepare(landscape, run, starts, steps, knobs, arithmetic, seed)
    found = _portable(kernel, traced, steps) if engine == "portable" else None
    points, uneventful, readings = found or _by_xla(kernel, traced, steps)
    rate, rule = tables.learning_rate, rules.named(run.rule)
    return [
        make_path(
            tuple(start), points[i], lambda i=i: readings()[i], rate, rule.length, landscape.scale_invariant, uneventful[i],
            unfailing=rule.coupled or not rule.knobs,
        )
        for i, start in enumerate(starts)
    ]  # fmt: skip


Recorded = tuple[np.ndarray, np.ndarray, Callable[[], np.ndarray]]
"""points (P, 3, T + 1), of each path whether nothing happened to it, and what reads (P, 4, T + 1) at the points"""


def _portable(kernel: "Kernel", traced: Mapping[str, Any], steps: int) -> Recorded | None:
    """By the portable program, or None where there is none."""
    try:
        from dynamics.portable.host import record
        from dynamics.portable.job import job
        from dynamics.portable.reading import Untranslated
    except (ImportError, OSError, RuntimeError):  # no wasmtime for this machine
        return None
    try:
        found = record(job(kernel, traced, steps))
    except Untranslated:
        return None
    loss, gx, gy, _ = np.moveaxis(found.readings(slice(steps, None))[:, :, 0], 1, 0)
    moves = (found.points[:, :, -1] != found.points[:, :, max(steps - 1, 0)]).any(axis=1)
    finite = np.isfinite(loss) & np.isfinite(gx) & np.isfinite(gy) & np.isfinite(found.points[:, :2]).all(axis=(1, 2))
    return found.points, found.sound & finite & moves & ((gx != 0) | (gy != 0)), cache(found.readings)


def _by_xla(kernel: "Kernel", traced: Mapping[str, Any], steps: int) -> Recorded:
    with jax.enable_x64(True):
        record = _recorded(kernel, room(steps))(**traced)
        uneventful = np.asarray(_uneventful(kernel.formula)(record, traced["steps"], traced["knobs"]))
        points = np.asarray(record)[:, :, : steps + 1].astype(float, copy=False)

    @cache
    def readings() -> np.ndarray:
        with jax.enable_x64(True):
            read = _read(kernel.formula)(record, traced["knobs"])
        return np.asarray(read)[:, :, : steps + 1].astype(float, copy=False)

    return points, uneventful, readings


def beyond_reach(
    landscape: Landscape, run: Run, starts: Sequence[tuple[float, float]], arithmetic: str
) -> str | None:
    """Why a start is too far out, or too near the origin, for a rule with a memory on a loss that ignores length.

    A buffer holds powers of old gradients, and those of a step that crosses so many orders fit into no float.
    """
    rule, momentum = rules.named(run.rule), run.hyperparameters.get("momentum", 0.0)
    if not landscape.scale_invariant or not (rule.squares or momentum):
        return None
    near, far = 10.0 ** -REACH[arithmetic], 10.0 ** REACH[arithmetic]
    if rule.covariant and not momentum:  # far out gradients fade, and in the frame's units nothing is lost
        far = np.inf
    for x, y in starts:
        if not near <= max(abs(x), abs(y)) <= far and (x, y) != (0, 0):
            return (
                f"{rule.title} remembers gradients, and from the start ({x:g}, {y:g}) what it remembers fits into no "
                f"{arithmetic}; start {f'above {near:g}' if far == np.inf else f'between {near:g} and {far:g}'}, or use "
                "certified arithmetic."
            )
    return None


class Kernel(NamedTuple):
    """What a compiled program depends on; everything else is traced."""

    formula: "_ByFormula"
    rule: str
    switches: tuple[tuple[str, bool], ...]
    dtype: str
    clipped: bool
    noisy: bool
    framed: bool
    fades: bool
    steep: bool = False
    """the first steps from a start near the origin may outgrow the start's frame"""
    shaken: tuple[str, ...] = ()
    """the knobs that have noise on them"""
    batch: int = 0
    """how many rows of the data a step sees; 0: all of them"""

    @property
    def random(self) -> bool:
        """Whether a step draws anything."""
        return self.noisy or bool(self.shaken) or self.batch > 0


class Tables(NamedTuple):
    learning_rate: Rates
    weight_decay: Rates


def prepare(
    landscape: Landscape,
    run: Run,
    starts: Sequence[tuple[float, float]],
    steps: int,
    knobs: Mapping[str, float] | None = None,
    arithmetic: str = "float64",
    seed: int = 0,
) -> tuple[Tables, dict[str, Any], Kernel]:
    """The arguments of a compiled program: rate tables, traced numbers, and what it is compiled for."""
    rule = rules.named(run.rule)
    dtype = DTYPES[arithmetic]
    own = {name: value for name, value in run.hyperparameters.items() if name not in rule.switches}
    switches = rule.switches | {n: bool(v) for n, v in run.hyperparameters.items() if n in rule.switches}
    own = {name: rule.defaults[name] for name in rule.knobs} | own
    framed = landscape.scale_invariant and rule.covariant
    tables = Tables(_table(run.learning_rate, steps + 1), _table(run.weight_decay, steps + 1))
    points = np.asarray(starts, float).reshape(-1, 2)
    frame = np.zeros(len(points), np.int32)
    if framed:
        _, exponents = np.frexp(np.max(np.abs(points), axis=1))
        frame = np.where(np.abs(exponents) > FRAME_LIMIT, exponents, 0).astype(np.int32)
        points = np.ldexp(points, -frame[:, None])
    steep = bool(np.any(tables.learning_rate.exponent[0] - rule.length * frame > STEEPEST)) and framed
    kernel = Kernel(
        _ByFormula(landscape), run.rule, tuple(sorted(switches.items())), arithmetic,
        run.clip_norm is not None, run.noise > 0, framed, run.fading != 1.0, steep,
        tuple(sorted(name for name, size in run.knob_noise.items() if size)), batches.checked(run.batch, landscape),
    )  # fmt: skip
    traced = {
        "starts": _as(dtype, points),
        "frames": frame,
        "steps": np.int32(steps),
        "rate": _traced(tables.learning_rate.mantissa, steps, dtype),
        "rate_exponent": _traced(tables.learning_rate.exponent, steps, np.int32),
        "decay": _traced(tables.weight_decay.mantissa, steps, dtype),
        "decay_exponent": _traced(tables.weight_decay.exponent, steps, np.int32),
        "own": {name: dtype(value) for name, value in own.items()},
        "clip_norm": dtype(run.clip_norm if run.clip_norm is not None else 0.0),
        "noise": dtype(run.noise),
        "knob_noise": {name: dtype(run.knob_noise[name]) for name in kernel.shaken},
        "fading": _traced(_table(run.fading, steps + 1).value, steps, dtype) if run.fading != 1.0 else dtype(1),
        "buffer": dtype(_table(run.initial_buffer, 1).value[0]),
        "knobs": {n: dtype(v) for n, v in (landscape.knob_values | dict(knobs or {})).items()}
        | {n: np.asarray(v, dtype) for n, v in landscape.columns},
        "seed": np.uint32(seed % 2**32),
    }
    return tables, traced, kernel


def _table(rate: Any, count: int) -> Rates:
    if isinstance(rate, Rates):
        return Rates(rate.mantissa[:count], rate.exponent[:count])
    return schedule(rate).rates(count)


def _as(dtype: Any, values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def room(steps: int) -> int:
    """For how many points a record has room: a power of two above `steps`, so that few programs are compiled."""
    return max(SHORT, 1 << int(steps).bit_length())


def _traced(values: np.ndarray, steps: int, dtype: Any) -> np.ndarray:
    """A number for every step; of a long run's constant the number alone."""
    if steps >= SHORT and values.strides == (0,):
        return dtype(values[0])
    table = np.empty(room(steps), dtype)
    table[: len(values)] = values
    table[len(values) :] = values[-1]
    return table


def at(table: Any, t: Any) -> Any:
    """The number of step t, or the one number of every step."""
    return table[t] if table.ndim else table


class _ByFormula:
    """A landscape as far as a compiled program can see it: its formula, not its knobs' values or its name."""

    def __init__(self, landscape: Any):
        self.landscape = landscape
        formula = getattr(landscape, "expression", None) or id(landscape)
        self.key = (formula, landscape.scale_invariant, tuple(sorted(landscape.knob_values)))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByFormula) and self.key == other.key


# ---------------------------------------------------------------------------------------------------------------------
# The step


class State(NamedTuple):
    x: Any
    y: Any
    frame: Any
    optimizer: Any


def initial_state(kernel: Kernel, traced: Mapping[str, Any], start: Any, frame: Any) -> State:
    """At a start (in the units of its frame), with the optimizer's buffers at zero or primed."""
    chain = rules.named(kernel.rule).transformation(0.0, 0.0, **_statics(kernel, traced, lambda value, length: value))
    x, y = start[0], start[1]
    optimizer = chain.init((x, y))
    if kernel.rule == "gd":
        # A buffer has length -1 and w has length 1, so the multiple of w₀ that it starts at has length -2.
        factor = _times_two_to(traced["buffer"], 2 * frame, x.dtype)
        optimizer = _map_state(optimizer, lambda name, leaf: leaf, trace=(x * factor, y * factor))
    return State(x, y, frame, optimizer)


def step(kernel: Kernel, traced: Mapping[str, Any], state: State, t: Any, start_index: Any) -> State:
    """w_t -> w_{t+1}: one gradient, one optax update, and a change of frame if the norm asks for it."""
    x, y, frame, optimizer = state
    rule = rules.named(kernel.rule)
    dtype = x.dtype

    def in_frame(value: Any, length: int) -> Any:
        return _times_two_to(value, -length * frame, dtype) if kernel.framed and length else value

    push = (0.0, 0.0)
    knobs = traced["knobs"]
    if kernel.random:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(traced["seed"]), start_index), t)
        draw = lambda i: jax.random.normal(jax.random.fold_in(key, i + 1), (), jnp.float64).astype(dtype)  # noqa: E731
        knobs = shaken(knobs, traced["knob_noise"], [draw(i) for i in range(len(kernel.shaken))])
    if kernel.batch:
        bits = jax.random.bits(jax.random.fold_in(key, 0), (kernel.formula.landscape.rows,), jnp.uint32)
        knobs = batches.drawn(kernel.formula.landscape, knobs, bits, kernel.batch)
    if kernel.noisy:
        push = in_frame(traced["noise"], -1) * jax.random.normal(key, (2,), jnp.float64).astype(dtype)
    shift = rule.length * frame if kernel.framed else 0
    rate_exponent, decay_exponent = at(traced["rate_exponent"], t) - shift, at(traced["decay_exponent"], t) + shift
    # Where η would vanish in the frame's units a gradient moves nothing, but ηλ must stay what it is: λ gives way.
    back = 0
    if kernel.steep:  # the step would outgrow the frame: it is made in a larger one
        back = jnp.maximum(0, rate_exponent - STEEPEST)
        rate_exponent = rate_exponent - back
    slack = jnp.where(_remembers_decay(kernel, traced), 0, jnp.maximum(0, SMALLEST[kernel.dtype] - rate_exponent))
    rate = _times_two_to(at(traced["rate"], t), rate_exponent + slack, dtype)
    decay = _times_two_to(at(traced["decay"], t), decay_exponent - slack, dtype)
    if kernel.fades:
        optimizer = _rescaled(optimizer, lambda length: at(traced["fading"], t) ** -length)
    chain = rule.transformation(rate, decay, **_statics(kernel, traced, in_frame))
    if not kernel.steep:
        x, y, optimizer = moved(kernel, chain, knobs, x, y, optimizer, push, in_frame(1.0, 1))
        state = State(x, y, frame, optimizer)
    else:
        shrink = _two_to(-back, dtype)
        one = _times_two_to(1.0, -frame - back, dtype)
        x, y, optimizer = moved(kernel, chain, knobs, x, y, optimizer, push, one, shrink)
        optimizer = _rescaled(optimizer, lambda length: _two_to(-length * back, dtype))
        if rule.coupled:  # without momentum nobody reads the buffer again, so it must not outgrow the larger frame
            kept = traced["own"]["momentum"] > 0
            optimizer = _map_state(optimizer, lambda name, leaf: jnp.where(kept, leaf, jnp.zeros_like(leaf)))
        state = State(x, y, frame + back, optimizer)
    return _reframed(state) if kernel.framed else state


def moved(
    kernel: Kernel,
    chain: Any,
    knobs: Mapping[str, Any],
    x: Any,
    y: Any,
    optimizer: Any,
    push: Any,
    unit: Any = 1.0,
    shrink: Any = None,
) -> tuple[Any, Any, Any]:
    """One gradient, with noise `push` on it, and one optax update: the step that every driver makes.

    `unit` is length 1. The update is in units 1/`shrink` times larger than the point's, where that is given.
    """
    landscape = kernel.formula.landscape
    local = landscape.slope(x, y, knobs, jnp) if kernel.framed else landscape.local(x, y, knobs, jnp, order=1)
    gradient = (local.gx + push[0], local.gy + push[1]) if kernel.noisy else (local.gx, local.gy)
    updates, optimizer = chain.update(gradient, optimizer, (x, y), value=local.loss)
    if shrink is not None:
        x, y = x * shrink, y * shrink
    x, y = x + updates[0], y + updates[1]
    after = rules.named(kernel.rule).after
    return (x, y, optimizer) if after is None else (*after((x, y), unit), optimizer)


def shaken(knobs: Mapping[str, Any], sizes: Mapping[str, Any], draws: Sequence[Any]) -> dict[str, Any]:
    """The knobs of one step: those with noise on them moved by so many standard deviations, in the order of their names."""
    return dict(knobs) | {name: knobs[name] + sizes[name] * draw for name, draw in zip(sorted(sizes), draws, strict=True)}


def _remembers_decay(kernel: Kernel, traced: Mapping[str, Any]) -> Any:
    """Whether decay joins the gradients in a momentum buffer, which keeps it in the units of its time."""
    if not rules.named(kernel.rule).coupled or dict(kernel.switches)["decoupled"]:
        return False
    return traced["own"]["momentum"] > 0


def _statics(kernel: Kernel, traced: Mapping[str, Any], in_frame: Any) -> dict[str, Any]:
    knobs = rules.named(kernel.rule).knobs
    own = {name: in_frame(value, knobs[name].length) for name, value in traced["own"].items()}
    clip = {"clip_norm": in_frame(traced["clip_norm"], rules.CLIP_NORM.length)} if kernel.clipped else {}
    return own | dict(kernel.switches) | clip


def _reframed(state: State) -> State:
    largest = jnp.maximum(jnp.abs(state.x), jnp.abs(state.y))
    inside = (largest >= 2.0**-FRAME_LIMIT) & (largest < 2.0**FRAME_LIMIT)
    return jax.lax.cond(inside, lambda state: state, _in_new_frame, state)  # rarely taken, and nothing waits for it


def _in_new_frame(state: State) -> State:
    largest = jnp.maximum(jnp.abs(state.x), jnp.abs(state.y))
    _, exponent = jnp.frexp(largest)
    outside = (jnp.abs(exponent) > FRAME_LIMIT) & jnp.isfinite(largest)
    shift = jnp.where(outside, exponent, 0).astype(state.frame.dtype)
    dtype = state.x.dtype
    return State(
        state.x * _two_to(-shift, dtype), state.y * _two_to(-shift, dtype), state.frame + shift,
        _rescaled(state.optimizer, lambda length: _two_to(-length * shift, dtype)),
    )  # fmt: skip


def _rescaled(optimizer: Any, factor: Callable[[int], Any]) -> Any:
    """Every buffer of an optax state multiplied by factor(its length)."""

    def rescale(name: str, leaf: Any) -> Any:
        length = rules.STATE_LENGTHS[name]
        return leaf * factor(length) if length else leaf

    return _map_state(optimizer, rescale)


def _map_state(optimizer: Any, change: Any, **replaced: Any) -> Any:
    """An optax state with `change(field name, leaf)` applied to every leaf, or the pair given for a named field."""
    leaves, tree = jax.tree_util.tree_flatten_with_path(optimizer)
    out = []
    for path, leaf in leaves:
        name = [key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)][-1]
        out.append(replaced[name][path[-1].idx] if name in replaced else change(name, leaf))
    return jax.tree_util.tree_unflatten(tree, out)


def _times_two_to(value: Any, exponent: Any, dtype: Any) -> Any:
    """value · 2^exponent; zero stays zero even where the power is infinite."""
    return jnp.where(value == 0, 0.0, value * _two_to(exponent, dtype)).astype(dtype)


def _two_to(exponent: Any, dtype: Any) -> Any:
    """2^exponent exactly, or 0 or infinity beyond the floats' range; built from bits."""
    bits, integer, bias, mantissa = (64, jnp.int64, 1023, 52) if dtype == np.float64 else (32, jnp.int32, 127, 23)
    biased = jnp.clip(jnp.asarray(exponent).astype(integer) + bias, 0, 2 * bias + 1)
    return jax.lax.bitcast_convert_type(biased << mantissa, jnp.float64 if bits == 64 else jnp.float32)


# ---------------------------------------------------------------------------------------------------------------------
# The driver that records a path


@lru_cache(maxsize=128)
def _recorded(kernel: Kernel, room: int) -> Any:
    """starts (P, 2) -> (P, 3, room) of x, y and frame."""
    return jax.jit(partial(_record, kernel, room))


def _record(kernel: Kernel, room: int, **traced: Any) -> Any:
    """One path after the other: so a path is the same to the last bit alone and beside others."""

    def entry(state: State) -> Any:
        return jnp.stack([state.x, state.y, state.frame.astype(state.x.dtype)])

    def path(p: Any, record: Any) -> Any:
        def body(t: Any, carry: Any) -> Any:
            state, record = carry
            state = step(kernel, traced, state, t, p)
            return state, record.at[p, :, t + 1].set(entry(state))  # one stacked record: two would be copied every step

        state = initial_state(kernel, traced, traced["starts"][p], traced["frames"][p])
        return jax.lax.fori_loop(0, traced["steps"], body, (state, record.at[p, :, 0].set(entry(state))))[1]

    count = traced["starts"].shape[0]
    return jax.lax.fori_loop(0, count, path, jnp.zeros((count, 3, room), traced["starts"].dtype))


@lru_cache(maxsize=64)
def _uneventful(formula: _ByFormula) -> Any:
    """Of each path whether all is finite and the last gradient and step are not zero: `make_path` need not look closer."""

    def one(record: Any, steps: Any, knobs: Any) -> Any:
        along = formula.landscape.slope(record[0], record[1], knobs, jnp)
        finite = jnp.isfinite(along.loss + along.gx + along.gy) & jnp.isfinite(record[0]) & jnp.isfinite(record[1])
        finite = finite | (jnp.arange(record.shape[1]) > steps)
        end = formula.landscape.local(record[0, steps], record[1, steps], knobs, jnp, order=1)
        moves = jnp.any(record[:, steps] != record[:, jnp.maximum(steps - 1, 0)])
        return jnp.all(finite) & ((end.gx != 0) | (end.gy != 0)) & moves

    return jax.jit(jax.vmap(one, in_axes=(0, None, None)))


@lru_cache(maxsize=64)
def _read(formula: _ByFormula) -> Any:
    """(P, 3, room) of x, y and frame -> (P, 4, room) of the loss, the gradient's x and y, and the sharpness."""

    def one(record: Any, knobs: Any) -> Any:
        local = formula.landscape.local(record[0], record[1], knobs, jnp)
        return jnp.stack([local.loss, local.gx, local.gy, sharpness(local, jnp)])

    return jax.jit(jax.vmap(one, in_axes=(0, None)))
