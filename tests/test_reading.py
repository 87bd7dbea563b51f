"""Numbers are read as people and the page itself write them, in every field of the rail alike."""

import pytest

from app.edit.edits import edit
from app.edit.reading import number, several, whole
from app.scene import Scene, SceneError
from app.views import explore, zoom_out

PAIR, RACE = zoom_out.PAGE.presets[0].scene, explore.PAGE.presets[0].scene


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.27", 0.27), (" .5 ", 0.5), ("5.", 5), ("12,5", 12.5), ("0,07", 0.07), ("1,000.5", 1000.5), ("1.000,5", 1000.5),
     ("1,000,000", 1e6), ("1.000.000", 1e6), ("1 000", 1000), ("1\u202f000,5", 1000.5), ("1'000", 1000), ("−0.3", -0.3),
     ("–3", -3), ("+2", 2), ("1e-3", 1e-3), ("2.5E+3", 2500), ("1e−3", 1e-3), ("3·10⁻⁴", 3e-4), ("3×10^-4", 3e-4),
     ("10⁵", 1e5), ("−2*10**3", -2000), ("-10^2", -100)],
)  # fmt: skip
def test_a_number_is_what_it_looks_like(text: str, value: float) -> None:
    assert number(text, "Rate") == value


@pytest.mark.parametrize("text", ["", " ", "a lot", "0x10", "1 00", "1,2,3", "--1", "1e", "e3", "0.3x", "1..2", "10⁻", "·3"])
def test_what_is_no_number_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(SceneError, match="^Learning rate: write a number such as 0.3.$"):
        number(text, "Learning rate")


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "∞", "1e999", "Infinity"])
def test_infinity_is_refused_in_words(text: str) -> None:
    for read in (number, whole):
        with pytest.raises(SceneError, match="has to be a finite number"):
            read(text, "Steps")


@pytest.mark.parametrize(
    ("text", "value"),
    [("300", 300), ("1,000", 1000), ("1 000", 1000), ("1\u202f000", 1000), ("200\u2009000", 200000), ("3e2", 300),
     ("2.0", 2), ("1,000,000", 1_000_000)],
)  # fmt: skip
def test_a_whole_number_may_have_marks_between_its_thousands(text: str, value: int) -> None:
    assert whole(text, "Steps") == value


@pytest.mark.parametrize("text", ["12,5", "2.7", "1.000", "0.5", "1e-3"])
def test_a_number_that_is_not_whole_is_refused_and_never_cut(text: str) -> None:
    with pytest.raises(SceneError, match="^Steps is a whole number"):
        whole(text, "Steps")


@pytest.mark.parametrize(
    "text", ["−0.5, 0.7", "-0,5; 0,7", "(−0.5, 0.7)", "-0.5 0.7", "−0,5 0,7", "-0.5,0.7", "[-0.5; 0.7]", "−5·10⁻¹; 0,7"]
)
def test_two_numbers_stand_side_by_side_in_many_ways(text: str) -> None:
    assert several(text, "Start 1", 2) == [-0.5, 0.7]
    assert edit(RACE, "start:0", text).points[0] == (-0.5, 0.7)


@pytest.mark.parametrize("text", ["0.5", "0,5,0,7", "1; 2; 3", "here", ""])
def test_what_is_not_two_numbers_is_refused_with_an_example_of_both_ways(text: str) -> None:
    with pytest.raises(SceneError, match="Start 1: write (two numbers|a number)"):
        edit(RACE, "start:0", text)


FIELDS = [
    "run:0:learning_rate", "run:0:weight_decay", "run:0:momentum", "run:0:clip_norm", "run:0:noise", "steps", "seed",
    "view:seconds",
]  # fmt: skip


@pytest.mark.parametrize("control", FIELDS)
def test_every_field_reads_with_the_one_reader(control: str) -> None:
    for nonsense in ("a lot", "inf", "1,2,3", "", "--1"):
        with pytest.raises(SceneError) as refusal:
            edit(RACE, control, nonsense)
        assert "_" not in refusal.value.message and refusal.value.message.endswith(".")
    if control in ("steps", "seed"):
        assert edit(RACE, control, "1,000") == edit(RACE, control, "1\u202f000") == edit(RACE, control, 1000)
    else:
        assert edit(RACE, control, "0,5") == edit(RACE, control, "5e−1") == edit(RACE, control, 0.5)


def test_a_schedule_reads_its_lists_too() -> None:
    stepped = edit(PAIR, "run:0:learning_rate:schedule", "step")
    assert edit(stepped, "run:0:learning_rate:values", "0,03").runs[0].learning_rate.values == [0.03]
    with pytest.raises(SceneError, match="whole"):
        edit(stepped, "run:0:learning_rate:at", "2.7")


def test_a_knob_keeps_its_value_while_the_formula_around_it_is_written() -> None:
    scene = edit(Scene(formula="a*cos(2*theta); a = 0.5 in [0, 1]"), "knob:a", "0,9")
    for longer in ("a*cos(2*theta) + 1; a = 0.5 in [0, 1]", "a*cos(2*theta) + b; a = 0.5 in [0, 1]; b = 1 in [0, 2]"):
        assert edit(scene, "formula", longer).knobs == {"a": 0.9}
    assert edit(scene, "formula", "a*cos(2*theta); a = 0.7 in [0, 1]").knobs == {}  # another value was written
    assert edit(scene, "formula", "a*cos(2*theta); a = 0.5 in [0, 0.6]").knobs == {}  # it does not fit any more
    assert edit(scene, "formula", "cos(2*theta)").knobs == {}
    undeclared = Scene(formula="a*x^2 + y^2", knobs={"a": 2.0})
    assert edit(undeclared, "formula", "a*x^2 + y^2 + 1").knobs == {"a": 2.0}
