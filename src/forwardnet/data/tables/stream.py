"""Tables that do not fit into memory: read twice, in blocks of rows.

The first reading finds out what each column is, the second gives blocks that all have the same kinds and levels.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forwardnet import seeds
from forwardnet.data.batches import stream_of
from forwardnet.data.tables import binary, delimited, records
from forwardnet.data.tables.decision import Decision
from forwardnet.data.tables.delimited import Block
from forwardnet.data.tables.encodings import check_file
from forwardnet.data.tables.headers import find_name
from forwardnet.data.tables.judge import MISSING, MOST_LEVELS, Rules
from forwardnet.data.tables.kinds import Marks, check_kinds, settled
from forwardnet.data.tables.profile import Profile
from forwardnet.data.tables.table import Table
from forwardnet.errors import ArgumentError, DataError, FileFormatError

CELL = 120  # bytes that a cell takes while its block is read: the text, and its place in lists
MEMORY = 256 << 20
LEAST = 8 << 20
FEWEST_ROWS = 20
SHARES = 16


class TableStream:
    """A file of separated values, as blocks of rows. `n`: the rows; `notes`: as those of `read_table`.

    `sample` is a `Table` of rows drawn without regard to what they hold, as many as fit, for all that looks at many
    rows at once, as the scales of an encoder. The memory that reading takes stays below `memory_limit` bytes, whatever
    the length of the file; columns with more than 10,000 different texts are left out, and their names not kept.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        header: bool | str = "auto",
        separator: str | None = None,
        encoding: str | None = None,
        decimal: str | None = None,
        missing: Iterable[str] = MISSING,
        kinds: Mapping[str, str] | None = None,
        target: str | None = None,
        memory_limit: int = MEMORY,
        seed: int = 0,
    ) -> None:
        """Read the file once; the arguments are those of `read_table`. Raises FileFormatError, DataError."""
        self.path = Path(path)
        if memory_limit < LEAST:
            raise ArgumentError(f"memory_limit is {memory_limit} bytes, expected {LEAST} or more")
        delimited.check_options(header, decimal)
        self.memory_limit = memory_limit
        self._layout = _layout(self.path, header=header, separator=separator, encoding=encoding)
        self.names = tuple(self._layout.names)
        self.target = None if target is None else find_name(self.names, target)
        check_kinds(kinds, self.names)
        # A sixteenth each for a block of texts, for the sample and for the texts of categories. What Python frees it
        # keeps, so these are there beside what is made of them, and beside the rows that are learnt from later.
        row = CELL * self._layout.width
        if memory_limit // SHARES // row < FEWEST_ROWS:
            raise ArgumentError(
                f"{self.path}: memory_limit {memory_limit} bytes is little for rows of {len(self.names)} values",
                hint=f"allow {FEWEST_ROWS * SHARES * row} bytes or more",
            )
        self.block_rows = min(memory_limit // SHARES // row, 65_536)
        self._sampling = Sampling(memory_limit // SHARES // row, seed)
        rules = Rules(
            missing=frozenset(text.strip().casefold() for text in missing),
            decimal=decimal,
            comma_is_decimal=self._layout.dialect.separator == ";",
            where=str(self.path),
        )
        self._scan(rules, kinds or {})

    def _scan(self, rules: Rules, kinds: Mapping[str, str]) -> None:
        """The first reading."""
        most = int(max(min(MOST_LEVELS, self.memory_limit // SHARES // (CELL * len(self.names))), 100))
        profiles = [Profile(name, rules, kind=kinds.get(name), most_texts=most) for name in self.names]
        block = None
        self.n = 0
        for block in delimited.blocks_of(self._layout, rows=self.block_rows):
            first = self.n
            rules = replace(rules, place=lambda row, b=block, f=first: _place(row, b, f))  # type: ignore[misc]
            for profile, column in zip(profiles, block.columns, strict=True):
                profile.rules = rules
                profile.block(column)
            self._sampling.add(block)
            self.n += len(block.lines)
        if not self.n:
            raise DataError(f"{self.path}: a header and no rows", hint="is it the right file, or header=False?")
        self._rules = settled(profiles, replace(rules, place=lambda row: f"row {row + 1}"))
        marks = Marks()
        decisions = [profile.decide(self._rules, n_columns=len(self.names)) for profile in profiles]
        for decision in decisions:
            marks.add(decision.name, decision.marks)
        self._decisions = [self._as_target(d) if d.name == self.target else d for d in decisions]
        self.notes = (*self._layout.notes, *marks.notes(), *(note for d in decisions for note in d.notes))
        del self._layout.notes[:]  # the second reading says the same again

    def _as_target(self, decision: Decision) -> Decision:
        """What is asked for is no identifier; refuses one with too many names."""
        if decision.levels is None:
            return decision
        if not decision.levels:
            raise DataError(f"{self.path}: column {decision.name!r} cannot be the target: {decision.reason}")
        return replace(decision, kind="category", reason=f"the target; {decision.reason}")

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        """One line: name and sizes."""
        return f"TableStream({self.path.name!r}, {self.n} rows, {len(self.names)} columns)"

    @property
    def sample(self) -> Table:
        """At most so many rows as fit into a sixteenth of the memory, in their order in the file."""
        return self._table(self._sampling.block(len(self.names)), 0)

    def blocks(self, rows: int | None = None) -> Iterator[Table]:
        """All rows in order, in tables of at most `rows`; raises DataError where the file has changed."""
        first = 0
        for block in delimited.blocks_of(self._layout, rows=min(rows or self.block_rows, self.block_rows)):
            yield self._table(block, first)
            first += len(block.lines)
        del self._layout.notes[:]
        if first != self.n:
            raise DataError(f"{self.path}: had {self.n} rows and now has {first}", hint="it must not change meanwhile")

    def _table(self, block: Block, first: int) -> Table:
        rules = replace(self._rules, place=lambda row: f"line {block.lines[row - first]}")
        columns = [
            decision.block(texts, rules, first_row=first)
            for decision, texts in zip(self._decisions, block.columns, strict=True)
        ]
        return Table(tuple(columns), name=self.path.name, notes=self.notes)


def column_names(
    path: str | os.PathLike[str],
    *,
    header: bool | str = "auto",
    separator: str | None = None,
    encoding: str | None = None,
) -> tuple[str, ...]:
    """The names that the columns of a stream will have, without reading the file to its end.

    Raises FileFormatError.
    """
    delimited.check_options(header, None)
    return tuple(_layout(Path(path), header=header, separator=separator, encoding=encoding).names)


def _layout(path: Path, *, header: bool | str, separator: str | None, encoding: str | None) -> delimited.Layout:
    check_file(path)
    is_text = binary.format_of(path) == "text" and not records.is_json(path)
    if not is_text or records.begins_with_record(path):
        raise FileFormatError(f"{path}: only separated values can be read in blocks", hint="save it as CSV")
    return delimited.find_layout(path, header=header, separator=separator, encoding=encoding)


def _place(row: int, block: Block, first: int) -> str:
    return f"line {block.lines[row - first]}" if 0 <= row - first < len(block.lines) else f"row {row + 1}"


class Sampling:
    """Keeps `most` rows of all that come, each with the same chance: a random key for each row, the smallest stay.

    The keys are a function of the seed and the row's number, so the size of blocks does not matter.
    """

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.seed = most, seed
        self._rows: list[tuple[str, ...]] = []
        self._lines: list[int] = []
        self._keys = np.empty(0, np.uint32)
        self._seen = 0

    def add(self, block: Block) -> None:
        """The next rows."""
        count = len(block.lines)
        keys = row_keys(self._seen, count, seed=self.seed, stream=STREAM)
        self._seen += count
        limit = np.iinfo(np.uint32).max
        if len(self._keys) == self.most:
            limit = self._keys.max()
        chosen = np.flatnonzero(keys <= limit)
        self._keys = np.concatenate([self._keys, keys[chosen]])
        for row in chosen.tolist():
            self._rows.append(tuple(column[row] for column in block.columns))
            self._lines.append(block.lines[row])
        if len(self._keys) > self.most:
            kept = np.sort(np.argsort(self._keys, kind="stable")[: self.most])
            self._keys = self._keys[kept]
            self._rows = [self._rows[i] for i in kept.tolist()]
            self._lines = [self._lines[i] for i in kept.tolist()]

    def block(self, width: int) -> Block:
        """The rows that stayed, as columns."""
        return Block(self._lines, list(zip(*self._rows, strict=True)) if self._rows else [()] * width)


def row_keys(first: int, count: int, *, seed: int, stream: int) -> NDArray[np.uint32]:
    """(count,): a random number for each row from `first` on, the same however the rows are cut into blocks."""
    start = first // 4
    words = seeds.bits(4 * (-(-(first + count) // 4) - start), seed=seed, stream=stream, start=start)
    return words[first - 4 * start :][:count]


STREAM = stream_of("sample of a table", 0)
