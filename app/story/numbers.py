"""Numbers in braces: what a scene's run says of itself, computed and never typed.

{loss}   {norm at 84}   {angle of growing rate at 120}   {loss of "off at 500"}   {sharpness at 0 to 2 digits}
"""

import difflib
import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from app.answer.result import RunResult, simulate
from app.picture.picture import SPIKE
from app.picture.words import PARTED, format_log, format_number, grouped
from app.scene import Scene, SceneError
from dynamics.path import wrapped
from dynamics.sharpness import threshold
from dynamics.spikes import spike_period, spikes

ASKED = re.compile(
    r'(?P<name>\w+)(?:\s+of\s+(?P<run>"[^"]+"|.+?))?(?:\s+at\s+(?P<step>\d+|start|end))?'
    r"(?:\s+to\s+(?P<digits>[1-9])\s+digits?)?"
)


class Asked(NamedTuple):
    scene: Scene
    runs: tuple[RunResult, ...]
    run: RunResult
    step: int

    @property
    def path(self):
        return self.run.paths[0]

    @property
    def rates(self) -> tuple[float, float]:
        """η and λ at the step."""
        decay = self.run.motion.weight_decay
        if not isinstance(decay, (int, float)):
            raise SceneError("number", "The weight decay of this run follows a schedule, so ηλ is not one number.")
        return float(self.path.learning_rate[min(self.step, len(self.path.learning_rate) - 1)]), float(decay)

    @property
    def partner(self) -> RunResult:
        if self.run.partner is None:
            raise SceneError("number", f"“{self.run.label}” is no twin, so there is nothing to compare it with.")
        return self.runs[self.run.partner]


def _first(found: np.ndarray, what: str) -> float:
    steps = np.flatnonzero(found)
    if not len(steps):
        raise SceneError("number", f"{what} within these steps, so there is no number for it.")
    return float(steps[0])


def _parted(asked: Asked) -> float:
    apart = np.abs(wrapped(asked.path.angle - asked.partner.paths[0].angle))
    return _first(apart > PARTED, "The two do not part")


def _times_out(asked: Asked) -> float:
    return float(asked.path.log_norm[asked.step] - asked.partner.paths[0].log_norm[asked.step])


def _turn(asked: Asked) -> float:
    if not asked.step:
        raise SceneError("number", "The first step is step 1: before it nothing has turned.")
    return abs(math.degrees(float(wrapped(asked.path.angle[asked.step] - asked.path.angle[asked.step - 1]))))


def _usual_turn(asked: Asked) -> float:
    turned = wrapped(np.diff(asked.path.angle[len(asked.path.angle) // 2 :]))
    return math.degrees(float(np.sqrt(np.mean(np.square(turned)))))


def _edge(asked: Asked) -> float:
    known = threshold(asked.scene.field, asked.run.motion, asked.path)
    if known is None:
        raise SceneError("number", f"There is no edge of stability for “{asked.run.label}”.")
    return float(known[asked.step])


def _wells(asked: Asked) -> float:
    """How often the nearest of the landscape's minima changes, by direction."""
    minima = asked.scene.field.minima
    if len(minima) < 2:
        raise SceneError("number", "This loss has not got several minima with known places.")
    angles = np.array([math.atan2(y, x) for x, y in minima])
    near = np.argmin(np.abs(wrapped(asked.path.angle[:, None] - angles)), axis=1)
    return float(np.count_nonzero(np.diff(near)))


def _memory(asked: Asked) -> float:
    if not (product := math.prod(asked.rates)):
        raise SceneError("number", f"“{asked.run.label}” has no weight decay, so it never forgets.")
    return 1 / product


def _lyapunov(asked: Asked) -> float:
    if asked.path.lyapunov is None:
        raise SceneError("number", "In this arithmetic no Lyapunov exponent is measured.")
    return float(asked.path.lyapunov[asked.step])


def _horizon(asked: Asked) -> float:
    if asked.path.horizon is None:
        raise SceneError("number", "This run can be trusted to its end, so it has no horizon.")
    return float(asked.path.horizon)


def _out(asked: Asked) -> float:
    x0, x1, y0, y1 = asked.scene.view.window or asked.scene.field.window
    path = asked.path
    return _first((path.x < x0) | (path.x > x1) | (path.y < y0) | (path.y > y1), "It does not leave the picture")


def _ended(asked: Asked) -> float:
    if asked.path.stopped_at is None:
        raise SceneError("number", f"“{asked.run.label}” runs to its last step.")
    return float(asked.path.stopped_at)


def _quiet(asked: Asked) -> float:
    """From which step on the norm changes by less than a thousandth of its end."""
    norm = asked.path.log_norm
    return float(len(norm) - 1 - _first((np.abs(norm - norm[-1]) > 1e-3)[::-1], "The norm never changes")) + 1


class Quantity(NamedTuple):
    says: str
    of: Callable[[Asked], float]
    kind: str = "number"
    """number, log (its natural logarithm is given), count, degrees, or setting (as somebody would have typed it)"""


QUANTITIES: dict[str, Quantity] = {
    "steps": Quantity("how many steps the scene has", lambda asked: asked.scene.steps, "count"),
    "step": Quantity("the step that is meant", lambda asked: asked.step, "count"),
    "x": Quantity("the first weight", lambda asked: asked.path.x[asked.step]),
    "y": Quantity("the second weight", lambda asked: asked.path.y[asked.step]),
    "loss": Quantity("the loss", lambda asked: asked.path.loss[asked.step]),
    "lowest": Quantity("the lowest loss so far", lambda asked: np.nanmin(asked.path.loss[: asked.step + 1])),
    "highest": Quantity("the highest loss so far", lambda asked: np.nanmax(asked.path.loss[: asked.step + 1])),
    "norm": Quantity("‖w‖", lambda asked: asked.path.log_norm[asked.step], "log"),
    "angle": Quantity("the direction", lambda asked: math.degrees(asked.path.angle[asked.step]), "degrees"),
    "gradient": Quantity("the gradient's norm", lambda asked: asked.path.gradient_norm[asked.step]),
    "turn": Quantity("how far one step turns", _turn, "degrees"),
    "usual_turn": Quantity("how far steps of the second half turn, root mean square", _usual_turn, "degrees"),
    "expected_turn": Quantity(
        "arccos(1 − ηλ)", lambda asked: math.degrees(math.acos(1 - math.prod(asked.rates))), "degrees"
    ),
    "rate": Quantity("η", lambda asked: math.exp(asked.path.log_learning_rate[asked.step]), "setting"),
    "decay": Quantity("λ", lambda asked: asked.rates[1], "setting"),
    "product": Quantity("ηλ", lambda asked: math.prod(asked.rates), "setting"),
    "memory": Quantity("1/(ηλ) in steps", _memory),
    "effective_rate": Quantity(
        "η/‖w‖²", lambda asked: asked.path.log_learning_rate[asked.step] - 2 * asked.path.log_norm[asked.step], "log"
    ),
    "growth": Quantity("by what the twin's rate grows a step", lambda asked: (1 - math.prod(asked.rates)) ** -2),
    "times_out": Quantity("how many times further out a twin is than its partner", _times_out, "log"),
    "parted": Quantity("the step at which a twin and its partner part", _parted, "count"),
    "sharpness": Quantity("the largest curvature", lambda asked: asked.path.log_sharpness[asked.step], "log"),
    "edge": Quantity("the curvature that the rule can bear", _edge),
    "spikes": Quantity(
        f"how often the loss rises above {SPIKE:g}", lambda asked: len(spikes(asked.path.loss, SPIKE)), "count"
    ),
    "period": Quantity("steps from spike to spike", lambda asked: spike_period(asked.path.loss, SPIKE)),
    "wells": Quantity("how often the nearest minimum changes", _wells, "count"),
    "lyapunov": Quantity("the Lyapunov exponent so far", _lyapunov),
    "horizon": Quantity("the step up to which the arithmetic is predictive", _horizon, "count"),
    "out": Quantity("the step at which the picture is left", _out, "count"),
    "ended": Quantity("the step at which a run ended early", _ended, "count"),
    "quiet": Quantity("the step from which the norm stays as it ends, to a thousandth", _quiet, "count"),
}


def value(scene: Scene, text: str) -> tuple[float, str]:
    """A quantity as a number and in words, or `SceneError` that names those there are."""
    found = ASKED.fullmatch(text.strip())
    if found is None:
        raise SceneError("number", "A number is written as {loss}, {norm at 84} or {angle of RUN at end}.")
    name = found["name"]
    if name not in QUANTITIES:
        near = difflib.get_close_matches(name, QUANTITIES, 1)
        hint = f"perhaps {near[0]}" if near else f"there are {', '.join(QUANTITIES)}"
        raise SceneError("number", f"There is no number called {name[:40]!r}; {hint}.")
    runs = simulate(scene).runs
    asked = Asked(scene, runs, _run(runs, found["run"]), _step(scene, found["step"]))
    quantity = QUANTITIES[name]
    with np.errstate(all="ignore"):
        known = float(quantity.of(asked))
    plain = math.exp(min(known, 700)) if quantity.kind == "log" else known
    return plain, in_words(known, quantity.kind, int(found["digits"] or 3))


def in_words(known: float, kind: str, digits: int = 3) -> str:
    if kind == "log":
        return format_log(known, digits)
    if kind == "setting" and 1e-3 <= abs(known) < 1e4:
        return f"{known:.4g}"
    if kind == "count":
        return grouped(f"{known:.0f}")
    if kind == "degrees":
        return f"{known:.{1 if abs(known) >= 10 else 2}f}°".replace("-", "−")
    return "nothing that is a number" if math.isnan(known) else format_number(known, digits)


def _run(runs: tuple[RunResult, ...], label: str | None) -> RunResult:
    if label is None:
        return runs[0]
    label = label.strip('"')
    known = {run.label: run for run in runs}
    if label not in known:
        raise SceneError("number", f"There is no run called {label[:40]!r}; there are {', '.join(known)}.")
    return known[label]


def run_index(scene: Scene, label: str | None) -> int:
    runs = simulate(scene).runs
    return runs.index(_run(runs, label))


def _step(scene: Scene, text: str | None) -> int:
    step = {"start": 0, "end": scene.steps, None: scene.steps}.get(text)
    step = int(text or 0) if step is None else step
    if step > scene.steps:
        raise SceneError("number", f"This scene ends at step {scene.steps}; there is no step {step}.")
    return step


CLAIM = re.compile(r"(?P<left>[^<>=]+?)\s*(?P<sign><=|>=|<|>)\s*(?P<right>[^<>=]+)")


def holds(scene: Scene, claim: str) -> bool:
    """Whether a claim such as `spikes > 5` or `loss at 20 < loss at 10` is true of a scene."""
    found = CLAIM.fullmatch(claim.strip())
    if found is None:
        raise SceneError("claim", "A claim compares two numbers, such as spikes > 5 or loss at 20 < loss at 10.")
    left, right = (_number(scene, found[side]) for side in ("left", "right"))
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[found["sign"]]


def _number(scene: Scene, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return value(scene, text)[0]
