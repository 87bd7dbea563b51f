"""The exact critical step of (xy − μ)²/2, against runs written out here and against the product's maps."""

import numpy as np
import pytest

from app.chart import sheets
from app.scene import Atlas, Run, Scene
from dynamics import Run as Motion
from dynamics.critical import border, border_of, critical_step
from landscapes import LANDSCAPES


def walk(x, y, rate, mu, steps):
    with np.errstate(all="ignore"):
        for _ in range(steps):
            z = x * y - mu
            x, y = x - rate * z * y, y - rate * z * x
    return x, y


def test_a_thousand_random_starts_survive_just_below_their_critical_step_and_not_just_above() -> None:
    rng, wrong, seen = np.random.default_rng(1), 0, 0
    while seen < 1000:
        mu, x, y = rng.uniform(-2, 2), *rng.uniform(-5, 5, 2)
        rate = critical_step(x, y, mu)
        if 1.01 * rate * abs(mu) >= 1:
            continue
        seen += 1
        below, above = (np.hypot(*walk(x, y, side * rate, mu, 3000)) for side in (0.99, 1.01))
        wrong += not np.isfinite(below) or np.isfinite(above)
    assert wrong == 0


@pytest.mark.parametrize(("start", "mu", "told"), [((7, 0.1), 1.0, 0.081575), ((3, 0.3), 1.0, 0.43793), ((4, 2), 0.0, 0.2)])
def test_the_critical_step_of_a_start_is_the_published_number(start, mu, told) -> None:
    assert critical_step(*start, mu) == pytest.approx(told, rel=2e-5)


@pytest.mark.parametrize("mu", [0.0, 1.0, -1.5])
def test_the_border_is_carried_into_itself_and_a_step_triples_the_angle_on_it(mu: float) -> None:
    rate = 0.4
    x, y = border(rate, mu, 50)
    on = lambda x, y: (x + y) ** 2 / (8 / rate + 4 * mu) + (x - y) ** 2 / (8 / rate - 4 * mu)  # noqa: E731
    angle = lambda x, y: np.arctan2((x - y) / np.sqrt(8 / rate - 4 * mu), (x + y) / np.sqrt(8 / rate + 4 * mu))  # noqa: E731
    after = walk(x, y, rate, mu, 1)
    assert np.max(np.abs(on(x, y) - 1)) < 1e-12 and np.max(np.abs(on(*after) - 1)) < 1e-12
    tripled = np.exp(1j * (angle(*after) + 3 * angle(x, y)))  # θ -> π - 3θ
    assert np.max(np.abs(tripled + 1)) < 1e-11


def test_a_map_of_starts_shows_the_border_and_nothing_beyond_it_survives() -> None:
    scene = Scene(
        landscape="product", steps=300, arithmetic="float32", runs=(Run(learning_rate=0.2),),
        chart=Atlas(x="start.x:-6:6", y="start.y:-6:6", statistic="steps_to_diverge"),
    )  # fmt: skip
    plot = next(sheets(scene)).plots[0]
    assert [curve.label for curve in plot.curves] == ["exact border"]
    values = plot.raster.values
    x, y = np.meshgrid(*[np.linspace(-6, 6, values.shape[0])] * 2)
    near = np.abs(critical_step(x, y, 1.0) / 0.2 - 1) < 0.02
    assert np.array_equal(np.isfinite(values)[~near], (critical_step(x, y, 1.0) < 0.2)[~near])


def test_no_border_is_claimed_with_decay_momentum_noise_or_beyond_one_over_mu() -> None:
    field = LANDSCAPES["product"]
    for run in (Motion("gd", 0.1, 0.1), Motion("gd", 1.1), Motion("gd", 0.1, noise=0.1), Motion("adam", 0.1),
                Motion("gd", 0.1, 0.0, {"momentum": 0.9}), Motion("gd", 0.1, clip_norm=1.0)):  # fmt: skip
        assert border_of(field, run) is None
    assert border_of(LANDSCAPES["himmelblau"], Motion("gd", 0.1)) is None
