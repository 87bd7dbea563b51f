"""A landscape is a formula with a window to look through, a place to start and a reason to look.

`Landscape` joins the formula's readings: its loss, gradient and Hessian over any array module, its LaTeX and source,
and whether it ignores the length of its weights. The registry at the end holds the built-in ones.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from landscapes import grammar, slope, writing
from landscapes.expression import (
    ALONG_THETA,
    ALONG_X,
    ALONG_Y,
    ROWS,
    THETA,
    Node,
    R,
    X,
    Y,
    array_functions,
    derivative,
    evaluate,
    gradient_size,
    harmonics_as_polynomials,
    in_order,
    largest_curvature,
    unstopped,
)
from landscapes.grammar import Declaration, FormulaError
from landscapes.homogeneity import degree
from landscapes.rows import Columns, fault, shaped, table, written_out

Knobs = Mapping[str, Any]
Window = tuple[float, float, float, float]
Point = tuple[float, float]


class Local(NamedTuple):
    """The loss at a point, its gradient and its Hessian; each an array of the points' shape."""

    loss: Any
    gx: Any
    gy: Any
    hxx: Any
    hxy: Any
    hyy: Any


class Invariance(NamedTuple):
    """Does the loss ignore the length of its weights, whatever its knobs are, and how do we know?"""

    holds: bool
    """proven; nothing else may change how it is computed or what is claimed of it"""
    proof: str | None
    """``structure``: every part of the formula is homogeneous and the degrees cancel; ``probe``: it does not follow, but was
    measured at some points with the knobs as declared; None: measured not to."""
    deviation: float
    """max |L(c w) - L(w)| / max |L| over 64 points and c = 1/4, 1/2, 2, 4."""


QUANTITIES = {"loss": lambda node, along: node, "gradient_norm": gradient_size, "sharpness": largest_curvature}
"""what can be drawn over the plane: the formula of each from the loss's own"""


@dataclass(frozen=True)
class Landscape:
    """A loss on the plane, written as a formula of x, y, r, theta and knobs."""

    name: str
    formula: str
    title: str = "Your own loss"
    sentence: str = ""
    window: Window = (-2.0, 2.0, -2.0, 2.0)
    start: Point = (-0.7, 0.7)
    minima: tuple[Point, ...] = ()
    citation: str = ""
    extra_knobs: tuple[Declaration, ...] = field(default=(), repr=False)
    data: Columns = ()
    """what `mean` and `sum` run over"""

    # The formula and what is written of it

    @cached_property
    def _parsed(self) -> tuple[Node, tuple[Declaration, ...]]:
        return grammar.parse(self.formula, tuple(knob.name for knob in self.extra_knobs), tuple(dict(self.data)))

    @property
    def expression(self) -> Node:
        return self._parsed[0]

    @property
    def knobs(self) -> tuple[Declaration, ...]:
        return (*self._parsed[1], *self.extra_knobs)

    @property
    def knob_values(self) -> dict[str, float]:
        return {knob.name: knob.value for knob in self.knobs}

    @cached_property
    def columns(self) -> Columns:
        """The columns that the formula reads."""
        used = {node.args[0] for node in in_order([self.expression]) if node.op == "column"}
        return tuple((name, values) for name, values in self.data if name in used)

    @property
    def rows(self) -> int:
        """How many rows the formula runs over; 0 where it has no data."""
        return len(self.columns[0][1]) if self.columns else 0

    def over(self, data: Mapping[str, Iterable[float]] | Columns) -> "Landscape":
        """The same loss over other data with the same columns, or `FormulaError`."""
        columns, needed = checked(data), tuple(dict(self.data))
        if not needed:
            raise FormulaError("data", f"The landscape {self.name} has no data; write a formula with mean(…) for yours.")
        there = f"The data of {self.name} have the columns {', '.join(needed)}"
        if missing := [name for name in needed if name not in dict(columns)]:
            raise FormulaError("data", f"{there}; {missing[0]} is missing.")
        if surplus := [name[:32] for name in dict(columns) if name not in needed]:
            raise FormulaError("data", f"{there}; {surplus[0]!r} is none.")
        return replace(self, data=columns)

    def latex(self) -> str:
        return writing.latex(self.expression)

    def mathml(self) -> list[writing.MathML]:
        """One piece of MathML per term of the formula's outermost sum."""
        return writing.mathml_terms(self.expression)

    def source(self, dialect: str = "numpy", knobs: Knobs | None = None) -> str:
        values = self.knob_values | dict(knobs or {})
        return writing.source(self.expression, values, dialect, self.name, self.columns)

    def program(self, knobs: Knobs | None = None, quantity: str = "loss") -> dict[str, Any]:
        """A quantity and the loss's gradient for the browser; a scale-invariant loss is to be run on unit vectors."""
        gradient = [derivative(self.expression, ALONG_X), derivative(self.expression, ALONG_Y)]
        shown = QUANTITIES[quantity](self.expression, (ALONG_X, ALONG_Y))
        trees = written_out(unstopped(harmonics_as_polynomials([shown, *gradient])), self.columns)
        return writing.program(trees, self.knob_values | dict(knobs or {}))

    # What is true of it

    @cached_property
    def degree(self) -> Any:
        """The degree of homogeneity that the formula's structure proves, or None."""
        return degree(self.expression)

    @cached_property
    def invariance(self) -> Invariance:
        deviation = self._probe()
        if self.degree == 0:
            return Invariance(True, "structure", deviation)
        return Invariance(False, "probe" if deviation < 1e-9 else None, deviation)

    @property
    def scale_invariant(self) -> bool:
        return self.degree == 0

    def _probe(self) -> float:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 64))
        losses = [self._plain_loss(c * x, c * y, self._values(None)) for c in (1.0, 0.25, 0.5, 2.0, 4.0)]
        finite = np.all(np.isfinite(losses), axis=0)
        if not finite.any():
            return np.inf
        base = losses[0][finite]
        return max(float(np.max(np.abs(loss[finite] - base))) for loss in losses[1:]) / (float(np.max(np.abs(base))) or 1.0)

    # Its values

    @cached_property
    def _trees(self) -> list[Node]:
        return _derived(self.expression, self.scale_invariant)

    def local(self, x: Any, y: Any, knobs: Knobs | None = None, xp: Any = np, order: int = 2) -> Local:
        r"""Loss, gradient and (with `order` 2) Hessian at points given by two arrays of one shape.

        For a scale-invariant loss with f(theta) = L(cos theta, sin theta), n = w/r and t = (-n_y, n_x):
        gradient = f' t / r and Hessian = (f'' t t^T - f' (n t^T + t n^T)) / r^2. Everything is evaluated on the unit
        vector, so any norm that a float holds is right, and the gradient is orthogonal to w by construction.

        Where abs, max, min or sign have their corner, the Hessian is what it is beside the corner: of a smooth formula that
        is its Hessian, and where it differs from side to side the loss has a kink, and there is none (NaN).
        """
        found = self._written(x, y, knobs, xp, order)
        if order < 2 or not self._corners:
            return found
        return found._replace(**dict(zip(("hxx", "hxy", "hyy"), self._beside(found, x, y, knobs, xp), strict=True)))

    @cached_property
    def _corners(self) -> list[Node]:
        """What is 0 where a part of the formula has its corner."""
        parts = list(in_order([self.expression]))
        there = [part.args[0] for part in parts if part.op in ("abs", "sign", "sqrt")]
        return there + [part.args[0] - part.args[1] for part in parts if part.op in ("min", "max")] + [R] * (R in parts)

    def _beside(self, found: Local, x: Any, y: Any, knobs: Knobs | None, xp: Any) -> list[Any]:
        """The Hessian; on a corner the mean of those around it, which agree where the loss is smooth, or NaN."""
        values = self._values(knobs)
        with np.errstate(all="ignore"):
            corners = evaluate(self._corners, _leaves(self._corners, x, y, None, values, xp), array_functions(xp))
            here = sum(_anywhere(_like(corner, x, xp) == 0, x).astype(int) for corner in corners) > 0
            if xp is np and not here.any():
                return list(found[3:])
            tiny = 2.0**-20 if x.dtype == np.float64 else 2.0**-9
            size = xp.hypot(x, y)
            step = tiny * xp.where(size == 0, xp.full_like(size, tiny), size)
            (_, far), (means, near) = (self._around(x, y, radius, knobs, xp) for radius in (16 * step, step))
            blur = [1e3 * tiny * sum(map(abs, means[part])) for part in (slice(2), slice(2, 5))]
            smooth = sum(near[k] > 0.5 * far[k] + blur[k > 1] for k in range(5)) == 0
            hessian = [xp.where(smooth, mean, xp.full_like(mean, np.nan)) for mean in means[2:]]
            return [xp.where(here, beside, own) for beside, own in zip(hessian, found[3:], strict=True)]

    def _around(self, x: Any, y: Any, radius: Any, knobs: Knobs | None, xp: Any) -> tuple[list[Any], list[Any]]:
        """Slopes and curvatures so far around the points: their means, and how much they differ from side to side.

        Where the loss is smooth the difference shrinks with the radius; across a kink it stays.
        """
        sides = [self._written(x + a * radius, y + b * radius, knobs, xp, 2)[1:] for a, b in _AROUND]
        means = [sum(parts) / len(_AROUND) for parts in zip(*sides, strict=True)]
        return means, [sum(abs(side[k] - mean) for side in sides) for k, mean in enumerate(means)]

    def _written(self, x: Any, y: Any, knobs: Knobs | None, xp: Any, order: int) -> Local:
        """What the formula's own derivatives give."""
        values = self._values(knobs)
        with np.errstate(all="ignore"):
            if not self.scale_invariant:
                trees = self._trees[: 6 if order == 2 else 3]
                parts = evaluate(trees, _leaves(trees, x, y, None, values, xp), array_functions(xp))
                return Local(*(_like(part, x, xp) for part in parts), *[None] * (6 - len(parts)))
            r = xp.hypot(x, y)
            nx, ny = x / r, y / r
            trees = self._trees[: order + 1]
            f, *slopes = evaluate(trees, _leaves(trees, nx, ny, 1.0, values, xp), array_functions(xp))
            g = slopes[0] / r
            first = (_like(f, x, xp), -ny * g, nx * g)
            if order < 2:
                return Local(*first, None, None, None)
            along, across = slopes[1] / r, slopes[0] / r
            hxx = (along * ny * ny + across * (2 * nx * ny)) / r
            hxy = (-along * nx * ny - across * (nx * nx - ny * ny)) / r
            hyy = (along * nx * nx - across * (2 * nx * ny)) / r
            return Local(*first, hxx, hxy, hyy)

    @cached_property
    def _angular(self) -> slope.Angular:
        return slope.angular(self.expression)

    def slope(self, x: Any, y: Any, knobs: Knobs | None = None, xp: Any = np) -> Local:
        """`local` of order 1 for the inside of a loop: a division or two cheaper, for norms whose squares fit in a float."""
        if not self.scale_invariant:
            return self.local(x, y, knobs, xp, order=1)
        given = _given(self._angular.trees, x, self._values(knobs), xp)
        loss, gx, gy = slope.at(self._angular, x, y, given, xp)
        return Local(_like(loss, x, xp), gx, gy, None, None, None)

    def loss(self, x: Any, y: Any, knobs: Knobs | None = None, xp: Any = np) -> Any:
        values = self._values(knobs)
        trees = self._trees[:1]
        with np.errstate(all="ignore"):
            if self.scale_invariant:
                r = xp.hypot(x, y)
                leaves = _leaves(trees, x / r, y / r, 1.0, values, xp)
            else:
                leaves = _leaves(trees, x, y, None, values, xp)
            return _like(evaluate(trees, leaves, array_functions(xp))[0], x, xp)

    def _plain_loss(self, x: Any, y: Any, values: Knobs) -> Any:
        """The formula as written, without the unit vector: what the probe and exact arithmetic look at."""
        with np.errstate(all="ignore"):
            leaves = _leaves([self.expression], x, y, None, values, np)
            return _like(evaluate([self.expression], leaves, array_functions(np))[0], x, np)

    def _values(self, knobs: Knobs | None) -> dict[str, Any]:
        """What knobs and columns stand for: as they were declared, or as given."""
        values: dict[str, Any] = self.knob_values | dict(self.columns)
        for name, value in (knobs or {}).items():
            if name not in values:
                known = f"It has {', '.join(self.knob_values)}." if self.knob_values else "It has none."
                raise ValueError(f"The landscape {self.name} has no knob called {name!r}. {known}")
            values[name] = value
        return values


_AROUND = ((0.8, 0.6), (-0.8, -0.6), (0.6, -0.8), (-0.6, 0.8))
"""four directions that meet no axis and no diagonal"""


@lru_cache(maxsize=256)
def _derived(f: Node, scale_invariant: bool) -> list[Node]:
    """Scale invariant: f, f', f'' along the circle. Otherwise: L and its first and second derivatives."""
    if scale_invariant:
        slope = derivative(f, ALONG_THETA)
        return harmonics_as_polynomials([f, slope, derivative(slope, ALONG_THETA)])
    fx, fy = derivative(f, ALONG_X), derivative(f, ALONG_Y)
    second = [derivative(fx, ALONG_X), derivative(fx, ALONG_Y), derivative(fy, ALONG_Y)]
    return harmonics_as_polynomials([f, fx, fy, *second])


def _given(trees: Iterable[Node], x: Any, values: Knobs, xp: Any) -> dict[Node, Any]:
    """The values of the knobs and columns of formulas, beside points x."""
    used = {node for node in in_order(trees) if node.op in ("knob", "column")}
    given: dict[Node, Any] = {node: values[node.args[0]] for node in used}
    for node in used:
        if node.op == "column":
            given[node] = shaped(xp.asarray(given[node]), x)
            given[ROWS] = float(given[node].shape[0])
    return given


def _leaves(trees: list[Node], x: Any, y: Any, r: Any, values: Knobs, xp: Any) -> dict[Node, Any]:
    used = {node for node in in_order(trees) if node.op == "variable"}
    leaves: dict[Node, Any] = _given(trees, x, values, xp) | {X: x, Y: y}
    if R in used:
        leaves[R] = xp.hypot(x, y) if r is None else r
    if THETA in used:
        leaves[THETA] = xp.arctan2(y, x)
    return leaves


def _anywhere(found: Any, x: Any) -> Any:
    """Whether something is so at points x, in any row where there is one for each."""
    return found.any(axis=0) if found.ndim > np.ndim(x) else found


def _like(value: Any, x: Any, xp: Any) -> Any:
    """A constant loss or derivative still has the points' shape."""
    return value if getattr(value, "shape", None) == np.shape(x) else value + xp.zeros_like(x)


def typed(
    formula: str, knobs: Mapping[str, float] | None = None, data: Mapping[str, Iterable[float]] | Columns = ()
) -> Landscape:
    """A visitor's own loss. `knobs` gives values; a name without a declared range gets one around its value.

    `data` has the columns over which its means and sums run.
    """
    given, columns = dict(knobs or {}), checked(data)
    declared = {knob.name for knob in grammar.parse(formula, tuple(given), tuple(dict(columns)))[1]}
    extra = tuple(grammar.declare(name, value) for name, value in given.items() if name not in declared)
    landscape = Landscape("loss", formula, extra_knobs=extra, data=columns)
    side = np.linspace(-2, 2, 8)
    x, y = (grid.ravel() for grid in np.meshgrid(side, side))
    finite = np.isfinite(landscape.loss(x, y, {name: given[name] for name in given}))
    if not finite.any():
        raise FormulaError("never_finite", "This loss has no finite value anywhere between -2 and 2; change the formula.")
    here = np.array([-0.7]), np.array([0.7])
    if np.isfinite(landscape.loss(*here)[0]):
        return landscape
    first = int(np.argmax(finite))
    return replace(landscape, start=(float(x[first]), float(y[first])))


def checked(data: Mapping[str, Iterable[float]] | Columns) -> Columns:
    """Data as columns, or `FormulaError`."""
    if why := fault(columns := table(data)):
        raise FormulaError("data", why)
    return columns


# ---------------------------------------------------------------------------------------------------------------------
# A loss given as a JAX function


class FunctionLandscape:
    """A loss given as a JAX function of (x, y): it moves and draws, but has no LaTeX, source, link or certified reading."""

    formula = None
    knobs: tuple[Declaration, ...] = ()
    knob_values: dict[str, float] = {}
    columns: Columns = ()
    rows = 0
    minima: tuple[Point, ...] = ()
    citation = ""

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        name: str = "loss",
        window: Window = (-2.0, 2.0, -2.0, 2.0),
        start: Point = (-0.7, 0.7),
        scale_invariant: bool = False,
    ):
        self.function, self.name, self.title, self.sentence = function, name, name, function.__doc__ or ""
        self.window, self.start, self.scale_invariant = window, start, scale_invariant

    def loss(self, x: Any, y: Any, knobs: Knobs | None = None, xp: Any = None) -> Any:
        return self.local(x, y, knobs, xp, order=0).loss

    def slope(self, x: Any, y: Any, knobs: Knobs | None = None, xp: Any = None) -> Local:
        return self.local(x, y, knobs, xp, order=1)

    def local(self, x: Any, y: Any, knobs: Knobs | None = None, xp: Any = None, order: int = 2) -> Local:
        import jax
        import jax.numpy as jnp

        def at(x: Any, y: Any) -> tuple[Any, ...]:
            slope = jax.grad(self.function, argnums=(0, 1))
            bend = jax.jacfwd(slope, argnums=(0, 1)) if order == 2 else (lambda x, y: ((None, None), (None, None)))
            (hxx, hxy), (_, hyy) = bend(x, y)
            return self.function(x, y), *slope(x, y), hxx, hxy, hyy

        x, y = jnp.asarray(x), jnp.asarray(y)
        for _ in range(x.ndim):
            at = jax.vmap(at)
        return Local(*at(x, y))


# ---------------------------------------------------------------------------------------------------------------------
# The registry

LANDSCAPES: dict[str, Landscape] = {}


def register(landscape: Landscape) -> Landscape:
    LANDSCAPES[landscape.name] = landscape
    return landscape


def named(name: str) -> Landscape:
    if name in LANDSCAPES:
        return LANDSCAPES[name]
    near = difflib.get_close_matches(str(name), LANDSCAPES, 1)
    hint = f"Perhaps {near[0]}?" if near else f"There are {', '.join(LANDSCAPES)}."
    raise FormulaError("unknown_landscape", f"There is no landscape called {str(name)[:40]!r}. {hint}")
