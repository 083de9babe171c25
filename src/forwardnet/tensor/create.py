"""Making tensors from data, from a rule, or like another tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, DTypeError, ShapeError
from forwardnet.ir.graph import Node
from forwardnet.ir.shapes import sizes_of
from forwardnet.tensor import tape

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


def _finish(array: Any, requires_grad: bool) -> Tensor:
    made = tape.new_tensor(array)
    if requires_grad:
        made.requires_grad_()
    return made


def _array_of(data: Any, dtype: Any) -> np.ndarray[Any, Any]:
    """Data as an array of the given type, or of the type PyTorch would infer."""
    if tape.is_tensor(data):
        array = data._data
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        array = _rectangular(data)
        if dtype is None and (array.dtype.kind == "f" or array.size == 0):
            inferred = _inferred(data)
            array = array.astype(inferred if inferred is not None else dtypes.default())
    if array.dtype.kind in "OUSV":
        raise _not_numbers(array)
    dtypes.face(array.dtype)
    return array if dtype is None else array.astype(dtypes.as_numpy(dtype))


def _not_numbers(data: Any) -> DTypeError:
    return DTypeError(
        f"tensor: cannot make numbers of data of type {np.asarray(data).dtype}",
        hint="convert text and categories to numbers first",
    )


def _rectangular(data: Any) -> Any:
    try:
        return np.array(_plain(data))
    except ValueError:
        raise ShapeError(
            "tensor: the rows have different lengths or depths, expected a rectangular nesting of numbers",
            hint="pad the rows to one length",
        ) from None


def _plain(data: Any) -> Any:
    """Nested lists with the tensors in them turned into arrays."""
    if tape.is_tensor(data):
        return data.detach()._data
    if isinstance(data, (list, tuple)):
        return [_plain(d) for d in data]
    return data


def _inferred(data: Any) -> Any:
    """The type of the first array or tensor inside nested lists; None if there is none."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    if tape.is_tensor(data):
        return data.spec.dtype
    if isinstance(data, (np.ndarray, np.generic)):
        return data.dtype
    return None


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of `data`: numbers, nested lists, arrays.

    Python floats become the default type (float32), integers int64, truth values bool; arrays keep their type.
    Raises `ShapeError` for ragged lists and `DTypeError` for text.
    """
    check_device(device)
    return _finish(np.array(_array_of(data, dtype), order="C"), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing memory where no conversion is needed."""
    check_device(device)
    if tape.is_tensor(data) and (dtype is None or dtypes.as_numpy(dtype) == data.spec.dtype):
        return data
    if tape.is_tensor(data):
        return data.to(dtype)
    if isinstance(data, Node):
        return tape.new_tensor(data)
    array = _array_of(data, None)
    if dtype is not None:
        array = array.astype(dtypes.as_numpy(dtype), copy=False)
    made = tape.new_tensor(array)
    return tape.open_memory(made) if isinstance(data, np.ndarray) else made


def from_numpy(array: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array; writing to one changes the other."""
    if not isinstance(array, np.ndarray):
        raise DTypeError(
            f"from_numpy: expected np.ndarray (got {type(array).__name__})", hint="use tensor(...) for lists"
        )
    dtypes.face(array.dtype)
    if any(step < 0 for step in array.strides):
        raise ShapeError(
            "from_numpy: at least one stride in the given numpy array is negative", hint="pass array.copy()"
        )
    return tape.open_memory(tape.new_tensor(array))


def check_device(device: Any) -> None:
    """Raise `ArgumentError` for any device but the CPU."""
    if device is not None and str(device).split(":")[0] != "cpu":
        raise ArgumentError(f"device {str(device)!r} is not available, expected 'cpu'", hint="tensors live on the CPU")


def _typed(name: str) -> Any:
    def construct(*data: Any) -> Tensor:
        if len(data) == 1 and not isinstance(data[0], (int, np.integer)):
            return tensor(data[0], dtype=name)
        return empty(*data, dtype=name)

    construct.__name__ = construct.__qualname__ = {"float32": "FloatTensor", "int64": "LongTensor"}.get(name, name)
    construct.__doc__ = f"A {name} tensor with a copy of the data, or of the given sizes and unset elements."
    return construct


def default_tensor(*data: Any) -> Tensor:
    """What `Tensor(...)` makes: of the default type, a copy of data or unset elements of a shape."""
    if len(data) == 1 and not isinstance(data[0], (int, np.integer)):
        return tensor(data[0], dtype=dtypes.default())
    return empty(*data) if data else empty(0)


FloatTensor, DoubleTensor, LongTensor = _typed("float32"), _typed("float64"), _typed("int64")
IntTensor, BoolTensor = _typed("int32"), _typed("bool")


def checked_sizes(sizes: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """Sizes given as `f(2, 3)`, `f((2, 3))` or `f(size=(2, 3))`; raises `ShapeError` for a negative one."""
    shape = sizes_of(sizes if size is None else (size,))
    if any(n < 0 for n in shape):
        raise ShapeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    check_device(device)
    return _finish(np.zeros(checked_sizes(sizes, size), _or_default(dtype)), requires_grad)


def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    check_device(device)
    return _finish(np.ones(checked_sizes(sizes, size), _or_default(dtype)), requires_grad)


def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose elements are not set: whatever the memory holds."""
    check_device(device)
    return _finish(np.empty(checked_sizes(sizes, size), _or_default(dtype)), requires_grad)


def full(
    size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor in which every element is `fill_value`."""
    check_device(device)
    value = fill_value.item() if tape.is_tensor(fill_value) else fill_value
    chosen = dtypes.of_number(value) if dtype is None else dtypes.as_numpy(dtype)
    return _finish(np.full(checked_sizes((tuple(size),)), value, chosen), requires_grad)


def _or_default(dtype: Any) -> Any:
    return dtypes.default() if dtype is None else dtypes.as_numpy(dtype)


def _like(input: Tensor, dtype: Any) -> Any:
    return input.spec.dtype if dtype is None else dtypes.as_numpy(dtype)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and type of `input`."""
    return zeros(input.spec.shape, dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and type of `input`."""
    return ones(input.spec.shape, dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Unset elements of the shape and type of `input`."""
    return empty(input.spec.shape, dtype=_like(input, dtype), device=device, requires_grad=requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`fill_value` in the shape and type of `input`."""
    chosen = _like(input, dtype)
    return full(input.spec.shape, fill_value, dtype=chosen, device=device, requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix: ones where row and column agree."""
    check_device(device)
    return _finish(np.eye(n, m, dtype=_or_default(dtype)), requires_grad)


def arange(*bounds: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """start, start + step, ... below end: `arange(end)`, `arange(start, end)`, `arange(start, end, step)`."""
    check_device(device)
    start, end, step = _bounds(bounds, **named)
    if dtype is not None and dtypes.as_numpy(dtype).kind in "iu":
        start, end, step = int(start), int(end), int(step)
    if step == 0:
        raise ArgumentError("arange: step must be nonzero")
    if not all(math.isfinite(v) for v in (start, end, step)):
        raise ArgumentError(f"arange: unsupported range: {start} -> {end} by {step}", hint="the bounds must be finite")
    if (end - start) * step < 0:
        raise ArgumentError(f"arange: upper bound and lower bound inconsistent with step sign ({start}, {end}, {step})")
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
        chosen = dtypes.INT64 if whole else dtypes.default()
    else:
        chosen = dtypes.as_numpy(dtype)
    count = math.ceil((end - start) / step)
    steps = np.arange(count, dtype=np.int64 if chosen.kind in "iu" else np.float64)
    return _finish((start + steps * step).astype(chosen), requires_grad)


def _bounds(bounds: tuple[Any, ...], *, start: Any = 0, end: Any = None, step: Any = 1) -> tuple[Any, Any, Any]:
    values = [b.item() if tape.is_tensor(b) else b for b in bounds]
    if len(values) == 1 and end is None:
        end = values[0]
    elif len(values) == 1:
        start = values[0]
    elif len(values) >= 2:
        start, end = values[:2]
        step = values[2] if len(values) > 2 else step
    if end is None:
        raise ArgumentError("arange: the end is missing", hint="arange(end) or arange(start, end, step)")
    return start, end, step


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers from start to end, both included, evenly spaced."""
    check_device(device)
    if steps < 0:
        raise ArgumentError(f"linspace: number of steps must be non-negative, got {steps}")
    chosen = _or_default(dtype)
    return _finish(np.linspace(*_ends(start, end, chosen), steps).astype(chosen), requires_grad)


def _ends(start: Any, end: Any, dtype: Any) -> tuple[float, float]:
    """Both ends as float64; whole where the numbers between them are to be whole."""
    ends = []
    for value in (start, end):
        if tape.is_tensor(value):
            if value.ndim:
                raise ShapeError(
                    f"start and end must be numbers or 0-dimensional tensors, got shape {value.spec.shape}"
                )
            value = value.item()
        ends.append(float(int(value)) if dtype.kind in "iu" else float(value))
    return ends[0], ends[1]


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from base^start to base^end, evenly spaced on a logarithmic scale."""
    check_device(device)
    chosen = _or_default(dtype)
    powers = np.power(float(base), np.linspace(*_ends(start, end, chosen), steps))
    return _finish(powers.astype(chosen), requires_grad)
