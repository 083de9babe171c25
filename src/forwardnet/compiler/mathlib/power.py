"""a^b = 2^(b log2 |a|), with the sign and the special values of IEEE 754."""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.mathlib import coefficients as c
from forwardnet.compiler.mathlib.primitives import narrowed, scale, split, widened

Value = Any
INF, NAN = float("inf"), float("nan")
TWO_LOG2_E = 2.8853900817779268
# 2 log2(e) and a third of it, in two parts each.
FIRST = (2.8853900817779268, 4.0710547481862066e-17)
THIRD = (0.9617966939259756, 5.0577616648125907e-17)


def pow_(k: Any, a: Value, b: Value) -> Value:
    """a^b."""
    size = k.abs(a)
    y = (_power_64 if k.is_double(a) else _power_32)(k, size, b)
    # A negative base has powers for integers only, negative ones for odd integers.
    is_integer = k.compare("==", k.trunc(b), b)
    half = k.mul(b, 0.5)
    is_odd = k.logical_and(is_integer, k.compare("!=", k.trunc(half), half))
    y = k.select(is_odd, k.copysign(y, a), y)
    is_finite_negative = k.logical_and(k.compare("<", a, 0.0), k.compare(">", a, -INF))
    y = k.select(k.logical_and(is_finite_negative, k.logical_not(is_integer)), NAN, y)
    # 1^b and a^0 are 1 even for NaN.
    return k.select(k.logical_or(k.compare("==", a, 1.0), k.compare("==", b, 0.0)), 1.0, y)


def _power_32(k: Any, a: Value, b: Value) -> Value:
    """In float64, where plain formulas have 15 bits to spare."""
    m, e = (widened(k, x) for x in split(k, a))
    f = k.sub(m, 1.0)
    s = k.div(f, k.add(f, 2.0))
    z = k.mul(s, s)
    log2_m = k.mul(s, k.fma(k.mul(z, k.poly(z, c.ATANH_SHORT_64)), TWO_LOG2_E / 2, TWO_LOG2_E))
    # b is kept finite: 1^inf is 1, not NaN. Beyond 200 and -200 every float32 is inf or 0.
    near_b = k.at_most(k.at_least(b, -1e30), 1e30)
    y = k.mul(widened(k, near_b), k.add(e, log2_m))
    y = k.at_most(k.at_least(y, -200.0), 200.0)
    n = k.round(y)
    r = k.sub(y, n)
    p = k.fma(k.poly(r, c.EXP2_SHORT_64), r, 1.0)
    return scale(k, narrowed(k, p), narrowed(k, n))


def _power_64(k: Any, a: Value, b: Value) -> Value:
    """With log2 a in two parts, correct to 2^-66: an error in it is multiplied by up to 1075."""
    m, e = split(k, a)
    # Where e is infinite (0 and inf) the parts would be NaN; those are answered at the end.
    near_e = k.at_most(k.at_least(e, -2000.0), 2000.0)
    high, low = _log2_parts(k, m, near_e)
    # 2^66 times the least logarithm is beyond the exponents, and products with it do not overflow.
    near_b = k.at_most(k.at_least(b, -(2.0**66)), 2.0**66)
    y = k.mul(near_b, high)
    lost = k.fma(near_b, low, k.fma(near_b, high, k.neg(y)))
    n = k.round(k.at_most(k.at_least(y, -2000.0), 2000.0))
    # At the limits only the size of n matters, and r has to be finite.
    r = k.add(k.at_most(k.at_least(k.sub(y, n), -1.0), 1.0), k.at_most(k.at_least(lost, -1.0), 1.0))
    p = k.fma(k.poly(r, c.EXP2_64), r, 1.0)
    result = scale(k, p, n)
    ends = k.select(k.compare(">", k.mul(e, b), 0.0), k.like(INF, a), k.like(0.0, a))
    is_end = k.logical_and(k.compare("==", k.abs(e), INF), k.compare("==", b, b))
    return k.select(is_end, ends, result)


def _log2_parts(k: Any, m: Value, e: Value) -> tuple[Value, Value]:
    """e + log2 m as the sum of two numbers: e + s (FIRST + z (THIRD + z tail)), s = f / (2 + f), z = s^2, f = m - 1."""
    f = k.sub(m, 1.0)
    below = k.add(f, 2.0)
    below_low = k.sub(f, k.sub(below, 2.0))
    inverse = k.div(1.0, below)
    s = k.mul(f, inverse)
    s_low = k.mul(k.fma(k.neg(s), below_low, k.fma(k.neg(s), below, f)), inverse)
    z = k.mul(s, s)
    z_low = k.fma(k.add(s, s), s_low, k.fma(s, s, k.neg(z)))
    tail = k.mul(k.mul(z, k.poly(z, c.ATANH_TAIL_64)), TWO_LOG2_E / 2)
    inner = k.add(tail, THIRD[0])
    inner_low = k.add(k.add(k.sub(THIRD[0], inner), tail), THIRD[1])
    product, product_low = _product(k, (z, z_low), (inner, inner_low))
    whole = k.add(product, FIRST[0])
    whole_low = k.add(k.add(k.add(k.sub(FIRST[0], whole), product), product_low), FIRST[1])
    log, log_low = _product(k, (s, s_low), (whole, whole_low))
    total = k.add(e, log)
    # Exact as in Dekker's sum: e is 0 or larger than the logarithm of m.
    return total, k.add(k.add(k.sub(e, total), log), log_low)


def _product(k: Any, a: tuple[Value, Value], b: tuple[Value, Value]) -> tuple[Value, Value]:
    """The product of two numbers in two parts, as two parts."""
    high = k.mul(a[0], b[0])
    return high, k.fma(a[1], b[0], k.fma(a[0], b[1], k.fma(a[0], b[0], k.neg(high))))
