"""Tables from JSON: a record on each line, or one document with a list of records or columns by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forwardnet.data.tables import headers
from forwardnet.data.tables.encodings import HEAD, checked_encoding, detect_encoding, open_bytes, open_text
from forwardnet.data.tables.judge import shown
from forwardnet.errors import DataError, FileFormatError

SUFFIXES = (".json", ".jsonl", ".ndjson", ".jsonlines")


@dataclass
class Cells:
    """Names, the objects of each column, where each row stands, and notes."""

    names: list[str]
    columns: list[list[Any]]
    places: list[str]
    notes: list[str]


class _TwiceError(ValueError):
    """A name that a record has twice."""


def is_json(path: Path) -> bool:
    """Whether the file's name says JSON."""
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def begins_with_record(path: Path) -> bool:
    """Whether a file with another name holds records in JSON."""
    with open_bytes(path) as stream:
        head = stream.read(HEAD).decode(errors="replace").lstrip("\ufeff \t\r\n")
    first = head.split("\n", 1)[0]
    try:
        return head.startswith("{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def read_json(path: Path, *, encoding: str | None = None, limit: int | None = None) -> Cells:
    """The cells of a JSON file; raises FileFormatError with the line of what is no JSON, DataError for no table."""
    encoding = checked_encoding(encoding) if encoding else detect_encoding(path)[0]
    if path.name.lower().removesuffix(".gz").endswith(".json"):
        try:
            return _document(path, encoding, limit)
        except _SeveralError:
            pass  # records on lines, under the name of one document
    rows = list(_lines(path, encoding, limit))
    if not rows:
        raise FileFormatError(f"{path}: the file has no values", hint="expected a record on each line")
    return _cells(path, [row for _, row in rows], [f"line {line}" for line, _ in rows], ["records in JSON, by line"])


class _SeveralError(Exception):
    """There is more than one document in a file."""


def _parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_record)


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(f"the name {next(n for n in names if names.count(n) > 1)!r} comes twice in one record")
    return record


def _lines(path: Path, encoding: str, limit: int | None) -> Iterator[tuple[int, Any]]:
    """(line, record) for each line that is not empty."""
    with open_text(path, encoding) as text:
        count = 0
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                yield number, _parsed(line)
            except (ValueError, RecursionError) as error:
                raise _no_json(path, number, error) from error
            count += 1
            if count == limit:
                return


def _no_json(path: Path, line: int, error: Exception) -> FileFormatError:
    if isinstance(error, RecursionError):
        return FileFormatError(f"{path}: line {line}: values nested too deep")
    reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return FileFormatError(f"{path}: line {line}: no JSON ({reason})", hint='expected records as {"a": 1, "b": "x"}')


def _document(path: Path, encoding: str, limit: int | None) -> Cells:
    """One document: a list of records, of rows, or columns by name."""
    with open_text(path, encoding) as text:
        whole = text.read()
    try:
        found = _parsed(whole)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            raise _SeveralError from error
        raise _no_json(path, getattr(error, "lineno", 1), error) from error
    if isinstance(found, dict) and isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
        named = ["" if name is None else str(name) for name in found["columns"]]
        return _rows_with_names(path, [named, *found["data"]], limit)
    if isinstance(found, dict) and found and all(isinstance(values, list) for values in found.values()):
        lengths = {len(values) for values in found.values()}
        if len(lengths) > 1:
            raise DataError(f"{path}: columns of different lengths {sorted(lengths)}")
        columns = [values[:limit] for values in found.values()]
        names, notes = headers.names_of(list(found))
        places = [f"row {i + 1}" for i in range(len(columns[0]))]
        return Cells(names, columns, places, ["columns in JSON, by name", *notes])
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not found:
        raise FileFormatError(f"{path}: no table, expected a list of records", hint='as [{"a": 1, "b": "x"}, ...]')
    rows = found[:limit]
    return _cells(path, rows, [f"record {i + 1}" for i in range(len(rows))], ["a list of records in JSON"])


def _rows_with_names(path: Path, rows: list[Any], limit: int | None) -> Cells:
    if len(rows) < 2:
        raise DataError(f"{path}: names and no rows")
    names, notes = headers.names_of(rows[0])
    places = [f"row {i + 1}" for i in range(len(rows) - 1)]
    cells = _cells(path, rows[1:][:limit], places[:limit], ["rows in JSON, with names", *notes])
    if len(names) != len(cells.names):
        raise DataError(f"{path}: rows have {len(cells.names)} values, but there are {len(names)} names")
    return Cells(names, cells.columns, cells.places, cells.notes)


def _cells(path: Path, rows: list[Any], places: list[str], notes: list[str]) -> Cells:
    """Columns from records or rows; a name that a record lacks has no value there."""
    if all(isinstance(row, list) for row in rows):
        return _plain_rows(path, rows, places, notes)
    flat: list[dict[str, Any]] = []
    for row, place in zip(rows, places, strict=True):
        if not isinstance(row, dict):
            raise DataError(f"{path}: {place} is {shown(json.dumps(row))}, expected a record", hint='as {"a": 1}')
        flat.append(dict(_flattened(row)))
    names = list(dict.fromkeys(name for row in flat for name in row))
    if not names:
        raise DataError(f"{path}: records without values")
    lacking = sum(len(row) < len(names) for row in flat)
    if lacking:
        notes = [*notes, f"{lacking} of {len(flat)} records lack some of the {len(names)} names: missing there"]
    columns = [[row.get(name) for row in flat] for name in names]
    names, said = headers.names_of(names)
    return Cells(names, columns, places, [*notes, *said])


def _flattened(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values; those of a record within one are called outer.inner, and lists stay as their text."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{before}{name}.")
        else:
            yield before + name, json.dumps(value) if isinstance(value, list) else value


def _plain_rows(path: Path, rows: list[list[Any]], places: list[str], notes: list[str]) -> Cells:
    width = len(rows[0])
    for row, place in zip(rows, places, strict=True):
        if len(row) != width or not width:
            raise DataError(f"{path}: {place} has {len(row)} values, expected {max(width, 1)}")
    columns = [
        [json.dumps(v) if isinstance(v, list | dict) else v for v in column] for column in zip(*rows, strict=True)
    ]
    return Cells(headers.default_names(width), columns, places, [*notes, f"columns are called x1 to x{width}"])
