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
from forwardnet.train.callbacks import Dispatcher
from forwardnet.train.compiled import CompiledProgram
from forwardnet.train.divergence import TrainingDivergedError, Watch
from forwardnet.train.history import Row
from forwardnet.train.interrupt import Interrupts
from forwardnet.train.orders import Orders
from forwardnet.train.pace import Pace
from forwardnet.train.program import Epoch, Program
from forwardnet.train.progress import Calls, Display
from forwardnet.train.run import Run

Array = NDArray[Any]


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
                    self._epoch()
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

    def _epoch(self) -> None:
        """One epoch: steps, metrics, validation, learning rate, callbacks."""
        run = self.run
        begin = time.perf_counter()
        stays, is_unseen = self._stays, self._is_unseen
        run.epoch += 1
        self.watch.epoch = run.epoch
        self.noise.stream, self.noise.position = stream_of("noise", run.epoch), 0
        self.pace.begin_epoch()
        self.callbacks.emit("on_epoch_begin", run)
        if run.stopped is not None:
            return
        if self.renew is not None:
            self.renew(run.epoch)
        if not is_unseen or run.epoch == run.first_epoch:
            run.model.train()
        first_step = run.step + 1
        batches = self.orders(run.epoch)
        if run.epoch < run.last_epoch and isinstance(self.program, CompiledProgram) and self.program.leaves_room:
            self.orders.foresee(run.epoch + 1)
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
