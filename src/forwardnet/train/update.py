"""What a step does between the loss and the new weights besides the optimiser: penalties, limits, constraints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forwardnet import errors
from forwardnet.nn.utils import clip_grad_norm_, clip_grad_value_
from forwardnet.optim.flat import FlatOptimizer
from forwardnet.optim.penalties import PENALTIES, Penalty
from forwardnet.tensor import Tensor

if TYPE_CHECKING:
    from forwardnet.nn import Module


@dataclass(frozen=True)
class Update:
    """How a step changes the weights: what is minimised besides the loss, and how gradients and weights are limited.

    The order is: gradients of loss and penalties; the limit of each element; the limit of their common norm; the
    optimiser; the constraints.
    """

    penalties: tuple[Penalty, ...] = ()
    clip_grad_norm: float | None = None
    clip_grad_value: float | None = None

    def objective(self, value: Tensor, model: Module) -> Tensor:
        """What is minimised: the loss and the penalties."""
        for penalty in self.penalties:
            if penalty.has_term:
                value = value + penalty(model.parameters())
        return value

    def limit(self, model: Module) -> None:
        """Limit the gradients."""
        if self.clip_grad_value is not None:
            clip_grad_value_(model.parameters(), self.clip_grad_value)
        if self.clip_grad_norm is not None:
            clip_grad_norm_(model.parameters(), self.clip_grad_norm)

    def constrain(self, optimizer: Any) -> None:
        """Put the weights where they are allowed."""
        for penalty in self.penalties:
            penalty.constrain(optimizer.param_groups)


NOTHING = Update()


def update_of(optimizer: Any, penalty: Any, clip_grad_norm: Any, clip_grad_value: Any) -> Update:
    """The update that a trainer was asked for; raises `ArgumentError` for what is no penalty, or no limit."""
    for name, limit in (("clip_grad_norm", clip_grad_norm), ("clip_grad_value", clip_grad_value)):
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
            raise errors.ArgumentError(f"Trainer: {name} is {limit!r}, expected a number above 0, or None")
        if isinstance(optimizer, FlatOptimizer):
            raise errors.ArgumentError(
                f"Trainer: {name} with {type(optimizer).__name__}, which searches along its direction for a lower loss",
                hint="leave the limit out: a step that climbs is not taken",
            )
    return Update(_penalties(penalty), clip_grad_norm, clip_grad_value)


def _penalties(given: Any) -> tuple[Penalty, ...]:
    if given is None:
        return ()
    listed = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for penalty in listed:
        if not isinstance(penalty, Penalty):
            known = ", ".join(f"optim.{cls.__name__}" for cls in PENALTIES.values())
            name = getattr(penalty, "__name__", repr(penalty))
            raise errors.ArgumentError(f"Trainer: penalty is {name}, expected an object of {known}, or a list of them")
    return listed
