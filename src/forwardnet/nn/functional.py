"""Layers, activations and losses as functions: `import forwardnet.nn.functional as F`."""

from __future__ import annotations

from forwardnet.nn.activations import leaky_relu, log_softmax, relu, sigmoid, softmax, tanh
from forwardnet.nn.activity import kl_activity, l1_activity
from forwardnet.nn.dropout import alpha_dropout, dropout
from forwardnet.nn.layer_functions import batch_norm, embedding, glu, layer_norm, linear
from forwardnet.nn.loss_functions import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
)
from forwardnet.nn.loss_values import (
    gaussian_nll_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    poisson_nll_loss,
    quantile_loss,
    smooth_l1_loss,
)
from forwardnet.nn.mixture import mixture_nll_loss
from forwardnet.nn.noise import gaussian_noise
from forwardnet.nn.rectifiers import hardsigmoid, hardtanh, prelu, rrelu, step
from forwardnet.nn.smooth import elu, gelu, logsigmoid, mish, selu, silu, softplus, softsign

__all__ = [
    "alpha_dropout",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gaussian_nll_loss",
    "gaussian_noise",
    "gelu",
    "glu",
    "hardsigmoid",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "kl_activity",
    "kl_div",
    "l1_activity",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mixture_nll_loss",
    "mse_loss",
    "nll_loss",
    "poisson_nll_loss",
    "prelu",
    "quantile_loss",
    "relu",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "step",
    "tanh",
]
