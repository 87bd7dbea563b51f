"""The benchmarks compare like with like, and the traps that cost fifty times stay closed."""

import importlib.util
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dynamics import Run, simulate
from dynamics.atlas import Axis, atlas
from dynamics.ensemble import distance, distance_floor, ensemble
from landscapes import LANDSCAPES

ROOT = Path(__file__).parents[1]
QUOTIENT = LANDSCAPES["quotient"]
TINY = (2000, 64, 10, 1280, 100, 1.0, 1)


@pytest.fixture(scope="module")
def engine():
    spec = importlib.util.spec_from_file_location("engine", ROOT / "benchmarks" / "engine.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def native(engine):
    if not any(map(shutil.which, ("gcc", "clang", "cc"))):
        pytest.skip("there is no C compiler here")
    return engine.native()


@pytest.mark.parametrize("name", ["quotient", "five_wells"])
@pytest.mark.parametrize("arithmetic,tolerance", [("float32", 1e-3), ("float64", 1e-10)])
def test_c_and_the_engine_draw_the_same_map(engine, native, name, arithmetic, tolerance):
    size = engine.Size(*TINY)
    race = engine.map_race(size, native, {}, name, arithmetic)
    race.pop("naive JAX, vmap(scan) of jax.grad").work.close()
    ours = race[engine.OURS].work().values
    out = race[engine.NATIVE].work
    out()
    theirs = next(c.cell_contents for c in out.__closure__ if getattr(c.cell_contents, "shape", None) == (64, 64))
    assert np.nanmedian(np.abs(ours - theirs)) < 1e-2 * tolerance
    assert (
        np.mean(np.abs(ours - theirs) < tolerance) > 0.97
    )  # some of these runs are chaotic, and at ηλ = 1 some land on the origin


def test_numpy_and_the_engine_draw_the_same_map(engine):
    axes = Axis("learning_rate", *engine.ETAS, log=True), Axis("weight_decay", *engine.LAMS, log=True)
    for name in engine.PUSHES:
        x, y = engine.numpy_map(name, 32, 12, np.float64)
        made = atlas(LANDSCAPES[name], Run(), *axes, "final_loss", 12, 32, start=engine.START, arithmetic="float64")
        assert np.allclose(LANDSCAPES[name].loss(x, y), made.values, rtol=1e-7, atol=1e-9)


def test_c_numpy_and_the_engine_walk_the_same_path(engine, native):
    race = engine.path_race(engine.Size(*TINY), native, {})
    path = simulate(QUOTIENT, Run("gd", engine.ETA, engine.LAM), [engine.START], 100)[0]
    looped = engine.numpy_path(100)
    race["C, one core"].work()
    cells = [c.cell_contents for c in race["C, one core"].work.__closure__]
    theirs = next(c for c in cells if getattr(c, "shape", None) == (2001, 2))
    for record in (looped, theirs[:101]):
        assert np.allclose(record, np.stack([path.x, path.y], axis=1), atol=1e-11)


def test_c_and_the_engine_scatter_particles_by_one_law(engine, native):
    race = engine.ensemble_race(engine.Size(*TINY), native, {})
    race[engine.NATIVE].work()
    counts = next(
        c.cell_contents
        for c in race[engine.NATIVE].work.__closure__
        if getattr(c.cell_contents, "shape", None) == (101, 256)
    )
    ours = race[engine.OURS].work().counts
    assert np.all(counts.sum(axis=1) == 1280) and np.all(ours.sum(axis=1) == 1280)
    law = ensemble(QUOTIENT, Run("gd", engine.ETA, engine.LAM, noise=engine.SIGMA), [engine.START], 50_000, 100).counts[-1]
    floor = distance_floor(law, 1280, 1280)
    assert distance(counts[-1], ours[-1]) < 1.3 * floor


def test_matplotlib_draws_an_even_share_of_the_frames_that_the_film_has(engine, monkeypatch):
    from benchmarks import film

    drawn = []
    monkeypatch.setattr(film, "plain_matplotlib", lambda seen, moments, file: drawn.append(moments))
    monkeypatch.setattr(film, "render", lambda scene, file, size, fps, length: drawn.append(film.times(300, fps, length)))
    race = engine.film_race(engine.QUICK, None, {})
    for entrant in race.values():
        entrant.work()
    ours, theirs = drawn
    assert race["matplotlib, FuncAnimation.save"].share == len(theirs) / len(ours) < 1
    assert set(theirs) <= set(ours) and np.ptp(theirs) > 0.9 * np.ptp(ours)


def test_the_table_names_every_entrant_beside_its_ratio(engine):
    told = engine.table({"a map": {engine.OURS: 0.01, "NumPy": 0.2}})
    assert told.splitlines()[0] == "a map" and "10 ms" in told and "20 ×" in told
    assert max(map(len, told.splitlines())) < 100


def test_a_race_gives_the_median_of_every_entrant_scaled_to_the_whole_work(engine):
    race = {"whole": engine.Entrant(lambda: time.sleep(0.02)), "half": engine.Entrant(lambda: time.sleep(0.01), 0.5)}
    told = engine.seconds(race, 3)
    assert told["whole"] == pytest.approx(told["half"], rel=0.5) and told["half"] > 0.0199


def test_bench_says_where_the_benchmarks_are_when_they_are_not_here(monkeypatch, tmp_path):
    from app.command import bench

    monkeypatch.setattr(bench, "BENCHMARKS", tmp_path)
    with pytest.raises(bench.NoBenchmarks, match="come with zoomout's source"):
        bench.run(True, True)


def test_the_command_runs_the_benchmarks_in_a_process_of_their_own(monkeypatch, tmp_path):
    from app.command import bench

    (tmp_path / "engine.py").write_text("import sys, dynamics; sys.exit(0 if sys.argv[1:] == ['--json', '--quick'] else 3)")
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(bench, "BENCHMARKS", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert bench.run(True, True) == 0 and bench.run(False, True) == 3


# Canaries, with room for a busy machine: each trap costs ten to a hundred times this


def _fastest(work, times=5):
    work()
    spent = []
    for _ in range(times):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent)


def test_recording_a_path_stays_below_150_nanoseconds_a_step():
    assert _fastest(lambda: simulate(QUOTIENT, Run("gd", 0.1, 0.1), [(-0.7, 0.7)], 100_000)) < 150e-9 * 100_000


def test_a_map_takes_about_a_nanosecond_per_lane_and_step():
    axes = Axis("learning_rate", 0.01, 1.0, log=True), Axis("weight_decay", 0.001, 1.0, log=True)
    assert _fastest(lambda: atlas(QUOTIENT, Run(), *axes, "final_loss", 500, 128)) < 3e-9 * 500 * 128**2


def test_the_settings_are_made_before_jax_starts_and_can_be_declined():
    script = (
        "import os, json, dynamics, jax; "
        "print(json.dumps([len(jax.devices()), 'xla_backend_extra_options' in os.environ.get('XLA_FLAGS', '')]))"
    )
    plain = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    told = [
        json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=plain | more).stdout)
        for more in ({}, {"ZOOMOUT_XLA": "0"}, {"JAX_NUM_CPU_DEVICES": "3"})
    ]
    assert told[0][1] and told[0][0] >= 1 and told[1] == [1, False] and told[2] == [3, True]
