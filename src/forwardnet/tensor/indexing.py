"""Reading and writing parts of tensors: `x[...]` and `x[...] = v`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from forwardnet.errors import ArgumentError, AxisError, DTypeError, ShapeError
from forwardnet.ir.graph import Node
from forwardnet.ops import index as ix, layout as lay
from forwardnet.ops.record import NUMBERS, REGISTRY, CannotLower
from forwardnet.tensor import tape
from forwardnet.tensor.create import as_tensor

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

WHOLE: lay.Item = ("slice", None, None, None)
_NEW: lay.Item = ("new", None, None, None)


class Parsed(NamedTuple):
    """An index as a basic part and then, perhaps, integer arrays for some axes of its result.

    Integers belong to the basic part, as in PyTorch (NumPy counts them among the arrays).
    """

    basic: lay.Items
    arrays: tuple[Any, ...]
    layout: ix.Layout


def _is_array(part: Any) -> bool:
    return isinstance(part, (np.ndarray, list)) or (
        tape.is_tensor(part) and (part.ndim > 0 or part.spec.dtype.kind == "b")
    )


def _as_parts(key: Any) -> list[Any]:
    parts = list(key) if isinstance(key, tuple) else [key]
    return [_number(p) for p in parts]


def _number(part: Any) -> Any:
    if isinstance(part, np.generic) and not isinstance(part, np.bool_):
        return part.item()
    if tape.is_tensor(part) and part.ndim == 0 and part.spec.dtype.kind in "iub":
        return part.item()
    if isinstance(part, range):
        return list(part)
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
            arrays.append(tape.new_tensor(np.zeros(int(part), np.int64)))
            continue
        if isinstance(part, slice):
            basic.append(_slice_item(part))
            layout.append(None)
        elif _is_array(part):
            for array in integer_arrays(part, shape, position):
                basic.append(WHOLE)
                layout.append(len(arrays))
                arrays.append(array)
            position += _used(part) - 1
        else:
            basic.append(("int", _checked(part, shape, position), None, None))
        position += 1
    while basic and basic[-1] == WHOLE and layout and layout[-1] is None:
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
    return ("slice", *bounds)


def _checked(part: Any, shape: tuple[int, ...], position: int) -> int:
    try:
        i = part.__index__()
    except (AttributeError, TypeError):
        raise AxisError(
            f"only integers, slices (`:`), ellipsis (`...`), None and long or bool tensors are valid indices "
            f"(got {type(part).__name__})"
        ) from None
    n = shape[position]
    if not -n <= i < n:
        raise AxisError(f"index {i} is out of bounds for dimension {position} with size {n}")
    return int(i)


def integer_arrays(part: Any, shape: tuple[int, ...], position: int) -> list[Any]:
    """The integer tensors that an index tensor, mask or list stands for, checked against the lengths of the axes."""
    given = as_tensor(part).detach()
    array = given._data
    if isinstance(array, Node):
        if array.dtype.kind == "b":
            raise CannotLower("a mask as an index, whose count of elements is not known")
        return [given]
    if isinstance(part, list) and array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind == "b":
        for i, n in enumerate(array.shape):
            if n != shape[position + i]:
                raise AxisError(
                    f"The shape of the mask {list(array.shape)} at index {i} does not match the shape of the indexed "
                    f"tensor {list(shape)} at index {position + i}"
                )
        return [tape.new_tensor(np.asarray(a, np.int64)) for a in np.nonzero(array)]
    if array.dtype.kind not in "iu":
        raise AxisError("tensors used as indices must be long, int, byte or bool tensors", hint="convert with .long()")
    n = shape[position]
    if array.size and (array.max() >= n or array.min() < -n):
        bad = int(array.max() if array.max() >= n else array.min())
        raise AxisError(f"index {bad} is out of bounds for dimension {position} with size {n}")
    return [given if array is given._data and array.dtype == np.int64 else tape.new_tensor(array.astype(np.int64))]


def getitem(input: Tensor, key: Any) -> Tensor:
    """x[key]: a view for integers, slices, None and ...; a copy for integer arrays and masks."""
    parsed = parse(input.spec.shape, key)
    if not parsed.arrays:
        view = lay.slice_(input, items=parsed.basic)
        if parsed.basic and all(kind == "int" for kind, *_ in parsed.basic):
            tape.relabel(view, "Select")
        return view
    first = lay.slice_(input, items=parsed.basic) if any(i != WHOLE for i in parsed.basic) else input
    return ix.index(first, *parsed.arrays, layout=parsed.layout)


def setitem(input: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, in place; differentiable in x and in value."""
    parsed = parse(input.spec.shape, key)
    source = as_value(value, input.spec.dtype)
    if not parsed.arrays:
        _write_slice(input, parsed.basic, source)
    elif any(i != WHOLE for i in parsed.basic):
        _put(lay.slice_(input, items=parsed.basic), parsed, source)
    else:
        _put(input, parsed, source)


def as_value(value: Any, dtype: Any) -> Tensor:
    source = tape.new_tensor(np.asarray(value, dtype)) if isinstance(value, NUMBERS) else as_tensor(value)
    return source if source.spec.dtype == dtype else REGISTRY["cast"](source, dtype=dtype)


def _fit(source: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The source expanded to `shape`; leading ones may be dropped, as in assignment."""
    own = source.spec.shape
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    try:
        return lay.expand(lay.reshape(source, shape=own), shape=shape)
    except ShapeError:
        raise ShapeError(
            f"shape mismatch: value tensor of shape {list(source.spec.shape)} cannot be broadcast to indexing result "
            f"of shape {list(shape)}"
        ) from None


def _write_slice(input: Tensor, items: lay.Items, source: Tensor) -> None:
    fitted = _fit(source, lay.sliced(input.spec.shape, items))
    values = _apart(fitted._data, input._data)

    def store() -> None:
        input._data[lay.as_index(items)] = values

    tape.write_part(input, lay.slice_put, (input, fitted), {"items": items}, store)


def _apart(values: Any, target: Any) -> Any:
    """The values, copied if they share memory with what is about to be written."""
    if isinstance(values, Node) or isinstance(target, Node):
        return values
    return values.copy() if np.may_share_memory(values, target) else values


def _put(input: Tensor, parsed: Parsed, source: Tensor, accumulate: bool = False) -> None:
    layout = parsed.layout
    shape = ix.index.spec(input.spec, *(a.spec for a in parsed.arrays), layout=layout).shape
    fitted = _fit(source, shape)
    values = _apart(fitted._data, input._data)
    where = tuple(slice(None) if p is None else parsed.arrays[p]._data for p in layout)

    def store() -> None:
        if accumulate:
            np.add.at(input._data, cast(Any, where), values)
        else:
            input._data[where] = values

    attrs = {"layout": layout, "accumulate": accumulate}
    tape.write_part(input, ix.index_put, (input, fitted, *parsed.arrays), attrs, store)


def index_put_(input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """x[indices] = values in place, or += with `accumulate` (repeated indices add up)."""
    _put(input, parse(input.spec.shape, tuple(indices)), as_value(values, input.spec.dtype), accumulate)
    return input
