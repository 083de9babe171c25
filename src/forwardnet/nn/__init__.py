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
from forwardnet.nn.embedding import Embedding
from forwardnet.nn.gated import GLU, GTU, Maxout, ReGLU, SwiGLU
from forwardnet.nn.linear import Flatten, Linear
from forwardnet.nn.losses import (
    LOSSES,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Loss,
    MixtureNLLLoss,
    MSELoss,
    NLLLoss,
    PoissonNLLLoss,
    QuantileLoss,
    SmoothL1Loss,
    pairing_problem,
)
from forwardnet.nn.mixture import MixtureDensity
from forwardnet.nn.module import Module
from forwardnet.nn.normalize import BatchNorm1d, LayerNorm
from forwardnet.nn.parameter import Parameter
from forwardnet.nn.rectifiers import Abs, Hardsigmoid, Hardtanh, PReLU, RReLU, Sign, Step
from forwardnet.nn.residual import Residual
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
    "BatchNorm1d",
    "CrossEntropyLoss",
    "Embedding",
    "Flatten",
    "GaussianNLLLoss",
    "Hardsigmoid",
    "Hardtanh",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "Maxout",
    "Mish",
    "MixtureDensity",
    "MixtureNLLLoss",
    "Module",
    "ModuleList",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "PoissonNLLLoss",
    "QuantileLoss",
    "RReLU",
    "ReGLU",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Sign",
    "SmoothL1Loss",
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
