"""Optimisers: PyTorch's names, arguments and results."""

from __future__ import annotations

from forwardnet.optim import lr_scheduler
from forwardnet.optim.adagrad import Adadelta, Adagrad
from forwardnet.optim.adam import Adam, AdamW
from forwardnet.optim.adamax import Adamax
from forwardnet.optim.lbfgs import LBFGS
from forwardnet.optim.lion import Lion
from forwardnet.optim.muon import Muon
from forwardnet.optim.nadam import NAdam
from forwardnet.optim.newton import Newton, SteepestDescent
from forwardnet.optim.optimizer import OPTIMIZERS, Optimizer
from forwardnet.optim.penalties import L1, L2, PENALTIES, MaxNorm, Penalty
from forwardnet.optim.radam import RAdam
from forwardnet.optim.rmsprop import RMSprop
from forwardnet.optim.rule import Rule
from forwardnet.optim.sgd import SGD

__all__ = [
    "L1",
    "L2",
    "LBFGS",
    "OPTIMIZERS",
    "PENALTIES",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "MaxNorm",
    "Muon",
    "NAdam",
    "Newton",
    "Optimizer",
    "Penalty",
    "RAdam",
    "RMSprop",
    "Rule",
    "SteepestDescent",
    "lr_scheduler",
]
