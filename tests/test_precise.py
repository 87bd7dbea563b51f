"""Certified paths: against exact tables, against float64 where both hold, and honest where nothing can be proven."""

import itertools
import json
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.scene import SceneError, from_data
from dynamics import RULES, Run, precise, simulate
from dynamics.balls import Balls, Irrational, Rationals, precision
from dynamics.precise import Uncertified
from dynamics.schedules import Cosine, Linear, Step, Warmup
from dynamics.twins import twin
from landscapes import named, typed

START = (-0.7, 0.7)
TABLES = {file.stem: json.loads(file.read_text()) for file in sorted((Path(__file__).parent / "reference").glob("*.json"))}
LOSSES = {
    "h5": "five_wells", "cos2": "quotient", "quad": "quadratic", "quadc": "floored_quadratic", "beale": "beale",
    "deg4": "minimal_edge", "xy1": "product", "uv": "catapult",
}  # fmt: skip
ALGORITHMS = {"signsgd": "sign", "unit_loss": "unit_loss", "adam": "adam"}
NAMES = {"gamma": "momentum", "b1": "b1", "b2": "b2", "eps": "eps"}


class Table:
    """An exact table of mpmath: a run and the positions that it passes at the stored steps."""

    def __init__(self, name):
        table = TABLES[name]
        number = {key: float(value) for key, value in table["parameters"].items()}
        rate = Warmup(number["eta"], int(number["warmup"])) if "warmup" in number else number["eta"]
        own = {NAMES[key]: value for key, value in number.items() if key in NAMES}
        self.landscape, self.steps = named(LOSSES[table["loss"]]), table["T"]
        self.start = tuple(float(c) for c in table["start"])
        self.run = Run(ALGORITHMS.get(table["algorithm"], "gd"), rate, number.get("lam", 0.0), own, number.get("clip"))
        if "projection_factor" in table["steps"]["1"]:
            self.run = twin(self.landscape, self.run, self.steps).run
        self.t = np.array([int(t) for t in table["steps"]])
        self.rows = list(table["steps"].values())
        self.leaves_float64 = table["float64_agreement"]["first_stored_step_with_rel_error_above_1e_9"] or self.steps + 1

    def error(self, path, until):
        """The largest distance at stored steps before `until`, relative to the norm."""
        x, y = (np.array([float(row[c]) for row in self.rows]) for c in "xy")
        return np.max((np.hypot(path.x[self.t] - x, path.y[self.t] - y) / np.hypot(x, y))[self.t < until])

    @property
    def exact_until(self):
        """Where a coordinate that is exactly zero is only the table's last digit, a sign that follows it is noise."""
        noise = [abs(Fraction(row[c])) < Fraction(1, 10**100) and Fraction(row[c]) != 0 for row in self.rows for c in "xy"]
        return self.t[noise.index(True) // 2] + 1 if any(noise) else self.steps + 1


@pytest.mark.parametrize("name", TABLES)
def test_float64_meets_the_exact_table_until_it_is_known_to_leave(name):
    table = Table(name)
    (path,) = simulate(table.landscape, table.run, [table.start], table.steps)
    assert table.error(path, table.leaves_float64) < 1e-8


@pytest.mark.parametrize("name", TABLES)
def test_certified_arithmetic_meets_every_stored_step_of_the_exact_table(name):
    table = Table(name)
    (path,) = precise.simulate(table.landscape, table.run, [table.start], table.steps)
    assert table.error(path, table.exact_until) < 1e-12
    assert path.radius.max() < 1e-9
    exact = table.t < table.exact_until
    losses = [float(row["loss"]) for row in table.rows]
    tops = [float(row["hess_top"]) for row in table.rows]
    assert path.loss[table.t][exact] == pytest.approx(np.array(losses)[exact], rel=1e-12, abs=1e-300)
    assert path.sharpness[table.t][exact] == pytest.approx(np.array(tops)[exact], rel=1e-9)


def test_sign_gradient_descent_rests_on_an_exact_zero():
    """-0.77 + 11 · 0.07 is zero and stays so, where every rounding arithmetic goes on with the sign of its last digit."""
    table = Table("15_signsgd_quad")
    (path,) = precise.simulate(table.landscape, table.run, [table.start], table.steps)
    assert np.all(path.y[11:] == 0) and path.y[10] == -0.07
    assert path.x[[98, 99, 100]] == pytest.approx([0.05, -0.02, 0.05], abs=0)


# ---------------------------------------------------------------------------------------------------------------------
# Laws over the registries


def agreement(landscape, run, steps):
    """The largest distance of the float64 path from the certified one, relative to the norm."""
    ((exact,), (near,)) = (each(landscape, run, [landscape.start], steps) for each in (precise.simulate, simulate))
    assert exact.status == near.status
    return np.max(np.hypot(exact.x - near.x, exact.y - near.y) / exact.norm)


COVERED = [name for name in RULES if precise.refused(named("quotient"), Run(name)) is None]


def test_every_landscape_has_a_certified_reading(landscape):
    assert agreement(landscape, Run("unit_gradient", 0.03, 0.1), 12) < 1e-9


@pytest.mark.parametrize("name", COVERED)
def test_every_covered_rule_moves_as_in_float64(name):
    assert agreement(named("five_wells"), Run(name, 0.05, 0.1), 15) < 1e-11


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_momentum_in_all_its_forms_moves_as_in_float64(nesterov, decoupled, clip_norm):
    own = {"momentum": 0.8, "nesterov": nesterov, "decoupled": decoupled}
    run = Run("gd", Step(0.01, [7], [0.002]), Linear(0.1, 0.5, 20), own, clip_norm)
    assert agreement(named("himmelblau"), run, 25) < 1e-10


def test_every_function_of_the_language_has_a_certified_reading():
    formula = (
        "sin(x) + cos(y) + tan(x/4) + asin(x/9) + acos(y/9) + atan(x) + sinh(x) + cosh(y) + tanh(x) + exp(y) + expm1(x/2) "
        "+ log(9 + y) + log1p(x^2) + sqrt(4 + y) + abs(x) + min(x, y) + max(x, 2*y) + atan2(y, x) + hypot(x, y) "
        "+ sigmoid(x) + softplus(y) + relu(x) + log2(9 + x) + log10(9 + y) + (2 + x)^1.5 + theta + r + pi*x "
        "+ tau*y/9 + e*x + x^-2"
    )
    assert agreement(typed(formula), Run("gd", 0.01, 0.1), 12) < 1e-12


def test_every_schedule_is_the_same_formula_in_balls_as_in_floats(schedule):
    given = {
        "constant": {"value": 0.3}, "exponential": {"initial": 0.1, "factor": 1.01},
        "warmup": {"peak": 0.3, "warmup_steps": 7, "then": "cosine", "total_steps": 30},
        "step": {"initial": 0.3, "at": [5, 9], "values": [0.1, 0.2]}, "cosine": {"initial": 0.3, "total_steps": 30},
        "linear": {"initial": 0.3, "final": 0.1, "total_steps": 20},
    }  # fmt: skip
    made = schedule(**given.get(schedule.__struct_config__.tag, {"initial": 0.3, "rate": 0.1}))
    with precision(200):
        balls = [float(a) for a in made.numbers(40, Balls(200))]
    assert balls == pytest.approx(made.rates(40).value, rel=1e-14, abs=1e-17)


# ---------------------------------------------------------------------------------------------------------------------
# What the proof says


def test_a_written_number_is_its_shortest_decimal():
    with precision(300):
        assert abs(Balls(300).number(0.1) * 10 - 1) < Balls.ratio(1, 2**290)
    assert Rationals.number(0.1) * 10 == 1 != Fraction(0.1) * 10
    with pytest.raises(Irrational):
        list(Cosine(0.1, 10).numbers(3, Rationals()))


def test_more_digits_stay_within_the_proven_radius(monkeypatch):
    landscape, run = named("five_wells"), Run("gd", 0.3, 0.25)
    (first,) = precise.simulate(landscape, run, [START], 200)
    monkeypatch.setattr(precise, "FIRST_BITS", 3 * first.bits)
    (second,) = precise.simulate(landscape, run, [START], 200)
    assert second.bits >= 3 * first.bits
    distance = np.hypot(first.x - second.x, first.y - second.y) / second.norm
    assert np.all(distance <= first.radius + second.radius)


def test_a_twin_far_beyond_floats_stays_certified():
    landscape = named("cosine_wells_5")
    (path,) = precise.simulate(landscape, twin(landscape, Run("gd", 0.3, 0.6), 4000).run, [START], 4000)
    assert path.log_norm[-1] > 750 and np.isinf(path.x[-1])
    assert np.isfinite(path.angle).all() and path.radius.max() < 1e-9


def test_five_thousand_certified_steps_of_the_quotient_take_at_most_two_seconds():
    began = time.process_time()
    (path,) = precise.simulate(named("quotient"), Run("gd", 0.1, 0.1), [START], 5000)
    assert time.process_time() - began < 2.0
    assert path.status == "finished" and path.radius.max() < 1e-9


@pytest.mark.parametrize(
    "formula, run, start",
    [
        ("(x*y - 1)^2/2", Run("gd", 0.5), (3.0, 2.0)),
        ("log(x) + y^2", Run("gd", 0.5), (1.0, 2.0)),
        ("sqrt(x) + y^2", Run("gd", 0.5), (1.0, 2.0)),
        ("x^2 + y^2", Run("unit_gradient", 0.25), (1.0, 0.0)),
        ("x^2/(x^2 + y^2)", Run("gd", 0.1, 0.1), (0.0, 1.0)),
        ("x^2/(x^2 + y^2)", Run("gd", 0.1, 0.1), (1e200, 1e200)),
    ],
)
def test_a_path_ends_as_it_does_in_float64(formula, run, start):
    ((exact,), (near,)) = (each(typed(formula), run, [start], 60) for each in (precise.simulate, simulate))
    assert (exact.status, exact.stopped_at) == (near.status, near.stopped_at)


@pytest.mark.parametrize(
    "formula, run, start, why",
    [
        ("abs(x) + y^2", Run("gd", 0.1), (1.0, 2.0), "a sign cannot be decided"),
        ("(cos(1) - cos(2 - x))^2 + y^2", Run("sign", 0.1), (1.0, 2.0), "a sign cannot be decided"),
        ("x^2/(x^2 + y^2)", Run("gd", 0.1, 10.0), (0.0, 1.0), "no value"),
        ("x^2/(x^2 + y^2)", Run("gd", 0.1, noise=0.1), START, "noise"),
    ],
)
def test_what_cannot_be_proven_is_said_in_one_sentence(formula, run, start, why):
    with pytest.raises(Uncertified, match=why) as reason:
        precise.simulate(typed(formula), run, [start], 60)
    assert str(reason.value).endswith(".")


def test_too_many_steps_name_how_many_can_be_proven():
    with pytest.raises(Uncertified, match=r"about \d+ steps") as reason:
        precise.simulate(named("five_wells"), Run("gd", 0.3, 0.25), [START], 100_000)
    assert "ask for fewer steps" in str(reason.value)


def test_every_rule_is_covered_and_agrees_with_float64(rule):
    for loss, own in itertools.product(
        ("quotient", "beale"), ({}, {n: 0.0 for n, knob in rule.knobs.items() if knob.length})
    ):
        run = Run(rule.name, 0.02, 0.1, own)
        ((exact,), (near,)) = (each(named(loss), run, [START], 25) for each in (precise.simulate, simulate))
        assert exact.radius.max() < 1e-9
        assert np.hypot(exact.x - near.x, exact.y - near.y) == pytest.approx(0, abs=1e-11 * exact.norm.max())


@pytest.mark.parametrize("fields", [{"noise": 0.1}])
def test_a_scene_that_cannot_be_certified_is_refused(fields):
    data = {"version": 1, "landscape": "quotient", "arithmetic": "certified", "runs": [{"label": "a", **fields}]}
    with pytest.raises(SceneError, match="Certified arithmetic"):
        from_data(data)


def test_proofs_in_two_threads_do_not_disturb_each_other():
    cases = [(named("quotient"), Run("gd", 0.1, 0.1), 600), (named("five_wells"), Run("gd", 0.3, 0.25), 200)]
    alone = [precise.simulate(landscape, run, [START], steps)[0] for landscape, run, steps in cases]
    together = [None, None]

    def prove(i):
        landscape, run, steps = cases[i]
        together[i] = precise.simulate(landscape, run, [START], steps)[0]

    threads = [threading.Thread(target=prove, args=(i,)) for i in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for one, other in zip(alone, together, strict=True):
        assert one.bits == other.bits and np.array_equal(one.x, other.x) and np.array_equal(one.radius, other.radius)
