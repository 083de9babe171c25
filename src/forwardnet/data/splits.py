"""Divides rows into training, validation and test parts. A function of the seed and the sizes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..errors import ArgumentError, ShapeError
from .batches import permutation, stream_of

Indices = NDArray[np.int64]


def train_validation_test(
    rows: int | np.integer[Any] | NDArray[Any],
    *,
    validation: float = 0.1,
    test: float = 0.2,
    stratify: NDArray[Any] | None = None,
    seed: int = 0,
) -> tuple[Indices, Indices, Indices]:
    """Row numbers of the three parts: each row in exactly one of them, shuffled.

    `rows`: how many there are, or an array with that many. `validation` and `test` are shares of all rows; their counts
    are rounded. With `stratify` (labels, one per row) each part has each class in proportion, rounded by largest
    remainder, and at least one row of each class stays in the training part.
    Raises ArgumentError for shares outside 0 .. 1 or that leave nothing to train on.
    """
    n = int(rows) if isinstance(rows, int | np.integer) else len(rows)
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise ArgumentError(f"split: {name} is {share}, expected a share of the rows, 0 <= share < 1")
    n_test, n_validation = round(n * test), round(n * validation)
    if n - n_test - n_validation < 1:
        raise ArgumentError(
            f"split: {n} rows less {n_validation} for validation and {n_test} for test leave none for training"
        )
    order = permutation(n, seed=seed, purpose="split")
    if stratify is None:
        return order[n_test + n_validation :], order[n_test : n_test + n_validation], order[:n_test]
    if len(stratify) != n:
        raise ShapeError(f"split: stratify has {len(stratify)} labels, expected one for each of {n} rows")
    classes, label = np.unique(np.asarray(stratify), return_inverse=True)
    sizes = np.bincount(label, minlength=len(classes))
    in_test = _apportion(sizes * (n_test / n), n_test, sizes - 1)
    in_validation = _apportion(sizes * (n_validation / n), n_validation, sizes - 1 - in_test)
    # Rank of each row within its class, in the shuffled order: the first go to the test part, then validation.
    shuffled = label[order]
    rank = np.empty(n, dtype=np.int64)
    by_class = np.argsort(shuffled, kind="stable")
    rank[by_class] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    is_test = rank < in_test[shuffled]
    is_validation = ~is_test & (rank < (in_test + in_validation)[shuffled])
    return order[~is_test & ~is_validation], order[is_validation], order[is_test]


def bootstrap(n: int, *, seed: int = 0, number: int = 0) -> Indices:
    """`n` row numbers drawn with replacement from 0 .. n-1 (Efron 1979); `number` tells samples of one seed apart.

    A share of 1 - (1 - 1/n)^n of the rows comes at least once: 0.65 for 10 rows, 1 - 1/e = 0.632 for many.
    """
    words = seeds.bits(2 * n, seed=seed, stream=stream_of("bootstrap", number))
    rows: Indices = seeds.below(words, n)
    return rows


def _apportion(shares: NDArray[np.floating[Any]], total: int, most: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers near `shares`, none above `most`, of sum `total` if that can be: largest remainders first."""
    counts: NDArray[np.int64] = np.minimum(np.floor(shares).astype(np.int64), most)
    while counts.sum() < total and (counts < most).any():
        remainder = np.where(counts < most, shares - counts, -np.inf)
        counts[int(np.argmax(remainder))] += 1
    return counts
