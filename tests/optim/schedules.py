"""Every schedule with some settings, and what several tests do with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import forwardnet as ff
from forwardnet import optim
from forwardnet.optim import lr_scheduler
from forwardnet.optim.lr_scheduler import ReduceLROnPlateau

Make = Callable[[Any], Any]
SETTINGS: dict[str, Make] = {
    "step": lambda o: lr_scheduler.StepLR(o, 3, 0.5),
    "multi_step": lambda o: lr_scheduler.MultiStepLR(o, [2, 5], 0.5),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "inverse_sqrt": lr_scheduler.InverseSqrtLR,
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.8**t),
    "linear": lambda o: lr_scheduler.LinearLR(o, 0.25, total_iters=4),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, 20, 2.0),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 6, 1e-3),
    "cosine_warm_restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.2, total_steps=20),
    "coslog4": lambda o: lr_scheduler.CosLogLR(o, 20),
    "flat_cos": lambda o: lr_scheduler.FlatCosineLR(o, 20),
    "plateau": lambda o: ReduceLROnPlateau(o, patience=1),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.CosineAnnealingLR(o, 5)], [3]
    ),
}
EVERY = sorted(SETTINGS)


def optimizer(kind: str = "SGD", groups: int = 2, lr: float = 0.1) -> Any:
    rates: list[dict[str, Any]] = [{}, {"lr": 0.02}][:groups]
    options: dict[str, Any] = {"momentum": 0.5} if kind == "SGD" else {}
    return getattr(optim, kind)([{"params": [ff.ones(1, requires_grad=True)], **r} for r in rates], lr=lr, **options)


def advance(schedule: Any, number: float = 1.0) -> None:
    schedule.step(number) if isinstance(schedule, ReduceLROnPlateau) else schedule.step()


def rates(make: Make, steps: int, lr: float = 0.1) -> list[float]:
    """The rates of one group at 0, ..., `steps` steps."""
    schedule = make(optimizer(groups=1, lr=lr))
    seen = schedule.get_last_lr()
    for _ in range(steps):
        advance(schedule)
        seen += schedule.get_last_lr()
    return seen
