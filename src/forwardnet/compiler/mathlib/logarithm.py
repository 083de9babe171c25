"""Logarithms: x = m 2^e with m in [3/4, 3/2), so that near x = 1 the exponent is 0 and nothing cancels.

ln(1+f) = f - f^2/2 + rest. In float32 the rest is f^3 P(f); in float64, as in FreeBSD's msun, it comes from
ln(1+f) = 2 atanh(s), s = f / (2+f), which needs fewer terms.
"""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.mathlib import coefficients as c
from forwardnet.compiler.mathlib.primitives import chosen, scale, split

Value = Any
# Each constant in two positive parts: e = -inf or inf meets both, and opposite signs would make NaN of them.
LN2_32 = (0.6931471228599548, 5.769998878690785e-08)
LN2_64 = (0.6931471805599453, 2.3190468138462996e-17)
LOG10_2_32 = (0.3010299801826477, 1.5481333548450493e-08)
LOG10_2_64 = (0.30102999566398114, 5.270742310347266e-17)
LOG2_E_32 = (1.4426950216293335, 1.925963033500011e-08)
LOG2_E_64 = (1.4426950408889634, 2.0355273740931033e-17)
LOG10_E_32 = (0.4342944622039795, 1.9699271547324315e-08)
LOG10_E_64 = (0.4342944819032518, 1.098319650216765e-17)


def _rest(k: Any, f: Value) -> tuple[Value, Value]:
    """(f^2/2, rest) with ln(1+f) = f - f^2/2 + rest, for -1/4 <= f <= 1/2."""
    half_square = k.mul(k.mul(f, 0.5), f)
    if not k.is_double(f):
        return half_square, k.mul(k.mul(k.mul(f, f), f), k.poly(f, c.LOG_32))
    s = k.div(f, k.add(f, 2.0))
    z = k.mul(s, s)
    return half_square, k.mul(s, k.fma(z, k.poly(z, c.ATANH_64), half_square))


def _natural(k: Any, f: Value, e: Value) -> Value:
    """ln((1+f) 2^e), small terms first."""
    high, low = chosen(k, f, LN2_32, LN2_64)
    if k.is_double(f):
        half_square, rest = _rest(k, f)
        correction = k.sub(k.fma(e, low, rest), half_square)
    else:
        correction = k.fma(k.mul(f, f), k.fma(k.poly(f, c.LOG_32), f, -0.5), k.mul(e, low))
    return k.fma(e, high, k.add(f, correction))


def log(k: Any, x: Value) -> Value:
    """ln x."""
    m, e = split(k, x)
    return _natural(k, k.sub(m, 1.0), e)


def log1p(k: Any, x: Value) -> Value:
    """ln(1+x), with 1+x = (1+f) 2^e and f = 2^-e x + (2^-e - 1), rounded once: exact where e = 0."""
    _, e = split(k, k.add(x, 1.0))
    # Where e is infinite, f has to be finite.
    near = k.at_most(k.at_least(k.neg(e), chosen(k, x, -200.0, -2000.0)), chosen(k, x, 30.0, 60.0))
    f = k.add(scale(k, x, near), k.sub(scale(k, k.like(1.0, x), near), 1.0))
    y = k.select(k.compare("==", x, float("inf")), x, _natural(k, f, e))
    return k.copysign(y, x)  # for -0, which the sums turned into 0


def _other_base(k: Any, x: Value, of_two: tuple[float, float], of_e: tuple[float, float]) -> Value:
    """e log(2) + ln(m) log(e), with ln(m) and both constants in two parts; `of_two` and `of_e` are log 2 and log e."""
    m, e = split(k, x)
    f = k.sub(m, 1.0)
    half_square, rest = _rest(k, f)
    high = k.sub(f, half_square)
    low = k.add(k.sub(k.sub(f, high), half_square), rest)
    product = k.mul(high, of_e[0])
    small = k.fma(high, of_e[0], k.neg(product))  # what rounding took off the product
    small = k.fma(high, of_e[1], k.fma(low, of_e[0], small))
    small = k.fma(e, of_two[1], small) if of_two[1] else small
    return k.fma(e, of_two[0], k.add(product, small))


def log2(k: Any, x: Value) -> Value:
    """Logarithm to base 2, exact for powers of two."""
    return _other_base(k, x, (1.0, 0.0), chosen(k, x, LOG2_E_32, LOG2_E_64))


def log10(k: Any, x: Value) -> Value:
    """Logarithm to base 10."""
    return _other_base(k, x, chosen(k, x, LOG10_2_32, LOG10_2_64), chosen(k, x, LOG10_E_32, LOG10_E_64))
