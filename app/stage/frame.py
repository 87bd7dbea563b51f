"""A picture as one run of bytes for the stage: see `app.packing`."""

from typing import Any

import numpy as np

from app.picture.panels import Panel, Table, Window, twin_pair
from app.picture.picture import QUIVER, Field, Picture, colour_table, lyapunov, remark
from app.picture.strips import Strip
from app.stage.live import live
from app.wire.packing import Arrays, packed
from dynamics import Path
from dynamics.path import wrapped

MAX_SENT = 200_000
"""points sent to the browser; beyond it the paths are thinned, and the header says so"""
CLOSE = 2.0**-10
"""the size of a picture beside its distance from the origin from which float32 would show as stairs"""
PREVIEW = 500
"""values of a strip's line while something is being dragged"""


def frame(
    picture: Picture, request: int = 0, key: str = "", autoplay: bool = True, preview: bool = False,
    controls: str = "none",
) -> bytes:  # fmt: skip
    """The frame's bytes. A `preview` has coarser strips: it will be replaced when the finger is lifted. With `controls` it
    carries what a page without a server needs to move starts and numbers by itself (see `app.stage.live`).

    Positions travel as float32: finer than a pixel down to a millionth of the window; as float64 where a path comes to rest
    away from the origin, or the window is small there, so that it is smooth however closely it is looked at. What needs more
    digits still (the difference between two twins) is computed here and travels as a logarithm.
    """
    arrays = Arrays()
    scene = picture.scene
    every, window = _stride(picture), picture.panels[0].window
    coarse = max(1, (scene.steps + 1) // every // PREVIEW) if preview else 1
    header = {
        "version": 1,
        "id": request,
        "key": key,
        "steps": scene.steps,
        "every": every,
        "clock": {"seconds": scene.view.seconds, "autoplay": autoplay and scene.view.play, "t": scene.view.at or 0},
        "runs": [
            {
                "label": run.label,
                "colour": picture.colours[r],
                "dash": list(picture.dashes[r]),
                "paths": [_path(path, i, window, arrays, every) for i, path in enumerate(run.paths)],
            }
            for r, run in enumerate(picture.result.runs)
        ],
        "fields": [_field(field, arrays, every) for field in picture.fields],
        "trails": scene.view.trails,
        "panels": [
            _panel(panel, arrays, every, picture.handles, picture.fields[0].knobs) for panel in picture.panels
        ],
        "future": scene.view.future,
        "strips": [_strip(strip, arrays, every, coarse) for strip in picture.strips],
        "caption": _caption(picture, arrays, every),
        "horizon_text": picture.horizon_text,
        "summary": picture.summary,
        "live": live(picture, arrays, every, controls),
    }
    return packed(header, arrays)


def _stride(picture: Picture) -> int:
    points = (picture.scene.steps + 1) * sum(len(run.paths) for run in picture.result.runs)
    return max(1, -(-points // MAX_SENT))


def _path(path: Path, index: int, window: Window, arrays: Arrays, every: int) -> dict[str, Any]:
    return _located(path.frame_x, path.frame_y, window, arrays, every) | {
        "k": _logs(path.frame_log, arrays, every) if np.any(path.frame_log) else None,
        "start": list(path.start),
        "start_index": index,
        "status": path.status,
        "stopped_at": path.stopped_at,
        "status_text": None if path.status == "finished" else path.status_text,
        "horizon": path.horizon,
    }


def _logs(values: np.ndarray, arrays: Arrays, every: int) -> str:
    """Logs of scales, as fine as a hundredth of a pixel asks for."""
    return arrays.add(values[::every], "<f4" if np.max(np.abs(values)) < 200 else "<f8")


def _located(x: np.ndarray, y: np.ndarray, window: Window, arrays: Arrays, every: int) -> dict[str, Any]:
    kind = "<f8" if _close_up(x, y, window) else "<f4"
    with np.errstate(over="ignore"):
        return {"x": arrays.add(x[::every], kind), "y": arrays.add(y[::every], kind)}


def _close_up(x: np.ndarray, y: np.ndarray, window: Window) -> bool:
    """Whether the picture, or the second half of a path, is small beside its distance from the origin."""
    x0, x1, y0, y1 = window
    if max(x1 - x0, y1 - y0) < CLOSE * max(map(abs, window)):
        return True
    late_x, late_y = (values[len(values) // 2 :] for values in (x, y))
    fine = np.isfinite(late_x) & np.isfinite(late_y)
    if not fine.any():
        return False
    spread = max(np.ptp(late_x[fine]), np.ptp(late_y[fine]))
    return bool(spread < CLOSE * max(abs(late_x[fine][-1]), abs(late_y[fine][-1])))


def _field(field: Field, arrays: Arrays, every: int) -> dict[str, Any]:
    shift = None
    if field.shift is not None:  # where it does not change, one number says it
        shift = arrays.add(field.shift[::every] if np.ptp(field.shift) else field.shift[:1])
    name, transform, offset, lo, hi = field.colours
    return {
        "program": field.landscape.program(field.knobs, field.quantity),
        "scale_invariant": field.landscape.scale_invariant and field.quantity == "loss",
        "quantity": field.quantity.replace("_", " "),
        "shift": shift,
        "colours": {
            "lut": arrays.add(colour_table(name), "<u1"), "transform": transform, "offset": offset, "lo": lo, "hi": hi,
        },
        "quiver": None if field.quiver is None else {"n": QUIVER, "lo": field.quiver[0], "hi": field.quiver[1]},
        "contours": {"levels": field.levels} if field.contours else None,
    }  # fmt: skip


def _panel(panel: Panel, arrays: Arrays, every: int, handles: bool, knobs: dict[str, float]) -> dict[str, Any]:
    camera: dict[str, Any] = {"kind": "fixed"}
    if panel.log_scale is not None:
        camera = {"kind": "zoom", "log_scale": _logs(panel.log_scale, arrays, every)}
    traces = [
        {"run": trace.run, "path": trace.path} | _located(trace.x, trace.y, panel.window, arrays, every)
        for trace in panel.traces
    ]
    made: dict[str, Any] = {
        "title": panel.title, "runs": list(panel.runs), "field": panel.field if panel.plane else None,
        "window": list(panel.window),
        "camera": camera, "start_handle": handles and not traces and panel.plane, "corner": "norm" if panel.plane else None,
    }  # fmt: skip
    if traces or panel.table:
        made["traces"] = traces
    if panel.table:
        made["table"] = _table(panel.table, knobs)
    if panel.rays:
        made["rays"] = True
    if panel.echo is not None:
        scale = camera.get("log_scale") or _logs(panel.echo.log_scale, arrays, every)  # it is the camera's own
        made["echo"] = {"run": panel.echo.run, "log_scale": scale}
    if panel.axes is not None:
        across, up, degrees, log = panel.axes
        made |= {
            "equal_aspect": False,
            "axes": {"x": {"label": across, "degrees": degrees}, "y": {"label": up, "log": log}},
            "curves": [{"x": arrays.add(c.x), "y": arrays.add(c.y), "label": c.label} for c in panel.curves],
            "points": [{"x": mark.x, "y": mark.y, "label": mark.label} for mark in panel.marks],
        }
    return made


def _table(table: Table, knobs: dict[str, float]) -> dict[str, Any]:
    model = None
    if table.model is not None:
        model = {"program": table.model.program(knobs), "inputs": list(table.model.inputs)}
    return {
        "columns": list(table.columns), "points": [list(point) for point in table.points], "filled": list(table.filled),
        "model": model, "border": table.border,
    }  # fmt: skip


def _strip(strip: Strip, arrays: Arrays, every: int, coarse: int) -> dict[str, Any]:
    def sent(values: np.ndarray) -> str:
        low, high = (float(end) for end in strip.range)
        flat = high - low < CLOSE * max(abs(low), abs(high))
        return arrays.add(values[:: every * coarse], "<f8" if flat else "<f4")

    series = [
        {"run": line.run, "path": line.path, "array": sent(line.values)}
        | ({"band": [sent(bound) for bound in line.band]} if line.band else {})
        for line in strip.lines
    ]
    threshold = None if strip.threshold is None else {"value": strip.threshold, "label": strip.threshold_label}
    low, high = strip.range
    return {
        "title": strip.title, "log": strip.log, "lo": low, "hi": high, "stride": coarse, "series": series,
        "threshold": threshold,
        "guides": [{"array": arrays.add(line[::every]), "label": label} for line, label in strip.guides],
    }  # fmt: skip


def _caption(picture: Picture, arrays: Arrays, every: int) -> dict[str, Any]:
    pair = twin_pair(picture.result)
    exponent = lyapunov(picture.result)
    both = {"note": remark(picture.result), "lyapunov": None if exponent is None else arrays.add(exponent[::every])}
    if pair is None:
        return {"kind": "race"} | both
    left, right = (picture.result.runs[i].paths[0] for i in pair)
    with np.errstate(divide="ignore"):
        difference = np.log(np.abs(wrapped(right.angle - left.angle)))
    return {
        "kind": "twins", "left": [pair[0], 0], "right": [pair[1], 0], "log_difference": arrays.add(difference[::every]),
        "exact": True,  # the theorem is: where they part, rounding parted them
    } | both  # fmt: skip
