"""Functions that combine elements along dimensions: sums, means, spreads, extremes, norms."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from forwardnet import dtypes
from forwardnet.errors import AxisError, DTypeError, ShapeError
from forwardnet.ir.shapes import axes, axis
from forwardnet.ops import index as ix, logic, reduce as r, scalar as s
from forwardnet.ops.layout import reshape as reshape_op
from forwardnet.ops.record import REGISTRY
from forwardnet.tensor import tape
from forwardnet.tensor.create import as_tensor

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

Dim = int | Sequence[int] | None


class Extreme(NamedTuple):
    """Values along a dimension, and where they stand."""

    values: Tensor
    indices: Tensor


F = TypeVar("F", bound=Callable[..., Any])


def numpy_names(function: F) -> F:
    """Also accept `axis` and `keepdims`, as NumPy spells them."""

    @functools.wraps(function)
    def wrapped(*args: Any, **named: Any) -> Any:
        for other, name in (("axis", "dim"), ("keepdims", "keepdim")):
            if other in named:
                named[name] = named.pop(other)
        return function(*args, **named)

    return cast(F, wrapped)


def _cast(x: Tensor, dtype: Any) -> Tensor:
    return x if dtype is None or x.spec.dtype == dtype else REGISTRY["cast"](x, dtype=dtype)


def _summable(x: Tensor, dtype: Any) -> Tensor:
    """Integers and truth values are summed as int64."""
    if dtype is not None:
        return _cast(x, dtypes.as_numpy(dtype))
    return x if x.spec.dtype.kind == "f" else _cast(x, dtypes.INT64)


def _floating(name: str, x: Tensor, dtype: Any = None) -> Tensor:
    x = _cast(x, dtypes.as_numpy(dtype)) if dtype is not None else x
    if x.spec.dtype.kind != "f":
        raise DTypeError(
            f"{name}(): input dtype should be floating point. Got {x.spec.dtype} instead.", hint="convert with .float()"
        )
    return x


@numpy_names
def sum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """sum_i x_i over `dim` (all dimensions by default); integers are summed as int64."""
    x = _summable(as_tensor(input), dtype)
    return r.sum_(x, dim=axes(dim, x.ndim, where="sum"), keepdim=keepdim)


def _count(shape: Sequence[int], over: Sequence[int]) -> int:
    return math.prod(shape[d] for d in over)


@tape.labelled("Mean")
@numpy_names
def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """1/n sum_i x_i over `dim`; nan where there is nothing to average."""
    x = _floating("mean", as_tensor(input), dtype)
    over = axes(dim, x.ndim, where="mean")
    return r.sum_(x, dim=over, keepdim=keepdim) / _as_float(_count(x.spec.shape, over))


def _as_float(n: int) -> float:
    return float(n)


@numpy_names
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """prod_i x_i over one dimension, or over all."""
    x = _summable(as_tensor(input), dtype)
    if dim is None:
        return r.prod(reshape_op(x, shape=(-1 if x.numel() else 0,)), dim=(0,), keepdim=False)
    over = axes(dim, x.ndim, where="prod")
    return r.prod(x, dim=over, keepdim=keepdim) if over else REGISTRY["clone"](x, row_major=False)


@tape.labelled("Var")
@numpy_names
def var(
    input: Tensor, dim: Dim = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """1/(n - correction) sum_i (x_i - mean)^2; the correction is 1, or 0 with `unbiased=False`.

    Raises `DTypeError` for integers.
    """
    if isinstance(dim, bool):  # var(x, False), as PyTorch allows
        return var(input, None, dim, keepdim, correction=correction)
    x = _floating("var", as_tensor(input))
    over = axes(dim, x.ndim, where="var")
    n = _count(x.spec.shape, over)
    centred = x - r.sum_(x, dim=over, keepdim=True) / _as_float(n)
    degrees = n - ((1.0 if unbiased else 0.0) if correction is None else correction)
    return r.sum_(centred * centred, dim=over, keepdim=keepdim) / max_zero(degrees)


def max_zero(n: float) -> float:
    """n, or 0 where it is negative: too few elements give nan, as 0 / 0."""
    return n if n > 0 else 0.0


@tape.labelled("Std")
@numpy_names
def std(
    input: Tensor, dim: Dim = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The square root of `var`."""
    return s.sqrt(var(input, dim, unbiased, keepdim, correction=correction))


@numpy_names
def amax(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The greatest element over `dim`; equal ones share the gradient."""
    x = as_tensor(input)
    return r.amax(x, dim=axes(dim, x.ndim, where="amax"), keepdim=keepdim)


@numpy_names
def amin(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The least element over `dim`; equal ones share the gradient."""
    x = as_tensor(input)
    return r.amin(x, dim=axes(dim, x.ndim, where="amin"), keepdim=keepdim)


def _along(x: Tensor, arg: Any, dim: int, keepdim: bool, where: str) -> Extreme:
    if x.ndim == 0:
        axis(dim, 0, where=where)
        zero = as_tensor(0)
        return Extreme(REGISTRY["clone"](x, row_major=False), zero)
    d = axis(dim, x.ndim, where=where)
    indices = arg(x, dim=d, keepdim=True)
    values = ix.gather(x, indices, dim=d)
    if keepdim:
        return Extreme(values, indices)
    shape = tuple(n for i, n in enumerate(x.spec.shape) if i != d)
    return Extreme(reshape_op(values, shape=shape), reshape_op(indices, shape=shape))


@tape.labelled("Max")
@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The greatest element; with `dim`, (values, indices) along it; with another tensor, the elementwise maximum."""
    x = as_tensor(input)
    if dim is None:
        return amax(x)
    if not isinstance(dim, int):
        return s.maximum(x, dim)
    return _along(x, r.argmax, dim, keepdim, "max")


@tape.labelled("Min")
@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The least element; with `dim`, (values, indices) along it; with another tensor, the elementwise minimum."""
    x = as_tensor(input)
    if dim is None:
        return amin(x)
    if not isinstance(dim, int):
        return s.minimum(x, dim)
    return _along(x, r.argmin, dim, keepdim, "min")


def _arg(x: Tensor, op: Any, dim: int | None, keepdim: bool) -> Tensor:
    if dim is None:
        flat = op(reshape_op(x, shape=(x.numel(),)), dim=0, keepdim=False)
        return reshape_op(flat, shape=(1,) * x.ndim) if keepdim else flat
    if x.ndim == 0:
        axis(dim, 0, where=op.name)
        return as_tensor(0)
    return op(x, dim=axis(dim, x.ndim, where=op.name), keepdim=keepdim)


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the greatest element stands (the first of equal ones): in the flattened tensor, or along `dim`."""
    return _arg(as_tensor(input), r.argmax, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the least element stands (the first of equal ones): in the flattened tensor, or along `dim`."""
    return _arg(as_tensor(input), r.argmin, dim, keepdim)


@numpy_names
def any(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether some element is not 0."""
    x = as_tensor(input)
    return r.any_(x, dim=axes(dim, x.ndim, where="any"), keepdim=keepdim)


@numpy_names
def all(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether no element is 0."""
    x = as_tensor(input)
    return r.all_(x, dim=axes(dim, x.ndim, where="all"), keepdim=keepdim)


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """y_i = x_0 + ... + x_i along `dim`."""
    x = _summable(as_tensor(input), dtype)
    d = axis(dim, x.ndim, where="cumsum")
    return r.cumsum(x, dim=d) if x.ndim else REGISTRY["clone"](x, row_major=False)


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """y_i = x_0 ... x_i along `dim`."""
    x = _summable(as_tensor(input), dtype)
    d = axis(dim, x.ndim, where="cumprod")
    return r.cumprod(x, dim=d) if x.ndim else REGISTRY["clone"](x, row_major=False)


@tape.labelled("Logsumexp")
@numpy_names
def logsumexp(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """ln sum_i e^(x_i), computed from the maximum so that nothing overflows."""
    x = as_tensor(input)
    x = x if x.spec.dtype.kind == "f" else _cast(x, dtypes.default())
    over = axes(dim, x.ndim, where="logsumexp")
    if _count(x.spec.shape, over) == 0:
        return s.log(r.sum_(s.exp(x), dim=over, keepdim=keepdim))
    top = amax(x.detach(), over, True) if over else x.detach()
    # An infinite maximum would give inf - inf; there the plain sum is right.
    top = s.where(logic.isfinite(top), top, 0.0)
    total = s.log(r.sum_(s.exp(x - top), dim=over, keepdim=keepdim))
    return total + reshape_op(top, shape=total.spec.shape)


def _softmax(op: Any, input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    x = as_tensor(input)
    if dtype is not None:
        x = _cast(x, dtypes.as_numpy(dtype))
    if dim is None:
        raise AxisError(f"{op.name}: dim is missing", hint=f"{op.name}(x, dim=-1) normalises the last dimension")
    d = axis(dim, x.ndim, where=op.name)
    x = _floating(op.name, x)
    if x.ndim == 0:
        return reshape_op(op(reshape_op(x, shape=(1,)), dim=0), shape=())
    return op(x, dim=d)


@numpy_names
def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """e^(x_i) / sum_j e^(x_j) along `dim`: positive numbers that sum to 1."""
    return _softmax(r.softmax, input, dim, dtype)


@numpy_names
def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """x_i - ln sum_j e^(x_j) along `dim`: the logarithm of `softmax`, exact for large x."""
    return _softmax(r.log_softmax, input, dim, dtype)


@tape.labelled("LinalgVectorNorm")
@numpy_names
def norm(input: Tensor, p: Any = "fro", dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(sum_i |x_i|^p)^(1/p); p may be 0 (count of nonzeros), inf, -inf or "fro" (2)."""
    x = _floating("norm", as_tensor(input), dtype)
    over = axes(dim, x.ndim, where="norm")
    if p in ("fro", 2, None):
        # The square root has no derivative at 0; there the subgradient 0 is taken, as PyTorch does.
        squares = r.sum_(x * x, dim=over, keepdim=keepdim)
        return _root(squares)
    if isinstance(p, str):
        raise DTypeError(f"norm: p is {p!r}, expected a number, inf, -inf or 'fro'")
    size = s.abs_(x)
    if p == math.inf:
        return amax(size, over, keepdim)
    if p == -math.inf:
        return amin(size, over, keepdim)
    if p == 0:
        return r.sum_(_cast(s.ne(x, 0), x.spec.dtype), dim=over, keepdim=keepdim)
    if p == 1:
        return r.sum_(size, dim=over, keepdim=keepdim)
    total = r.sum_(s.pow_(size, float(p)), dim=over, keepdim=keepdim)
    zero = s.eq(total, 0)
    return s.where(zero, 0.0, s.pow_(s.where(zero, 1.0, total), 1.0 / p))


def _root(squares: Tensor) -> Tensor:
    zero = s.eq(squares, 0)
    return s.where(zero, 0.0, s.sqrt(s.where(zero, 1.0, squares)))


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)


@tape.labelled("Median")
@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two; with `dim`, (values, indices) along it. nan if there is a nan."""
    x = as_tensor(input)
    if dim is None:
        if x.numel() == 0:
            raise ShapeError("median: the tensor is empty, expected at least one element")
        return median(reshape_op(x, shape=(x.numel(),)), 0).values
    if x.ndim == 0:
        return Extreme(REGISTRY["clone"](x, row_major=False), as_tensor(0))
    d = axis(dim, x.ndim, where="median")
    n = x.spec.shape[d]
    if n == 0:
        raise ShapeError(f"median: Expected reduction dim {d} to have non-zero size, the shape is {x.spec.shape}")
    order = ix.argsort(x.detach(), dim=d, descending=False)
    at = [slice(None)] * x.ndim
    at[d] = slice((n - 1) // 2, (n - 1) // 2 + 1)
    middle = order[tuple(at)]
    if x.spec.dtype.kind == "f":
        last = [slice(None)] * x.ndim
        last[d] = slice(n - 1, n)
        largest = order[tuple(last)]
        middle = s.where(logic.isnan(ix.gather(x.detach(), largest, dim=d)), largest, middle)
    values = ix.gather(x, middle, dim=d)
    if keepdim:
        return Extreme(values, middle)
    shape = tuple(m for i, m in enumerate(x.spec.shape) if i != d)
    return Extreme(reshape_op(values, shape=shape), reshape_op(middle, shape=shape))


def count_nonzero(input: Tensor, dim: Dim = None) -> Tensor:
    """How many elements are not 0."""
    return sum(as_tensor(input) != 0, dim)
