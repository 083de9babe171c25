"""Reading and writing parts of tensors: `x[...]`, gather and scatter, masks, sorting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, AxisError, DTypeError, ShapeError
from forwardnet.ir.graph import Spec
from forwardnet.ir.shapes import axis, broadcast
from forwardnet.ops import index as ix
from forwardnet.ops import layout as lay
from forwardnet.ops import scalar as s
from forwardnet.ops.record import NUMBERS, REGISTRY
from forwardnet.tensor import tape
from forwardnet.tensor.create import as_tensor

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

_ALL: lay.Item = ("slice", None, None, None)
_NEW: lay.Item = ("new", None, None, None)


class Ordered(NamedTuple):
    """Values in order along a dimension, and where they stood."""

    values: Tensor
    indices: Tensor


class Parsed(NamedTuple):
    """An index as a basic part and then, perhaps, integer arrays for some axes of its result.

    Integers belong to the basic part, as in PyTorch (NumPy counts them among the arrays).
    """

    basic: lay.Items
    arrays: tuple[Any, ...]
    layout: ix.Layout


def _is_array(part: Any) -> bool:
    return (
        isinstance(part, (np.ndarray, list)) or (tape.is_tensor(part) and (part.ndim > 0 or part.spec.dtype.kind == "b"))
    )


def _as_parts(key: Any) -> list[Any]:
    parts = list(key) if isinstance(key, tuple) else [key]
    return [_number(p) for p in parts]


def _number(part: Any) -> Any:
    if isinstance(part, np.generic) and not isinstance(part, np.bool_):
        return part.item()
    if tape.is_tensor(part) and part.ndim == 0 and part.spec.dtype.kind in "iub":
        return part.item()
    return bool(part) if isinstance(part, np.bool_) else part


def _used(part: Any) -> int:
    """How many dimensions of x an index part consumes."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if _is_array(part):
        array = as_tensor(part)
        return array.ndim if array.spec.dtype.kind == "b" else 1
    return 1


def _filled(parts: list[Any], ndim: int, shape: tuple[int, ...]) -> list[Any]:
    """The index with its ellipsis replaced by the slices it stands for."""
    at = [i for i, p in enumerate(parts) if p is Ellipsis]
    used = sum(_used(p) for p in parts)
    if used > ndim:
        raise AxisError(f"too many indices for tensor of dimension {ndim}: the shape is {shape}, {used} were given")
    if len(at) > 1:
        raise AxisError("an index can only have a single ellipsis ('...')")
    if at:
        i = at[0]
        return [*parts[:i], *[slice(None)] * (ndim - used), *parts[i + 1 :]]
    return parts


def parse(shape: tuple[int, ...], key: Any) -> Parsed:
    """Split an index into a basic one and integer arrays on the axes of its result."""
    parts = _filled(_as_parts(key), len(shape), shape)
    basic: list[lay.Item] = []
    arrays: list[Any] = []
    layout: list[int | None] = []
    position = 0
    for part in parts:
        if part is None:
            basic.append(_NEW)
            layout.append(None)
            continue
        if isinstance(part, bool):
            basic.append(_NEW)
            layout.append(len(arrays))
            arrays.append(np.zeros(int(part), np.int64))
            continue
        if isinstance(part, slice):
            basic.append(_slice_item(part))
            layout.append(None)
        elif _is_array(part):
            for array in _integer_arrays(part, shape, position):
                basic.append(_ALL)
                layout.append(len(arrays))
                arrays.append(array)
            position += _used(part) - 1
        else:
            basic.append(("int", _checked(part, shape, position), None, None))
        position += 1
    while basic and basic[-1] == _ALL and layout and layout[-1] is None:
        basic.pop()
        layout.pop()
    return Parsed(tuple(basic), tuple(arrays), tuple(layout))


def _slice_item(part: slice) -> lay.Item:
    bounds = [_number(b) for b in (part.start, part.stop, part.step)]
    for bound in bounds:
        if bound is not None and not isinstance(bound, (int, np.integer)):
            raise DTypeError(f"slice indices must be integers or None, got {type(bound).__name__}")
    if bounds[2] is not None and bounds[2] <= 0:
        raise ArgumentError("step must be greater than zero", hint="use flip() to reverse a dimension")
    return ("slice", *bounds)  # type: ignore[return-value]


def _checked(part: Any, shape: tuple[int, ...], position: int) -> int:
    try:
        i = part.__index__()
    except (AttributeError, TypeError):
        raise DTypeError(
            f"only integers, slices (`:`), ellipsis (`...`), None and long or bool tensors are valid indices "
            f"(got {type(part).__name__})"
        ) from None
    n = shape[position]
    if not -n <= i < n:
        raise AxisError(f"index {i} is out of bounds for dimension {position} with size {n}")
    return int(i)


def _integer_arrays(part: Any, shape: tuple[int, ...], position: int) -> list[Any]:
    array = as_tensor(part).detach()._data
    if isinstance(part, list) and array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind == "b":
        for i, n in enumerate(array.shape):
            if n != shape[position + i]:
                raise AxisError(
                    f"The shape of the mask {list(array.shape)} at index {i} does not match the shape of the indexed "
                    f"tensor {list(shape)} at index {position + i}"
                )
        return [np.asarray(a, np.int64) for a in np.nonzero(array)] if array.ndim else [np.zeros(int(array), np.int64)]
    if array.dtype.kind not in "iu":
        raise AxisError("tensors used as indices must be long, int, byte or bool tensors", hint="convert with .long()")
    n = shape[position]
    if array.size and (array.max() >= n or array.min() < -n):
        bad = int(array.max() if array.max() >= n else array.min())
        raise AxisError(f"index {bad} is out of bounds for dimension {position} with size {n}")
    return [array.astype(np.int64, copy=False)]


def getitem(input: Tensor, key: Any) -> Tensor:
    """x[key]: a view for integers, slices, None and ...; a copy for integer arrays and masks."""
    parsed = parse(input.spec.shape, key)
    if not parsed.arrays:
        return lay.slice_(input, items=parsed.basic)  # type: ignore[no-any-return]
    first = lay.slice_(input, items=parsed.basic) if any(i != _ALL for i in parsed.basic) else input
    return ix.index(first, *parsed.arrays, layout=parsed.layout)  # type: ignore[no-any-return]


def setitem(input: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, in place; differentiable in x and in value."""
    parsed = parse(input.spec.shape, key)
    source = _value(value, input.spec.dtype)
    if not parsed.arrays:
        _write_slice(input, parsed.basic, source)
    elif any(i != _ALL for i in parsed.basic):
        _put(lay.slice_(input, items=parsed.basic), parsed, source)
    else:
        _put(input, parsed, source)


def _value(value: Any, dtype: Any) -> Tensor:
    source = tape.new_tensor(np.asarray(value, dtype)) if isinstance(value, NUMBERS) else as_tensor(value)
    return source if source.spec.dtype == dtype else REGISTRY["cast"](source, dtype=dtype)


def _fit(source: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The source expanded to `shape`; leading ones may be dropped, as in assignment."""
    own = source.spec.shape
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    try:
        return lay.expand(lay.reshape(source, shape=own), shape=shape)  # type: ignore[no-any-return]
    except ShapeError:
        raise ShapeError(
            f"shape mismatch: value tensor of shape {list(source.spec.shape)} cannot be broadcast to indexing result of "
            f"shape {list(shape)}"
        ) from None


def _write_slice(input: Tensor, items: lay.Items, source: Tensor) -> None:
    fitted = _fit(source, lay.sliced(input.spec.shape, items))
    values = _apart(fitted._data, input._data)

    def store() -> None:
        input._data[lay.as_index(items)] = values

    tape.write_part(input, lay.slice_put, (input, fitted), {"items": items}, store)


def _apart(values: Any, target: Any) -> Any:
    """The values, copied if they share memory with what is about to be written."""
    return values.copy() if np.may_share_memory(values, target) else values


def _put(input: Tensor, parsed: Parsed, source: Tensor, accumulate: bool = False) -> None:
    layout = parsed.layout
    shape = ix.index.spec(input.spec, *(Spec(a.shape, a.dtype) for a in parsed.arrays), layout=layout).shape
    fitted = _fit(source, shape)
    values = _apart(fitted._data, input._data)
    where = tuple(slice(None) if p is None else parsed.arrays[p] for p in layout)

    def store() -> None:
        if accumulate:
            np.add.at(input._data, where, values)
        else:
            input._data[where] = values

    attrs = {"layout": layout, "accumulate": accumulate}
    tape.write_part(input, ix.index_put, (input, fitted, *parsed.arrays), attrs, store)


def index_put_(input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """x[indices] = values in place, or += with `accumulate` (repeated indices add up)."""
    _put(input, parse(input.spec.shape, tuple(indices)), _value(values, input.spec.dtype), accumulate)
    return input


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries along `dim` that `index` names, in that order."""
    d = axis(dim, input.ndim, where="index_select")
    if index.ndim > 1:
        raise ShapeError(f"index_select(): Index is supposed to be a vector, but got dim: {index.ndim}")
    if index.spec.dtype.kind not in "iu":
        raise DTypeError("index_select(): Expected dtype int32 or int64 for index", hint="convert with .long()")
    if input.ndim == 0:
        return lay.clone(input)  # type: ignore[no-any-return]
    indices = _integer_arrays(index.reshape(-1), input.spec.shape, d)[0]
    if indices.size and indices.min() < 0:
        raise AxisError("index out of range in self", hint="index_select takes no negative indices")
    return ix.index(input, indices, layout=(*(None,) * d, 0))  # type: ignore[no-any-return]


def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened tensor at `index`."""
    flat = lay.reshape(input, shape=(input.numel(),))
    return getitem(flat, _long("take", index))


def _long(name: str, index: Tensor) -> Tensor:
    if index.spec.dtype != dtypes.INT64:
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
    return ix.scatter(input, index.detach(), _scattered("scatter", input, d, index, src), dim=d)  # type: ignore[no-any-return]


def _scattered(name: str, input: Tensor, d: int, index: Tensor, src: Any) -> Tensor:
    _check_gather(name, input, d, index)
    if isinstance(src, NUMBERS):
        return lay.expand(tape.new_tensor(np.asarray(src, input.spec.dtype)), shape=index.spec.shape)  # type: ignore[no-any-return]
    if src.spec.dtype != input.spec.dtype:
        raise DTypeError(f"{name}(): Expected self.dtype to be equal to src.dtype", hint="convert one with .to(dtype)")
    if any(a > b for a, b in zip(index.spec.shape, src.spec.shape, strict=True)):
        raise ShapeError(
            f"{name}: Expected index {list(index.spec.shape)} to be no larger than src {list(src.spec.shape)}"
        )
    return src  # type: ignore[no-any-return]


def scatter_(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """`scatter`, in place."""
    d = axis(dim, input.ndim, where="scatter_")
    given = _scattered("scatter_", input, d, index, value if src is None else src)
    return tape.write(input, ix.scatter, (input, index.detach(), given), {"dim": d})


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of x with src added at the places `index` names; repeated indices add up."""
    d = axis(dim, input.ndim, where="scatter_add")
    return ix.scatter_add(input, index.detach(), _scattered("scatter_add", input, d, index, src), dim=d)  # type: ignore[no-any-return]


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
    return s.where(mask, _value(value, input.spec.dtype), input)  # type: ignore[no-any-return]


def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`masked_fill`, in place."""
    return tape.write(input, s.where, (mask, _value(value, input.spec.dtype), input), {})


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
        return Ordered(lay.clone(input), as_tensor(0))
    d = axis(dim, input.ndim, where="sort")
    order = argsort(input, d, descending)
    return Ordered(ix.gather(input, order, dim=d), order)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """(values, indices): the k greatest (or least) elements along `dim`, in order."""
    if input.ndim == 0:
        return Ordered(lay.clone(input), as_tensor(0))
    d = axis(dim, input.ndim, where="topk")
    if not 0 <= k <= input.spec.shape[d]:
        raise ArgumentError(
            f"topk: selected index k out of range: k is {k}, dimension {d} has size {input.spec.shape[d]}"
        )
    order = argsort(input, d, largest)
    chosen = lay.clone(lay.slice_(order, items=(*(_ALL,) * d, ("slice", 0, k, None))))
    return Ordered(ix.gather(input, chosen, dim=d), chosen)


def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The distinct elements in rising order; on request where each went, and how often it occurs."""
    values, inverse, counts = np.unique(input._data, return_inverse=True, return_counts=True)
    results = [tape.new_tensor(values)]
    if return_inverse:
        results.append(tape.new_tensor(np.asarray(inverse, np.int64).reshape(input.spec.shape)))
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
