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
from forwardnet.nn.gated import GLU, GTU, Maxout, ReGLU, SwiGLU
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
from forwardnet.nn.rectifiers import Abs, Hardsigmoid, Hardtanh, PReLU, RReLU, Sign, Step
from forwardnet.nn.sequential import ModuleList, Sequential
from forwardnet.nn.smooth import ELU, GELU, SELU, LogSigmoid, Mish, SiLU, Softplus, Softsign, Swish

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "GLU",
    "GTU",
    "LAYERS",
    "LOSSES",
    "SELU",
    "Abs",
    "Activation",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Flatten",
    "Hardsigmoid",
    "Hardtanh",
    "Identity",
    "L1Loss",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "Maxout",
    "Mish",
    "Module",
    "ModuleList",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "RReLU",
    "ReGLU",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Sign",
    "Softmax",
    "Softplus",
    "Softsign",
    "Step",
    "SwiGLU",
    "Swish",
    "Tanh",
    "architecture",
    "build",
    "functional",
    "init",
    "pairing_problem",
    "utils",
]
