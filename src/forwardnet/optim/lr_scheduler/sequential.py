"""One schedule after the other."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError
from forwardnet.optim.lr_scheduler.base import LRScheduler, checked_optimizer
from forwardnet.optim.lr_scheduler.cosine import CosineAnnealingLR
from forwardnet.optim.lr_scheduler.decay import LinearLR
from forwardnet.optim.lr_scheduler.plateau import ReduceLROnPlateau
from forwardnet.optim.optimizer import Optimizer


class SequentialLR(LRScheduler, name="sequential"):
    """lr_t = that of schedule k at t - milestone_k, where k of the milestones are at or before t.

    A warm-up, then a decay: `SequentialLR(o, [LinearLR(o, total_iters=5), CosineAnnealingLR(o, 45)], [5])`. A `Trainer`
    steps it after each batch where one of its schedules asks for that; milestones are batches where all of them count
    batches, else epochs.

    Args:
        optimizer: whose rates are set.
        schedulers: schedules of the same optimiser, each of which begins at its milestone.
        milestones: epochs at which the second, third, ... schedule begins, rising.
        last_epoch: the last step that was made; -1 begins.
    """

    chains: ClassVar[bool] = False
    every = "parts"  # of the class; each object says what its schedules do
    unsaved: ClassVar[tuple[str, ...]] = ("optimizer", "_schedulers")

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked_optimizer("SequentialLR", optimizer)
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        self._check()
        kinds = {scheduler.every for scheduler in self._schedulers}
        self.every = kinds.pop() if len(kinds) == 1 else "mixed" if "batch" in kinds else "part"
        self.last_epoch = last_epoch + 1
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        # Each schedule made its first step when it was made; that of all but the first is taken back.
        for group, lr in zip(optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr
        for scheduler in self._schedulers:
            scheduler.last_epoch -= 1
        self._schedulers[bisect_right(self._milestones, 0)].step()
        self._last_lr = [float(group["lr"]) for group in optimizer.param_groups]

    def _check(self) -> None:
        given: Sequence[Any] = self._schedulers
        if not self._schedulers:
            raise ArgumentError("SequentialLR: got an empty list of schedulers, expected at least one")
        for number, scheduler in enumerate(given):
            if not isinstance(scheduler, LRScheduler) or isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentError(
                    f"SequentialLR: scheduler {number} is a {type(scheduler).__name__}, "
                    "expected a schedule that steps without a number"
                )
            if scheduler.optimizer is not self.optimizer:
                raise ArgumentError(f"SequentialLR: scheduler {number} belongs to another optimizer")
        if len(self._milestones) != len(self._schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: {len(self._milestones)} milestones for {len(self._schedulers)} schedulers, "
                f"expected {len(self._schedulers) - 1}"
            )
        if sorted(self._milestones) != self._milestones:
            raise ArgumentError(f"SequentialLR: the milestones are {self._milestones}, expected them to rise")

    @property
    def has_formula(self) -> bool:
        return all(scheduler.has_formula for scheduler in self._schedulers)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> SequentialLR:
        """A warm-up from a tenth of the rate in the first tenth of the epochs, then along a cosine to 0."""
        warm = max(1, round(epochs / 10))
        parts = [LinearLR(optimizer, 0.1, total_iters=warm), CosineAnnealingLR(optimizer, max(1, epochs - warm))]
        return cls(optimizer, parts, [warm])

    def at(self, t: float) -> tuple[LRScheduler, float]:
        """The schedule that is followed at t, and how many steps it has made; one of whole epochs makes no parts."""
        number = bisect_right(self._milestones, t)
        scheduler, since = self._schedulers[number], t - (self._milestones[number - 1] if number else 0)
        return scheduler, math.floor(since) if scheduler.every == "epoch" else since

    def settings(self, t: float, group: int) -> dict[str, float]:
        scheduler, since = self.at(t)
        return scheduler.settings(since, group)

    def rate(self, t: float, group: int) -> float:
        return self.settings(t, group)["lr"]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a given one, and set the rates."""
        if epoch is None:
            self.last_epoch += 1
            number = bisect_right(self._milestones, self.last_epoch)
            begins = number > 0 and self._milestones[number - 1] == self.last_epoch
            scheduler = self._schedulers[number]
            scheduler.step(0 if begins else None)
        else:
            self.last_epoch = epoch
            scheduler, since = self.at(epoch)
            scheduler.step(since)
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """What is needed to continue, with the states of the schedules in `_schedulers`."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned for as many schedules; raises `ArgumentError` otherwise."""
        states = state_dict.get("_schedulers", ())
        if len(states) != len(self._schedulers):
            raise ArgumentError(
                f"SequentialLR.load_state_dict: there are states of {len(states)} schedules, "
                f"expected {len(self._schedulers)}"
            )
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_schedulers"})
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler.load_state_dict(state)
