"""When a training ends, and which of its weights are kept."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from forwardnet.train.callbacks import Callback
from forwardnet.train.history import monitored
from forwardnet.train.run import Run
from forwardnet.train.state import Snapshot

# The rate of scikit-learn's "adaptive" at which there is nothing left to gain.
LEAST_RATE = 1e-6


class NoProgress(Callback):
    """scikit-learn's rule: stop after more than `patience` epochs in a row that are not better by `tol`.

    Without validation it reads the loss of the training rows, and an epoch counts when its loss is above best - tol;
    with a `monitor` of validation rows it counts when the figure is below best + tol (above best - tol where less is
    better), and the weights of the best epoch are put back at the end. `adaptive` divides the rate by 5 instead of
    stopping, until it has become `LEAST_RATE`.

    `curve` has the figure of each epoch, `best` the best of them, `best_epoch` its number.
    """

    changes_weights = False  # not before the training has ended

    def __init__(
        self, *, tol: float, patience: float, monitor: str = "loss", greater: bool = False, adaptive: bool = False
    ) -> None:
        self.tol, self.patience, self.monitor = tol, patience, monitor
        self.sign = 1.0 if greater else -1.0
        self.adaptive = adaptive
        self.restores = self.looks_at_weights = monitor != "loss"
        self.curve: list[float] = []
        self.best: float = -self.sign * math.inf
        self.best_epoch: int | None = None
        self.count = 0
        self._weights: Snapshot | None = None

    def on_epoch_end(self, run: Run) -> None:
        value = monitored(run.logs, self.monitor, who="early stopping")
        self.curve.append(value)
        enough = self.best + self.sign * self.tol
        # A figure that is no number is no progress.
        is_progress = value >= enough if self.sign > 0 else value <= enough
        self.count = 0 if is_progress else self.count + 1
        if self.sign * value > self.sign * self.best:
            self.best, self.best_epoch = value, run.epoch
            run.history.best_epoch = run.epoch if self.restores else None
            if self.restores:
                self._weights = Snapshot.of(run.model)
        if self.count > self.patience:
            self._end(run)

    def _end(self, run: Run) -> None:
        (group,) = run.optimizer.param_groups
        if self.adaptive and group["lr"] > LEAST_RATE:
            group["lr"] /= 5.0
            self.count = 0
            return
        run.stop("no progress")

    def on_train_end(self, run: Run) -> None:
        if self._weights is not None:
            self._weights.restore(run.model)
            self._weights = None


class InverseScaling(Callback):
    """lr = lr_0 / (t + 1)^power after each epoch, t the rows seen so far: scikit-learn's "invscaling"."""

    looks_at_weights = False
    changes_rates = True

    def __init__(self, rate: float, power: float, seen: int) -> None:
        self.rate, self.power, self.seen = rate, power, seen

    def on_epoch_end(self, run: Run) -> None:
        self.seen += run.n_samples
        for group in run.optimizer.param_groups:
            group["lr"] = self.rate / (self.seen + 1) ** self.power


class Best(Callback):
    """Keep the weights of the best epoch by `monitor`, and stop when it has not become better for long enough.

    `patience` is a number of epochs, or a function (epoch, best epoch) -> whether to stop; epochs count from 1, and 0
    is the network before its first step, whose figure is `untrained` if it takes part.
    """

    changes_weights = False  # not before the training has ended

    def __init__(
        self,
        monitor: str,
        *,
        greater: bool,
        last_of_ties: bool,
        restore: bool,
        untrained: float | None = None,
        patience: int | Callable[[int, int], bool] | None = None,
        min_delta: float = 0.0,
    ) -> None:
        self.monitor, self.restore, self.untrained = monitor, restore, untrained
        self.sign = 1.0 if greater else -1.0
        self.last_of_ties, self.patience, self.min_delta = last_of_ties, patience, min_delta
        self.looks_at_weights = restore
        self.best = -math.inf
        self.best_epoch = 0
        self.progress, self.progress_epoch = -math.inf, 0
        self._weights: Snapshot | None = None

    def on_train_begin(self, run: Run) -> None:
        self._first = run.first_epoch - 1
        if self.untrained is not None:
            self._see(self.untrained, 0, run)

    def on_epoch_end(self, run: Run) -> None:
        epoch = run.epoch - self._first
        self._see(monitored(run.logs, self.monitor, who="the plan"), epoch, run)
        if self._is_over(epoch):
            run.stop("early stopping")

    def _see(self, value: float, epoch: int, run: Run) -> None:
        figure = self.sign * value
        if figure > self.best or (self.last_of_ties and figure == self.best):
            self.best, self.best_epoch = figure, epoch
            run.history.best_epoch = self._first + epoch
            if self.restore:
                self._weights = Snapshot.of(run.model)
        if figure > self.progress + self.min_delta:
            self.progress, self.progress_epoch = figure, epoch

    def _is_over(self, epoch: int) -> bool:
        if callable(self.patience):
            return bool(self.patience(epoch, self.best_epoch))
        return self.patience is not None and epoch - self.progress_epoch >= self.patience

    def on_train_end(self, run: Run) -> None:
        if self._weights is not None:
            self._weights.restore(run.model)
            self._weights = None


class Lines(Callback):
    """Print a line after each epoch, as scikit-learn's `verbose` does."""

    looks_at_weights = False

    def __init__(self, monitor: str | None = None) -> None:
        self.monitor = monitor

    def on_epoch_end(self, run: Run) -> None:
        number = run.epoch - run.first_epoch + 1
        say(f"Iteration {number}, loss = {run.logs['loss']:.8f}")
        if self.monitor is not None:
            say(f"Validation score: {run.logs[self.monitor]:f}")


def say(text: Any) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{text}\n")
