"""Whatever holds a table in memory, as a `Table`: arrays, lists, columns by name, frames of pandas, polars and Arrow.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables.kinds import EXACT, check_kinds, column_of
from forwardnet.data.tables.table import Column, Table
from forwardnet.errors import ArgumentError, DataError, DTypeError, MissingExtraError, ShapeError

Array = NDArray[Any]
Kinds = Mapping[str, str]

# Names, values of each column, whether they come from an array, and the kinds that frames declare.
Columns = tuple[list[Any], list[Any], bool, list[str | None]]
MOST_DENSE = 2**28  # elements of a sparse matrix that is made dense: 2 GiB of float64


def as_table(
    X: Any, *, names: Sequence[str] | None = None, kinds: Kinds | None = None, expected: Kinds | None = None
) -> Table:
    """X as a `Table`; a `Table` comes back as it is, but for `kinds`.

    X is one of: an array (n, d) of numbers, whose columns are quantities called x0, x1, ... unless there are `names`;
    an array of objects or texts, a structured array, a list of rows, a list of mappings, a mapping of names to columns;
    a frame of pandas, polars or Arrow, or anything with `__arrow_c_stream__`; a sparse matrix, which is made dense up
    to 2 GiB. Kinds of columns that are not plainly numbers are judged by their values.

    `kinds`: name -> kind, for columns whose kind is to be another one. `expected`: the same for as many of these
    columns as are there, as `TableEncoder.kinds` says for tables that are read after training.
    Raises ShapeError, DTypeError, DataError; ArgumentError for names in `kinds` that are not there.
    """
    if isinstance(X, Table):
        return _told(X, kinds or {})
    found, values, is_array, declared = _columns(X)
    if names is not None and len(names) != len(found):
        raise ShapeError(f"X has {len(found)} columns, but there are {len(names)} names")
    found = [str(name) for name in (found if names is None else names)]
    check_kinds(kinds, found)
    wanted = {name: kind for name, kind in zip(found, declared, strict=True) if kind is not None}
    there = set(found)
    wanted |= {name: kind for name, kind in (expected or {}).items() if name in there} | dict(kinds or {})
    columns: list[Column] = []
    notes: list[str] = []
    for name, column in zip(found, values, strict=True):
        made, said = _column(name, column, wanted.get(name), is_array, len(found))
        columns.append(made)
        notes.extend(said)
    return Table(tuple(columns), name="X", notes=tuple(notes))


def _told(table: Table, kinds: Kinds) -> Table:
    """The table with other kinds of columns."""
    check_kinds(kinds, table.names)
    columns = {}
    for column in table:
        kind = kinds.get(column.name, column.kind)
        if kind != column.kind:
            levels = column.levels
            values = column.values if levels is None else [None if c < 0 else levels[c] for c in column.values.tolist()]
            columns[column.name] = column_of(column.name, values, kind=kind, n_columns=len(table.columns))[0]
    return replace(table, columns=tuple(columns.get(c.name, c) for c in table)) if columns else table


def as_column(values: Any, *, name: str = "y", kind: str | None = None) -> Column:
    """One column of a table: an array (n,) or (n, 1), a list, or a series of pandas, polars or Arrow.

    Arrays of numbers are quantities unless `kind` says otherwise; the kind of all else is judged by the values.
    """
    if isinstance(values, Column):
        return values
    if hasattr(values, "columns") and not isinstance(values, Mapping):
        table = as_table(values)
        if len(table.columns) != 1:
            raise ShapeError(f"{name} has {len(table.columns)} columns, expected one")
        return table.columns[0]
    array: Any = _series(values)
    if isinstance(array, list) and {type(value) for value in array} <= {int, float}:
        array = np.asarray(array)
    if isinstance(array, np.ndarray) and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return _column(name, array, kind, isinstance(values, np.ndarray | list), 1)[0]


def _column(name: str, values: Any, kind: str | None, is_array: bool, n_columns: int) -> tuple[Column, Sequence[str]]:
    """A column and notes on it. The columns of an array of numbers are quantities, whatever they look like."""
    is_told = kind == "number"  # then nothing has to be found out, which takes a while for one row
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf" and (is_told or (is_array and kind is None)):
        return Column(name, "number", values.astype(np.float64), reason="an array of numbers"), ()
    if is_told and isinstance(values, list) and {type(value) for value in values} <= {int, float, type(None)}:
        with contextlib.suppress(OverflowError):  # whole numbers that no float64 holds
            return Column(name, "number", np.array(values, dtype=np.float64), reason="as told"), ()
    return column_of(name, values, kind=kind, n_columns=n_columns)


def _columns(X: Any) -> Columns:
    """The columns of X."""
    if isinstance(X, Mapping):
        return _undeclared(list(X), _equally_long({name: _series(values) for name, values in X.items()}))
    if isinstance(X, list | tuple) and X and all(isinstance(row, Mapping) for row in X):
        names = list(dict.fromkeys(name for row in X for name in row))
        return _undeclared(names, [[row.get(name) for row in X] for name in names])
    if not isinstance(X, np.ndarray | list | tuple):
        frame = _frame(X)
        if frame is not None:
            found = [_frame_column(series) for series in frame.iter_columns()]
            return list(frame.columns), [values for values, _ in found], False, [kind for _, kind in found]
    return _array_columns(_dense(X))


def _undeclared(names: list[Any], values: list[Any], *, is_array: bool = False) -> Columns:
    return names, values, is_array, [None] * len(names)


def _array_columns(X: Any) -> Columns:
    """Columns of arrays and lists of rows."""
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ShapeError("X has rows of different lengths, expected a rectangular table") from error
    if array.dtype.names is not None:
        return _undeclared(list(array.dtype.names), [array[name] for name in array.dtype.names])
    if array.ndim == 0:
        raise DTypeError(f"X is {type(X).__name__}, expected a table: an array, a list of rows, a frame")
    if array.ndim != 2:
        hint = "X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row" if array.ndim == 1 else None
        raise ShapeError(f"X has shape {array.shape}, expected (rows, columns)", hint=hint)
    if array.dtype.kind == "c":
        raise DTypeError("X has complex numbers, expected real ones")
    if array.dtype.kind in "US" and not isinstance(X, np.ndarray):
        array = np.array(X, dtype=object)  # texts beside numbers: NumPy has made texts of all of them
    columns = [column if column.dtype.kind in "biufM" else column.tolist() for column in array.T]
    return _undeclared([f"x{i}" for i in range(array.shape[1])], columns, is_array=True)


def _dense(X: Any) -> Any:
    """A sparse matrix with all its zeros."""
    if not (hasattr(X, "toarray") and hasattr(X, "nnz")):
        return X
    n_elements = int(X.shape[0]) * int(X.shape[1])
    if n_elements > MOST_DENSE:
        raise DataError(
            f"X is sparse, of shape {tuple(X.shape)}: {n_elements * 8 / 2**30:.0f} GiB with its zeros",
            hint="reduce its columns first, by sklearn.decomposition.TruncatedSVD",
        )
    return X.toarray()


def _equally_long(columns: Mapping[Any, Any]) -> list[Any]:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:8])
        raise ShapeError(f"X has columns of different lengths: {told}")
    return list(columns.values())


def _series(values: Any) -> Any:
    """One column as an array or a list."""
    if isinstance(values, np.ndarray | list):
        return values
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise ArgumentError(f"a column is {type(values).__name__}, expected a list or an array")
    if not isinstance(values, tuple | range):
        import narwhals as nw

        series = nw.from_native(values, series_only=True, pass_through=True)
        if isinstance(series, nw.Series):
            return _frame_column(series)[0]
        if hasattr(values, "__array__"):
            return np.asarray(values)
    return list(values)


# -- frames of other libraries ----------------------------------------------------------------------------


def _frame(X: Any) -> Any:
    """X as an eager frame of narwhals, None where it is no frame."""
    import narwhals as nw

    try:
        frame = nw.from_native(X, pass_through=True)
    except Exception as error:  # of whichever library: names of columns that are there twice
        raise DataError(f"X cannot be read as a {type(X).__name__}: {error}") from error
    if isinstance(frame, nw.LazyFrame):
        return frame.collect()
    if isinstance(frame, nw.DataFrame):
        return frame
    if not hasattr(X, "__arrow_c_stream__"):
        return None
    try:
        return nw.from_arrow(X, backend="pyarrow")
    except ImportError as error:
        raise MissingExtraError(
            f"X is a {type(X).__name__}, which is read by pyarrow", hint="pip install 'forwardnet[tables]'"
        ) from error


def _frame_column(series: Any) -> tuple[Any, str | None]:
    """A column of narwhals as an array of numbers or dates, or a list of objects; and the kind that it declares.

    None, NaN and NaT are no value.
    """
    import narwhals as nw

    dtype = series.dtype
    if dtype in (nw.Categorical, nw.Enum):
        return series.to_list(), "category"
    if dtype.is_integer() or dtype.is_float() or dtype == nw.Decimal:
        return _numbers(series), None
    if dtype == nw.Boolean and not _has_null(series):
        return series.to_numpy().astype(bool), None
    if dtype in (nw.Datetime, nw.Date):
        return _moments(series, dtype), None
    if dtype == nw.Duration:
        return _floats(series.dt.total_nanoseconds()) / 1e9, None
    if dtype.is_nested():
        raise DTypeError(f"column {series.name!r} has values of {dtype}, expected one number, text or date in a cell")
    return series.to_list(), None


def _numbers(series: Any) -> Array | list[int | None]:
    """Whole numbers as they are, float64 where there are fractions or missing values, which are NaN.

    A list, with None for missing values, where float64 cannot hold a whole number.
    """
    if not series.dtype.is_integer():
        return _floats(series)
    if not _has_null(series):
        return np.asarray(series.to_numpy())
    ends = [int(end) for end in (series.min(), series.max()) if end is not None]
    if any(abs(end) > EXACT for end in ends):
        found: list[int | None] = series.to_list()
        return found
    return _floats(series)


def _floats(series: Any) -> Array:
    """float64, NaN where there is no value."""
    import narwhals as nw

    return np.asarray(series.cast(nw.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _has_null(series: Any) -> bool:
    return bool(series.is_null().any())


def _moments(series: Any, dtype: Any) -> Array:
    """Points in time, UTC, as datetime64."""
    import narwhals as nw

    zone = getattr(dtype, "time_zone", None)
    if zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    micro = series.cast(nw.Datetime("us")).dt.timestamp("us")
    is_missing = micro.is_null().to_numpy()
    return np.where(is_missing, np.iinfo(np.int64).min, micro.fill_null(0).to_numpy()).astype("datetime64[us]")
