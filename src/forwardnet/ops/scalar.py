"""Ops on single elements: arithmetic, comparison, elementary functions.

Derivatives are written in ops and operators; `record` says what their parameter names mean.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, DTypeError
from forwardnet.ops.record import Op, elementwise

TWO = ("a", "b")
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


def _flat(g: Any) -> Any:
    return zeros_like(g)


zeros_like: Op = elementwise("zeros_like", np.zeros_like, (_flat,), doc="y = 0, with the shape and type of x")

replace: Op = elementwise(
    "replace",
    lambda a, b: np.broadcast_to(b, np.broadcast_shapes(a.shape, b.shape)).copy(),
    (_flat, lambda g: g),
    doc="y = b, which takes the place of a",
    inputs=("a", "b"),
)

# Arithmetic
neg: Op = elementwise("neg", np.negative, (lambda g: -g,), doc="y = -x")
add: Op = elementwise("add", np.add, (lambda g: g, lambda g: g), doc="y = a + b", inputs=TWO)
sub: Op = elementwise("sub", np.subtract, (lambda g: g, lambda g: -g), doc="y = a - b", inputs=TWO)
mul: Op = elementwise("mul", np.multiply, (lambda b: b, lambda a: a), doc="y = a b", inputs=TWO)
div: Op = elementwise(
    "div",
    np.true_divide,
    (lambda g, b: g / b, lambda g, a, b: -g * ((a / b) / b)),
    doc="y = a / b, in floating point",
    inputs=TWO,
    to_float=True,
    domain=(REAL, POSITIVE),
)
pow_: Op = elementwise("pow", _pow, (_pow_base, _pow_exponent), doc="y = a^b", inputs=TWO, domain=(POSITIVE, REAL))
remainder: Op = elementwise(
    "remainder",
    _nonzero_divisor("remainder", np.remainder),
    (lambda g: g, lambda g, a, b: -g * floor(a / b)),
    doc="y = a - b floor(a / b), of the sign of b",
    inputs=TWO,
    domain=((3.3, 3.8), (1.3, 1.6)),  # a / b stays between 2 and 3: no jump
)
fmod: Op = elementwise(
    "fmod",
    _nonzero_divisor("fmod", np.fmod),
    (lambda g: g, lambda g, a, b: -g * trunc(a / b)),
    doc="y = a - b trunc(a / b), of the sign of a",
    inputs=TWO,
    domain=((3.3, 3.8), (1.3, 1.6)),  # a / b stays between 2 and 3: no jump
)
floor_divide: Op = elementwise(
    "floor_divide", _nonzero_divisor("floor_divide", np.floor_divide), doc="y = floor(a / b)", inputs=TWO
)
maximum: Op = elementwise(
    "maximum",
    np.maximum,
    (lambda g, a, b: _half_at_tie(g, a, b, lt), lambda g, a, b: _half_at_tie(g, a, b, gt)),
    doc="y = max(a, b); nan wins; at a tie each side gets half of the gradient",
    inputs=TWO,
)
minimum: Op = elementwise(
    "minimum",
    np.minimum,
    (lambda g, a, b: _half_at_tie(g, a, b, gt), lambda g, a, b: _half_at_tie(g, a, b, lt)),
    doc="y = min(a, b); nan wins; at a tie each side gets half of the gradient",
    inputs=TWO,
)
clamp_min: Op = elementwise(
    "clamp_min",
    np.maximum,
    (lambda g, a, b: where(ge(a, b), g, 0.0), lambda g, a, b: where(lt(a, b), g, 0.0)),
    doc="y = max(a, b), whose gradient at a tie is a's",
    inputs=TWO,
)
clamp_max: Op = elementwise(
    "clamp_max",
    np.minimum,
    (lambda g, a, b: where(le(a, b), g, 0.0), lambda g, a, b: where(gt(a, b), g, 0.0)),
    doc="y = min(a, b), whose gradient at a tie is a's",
    inputs=TWO,
)
abs_: Op = elementwise("abs", np.abs, (lambda x: sign(x),), doc="y = |x|; derivative 0 at 0", kinks=(0.0,))
sign: Op = elementwise("sign", _sign, (_flat,), doc="y = -1, 0 or 1", kinks=(0.0,))
square: Op = elementwise("square", _square, (lambda x: 2 * x,), doc="y = x^2")
reciprocal: Op = elementwise(
    "reciprocal", lambda x: 1 / x, (lambda y: -y * y,), doc="y = 1 / x", to_float=True, domain=(POSITIVE,)
)

# Rounding
KINKS_OF_ROUNDING = tuple(k / 2 for k in range(-6, 7))
ceil: Op = elementwise("ceil", np.ceil, (_flat,), doc="y = least integer not below x", kinks=KINKS_OF_ROUNDING)
floor: Op = elementwise("floor", np.floor, (_flat,), doc="y = greatest integer not above x", kinks=KINKS_OF_ROUNDING)
round_: Op = elementwise("round", _round, (_flat,), doc="y = nearest integer, halves to even", kinks=KINKS_OF_ROUNDING)
trunc: Op = elementwise("trunc", np.trunc, (_flat,), doc="y = x without its fraction", kinks=KINKS_OF_ROUNDING)

# Elementary functions
exp: Op = elementwise("exp", np.exp, (lambda y: y,), doc="y = e^x", to_float=True)
expm1: Op = elementwise("expm1", np.expm1, (lambda y: y + 1,), doc="y = e^x - 1, exact near 0", to_float=True)
log: Op = elementwise("log", np.log, (lambda g, x: g / x,), doc="y = ln x", to_float=True, domain=(POSITIVE,))
log1p: Op = elementwise(
    "log1p",
    np.log1p,
    (lambda g, x: g / (1 + x),),
    doc="y = ln(1 + x), exact near 0",
    to_float=True,
    domain=((-0.8, 3),),
)
log2: Op = elementwise(
    "log2", np.log2, (lambda g, x: g / (x * math.log(2)),), doc="y = log2 x", to_float=True, domain=(POSITIVE,)
)
log10: Op = elementwise(
    "log10", np.log10, (lambda g, x: g / (x * math.log(10)),), doc="y = log10 x", to_float=True, domain=(POSITIVE,)
)
sqrt: Op = elementwise(
    "sqrt", np.sqrt, (lambda g, y: g / (2 * y),), doc="y = x^(1/2)", to_float=True, domain=(POSITIVE,)
)
rsqrt: Op = elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    (lambda y: -0.5 * (y * y * y),),
    doc="y = x^(-1/2)",
    to_float=True,
    domain=(POSITIVE,),
)
sin: Op = elementwise("sin", np.sin, (lambda x: cos(x),), doc="y = sin x", to_float=True)
cos: Op = elementwise("cos", np.cos, (lambda x: -sin(x),), doc="y = cos x", to_float=True)
tan: Op = elementwise("tan", np.tan, (lambda y: 1 + y * y,), doc="y = tan x", to_float=True, domain=((-1.2, 1.2),))
asin: Op = elementwise(
    "asin", np.arcsin, (lambda x: rsqrt(1 - x * x),), doc="y = arcsin x", to_float=True, domain=((-0.9, 0.9),)
)
acos: Op = elementwise(
    "acos", np.arccos, (lambda x: -rsqrt(1 - x * x),), doc="y = arccos x", to_float=True, domain=((-0.9, 0.9),)
)
atan: Op = elementwise("atan", np.arctan, (lambda g, x: g / (1 + x * x),), doc="y = arctan x", to_float=True)
atan2: Op = elementwise(
    "atan2",
    np.arctan2,
    (lambda g, a, b: g * _by_square_radius(b, a, b), lambda g, a, b: g * _by_square_radius(-a, a, b)),
    doc="y = angle of the point (b, a)",
    inputs=TWO,
    to_float=True,
    domain=(POSITIVE, POSITIVE),
)
sinh: Op = elementwise("sinh", np.sinh, (lambda x: cosh(x),), doc="y = (e^x - e^-x) / 2", to_float=True)
cosh: Op = elementwise("cosh", np.cosh, (lambda x: sinh(x),), doc="y = (e^x + e^-x) / 2", to_float=True)
tanh: Op = elementwise("tanh", np.tanh, (lambda y: 1 - y * y,), doc="y = (e^x - e^-x) / (e^x + e^-x)", to_float=True)
sigmoid: Op = elementwise("sigmoid", _sigmoid, (lambda y: y * (1 - y),), doc="y = 1 / (1 + e^-x)", to_float=True)
erf: Op = elementwise(
    "erf",
    _erf,
    (lambda x: (2 / math.sqrt(math.pi)) * exp(-x * x),),
    doc="y = 2 / sqrt(pi) int_0^x e^(-t^2) dt",
    to_float=True,
)
relu: Op = elementwise(
    "relu",
    lambda x: np.maximum(x, x.dtype.type(0)),
    (lambda g, y: where(le(y, 0), 0.0, g),),
    doc="y = max(x, 0); derivative 0 at 0; nan stays nan",
    kinks=(0.0,),
)

# Choice and comparison
where: Op = elementwise(
    "where",
    np.where,
    (None, lambda g, c: where(c, g, 0.0), lambda g, c: where(c, 0.0, g)),
    doc="y = a where c, else b",
    inputs=("c", "a", "b"),
    fixed=("c",),
)
eq: Op = elementwise("eq", np.equal, doc="y = (a == b)", inputs=TWO, result="bool")
ne: Op = elementwise("ne", np.not_equal, doc="y = (a != b)", inputs=TWO, result="bool")
lt: Op = elementwise("lt", np.less, doc="y = (a < b)", inputs=TWO, result="bool")
le: Op = elementwise("le", np.less_equal, doc="y = (a <= b)", inputs=TWO, result="bool")
gt: Op = elementwise("gt", np.greater, doc="y = (a > b)", inputs=TWO, result="bool")
ge: Op = elementwise("ge", np.greater_equal, doc="y = (a >= b)", inputs=TWO, result="bool")
isnan: Op = elementwise("isnan", np.isnan, doc="y = (x is nan)", result="bool")
isinf: Op = elementwise("isinf", np.isinf, doc="y = (x is inf or -inf)", result="bool")
isfinite: Op = elementwise("isfinite", np.isfinite, doc="y = (x is neither nan nor infinite)", result="bool")
logical_not: Op = elementwise("logical_not", np.logical_not, doc="y = not x", result="bool")
logical_and: Op = elementwise("logical_and", np.logical_and, doc="y = a and b", inputs=TWO, result="bool")
logical_or: Op = elementwise("logical_or", np.logical_or, doc="y = a or b", inputs=TWO, result="bool")
logical_xor: Op = elementwise("logical_xor", np.logical_xor, doc="y = a or b, not both", inputs=TWO, result="bool")
bitwise_not: Op = elementwise("bitwise_not", np.invert, doc="y = ~x, bit by bit")
bitwise_and: Op = elementwise("bitwise_and", np.bitwise_and, doc="y = a & b, bit by bit", inputs=TWO)
bitwise_or: Op = elementwise("bitwise_or", np.bitwise_or, doc="y = a | b, bit by bit", inputs=TWO)
bitwise_xor: Op = elementwise("bitwise_xor", np.bitwise_xor, doc="y = a ^ b, bit by bit", inputs=TWO)
