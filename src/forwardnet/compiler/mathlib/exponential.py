"""Functions made of powers: e^x and what is put together from it.

e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2)/2, where a short polynomial does (W. J. Cody and W. Waite,
Software Manual for the Elementary Functions, 1980).
"""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.mathlib import coefficients as c
from forwardnet.compiler.mathlib.primitives import chosen, scale, scale_normal

Value = Any
LOG2_E = 1.4426950408889634
# ln 2 in two parts. n HI has few enough bits that x - n HI is exact in one fused multiply-add.
LN2_32 = (0.693147182464599609375, -1.904654299957767e-09)
LN2_64 = (0.6931471805599453, 2.3190468138462996e-17)


def _power(k: Any, x: Value) -> tuple[Value, Value]:
    """(p, n) with e^x = p 2^n and p between 0.7 and 1.42, for finite x."""
    t, r, n = _terms(k, x)
    return k.fma(t, r, 1.0), n


def _terms(k: Any, x: Value) -> tuple[Value, Value, Value]:
    """(t, r, n) with e^x = (1 + t r) 2^n."""
    high, low = chosen(k, x, LN2_32, LN2_64)
    n = k.round(k.mul(x, LOG2_E))
    r = k.fma(n, -low, k.fma(n, -high, x))
    return k.fma(k.poly(r, chosen(k, x, c.EXP_32, c.EXP_64)), r, 1.0), r, n


def _power_of_two(k: Any, y: Value, polynomial: tuple[float, ...]) -> tuple[Value, Value]:
    """(p, n) with 2^y = p 2^n, for finite y."""
    n = k.round(y)
    r = k.sub(y, n)
    return k.fma(k.poly(r, polynomial), r, 1.0), n


def exp(k: Any, x: Value) -> Value:
    """e^x."""
    # Beyond these the result is 0 or inf in any case; without them n and r would overflow to NaN.
    low, high = chosen(k, x, (-104.0, 89.0), (-746.0, 710.0))
    return scale(k, *_power(k, k.at_most(k.at_least(x, low), high)))


def sigmoid(k: Any, x: Value) -> Value:
    """1 / (1 + e^-x), from e^-|x|: accurate on both sides, and nothing overflows."""
    t, r, n = _terms(k, k.at_least(k.neg(k.abs(x)), chosen(k, x, -104.0, -746.0)))
    p = k.fma(t, r, 1.0)
    e = scale(k, p, n)
    is_negative = k.compare("<", x, 0.0)
    below = k.add(e, 1.0)
    y = k.div(k.select(is_negative, e, 1.0), below)
    if not k.is_double(x):
        return y
    # What rounding took off e and off the sum, divided by it: a rough quotient will do.
    e_low = scale(k, k.fma(t, r, k.sub(1.0, p)), n)
    below_low = k.add(k.add(k.sub(1.0, below), e), e_low)
    rest = k.fma(k.neg(y), below_low, k.select(is_negative, e_low, 0.0))
    return k.fma(rest, k.fma(below, -0.5, 1.457), y)


def expm1(k: Any, x: Value) -> Value:
    """e^x - 1 = 2^n (r + (1 - 2^-n) + w), where w is what r lacks to e^r - 1."""
    high, low = chosen(k, x, LN2_32, LN2_64)
    x_near = k.at_most(k.at_least(x, chosen(k, x, -32.0, -64.0)), chosen(k, x, 89.0, 710.0))
    n = k.round(k.mul(x_near, -LOG2_E))  # of the opposite sign: both 2^n and 2^-n are needed
    r_high, r_low = k.fma(n, high, x_near), k.mul(n, low)
    r = k.add(r_high, r_low)
    w = k.fma(k.mul(r, r), k.poly(r, chosen(k, x, c.EXP_32, c.EXP_64)), r_low)
    t = k.add(r_high, k.sub(1.0, scale(k, k.like(1.0, x), n)))
    y = scale(k, k.add(t, w), k.neg(n))
    return k.copysign(y, x)  # for -0, which the sums turned into 0


def _half_power(k: Any, a: Value) -> Value:
    """e^a / 2 for a >= 0, which overflows only where cosh does."""
    p, n = _power(k, k.at_most(a, chosen(k, a, 90.0, 711.0)))
    return scale(k, p, k.sub(n, 1.0))


def sinh(k: Any, x: Value) -> Value:
    """(e^x - e^-x) / 2."""
    a = k.abs(x)
    h = _half_power(k, a)
    large = k.sub(h, k.div(0.25, h))
    z = k.mul(a, a)
    small = k.fma(k.mul(a, z), k.poly(z, chosen(k, x, c.SINH_32, c.SINH_64)), a)
    return k.copysign(k.select(k.compare("<", a, 1.0), small, large), x)


def cosh(k: Any, x: Value) -> Value:
    """(e^x + e^-x) / 2."""
    h = _half_power(k, k.abs(x))
    return k.add(h, k.div(0.25, h))


def tanh(k: Any, x: Value) -> Value:
    """(e^x - e^-x) / (e^x + e^-x): odd polynomial below 0.55, above it 1 - 2 / (1 + e^(2 |x|))."""
    a = k.abs(x)
    # The rounding of the product matters little: e^(2a) only enters what is taken off 1.
    y = k.at_most(k.mul(a, 2.0 * LOG2_E), chosen(k, x, 30.0, 60.0))
    e = scale_normal(k, *_power_of_two(k, y, chosen(k, x, c.EXP2_32, c.EXP2_64)))
    large = k.sub(1.0, k.div(2.0, k.add(e, 1.0)))
    z = k.mul(a, a)
    small = k.fma(k.mul(a, z), k.poly(z, chosen(k, x, c.TANH_32, c.TANH_64)), a)
    return k.copysign(k.select(k.compare("<", a, 0.55), small, large), x)


def erf(k: Any, x: Value) -> Value:
    """2 / sqrt(pi) int_0^x e^(-t^2) dt: odd polynomial below 1, above it 1 - 2^(log2 erfc x), itself a polynomial."""
    a = k.at_most(k.abs(x), chosen(k, x, 3.95, 6.0))  # from there on the result is 1
    y = k.poly(k.sub(a, 1.0), chosen(k, x, c.ERFC_32, c.ERFC_64))
    # erfc x is at most 0.16, so its error counts less.
    large = k.sub(1.0, scale_normal(k, *_power_of_two(k, y, chosen(k, x, c.EXP2_SHORT_32, c.EXP2_64))))
    small = k.fma(a, k.poly(k.mul(a, a), chosen(k, x, c.ERF_32, c.ERF_64)), a)
    return k.copysign(k.select(k.compare("<", a, 1.0), small, large), x)
