"""Elementary functions to 50 digits, from their series, in decimal arithmetic: slow, and independent of any libm."""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import Any

import numpy as np

# Overflow gives infinity, as in floating point; what has no value stays an error.
CONTEXT = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[InvalidOperation, DivisionByZero])

D = Decimal
ONE, TWO = D(1), D(2)


def _series(first: Decimal, step: Callable[[int], Decimal]) -> Decimal:
    """first + first step(1) + first step(1) step(2) + ... until the terms no longer count."""
    total = term = first
    k = 0
    while term and term.adjusted() > total.adjusted() - 62:
        k += 1
        term *= step(k)
        total += term
    return total


def atan(x: Decimal) -> Decimal:
    """arctan x = 2 arctan(x / (1 + sqrt(1 + x^2))), halved until the series is short."""
    scale = ONE
    while abs(x) > D("0.05"):
        x = x / (1 + (1 + x * x).sqrt())
        scale *= 2
    square = -x * x
    total = power = x
    n = 1
    while power and power.adjusted() > total.adjusted() - 62:
        power *= square
        n += 2
        total += power / n
    return scale * total


with localcontext(CONTEXT):
    PI = 4 * atan(ONE)
    LN2, LN10 = TWO.ln(), D(10).ln()


def sin(x: Decimal) -> Decimal:
    x = x - (x / (2 * PI)).to_integral_value() * 2 * PI
    if not x:
        return x
    # The terms of the series for |x| <= pi reach 12, so 60 digits leave 50.
    return _series(x, lambda k: -x * x / ((2 * k) * (2 * k + 1)))


def cos(x: Decimal) -> Decimal:
    return sin(x + PI / 2)


def expm1(x: Decimal) -> Decimal:
    if abs(x) > 1:
        return x.exp() - 1
    return _series(x, lambda k: x / (k + 1)) if x else x


def log1p(x: Decimal) -> Decimal:
    """2 artanh(x / (2 + x)), whose series does not cancel for small x."""
    if abs(x) > D("0.1"):
        return (1 + x).ln()
    z = x / (2 + x)
    total = power = z
    n = 1
    while power and power.adjusted() > total.adjusted() - 62:
        power *= z * z
        n += 2
        total += power / n
    return 2 * total


def sinh(x: Decimal) -> Decimal:
    if abs(x) > 1:
        return (x.exp() - (-x).exp()) / 2
    return _series(x, lambda k: x * x / ((2 * k) * (2 * k + 1))) if x else x


def tanh(x: Decimal) -> Decimal:
    if abs(x) > 1:
        return 1 - 2 / ((2 * x).exp() + 1)
    e = expm1(2 * x)
    return e / (e + 2)


def asin(x: Decimal) -> Decimal:
    return atan(x / ((1 - x) * (1 + x)).sqrt())


def acos(x: Decimal) -> Decimal:
    """2 arctan(sqrt((1 - x) / (1 + x))), which does not cancel near 1."""
    return 2 * atan(((1 - x) / (1 + x)).sqrt())


def erf(x: Decimal) -> Decimal:
    """2 / sqrt(pi) e^(-x^2) sum_k 2^k x^(2k+1) / (1 3 5 ...), all terms of one sign."""
    if not x or abs(x) > 10:  # 1 - erf(10) = 2e-45
        return ONE.copy_sign(x) if x else x
    return 2 / PI.sqrt() * (-x * x).exp() * _series(x, lambda k: 2 * x * x / (2 * k + 1))


def sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def atan2(a: Decimal, b: Decimal) -> Decimal:
    """The angle of the point (b, a)."""
    if b > 0:
        return atan(a / b)
    if b < 0:
        return atan(a / b) + (PI if a >= 0 else -PI)
    return PI / 2 if a > 0 else -PI / 2


def power(a: Decimal, b: Decimal) -> Decimal:
    return (b * a.ln()).exp()


FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": power,
    "atan2": atan2,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: 1 / x.sqrt(),
    "exp": lambda x: x.exp(),
    "expm1": expm1,
    "log": lambda x: x.ln(),
    "log1p": log1p,
    "log2": lambda x: x.ln() / LN2,
    "log10": lambda x: x.ln() / LN10,
    "sin": sin,
    "cos": cos,
    "tan": lambda x: sin(x) / cos(x),
    "asin": asin,
    "acos": acos,
    "atan": atan,
    "sinh": sinh,
    "cosh": lambda x: (x.exp() + (-x).exp()) / 2,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "erf": erf,
}


def exact(name: str, *values: Any) -> Decimal:
    """The value of an op at floating point numbers, which are taken as the exact numbers they are."""
    with localcontext(CONTEXT):
        return FUNCTIONS[name](*(D(float(v)) for v in values))


def ulps(got: Any, true: Decimal) -> float:
    """How far a floating point number is from the true value, in units of the last place of the true value."""
    kind = type(got)
    with np.errstate(over="ignore"):
        near = kind(float(true))
    if not np.isfinite(near) or np.isnan(got):
        return 0.0 if got == near else float("inf")
    with localcontext(CONTEXT):
        return float(abs(D(float(got)) - true) / D(float(np.spacing(np.abs(near)))))
