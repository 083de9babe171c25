"""Schedules that multiply the first rate by a factor: steps, powers, lines, roots, any function."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError
from forwardnet.optim.lr_scheduler.base import LRScheduler, check_count
from forwardnet.optim.optimizer import Optimizer, check_number


class StepLR(LRScheduler, name="step"):
    """lr_t = lr_0 gamma^floor(t / step_size): down by a factor every `step_size` epochs.

    Args:
        optimizer: whose rates are set.
        step_size: epochs between two changes, >= 1.
        gamma: factor of each change.
        last_epoch: the last step that was made; -1 begins.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        check_number("StepLR", "gamma", gamma)
        self.step_size, self.gamma = check_count("StepLR", "step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> StepLR:
        """A tenth after each third of the epochs."""
        return cls(optimizer, max(1, math.ceil(epochs / 3)))

    def rate(self, t: float, group: int) -> float:
        return self.base_lrs[group] * self.gamma ** math.floor(t / self.step_size)


class MultiStepLR(LRScheduler, name="multi_step"):
    """lr_t = lr_0 gamma^k, where k of the milestones are at or before t.

    Args:
        optimizer: whose rates are set.
        milestones: epochs at which the rate changes; one that is named twice counts twice.
        gamma: factor of each change.
        last_epoch: the last step that was made; -1 begins.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        check_number("MultiStepLR", "gamma", gamma)
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> MultiStepLR:
        """A tenth at half and at three quarters of the epochs."""
        return cls(optimizer, [math.ceil(epochs / 2), math.ceil(3 * epochs / 4)])

    def rate(self, t: float, group: int) -> float:
        return self.base_lrs[group] * self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler, name="exponential"):
    """lr_t = lr_0 gamma^t.

    Args:
        optimizer: whose rates are set.
        gamma: factor of each epoch; 0.95 halves the rate in about 14.
        last_epoch: the last step that was made; -1 begins.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        check_number("ExponentialLR", "gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> ExponentialLR:
        """A hundredth of the first rate in the last epoch."""
        return cls(optimizer, 0.01 ** (1 / max(epochs - 1, 1)))

    def rate(self, t: float, group: int) -> float:
        return float(self.base_lrs[group] * self.gamma**t)


class InverseSqrtLR(LRScheduler, name="inverse_sqrt"):
    """lr_t = lr_0 / sqrt(t + 1): the steps of online gradient descent with bounded regret (Zinkevich 2003).

    Args:
        optimizer: whose rates are set.
        last_epoch: the last step that was made; -1 begins.
    """

    def rate(self, t: float, group: int) -> float:
        return self.base_lrs[group] / math.sqrt(t + 1)


class LambdaLR(LRScheduler, name="lambda"):
    """lr_t = lr_0 f(t) for any function f of the epoch.

    f is not part of the saved state: a schedule that continues is made with the same function.

    Args:
        optimizer: whose rates are set.
        lr_lambda: f, or a list with one for each group.
        last_epoch: the last step that was made; -1 begins.
    """

    chains: ClassVar[bool] = False
    unsaved: ClassVar[tuple[str, ...]] = ("optimizer", "lr_lambdas")

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[Any], float] | Sequence[Callable[[Any], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(getattr(optimizer, "param_groups", ()))
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ArgumentError(
                f"LambdaLR: got {len(self.lr_lambdas)} functions, expected {groups}, one for each group"
            )
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LambdaLR:
        """Refused: its function has no name."""
        raise ArgumentError(
            "LambdaLR cannot be made from its name: it needs a function",
            hint="scheduler=lambda optimizer: LambdaLR(optimizer, lambda epoch: 0.95**epoch)",
        )

    def rate(self, t: float, group: int) -> float:
        return float(self.base_lrs[group] * self.lr_lambdas[group](t))


class LinearLR(LRScheduler, name="linear"):
    """lr_t = lr_0 (a + (b - a) min(t / n, 1)): along a line from a to b, then level; a warm-up with b = 1.

    A `Trainer` steps it after each batch, by parts of epochs.

    Args:
        optimizer: whose rates are set.
        start_factor: a, in (0, 1].
        end_factor: b, in [0, 1].
        total_iters: n, epochs until b is reached, >= 1.
        last_epoch: the last step that was made; -1 begins.
    """

    every = "part"

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ArgumentError(f"LinearLR: start_factor is {start_factor!r}, expected a number in (0, 1]")
        if not 0 <= end_factor <= 1:
            raise ArgumentError(f"LinearLR: end_factor is {end_factor!r}, expected a number in [0, 1]")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = check_count("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, t: float, group: int) -> float:
        done = min(t / self.total_iters, 1)
        return self.base_lrs[group] * (self.start_factor + (self.end_factor - self.start_factor) * done)


class PolynomialLR(LRScheduler, name="polynomial"):
    """lr_t = lr_0 (1 - min(t / n, 1))^power: down to 0 in n epochs.

    Args:
        optimizer: whose rates are set.
        total_iters: n, >= 1.
        power: 1 is a line.
        last_epoch: the last step that was made; -1 begins.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        check_number("PolynomialLR", "power", power)
        self.total_iters, self.power = check_count("PolynomialLR", "total_iters", total_iters), power
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> PolynomialLR:
        """Down to 0 in as many epochs as there are."""
        return cls(optimizer, epochs)

    def rate(self, t: float, group: int) -> float:
        return float(self.base_lrs[group] * (1 - min(t / self.total_iters, 1)) ** self.power)
