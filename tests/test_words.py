"""The words of the film are the words of the stage."""

import json
import shutil
import subprocess

import pytest

from app.answer.result import simulate
from app.drawing.camera import Lens
from app.drawing.field import arrows
from app.drawing.layout import Box
from app.gallery.presets import of_page, preset
from app.picture.picture import picture
from app.picture.words import caption, format_log, format_number, norm_text, plain, tick_text
from app.scene import Run, Scene, View
from app.stage.frame import frame
from app.wire.bundle import bundled
from app.wire.embed import HERE, squeezed

CHAOS, EXPLORE, ZOOM_OUT = of_page("chaos"), of_page("explore"), of_page("zoom-out")

PRESETS = {preset.name: preset.scene for preset in ZOOM_OUT + EXPLORE + CHAOS if preset.scene.chart is None}
PRESETS["diverging crowd"] = Scene(
    landscape="catapult", starts=tuple((0.4 * k + 1, 4.0) for k in range(20)), steps=60,
    runs=(Run(label="a", learning_rate=0.1), Run(label="b", learning_rate=0.05)),
)  # fmt: skip
PRESETS["one of six is gone"] = preset("thrown").scene

SCRIPT = """
import { readFileSync } from "node:fs";
const { caption, decode, formatLog, normText } = await import(process.argv[2]);
const frame = decode(readFileSync(process.argv[3]));
const steps = JSON.parse(process.argv[4]);
console.log(JSON.stringify({
  captions: steps.map((t) => caption(frame, t).map(({ text, strong }) => [text, strong])),
  norms: steps.map((t) => frame.panels.map((panel) => normText(frame, panel, t))),
  numbers: JSON.parse(process.argv[5]).map((v) => formatLog(v)),
}));
"""


@pytest.fixture(scope="module")
def stage_says(tmp_path_factory):
    """What the stage says of a picture at some steps, in node; its source is the one that exported pages carry."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    folder = tmp_path_factory.mktemp("stage")
    (folder / "ask.mjs").write_text(SCRIPT, encoding="utf-8")
    (folder / "stage.mjs").write_text(squeezed(bundled(HERE / "stage" / "stage.js")), encoding="utf-8")

    def ask(seen, steps, numbers=()):
        (folder / "frame").write_bytes(frame(seen))
        arguments = [folder / "stage.mjs", folder / "frame", json.dumps(steps), json.dumps(numbers)]
        answer = subprocess.run([node, folder / "ask.mjs", *arguments], capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)

    return ask


@pytest.mark.parametrize(
    "name",
    ["kicked", "certified", "reduced", "quotient", "race", "five_starts", "warmup", "particles", "diverging crowd",
     "one of six is gone"],
)
def test_film_and_stage_say_the_same(stage_says, name):
    seen = picture(simulate(PRESETS[name]))
    steps = [seen.scene.steps * i // 12 for i in range(13)]
    said = stage_says(seen, steps)
    for t, sentence, norms in zip(steps, said["captions"], said["norms"], strict=True):
        assert [list(piece) for piece in _merged(caption(seen, t))] == _merged(sentence)
        assert [norm_text(seen, panel, t) for panel in seen.panels] == norms


def _merged(pieces):
    """Neighbouring pieces of one kind as one."""
    merged = []
    for text, strong in pieces:
        if merged and merged[-1][1] == strong:
            merged[-1] = [merged[-1][0] + text, strong]
        elif text:
            merged.append([text, strong])
    return merged


def test_film_and_stage_write_numbers_alike(stage_says):
    numbers = [0.01 * i * i * (-1) ** i for i in range(-60, 60)] + [-30000.0, 9280.0]
    assert stage_says(picture(simulate(PRESETS["kicked"])), [0], numbers)["numbers"] == [format_log(v) for v in numbers]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1.00"),
        (0.0336, "0.0336"),
        (-2.5, "−2.50"),
        (7242, "7\u202f242"),
        (2.34e10, "2.3·10¹⁰"),
        (5e-14, "5.0·10⁻¹⁴"),
        (999.7, "1\u202f000"),
    ],
)
def test_a_number_has_three_digits_a_true_minus_and_thin_spaces(value, text):
    assert format_number(value) == text


def test_logarithms_that_no_float_can_hold_the_power_of_are_written():
    assert format_log(9282.0) == "1.3·10⁴⁰³¹"
    assert (format_log(float("inf")), format_log(float("-inf")), format_log(float("nan"))) == ("∞", "0", "–")


@pytest.mark.parametrize(
    ("mantissa", "power", "text"),
    [(5, 3, "5\u202f000"), (-15, -1, "−1.5"), (2, 12, "2·10¹²"), (10, 4030, "10⁴⁰³¹"), (0, 9, "0")],
)
def test_a_tick_is_written_exactly(mantissa, power, text):
    assert tick_text(mantissa, power) == text


def test_twins_are_told_apart_only_where_they_are_apart():
    seen = picture(simulate(PRESETS["kicked"]))
    angles = [run.paths[0].angle for run in seen.result.runs]
    for t in range(0, seen.scene.steps + 1, 7):
        apart = abs((angles[0][t] - angles[1][t] + 3.141592653589793) % 6.283185307179586 - 3.141592653589793)
        assert ("both point at" in plain(caption(seen, t))) == (apart <= 0.01)


def test_a_strip_of_nothing_but_zeros_says_so() -> None:
    """The gap of a certified pair that starts on an axis is 0 at every step, and has no logarithm."""
    runs = (Run(label="d", learning_rate=0.1, weight_decay=0.0), Run(label="t", twin_of="d"))
    seen = picture(simulate(Scene(landscape="quotient", steps=20, runs=runs)))
    gap = next(strip for strip in seen.strips if strip.title.startswith("gap"))
    assert gap.title == "gap between the two: none" and not gap.log and gap.range == (0.0, 0.0)
    assert (gap.lines[0].values == 0).all()


@pytest.mark.parametrize(("window", "said"), [((-4, 4, -0.5, 0.5), True), ((-1, 1, -9, 9), True), ((-2, 2, -1, 1), False)])
def test_a_window_of_another_shape_than_the_picture_is_said(window, said) -> None:
    made = picture(simulate(Scene(landscape="quotient", steps=5, view=View(window=window))))
    assert ("one scale" in plain(caption(made, 3.0))) == said


def test_what_the_hatch_means_is_said_and_no_arrow_lies_in_it() -> None:
    scene = Scene(formula="log(x)+x^2+y^2", starts=((1.5, 1.0),), steps=5)
    made = picture(simulate(scene))
    assert "Hatched: there the loss has no value." in plain(caption(made, 2.0))
    drawn = arrows(made.fields[0], Lens(0.0, 100.0, -100.0, 200.0, 200.0), made.panels[0].window, Box(0, 0, 400, 400))
    assert drawn and all(stroke[:, 0].min() > 190 for stroke in drawn)
    assert "Hatched" not in plain(caption(picture(simulate(Scene(landscape="quotient", steps=5))), 2.0))


def test_a_path_that_has_diverged_does_not_hide_the_lowest_loss_of_the_others():
    seen = picture(simulate(PRESETS["one of six is gone"]))
    said = plain(caption(seen, 60))
    assert "no loss is finite" not in said and "best of 6 starts" in said
