"""The data of a loss as a plot: what is drawn, what its model says there, and how rows are moved, added and removed."""

import json
import struct

import numpy as np
import pytest

from app.answer.result import simulate
from app.drawing.table import said
from app.edit.controls import data_group
from app.edit.edits import edit
from app.edit.ready import READY
from app.picture.panels import table_of
from app.picture.picture import picture
from app.scene import Scene, SceneError
from app.stage.frame import frame
from landscapes import LANDSCAPES, named, typed
from landscapes.model import model_of

WITH_MODEL = [name for name, each in LANDSCAPES.items() if each.data]
LINE = Scene(landscape="linear_regression")


@pytest.mark.parametrize("name", WITH_MODEL)
def test_every_built_in_loss_of_data_names_its_model_and_the_model_over_its_own_rows_is_that_part_of_the_loss(name):
    landscape = named(name)
    model = model_of(landscape)
    assert model is not None and set(model.inputs) <= set(dict(landscape.data))
    columns = {column: np.array(values) for column, values in landscape.data}
    says = model.at(0.7, -0.4, {each: columns[each] for each in model.inputs}, landscape.knob_values)
    z = 0.7 * columns["u"] - 0.4 * columns.get("v", 1.0)
    expected = {
        "batch_norm_neuron": (z - z.mean()) / z.std(), "batch_norm_stopped": (z - z.mean()) / z.std(),
        "uncentred_batch_norm": z / np.sqrt(np.mean(z**2)), "weight_norm": z / np.hypot(0.7, 0.4),
        "layer_norm_pair": np.sqrt(2) * 0.7 * columns["u"] / np.hypot(0.7 * columns["u"], 0.4 * columns.get("v", 1.0)),
        "tanh_neuron": np.tanh(z), "relu_neuron": np.maximum(z, 0), "scaled_tanh": -0.4 * np.tanh(0.7 * columns["u"]),
        "two_layer_linear": -0.28 * columns["u"], "uncentred_regression": 0.7 * (columns["u"] + 3) - 0.4,
    }.get(name, z)  # fmt: skip
    assert np.allclose(says, expected, rtol=1e-12, atol=1e-14)


def test_a_formula_without_a_name_for_its_model_shows_its_points_alone():
    scene = Scene(formula="mean((x*u + y*v - t)^2)", data={"u": (1.0, 2.0), "v": (0.0, 1.0), "t": (1.0, -1.0)})
    table = table_of(scene)
    assert table.model is None and table.columns == ("u", "v") and table.points == ((1.0, 0.0), (2.0, 1.0))
    assert said(table, (1.0, 1.0), (-1, 1, -1, 1), {}) == []
    assert table_of(Scene(landscape="quadratic")) is None


def test_a_line_is_the_models_height_and_a_border_is_where_it_is_zero():
    (line,) = said(table_of(LINE), (2.0, -1.0), (-3, 3, -9, 9), {})
    assert np.allclose(line[:, 1], 2 * line[:, 0] - 1) and (line[0, 0], line[-1, 0]) == (-3, 3)
    scene = Scene(landscape="logistic_regression")
    (border,) = said(table_of(scene), (1.5, -0.7), (-2, 2, -2, 2), {})
    assert np.allclose(1.5 * border[:, 0] - 0.7 * border[:, 1], 0, atol=1e-12)
    assert table_of(scene).filled == tuple(t > 0 for t in dict(named("logistic_regression").data)["t"])


def test_the_page_gets_the_points_and_the_model_as_a_program():
    content = frame(picture(simulate(LINE)))
    header = json.loads(content[8 : 8 + struct.unpack("<I", content[4:8])[0]])
    plane, data = header["panels"]
    assert plane["start_handle"] and not data["start_handle"] and data["table"]["columns"] == ["u", "t"]
    assert data["table"]["points"] == [list(point) for point in table_of(LINE).points]
    ops = data["table"]["model"]["program"]["ops"]
    assert ["u"] in ops and data["axes"]["x"]["label"] == "u"


def test_a_row_is_moved_added_and_removed_and_the_rest_stays():
    moved = edit(LINE, "row:2", [0.5, 2.5])
    before = dict(LINE.field.data)
    assert moved.data["u"] == (*before["u"][:2], 0.5, *before["u"][3:]) and moved.data["t"][2] == 2.5
    assert edit(LINE, "row:2", "0.5, 2.5").data == moved.data
    added = edit(moved, "row:6", [1.0, -1.0])
    assert len(added.data["u"]) == 7 and (added.data["u"][-1], added.data["t"][-1]) == (1.0, -1.0)
    assert edit(added, "row:6:remove", True).data == moved.data
    assert len(edit(LINE, "row:add", True).data["u"]) == 7
    for wrong, value in (("row:9", [0, 0]), ("row:6:remove", True), ("row:0", "one, 2"), ("row:0", "1")):
        with pytest.raises(SceneError):
            edit(LINE, wrong, value)


def test_a_point_that_is_dragged_on_a_plot_of_two_inputs_keeps_its_target():
    scene = Scene(landscape="batch_norm_neuron")
    moved = edit(scene, "row:0", [2.0, 2.0])
    assert moved.data["t"] == dict(scene.field.data)["t"] and moved.data["u"][0] == moved.data["v"][0] == 2.0


@pytest.mark.parametrize("name", READY)
def test_ready_made_data_are_what_their_words_say_and_leave_the_target_alone(name):
    made = edit(LINE, "row:ready", name)
    before, u = np.array(dict(LINE.field.data)["u"]), np.array(made.data["u"])
    assert made.data["t"] == dict(LINE.field.data)["t"]
    check = {
        "centred": lambda: abs(u.mean()) < 1e-5 and np.allclose(u - u.mean(), before - before.mean(), atol=1e-5),
        "standardised": lambda: abs(u.mean()) < 1e-5 and abs(u.std() - 1) < 1e-5,
        "uncentred": lambda: np.allclose(u, before + 3), "scaled": lambda: np.allclose(u, 3 * before),
        "outlier": lambda: np.allclose(u, [5 * before[0], *before[1:]]),
    }
    assert check[name]()


def test_every_row_has_a_box_to_type_in_and_there_are_at_most_sixty_four():
    assert [control["id"] for control in data_group(LINE)["controls"]] == [
        "row:ready", *(f"row:{i}" for i in range(6)), "row:add",
    ]  # fmt: skip
    many = Scene(landscape="linear_regression", data={"u": tuple(range(64)), "t": (0.0,) * 64})
    assert data_group(many)["controls"][-1]["id"] == "row:63"
    with pytest.raises(SceneError, match="1 to 64 rows"):
        edit(many, "row:64", [0, 0])
    single = typed("mean(u)*x", data={"u": (2.0,)})
    assert single.rows == 1
