"""Rows of a file that are put aside, so that nothing is learnt from them, and the others, which are learnt from.

Axis glossary: n rows, m rows that were kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.batches import stream_of
from forwardnet.data.tables.stream import TableStream, row_keys
from forwardnet.data.tables.table import Column, Table
from forwardnet.data.tables.target import decide_task, drop_missing
from forwardnet.errors import ArgumentError

Array = NDArray[Any]
Numbers = NDArray[np.int64]

_STREAM = stream_of("parts of a table", 0)
_KNOWN = 2  # the number of the part
_CLASSES = "classification"
_ROUNDING = 1e-3  # by which shares may be more than all rows


@dataclass(frozen=True, eq=False)
class LearntRows:
    """The rows of a stream but for those of the numbers `without` (sorted), with some of its columns, and the target.

    `sample` is some of them, for all that looks at many rows at once.
    """

    stream: TableStream
    columns: tuple[str, ...]
    without: Numbers
    sample: Table

    @property
    def path(self) -> Path:
        """The file."""
        return self.stream.path

    @property
    def target(self) -> str | None:
        """The column to be predicted."""
        return self.stream.target

    @property
    def memory_limit(self) -> int:
        """That of the stream."""
        return self.stream.memory_limit

    def blocks(self, rows: int | None = None) -> Iterator[Table]:
        """All rows that are not left out, in order, in tables of at most `rows`."""
        first = 0
        for block in self.stream.blocks(rows):
            numbers = np.arange(first, first + len(block))
            first += len(block)
            low, high = np.searchsorted(self.without, [numbers[0], first])
            yield block.select(self.columns).take(np.setdiff1d(numbers, self.without[low:high]) - numbers[0])


@dataclass(frozen=True, eq=False)
class Parts:
    """How the rows of a stream that have a target were divided.

    `known` are some of the rows to learn from, in memory; `test` and `validation` are never learnt from. Beside each
    there are the numbers of its rows in the file, from 0, in increasing order. `n` rows have a target.
    """

    stream: TableStream
    known: Table
    known_rows: Numbers
    validation: Table
    validation_rows: Numbers
    test: Table
    test_rows: Numbers
    n: int

    @property
    def n_learnt(self) -> int:
        """How many rows there are to learn from."""
        return self.n - len(self.test_rows) - len(self.validation_rows)

    def learnt(self, inputs: Sequence[str] | None = None) -> LearntRows:
        """The rows to learn from, with these inputs (None: all columns) and the target."""
        target = str(self.stream.target)
        columns = tuple(self.stream.names) if inputs is None else (*inputs, target)
        without = np.union1d(self.test_rows, self.validation_rows)
        return LearntRows(self.stream, columns, without, self.known.select(columns))


def put_aside(
    stream: TableStream,
    *,
    test: float = 0.2,
    validation: float = 0.1,
    known: float = 0.1,
    task: str | None = None,
    seed: int = 0,
) -> Parts:
    """Read the file once, and keep shares of its rows: to be tested, to choose the epoch by, and of all the others.

    Whether a row is put aside is a function of `seed` and the row's number alone, so the parts have about the rows
    that the shares say. Of a classification, which `task` says or the stream's sample, the first row of each class is
    always one of the known rows: no class is met for the first time where nothing can be learnt from it any more.

    Raises:
        ArgumentError: the stream has no target, or the shares are more than all rows.
        DataError: the file cannot be read again.
    """
    if stream.target is None:
        raise ArgumentError(f"{stream.path}: no column is named as the target", hint="TableStream(path, target=...)")
    shares = (test, validation, known)
    if min(shares) < 0 or sum(shares) > 1 + _ROUNDING:
        raise ArgumentError(f"shares of {test:g}, {validation:g} and {known:g} of the rows, expected 1 in all at most")
    has_classes = (task or decide_task(drop_missing(stream.sample, stream.target)[0][stream.target])[0]) == _CLASSES
    edges = np.cumsum(shares)
    found = tuple(_Kept() for _ in shares)
    seen: set[float] = set()
    first = n = 0
    for block in stream.blocks():
        part = np.searchsorted(edges, row_keys(first, len(block), seed=seed, stream=_STREAM) / 2.0**32, side="right")
        target = block[stream.target]
        present = ~target.is_missing
        if has_classes:
            part[_first_ones(target, present, seen)] = _KNOWN
        for number, kept in enumerate(found):
            rows = np.flatnonzero(present & (part == number))
            kept.add(block.take(rows), rows + first)
        first += len(block)
        n += int(np.count_nonzero(present))
    tables = [kept.joined() for kept in found]
    (tested, tested_rows), (chosen, chosen_rows), (learnt, learnt_rows) = tables
    return Parts(stream, learnt, learnt_rows, chosen, chosen_rows, tested, tested_rows, n)


def _first_ones(target: Column, present: NDArray[np.bool_], seen: set[float]) -> list[int]:
    """The first rows of a block with values of the target that were not `seen` before, which are added."""
    values, rows = np.unique(target.values, return_index=True)
    fresh = [i for i, value in zip(rows.tolist(), values.tolist(), strict=True) if present[i] and value not in seen]
    seen.update(float(target.values[i]) for i in fresh)
    return fresh


class _Kept:
    """Rows of the blocks that went by."""

    def __init__(self) -> None:
        self._tables: list[Table] = []
        self._numbers: list[Numbers] = []

    def add(self, table: Table, numbers: Numbers) -> None:
        if len(table) or not self._tables:  # the first one says which columns there are
            self._tables.append(table)
            self._numbers.append(numbers)

    def joined(self) -> tuple[Table, Numbers]:
        """All of them in one table, and their numbers."""
        found = joined(self._tables)
        self._tables.clear()
        return found, np.concatenate(self._numbers)


def joined(tables: Sequence[Table]) -> Table:
    """The rows of tables with the same columns and levels, one table after the other."""
    columns = [
        replace(column, values=np.concatenate([table.columns[j].values for table in tables]))
        for j, column in enumerate(tables[0].columns)
    ]
    return replace(tables[0], columns=tuple(columns))
