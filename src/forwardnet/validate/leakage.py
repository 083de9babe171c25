"""Ways in which the answer gets into the question: duplicates, row numbers, copies of the target.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.tables import Column, Table, as_table
from forwardnet.validate import rows as table
from forwardnet.validate.folds import Fold

Array = NDArray[Any]

# A column that explains this much of the target's variance by a straight line is taken for a copy of it.
COPY = 0.9999
# Fewer rows than this are all different, consecutive or sorted by chance.
FEW_ROWS = 10
# A column of more values than one for so many rows decides the target by chance.
ROWS_A_VALUE = 10


def leaks(X: Any, y: Any, folds: Sequence[Fold], *, names: Sequence[str] | None = None) -> list[str]:
    """Sentences about what makes figures look better than they are; empty if nothing was found.

    Looks for rows that stand in a training and a test part alike, for columns that number or name the rows, for columns
    that are the target itself, exactly, but for scale or under other names, and for columns each of whose values goes
    with one class alone. `X` is an array, a data frame or a `Table`; what cannot be read as a table is not judged.
    """
    found = []
    columns = _columns(X, names)
    if columns is None:
        return []
    shared = _shared_rows(columns, folds)
    n = len(columns[0]) if columns else 0
    if shared:
        found.append(
            f"{shared} of {n} rows are asked about although an identical row was learnt from: drop duplicates, or "
            "keep them together with groups"
        )
    target = table.plain(y)
    targets = target.reshape(len(target), -1).T
    for column in columns:
        name = f"column {column.name!r}" if isinstance(X, Table) or names is not None else f"column {column.name}"
        problem = _problem(column, list(targets))
        if problem:
            found.append(f"{name} {problem}")
    return found


def _columns(X: Any, names: Sequence[str] | None) -> list[Column] | None:
    """The columns of X; None where it is no table."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "biuf" and X.ndim >= 2:
        flat = X.reshape(len(X), -1)
        called = [str(i) for i in range(flat.shape[1])] if names is None else list(names)
        return [
            Column(str(name), "number", values.astype(np.float64)) for name, values in zip(called, flat.T, strict=True)
        ]
    try:
        return list(as_table(X, names=names))
    except (errors.ForwardnetError, TypeError, ValueError):
        return None  # texts, images in lists: estimators may take what is no table


def _shared_rows(columns: Sequence[Column], folds: Sequence[Fold]) -> int:
    """How many rows are tested by a model that has learnt from an identical one."""
    # Compared as bytes, so that missing values are equal, too; -0.0 becomes 0.0.
    every = np.column_stack([column.values.astype(np.float64) + 0.0 for column in columns])
    rows = np.ascontiguousarray(every).view(np.dtype((np.void, every.dtype.itemsize * every.shape[1]))).reshape(-1)
    _, kind, counts = np.unique(rows, return_inverse=True, return_counts=True)
    if counts.max() == 1:
        return 0
    kind = kind.reshape(-1)
    is_shared = np.zeros(len(rows), bool)
    for fold in folds:
        is_learnt = np.zeros(len(counts), bool)
        is_learnt[kind[fold.train]] = True
        is_shared[fold.test[is_learnt[kind[fold.test]]]] = True
    return int(is_shared.sum())


def _problem(column: Column, targets: Sequence[Array]) -> str:
    """What is suspicious about a column; empty if nothing is."""
    numbers = _numbers(column)
    if numbers is not None and _numbers_rows(numbers):
        return "numbers the rows: leave it out"
    codes = np.unique(column.values, return_inverse=True, equal_nan=True)[1].reshape(-1)
    for target in targets:
        if numbers is not None and target.dtype.kind in "biuf" and _is_copy(numbers, target.astype(np.float64)):
            return "is the target, or the target in other units: leave it out"
        answers = np.unique(target, return_inverse=True)[1].reshape(-1)
        if _is_renamed(codes, answers):
            return "is the target under other names: leave it out"
        if target.dtype.kind not in "f" and _decides(codes, answers):
            return f"decides the target: each of its {codes.max() + 1} values goes with one class alone"
    if column.is_coded and _names_rows(column):
        return "has another value in each row, as a name has: leave it out"
    return ""


def _numbers(column: Column) -> Array | None:
    """The column as numbers, if it holds some, even as text."""
    if column.levels is None:
        return column.values
    try:
        levels = np.array([float(level) for level in column.levels] + [np.nan])
    except ValueError:
        return None
    return levels[column.values]


def _numbers_rows(column: Array) -> bool:
    """Whether a column counts up or down by one, or is a run of whole numbers in any order."""
    with np.errstate(all="ignore"):
        steps = np.diff(column)
    if len(steps) >= 2 and (bool((steps == 1).all()) or bool((steps == -1).all())):
        return True
    if len(column) < FEW_ROWS or not np.isfinite(column).all() or (column != np.round(column)).any():
        return False
    return bool(column.max() - column.min() == len(column) - 1) and len(np.unique(column)) == len(column)


def _names_rows(column: Column) -> bool:
    known = column.values[~column.is_missing]
    return len(known) >= FEW_ROWS and len(np.unique(known)) == len(known) > len(column) / 2


def _is_copy(column: Array, target: Array) -> bool:
    """Whether one is a straight line over the other, and the target has more than two values."""
    is_known = np.isfinite(column) & np.isfinite(target)
    if is_known.sum() < max(3, len(column) / 2):
        return False
    a = column[is_known] - column[is_known].mean()
    b = target[is_known] - target[is_known].mean()
    with np.errstate(all="ignore"):
        return bool(np.square(a @ b) > COPY * (a @ a) * (b @ b)) and len(np.unique(target)) > 2


def _is_renamed(codes: Array, answers: Array) -> bool:
    """Whether values and classes go together one by one, each several times."""
    n = int(codes.max()) + 1
    if n < 2 or n != int(answers.max()) + 1 or n > len(codes) / 2:
        return False
    return len(np.unique(codes * np.int64(n) + answers)) == n


def _decides(codes: Array, answers: Array) -> bool:
    """Whether few values, more than there are classes, have one class each."""
    n, classes = int(codes.max()) + 1, int(answers.max()) + 1
    if classes < 2 or not classes < n <= len(codes) / ROWS_A_VALUE:
        return False
    return len(np.unique(codes * np.int64(classes) + answers)) == n
