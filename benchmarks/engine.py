"""How fast it is, beside what people use instead: C on all cores, NumPy, PyTorch, optax, naive JAX, FuncAnimation.

    python benchmarks/engine.py [--json] [--quick]        (or: zoomout bench)

Everything runs in one go and in turn, round after round, so that the ratios of the medians mean something on a machine
that is busy with other things. A slow competitor gets less of the same work, and its time is scaled up. C is compiled
on the spot, where there is a compiler; naive JAX runs in a process of its own with JAX's stock settings.
"""

import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ETA, LAM, START, SIGMA = 0.1, 0.1, (-0.7, 0.7), 0.5
ETAS, LAMS = (0.01, 1.0), (0.001, 1.0)
SOURCE = Path(__file__).with_name("native.c")
FLAGS = ("-O3", "-ffast-math", "-march=native", "-fopenmp", "-fPIC", "-c")
LINK = ("-fopenmp", "-shared")
"""without -ffast-math: a library linked with it switches off subnormal numbers in the process that loads it"""
OURS, NATIVE = "zoomout", "C, all cores"


class Size(NamedTuple):
    path_steps: int
    map_side: int
    map_steps: int
    particles: int
    ensemble_steps: int
    film_seconds: float
    rounds: int


FULL, QUICK = Size(100_000, 1024, 1000, 102_400, 10_000, 9.0, 5), Size(100_000, 256, 500, 10_240, 1000, 2.0, 3)


class Entrant(NamedTuple):
    """Does `share` of the work at a call."""

    work: Callable[[], Any]
    share: float = 1.0


# ---------------------------------------------------------------------------------------------------------------------
# Hand-written C


def native() -> ctypes.CDLL | None:
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="zoomout-bench-") as folder:
        compiled, library = f"{folder}/native.o", f"{folder}/native.so"
        for step in ([*FLAGS, str(SOURCE), "-o", compiled], [*LINK, compiled, "-o", library, "-lm"]):
            if subprocess.run([compiler, *step], capture_output=True).returncode:
                return None
        return ctypes.CDLL(library)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


# ---------------------------------------------------------------------------------------------------------------------
# The same in NumPy: x²/(x²+y²) and five wells


def push_quotient(x: Any, y: Any) -> Any:
    """f'/r²."""
    s = x * x + y * y
    return -2 * x * y / (s * s)


def push_five_wells(x: Any, y: Any, xp: Any = np) -> Any:
    theta = xp.arctan2(y, x)
    slope = -xp.sin(2 * theta + 1) + 1.2 * xp.sin(3 * theta + 2.5) - 2 * xp.sin(5 * theta)
    return slope / (x * x + y * y)


PUSHES = {"quotient": push_quotient, "five_wells": push_five_wells}


def descend(push: Callable[..., Any], x: Any, y: Any, eta: Any, lam: Any, steps: int) -> tuple[Any, Any]:
    for _ in range(steps):
        k = eta * push(x, y)
        x, y = (1 - eta * lam) * x + y * k, (1 - eta * lam) * y - x * k
    return x, y


def numpy_path(steps: int) -> np.ndarray:
    record, w = np.empty((steps + 1, 2)), np.array(START)
    record[0] = w
    for t in range(steps):
        s = w @ w
        gradient = 2 * w[0] * w[1] / s**2 * np.array([w[1], -w[0]])
        w = (1 - ETA * LAM) * w - ETA * gradient
        record[t + 1] = w
    return record


def grid(side: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.geomspace(*ETAS, side).astype(dtype), np.geomspace(*LAMS, side).astype(dtype))


def numpy_map(name: str, side: int, steps: int, dtype: Any) -> Any:
    eta, lam = grid(side, dtype)
    return descend(PUSHES[name], np.full_like(eta, START[0]), np.full_like(eta, START[1]), eta, lam, steps)


def numpy_ensemble(particles: int, steps: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    x, y = (np.full(particles, c, np.float32) for c in START)
    for _ in range(steps):
        k = ETA * push_quotient(x, y)
        noise = np.float32(ETA * SIGMA) * rng.standard_normal((2, particles), np.float32)
        x, y = (1 - ETA * LAM) * x + y * k - noise[0], (1 - ETA * LAM) * y - x * k - noise[1]
    return np.histogram(np.arctan2(y, x), 256, (-np.pi, np.pi))[0]


# ---------------------------------------------------------------------------------------------------------------------
# Frameworks


def torch_entrants() -> dict[str, Callable[..., Any]]:
    try:
        import torch
    except ImportError:
        return {}

    def path(steps: int) -> Any:
        w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=ETA, weight_decay=LAM)
        for _ in range(steps):
            optimizer.zero_grad()
            (w[0] ** 2 / (w[0] ** 2 + w[1] ** 2)).backward()
            optimizer.step()

    def map_(name: str, side: int, steps: int, dtype: Any) -> Any:
        eta, lam = (torch.from_numpy(a) for a in grid(side, dtype))
        x, y = torch.full_like(eta, START[0]), torch.full_like(eta, START[1])
        push = PUSHES[name] if name == "quotient" else partial(push_five_wells, xp=torch)
        return descend(push, x, y, eta, lam, steps)

    return {"path": path, "map": map_}


def optax_path(steps: int) -> Callable[[], Any]:
    import jax
    import optax

    chain = optax.chain(optax.add_decayed_weights(LAM), optax.sgd(ETA))

    @jax.jit
    def step(w: Any, state: Any) -> Any:
        updates, state = chain.update(jax.grad(lambda w: w[0] ** 2 / (w[0] ** 2 + w[1] ** 2))(w), state, w)
        return optax.apply_updates(w, updates), state

    def loop() -> Any:
        w = jax.numpy.array(START)
        state = chain.init(w)
        for _ in range(steps):
            w, state = step(w, state)
        return w.block_until_ready()

    return loop


NAIVE = """
import sys, time
import jax, jax.numpy as jnp
name, side, steps, dtype = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
jax.config.update("jax_enable_x64", dtype == "float64")
def loss(w):
    if name == "quotient":
        return w[0]**2 / (w[0]**2 + w[1]**2)
    t = jnp.arctan2(w[1], w[0])
    return 0.8 + 0.5*jnp.cos(2*t + 1) - 0.4*jnp.cos(3*t + 2.5) + 0.4*jnp.cos(5*t)
def last(eta, lam):
    def step(w, _):
        return (1 - eta*lam)*w - eta*jax.grad(loss)(w), None
    return loss(jax.lax.scan(step, jnp.array([-0.7, 0.7]), None, steps)[0])
eta, lam = (a.ravel() for a in jnp.meshgrid(jnp.geomspace(0.01, 1, side), jnp.geomspace(0.001, 1, side)))
run = jax.jit(jax.vmap(last))
run(eta, lam).block_until_ready()
print("ready", flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    run(eta, lam).block_until_ready()
    print(time.perf_counter() - begun, flush=True)
"""


class Naive:
    """`vmap(lax.scan)` with `jax.grad` under stock settings, in a process that waits for its turn."""

    def __init__(self, name: str, side: int, steps: int, dtype: str):
        stock = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", NAIVE, name, str(side), str(steps), dtype], env=stock, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.process.stdout.readline()

    def __call__(self) -> float:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


# ---------------------------------------------------------------------------------------------------------------------
# The races


def path_race(size: Size, c: Any, torch: dict[str, Any]) -> dict[str, Entrant]:
    from dynamics import Run, simulate
    from landscapes import LANDSCAPES

    steps, out = size.path_steps, np.empty((size.path_steps + 1, 2))
    number = [ctypes.c_double(v) for v in (ETA, LAM, *START)]

    def recorded(*names: str) -> Any:
        path = simulate(LANDSCAPES["quotient"], Run("gd", ETA, LAM), [START], steps)[0]
        return [getattr(path, name) for name in names]

    race = {
        OURS: Entrant(lambda: recorded("x", "y")),
        "zoomout, loss, gradient and sharpness too": Entrant(
            lambda: recorded("x", "y", "loss", "gradient_norm", "sharpness")
        ),
        "NumPy loop": Entrant(lambda: numpy_path(1000), 1000 / steps),
        "optax, jitted step in a Python loop": Entrant(optax_path(300), 300 / steps),
    }
    race |= {"C, one core": Entrant(lambda: c.path_quotient(*number, steps, pointer(out)))} if c else {}
    return race | ({"PyTorch SGD loop": Entrant(lambda: torch["path"](100), 100 / steps)} if torch else {})


def map_race(size: Size, c: Any, torch: dict[str, Any], name: str, arithmetic: str) -> dict[str, Entrant]:
    from dynamics import Run
    from dynamics.atlas import Axis, atlas
    from landscapes import LANDSCAPES

    side, steps, dtype = size.map_side, size.map_steps, np.dtype(arithmetic).type
    x, y = Axis("learning_rate", *ETAS, log=True), Axis("weight_decay", *LAMS, log=True)
    out, etas, lams = (
        np.empty((side, side), dtype),
        np.geomspace(*ETAS, side).astype(dtype),
        np.geomspace(*LAMS, side).astype(dtype),
    )
    few, small, less = max(2, steps // 200), max(64, side // 4), max(10, steps // 10)
    race = {
        OURS: Entrant(
            lambda: atlas(LANDSCAPES[name], Run(), x, y, "final_loss", steps, side, start=START, arithmetic=arithmetic)
        ),
        "NumPy, vectorised": Entrant(lambda: numpy_map(name, side, few, dtype), few / steps),
        "naive JAX, vmap(scan) of jax.grad": Entrant(
            Naive(name, small, less, arithmetic), (small / side) ** 2 * less / steps
        ),
    }
    if c:
        kind = ctypes.c_float if arithmetic == "float32" else ctypes.c_double
        function = getattr(c, f"map_{name}_{arithmetic}")
        start = [kind(v) for v in START]
        race[NATIVE] = Entrant(lambda: function(pointer(etas), pointer(lams), *start, side, side, steps, pointer(out)))
    if torch:
        race["PyTorch, vectorised"] = Entrant(lambda: torch["map"](name, side, few, dtype), few / steps)
    return race


def ensemble_race(size: Size, c: Any, torch: dict[str, Any]) -> dict[str, Entrant]:
    from dynamics import Run
    from dynamics.ensemble import ensemble
    from landscapes import LANDSCAPES

    run, particles, steps = Run("gd", ETA, LAM, noise=SIGMA), size.particles, size.ensemble_steps
    race = {
        OURS: Entrant(lambda: ensemble(LANDSCAPES["quotient"], run, [START], particles, steps)),
        "NumPy, vectorised": Entrant(lambda: numpy_ensemble(particles, 20), 20 / steps),
    }
    if c:
        counts, number = np.zeros((101, 256), np.int64), [ctypes.c_float(v) for v in (ETA, LAM, SIGMA, *START)]
        race[NATIVE] = Entrant(lambda: c.ensemble_quotient(*number, 0, particles, steps, 100, 256, pointer(counts)))
    return race


def film_race(size: Size, c: Any, torch: dict[str, Any]) -> dict[str, Entrant]:
    from benchmarks import film

    seen = film.picture(film.simulate(film.THEATRE))
    moments = film.times(film.THEATRE.steps, film.FPS, size.film_seconds)
    few = moments[:: len(moments) // 30]

    def filmed(draw: Callable[[Path], Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="zoomout-bench-") as folder:
            draw(Path(folder) / "film.mp4")

    return {
        OURS: Entrant(lambda: filmed(lambda file: film.render(film.THEATRE, file, film.SIZE, film.FPS, size.film_seconds))),
        "matplotlib, FuncAnimation.save": Entrant(
            lambda: filmed(lambda file: film.plain_matplotlib(seen, few, file)), len(few) / len(moments)
        ),
    }


def seconds(race: dict[str, Entrant], rounds: int) -> dict[str, float]:
    """The median time of each entrant for the whole work."""
    times: dict[str, list[float]] = {name: [] for name in race}
    for entrant in race.values():
        entrant.work()
    for _ in range(rounds):
        for name, entrant in race.items():
            begun = time.perf_counter()
            told = entrant.work()
            spent = told if isinstance(entrant.work, Naive) else time.perf_counter() - begun
            times[name].append(spent / entrant.share)
    for entrant in race.values():
        if isinstance(entrant.work, Naive):
            entrant.work.close()
    return {name: statistics.median(spent) for name, spent in times.items()}


def races(size: Size) -> dict[str, Callable[..., dict[str, Entrant]]]:
    side, steps = size.map_side, size.map_steps
    maps = {
        f"map {side}² × {steps}, {name}, {arithmetic}": partial(map_race, name=name, arithmetic=arithmetic)
        for name in PUSHES
        for arithmetic in ("float32", "float64")
    }
    return {
        f"recorded path, {size.path_steps} steps, float64": path_race,
        **maps,
        f"ensemble {size.particles} × {size.ensemble_steps}, 100 histograms": ensemble_race,
        f"film of {size.film_seconds:g} s, two panels, 1280 × 720 at 30 a second, mp4": film_race,
    }


def table(results: dict[str, dict[str, float]]) -> str:
    """For every piece of work how long each took, and how many times as long as ours."""
    lines = []
    for work, times in results.items():
        lines += ["", work]
        for name, spent in sorted(times.items(), key=lambda item: item[1]):
            lines.append(f"  {name:<44}{_human(spent):>10}{spent / times[OURS]:>12.3g} ×")
    return "\n".join(lines[1:])


def _human(spent: float) -> str:
    return f"{spent * 1000:.3g} ms" if spent < 1 else f"{spent:.3g} s"


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait for work must not slow the next entrant
    import dynamics  # noqa: F401  (its settings, before anything else starts JAX)

    size, c, torch = QUICK if "--quick" in sys.argv else FULL, native(), torch_entrants()
    if c is None:
        print("There is no C compiler here, so hand-written C is left out.", file=sys.stderr)
    if not torch:
        print("PyTorch is not installed, so it is left out.", file=sys.stderr)
    results = {work: seconds(race(size, c, torch), size.rounds) for work, race in races(size).items()}
    if "--json" in sys.argv:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        print(json.dumps({"cores": cores, "seconds": results}))
    else:
        print(table(results))


if __name__ == "__main__":
    main()
