"""Stories: Markdown with scenes. What is read, what is computed, and what is refused in a sentence with its line."""

import json
import re

import pytest

from app.__main__ import main
from app.answer.result import simulate
from app.scene import SceneError, to_data, to_json
from app.scene.changes import changed, difference
from app.story import shelf
from app.story.numbers import QUANTITIES, holds, value
from app.story.story import MAX_STOPS, load, read

HEAD = '+++\ntitle = "A walk"\n+++\n\n'
STUCK = '```scene\npreset = "stuck"\nat = 12\n```\n'
DECAY = '```scene\nchange = { "runs.0.weight_decay" = 0.25, steps = 150 }\nshow = ["loss", "norm"]\n```\n'
STORY = f"{HEAD}# One\n\nIt ends at {{loss}}.\n\n{STUCK}\n---\n# Two\n\n{DECAY}\n---\n# Three\n\nWords only, {{steps}}.\n"


def refused(text: str) -> str:
    with pytest.raises(SceneError) as error:
        read(text)
    return error.value.message


@pytest.fixture(scope="module")
def story():
    return read(STORY)


def test_a_line_of_dashes_begins_a_stop_even_under_words():
    assert [stop.title for stop in read(f"{HEAD}# One\nwords\n---\n# Two\n").stops] == ["One", "Two"]


def test_a_scene_stands_at_its_moment_and_shows_its_curves(story):
    one, two, three = (stop.shown for stop in story.stops)
    assert (one.at, one.scene.title) == (12, "Stuck")
    assert two.at is None and two.scene.view.strips == ("loss", "norm") and two.scene.steps == 150
    assert three is two and not story.stops[2].own


def test_going_back_undoes_a_change_byte_for_byte(story):
    one, two = (to_data(stop.shown.scene) for stop in story.stops[:2])
    assert json.dumps(changed(two, difference(two, one)), sort_keys=True) == json.dumps(one, sort_keys=True)
    assert set(story.changes()[1]) == {"runs.0.weight_decay", "steps", "view"} and story.changes()[2] == {}
    again = read(STORY.replace("# Three\n\nWords", f"# Three\n\n{STUCK}\nWords"))
    assert to_json(again.stops[2].shown.scene) == to_json(again.stops[0].shown.scene)


def test_a_number_in_braces_is_what_the_run_says(story):
    path = simulate(story.stops[0].shown.scene).runs[0].paths[0]
    assert f"ends at <span class=\"number\">{path.loss[-1]:.3f}" in story.stops[0].before
    assert '<span class="number">150</span>' in story.stops[2].before


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_quantity_has_a_value_or_says_why_it_has_none(story, name):
    scene = story.stops[1].shown.scene
    try:
        known, words = value(scene, f"{name} of growing rate at 20")
    except SceneError as error:
        assert error.message.endswith(".")
    else:
        assert isinstance(known, float) and words


def test_quantities_agree_with_the_theorem(story):
    scene = story.stops[1].shown.scene
    product = 0.3 * 0.25
    assert value(scene, "product")[0] == pytest.approx(product)
    assert value(scene, "growth")[0] == pytest.approx((1 - product) ** -2)
    assert value(scene, "times_out of growing rate at 20")[0] == pytest.approx((1 - product) ** -20)
    assert value(scene, "parted of growing rate")[0] == pytest.approx(140, abs=6)
    assert value(scene, "memory")[1] == "13.3" and value(scene, "loss at 12 to 2 digits")[1].count("") < 8


def test_a_claim_is_checked(story):
    scene = story.stops[1].shown.scene
    assert holds(scene, "wells > 10") and not holds(scene, "wells < 10") and holds(scene, "loss at 0 > lowest")


def test_what_is_written_is_text():
    text = HEAD + "# One\n\n<script>window.pwned = 1</script> <img src=x> [a](javascript:alert(1))\n\n<div>\n</div>\n"
    stop = read(text).stops[0]
    assert not re.search(r"<(?:script|img|div|a)\b", stop.before)
    assert "&lt;script&gt;" in stop.before


def test_formulas_become_mathml():
    before = read(HEAD + "# One\n\n$\\eta\\lambda$ and\n\n$$\\frac{1}{2}$$\n").stops[0].before
    assert '<math display="inline">' in before and '<math display="block">' in before and "<mfrac>" in before


def test_an_image_beside_the_story_is_carried_in_it(tmp_path):
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert 'src="data:image/png;base64,' in read(HEAD + "# One\n\n![four](a.png)\n", tmp_path).stops[0].before
    Image.new("1", (5000, 2)).save(tmp_path / "wide.png")
    (tmp_path / "no.png").write_bytes(b"<svg onload='1'/>")
    for name, said in [
        ("wide.png", "Line 7: The image wide.png is 5000×2"), ("no.png", "Line 7: no.png is no image"),
        ("gone.png", "Line 7: There is no image called 'gone.png'"), ("../a.png", "does not lie beside the story"),
        ("https://example.org/a.png", "would be loaded from elsewhere"),
    ]:  # fmt: skip
        with pytest.raises(SceneError, match=re.escape(said)):
            read(f"{HEAD}# One\n\n![one]({name})\n", tmp_path)


ONE = f"{HEAD}# One\n\n"


def scene(*lines: str) -> str:
    return "\n".join(["```scene", *lines, "```", ""])


def asked(*lines: str) -> str:
    return f"{ONE}{STUCK}\n" + "\n".join(["```question", "Where to?", *lines, "```", "", "```answer", "There.", "```", ""])


MISTAKES = {
    "a preset that there is not": (
        ONE + scene('preset = "stuk"'), "Line 8: There is no preset called 'stuk'; perhaps stuck."
    ),
    "a block misspelt": (
        ONE + scene('preset = "stuck"').replace("scene", "scen"), "Line 7: There is no block called 'scen'; perhaps scene."
    ),
    "a change of nothing": (
        ONE + scene("change = { steps = 9 }"),
        "Line 8: change: no scene stands before this one that could be changed; name a preset.",
    ),
    "a change that fits no scene": (
        f"{ONE}{STUCK}\n---\n# Two\n\n" + scene('change = { "runs.7.noise" = 1 }'),
        "Line 16: There is nothing called 'runs.7.noise' in the scene that is changed.",
    ),
    "no TOML": (ONE + scene("preset = stuck"), "Line 8: This is not TOML: Invalid value."),
    "a number misspelt": (
        f"{ONE}words\n{{los}}\n\n{STUCK}", "Line 8: There is no number called 'los'; perhaps loss."
    ),
    "a number of no scene": (
        f"{ONE}{{loss}}\n", "Line 7: A number is computed from a scene; none stands in or before this stop."
    ),
    "no heading": (f"{HEAD}words\n", "Line 5: A stop begins with its heading: a line with # and a few words."),
    "no head": ("# One\n", 'Line 1: A story begins with its head: a line +++, a line title = "…", and a line +++.'),
    "a moment beyond the end": (
        ONE + scene('preset = "stuck"', "at = 99"), "Line 9: at: the scene has the steps 0 to 60; there is no moment 99."
    ),
    "a curve that there is not": (
        ONE + scene('preset = "stuck"', 'show = ["los"]'), "Line 9: show: there is no curve called 'los'; there are loss,"
    ),
    "a control of nothing": (
        ONE + scene('preset = "stuck"', 'controls = ["runs.0.b1"]'), "Line 9: controls: a reader cannot move 'runs.0.b1'"
    ),
    "no answer": (
        f"{ONE}{STUCK}\n```question\nWhere?\nkind = \"place\"\n```\n",
        "Line 12: This question has no answer; write an answer block below it.",
    ),
    "no such kind": (asked('kind = "spot"'), "Line 14: kind: 'spot' is none; there are place, angle, choice, number."),
    "an answer in sight": (
        asked('kind = "place"', "step = 3"),
        "Line 15: step: at step 3 the reader sees the answer; let the scene stand before it (at).",
    ),
    "a claim that is false": (
        asked('kind = "place"', 'holds = "loss > 9"'), "Line 15: holds: it is not true of this scene that loss > 9."
    ),
    "broken mathematics": (
        ONE + "$\\frac{1}$\n", "Line 7: The formula '\\\\frac{1}' is not complete; is a part or a brace missing?"
    ),
    "an unknown command": (
        ONE + "$\\foo$\n", "Line 7: The formula '\\\\foo' holds '\\\\foo', which is not known here."
    ),
    "no end": (
        f'{ONE}```scene\npreset = "stuck"\n', "Line 7: This scene does not end; close it with ``` on a line of its own."
    ),
    "two scenes": (
        f"{ONE}{STUCK}\n{STUCK}", "Line 12: A stop has one scene; begin another stop with --- for the next."
    ),
    "500 stops": (
        HEAD + "\n---\n".join(["\n# One\n"] * 500), f"A story has at most {MAX_STOPS} stops; this one has 500."
    ),
    "a huge file": (HEAD + "x" * 300_000, "A story has at most 200 thousand letters."),
    "a file elsewhere": (
        ONE + scene('file = "/etc/passwd"'), "Line 8: file: this story has no folder, so it can name no file."
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_in_one_sentence_with_its_line(mistake):
    text, said = MISTAKES[mistake]
    assert said in refused(text) and "\n" not in refused(text)


def test_whoever_follows_the_sentences_ends_at_a_right_story():
    text = f'{HEAD}# One\n\nIt ends at {{los}}.\n\n```scen\npreset = "stuk"\nat = 99\n```\n'
    for wrong, right in [("```scen\n", "```scene\n"), ("stuk", "stuck"), ("at = 99", "at = 9"), ("{los}", "{loss}")]:
        refused(text)
        text = text.replace(wrong, right)
    assert read(text).stops[0].shown.at == 9


def test_the_command_says_whether_a_story_is_right(tmp_path, capsys):
    def said(text: str) -> tuple[int, str, str]:
        (tmp_path / "talk.md").write_text(text, "utf-8")
        with pytest.raises(SystemExit) as end:
            main(["story", str(tmp_path / "talk.md"), "--check"])
        return end.value.code or 0, *capsys.readouterr()

    assert said(STORY) == (0, "“A walk” is right: 3 stops, 0 questions.\n", "")
    assert said(STORY.replace("{loss}", "{los}")) == (2, "", "Line 7: There is no number called 'los'; perhaps loss.\n")


@pytest.mark.parametrize("name", shelf.files())
def test_a_story_of_the_shelf_is_right_and_asks(name):
    story = load(shelf.file_of(f"story:{name}"))
    asked = [stop for stop in story.stops if stop.asked]
    assert 6 <= len(story.stops) <= 10 and len(asked) >= 3 and story.sources and story.author
    written = shelf.file_of(f"story:{name}").read_text("utf-8")
    typed = re.sub(r"```scene.*?```|^\w+ = .*?$|\{.*?\}|\$.*?\$", "", written, flags=re.DOTALL | re.MULTILINE)
    body = typed.partition("+++")[2].partition("+++")[2]
    assert not re.search(r"\d[.,]\d|\d{3,}", body), "numbers are computed, never typed"
    back = [to_json(stop.shown.scene) for stop in reversed(story.stops) if stop.shown]
    assert back[::-1] == [to_json(stop.shown.scene) for stop in load(shelf.file_of(f"story:{name}")).stops if stop.shown]
