"""Checks of the data given to a trainer: what cannot be used is refused in one sentence before the first step.

Axis glossary: n rows, d features.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.checks import check_features

Array = NDArray[Any]


def plain(data: Any, name: str) -> Any:
    """`data` without a graph where it is a tensor; refuses sparse matrices, which NumPy would take for one object."""
    if hasattr(data, "toarray") and hasattr(data, "nnz"):
        raise errors.DTypeError(f"{name} is a sparse matrix, expected a dense array", hint=f"give {name}.toarray()")
    detach = getattr(data, "detach", None)
    return data if detach is None else detach().numpy()


def features(data: Any, dtype: Any, *, name: str = "X") -> Array:
    """Inputs (n, d) or (n, ...) of the floating type `dtype`, C-contiguous and finite; no copy if they are already."""
    array = check_features(plain(data, name), where=name, ndim=None, dtype=dtype)
    if array.ndim == 1:
        raise errors.ShapeError(
            f"{name} has shape {array.shape}, expected (rows, features)",
            hint="X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row",
        )
    return array


def target_array(data: Any, n: int, name: str) -> Array:
    """Targets as an array of numbers of their own type, one row for each of the `n` rows of X."""
    try:
        y = np.asarray(plain(data, name))
    except ValueError as error:
        raise errors.ShapeError(f"{name} has rows of different lengths, expected a rectangular array") from error
    if y.dtype.kind == "O":  # a data frame of mixed columns may still hold nothing but numbers
        with contextlib.suppress(TypeError, ValueError):
            y = y.astype(np.float64)
    if y.dtype.kind not in "fiub":
        example = f", the first is {str(y.flat[0])!r}" if y.size else ""
        raise errors.DTypeError(
            f"{name} has dtype {y.dtype}{example}, expected numbers",
            hint="number the classes: classes, y = numpy.unique(y, return_inverse=True)",
        )
    if y.ndim == 0 or y.size == 0:
        raise errors.DataError(f"{name} is empty: shape {y.shape}, expected one target for each row of X")
    if len(y) != n:
        raise errors.ShapeError(f"{name} has {len(y)} rows, but X has {n}")
    return y


def as_floats(array: Array, dtype: Any, name: str) -> Array:
    """The numbers of `array` as `dtype`, C-contiguous; raises DataError with the place of one that is not finite."""
    return check_features(array, where=name, ndim=None, dtype=dtype)


def sample_weights(weight: Any, n: int) -> Array:
    """Weights (n,) as float64: finite, none negative, not all zero."""
    array = as_floats(plain(weight, "sample_weight"), np.float64, "sample_weight")
    if array.shape != (n,):
        raise errors.ShapeError(f"sample_weight has shape {array.shape}, expected ({n},): one weight for each row of X")
    if (array < 0).any():
        row = int(np.argmax(array < 0))
        raise errors.DataError(f"sample_weight is {array[row]:.4g} at row {row}, expected 0 or more")
    _refuse_zeros(array)
    return array


def scaled_weights(weight: Array, dtype: Any, *, reduction: str) -> Array:
    """The weights as a step takes them. For losses that are means they have mean 1, so that the loss of all rows is
    sum(w l) / sum(w), and a batch estimates it without bias whatever weights fall into it."""
    _refuse_zeros(weight)  # a part of the rows may have no weight left
    return np.ascontiguousarray(weight if reduction == "sum" else weight / weight.mean(), dtype=dtype)


def _refuse_zeros(weight: Array) -> None:
    if not weight.any():
        raise errors.DataError("sample_weight is 0 for every row, expected at least one positive weight")


def whole(value: Any, name: str, *, least: int) -> int:
    """`value` as an int of at least `least`; raises ArgumentError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise errors.ArgumentError(f"{name} is {value!r}, expected a whole number of at least {least}")
    return int(value)
