"""The order of rows that are read from a file: blocks in random order, and the rows of some blocks at once mixed.

An epoch takes the blocks of a file in random order. A window holds a few of them, and the rows within it are shuffled.
So all reading is of whole blocks, and rows far from each other still meet in one batch. It is a pure function of seed
and epoch, as all orders are.

Axis glossary: n rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forwardnet import seeds
from forwardnet.data.batches import permutation, stream_of
from forwardnet.errors import ArgumentError

BLOCK_BYTES = 1 << 18  # read at once: long enough for a disk, short enough for many blocks in a window


@dataclass(frozen=True)
class Window:
    """Rows that are in memory together: (first row, rows) of each of its blocks, and the order of the rows within."""

    blocks: tuple[tuple[int, int], ...]
    order: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True)
class WindowOrder:
    """How n rows are cut: blocks of `block_rows`, windows of `window_rows`, both multiples of the batch size."""

    n: int
    batch_size: int
    block_rows: int
    window_rows: int
    seed: int
    shuffle: bool = True

    def windows(self, epoch: int) -> Iterator[Window]:
        """The windows of an epoch; the rows of each are numbered from 0 in the order of its blocks.

        All but the last have whole batches. The block that is not full, if there is one, is in the last window.
        """
        whole = self.n // self.block_rows
        blocks = np.arange(whole, dtype=np.int64)
        if self.shuffle:
            blocks = permutation(whole, seed=self.seed, purpose="blocks", epoch=epoch)
        pieces = [(int(block) * self.block_rows, self.block_rows) for block in blocks]
        if self.n % self.block_rows:
            pieces.append((whole * self.block_rows, self.n % self.block_rows))
        most = max(self.window_rows // self.block_rows, 1)
        count = -(-len(pieces) // most)
        per_window = -(-len(pieces) // count)  # windows of like size: a short one would mix few rows
        for number, start in enumerate(range(0, len(pieces), per_window)):
            chosen = tuple(pieces[start : start + per_window])
            rows = sum(count for _, count in chosen)
            yield Window(chosen, self._rows(rows, epoch, number))

    def _rows(self, rows: int, epoch: int, number: int) -> NDArray[np.int64]:
        if not self.shuffle:
            return np.arange(rows, dtype=np.int64)
        stream = stream_of(f"rows of window {number}", epoch)
        order: NDArray[np.int64] = seeds.permutation(rows, seed=self.seed, stream=stream)
        return order


def window_order(
    n: int, row_bytes: int, batch_size: int, *, memory: int, seed: int, shuffle: bool = True
) -> WindowOrder:
    """The order for which two windows, one in use and one that is being read, take at most `memory` bytes.

    Each row's place in the order, 8 bytes, is counted. Raises ArgumentError where not even two batches fit.
    """
    most = memory // (2 * (row_bytes + 8))
    if most < 2 * batch_size and most < n:
        raise ArgumentError(
            f"memory for {most} rows of {row_bytes} bytes, expected at least two batches of {batch_size}",
            hint="allow more memory, or make batches smaller",
        )
    block = max(min(BLOCK_BYTES // row_bytes, most // 8), 1)
    block = -(-block // batch_size) * batch_size
    whole = -(-n // block) * block
    return WindowOrder(n, batch_size, block, whole if n <= most else max(most // block, 1) * block, seed, shuffle)
