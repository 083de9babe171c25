"""Number types and the rules by which they combine.

Promotion follows PyTorch: types are ordered bool < integer < floating point; among operands of the highest
category, tensors with dimensions decide; zero-dimensional tensors count only when their category is higher, and
Python numbers only when their category is higher still. Inside the library types are NumPy's; `DType` is the face.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from forwardnet.errors import DTypeError

NumpyDType = np.dtype[Any]


class DType:
    """One number type, as `ff.float32`; printed and compared like PyTorch's."""

    __slots__ = ("name", "np")
    _known: ClassVar[dict[NumpyDType, DType]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.np: NumpyDType = np.dtype(name)
        DType._known[self.np] = self

    @property
    def dtype(self) -> NumpyDType:
        """The NumPy type; makes `np.dtype(ff.float32)` and `np.zeros(3, ff.float32)` work."""
        return self.np

    @property
    def is_floating_point(self) -> bool:
        return self.np.kind == "f"

    @property
    def is_complex(self) -> bool:
        return False

    @property
    def is_signed(self) -> bool:
        return self.np.kind in "fi"

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.np.itemsize

    def __repr__(self) -> str:
        return f"forwardnet.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_name, (self.name,)


float16 = DType("float16")
float32 = DType("float32")
float64 = DType("float64")
uint8 = DType("uint8")
int8 = DType("int8")
int16 = DType("int16")
int32 = DType("int32")
int64 = DType("int64")
bool_ = DType("bool")

BOOL, INT64, FLOAT32, FLOAT64 = bool_.np, int64.np, float32.np, float64.np
ALL: tuple[DType, ...] = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64)
_default = FLOAT32


def _of_name(name: str) -> DType:
    return DType._known[np.dtype(name)]


def default() -> NumpyDType:
    """The floating type that Python floats become: float32 unless `set_default_dtype` said otherwise."""
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Make `dtype` (float32 or float64) the type of new floating tensors."""
    global _default
    wanted = as_numpy(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: got {dtype}, expected a floating type", hint="use float32 or float64")
    _default = wanted


def get_default_dtype() -> DType:
    """The floating type that Python floats become."""
    return face(_default)


def face(dtype: NumpyDType) -> DType:
    """The public `DType` of a NumPy type.

    Raises `DTypeError` for types that tensors cannot hold.
    """
    found = DType._known.get(dtype)
    if found is None:
        raise DTypeError(
            f"numbers of type {dtype} cannot be held by a tensor",
            hint=f"convert to one of {', '.join(d.name for d in ALL)}",
        )
    return found


def as_numpy(dtype: Any) -> NumpyDType:
    """The NumPy type of anything that names one: `ff.float32`, `"float32"`, `float`, `np.float32`."""
    if isinstance(dtype, DType):
        return dtype.np
    if dtype is float:
        return FLOAT64
    if dtype is int:
        return INT64
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise DTypeError(
            f"{dtype!r} is not a number type", hint=f"use one of {', '.join(d.name for d in ALL)}"
        ) from None
    return face(found).np


def category(dtype: NumpyDType) -> int:
    """0 for bool, 1 for integers, 2 for floating point."""
    kind = dtype.kind
    return 2 if kind == "f" else 0 if kind == "b" else 1


def of_number(value: Any) -> NumpyDType:
    """The type that a Python number has on its own."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT64
    if isinstance(value, float):
        return _default
    raise DTypeError(f"{type(value).__name__} is not a number", hint="pass a tensor, a bool, an int or a float")


def promote_types(a: Any, b: Any) -> DType:
    """The smallest type to which both can be converted, as PyTorch has it (int64 with float16 is float16)."""
    return face(promote(as_numpy(a), as_numpy(b)))


def promote(a: NumpyDType, b: NumpyDType) -> NumpyDType:
    """`promote_types` on NumPy types."""
    if a == b:
        return a
    rank_a, rank_b = category(a), category(b)
    if rank_a != rank_b and 2 in (rank_a, rank_b):
        return a if rank_a > rank_b else b
    return np.promote_types(a, b)


def can_cast(source: Any, target: Any) -> bool:
    """Whether values of `source` may be written into `target`: never from a higher category to a lower one."""
    return category(as_numpy(source)) <= category(as_numpy(target))


def result_of(operands: Iterable[tuple[NumpyDType | None, int, Any]]) -> NumpyDType:
    """The common type of operands given as (type, number of dimensions, value); type None is a Python number."""
    dims: NumpyDType | None = None
    zero: NumpyDType | None = None
    wrapped: NumpyDType | None = None
    for dtype, ndim, value in operands:
        if dtype is None:
            own = of_number(value)
            wrapped = own if wrapped is None else promote(wrapped, own)
        elif ndim == 0:
            zero = dtype if zero is None else promote(zero, dtype)
        else:
            dims = dtype if dims is None else promote(dims, dtype)
    result = dims
    for candidate in (zero, wrapped):
        if candidate is None:
            continue
        if result is None or category(candidate) > category(result):
            result = candidate
    assert result is not None, "no operands"
    return result


def finfo(dtype: Any) -> Any:
    """Limits of a floating type: `eps`, `max`, `min`, `tiny`."""
    return np.finfo(as_numpy(dtype))


def iinfo(dtype: Any) -> Any:
    """Limits of an integer type: `min`, `max`."""
    return np.iinfo(as_numpy(dtype))
