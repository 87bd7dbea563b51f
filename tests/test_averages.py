"""Where particles are at given times (SCIENCE.md 004-17 ... 004-22): how far they wander, how long until they have mixed,
and what the average of their weights is worth."""

import numpy as np
import pytest

from dynamics import Run, lanes
from dynamics.averages import (
    averaged,
    disagreement,
    label_probabilities,
    ornstein_uhlenbeck,
    positions,
    separation,
    stationary_variance,
)  # fmt: skip
from dynamics.ensemble import distance, distance_floor, ensemble, equilibrium_norm, gibbs, mixing_time
from dynamics.schedules import Step
from landscapes import LANDSCAPES, typed

FIVE, ORIGIN = LANDSCAPES["five_wells"], [(0.0, 0.0)]


def on_the_circle(degrees, norm=1.0):
    return [(norm * np.cos(np.radians(degrees)), norm * np.sin(np.radians(degrees)))]


# Positions


def test_positions_are_those_of_the_ensemble_at_each_time(monkeypatch):
    run, starts = Run("gd", Step(0.1, [30], [0.05]), 0.1, noise=1.0), [(-0.7, 0.7), (1.0, 0.2)]
    there = positions(FIVE, run, starts, 1500, [0, 40, 120], seed=3)
    assert np.array_equal(there[0], np.tile(np.float32(starts), (750, 1)))
    for k, steps in ((1, 40), (2, 120)):
        made = ensemble(FIVE, run, starts, 1500, steps, snapshots=1, seed=3)
        assert np.mean(np.abs(there[k] - made.final) < 1e-4) > 0.99  # two programs: last digits differ, and chaos grows them
    monkeypatch.setattr(lanes, "CHUNK_WORK", 1 << 15)
    assert np.array_equal(there, positions(FIVE, run, starts, 1500, [0, 40, 120], seed=3))


@pytest.mark.parametrize("times", [[], [3, 3], [5, 2], [-1, 4]])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(ValueError, match="increase"):
        positions(FIVE, Run(noise=1.0), [(-0.7, 0.7)], 10, times)


# Distances (004-20)


def test_the_distance_walked_on_a_quadratic_saturates_at_twice_the_trace_of_the_covariance():
    """h = (1, 1/2), η = 0.1, σ = 1: the whole curve, and 2 tr Σ = 0.3104 at its end."""
    lags = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    law = ornstein_uhlenbeck((1.0, 0.5), 0.1, 1.0, lags)
    seen = separation(typed("0.5*x^2 + 0.25*y^2"), Run("gd", 0.1, noise=1.0), ORIGIN, 40_000, 400, lags)
    assert np.abs(seen / law - 1).max() < 0.02
    assert law[-1] == pytest.approx(0.3104, abs=1e-4) == 2 * stationary_variance([1.0, 0.5], 0.1, 1.0).sum()


def test_along_a_river_the_distance_goes_on_growing():
    """h = (1, 10⁻⁴): the valley floor has not begun to hold it after thousands of steps."""
    lags = [300, 600, 900, 1500, 2900]
    law = ornstein_uhlenbeck((1.0, 1e-4), 0.1, 1.0, lags)
    seen = separation(typed("0.5*x^2 + 0.00005*y^2"), Run("gd", 0.1, noise=1.0), ORIGIN, 8000, 3000, lags)
    assert np.all(np.diff(seen) > 2) and np.abs(seen / law - 1).max() < 0.06
    assert law[0] == pytest.approx(3.1, abs=0.05) and law[-1] == pytest.approx(29, abs=0.5)


# Averages of weights (004-19)


@pytest.fixture(scope="module")
def two_wells():
    """Six snapshots, 100 steps apart, of particles in the deepest well and in the one at 188°, at ηλ = 0.001, σ = 1."""
    run, times = Run("gd", 0.1, 0.01, noise=1.0), 4000 + 100 * np.arange(6)
    return [positions(FIVE, run, on_the_circle(at), 4000, times, tangential=True, seed=int(at)) for at in (47.0, 187.7)]


def test_the_average_of_iterates_of_a_run_is_better_than_each_and_of_more_better_still(two_wells):
    bottom = float(FIVE.loss(*np.array(on_the_circle(46.99)).T)[0])
    single, two, six = (averaged(FIVE, two_wells[0][:k]).mean() for k in (1, 2, 6))
    assert bottom < six < two < single
    assert (bottom, single, two, six) == pytest.approx((0.0336, 0.0463, 0.0398, 0.0360), rel=0.02)


def test_the_average_of_runs_in_two_wells_is_worse_than_both(two_wells):
    ends = np.stack([there[-1] for there in two_wells])
    one, other = (averaged(FIVE, end[None]).mean() for end in ends)
    assert (one, other) == pytest.approx((0.0463, 0.2597), rel=0.02)
    assert averaged(FIVE, ends).mean() > 0.9


# Mixing (004-17, 004-18)


def mixed(mu, warmth, multiple, first=135.0, bins=24):
    """Particles from one angle over multiple/μ steps at ηλ = μ and σ√μ = warmth, and the law that they should reach."""
    eta, lam, sigma, watched = 0.1, mu / 0.1, warmth / np.sqrt(mu), 10 * multiple
    start = on_the_circle(first, equilibrium_norm(sigma, eta, lam))
    made = ensemble(
        FIVE, Run("gd", eta, lam, noise=sigma), start, 8192, int(multiple / mu), snapshots=watched, bins=bins,
        tangential=True, seed=int(first),
    )  # fmt: skip
    return made, gibbs(FIVE, sigma, eta, lam, bins)


@pytest.mark.parametrize("mu", [0.02, 0.01, 0.005])
def test_at_equal_temperature_the_time_to_mix_is_a_number_over_the_intrinsic_rate(mu):
    (one, _), (other, _) = mixed(mu, 1.2, 20), mixed(mu, 1.2, 20, 47.0)
    assert 2.5 < mixing_time(one, other, slack=4.0) * mu < 4.5
    assert 5.0 < mixing_time(one, other) * mu < 12.0


def test_at_equal_noise_barriers_decide_and_a_small_rate_has_not_mixed():
    """σ = 6: the temperature falls with √(ηλ), and at ηλ = 0.0025 nobody leaves his well in the time of 7.7/(ηλ)."""
    made, law = mixed(0.0025, 0.3, 8)
    apart = distance(made.counts, law)
    assert mixing_time(made, law) is None and apart[-1] > 0.3 and apart[40] - apart[-1] < 0.02
    warm, law = mixed(0.0025, 1.2, 8)
    assert distance(warm.counts, law)[-1] < 0.2


def test_a_tenth_of_the_rate_for_ten_times_as_long_ends_in_the_same_law_after_the_same_last_rate():
    """ηλ = 0.04 for 1000 steps or 0.004 for 10 000, then 0.002 for both."""
    lam, last, sigma, runs = 0.1, 0.02, 1.2 / np.sqrt(0.002), []
    for eta, steps in ((0.4, 1000), (0.04, 10_000)):
        rate, start = Step(eta, [steps], [last]), on_the_circle(135.0, equilibrium_norm(sigma, eta, lam))
        runs.append(
            ensemble(
                FIVE, Run("gd", rate, lam, noise=sigma), start, 4000, steps + 10_000, bins=24, tangential=True, seed=steps,
                snapshots=(steps + 10_000) // 1000,
            )
        )  # fmt: skip
    (fast, slow), floor = runs, distance_floor(gibbs(FIVE, sigma, last, lam, 24), 4000, 4000)
    assert distance(fast.counts[1], slow.counts[10]) > 2 * floor
    assert distance(fast.counts[-1], slow.counts[-1]) < 1.35 * floor


# Answers (004-21) and batches (004-22)


def test_members_of_one_law_disagree_although_the_ensembles_answer_alike():
    assert disagreement(0.05, 0.05) == pytest.approx(0.095)
    run, inputs = Run("gd", 0.1, 0.1, noise=12.0), np.concatenate([on_the_circle(15.0 * k) for k in range(24)])
    first, second = (
        positions(FIVE, run, on_the_circle(at, 2.9), 8000, [1500], tangential=True, seed=int(at))[0] for at in (47.0, 187.7)
    )
    p, q = label_probabilities(first, inputs), label_probabilities(second, inputs)
    differ = np.mean((first @ inputs.T > 0) != (second @ inputs.T > 0), axis=0)
    assert np.abs(p - q).max() < 4 * np.sqrt(0.5 / 8000)
    assert np.abs(differ - disagreement(p, q)).max() < 4 * np.sqrt(0.25 / 8000) and differ.min() > 0.2


@pytest.mark.parametrize("eta,off", [(0.01, 1.00505), (0.4, 4 / 3)])
def test_linear_scaling_of_rate_and_batch_holds_only_for_small_steps(eta, off):
    """Σ(2η, 2B)/Σ(η, B) = (2 - ηh)/(2 - 2ηh): half a percent off at ηh = 0.01, a third at 0.4."""
    law = stationary_variance(1.0, 2 * eta, np.sqrt(0.5)) / stationary_variance(1.0, eta, 1.0)
    assert law == pytest.approx(off, rel=1e-5) and law == pytest.approx((2 - eta) / (2 - 2 * eta))
    bowl, steps = typed("0.5*x^2 + 0.5*y^2"), [int(4 / eta)]
    seen = [
        positions(bowl, Run("gd", rate, noise=sigma), ORIGIN, 40_000, steps, seed=k)[0].astype(float).var()
        for k, (rate, sigma) in enumerate([(eta, 1.0), (2 * eta, np.sqrt(0.5))])
    ]
    assert seen[1] / seen[0] == pytest.approx(off, rel=0.02)
