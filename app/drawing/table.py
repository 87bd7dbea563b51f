"""The data of a loss on their own plot, and what each run's model says of them at a step."""

import numpy as np

from app.drawing.camera import Lens
from app.drawing.pen import Pen, Style
from app.picture.panels import Panel, Table, Window
from app.picture.picture import Picture

SAMPLES = 97
"""places of a line; a border is followed through half as many cells each way"""
Line = np.ndarray
"""points (n, 2)"""


def said(table: Table, weights: tuple[float, float], window: Window, knobs: dict[str, float]) -> list[Line]:
    """What the model of some weights says: its height over one input, or where it is zero between two."""
    x0, x1, y0, y1 = window
    if table.model is None or not np.all(np.isfinite(weights)):
        return []
    if not table.border:
        across = np.linspace(x0, x1, SAMPLES)
        return [np.stack([across, table.model.at(*weights, {table.model.inputs[0]: across}, knobs)], axis=1)]
    across, up = np.linspace(x0, x1, SAMPLES // 2 + 1), np.linspace(y0, y1, SAMPLES // 2 + 1)
    names = table.model.inputs
    height = table.model.at(*weights, {names[0]: across[None, :], names[1]: up[:, None]}, knobs)
    if not np.isfinite(height).all() or height.min() >= 0 or height.max() <= 0:
        return []
    from contourpy import contour_generator

    return contour_generator(across, up, height).lines(0.0)


def draw_table(pen: Pen, picture: Picture, panel: Panel, lens: Lens, window: Window, t: float, style: Style) -> None:
    table, m, knobs = panel.table, style.stroke, picture.fields[0].knobs
    assert table is not None
    now = int(np.floor(t + 1e-9))
    for run in panel.runs:
        for path in picture.result.runs[run].paths:
            for line in said(table, (float(path.x[now]), float(path.y[now])), window, knobs):
                dash = tuple(d * m for d in picture.dashes[run])
                pen.line(lens.project(*line.T), picture.colours[run], 2.4 * m, 1.0, dash)
    for (x, y), filled in zip(table.points, table.filled, strict=True):
        place = lens.project(np.array(x), np.array(y))
        pen.disc(*place, 6 * m, style.theme.soft)
        pen.disc(*place, 5 * m, style.theme.text)
        if not filled:
            pen.disc(*place, 3 * m, style.theme.soft)
