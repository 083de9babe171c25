"""Inverse sine, cosine and tangent."""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.mathlib import coefficients as c
from forwardnet.compiler.mathlib.primitives import chosen

Value = Any
INF = float("inf")
# In two parts, of which the second is what rounding took off the first.
HALF_PI_32 = (1.5707963705062866, -4.371138828673793e-08)
HALF_PI_64 = (1.5707963267948966, 6.123233995736766e-17)


def _arcsine(k: Any, x: Value) -> tuple[Value, Value, Value]:
    """(is_small, s, t) with asin |x| = s + t where |x| < 1/2, else pi/2 - 2 (s + t), where s is sqrt((1 - |x|) / 2)."""
    a = k.abs(x)
    is_small = k.compare("<", a, 0.5)
    z = k.select(is_small, k.mul(a, a), k.fma(a, -0.5, 0.5))
    s = k.select(is_small, a, k.sqrt(z))
    return is_small, s, k.mul(k.mul(s, z), k.poly(z, chosen(k, x, c.ASIN_32, c.ASIN_64)))


def asin(k: Any, x: Value) -> Value:
    """The angle in [-pi/2, pi/2] of sine x; NaN beyond 1."""
    high, low = chosen(k, x, HALF_PI_32, HALF_PI_64)
    is_small, s, t = _arcsine(k, x)
    twice = k.mul(s, 2.0)
    top = k.sub(high, twice)
    large = k.add(top, k.add(k.sub(k.sub(high, top), twice), k.fma(t, -2.0, low)))
    return k.copysign(k.select(is_small, k.add(s, t), large), x)


def acos(k: Any, x: Value) -> Value:
    """The angle in [0, pi] of cosine x; NaN beyond 1."""
    high, low = chosen(k, x, HALF_PI_32, HALF_PI_64)
    is_small, s, t = _arcsine(k, x)
    signed = k.copysign(s, x), k.copysign(t, x)
    small = k.sub(high, k.sub(signed[0], k.sub(low, signed[1])))
    twice = k.mul(k.add(s, t), 2.0)
    back = k.sub(2.0 * high, k.fma(t, 2.0, k.fma(s, 2.0, -2.0 * low)))
    return k.select(is_small, small, k.select(k.compare("<", x, 0.0), back, twice))


def _angle(k: Any, a: Value, b: Value) -> Value:
    """The angle of the point (b, a) in the first quadrant, neither both 0 nor both infinite.

    Within pi/8 of an axis or of the diagonal it is measured from there, so that the quotient is below tan(pi/8).
    """
    high, low = chosen(k, a, HALF_PI_32, HALF_PI_64)
    is_middle, is_steep = k.compare(">", a, k.mul(b, 0.41421356)), k.compare(">", a, k.mul(b, 2.41421356))
    above = k.select(is_steep, k.neg(b), k.select(is_middle, k.sub(a, b), a))
    below = k.select(is_steep, a, k.select(is_middle, k.add(a, b), b))
    t = k.div(above, below)
    z = k.mul(t, t)
    rest = k.mul(k.mul(t, z), k.poly(z, chosen(k, a, c.ATAN_32, c.ATAN_64)))
    zero = k.like(0.0, a)
    base = k.select(is_steep, high, k.select(is_middle, k.like(high / 2, a), zero))
    base_low = k.select(is_steep, low, k.select(is_middle, k.like(low / 2, a), zero))
    return k.add(base, k.add(t, k.add(base_low, rest)))


def atan(k: Any, x: Value) -> Value:
    """The angle in [-pi/2, pi/2] of tangent x."""
    return k.copysign(_angle(k, k.abs(x), k.like(1.0, x)), x)


def atan2(k: Any, a: Value, b: Value) -> Value:
    """The angle in [-pi, pi] of the point (b, a)."""
    a_size, b_size = k.abs(a), k.abs(b)
    largest = k.select(k.compare(">", a_size, b_size), a_size, b_size)
    # Sums and multiples of the largest numbers would overflow, differences of the smallest may be flushed to 0.
    above, below = chosen(k, a, (2.0**125, 2.0**-100), (2.0**1020, 2.0**-960))
    up = k.select(k.compare("<", largest, below), k.like(2.0**24, a), k.like(1.0, a))
    factor = k.select(k.compare(">", largest, above), 0.25, up)
    both_infinite = k.logical_and(k.compare("==", a_size, INF), k.compare("==", b_size, INF))
    height = k.select(both_infinite, 1.0, k.mul(a_size, factor))
    # At the origin, (1, 0) has the angle 0 that is asked for.
    is_origin = k.compare("==", largest, 0.0)
    length = k.select(k.logical_or(both_infinite, is_origin), 1.0, k.mul(b_size, factor))
    angle = _angle(k, height, length)
    high, low = chosen(k, a, HALF_PI_32, HALF_PI_64)
    is_left = k.compare("<", k.copysign(k.like(1.0, b), b), 0.0)
    return k.copysign(k.select(is_left, k.sub(2.0 * high, k.sub(angle, 2.0 * low)), angle), a)
