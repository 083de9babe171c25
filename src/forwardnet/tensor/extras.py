"""Less common functions, each composed of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, DTypeError, ShapeError
from forwardnet.ir.shapes import axis
from forwardnet.ops import logic, scalar as s
from forwardnet.ops.record import NUMBERS, REGISTRY
from forwardnet.tensor import create, indexing, pointwise, reduction, selection, tape

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


def is_tensor(value: Any) -> bool:
    """Whether `value` is a tensor."""
    return tape.is_tensor(value)


def is_floating_point(input: Tensor) -> bool:
    """Whether the type of `input` is a floating type."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def result_type(tensor1: Any, tensor2: Any) -> dtypes.DType:
    """The type that an operation on the two operands (tensors or numbers) has."""
    given = ((None, 0, v) if isinstance(v, NUMBERS) else (v.spec.dtype, v.ndim, None) for v in (tensor1, tensor2))
    return dtypes.face(dtypes.result_of(given))


def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """nan replaced by 0 (or `nan`), infinities by the largest numbers of the type (or those given)."""
    if input.spec.dtype.kind != "f":
        return input.clone()
    limits = np.finfo(input.spec.dtype)
    top = float(limits.max) if posinf is None else posinf
    bottom = float(limits.min) if neginf is None else neginf
    finite = s.where(logic.isnan(input), 0.0 if nan is None else nan, input)
    finite = s.where(s.eq(input, float("inf")), top, finite)
    return s.where(s.eq(input, float("-inf")), bottom, finite)


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the elements that are not nan."""
    return reduction.sum(s.where(logic.isnan(input), 0, input), dim, keepdim)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The mean of the elements that are not nan."""
    there = REGISTRY["cast"](logic.logical_not(logic.isnan(input)), dtype=input.spec.dtype)
    return nansum(input, dim, keepdim) / reduction.sum(there, dim, keepdim)


def var_mean(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """(var, mean) over `dim`; arguments as for `var`."""
    over = None if isinstance(dim, bool) else dim
    spread = reduction.var(input, dim, unbiased, keepdim, correction=correction)
    return spread, reduction.mean(input, over, keepdim)


def std_mean(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """(std, mean) over `dim`; arguments as for `std`."""
    over = None if isinstance(dim, bool) else dim
    spread = reduction.std(input, dim, unbiased, keepdim, correction=correction)
    return spread, reduction.mean(input, over, keepdim)


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """(least, greatest) over one dimension or all."""
    return reduction.amin(input, dim, keepdim), reduction.amax(input, dim, keepdim)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs in a vector of integers, or the sum of their weights."""
    data = input._data
    if data.ndim != 1 or data.dtype.kind not in "iu" or (data.size and data.min() < 0):
        raise ArgumentError("bincount only supports 1-d non-negative integral inputs.")
    return tape.new_tensor(np.bincount(data, None if weights is None else weights._data, minlength))


def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """ln(e^a + e^b), from the larger so that nothing overflows."""
    top = pointwise.maximum(input, other).detach()
    top = s.where(logic.isfinite(top), top, 0.0)
    return s.log(s.exp(input - top) + s.exp(other - top)) + top


def new_zeros(input: Tensor, *sizes: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Zeros of the type of this tensor."""
    return create.zeros(*sizes, dtype=dtype or input.dtype, **options)


def new_ones(input: Tensor, *sizes: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Ones of the type of this tensor."""
    return create.ones(*sizes, dtype=dtype or input.dtype, **options)


def new_empty(input: Tensor, *sizes: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Unset elements of the type of this tensor."""
    return create.empty(*sizes, dtype=dtype or input.dtype, **options)


def new_full(input: Tensor, size: Sequence[int], fill_value: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """`fill_value` in the type of this tensor."""
    return create.full(size, fill_value, dtype=dtype or input.dtype, **options)


def new_tensor(input: Tensor, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A copy of `data` in the type of this tensor."""
    return create.tensor(data, dtype=dtype or input.dtype, requires_grad=requires_grad)


def _key(input: Tensor, dim: int, index: Tensor) -> tuple[Any, ...]:
    d = axis(dim, input.ndim, where="index")
    return (*(slice(None),) * d, index)


def _positions(index: Tensor) -> Tensor:
    if index.ndim > 1:
        raise ShapeError(f"index is supposed to be a vector, got {index.ndim} dimensions")
    if index.spec.dtype.kind not in "iu":
        raise DTypeError(f"expected dtype int32 or int64 for index, got {index.dtype}", hint="convert with .long()")
    return index.reshape(1) if index.ndim == 0 else index


def index_add_(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """x[.., index[i], ..] += alpha * source[.., i, ..]; repeated indices add up."""
    index = _positions(index)
    wanted = list(input.spec.shape)
    if wanted:
        wanted[axis(dim, input.ndim, where="index_add")] = index.numel()
    if list(source.spec.shape) != wanted and (input.ndim or source.numel() != index.numel()):
        raise ShapeError(
            f"index_add(): source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input.spec.shape)} source.shape = {list(source.spec.shape)}"
        )
    if source.spec.dtype != input.spec.dtype:
        raise DTypeError("index_add(): self and source expected to have the same dtype")
    scaled = source * alpha if alpha != 1 else source
    if input.ndim == 0:
        return input.add_(scaled.sum())
    return indexing.index_put_(input, _key(input, dim, index), scaled, True)


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """`index_add_` on a copy."""
    return index_add_(input.clone(), dim, index, source, alpha=alpha)


def index_copy_(input: Tensor, dim: int, index: Tensor, tensor: Tensor) -> Tensor:
    """x[.., index[i], ..] = tensor[.., i, ..]"""
    return indexing.index_put_(input, _key(input, dim, index), tensor)


def index_fill_(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """x[.., index[i], ..] = value"""
    return indexing.index_put_(input, _key(input, dim, index), create.as_tensor(value))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The elements where the mask is true replaced, in order, by those of `source`."""
    if mask.spec.dtype.kind != "b":
        raise DTypeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.spec.dtype}")
    if source.spec.dtype != input.spec.dtype:
        raise DTypeError(f"masked_scatter: expected source of type {input.dtype}, got {source.dtype}")
    shape = np.broadcast_shapes(input.spec.shape, mask.spec.shape)
    made = input.expand(shape).clone()
    where = selection.nonzero(mask.expand(shape), as_tuple=True)
    if where and source.numel() < where[0].numel():
        raise ShapeError(
            f"masked_scatter: expected {where[0].numel()} or more elements in source, got {source.numel()}"
        )
    return indexing.index_put_(made, where, source.reshape(-1)[: where[0].numel()])


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below 0, 1 above it, and `values` at 0."""
    if input.spec.dtype != values.spec.dtype:
        raise DTypeError("heaviside is not yet implemented for tensors with different dtypes.")
    step = REGISTRY["cast"](s.gt(input, 0), dtype=input.spec.dtype)
    return s.where(s.eq(input, 0), values, step)


def detach(input: Tensor) -> Tensor:
    """The same memory without history."""
    return input.detach()


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids: the i-th varies along dimension i only ("ij"), or with the first two exchanged ("xy")."""
    given = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f"meshgrid: indexing is {indexing!r}, expected 'ij' or 'xy'")
    swap = indexing == "xy" and len(given) > 1
    ordered = [given[1], given[0], *given[2:]] if swap else given
    shape = tuple(x.numel() for x in ordered)
    grids = []
    for i, x in enumerate(ordered):
        column = x.reshape(tuple(x.numel() if j == i else 1 for j in range(len(ordered))))
        grids.append(column.expand(shape))
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)
