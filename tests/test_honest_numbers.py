"""A number is right wherever the formula has one: far from the origin, at every knob, on a corner, beside what is infinite.

The right values come from mpmath: differences of the formula at 60 digits, which know nothing of our derivatives.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from app.__main__ import main
from app.scene import Atlas, Run, Scene, SceneError, from_data
from dynamics import RULES, simulate
from dynamics import Run as Motion
from dynamics.precise import simulate as certified
from dynamics.twins import NoTwin, twin
from landscapes import FormulaError, sharpness, typed
from landscapes.expression import arity, array_functions
from landscapes.homogeneity import degree, scaling


def reference(f, x, y):
    """L, its gradient and its largest curvature in size, by central differences at 60 digits."""
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -12 * max(1, abs(x), abs(y))
        at = lambda i, j: f(mpmath.mpf(x) + i * h, mpmath.mpf(y) + j * h)  # noqa: E731
        gx, gy = (at(1, 0) - at(-1, 0)) / (2 * h), (at(0, 1) - at(0, -1)) / (2 * h)
        xx, yy = (at(1, 0) + at(-1, 0) - 2 * at(0, 0)) / h**2, (at(0, 1) + at(0, -1) - 2 * at(0, 0)) / h**2
        xy = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / (4 * h**2)
        top = (xx + yy) / 2 + mpmath.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        return [float(v) for v in (at(0, 0), gx, gy, top)]


def read(formula, x, y, **knobs):
    found = typed(formula).local(np.array([x], float), np.array([y], float), knobs)
    return [float(found.loss[0]), float(found.gx[0]), float(found.gy[0]), float(sharpness(found)[0])]


# ---- the functions themselves ----

SPECIAL = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-30, 1e30, -1e30, 2, 0.5, -0.5, 700, -800, 3, 50])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_function_means_in_compiled_vectors_what_it_means_in_numpy(dtype) -> None:
    """In vectors of every mixture: one lane must not change what another one gets."""
    rng, ours, theirs = np.random.default_rng(0), array_functions(jnp), array_functions(np)
    tolerance = 1e-12 if dtype == np.float64 else 4e-5
    with np.errstate(all="ignore"), jax.enable_x64(True):
        compiled = {name: jax.jit(ours[name]) for name in ours}
        for _ in range(12):
            x, y = 3 * rng.normal(size=(2, 64))
            few = rng.permutation(64)[: rng.integers(0, 40)]
            x[few] = rng.choice(SPECIAL, len(few))
            for name in ours:
                operands = [a.astype(dtype) for a in (x, y)[: 2 if name in ("gated", "pow") else arity(name)]]
                made, right = np.asarray(compiled[name](*operands)), theirs[name](*operands)
                near = np.abs(made - right) <= tolerance * np.maximum(1, np.abs(right))
                beyond = np.abs(operands[0]) > 1e5 if dtype == np.float32 else False
                assert np.all(near | (made == right) | (np.isnan(made) & np.isnan(right)) | beyond), name


# ---- only a proof changes how a loss is computed ----

SEEMING = [
    ("x^2/(x^2+y^2)+a*x; a = 0 in [0,1]", (1.0, 1.0), {"a": 1.0}, lambda x, y: x**2 / (x**2 + y**2) + x),
    ("cos(2*theta) + a*r; a = 0 in [0,1]", (0.6, 0.8), {"a": 0.5}, 
     lambda x, y: (x * x - y * y) / (x * x + y * y) + mpmath.sqrt(x * x + y * y) / 2),
    ("-exp(-((x-50)^2+(y-50)^2))", (50.5, 50.0), {}, lambda x, y: -mpmath.exp(-((x - 50) ** 2 + (y - 50) ** 2))),
    ("relu(r-50)^2", (60.0, 0.0), {}, lambda x, y: (mpmath.sqrt(x**2 + y**2) - 50) ** 2),
    ("1e12+x^2+y^2", (1.0, 2.0), {}, lambda x, y: 10**12 + x**2 + y**2),
    ("x^2/(x^2+y^2)+1e-12*(x^2+y^2)", (1e6, 1e6), {}, lambda x, y: x**2 / (x**2 + y**2) + (x**2 + y**2) / 10**12),
    ("atan(1000000*x)/pi + 0*y", (3.0, 1.0), {}, lambda x, y: mpmath.atan(1000000 * x) / mpmath.pi),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "at", "knobs", "exact"), SEEMING, ids=[case[0] for case in SEEMING])
def test_what_only_looks_as_if_it_ignored_length_is_computed_as_written(formula, at, knobs, exact) -> None:
    assert not typed(formula).scale_invariant
    assert read(formula, *at, **knobs) == pytest.approx(reference(exact, *at), rel=1e-9, abs=1e-15)
    path = simulate(typed(formula), Motion("gd", 0.1), [at], 3, knobs)[0]
    gradient = reference(exact, *at)[1:3]
    assert [path.x[1], path.y[1]] == pytest.approx([at[k] - 0.1 * gradient[k] for k in range(2)], rel=1e-12)
    proof = certified(typed(formula), Motion("gd", 0.1), [at], 3, knobs)[0]
    assert [path.loss[0], path.x[3]] == pytest.approx([proof.loss[0], proof.x[3]], rel=1e-12)
    with pytest.raises(NoTwin):
        twin(typed(formula), Motion("gd", 0.1, 0.1), 10)


def test_the_command_says_what_is_proven_and_what_only_seems(capsys) -> None:
    told = {}
    for formula in ("x^2/(x^2+y^2)", "x^2/(x^2+y^2)+a*x; a = 0 in [0,1]", "x^2+y^2"):
        with pytest.raises(SystemExit):
            main(["check", "--formula", formula, "--json"])
        told[formula] = json.loads(capsys.readouterr().out)
    assert [each["scale_invariant"] for each in told.values()] == [True, False, False]
    assert [each["invariance"]["proof"] for each in told.values()] == ["structure", "probe", None]
    assert "does not prove it" in told["x^2/(x^2+y^2)+a*x; a = 0 in [0,1]"]["message"]


def test_a_map_over_a_knob_is_right_at_every_knob() -> None:
    formula = "x^2/(x^2+y^2)+a*x; a = 0 in [0,1]"
    from dynamics.atlas import Axis, atlas

    made = atlas(typed(formula), Motion("gd", 0.1), Axis("a", 0.0, 1.0), Axis("learning_rate", 0.1, 0.2), "final_loss", 5, 4,
                 start=(1.0, 1.0), arithmetic="float64")  # fmt: skip
    for column, a in enumerate(made.x):
        path = simulate(typed(formula), Motion("gd", float(made.y[0])), [(1.0, 1.0)], 5, {"a": float(a)})[0]
        assert made.values[0, column] == pytest.approx(path.loss[5], rel=1e-9)


PROVEN = {
    "x^2/(x^2+y^2)": 0, "log(x^2)-log(x^2+y^2)": 0, "log(abs(x)/r)": 0, "exp(0.5*log(x^2+y^2))/r": 0,
    "x^p/r^p; p=2 in [1,3]": 0, "a*log(abs(x))-a*log(r); a=1": 0, "abs(x)^(2*p)/(r^p*r^p); p=1": 0,
    "sin(log(x^2)-2*log(r))": 0, "max(x,0)/r": 0, "log10(x^2)-log10(y^2)": 0, "atan2(x,y)*theta": 0,
    "(x^2)^p/(x^2+y^2)^p; p=1": 0, "softplus(x/r)": 0, "x": 1, "r^3": 3, "sqrt(abs(x*y))": 1, "x^2*log(abs(x)/r)": 2,
    "(x+y)^2/r": 1, "log(x^2)*2-4*log(abs(x))": 0, "b*(a*x^2-y^2)/(x^2+y^2)+c; a=1; b=2; c=3": 0,
    "log(r)": None, "exp(x)": None, "x+y^2": None, "r+1": None, "log(r)^2": None, "x/r+a*x; a=0": None, "p^r; p=2": None,
    "x^p/r^q; p=2; q=2": None, "max(x/r, log(r))": None, "theta + x": None, "sin(x)": None,
}  # fmt: skip


@pytest.mark.parametrize("formula", PROVEN)
def test_the_structure_proves_a_degree_for_every_knob_and_no_other(formula) -> None:
    loss, rng = typed(formula), np.random.default_rng(3)
    assert degree(loss.expression) == (None if PROVEN[formula] is None else Fraction(PROVEN[formula]))
    assert loss.scale_invariant == (PROVEN[formula] == 0)
    if PROVEN[formula] is None:
        return
    for _ in range(20):
        x, y = np.abs(rng.normal(size=(2, 8)))
        knobs = {knob.name: rng.uniform(knob.low, knob.high) for knob in loss.knobs}
        c = math.exp(rng.normal())
        with np.errstate(all="ignore"):
            long, short = (loss._plain_loss(k * x, k * y, loss.knob_values | knobs) for k in (c, 1.0))
        assert long == pytest.approx(c ** PROVEN[formula] * short, rel=1e-9, abs=1e-12)


def test_every_built_in_loss_that_ignores_length_is_proven_to(invariant) -> None:
    assert scaling(invariant.expression).invariant and invariant.invariance.proof == "structure"


# ---- corners ----

log1pexp = lambda a: mpmath.log(1 + mpmath.exp(a))  # noqa: E731
SMOOTH = [
    ("4*softplus(x)+0.1*y^2", lambda x, y: 4 * log1pexp(x) + y * y / 10),
    ("abs(x)^2+0.1*y^2", lambda x, y: x * x + y * y / 10),
    ("max(x,-x)^2+0.1*y^2", lambda x, y: x * x + y * y / 10),
    ("abs(x)*abs(x)*3+y^2", lambda x, y: 3 * x * x + y * y),
    ("x*sign(x)*abs(x)+y^2", lambda x, y: x * x + y * y),
    ("abs(x)^3+y^2/2", lambda x, y: abs(x) ** 3 + y * y / 2),
    ("abs(x)+log1p(exp(-2*abs(x)))+y^2", lambda x, y: mpmath.log(2 * mpmath.cosh(x)) + y * y),
    ("softplus(2*x-y+1)+x^2+y^2", lambda x, y: log1pexp(2 * x - y + 1) + x * x + y * y),
    ("relu(x)^2+relu(-x)^2+y^2/4", lambda x, y: x * x + y * y / 4),
    ("min(x,0)^2+max(x,0)^2+y^2/4", lambda x, y: x * x + y * y / 4),
    ("sqrt(x^2)*abs(x)*2+y^2", lambda x, y: 2 * x * x + y * y),
]


@pytest.mark.parametrize(("formula", "exact"), SMOOTH, ids=[case[0] for case in SMOOTH])
def test_a_smooth_loss_written_with_corners_has_its_curvature_on_them(formula, exact) -> None:
    for at in [(0.0, 1.0), (0.0, -2.5), (0.3, 1.0), (-1.0, 0.5), (0.0, 0.25)]:
        assert read(formula, *at) == pytest.approx(reference(exact, *at), rel=1e-7, abs=1e-7)
    path = simulate(typed(formula), Motion("gd", 0.0), [(0.0, 1.0)], 1)[0]
    assert path.sharpness[0] == pytest.approx(reference(exact, 0.0, 1.0)[3], rel=1e-7, abs=1e-7)
    proof = certified(typed(formula), Motion("gd", 0.0), [(0.0, 1.0)], 1)[0]
    assert proof.sharpness[0] == pytest.approx(path.sharpness[0], rel=1e-9)


@pytest.mark.parametrize("formula", ["relu(x)^2+y^2", "abs(x)+y^2", "max(x,y-1)+x^2+y^2", "abs(x)^1.5+y^2", "r+x^2+(y-1)^2"])
def test_a_kink_says_that_it_is_one(formula, capsys) -> None:
    at = (0.0, 0.0) if formula.startswith("r+") else (0.0, 1.0)
    assert math.isnan(read(formula, *at)[3])
    assert not math.isnan(read(formula, 0.3, 0.4)[3])


# ---- what is infinite and does not count ----

BESIDE = [
    ("r^2", (0.0, 0.0), (0.0, 0.0, 0.0)),
    ("r^4+x", (0.0, 0.0), (0.0, 1.0, 0.0)), ("hypot(x,y)^2", (0.0, 0.0), (0.0, 0.0, 0.0)),
    ("r*r+y", (0.0, 0.0), (0.0, 0.0, 1.0)), ("max(log(abs(x)),-5)+y^2", (0.0, 1.0), (-4.0, 0.0, 2.0)),
    ("min(1/x^2,7)+y^2", (0.0, 1.5), (9.25, 0.0, 3.0)), ("x^y+y^2", (0.0, 2.0), (4.0, 0.0, 4.0)),
    ("x^(y+1)+y^2", (0.0, 2.0), (4.0, 0.0, 4.0)), ("abs(x)^1.5+y^2", (0.0, 1.0), (1.0, 0.0, 2.0)),
    ("max(sqrt(x),-1)+0*y+y", (4.0, 1.0), (3.0, 0.25, 1.0)), ("r*x+y^2", (0.0, 0.0), (0.0, 0.0, 0.0)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "at", "right"), BESIDE, ids=[case[0] for case in BESIDE])
def test_a_part_that_does_not_count_may_be_infinite(formula, at, right) -> None:
    assert read(formula, *at)[:3] == list(right)
    for arithmetic in ("float64", "float32"):
        path = simulate(typed(formula), Motion("gd", 0.25), [at], 2, arithmetic=arithmetic)[0]
        assert path.x[1] == at[0] - 0.25 * right[1] and path.y[1] == at[1] - 0.25 * right[2]
    proof = certified(typed(formula), Motion("gd", 0.25), [at], 1)[0]
    assert [proof.loss[0], proof.x[1], proof.y[1]] == [right[0], path.x[1], path.y[1]]


# ---- constants that only a slope needs ----


@pytest.mark.parametrize("formula", ["(-2)^x+y^2", "0^x", "min(x/0,1)", "tanh(x/0)", "max(y,x/0)", "(1-1)^y+x", "exp(-x/0)"])
def test_a_constant_that_only_a_slope_needs_is_refused_at_the_check(formula) -> None:
    with pytest.raises(FormulaError, match="no finite number") as refusal:
        typed(formula)
    assert refusal.value.code == "not_finite"


@pytest.mark.parametrize(
    "formula", ["(-a)^x+y^2; a = 2 in [-3, 3]", "log(a)*x+y^2; a = 0 in [-1, 1]", "x/a+y^2; a = 0 in [0, 1]"]
)
def test_a_knob_without_a_value_at_its_place_is_never_a_traceback(formula) -> None:
    try:
        scene = Scene(formula=formula, steps=5, runs=(Run(),))
    except SceneError:
        return
    path = simulate(scene.field, Motion(), scene.points, 5)[0]
    assert path.status != "finished"


def test_scenes_with_losses_that_only_seem_invariant_have_no_twin_and_keep_their_charts() -> None:
    runs = (Run(label="d", weight_decay=0.1), Run(label="t", twin_of="d"))
    seeming = Scene(formula="1e12+x^2+y^2", runs=runs[:1])
    from app.answer.result import simulate as carry_out

    with pytest.raises(SceneError, match="ignores the length"):
        carry_out(Scene(formula="1e12+x^2+y^2", runs=runs))
    assert carry_out(seeming).runs[0].paths[0].status == "finished"
    assert from_data({"formula": "1e12+x^2+y^2", "chart": {"kind": "atlas"}}).chart == Atlas()


# ---- norms at the edges of what floats hold ----

MEMORIES = [(name, {}) for name in RULES] + [("gd", {"momentum": 0.9}), ("gd", {"momentum": 0.9, "decoupled": True})]
MEMORIES += [(name, {knob: 0.0 for knob, each in RULES[name].knobs.items() if each.length}) for name in RULES]


@pytest.mark.parametrize(("name", "own"), MEMORIES, ids=[f"{name} {own}" for name, own in MEMORIES])
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_a_run_is_right_from_1e_minus_300_to_1e300_or_refused_in_words(name, own, arithmetic) -> None:
    quotient, orders = typed("x^2/(x^2+y^2)"), (-300, -160, -90, -11, 11, 90, 160, 300)
    refused = []
    for order in orders if arithmetic == "float64" else (-30, -11, 11, 30):
        start = tuple(float(np.dtype(arithmetic).type(c * 10.0**order)) for c in (1, 2))
        run = Motion(name, 0.02, 0.1, own)
        try:
            path = simulate(quotient, run, [start], 8, arithmetic=arithmetic)[0]
        except ValueError as refusal:
            assert str(refusal).endswith("or use certified arithmetic.")
            refused.append(abs(order))
            continue
        proof = certified(quotient, run, [start], 8)[0]
        close = 1e-9 if arithmetic == "float64" else 3e-3
        assert path.status == proof.status
        assert path.log_norm == pytest.approx(proof.log_norm, abs=close)
        assert np.exp(1j * path.angle) == pytest.approx(np.exp(1j * proof.angle), abs=close)
    assert all(order > (90 if arithmetic == "float64" else 11) for order in refused)
    assert not refused or RULES[name].squares or own.get("momentum")


@pytest.mark.parametrize("name", [name for name in RULES if RULES[name].squares])
def test_a_coordinate_that_is_no_number_is_not_hidden_by_a_loss_blind_to_it(name, capsys, tmp_path, monkeypatch) -> None:
    """m̂/√v̂ is 0/0 in a coordinate that never had a gradient, where no ε keeps it from that."""
    own = {knob: 0.0 for knob, each in RULES[name].knobs.items() if each.length}
    path = simulate(typed("x^2"), Motion(name, 0.1, 0.0, own), [(1.0, 1.0)], 5)[0]
    assert (path.status, path.stopped_at) == ("left_the_plane", 1) and np.isfinite(path.y).all()
    monkeypatch.chdir(tmp_path)
    scene = {"formula": "x^2", "steps": 5, "starts": [[1, 1]], "runs": [{"rule": name} | own]}
    Path("blind.json").write_text(json.dumps(scene))
    with pytest.raises(SystemExit) as end:
        main(["run", "blind.json"])
    assert end.value.code in (0, None) and "left_the_plane  1" in capsys.readouterr().out


def test_a_tiny_gradient_beside_an_epsilon_is_not_called_zero() -> None:
    """Adam on a loss of size 1e-22: ε = 1e-8 makes the steps too small to see, and the gradient is not zero."""
    path = simulate(typed("x^2/(x^2+y^2)*1e-22"), Motion("adam", 0.1, 0.0), [(0.6, 0.8)], 50)[0]
    assert path.status == "finished" and 0 < path.gradient_norm[-1] < 1e-20
