"""Networks: modules, layers, activations, losses, initialisers."""

from __future__ import annotations

from forwardnet.nn import functional, init, utils
from forwardnet.nn.activations import (
    ACTIVATIONS,
    Activation,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from forwardnet.nn.architecture import LAYERS, architecture, build
from forwardnet.nn.linear import Flatten, Linear
from forwardnet.nn.losses import (
    LOSSES,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    Loss,
    MSELoss,
    NLLLoss,
    pairing_problem,
)
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.nn.sequential import ModuleList, Sequential

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "LOSSES",
    "Activation",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Flatten",
    "Identity",
    "L1Loss",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "Module",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "architecture",
    "build",
    "functional",
    "init",
    "pairing_problem",
    "utils",
]
