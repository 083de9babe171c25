"""What was decided about a column, and the column that any of its texts become.

All blocks of a table get the same kinds and levels. Axis glossary: n rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables import notations
from forwardnet.data.tables.dates import DateForm
from forwardnet.data.tables.factor import Factored, factored
from forwardnet.data.tables.judge import Rules, shown
from forwardnet.data.tables.notations import Notation
from forwardnet.data.tables.table import Column
from forwardnet.errors import DataError

Array = NDArray[Any]


@dataclass(frozen=True)
class Decision:
    """What a column is, and how its texts are read."""

    name: str
    kind: str
    reason: str
    reading: Notation | DateForm | Mapping[str, float] | None  # numbers, dates, yes and no; None: codes of `levels`
    levels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)  # texts taken for missing values, and how often
    kept: frozenset[str] = frozenset()  # marks for missing values that are values here

    def column(self, texts: Factored, rules: Rules, *, first_row: int = 0) -> Column:
        """The column of these texts, of which the first stands in row `first_row`.

        Raises DataError for a text that cannot be read so; names that are no level have the code -1.
        """
        numbers = self._quick(texts.texts, rules)
        if numbers is not None:
            return Column(self.name, self.kind, numbers[texts.codes], None, self.reason)
        bare = [text.strip() for text in texts.texts]
        missing = rules.missing - self.kept
        present = [i for i, text in enumerate(bare) if text.casefold() not in missing]
        if self.levels is not None:
            codes = {level: code for code, level in enumerate(self.levels)}
            coded = np.full(len(bare), -1, np.int32)
            coded[present] = [codes.get(bare[i], -1) for i in present]
            return Column(self.name, self.kind, coded[texts.codes], self.levels, self.reason)
        read = self._numbers([bare[i] for i in present])
        if read is None:
            raise self._unreadable(texts, [texts.texts[i] for i in present], rules, first_row)
        values = np.full(len(bare), np.nan)
        values[present] = read
        values[np.isinf(values)] = np.nan
        return Column(self.name, self.kind, values[texts.codes], None, self.reason)

    def block(self, texts: Sequence[str], rules: Rules, *, first_row: int) -> Column:
        """`column` of the texts as they stand in the file: faster for numbers, most of which come once."""
        numbers = self._quick(texts, rules)
        if numbers is not None:
            return Column(self.name, self.kind, numbers, None, self.reason)
        return self.column(factored(texts), rules, first_row=first_row)

    def _quick(self, texts: Sequence[str], rules: Rules) -> Array | None:
        """Plain numbers of which none is missing; None for all else."""
        if not (isinstance(self.reading, Notation) and self.reading.is_plain):
            return None
        numbers = notations.quick(texts, rules.missing)
        if numbers is not None:
            numbers[np.isinf(numbers)] = np.nan
        return numbers

    def _numbers(self, texts: list[str]) -> list[float] | None:
        """Each text as a number."""
        if isinstance(self.reading, Notation | DateForm):
            return self.reading.parse(texts)
        assert self.reading is not None
        found = [self.reading.get(text) for text in texts]
        return None if None in found else found  # type: ignore[return-value]

    def _unreadable(self, texts: Factored, present: list[str], rules: Rules, first_row: int) -> DataError:
        """The error for the first text that is not what the column is said to be."""
        bad = next(text for text in present if self._numbers([text.strip()]) is None)
        place = rules.place(first_row + texts.first_row(bad))
        return DataError(
            f"{rules.where}: {place}, column {self.name!r}: {shown(bad)} is no {self.kind}",
            hint=f"correct it, or name it as a missing value: missing=[..., {bad.strip()!r}]",
        )
