"""The schedule compiler's answer: a run's twin as numbers, as words, and as code for optax and PyTorch."""

from typing import Any

import numpy as np

from app.answer.result import twin_of
from app.scene import Run, Scene, SceneError
from dynamics.schedules import Constant, schedule
from dynamics.twins import Twin, overflow_steps

CODED = ("gd", "sign", "unit_gradient", "unit_loss")


def partners(scene: Scene) -> list[Run]:
    """The runs whose twin is asked for: those that a `twin_of` names, or else every run with weight decay."""
    named = [scene.partner(run) for run in scene.runs if run.twin_of]
    found = [run for run in named if run is not None] or [
        run for run in scene.runs if not run.named and run.weight_decay != 0.0
    ]
    if not found:
        raise SceneError("no_twin", "No run of this scene has weight decay, so there is nothing to find a twin of.")
    return found


def made_twin(scene: Scene, run: Run) -> Twin:
    label = scene.labels[scene.runs.index(run)]
    return twin_of(scene, Run(twin_of=label))


def reports(scene: Scene) -> list[dict[str, Any]]:
    """One report for every twin, as plain data; natural logarithms, over t = 0 ... steps."""
    return [_report(scene, run) for run in partners(scene)]


def _report(scene: Scene, run: Run) -> dict[str, Any]:
    made = made_twin(scene, run)
    overflow = overflow_steps(made, float(np.log(np.hypot(*scene.points[0]))))
    coded = is_coded(run) and (made.degree == 0 or not run.hyperparameters.get("momentum"))
    codes = {dialect: code(scene, run, dialect) for dialect in ("optax", "torch")} if coded else {}
    return {
        "of": scene.labels[scene.runs.index(run)],
        "rule": run.rule,
        "theorem": made.theorem,
        "log_learning_rate": _finite(made.log_learning_rate),
        "growth": _finite(made.growth),
        "log_projection": made.log_projection.tolist(),
        "overflow": {name: each._asdict() for name, each in overflow.items()},
        **codes,
    }


def _finite(values: np.ndarray) -> list[float | None]:
    """null where the learning rate is 0, which has no logarithm, and from which nothing grows."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def sentences(report: dict[str, Any]) -> list[str]:
    """The report in words, for a terminal and for the page."""
    lines = [f"The twin of “{report['of']}”: {report['theorem']}."]
    growth = [each for each in report["growth"] if each]
    if growth:
        steady = abs(growth[0] - growth[-1]) < 1e-9 * abs(growth[0])
        word = "grows" if min(growth) >= 1 else "falls" if max(growth) <= 1 else "changes"
        pace = f"×{growth[0]:.6g} a step" if steady else f"from ×{growth[0]:.6g} to ×{growth[-1]:.6g} a step"
        constant = steady and abs(growth[0] - 1) < 1e-12
        lines.append("The learning rate is constant." if constant else f"The learning rate {word} {pace}.")
    still = [t for t, rate in enumerate(report["log_learning_rate"]) if rate is None]
    if still:
        last = len(report["growth"]) + 1 - still[0] == len(still)
        where = f"from step {still[0]} on" if last else f"at {len(still)} steps"
        lines.append(f"It is 0 {where}, as the run's own is.")
    for name, overflow in report["overflow"].items():
        rate = overflow["learning_rate"]
        if rate is not None:
            lines.append(f"From step {rate} on, {name} can no longer hold the learning rate.")
    return lines


# ---------------------------------------------------------------------------------------------------------------------
# Code


def is_coded(run: Run) -> bool:
    """Whether the twin is one line of an optimizer's options: plain steps, or heavy ball with L2 at constant rates."""
    own = run.hyperparameters
    if run.rule not in CODED or run.clip_norm is not None or own.get("nesterov") or own.get("decoupled"):
        return False
    return not own.get("momentum") or all(isinstance(schedule(r), Constant) for r in (run.learning_rate, run.weight_decay))


def code(scene: Scene, run: Run, dialect: str) -> str:
    """A script that runs the twin with optax or PyTorch and lays it over the run with weight decay."""
    made = made_twin(scene, run)
    power = {"gd": made.degree - 1, "unit_loss": -1}.get(run.rule, 0)
    momentum = float(run.hyperparameters.get("momentum", 0.0))
    buffer = float(schedule(made.run.initial_buffer).rates(1).value[0])
    loss = scene.field.source("jax" if dialect == "optax" else "torch", scene.field.knob_values | scene.knobs)
    name, start = scene.field.name, list(scene.points[0])
    setup = "\n".join([
        f"eta = {_table(run.learning_rate, scene.steps)}",
        f"decay = {_table(run.weight_decay, scene.steps)}",
        *_remains(momentum),
        "projection = np.cumprod(np.append(1.0, remains))  # P_t",
        f"rates = eta * projection[:-1] ** {power}.0 / projection[1:]  # the twin's learning rates: no weight decay",
    ])  # fmt: skip
    body = _OPTAX if dialect == "optax" else _TORCH
    head, source = loss.split("\n\n\n", 1)
    return body.format(
        imports=head, loss=source.rstrip(), name=name, setup=setup, start=start, momentum=momentum, buffer=repr(buffer),
        direction=_DIRECTIONS[dialect][run.rule].format(name=name),
    )  # fmt: skip


def _remains(momentum: float) -> list[str]:
    if not momentum:
        return ["remains = 1 - eta * decay"]
    return [
        f"b = 1 + {momentum!r} - eta * decay  # α is the larger root of α² - bα + γ",
        f"remains = (b + np.sqrt(b**2 - 4 * {momentum!r})) / 2",
    ]


def _table(rate: Any, steps: int) -> str:
    made = schedule(rate)
    if isinstance(made, Constant):
        return f"np.full({steps}, {made.value!r})"
    return f"np.array({made.rates(steps).value.tolist()!r})"


_DIRECTIONS = {
    "optax": {
        "gd": "g", "sign": "jnp.sign(g)", "unit_gradient": "g / jnp.linalg.norm(g)", "unit_loss": "g / {name}(*w)",
    },
    "torch": {
        "gd": "g", "sign": "torch.sign(g)", "unit_gradient": "g / torch.linalg.norm(g)",
        "unit_loss": "g / {name}(*w).detach()",
    },
}  # fmt: skip

_OPTAX = """\
import jax
import numpy as np
import optax
{imports}

jax.config.update("jax_enable_x64", True)


{loss}


{setup}

w = jnp.array({start})
optimizer = optax.chain(optax.trace({momentum!r}), optax.scale_by_schedule(lambda t: -jnp.asarray(rates)[t]))
state = optimizer.init(w)
state = (optax.TraceState(trace={buffer} * w), state[1])  # the buffer's start: 0 without momentum
for t in range(len(rates)):
    g = jax.grad(lambda w: {name}(*w))(w)
    updates, state = optimizer.update({direction}, state, w)
    w = optax.apply_updates(w, updates)

print("the twin:", w.tolist())
print("laid over the run with weight decay:", (projection[-1] * w).tolist())
"""

_TORCH = """\
import numpy as np
{imports}


{loss}


{setup}

w = torch.tensor({start}, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=1.0, momentum={momentum!r})
optimizer.state[w]["momentum_buffer"] = {buffer} * w.detach()  # the buffer's start: 0 without momentum
for rate in rates:
    optimizer.zero_grad()
    {name}(*w).backward()
    g = w.grad
    w.grad = {direction}
    optimizer.param_groups[0]["lr"] = float(rate)
    optimizer.step()

print("the twin:", w.tolist())
print("laid over the run with weight decay:", (projection[-1] * w.detach()).tolist())
"""
