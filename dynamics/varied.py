"""Runs that differ in a few numbers: what may vary, and how a lane's values become its rates and its start."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dynamics import lanes, rules
from dynamics.schedules import Constant, Rates, schedule
from dynamics.simulate import Run
from landscapes import Landscape

START = ("x", "y", "norm", "angle", "start_scale")
MOST_FOLLOWED = 20_000
"""steps of a run whose length follows its decay"""
INTRINSIC = "intrinsic"
"""ηλ, the intrinsic learning rate: it varies by the weight decay, at whatever learning rate the lane has"""

Lanes = Callable[[np.ndarray], dict[str, np.ndarray]]


def can_vary(landscape: Landscape, run: Run) -> tuple[str, ...]:
    """The names of what may differ between runs."""
    own = rules.named(run.rule).knobs
    return ("learning_rate", "weight_decay", INTRINSIC, *own, "clip_norm", "noise", *START, *landscape.knob_values)


class Varied:
    """A run of which lanes vary what `names` say; everything else they share."""

    def __init__(
        self, landscape: Landscape, run: Run, names: Sequence[str], steps: int, start: tuple[float, float] | None = None,
        knobs: Mapping[str, float] | None = None, arithmetic: str = "float64", seed: int = 0,
        settle: float | None = None,
    ):  # fmt: skip
        """With `settle` each lane is followed for settle/(ηλ) steps, but at least `steps` and at most `MOST_FOLLOWED`."""
        self.steps, self.settle, self.motion = steps, settle, run
        check_names(landscape, run, tuple(names))
        self.names, self.start = tuple(names), tuple(map(float, start or landscape.start))
        brought = tuple("weight_decay" if n == INTRINSIC else n for n in names if n not in START)
        rates = {n: _constant(getattr(run, n)) for n in ("learning_rate", "weight_decay") if n not in brought}
        self.fixed = {n: value for n, value in rates.items() if value is not None}
        self.swarm = lanes.swarm(landscape, run, steps, (*brought, *self.fixed), knobs, arithmetic, seed)
        x, y = self.start
        self.swarm.shared.update(x=self.swarm.dtype(x), y=self.swarm.dtype(y))

    def rounded(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values as the lanes hold them; those that a start or a weight decay is made of are rounded later."""
        return values if name in (*START, INTRINSIC) else values.astype(self.swarm.dtype)

    def followed(self, rate: Any, decay: Any) -> np.ndarray:
        """Steps of runs at these rates: what decay takes to forget where they began, 1/(ηλ), so many times."""
        with np.errstate(divide="ignore"):
            wanted = self.settle / (np.asarray(rate, float) * decay)
        most = max(self.steps, MOST_FOLLOWED)
        return np.clip(np.where(np.isfinite(wanted), wanted, self.steps), self.steps, most).astype(np.int32)

    def lanes(self, numbers: np.ndarray, values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of lanes with these `numbers`, from rounded `values` in the order of `names`."""
        dtype, count = self.swarm.dtype, len(numbers)
        given = {n: np.full(count, v, dtype) for n, v in self.fixed.items()} | dict(zip(self.names, values, strict=True))
        if INTRINSIC in given:
            given["weight_decay"] = (given.pop(INTRINSIC) / given["learning_rate"].astype(float)).astype(dtype)
        if self.settle is not None:
            given["steps"] = self.followed(*(given.get(n, 0.0) for n in ("learning_rate", "weight_decay")))
        x, y = given.pop("x", self.start[0]), given.pop("y", self.start[1])
        norm, angle = given.pop("norm", np.hypot(x, y)), given.pop("angle", None)
        if angle is not None:
            x, y = norm * np.cos(angle), norm * np.sin(angle)
        elif "norm" in self.names:
            x, y = x / np.hypot(x, y) * norm, y / np.hypot(x, y) * norm
        scale = given.pop("start_scale", 1.0)
        x, y = x * scale, y * scale
        starts = {n: a.astype(dtype) for n, a in (("x", x), ("y", y)) if np.ndim(a)}
        return given | starts | {"index": numbers}

    def one_by_one(self, arrays: Mapping[str, np.ndarray], first: int = 0) -> tuple[int, Lanes]:
        """How many lanes `arrays` (N,) make, and what makes them; `first` is the number of the first, for its noise."""
        tables = [self.rounded(n, np.asarray(arrays[n], float)) for n in self.names]
        if not tables or any(t.ndim != 1 or len(t) != len(tables[0]) for t in tables):
            raise ValueError("What varies is given as arrays of one dimension and one length; at least one is needed.")
        last = np.uint32(max(len(tables[0]) - 1, 0))

        def made(numbers: np.ndarray) -> dict[str, np.ndarray]:
            return self.lanes(numbers + np.uint32(first), [t[np.minimum(numbers, last)] for t in tables])

        return len(tables[0]), made


def check_names(landscape: Landscape, run: Run, names: Sequence[str]) -> None:
    """`ValueError` in one sentence where these cannot vary together."""
    known = can_vary(landscape, run)
    for name in names:
        if name not in known:
            raise ValueError(f"An axis cannot be {name[:40]!r}; it is one of {', '.join(known)}.")
    if len(set(names)) < len(names):
        raise ValueError(f"Both axes are {names[0]}; choose two different ones.")
    if INTRINSIC in names and "weight_decay" in names:
        raise ValueError("The intrinsic learning rate ηλ sets the weight decay, so only one of the two can vary.")
    if INTRINSIC in names and "learning_rate" not in names and not (_constant(run.learning_rate) or 0) > 0:
        raise ValueError("The intrinsic learning rate ηλ can vary only beside a learning rate that is a constant above 0.")


def _constant(rate: Any) -> float | None:
    if isinstance(rate, Rates) or not isinstance(schedule(rate), Constant):
        return None
    return float(schedule(rate).value)
