"""Ways in which the answer gets into the question: duplicates, row numbers, copies of the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.validate.folds import Fold

# A column that explains this much of the target's variance by a straight line is taken for a copy of it.
COPY = 0.9999


def leaks(X: Any, y: Any, folds: Sequence[Fold], *, names: Sequence[str] | None = None) -> list[str]:
    """Sentences about what makes figures look better than they are; empty if nothing was found.

    Looks for rows that stand in a training and a test part alike, for columns that number the rows, and for columns
    that are the target itself, exactly or but for scale.
    """
    X = np.asarray(X).reshape(len(X), -1)
    named = [f"column {i}" if names is None else f"column {names[i]!r}" for i in range(X.shape[1])]
    found = []
    shared = _shared_rows(X, folds)
    if shared:
        found.append(
            f"{shared} of {len(X)} rows are asked about although an identical row was learnt from: drop duplicates, or "
            "keep them together with groups"
        )
    target = np.asarray(y, np.float64).reshape(len(X), -1)
    for column, name in zip(X.T, named, strict=True):
        if _numbers_rows(column):
            found.append(f"{name} numbers the rows: leave it out")
        elif any(_is_copy(column, one) for one in target.T):
            found.append(f"{name} is the target, or the target in other units: leave it out")
    return found


def _shared_rows(X: NDArray[Any], folds: Sequence[Fold]) -> int:
    """How many rows are tested by a model that has learnt from an identical one."""
    _, kind, counts = np.unique(np.ascontiguousarray(X), axis=0, return_inverse=True, return_counts=True)
    if counts.max() == 1:
        return 0
    kind = kind.reshape(-1)
    shared: set[int] = set()
    for fold in folds:
        shared.update(fold.test[np.isin(kind[fold.test], kind[fold.train])].tolist())
    return len(shared)


def _numbers_rows(column: NDArray[Any]) -> bool:
    """Whether a column counts up or down by one."""
    with np.errstate(all="ignore"):
        steps = np.diff(column.astype(np.float64))
    return len(steps) >= 2 and (bool((steps == 1).all()) or bool((steps == -1).all()))


def _is_copy(column: NDArray[Any], target: NDArray[Any]) -> bool:
    a, b = column.astype(np.float64) - column.mean(dtype=np.float64), target - target.mean()
    with np.errstate(all="ignore"):
        return bool(np.square(a @ b) > COPY * (a @ a) * (b @ b)) and len(np.unique(target)) > 2
