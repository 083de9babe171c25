"""The order of rows within an epoch, cut into mini-batches: a pure function of seed and epoch."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..errors import ArgumentError


def stream_of(purpose: str, epoch: int) -> int:
    """The stream of random numbers for a purpose in an epoch."""
    return zlib.crc32(purpose.encode()) << 32 | epoch & 0xFFFFFFFF


def permutation(n: int, *, seed: int, purpose: str = "shuffle", epoch: int = 0) -> NDArray[np.int64]:
    """The numbers 0 .. n-1 in random order, int64 (n,).

    Each (purpose, epoch) has a stream of its own, so any epoch can be had without those before it, and the split of
    the rows never moves with their shuffling.
    """
    order: NDArray[np.int64] = seeds.permutation(n, seed=seed, stream=stream_of(purpose, epoch))
    return order


def permutations(n: int, count: int, *, seed: int, purpose: str = "shuffle", epoch: int = 0) -> NDArray[np.int64]:
    """The orders of `count` epochs from `epoch` on, int64 (count, n): rows of `permutation`."""
    orders: NDArray[np.int64] = seeds.permutations(n, count, seed=seed, stream=stream_of(purpose, epoch))
    return orders


class Batches:
    """Row numbers of each mini-batch of one epoch: parts of `order`, each of `size` rows but perhaps the last."""

    def __init__(self, order: NDArray[np.int64], size: int) -> None:
        self.order, self.size = order, size

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return (self.order[start : start + self.size] for start in range(0, len(self.order), self.size))

    def __len__(self) -> int:
        """How many batches there are."""
        return -(-len(self.order) // self.size)


def batch_indices(
    n: int, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True, drop_last: bool = False
) -> Batches:
    """Row numbers of each mini-batch of one epoch, int64 (batch_size,); the last may be smaller, or dropped.

    Every row comes exactly once (without `drop_last`). The same (seed, epoch) gives the same batches.
    Raises ArgumentError for n < 0 or batch_size < 1.
    """
    if n < 0 or batch_size < 1:
        raise ArgumentError(f"batches: n is {n} and batch_size {batch_size}, expected n >= 0 and batch_size >= 1")
    order = permutation(n, seed=seed, epoch=epoch) if shuffle else np.arange(n, dtype=np.int64)
    return Batches(order[: n - n % batch_size] if drop_last else order, batch_size)
