"""Noise for millions of particles: one small generator per lane, seeded by the lane's number.

    xoroshiro64** (D. Blackman, S. Vigna 2018): two 32-bit words of state, one draw a call
    Box-Muller: √(-2 ln u) (cos φ, sin φ), φ uniform

A lane's stream depends on the seed and its number alone, so results do not depend on how work was cut over chunks,
devices or machines.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

LOG = (
    -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
    -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip


class Generator(NamedTuple):
    """Two words of state, arrays of uint32 of the lanes' shape."""

    a: Any
    b: Any


def generator(seed: Any, lane: Any) -> Generator:
    """The stream number `lane` (uint32) of a seed."""
    a = _mixed(lane.astype(jnp.uint32) ^ _mixed(jnp.asarray(seed, jnp.uint32)))
    b = _mixed(a + jnp.uint32(0x9E3779B9))
    return Generator(a, b | jnp.uint32(1))  # the state is never (0, 0)


def _mixed(word: Any) -> Any:
    """A bijection of 32-bit words that looks random (C. Wellons, lowbias32)."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)


def _turned(word: Any, by: int) -> Any:
    return (word << by) | (word >> (32 - by))


def draw(state: Generator) -> tuple[Any, Generator]:
    """32 random bits, and the state after them."""
    a, b = state
    bits = _turned(a * jnp.uint32(0x9E3779BB), 5) * jnp.uint32(5)
    b = b ^ a
    return bits, Generator(_turned(a, 26) ^ b ^ (b << 9), _turned(b, 13))


def normals(state: Generator) -> tuple[Any, Any, Generator]:
    """Two independent standard normal numbers in float32, |z| < 5.9, and the state after them."""
    first, state = draw(state)
    second, state = draw(state)
    u = ((first >> 8).astype(jnp.float32) + 0.5) * 2.0**-24
    radius = jnp.sqrt(-2 * _log(u))
    phi = ((second >> 8).astype(jnp.float32) * 2.0**-24 - 0.5) * (math.pi / 2)
    c, s = radius * _cos(phi), radius * _sin(phi)
    c = jnp.where(second & 1, c, -c)  # a quarter of the circle, mirrored and swapped, is all of it
    swapped = (second & 2) == 0
    return jnp.where(swapped, s, c), jnp.where(swapped, c, s), state


def _log(u: Any) -> Any:
    """ln u of a normal float32 to two units in the last place (Cephes): none of the care for what a draw cannot be.

    u = 2^e (1 + m) with 1 + m in [√½, √2), and ln(1 + m) = m - m²/2 + m³ P(m).
    """
    bits = jax.lax.bitcast_convert_type(u, jnp.int32)
    e = (bits - 0x3F3504F3) >> 23
    m = jax.lax.bitcast_convert_type(bits - (e << 23), jnp.float32) - 1
    p = 7.0376836292e-2
    for coefficient in LOG:
        p = p * m + coefficient
    return m + (m * m * (m * p - 0.5) + e.astype(jnp.float32) * math.log(2))


def _sin(p: Any) -> Any:
    """On [-π/4, π/4], to one unit in the last place of float32 (Cephes)."""
    q = p * p
    return p + p * q * (-1.6666654611e-1 + q * (8.3321608736e-3 - q * 1.9515295891e-4))


def _cos(p: Any) -> Any:
    q = p * p
    return 1 - q / 2 + q * q * (4.166664568298827e-2 + q * (-1.388731625493765e-3 + q * 2.443315711809948e-5))


def angle(x: Any, y: Any) -> Any:
    """atan2(y, x) to 3e-7 radians: an arc tangent without a table or a branch, for histograms.

    atan(z) = 2 atan(z / (1 + √(1 + z²))) brings |z| <= 1 below tan(π/8), where Cephes's polynomial holds.
    """
    across, along = jnp.abs(y), jnp.abs(x)
    z = jnp.minimum(across, along) / jnp.maximum(across, along)
    z = z / (1 + jnp.sqrt(1 + z * z))
    q = z * z
    a = 2 * (z + z * q * (-3.33329491539e-1 + q * (1.99777106478e-1 + q * (-1.38776856032e-1 + q * 8.05374449538e-2))))
    a = jnp.where(across > along, math.pi / 2 - a, a)
    a = jnp.where(x < 0, math.pi - a, a)
    return jnp.where(y < 0, -a, a)
