"""Networks: modules, layers, activations, losses, initialisers."""

from __future__ import annotations

from forwardnet.nn import functional, init, pruning, utils
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
from forwardnet.nn.activity import ActivityPenalty, activity_penalties
from forwardnet.nn.architecture import LAYERS, architecture, build
from forwardnet.nn.dropout import AlphaDropout, Dropout
from forwardnet.nn.embedding import Embedding
from forwardnet.nn.gated import GLU, GTU, Maxout, ReGLU, SwiGLU
from forwardnet.nn.linear import Flatten, Linear, TransposedLinear
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
from forwardnet.nn.noise import GaussianNoise, WeightNoise
from forwardnet.nn.normalize import BatchNorm1d, LayerNorm
from forwardnet.nn.parameter import Parameter
from forwardnet.nn.pruning import MaskedLinear
from forwardnet.nn.rectifiers import Abs, Hardsigmoid, Hardtanh, PReLU, RReLU, Sign, Step
from forwardnet.nn.residual import Residual
from forwardnet.nn.sequential import ModuleList, Sequential
from forwardnet.nn.smooth import ELU, GELU, SELU, LogSigmoid, Mish, SiLU, Softplus, Softsign, Swish
from forwardnet.nn.tasks import Heads, MultiTaskLoss, Task

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
    "ActivityPenalty",
    "AlphaDropout",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNLLLoss",
    "GaussianNoise",
    "Hardsigmoid",
    "Hardtanh",
    "Heads",
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
    "MaskedLinear",
    "Maxout",
    "Mish",
    "MixtureDensity",
    "MixtureNLLLoss",
    "Module",
    "ModuleList",
    "MultiTaskLoss",
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
    "Task",
    "TransposedLinear",
    "WeightNoise",
    "activity_penalties",
    "architecture",
    "build",
    "functional",
    "init",
    "pairing_problem",
    "pruning",
    "utils",
]
