"""Ops on single elements: arithmetic, comparison, elementary functions.

Derivatives are written in ops and operators; `record` says what their parameter names mean.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, DTypeError
from forwardnet.ops.logic import (
    TWO,
    eq as eq,
    ge as ge,
    gt as gt,
    le as le,
    logical_and as logical_and,
    lt as lt,
    ne as ne,
    where as where,
)
from forwardnet.ops.record import CannotLower, Op, elementwise

REAL = (-3.0, 3.0)
POSITIVE = (0.2, 3.0)


def _sigmoid(x: Any) -> Any:
    # Only exp of a non-positive number is taken, so nothing overflows.
    e = np.exp(-np.abs(x))
    return np.where(np.signbit(x), e, 1) / (1 + e)


def _erf(x: Any) -> Any:
    from scipy.special import erf as special_erf

    return special_erf(x).astype(x.dtype, copy=False)


def _round(x: Any) -> Any:
    return np.rint(x) if x.dtype.kind == "f" else x.copy()


def _sign(x: Any) -> Any:
    return np.sign(x) if x.dtype.kind != "b" else x.copy()


def _square(x: Any) -> Any:
    return np.square(x) if x.dtype.kind != "b" else x.copy()


def _no_bool(name: str, a: Any) -> None:
    # NumPy would answer in int8.
    if a.dtype.kind == "b":
        raise DTypeError(f"{name}: not defined for bool", hint="convert with .int() or .float()")


def _pow(a: Any, b: Any) -> Any:
    _no_bool("pow", a)
    if a.dtype.kind in "iu" and np.any(b < 0):
        raise ArgumentError(
            "pow: integers to negative integer powers are not allowed", hint="convert the base to float"
        )
    return np.power(a, b)


def _nonzero_divisor(name: str, ufunc: Any) -> Any:
    def value(a: Any, b: Any) -> Any:
        _no_bool(name, a)
        if b.dtype.kind in "iu" and not np.all(b):
            raise ArgumentError(f"{name}: integer division by zero", hint="convert to float to get inf or nan")
        return ufunc(a, b)

    return value


def _pow_base(g: Any, a: Any, b: Any) -> Any:
    # b a^(b-1) is 0 * inf at a = 0, b = 0, where the derivative is 0.
    return g * where(eq(b, 0), 0.0, b * pow_(a, where(eq(b, 0), 1.0, b - 1)))


def _pow_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    # 0^b is flat in b for b >= 0, where log 0 would give nan.
    flat = logical_and(eq(a, 0), ge(b, 0))
    return g * where(flat, 0.0, y * log(where(flat, 1.0, a)))


def _half_at_tie(g: Any, a: Any, b: Any, loses: Any) -> Any:
    # Asked this way round, a nan loses against nothing and both sides of it get the gradient, as in PyTorch.
    return where(loses(a, b), 0.0, where(eq(a, b), g * 0.5, g))


def _by_square_radius(n: Any, a: Any, b: Any) -> Any:
    # 0 / 0 at the origin, where there is no angle: the gradient is 0.
    r = a * a + b * b
    return n / where(eq(r, 0), 1.0, r)


def _emit_float_only(name: str) -> Any:
    """The lowering of an op whose integer form may fail, which native code has no way to say."""

    def emit(k: Any, a: Any, b: Any) -> Any:
        if not k.is_float(a):
            raise CannotLower(f"{name} of integers")
        return getattr(k, name)(a, b)

    return emit


def _emit_sign(k: Any, x: Any) -> Any:
    if not k.is_float(x) and k.is_mask(x):
        return x
    above = k.select(k.compare(">", x, 0), k.like(1, x), k.like(0, x))
    signed = k.select(k.compare("<", x, 0), k.like(-1, x), above)
    return k.select(k.isnan(x), x, signed) if k.is_float(x) else signed


def _flat(g: Any) -> Any:
    return zeros_like(g)


zeros_like: Op = elementwise(
    "zeros_like", np.zeros_like, (_flat,), doc="y = 0, with the shape and type of x", emit=lambda k, x: k.like(0, x)
)

replace: Op = elementwise(
    "replace",
    lambda a, b: np.broadcast_to(b, np.broadcast_shapes(a.shape, b.shape)).copy(),
    (_flat, lambda g: g),
    doc="y = b, which takes the place of a",
    inputs=("a", "b"),
    emit=lambda k, a, b: b,
)

# Arithmetic
neg: Op = elementwise("neg", np.negative, (lambda g: -g,), doc="y = -x", emit=lambda k, x: k.neg(x))
add: Op = elementwise(
    "add", np.add, (lambda g: g, lambda g: g), doc="y = a + b", inputs=TWO, emit=lambda k, a, b: k.add(a, b)
)
sub: Op = elementwise(
    "sub", np.subtract, (lambda g: g, lambda g: -g), doc="y = a - b", inputs=TWO, emit=lambda k, a, b: k.sub(a, b)
)
mul: Op = elementwise(
    "mul", np.multiply, (lambda b: b, lambda a: a), doc="y = a b", inputs=TWO, emit=lambda k, a, b: k.mul(a, b)
)
div: Op = elementwise(
    "div",
    np.true_divide,
    (lambda g, b: g / b, lambda g, a, b: -g * ((a / b) / b)),
    doc="y = a / b, in floating point",
    inputs=TWO,
    to_float=True,
    domain=(REAL, POSITIVE),
    emit=lambda k, a, b: k.div(a, b),
)
pow_: Op = elementwise(
    "pow",
    _pow,
    (_pow_base, _pow_exponent),
    doc="y = a^b",
    inputs=TWO,
    domain=(POSITIVE, REAL),
    emit=_emit_float_only("pow"),
)
remainder: Op = elementwise(
    "remainder",
    _nonzero_divisor("remainder", np.remainder),
    (lambda g: g, lambda g, a, b: -g * floor(a / b)),
    doc="y = a - b floor(a / b), of the sign of b",
    inputs=TWO,
    domain=((3.3, 3.8), (1.3, 1.6)),  # a / b stays between 2 and 3: no jump
    emit=_emit_float_only("remainder"),
)
fmod: Op = elementwise(
    "fmod",
    _nonzero_divisor("fmod", np.fmod),
    (lambda g: g, lambda g, a, b: -g * trunc(a / b)),
    doc="y = a - b trunc(a / b), of the sign of a",
    inputs=TWO,
    domain=((3.3, 3.8), (1.3, 1.6)),  # a / b stays between 2 and 3: no jump
    emit=_emit_float_only("fmod"),
)
floor_divide: Op = elementwise(
    "floor_divide",
    _nonzero_divisor("floor_divide", np.floor_divide),
    doc="y = floor(a / b)",
    inputs=TWO,
    emit=_emit_float_only("floor_divide"),
)
maximum: Op = elementwise(
    "maximum",
    np.maximum,
    (lambda g, a, b: _half_at_tie(g, a, b, lt), lambda g, a, b: _half_at_tie(g, a, b, gt)),
    doc="y = max(a, b); nan wins; at a tie each side gets half of the gradient",
    inputs=TWO,
    emit=lambda k, a, b: k.maximum(a, b),
)
minimum: Op = elementwise(
    "minimum",
    np.minimum,
    (lambda g, a, b: _half_at_tie(g, a, b, gt), lambda g, a, b: _half_at_tie(g, a, b, lt)),
    doc="y = min(a, b); nan wins; at a tie each side gets half of the gradient",
    inputs=TWO,
    emit=lambda k, a, b: k.minimum(a, b),
)
clamp_min: Op = elementwise(
    "clamp_min",
    np.maximum,
    (lambda g, a, b: where(ge(a, b), g, 0.0), lambda g, a, b: where(lt(a, b), g, 0.0)),
    doc="y = max(a, b), whose gradient at a tie is a's",
    inputs=TWO,
    emit=lambda k, a, b: k.maximum(a, b),
)
clamp_max: Op = elementwise(
    "clamp_max",
    np.minimum,
    (lambda g, a, b: where(le(a, b), g, 0.0), lambda g, a, b: where(gt(a, b), g, 0.0)),
    doc="y = min(a, b), whose gradient at a tie is a's",
    inputs=TWO,
    emit=lambda k, a, b: k.minimum(a, b),
)
abs_: Op = elementwise(
    "abs", np.abs, (lambda x: sign(x),), doc="y = |x|; derivative 0 at 0", kinks=(0.0,), emit=lambda k, x: k.abs(x)
)
sign: Op = elementwise("sign", _sign, (_flat,), doc="y = -1, 0 or 1", kinks=(0.0,), emit=_emit_sign)
square: Op = elementwise("square", _square, (lambda x: 2 * x,), doc="y = x^2", emit=lambda k, x: k.mul(x, x))
reciprocal: Op = elementwise(
    "reciprocal",
    lambda x: 1 / x,
    (lambda y: -y * y,),
    doc="y = 1 / x",
    to_float=True,
    domain=(POSITIVE,),
    emit=lambda k, x: k.reciprocal(x),
)

# Rounding
KINKS_OF_ROUNDING = tuple(k / 2 for k in range(-6, 7))
ceil: Op = elementwise(
    "ceil", np.ceil, (_flat,), doc="y = least integer not below x", kinks=KINKS_OF_ROUNDING, emit=lambda k, x: k.ceil(x)
)
floor: Op = elementwise(
    "floor",
    np.floor,
    (_flat,),
    doc="y = greatest integer not above x",
    kinks=KINKS_OF_ROUNDING,
    emit=lambda k, x: k.floor(x),
)
round_: Op = elementwise(
    "round",
    _round,
    (_flat,),
    doc="y = nearest integer, halves to even",
    kinks=KINKS_OF_ROUNDING,
    emit=lambda k, x: k.round(x),
)
trunc: Op = elementwise(
    "trunc", np.trunc, (_flat,), doc="y = x without its fraction", kinks=KINKS_OF_ROUNDING, emit=lambda k, x: k.trunc(x)
)

# Elementary functions
exp: Op = elementwise("exp", np.exp, (lambda y: y,), doc="y = e^x", to_float=True, emit=lambda k, x: k.exp(x))
expm1: Op = elementwise(
    "expm1", np.expm1, (lambda y: y + 1,), doc="y = e^x - 1, exact near 0", to_float=True, emit=lambda k, x: k.expm1(x)
)
log: Op = elementwise(
    "log", np.log, (lambda g, x: g / x,), doc="y = ln x", to_float=True, domain=(POSITIVE,), emit=lambda k, x: k.log(x)
)
log1p: Op = elementwise(
    "log1p",
    np.log1p,
    (lambda g, x: g / (1 + x),),
    doc="y = ln(1 + x), exact near 0",
    to_float=True,
    domain=((-0.8, 3),),
    emit=lambda k, x: k.log1p(x),
)
log2: Op = elementwise(
    "log2",
    np.log2,
    (lambda g, x: g / (x * math.log(2)),),
    doc="y = log2 x",
    to_float=True,
    domain=(POSITIVE,),
    emit=lambda k, x: k.log2(x),
)
log10: Op = elementwise(
    "log10",
    np.log10,
    (lambda g, x: g / (x * math.log(10)),),
    doc="y = log10 x",
    to_float=True,
    domain=(POSITIVE,),
    emit=lambda k, x: k.log10(x),
)
sqrt: Op = elementwise(
    "sqrt",
    np.sqrt,
    (lambda g, y: g / (2 * y),),
    doc="y = x^(1/2)",
    to_float=True,
    domain=(POSITIVE,),
    emit=lambda k, x: k.sqrt(x),
)
rsqrt: Op = elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    (lambda y: -0.5 * (y * y * y),),
    doc="y = x^(-1/2)",
    to_float=True,
    domain=(POSITIVE,),
    emit=lambda k, x: k.rsqrt(x),
)
sin: Op = elementwise("sin", np.sin, (lambda x: cos(x),), doc="y = sin x", to_float=True, emit=lambda k, x: k.sin(x))
cos: Op = elementwise("cos", np.cos, (lambda x: -sin(x),), doc="y = cos x", to_float=True, emit=lambda k, x: k.cos(x))
tan: Op = elementwise(
    "tan",
    np.tan,
    (lambda y: 1 + y * y,),
    doc="y = tan x",
    to_float=True,
    domain=((-1.2, 1.2),),
    emit=lambda k, x: k.tan(x),
)
asin: Op = elementwise(
    "asin",
    np.arcsin,
    (lambda x: rsqrt(1 - x * x),),
    doc="y = arcsin x",
    to_float=True,
    domain=((-0.9, 0.9),),
    emit=lambda k, x: k.asin(x),
)
acos: Op = elementwise(
    "acos",
    np.arccos,
    (lambda x: -rsqrt(1 - x * x),),
    doc="y = arccos x",
    to_float=True,
    domain=((-0.9, 0.9),),
    emit=lambda k, x: k.acos(x),
)
atan: Op = elementwise(
    "atan", np.arctan, (lambda g, x: g / (1 + x * x),), doc="y = arctan x", to_float=True, emit=lambda k, x: k.atan(x)
)
atan2: Op = elementwise(
    "atan2",
    np.arctan2,
    (lambda g, a, b: g * _by_square_radius(b, a, b), lambda g, a, b: g * _by_square_radius(-a, a, b)),
    doc="y = angle of the point (b, a)",
    inputs=TWO,
    to_float=True,
    domain=(POSITIVE, POSITIVE),
    emit=lambda k, a, b: k.atan2(a, b),
)
sinh: Op = elementwise(
    "sinh", np.sinh, (lambda x: cosh(x),), doc="y = (e^x - e^-x) / 2", to_float=True, emit=lambda k, x: k.sinh(x)
)
cosh: Op = elementwise(
    "cosh", np.cosh, (lambda x: sinh(x),), doc="y = (e^x + e^-x) / 2", to_float=True, emit=lambda k, x: k.cosh(x)
)
tanh: Op = elementwise(
    "tanh",
    np.tanh,
    (lambda y: 1 - y * y,),
    doc="y = (e^x - e^-x) / (e^x + e^-x)",
    to_float=True,
    emit=lambda k, x: k.tanh(x),
)
sigmoid: Op = elementwise(
    "sigmoid",
    _sigmoid,
    (lambda y: y * (1 - y),),
    doc="y = 1 / (1 + e^-x)",
    to_float=True,
    emit=lambda k, x: k.sigmoid(x),
)
erf: Op = elementwise(
    "erf",
    _erf,
    (lambda x: (2 / math.sqrt(math.pi)) * exp(-x * x),),
    doc="y = 2 / sqrt(pi) int_0^x e^(-t^2) dt",
    to_float=True,
    emit=lambda k, x: k.erf(x),
)
relu: Op = elementwise(
    "relu",
    lambda x: np.maximum(x, x.dtype.type(0)),
    (lambda g, y: where(le(y, 0), 0.0, g),),
    doc="y = max(x, 0); derivative 0 at 0; nan stays nan",
    kinks=(0.0,),
    emit=lambda k, x: k.select(k.compare("<", x, 0), k.like(0, x), x),
)
