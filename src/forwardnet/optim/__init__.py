"""Optimisers: PyTorch's names, arguments and results."""

from __future__ import annotations

from forwardnet.optim.adam import Adam, AdamW
from forwardnet.optim.optimizer import OPTIMIZERS, Optimizer
from forwardnet.optim.rule import Rule
from forwardnet.optim.sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "Rule"]
