"""`read_table`: a table from a file of any common format, with what was found said in its notes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from forwardnet.data.tables import delimited
from forwardnet.data.tables.encodings import check_file
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
    """The table in a file: separated values (CSV, TSV, ...), perhaps packed by gzip.

    What is not given is found out, and said in `notes`: `encoding`, `separator`, `decimal` sign ("." or ","), whether
    the first row is a `header` (True, False or "auto"). `missing`: texts that mean no value; `kinds`: the kind of a
    column by its name, see `KINDS`; `limit`: the most rows that are read. `target` is never left out as an identifier.

    Raises:
        FileFormatError: the file is missing, damaged or no table.
        DataError: a value cannot be read; says line, column and what to do.
    """
    path = Path(path)
    if header not in (True, False, "auto"):
        raise ArgumentError(f"header is {header!r}, expected True, False or 'auto'")
    if decimal not in (None, ".", ","):
        raise ArgumentError(f"decimal is {decimal!r}, expected '.' or ','")
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}, expected 1 or more")
    check_file(path)
    layout = delimited.find_layout(path, header=header, separator=separator, encoding=encoding)
    check_kinds(kinds, layout.names)
    if target is not None:
        target = find_name(layout.names, target)
    columns, lines = delimited.columns_from(delimited.rows_of(layout, limit=limit), layout)
    if not lines:
        raise DataError(f"{path}: a header and no rows", hint="is it the right file, or header=False?")
    delimited.refuse_zeros(layout, columns, lines)
    rules = Rules(
        missing=frozenset(text.strip().casefold() for text in missing),
        decimal=decimal,
        comma_is_decimal=layout.dialect.separator != ",",
        where=str(path),
        place=lambda row: f"line {lines[row]}",
    )
    made, notes = columns_of(layout.names, columns, kinds=kinds, rules=rules)
    return Table(made, name=path.name, notes=(*layout.notes, *notes))
