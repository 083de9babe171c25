"""Choosing elements: by index arrays, by masks, by order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, AxisError, DTypeError, ShapeError
from forwardnet.ir.graph import Node
from forwardnet.ir.shapes import axis, broadcast
from forwardnet.ops import index as ix, layout as lay, scalar as s
from forwardnet.ops.record import NUMBERS
from forwardnet.tensor import tape
from forwardnet.tensor.create import as_tensor
from forwardnet.tensor.indexing import WHOLE, as_value, getitem, integer_arrays

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


class Ordered(NamedTuple):
    """Values in order along a dimension, and where they stood."""

    values: Tensor
    indices: Tensor


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries along `dim` that `index` names, in that order."""
    d = axis(dim, input.ndim, where="index_select")
    if index.ndim > 1:
        raise ShapeError(f"index_select(): Index is supposed to be a vector, but got dim: {index.ndim}")
    if index.spec.dtype.kind not in "iu":
        raise DTypeError("index_select(): Expected dtype int32 or int64 for index", hint="convert with .long()")
    if input.ndim == 0:
        return lay.clone(input, row_major=False)
    indices = integer_arrays(index.reshape(-1) if index.ndim == 0 else index, input.spec.shape, d)[0]
    if indices._data.size and indices._data.min() < 0:
        raise AxisError("index out of range in self", hint="index_select takes no negative indices")
    return ix.index(input, indices, layout=(*(None,) * d, 0))


def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened tensor at `index`."""
    flat = lay.reshape(input, shape=(input.numel(),))
    return getitem(flat, _long("take", index))


def _long(name: str, index: Tensor) -> Tensor:
    if index.spec.dtype not in (dtypes.INT64, dtypes.int32.np):
        raise DTypeError(
            f"{name}(): Expected dtype int64 for index, got {index.spec.dtype}", hint="convert with .long()"
        )
    return index


def _check_gather(name: str, input: Tensor, d: int, index: Tensor, *, also_dim: bool = False) -> None:
    _long(name, index)
    if max(index.ndim, 1) != max(input.ndim, 1):
        raise ShapeError(f"{name}: Index tensor must have the same number of dimensions as input tensor")
    n = input.spec.shape[d] if input.ndim else 1
    for i, (a, b) in enumerate(zip(index.spec.shape, input.spec.shape, strict=False)):
        if a > b and (i != d or also_dim):
            raise ShapeError(
                f"{name}: Size does not match at dimension {i} expected index {list(index.spec.shape)} to be no larger "
                f"than self {list(input.spec.shape)} apart from dimension {d}"
            )
    data = index._data
    if isinstance(data, Node):
        return  # no numbers yet: what compiled code reads by an index is checked where it comes in
    if data.size and (data.max() >= n or data.min() < 0):
        bad = int(data.max() if data.max() >= n else data.min())
        raise AxisError(f"{name}: index {bad} is out of bounds for dimension {d} with size {n}")


def _rank1(x: Tensor) -> Tensor:
    return lay.reshape(x, shape=(1,)) if x.ndim == 0 else x


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i][j] = x[index[i][j]][j] for dim 0, x[i][index[i][j]] for dim 1."""
    d = axis(dim, input.ndim, where="gather")
    _check_gather("gather", input, d, index)
    result = ix.gather(_rank1(input), _rank1(index).detach(), dim=d)
    return lay.reshape(result, shape=index.spec.shape) if result.ndim != index.ndim else result


def scatter(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """A copy of x with y[index[i][j]][j] = src[i][j] for dim 0; of repeated indices the last wins."""
    d = axis(dim, input.ndim, where="scatter")
    return ix.scatter(input, index.detach(), _scattered("scatter", input, d, index, src), dim=d)


def _scattered(name: str, input: Tensor, d: int, index: Tensor, src: Any) -> Tensor:
    _check_gather(name, input, d, index)
    if isinstance(src, NUMBERS):
        return lay.expand(tape.new_tensor(np.asarray(src, input.spec.dtype)), shape=index.spec.shape)
    if src.spec.dtype != input.spec.dtype:
        raise DTypeError(f"{name}(): Expected self.dtype to be equal to src.dtype", hint="convert one with .to(dtype)")
    if any(a > b for a, b in zip(index.spec.shape, src.spec.shape, strict=True)):
        raise ShapeError(
            f"{name}: Expected index {list(index.spec.shape)} to be no larger than src {list(src.spec.shape)}"
        )
    return src


def scatter_(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """`scatter`, in place."""
    d = axis(dim, input.ndim, where="scatter_")
    given = _scattered("scatter_", input, d, index, value if src is None else src)
    return tape.write(input, ix.scatter, (input, index.detach(), given), {"dim": d})


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of x with src added at the places `index` names; repeated indices add up."""
    d = axis(dim, input.ndim, where="scatter_add")
    return ix.scatter_add(input, index.detach(), _scattered("scatter_add", input, d, index, src), dim=d)


def scatter_add_(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`scatter_add`, in place."""
    d = axis(dim, input.ndim, where="scatter_add_")
    given = _scattered("scatter_add_", input, d, index, src)
    return tape.write(input, ix.scatter_add, (input, index.detach(), given), {"dim": d})


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, else `other`; with the condition alone, the indices where it holds."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.spec.dtype.kind != "b":
        raise DTypeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.spec.dtype}",
            hint="compare first, as in x > 0",
        )
    return s.where(condition, input, other)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` where the mask is true, else the element of x."""
    if mask.spec.dtype.kind != "b":
        raise DTypeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.spec.dtype}")
    return s.where(mask, _fill_value(value, input), input)


def _fill_value(value: Any, input: Tensor) -> Tensor:
    if tape.is_tensor(value) and value.ndim:
        raise ShapeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)"
        )
    return as_value(value, input.spec.dtype)


def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`masked_fill`, in place."""
    return tape.write(input, s.where, (mask, _fill_value(value, input), input), {})


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension."""
    if mask.spec.dtype.kind != "b":
        raise DTypeError("masked_select: expected BoolTensor for mask", hint="compare first, as in x > 0")
    shape = broadcast(input.spec.shape, mask.spec.shape, where="masked_select")
    wide = lay.expand(input, shape=shape)
    return getitem(
        lay.reshape(wide, shape=(wide.numel(),)),
        lay.reshape(lay.expand(mask, shape=shape), shape=(-1 if wide.numel() else 0,)),
    )


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not 0: one row each, or one vector for each dimension."""
    found = np.nonzero(np.atleast_1d(input._data))
    if as_tuple:
        return tuple(tape.new_tensor(np.asarray(f, np.int64)) for f in found)
    rows = np.stack(found, axis=1).astype(np.int64, copy=False)
    return tape.new_tensor(np.ascontiguousarray(rows if input.ndim else rows[:, :0]))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The order that sorts x along `dim`; equal elements keep their order; nan counts as greatest."""
    d = axis(dim, input.ndim, where="argsort")
    return ix.argsort(input.detach(), dim=d, descending=descending) if input.ndim else as_tensor(0)


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Ordered:
    """(values, indices): the elements in order along `dim`."""
    if input.ndim == 0:
        return Ordered(lay.clone(input, row_major=False), as_tensor(0))
    d = axis(dim, input.ndim, where="sort")
    order = argsort(input, d, descending)
    return Ordered(ix.gather(input, order, dim=d), order)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """(values, indices): the k greatest (or least) elements along `dim`, in order."""
    if input.ndim == 0:
        return Ordered(lay.clone(input, row_major=False), as_tensor(0))
    d = axis(dim, input.ndim, where="topk")
    if not 0 <= k <= input.spec.shape[d]:
        raise ArgumentError(
            f"topk: selected index k out of range: k is {k}, dimension {d} has size {input.spec.shape[d]}"
        )
    order = argsort(input, d, largest)
    chosen = lay.clone(lay.slice_(order, items=(*(WHOLE,) * d, ("slice", 0, k, None))), row_major=True)
    return Ordered(ix.gather(input, chosen, dim=d), chosen)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), rising; on request where each went and how often it occurs."""
    d = None if dim is None else axis(dim, input.ndim, where="unique")
    values, inverse, counts = np.unique(input._data, return_inverse=True, return_counts=True, axis=d)
    results = [tape.new_tensor(values)]
    if return_inverse:
        shape = input.spec.shape if d is None else (input.spec.shape[d],)
        results.append(tape.new_tensor(np.asarray(inverse, np.int64).reshape(shape)))
    if return_counts:
        results.append(tape.new_tensor(np.asarray(counts, np.int64)))
    return results[0] if len(results) == 1 else tuple(results)


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """y[..., c] = 1 where input is c, else 0."""
    data = _long("one_hot", input)._data
    n = int(data.max()) + 1 if num_classes == -1 and data.size else num_classes
    if data.size and (data.min() < 0 or data.max() >= n):
        raise ArgumentError(f"one_hot: class values lie in [{data.min()}, {data.max()}], expected [0, {n})")
    return tape.new_tensor((data[..., None] == np.arange(n)).astype(np.int64))
