"""Many runs at once: one pure step over lanes, in blocks that fit a core's cache, in chunks, over every device.

    lanes  ─ chunks ─►  progress, cancelling, bounded memory
           ─ shards ─►  the devices of a mesh (cores, GPUs, other machines)
           ─ blocks ─►  128 lanes whose whole time loop is one compiled function

A lane is one run: its start, its rates, whatever else varies, and its own stream of noise by its number. A lane's
result depends on nothing else, bit for bit, so it does not matter how the work was cut.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from dynamics import batches, noise, rules
from dynamics.cancel import Cancelled, check
from dynamics.schedules import Constant, schedule
from dynamics.simulate import DTYPES, Kernel, Run, moved, prepare, shaken
from landscapes import Landscape

BLOCK = 128
CHUNK_WORK = 1 << 26
MAX_CHUNK = 1 << 18

Arrays = Mapping[str, Any]


class State(NamedTuple):
    """Of every lane: position, the optimizer's buffers, and the noise to come."""

    x: Any
    y: Any
    optimizer: Any
    generator: Any


class Swarm(NamedTuple):
    """A run as many lanes see it: what is compiled in, and what they share."""

    kernel: Kernel
    varied: tuple[str, ...]
    tangential: bool
    shared: dict[str, Any]
    dtype: Any

    @property
    def program(self) -> tuple[Any, ...]:
        """What a compiled program depends on."""
        return (self.kernel, self.varied, self.tangential)


def swarm(
    landscape: Landscape, run: Run, steps: int, varied: tuple[str, ...], knobs: Mapping[str, float] | None = None,
    arithmetic: str = "float32", seed: int = 0, tangential: bool = False,
) -> Swarm:  # fmt: skip
    """`varied` names what lanes bring themselves beside x, y: rates, hyperparameters, clip_norm, noise or knobs."""
    if "clip_norm" in varied and run.clip_norm is None:
        run = run._replace(clip_norm=1.0)
    if "noise" in varied and not run.noise:
        run = run._replace(noise=1.0)
    _, traced, kernel = prepare(landscape, run, [landscape.start], steps, knobs, arithmetic, seed)
    if kernel.fades or np.any(traced["buffer"]):
        raise ValueError("A twin with faded or primed buffers is followed as a path, not over many lanes.")
    dtype = DTYPES[arithmetic]
    defaults = rules.named(run.rule).defaults
    own = {n: v for n, v in traced["own"].items() if n not in varied and v != dtype(defaults[n])}
    shared: dict[str, Any] = {"steps": np.int32(steps), "seed": traced["seed"], "own": own}
    shared |= {"knobs": {n: v for n, v in traced["knobs"].items() if n not in varied}}
    shared |= {n: traced[n] for n in ("clip_norm", "noise") if n not in varied} | {"knob_noise": traced["knob_noise"]}
    shared |= {n: _rate(getattr(run, n), steps, dtype) for n in ("learning_rate", "weight_decay") if n not in varied}
    return Swarm(kernel, tuple(sorted(varied)), tangential, shared, dtype)


def _rate(rate: Any, steps: int, dtype: Any) -> Any:
    """A constant rate as one number, any other as one a step (rounded up in length, so that few programs are compiled)."""
    if not isinstance(rate, tuple) and isinstance(schedule(rate), Constant):
        return dtype(schedule(rate)(0))
    values = (rate.value if isinstance(rate, tuple) else schedule(rate).rates(steps + 1).value).astype(dtype)
    return np.pad(values, (0, max(2048, 1 << int(steps).bit_length()) - len(values)), mode="edge")


# ---------------------------------------------------------------------------------------------------------------------
# The step over lanes


class Motion:
    """How lanes of a swarm begin and move; made inside a compiled program from what is shared and what the lanes bring."""

    def __init__(self, program: tuple[Any, ...], shared: Arrays, lane: Arrays):
        self.kernel, self.varied, self.tangential = program
        self.shared, self.lane = shared, lane
        rule = rules.named(self.kernel.rule)
        self.own = dict(shared["own"]) | {n: lane[n] for n in self.varied if n in rule.knobs} | dict(self.kernel.switches)
        self.own |= {"clip_norm": self.value("clip_norm")} if self.kernel.clipped else {}
        landscape_knobs = self.kernel.formula.landscape.knob_values
        self.knobs = dict(shared["knobs"]) | {n: lane[n] for n in self.varied if n in landscape_knobs}
        self.rule = rule

    def value(self, name: str) -> Any:
        return self.lane[name] if name in self.varied else self.shared[name]

    def rate(self, name: str, t: Any) -> Any:
        rate = self.value(name)
        return rate[t] if name not in self.varied and rate.ndim else rate

    @property
    def steps(self) -> Any:
        """How many steps are made: one number, or one a lane."""
        return self.lane.get("steps", self.shared["steps"])

    def begin(self) -> State:
        number = self.lane["index"]
        x, y = (self.lane[n] if n in self.lane else jnp.full(number.shape, self.shared[n]) for n in ("x", "y"))
        chain = self.rule.transformation(0.0, 0.0, bounded=True, **self.own)
        stream = noise.generator(self.shared["seed"], number) if self.kernel.random else ()
        return State(x, y, chain.init((x, y)), stream)

    def step(self, state: State, t: Any) -> State:
        """w_t -> w_{t+1} in every lane."""
        x, y, optimizer, stream = state
        push = (0.0, 0.0)
        if self.kernel.noisy:
            first, second, stream = noise.normals(stream)
            push = self.push(x, y, first.astype(x.dtype), second.astype(x.dtype))
        draws = []
        for _ in self.kernel.shaken:
            first, _, stream = noise.normals(stream)
            draws.append(first.astype(x.dtype))
        knobs = shaken(self.knobs, self.shared["knob_noise"], draws)
        if self.kernel.batch:
            bits = []
            for _ in range(self.kernel.formula.landscape.rows):
                word, stream = noise.draw(stream)
                bits.append(word)
            knobs = batches.drawn(self.kernel.formula.landscape, knobs, jnp.stack(bits), self.kernel.batch)
        eta, decay = self.rate("learning_rate", t), self.rate("weight_decay", t)
        chain = self.rule.transformation(eta, decay, bounded=True, **self.own)
        return State(*moved(self.kernel, chain, knobs, x, y, optimizer, push), stream)

    def push(self, x: Any, y: Any, first: Any, second: Any) -> tuple[Any, Any]:
        """σ ξ in both coordinates; or tangential, σ ξ / r along the circle, as the noise of a scale-invariant batch is."""
        if not self.tangential:
            return self.value("noise") * first, self.value("noise") * second
        size = self.value("noise") * first / (x * x + y * y)
        return -y * size, x * size

    def slope(self, state: State) -> Any:
        return self.kernel.formula.landscape.slope(state.x, state.y, self.knobs, jnp)

    def local(self, x: Any, y: Any, order: int = 1) -> Any:
        return self.kernel.formula.landscape.local(x, y, self.knobs, jnp, order)


# ---------------------------------------------------------------------------------------------------------------------
# The mesh


@lru_cache(maxsize=2)
def mesh(platform: str | None = None) -> Mesh:
    """Every device there is, of all processes; the CPU where no other device answers."""
    try:
        devices = jax.devices(platform)
    except RuntimeError:
        warnings.warn("No GPU answers, so the work is done on the CPU.", stacklevel=2)
        devices = jax.devices("cpu")
    return Mesh(np.array(devices), ("lanes",))


def sharded(per_block: Callable[[Any, Any], Any], over: Mesh) -> Callable[[Any, Any], Any]:
    """per_block(shared, lanes of one block) -> one array, over the blocks of every device; one row per block."""
    on_cpu = over.devices.flat[0].platform == "cpu"

    def shard(shared: Any, lanes: Any) -> Any:
        block = BLOCK if on_cpu else lanes["index"].shape[0]  # a GPU wants all its lanes at once
        blocks = jax.tree.map(lambda a: a.reshape(-1, block), lanes)
        return jax.lax.map(partial(per_block, shared), blocks)

    spec = PartitionSpec("lanes")
    return jax.jit(
        jax.shard_map(shard, mesh=over, in_specs=(PartitionSpec(), spec), out_specs=spec, check_vma=False)
    )  # fmt: skip


def chunk_size(total: int, steps: int, devices: int) -> int:
    """Lanes per chunk: a power of two of blocks for each device, small enough to stop within a second."""
    blocks = max(1, min(MAX_CHUNK, CHUNK_WORK // max(steps, 1), total) // (BLOCK * devices))
    whole = -(-total // (BLOCK * devices))
    return BLOCK * devices * min(1 << (blocks.bit_length() - 1), 1 << (whole - 1).bit_length())


class Work(NamedTuple):
    """What is to be done to lanes 0 ... total-1."""

    program: Callable[[Mesh], Callable[[Any, Any], Any]]
    shared: Arrays
    lanes: Callable[[np.ndarray], Arrays]
    """the lanes' arrays, for an array of lane numbers; numbers beyond the total are computed and never read"""
    total: int
    steps: int
    progress: Callable[[int, int], None] | None = None
    cancel: Callable[[], bool] | None = None
    chunk: int | None = None
    """lanes at a time, where one size is to serve totals of many sizes with one program"""

    def in_chunks(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """(first lane, one past the last, the program's rows), chunk by chunk; a GPU that fails hands over to the CPU."""
        over, reached = mesh(), 0
        try:
            for first, reached, rows in self._chunks(over, 0):
                yield first, reached, rows
        except jax.errors.JaxRuntimeError:
            if over.devices.flat[0].platform == "cpu":
                raise
            warnings.warn("The GPU is busy or out of memory, so the work goes on on the CPU.", stacklevel=2)
            yield from self._chunks(mesh("cpu"), reached)

    def _chunks(self, over: Mesh, begin: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """One chunk is computed while the one before it is read."""
        run, size = self.program(over), self.chunk or chunk_size(self.total, self.steps, over.size)
        waiting: tuple[int, Any] | None = None
        for first in [*range(begin, self.total, size), None]:
            check()
            if self.cancel is not None and self.cancel():
                raise Cancelled("The work was cancelled.")
            begun = None
            if first is not None:
                numbers = np.arange(first, first + size, dtype=np.uint32)
                with jax.enable_x64(True):
                    given = {name: _placed(np.asarray(a), over) for name, a in self.lanes(numbers).items()}
                    begun = first, run(self.shared, given)
            if waiting is not None:
                start, rows = waiting
                end = min(start + size, self.total)
                yield start, end, _read(rows)
                if self.progress is not None:
                    self.progress(end, self.total)
            waiting = begun


def _placed(values: np.ndarray, over: Mesh) -> Any:
    return jax.make_array_from_callback(values.shape, NamedSharding(over, PartitionSpec("lanes")), lambda part: values[part])


def _read(rows: Any) -> np.ndarray:
    if rows.is_fully_addressable:
        return np.asarray(rows)
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(rows, tiled=True))
