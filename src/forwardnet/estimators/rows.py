"""The rows that estimators are given: which are tables, and how both kinds become a network's inputs.

Axis glossary: n rows, d features.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from forwardnet import errors
from forwardnet.data.tables.encoder import TableEncoder
from forwardnet.data.tables.frames import as_table
from forwardnet.data.tables.table import Table
from forwardnet.estimators.scaling import Scaling

Array = NDArray[Any]
USUAL: dict[str, Any] = {"frequent_values": True}  # of the encoder where there is no preset


@dataclass
class Rows:
    """Features (an array (n, d) or a table), targets, and weights if there are some."""

    X: Any
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Any) -> Rows:
        """Some of the rows."""
        X = self.X.take(rows) if isinstance(self.X, Table) else self.X[rows]
        return Rows(X, self.y[rows], None if self.weight is None else self.weight[rows])

    @property
    def arrays(self) -> tuple[Any, ...]:
        """X, y, and the weights if there are some."""
        return (self.X, self.y) if self.weight is None else (self.X, self.y, self.weight)

    def that_count(self) -> Rows:
        """Without those of weight 0, which are as if they were not there; raises `DataError` for negative weights."""
        if self.weight is None or (self.weight > 0).all():
            return self
        if (self.weight < 0).any():
            row = int(np.argmax(self.weight < 0))
            raise errors.DataError(f"sample_weight is {self.weight[row]:.4g} at row {row}, expected 0 or more")
        if not self.weight.any():
            raise errors.DataError("sample_weight is 0 for every row, expected at least one positive weight")
        return self.take(self.weight > 0)


@dataclass
class Reader:
    """Features as the network takes them: tables through an encoder, arrays as they are or scaled."""

    dtype: Any
    encoder: TableEncoder | None = None
    names: tuple[str, ...] = ()  # of all columns of the table that was learnt from
    scaling: Scaling | None = None

    def __call__(self, X: Any) -> Array:
        """(n, width) in the type of the network."""
        if self.encoder is not None:
            return np.asarray(self.encoder.transform(X), self.dtype)
        return np.asarray(X, self.dtype) if self.scaling is None else self.scaling.apply(X, self.dtype)


def encoder_of(own: Any, usual: Mapping[str, Any]) -> TableEncoder:
    """The encoder of an estimator: with the `usual` settings but for those that its `encoder` names."""
    given = own.encoder or {}
    known = list(inspect.signature(TableEncoder).parameters)
    for name in given:
        if name not in known:
            raise errors.unknown_name(f"{type(own).__name__}: setting of the encoder", name, known)
    return TableEncoder(**{**usual, **given})


def is_table(X: Any) -> bool:
    """Whether X has to be read as a table: texts, categories, dates, or missing values somewhere.

    Arrays, sparse matrices and frames of numbers without gaps are taken as arrays, which is faster.
    """
    if hasattr(X, "toarray"):  # also those that are mappings of places to values
        return False
    if isinstance(X, Table | Mapping) or _holds_mappings(X):
        return True
    if not isinstance(X, np.ndarray | list | tuple):
        columns = _frame_is_plain(X)
        if columns is not None:
            return not columns
    try:
        array = np.asarray(X)
    except (ValueError, TypeError):
        return False  # refused with a sentence of its own
    if array.ndim != 2:
        return False
    if array.dtype.kind == "f":
        return bool(np.isnan(array).any())
    return array.dtype.kind in "USM" or (array.dtype.kind == "O" and _has_texts(array))


def check_columns(own: Any, X: Any, *, reset: bool) -> None:
    """scikit-learn's checks of the names and the number of columns, which `reset` learns; of mappings it knows nothing.

    What a mapping lacks is said where its columns are found by name.
    """
    if not isinstance(X, Mapping):
        validate_data(own, X, reset=reset, skip_check_array=True)
    elif reset:
        own.feature_names_in_ = np.array(list(X), dtype=object)


def table_of(X: Any, reader: Reader | None, categorical: Any) -> Table:
    """X as a table: as `reader` knows it, or at the first fit with the columns that `categorical` names or numbers.

    An array without names has those of the columns that were learnt from.
    """
    if reader is not None and reader.encoder is not None:
        is_nameless = isinstance(X, np.ndarray | list | tuple) and not _holds_mappings(X)
        return as_table(X, names=reader.names if is_nameless else None, expected=reader.encoder.kinds)
    table = as_table(X)
    chosen = _categorical_names(categorical, table)
    return as_table(X, kinds=dict.fromkeys(chosen, "category")) if chosen else table


def refuse_gaps(X: Any) -> None:
    """Raise `DataError` for rows with missing values where the network has learnt from rows without any."""
    gaps = np.isnan(X) if isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.ndim == 2 else np.zeros(0, bool)
    if gaps.any():
        row, column = np.argwhere(gaps)[0]
        raise errors.DataError(
            f"Input X contains NaN: row {row}, column {column}, and the network has learnt from rows without gaps",
            hint="fit with rows some of which lack that value, too",
        )


def _categorical_names(categorical: Any, table: Table) -> list[str]:
    """The names of the columns that are given as a mask, as numbers or as names."""
    if categorical is None or isinstance(categorical, str):
        return [] if categorical in (None, "from_dtype", "auto") else [table[str(categorical)].name]
    given = np.asarray(categorical)
    if given.dtype == bool:
        if given.shape != (len(table.columns),):
            raise errors.ShapeError(
                f"categorical_features has shape {given.shape}, expected ({len(table.columns)},): one for each column"
            )
        return [name for name, is_one in zip(table.names, given, strict=True) if is_one]
    if given.dtype.kind in "iu":
        return [table.names[int(number)] for number in given]
    return [table[str(name)].name for name in given]


def _holds_mappings(X: Any) -> bool:
    return isinstance(X, Sequence) and bool(X) and isinstance(X[0], Mapping)


def _has_texts(array: Array) -> bool:
    """Whether an array of objects holds texts or gaps beside numbers."""
    return any(isinstance(v, str) or v is None or (isinstance(v, float) and v != v) for v in array.flat)


def _frame_is_plain(X: Any) -> bool | None:
    """Whether all columns of a frame are numbers without gaps; None for what is no frame."""
    import narwhals as nw

    try:
        frame = nw.from_native(X, pass_through=True)
    except Exception:  # of whichever library: said when it is read
        return None
    if not isinstance(frame, nw.DataFrame):
        return False if hasattr(X, "__arrow_c_stream__") else None
    for series in frame.iter_columns():
        if not series.dtype.is_numeric() or series.is_null().any() or _has_nan(series):
            return False
    return True


def _has_nan(series: Any) -> bool:
    return bool(series.dtype.is_float() and series.is_nan().any())
