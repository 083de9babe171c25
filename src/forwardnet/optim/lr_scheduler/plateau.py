"""A schedule that looks at a number: the rate falls when it no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.optim.lr_scheduler.base import LRScheduler, checked_optimizer, for_groups
from forwardnet.optim.optimizer import Optimizer, check_number


class ReduceLROnPlateau(LRScheduler, name="plateau"):
    """lr <- max(factor lr, min_lr) when the number has not improved for more than `patience` steps.

    `step(number)` takes the number; a `Trainer` gives the validation loss, or the loss where there is none.

    Args:
        optimizer: whose rates are set.
        mode: whether "min" or "max" is good.
        factor: of each fall, in [0, 1).
        patience: steps without improvement that are borne, >= 0.
        threshold: how much better a number must be to count as better, >= 0.
        threshold_mode: whether the threshold is a share of the best number ("rel") or a difference ("abs").
        cooldown: steps after a fall in which nothing is counted, >= 0.
        min_lr: lowest rate, or a list with one for each group.
        eps: a fall by no more than this is left out.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        where = "ReduceLROnPlateau"
        self.optimizer = checked_optimizer(where, optimizer)
        if not 0 <= factor < 1:
            raise ArgumentError(f"{where}: factor is {factor!r}, expected a number in [0, 1)")
        if mode not in ("min", "max"):
            raise unknown_name("mode", mode, ("min", "max"))
        if threshold_mode not in ("rel", "abs"):
            raise unknown_name("threshold_mode", threshold_mode, ("rel", "abs"))
        for name, value in (("patience", patience), ("threshold", threshold), ("cooldown", cooldown), ("eps", eps)):
            check_number(where, name, value)
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = for_groups(where, "min_lr", min_lr, optimizer)
        self.base_lrs = [float(group["lr"]) for group in optimizer.param_groups]
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = 0
        self.last_epoch = 0
        self._last_lr = list(self.base_lrs)

    def step(self, metrics: SupportsFloat, epoch: float | None = None) -> None:  # type: ignore[override]
        """Take note of the number of this epoch, and lower the rates if it has been no better for too long."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(float(metrics)):
            self.best, self.num_bad_epochs = float(metrics), 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        groups = self.optimizer.param_groups
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            for group, least in zip(groups, self.min_lrs, strict=True):
                reduced = max(float(group["lr"]) * self.factor, least)
                if group["lr"] - reduced > self.eps:
                    group["lr"] = reduced
        self._last_lr = [float(group["lr"]) for group in groups]

    def is_better(self, number: float) -> bool:
        """Whether the number is better than the best so far by more than the threshold."""
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            return sign * number < sign * self.best * (1 - sign * self.threshold)
        return sign * number < sign * self.best - self.threshold

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; raises `ArgumentError` if something is missing."""
        if "num_bad_epochs" not in state_dict:
            raise ArgumentError("ReduceLROnPlateau.load_state_dict: there is no 'num_bad_epochs'")
        super().load_state_dict(state_dict)
