"""Layers, activations and losses as functions: `import forwardnet.nn.functional as F`."""

from __future__ import annotations

from forwardnet.errors import ShapeError
from forwardnet.nn.activations import leaky_relu, log_softmax, relu, sigmoid, softmax, tanh
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
from forwardnet.nn.rectifiers import hardsigmoid, hardtanh, prelu, rrelu, step
from forwardnet.nn.smooth import elu, gelu, logsigmoid, mish, selu, silu, softplus, softsign
from forwardnet.tensor import Tensor

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "elu",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "hardsigmoid",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
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


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y[..., o] = sum_i x[..., i] W[o, i] + b[o]"""
    y = input @ weight.T
    return y if bias is None else y + bias


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """y = a * sigmoid(b) for the halves a, b of the input along `dim` (Dauphin et al. 2017)."""
    a, b = halves("glu", input, dim)
    return a * sigmoid(b)


def halves(where: str, input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The first and the second half of `input` along `dim`.

    Raises:
        ShapeError: the axis is not of even length.
    """
    if input.ndim == 0 or input.shape[dim] % 2:
        raise ShapeError(f"{where}: input has shape {tuple(input.shape)}, expected an even length along axis {dim}")
    a, b = input.chunk(2, dim)
    return a, b
