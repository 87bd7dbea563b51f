"""How far noisy particles wander: the squared distance over the lag, of every run; and its law where there is one."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from app.chart.ensemble import FEW
from app.chart.sheet import Axis, Curve, Mark, Plot, Sheet
from app.picture.picture import STYLES
from app.scene import Run, Scene
from dynamics import averages as science
from dynamics.schedules import schedule

LAGS = 32
SETTLED = 1.1
"""a distance that grows by less than this factor over the last factor of four of the lag has stopped growing"""


class Walk(NamedTuple):
    """One run's particles: their mean squared distance over the lags, and the law of it where there is one."""

    label: str
    run: Run
    lags: np.ndarray
    seen: np.ndarray
    law: np.ndarray | None
    limit: float | None
    """2 tr Σ: where the law ends"""
    slowest: float | None
    """1/(ηh): in so many steps the flattest direction forgets"""


def sheets(scene: Scene, cancel: Callable[[], bool] | None) -> Iterator[Sheet]:
    most = scene.chart.particles
    for particles in sorted({min(FEW, most), most}):
        made = [_walk(scene, run, label, particles, cancel) for run, label in zip(scene.runs, scene.labels, strict=True)]
        yield _sheet(made, particles, scene.steps, particles / most)


def _walk(scene: Scene, run: Run, label: str, particles: int, cancel: Callable[[], bool] | None) -> Walk:
    lags = np.unique(np.rint(np.geomspace(1, scene.steps, LAGS)).astype(int))
    seen = science.separation(
        scene.field, run.motion, scene.points, particles, scene.steps, lags, knobs=scene.knobs, arithmetic=scene.arithmetic,
        seed=scene.seed, cancel=cancel,
    )  # fmt: skip
    h = science.curvatures(scene.field, run.motion, scene.knobs)
    if h is None or run.noise == 0:
        return Walk(label, run, lags, seen, None, None, None)
    eta = schedule(run.learning_rate).value
    law = science.ornstein_uhlenbeck(h, eta, run.noise, lags)
    limit = 2 * science.stationary_variance(h, eta, run.noise).sum()
    return Walk(label, run, lags, seen, law, float(limit), float(1 / (eta * h[-1])))


def _sheet(made: list[Walk], particles: int, steps: int, done: float) -> Sheet:
    curves, marks = [], []
    for k, walk in enumerate(made):
        colour, dash = STYLES[k % len(STYLES)]
        curves.append(Curve(walk.lags, _positive(walk.seen), walk.label, walk.run.colour or colour, dash, 2.5))
        if walk.law is not None:
            curves.append(Curve(walk.lags, walk.law, "Ornstein–Uhlenbeck" if k == 0 else "", None, (2, 3), 1.5))
            marks.append(Mark("2 tr Σ" if len(made) == 1 else f"2 tr Σ, {walk.label}", y=walk.limit))
    heights = np.concatenate([curve.y for curve in curves] + [[mark.y] for mark in marks])
    heights = heights[np.isfinite(heights)]
    low, high = (float(heights.min()), float(heights.max())) if len(heights) else (0.1, 1.0)
    plot = Plot(
        "How far particles wander in Δ steps", Axis("lag Δ, in steps", 1.0, float(max(steps, 2)), log=True),
        Axis("mean ‖w(T) − w(T + Δ)‖²", low / 1.5, high * 1.5, log=True), curves=tuple(curves), marks=tuple(marks),
    )  # fmt: skip
    return Sheet((plot,), _caption(made, particles), done=done)


def _positive(values: np.ndarray) -> np.ndarray:
    """What a logarithmic side can show."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _caption(made: list[Walk], particles: int) -> str:
    text = f"{_number(particles)} particles" + ("." if len(made) == 1 else " a run.")
    for walk in made:
        text += " " + (f"{walk.label}: " if len(made) > 1 else "") + _said(walk)
    if any(walk.law is None for walk in made):
        text += " A law is drawn for plain descent at a constant rate, with noise, on a quadratic."
    text += " Two weights leave a valley one flat direction; in a network it has many, and the distance grows for longer."
    return text


def _said(walk: Walk) -> str:
    """What is seen of one run, with its numbers."""
    quarter = int(np.searchsorted(walk.lags, walk.lags[-1] / 4))
    before, last, lag = float(walk.seen[quarter]), float(walk.seen[-1]), _number(walk.lags[-1])
    if not (np.isfinite(last) and before > 0):
        return "Nothing wanders without noise." if last == 0 else "They leave the plane."
    if last < SETTLED * before:
        end = f", and 2 tr Σ is {walk.limit:.4g}" if walk.limit is not None else ""
        return f"The squared distance has stopped growing: {last:.4g} at Δ = {lag}{end}."
    text = f"The squared distance goes on growing: {before:.3g} at Δ = {_number(walk.lags[quarter])}, {last:.3g} at {lag}"
    if walk.limit is None:
        return text + "."
    return text + f"; it would stop at 2 tr Σ = {_number(walk.limit)}, in some 1/(ηh) = {_number(walk.slowest)} steps."


def _number(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.12g}".replace(",", "\u202f")
