"""Which rows are learnt from and which are asked about: scikit-learn's splitters behind one name for each intention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """The rows that one model learns from, and those it is asked about; `repeat` counts from 0."""

    number: int
    repeat: int
    train: Rows
    test: Rows


def folds(
    n: int,
    cv: Any = 5,
    *,
    labels: Any = None,
    groups: Any = None,
    ordered: bool = False,
    repeats: int = 1,
    seed: int = 0,
) -> list[Fold]:
    """The folds of `n` rows.

    `cv` is a number of folds, "loo" (each row once alone), a share between 0 and 1 (one hold-out of that part of the
    rows), a splitter of scikit-learn, or pairs of row numbers. Folds hold each class of `labels` (n,) in proportion;
    rows of one group stay together; with `ordered` a model learns only from rows before those it is asked about.
    `repeats` draws the folds anew so many times.

    Raises:
        ArgumentError: fewer rows, groups or members of a class than folds, or settings that exclude each other.
    """
    if ordered and (groups is not None or repeats > 1):
        raise errors.ArgumentError("folds: ordered rows can be split in one way only", hint="leave out groups, repeats")
    if repeats < 1:
        raise errors.ArgumentError(f"folds: repeats is {repeats}, expected at least 1")
    found: list[Fold] = []
    for repeat in range(repeats):
        for train, test in _pairs(n, cv, labels, groups, ordered, seed + repeat):
            found.append(Fold(len(found), repeat, _checked(train, n, "train"), _checked(test, n, "test")))
    if not found:
        raise errors.ArgumentError("folds: there are none")
    return found


def _checked(rows: Any, n: int, part: str) -> Rows:
    array = np.asarray(rows)
    if array.dtype == bool and array.shape == (n,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu" or not array.size or array.min() < 0 or array.max() >= n:
        raise errors.ArgumentError(f"folds: the {part} rows of a pair are no row numbers from 0 to {n - 1}: {rows!r}")
    return array.astype(np.int64)


def _pairs(n: int, cv: Any, labels: Any, groups: Any, ordered: bool, seed: int) -> Iterable[tuple[Any, Any]]:
    from sklearn import model_selection as sk

    rows = np.zeros((n, 1))
    if isinstance(cv, str):
        if cv != "loo":
            raise errors.unknown_name("cv", cv, ["loo"])
        return list((sk.LeaveOneOut() if groups is None else sk.LeaveOneGroupOut()).split(rows, labels, groups))
    if hasattr(cv, "split"):
        return list(cv.split(rows, labels, groups))
    if isinstance(cv, (float, np.floating)):
        return _one_part(n, float(cv), labels, groups, ordered, seed)
    if not isinstance(cv, (int, np.integer)):
        pairs: list[tuple[Any, Any]] = list(cv)
        return pairs
    most, what = (n, "rows") if groups is None else (len(np.unique(groups)), "groups")
    if not 2 <= cv <= most:
        raise errors.ArgumentError(f"folds: cv is {cv}, expected from 2 to the {most} {what}")
    if ordered:
        return list(sk.TimeSeriesSplit(int(cv)).split(rows))
    if labels is not None:
        fewest = int(np.unique(labels, return_counts=True)[1].min())
        if fewest < cv:
            raise errors.ArgumentError(
                f"folds: the rarest class has {fewest} rows, fewer than {cv} folds",
                hint="fewer folds, or stratify=False",
            )
        kind = sk.StratifiedKFold if groups is None else sk.StratifiedGroupKFold
        return list(kind(int(cv), shuffle=True, random_state=seed).split(rows, labels, groups))
    splitter = sk.KFold(int(cv), shuffle=True, random_state=seed) if groups is None else sk.GroupKFold(int(cv))
    return list(splitter.split(rows, None, groups))


def _one_part(n: int, share: float, labels: Any, groups: Any, ordered: bool, seed: int) -> list[tuple[Any, Any]]:
    from sklearn import model_selection as sk

    if not 0 < share < 1:
        raise errors.ArgumentError(
            f"folds: cv is {share}, expected a share between 0 and 1, or a whole number of folds"
        )
    count = max(1, round(n * share))
    if count >= n:
        raise errors.ArgumentError(f"folds: a hold-out of {share} leaves none of {n} rows to learn from")
    if ordered:
        return [(np.arange(n - count), np.arange(n - count, n))]
    if groups is not None:
        return list(sk.GroupShuffleSplit(1, test_size=share, random_state=seed).split(np.zeros(n), None, groups))
    train, test = sk.train_test_split(np.arange(n), test_size=count, stratify=labels, random_state=seed)
    return [(train, test)]
