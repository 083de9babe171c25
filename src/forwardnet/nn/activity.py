"""Sparse activations: what hidden units put out is part of what is minimised.

A layer cannot reach the loss, so what it has to add is collected while the network runs, and added afterwards. A
`Trainer` does so by itself; a loop of one's own writes

    with nn.activity_penalties() as extra:
        output = model(x)
    loss = criterion(output, y) + extra.total()

Axis glossary: B batch, H hidden units.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.nn.checks import check_number
from forwardnet.nn.module import Module
from forwardnet.ops import scalar as op
from forwardnet.tensor import Tensor
from forwardnet.tensor.mode import is_grad_enabled

# How near to 0 and 1 the mean activation of a unit is taken to be at most: log 0 is infinite.
EDGE = 1e-6


class Collected:
    """Scalars that layers have added while a block ran."""

    def __init__(self) -> None:
        self.values: list[Tensor] = []

    def total(self) -> Tensor | float:
        """Their sum; 0 if there are none."""
        return sum(self.values[1:], self.values[0]) if self.values else 0.0


class _Open(threading.local):
    """The blocks of this thread that collect, the innermost last."""

    def __init__(self) -> None:
        self.blocks: list[Collected] = []


_open = _Open()


@contextmanager
def activity_penalties() -> Iterator[Collected]:
    """Collect what layers in training add to the loss while the block runs."""
    collected = Collected()
    _open.blocks.append(collected)
    try:
        yield collected
    finally:
        _open.blocks.remove(collected)


def l1_activity(input: Tensor) -> Tensor:
    """mean_b sum_h |x[b, h]|: small when few units are far from 0."""
    return op.abs_(input).sum() / _rows("l1_activity", input)  # type: ignore[no-any-return]


def kl_activity(input: Tensor, target: float = 0.05) -> Tensor:
    """sum_h KL(t || r_h) with r_h = mean_b x[b, h] and t the `target`, for units with values from 0 to 1.

    KL(t || r) = t log(t / r) + (1 - t) log((1 - t) / (1 - r)) is 0 where a unit is on for the share t of the samples.
    """
    if not 0 < target < 1:
        raise ArgumentError(f"kl_activity: target is {target!r}, expected a number between 0 and 1")
    _rows("kl_activity", input)
    rate = input.mean(0).clamp(EDGE, 1 - EDGE)
    on, off = target * op.log(target / rate), (1 - target) * op.log((1 - target) / (1 - rate))
    return (on + off).sum()  # type: ignore[no-any-return]


def _rows(where: str, input: Tensor) -> int:
    if input.ndim < 2 or len(input) == 0:
        raise ShapeError(f"{where}: input has shape {tuple(input.shape)}, expected (batch, units)")
    return len(input)


KINDS = ("l1", "kl")


class ActivityPenalty(Module):
    """y = x, and in training `weight` times the activity of x is added to the loss (Ng 2011).

    Put it behind the activation of the units that are to be sparse. It needs somebody who adds: a `Trainer` does,
    other loops use `nn.activity_penalties()`. What a Trainer reports is the loss without it, comparable with the loss
    of the validation data.

    Args:
        weight: how much of it is added.
        kind: "l1" for mean_b sum_h |x|, which suits every activation; "kl" for sum_h KL(target || mean_b x), which
            needs values from 0 to 1, as those of a sigmoid.
        target: for "kl", the share of the samples for which a unit is to be on.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.ActivityPenalty(1e-3), nn.Linear(8, 1))
        >>> with nn.activity_penalties() as extra:
        ...     output = model(x)
        >>> extra.total().shape
        forwardnet.Size([])
    """

    def __init__(self, weight: float = 1e-3, kind: str = "l1", target: float = 0.05) -> None:
        super().__init__()
        if kind not in KINDS:
            raise unknown_name("kind of ActivityPenalty", kind, KINDS)
        check_number("ActivityPenalty", "weight", weight, "a number >= 0")
        if not 0 < target < 1:
            raise ArgumentError(f"ActivityPenalty: target is {target!r}, expected a number between 0 and 1")
        self.weight, self.kind, self.target = weight, kind, target

    def forward(self, x: Tensor) -> Tensor:
        if self.training and is_grad_enabled() and self.weight:
            if _open.blocks:
                activity = l1_activity(x) if self.kind == "l1" else kl_activity(x, self.target)
                _open.blocks[-1].values.append(self.weight * activity)
            else:
                warnings.warn(
                    "ActivityPenalty: nobody adds the penalty to the loss: run the model inside "
                    "`with nn.activity_penalties() as extra:` and add extra.total()",
                    UserWarning,
                    stacklevel=3,
                )
        return x

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        return f"weight={self.weight}, kind={self.kind!r}" + (f", target={self.target}" if self.kind == "kl" else "")
