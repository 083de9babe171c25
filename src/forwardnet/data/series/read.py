"""Series out of tables: which column has the dates, which the values, and which says to what series a row belongs.

Axis glossary: n rows of the table, T points of a series.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.series.series import MISSING, Series, as_series
from forwardnet.data.tables.headers import find_name
from forwardnet.data.tables.read import read_table
from forwardnet.data.tables.table import Column, Table
from forwardnet.errors import DataError, unknown_name

Array = NDArray[Any]

# A first column of whole numbers between these, each one more than the last, is years.
YEARS = (1000, 2999)


def read_series(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    date: str | None = None,
    by: str | None = None,
    missing: str = "refuse",
    **options: Any,
) -> list[Series]:
    """The series in a table file, one for each column of `columns`, or for each value of the column `by`.

    `date` names the column of dates; None: the only one there is, or none. `columns` None: all columns of numbers.
    `options` are those of `read_table`. Rows in falling order of time are turned round. What was decided stands in the
    notes of the series.

    Raises:
        FileFormatError, DataError: the file cannot be read, has no numbers, or dates that no series has.
        UnknownNameError: it has no such column.
    """
    if missing not in MISSING:
        raise unknown_name("treatment of missing values", missing, MISSING)
    table = read_table(path, **options)
    table = _with_numbers(table, path, columns, (date, by), options)
    date_name = _date_column(table, date)
    by_name = None if by is None else find_name(table.names, by)
    values = _value_columns(table, columns, {date_name, by_name})
    parts = [("", table)] if by_name is None else _parts(table, by_name)
    notes = [*table.notes, *_dateless(table)] if date_name is None else list(table.notes)
    found = []
    for label, part in parts:
        when = None if date_name is None else _dates(part[date_name])
        order: Any = slice(None)
        if when is not None and len(when) > 1 and when[0] > when[-1]:
            order, when = slice(None, None, -1), when[::-1]
        for name in values:
            own = " ".join(word for word in (label, name if not label or len(values) > 1 else "") if word)
            series = as_series(part[name].values[order].astype(np.float64), when, name=own, missing=missing)
            found.append(replace(series, notes=(*notes, *series.notes)))
    return found


def _with_numbers(table: Table, path: Any, columns: Sequence[str] | None, taken: Any, options: Any) -> Table:
    """The table, in which what is asked for is numbers: whole numbers that differ were perhaps taken for names of rows.

    Raises:
        DataError: a column that was asked for holds something else.
    """
    known = [find_name(table.names, name) for name in columns or ()]
    others = {find_name(table.names, name) for name in taken if name is not None}
    asked = [table[name] for name in known] or [c for c in table if c.kind == "identifier" and c.name not in others]
    if columns is None and any(c.kind == "number" and c.name not in others for c in table):
        return table
    again = {c.name: "number" for c in asked if c.is_coded and _are_numbers(c)}
    if again:
        table = read_table(path, **{**options, "kinds": {**(options.get("kinds") or {}), **again}})
    for name in known:
        if table[name].is_coded or table[name].kind == "empty":
            raise DataError(
                f"{table.name}: column {name!r} holds no numbers ({table[name].kind}: {table[name].reason})",
                hint=f"columns: {', '.join(table.names)}",
            )
    return table


def _are_numbers(column: Column) -> bool:
    try:
        return all(np.isfinite(float(level)) for level in column.levels or ())
    except ValueError:
        return False


def _date_column(table: Table, wanted: str | None) -> str | None:
    """The name of the column of dates; None where there is none."""
    if wanted is not None:
        name = find_name(table.names, wanted)
        if table[name].kind != "date" and not _are_years(table[name]):
            raise DataError(f"{table.name}: column {name!r} holds no dates ({table[name].kind}: {table[name].reason})")
        return name
    dates = [column.name for column in table if column.kind == "date"]
    if len(dates) > 1:
        raise DataError(
            f"{table.name} has {len(dates)} columns of dates ({', '.join(dates)}), expected one",
            hint=f"say which: --date {dates[0]}",
        )
    if not dates and len(table.columns) > 1 and _are_years(table.columns[0]):
        return table.columns[0].name
    return dates[0] if dates else None


def _are_years(column: Column) -> bool:
    numbers = _plain(column)
    if numbers is None or len(numbers) < 3 or not np.isfinite(numbers).all():
        return False
    return bool(YEARS[0] <= numbers.min() and numbers.max() <= YEARS[1] and (np.diff(numbers) == 1).all())


def _plain(column: Column) -> Array | None:
    """Numbers (n,), of text that writes them too; None where there is other text."""
    if not column.is_coded:
        return column.values
    if not _are_numbers(column):
        return None
    levels = np.array([float(level) for level in column.levels or ()] + [np.nan])
    return np.asarray(levels[column.values])


def _dates(column: Column) -> Array:
    if column.kind != "date":
        years = _plain(column)
        assert years is not None
        return (years.astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[s]")
    missing = np.flatnonzero(column.is_missing)
    if missing.size:
        raise DataError(f"column {column.name!r}: row {missing[0] + 1} has no date ({missing.size} such rows in all)")
    return np.asarray(np.round(column.values).astype(np.int64).astype("datetime64[s]"))


def _value_columns(table: Table, columns: Sequence[str] | None, taken: set[str | None]) -> list[str]:
    if columns is not None:
        return [find_name(table.names, name) for name in columns]
    found = [c.name for c in table if c.name not in taken and not c.is_coded and c.kind in ("number", "constant")]
    if not found:
        kinds = ", ".join(f"{c.name} ({c.kind})" for c in list(table)[:8])
        raise DataError(f"{table.name} has no column of numbers to forecast: {kinds}")
    return found


def _dateless(table: Table) -> list[str]:
    """That there are no dates, and which columns could have been some."""
    others = [f"{c.name} is taken for {c.kind}" for c in table if c.is_coded][:3]
    found = f" ({', '.join(others)})" if others else ""
    return [f"no column of dates{found}: rows are taken as one step apart"]


def _parts(table: Table, by: str) -> list[tuple[str, Table]]:
    """The rows of each series, under its name."""
    column = table[by]
    if column.is_missing.any():
        raise DataError(f"{table.name}: column {by!r} has no value in row {int(np.argmax(column.is_missing)) + 1}")
    values = column.values
    named = [(column.levels[int(v)] if column.levels else f"{by} {v:g}", v) for v in dict.fromkeys(values.tolist())]
    return [(str(name), table.take(np.flatnonzero(values == value))) for name, value in named]
