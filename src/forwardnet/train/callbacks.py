"""Objects that look into a running fit: what happens when, and the ready-made ones.

A callback is any object with one or more of the five methods of `Callback`; each gets the `Run`. Order within a
fit: `on_train_begin`, then for every epoch `on_epoch_begin`, `on_step_end` after each step, `on_epoch_end`, and
`on_train_end` once, whatever ended the fit. Several callbacks are called in the order in which they were given.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from forwardnet import errors
from forwardnet.train.history import monitored, number_text
from forwardnet.train.inputs import whole
from forwardnet.train.metrics import METRICS
from forwardnet.train.run import Run
from forwardnet.train.state import Snapshot

EVENTS = ("on_train_begin", "on_epoch_begin", "on_step_end", "on_epoch_end", "on_train_end")

Mode = Literal["auto", "min", "max"]


class Callback:
    """Base class with five methods that do nothing; write those you need.

    One that looks at numbers alone (`run.logs`, the rate of the optimiser) says `looks_at_weights = False`: weights may
    then stay inside native code from epoch to epoch. One that reads the model's tensors, and changes nothing and looks
    at nothing that the optimiser remembers while the training goes on, says `changes_weights = False`: they are then
    shown, and not taken back.

    Epochs between which nobody looks at weights are run several at once, and callbacks are told of each afterwards.
    Where one of them stops the fit or changes a rate they are run again up to there; one that changes rates in most
    epochs says `changes_rates = True`, and they are run one by one.
    """

    looks_at_weights = True
    changes_weights = True
    changes_rates = False

    def on_train_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first step of an epoch; `run.epoch` is its number, from 1."""

    def on_step_end(self, run: Run) -> None:
        """After the weights were updated; `run.step` and `run.loss` belong to that step."""

    def on_epoch_end(self, run: Run) -> None:
        """After validation; `run.logs` is the row that the history keeps."""

    def on_train_end(self, run: Run) -> None:
        """After the last step, also when the fit was stopped, interrupted or diverged."""


class Dispatcher:
    """Calls the callbacks of a fit, in order; methods that a callback does not have cost nothing."""

    def __init__(self, callbacks: Any) -> None:
        listed = list(callbacks) if isinstance(callbacks, Sequence) else [callbacks]
        for callback in listed:
            if isinstance(callback, type) or not any(hasattr(callback, event) for event in EVENTS):
                raise errors.ArgumentError(
                    f"callbacks: {callback!r} has none of the methods {', '.join(EVENTS)}",
                    hint="make an object of the class first" if isinstance(callback, type) else None,
                )
        self._methods: dict[str, list[Callable[[Run], object]]] = {
            event: [getattr(c, event) for c in listed if _has_own(c, event)] for event in EVENTS
        }
        self._lookers = [c for c in listed if getattr(c, "looks_at_weights", True)]
        self._changers = [c for c in self._lookers if getattr(c, "changes_weights", True)]
        self.changes_rates = any(getattr(c, "changes_rates", False) for c in listed)

    def emit(self, event: str, run: Run) -> None:
        """Call the method `event` of every callback."""
        for method in self._methods[event]:
            method(run)

    def listens(self, event: str) -> bool:
        """Whether any callback has this method."""
        return bool(self._methods[event])

    def looks(self, event: str) -> bool:
        """Whether any callback may look at the weights at this event."""
        return any(_has_own(callback, event) for callback in self._lookers)

    def changes(self, event: str) -> bool:
        """Whether any callback may change the weights, or look at what the optimiser remembers, at this event."""
        return any(_has_own(callback, event) for callback in self._changers)


def _has_own(callback: object, event: str) -> bool:
    """Whether the callback does something at this event: the empty method of the base class does not count."""
    method = getattr(callback, event, None)
    return method is not None and getattr(method, "__func__", None) is not getattr(Callback, event)


class _Watcher(Callback):
    """A callback that compares one number of each epoch with the best so far."""

    def __init__(self, monitor: str, min_delta: float, mode: Mode) -> None:
        if mode not in ("auto", "min", "max"):
            raise errors.unknown_name("mode", mode, ("auto", "min", "max"))
        if not min_delta >= 0:
            raise errors.ArgumentError(f"{type(self).__name__}: min_delta is {min_delta}, expected 0 or more")
        self.monitor = monitor
        self.min_delta = float(min_delta)
        self.mode = mode
        self.best: float | None = None
        self.best_epoch: int | None = None

    def on_train_begin(self, run: Run) -> None:
        monitored(dict.fromkeys(run.columns, 0.0), self.monitor, who=type(self).__name__)
        self._sign = 1.0 if self._smaller_is_better() else -1.0
        self.best, self.best_epoch = None, None

    def state(self) -> dict[str, Any]:
        """What a resumed fit needs to go on with this callback."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned; called after `on_train_begin`."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def _smaller_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "min"
        name = self.monitor.removeprefix("val_")
        if name in ("loss", "seconds", "lr"):
            return True
        if name in METRICS:
            return not METRICS[name].greater_is_better
        raise errors.ArgumentError(
            f"{type(self).__name__}: cannot tell whether a larger {self.monitor!r} is better",
            hint='say mode="min" or mode="max"',
        )

    def _improves(self, run: Run) -> bool:
        """Whether this epoch beats the best one by more than `min_delta`; then it is the best one. NaN never does."""
        value = monitored(run.logs, self.monitor, who=type(self).__name__)
        if value != value:
            return False
        if self.best is not None and not self._sign * value < self._sign * self.best - self.min_delta:
            return False
        self.best, self.best_epoch = value, run.epoch
        return True


class EarlyStopping(_Watcher):
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    With `restore_best` the model ends with the weights of the best epoch, also when the fit ended for another
    reason. After the fit `best`, `best_epoch` and `stopped_epoch` tell what happened.

    Example:
        >>> trainer.fit(X, y, epochs=500, validation_split=0.1, callbacks=[ff.EarlyStopping(patience=10)])
    """

    changes_weights = False  # not before the training has ended

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best: bool = True,
    ) -> None:
        super().__init__(monitor, min_delta, mode)
        self.patience = whole(patience, "EarlyStopping: patience", least=1)
        self.restore_best = restore_best
        self.looks_at_weights = restore_best or type(self) is not EarlyStopping  # a class made of it may look
        self.stopped_epoch: int | None = None
        self._weights: Snapshot | None = None

    def on_train_begin(self, run: Run) -> None:
        super().on_train_begin(run)
        self.stopped_epoch, self._weights, self._waited = None, None, 0

    def state(self) -> dict[str, Any]:
        weights = None if self._weights is None else self._weights.weights
        return {**super().state(), "waited": self._waited, "weights": weights, "stopped": self.stopped_epoch}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._waited, self.stopped_epoch = state["waited"], state["stopped"]
        self._weights = None if state["weights"] is None else Snapshot(state["weights"])

    def on_epoch_end(self, run: Run) -> None:
        if self._improves(run):
            self._waited = 0
            run.history.best_epoch = run.epoch
            if self.restore_best:
                self._weights = Snapshot.of(run.model)
            return
        self._waited += 1
        if self._waited >= self.patience:
            self.stopped_epoch = run.epoch
            run.stop("early stopping")

    def on_train_end(self, run: Run) -> None:
        if self._weights is not None:
            self._weights.restore(run.model)
            self._weights = None


class Checkpoint(_Watcher):
    """Save the model to `path` after each epoch that improves `monitor`, or with `monitor=None` after every epoch.

    `path` may hold `{epoch}` and names of recorded numbers, e.g. `"model-{epoch:03d}-{val_loss:.3f}.safetensors"`.
    A file is written whole or not at all; a failed write is an error.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        monitor: str | None = "val_loss",
        min_delta: float = 0.0,
        mode: Mode = "auto",
    ) -> None:
        super().__init__(monitor or "loss", min_delta, mode)
        self.path = os.fspath(path)
        self.every_epoch = monitor is None
        self.saved: list[str] = []

    def on_epoch_end(self, run: Run) -> None:
        if not (self._improves(run) or self.every_epoch):
            return
        from forwardnet.interop import save

        values = {**run.logs, "epoch": run.epoch}
        try:
            path = self.path.format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise errors.ArgumentError(
                f"Checkpoint: the path {self.path!r} cannot be filled in: {error}", hint=f"known: {', '.join(values)}"
            ) from error
        save(run.model, path)
        self.saved.append(path)


class CSVLogger(Callback):
    """Write one line to `path` after each epoch, at once, so that another program can follow a running fit.

    The columns are those of the first epoch; numbers read back exactly (`History.from_csv`).
    """

    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self.path = Path(path)
        self.append = append
        self.looks_at_weights = type(self) is not CSVLogger
        self._file: TextIO | None = None
        self._columns: list[str] = []

    def on_epoch_end(self, run: Run) -> None:
        try:
            if self._file is None:
                self._open(list(run.logs))
            assert self._file is not None
            values = [number_text(run.logs.get(name, float("nan"))) for name in self._columns]
            csv.writer(self._file, lineterminator="\n").writerow(values)
            self._file.flush()
        except OSError as error:
            raise errors.FileFormatError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _open(self, columns: list[str]) -> None:
        """Open the file and write the first line, or, when appending to a file that has one, take its columns."""
        self._columns = columns
        has_header = self.append and self.path.is_file() and self.path.stat().st_size > 0
        if has_header:
            with open(self.path, newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file))
        self._file = open(self.path, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        if not has_header:
            csv.writer(self._file, lineterminator="\n").writerow(columns)

    def on_train_end(self, run: Run) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class LRMonitor(Callback):
    """Record the learning rate of every parameter group at every step.

    After the fit: `steps` (numbers of the steps) and `rates` (one list per step, one value per group). With several
    groups the history gets a column `lr_<group>` for each.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.rates: list[list[float]] = []

    def on_train_begin(self, run: Run) -> None:
        self.steps, self.rates = [], []

    def on_step_end(self, run: Run) -> None:
        self.steps.append(run.step)
        self.rates.append([float(group["lr"]) for group in run.optimizer.param_groups])

    def on_epoch_end(self, run: Run) -> None:
        if self.rates and len(self.rates[-1]) > 1:
            run.logs.update({f"lr_{i}": rate for i, rate in enumerate(self.rates[-1])})
