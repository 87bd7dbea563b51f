"""A picture for where it goes: letters that can be read there, and what stands beside the panels."""

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from app import chart
from app.__main__ import main
from app.answer.result import simulate
from app.chart.picture import figure
from app.drawing.draw import Drawing
from app.drawing.pen import Pen
from app.drawing.reel import Reel
from app.film import render
from app.film.targets import SHAPES, TARGETS, named
from app.gallery.presets import preset
from app.picture.look import CREDIT, LEAST, THEMES, Parts
from app.picture.picture import picture
from app.scene import SceneError

PAIR = preset("kicked").scene


def written(monkeypatch, parts: Parts, size: tuple[int, int], name: str = "kicked") -> list[tuple[str, float]]:
    """Every text that a picture has, with the size of its letters in pixels."""
    seen: list[tuple[str, float]] = []
    draw = Pen.text

    def noted(self, x, y, text, size, *rest, **more):
        seen.append((text, size))
        return draw(self, x, y, text, size, *rest, **more)

    monkeypatch.setattr(Pen, "text", noted)
    Reel(picture(simulate(preset(name).scene)), size, THEMES["light"], parts=parts).frame(60.0)
    return [(text, size) for text, size in seen if text]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("name", ["kicked", "race", "reduced", "edge_on_the_plane"])
def test_no_letter_is_too_small_where_the_picture_goes(monkeypatch, target, name) -> None:
    parts = Parts(strips=99, credit=True, ratio=target.ratio)
    seen = written(monkeypatch, parts, target.size, name)
    assert len(seen) > 8 and min(size for _, size in seen) >= LEAST * target.ratio - 1e-9


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("name", ["portrait", "survivors", "disc"])
def test_no_letter_of_a_chart_is_too_small_where_it_goes(target, name) -> None:
    made = figure(chart.whole(preset(name).scene), target.size, "light", "A title", Parts(ratio=target.ratio))
    sizes = [text.get_fontsize() * made.dpi / 72 for text in made.findobj(Text) if text.get_text()]
    assert len(sizes) > 5 and min(sizes) >= LEAST * target.ratio - 1e-9


def test_shapes_are_targets_and_what_is_none_is_refused(capsys) -> None:
    for shape, name in SHAPES.items():
        wide, high = map(int, shape.split(":"))
        assert named(shape) is TARGETS[name]
        assert TARGETS[name].size[0] * high == TARGETS[name].size[1] * wide
    with pytest.raises(SystemExit) as end:
        main(["render", "preset:kicked", "--out", "a.png", "--size", "poster"])
    assert end.value.code == 2 and "blog, slide, square, story or paper" in capsys.readouterr().err


def test_panels_are_stacked_where_the_picture_is_tall() -> None:
    def panels(name: str):
        target = TARGETS[name]
        parts = Parts(strips=target.strips, ratio=target.ratio)
        return Drawing(picture(simulate(PAIR)), target.size, THEMES["light"], parts=parts).layout.panels

    (left, right), (upper, lower) = panels("slide"), panels("story")
    assert left.y == right.y and upper.x == lower.x and lower.y > upper.bottom


def test_what_is_left_out_is_not_there_and_the_panels_take_its_room(monkeypatch) -> None:
    size = (1280, 720)
    everything, bare = (Drawing(picture(simulate(PAIR)), size, THEMES["light"], parts=parts).layout for parts in
                        (Parts(), Parts(title=False, strips=0, words=False)))  # fmt: skip
    assert everything.strips and not bare.strips
    assert bare.panels[0].height > 1.3 * everything.panels[0].height
    words = " ".join(text for text, _ in written(monkeypatch, Parts(title=False, strips=0, words=False), size))
    assert PAIR.title not in words and "Step" not in words and CREDIT not in words
    words = " ".join(text for text, _ in written(monkeypatch, Parts(credit=True), size))
    assert PAIR.title in words and "Step" in words and CREDIT in words and PAIR.sentence[:40] in words


@pytest.mark.parametrize("name", ["kicked", "portrait"])
def test_a_transparent_picture_has_no_ground_and_a_film_has_none_to_leave_out(tmp_path, name) -> None:
    made = render(preset(name).scene, tmp_path / "a.png", (640, 400), parts=Parts(transparent=True))
    alpha = np.asarray(Image.open(made))[..., 3]
    assert alpha[0, 0] == 0 and alpha.max() == 255
    with pytest.raises(SceneError, match="Only a picture"):
        render(PAIR, tmp_path / "a.mp4", (640, 400), parts=Parts(transparent=True))


def test_what_the_page_keeps_in_an_address_is_what_the_stage_writes_there() -> None:
    import re
    from pathlib import Path

    from app.laboratory.dialogs import SEEN

    script = (Path(__file__).parents[1] / "app/canvas/seen.js").read_text("utf-8")
    assert tuple(re.findall(r'"(\w+)"', re.search(r"SEEN = \[(.*?)\]", script)[1])) == SEEN
