"""Scenes to start from, each with the one line that says what to watch. Those of Zoom out carry a twin."""

import math
from typing import NamedTuple

from app.scene import Atlas, Averages, Distances, Ensemble, Orbits, Portrait, Run, Scene, View
from dynamics.schedules import Step, Warmup


class Preset(NamedTuple):
    name: str
    title: str
    line: str
    scene: Scene


def _pair(name: str, title: str, line: str, run: Run, twin: str = "growing rate", **scene: object) -> Preset:
    runs = (run, Run(label=twin, twin_of=run.label))
    return Preset(name, title, line, Scene(title=title, runs=runs, **scene))  # type: ignore[arg-type]


def _race(name: str, title: str, line: str, *runs: Run, **scene: object) -> Preset:
    return Preset(name, title, line, Scene(title=title, runs=runs, **scene))  # type: ignore[arg-type]


def _decay(rate: float, decay: float, **more: object) -> Run:
    return Run(label="weight decay", learning_rate=rate, weight_decay=decay, **more)  # type: ignore[arg-type]


ZOOM_OUT = (
    _pair("kicked", "Kicked out, and zoomed out",
          "Decay shrinks the weights, gradients grow, and the well cannot hold them; on the right the camera does the shrinking.",
          _decay(0.3, 0.25), landscape="five_wells", steps=130),
    _pair("stuck", "Stuck",
          "No decay: every step lengthens the weights, gradients fade, and the walk stops. Its twin is itself.",
          _decay(0.3, 0.0), landscape="five_wells", steps=60),
    _pair("blown_up", "Blown up",
          "The same walk without decay, at a learning rate that grows: through a camera that stays, it soon leaves the frame.",
          _decay(0.3, 0.25), landscape="five_wells", view=View(camera="fixed")),
    _pair("projected", "Projected back",
          "Each point of the growing run, divided by its own growth, falls on the run with weight decay, until rounding parts them.",
          _decay(0.3, 0.25), landscape="five_wells", view=View(panels="projected")),
    _pair("certified", "Proven",
          "In certified arithmetic every point is proven to a billionth of its norm: now the two do not part.",
          _decay(0.3, 0.25), landscape="five_wells", arithmetic="certified"),
    _pair("portrait", "The same without a norm",
          "All that matters is the direction and κ: both runs are one orbit of a map of two variables.",
          _decay(0.1, 0.5), landscape="quotient", steps=200, view=View(panels="portrait")),
    _pair("momentum", "With momentum",
          "Heavy ball has a twin too, up to ηλ = (1−√γ)²: the same γ, a rate that grows, and a buffer that is not empty.",
          _decay(0.05, 0.04, hyperparameters={"momentum": 0.9}), landscape="five_wells"),
    _pair("separate", "Why do they separate?",
          "More decay makes it more chaotic: the two runs are equal in theory, and rounding parts them sooner than at less decay.",
          _decay(0.3, 0.4), landscape="five_wells"),
    _pair("quotient", "The smallest example",
          "On x²/(x²+y²) the loss falls to almost nothing, waits while decay shrinks the weights, and spikes.",
          _decay(0.1, 0.5), landscape="quotient", steps=200),
    _pair("neuron", "A batch-normalised neuron",
          "The same theorem on a real, if tiny, model: one linear neuron with standardised output.",
          _decay(0.5, 0.2), landscape="batch_norm_neuron", steps=200),
    _pair("step_decay", "A rate that drops",
          "The theorem holds for any schedule: where the rate drops tenfold, so does the twin's growing one.",
          Run(label="weight decay", weight_decay=0.25, learning_rate=Step(initial=0.3, at=[80], values=[0.03])),
          landscape="five_wells"),
    _pair("sign", "SignSGD grows more slowly",
          "A step that ignores the gradient's length needs a rate that grows by a⁻¹, not a⁻², a step.",
          Run(label="SignSGD with decay", rule="sign", learning_rate=0.1, weight_decay=0.5), landscape="quotient", steps=150),
    _pair("float32", "In float32",
          "Half the digits: the pictures part long before those of float64 do.",
          _decay(0.3, 0.25), landscape="five_wells", arithmetic="float32"),
)  # fmt: skip

EXPLORE = (
    _race("race", "A fair-looking race",
          "Same start, same learning rate, four rules: change the rate and the winner changes. Much of a race is a matter of scale.",
          Run(label="Gradient descent", learning_rate=0.02), Run(label="Momentum", learning_rate=0.02, hyperparameters={"momentum": 0.9}),
          Run(label="SignSGD", rule="sign", learning_rate=0.02), Run(label="Adam", rule="adam", learning_rate=0.02),
          landscape="himmelblau", steps=200),
    _race("stuck", "Stuck in a well",
          "Without decay every step lengthens the weights, gradients fade, and the walk stops: watch ‖w‖ and the effective rate.",
          Run(label="no decay", learning_rate=0.3), Run(label="weight decay", learning_rate=0.3, weight_decay=0.25),
          landscape="five_wells"),
    _race("flow", "Gradient flow underneath",
          "Cut the steps finer and finer and this is the flow: it keeps its norm, and every real step leaves it outwards. Half the rate, half the distance.",
          Run(label="gradient descent", learning_rate=0.1), Run(label="gradient flow", flow_of="gradient descent"),
          landscape="five_wells", steps=40, view=View(window=(-1.0, 0.4, 0.5, 1.25))),
    _race("adabelief", "Adam or AdaBelief?",
          "The famous animation: is AdaBelief cleverer, or is it Adam with a larger rate? Compare with Adam at twice the rate.",
          Run(label="Adam", rule="adam", learning_rate=0.01), Run(label="AdaBelief", rule="adabelief", learning_rate=0.01),
          Run(label="Adam, twice the rate", rule="adam", learning_rate=0.02),
          landscape="beale", steps=8000, starts=((-2.5, -2.5),)),
    _race("scale", "Scale the loss",
          "Move s: only plain gradient descent walks elsewhere. The other three never see the size of the loss.",
          Run(label="Gradient descent", learning_rate=0.2), Run(label="Unit loss", rule="unit_loss", learning_rate=0.05),
          Run(label="Unit gradient", rule="unit_gradient", learning_rate=0.05), Run(label="SignSGD", rule="sign", learning_rate=0.05),
          landscape="regression", steps=120),
    _race("floor", "Divide the loss by the loss",
          "The step grows as the loss falls: below a floor-dependent rate it settles, above it paces for ever.",
          Run(label="unit loss, η = 0.15", rule="unit_loss", learning_rate=0.15),
          Run(label="unit loss, η = 0.21", rule="unit_loss", learning_rate=0.21),
          landscape="floored_quadratic", steps=200),
    _race("sign_box", "SignSGD paces",
          "Steps of one length, whatever the slope: fast to the floor, then back and forth in a box of size η.",
          Run(label="SignSGD", rule="sign", learning_rate=0.07), Run(label="Gradient descent", learning_rate=0.07),
          landscape="quadratic", steps=100),
    _race("catapult", "The catapult",
          "One starts above 2/η: its loss first rises, and it lands where the sharpness is below; the other starts below and stays.",
          Run(label="η = 0.1", learning_rate=0.1), Run(label="η = 0.05", learning_rate=0.05),
          landscape="catapult", steps=60),
    _race("clipping", "Clipping tames the start",
          "Too sharp for this rate at first: without clipping it diverges; clipped, it survives and ends where the sharpness is below 2/η.",
          Run(label="clipped at 3", learning_rate=0.1, clip_norm=3.0), Run(label="no clipping", learning_rate=0.1),
          landscape="product", steps=500),
    _race("warmup", "Warmup finds a flatter place",
          "A slowly growing rate lets the sharpness fall first, so that times η it stays below 2; at once, the same rate diverges.",
          Run(label="warmup over 50 steps", learning_rate=Warmup(peak=0.013, warmup_steps=50)), Run(label="no warmup", learning_rate=0.013),
          landscape="minimal_edge", steps=600, starts=((6.0, 0.3),), view=View(window=(-2.0, 8.0, -2.5, 2.5))),
    _race("edge", "At the edge of stability",
          "Climbing the valley sharpens its walls until the step bounces, and the bounce holds the sharpness at 2/η.",
          Run(label="η = 0.5", learning_rate=0.5), landscape="progressive_sharpening", steps=900,
          starts=((0.1, 0.9),)),
    _race("restless", "Never at rest",
          "On x²/(x²+y²) weight decay never lets it rest: quiet spells end in spikes, and neither the loss nor the norm settles.",
          Run(label="weight decay", learning_rate=0.1, weight_decay=0.2), landscape="quotient", steps=1000),
    _race("five_starts", "Where you start is where you end",
          "Five starts, one rule, four equal wells: which one is reached is decided by the start.",
          Run(label="Gradient descent", learning_rate=0.01), landscape="himmelblau", steps=100,
          starts=((-0.5, -0.8), (0.0, 0.5), (1.0, -1.0), (-1.0, 1.0), (0.3, -3.0))),
    _race("uncentred", "Uncentred inputs",
          "An input mean of m stretches the valley: plain descent crawls along it, momentum helps, centring (m = 0) cures.",
          Run(label="Gradient descent", learning_rate=0.09), Run(label="Momentum", learning_rate=0.09, hyperparameters={"momentum": 0.9}),
          landscape="uncentred_regression", steps=200),
)  # fmt: skip

# along a line through the two-cycle: islands first, then the sea, whose orbits begin closer together since they fall out of it
_LINE = tuple(
    (round(math.exp(u), 3), 0.949)
    for u in (-1.1, -1.0, -0.92, -0.85, -0.79, -0.73, -0.66, -0.6, -0.55, -0.51, -0.47, *(0.06 * k - 0.4 for k in range(30)))
)
_WATCHED = View(strips=("loss", "best", "norm", "lyapunov"))
_STEADY = dict(landscape="five_wells", steps=8000, arithmetic="float32")

CHAOS = (
    _race("orbits", "Order and chaos",
          "Across: ηλ. Each column shows where a run goes after it has forgotten its start; below it, whether errors grow.",
          _decay(1.0, 0.25), landscape="five_wells", steps=2000, starts=((-0.7, 0.7), (0.7, 0.7), (-0.7, -0.7), (0.7, -0.7)),
          chart=Orbits(x="runs.0.intrinsic:log:0.003:0.7")),
    _race("portrait", "Islands in the sea",
          "On x²/(x²+y²) every step preserves area: regular islands round a two-cycle, and a sea whose orbits may fall into them.",
          _decay(1.0, 0.2), landscape="quotient", starts=_LINE, chart=Portrait()),
    _race("settling", "Which wells settle?",
          "Three cosine wells, where f⁗/f″ is below −4: a step too long grows into a two-cycle that attracts. Try 1, 2 and 5 wells.",
          _decay(1.0, 0.25), landscape="cosine_wells_3", steps=2000, starts=((-0.7, 0.7), (0.7, 0.6)),
          chart=Orbits(x="runs.0.intrinsic:log:0.003:0.9")),
    _race("restless", "Never at rest",
          "On x²/(x²+y²) decay never lets it rest: quiet spells end in spikes, so the best loss was long before the last.",
          _decay(0.1, 0.2), landscape="quotient", steps=1000, view=_WATCHED),
    _race("spikes", "Slower is not calmer",
          "A quarter of the decay of the run before, and spikes still come, further apart: decay needs longer to shrink the weights.",
          _decay(0.1, 0.05), landscape="quotient", steps=5000, view=_WATCHED),
    _race("switched_off", "Decay switched off",
          "The same run, with decay switched off at step 500: at most one last spike, then it comes to rest.",
          _decay(0.1, 0.2), Run(label="switched off at 500", learning_rate=0.1, weight_decay=Step(initial=0.2, at=[500], values=[0.0])),
          landscape="quotient", steps=1000, view=View(strips=("loss", "norm", "effective_rate", "lyapunov"))),
    _race("schedules", "Four schedules",
          "From step 3 000 on all four have the same ηλ: their angles agree, and their norms do not.",
          Run(label="η 0.4 → 0.1", learning_rate=Step(initial=0.4, at=[3000], values=[0.1]), weight_decay=0.1, noise=6.0),
          Run(label="η 0.1", learning_rate=0.1, weight_decay=0.1, noise=6.0),
          Run(label="η 0.025 → 0.1", learning_rate=Step(initial=0.025, at=[3000], values=[0.1]), weight_decay=0.1, noise=6.0),
          Run(label="η 1, λ 0.01", learning_rate=1.0, weight_decay=0.01, noise=6.0),
          **_STEADY, chart=Ensemble()),
    _race("gibbs", "Gibbs’s law",
          "Under slow noise the angle forgets where it began, in a time set by 1/(ηλ), and settles on one law.",
          Run(label="ηλ = 0.01", learning_rate=0.1, weight_decay=0.1, noise=6.0), **_STEADY, starts=((-0.7, 0.7), (0.0, -1.0)), chart=Ensemble()),
    _race("particles", "Particles, moving",
          "200 particles from one place: noise spreads them over the five wells, and holds their norm near σ√(η/λ).",
          Run(label="particles", learning_rate=0.1, weight_decay=0.1, noise=2.0),
          landscape="five_wells", steps=600, starts=((-0.7, 0.7),) * 200, view=View(window=(-4.0, 4.0, -4.0, 4.0), trails=False)),
    _race("averages", "Averaging weights",
          "The average of iterates of one run lies nearer to the bottom of its well; that of runs in two wells lies on the hill.",
          Run(label="particles", learning_rate=0.1, weight_decay=0.01, noise=1.0),
          **_STEADY | dict(steps=4000), starts=((0.68, 0.73), (-0.99, -0.13)), chart=Averages()),
    _race("saturates", "A distance that saturates",
          "Noise in a bowl: after some 1/(ηh) steps particles have forgotten where they were, and are no further away later.",
          Run(label="in the bowl", learning_rate=0.1, noise=1.0),
          landscape="quadratic", knobs={"h": 0.5}, steps=400, arithmetic="float32", starts=((0.0, 0.0),), chart=Distances()),
    _race("river", "A distance that grows on",
          "Noise in a river valley: its floor is so flat that thousands of steps do not tell it from a plain. Move h.",
          Run(label="along the river", learning_rate=0.1, noise=1.0), formula="(x^2 + h*y^2)/2; h = 0.0001 in [0.0001, 1] log",
          steps=3000, arithmetic="float32", starts=((0.0, 0.0),), chart=Distances()),
)  # fmt: skip

ATLAS = (
    _race("regimes", "Rest and unrest",
          "Learning rate against weight decay on five wells, each run as long as its decay needs: what it has come to.",
          _decay(0.3, 0.25), landscape="five_wells", steps=500, arithmetic="float32",
          chart=Atlas(x="runs.0.learning_rate:log:0.01:3", y="runs.0.weight_decay:log:0.001:1", statistic="regime", settle=30)),
    _race("lyapunov", "Only ηλ counts",
          "The Lyapunov exponent over learning rate and weight decay: its level sets are the lines of equal ηλ.",
          _decay(0.3, 0.25), landscape="five_wells", steps=500, arithmetic="float32",
          chart=Atlas(x="runs.0.learning_rate:log:0.01:3", y="runs.0.weight_decay:log:0.001:1", statistic="lyapunov", settle=30)),
    _race("basins", "Which well?",
          "Where the start points and how long the weights are decide the well: at a long step the basins interleave.",
          Run(label="Gradient descent", learning_rate=0.3), landscape="five_wells", steps=300, arithmetic="float32",
          chart=Atlas(x="start.angle:-3.141592653589793:3.141592653589793", y="start.norm:log:0.05:3", statistic="basin")),
    _race("catapult", "Edge of divergence",
          "(xy)²/2: the starts that a learning rate lets survive are exactly a disc, x² + y² ≤ 4/η. Move η.",
          Run(label="Gradient descent", learning_rate=0.1), landscape="catapult", steps=200, arithmetic="float32",
          chart=Atlas(x="start.x:-8:8", y="start.y:-8:8", statistic="steps_to_converge")),
)  # fmt: skip
