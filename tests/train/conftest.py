"""Small networks and data for the tests of training."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train import Trainer

Build = Callable[..., Any]


@pytest.fixture
def net() -> Build:
    """net(2, 8, 1, seed=0): a tanh network with these sizes and weights that depend on the seed alone."""

    def build(*sizes: int, seed: int = 0, double: bool = False) -> nn.Module:
        ff.manual_seed(seed)
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.Tanh()]
        model = nn.Sequential(*layers[:-1])
        return model.double() if double else model

    return build


@pytest.fixture
def trainer(net: Build) -> Build:
    """trainer(2, 8, 1, loss=...): a trainer with plain gradient descent of rate `lr` for such a network."""

    def build(*sizes: int, loss: Any = "mse", lr: float = 0.1, net_seed: int = 0, **options: Any) -> Trainer:
        model = net(*sizes, seed=net_seed)
        return Trainer(model, loss, optim.SGD(model.parameters(), lr=lr), **options)

    return build


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """60 points around three centres, 20 for each class: X (60, 2), y (60,)."""
    rng = np.random.default_rng(3)
    y = np.repeat(np.arange(3), 20)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    X = centres[y] + 0.4 * rng.standard_normal((60, 2))
    return X.astype(np.float32), y


@pytest.fixture
def line() -> tuple[np.ndarray, np.ndarray]:
    """y = 2 a - b + 1 for 50 points without noise: X (50, 2), y (50,)."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((50, 2)).astype(np.float32)
    return X, 2 * X[:, 0] - X[:, 1] + 1


def weights_of(model: nn.Module) -> list[np.ndarray]:
    """Copies of all parameters."""
    return [p.detach().numpy().copy() for p in model.parameters()]


@pytest.fixture
def weights() -> Callable[[nn.Module], list[np.ndarray]]:
    return weights_of
