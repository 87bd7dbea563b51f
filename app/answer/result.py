"""A scene, carried out: the paths of every run, and how they leave as data."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path as File
from typing import Any, NamedTuple

import numpy as np

from app.machine.files import whole_file
from app.machine.recent import Recent
from app.scene import Run, Scene, SceneError, Start, to_data
from app.scene.checks import recorded
from dynamics import Path, cancel, precise, rules
from dynamics import Run as Motion
from dynamics import simulate as run_paths
from dynamics.flow import NoFlow, departure, flow
from dynamics.horizon import trust
from dynamics.images import moved
from dynamics.preconditioner import preconditioned_sharpness, stretches
from dynamics.sharpness import threshold
from dynamics.simulate import ENGINE
from dynamics.twins import NoTwin, Twin, derived, gap, twin
from landscapes import Landscape

SERIES = (
    "x", "y", "loss", "norm", "log_norm", "angle", "gradient_norm", "learning_rate", "effective_learning_rate", "sharpness",
)  # fmt: skip


class RunResult(NamedTuple):
    label: str
    run: Run
    motion: Motion
    paths: tuple[Path, ...]
    partner: int | None = None
    """which run it is the twin, the ghost, the flow or the image of"""
    log_projection: np.ndarray | None = None
    """of a twin"""
    gaps: tuple[np.ndarray, ...] = ()
    """of a twin, a flow and an image: the relative distance to the partner, over t"""
    theorem: str = ""


class Result(NamedTuple):
    scene: Scene
    runs: tuple[RunResult, ...]


KEPT = Recent(400_000_000)
"""bytes of results that are kept"""
POINT = 80
"""bytes that a recorded point takes in a result, readings included"""


def simulate(scene: Scene, horizon: bool = True, engine: str = ENGINE) -> Result:
    """Every run from every start. The same scene gives the same numbers.

    Without `horizon` float paths carry no horizon of trust and no Lyapunov exponent, and come a little sooner. `engine`
    makes the float paths (see `dynamics.simulate`).
    """
    return KEPT.get((scene, horizon, engine), lambda: _carried_out(scene, horizon, engine), POINT * recorded(scene))


def _carried_out(scene: Scene, horizon: bool, engine: str) -> Result:
    done: dict[int, RunResult] = {}
    for i in sorted(range(len(scene.runs)), key=lambda i: len(scene.runs[i].named)):
        cancel.check()
        run, label = scene.runs[i], scene.labels[i]
        done[i] = RunResult(label, run, run.motion, ())
        if not run.named:
            done[i] = done[i]._replace(paths=_paths(scene, done[i].motion, horizon, engine, scene.points))
        for kind, name in run.named.items():
            j = scene.labels.index(name)
            done[i] = done[i]._replace(partner=j, **_OF[kind](scene, run, done[j], horizon, engine))
    return Result(scene, tuple(done[i] for i in range(len(scene.runs))))


def _twin(scene: Scene, run: Run, partner: RunResult, horizon: bool, engine: str) -> dict[str, Any]:
    made = twin_of(scene, run)
    if scene.arithmetic == "shared":
        paths = tuple(derived(path, made) for path in partner.paths)
    else:
        paths = _paths(scene, made.run, horizon, engine, scene.points)
    gaps = tuple(gap(a, b, made.log_projection) for a, b in zip(partner.paths, paths, strict=True))
    return dict(motion=made.run, paths=paths, gaps=gaps, log_projection=made.log_projection, theorem=made.theorem)


def _ghost(scene: Scene, run: Run, partner: RunResult, horizon: bool, engine: str) -> dict[str, Any]:
    starts = tuple(_one_ulp_away(start, scene.arithmetic) for start in scene.points)
    return dict(motion=partner.motion, paths=_paths(scene, partner.motion, horizon, engine, starts))


def _flow(scene: Scene, run: Run, partner: RunResult, horizon: bool, engine: str) -> dict[str, Any]:
    try:
        paths = tuple(flow(scene.field, partner.motion, scene.points, scene.steps, scene.knobs))
    except NoFlow as reason:
        raise SceneError("no_flow", str(reason)) from None
    gaps = tuple(departure(a, b) for a, b in zip(paths, partner.paths, strict=True))
    return dict(motion=partner.motion, paths=paths, gaps=gaps)


def _image(scene: Scene, run: Run, partner: RunResult, horizon: bool, engine: str) -> dict[str, Any]:
    units, knobs = run.units, scene.field.knob_values | scene.knobs
    starts = tuple(map(units.inside, scene.points))
    inside = _paths(scene, partner.motion, horizon, engine, starts, units.of(scene.field))
    paths = tuple(
        units.back(path, start, scene.field, knobs) for path, start in zip(inside, scene.points, strict=True)
    )  # fmt: skip
    gaps = tuple(departure(a, b) for a, b in zip(partner.paths, paths, strict=True))
    return dict(motion=partner.motion, paths=paths, gaps=gaps)


_OF = {"twin_of": _twin, "ghost_of": _ghost, "flow_of": _flow, "image_of": _image}


def twin_of(scene: Scene, run: Run) -> Twin:
    """What the theorem makes of the partner that `run.twin_of` names, or `SceneError` with the reason why nothing."""
    try:
        return twin(scene.field, scene.runs[scene.labels.index(run.twin_of)].motion, scene.steps)
    except NoTwin as reason:
        raise SceneError("no_twin", f"{run.twin_of!r} has no twin. {reason}") from None


def _one_ulp_away(start: Start, arithmetic: str) -> Start:
    kind = np.float32 if arithmetic == "float32" else np.float64
    return float(np.nextafter(kind(start[0]), kind(np.inf))), start[1]


def _paths(
    scene: Scene, motion: Motion, horizon: bool, engine: str, starts: tuple[Start, ...], field: Landscape | None = None
) -> tuple[Path, ...]:
    """The paths of a motion on the scene's loss, or on another `field` with its knobs."""
    field = field or scene.field
    floats = "float64" if scene.arithmetic == "shared" else scene.arithmetic
    if scene.arithmetic == "certified":
        try:
            return tuple(precise.simulate(field, motion, starts, scene.steps, scene.knobs))
        except precise.Uncertified as reason:
            raise SceneError("uncertified", str(reason)) from None
    paths = run_paths(field, motion, starts, scene.steps, scene.knobs, floats, scene.seed, engine)
    trusted = trust(field, motion, starts, scene.steps, scene.knobs, scene.seed) if horizon else None
    if trusted is None:
        return tuple(paths)
    return tuple(
        replace(
            path,
            horizon=None if path.status == "diverged" else each.horizon(floats),
            lyapunov=each.lyapunov,
            area_growth=each.area_growth,
        )
        for path, each in zip(paths, trusted, strict=True)
    )


def verdict(result: Result, run: RunResult) -> tuple[bool, float | None]:
    """Of an image, whether it moved and how far at most, relative to the norm; None where that is beyond all floats."""
    assert run.partner is not None
    floats = "float32" if result.scene.arithmetic == "float32" else "float64"
    away, largest = moved(run.gaps, result.runs[run.partner].paths, run.paths, floats)
    return away, largest if np.isfinite(largest) else None


def rule_of(result: RunResult) -> rules.Rule:
    return rules.named(result.motion.rule)


# ---------------------------------------------------------------------------------------------------------------------
# As data


def to_data_of(result: Result, every: int = 1) -> dict[str, Any]:
    """The JSON of `zoomout run`: arrays over t, thinned to every n-th step; null where a float cannot hold a number."""
    steps = np.arange(0, result.scene.steps + 1, every)
    runs = []
    for run in result.runs:
        paths = [_path_data(path, steps) | _edge(result.scene, run, path, steps) for path in run.paths]
        for path, separation in zip(paths, run.gaps, strict=False):
            path["gap"] = _list(separation[steps])
        entry: dict[str, Any] = {"label": run.label, "rule": run.motion.rule, "paths": paths}
        entry |= run.run.named
        if run.run.image_of is not None:
            entry |= dict(zip(("moved", "largest_difference"), verdict(result, run), strict=True))
        if run.log_projection is not None:
            entry |= {"log_projection": _list(run.log_projection[steps])}
        runs.append(entry)
    data: dict[str, Any] = {"version": 1, "scene": to_data(result.scene), "runs": runs}
    return data if every == 1 else data | {"t": steps.tolist()}


def _path_data(path: Path, steps: np.ndarray) -> dict[str, Any]:
    series = {name: _list(getattr(path, name)[steps]) for name in SERIES}
    proof = {} if path.radius is None else {"radius": _list(path.radius[steps]), "bits": path.bits}
    return {
        "start": list(path.start), "status": path.status, "stopped_at": path.stopped_at, **series, "horizon": path.horizon,
        "digest": path.digest, **proof,
    }  # fmt: skip


def _edge(scene: Scene, run: RunResult, path: Path, steps: np.ndarray) -> dict[str, Any]:
    """What the curvature is compared with and, where the rule has a preconditioner, the curvature that it meets."""
    known = {"threshold": threshold(scene.field, run.motion, path)}
    if stretches(run.motion.rule):
        known["preconditioned_sharpness"] = preconditioned_sharpness(scene.field, run.motion, path, scene.knobs)
    return {name: None if values is None else _list(values[steps]) for name, values in known.items()}


def _list(values: np.ndarray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def write(result: Result, file: File, every: int = 1) -> None:
    """The numbers as .json, .npz or .csv; the file appears at its name only when whole."""
    content = writer(file)(result, every)
    with whole_file(file) as partial:
        partial.write_bytes(content)


def writer(file: File) -> Callable[[Result, int], bytes]:
    """What makes the content of a file with this ending."""
    if file.suffix.lower() not in WRITERS:
        endings = ", ".join(WRITERS)
        raise SceneError("format", f"The ending of a file of numbers is one of {endings}; {file.suffix or 'none'!r} is not.")
    return WRITERS[file.suffix.lower()]


def _json(result: Result, every: int) -> bytes:
    return json.dumps(to_data_of(result, every), allow_nan=False).encode()


def _npz(result: Result, every: int) -> bytes:
    steps = np.arange(0, result.scene.steps + 1, every)
    arrays: dict[str, Any] = {"t": steps, "scene": np.array(json.dumps(to_data(result.scene)))}
    for i, run in enumerate(result.runs):
        for name in SERIES:
            arrays[f"run{i}_{name}"] = np.stack([getattr(path, name)[steps] for path in run.paths])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _csv(result: Result, every: int) -> bytes:
    steps = np.arange(0, result.scene.steps + 1, every)
    buffer = io.StringIO()
    rows = csv.writer(buffer)
    rows.writerow(["run", "path", "t", *SERIES])
    for run in result.runs:
        for p, path in enumerate(run.paths):
            columns = [getattr(path, name)[steps].tolist() for name in SERIES]
            rows.writerows([run.label, p, t, *row] for t, *row in zip(steps.tolist(), *columns, strict=True))
    return buffer.getvalue().encode()


WRITERS: dict[str, Callable[[Result, int], bytes]] = {".json": _json, ".npz": _npz, ".csv": _csv}
