"""Scenes of the page Curvature: the sharpness against what a rule can bear, each with its limit in its line."""

import math
from collections.abc import Iterable

from app.gallery.presets import Preset
from app.scene import Atlas, Run, Scene, View
from dynamics.schedules import Warmup

LABELS = "(x*y - t)^2/2; t = 1 in [-2, 2]"
"""one weight a layer, and a target that may be noisy"""
NOISE = {"t": 0.02}
WATCHED = View(strips=("loss", "norm", "sharpness"))


def _preset(name: str, title: str, line: str, *runs: Run, **scene: object) -> Preset:
    return Preset(name, title, line, Scene(title=title, runs=runs, **{"view": WATCHED, **scene}))  # type: ignore[arg-type]


def _beside_the_axis(product: float, sharpnesses: Iterable[float]) -> tuple[tuple[float, float], ...]:
    """Starts on xy = `product` so near the x axis that the curvature of (xy - t)²/2 is about x²."""
    return tuple((round(math.sqrt(h), 4), round(product / math.sqrt(h), 5)) for h in sharpnesses)


CURVATURE = (
    _preset("catapult", "Lazy, thrown, gone",
            "On (xy)²/2: below ηλ₀ = 2 it slides down, between 2 and 4 it is thrown to somewhere flatter, above 4 it is gone. "
            "Exact here; of networks it is a model.",
            Run(label="η = 0.1", learning_rate=0.1), landscape="catapult", steps=100,
            starts=_beside_the_axis(0.1, (10, 19, 21, 30, 39, 41))),
    _preset("warmup", "Warmup rescues a run",
            "Under label noise a warmup walks down the curvature as the rate grows; at once, the same rate diverges. Without "
            "noise a residual of exactly zero may hold a run where it should not stay.",
            Run(label="warmup over 400 steps", learning_rate=Warmup(peak=0.1, warmup_steps=400), knob_noise=NOISE),
            Run(label="no warmup", learning_rate=0.1, knob_noise=NOISE), formula=LABELS, steps=1200, starts=((7.0, 0.1),)),
    _preset("same_end", "The rate decides, not the start",
            "Six starts of very different curvature end on one: that which the rate can bear under this noise. A valley of "
            "minima does it; a loss with one minimum has one curvature.",
            Run(label="η = 0.05", learning_rate=Warmup(peak=0.05, warmup_steps=400), knob_noise=NOISE),
            Run(label="η = 0.2", learning_rate=Warmup(peak=0.2, warmup_steps=400), knob_noise=NOISE),
            formula=LABELS, steps=2000, starts=_beside_the_axis(0.5, (30, 40, 50, 60, 70, 80))),
    _preset("clipping", "Clipping does the same",
            "Clipped steps cannot be thrown far, and end where the curvature is below 2/η. Clipped too much, a run creeps to the "
            "nearest minimum and stays too sharp: move c.",
            Run(label="clipped at 1", learning_rate=0.1, clip_norm=1.0), Run(label="no clipping", learning_rate=0.1),
            landscape="product", steps=4000),
    _preset("sharpening", "Climbing to the edge",
            "From (7, 0.1) the curvature more than doubles until it is 2/η, and is held there. On the way the path is chaotic: "
            "trust its end, not its steps.",
            Run(label="η = 0.02", learning_rate=0.02), landscape="minimal_edge", steps=20_000),
    _preset("edge", "Held at the edge",
            "The valley sharpens as it climbs; at 2/η it bounces between two points for ever. A toy with one bound: networks "
            "have many directions.",
            Run(label="η = 0.5", learning_rate=0.5), landscape="progressive_sharpening", steps=4000, starts=((0.1, 0.9),)),
    _preset("too_far", "Below the edge, and gone all the same",
            "At the start ηλ₀ is only half of 2; but the loss is no quadratic, and one step leads to where it is far steeper.",
            Run(label="η = 0.02", learning_rate=0.02), landscape="minimal_edge", steps=20, starts=((12.5, 0.05),)),
    _preset("momentum", "Every rule has its own edge",
            "At γ = 0.9 the heavy ball bears 3.8/η, Nesterov 1.357/η, plain descent 2/η: here each is a little below its own, "
            "and plain descent above. Exact on this quadratic.",
            Run(label="heavy ball, ηh = 3.7", learning_rate=0.37, hyperparameters={"momentum": 0.9}),
            Run(label="Nesterov, ηh = 1.3", learning_rate=0.13, hyperparameters={"momentum": 0.9, "nesterov": True}),
            Run(label="plain, ηh = 2.1", learning_rate=0.21),
            formula="(x^2 + h*y^2)/2; h = 10 in [1, 20]", steps=300, starts=((-1.4, 1.2),)),
    _preset("adam", "Adam has an edge too",
            "Its own estimate of the gradient's size shrinks until the curvature, measured in it, is 38/η. Often quoted as "
            "40/η: that is a fit; and it is exact only while that estimate holds still.",
            Run(label="Adam", rule="adam", learning_rate=0.001, hyperparameters={"b2": 0.99}),
            formula="(x^2 + h*y^2)/2; h = 0.1 in [0.01, 1]", steps=6000, starts=((1.0, 1.0),)),
    _preset("border", "What survives, exactly",
            "(xy−1)²/2: the starts that a rate lets survive fill an ellipse, by a theorem; move η below 1. Nothing about whether a "
            "run survives is intricate here; where it lands may be.",
            Run(label="Gradient descent", learning_rate=0.2), landscape="product", steps=300, arithmetic="float32", view=View(),
            chart=Atlas(x="start.x:-6:6", y="start.y:-6:6", statistic="steps_to_diverge")),
    _preset("scale", "Larger starts bear smaller rates",
            "Across: the learning rate; up: what the start (3, 0.3) is multiplied by. What diverges, does so soon; grey is where "
            "nothing does.",
            Run(label="Gradient descent", learning_rate=0.1), landscape="product", steps=300, arithmetic="float32",
            starts=((3.0, 0.3),), view=View(),
            chart=Atlas(x="runs.0.learning_rate:log:0.02:2", y="start.scale:log:0.3:3", statistic="steps_to_diverge")),
)  # fmt: skip
