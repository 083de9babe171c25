"""LRScheduler: sets the learning rates of an optimiser's groups, epoch after epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError, DTypeError
from forwardnet.optim.optimizer import Optimizer

SCHEDULERS: dict[str, type[LRScheduler]] = {}


class LRScheduler:
    """lr_t = rate(t): base of the schedules, which set the rate of each group when made and at each `step()`.

    A schedule is a function of t, the number of steps: nothing is rounded twice, and any epoch can be gone to. A rate
    that something else has changed since (another schedule on the same optimiser, a hand) is carried on: it changes by
    the factor by which the schedule changes, so that schedules multiply when they are stepped one after the other.

    A subclass writes `rate`, and is in the registry with `class StepLR(LRScheduler, name="step")`. One may write
    `get_lr()` instead, which returns the rates of all groups for `self.last_epoch`.

    `every` says how a `Trainer` steps it, and may be set on an object: after each "epoch"; after each "batch", so that
    its numbers are batches; or after each batch by that "part" of an epoch, so that its numbers are epochs and the
    rate moves within them.

    Args:
        optimizer: whose rates are set; what they are now becomes "initial_lr" of each group, where it has none.
        last_epoch: the last step that was made, to continue a schedule; -1 begins it.
    """

    chains: ClassVar[bool] = True  # whether a changed rate is carried on; if not, the schedule's replaces it
    unsaved: ClassVar[tuple[str, ...]] = ("optimizer",)
    every: str = "epoch"
    eta_min: float = 0.0  # below which the rate does not fall; what is carried on is what lies above it

    optimizer: Optimizer
    base_lrs: list[float]
    last_epoch: float
    _last_lr: list[float]

    def __init_subclass__(cls, *, name: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if name:
            SCHEDULERS[name] = cls

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(type(self).__name__, optimizer)
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise ArgumentError(
                    f"{type(self).__name__}: last_epoch is {last_epoch}, but group {number} has no 'initial_lr'",
                    hint="load the optimizer's state first, or leave last_epoch out to begin a schedule",
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def rate(self, t: float, group: int) -> float:
        """The learning rate of the group with this number after t steps."""
        raise NotImplementedError(f"{type(self).__name__} has neither a rate nor a get_lr method")

    def settings(self, t: float, group: int) -> dict[str, float]:
        """What it sets in the group with this number after t steps: "lr", and "momentum" where that moves, too."""
        return {"lr": self.rate(t, group)}

    @property
    def has_formula(self) -> bool:
        """Whether the rate is a function of the steps alone, so that `settings` tells it for any number of them."""
        return type(self).rate is not LRScheduler.rate

    # What a `Trainer` makes from the name, for a fit of so many epochs.
    @classmethod
    def for_fit(cls, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
        """With its default settings."""
        return cls(optimizer)

    def get_lr(self) -> list[float]:
        """The rates for `last_epoch`, from those that the groups have now."""
        return [self._carried(i, float(group["lr"])) for i, group in enumerate(self.optimizer.param_groups)]

    def get_last_lr(self) -> list[float]:
        """The rates that the last step set, one for each group."""
        return list(self._last_lr)

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a given one, and set the rates.

        Raises `ArgumentError` if groups were added since the schedule was made.
        """
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            raise ArgumentError(
                f"{type(self).__name__}: the optimizer has {len(groups)} groups, expected {len(self.base_lrs)}",
                hint="make the schedule after the last add_param_group",
            )
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch is None or not self.has_formula:
            rates = self.get_lr()
        else:
            rates = [self.rate(epoch, i) for i in range(len(groups))]
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = float(rate)
        self._last_lr = [group["lr"] for group in groups]

    def _carried(self, group: int, present: float) -> float:
        t, least = self.last_epoch, self.eta_min
        rate = self.rate(t, group)
        if not self.chains:
            return rate
        usual = self.rate(t - 1, group) if t > 0 else self.base_lrs[group]
        if present == usual:
            return rate
        if rate == usual:
            return present
        return least + (present - least) * (rate - least) / (usual - least) if usual != least else rate

    def state_dict(self) -> dict[str, Any]:
        """What is needed to continue: numbers, lists and texts; functions and the optimiser are left out."""
        return {key: value for key, value in self.__dict__.items() if key not in (*self.unsaved, "every")}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; the rates themselves come with the optimiser's state.

        Raises `ArgumentError` if something is missing.
        """
        missing = [key for key in ("last_epoch", "_last_lr") if key not in state_dict]
        if missing:
            raise ArgumentError(f"{type(self).__name__}.load_state_dict: there is no {missing[0]!r}")
        self.__dict__.update({key: state_dict[key] for key in self.state_dict().keys() & state_dict.keys()})


def checked_optimizer(where: str, optimizer: Any) -> Optimizer:
    """The optimiser; raises `DTypeError` if it is something else."""
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(f"{where}: optimizer is a {type(optimizer).__name__}, expected an Optimizer")
    return optimizer


def for_groups(where: str, name: str, value: Any, optimizer: Optimizer) -> list[float]:
    """One number for each group, from one for all or a list; raises `ArgumentError` for a list of another length."""
    n = len(optimizer.param_groups)
    if not isinstance(value, Sequence):
        return [float(value)] * n
    if len(value) != n:
        raise ArgumentError(f"{where}: {name} has {len(value)} values, expected {n}, one for each group")
    return [float(v) for v in value]


def check_count(where: str, name: str, value: Any) -> int:
    """A whole number of at least 1; raises `ArgumentError` for anything else."""
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ArgumentError(f"{where}: {name} is {value!r}, expected a whole number of at least 1")
    return int(value)
