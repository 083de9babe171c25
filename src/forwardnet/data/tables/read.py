"""`read_table`: a table from a file of any common format, with what was found said in its notes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from forwardnet.data.tables import binary, delimited, records
from forwardnet.data.tables.binary import format_of
from forwardnet.data.tables.delimited import Layout
from forwardnet.data.tables.encodings import check_file
from forwardnet.data.tables.frames import as_table
from forwardnet.data.tables.headers import find_name
from forwardnet.data.tables.judge import MISSING, Rules
from forwardnet.data.tables.kinds import check_kinds, columns_of
from forwardnet.data.tables.table import Table
from forwardnet.errors import ArgumentError, DataError


def read_table(
    path: str | os.PathLike[str],
    *,
    header: bool | str = "auto",
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    missing: Iterable[str] = MISSING,
    kinds: Mapping[str, str] | None = None,
    sheet: str | int | None = None,
    limit: int | None = None,
    target: str | None = None,
) -> Table:
    """The table in a file: separated values (CSV, TSV, ...) or JSON, perhaps packed by gzip, Parquet, Arrow, Feather,
    Excel, or arrays of NumPy (.npz).

    What is not given is found out, and said in `notes`: `encoding`, `separator`, `decimal` sign ("." or ","), whether
    the first row is a `header` (True, False or "auto"). `missing`: texts that mean no value; `kinds`: the kind of a
    column by its name, see `KINDS`; `limit`: the most rows that are read; `sheet`: of a workbook, by name or by its
    number from 1. `target` (a name, or a number from 1 where columns have no names) is never left out as an identifier.

    Raises:
        FileFormatError: the file is missing, damaged or no table.
        DataError: a value cannot be read; says line, column and what to do.
        MissingExtraError: the format needs a package that is not installed; says which.
    """
    path = Path(path)
    delimited.check_options(header, decimal)
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}, expected 1 or more")
    check_file(path)
    rules = Rules(missing=frozenset(text.strip().casefold() for text in missing), decimal=decimal, where=str(path))
    what = format_of(path)
    if what in ("parquet", "arrow"):
        table = _from_arrow(path, what == "parquet", kinds, limit)
    elif what == "text" and not (records.is_json(path) or records.begins_with_record(path)):
        layout = delimited.find_layout(path, header=header, separator=separator, encoding=encoding)
        table = _from_text(layout, rules, kinds, limit)
    else:
        if what == "excel":
            cells = binary.read_excel(path, sheet=sheet, header=header, limit=limit)
        elif what == "npz":
            cells = binary.read_npz(path, limit=limit)
        else:
            cells = records.read_json(path, encoding=encoding, limit=limit)
        table = _from_cells(path, cells, rules, kinds)
    return table if target is None else _with_target(table, find_name(table.names, target))


def _from_text(layout: Layout, rules: Rules, kinds: Mapping[str, str] | None, limit: int | None) -> Table:
    check_kinds(kinds, layout.names)
    columns, line_of = delimited.columns_from(layout, limit=limit)
    if not len(columns[0]):
        raise DataError(f"{layout.path}: a header and no rows", hint="is it the right file, or header=False?")
    rules = replace(rules, comma_is_decimal=layout.dialect.separator == ";", place=lambda row: f"line {line_of(row)}")
    made, notes = columns_of(layout.names, columns, kinds=kinds, rules=rules)
    return Table(made, name=layout.path.name, notes=(*layout.notes, *notes))


def _from_cells(path: Path, cells: records.Cells, rules: Rules, kinds: Mapping[str, str] | None) -> Table:
    rules = replace(rules, place=lambda row: cells.places[row])
    made, notes = columns_of(cells.names, cells.columns, kinds=kinds, rules=rules)
    return Table(made, name=path.name, notes=(*cells.notes, *notes))


def _from_arrow(path: Path, is_parquet: bool, kinds: Mapping[str, str] | None, limit: int | None) -> Table:
    names, columns, notes = binary.read_arrow(path, is_parquet=is_parquet, limit=limit)
    table = as_table(dict(zip(names, columns, strict=True)), kinds=kinds)
    return replace(table, name=path.name, notes=(*notes, *table.notes))


def _with_target(table: Table, name: str) -> Table:
    """The table, whose column `name` is no identifier: it is what is asked for."""
    column = table[name]
    if column.kind not in ("identifier", "text"):
        return table
    kind = "category" if column.is_coded else "number"
    asked = replace(column, kind=kind, reason=f"the target; {column.reason}")
    return replace(table, columns=tuple(asked if c is column else c for c in table.columns))
