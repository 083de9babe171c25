"""What a running fit shows to its callbacks and to the progress display."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forwardnet.train.history import History, Row

if TYPE_CHECKING:
    from forwardnet.nn import Module


@dataclass
class Run:
    """The state of a running fit.

    `epoch` and `step` count from 1 and go on where an earlier fit of the same trainer ended; `last_epoch` is the
    number of the last epoch asked for. `logs` is the row of the epoch that has just ended: a callback may change
    or add numbers in it, and the history keeps them. `loss` is the loss of the last step.
    """

    model: Module
    optimizer: Any
    history: History
    columns: tuple[str, ...]
    last_epoch: int
    batch_size: int
    n_samples: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    loss: float = float("nan")
    logs: Row = field(default_factory=dict)
    stopped: str | None = None
    first_epoch: int = 1
    steps_done: int = 0
    started: float = field(default_factory=time.perf_counter)
    untold: float = 0.0  # seconds of epochs that have been run, but of which nobody has been told yet

    def stop(self, reason: str = "callback") -> None:
        """End the fit after the current step; the first reason given is the one that history keeps."""
        if self.stopped is None:
            self.stopped = reason

    @property
    def epochs(self) -> int:
        """How many epochs this fit was asked for."""
        return self.last_epoch - self.first_epoch + 1

    @property
    def steps_total(self) -> int:
        """How many steps this fit makes when nothing stops it."""
        return self.epochs * self.steps_per_epoch

    @property
    def elapsed(self) -> float:
        """Seconds that the steps done have taken, with all that went on beside them."""
        return time.perf_counter() - self.started - self.untold

    @property
    def samples_per_second(self) -> float:
        """Training rows seen per second since the fit began, validation included; 0 before the first step."""
        elapsed = self.elapsed
        rows = self.steps_done * self.n_samples / self.steps_per_epoch
        return rows / elapsed if elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the mean time of the steps so far; None before the first step."""
        if self.steps_done == 0:
            return None
        left = self.elapsed * max(0, self.steps_total - self.steps_done) / self.steps_done
        return max(0.0, left - self.untold)
