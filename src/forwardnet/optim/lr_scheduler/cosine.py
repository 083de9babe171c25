"""Schedules along a cosine, once or with warm restarts."""

from __future__ import annotations

import math
from typing import ClassVar

from forwardnet.errors import ArgumentError
from forwardnet.optim.lr_scheduler.base import LRScheduler, check_count
from forwardnet.optim.optimizer import Optimizer, check_number


def along_cosine(high: float, low: float, done: float) -> float:
    """From `high` at done = 0 to `low` at 1, along half a wave."""
    return low + (high - low) * (1 + math.cos(math.pi * done)) / 2


class CosineAnnealingLR(LRScheduler, name="cosine"):
    """lr_t = eta_min + (lr_0 - eta_min) (1 + cos(pi t / T_max)) / 2 (Loshchilov & Hutter 2017, eq. 5, no restarts).

    After T_max epochs the rate rises again, as slowly as it fell.

    Args:
        optimizer: whose rates are set.
        T_max: epochs from lr_0 to eta_min, >= 1.
        eta_min: the lowest rate, >= 0.
        last_epoch: the last step that was made; -1 begins.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        check_number("CosineAnnealingLR", "eta_min", eta_min)
        self.T_max, self.eta_min = check_count("CosineAnnealingLR", "T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> CosineAnnealingLR:
        """Down to 0 in as many epochs as there are."""
        return cls(optimizer, epochs)

    def rate(self, t: float, group: int) -> float:
        return along_cosine(self.base_lrs[group], self.eta_min, t / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler, name="cosine_warm_restarts"):
    """lr_t = eta_min + (lr_0 - eta_min) (1 + cos(pi u / T_i)) / 2, u epochs into cycle i (Loshchilov & Hutter 2017).

    The cycles have T_0, T_0 T_mult, T_0 T_mult^2, ... epochs. `step(epoch)` takes parts of epochs: after batch b of
    n, `scheduler.step(epoch + b / n)`, which is what a `Trainer` does.

    Args:
        optimizer: whose rates are set.
        T_0: epochs of the first cycle, >= 1.
        T_mult: how many times longer each cycle is than the one before, a whole number >= 1.
        eta_min: the lowest rate, >= 0.
        last_epoch: the last step that was made; -1 begins.
    """

    chains: ClassVar[bool] = False
    every = "part"

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        where = "CosineAnnealingWarmRestarts"
        check_number(where, "eta_min", eta_min)
        self.T_0, self.T_mult = check_count(where, "T_0", T_0), check_count(where, "T_mult", T_mult)
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> CosineAnnealingWarmRestarts:
        """Three cycles, each twice as long as the one before; the last may be cut short."""
        return cls(optimizer, math.ceil(epochs / 7), 2)

    def rate(self, t: float, group: int) -> float:
        return along_cosine(self.base_lrs[group], self.eta_min, self.place(t))

    def place(self, t: float) -> float:
        """How much of its cycle is over at t, in [0, 1)."""
        if t < 0:
            raise ArgumentError(f"CosineAnnealingWarmRestarts: epoch is {t!r}, expected a number >= 0")
        if self.T_mult == 1:
            return (t % self.T_0) / self.T_0
        length = self.T_0
        while t >= length:  # counted, as logarithms of whole powers may fall short of the whole number
            t, length = t - length, length * self.T_mult
        return t / length
