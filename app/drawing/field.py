"""A landscape as pixels and arrows: the stage's background, read with NumPy."""

import math

import numpy as np

from app.drawing.camera import Lens, Window, fit_window
from app.drawing.layout import Box
from app.picture.picture import QUIVER, Colours, Field, colour_table
from landscapes import gradient_norm, quantity

HATCH = np.array([[150], [176]], dtype=np.uint8)


def field_image(field: Field, window: Window, width: int, height: int, t: float = 0.0) -> np.ndarray:
    """The field's quantity over a window, pixel centre by pixel centre; shape (height, width, 3), uint8, upper row first.

    Where it is not finite stands a neutral hatch. Lines of equal loss are a distance, so they need no tracing.
    """
    x0, x1, y0, y1 = fit_window(window, width, height)
    x = x0 + (np.arange(width) + 0.5) / width * (x1 - x0)
    y = y1 - (np.arange(height) + 0.5) / height * (y1 - y0)
    shift = 0.0 if field.shift is None else float(field.shift[math.floor(t + 1e-9)])
    place = positions(field.colours, quantity(field.landscape, field.quantity, *np.meshgrid(x, y), field.knobs), shift)
    finite = np.isfinite(place)
    table = colour_table(field.colours.name)
    index = np.floor(255 * np.clip(np.where(finite, place, 0), 0, 1) + 0.5).astype(np.intp)
    image = table[index]
    if field.contours:
        image = _isolines(image, place, field.levels)
    rows, columns = np.indices((height, width))
    hatch = HATCH[((rows + columns) % 8 >= 2).astype(int)]
    return np.where(finite[..., None], image, hatch).astype(np.uint8)


def positions(colours: Colours, loss: np.ndarray, shift: float = 0.0) -> np.ndarray:
    """Values as places in the colour table: 0 at its first colour, 1 at its last."""
    with np.errstate(invalid="ignore"):
        z = np.log(np.maximum(loss - colours.offset, 1e-300)) if colours.transform == "log" else loss
    return (z + shift - colours.lo) / (colours.hi - colours.lo)


def _isolines(image: np.ndarray, place: np.ndarray, levels: int) -> np.ndarray:
    """Lines at equal spacing of z. Lines closer than a pixel or two are noise and fade; the ends are no crossings."""
    with np.errstate(all="ignore"):
        q = place * levels
        slope = np.hypot(*np.gradient(q))
        near = np.clip(1.1 - np.abs(q - np.rint(q)) / slope, 0, 1) * np.minimum(1, (0.7 - slope) * 4)
        alpha = 0.34 * np.where((slope < 0.7) & (q >= 0.5) & (q <= levels - 0.5), near, 0)
    ink = np.where(image.sum(axis=-1) > 380, 20.0, 255.0)
    return image + np.nan_to_num(alpha)[..., None] * (ink[..., None] - image)


def arrows(field: Field, lens: Lens, home: Window, box: Box) -> list[np.ndarray]:
    """Steepest descent on a grid fixed to the landscape: polylines in pixels over a box, shafts then heads.

    The length is the cell's times 0.3 + 0.7 (ln ‖g‖ - lo)/(hi - lo), clipped. There are none where the loss
    has no value and round a singular origin.
    """
    if field.quiver is None:
        return []
    lo, hi = field.quiver
    width, cell = box.width, (home[1] - home[0]) / QUIVER
    x = home[0] + cell * _cells(home[0], cell, (box.x - lens.ox) / lens.ux, (box.right - lens.ox) / lens.ux)
    y = home[2] + cell * _cells(home[2], cell, (box.bottom - lens.oy) / lens.uy, (box.y - lens.oy) / lens.uy)
    x, y = (grid.ravel() for grid in np.meshgrid(x, y))
    local = field.landscape.local(x, y, field.knobs, order=1)
    g = np.asarray(gradient_norm(local))
    pixel = np.stack([lens.ox + lens.ux * x, lens.oy + lens.uy * y], axis=1)
    shown = np.isfinite(g) & (g > 0) & np.isfinite(local.loss)
    if field.landscape.scale_invariant:
        shown &= np.hypot(*(pixel - [lens.ox, lens.oy]).T) >= 0.03 * width
    pixel, g = pixel[shown], g[shown]
    direction = np.stack([-np.asarray(local.gx)[shown] * lens.ux, -np.asarray(local.gy)[shown] * lens.uy], axis=1)
    direction /= np.hypot(*direction.T)[:, None]
    length = 0.5 * cell * lens.ux * (0.3 + 0.7 * np.clip((np.log(g) - lo) / ((hi - lo) or 1), 0, 1))[:, None]
    barb, across = np.minimum(0.008 * width, 0.4 * length), direction[:, ::-1] * [-1, 1]
    tail, tip = pixel - direction * length / 2, pixel + direction * length / 2
    wings = [tip - barb * (direction + side * 0.6 * across) for side in (1, -1)]
    return [*np.stack([tail, tip], axis=1), *np.stack([wings[0], tip, wings[1]], axis=1)]


def _cells(origin: float, cell: float, lo: float, hi: float) -> np.ndarray:
    """The centres, in cells from the origin, that lie between lo and hi."""
    return np.arange(math.ceil((lo - origin) / cell - 0.5), math.ceil((hi - origin) / cell - 0.5)) + 0.5
