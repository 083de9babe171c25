"""Rows of whatever holds a table: arrays, data frames of several libraries, sparse matrices, lists, `Table`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.tables import Column, Table

Array = NDArray[Any]


def count(X: Any, name: str = "X") -> int:
    """How many rows `X` has.

    Raises:
        ShapeError: it has none, or is no table.
    """
    shape = getattr(X, "shape", None)
    try:
        n = int(shape[0]) if shape else len(next(iter(X.values())) if isinstance(X, dict) else X)
    except (TypeError, StopIteration, IndexError) as error:
        raise errors.ShapeError(f"{name} is {type(X).__name__}, expected rows and columns") from error
    if n == 0:
        raise errors.ShapeError(f"{name} has no rows")
    return n


def take(X: Any, rows: Array) -> Any:
    """The given rows, in that order, as the same kind of thing."""
    if isinstance(X, np.ndarray):
        return X[rows]
    if isinstance(X, dict):
        return {name: take(values, rows) for name, values in X.items()}
    if isinstance(X, (list, tuple)):
        return [X[row] for row in rows]
    if hasattr(X, "iloc"):  # pandas
        return X.iloc[rows]
    if isinstance(X, (Table, Column)) or (hasattr(X, "schema") and not hasattr(X, "lazy")):  # pyarrow
        return X.take(rows)
    if hasattr(X, "tocsr"):  # sparse matrices of which not all kinds have rows
        return X.tocsr()[rows]
    return X[rows]  # polars, and array-likes


def plain(y: Any, name: str = "y") -> Array:
    """Targets as an array: (n,) or (n, k); the levels of a coded `Column` as text.

    Raises:
        DataError: a target is missing.
    """
    if isinstance(y, Column):
        if y.is_missing.any():
            row = int(np.flatnonzero(y.is_missing)[0])
            raise errors.DataError(f"{name} has no value at row {row}", hint="leave out rows without a target")
        return y.values if y.levels is None else np.array(y.levels)[y.values]
    detach = getattr(y, "detach", None)
    found = np.asarray(detach().numpy() if detach is not None else y)
    return found.reshape(-1) if found.ndim == 2 and found.shape[1] == 1 and found.dtype.kind not in "f" else found
