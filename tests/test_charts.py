"""Charts: every preset refines to its end, comes back from everywhere, is refused in a sentence, and can be zoomed."""

import json
import math
import re
import runpy
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from app import chart
from app.answer import result
from app.chart import sides
from app.chart.colours import KINDS, MISSING, PLACES, paint, table_from, table_of
from app.chart.sheet import Axis as Shown
from app.chart.sheet import Curve, Plot, Raster, Sheet, sent
from app.chart.zooming import CLOSEST, between, zoomed
from app.edit.chart_controls import chart_groups
from app.edit.edits import edit
from app.gallery.presets import of_page
from app.scene import (
    Atlas,
    Portrait,
    Run,
    Scene,
    SceneError,
    from_data,
    from_link,
    read,
    to_data,
    to_json,
    to_link,
    to_python,
    to_toml,
)
from app.scene.charts import side
from dynamics import RULES
from dynamics.atlas import Axis, can_vary
from dynamics.statistics import STATISTICS

ATLAS, CHAOS = of_page("atlas"), of_page("chaos")

PRESETS = [preset for preset in (*ATLAS, *CHAOS) if preset.scene.chart is not None]
MAP = Scene(landscape="five_wells", runs=(Run(label="a", weight_decay=0.1),), steps=40, chart=Atlas(y="start.angle:-3:3"))


@pytest.fixture(params=PRESETS, ids=lambda preset: preset.name)
def scene(request):
    return request.param.scene


@lru_cache
def sheets(scene):
    return list(chart.sheets(scene))


# ---------------------------------------------------------------------------------------------------------------------
# The presets


def test_a_preset_shows_something_coarse_first_and_ends_whole(scene):
    done = [sheet.done for sheet in sheets(scene)]
    assert done == sorted(set(done)) and done[-1] == 1
    for before, after in zip(sheets(scene), sheets(scene)[1:], strict=False):
        assert [plot.title for plot in before.plots] == [plot.title for plot in after.plots]
        for a, b in zip(before.plots, after.plots, strict=True):
            assert (a.raster is None) == (b.raster is None)
            assert a.raster is None or a.raster.levels.size <= b.raster.levels.size


def test_a_preset_draws_something_within_its_axes_and_says_what(scene):
    whole = sheets(scene)[-1]
    assert whole.caption.endswith(".")
    for plot in whole.plots:
        assert plot.x.low < plot.x.high and plot.y.low < plot.y.high and (plot.x.low > 0 or not plot.x.log)
        if plot.raster is not None:
            assert len(np.unique(plot.raster.levels)) > 1 and plot.raster.levels.max() < len(plot.raster.table)
        assert plot.raster is not None or any(_within(plot, curve).any() for curve in plot.curves)


def _within(plot: Plot, curve: Curve) -> np.ndarray:
    return (curve.x >= plot.x.low) & (curve.x <= plot.x.high) & (curve.y >= plot.y.low) & (curve.y <= plot.y.high)


def test_work_that_is_cancelled_ends_without_a_whole_sheet(scene):
    assert [sheet for sheet in chart.sheets(scene, lambda: True) if sheet.done == 1] == []


def test_a_chart_comes_back_from_toml_json_and_its_link(scene):
    written = replace(scene, starts=scene.points)
    assert read(to_toml(scene)) == written and read(to_json(scene)) == written
    assert from_link(to_link(scene, "https://example.org/")) == written and from_data(to_data(scene)) == written


def test_a_chart_comes_back_from_its_own_python_source(scene, tmp_path):
    file = tmp_path / "scene.py"
    file.write_text(to_python(scene), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result, "simulate", lambda scene: result.Result(scene, ()))
        assert runpy.run_path(str(file))["scene"] == replace(scene, starts=scene.points)


# ---------------------------------------------------------------------------------------------------------------------
# Refusals

ATLAS_DATA = {"kind": "atlas", "x": "runs.0.learning_rate:log:0.01:1", "y": "start.norm:0.1:2"}
BAD = {
    "unknown kind": ({"kind": "pie"}, {}, "no such chart"),
    "no kind": ({"x": "start.x:0:1"}, {}, "kind"),
    "unknown field": (ATLAS_DATA | {"z": 1}, {}, "no field called"),
    "unknown statistic": (ATLAS_DATA | {"statistic": "beauty"}, {}, "no statistic called 'beauty'"),
    "unknown axis": (ATLAS_DATA | {"y": "runs.0.b9:0:1"}, {}, "cannot be 'b9'"),
    "unknown knob": (ATLAS_DATA | {"y": "knobs.z:0:1"}, {}, "cannot be 'z'"),
    "the same axis twice": (ATLAS_DATA | {"y": ATLAS_DATA["x"]}, {}, "two different ones"),
    "upside down": (ATLAS_DATA | {"y": "start.norm:2:1"}, {}, "low < high"),
    "infinite": (ATLAS_DATA | {"y": "start.norm:1:inf"}, {}, "An axis is written as"),
    "a logarithm of zero": (ATLAS_DATA | {"y": "start.norm:log:0:1"}, {}, "above 0"),
    "a negative norm": (ATLAS_DATA | {"y": "start.norm:-1:1"}, {}, "never negative"),
    "clipping from nothing": (ATLAS_DATA | {"y": "runs.0.clip_norm:0:1"}, {}, "above 0"),
    "ηλ beside no rate": (ATLAS_DATA | {"x": "runs.0.learning_rate:0:1", "y": "runs.0.intrinsic:0:1"}, {}, "above 0"),
    "ηλ beside λ": (ATLAS_DATA | {"x": "runs.0.weight_decay:0:1", "y": "runs.0.intrinsic:0:1"}, {}, "only one of the two"),
    "two runs": (ATLAS_DATA | {"y": "runs.1.weight_decay:0:1"}, {"runs": [{}, {}]}, "here they name two"),
    "no such run": (ATLAS_DATA | {"x": "runs.7.learning_rate:0.1:1", "y": "runs.7.weight_decay:0:1"}, {}, "no run 7"),
    "a twin": (
        ATLAS_DATA | {"x": "runs.1.learning_rate:0.1:1"}, {"runs": [{"label": "a"}, {"twin_of": "a"}]}, "partner",
    ),
    "a zoom that begins elsewhere": (ATLAS_DATA | {"begin": ["start.x:0:1", "start.y:0:1"]}, {}, "begins and ends"),
    "certified": (ATLAS_DATA, {"arithmetic": "certified"}, "float32 or float64"),
    "shared": ({"kind": "portrait"}, {"arithmetic": "shared"}, "float32 or float64"),
    "script": (ATLAS_DATA | {"statistic": "<script>alert(1)</script>"}, {}, "no statistic called"),
    "a private name": (ATLAS_DATA | {"y": "runs.0.__class__:0:1"}, {}, "cannot be '__class__'"),
    "a way out": (ATLAS_DATA | {"y": "../../etc/passwd:0:1"}, {}, "An axis is written as"),
    "an endless axis": (ATLAS_DATA | {"y": "x" * 4000}, {}, "at most 120"),
    "unknown watched": ({"kind": "orbits", "watched": "fun"}, {}, "no watched quantity called 'fun'"),
    "more kept than there is": ({"kind": "orbits", "kept": 500}, {"steps": 300}, "at most its 300 steps"),
    "a diagram upside down": ({"kind": "orbits", "window": [2.0, 1.0]}, {}, "the lower one first"),
    "a portrait upside down": ({"kind": "portrait", "window": [0.0, 1.0, 2.0, 1.0]}, {}, "the lower one first"),
    "a window of nan": ({"kind": "portrait", "window": [0.0, math.nan, 0.0, 1.0]}, {}, "finite numbers"),
    "tangential on a bowl": ({"kind": "ensemble"}, {"landscape": "quadratic"}, "ignores the length"),
    "basins of a formula": (ATLAS_DATA | {"statistic": "basin"}, {"landscape": None, "formula": "x^4 + y^2"}, "minima"),
    "converging on a formula": (
        ATLAS_DATA | {"statistic": "steps_to_converge"}, {"landscape": None, "formula": "x^4 + y^2"}, "minima",
    ),
    "averages on a formula": (
        {"kind": "averages", "tangential": False}, {"landscape": None, "formula": "x^4 + y^2"}, "minima",
    ),
    "basins along a knob": (
        ATLAS_DATA | {"statistic": "basin", "y": "knobs.phi:0:1"}, {"landscape": "rotated_quotient"}, "knob may move",
    ),
    "too few particles": ({"kind": "ensemble", "particles": 1}, {}, "of at least 100"),
    "too many particles": ({"kind": "ensemble", "particles": 10**9}, {}, "of at most"),
    "too much work": ({"kind": "ensemble", "particles": 1_000_000}, {"steps": 100_000}, "at most 1.0e+10"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_chart_that_cannot_be_is_refused_in_one_sentence(name):
    made, more, words = BAD[name]
    with pytest.raises(SceneError) as refusal:
        from_data({"landscape": "five_wells", "chart": made} | more)
    message = refusal.value.message
    assert words in message and message.endswith(".") and "\n" not in message and len(message) < 400


words = st.text(max_size=30) | st.sampled_from(
    ["nan", "inf", "-1", "0", "1e999", "log", "start", "runs.0", "x", "learning_rate"]
)


@given(st.lists(words, min_size=1, max_size=5))
def test_any_text_is_an_axis_or_is_refused_in_one_sentence(pieces):
    text = ":".join(pieces)
    try:
        axis = side(text).axis
    except SceneError as refusal:
        assert refusal.message.endswith(".") and "\n" not in refusal.message
    else:
        assert axis.low < axis.high and math.isfinite(axis.high - axis.low)


# ---------------------------------------------------------------------------------------------------------------------
# Sides as text

numbers = st.floats(-1e6, 1e6).map(lambda v: v or 1.0)
widths = st.floats(-12, 3).map(lambda power: 10.0**power)


@given(numbers, widths)
def test_a_side_written_out_keeps_its_numbers_however_narrow_it_is(low, width):
    given_side = side("start.x:0:1")._replace(axis=Axis("x", low, low + width * abs(low)))
    again = side(given_side.text).axis
    narrow = given_side.axis.high - given_side.axis.low
    assert abs(again.low - given_side.axis.low) <= 1e-3 * narrow and abs(again.high - given_side.axis.high) <= 1e-3 * narrow


def test_every_axis_of_a_scene_begins_as_a_side_that_the_scene_takes():
    for landscape, x in (("five_wells", "start.norm:0.1:1"), ("uncentred_regression", "start.x:-1:1")):
        scene = Scene(landscape=landscape, runs=(Run(rule="adam"),))
        for name in set(can_vary(scene.field, scene.runs[0].motion)) - {"norm", "x"}:
            usual = sides.usual(scene, 0, name)
            assert side(usual.text).axis.name == name
            assert replace(scene, chart=Atlas(x=x, y=usual.text)).chart.y == usual.text


# ---------------------------------------------------------------------------------------------------------------------
# The rail

CONTROLS = ("select", "slider", "text", "toggle", "entry")


def controls(scene):
    return [control for group in chart_groups(scene) for control in group["controls"]]


def test_what_varies_along_an_axis_has_no_control_of_its_own():
    scene = Scene(landscape="quadratic", chart=Atlas(x="knobs.h:0.1:1", y="runs.0.learning_rate:0.1:1"))
    offered = {control["id"] for control in controls(scene) if "id" in control}
    assert "run:0:weight_decay" in offered and "run:0:weight_decay:schedule" in offered
    assert not [name for name in offered if name.startswith(("knob:", "run:0:learning_rate"))]


def test_another_loss_is_looked_at_through_a_window_of_its_own():
    looked = chart.zoomed(Scene(landscape="quotient", chart=Portrait()), (-2, -1, -0.5, 0.2))
    for loss in ("five_wells", "formula"):
        assert looked.chart.window is not None and edit(looked, "landscape", loss).chart.window is None


def test_a_control_set_to_what_it_shows_changes_nothing(scene):
    for control in controls(scene):
        if control["kind"] in CONTROLS and control["id"] != "landscape":
            after = edit(scene, control["id"], control["value"])
            for name in "xy":
                before = getattr(scene.chart, name, None)
                if before is not None:  # a range is shown, and a chosen side begins, in six digits or with its usual range
                    assert side(getattr(after.chart, name)).path == side(before).path, control["id"]
                    if control["id"] != f"chart:{name}":
                        wanted = side(before).axis
                        assert side(getattr(after.chart, name)).axis[1:] == pytest.approx(wanted[1:], rel=1e-5), control[
                            "id"
                        ]
            assert charts_apart_from_sides(after) == charts_apart_from_sides(scene), control["id"]


def charts_apart_from_sides(scene):
    """A scene's data without its chart's sides, and with every rule's hyperparameters written out."""
    data = to_data(scene)
    data["knobs"] = scene.field.knob_values | scene.knobs
    for run in data["runs"]:
        run |= RULES[run["rule"]].defaults | {name: value for name, value in run.items() if name in RULES[run["rule"]].knobs}
        run.setdefault("weight_decay", 0.0)
    return data | {"chart": {name: value for name, value in data["chart"].items() if name not in ("x", "y", "window")}}


def test_whatever_a_rail_offers_is_drawn_or_refused_in_one_sentence(scene):
    for control in controls(scene):
        for option in control["options"] if control["kind"] == "select" and control["id"].startswith("chart:") else ():
            try:
                after = edit(scene, control["id"], option[0])
            except SceneError as refusal:
                assert refusal.message.endswith(".") and "\n" not in refusal.message
            else:
                value = getattr(after.chart, control["id"].removeprefix("chart:"))
                assert value == option[0] or side(value).axis.name == option[0]
                assert controls(after)


# ---------------------------------------------------------------------------------------------------------------------
# Looking closer


@given(st.booleans(), st.tuples(numbers, widths), st.tuples(numbers, widths), st.floats(0.05, 0.9))
def test_a_zoom_begins_and_ends_on_its_sides_and_shrinks_at_an_even_pace(log, first, last, share):
    def window(low, width):
        low = abs(low) if log else low
        return side("start.norm:log:1:2" if log else "start.x:0:1")._replace(
            axis=Axis("x", low, low + width * abs(low), log)
        )

    a, b = window(*first), window(*last)
    assume(all(each.axis.high - each.axis.low > 1e-9 * abs(each.axis.high) for each in (a, b)))
    scale = max(abs(end) for each in (a, b) for end in each.axis[1:3])
    assert between(a, b, 0.0)[1:3] == pytest.approx(a.axis[1:3], rel=1e-9, abs=1e-9 * scale)
    assert between(a, b, 1.0)[1:3] == pytest.approx(b.axis[1:3], rel=1e-9, abs=1e-9 * scale)
    sizes = [_size(between(a, b, k * share)) for k in (0, 0.5, 1)]
    if min(sizes) > 1e-6 * (1 if log else scale):  # else rounding of the ends hides the width
        assert sizes[0] * sizes[2] == pytest.approx(sizes[1] ** 2, rel=1e-3)


def _size(axis: Axis) -> float:
    return math.log(axis.high / axis.low) if axis.log else axis.high - axis.low


def test_a_zoom_remembers_where_it_began_however_often_one_looks_closer():
    once = zoomed(MAP, (0.1, 0.5, -60, 60))
    twice = zoomed(once, (0.2, 0.3, -10, 10))
    assert once.chart.begin == twice.chart.begin == (MAP.chart.x, MAP.chart.y)
    assert side(twice.chart.x).axis[1:3] == (0.2, 0.3) and side(twice.chart.x).axis.log
    assert side(twice.chart.y).axis[1:3] == pytest.approx((-math.pi / 18, math.pi / 18), rel=1e-5)  # a sixth digit is kept


def test_a_zoom_out_stops_where_numbers_would_turn_negative():
    wide = replace(MAP, chart=Atlas(x="runs.0.learning_rate:0.1:1", y="start.norm:log:0.1:1"))
    out = zoomed(wide, (-3.0, 4.0, -1.0, 5.0)).chart
    assert side(out.x).axis[1:3] == (0, 4) and 0 < side(out.y).axis.low < 1e-6


@pytest.mark.parametrize("arithmetic", CLOSEST)
@pytest.mark.parametrize("middle", [0.3, 0.5000001, 0.99999])
def test_neighbouring_pixels_of_the_closest_look_are_different_numbers(arithmetic, middle):
    scene = replace(MAP, arithmetic=arithmetic, chart=Atlas(x="start.x:0.1:1", y="runs.0.learning_rate:0.1:1"))
    half = 0.51 * CLOSEST[arithmetic] * middle
    axis = side(zoomed(scene, (middle - half, middle + half, 0.1, 0.2)).chart.x).axis
    assert len(np.unique(axis.values(512).astype(arithmetic))) == 512
    with pytest.raises(SceneError, match=f"as close as {arithmetic}"):
        zoomed(scene, (middle - half / 2, middle + half / 2, 0.1, 0.2))


@pytest.mark.parametrize("window", [(0.5, 0.1, -1, 1), (0.1, math.nan, -1, 1), (0.1, 0.5, -1, math.inf), (-3, -2, -1, 1)])
def test_a_window_without_an_inside_is_refused_in_one_sentence(window):
    with pytest.raises(SceneError, match=r"finite ends, the lower one first\.$"):
        zoomed(MAP, window)


def test_the_way_back_restores_the_window_and_keeps_everything_else():
    closer = zoomed(MAP, (0.1, 0.5, -60, 60))
    changed = replace(closer, steps=77, chart=replace(closer.chart, statistic="log_norm"))
    back = chart.seen_as(changed, MAP)
    assert back.chart == replace(MAP.chart, statistic="log_norm") and back.steps == 77


# ---------------------------------------------------------------------------------------------------------------------
# Colours

LOSS, NORM, REGIME = (STATISTICS[name] for name in ("final_loss", "log_norm", "regime"))


def test_every_colour_is_about_as_frequent_as_any_other():
    values = np.random.default_rng(0).lognormal(sigma=4, size=(100, 254))
    counts = np.bincount(paint(values, LOSS).levels(values).ravel(), minlength=254)
    assert counts[:254].min() >= 99 and counts[:254].max() <= 101
    signed = np.concatenate([values, -(values[:, :50] ** 3)], axis=1)
    counts = np.bincount(paint(signed, NORM).levels(signed).ravel(), minlength=254)
    assert counts[:127].min() >= 39 and counts[:127].max() <= 40 and counts[127:254].min() >= 199


some = st.lists(st.floats(-1e30, 1e30) | st.just(math.nan), min_size=1, max_size=40).map(np.array)


@given(some, some)
def test_the_sign_of_a_value_never_crosses_the_middle_even_in_colours_made_for_others(sample, values):
    levels = paint(sample, NORM).levels(values)
    assert np.all(levels[values < 0] <= 127) and np.all((levels[values >= 0] >= 127) & (levels[values >= 0] < 255))
    own = paint(values, NORM).levels(values)
    assert np.all(own[values < 0] < 127)


def test_the_grey_of_what_is_missing_is_no_colour_of_any_map_or_kind() -> None:
    for table in (table_of("cividis")[:-1], table_of("RdBu_r")[:-1], table_from(*KINDS, *PLACES)):
        assert np.linalg.norm(table.astype(float) - MISSING, axis=1).min() > 50


@given(some)
def test_a_larger_value_never_has_a_lower_colour_and_what_is_missing_is_grey(values):
    for statistic in (LOSS, NORM):
        colours = paint(values, statistic)
        order = np.sort(values[np.isfinite(values)])
        assert np.all(np.diff(colours.levels(order).astype(int)) >= 0)
        grey = colours.table[colours.levels(values)[np.isnan(values)]]
        assert np.all(grey == MISSING)
        shares = [float(text.replace("−", "-")) for _, text in colours.key("").ticks]
        assert shares == sorted(shares)


@pytest.mark.parametrize("count", [2, 5, 23, 49])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_kind_has_its_own_colour_whatever_else_is_on_the_map(count, kind):
    words = tuple(f"kind {k}" for k in range(count))
    for values in (np.arange(count, dtype=kind), np.array([0, count - 1, np.nan], kind)):
        colours = paint(values, REGIME, words)
        drawn = colours.table[colours.levels(values)]
        wanted = [KINDS[int(v) % len(KINDS)] if np.isfinite(v) else "#{:02x}{:02x}{:02x}".format(*MISSING) for v in values]
        assert ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in drawn] == [colour.lower() for colour in wanted]
        assert [word for _, word in colours.key("").words] == list(words)


# ---------------------------------------------------------------------------------------------------------------------
# What is sent


def test_a_raster_that_the_page_has_is_not_sent_again():
    levels = np.random.default_rng(0).integers(0, 9, (60, 80), np.uint8)
    raster = Raster(levels, np.zeros((9, 3), np.uint8), (0.0, 1.0, 0.0, 1.0), levels.astype(float))
    plots = (
        Plot("a", Shown("x", 0, 1), Shown("y", 0, 1), raster=raster),
        Plot("b", Shown("x", 0, 1), Shown("y", 0, 1), raster=raster),
    )
    sheet = Sheet(plots, "words.", columns=(1.0, 1.0))
    both, one, none = (
        sent(sheet, name="3.1", have=frozenset(have)) for have in ([], ["3.1/0"], ["3.1/0", "3.1/1", "2.9/7"])
    )
    pixels = 5 * levels.size  # one byte of colour and four of value
    assert len(both) - len(one) > 0.99 * pixels and len(one) - len(none) > 0.99 * pixels and len(none) < 2000
    assert re.search(rb'"id":"3.1/0".*"id":"3.1/1"', none)  # but it is said which ones are meant


def test_a_title_is_sent_as_it_was_written():
    hostile = '"}]</script><b>é\u2028'
    plot = Plot(hostile, Shown(hostile, 0, 1), Shown("y", 0, 1), curves=(Curve(np.arange(3.0), np.arange(3.0), hostile),))
    data = sent(Sheet((plot,), hostile))
    header = json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])
    assert header["caption"] == header["plots"][0]["title"] == header["plots"][0]["curves"][0]["label"] == hostile
