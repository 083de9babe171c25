"""The rows that a model is asked about: a table in memory, or a file that need not fit, block by block.

Axis glossary: n rows.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.output import Output
from forwardnet.cli.tabular import limit, source
from forwardnet.cli.tabular.record import Record, fingerprint
from forwardnet.data.tables import Column, Table, TableStream, read_table
from forwardnet.data.tables.stream import column_names
from forwardnet.errors import ArgumentError, DataError, unknown_name

PARTS = ("train", "test", "all")


@dataclass(frozen=True)
class Reading:
    """How the file of the rows is read, where the command says; with a `memory_limit` in bytes in blocks."""

    has_header: bool | None = None
    separator: str | None = None
    encoding: str | None = None
    memory_limit: int | None = None


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as a model wants them, the target where the file has it, and their numbers in the file."""

    X: Table
    target: Column | None
    numbers: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Asked:
    """`count` rows, in words which these are, and the blocks that they come in."""

    count: int
    what: str
    blocks: Callable[[], Iterator[Rows]]


def open_rows(data: str, record: Record, reading: Reading, output: Output, *, part: str | None, usual: str) -> Asked:
    """The rows of a file or data set; of the file that the model learnt from, the `part` (if not given: `usual`).

    Raises:
        DataError: a column that the model wants is missing, or holds what it cannot read.
    """
    if part is not None and part not in PARTS:
        raise unknown_name("part", part, PARTS)
    tables: Callable[[], Iterator[Table]]
    if reading.memory_limit is not None:
        stream = _stream(data, record, reading)
        n, table, tables = stream.n, Table(()), stream.blocks
    else:
        table = _read(data, record, reading, output)
        n, tables = len(table), partial(iter, (table,))
        _check_names(data, table.names, record)
    chosen, what = _part(data, table, n, record, part, usual)

    def blocks() -> Iterator[Rows]:
        first = 0
        for block in tables():
            here = slice(first, first + len(block))
            own = np.arange(len(block)) if chosen is None else np.flatnonzero(chosen[here])
            targets = [column.take(own) for column in block if column.name == record.target]
            if len(own):
                yield Rows(block.select(record.names).take(own), targets[0] if targets else None, first + own)
            first += len(block)

    return Asked(n if chosen is None else int(chosen.sum()), what, blocks)


def _check_names(data: str, names: Sequence[str], record: Record) -> None:
    absent = [name for name in record.names if name not in names]
    if not absent:
        return
    small = {name.casefold(): name for name in names}
    near = [small[name] for name in difflib.get_close_matches(absent[0].casefold(), small, n=1, cutoff=0.5)]
    more = f" (and {len(absent) - 1} more that the model wants)" if len(absent) > 1 else ""
    hint = f"is it {near[0]!r} there?" if near else "'forwardnet inspect' lists the columns that the model wants"
    raise DataError(f"{data}: the column {absent[0]!r} is missing{more}", hint=hint)


def _how(record: Record, reading: Reading) -> dict[str, Any]:
    header = reading.has_header if reading.has_header is not None else "auto" if record.has_header else False
    return {"header": header, "separator": reading.separator, "encoding": reading.encoding}


def _kinds(record: Record, present: Sequence[str]) -> dict[str, str]:
    """The kinds that were learnt: of a few rows nobody could tell."""
    kinds = {column["name"]: column["kind"] for column in record.columns}
    if record.is_classifier:
        kinds[record.target] = "category"
    return {name: kind for name, kind in kinds.items() if name in present}


def _read(data: str, record: Record, reading: Reading, output: Output) -> Table:
    from forwardnet.cli.train import load_dataset

    if not source.is_table_file(data):
        return source.as_table(load_dataset(data, None, output))[0]
    how = _how(record, reading)
    return read_table(data, kinds=_kinds(record, read_table(data, limit=1, **how).names), **how)


def _stream(data: str, record: Record, reading: Reading) -> TableStream:
    assert reading.memory_limit is not None
    if not source.is_table_file(data):
        raise ArgumentError(f"--memory-limit is given, but {data!r} is no file of a table")
    how = _how(record, reading)
    names = column_names(data, **how)
    _check_names(data, names, record)
    return TableStream(data, kinds=_kinds(record, names), memory_limit=limit.of_stream(reading.memory_limit), **how)


def _part(
    data: str, table: Table, n: int, record: Record, part: str | None, usual: str
) -> tuple[NDArray[np.bool_] | None, str]:
    """Which of the n rows are of a part, None for all of them, and in words which these are."""
    own = f"the {'file' if source.is_table_file(data) else 'data'} it learnt from"
    if fingerprint(data, table) != record.sha256:
        if part not in (None, "all"):
            raise ArgumentError(f"--part {part}: {data!r} is not what the model learnt from", hint="leave --part out")
        return None, "all rows"
    chosen = part or usual
    if chosen != "all" and record.tested is not None and len(record.tested) == n:
        return record.tested == (chosen == "test"), f"the {chosen} part of {own}"
    if part == "test":
        raise ArgumentError(f"--part test: the model has learnt from all rows of {data!r}")
    return None, f"all rows of {own}"
