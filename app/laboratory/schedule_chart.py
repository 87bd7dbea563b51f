"""The schedule of a twin as a plotly figure: a pure function of data."""

from typing import TYPE_CHECKING, Any

import numpy as np

from app.answer.twin_report import partners
from app.picture.picture import STYLES
from app.scene import Scene
from dynamics.schedules import schedule

if TYPE_CHECKING:
    import plotly.graph_objects as go


def schedule_chart(scene: Scene, report: dict[str, Any]) -> "go.Figure":
    """log₁₀ of the learning rate with weight decay and of its twin's without, over the steps."""
    import plotly.graph_objects as go  # loaded when the first chart is asked for

    run, t = partners(scene)[0], np.arange(scene.steps + 1)
    given = schedule(run.learning_rate).rates(scene.steps + 1).log / np.log(10)
    grown = np.array(report["log_learning_rate"]) / np.log(10)
    figure = go.Figure()
    for values, name, (colour, dash) in zip((given, grown), ("with decay, η", "its twin, η̃"), STYLES, strict=False):
        line = {"color": colour, "width": 2.5, "dash": "dash" if dash else "solid"}
        figure.add_trace(
            go.Scatter(x=t, y=values, name=name, line=line, hovertemplate="step %{x}: 10^%{y:.2f}<extra></extra>")
        )
    figure.update_layout(
        height=260, margin={"l": 56, "r": 16, "t": 8, "b": 40}, legend={"x": 0.02, "y": 0.98}, xaxis_title="step",
        yaxis_title="learning rate, power of ten", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    return figure
