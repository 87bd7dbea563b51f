"""A scene says everything, comes back from everywhere, and is refused in a sentence."""

import json
import runpy
import tomllib

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from app.answer import result
from app.scene import (
    MAX_FILE,
    Run,
    Scene,
    SceneError,
    View,
    from_data,
    from_link,
    load,
    read,
    to_data,
    to_json,
    to_link,
    to_python,
    to_toml,
)  # fmt: skip
from dynamics import RULES
from dynamics.schedules import Constant, Cosine, Exponential, InverseSqrt, InverseTime, Linear, Step, Warmup
from landscapes import LANDSCAPES

EXAMPLE = """
version = 1
title = "Weight decay keeps kicking it out"
landscape = "five_wells"
starts = [[-0.7, 0.7]]
steps = 300
arithmetic = "float64"
seed = 0

[[runs]]
label = "weight decay"
rule = "gd"
learning_rate = 0.3
weight_decay = 0.25

[[runs]]
label = "exponential learning rate"
twin_of = "weight decay"

[view]
panels = "two"
"""

# ---------------------------------------------------------------------------------------------------------------------
# Any scene at all, made from the registries

rates = st.floats(0, 1e3)
whole = st.integers(1, 10_000)
schedules = st.one_of(
    st.builds(Constant, rates), st.builds(Exponential, rates, st.floats(1e-3, 1e3)), st.builds(Warmup, rates, whole),
    st.builds(lambda peak, a, b: Warmup(peak, a, "cosine", a + b), rates, whole, whole), st.builds(Cosine, rates, whole),
    st.builds(Step, rates, st.just([3, 9]), st.lists(rates, min_size=2, max_size=2)),
    st.builds(InverseTime, rates, rates),
    st.builds(InverseSqrt, rates, rates), st.builds(Linear, rates, rates, whole),
)  # fmt: skip
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


@st.composite
def runs(draw, label):
    rule = draw(st.sampled_from(list(RULES.values())))
    own = {name: st.floats(max(knob.low, 0), knob.high) for name, knob in rule.knobs.items()}
    own |= {name: st.booleans() for name in rule.switches}
    chosen = draw(st.fixed_dictionaries({}, optional=own))
    return Run(
        label=label, rule=rule.name, learning_rate=draw(rates | schedules), weight_decay=draw(rates | schedules),
        clip_norm=draw(st.none() | st.floats(1e-3, 1e3)), noise=draw(st.floats(0, 10)), hyperparameters=chosen,
    )  # fmt: skip


VIEWS = [
    View(), View(window=(-1.0, 2.0, -3.0, 4.0), contours=True), View(theme="dark", panels="three", seconds=7.5),
    View(colour_map="magma", quiver=False, camera="fixed"),
]  # fmt: skip


@st.composite
def scenes(draw):
    count = draw(st.integers(1, 3))
    made = [draw(runs(f"{i} {draw(words)}")) for i in range(count)]
    if draw(st.booleans()):
        made.append(Run(label="twin", twin_of=made[0].label))
    places = [{"landscape": name} for name in LANDSCAPES] + [{"formula": "a*x^2 + y^2; a = 2 in [1, 3]"}]
    place = draw(st.sampled_from(places))
    landscape = Scene(**place).field
    knobs = {knob.name: st.floats(knob.low, knob.high) for knob in landscape.knobs}
    coordinates = st.floats(-1e6, 1e6).filter(lambda c: c != 0)
    try:
        return Scene(
            **place, title=draw(words),
            starts=tuple(draw(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=3))),
            steps=draw(st.integers(1, 5000)), arithmetic=draw(st.sampled_from(["float64", "float32"])),
            seed=draw(st.integers(0, 2**32 - 1)),
            knobs=draw(st.fixed_dictionaries({}, optional=knobs)), runs=tuple(made),
            view=draw(st.sampled_from(VIEWS)),
        )  # fmt: skip
    except SceneError as refusal:  # a rule with a memory, from a start next to the origin
        assert "remembers gradients" in refusal.message
        reject()


@given(scenes())
def test_comes_back_from_toml(scene):
    assert read(to_toml(scene)) == scene


@given(scenes())
def test_comes_back_from_json(scene):
    assert read(to_json(scene)) == scene


@given(scenes())
def test_comes_back_from_its_link(scene):
    link = to_link(scene, "https://example.org/lecture")
    assert from_link(link) == scene and read(link) == scene and load(link) == scene


@settings(max_examples=25)
@given(scene=scenes())
def test_comes_back_from_its_own_python_source(scene, tmp_path_factory):
    file = tmp_path_factory.mktemp("source") / "scene.py"
    file.write_text(to_python(scene), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result, "simulate", lambda scene: result.Result(scene, ()))
        assert runpy.run_path(str(file))["scene"] == scene


@given(scenes())
def test_equal_scenes_are_one_key(scene):
    again = read(to_json(scene))
    assert hash(again) == hash(scene) and len({again, scene}) == 1


def test_its_python_source_prints_its_numbers(tmp_path, capsys):
    scene = read(EXAMPLE)
    file = tmp_path / "scene.py"
    file.write_text(to_python(scene), "utf-8")
    runpy.run_path(str(file))
    said = capsys.readouterr().out.splitlines()
    paths = [path for run in result.simulate(scene).runs for path in run.paths]
    assert len(said) == 2
    for line, path in zip(said, paths, strict=True):
        assert line.endswith(f"{path.status} {path.x[-1]} {path.y[-1]} {path.loss[-1]}")


def test_a_link_and_a_file_hold_defaults_too_so_that_they_stay_what_they_were():
    data = to_data(Scene(landscape="five_wells"))
    assert data["starts"] == [[-0.7, 0.7]] and data["steps"] == 300 and data["version"] == 1
    assert data["runs"][0]["rule"] == "gd" and data["runs"][0]["learning_rate"] == 0.1


def test_the_same_scene_gives_the_same_numbers():
    scene = read(EXAMPLE)
    first = result.simulate(scene)
    result.KEPT.clear()
    second = result.simulate(read(to_toml(scene)))
    for one, other in zip(first.runs, second.runs, strict=True):
        assert np.array_equal(one.paths[0].x, other.paths[0].x) and np.array_equal(one.paths[0].loss, other.paths[0].loss)


def test_a_run_without_a_label_is_called_by_its_rule():
    scene = read('landscape = "quadratic"\n[[runs]]\nrule = "adam"\n[[runs]]\nrule = "adam"\n[[runs]]\nrule = "sign"\n')
    assert scene.labels == ["adam 1", "adam 2", "sign"]


# ---------------------------------------------------------------------------------------------------------------------
# Refusals


def changed(**fields):
    return tomllib.loads(EXAMPLE) | fields


def one_run(**fields):
    return changed(runs=[{"label": "a"} | fields])


BAD = {
    "no landscape": ({}, "landscape"),
    "both": (changed(formula="x"), "landscape"),
    "unknown landscape": (changed(landscape="five_well"), "unknown_landscape"),
    "bad formula": ({"formula": "x +"}, "syntax"),
    "version": (changed(version=2), "scene"),
    "unknown field": (changed(colour="red"), "scene"),
    "unknown view": (changed(view={"zoom": 2}), "scene"),
    "bad panels": (changed(view={"panels": "nine"}), "scene"),
    "empty window": (changed(view={"window": [1.0, 1.0, 0.0, 1.0]}), "view"),
    "endless window": (changed(view={"window": [float("-inf"), 1.0, 0.0, 1.0]}), "scene"),
    "no steps": (changed(steps=0), "scene"),
    "half a step": (changed(steps=2.5), "scene"),
    "too many steps": (changed(steps=200_001), "budget"),
    "too many points": (changed(steps=200_000, starts=[[1.0, 1.0]] * 256), "budget"),
    "no starts": (changed(starts=[]), "scene"),
    "start of three": (changed(starts=[[1.0, 2.0, 3.0]]), "scene"),
    "start at nan": (changed(starts=[[float("nan"), 1.0]]), "scene"),
    "start at the origin": (changed(starts=[[0.0, 0.0]]), "starts"),
    "start beyond floats": (changed(starts=[[1e301, 1.0]]), "scene"),
    "arithmetic": (changed(arithmetic="float16"), "scene"),
    "seed": (changed(seed=-1), "scene"),
    "unknown knob": (changed(knobs={"z": 1.0}), "knobs"),
    "knob nan": ({"landscape": "quadratic", "knobs": {"h": float("nan")}}, "knobs"),
    "no runs": (changed(runs=[]), "scene"),
    "thirteen runs": (changed(runs=[{}] * 13), "scene"),
    "runs of text": (changed(runs="gd"), "scene"),
    "unknown rule": (one_run(rule="adamm"), "rule"),
    "unknown hyperparameter": (one_run(momentun=0.9), "hyperparameter"),
    "momentum of one": (one_run(momentum=1.0), "hyperparameter"),
    "momentum of text": (one_run(momentum="much"), "scene"),
    "nesterov of number": (one_run(nesterov=1.0), "hyperparameter"),
    "negative rate": (one_run(learning_rate=-0.1), "scene"),
    "rate of text": (one_run(learning_rate="fast"), "scene"),
    "nan rate": (one_run(learning_rate=float("nan")), "scene"),
    "nan decay in a schedule": (one_run(weight_decay={"schedule": "constant", "value": float("nan")}), "scene"),
    "unknown schedule": (one_run(learning_rate={"schedule": "saw", "initial": 1.0}), "scene"),
    "schedule without a field": (one_run(learning_rate={"schedule": "cosine", "initial": 1.0}), "scene"),
    "schedule with a field too many": (one_run(learning_rate={"schedule": "constant", "value": 1.0, "x": 1}), "scene"),
    "warmup then": (one_run(learning_rate={"schedule": "warmup", "peak": 1.0, "warmup_steps": 9, "then": "x"}), "scene"),
    "warmup too long": (
        one_run(learning_rate={"schedule": "warmup", "peak": 1.0, "warmup_steps": 9, "then": "cosine", "total_steps": 5}),
        "scene",
    ),
    "clip of zero": (one_run(clip_norm=0.0), "scene"),
    "negative noise": (one_run(noise=-1.0), "scene"),
    "colour": (one_run(colour="red"), "scene"),
    "label too long": (one_run(label="x" * 81), "scene"),
    "twin of nobody": (one_run(twin_of="b"), "twin_of"),
    "twin of itself": (one_run(twin_of="a"), "twin_of"),
    "twin of a twin": (
        changed(runs=[{"label": "a"}, {"label": "b", "twin_of": "a"}, {"label": "c", "twin_of": "b"}]), "twin_of",
    ),
    "a list": ([], "scene"),
    "nothing": (None, "scene"),
}  # fmt: skip


def is_a_sentence(text):
    plain = not any(word in text for word in ("Traceback", "Error", "msgspec", "<class", "object at", "None", "$"))
    return plain and "\n" not in text and text[-1] in ".?" and len(text) < 400


@pytest.mark.parametrize("name", BAD)
def test_a_bad_scene_is_refused_with_a_code_and_a_sentence(name):
    data, code = BAD[name]
    with pytest.raises(SceneError) as refusal:
        from_data(data)
    assert refusal.value.code == code
    assert is_a_sentence(refusal.value.message), refusal.value.message


BAD_TEXT = {
    "not toml": ("this is not a scene", "syntax"),
    "half json": ('{"landscape": "quadratic"', "syntax"),
    "a field twice in json": ('{"steps": 1, "steps": 2, "landscape": "quadratic"}', "syntax"),
    "a field twice in toml": ('steps = 1\nsteps = 2\nlandscape = "quadratic"', "syntax"),
    "nan in json": ('{"landscape": "quadratic", "starts": [[NaN, 1]]}', "syntax"),
    "deep json": ('{"a":' + "[" * 100_000, "syntax"),
    "deep toml": ("a = " + "[" * 100_000, "syntax"),
    "a number of many digits": ('{"landscape": "quadratic", "steps": ' + "9" * 5000 + "}", "syntax"),
    "too large": ("#" * (MAX_FILE + 1), "too_large"),
    "a link to elsewhere": ("https://example.org/", "link"),
    "a damaged link": ("https://example.org/?scene=eNpdj0sOgjAQ", "link"),
    "a link of other letters": ("?scene=%00%ff", "link"),
    "a long link": ("?scene=" + "A" * 10_000, "link"),
    "yaml": ("!!python/object/apply:os.system ['true']", "syntax"),
    "empty": ("", "landscape"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_TEXT)
def test_a_bad_text_is_refused_with_a_code_and_a_sentence(name):
    text, code = BAD_TEXT[name]
    with pytest.raises(SceneError) as refusal:
        read(text)
    assert refusal.value.code == code
    assert "\n" not in refusal.value.message and refusal.value.message.endswith(".")


@given(st.text(max_size=80))
def test_any_text_is_a_scene_or_is_refused(text):
    try:
        read(text)
    except SceneError as error:
        assert error.code and "\n" not in error.message


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
fields = st.sampled_from(["runs", "landscape", "steps", "starts", "view", "knobs", "rule", "x"])
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4))


@given(anything)
def test_any_data_is_a_scene_or_is_refused(data):
    try:
        from_data(data)
    except SceneError as error:
        assert error.code and "\n" not in error.message


def test_a_link_that_unpacks_to_a_flood_is_refused():
    import base64
    import zlib

    token = base64.urlsafe_b64encode(zlib.compress(b" " * 3_000_000)).decode()
    with pytest.raises(SceneError) as refusal:
        from_link(f"?scene={token}")
    assert refusal.value.code == "link"


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    binary = tmp_path / "picture.png"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for path in (tmp_path / "none.toml", tmp_path, binary):
        with pytest.raises(SceneError) as refusal:
            load(str(path))
        assert is_a_sentence(refusal.value.message)


def test_an_endless_file_is_refused_without_being_read_to_its_end():
    with pytest.raises(SceneError) as refusal:
        load("/dev/zero")
    assert refusal.value.code == "too_large"


# ---------------------------------------------------------------------------------------------------------------------
# The numbers as data


def test_the_data_of_a_result_is_strict_json_with_every_series():
    data = json.loads(json.dumps(result.to_data_of(result.simulate(read(EXAMPLE))), allow_nan=False))
    assert data["version"] == 1 and data["scene"] == to_data(read(EXAMPLE)) and "t" not in data
    for run in data["runs"]:
        for path in run["paths"]:
            assert {"start", "status", "stopped_at", "horizon"} < set(path)
            for name in result.SERIES:
                assert len(path[name]) == 301


def test_what_no_float_holds_is_null_while_its_logarithm_stays():
    scene = from_data({
        "landscape": "quotient", "steps": 2000, "starts": [[-0.7, 0.7]],
        "runs": [{"learning_rate": {"schedule": "exponential", "initial": 0.1, "factor": 4.0}}],
    })  # fmt: skip
    path = result.to_data_of(result.simulate(scene), every=500)["runs"][0]["paths"][0]
    assert path["x"][-1] is None and path["learning_rate"][-1] is None
    assert path["log_norm"][-1] > 709 and path["angle"][-1] is not None


def test_thinned_data_keeps_every_nth_step_and_says_which():
    whole = result.to_data_of(result.simulate(read(EXAMPLE)))
    thin = result.to_data_of(result.simulate(read(EXAMPLE)), every=7)
    assert thin["t"] == list(range(0, 301, 7))
    assert thin["runs"][0]["paths"][0]["x"] == whole["runs"][0]["paths"][0]["x"][::7]


def test_numbers_come_back_from_npz_and_csv(tmp_path):
    done = result.simulate(read(EXAMPLE))
    result.write(done, tmp_path / "a.npz")
    result.write(done, tmp_path / "a.csv", every=100)
    arrays = np.load(tmp_path / "a.npz")
    assert np.array_equal(arrays["run0_x"][0], done.runs[0].paths[0].x)
    assert from_data(json.loads(str(arrays["scene"]))) == done.scene
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[0].startswith("run,path,t,x,y,loss") and len(rows) == 1 + 2 * 4
    assert float(rows[4].split(",")[3]) == done.runs[0].paths[0].x[300]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "a.npz"]
