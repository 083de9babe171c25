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
from forwardnet.nn.columns import CategoryEmbedding, Columns
from forwardnet.nn.data_init import init_from_data
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
from forwardnet.nn.members import (
    EnsembleView,
    LinearBatchEnsemble,
    LinearEnsemble,
    MemberCrossEntropyLoss,
    MemberMean,
    MemberMSELoss,
    ScaleEnsemble,
)
from forwardnet.nn.mixture import MixtureDensity
from forwardnet.nn.module import Module
from forwardnet.nn.neuronwise import NTKLinear, ParametricActivation, Scale
from forwardnet.nn.noise import GaussianNoise, WeightNoise
from forwardnet.nn.normalize import BatchNorm1d, LayerNorm
from forwardnet.nn.numeric_embedding import PBLDEmbeddings, PeriodicEmbeddings, PiecewiseLinearEmbeddings
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
    "CategoryEmbedding",
    "Columns",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "EnsembleView",
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
    "LinearBatchEnsemble",
    "LinearEnsemble",
    "LogSigmoid",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaskedLinear",
    "Maxout",
    "MemberCrossEntropyLoss",
    "MemberMSELoss",
    "MemberMean",
    "Mish",
    "MixtureDensity",
    "MixtureNLLLoss",
    "Module",
    "ModuleList",
    "MultiTaskLoss",
    "NLLLoss",
    "NTKLinear",
    "PBLDEmbeddings",
    "PReLU",
    "Parameter",
    "ParametricActivation",
    "PeriodicEmbeddings",
    "PiecewiseLinearEmbeddings",
    "PoissonNLLLoss",
    "QuantileLoss",
    "RReLU",
    "ReGLU",
    "ReLU",
    "Residual",
    "Scale",
    "ScaleEnsemble",
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
    "init_from_data",
    "pairing_problem",
    "pruning",
    "utils",
]
