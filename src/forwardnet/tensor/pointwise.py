"""Functions of each element alone: arithmetic, elementary functions, comparison, and their in-place forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, DTypeError, ShapeError
from forwardnet.ops import logic, scalar as s
from forwardnet.ops.record import NUMBERS, REGISTRY, Op
from forwardnet.tensor import tape
from forwardnet.tensor.create import as_tensor

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

Unary = Callable[["Tensor"], "Tensor"]
Binary = Callable[["Tensor", Any], "Tensor"]


def _named(function: Any, name: str, doc: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def unary(op: Op) -> Unary:
    """The function of one tensor that an op is."""

    def function(input: Tensor) -> Tensor:
        return op(as_tensor(input))

    return _named(function, op.name, f"{op.doc}, for each element.")


def unary_(op: Op) -> Unary:
    """The in-place form of `unary`."""

    def function(input: Tensor) -> Tensor:
        return tape.write(input, op, (input,), {})

    return _named(function, f"{op.name}_", f"{op.doc}, for each element, in place.")


def _operand(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, NUMBERS) or tape.is_tensor(value):
        return value
    raise DTypeError(
        f"{name}(): argument must be a tensor or a number, not {type(value).__name__}",
        hint="convert it with tensor(...) or from_numpy(...)",
    )


def binary(op: Op) -> Binary:
    """The function of two operands that an op is; one of them may be a number."""

    def function(input: Tensor, other: Any) -> Tensor:
        first = _operand(op.name, input)
        if not tape.is_tensor(first) and not tape.is_tensor(other):
            first = as_tensor(first)
        return op(first, _operand(op.name, other))

    return _named(function, op.name, f"{op.doc}, for each element, with broadcasting.")


def binary_(op: Op) -> Binary:
    """The in-place form of `binary`."""

    def function(input: Tensor, other: Any) -> Tensor:
        return tape.write(input, op, (input, _operand(op.name, other)), {})

    return _named(function, f"{op.name}_", f"{op.doc}, for each element, in place.")


def reflected(op: Op) -> Binary:
    """The operator with its operands exchanged, for `2 - x`."""

    def function(input: Tensor, other: Any) -> Any:
        if not isinstance(other, (*NUMBERS, np.generic, np.ndarray)):
            return NotImplemented
        first = as_tensor(other) if isinstance(other, np.ndarray) else _operand(op.name, other)
        result = op(first, input)
        if op is s.sub:
            tape.relabel(result, "Rsub")
        return result

    return _named(function, f"r{op.name}", f"{op.doc}, with the operands exchanged.")


def operator(function: Callable[..., Tensor]) -> Binary:
    """A function as an operator: gives way (`NotImplemented`) to operands it does not know."""

    def apply(input: Tensor, other: Any) -> Any:
        if isinstance(other, (*NUMBERS, np.generic)) or tape.is_tensor(other):
            return function(input, other)
        if isinstance(other, np.ndarray):
            return function(input, as_tensor(other))
        return NotImplemented

    return _named(apply, function.__name__, function.__doc__ or "")


abs, abs_ = unary(s.abs_), unary_(s.abs_)
neg, neg_ = unary(s.neg), unary_(s.neg)
sign, sign_ = unary(s.sign), unary_(s.sign)
square, square_ = unary(s.square), unary_(s.square)
reciprocal, reciprocal_ = unary(s.reciprocal), unary_(s.reciprocal)
ceil, ceil_ = unary(s.ceil), unary_(s.ceil)
floor, floor_ = unary(s.floor), unary_(s.floor)
trunc, trunc_ = unary(s.trunc), unary_(s.trunc)
exp, exp_ = unary(s.exp), unary_(s.exp)
expm1, expm1_ = unary(s.expm1), unary_(s.expm1)
log, log_ = unary(s.log), unary_(s.log)
log1p, log1p_ = unary(s.log1p), unary_(s.log1p)
log2, log2_ = unary(s.log2), unary_(s.log2)
log10, log10_ = unary(s.log10), unary_(s.log10)
sqrt, sqrt_ = unary(s.sqrt), unary_(s.sqrt)
rsqrt, rsqrt_ = unary(s.rsqrt), unary_(s.rsqrt)
sin, sin_ = unary(s.sin), unary_(s.sin)
cos, cos_ = unary(s.cos), unary_(s.cos)
tan, tan_ = unary(s.tan), unary_(s.tan)
asin, asin_ = unary(s.asin), unary_(s.asin)
acos, acos_ = unary(s.acos), unary_(s.acos)
atan, atan_ = unary(s.atan), unary_(s.atan)
sinh, sinh_ = unary(s.sinh), unary_(s.sinh)
cosh, cosh_ = unary(s.cosh), unary_(s.cosh)
tanh, tanh_ = unary(s.tanh), unary_(s.tanh)
sigmoid, sigmoid_ = unary(s.sigmoid), unary_(s.sigmoid)
erf, erf_ = unary(s.erf), unary_(s.erf)
relu, relu_ = unary(s.relu), unary_(s.relu)
isnan, isinf, isfinite = unary(logic.isnan), unary(logic.isinf), unary(logic.isfinite)
logical_not, bitwise_not = unary(logic.logical_not), unary(logic.bitwise_not)

mul, mul_ = binary(s.mul), binary_(s.mul)
pow, pow_ = binary(s.pow_), binary_(s.pow_)
remainder, remainder_ = binary(s.remainder), binary_(s.remainder)
fmod, fmod_ = binary(s.fmod), binary_(s.fmod)
floor_divide, floor_divide_ = binary(s.floor_divide), binary_(s.floor_divide)
maximum, minimum, atan2 = binary(s.maximum), binary(s.minimum), binary(s.atan2)
eq, ne, lt = binary(s.eq), binary(s.ne), binary(s.lt)
le, gt, ge = binary(s.le), binary(s.gt), binary(s.ge)
eq_, ne_, lt_ = binary_(s.eq), binary_(s.ne), binary_(s.lt)
le_, gt_, ge_ = binary_(s.le), binary_(s.gt), binary_(s.ge)
logical_and, logical_or, logical_xor = binary(s.logical_and), binary(logic.logical_or), binary(logic.logical_xor)
bitwise_and, bitwise_or, bitwise_xor = binary(logic.bitwise_and), binary(logic.bitwise_or), binary(logic.bitwise_xor)
radd, rsub, rmul, rdiv = reflected(s.add), reflected(s.sub), reflected(s.mul), reflected(s.div)
rpow, rfloordiv, rmod = reflected(s.pow_), reflected(s.floor_divide), reflected(s.remainder)


def _scaled(other: Any, alpha: Any) -> Any:
    return other if alpha == 1 else other * alpha


def add(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other, for each element, with broadcasting."""
    return s.add(_operand("add", input), _scaled(_operand("add", other), alpha))


def add_(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """input += alpha * other, in place."""
    return tape.write(input, s.add, (input, _scaled(_operand("add_", other), alpha)), {})


def _no_bool_sub(*operands: Any) -> None:
    if any((tape.is_tensor(o) and o.spec.dtype.kind == "b") or isinstance(o, bool) for o in operands):
        raise DTypeError(
            "sub: Subtraction, the `-` operator, with a bool tensor is not supported.",
            hint="use ^ or logical_xor(), or ~ to invert a mask",
        )


def sub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other, for each element, with broadcasting."""
    _no_bool_sub(input, other)
    return s.sub(_operand("sub", input), _scaled(_operand("sub", other), alpha))


def sub_(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """input -= alpha * other, in place."""
    _no_bool_sub(input, other)
    return tape.write(input, s.sub, (input, _scaled(_operand("sub_", other), alpha)), {})


def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; `rounding_mode` "floor" or "trunc" rounds the quotient down or towards zero."""
    if rounding_mode == "floor":
        return floor_divide(input, other)
    quotient: Tensor = s.div(_operand("div", input), _operand("div", other))
    if rounding_mode is None:
        return quotient
    if rounding_mode != "trunc":
        raise DTypeError(f"div: rounding_mode is {rounding_mode!r}, expected None, 'floor' or 'trunc'")
    whole = trunc(quotient)
    given: list[Any] = [input, other]
    operands = [(None, 0, o) if isinstance(o, NUMBERS) else (o.spec.dtype, o.ndim, None) for o in given]
    return REGISTRY["cast"](whole, dtype=dtypes.result_of(operands))


def div_(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input /= other, in place."""
    if rounding_mode is None:
        return tape.write(input, s.div, (input, _operand("div_", other)), {})
    return copy_(input, div(input, other, rounding_mode=rounding_mode))


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number with that many decimals; halves go to the even neighbour."""
    if decimals == 0:
        return s.round_(as_tensor(input))
    scale = 10.0**decimals
    return s.round_(input * scale) / scale


def round_(input: Tensor, *, decimals: int = 0) -> Tensor:
    """`round`, in place."""
    return copy_(input, round(input, decimals=decimals))


@tape.labelled("Clamp")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """min(max(x, min), max); the gradient passes where min <= x <= max."""
    if min is None and max is None:
        raise DTypeError("clamp: At least one of 'min' or 'max' must not be None")
    result = as_tensor(input)
    if min is not None:
        result = s.clamp_min(result, min)
    if max is not None:
        result = s.clamp_max(result, max)
    return result


def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`clamp`, in place."""
    return copy_(input, clamp(input, min, max))


@tape.labelled("Addcmul")
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 * tensor2"""
    return input + _scaled(tensor1 * tensor2, value)


@tape.labelled("Addcdiv")
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 / tensor2"""
    if all(t.spec.dtype.kind != "f" for t in (tensor1, tensor2)):
        raise DTypeError("addcdiv: Integer division with addcdiv is no longer supported", hint="convert one to float")
    return input + _scaled(tensor1 / tensor2, value)


def addcmul_(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input += value * tensor1 * tensor2, in place."""
    return add_(input, _scaled(tensor1 * tensor2, value))


def addcdiv_(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input += value * tensor1 / tensor2, in place."""
    return add_(input, _scaled(tensor1 / tensor2, value))


@tape.labelled("Lerp")
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input)"""
    return input + (end - input) * weight


def lerp_(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """`lerp`, in place."""
    return add_(input, (end - input) * weight)


@tape.labelled("Softplus")
def softplus(input: Tensor) -> Tensor:
    """log(1 + e^x), written so that exp never overflows."""
    return relu(input) + log1p(exp(-abs(input)))


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of the sigmoid; `eps` first clamps x to [eps, 1 - eps]."""
    x = input if input.spec.dtype.kind == "f" else REGISTRY["cast"](input, dtype=dtypes.default())
    x = x if eps is None else clamp(x, eps, 1 - eps)
    return log(x) - log1p(-x)


def copy_(input: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the elements of `src`, broadcast and converted, into this tensor."""
    source: Any = src if isinstance(src, NUMBERS) else as_tensor(src)
    if tape.is_tensor(source) and source.spec.dtype != input.spec.dtype:
        source = REGISTRY["cast"](source, dtype=input.spec.dtype)
    elif isinstance(source, NUMBERS):
        source = as_tensor(np.asarray(source, input.spec.dtype))
    return tape.write(input, s.replace, (input, source), {})


def fill_(input: Tensor, value: Any) -> Tensor:
    """Set every element to `value`."""
    if tape.is_tensor(value) and value.ndim:
        raise ShapeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    return copy_(input, value)


def zero_(input: Tensor) -> Tensor:
    """Set every element to 0."""
    return tape.write(input, s.zeros_like, (input,), {})


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are the same."""
    return input.shape == other.shape and bool(np.array_equal(input._eager("equal()"), other._eager("equal()")))


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """|a - b| <= atol + rtol |b|, for each element."""
    if rtol < 0 or atol < 0:
        raise ArgumentError(f"isclose: rtol and atol must be greater than or equal to zero, got {rtol} and {atol}")
    a, b = input.detach()._data, as_tensor(other).detach()._data
    with np.errstate(all="ignore"):
        return tape.new_tensor(np.asarray(np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether |a - b| <= atol + rtol |b| for all elements."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._data.all())


def is_nonzero(input: Tensor) -> bool:
    """The truth of a tensor with one element."""
    if input.numel() != 1:
        word = "no" if input.numel() == 0 else "more than one"
        raise ShapeError(
            f"Boolean value of Tensor with {word} value{'s' if word == 'no' else ''} is ambiguous",
            hint="use .any(), .all() or .item()",
        )
    return bool(input._data.reshape(()))


PI, E, INF, NAN = math.pi, math.e, math.inf, math.nan
