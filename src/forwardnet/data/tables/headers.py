"""The names of columns: whether the first row has them, and how they become different and not empty.

Axis glossary: d columns.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from forwardnet.data.tables import dates, notations
from forwardnet.data.tables.judge import MISSING
from forwardnet.errors import unknown_name

EXAMPLES = 100  # rows that are looked at


def has_header(rows: list[list[str]]) -> tuple[bool, str]:
    """Whether the first of the rows has names, and why."""
    first, below = [cell.strip() for cell in rows[0]], rows[1:EXAMPLES]
    numeric = [i for i, cell in enumerate(first) if cell and _is_value(cell)]
    if not any(first):
        return False, "the first row is empty"
    if not below:
        return (False, "the only row has numbers") if numeric else (True, "the only row has no numbers")
    if numeric:
        if _counts(first):
            return True, "the first row counts the columns"
        if _has_years(first):
            return True, "the first row has names and years"
        return False, f"the first row has the value {first[numeric[0]]!r}"
    columns = [[row[i].strip() for row in below if i < len(row) and row[i].strip()] for i in range(len(first))]
    if any(cell and cells and all(map(_is_value, cells)) for cell, cells in zip(first, columns, strict=True)):
        return True, "the first row has names above numbers"
    recurring = [cell for cell, cells in zip(first, columns, strict=True) if cell and cell in cells]
    if recurring:
        return False, f"{recurring[0]!r} of the first row comes again below"
    if len(set(first)) < len(first):
        return False, "texts of the first row are alike"
    return True, "the first row has texts that do not come again; header=False if it has values"


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, a date, or a mark for a missing value."""
    cell = cell.strip()
    if cell.casefold() in MISSING or notations.notation_of([cell], decimal=None, comma_is_decimal=False):
        return True
    return len(cell) < 40 and dates.form_of([cell]) is not None


def _counts(first: list[str]) -> bool:
    """Whether a row is 0, 1, 2, ... or 1, 2, 3, ..., the first perhaps empty, as columns without names are written."""
    cells = first[1:] if not first[0] else first
    return len(cells) > 2 and any(cells == [str(i + start) for i in range(len(cells))] for start in (0, 1))


def _has_years(first: list[str]) -> bool:
    """Whether a row is texts and then consecutive years."""
    years = [int(cell) for cell in first if re.fullmatch(r"1[89][0-9]{2}|20[0-9]{2}", cell)]
    others = [cell for cell in first if not _is_value(cell)]
    is_run = len(years) > 1 and all(b - a == 1 for a, b in itertools.pairwise(years))
    return is_run and bool(others) and len(years) + len(others) == len(first)


def names_of(cells: list[str]) -> tuple[list[str], list[str]]:
    """d names, all different and none empty, from the cells of a header; and notes on what was changed.

    A column without a name is called by its number, x1, x2, ...; a further `a` becomes `a_2`.
    """
    notes: list[str] = []
    cells = list(cells)
    stray = stray_of(cells)
    if stray:
        cells[0] = cells[0].removeprefix(stray)
        notes.append(f"the stray {stray} before the first name was left out")
    if cells and cells[0].startswith("#") and len(cells[0]) > 1:
        cells[0] = cells[0].lstrip("# ")
        notes.append("the # before the first name was left out")
    given = [cell.strip() for cell in cells]
    names: list[str] = []
    taken = set(given)
    seen: set[str] = set()
    for number, name in enumerate(given, 1):
        new = name or f"x{number}"
        copy = 2
        while new in seen or (new != name and new in taken):
            new = f"{name or f'x{number}'}_{copy}"
            copy += 1
        seen.add(new)
        names.append(new)
        if new != name and len(notes) < 20:
            why = f"a further {name!r}" if name else "without a name"
            notes.append(f"column {number}, {why}, is called {new!r}")
    return names, notes


def stray_of(cells: list[str]) -> str:
    """The b' of a Python literal that was written as it stands, before the first name; "" where there is none."""
    found = re.match(r"b['\"](?=.)", cells[0]) if cells else None
    return found.group() if found else ""


def default_names(d: int) -> list[str]:
    """x1, x2, ..., xd."""
    return [f"x{number}" for number in range(1, d + 1)]


def find_name(names: Sequence[str], wanted: str | int) -> str:
    """The name of a column by its name, or, where columns were never named, by its number from 1.

    Raises UnknownNameError.
    """
    text = str(wanted)
    if text not in names and text.isdigit() and list(names) == default_names(len(names)):
        text = f"x{int(text)}"
    if text in names:
        return text
    raise unknown_name("column", wanted, names)
