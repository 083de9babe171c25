"""How a text file separates its values: found from its first lines, and said."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from forwardnet.data.tables import dates, notations
from forwardnet.data.tables.judge import MISSING
from forwardnet.errors import ArgumentError

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars", ",": "commas", " ": "spaces"}
SAMPLE_ROWS = 200


@dataclass(frozen=True)
class Dialect:
    """What the csv reader needs to know. `skip`: lines before the table."""

    separator: str
    quote: str = '"'
    escape: str | None = None
    skip: int = 0

    @property
    def words(self) -> str:
        """What is said about it."""
        said = [f"separated by {SEPARATORS.get(self.separator, repr(self.separator))}"]
        said += ["quoted by '"] if self.quote == "'" else []
        said += ["quotes escaped by \\"] if self.escape else []
        return ", ".join(said)

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of `csv.reader`."""
        return {
            "delimiter": self.separator,
            "quotechar": self.quote,
            "escapechar": self.escape,
            "skipinitialspace": True,
            "strict": True,
        }


def checked_separator(separator: str) -> str:
    """A separator that was given: one character, or a word for one."""
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}.get(
        separator, separator
    )
    if len(named) != 1 or named in "\"'\r\n" or named.isalnum():
        raise ArgumentError(f"separator {separator!r} cannot be used", hint="one character, as ',' or ';' or '\\t'")
    return named


def detect(lines: list[str], *, separator: str | None, prefer: str | None = None) -> Dialect:
    """The dialect of the first lines of a file; `prefer`: the separator that the file's name speaks for."""
    skip = 0
    if separator is None and lines and re.fullmatch(r'"?sep=.\r?\n?"?', lines[0]):  # Excel's own mark
        separator, skip = lines[0].strip('"')[4], 1
    while skip < len(lines) - 1 and _is_comment(lines, skip):
        skip += 1
    lines = lines[skip:]
    text = "".join(lines)
    quote = "'" if '"' not in text and _single_quoted(lines) else '"'
    escape = "\\" if re.search(r'[^\\]\\"[^,;|\t\r\n]', text) else None
    if separator is not None:
        return Dialect(separator, quote, escape, skip)
    candidates = sorted(SEPARATORS, key=lambda c: c != prefer)
    scores = {c: _score(lines, Dialect(c, quote, escape)) for c in candidates}
    best = max(candidates, key=lambda c: scores[c])  # the first of equal ones
    return Dialect(best if scores[best][0] else prefer or ",", quote, escape, skip)


def _is_comment(lines: list[str], at: int) -> bool:
    """Whether a line stands before the table: an empty one, or one that begins with # and is not its header."""
    if not lines[at].strip():
        return True
    if not lines[at].startswith("#"):
        return False
    below = next((line for line in lines[at + 1 :] if line.strip() and not line.startswith("#")), "")
    for separator in SEPARATORS:
        cells = below.split(separator)
        if separator != " " and lines[at].count(separator) == len(cells) - 1 > 0:
            return not any(_is_number(cell) for cell in cells)  # a header stands there itself
    return True


def _single_quoted(lines: list[str]) -> bool:
    """Whether most lines have a value between single quotes."""
    pattern = re.compile(r"(?:^|[,;|\t] ?)'[^']*'(?=[,;|\t\r\n]|$)")
    return sum(bool(pattern.search(line)) for line in lines) > len(lines) / 2


def _score(lines: list[str], dialect: Dialect) -> tuple[float, float]:
    """How well a separator fits: rows of equal width, then the share of values that are whole by themselves."""
    rows = parse_sample(lines, dialect)
    if not rows:
        return 0.0, 0.0
    (width, count), *_ = Counter(len(row) for row in rows).most_common(1)
    if width < 2:
        return 0.0, 0.0
    cells = [cell for row in rows[:50] for cell in row[:100]]
    typed = sum(_is_whole(cell.strip()) for cell in cells) / len(cells)
    if dialect.separator == " " and not _is_spaced(rows, width, lines[0]):
        return 0.0, 0.0
    return round(count / len(rows), 1), round(typed, 2)


def _is_spaced(rows: list[list[str]], width: int, first: str) -> bool:
    """Whether spaces separate values, and not the words of a sentence: equal rows, in part of numbers."""
    is_even = all(len(row) == width for row in rows[1:])
    is_even = is_even and (len(rows[0]) == width or (len(rows[0]) == width - 1 and '"' in first))
    cells = [cell for row in rows[1:50] or rows for cell in row]
    return is_even and sum(map(_is_number, cells)) > 0.3 * len(cells)


def _is_number(cell: str) -> bool:
    return notations.plain([cell.strip()]) is not None


def _is_whole(cell: str) -> bool:
    """Whether a cell is one value of a known form, or a name."""
    if cell.casefold() in MISSING or cell.replace("_", "").isalnum():
        return True
    if notations.notation_of([cell], decimal=None, comma_is_decimal=False) is not None:
        return True
    return len(cell) < 40 and dates.form_of([cell]) is not None


def parse_sample(lines: list[str], dialect: Dialect) -> list[list[str]]:
    """The rows of some lines, as far as they can be read."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(trimmed(lines, dialect), **dialect.options):
            if row:
                rows.append(row)
            if len(rows) >= SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    return rows


def trimmed(lines: Any, dialect: Dialect) -> Any:
    """Lines for the csv reader: without the spaces at both ends where spaces separate."""
    return (line.strip(" \r\n") + "\n" for line in lines) if dialect.separator == " " else lines
