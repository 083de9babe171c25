"""Functions made of division: reciprocals, and the remainders of C and of Python."""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.mathlib.primitives import chosen, repaired

Value = Any


def rsqrt(k: Any, x: Value) -> Value:
    """1 / sqrt(x), both rounded exactly."""
    return k.div(1.0, k.sqrt(x))


def reciprocal(k: Any, x: Value) -> Value:
    """1 / x."""
    return k.div(1.0, x)


def fmod(k: Any, a: Value, b: Value) -> Value:
    """a - b trunc(a / b), exactly; of the sign of a.

    Rounding may lift the quotient to the next integer; then the rest a - q b, which is exact, is negative. A quotient
    beyond 2^23 (2^52) may be further off; there the C library is asked.
    """
    x, y = k.abs(a), k.abs(b)
    quotient = k.div(x, y)
    q = k.trunc(quotient)
    rest = k.fma(k.neg(q), y, x)
    rest = k.select(k.compare("<", rest, 0.0), k.add(rest, y), rest)
    rest = k.select(k.compare("<", x, y), x, rest)  # for b = inf, where 0 inf is NaN
    is_far = k.compare(">", quotient, chosen(k, a, 2.0**23, 2.0**52))
    return k.copysign(repaired(k, is_far, rest, "fmod", x, y), a)


def remainder(k: Any, a: Value, b: Value) -> Value:
    """a - b floor(a / b), of the sign of b, as Python and NumPy have it."""
    rest, moved = _rest(k, a, b)
    result = k.select(moved, k.add(rest, b), rest)
    return k.select(k.compare("==", rest, 0.0), k.copysign(rest, b), result)


def floor_divide(k: Any, a: Value, b: Value) -> Value:
    """floor of the exact a / b, by NumPy's steps; a / b itself where b = 0."""
    rest, moved = _rest(k, a, b)
    quotient = k.div(k.sub(a, rest), b)
    quotient = k.select(moved, k.sub(quotient, 1.0), quotient)
    down = k.floor(quotient)
    down = k.select(k.compare(">", k.sub(quotient, down), 0.5), k.add(down, 1.0), down)
    plain = k.div(a, b)
    down = k.select(k.compare("==", quotient, 0.0), k.copysign(k.like(0.0, a), plain), down)
    return k.select(k.compare("==", b, 0.0), plain, down)


def _rest(k: Any, a: Value, b: Value) -> tuple[Value, Value]:
    """fmod(a, b), and where it is on the other side of zero than b."""
    rest = fmod(k, a, b)
    is_other_side = k.compare("<", k.mul(k.copysign(k.like(1.0, a), rest), b), 0.0)
    return rest, k.logical_and(k.compare("!=", rest, 0.0), is_other_side)
