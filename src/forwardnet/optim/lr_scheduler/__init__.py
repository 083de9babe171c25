"""Schedules: PyTorch's names, arguments and rates, and more; courses also for other numbers than the rate."""

from __future__ import annotations

from forwardnet.optim.lr_scheduler.base import SCHEDULERS, LRScheduler
from forwardnet.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from forwardnet.optim.lr_scheduler.courses import COURSES, CosLogLR, Courses, FlatCosineLR, Knob
from forwardnet.optim.lr_scheduler.cyclic import CyclicLR, OneCycleLR
from forwardnet.optim.lr_scheduler.decay import (
    ExponentialLR,
    InverseSqrtLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from forwardnet.optim.lr_scheduler.plateau import ReduceLROnPlateau
from forwardnet.optim.lr_scheduler.sequential import SequentialLR

__all__ = [
    "COURSES",
    "SCHEDULERS",
    "CosLogLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "Courses",
    "CyclicLR",
    "ExponentialLR",
    "FlatCosineLR",
    "InverseSqrtLR",
    "Knob",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
