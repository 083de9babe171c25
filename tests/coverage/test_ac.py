"""Rows of the coverage table on activations that are experiences with training, and the scheme of a hidden unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.data import Standardizer
from forwardnet.nn.activations import ACTIVATIONS


def rows(n: int = 200) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 4)).astype("float32")
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def epochs_to(loss: float, X: Any, y: Any, *, activation: Any, lr: float, most: int = 90, depth: int = 4) -> int:
    """Epochs of gradient descent until the training loss is below `loss`; `most` if it is not by then."""
    ff.manual_seed(0)
    hidden = [part for _ in range(depth - 1) for part in (nn.Linear(20, 20), activation())]
    model = nn.Sequential(nn.Linear(4, 20), activation(), *hidden, nn.Linear(20, 2))
    nn.init.initialize(model, "kaiming_normal" if activation is nn.ReLU else "xavier_normal", bias=0.0)
    trainer = ff.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=lr, momentum=0.9))
    course = trainer.fit(X, y, epochs=most, batch_size=20, progress=False)["loss"]
    below = np.flatnonzero(course < loss)
    return int(below[0]) + 1 if len(below) else most


def test_AC13_relu_learns_in_fewer_epochs_than_sigmoid() -> None:
    """Four hidden layers, the better of two rates for each: sigmoids pass on a quarter of the gradient at most."""
    best = {
        activation.__name__: min(epochs_to(0.2, *rows(), activation=activation, lr=lr) for lr in (0.03, 0.1))
        for activation in (nn.ReLU, nn.Sigmoid)
    }
    assert best["ReLU"] < 30 and best["ReLU"] < best["Sigmoid"] / 3


def test_AC29_centred_data_are_learnt_faster() -> None:
    X, y = rows()
    moved = X * np.float32(3) + np.float32(20)
    scaled = Standardizer().fit_transform(moved)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)
    raw, centred = (epochs_to(0.3, data, y, activation=nn.Tanh, lr=0.03, depth=1) for data in (moved, scaled))
    assert centred < raw / 2


@pytest.mark.parametrize("name", sorted(name for name, made in ACTIVATIONS.items() if made.formula.elementwise))
def test_AC31_a_hidden_layer_is_an_affine_map_and_a_function_of_each_element(name: str) -> None:
    ff.manual_seed(0)
    affine, g = nn.Linear(3, 5).double(), ACTIVATIONS[name]().double().eval()
    x = ff.randn(4, 3, dtype=ff.float64)
    h = nn.Sequential(affine, g)(x).detach().numpy()
    z = x.numpy() @ affine.weight.detach().numpy().T + affine.bias.detach().numpy()
    one_by_one = [[g(ff.tensor([[value]])).item() for value in row] for row in z]
    np.testing.assert_allclose(h, one_by_one, rtol=1e-12, atol=1e-15)
