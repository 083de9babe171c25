"""Training from rows in a file: a window of them in memory, and the next one read beside the steps.

The program of an ordinary fit runs over each window in turn, gathering from the same arrays. What it computes does not
depend on how much fits into memory, but the order of the rows does: see `forwardnet.data.windows`.

Axis glossary: n rows, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.batches import Batches
from forwardnet.data.rows import RowStore
from forwardnet.data.windows import Window, WindowOrder, window_order
from forwardnet.optim.flat import FlatOptimizer
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train import inputs
from forwardnet.train.callbacks import Dispatcher
from forwardnet.train.divergence import Watch
from forwardnet.train.history import History
from forwardnet.train.loop import Loop
from forwardnet.train.orders import Orders
from forwardnet.train.pace import Pace, begun
from forwardnet.train.program import Epoch, Program
from forwardnet.train.progress import display_for
from forwardnet.train.run import Run
from forwardnet.train.threads import limited_threads

if TYPE_CHECKING:
    from forwardnet.train.trainer import Trainer

Array = NDArray[Any]

MEMORY = 256 << 20
WINDOWS = 0.5  # the share of the memory for rows; the rest is for losses, validation and what steps need


def fit_stream(
    trainer: Trainer,
    rows: RowStore,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    validation_data: tuple[Any, ...] | None = None,
    callbacks: Any = (),
    shuffle: bool = True,
    progress: bool | Callable[[Run], object] = True,
    memory_limit: int = MEMORY,
) -> History:
    """`trainer.fit` for rows in a file, of which at most `memory_limit` bytes are in memory at once.

    An epoch takes the blocks of the file in random order and shuffles the rows of as many as fit. Validation rows are
    arrays, in memory beside that. All else is as in `Trainer.fit`.

    Raises:
        ArgumentError: metrics of training rows, for which all outputs would be kept; an optimiser that takes all rows
            at once; less memory than two batches take.
        DataError, ShapeError, TrainingDivergedError: as `Trainer.fit`.
    """
    epochs = inputs.whole(epochs, "epochs", least=1)
    size = min(inputs.whole(batch_size, "batch_size", least=1), max(len(rows), 1))
    _check(trainer, rows)
    display = display_for(progress)
    order = window_order(
        len(rows), rows.row_bytes, size, memory=int(WINDOWS * memory_limit), seed=trainer.seed, shuffle=bool(shuffle)
    )
    windows = Windows(rows, order)
    run = trainer._run(len(rows), epochs, size, has_validation=validation_data is not None)
    with limited_threads(1 if trainer.compile else trainer.threads):
        arrays, held_out = trainer._data(*windows.first(run.first_epoch), validation_data, 0.0, None)
    windows.show_in(arrays)
    trainer._pairing.targets(_extremes(rows), 2, (2, *trainer._output_shape(arrays[0], "X")[1:]), trainer._dtype)
    schedule = begun(trainer.scheduler, trainer.optimizer, epochs, run.steps_per_epoch)
    pace = Pace(schedule, trainer.optimizer, epochs, run.steps_per_epoch)
    watch = Watch(trainer.model, trainer.optimizer, step=run.step)
    with drawing_from(Generator(trainer.seed)) as noise:
        loop = Loop(
            run=run,
            watch=watch,
            program=Streamed(trainer._program(trainer.loss, arrays, watch, pace, size), windows, trainer.loss),
            orders=windows,
            score=partial(trainer._score, arrays),
            validate=None if held_out is None else trainer._validate(held_out, epochs),
            callbacks=Dispatcher(callbacks),
            display=display,
            noise=noise,
            pace=pace,
        )
        trainer._execute(loop)
    return trainer.history


def _check(trainer: Trainer, rows: RowStore) -> None:
    if not len(rows):
        raise errors.DataError("there are no rows to learn from")
    if isinstance(trainer.optimizer, FlatOptimizer):
        name = type(trainer.optimizer).__name__
        raise errors.ArgumentError(f"{name} takes all rows at once, which do not fit", hint="use Adam, or SGD")
    if trainer._scores.metrics and trainer._measures_training:
        raise errors.ArgumentError(
            "metrics of training rows would keep all their outputs", hint="Trainer(..., measures_training=False)"
        )


def _extremes(rows: RowStore) -> Array:
    """Two targets, the lowest and the highest numbers that come up: what a loss refuses, it refuses of these."""
    return np.array([np.full(rows.target_shape, value) for value in rows.targets], rows.target_dtype)


class WindowBatches(Batches):
    """The batches of an epoch, window by window: row numbers within the window that is in place."""

    def __init__(self, windows: Iterator[Batches], order: WindowOrder) -> None:
        super().__init__(np.empty(0, np.int64), order.batch_size)
        self.windows = windows
        self._count = -(-order.n // order.batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for window in self.windows:
            yield from window

    def __len__(self) -> int:
        return self._count


class Windows(Orders):
    """The windows of each epoch, read into memory ahead of their use."""

    def __init__(self, rows: RowStore, order: WindowOrder) -> None:
        super().__init__(len(rows), order.batch_size, seed=order.seed, shuffle=order.shuffle)
        self.rows, self.order = rows, order
        self._spare = self._buffers(min(order.window_rows, len(rows)))
        self._shown: tuple[Array, ...] = ()

    def _buffers(self, count: int) -> tuple[Array, Array]:
        X = np.empty((count, self.rows.d), np.float32)
        return X, np.empty((count, *self.rows.target_shape), self.rows.target_dtype)

    def first(self, epoch: int) -> tuple[Array, Array]:
        """The rows of the first window, in arrays of the size of the largest; what it does not fill repeats it."""
        X, y = self._buffers(len(self._spare[0]))
        count = self._read(next(self.order.windows(epoch)))
        for array, spare in zip((X, y), self._spare, strict=True):
            array[:] = spare[np.arange(len(array)) % count] if count < len(array) else spare
        return X, y

    def show_in(self, arrays: tuple[Array, ...]) -> None:
        """Put the rows of a window into these arrays, from which steps gather."""
        self._shown = arrays

    def __call__(self, epoch: int) -> WindowBatches:
        """The batches of each window of an epoch; its rows are put in place before it is given."""
        return WindowBatches(self._in_place(self.order.windows(epoch)), self.order)

    def _in_place(self, windows: Iterator[Window]) -> Iterator[Batches]:
        with ThreadPoolExecutor(1, thread_name_prefix="forwardnet-rows") as pool:
            reading = pool.submit(self._next, windows)
            while (found := reading.result()) is not None:
                window, count = found
                for array, spare in zip(self._shown, self._spare, strict=True):
                    array[:count] = spare[:count].reshape(count, *array.shape[1:])
                reading = pool.submit(self._next, windows)
                yield Batches(window.order, self.order.batch_size)

    def _next(self, windows: Iterator[Window]) -> tuple[Window, int] | None:
        window = next(windows, None)
        return None if window is None else (window, self._read(window))

    def _read(self, window: Window) -> int:
        """Read the blocks of a window into the spare buffers; answers how many rows there are."""
        X, y = self._spare
        at = 0
        for start, count in window.blocks:
            self.rows.read(start, X[at : at + count], y[at : at + count])
            at += count
        return at


class Streamed:
    """Runs the program of a fit over one window after the other."""

    def __init__(self, program: Program, windows: Windows, loss: Any) -> None:
        self._program, self._windows = program, windows
        self._is_sum = getattr(loss, "reduction", "mean") == "sum"

    @property
    def is_native(self) -> bool:
        return self._program.is_native

    def explain(self) -> str:
        """What a step runs."""
        return self._program.explain()

    def settle(self) -> None:
        """Bring the weights to where they belong."""
        self._program.settle()

    def run_epoch(self, batches: Batches, after_step: Callable[..., bool], *, stays: bool = False) -> Epoch:
        """One step for each batch of each window; ends early when `after_step(loss)` answers False."""
        assert isinstance(batches, WindowBatches)
        losses, sizes, is_complete, goes_on = [], [], True, True

        def after(*values: float) -> bool:
            nonlocal goes_on
            goes_on = after_step(*values)
            return goes_on

        after.is_watched = getattr(after_step, "is_watched", False)  # type: ignore[attr-defined]
        for window in batches.windows:
            if not goes_on:
                is_complete = False
                break
            epoch = self._program.run_epoch(window, after)
            losses.append(epoch.losses)
            sizes.append(np.array([len(rows) for rows in window][: len(epoch.losses)]))
            is_complete = is_complete and epoch.is_complete
            if not epoch.is_complete:
                break
        values, weights = np.concatenate(losses), np.concatenate(sizes)
        total = float(values.sum()) if self._is_sum else float(np.average(values, weights=weights))
        return Epoch(total if len(values) else float("nan"), values, is_complete)
