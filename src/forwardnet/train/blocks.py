"""Several epochs in one native call, where nobody looks at the weights between them, and the way back to any of them.

Axis glossary: E epochs of a block, S steps of an epoch, n rows of an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forwardnet.train.program import Array, Epoch, mean_loss

if TYPE_CHECKING:
    from forwardnet.compiler.epochs import Epochs
    from forwardnet.compiler.program import Native

# A block has about this many multiply-adds, 50 ms of them: Ctrl-C is heeded after it, and what a callback that stops
# within it costs is to run it once more. What a step costs besides its products is reckoned as STEP_WORK of them.
BLOCK_WORK, STEP_WORK = 2e9, 2e5
# Most row numbers and bytes of recorded outputs that are held for it.
BLOCK_ROWS, BLOCK_BYTES = 1 << 20, 1 << 25


def most_epochs(work: float, steps: int, rows: int, row_bytes: int) -> int:
    """How many epochs of so many steps of so much work make a block: a number that no clock has a part in."""
    most = min(BLOCK_WORK / (steps * (work + STEP_WORK)), BLOCK_ROWS / rows)
    return max(1, int(min(most, BLOCK_BYTES / (rows * row_bytes)) if row_bytes else most))


class Block:
    """Epochs that are run at once."""

    def __init__(self, epochs: Epochs, native: Native, before: Array, sizes: Array, *, is_sum: bool) -> None:
        """`before` is what the states in the arena of `native` are now; `sizes` (S,) are the rows of each step."""
        self._epochs, self._native, self._before = epochs, native, before
        self.losses = epochs.run(len(epochs.order))  # (E, S)
        means: Array = mean_loss(self.losses, sizes, is_sum=is_sum)
        self.means = means  # the loss of each epoch, (E,)
        self.is_good = bool(np.isfinite(self.losses).all()) and native.states_are_finite()

    @classmethod
    def of(
        cls,
        natives: tuple[Native, Native | None],
        arrays: Sequence[Array],
        order: Array,
        *,
        sizes: Array,
        records: Array | None,
        drawn: Sequence[int],
        streams: Sequence[int],
        before: Array,
        is_sum: bool,
    ) -> Block:
        """Run the epochs: `natives` are the programs of full batches and of the one that is left.

        `drawn` are the numbers of the cells of the generator, its seed, stream and position, if the steps draw.
        """
        from forwardnet.compiler.epochs import Epochs, Part

        full, last = natives
        parts = [Part(full, 0, len(sizes) - (last is not None))]
        if last is not None:
            parts.append(Part(last, parts[0].steps * int(sizes[0]), 1))
        epochs = Epochs(parts, arrays, order, records=records)
        if drawn:
            _, stream, position = drawn
            epochs.draw((stream, position), np.array(streams, np.uint64).view(np.int64))
        return cls(epochs, full, before, sizes, is_sum=is_sum)

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def has_outputs(self) -> bool:
        return self._epochs.records is not None

    def __iter__(self) -> Iterator[Epoch]:
        records, order = self._epochs.records, self._epochs.order
        for number, mean in enumerate(self.means.tolist()):
            seen = () if records is None else (order[number], records[number])
            yield Epoch(mean, self.losses[number], True, *seen)

    def rewind(self, epochs: int) -> None:
        """Bring the arena to what it was after so many epochs: run them again, which gives the same."""
        self._native.restore(self._before)
        self._epochs.run(epochs)
