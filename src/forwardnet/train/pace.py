"""A schedule in a fit: made from its name, stepped after each epoch or each batch, foreseen for compiled steps."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.dtypes import float64, int64
from forwardnet.jit.cells import Cell, ItemCell, TensorCell, moving_cells
from forwardnet.optim.lr_scheduler import SCHEDULERS, Courses, Knob, LRScheduler
from forwardnet.optim.sgd import SGD
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import take, zeros
from forwardnet.tensor.mode import no_grad
from forwardnet.train.history import Row

KINDS = ("epoch", "batch", "part")
# The names under which groups hold what a schedule sets, where they are not the names under which it tells it.
PLACES = {"momentum": ("momentum", "betas")}


@dataclass
class PerFit:
    """A schedule that begins anew in each fit, from the rates of the optimiser as it was.

    `make` makes it for an optimiser, so many epochs, and so many steps of each; `schedule` is that of the last fit.
    """

    make: Callable[[Any, int, int], LRScheduler]
    rates: list[float]
    schedule: LRScheduler | None = None

    def begin(self, optimizer: Any, epochs: int, steps_per_epoch: int) -> LRScheduler:
        """Make the schedule for a fit of so many epochs."""
        for group, rate in zip(optimizer.param_groups, self.rates, strict=True):
            group["lr"] = group["initial_lr"] = rate
        self.schedule = self.make(optimizer, epochs, steps_per_epoch)
        return self.schedule


def schedule_of(scheduler: Any, optimizer: Any) -> Any:
    """What a trainer was given, checked: of a name or `Courses` a `PerFit`, of a function what it returns."""
    if isinstance(scheduler, str):
        by_class = {cls.__name__: name for name, cls in SCHEDULERS.items()}
        name = by_class.get(scheduler, scheduler)
        if name not in SCHEDULERS:
            raise errors.unknown_name("scheduler", scheduler, SCHEDULERS)
        return PerFit(SCHEDULERS[name].for_fit, [float(group["lr"]) for group in optimizer.param_groups])
    if isinstance(scheduler, Courses):
        return PerFit(scheduler.for_fit, [float(group["lr"]) for group in optimizer.param_groups])
    try:
        made = scheduler(optimizer) if callable(scheduler) else scheduler
    except TypeError as error:
        if not isinstance(scheduler, type):
            raise
        raise errors.ArgumentError(
            f"Trainer: scheduler is the class {scheduler.__name__}, which needs more than an optimizer: {error}",
            hint=f"scheduler=lambda optimizer: {scheduler.__name__}(optimizer, ...)",
        ) from error
    if made is not None and not hasattr(made, "step"):
        raise errors.ArgumentError(f"Trainer: scheduler is a {type(made).__name__}, expected something with a step()")
    if isinstance(made, LRScheduler) and made.optimizer is not optimizer:
        raise errors.ArgumentError(
            "Trainer: the scheduler belongs to another optimizer",
            hint="make the optimizer first, and give both: scheduler=StepLR(optimizer, 10)",
        )
    return made


def begun(scheduler: Any, optimizer: Any, epochs: int, steps_per_epoch: int) -> Any:
    """The schedule of a fit: those that are made for each fit are made, others go on."""
    return scheduler.begin(optimizer, epochs, steps_per_epoch) if isinstance(scheduler, PerFit) else scheduler


@dataclass
class Pace:
    """When the schedule of a fit is stepped: after each epoch, or after each batch.

    A schedule that is stepped after each batch and is a formula is gone along by its formula: a rate that was changed
    by hand is set again at the next batch.
    """

    scheduler: Any
    optimizer: Any
    epochs: int
    steps_per_epoch: int
    _epoch: float = 0.0  # what the schedule counted before this epoch
    _batch: int = 0  # batches since
    _rate: float | None = None  # that of the last batch
    _wants_number: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        kind = getattr(self.scheduler, "every", "epoch")
        if kind not in KINDS:
            raise errors.ArgumentError(
                f"{type(self.scheduler).__name__}: some of its schedules count batches and some epochs",
                hint='set every = "batch", "part" or "epoch" on each of them before they are joined',
            )
        self.by_batch = self.scheduler is not None and kind != "epoch"
        self.has_formula = bool(getattr(self.scheduler, "has_formula", False))
        if self.scheduler is not None and not self.by_batch:
            parameters = inspect.signature(self.scheduler.step).parameters.values()
            self._wants_number = any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
        if self.by_batch:
            done = float(getattr(self.scheduler, "last_epoch", 0))
            self._epoch = done if kind == "batch" else math.floor(done)
            self._check_length()

    def _check_length(self) -> None:
        total = getattr(self.scheduler, "total_steps", None)
        wanted = self.epochs * self.steps_per_epoch
        if total is not None and self._epoch + wanted > total:
            name = type(self.scheduler).__name__
            raise errors.ArgumentError(
                f"{name}: the cycle has {total - self._epoch:g} steps left, but the fit makes {wanted}: "
                f"{self.epochs} epochs of {self.steps_per_epoch} batches",
                hint=f"total_steps={int(self._epoch) + wanted}",
            )

    # Stepping

    def begin_epoch(self) -> None:
        """Called before the first batch of an epoch."""
        self._batch, self._rate = 0, None

    def after_batches(self, n: int) -> None:
        """Called after `n` batches of an epoch."""
        if not self.by_batch:
            return
        if not self.has_formula:
            for _ in range(n):
                self._rate, self._batch = self._present(), self._batch + 1
                self.scheduler.step(*([self._time(self._batch)] if self.scheduler.every == "part" else []))
            return
        self._batch += n
        self._rate = self.scheduler.settings(self._time(self._batch - 1), 0)["lr"]
        self.scheduler.step(self._time(self._batch))

    def after_epoch(self, row: Row) -> None:
        """Called after a whole epoch; a schedule that asks for a number gets the validation loss, or the loss."""
        if self.by_batch:
            self._epoch, self._batch = self._time(self._batch), 0
        elif self.scheduler is not None:
            self.scheduler.step(*([row.get("val_loss", row["loss"])] if self._wants_number else []))

    @property
    def rate(self) -> float:
        """The rate of the first group at the last batch."""
        return self._present() if self._rate is None else self._rate

    def _present(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _time(self, batches: int) -> float:
        """What the schedule counts after so many batches of this epoch: batches, or parts of epochs."""
        if self.scheduler.every == "batch":
            return self._epoch + batches
        whole, rest = divmod(batches, self.steps_per_epoch)
        return self._epoch + whole + rest / self.steps_per_epoch

    # For compiled steps

    def knobs(self) -> list[ItemCell] | None:
        """The numbers of the groups that the schedule sets; None where they cannot be told beforehand."""
        if not self.has_formula:
            return None
        found: list[ItemCell] = []
        for number, group in enumerate(self.optimizer.param_groups):
            for name in self._names(number):
                if name != "momentum":
                    found.append(ItemCell(group, name))
                    continue
                moving = [cell for cell in moving_cells(self.optimizer, group) if cell.key in PLACES["momentum"]]
                if not moving:
                    return None  # a momentum of 0 is a constant of the program
                found += moving
        return found + [ItemCell(vars(knob.owner), knob.name) for knob, _ in self._elsewhere(0)]

    def _elsewhere(self, t: float) -> list[tuple[Knob, float]]:
        """What the schedule sets besides the numbers of groups, and to what."""
        values = getattr(self.scheduler, "knob_values", None)
        return [] if values is None else values(t)

    def finish(self) -> None:
        """Called when the fit is over: a schedule may put back what is not for it to keep."""
        finish = getattr(self.scheduler, "finish", None)
        if finish is not None:
            finish()

    def _names(self, group: int) -> list[str]:
        """What the schedule sets in a group in the course of the fit."""
        parts = getattr(self.scheduler, "_schedulers", [self.scheduler])
        return sorted({name for part in parts for name in part.settings(0, group)})

    def foreseen(self, batches: int) -> NDArray[np.float64]:
        """What the knobs are at each of the next batches, (knobs, batches)."""
        names = [self._names(number) for number in range(len(self.optimizer.param_groups))]
        held = {(number, name): 0.0 for number, found in enumerate(names) for name in found}
        for number, name in held:
            group = self.optimizer.param_groups[number]
            value = group[next(key for key in PLACES.get(name, (name,)) if key in group)]
            held[number, name] = value[0] if isinstance(value, tuple) else value
        columns = []
        for batch in range(self._batch, self._batch + batches):
            for number in range(len(names)):
                for name, value in self.scheduler.settings(self._time(batch), number).items():
                    held[number, name] = value
            columns.append([*held.values(), *(value for _, value in self._elsewhere(self._time(batch)))])
        return np.array(columns, np.float64).reshape(batches, -1).T


class Course:
    """The rates of the next steps as tables, in which each step of a native program looks up its own.

    Without them a native call could make no more than one step, since Python would have to set the rate of the next.
    """

    def __init__(self, knobs: list[ItemCell], longest: int) -> None:
        self.knobs = knobs
        self.tables = [zeros(longest, dtype=float64) for _ in knobs]
        self.place = zeros(1, dtype=int64)  # of the step in the tables

    @property
    def tensors(self) -> list[Tensor]:
        """What the program reads besides model and optimiser."""
        return [*self.tables, self.place]

    def paced(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step with the rates of the tables in the groups."""

        def at_its_rates(*args: Tensor) -> Any:
            before = [knob.value for knob in self.knobs]
            for knob, table in zip(self.knobs, self.tables, strict=True):
                knob.put(knob.owners[0], take(table, self.place).sum())
            try:
                return step(*args)
            finally:
                for knob, value in zip(self.knobs, before, strict=True):
                    knob.put(knob.owners[0], value)
                with no_grad():
                    self.place.add_(1)

        return at_its_rates

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """A block in which the numbers are not there: what a program is made for does not depend on them."""
        before = [knob.value for knob in self.knobs]
        for knob in self.knobs:
            knob.put(knob.owners[0], None)
        try:
            yield
        finally:
            for knob, value in zip(self.knobs, before, strict=True):
                knob.put(knob.owners[0], value)

    def fill(self, native: Any, cells: Sequence[Cell], values: NDArray[np.float64]) -> None:
        """Put the values of the next steps, (knobs, steps), into the tables of a program with these cells."""
        numbers = {id(cell.tensor): number for number, cell in enumerate(cells) if isinstance(cell, TensorCell)}
        for table, row in zip(self.tables, values, strict=True):
            native.set_input(numbers[id(table)], np.pad(row, (0, len(table) - len(row))))
        native.set_input(numbers[id(self.place)], np.zeros(1, np.int64))


def course_of(pace: Pace | None, longest: int) -> Course | None:
    """The tables for a schedule that is stepped after each batch, where its rates can be told beforehand."""
    knobs = pace.knobs() if pace is not None and pace.by_batch else None
    return None if knobs is None else Course(knobs, longest)


@dataclass(frozen=True)
class Preview:
    """The rate of a schedule at each step of a fit, and the momentum where it moves; `epochs` says when a step is."""

    epochs: NDArray[np.float64]
    rates: NDArray[np.float64]
    momenta: NDArray[np.float64] | None


def preview(
    scheduler: Any, *, epochs: int, steps_per_epoch: int = 1, lr: float = 0.1, losses: Sequence[float] | None = None
) -> Preview:
    """What a `Trainer` would set at each step, without training.

    `scheduler` is what a `Trainer` takes: a name, or a function that makes a schedule from an optimiser, which here is
    gradient descent of rate `lr` with momentum 0.9. `losses` are the numbers that a schedule which watches one gets,
    one for each epoch (None: it falls for half of the epochs, and stays).

    Example:
        >>> pace.preview("cosine", epochs=4).rates.round(4).tolist()
        [0.1, 0.0854, 0.05, 0.0146]
    """
    optimizer = SGD([zeros(1).requires_grad_()], lr=lr, momentum=0.9)
    made = schedule_of(scheduler, optimizer)
    if isinstance(made, PerFit):
        made = made.begin(optimizer, epochs, steps_per_epoch)
    pace = Pace(made, optimizer, epochs, steps_per_epoch)
    watched = [1 / min(e, max(epochs // 2, 1)) for e in range(1, epochs + 1)] if losses is None else losses
    rates, momenta = [], []
    for epoch in range(epochs):
        pace.begin_epoch()
        for _ in range(steps_per_epoch):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(optimizer.param_groups[0]["momentum"])
            pace.after_batches(1)
        pace.after_epoch({"loss": float(watched[epoch])})
    moves = len(set(momenta)) > 1
    return Preview(
        np.arange(len(rates)) / steps_per_epoch, np.array(rates), np.array(momenta, np.float64) if moves else None
    )
