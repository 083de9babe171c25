"""Rows of texts from a file of separated values, each with its line; what is ragged is repaired and said, or refused.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from forwardnet.data.tables import headers
from forwardnet.data.tables.dialect import Dialect, checked_separator, detect, parse_sample, trimmed
from forwardnet.data.tables.encodings import checked_encoding, detect_encoding, is_gzip, open_text
from forwardnet.data.tables.judge import shown
from forwardnet.errors import DataError, FileFormatError

SAMPLE_LINES = 500
SAMPLE_CHARACTERS = 1 << 19  # a line may be long
BLOCK_ROWS = 16_384
LONGEST_NAME = 200
UNQUOTED = "put values that hold the separator between quotes"


@dataclass
class Layout:
    """How to read a file: what was found out, or given."""

    path: Path
    encoding: str
    dialect: Dialect
    has_header: bool
    names: list[str]
    stray: str = ""  # a quote before the first name, as of a Python literal b'...'; the one after the last row is alone
    notes: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        return len(self.names)


def find_layout(
    path: Path, *, header: bool | str = "auto", separator: str | None = None, encoding: str | None = None
) -> Layout:
    """Find out how the file is to be read. Raises FileFormatError for what is no table of text."""
    words = encoding or ""
    encoding, words = (checked_encoding(encoding), words) if encoding else detect_encoding(path)
    lines = _first_lines(path, encoding)
    if not any(line.strip() for line in lines):
        raise FileFormatError(f"{path}: the file has no values", hint="expected a header and rows of values")
    prefer = "\t" if path.name.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else None
    dialect = detect(lines, separator=checked_separator(separator) if separator else None, prefer=prefer)
    rows = parse_sample(lines[dialect.skip :], dialect)
    if not rows:
        rows = [row for _, row in itertools.islice(_raw_rows(path, encoding, dialect), 1)]  # says what is wrong
    found, why = headers.has_header(rows) if header == "auto" else (bool(header), "as told")
    layout = Layout(path, encoding, dialect, found, [])
    layout.notes.append(f"text in {words}{' (gzip)' if is_gzip(path) else ''}, {dialect.words}")
    if dialect.skip:
        layout.notes.append(f"{dialect.skip} lines before the table were left out")
    _name_columns(layout, rows, why)
    return layout


def _first_lines(path: Path, encoding: str) -> list[str]:
    lines: list[str] = []
    size = 0
    with open_text(path, encoding) as text:
        while size < SAMPLE_CHARACTERS and len(lines) < SAMPLE_LINES:
            line = text.readline(SAMPLE_CHARACTERS)
            if not line:
                break
            size += len(line)
            lines.append(line)
    return (
        lines[:-1] if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")) and size >= SAMPLE_CHARACTERS else lines
    )


def _name_columns(layout: Layout, rows: list[list[str]], why: str) -> None:
    """Fill in the names of the columns."""
    if layout.has_header:
        cells, below = rows[0], [len(row) for row in rows[1:]]
        while len(cells) > 1 and not cells[-1].strip() and below and max(below) < len(cells):
            cells = cells[:-1]
        if below and set(below) == {len(cells) + 1} and not any(row[-1].strip() == "" for row in rows[1:]):
            cells = ["row", *cells]
            layout.notes.append("rows have one value more than the header: the first is the name of the row")
        layout.stray = headers.stray_of(cells)[1:]
        layout.names, notes = headers.names_of(cells)
        layout.notes.append(f"names from the header ({why})")
        layout.notes += notes
        _check_names(layout)
    else:
        widths = Counter(len(row) for row in rows)
        layout.names = headers.default_names(max(widths, key=lambda w: (widths[w], w)))
        layout.notes.append(f"no header ({why}): columns are called x1 to x{layout.width}")


def _check_names(layout: Layout) -> None:
    """Refuse a header that is none: a cell that swallowed rows."""
    for name in layout.names:
        if len(name) > LONGEST_NAME or name.count("\n") > 3:
            raise DataError(
                f"{layout.path}: line {layout.dialect.skip + 1}: "
                f"the name {shown(name)} of a column has {len(name)} characters",
                hint="is there a quote that is not closed, or no header? header=False says so",
            )


def rows_of(layout: Layout, *, limit: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """(line, texts (d,)) for each row of values.

    Lines count from 1 as in an editor. Values that are missing at the end of a row are empty, and empty ones beyond the
    last column are left out; both are counted in `layout.notes` at the end. Raises DataError for a row with more values
    than columns.
    """
    width, first_short, short, long_, first_long = layout.width, 0, 0, 0, 0
    rows = _raw_rows(layout.path, layout.encoding, layout.dialect)
    if layout.has_header:
        next(rows, None)
    for number, (line, row) in enumerate(rows):
        if limit is not None and number >= limit:
            break
        if len(row) != width:
            if row == [layout.stray]:
                layout.notes.append(f"the stray {layout.stray} in line {line} was left out")
                continue
            if len(row) < width:
                short, first_short = short + 1, first_short or line
                row = row + [""] * (width - len(row))
            else:
                long_, first_long = long_ + 1, first_long or line
                row = _shortened(layout, line, row)
        yield line, row
    if short:
        layout.notes.append(
            f"{short} rows with fewer than {width} values, the first in line {first_short}: the rest is missing"
        )
    if long_:
        layout.notes.append(
            f"{long_} rows with empty values beyond column {width}, the first in line {first_long}: left out"
        )


def _shortened(layout: Layout, line: int, row: list[str]) -> list[str]:
    """A row without the empty values at its end."""
    extra = row[layout.width :]
    if any(cell.strip() for cell in extra):
        raise DataError(
            f"{layout.path}: line {line} has {len(row)} values, expected {layout.width} as in the "
            f"{'header' if layout.has_header else 'other rows'}; the first too many is {shown(extra[0])}",
            hint=UNQUOTED,
        )
    return row[: layout.width]


def _raw_rows(path: Path, encoding: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) for each row that is not empty; raises DataError for quotes and zeros out of place."""
    with open_text(path, encoding) as text:
        lines: Iterable[str] = itertools.islice(text, dialect.skip, None)
        reader = csv.reader(trimmed(lines, dialect), **dialect.options)
        before = dialect.skip
        try:
            for row in reader:
                if row:
                    yield before + 1, row
                before = dialect.skip + reader.line_num
        except csv.Error as error:
            raise _unreadable(path, before + 1, str(error), dialect) from error


def _unreadable(path: Path, line: int, reason: str, dialect: Dialect) -> DataError:
    """What the csv reader's error means."""
    if "unexpected end" in reason or "field larger" in reason:
        what = f"a quote {dialect.quote} that opens in line {line} or below is not closed"
        return DataError(f"{path}: {what}", hint="close it, or double it where it is part of a value")
    if "expected after" in reason:
        return DataError(
            f"{path}: line {line}: there is more after a closing quote {dialect.quote}",
            hint="double quotes inside a value",
        )
    return DataError(f"{path}: line {line} cannot be read ({reason})", hint=UNQUOTED)


def columns_from(rows: Iterable[tuple[int, list[str]]], layout: Layout) -> tuple[list[list[str]], list[int]]:
    """The texts of each column, and the line of each row. Raises DataError for zero bytes in a text."""
    lines: list[int] = []
    columns: list[list[str]] = [[] for _ in layout.names]
    while block := list(itertools.islice(rows, BLOCK_ROWS)):
        texts = [row for _, row in block]
        lines.extend(line for line, _ in block)
        for column, part in zip(columns, zip(*texts, strict=True), strict=True):
            column.extend(part)
    return columns, lines


def refuse_zeros(layout: Layout, columns: list[list[str]], lines: list[int]) -> None:
    """Raise DataError where a value has a NUL character, which no text has."""
    for name, column in zip(layout.names, columns, strict=True):
        if "\0" in "".join(column):
            row = next(i for i, text in enumerate(column) if "\0" in text)
            raise DataError(
                f"{layout.path}: line {lines[row]}, column {name!r}: a NUL character",
                hint="the file is damaged, or of another encoding=..., as utf-16",
            )
