"""From a table that does not fit into memory to rows that a network learns from.

Axis glossary: n rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forwardnet.data.rows import RowStore
from forwardnet.data.tables.encoder import TableEncoder
from forwardnet.data.tables.stream import TableStream
from forwardnet.data.tables.table import Column, Table
from forwardnet.data.tables.target import TargetEncoder, drop_missing
from forwardnet.errors import ArgumentError


def learn_encoding(stream: TableStream, encoder: TableEncoder, target: TargetEncoder) -> None:
    """Fit both encoders to the stream's sample, whose column `stream.target` is what is asked for.

    Names of classes are those of the whole file; all that is a figure, as a mean or a quantile, is that of the sample.
    Raises ArgumentError where the stream has no target, DataError for what cannot be learnt.
    """
    sample = _with_target(stream, stream.sample)
    asked = sample[_target(stream)]
    encoder.fit(sample.drop([asked.name]))
    if asked.levels is not None:
        codes = np.arange(len(asked.levels), dtype=np.int32)
        asked = Column(asked.name, asked.kind, codes, asked.levels, asked.reason)
    target.fit(asked)


def encode_rows(
    stream: TableStream, encoder: TableEncoder, target: TargetEncoder, *, folder: Path | None = None
) -> RowStore:
    """All rows that have a target, encoded, in a file that is gone when the store is closed; see `RowStore`.

    Raises DataError for what the encoders refuse, and where the disk is full.
    """
    name = _target(stream)
    shape, dtype = ((), np.int64) if target.task == "classification" else ((), np.float32)
    store = RowStore(encoder.layout.width, target_shape=shape, target_dtype=dtype, folder=folder)
    try:
        for block in stream.blocks():
            table = _with_target(stream, block)
            if len(table):
                store.append(encoder.transform(table.drop([name])), target.transform(table[name]))
    except BaseException:
        store.close()
        raise
    return store


def _with_target(stream: TableStream, table: Table) -> Table:
    """The rows that have a target."""
    return drop_missing(table, _target(stream))[0]


def _target(stream: TableStream) -> str:
    if stream.target is None:
        raise ArgumentError(f"{stream.path}: no column is named as the target", hint="TableStream(path, target=...)")
    return stream.target
