"""The order of rows within an epoch, cut into mini-batches: a pure function of seed and epoch."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError


def permutation(n: int, *, seed: int, purpose: str = "shuffle", epoch: int = 0) -> NDArray[np.int64]:
    """The numbers 0 .. n-1 in random order, int64 (n,): the ranks of n random 64-bit keys.

    The keys are those of the counter-based generator Philox, with key (seed, purpose) and the epoch in its counter: any
    epoch can be had without those before it, and different purposes never share numbers. They are sorted here rather
    than shuffled by NumPy, because NumPy promises the raw stream for all time, but not its `permutation`.
    """
    # The epoch is the third counter word: the numbers within an epoch count up the first two.
    key = np.array([seed % 2**64, zlib.crc32(purpose.encode())], dtype=np.uint64)
    keys = np.random.Philox(key=key, counter=[0, 0, epoch, 0]).random_raw(n)
    return np.argsort(keys, kind="stable").astype(np.int64, copy=False)


def batch_indices(
    n: int, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True, drop_last: bool = False
) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each mini-batch of one epoch, int64 (batch_size,); the last may be smaller, or dropped.

    Every row comes exactly once (without `drop_last`). The same (seed, epoch) gives the same batches.
    Raises ArgumentError for n < 0 or batch_size < 1, at once and not at the first batch.
    """
    if n < 0 or batch_size < 1:
        raise ArgumentError(f"batches: n is {n} and batch_size {batch_size}, expected n >= 0 and batch_size >= 1")
    order = permutation(n, seed=seed, epoch=epoch) if shuffle else np.arange(n, dtype=np.int64)
    stop = n - n % batch_size if drop_last else n
    return (order[start : min(start + batch_size, stop)] for start in range(0, stop, batch_size))
