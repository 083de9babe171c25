"""The course of a fit: epochs, validation, callbacks, progress, and every way in which it may end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.batches import stream_of
from forwardnet.tensor.random import Generator
from forwardnet.train.blocks import Block
from forwardnet.train.callbacks import Dispatcher
from forwardnet.train.compiled import CompiledProgram
from forwardnet.train.divergence import TrainingDivergedError, Watch
from forwardnet.train.history import Row
from forwardnet.train.interrupt import Interrupts
from forwardnet.train.orders import Orders
from forwardnet.train.pace import Pace
from forwardnet.train.program import Epoch, Program
from forwardnet.train.progress import Calls, Display, Silent
from forwardnet.train.run import Run

Array = NDArray[Any]

# A fit begins with one epoch for each call, and each call makes at most so many times the epochs of the one before: the
# order of their rows is drawn beside those, and what is run in vain, where somebody stops a fit early, is short.
GROWTH = 4


@dataclass
class Loop:
    """Runs the epochs of a fit; `execute` returns when it is over, and leaves the record in `run.history`."""

    run: Run
    program: Program
    watch: Watch
    orders: Orders  # epoch -> the row numbers of each of its steps
    score: Callable[[Epoch], Row]  # metrics of the training rows
    validate: Callable[[], Row] | None
    callbacks: Dispatcher
    display: Display
    noise: Generator  # what the steps draw from; each epoch has a stream of its own
    pace: Pace
    renew: Callable[[int], None] | None = None  # puts the rows of an epoch where the program gathers them
    _pending: list[float] = field(default_factory=list)
    _singly: int = 0  # up to this epoch they are run one by one
    _most: int = 1  # of the epochs that are run at once next

    def execute(self) -> None:
        """All epochs, or fewer when something stops them; raises TrainingDivergedError."""
        run = self.run
        # Overflows are looked for after each step, by name; NumPy's warnings would only come before that message.
        quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")
        with Interrupts(lambda: run.stop("interrupted")) as interrupts, quiet, self.orders:
            self.callbacks.emit("on_train_begin", run)
            self.display.begin(run)
            try:
                while run.epoch < run.last_epoch and run.stopped is None:
                    count = self._count(run.epoch + 1)
                    self._most = GROWTH * count
                    self._epoch() if count == 1 else self._block(count)
            except TrainingDivergedError as error:
                run.stopped = "diverged"
                error.history = run.history
                raise
            except KeyboardInterrupt:
                # Raised by a callback it means the same as the first Ctrl-C.
                run.stop("interrupted")
                if interrupts.count > 1:
                    raise
            except BaseException:
                run.stopped = "error"
                raise
            finally:
                self.program.settle()
                run.history.stopped = run.stopped
                self.callbacks.emit("on_train_end", run)
                self.display.end(run)

    def _count(self, epoch: int) -> int:
        """How many epochs are run at once from this one on: one where somebody looks at the weights after it."""
        run, program = self.run, self.program
        left = run.last_epoch - epoch + 1
        is_single = left < 2 or epoch <= self._singly or self.callbacks.changes_rates
        if is_single or not isinstance(program, CompiledProgram) or not self._is_unseen:
            return min(left, 1)
        return min(left, program.epochs_at_once(run.n_samples), self._most)

    def _begin(self) -> None:
        """An epoch begins; callbacks may stop the fit here."""
        run = self.run
        run.epoch += 1
        self.watch.epoch = run.epoch
        self.noise.stream, self.noise.position = stream_of("noise", run.epoch), 0
        self.pace.begin_epoch()
        self.callbacks.emit("on_epoch_begin", run)

    def _epoch(self) -> None:
        """One epoch: steps, metrics, validation, learning rate, callbacks."""
        begin = time.perf_counter()
        self._begin()
        if self.run.stopped is None:
            self._rest_of_epoch(begin)

    def _rest_of_epoch(self, begin: float) -> None:
        """What follows when an epoch has begun."""
        run, stays, is_unseen = self.run, self._stays, self._is_unseen
        if self.renew is not None:
            self.renew(run.epoch)
        if not is_unseen or run.epoch == run.first_epoch:
            run.model.train()
        first_step = run.step + 1
        batches = self.orders(run.epoch)
        self._foresee(run.epoch + 1)
        try:
            epoch = self.program.run_epoch(batches, self._after_step(), stays=stays)
        finally:
            run.history.add_steps(np.array(self._pending, np.float64), first_step=first_step)
            self._pending.clear()
        if not epoch.is_complete:
            return
        if not stays:
            self.watch.check_weights()
        elif not is_unseen and isinstance(self.program, CompiledProgram):
            self.program.show()
        self._end(epoch, begin)

    def _foresee(self, epoch: int) -> None:
        """Draw the orders from an epoch on beside the steps of those before, if a processor is free."""
        count = self._count(epoch)
        if count and isinstance(self.program, CompiledProgram) and self.program.leaves_room:
            self.orders.foresee(epoch, count)

    def _end(self, epoch: Epoch, begin: float) -> None:
        """The row of an epoch that began at a time, and who is told of it."""
        run = self.run
        row: Row = {"epoch": run.epoch, "loss": epoch.loss, **self.score(epoch)}
        if self.validate is not None:
            row.update({f"val_{name}": value for name, value in self.validate().items()})
            if not math.isfinite(row["val_loss"]):
                self.program.settle()  # or what is put back now would be replaced at the end
                raise self.watch.error(f"the validation loss is {row['val_loss']}")
        row["lr"] = self.pace.rate
        row["seconds"] = time.perf_counter() - begin
        run.logs = row
        run.history.add_epoch(row)
        self.pace.after_epoch(row)
        self.callbacks.emit("on_epoch_end", run)
        self.display.epoch(run)

    # Several epochs at once

    def _block(self, count: int) -> None:
        """Some epochs in one native call, and then for each of them, in order, what follows an epoch."""
        run, program = self.run, self.program
        assert isinstance(program, CompiledProgram)
        begin = time.perf_counter()
        self._begin()
        if run.stopped is not None:
            return
        if run.epoch == run.first_epoch:
            run.model.train()
        order = self.orders.several(run.epoch, count)
        self._foresee(run.epoch + count)
        block = program.run_block(order, [stream_of("noise", run.epoch + later) for later in range(count)])
        if block is None:  # steps one by one say which is not finite, and where
            self._singly = run.epoch + count - 1
            self._rest_of_epoch(begin)
            return
        seconds = (time.perf_counter() - begin) / count
        if self._is_unheard and not block.has_outputs:
            self._take(block, seconds)
        else:
            self._replay(block, seconds, program)

    @property
    def _is_unheard(self) -> bool:
        """Whether nobody is told of epochs, and nobody has anything to say."""
        listens = any(self.callbacks.listens(event) for event in ("on_epoch_begin", "on_epoch_end"))
        is_silent = type(self.display) is Silent and self.pace.scheduler is None
        return is_silent and not listens and self.run.stopped is None

    def _take(self, block: Block, seconds: float) -> None:
        """Enter the epochs of a block, of which the first has begun, into the record."""
        run, count = self.run, len(block)
        columns: dict[str, NDArray[Any]] = {
            "epoch": np.arange(run.epoch, run.epoch + count),
            "loss": block.means,
            "lr": np.full(count, self.pace.rate),
            "seconds": np.full(count, seconds),
        }
        self._count_steps(block.losses.reshape(-1))
        run.history.add_epochs(columns)
        run.logs = {name: column[-1].item() for name, column in columns.items()}
        run.epoch = self.watch.epoch = int(columns["epoch"][-1])

    def _replay(self, block: Block, seconds: float, program: CompiledProgram) -> None:
        """Tell of the epochs of a block, of which the first has begun, each of so many seconds.

        Where somebody stops the fit, raises an error, or changes a rate, weights go back to what they were there.
        """
        run, done, begins_anew = self.run, 0, False
        hears_begin, hears_end = (self.callbacks.listens(event) for event in ("on_epoch_begin", "on_epoch_end"))
        rates = program.rates
        try:
            for epoch in block:
                begin = time.perf_counter() - seconds
                if done:
                    self._begin()
                    begins_anew = hears_begin and program.rates != rates
                if begins_anew or (done and run.stopped is not None):
                    break
                self._count_steps(epoch.losses)
                done += 1
                run.untold = seconds * (len(block) - done)
                if self.pace.scheduler is not None:
                    rates = program.rates
                self._end(epoch, begin)
                is_changed = hears_end and program.rates != rates
                if is_changed or run.stopped is not None or run.epoch >= run.last_epoch:
                    break
        finally:
            run.untold = 0.0
            program.rewind(block, done)
        if done < len(block):
            self._singly = run.last_epoch  # who has changed a rate once may do it again
        if begins_anew and run.stopped is None:
            self._rest_of_epoch(begin)

    def _count_steps(self, losses: NDArray[np.float64]) -> None:
        """Count steps that have been made."""
        run = self.run
        run.history.add_steps(losses, first_step=run.step + 1)
        run.step += len(losses)
        run.steps_done += len(losses)
        run.loss = float(losses[-1])
        self.pace.after_batches(len(losses))

    @property
    def _stays(self) -> bool:
        """Whether nobody changes weights between two epochs, or looks at what the optimiser remembers.

        The program itself looks whether they are finite.
        """
        if not isinstance(self.program, CompiledProgram) or self.renew is not None or not self.program.keeps_pace:
            return False
        changes = any(self.callbacks.changes(event) for event in ("on_epoch_begin", "on_epoch_end"))
        return not (changes or isinstance(self.display, Calls) or self.callbacks.listens("on_step_end"))

    @property
    def _is_unseen(self) -> bool:
        """Whether nobody looks at the weights between two epochs either."""
        looks = any(self.callbacks.looks(event) for event in ("on_epoch_begin", "on_epoch_end"))
        return self._stays and not looks and self.validate is None

    def _after_step(self) -> Callable[..., bool]:
        """What is done after a step, or after several of them at once; as little as those who listen allow."""
        run, pending = self.run, self._pending
        listens, shows = self.callbacks.listens("on_step_end"), self.display.wants_steps

        def after_step(*losses: float) -> bool:
            pending.extend(losses)
            run.step += len(losses)
            run.steps_done += len(losses)
            run.loss = losses[-1]
            if listens:
                self.callbacks.emit("on_step_end", run)
            self.pace.after_batches(len(losses))
            if shows:
                self.display.step(run)
            return run.stopped is None

        # Whoever listens to steps may look at the weights, which must then be there after each of them.
        after_step.is_watched = listens  # type: ignore[attr-defined]
        return after_step
