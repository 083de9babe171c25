"""Refuses data that cannot be used, with one sentence: what came, what was expected, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, DTypeError, ShapeError
from .dataset import Task


def check_features(
    X: Any, *, where: str = "X", n_features: int | None = None, ndim: int | None = 2, dtype: Any = np.float32
) -> NDArray[Any]:
    """X as a C-contiguous array of `dtype`, (n, d) or what `ndim` says (None: any, with rows first).

    `where` begins each message. Raises ShapeError for wrong dimensions, DTypeError for what is no number, DataError for
    no rows, NaN, infinities and numbers too large for `dtype`; the first bad row and column are named, counted from 0.
    """
    array = _as_numbers(X, where)
    if (ndim is not None and array.ndim != ndim) or array.ndim == 0:
        expected = "(rows, features)" if ndim in (2, None) else f"{ndim} dimensions"
        hint = {0: None, 1: "X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row"}.get(
            array.ndim, "flatten the last axes: X.reshape(len(X), -1)"
        )
        raise ShapeError(f"{where} has shape {array.shape}, expected {expected}", hint=hint)
    if array.size == 0:
        raise DataError(f"{where} is empty: shape {array.shape}, expected at least one row and one feature")
    if n_features is not None and array.shape[1] != n_features:
        raise ShapeError(f"{where} has {array.shape[1]} features, expected {n_features}")
    return _finite(array, dtype, where)


def check_targets(
    y: Any, task: Task, n_classes: int | None, *, where: str = "y", n: int | None = None, for_training: bool = True
) -> NDArray[Any]:
    """y as int64 (n,) class indices in 0 .. n_classes-1, or float32 (n,) or (n, k) for regression.

    `n`: the rows of X, which y must match. `n_classes` None: any index from 0 on. Classes that come as floating-point
    numbers must be whole. With `for_training`, a single class is an error: nothing can be learnt from it.
    Raises ShapeError, DTypeError, DataError; the first bad row is named, counted from 0.
    """
    array = _as_numbers(y, where, hint="number the classes 0, 1, 2, ..." if task == "classification" else None)
    most = 1 if task == "classification" else 2
    if not 1 <= array.ndim <= most:
        expected = "(rows,) class indices" if task == "classification" else "(rows,) or (rows, targets)"
        hint = "y.ravel() makes a column flat" if array.ndim == 2 and array.shape[1] == 1 else None
        raise ShapeError(f"{where} has shape {array.shape}, expected {expected}", hint=hint)
    if array.size == 0:
        raise DataError(f"{where} is empty: shape {array.shape}, expected at least one row")
    if n is not None and len(array) != n:
        raise ShapeError(f"{where} has {len(array)} rows, but X has {n}")
    if task == "regression":
        return _finite(array, np.float32, where)
    labels = _whole(array, where)
    _check_range(labels, n_classes, where)
    if for_training and labels.min() == labels.max():
        raise DataError(
            f"{where} has only one class: all {len(labels)} labels are {labels[0]}, expected at least two classes"
        )
    return labels


def _as_numbers(values: Any, where: str, hint: str | None = None) -> NDArray[Any]:
    """An array of real numbers: bool, integer or floating-point."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"{where} has rows of different lengths, expected a rectangular array") from error
    if array.dtype.kind == "O":
        raise DTypeError(
            f"{where} has dtype object{_first_odd(array)}, expected numbers",
            hint=hint or "convert it with .astype(float)",
        )
    if array.dtype.kind in "US":
        example = f", the first is {str(array.flat[0])!r}" if array.size else ""
        raise DTypeError(f"{where} holds text{example}, expected numbers", hint=hint)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{where} has dtype {array.dtype}, expected real numbers", hint=hint)
    return array


def _first_odd(array: NDArray[Any]) -> str:
    """Where the first element stands that is no number."""
    for index in np.ndindex(array.shape):
        if not isinstance(array[index], int | float | np.number):
            return f" ({_place(index)} holds {str(array[index])[:40]!r})"
    return ""


def _finite(array: NDArray[Any], dtype: Any, where: str) -> NDArray[Any]:
    """The array as `dtype`, in which every number is finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(array, dtype=dtype)
    if np.isfinite(result).all():
        return result
    bad = ~np.isfinite(result)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    value, count = array[index], int(np.count_nonzero(bad))
    if np.isfinite(value):
        raise DataError(
            f"{where} has the value {value} at {_place(index)}, which is too large for {np.dtype(dtype)}",
            hint="scale the data",
        )
    others = f" ({count} such values in all)" if count > 1 else ""
    hint = "fill in or leave out rows with missing values" if np.isnan(value) else "remove or clip infinite values"
    raise DataError(f"{where} has {value} at {_place(index)}{others}, expected finite numbers", hint=hint)


def _whole(array: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Class labels as int64; floating-point ones must be whole numbers."""
    if array.dtype.kind == "f":
        bad = ~np.isfinite(array) | (array != np.trunc(array))
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{where} has the label {array[row]} at row {row}, expected whole numbers",
                hint="for numbers to predict, the task is regression",
            )
    return array.astype(np.int64)


def _check_range(labels: NDArray[np.int64], n_classes: int | None, where: str) -> None:
    bad = labels < 0 if n_classes is None else (labels < 0) | (labels >= n_classes)
    if not bad.any():
        return
    row = int(np.argmax(bad))
    expected = "0 or more" if n_classes is None else f"0 to {n_classes - 1}"
    is_from_one = labels.min() == 1 and labels.max() == n_classes
    hint = "classes count from 0: subtract 1" if is_from_one else "number the classes 0, 1, 2, ..."
    raise DataError(f"{where} has the label {labels[row]} at row {row}, expected {expected}", hint=hint)


def _place(index: tuple[int, ...]) -> str:
    """`row 3, column 1`."""
    words = ("row", "column")
    if len(index) <= 2:
        return ", ".join(f"{word} {i}" for word, i in zip(words, index, strict=False))
    return f"row {index[0]}, position {index[1:]}"
