"""The steps of an epoch in runs of equal batches, and what they gave."""

from __future__ import annotations

import numpy as np

from forwardnet.data.batches import Batches
from forwardnet.train.program import Array, EagerProgram, Epoch


class Tally:
    """What the steps of an epoch gave, in order."""

    def __init__(self, eager: EagerProgram) -> None:
        self._eager = eager
        self.losses: list[Array] = []
        self.sizes: list[Array] = []
        self.rows: list[Array] = []
        self.outputs: list[Array] = []

    def add(self, losses: Array, part: Batches, outputs: Array | None) -> None:
        """Steps that ran natively."""
        self.losses.append(losses)
        self.sizes.append(np.full(len(losses), part.size))
        if outputs is not None:
            self.rows.append(part.order)
            self.outputs.append(outputs)

    def join(self, epoch: Epoch, part: Batches) -> None:
        """Steps that ran eagerly."""
        self.losses.append(epoch.losses)
        self.sizes.append(np.full(len(epoch.losses), part.size))
        if epoch.rows is not None and epoch.outputs is not None:
            self.rows.append(epoch.rows)
            self.outputs.append(epoch.outputs)

    def epoch(self, *, is_complete: bool) -> Epoch:
        """The whole epoch."""
        losses, sizes = np.concatenate(self.losses), np.concatenate(self.sizes)
        return self._eager.summed(losses, sizes, self.rows, self.outputs, is_complete=is_complete)


def split(batches: Batches, most: int) -> list[Batches]:
    """The batches in runs of at most `most` of equal size: those that are full, then the one that is not."""
    order, size = batches.order, batches.size
    whole = len(order) - len(order) % size
    starts = range(0, whole, most * size)
    parts = [Batches(order[i : min(i + most * size, whole)], size) for i in starts]
    return parts if whole == len(order) else [*parts, Batches(order[whole:], len(order) - whole)]
