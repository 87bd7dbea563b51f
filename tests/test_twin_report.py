"""The schedule compiler's report, and the code that it hands out."""

import importlib.util
import json
import re

import msgspec
import pytest

from app.answer.result import simulate
from app.answer.twin_report import code, partners, reports, sentences
from app.gallery.presets import of_page
from app.scene import Run, Scene, SceneError
from dynamics.schedules import Cosine, Linear, Step, Warmup, schedule

ZOOM_OUT = of_page("zoom-out")

STEPS = 40
RUNS = {
    "gd": Run(label="a", learning_rate=0.3, weight_decay=0.25),
    "momentum": Run(label="a", learning_rate=0.05, weight_decay=0.04, hyperparameters={"momentum": 0.9}),
    "sign": Run(label="a", rule="sign", learning_rate=0.1, weight_decay=0.5),
    "unit_gradient": Run(label="a", rule="unit_gradient", learning_rate=0.1, weight_decay=0.5),
    "unit_loss": Run(label="a", rule="unit_loss", learning_rate=0.02, weight_decay=0.5),
}


@pytest.mark.parametrize("dialect", ["optax", "torch"])
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_code_that_is_handed_out_walks_as_our_own_twin_does(run: Run, dialect: str, imported, capsys) -> None:
    if dialect == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    scene = Scene(landscape="five_wells", steps=STEPS, runs=(run, Run(label="b", twin_of="a")))
    path = simulate(scene).runs[1].paths[0]
    imported(code(scene, scene.runs[0], dialect))
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("the twin"))
    x, y = (float(number) for number in re.findall(r"-?\d+\.\d*(?:e[+-]?\d+)?", line))
    assert abs(x / path.x[-1] - 1) < 1e-6 and abs(y / path.y[-1] - 1) < 1e-6


@pytest.mark.parametrize("preset", ZOOM_OUT, ids=lambda preset: preset.name)
def test_every_preset_with_a_twin_can_be_reported(preset) -> None:
    (report,) = reports(preset.scene)
    assert len(report["log_learning_rate"]) == preset.scene.steps + 1
    assert all(sentence.endswith(".") for sentence in sentences(report))


def test_the_rate_of_gradient_descent_grows_by_the_square_and_that_of_sign_by_one_power() -> None:
    for rule, power in (("gd", 2), ("sign", 1)):
        run = RUNS[rule]
        (report,) = reports(Scene(landscape="five_wells", steps=STEPS, runs=(run,)))
        assert report["growth"][0] == pytest.approx((1 - run.learning_rate * run.weight_decay) ** -power)


def test_a_scene_without_weight_decay_has_nothing_to_report() -> None:
    with pytest.raises(SceneError, match="No run of this scene has weight decay"):
        partners(Scene(landscape="five_wells", runs=(Run(),)))


def test_a_shared_gauge_shows_no_gap_and_certified_twins_never_part() -> None:
    for arithmetic in ("shared", "certified"):
        scene = msgspec.structs.replace(ZOOM_OUT[0].scene, arithmetic=arithmetic)
        assert simulate(scene).runs[1].gaps[0].max() < 1e-12


def test_a_ghost_leaves_where_the_horizon_says() -> None:
    run = RUNS["gd"]
    scene = Scene(landscape="five_wells", runs=(run, Run(ghost_of="a")))
    first, ghost = (result.paths[0] for result in simulate(scene).runs)
    apart = abs(ghost.x - first.x) + abs(ghost.y - first.y) > 1e-2 * first.norm
    assert first.horizon is not None and abs(int(apart.argmax()) - first.horizon) <= 15


@pytest.mark.parametrize("rate", [
    Cosine(initial=0.1, total_steps=20), Warmup(peak=0.1, warmup_steps=5, then="cosine", total_steps=20),
    Linear(0.1, 0.0, 20),
    Step(0.1, [10], [0.0]), Step(0.1, [3, 6], [0.0, 0.1]),
])  # fmt: skip
def test_a_rate_that_reaches_zero_is_told_as_zero(rate) -> None:
    runs = (Run(label="d", learning_rate=rate, weight_decay=0.2), Run(label="t", twin_of="d"))
    (report,) = reports(Scene(landscape="quotient", steps=40, runs=runs))
    told = json.loads(json.dumps(report, allow_nan=False))
    values = schedule(rate).rates(41).value
    assert [each is None for each in told["log_learning_rate"]] == list(values == 0)
    said = " ".join(sentences(report))
    assert not re.search(r"nan\b|×0[ ,.](?!\d)|\binf", said.replace("own is", ""))
    assert f"It is 0 {'at 3 steps' if isinstance(rate, Step) and len(rate.at) == 2 else 'from step'}" in said
