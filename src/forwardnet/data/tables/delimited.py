"""Rows of texts from a file of separated values, each with its line; what is ragged is repaired and said, or refused.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forwardnet.data.tables import headers
from forwardnet.data.tables.dialect import Dialect, checked_separator, detect, parse_sample, trimmed
from forwardnet.data.tables.encodings import checked_encoding, detect_encoding, is_gzip, open_text
from forwardnet.data.tables.factor import Factored, Factoring
from forwardnet.data.tables.judge import shown
from forwardnet.errors import ArgumentError, DataError, FileFormatError

SAMPLE_LINES = 500
SAMPLE_CHARACTERS = 1 << 19  # a line may be long
BLOCK_ROWS = 16_384
LONGEST_NAME = 200
_LINE_END = re.compile(r"\r\n|\r|\n")
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


def check_options(header: bool | str, decimal: str | None) -> None:
    """Refuse what cannot be told about a file."""
    if header not in (True, False, "auto"):
        raise ArgumentError(f"header is {header!r}, expected True, False or 'auto'")
    if decimal not in (None, ".", ","):
        raise ArgumentError(f"decimal is {decimal!r}, expected '.' or ','")


def find_layout(
    path: Path, *, header: bool | str = "auto", separator: str | None = None, encoding: str | None = None
) -> Layout:
    """Find out how the file is to be read. Raises FileFormatError for what is no table of text."""
    words = encoding or ""
    encoding, words = (checked_encoding(encoding), words) if encoding else detect_encoding(path)
    lines = _first_lines(path, encoding)
    markup = re.match(r"\s*<(?:!doctype html|html|\?xml)", lines[0], re.IGNORECASE) if lines else None
    if markup:
        raise FileFormatError(f"{path}: a page of HTML or XML, expected a table", hint="did a download go wrong?")
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


@dataclass(frozen=True)
class Block:
    """Some rows: the line in which each begins, counted from 1 as in an editor, and the texts of each column."""

    lines: Sequence[int]
    columns: list[tuple[str, ...]]


def blocks_of(layout: Layout, *, limit: int | None = None, rows: int = BLOCK_ROWS) -> Iterator[Block]:
    """The rows of values, up to so many `rows` at once.

    Values that are missing at the end of a row are empty, and empty ones beyond the last column are left out; both are
    counted in `layout.notes` at the end. Raises DataError for a row with more values than columns, or zero bytes.
    """
    counts = _Ragged()
    left = limit
    for lines, texts in _raw_blocks(layout, rows):
        if left is not None:
            lines, texts = lines[:left], texts[:left]
            left -= len(texts)
        if set(map(len, texts)) != {layout.width}:
            kept = [(line, _fitted(layout, line, row, counts)) for line, row in zip(lines, texts, strict=True)]
            lines, texts = [line for line, row in kept if row], [row for _, row in kept if row]
        if texts:
            block = Block(lines, list(zip(*texts, strict=True)))
            _refuse_zeros(layout, block)
            yield block
        if left == 0:
            break
    layout.notes += counts.notes()


@dataclass
class _Ragged:
    """Rows of another width: how many, and the line of the first."""

    short: int = 0
    first_short: int = 0
    long: int = 0
    first_long: int = 0
    stray: str = ""

    def notes(self) -> list[str]:
        said = [self.stray] if self.stray else []
        if self.short:
            said.append(f"{self.short} rows have too few values, the first in line {self.first_short}: missing there")
        if self.long:
            said.append(f"{self.long} rows have empty values too many, the first in line {self.first_long}: left out")
        return said


def _fitted(layout: Layout, line: int, row: list[str], counts: _Ragged) -> list[str]:
    """The row with as many values as there are columns; [] for one that holds a stray quote alone."""
    width = layout.width
    if len(row) == width:
        return row
    if row == [layout.stray]:
        counts.stray = f"the stray {layout.stray} in line {line} was left out"
        return []
    if len(row) < width:
        counts.short, counts.first_short = counts.short + 1, counts.first_short or line
        return row + [""] * (width - len(row))
    counts.long, counts.first_long = counts.long + 1, counts.first_long or line
    return _shortened(layout, line, row)


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


def _raw_blocks(layout: Layout, size: int) -> Iterator[tuple[Sequence[int], list[list[str]]]]:
    """The lines and cells of rows that are not empty, without the header."""
    dialect, skips_header = layout.dialect, layout.has_header
    with open_text(layout.path, layout.encoding) as text:
        reader = csv.reader(trimmed(itertools.islice(text, dialect.skip, None), dialect), **dialect.options)
        while True:
            before = reader.line_num
            try:
                rows = list(itertools.islice(reader, size + skips_header))
            except csv.Error:
                break
            if not rows:
                return
            first = dialect.skip + before + 1
            lines: Sequence[int] = range(first, first + len(rows))
            if reader.line_num - before != len(rows) or [] in rows:
                lines = _counted(rows, first)
                lines, rows = [line for line, row in zip(lines, rows, strict=True) if row], [row for row in rows if row]
            if skips_header and rows:
                lines, rows, skips_header = lines[1:], rows[1:], False
            if rows:
                yield lines, rows
    for _ in _raw_rows(layout.path, layout.encoding, dialect):  # row by row: this raises the error that names the line
        pass


def _counted(rows: list[list[str]], first: int) -> list[int]:
    """The line in which each row begins, where values have line ends within."""
    lines = []
    for row in rows:
        lines.append(first)
        first += 1 + sum(len(_LINE_END.findall(cell)) for cell in row)
    return lines


def _refuse_zeros(layout: Layout, block: Block) -> None:
    """Raise DataError where a value has a NUL character, which no text has."""
    for name, column in zip(layout.names, block.columns, strict=True):
        if "\0" in "".join(column):
            row = next(i for i, text in enumerate(column) if "\0" in text)
            raise DataError(
                f"{layout.path}: line {block.lines[row]}, column {name!r}: a NUL character",
                hint="the file is damaged, or of another encoding=..., as utf-16",
            )


def columns_from(layout: Layout, *, limit: int | None = None) -> tuple[list[Factored], Callable[[int], int]]:
    """The texts of each column, and what tells the line of a row."""
    lines: list[Sequence[int]] = []
    columns = [Factoring() for _ in layout.names]
    for block in blocks_of(layout, limit=limit):
        lines.append(block.lines)
        for column, part in zip(columns, block.columns, strict=True):
            column.add(part)

    def line_of(row: int) -> int:
        for part in lines:
            if row < len(part):
                return part[row]
            row -= len(part)
        raise IndexError(row)

    return [column.whole() for column in columns], line_of
