"""The exact tables through the front door: twelve scenes to `zoomout run - --json`, at each step that float64 can hold."""

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import main

TABLES = Path(__file__).parent / "reference"
HEAVY = {"learning_rate": 0.05, "weight_decay": 0.04, "momentum": 0.9}


def twins(**run):
    return [{"label": "decay"} | run, {"label": "twin", "twin_of": "decay"}]


SCENES = {
    "01_gd_h5": ("five_wells", [{"learning_rate": 0.3}]),
    "03_wd_cos2": ("quotient", [{"learning_rate": 0.1, "weight_decay": 0.5}]),
    "06_wd_h5": ("five_wells", [{"learning_rate": 0.3, "weight_decay": 0.25}]),
    "07_explr_h5_twin_of_06": ("five_wells", twins(learning_rate=0.3, weight_decay=0.25)),
    "09_momL2_h5": ("five_wells", [HEAVY]),
    "10_momL2_explr_twin_of_09": ("five_wells", twins(**HEAVY)),
    "15_signsgd_quad": ("quadratic", [{"rule": "sign", "learning_rate": 0.07}]),
    "17_unitloss_quadc": ("floored_quadratic", [{"rule": "unit_loss", "learning_rate": 0.15}]),
    "19_adam_beale": ("beale", [{"rule": "adam", "learning_rate": 0.1}]),
    "24_warmup_deg4": ("minimal_edge", [{"learning_rate": {"schedule": "warmup", "peak": 0.02, "warmup_steps": 50}}]),
    "25_clip_xy1": ("product", [{"learning_rate": 0.1, "clip_norm": 3.0}]),
    "26_catapult_uv": ("catapult", [{"learning_rate": 0.1}]),
}


def ran(scene):
    out = io.StringIO()
    with redirect_stdout(out), pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as leaving:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(scene).encode())))
        main(["run", "-", "--json"])
    assert leaving.value.code == 0
    return json.loads(out.getvalue())


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_meets_its_exact_table_at_every_step_that_float64_can_hold(name):
    landscape, runs = SCENES[name]
    table = json.loads((TABLES / f"{name}.json").read_text())
    scene = {"landscape": landscape, "steps": table["T"], "starts": [[float(c) for c in table["start"]]], "runs": runs}
    path = ran(scene)["runs"][-1]["paths"][0]
    until = table["float64_agreement"]["first_stored_step_with_rel_error_above_1e_9"] or table["T"] + 1
    rows = {int(t): row for t, row in table["steps"].items() if int(t) < until}
    exact = {key: np.array([float(row[key]) for row in rows.values()]) for key in ("x", "y", "norm", "loss", "hess_top")}
    found = {key: np.array([path[key][t] for t in rows], float) for key in ("x", "y", "norm", "loss", "sharpness")}
    off = np.hypot(found["x"] - exact["x"], found["y"] - exact["y"]) / exact["norm"]
    print(f"{name}: {len(rows)} steps, worst {off.max():.1e} of the norm")
    assert off.max() < 1e-8
    assert np.allclose(found["norm"], exact["norm"], rtol=1e-8)
    assert np.allclose(found["loss"], exact["loss"], rtol=1e-6, atol=1e-8)
    assert np.max(np.abs(found["sharpness"] - exact["hess_top"]) * exact["norm"] ** 2) < 1e-5 * np.max(
        np.abs(exact["hess_top"]) * exact["norm"] ** 2
    )


def test_every_exact_table_has_a_scene():
    assert {file.stem for file in TABLES.glob("*.json")} == set(SCENES)
