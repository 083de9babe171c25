"""Where the rows come from: files of tables, and data sets by name as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.tabular.limit import of_stream
from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.problem import find_column, find_target
from forwardnet.data import Dataset
from forwardnet.data.tables import Column, Table, TableStream, read_table
from forwardnet.data.tables.stream import column_names
from forwardnet.data.tables.table import USED
from forwardnet.errors import ArgumentError, FileFormatError

Array = NDArray[Any]

SUFFIXES = (
    *(".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".parquet", ".pq", ".arrow", ".feather", ".ipc"),
    *(".json", ".jsonl", ".ndjson", ".xls", ".xlsx", ".xlsm", ".ods"),
)


def is_table_file(name: str) -> bool:
    """Whether a name is that of a table's file, by its ending; `.gz` behind it does not count."""
    path = Path(name)
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower() in SUFFIXES


def read_for_training(options: TableOptions) -> tuple[Table, dict[str, str]]:
    """The table in the file that the options name, and the kinds of columns that it was read with.

    Raises:
        ForwardnetError: the file cannot be read, or has no such column.
    """
    found = _read(options, {})
    name, _ = find_target(found, options.target)
    if found[name].kind not in USED:
        found = _read(options, {}, target=name)  # as a target it may be something after all
    kinds = {find_column(found, name, "--kind"): kind for name, kind in options.kinds.items()}
    kind = kind_as_target(found[name], options)
    if name not in kinds and kind is not None:
        kinds[name] = kind
    return (_read(options, kinds, target=name) if kinds else found), kinds


def kind_as_target(column: Column, options: TableOptions) -> str | None:
    """What kind a target has to be read as, where that is not what it is."""
    if options.task == "classification" and column.kind not in ("category", "number"):
        return "category"
    if options.task == "regression" and column.kind == "boolean":
        return "number"
    if column.kind == "boolean" and column.reason != "0 and 1":
        return "category"  # the words for yes and no are the classes
    return None


def open_stream(options: TableOptions) -> tuple[TableStream, dict[str, str]]:
    """The file that the options name, to be read in blocks, and the kinds of columns that it is read with.

    Raises:
        ForwardnetError: the file cannot be read in blocks, or has no such column.
    """
    if not is_table_file(options.data):
        raise ArgumentError(f"--memory-limit is given, but {options.data!r} is no file of a table")
    names = column_names(options.data, **_how(options))
    first = Table(tuple(Column(name, "empty", np.empty(0)) for name in names), name=Path(options.data).name)
    name, _ = find_target(first, options.target)
    kinds = {find_column(first, column, "--kind"): kind for column, kind in options.kinds.items()}
    assert options.memory_limit is not None
    more: dict[str, Any] = {"target": name, "memory_limit": of_stream(options.memory_limit), "seed": options.seed}
    stream = TableStream(options.data, kinds=kinds or None, **_how(options), **more)
    kind = kind_as_target(stream.sample[name], options)
    if name not in kinds and kind is not None:
        kinds[name] = kind
        stream = TableStream(options.data, kinds=kinds, **_how(options), **more)
    return stream, kinds


def _how(options: TableOptions) -> dict[str, Any]:
    """How the file is read, as far as the options say."""
    header = "auto" if options.has_header is None else options.has_header
    return {"header": header, "separator": options.separator, "encoding": options.encoding}


def _read(options: TableOptions, kinds: Mapping[str, str], *, target: str | None = None) -> Table:
    return read_table(options.data, kinds=kinds or None, target=target, **_how(options))


def as_table(data: Dataset) -> tuple[Table, int]:
    """A data set with its target as the last column, and how many of the last rows are its official test part.

    Raises:
        ArgumentError: it has several targets.
    """
    if data.task == "regression" and data.n_outputs > 1:
        raise ArgumentError(f"data set {data.name!r} has {data.n_outputs} targets, expected one")
    X, y, n_test = data.X, data.y, 0
    if data.X_test is not None and data.y_test is not None:
        X, y, n_test = np.concatenate([X, data.X_test]), np.concatenate([y, data.y_test]), len(data.X_test)
    columns = [
        Column(name, "number", np.ascontiguousarray(values, dtype=np.float64), None, "a number of the data set")
        for name, values in zip(data.feature_names, X.T, strict=True)
    ]
    name = "target" if "target" not in data.feature_names else "target of the data set"
    if data.task == "classification":
        target = Column(name, "category", y.astype(np.int32), data.target_names, "a class of the data set")
    else:
        target = Column(name, "number", y.reshape(-1).astype(np.float64), None, "a number of the data set")
    return Table((*columns, target), name=data.name), n_test


def refuse_reading_options(options: TableOptions) -> None:
    """Say that options for reading a file are no use for what is no file of a table."""
    given = {
        "--no-header": options.has_header is not None,
        "--separator": options.separator is not None,
        "--encoding": options.encoding is not None,
        "--kind": bool(options.kinds),
    }
    for option, is_given in given.items():
        if is_given:
            raise ArgumentError(f"{option} is given, but {options.data!r} is no file of a table")


def with_target(options: TableOptions, table: Table) -> TableOptions:
    """The options for a data set, whose target is known."""
    if options.target is not None and options.target not in table:
        raise FileFormatError(f"data set {table.name!r} has the target {table.names[-1]!r}, not {options.target!r}")
    return options if options.target is not None else replace(options, target=table.names[-1])
