"""Particles under noise: the same bits however they are spread, and the equilibrium that weight decay and noise hold."""

import jax
import numpy as np
import pytest

from dynamics import Run, lanes, noise
from dynamics.ensemble import distance, distance_floor, ensemble, equilibrium_norm, equilibrium_turn, gibbs
from dynamics.schedules import Step
from landscapes import LANDSCAPES

FIVE, QUOTIENT, START = LANDSCAPES["five_wells"], LANDSCAPES["quotient"], (-0.7, 0.7)


def on_the_norm(norm, angle=2.0):
    return (norm * np.cos(angle), norm * np.sin(angle))


# The noise itself


def _stream(draws, count=4096):
    with jax.enable_x64(True):
        state = noise.generator(7, np.arange(count, dtype=np.uint32))
        pairs = []
        for _ in range(draws):
            first, second, state = jax.jit(noise.normals)(state)
            pairs.append((np.asarray(first, float), np.asarray(second, float)))
    return np.array(pairs)  # [draw, 2, lane]


def test_the_noise_is_normal_and_independent_between_draws_coordinates_and_lanes():
    z = _stream(40)
    n = z.size
    assert abs(z.mean()) < 4 / np.sqrt(n) and abs(z.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n) and abs((z**3).mean()) < 4 * np.sqrt(15 / n)
    for a, b in ((z[:, 0], z[:, 1]), (z[1:], z[:-1]), (z[..., 1:], z[..., :-1]), (z[..., 64:], z[..., :-64])):
        assert abs((a * b).mean()) < 4.5 / np.sqrt(a.size)


def test_the_noise_follows_the_normal_law_into_its_tails():
    from math import erf

    z = np.sort(_stream(25).ravel())
    law = 0.5 * (1 + np.array([erf(v) for v in z / np.sqrt(2)]))
    assert np.max(np.abs(law - np.arange(len(z)) / len(z))) < 1.9 / np.sqrt(len(z))  # Kolmogorov-Smirnov, p = 0.001
    assert np.abs(z).max() > 4


def test_the_logarithm_of_a_draw_is_right_to_two_units_in_the_last_place():
    with jax.enable_x64(True):
        u = ((np.arange(0, 1 << 24, 7) + 0.5) / (1 << 24)).astype(np.float32)
        found, right = np.asarray(noise._log(u), float), np.log(u.astype(float))
    assert np.max(np.abs(found - right) / np.spacing(np.abs(right).astype(np.float32))) < 2


def test_the_angle_without_a_table_is_the_arc_tangent():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100_000)).astype(np.float32)
    assert np.max(np.abs(np.asarray(noise.angle(x, y)) - np.arctan2(y.astype(float), x.astype(float)))) < 4e-7


# How work is cut


def run_of(particles=3000, seed=0, **changed):
    return ensemble(
        FIVE, Run("gd", 0.1, 0.1, noise=1.0), [START, (1.0, 0.2)], particles, 120, snapshots=4, seed=seed, **changed
    )


def test_the_same_seed_gives_the_same_particles_and_another_seed_others():
    assert np.array_equal(run_of().final, run_of().final)
    assert not np.array_equal(run_of().final, run_of(seed=1).final)


def test_the_chunks_of_an_ensemble_do_not_change_it(monkeypatch):
    whole = run_of()
    monkeypatch.setattr(lanes, "CHUNK_WORK", 1 << 15)
    for one, other in zip(whole, run_of(), strict=True):
        assert np.array_equal(one, other)


def test_a_particle_does_not_depend_on_how_many_there_are():
    assert np.array_equal(run_of(3000).final[:1000], run_of(1000).final)


def test_every_particle_is_counted_once_at_every_time():
    made = run_of(1001)
    assert np.all(made.counts.sum(axis=1) == 1001) and list(made.times) == [0, 30, 60, 90, 120]
    angle = np.arctan2(made.final[:, 1].astype(float), made.final[:, 0].astype(float))
    assert np.abs(np.histogram(angle, made.edges)[0] - made.counts[-1]).sum() <= 4
    assert np.allclose(made.density.sum(axis=1) * np.diff(made.edges)[0], 1)
    assert made.mean_square_norm[-1] == pytest.approx(np.mean(np.sum(made.final.astype(float) ** 2, axis=1)), rel=1e-5)


def test_without_noise_particles_are_paths():
    from dynamics import simulate

    made = ensemble(FIVE, Run("gd", 0.1, 0.05), [START], 130, 40, snapshots=2, arithmetic="float64")
    path = simulate(FIVE, Run("gd", 0.1, 0.05), [START], 40)[0]
    assert np.all(made.final == made.final[0])
    assert made.final[0] == pytest.approx([path.x[-1], path.y[-1]], rel=1e-10)
    turn = path.angle[20] - path.angle[19]
    assert made.mean_square_turn[1] == pytest.approx(turn**2, rel=1e-4, abs=1e-12)


def test_isotropic_noise_has_its_standard_deviation():
    flat = LANDSCAPES["quadratic"]
    made = ensemble(flat, Run("gd", 0.5, 0.0, noise=0.3), [(0.0, 0.0)], 40_000, 1, snapshots=1)
    assert made.final.std(axis=0) == pytest.approx([0.15, 0.15], rel=0.02)


def test_what_cannot_be_done_is_refused_in_words():
    with pytest.raises(ValueError, match="take a divisor"):
        ensemble(FIVE, Run(), [START], 10, 100, snapshots=7)
    with pytest.raises(ValueError, match="needs a loss that ignores the length"):
        ensemble(LANDSCAPES["quadratic"], Run(noise=1.0), [START], 10, 100, tangential=True)


# Equilibrium (SCIENCE.md 004-11 ... 004-17). Tangential noise: that of batches whose losses all ignore length.


@pytest.mark.parametrize("eta,lam,sigma", [(0.1, 0.02, 20.0), (1.0, 0.002, 20.0), (0.05, 0.04, 40.0)])
def test_at_equilibrium_a_step_turns_by_the_root_of_twice_the_intrinsic_rate(eta, lam, sigma):
    """rms dθ = √(2ηλ) for equal ηλ, whatever η, λ and σ are; and the norm is √(ησ/√(2ηλ))."""
    norm = equilibrium_norm(sigma, eta, lam)
    made = ensemble(
        QUOTIENT, Run("gd", eta, lam, noise=sigma), [on_the_norm(norm)], 8192, 2000, snapshots=20, tangential=True
    )
    late = slice(11, None)
    assert np.sqrt(made.mean_square_turn[late].mean()) == pytest.approx(equilibrium_turn(eta, lam), rel=0.02)
    assert np.exp(made.mean_log_norm[late].mean()) == pytest.approx(norm, rel=0.01)


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_momentum_divides_the_turn_by_the_root_of_one_plus_it(momentum):
    """√(2ηλ/(1+γ)) at ηλ = 5·10⁻⁴ (1.3 % above it at γ = 0.9)."""
    eta, lam, sigma = 0.1, 0.005, 20.0
    norm = np.sqrt(eta * sigma / equilibrium_turn(eta, lam, momentum) / (1 - momentum))
    made = ensemble(
        QUOTIENT, Run("gd", eta, lam, {"momentum": momentum}, noise=sigma), [on_the_norm(norm)], 2048, 16_000, snapshots=40,
        tangential=True,
    )  # fmt: skip
    assert np.sqrt(made.mean_square_turn[20:].mean()) == pytest.approx(equilibrium_turn(eta, lam, momentum), rel=0.03)


def test_the_norm_forgets_its_beginning_at_four_times_the_intrinsic_rate():
    """r⁴ approaches its equilibrium by e^(-4ηλ) a step."""
    eta, lam, sigma = 0.1, 0.02, 20.0
    rest = equilibrium_norm(sigma, eta, lam)
    made = ensemble(
        QUOTIENT, Run("gd", eta, lam, noise=sigma), [on_the_norm(2 * rest)], 16_384, 400, snapshots=20, tangential=True
    )
    fourth = np.exp(4 * made.mean_log_norm) / rest**4 - 1
    rate = -np.polyfit(made.times, np.log(fourth), 1)[0]
    assert rate == pytest.approx(4 * eta * lam, rel=0.05)


@pytest.mark.parametrize("eta,lam,sigma", [(0.1, 0.01, 40.0), (0.4, 0.0025, 80.0)])
def test_the_angle_diffuses_by_twice_the_intrinsic_rate_a_step(eta, lam, sigma):
    """Whatever the learning rate and the noise are; here over 20 steps from one angle."""
    norm = equilibrium_norm(sigma, eta, lam)
    made = ensemble(
        QUOTIENT, Run("gd", eta, lam, noise=sigma), [on_the_norm(norm)], 16_384, 20, snapshots=1, tangential=True
    )
    turned = np.angle((made.final[:, 0] + 1j * made.final[:, 1]) * np.exp(-2j))
    assert turned.var() == pytest.approx(20 * 2 * eta * lam, rel=0.05)


def test_slow_noise_settles_on_gibbs_law():
    """p ∝ exp(-√2 f/(σ√(ηλ))) at ηλ = 0.01, σ = 6, from one start; the rest is of order √(ηλ) and sampling."""
    eta, lam, sigma, bins = 0.1, 0.1, 6.0, 48
    made = ensemble(FIVE, Run("gd", eta, lam, noise=sigma), [START], 20_000, 4000, snapshots=10, bins=bins, tangential=True)
    law = gibbs(FIVE, sigma, eta, lam, bins)
    assert distance(made.counts[0], law) > 1.5
    assert distance(made.counts[-1], law) < distance_floor(law, 20_000) + 0.04
    assert distance(np.full(bins, 1.0), law) > 5 * distance(made.counts[-1], law)


SCHEDULES = {"fast": (0.4, 0.1), "middle": (0.1, 0.1), "slow": (0.025, 0.1), "little decay": (1.0, 0.01)}


@pytest.fixture(scope="module")
def schedules():
    """Four schedules that have ηλ = 0.01 from step 3000 on, and three other values before."""
    made = {}
    for name, (eta, lam) in SCHEDULES.items():
        rate = Step(eta, [3000], [0.01 / lam])
        norm = equilibrium_norm(6.0, eta, lam)
        made[name] = ensemble(
            FIVE, Run("gd", rate, lam, noise=6.0), [on_the_norm(norm, 0.82)], 4000, 6000, snapshots=6, bins=24,
            tangential=True, seed=len(made),
        )  # fmt: skip
    return made


def test_schedules_that_agree_in_the_intrinsic_rate_agree_in_the_angle(schedules):
    """Where ηλ differs at step 3000 histograms differ; where it agrees for 3000 steps they are one law, to sampling."""
    floor = distance_floor(gibbs(FIVE, 6.0, 0.1, 0.1, 24), 4000, 4000)
    pairs = [(a, b) for a in schedules for b in schedules if a < b]
    before = [
        distance(schedules[a].counts[3], schedules[b].counts[3]) for a, b in pairs if {a, b} != {"middle", "little decay"}
    ]
    after = [distance(schedules[a].counts[-1], schedules[b].counts[-1]) for a, b in pairs]
    assert min(before) > 2 * floor and max(after) < 1.35 * floor


def test_they_agree_in_function_and_not_in_parameters(schedules):
    """With the same ηλ the radii differ by √10 = (η/η')^½ between λ = 0.1 and λ = 0.01."""
    radii = {name: np.exp(each.mean_log_norm[-1]) for name, each in schedules.items()}
    assert radii["little decay"] / radii["middle"] == pytest.approx(np.sqrt(10), rel=0.03)


def test_the_distance_between_samples_of_one_law_is_the_floor():
    rng = np.random.default_rng(0)
    law = gibbs(FIVE, 6.0, 0.1, 0.1, 24)
    seen = [distance(rng.multinomial(4000, law), rng.multinomial(4000, law)) for _ in range(200)]
    assert np.mean(seen) == pytest.approx(distance_floor(law, 4000, 4000), rel=0.03)
    assert distance([1, 0], [0, 5]) == 2 and distance([1, 2], [2, 4]) == 0
