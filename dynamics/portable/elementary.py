"""sin … pow in f64 from + − × ÷ √ and bits alone: the same bits wherever IEEE 754 holds.

    sin, cos    x = n π/2 + y + δ, |y| <= π/4, and polynomials in y; n and y from three parts of π/2, far out from 2/π itself
    exp         x = k ln 2 + r, a rational function of r, and 2^k from bits
    log         x = 2^k m, s = (m - 1)/(m + 1), log m = 2 artanh s
    pow         exp(y log x), the logarithm in two doubles

The polynomials are those of S. Moore's and K. C. Ng's fdlibm (Sun Microsystems, 1993), the inverse error function's those
of M. Giles 2010. Each is right to a few units in the last place; the tests say how many.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from dynamics.portable.graph import (
    TABLES,
    TYPES,
    Node,
    branch,
    building,
    computed,
    const,
    is_const,
    look,
    make,
    node,
    value,
    where,
)
from dynamics.portable.plan import in_order


class Function(NamedTuple):
    """A function of f64: how many arguments and results it has, and what it is of them."""

    name: str
    arguments: int
    results: int
    formula: Callable[..., Any]

    @property
    def outputs(self) -> tuple[Node, ...]:
        return _outputs(self.name)


FUNCTIONS: dict[str, Function] = {}


def function(arguments: int, results: int = 1) -> Callable[[Callable], Callable]:
    def add(formula: Callable) -> Callable:
        name = formula.__name__.strip("_")
        FUNCTIONS[name] = Function(name, arguments, results, formula)
        return formula

    return add


@cache
def _outputs(name: str) -> tuple[Node, ...]:
    with building():
        found = FUNCTIONS[name].formula(*(node("argument", "f64", (), k) for k in range(FUNCTIONS[name].arguments)))
    return found if isinstance(found, tuple) else (found,)


def call(name: str, *arguments: Node, result: int = 0) -> Node:
    """A function's value, folded where its arguments are known."""
    if all(map(is_const, arguments)):
        return const(values(name, *map(value, arguments))[result], "f64")
    return node("part", "f64", (node("call", "several", arguments, name),), result)


def values(name: str, *arguments: float) -> list[float]:
    """The function itself, node by node."""
    found: dict[Node, Any] = {}
    for each in in_order(FUNCTIONS[name].outputs):
        given = [found.get(operand) for operand in each.operands if isinstance(operand, Node)]
        match each.operation:
            case "const":
                found[each] = value(each)
            case "argument":
                found[each] = np.float64(arguments[each.data])
            case "look":
                found[each] = TABLES[each.data][int(given[0])]
            case "call":
                found[each] = values(each.data, *given)
            case "if":
                found[each] = [found[side] for side in each.operands[1 if given[0] else 2]]
            case "part":
                found[each] = given[0][each.data]
            case operation:
                found[each] = TYPES[each.type](computed(operation, each.type, given))
    return [found[each] for each in FUNCTIONS[name].outputs]


# ---------------------------------------------------------------------------------------------------------------------
# Words that they share


def polynomial(z: Node, *coefficients: float) -> Node:
    """c₀ + c₁z + c₂z² + …"""
    total: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = z * total + coefficient
    return total


def two_to(k: Node) -> Node:
    """2^k for a whole k (i32) from -1022 to 1023."""
    return ((k.to("i64") + 1023) << 52).bits("f64")


def two_sum(a: Node, b: Node) -> tuple[Node, Node]:
    """a + b = s + e exactly, for |a| >= |b|."""
    s = a + b
    return s, (a - s) + b


def two_product(a: Node, b: Any) -> tuple[Node, Node]:
    """a b = p + e exactly (Dekker): no fused multiplication is needed."""

    def halves(x: Any) -> tuple[Any, Any]:
        c = 134217729.0 * x
        high = c - (c - x)
        return high, x - high

    p = a * b
    (ah, al), (bh, bl) = halves(a), halves(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _negative(x: Node) -> Node:
    return x.bits("i64") < 0


LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts; the first has 20 free bits, so that its whole multiples are exact"""

# ---------------------------------------------------------------------------------------------------------------------
# The circle

NEAR = 1.6e6
"""up to here three parts of π/2 leave enough of a small remainder"""


def _words_of_two_over_pi(count: int) -> np.ndarray:
    """The first `count` words of 32 bits of 2/π's fraction, from Machin's π = 16 arctan(1/5) - 4 arctan(1/239)."""
    one = 1 << (32 * count + 64)

    def arctan_of_one_over(n: int) -> int:
        power = total = one // n
        k = 1
        while power:
            power //= -n * n
            k += 2
            total += power // k
        return total

    pi = 16 * arctan_of_one_over(5) - 4 * arctan_of_one_over(239)
    fraction = (2 * one * (1 << (32 * count))) // pi
    return np.array([fraction >> (32 * (count - 1 - k)) & 0xFFFFFFFF for k in range(count)], np.uint32)


TABLES["2/pi"] = _words_of_two_over_pi(40)


def _near(x: Node) -> tuple[Node, Node, Node]:
    """n, y and δ with x = n π/2 + y + δ, by three parts of π/2 (Cody, Waite)."""
    n = make("rint", x * 6.36619772367581382433e-01)
    r, w = x - n * 1.57079632673412561417e00, n * 6.07710050630396597660e-11
    first = r - w
    w = n * 2.02226624879595063154e-21 - ((r - first) - w)
    y = first - w
    return n.to("i32"), y, (first - y) - w


def _far(x: Node) -> tuple[Node, Node, Node]:
    """The same for a large x: |x| = m 2^e times those bits of 2/π that matter (Payne, Hanek), in words of 32 bits."""
    bits = abs(x).bits("u64")
    e = (bits >> 52).to("i32") - 1075
    m = (bits & 0xFFFFFFFFFFFFF) | (1 << 52)
    skipped = make("max", e - 2, 0) >> 5  # words of 2/π that give whole turns alone
    shift = (e - (skipped << 5)).to("u64")  # from -32 to 33: m is moved by 32 more, and its words count from there
    by = shift + 32
    low_by, over = by & 31, by >> 5  # by = 32 · over + low_by
    low = (m & 0xFFFFFFFF) << low_by
    high = (m >> 32) << low_by
    middle = (low >> 32) + (high & 0xFFFFFFFF)
    parts = [low & 0xFFFFFFFF, middle & 0xFFFFFFFF, (high >> 32) + (middle >> 32)]
    zero = const(0, "u64")
    limbs = [  # m · 2^by in five words
        where(over.equals(0), parts[k] if k < 3 else zero, where(over.equals(1), parts[k - 1] if 0 < k < 4 else zero,
              parts[k - 2] if k > 1 else zero)) for k in range(5)
    ]  # fmt: skip
    words = [look("2/pi", skipped + k).to("u64") for k in range(7)]
    digits, carry = {}, zero
    for place in range(6, -1, -1):  # the word of weight 2^(-32 place): limb i times word k weighs 2^(32 (i - k - 2))
        total = carry
        carry = zero
        for i, limb in enumerate(limbs):
            k = place + i - 2
            if 0 <= k < len(words):
                product = limb * words[k]
                total, carry = total + (product & 0xFFFFFFFF), carry + (product >> 32)
        digits[place] = total & 0xFFFFFFFF
        carry = carry + (total >> 32)
    n = digits[0].to("i32") & 3
    half = digits[1] >> 31
    n = n + half.to("i32")
    signed = (digits[1].to("i64") - (half.to("i64") << 32)).to("f64")
    tail = digits[3].to("f64") * 2.0**-96 + digits[4].to("f64") * 2.0**-128
    second, rest = two_sum(digits[2].to("f64") * 2.0**-64, tail)
    first, rest_of_first = two_sum(signed * 2.0**-32, second)
    first, second = two_sum(first, rest_of_first + rest)
    y, error = two_product(first, math.pi / 2)
    y, delta = two_sum(y, error + (first * 6.123233995736766e-17 + second * (math.pi / 2)))
    left = x < 0
    return where(left, -n, n), where(left, -y, y), where(left, -delta, delta)


@function(1, 2)
def sincos(x: Node) -> tuple[Node, Node]:
    """(sin x, cos x)."""
    n, y, delta = branch(abs(x) < NEAR, _near(x), _far(x))
    y = where(x.equals(0), x, where(abs(x) < math.inf, y, math.nan))  # -0 stays -0
    z = y * y
    v = z * y
    r = polynomial(z, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                   -2.50507602534068634195e-08, 1.58969099521155010221e-10)  # fmt: skip
    sine = y - ((z * (0.5 * delta - v * r) - delta) - v * -1.66666666666666324348e-01)
    r = z * polynomial(z, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                       -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11)  # fmt: skip
    half = 0.5 * z
    w = 1 - half
    cosine = w + (((1 - w) - half) + (z * r - y * delta))
    odd = (n & 1).differs(0)
    a, b = where(odd, cosine, sine), where(odd, sine, cosine)
    return where((n & 2).differs(0), -a, a), where(((n + 1) & 2).differs(0), -b, b)


@function(1)
def tan(x: Node) -> Node:
    return call("sincos", x) / call("sincos", x, result=1)


ARCTAN = (
    3.33333333333329318027e-01, -1.99999999998764832476e-01, 1.42857142725034663711e-01, -1.11111104054623557880e-01,
    9.09088713343650656196e-02, -7.69187620504482999495e-02, 6.66107313738753120669e-02, -5.83357013379057348645e-02,
    4.97687799461593236017e-02, -3.65315727442169155270e-02, 1.62858201153657823623e-02,
)  # fmt: skip


@function(1)
def atan(x: Node) -> Node:
    """arctan a = arctan c + arctan((a - c)/(1 + ca)) for c = 0, 1/2, 1, 3/2 or ∞."""
    a = abs(x)

    def chosen(*five: Any) -> Node:
        found = five[-1] if isinstance(five[-1], Node) else const(five[-1], "f64")
        for limit, each in zip((2.4375, 1.1875, 0.6875, 0.4375), reversed(five[:-1]), strict=True):
            found = where(a < limit, each, found)
        return found

    t = chosen(a, 2 * a - 1, a - 1, a - 1.5, -1.0) / chosen(1.0, 2 + a, a + 1, 1 + 1.5 * a, a)
    high = chosen(0.0, 4.63647609000806093515e-01, 7.85398163397448278999e-01, 9.82793723247329054082e-01,
                  1.57079632679489655800e00)  # fmt: skip
    low = chosen(0.0, 2.26987774529616870924e-17, 3.06161699786838301793e-17, 1.39033110312309984516e-17,
                 6.12323399573676603587e-17)  # fmt: skip
    z = t * t
    p = t * (z * polynomial(z, *ARCTAN))
    return make("copysign", where(a < 0.4375, t - p, high - ((p - low) - t)), x)


@function(2)
def atan2(y: Node, x: Node) -> Node:
    across, along = abs(y), abs(x)
    both = along.equals(math.inf) & across.equals(math.inf)
    flat = across.equals(0)
    ratio = where(both, 1.0, where(flat, const(0.0, "f64"), across / along))
    angle = call("atan", where(flat & x.differs(x), x, ratio))
    return make("copysign", where(_negative(x), math.pi - (angle - 1.2246467991473531772e-16), angle), y)


@function(1)
def asin(x: Node) -> Node:
    return call("atan2", x, make("sqrt", (1 - x) * (1 + x)))


@function(1)
def acos(x: Node) -> Node:
    return call("atan2", make("sqrt", (1 - x) * (1 + x)), x)


# ---------------------------------------------------------------------------------------------------------------------
# Growth


def _exp(x: Node, low: Node | None = None) -> Node:
    """exp(x + low), where low is small beside x's last digits."""
    x = make("min", make("max", x, -800.0), 800.0)
    k = make("rint", x * 1.44269504088896338700e00)
    high, rest = x - k * LN2_HIGH, k * LN2_LOW
    if low is not None:
        rest = rest - low
    r = high - rest
    t = r * r
    c = r - t * polynomial(t, 1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05,
                           -1.65339022054652515390e-06, 4.13813679705723846039e-08)  # fmt: skip
    y = 1 - ((rest - (r * c) / (2 - c)) - high)
    n = k.to("i32")
    half = n >> 1  # in two parts, so that a result below the normal numbers is rounded once
    return y * two_to(half) * two_to(n - half)


def _split(x: Node) -> tuple[Node, Node]:
    """x = 2^k m with m in [√½, √2), for a positive finite x; others are put right by who calls."""
    tiny = x < 2.2250738585072014e-308
    bits = where(tiny, x * 18014398509481984.0, x).bits("i64")
    e = (bits - 0x3FE6A09E667F3BCD) >> 52
    return (e.to("i32") - where(tiny, const(54, "i32"), 0)).to("f64"), (bits - (e << 52)).bits("f64")


@function(1)
def exp(x: Node) -> Node:
    return _exp(x)


@function(1)
def log(x: Node) -> Node:
    k, m = _split(x)
    f = m - 1
    s = f / (2 + f)
    z = s * s
    r = z * polynomial(z, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                       2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                       1.479819860511658591e-01)  # fmt: skip
    half = 0.5 * f * f
    found = k * LN2_HIGH - ((half - (s * (half + r) + k * LN2_LOW)) - f)
    return where(x > 0, where(x < math.inf, found, x), where(x.equals(0), const(-math.inf, "f64"), math.nan))


@function(1)
def log1p(x: Node) -> Node:
    """log u + (what u = 1 + x lost)/u."""
    u = 1 + x
    log_u = call("log", u)
    return where(u.equals(1), x, where((u > 0) & (u < math.inf), log_u + (x - (u - 1)) / u, log_u))


@function(1)
def expm1(x: Node) -> Node:
    """(u - 1) x / log u with u = exp x (W. Kahan): their errors cancel."""
    u = call("exp", x)
    d = u - 1
    near = (abs(x) < 0.5) & d.differs(0)
    return where(d.equals(0), x, where(near, d * x / call("log", u), d))


@function(1)
def sinh(x: Node) -> Node:
    a = abs(x)
    e, root = call("expm1", a), call("exp", 0.5 * a)
    return make("copysign", where(a < 700.0, 0.5 * (e + e / (e + 1)), 0.5 * root * root), x)


@function(1)
def cosh(x: Node) -> Node:
    a = abs(x)
    e, root = call("exp", a), call("exp", 0.5 * a)
    return where(a < 700.0, 0.5 * e + 0.5 / e, 0.5 * root * root)


@function(1)
def tanh(x: Node) -> Node:
    e = call("expm1", -2.0 * abs(x))
    return where(abs(x) < 1e-9, x, make("copysign", -e / (2 + e), x))


def power(x: Node, y: Node) -> Node:
    """x^y; of a fixed x the logarithm is found once, before a loop."""
    return call("pow", x, y, *(call("log_in_two", abs(x), result=k) for k in (0, 1)))


@function(4)
def pow_(x: Node, y: Node, high: Node, low: Node) -> Node:
    """x^y with log |x| = high + low, and the special values of IEEE 754."""
    a = abs(x)
    bounded = make("min", make("max", y, -1e25), 1e25)
    p, error = two_product(high, bounded)
    found = _exp(p, where(abs(p) < 1e300, error + low * bounded, 0.0))
    up = y > 0
    found = where(a.equals(0), where(up, const(0.0, "f64"), math.inf), found)
    found = where(a.equals(math.inf), where(up, const(math.inf, "f64"), 0.0), found)
    whole, half = make("floor", y).equals(y), 0.5 * y
    odd = whole & (abs(y) < 9007199254740992.0) & half.differs(make("floor", half))
    found = where(_negative(x) & odd, -found, found)
    found = where((x < 0) & ~whole & (a < math.inf), math.nan, found)
    endless = where(a.equals(1), const(1.0, "f64"), where((a > 1).equals(up), const(math.inf, "f64"), 0.0))
    found = where(abs(y).equals(math.inf), endless, found)
    found = where(x.differs(x), x, where(y.differs(y), y, found))
    return where(y.equals(0) | x.equals(1), 1.0, found)


@function(1, 2)
def log_in_two(a: Node) -> tuple[Node, Node]:
    """log a = k ln 2 + 2 (s + s³/3 + s⁵/5 + …), s = (m - 1)/(m + 1), as a sum of two doubles."""
    k, m = _split(a)
    f, g = m - 1, m + 1
    lost = m - (g - 1)  # m - 1 is exact, m + 1 is rounded
    s = f / g
    p, e = two_product(s, g)
    s_low = (((f - p) - e) - s * lost) / g
    z = s * s
    square, square_low = two_product(s, s)
    square_low = square_low + 2 * s * s_low
    tail = polynomial(z, 2 / 5, 2 / 7, 2 / 9, 2 / 11, 2 / 13, 2 / 15, 2 / 17, 2 / 19, 2 / 21)
    cube, cube_low = two_product(square, s)
    cube_low = cube_low + square_low * s + square * s_low
    third, third_low = two_product(cube, 0.66666666666666663)
    third_low = third_low + cube * 3.7007434154171883e-17 + cube_low * 0.66666666666666663 + cube * z * tail
    sum_high, sum_low = two_sum(2 * s, third)
    sum_low = sum_low + (third_low + 2 * s_low)
    whole = k * LN2_HIGH
    high = whole + sum_high
    gone = high - whole
    low = (whole - (high - gone)) + (sum_high - gone) + sum_low + k * LN2_LOW
    return high, low


# ---------------------------------------------------------------------------------------------------------------------
# Chance

ERF_INV = (
    (-3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18, 1.115787767802518096e-17,
     -1.333171662854620906e-16, 2.0972767875968561637e-17, 6.6376381343583238325e-15, -4.0545662729752068639e-14,
     -8.1519341976054721522e-14, 2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11,
     1.051212273321532285e-09, -4.1126339803469836976e-09, -2.9070369957882005086e-08, 4.2347877827932403518e-07,
     -1.3654692000834678645e-06, -1.3882523362786468719e-05, 0.0001867342080340571352, -0.00074070253416626697512,
     -0.0060336708714301490533, 0.24015818242558961693, 1.6536545626831027356),
    (2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07, 1.8239629214389227755e-08,
     1.5027403968909827627e-06, -4.013867526981545969e-06, 2.9234449089955446044e-06, 1.2475304481671778723e-05,
     -4.7318229009055733981e-05, 6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
     0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066, -0.0037512085075692412107,
     0.005370914553590063617, 1.0052589676941592334, 3.0838856104922207635),
    (-2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09, -3.7894654401267369937e-09,
     7.6157012080783393804e-09, -1.4960026627149240478e-08, 2.9147953450901080826e-08, -6.7711997758452339498e-08,
     2.2900482228026654717e-07, -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
     7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026, 1.0103004648645343977,
     4.8499064014085844221),
)  # fmt: skip
"""polynomials in w - 3.125, √w - 3.25 and √w - 5, w = -log(1 - x²), highest powers first"""


@function(1)
def erf_inv(x: Node) -> Node:
    w = -call("log1p", x * -x)
    root = make("sqrt", w)
    centre, middle, edge = (
        polynomial(at, *reversed(c)) for at, c in zip((w - 3.125, root - 3.25, root - 5), ERF_INV, strict=True)
    )
    [found] = branch(w < 6.25, (centre,), branch(w < 16.0, (middle,), (edge,)))
    return where(abs(x).equals(1), math.inf * x, found * x)
