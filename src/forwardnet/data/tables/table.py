"""A table: named columns of one length, each of one kind.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, ShapeError, unknown_name

Array = NDArray[Any]

# What a column can be, and what a network makes of it unless told otherwise.
KINDS = {
    "number": "a quantity",
    "boolean": "one of two values: 0 and 1",
    "category": "one of a few names",
    "date": "a point in time, in seconds since 1970-01-01 UTC",
    "text": "free text, or too many names to be categories; left out",
    "identifier": "a name or number of the row itself; left out",
    "constant": "the same value in every row; left out",
    "empty": "no value in any row; left out",
}
CODED = ("category", "text", "identifier")  # kept as codes of their levels
USED = ("number", "boolean", "category", "date")


@dataclass(frozen=True, eq=False)
class Column:
    """One column of n rows.

    Numbers, booleans (0, 1) and dates are float64 `values` (n,), NaN where the value is missing. Categories, text and
    identifiers are int32 codes (n,), -1 where missing, and `levels` has the text of each code. A constant column is
    either, an empty one is all NaN. `reason` says in words why the column was taken for what it is.
    """

    name: str
    kind: str
    values: Array
    levels: tuple[str, ...] | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("kind of column", self.kind, KINDS)
        if self.values.ndim != 1:
            raise ShapeError(f"column {self.name!r}: values have shape {self.values.shape}, expected (rows,)")
        expected = np.float64 if self.levels is None else np.int32
        if self.values.dtype != expected or (self.levels is None and self.kind in CODED):
            raise ArgumentError(f"column {self.name!r} ({self.kind}): values of {self.values.dtype} with these levels")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_coded(self) -> bool:
        """Whether `values` are codes of `levels`."""
        return self.levels is not None

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """(n,): where there is no value."""
        return np.asarray(self.values < 0 if self.is_coded else np.isnan(self.values))

    def take(self, rows: Any) -> Column:
        """The column of some rows, with the same levels."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of one length. `name` says where it came from; `notes` what was found while reading it."""

    columns: tuple[Column, ...]
    name: str = "table"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        names = [column.name for column in self.columns]
        twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
        if twice:
            raise ArgumentError(f"{self.name}: more than one column is called {sorted(twice)[0]!r}")
        lengths = {len(column) for column in self.columns}
        if len(lengths) > 1:
            raise ShapeError(f"{self.name}: columns of different lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise unknown_name("column", name, self.names)

    def __repr__(self) -> str:
        """One line: name and sizes."""
        return f"Table({self.name!r}, {len(self)} rows, {len(self.columns)} columns)"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), by which scikit-learn counts columns."""
        return len(self), len(self.columns)

    def take(self, rows: Any) -> Table:
        """The given rows (numbers, a mask or a slice), in that order."""
        return replace(self, columns=tuple(column.take(rows) for column in self.columns))

    def select(self, names: Sequence[str]) -> Table:
        """The columns with these names, in that order."""
        return replace(self, columns=tuple(self[name] for name in names))

    def drop(self, names: Iterable[str]) -> Table:
        """All columns but those; every name must be there."""
        unwanted = {self[name].name for name in names}
        return replace(self, columns=tuple(column for column in self.columns if column.name not in unwanted))
