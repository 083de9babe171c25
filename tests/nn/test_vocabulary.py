"""The promised names are there: layers, activations, losses and initialisers, also where they are looked up."""

from __future__ import annotations

import pytest

import forwardnet as ff
from forwardnet import nn
from peer import words

LAYERS = words(
    "Sequential ModuleList Identity Flatten Linear Residual Dropout AlphaDropout GaussianNoise BatchNorm1d LayerNorm "
    "Embedding Maxout GLU GTU ReGLU SwiGLU"
)
ACTIVATIONS = words(
    "Step Sigmoid Tanh ReLU LeakyReLU PReLU RReLU Abs ELU SELU GELU SiLU Mish Softplus Softsign Hardtanh Softmax "
    "LogSoftmax"
)
LOSSES = words(
    "MSELoss L1Loss SmoothL1Loss HuberLoss CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss KLDivLoss "
    "GaussianNLLLoss PoissonNLLLoss QuantileLoss HingeLoss"
)
INITIALISERS = words(
    "uniform_ normal_ constant_ zeros_ ones_ eye_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_ "
    "lecun_normal_ orthogonal_ sparse_ trunc_normal_"
)


@pytest.mark.parametrize("name", ["Module", "Parameter", "Swish", *LAYERS, *ACTIVATIONS, *LOSSES])
def test_it_is_in_nn(name: str) -> None:
    assert isinstance(getattr(nn, name), type) and name in nn.__all__


def test_the_registries_know_them() -> None:
    assert set(LAYERS) | set(ACTIVATIONS) <= set(nn.LAYERS)
    assert set(ACTIVATIONS) <= {cls.__name__ for cls in nn.ACTIVATIONS.values()}
    assert set(LOSSES) <= {cls.__name__ for cls in nn.LOSSES.values()}
    assert set(INITIALISERS) <= {function.__name__ for function in nn.init.INITIALIZERS.values()}
    assert nn.Swish is nn.SiLU


def test_losses_reduce_as_asked_and_take_their_options() -> None:
    for name in LOSSES:
        assert {getattr(nn, name)(reduction=way).reduction for way in ("none", "mean", "sum")} == {
            "none",
            "mean",
            "sum",
        }
    weights = ff.ones(3)
    nn.CrossEntropyLoss(weight=weights, label_smoothing=0.1, ignore_index=2)
    nn.BCEWithLogitsLoss(pos_weight=weights)
    assert nn.SiLU(learned=True).beta.requires_grad and nn.PReLU().weight.requires_grad
