"""A table as the encoder knows it: its columns found by name, their values as numbers, their categories as codes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables.date_parts import with_days_for_months
from forwardnet.data.tables.dates import DAY_FIRST, MONTH_FIRST, form_of
from forwardnet.data.tables.judge import PAIRS, TRUE
from forwardnet.data.tables.kinds import number_text
from forwardnet.data.tables.table import Column, Table
from forwardnet.errors import DataError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def find(table: Table, names: Sequence[str]) -> list[Column]:
    """The columns with these names, in that order; the table's own order and further columns do not matter."""
    by_name = {column.name: column for column in table}
    absent = [name for name in names if name not in by_name]
    if not absent:
        return [by_name[name] for name in names]
    free = sorted(set(by_name) - set(names))
    nearest = difflib.get_close_matches(absent[0], free, n=1, cutoff=0.5)
    others = f" ({len(absent)} columns are missing in all)" if len(absent) > 1 else ""
    hint = f"did {nearest[0]!r} mean it?" if nearest else f"the table has: {_listed([c.name for c in table])}"
    raise DataError(f"{table.name}: the column {absent[0]!r} is missing{others}", hint=hint)


def as_numbers(column: Column, where: str, kind: str = "number") -> Floats:
    """The column's values as float64 (n,), NaN where missing. Text must spell numbers, or dates for that `kind`."""
    _refuse_kind(column, where, kind)
    if column.levels is None:
        return column.values
    spelled = [_spelled(level) for level in column.levels]
    if kind == "date":
        form = form_of(column.levels)
        spelled = (form[0].parse(column.levels) if form else None) or [float("nan")] * len(spelled)
    values = _lookup(spelled, column)
    bad = np.isnan(values) & ~column.is_missing
    if bad.any():
        row = int(np.argmax(bad))
        text = column.levels[int(column.values[row])]
        raise DataError(f"{where}: column {column.name!r} has {text[:40]!r} at row {row}, expected a {kind}")
    return values


def is_day_first(column: Column) -> bool | None:
    """Whether its dates were written with the day first, or the month; None where they were written otherwise."""
    found = [form for form in (DAY_FIRST, MONTH_FIRST) if column.reason.startswith(form.words)]
    return found[0] is DAY_FIRST if found else None


def as_dates(column: Column, where: str, day_first: bool | None) -> Floats:
    """The column's dates. Where 3/4/2020 has been taken for the other of its two days than in training, it is turned.

    A column with a day beyond the twelfth says by itself how it is written.
    """
    values = as_numbers(column, where, "date")
    own = is_day_first(column)
    if own is None or day_first is None or own == day_first:
        return values
    turned = with_days_for_months(values)
    return values if turned is None else turned


def infinity(name: str, row: int, where: str) -> DataError:
    """The error for an infinite number."""
    return DataError(
        f"{where}: column {name!r} has an infinite value (inf) at row {row}, expected finite numbers",
        hint="leave such cells empty, or clip them",
    )


def as_flags(column: Column, where: str) -> Codes:
    """0 where missing, 1 for false, 2 for true: (n,)."""
    _refuse_kind(column, where, "boolean")
    values = column.values
    if column.levels is not None:
        values = _lookup([_truth(level) for level in column.levels], column)
    missing = column.is_missing
    bad = ~missing & (values != 0) & (values != 1)
    if bad.any():
        row = int(np.argmax(bad))
        told = repr(column.levels[int(column.values[row])][:40]) if column.levels else values[row]
        raise DataError(f"{where}: column {column.name!r} has {told} at row {row}, expected true or false (1 or 0)")
    return np.where(missing, -1, values).astype(np.int64) + 1


# What a column may have been taken for that makes its values unreadable as what they were in training.
_LOST = {"number": ("date",), "date": ("number", "boolean"), "boolean": ("date",), "category": ("date", "boolean")}


def _refuse_kind(column: Column, where: str, kind: str) -> None:
    if column.kind in _LOST[kind] and not column.is_coded:
        raise DataError(
            f"{where}: column {column.name!r} came as {column.kind}, expected {kind} as in training",
            hint="read the table with kinds=encoder.kinds",
        )


class Categories:
    """Codes of the categories known from training: 0 for none, 1 and on for `levels`, one more for the `rare` ones.

    A category that training had not is counted among the rare ones if there are such, and is 0 otherwise.
    """

    def __init__(self, levels: Sequence[str], rare: Sequence[str] = ()) -> None:
        self.levels = tuple(levels)
        self.rare = tuple(rare)
        self.unknown = len(self.levels) + 1 if self.rare else 0
        self._codes = {level: i + 1 for i, level in enumerate(self.levels)} | dict.fromkeys(self.rare, self.unknown)
        # Names that are numbers may come back as numbers, written otherwise: 3 for "3.0".
        spelled = ((_spelled(level), code) for level, code in self._codes.items())
        self._by_number = {value: code for value, code in spelled if np.isfinite(value)}
        numbers = sorted(self._by_number)
        self._numbers = np.array(numbers, dtype=np.float64)
        self._codes_of_numbers = np.array([*(self.code(number_text(x)) for x in numbers), self.unknown], dtype=np.int64)

    def __len__(self) -> int:
        """How many codes there are, with 0."""
        return len(self.levels) + 1 + bool(self.rare)

    def codes(self, column: Column, where: str) -> Codes:
        """(n,): the codes of the column's values."""
        if column.kind == "date" or not {"0", "1"} & set(self._codes):
            _refuse_kind(column, where, "category")
        if column.levels is None:
            return np.where(np.isnan(column.values), 0, self._of_numbers(column.values))
        names, index = named(column)
        table = np.array([self.code(name) for name in names] + [0], dtype=np.int64)
        return table[index]

    def code(self, name: str) -> int:
        """The code of one name."""
        found = self._codes.get(name)
        return self._by_number.get(_spelled(name), self.unknown) if found is None else found

    def _of_numbers(self, values: Floats) -> Codes:
        """(n,): the codes of numbers; NaN is as unseen."""
        place = np.searchsorted(self._numbers, values)
        is_known = np.append(self._numbers, np.nan)[place] == values
        return np.asarray(self._codes_of_numbers[np.where(is_known, place, -1)])

    def unseen(self, column: Column) -> dict[str, int]:
        """The names in the column that training had not, and in how many rows each is."""
        names, index = named(column)
        counts = np.bincount(index + 1, minlength=len(names) + 1)[1:].tolist()
        return {name: n for name, n in zip(names, counts, strict=True) if n and not self._knows(name)}

    def _knows(self, name: str) -> bool:
        return name in self._codes or _spelled(name) in self._by_number


def named(column: Column) -> tuple[Sequence[str], Codes]:
    """The names among the column's values, and for each row the number of its name, -1 where missing."""
    if column.levels is not None:
        return column.levels, column.values.astype(np.int64)
    values, index = np.unique(column.values, return_inverse=True)
    is_number = ~np.isnan(values)
    names = [number_text(float(value)) for value in values[is_number]]
    return names, np.where(np.isnan(column.values), -1, index).astype(np.int64)


def _spelled(text: str) -> float:
    """The number that a text spells, NaN if none; Python's own 1_000 is none."""
    try:
        return float("nan" if "_" in text else text)
    except ValueError:
        return float("nan")


def _truth(text: str) -> float:
    """1 for true, 0 for false, NaN for neither."""
    word = text.strip().casefold()
    return float(word in TRUE) if any(word in pair for pair in PAIRS) else _spelled(word)


def _lookup(values: list[float], column: Column) -> Floats:
    """The value of each code; NaN for -1, which reads the last place."""
    return np.array([*values, np.nan], dtype=np.float64)[column.values]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
