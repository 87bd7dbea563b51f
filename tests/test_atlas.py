"""A map of runs: every pixel is a run, whatever the cutting, and every statistic is its closed form."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from app.chart.colours import paint
from dynamics import Run, lanes, simulate
from dynamics.atlas import Axis, atlas, refined, value
from dynamics.ensemble import ensemble
from dynamics.horizon import trust
from dynamics.schedules import Step
from dynamics.statistics import CHAOS, PERIODIC, REGIMES, RESTS, STATISTICS, wells
from landscapes import LANDSCAPES, typed

FIVE, QUOTIENT, START = LANDSCAPES["five_wells"], LANDSCAPES["quotient"], (-0.7, 0.7)
ETA, LAM = Axis("learning_rate", 0.05, 1.0, log=True), Axis("weight_decay", 0.01, 0.8, log=True)
QUADRATIC = typed("0.5*h*x^2 + 0*y; h = 1 in [0.1, 10]")


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_pixel_is_its_run(statistic):
    made = atlas(FIVE, Run(), ETA, LAM, statistic, 200, (31, 17))
    for row, column in ((0, 0), (16, 30), (9, 21)):
        alone = value(FIVE, Run(), {"learning_rate": made.x[column], "weight_decay": made.y[row]}, statistic, 200)
        assert np.array_equal(np.float32(alone), made.values[row, column], equal_nan=True)


def test_a_noisy_pixel_is_its_run_by_its_number():
    made = atlas(FIVE, Run(noise=0.5), ETA, Axis("norm", 0.5, 2.0), "log_norm", 100, (9, 7), seed=3)
    at = {"learning_rate": made.x[4], "norm": made.y[5]}
    same = value(FIVE, Run(noise=0.5), at, "log_norm", 100, seed=3, lane=5 * 9 + 4)
    assert np.float32(same) == made.values[5, 4]
    assert np.float32(value(FIVE, Run(noise=0.5), at, "log_norm", 100, seed=3, lane=0)) != made.values[5, 4]


def test_a_map_agrees_with_recorded_paths(rule):
    """Two programs, one rule: until chaos the last loss of a pixel is the last loss of the path."""
    y = Axis("weight_decay", 0.01, 0.2)
    made = atlas(FIVE, Run(rule.name), Axis("learning_rate", 0.01, 0.05), y, "final_loss", 20, 3, arithmetic="float64")
    for row, column in np.ndindex(3, 3):
        path = simulate(FIVE, Run(rule.name, made.x[column], made.y[row]), [FIVE.start], 20)[0]
        assert made.values[row, column] == pytest.approx(path.loss[-1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["momentum", "a", "angle", "x", "y", "clip_norm"])
def test_an_axis_is_any_number_of_the_scene(name):
    landscape = typed("1 + sin(a*theta - 1)^2 + 0.1*(x^2 + y^2); a = 2 in [1, 3]")
    axis, other = Axis(name, 0.3, 0.8), Axis("learning_rate", 0.05, 0.2)
    made = atlas(landscape, Run(), axis, other, "final_loss", 30, (3, 2), arithmetic="float64")
    for row, column in np.ndindex(2, 3):
        v, (x, y) = made.x[column], landscape.start
        own = {"momentum": v} if name == "momentum" else {}
        norm = np.hypot(x, y)
        start = {"x": (v, y), "y": (x, v), "angle": (norm * np.cos(v), norm * np.sin(v))}.get(name, (x, y))
        run = Run("gd", made.y[row], 0.0, own, v if name == "clip_norm" else None)
        path = simulate(landscape, run, [start], 30, {"a": v} if name == "a" else None)[0]
        assert made.values[row, column] == pytest.approx(path.loss[-1], rel=1e-10)


def test_a_scheduled_rate_is_followed_step_by_step():
    run = Run("gd", Step(0.1, [5, 9], [0.3, 0.05]), 0.0)
    made = atlas(FIVE, run, Axis("weight_decay", 0.0, 0.3), Axis("norm", 0.5, 1.0), "log_norm", 15, 3, arithmetic="float64")
    path = simulate(FIVE, run._replace(weight_decay=0.3), [(-(0.5**0.5), 0.5**0.5)], 15)[0]
    assert made.values[2, 2] == pytest.approx(path.log_norm[-1], rel=1e-12)


def test_unknown_axes_and_statistics_are_refused_in_words():
    with pytest.raises(ValueError, match="cannot be 'b1'; it is one of learning_rate"):
        atlas(FIVE, Run(), Axis("b1", 0, 1), ETA)
    with pytest.raises(ValueError, match="no statistic called 'beauty'; there are final_loss"):
        atlas(FIVE, Run(), ETA, LAM, "beauty")
    with pytest.raises(ValueError, match="two different ones"):
        atlas(FIVE, Run(), ETA, ETA)


# Statistics against closed forms


def test_steps_to_converge_and_to_diverge_are_those_of_a_quadratic():
    """x_t = (1 - ηh)^t x_0."""
    x, y = Axis("learning_rate", 0.1, 3.9), Axis("h", 0.5, 1.0)
    common = {"steps": 400, "size": (40, 3), "start": (1.0, 0.5), "arithmetic": "float64"}
    slow = atlas(QUADRATIC, Run(), x, y, "steps_to_converge", level=1e-6, **common)
    fast = atlas(QUADRATIC, Run(), x, y, "steps_to_diverge", **common)
    for row, column in np.ndindex(slow.values.shape):
        h, factor = slow.y[row], abs(1 - slow.x[column] * slow.y[row])
        t = np.arange(401)
        size = np.minimum(np.exp(t * np.log(factor)), 1e100) if factor else (t == 0).astype(float)
        converged, gone = 0.5 * h * size**2 <= 1e-6, size > 1e6 * np.hypot(1.0, 0.5)
        assert _same_step(slow.values[row, column], converged) and _same_step(fast.values[row, column], gone)


def _same_step(found, holds):
    return np.isnan(found) if not holds.any() else abs(found - np.argmax(holds)) <= 0


def test_the_lyapunov_exponent_of_a_quadratic_is_the_logarithm_of_its_factor():
    made = atlas(
        typed("0.5*h*(x^2 + y^2); h = 1 in [0.1, 10]"), Run(), Axis("learning_rate", 0.1, 2.5), Axis("h", 0.5, 1.2),
        "lyapunov", 203, (7, 5), arithmetic="float64",
    )  # fmt: skip
    assert np.allclose(made.values, np.log(np.abs(1 - made.x * made.y[:, None])), atol=1e-12)


@pytest.mark.parametrize(
    "loss,run", [(FIVE, Run("gd", 0.3, 0.25)), (FIVE, Run("adam", 0.05, 0.1)), (QUOTIENT, Run("gd", 0.1, 0.2))]
)
def test_the_lyapunov_exponent_is_the_one_that_a_path_carries(loss, run):
    carried = trust(loss, run, [START], 60)[0].lyapunov[60]
    rates = {"learning_rate": run.learning_rate, "weight_decay": run.weight_decay}
    alone = value(loss, run, rates, "lyapunov", 60, start=START, arithmetic="float64")
    assert alone == pytest.approx(carried, rel=1e-4, abs=1e-6)


def test_sign_descent_ends_in_period_two_and_descent_at_rest():
    """Landing on both sides of the minimum for ever; and x_t = (1 - ηh)^t x_0."""
    axes = Axis("x", 0.81, 0.83), Axis("y", 0.45, 0.47)
    bowl = typed("x^2 + y^2 + 1")
    assert np.all(atlas(bowl, Run("sign", 0.1), *axes, "period", 200, 4).values == 2)
    assert np.all(atlas(bowl, Run("sign", 0.1), *axes, "regime", 200, 4).values == PERIODIC)
    assert np.all(atlas(typed("(x - 1)^2 + (y - 1)^2"), Run("gd", 0.1), *axes, "regime", 200, 4).values == RESTS)


def test_on_the_sphere_descent_converges_until_the_well_overshoots():
    """η f'' < 2 at the minimum that is met (003-11): at rest below, not above; far above, chaos."""
    made = atlas(FIVE, Run("sphere"), Axis("learning_rate", 0.05, 3.0), Axis("norm", 0.9, 1.1), "regime", 600, (60, 2))
    assert made.values[0, 0] == RESTS and CHAOS in made.values
    assert set(np.unique(made.values)) <= set(range(len(REGIMES)))


@pytest.mark.parametrize("steps", [300, 2000])
def test_islands_are_regular_however_few_steps_are_seen(steps):
    """Round the two-cycle of x²/(x²+y²) errors grow as a power of time: over few steps that is a large exponent."""
    made = atlas(
        QUOTIENT, Run("gd", 1.0, 0.2), Axis("x", 0.3, 0.37), Axis("y", 0.92, 0.97), "regime", steps, 24, arithmetic="float64"
    )
    assert CHAOS not in made.values
    assert value(QUOTIENT, Run("gd", 1.0, 0.2), {"x": 0.8, "y": 0.95}, "regime", steps, arithmetic="float64") == CHAOS


def test_every_well_is_its_own_basin():
    places = wells(FIVE)
    assert len(places) == 5
    for k, (x, y) in enumerate(places):
        assert value(FIVE, Run("gd", 0.01), {"x": x, "y": y}, "basin", 50) == k


def test_sharpness_settles_at_its_threshold_on_the_edge_of_stability():
    """002-9: where sharpness grows along the valley, descent ends in a two-cycle with sharpness 2/η."""
    bend = LANDSCAPES["progressive_sharpening"]
    x, y = Axis("learning_rate", 0.45, 0.53), Axis("c", 0.015, 0.02)
    made = atlas(bend, Run(), x, y, "sharpness_ratio", 20_000, 3, arithmetic="float64")
    assert np.all(np.abs(made.values - 1) < 0.01)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_moves_the_threshold_of_sharpness(nesterov):
    """(2 + 2γ)/η, and (2 + 2γ)/((1 + 2γ) η) for Nesterov's."""
    momentum, rate = Axis("momentum", 0.1, 0.9), Axis("learning_rate", 0.1, 0.4)
    run = Run("gd", 0.1, 0.0, {"nesterov": nesterov})
    made = atlas(QUADRATIC, run, momentum, rate, "sharpness_ratio", 5, 3, arithmetic="float64")
    factor = (2 + 2 * made.x) / (1 + 2 * made.x if nesterov else 1)
    assert np.allclose(made.values, made.y[:, None] / factor, rtol=1e-12)


# How work is cut


def test_progress_is_told_and_a_cancelled_map_stops_between_chunks(monkeypatch):
    monkeypatch.setattr(lanes, "CHUNK_WORK", 1 << 16)
    seen = []
    atlas(FIVE, Run(), ETA, LAM, steps=100, size=64, progress=lambda done, total: seen.append((done, total)))
    assert [total for _, total in seen] == [64 * 64] * len(seen) and len(seen) > 3
    assert seen == sorted(seen) and seen[-1] == (4096, 4096)
    with pytest.raises(lanes.Cancelled):
        atlas(FIVE, Run(), ETA, LAM, steps=100, size=64, cancel=lambda: True)


def test_the_chunks_of_a_map_do_not_change_it(monkeypatch):
    whole = atlas(FIVE, Run(), ETA, LAM, "lyapunov", 150, (100, 90))
    monkeypatch.setattr(lanes, "CHUNK_WORK", 1 << 15)
    assert np.array_equal(whole.values, atlas(FIVE, Run(), ETA, LAM, "lyapunov", 150, (100, 90)).values)


def test_a_chunk_is_bounded_in_lanes_and_in_work():
    for total, steps in ((8192**2, 500), (8192**2, 1), (64**2, 100_000), (1, 1)):
        size = lanes.chunk_size(total, steps, 2)
        assert size <= lanes.MAX_CHUNK and (size == 256 or size * steps <= lanes.CHUNK_WORK)


def test_cancelling_takes_less_than_a_second():
    asked = []

    def cancel():
        asked.append(time.perf_counter())
        return len(asked) > 3

    with pytest.raises(lanes.Cancelled):
        atlas(FIVE, Run(), ETA, LAM, "lyapunov", 2000, 2048, cancel=cancel)
    assert max(np.diff(asked[1:])) < 1.0  # the first chunk also compiles


def test_a_coarse_map_comes_first_and_the_last_is_the_map_itself():
    maps = list(refined(16, landscape=FIVE, run=Run(), x=ETA, y=LAM, steps=50, size=64))
    assert [m.values.shape for m in maps] == [(16, 16), (32, 32), (64, 64)]
    assert np.array_equal(maps[-1].values, atlas(FIVE, Run(), ETA, LAM, steps=50, size=64).values)


def test_a_map_fills_the_array_that_it_is_given(tmp_path):
    out = np.lib.format.open_memmap(tmp_path / "map.npy", "w+", np.float32, (32, 32))
    made = atlas(FIVE, Run(), ETA, LAM, steps=20, size=32, out=out)
    out.flush()
    assert np.array_equal(np.load(tmp_path / "map.npy"), atlas(FIVE, Run(), ETA, LAM, steps=20, size=32).values)
    assert np.shares_memory(made.values, out)


def test_without_a_gpu_that_answers_the_work_is_done_on_the_cpu_with_one_notice(monkeypatch):
    answer = jax.devices

    def devices(platform=None):
        if platform != "cpu":
            raise RuntimeError("no such platform")
        return answer("cpu")

    monkeypatch.setattr(jax, "devices", devices)
    lanes.mesh.cache_clear()
    with pytest.warns(UserWarning, match="done on the CPU") as told:
        made = [atlas(FIVE, Run(), ETA, LAM, steps=20, size=8).values for _ in range(2)]
    assert len(told) == 1 and np.array_equal(*made)
    lanes.mesh.cache_clear()


def test_a_gpu_that_fails_at_work_hands_it_to_the_cpu(monkeypatch):
    class Busy:
        devices, size = np.array([type("Gpu", (), {"platform": "gpu"})()]), 1

    right = lanes.mesh("cpu")
    usual = lanes.Work._chunks

    def chunks(work, over, begin):
        for k, found in enumerate(usual(work, right, begin)):
            if over is not right and k == 2:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED")
            yield found

    monkeypatch.setattr(lanes, "CHUNK_WORK", 1 << 14)
    whole = ensemble(FIVE, Run(noise=1.0), [START], 2000, 40, snapshots=2)
    monkeypatch.setattr(lanes.Work, "_chunks", chunks)
    monkeypatch.setattr(lanes, "mesh", lambda platform=None: right if platform == "cpu" else Busy())
    with pytest.warns(UserWarning, match="busy or out of memory"):
        made = ensemble(FIVE, Run(noise=1.0), [START], 2000, 40, snapshots=2)
    assert np.array_equal(made.counts, whole.counts) and np.array_equal(made.final, whole.final)


DIGEST = """
import hashlib, sys
import dynamics, jax
if len(sys.argv) > 1:
    jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
from dynamics import Run
from dynamics.atlas import Axis, atlas
from dynamics.ensemble import ensemble
from dynamics.orbits import orbits
from landscapes import LANDSCAPES
five = LANDSCAPES["five_wells"]
made = atlas(five, Run(), Axis("learning_rate", 0.05, 1, True), Axis("weight_decay", 0.01, 0.8, True), "lyapunov", 300, 96)
many = ensemble(five, Run("gd", 0.1, 0.1, noise=1.0), [(-0.7, 0.7)], 3000, 200, snapshots=4)
last = orbits(five, Run("gd", 0.3), {"weight_decay": made.y}, 300, 50, ("angle", "log_norm"))
told = hashlib.sha256()
for part in (made.values, last, many.counts, many.mean_log_norm, many.mean_square_turn, many.final):
    told.update(part.tobytes())
print("digest", len(jax.devices()), told.hexdigest())
"""


def _started(devices, *arguments):
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(devices), "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("XLA_FLAGS", None)
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _digest(devices, *arguments):
    return _started(devices, "-c", DIGEST, *arguments)


def _address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def _told(process):
    out, err = process.communicate(timeout=120)
    lines = [line.split()[1:] for line in out.splitlines() if line.startswith("digest")]
    assert lines, err[-2000:]
    return int(lines[0][0]), lines[0][1]


def test_one_device_two_devices_and_two_processes_give_the_same_bits():
    address = _address()
    alone, pair = _told(_digest(1)), _told(_digest(2))
    told = [_told(p) for p in [_digest(1, address, "0"), _digest(1, address, "1")]]
    assert [devices for devices, _ in (alone, pair, *told)] == [1, 2, 2, 2]
    assert len({digest for _, digest in (alone, pair, *told)}) == 1


def test_two_commands_share_a_map_and_the_first_writes_what_one_alone_writes(tmp_path):
    scene = tmp_path / "scene.toml"
    scene.write_text('version = 1\nlandscape = "five_wells"\nsteps = 200\n[[runs]]\nweight_decay = 0.25\n')
    sides = ("--x", "runs.0.learning_rate:log:0.01:1", "--y", "runs.0.weight_decay:log:0.001:1", "--size", "70x90")
    command = ("-m", "app", "atlas", scene, *sides, "--out")
    shared = (tmp_path / "shared.npz", "--coordinator", _address(), "--processes", 2, "--process")
    started = [_started(2, *command, tmp_path / "alone.npz"), *(_started(1, *command, *shared, k) for k in (0, 1))]
    for process in started:
        assert (process.communicate(timeout=120), process.returncode)[1] == 0
    with np.load(tmp_path / "alone.npz") as alone, np.load(tmp_path / "shared.npz") as both:
        assert np.isfinite(alone["values"]).any() and np.array_equal(alone["values"], both["values"], equal_nan=True)


@pytest.mark.parametrize(
    "options",
    [("--processes", "2"), ("--coordinator", "a:1"), ("--process", "1"), ("--coordinator", "a", "--processes", "2")],
)
def test_a_map_is_shared_with_all_three_options_or_none(tmp_path, options):
    scene = tmp_path / "scene.toml"
    scene.write_text('version = 1\nlandscape = "five_wells"\n[[runs]]\n')
    sides = ("--x", "runs.0.learning_rate:log:0.01:1", "--y", "runs.0.weight_decay:log:0.001:1")
    refused = _started(1, "-m", "app", "atlas", scene, *sides, "--out", tmp_path / "map.npz", *options)
    told = refused.communicate(timeout=60)[1]
    assert refused.returncode == 2 and "HOST:PORT" in told and len(told.splitlines()) == 1


# The command


def _command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "app", "atlas", *arguments], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )


@pytest.fixture
def scene_file(tmp_path):
    file = tmp_path / "scene.json"
    run = {"label": "decay", "rule": "gd", "learning_rate": 0.3, "weight_decay": 0.25}
    file.write_text(
        json.dumps({"version": 1, "landscape": "five_wells", "steps": 100, "arithmetic": "float32", "runs": [run]})
    )
    return file


X, Y = "runs.0.learning_rate:log:0.05:1", "runs.0.weight_decay:log:0.01:0.8"


def test_the_command_writes_the_numbers_of_the_map(scene_file, tmp_path):
    out = tmp_path / "map.npz"
    done = _command(str(scene_file), "--x", X, "--y", Y, "--statistic", "regime", "--size", "40x30", "--out", str(out))
    assert done.returncode == 0, done.stderr
    with np.load(out) as file:
        assert np.array_equal(file["values"], atlas(FIVE, Run(), ETA, LAM, "regime", 100, (40, 30)).values)
        assert list(file["words"]) == list(REGIMES) and str(file["x_name"]) == "learning_rate"


def test_the_command_maps_over_the_intrinsic_rate(scene_file, tmp_path):
    from app.command import atlas as atlas_command
    from app.scene import load

    work = atlas_command.plan(
        load(str(scene_file)), X, "runs.0.intrinsic:log:0.01:0.9", "lyapunov", "8", tmp_path / "map.npz"
    )
    made = atlas(FIVE, Run(), ETA, Axis("intrinsic", 0.01, 0.9, log=True), "lyapunov", 100, 8)
    assert np.array_equal(atlas_command.compute(work).values, made.values)


@pytest.mark.parametrize("statistic", ["lyapunov", "regime", "final_loss"])
def test_a_picture_has_a_pixel_for_every_run(scene_file, tmp_path, statistic):
    from matplotlib.image import imread

    from app.command import atlas as atlas_command
    from app.scene import load

    out = tmp_path / "map.png"
    work = atlas_command.plan(load(str(scene_file)), X, Y, statistic, "40x300", out)
    made = atlas_command.compute(work)
    atlas_command.write(made, work, out, bare=True)
    picture = imread(out)
    atlas_command.write(made, work, tmp_path / "axes.png")
    wider = imread(tmp_path / "axes.png")
    assert wider.shape[0] > 600 + 80 and wider.shape[1] > 80 + 80  # twice the pixels, and room for axes and a key
    assert picture.shape == (300, 40, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 1
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


@pytest.mark.parametrize(
    "change,words",
    [
        ({"--size": "9000"}, "at most 8192 pixels"),
        ({"--size": "8192"}, "at most 2e\\+11 steps"),
        ({"--x": "runs.0.b1:0:1"}, "it is one of learning_rate"),
        ({"--x": "runs.3.learning_rate:0.1:1", "--y": "runs.3.weight_decay:0:1"}, "There is no run 3"),
        ({"--x": "runs.0.learning_rate:log:0:1"}, "low end above 0"),
        ({"--x": "learning rate"}, "An axis is written as"),
        ({"--x": "runs.0.intrinsic:log:0.01:1"}, "only one of the two can vary"),
        ({"--y": "runs.0.intrinsic:-1:1"}, "intrinsic is never negative"),
        ({"--out": "map.pdf"}, "one of .png, .npz, .html"),
        ({"--statistic": "beauty"}, "There is no statistic"),
    ],
)
def test_what_cannot_be_mapped_is_refused_before_any_work(scene_file, tmp_path, change, words):
    from app.command import atlas as atlas_command
    from app.scene import SceneError, load

    options = {"--x": X, "--y": Y, "--statistic": "final_loss", "--size": "64", "--out": "map.png"} | change
    scene = load(str(scene_file))
    if "steps" in words:
        import msgspec

        scene = msgspec.structs.replace(scene, steps=4000)
    begun = time.perf_counter()
    with pytest.raises(SceneError, match=words):
        atlas_command.plan(
            scene, *(options[k] for k in ("--x", "--y", "--statistic", "--size")), tmp_path / options["--out"]
        )
    assert time.perf_counter() - begun < 0.5


# Maps whose runs are as long as their decay needs


SETTLING = Axis("learning_rate", 0.02, 2.0, log=True), Axis("weight_decay", 0.003, 0.9, log=True)


def test_a_run_of_a_settling_map_is_the_run_of_its_own_length():
    """settle/(ηλ) steps, at least the map's: each pixel is what the same run alone comes to after so many."""
    for statistic in ("final_loss", "lyapunov", "regime", "period"):
        made = atlas(FIVE, Run(), *SETTLING, statistic, 50, 8, arithmetic="float64", settle=3.0)
        for row, column in ((0, 0), (0, 7), (3, 4), (7, 7), (5, 1)):
            rate, decay = float(made.x[column]), float(made.y[row])
            steps = int(np.clip(3.0 / (rate * decay), 50, 20_000))
            at = {"learning_rate": rate, "weight_decay": decay}
            alone = value(FIVE, Run("gd", rate, decay), at, statistic, steps, arithmetic="float64")
            assert made.values[row, column] == pytest.approx(alone, rel=1e-6, abs=1e-9, nan_ok=True), (statistic, at)


def test_a_run_whose_norm_still_drifts_has_not_settled():
    """Below ηλ·T = 1 decay has not had the time to bring the norm to where it will be."""
    rate, decay = Axis("learning_rate", 0.02, 0.05), Axis("weight_decay", 0.01, 0.02)
    early = atlas(FIVE, Run(), rate, decay, "regime", 300, 6, arithmetic="float64").values
    assert np.all(early == REGIMES.index("not settled yet"))
    late = atlas(FIVE, Run(), rate, decay, "regime", 300, 6, arithmetic="float64", settle=60).values
    assert np.mean(late == REGIMES.index("not settled yet")) < 0.1
    resting = atlas(FIVE, Run(), rate, Axis("norm", 1.0, 2.0), "regime", 30_000, 3, arithmetic="float64")
    assert np.all(resting.values == RESTS)


def test_noise_of_rounding_is_no_structure_and_a_key_tells_its_ticks_apart():
    noise = 0.285 + 1e-9 * np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    values = noise.astype(np.float32)
    values[:8] = np.linspace(0.03, 2, 64)
    made = paint(values, STATISTICS["final_loss"])
    assert len(np.unique(made.levels(values)[8:])) == 1 and len(np.unique(made.levels(values)[:8])) > 4
    words = [word for _, word in made.key("").ticks]
    assert len(set(words)) == len(words)


def test_a_map_beyond_what_floats_tell_apart_says_so():
    from app.chart.atlas import sheet
    from app.scene import Atlas as Chart
    from app.scene import Run as SceneRun
    from app.scene import Scene

    narrow = Chart(x="start.x:1:1.000000000000001", y="start.y:1:2")
    scene = Scene(landscape="beale", steps=3, arithmetic="float64", runs=(SceneRun(learning_rate=0.001),), chart=narrow)
    axes = Axis("x", 1.0, 1.000000000000001), Axis("y", 1.0, 2.0)
    made = atlas(LANDSCAPES["beale"], Run("gd", 0.001), *axes, "final_loss", 3, 64, arithmetic="float64")
    assert re.search(r"float64 tells only \d of 64 columns apart", sheet(scene, 0, made).caption)
