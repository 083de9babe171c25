"""The order of the rows of each epoch, drawn beside the steps of the epoch before where a processor is free.

The order is a function of the seed and the epoch, so it does not matter when, or by which thread, it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.batches import Batches, batch_indices, permutations

# Drawing takes 4 ns a row, handing it over 30 us: fewer rows are drawn when they are asked for.
FEWEST = 10_000


class Orders:
    """The batches of an epoch, by its number; a context that ends the thread which draws ahead."""

    def __init__(self, n: int, batch_size: int, *, seed: int, shuffle: bool, drop_last: bool = False) -> None:
        self.n, self.batch_size, self.seed, self.shuffle = n, batch_size, seed, shuffle
        self.drop_last = drop_last
        self._drawn: tuple[tuple[int, int], Future[Any]] | None = None  # (first epoch, how many), what is drawn
        self._pool: ThreadPoolExecutor | None = None

    def __call__(self, epoch: int) -> Batches:
        """The row numbers of each step of an epoch."""
        batches: Batches = self._taken((epoch, 1), lambda: self._draw(epoch))
        return batches

    def several(self, epoch: int, count: int) -> NDArray[np.int64]:
        """The row numbers of several epochs from `epoch` on, int64 (count, rows); only to be read."""
        orders: NDArray[np.int64] = self._taken((epoch, count), lambda: self._draw_several(epoch, count))
        return orders

    def _taken(self, which: tuple[int, int], draw: Callable[[], Any]) -> Any:
        """What has been drawn ahead, if it is this; else what `draw` returns."""
        drawn, self._drawn = self._drawn, None
        return drawn[1].result() if drawn is not None and drawn[0] == which else draw()

    def foresee(self, epoch: int, count: int = 1) -> None:
        """Begin to draw the orders of epochs in a thread of its own, if that is worth it."""
        if not self.shuffle or self.n * count < FEWEST:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="forwardnet-order")
        future = (
            self._pool.submit(self._draw_several, epoch, count) if count > 1 else self._pool.submit(self._draw, epoch)
        )
        self._drawn = (epoch, count), future

    def _draw(self, epoch: int) -> Batches:
        rule = {"shuffle": self.shuffle, "drop_last": self.drop_last}
        return batch_indices(self.n, self.batch_size, seed=self.seed, epoch=epoch, **rule)

    def _draw_several(self, epoch: int, count: int) -> NDArray[np.int64]:
        rows = self.n - self.n % self.batch_size if self.drop_last else self.n
        if not self.shuffle:
            return np.broadcast_to(np.arange(rows, dtype=np.int64), (count, rows))
        return permutations(self.n, count, seed=self.seed, epoch=epoch)[:, :rows]

    def __enter__(self) -> Orders:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = self._drawn = None
