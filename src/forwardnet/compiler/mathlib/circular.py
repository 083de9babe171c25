"""Sine, cosine and tangent.

x = q pi/2 + r with |r| <= pi/4, by fused multiply-adds with pi/2 in two or three parts (W. J. Cody and W. Waite, 1980):
float32 in float64, where that is exact to 2^-70, float64 in float64 with the rounding error of r kept. Beyond 2^30
the C library is called, lane by lane.
"""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.mathlib import coefficients as c
from forwardnet.compiler.mathlib.primitives import chosen, low_half, magic, narrowed, repaired, widened

Value = Any
LIMIT = 2.0**30
TWO_OVER_PI = 0.6366197723675814
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)


def _reduced(k: Any, x: Value) -> tuple[Value, Value | None, Value]:
    """(r, what its rounding took off or None, q modulo 2^32)."""
    wide = x if k.is_double(x) else widened(k, x)
    # Adding 1.5 2^52 rounds to an integer and leaves it in the lowest bits.
    shifted = k.fma(wide, TWO_OVER_PI, magic(k, wide))
    n = k.neg(k.sub(shifted, magic(k, wide)))
    first = k.fma(n, HALF_PI[0], wide)
    if wide is not x:
        return narrowed(k, k.fma(n, HALF_PI[1], first)), None, low_half(k, k.bits(shifted))
    product = k.mul(n, HALF_PI[1])
    r = k.add(first, product)
    # Dekker's sum: exact, because `first` is a multiple of the product's last bit.
    lost = k.add(k.sub(first, r), product)
    lost_product = k.fma(n, HALF_PI[2], k.fma(n, HALF_PI[1], k.neg(product)))
    return r, k.add(lost, lost_product), k.bits(shifted)


def _sine(k: Any, r: Value, low: Value | None) -> tuple[Value, Value]:
    """sin(r + low) for |r| <= pi/4 as r and the rest."""
    z = k.mul(r, r)
    p = k.mul(k.mul(r, z), k.poly(z, chosen(k, r, c.SIN_32, c.SIN_64)))
    return r, p if low is None else k.add(p, k.fma(k.mul(low, -0.5), z, low))


def _cosine(k: Any, r: Value, low: Value | None) -> tuple[Value, Value]:
    """cos(r + low) for |r| <= pi/4 as 1 - r^2/2 and the rest."""
    z = k.mul(r, r)
    p = k.mul(k.mul(z, z), k.poly(z, chosen(k, r, c.COS_32, c.COS_64)))
    half = k.mul(z, 0.5)
    top = k.sub(1.0, half)
    if low is not None:
        p = k.fma(k.neg(r), low, p)
    return top, k.add(k.sub(k.sub(1.0, top), half), p)


def _is_odd(k: Any, q: Value) -> Value:
    return k.compare("!=", k.bit_and(q, 1), 0)


def _flipped(k: Any, y: Value, q: Value, bit: int) -> Value:
    """y, or -y where this bit of q is set."""
    sign = chosen(k, y, 31, 63)
    return k.from_bits(k.bit_xor(k.bits(y), k.shift_left(k.shift_right(q, bit), sign)))


def _large(k: Any, x: Value) -> Value:
    return k.compare(">", k.abs(x), LIMIT)


def sin(k: Any, x: Value) -> Value:
    """sin x."""
    r, low, q = _reduced(k, x)
    s = k.copysign(k.add(*_sine(k, r, low)), r)  # for -0, which the sum turned into 0
    y = k.select(_is_odd(k, q), k.add(*_cosine(k, r, low)), s)
    return repaired(k, _large(k, x), _flipped(k, y, q, 1), "sin", x)


def cos(k: Any, x: Value) -> Value:
    """cos x."""
    r, low, q = _reduced(k, x)
    y = k.select(_is_odd(k, q), k.add(*_sine(k, r, low)), k.add(*_cosine(k, r, low)))
    return repaired(k, _large(k, x), _flipped(k, y, k.add(q, 1), 1), "cos", x)


def tan(k: Any, x: Value) -> Value:
    """sin x / cos x, in two parts each; a quarter turn exchanges the two and changes the sign."""
    r, low, q = _reduced(k, x)
    s, t, odd = _sine(k, r, low), _cosine(k, r, low), _is_odd(k, q)
    above, below = (
        _exact_sum(k, *(k.select(odd, u, v) for u, v in zip(*pair, strict=True))) for pair in ((t, s), (s, t))
    )
    inverse = k.div(1.0, below[0])
    y = k.mul(above[0], inverse)
    rest = k.sub(k.fma(k.neg(y), below[0], above[0]), k.fma(y, below[1], k.neg(above[1])))
    y = k.copysign(k.fma(rest, inverse, y), r)
    return repaired(k, _large(k, x), _flipped(k, y, q, 0), "tan", x)


def _exact_sum(k: Any, a: Value, b: Value) -> tuple[Value, Value]:
    """a + b and what its rounding took off, for |a| >= |b|."""
    total = k.add(a, b)
    return total, k.add(k.sub(a, total), b)
