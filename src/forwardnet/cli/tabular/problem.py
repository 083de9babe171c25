"""From a table to a question: which column is to be predicted from which others, and what is learnt of each row.

Axis glossary: n rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.tabular.options import TableOptions
from forwardnet.data.tables import Column, Table
from forwardnet.data.tables.table import USED
from forwardnet.errors import ArgumentError, DataError, UnknownNameError, unknown_name

Array = NDArray[Any]

# A column of such a name is taken for the target where none is named; anything else would be a guess.
_TARGETS = ("target", "label", "class", "y", "outcome")
_FEWEST = 10  # rows with a target, of which something can be learnt and something tested


@dataclass(frozen=True, eq=False)
class Problem:
    """Inputs X and target y (a column of classes or of numbers) of the n rows that have a target.

    `left_out` are columns that cannot be inputs by their kind. `rows` are the rows' numbers in the file, from 0. Where
    there is an `order`, rows stand in that of the column of this name. `kinds` are those that the file was read with.
    """

    name: str
    X: Table
    y: Column
    left_out: tuple[Column, ...]
    task: str
    reason: str  # for the task
    rows: NDArray[np.int64]
    groups: Array | None
    weight: Array | None
    order: str | None
    notes: tuple[str, ...]
    all_names: tuple[str, ...]  # of the columns in the file
    n_rows: int  # in the file
    has_names: bool  # whether the target is text in the file
    fingerprint: str = ""  # of the file or data set
    kinds: Mapping[str, str] = field(default_factory=dict)
    is_data_set: bool = False
    n_test: int = 0  # the last rows, where the data come with a test part of their own
    n_targets: int | None = None  # rows that have a target, where X has some of them only

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none of numbers."""
        return self.y.levels or ()

    @property
    def n(self) -> int:
        """How many rows have a target, whether or not they are all in memory."""
        return len(self.X) if self.n_targets is None else self.n_targets

    @property
    def is_sample(self) -> bool:
        """Whether X and y are some of the rows."""
        return self.n_targets is not None

    @property
    def is_ordered(self) -> bool:
        """Whether what is to come is to be predicted from what has been."""
        return self.order is not None

    @property
    def is_classifier(self) -> bool:
        """Whether classes are predicted, not numbers."""
        return self.task == "classification"


def find_column(table: Table, wanted: str, option: str) -> str:
    """The name of a column given by its name, or by its number counted from 1.

    Raises:
        UnknownNameError: there is none.
    """
    if wanted in table:
        return wanted
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(table.names):
        return table.names[int(wanted) - 1]
    error = unknown_name("column", wanted, table.names)
    hint = error.hint
    if hint is not None and hint.startswith("known: ") and len(table.names) > 12:
        hint = f"the table has {len(table.names)} columns, the last is {table.names[-1]!r}"
    raise UnknownNameError(f"{table.name}: {option}: {error.message}", hint=hint)


def find_target(table: Table, wanted: str | None) -> tuple[str, str | None]:
    """The name of the column to be predicted, and a note where it was not asked for.

    Raises:
        ArgumentError: it is not named, and no column's name says that it is the target.
    """
    if wanted is not None:
        return find_column(table, wanted, "--target"), None
    found = [name for name in table.names if name.strip().lower() in _TARGETS]
    if len(found) == 1:
        return found[0], f"column {found[0]!r} is taken for the target; --target names another"
    last = f"--target {table.names[-1]}" if table.names else "--target NAME"
    raise ArgumentError(
        f"{table.name}: which column is to be predicted? There are {len(table.names)}",
        hint=f"{last} takes the last one",
    )


def make_problem(table: Table, options: TableOptions, *, n_test: int = 0) -> Problem:
    """The question that `options` ask of a table.

    Raises:
        ForwardnetError: a column is missing or cannot be used as it is meant, or too few rows have a target.
    """
    name, note = find_target(table, options.target)
    roles = {role: _role(table, options, role) for role in ("group", "time", "weights")}
    ignored = [find_column(table, column, "--ignore") for column in options.ignore]
    used = [name, *ignored, *(column for column in roles.values() if column is not None)]
    twice = {column for column in used if used.count(column) > 1}
    if twice:
        raise ArgumentError(f"{table.name}: column {sorted(twice)[0]!r} was given two roles")
    notes = [*table.notes, *([note] if note else [])]
    rows = _rows_with_target(table, name, notes)
    time = roles["time"]
    if time is not None:
        rows = rows[np.argsort(_numbers(table, time, "--time").values[rows], kind="stable")]
        notes.append(f"column {time!r} orders the rows and is no input: what is to come lies beyond what it has been")
    if n_test:
        n_test = int(np.count_nonzero(rows >= len(table) - n_test))
    target = table[name].take(rows)
    task, reason = (options.task, "--task says so") if options.task else decide(target, table.name)
    others = table.drop(set(used)).take(rows)
    X = replace(others, columns=tuple(column for column in others if column.kind in USED))
    left_out = tuple(column for column in others if column.kind not in USED)
    if not X.columns:
        kinds = ", ".join(f"{column.name!r} is {column.kind}" for column in left_out[:3])
        raise DataError(
            f"{table.name}: beside the target {name!r} there is no column to predict it from"
            + (f": {kinds}" if kinds else ""),
            hint="--kind COLUMN=category takes one in" if kinds else None,
        )
    return Problem(
        name=table.name,
        X=X,
        left_out=left_out,
        y=as_classes(target, table.name) if task == "classification" else as_numbers(target, table.name),
        task=task,
        reason=reason,
        rows=rows,
        groups=_groups(table, roles["group"], rows),
        weight=_weights(table, roles["weights"], rows),
        order=time,
        notes=tuple(notes),
        all_names=table.names,
        n_rows=len(table),
        has_names=target.levels is not None,
        n_test=n_test,
    )


def decide(target: Column, where: str) -> tuple[str, str]:
    """The task and the reason for it, by the values of the target.

    Raises:
        DataError: it can be neither predicted as classes nor as numbers.
    """
    from forwardnet.data.tables.target import decide_task

    try:
        return decide_task(target)
    except DataError as error:
        hint = "name another --target, or say what it is with --kind or --task"
        raise DataError(f"{where}: {error.message}", hint=hint) from None


def _role(table: Table, options: TableOptions, role: str) -> str | None:
    wanted = getattr(options, role)
    return None if wanted is None else find_column(table, wanted, f"--{role}")


def _rows_with_target(table: Table, name: str, notes: list[str]) -> NDArray[np.int64]:
    """The rows that have a target; says how many have none."""
    missing = table[name].is_missing
    rows = np.flatnonzero(~missing)
    if not len(rows):
        raise DataError(f"{table.name}: column {name!r} has no value in any row, so nothing can be learnt")
    if missing.any():
        first = int(np.argmax(missing))
        n = int(missing.sum())
        told = "one row without a target was" if n == 1 else f"{n:,} rows without a target were"
        notes.append(f"{told} left out{': ' if n == 1 else ', the first is '}row {first}")
    if len(rows) < _FEWEST:
        raise DataError(
            f"{table.name}: {len(rows)} rows have a target, expected at least {_FEWEST}: "
            "some to learn from and some to test on"
        )
    return rows


def as_classes(target: Column, where: str) -> Column:
    """The target as classes that occur, named as in the file, numbered in their order.

    Raises:
        DataError: there is one class only.
    """
    if target.levels is None:
        values, codes = np.unique(target.values, return_inverse=True)
        names = [_text(value) for value in values]
    else:
        used, codes = np.unique(target.values, return_inverse=True)
        names = [target.levels[code] for code in used]
        order = np.argsort(names, kind="stable")
        codes, names = np.argsort(order, kind="stable")[codes], [names[i] for i in order]
    if len(names) < 2:
        raise DataError(
            f"{where}: the target {target.name!r} is {names[0]!r} in every row, expected at least two classes"
        )
    return replace(target, kind="category", values=codes.reshape(-1).astype(np.int32), levels=tuple(names))


def as_numbers(target: Column, where: str) -> Column:
    """The target as numbers that differ.

    Raises:
        DataError: it has names, or one value only.
    """
    if target.levels is not None:
        raise DataError(
            f"{where}: the target {target.name!r} has names such as {target.levels[0]!r}, "
            "expected numbers for a regression",
            hint="--task classification",
        )
    if (target.values == target.values[0]).all():
        raise DataError(
            f"{where}: the target {target.name!r} is {target.values[0]:g} in every row, expected different values"
        )
    return target


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _numbers(table: Table, name: str, option: str) -> Column:
    """A column of numbers or dates without gaps."""
    column = table[name]
    if column.is_coded:
        raise DataError(f"{table.name}: {option}: column {name!r} has names, expected numbers or dates")
    if column.is_missing.any():
        row = int(np.argmax(column.is_missing))
        raise DataError(f"{table.name}: {option}: column {name!r} has no value in row {row}")
    return column


def _weights(table: Table, name: str | None, rows: Array) -> Array | None:
    if name is None:
        return None
    weight = _numbers(table, name, "--weights").values[rows]
    if (weight < 0).any():
        row = int(rows[np.argmax(weight < 0)])
        raise DataError(
            f"{table.name}: --weights: column {name!r} is {weight.min():g} in row {row}, expected 0 or more"
        )
    if not weight.any():
        raise DataError(f"{table.name}: --weights: column {name!r} is 0 in every row")
    return np.asarray(weight)


def _groups(table: Table, name: str | None, rows: Array) -> Array | None:
    if name is None:
        return None
    column = table[name].take(rows)
    if column.is_missing.any():
        row = int(rows[np.argmax(column.is_missing)])
        raise DataError(f"{table.name}: --group: column {name!r} has no value in row {row}")
    _, groups = np.unique(column.values, return_inverse=True)
    if groups.max() == 0:
        raise DataError(f"{table.name}: --group: column {name!r} is the same in every row, expected several groups")
    return np.asarray(groups.reshape(-1))
