"""The course of a fit for TensorBoard, which is needed to look at it and not to write it."""

from __future__ import annotations

import os

from forwardnet.interop.event_file import EventFile
from forwardnet.train.callbacks import Callback
from forwardnet.train.inputs import whole
from forwardnet.train.run import Run


class TensorBoard(Callback):
    """Write what the history records to an event file in `folder` after each epoch, for `tensorboard --logdir folder`.

    The tags are the history's names ("loss", "val_loss", "accuracy", "lr", ...), by the number of the epoch. With
    `steps` the loss of every step is there as "step_loss", by the number of the step; it is written at the end of its
    epoch. With `histograms=k` those of all parameters are added after every k-th epoch. Each fit begins a file of its
    own, so give each fit that is to be a curve of its own another folder. `path` is the file of the latest fit.

    Example:
        >>> trainer.fit(X, y, validation_split=0.1, callbacks=[ff.TensorBoard("runs/first", histograms=5)])
    """

    changes_weights = False

    def __init__(self, folder: str | os.PathLike[str] = "runs", *, steps: bool = False, histograms: int = 0) -> None:
        self.folder = os.fspath(folder)
        self.steps = bool(steps)
        self.histograms = whole(histograms, "TensorBoard: histograms", least=0)
        self.looks_at_weights = self.histograms > 0
        self.path: str | None = None
        self._file: EventFile | None = None
        self._written = 0  # losses of steps

    def on_train_begin(self, run: Run) -> None:
        self._file = EventFile(self.folder)
        self.path, self._written = os.fspath(self._file.path), len(run.history.steps["loss"])

    def on_epoch_end(self, run: Run) -> None:
        assert self._file is not None
        if self.steps:
            losses = run.history.steps["loss"]
            first = run.step - len(losses) + 1
            for number in range(self._written, len(losses)):
                self._file.add(first + number, {"step_loss": float(losses[number])})
            self._written = len(losses)
        numbers = {name: float(value) for name, value in run.logs.items() if name != "epoch"}
        is_due = self.histograms and (run.epoch - run.first_epoch + 1) % self.histograms == 0
        parameters = run.model.named_parameters() if is_due else ()
        self._file.add(run.epoch, numbers, {name: p.detach().numpy() for name, p in parameters})
        self._file.flush()

    def on_train_end(self, run: Run) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
