"""One step, many readings: what is translated, how far XLA agrees, and the same bits in another engine."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.answer.result import simulate as carried_out
from app.answer.result import to_data_of
from app.scene import Run as SceneRun
from app.scene import Scene
from dynamics import RULES, Run, simulate
from dynamics.horizon import trust
from dynamics.portable.host import record
from dynamics.portable.job import job
from dynamics.portable.program import program, shapes
from dynamics.portable.reading import Untranslated
from dynamics.portable.wasm import written
from dynamics.schedules import Cosine, Exponential, Step, Warmup
from dynamics.simulate import prepare
from dynamics.twins import twin
from landscapes import LANDSCAPES, FunctionLandscape, named, typed

ENGINE = Path(__file__).parents[1] / "app" / "stage" / "engine.js"
ANGLES = typed("sin(2*x)*cos(y) + exp(-x^2)*log(1 + y^2) + atan2(y, x)/10 + abs(x)*max(x, y)")
GROWTH = typed("tanh(x) + sinh(y/4)*cosh(x/3) + log1p(x^2) + expm1(y/3) + asin(x/3) + acos(y/4) + tan(x/5) + (x^2 + 1)^1.5")
TABLE = typed("mean((tanh(x*u) - y*v)^2)", data={"u": [0.1, -0.4, 2.0], "v": [1.0, 0.5, -0.3]})
LOSSES = LANDSCAPES | {"angles": ANGLES, "growth": GROWTH, "table": TABLE}
HEAVY = {"momentum": 0.9}
KINDS = {
    "noise": dict(noise=0.1),
    "clipping": dict(clip_norm=0.5),
    "cosine": dict(learning_rate=Cosine(0.05, 40)),
    "growing rate": dict(learning_rate=Exponential(0.01, 1.01)),
    "warmup, decay in steps": dict(learning_rate=Warmup(0.05, 10), weight_decay=Step(0.1, [5], [0.2])),
}
MOMENTA = {
    "heavy ball": HEAVY, "Nesterov": HEAVY | {"nesterov": True}, "decoupled": HEAVY | {"decoupled": True},
    "decoupled Nesterov": HEAVY | {"decoupled": True, "nesterov": True},
}  # fmt: skip


def asked(landscape, run, steps=40, arithmetic="float64", starts=None):
    _, traced, kernel = prepare(landscape, run, starts or [landscape.start], steps, None, arithmetic)
    return job(kernel, traced, steps)


def translated(landscape, run, arithmetic="float64"):
    _, traced, kernel = prepare(landscape, run, [landscape.start], 40, None, arithmetic)
    return written(program(kernel, shapes(traced)))


def test_every_rule_on_every_loss_is_translated(rule):
    for loss in LOSSES.values():
        assert translated(loss, Run(rule.name, 0.01, 0.05)).startswith(b"\0asm")


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_is_translated_with_whatever_a_run_may_have(kind):
    for rule in RULES:
        for loss in (named("five_wells"), ANGLES):
            made = asked(loss, Run(rule, **{"learning_rate": 0.01, "weight_decay": 0.05} | KINDS[kind]))
            assert np.isfinite(record(made).points).all()


@pytest.mark.parametrize("momentum", MOMENTA)
def test_every_kind_of_momentum_and_its_twin_are_translated(momentum):
    run, loss = Run("gd", 0.02, 0.1, MOMENTA[momentum]), named("five_wells")
    if momentum != "Nesterov":  # which has no twin
        other = asked(loss, twin(loss, run, 40).run)
        assert np.isfinite(record(other).points).all()
    assert np.isfinite(record(asked(loss, run)).points).all()


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_noise_on_a_knob_and_single_precision_are_translated(arithmetic):
    run = Run("adam", 0.01, 0.05, knob_noise={"a": 0.1})
    points = record(asked(typed("a*x^2 + y^2", {"a": 1.0}), run, arithmetic=arithmetic)).points
    assert np.isfinite(points).all() and (points[:, :2] == points[:, :2].astype(arithmetic)).all()


def test_a_loss_that_is_a_function_is_read_from_its_jaxpr():
    import jax.numpy as jnp

    given = FunctionLandscape(lambda x, y: jnp.sum(jnp.tanh(jnp.array([1.0, 2.0]) * x - y) ** 2))
    written_out = typed("tanh(x - y)^2 + tanh(2*x - y)^2")
    first, second = (record(asked(loss, Run("gd", 0.1))).points for loss in (given, written_out))
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_what_is_not_translated_is_said_in_one_sentence():
    import jax.numpy as jnp

    given = FunctionLandscape(lambda x, y: jnp.sort(jnp.array([x * x, y]))[0])
    with pytest.raises(Untranslated, match=r"^The operation \w+ of JAX has no portable form yet\.$"):
        asked(given, Run("gd", 0.1))


# ---------------------------------------------------------------------------------------------------------------------
# Beside XLA


def cases():
    """Every rule on some loss, every other one with something more."""
    random = np.random.default_rng(3)
    for i, rule in enumerate(RULES):
        loss = list(LOSSES)[random.integers(len(LOSSES))]
        kind = list(KINDS)[i // 2 % len(KINDS)] if i % 2 else ""
        yield pytest.param(LOSSES[loss], Run(rule, **{"learning_rate": 0.01, "weight_decay": 0.05} | KINDS.get(kind, {})),
                           id=f"{rule} on {loss} {kind}".strip())  # fmt: skip


@pytest.mark.parametrize("loss,run", list(cases()))
def test_the_path_is_xlas_as_far_as_either_can_be_believed(loss, run):
    steps = 120
    [portable], [xla] = (simulate(loss, run, [loss.start], steps, engine=engine) for engine in ("portable", "xla"))
    if portable.status != xla.status:  # a gradient that is zero in one arithmetic is a last digit in another
        assert {portable.status, xla.status} == {"finished", "zero_gradient"}
        assert max(portable.gradient_norm[-1], xla.gradient_norm[-1]) < 1e-13
    apart = np.hypot(portable.x - xla.x, portable.y - xla.y) / xla.norm
    followed = trust(loss, run, [loss.start], steps)
    if followed is None:
        assert apart.max() < 1e-9
    else:
        end = followed[0].horizon()
        predicted = np.exp(np.minimum(followed[0].log_spread, 600)) * 2.0**-53
        assert (apart <= np.maximum(1e-9, 4 * predicted))[:end].all()
    near = slice(0, 20)
    for name in ("loss", "gradient_norm", "frame_sharpness"):
        one, other = getattr(portable, name)[near], getattr(xla, name)[near]
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9 * (1 + np.nanmax(np.abs(other))))


# ---------------------------------------------------------------------------------------------------------------------
# The same bits everywhere


NEURON = typed("1.63 - 2*(1.52*x + 0.53*y)/sqrt(7.32*x^2 + 3.12*x*y + 5.04*y^2)")
"""the batch-normalised neuron in closed form"""
SCENES = {
    "five wells, decay": (named("five_wells"), Run("gd", 0.3, 0.25)),
    "quotient, noise": (named("quotient"), Run("gd", 0.3, 0.25, noise=0.05)),
    "beale, adam": (named("beale"), Run("adam", 0.02)),
    "angles, amsgrad": (ANGLES, Run("amsgrad", Cosine(0.02, 200))),
    "growth, clipping": (GROWTH, Run("gd", 0.05, clip_norm=0.5)),
    "neuron, heavy ball": (NEURON, Run("gd", 0.1, 0.05, HEAVY)),
}


DIGESTS = {
    "five wells, decay": "8c862fbdcdd337d6", "quotient, noise": "de56aa4cce8b0c03", "beale, adam": "c38203c791fe6406",
    "growth, clipping": "ee194060d3ccf8c9", "neuron, heavy ball": "f6a6571ab54cd157",
}  # fmt: skip
"""of those whose rates are constant: a cosine in a schedule is still the machine's own"""


@pytest.mark.parametrize("name", DIGESTS)
def test_a_path_has_the_bits_that_it_had_on_another_machine(name):
    loss, run = SCENES[name]
    start = (-0.9, 0.3) if loss is NEURON else loss.start
    assert simulate(loss, run, [start], 300, engine="portable")[0].digest == DIGESTS[name]


def fingerprint(columns):
    """SHA-256 over the float64 bits, little endian, with every NaN the same one."""
    columns = np.where(np.isnan(columns), np.nan, columns)
    return hashlib.sha256(np.ascontiguousarray(columns, "<f8").tobytes()).hexdigest()


def carried(made):
    """A job as a page receives it."""
    text = lambda data: base64.b64encode(data).decode()  # noqa: E731
    return dict(
        code=text(made.compiled.code), numbers=text(made.numbers), starts=[text(start) for start in made.starts],
        rates=text(made.rates), stride=made.stride, row=made.row, rows=made.rows, steps=made.steps,
    )  # fmt: skip


DRIVER = """
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { engine, runs, unpacked } from "./engine.mjs";
for (const job of JSON.parse(readFileSync("jobs.json", "utf8"))) {
  const exports = await engine(unpacked(job.code));
  for (const key of ["numbers", "rates"]) job[key] = unpacked(job[key]);
  job.starts = job.starts.map(unpacked);
  const hashes = runs(exports, job).map(({ columns }) => {
    const hash = createHash("sha256");
    for (const column of columns) hash.update(new Uint8Array(column.map((a) => (Number.isNaN(a) ? NaN : a)).buffer));
    return hash.digest("hex");
  });
  console.log(JSON.stringify(hashes));
}
"""


@pytest.fixture(scope="module")
def jobs():
    return {name: asked(loss, run, 300, starts=[loss.start, (0.3, 0.4)]) for name, (loss, run) in SCENES.items()}


def here(made):
    found = record(made)
    return [fingerprint(np.concatenate([p, r])) for p, r in zip(found.points, found.readings(), strict=True)]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_wasmtime_and_node_make_the_same_bits(jobs, tmp_path):
    (tmp_path / "engine.mjs").write_text(ENGINE.read_text("utf-8"), "utf-8")
    (tmp_path / "driver.mjs").write_text(DRIVER, "utf-8")
    (tmp_path / "jobs.json").write_text(json.dumps([carried(made) for made in jobs.values()]), "utf-8")
    done = subprocess.run(["node", "driver.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    there = dict(zip(jobs, map(json.loads, done.stdout.split()), strict=True))
    assert there == {name: here(made) for name, made in jobs.items()}


def test_a_path_is_the_same_alone_and_beside_others(jobs):
    loss, run = SCENES["angles, amsgrad"]
    assert here(asked(loss, run, 300, starts=[(0.3, 0.4)])) == here(jobs["angles, amsgrad"])[1:]


def test_a_slider_writes_no_new_module():
    loss = named("five_wells")
    moved = [(0.1,), (0.2, 0.3), (Cosine(0.1, 30),), (0.1, 0.0, {"b1": 0.5})]
    assert len({asked(loss, Run("adam", *numbers)).compiled.code for numbers in moved}) == 1


def test_the_module_does_not_depend_on_what_was_built_before():
    loss, run = SCENES["growth, clipping"]
    _, traced, kernel = prepare(loss, run, [loss.start], 40)
    program.cache_clear()
    first = written(program(kernel, shapes(traced)))
    translated(ANGLES, run)
    program.cache_clear()
    assert written(program(kernel, shapes(traced))) == first


@pytest.mark.parametrize("steps", [0, 1, 2100])
@pytest.mark.parametrize("rate", [0.1, Cosine(0.1, 50)], ids=["constant", "schedule"])
def test_a_path_of_any_length_is_recorded_whole(steps, rate):
    loss = named("rosenbrock")
    [short], [xla] = (
        simulate(loss, Run("adam", rate), [loss.start], steps, engine=engine) for engine in ("portable", "xla")
    )
    assert len(short.x) == steps + 1 and short.status == xla.status
    assert np.allclose(short.x[:3], xla.x[:3], rtol=1e-14)


def test_where_wasmtime_is_missing_xla_answers(monkeypatch):
    monkeypatch.setitem(sys.modules, "dynamics.portable.host", None)
    loss = named("five_wells")
    [asked_portable], [xla] = (simulate(loss, Run(), [loss.start], 9, engine=engine) for engine in ("portable", "xla"))
    assert asked_portable.digest == xla.digest


def test_a_scenes_numbers_carry_a_digest_of_their_bits():
    scene = Scene(landscape="five_wells", runs=(SceneRun(learning_rate=0.3, weight_decay=0.25),), steps=50)
    one, same, other = (
        to_data_of(carried_out(scene, horizon, engine))["runs"][0]["paths"][0]["digest"]
        for horizon, engine in ((False, "portable"), (True, "portable"), (False, "xla"))
    )
    assert re.fullmatch("[0-9a-f]{16}", one) and one == same != other


def test_batches_and_losses_of_data_are_followed_by_whichever_engine_can(tmp_path):
    data = {"u": (1.0, 2.0, -1.0), "t": (0.5, 1.0, -1.5)}
    landscape = typed("mean((x*u + y - t)^2)/2", data=data)
    for run in (Run("gd", 0.1, batch=2), Run("gd", 0.1), Run("adam", 0.1)):
        ours, theirs = (simulate(landscape, run, [(1.0, -1.0)], 40, engine=engine)[0] for engine in ("portable", "xla"))
        assert np.allclose(ours.x, theirs.x, rtol=1e-9) and np.allclose(ours.loss, theirs.loss, rtol=1e-9)
