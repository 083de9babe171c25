"""Schedules that go up and down, with the momentum going the other way: cyclical rates and one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.optim.lr_scheduler.base import LRScheduler, check_count, checked_optimizer, for_groups
from forwardnet.optim.lr_scheduler.cosine import along_cosine
from forwardnet.optim.optimizer import Optimizer, check_number

MODES = ("triangular", "triangular2", "exp_range")


class Cycling(LRScheduler):
    """lr_t = rate(t) with momentum_t = momentum(t), where `cycle_momentum` is set."""

    chains: ClassVar[bool] = False
    every = "batch"
    cycle_momentum: bool
    base_momentums: list[float]
    max_momentums: list[float]

    def momentum(self, t: float, group: int) -> float:
        """The momentum (or first beta) of the group with this number after t steps."""
        raise NotImplementedError

    def settings(self, t: float, group: int) -> dict[str, float]:
        rate = super().settings(t, group)
        return {**rate, "momentum": self.momentum(t, group)} if self.cycle_momentum else rate

    def step(self, epoch: float | None = None) -> None:
        super().step(epoch)
        if self.cycle_momentum:
            for i, group in enumerate(self.optimizer.param_groups):
                value = self.momentum(self.last_epoch, i)
                if "betas" in group:
                    group["betas"] = (value, *group["betas"][1:])
                else:
                    group["momentum"] = value

    def _begin_momentum(self, optimizer: Optimizer, cycle: bool, base: Any, largest: Any) -> None:
        where = type(self).__name__
        self.cycle_momentum = bool(cycle)
        self.base_momentums = for_groups(where, "base_momentum", base, optimizer)
        self.max_momentums = for_groups(where, "max_momentum", largest, optimizer)
        if cycle and not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ArgumentError(
                f"{where}: cycle_momentum is set, but {type(optimizer).__name__} has neither momentum nor betas",
                hint="cycle_momentum=False",
            )


def has_momentum(optimizer: Optimizer) -> bool:
    """Whether an optimiser has a momentum that a cycle may change: betas, or a momentum that is not 0."""
    return all("betas" in group or group.get("momentum", 0) != 0 for group in optimizer.param_groups)


class CyclicLR(Cycling, name="cyclic"):
    """lr_t = base_lr + (max_lr - base_lr) h(t) s: up and down again, over and over (Smith 2017).

    h is a triangle of height 1, which rises in `step_size_up` steps. s is 1 ("triangular"), halves at each cycle
    ("triangular2") or is gamma^t ("exp_range"). The momentum falls by h s (max_momentum - base_momentum) where the
    rate rises. A step is a batch, also in a `Trainer`.

    Args:
        optimizer: whose rates are set, whatever they are now.
        base_lr: lowest rate, or a list with one for each group.
        max_lr: highest rate, or a list.
        step_size_up: steps of the rise, >= 1.
        step_size_down: steps of the fall; None: as many.
        mode: which s.
        gamma: base of "exp_range".
        scale_fn: s as a function, instead of a mode; not part of the saved state.
        scale_mode: whether `scale_fn` takes the number of the "cycle", from 1, or that of "iterations", t.
        cycle_momentum: also change the momentum, or the first of `betas`.
        base_momentum: lowest momentum, or a list.
        max_momentum: highest momentum, or a list.
        last_epoch: the last step that was made; -1 begins.
    """

    unsaved: ClassVar[tuple[str, ...]] = ("optimizer", "scale_fn")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        checked_optimizer("CyclicLR", optimizer)
        if mode not in MODES and scale_fn is None:
            raise unknown_name("mode", mode, MODES)
        if scale_mode not in ("cycle", "iterations"):
            raise unknown_name("scale_mode", scale_mode, ("cycle", "iterations"))
        check_number("CyclicLR", "gamma", gamma)
        self.low_lrs = for_groups("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = for_groups("CyclicLR", "max_lr", max_lr, optimizer)
        self.step_size_up = check_count("CyclicLR", "step_size_up", step_size_up)
        down = self.step_size_up if step_size_down is None else step_size_down
        self.step_size_down = check_count("CyclicLR", "step_size_down", down)
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self._begin_momentum(optimizer, cycle_momentum, base_momentum, max_momentum)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, self.low_lrs, strict=True):
                group["lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = list(self.low_lrs)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> CyclicLR:
        """From a quarter of the rate to the rate and back in about four epochs (Smith 2017, sections 3.2 and 3.3)."""
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        length = max(2, round(epochs * steps_per_epoch / max(1, round(epochs / 4))))
        sides = (length // 2, length - length // 2)
        return cls(optimizer, [rate / 4 for rate in rates], rates, *sides, cycle_momentum=has_momentum(optimizer))

    def height(self, t: float) -> float:
        """h(t) s: how far up the rate is."""
        length = self.step_size_up + self.step_size_down
        cycle = math.floor(1 + t / length)
        into, rise = 1 + t / length - cycle, self.step_size_up / length
        h = into / rise if into <= rise else (into - 1) / (rise - 1)
        if self.scale_fn is not None:
            return float(h * self.scale_fn(cycle if self.scale_mode == "cycle" else t))
        if self.mode == "exp_range":
            return float(h * self.gamma**t)
        return h if self.mode == "triangular" else h / 2.0 ** (cycle - 1)

    def rate(self, t: float, group: int) -> float:
        low = self.low_lrs[group]
        return low + (self.max_lrs[group] - low) * self.height(t)

    def momentum(self, t: float, group: int) -> float:
        most = self.max_momentums[group]
        return most - (most - self.base_momentums[group]) * self.height(t)


class OneCycleLR(Cycling, name="one_cycle"):
    """lr_t: from max_lr / div_factor up to max_lr, then down to almost 0, the momentum the other way (Smith 2018).

    A step is a batch, also in a `Trainer`.

    Args:
        optimizer: whose rates are set, whatever they are now.
        max_lr: highest rate, or a list with one for each group.
        total_steps: steps of the cycle; or give `epochs` and `steps_per_epoch`.
        epochs: epochs of the cycle.
        steps_per_epoch: steps of each.
        pct_start: share of the steps in which the rate rises, in [0, 1].
        anneal_strategy: "cos" or "linear".
        cycle_momentum: also change the momentum, or the first of `betas`.
        base_momentum: momentum where the rate is highest, or a list.
        max_momentum: momentum where the rate is lowest, or a list.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first / final_div_factor.
        three_phase: fall to the first rate as fast as it rose, then to the last one.
        last_epoch: the last step that was made; -1 begins.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        checked_optimizer("OneCycleLR", optimizer)
        if total_steps is not None:
            self.total_steps = check_count("OneCycleLR", "total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            per_epoch = check_count("OneCycleLR", "steps_per_epoch", steps_per_epoch)
            self.total_steps = check_count("OneCycleLR", "epochs", epochs) * per_epoch
        else:
            raise ArgumentError("OneCycleLR: the length is missing", hint="total_steps, or epochs and steps_per_epoch")
        if not 0 <= pct_start <= 1:
            raise ArgumentError(f"OneCycleLR: pct_start is {pct_start!r}, expected a share in [0, 1]")
        if anneal_strategy not in ("cos", "linear"):
            raise unknown_name("anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.pct_start, self.anneal_strategy, self.three_phase = pct_start, anneal_strategy, three_phase
        self.max_lrs = for_groups("OneCycleLR", "max_lr", max_lr, optimizer)
        self.first_lrs = [lr / div_factor for lr in self.max_lrs]
        self.last_lrs = [lr / final_div_factor for lr in self.first_lrs]
        self._begin_momentum(optimizer, cycle_momentum, base_momentum, max_momentum)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, self.first_lrs, strict=True):
                group["initial_lr"] = lr
        super().__init__(optimizer, last_epoch)

    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> OneCycleLR:
        """The whole fit is the cycle, and the rate its highest."""
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        return cls(optimizer, rates, epochs * steps_per_epoch, cycle_momentum=has_momentum(optimizer))

    def step(self, epoch: float | None = None) -> None:
        """Go to the next step, or to a given one; raises `ArgumentError` beyond `total_steps`."""
        t = self.last_epoch + 1 if epoch is None else epoch
        if t > self.total_steps:
            raise ArgumentError(f"OneCycleLR: this is step {t}, but the cycle has {self.total_steps} steps")
        super().step(epoch)

    def _along(self, t: float, values: tuple[float, float, float, float]) -> float:
        """The value at step t of a course through four values; in two phases the third is left out."""
        ends = [self.pct_start * self.total_steps - 1]
        if self.three_phase:
            ends.append(2 * self.pct_start * self.total_steps - 2)
        else:
            values = (values[0], values[1], values[3], values[3])
        ends.append(self.total_steps - 1)
        phase = next((i for i, end in enumerate(ends) if t <= end), len(ends) - 1)
        begin = ends[phase - 1] if phase else 0.0
        length = ends[phase] - begin
        done = (t - begin) / length if length else 1.0
        high, low = values[phase], values[phase + 1]
        return along_cosine(high, low, done) if self.anneal_strategy == "cos" else high + (low - high) * done

    def rate(self, t: float, group: int) -> float:
        first = self.first_lrs[group]
        return self._along(t, (first, self.max_lrs[group], first, self.last_lrs[group]))

    def momentum(self, t: float, group: int) -> float:
        most = self.max_momentums[group]
        return self._along(t, (most, self.base_momentums[group], most, most))
