"""Noise on what passes through and on weights: only in training, of the right size, and what it does to a loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F


def test_RG16_noise_is_added_in_training_only() -> None:
    ff.manual_seed(0)
    layer, x = nn.GaussianNoise(0.3), ff.full((20_000,), 2.0, requires_grad=True)
    noise = (layer(x) - x).detach().numpy()
    # 20,000 draws: standard errors 0.3 / 141 of the mean and 0.3 / 200 of the standard deviation
    assert noise.mean() == pytest.approx(0, abs=0.011) and noise.std() == pytest.approx(0.3, abs=0.008)
    assert not np.array_equal((layer(x) - x).detach().numpy(), noise)
    layer(x).sum().backward()
    assert set(x.grad.tolist()) == {1.0}
    assert layer.eval()(x) is x and nn.GaussianNoise(0.0)(x) is x
    assert F.gaussian_noise(x, 0.3) is x and not ff.equal(F.gaussian_noise(x, 0.3, training=True), x)
    assert layer.train()(x.double()).dtype == ff.float64


def test_noise_on_inputs_is_a_penalty_on_the_derivative() -> None:
    """For a linear model the mean loss over the noise is the loss plus std^2 |w|^2 (Bishop 1995, in closed form)."""
    ff.manual_seed(0)
    std, rows = 0.5, 50_000
    w = ff.tensor([[1.0, -2.0]], dtype=ff.float64)
    x, y = ff.tensor([[0.3, 0.1]], dtype=ff.float64), 1.0
    noisy = F.gaussian_noise(x.expand(rows, 2), std, training=True) @ w.T
    plain = ((x @ w.T - y) ** 2).item()
    expected = plain + std**2 * (w**2).sum().item()
    errors = ((noisy - y) ** 2).numpy()
    assert errors.mean() == pytest.approx(expected, abs=5 * errors.std() / math.sqrt(rows))
    assert expected > 1.4 * plain


class Table(nn.Module):
    """A weight of two axes, a bias, and what it sees of them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(ff.ones(3, 2))
        self.bias = nn.Parameter(ff.ones(3))
        self.seen: list[Any] = []

    def forward(self, x: Any) -> Any:
        self.seen.append((self.weight.detach().tolist(), self.bias.tolist()))
        return x @ self.weight.T + self.bias


def test_RG16_weights_are_noisy_in_training_and_their_own_afterwards() -> None:
    ff.manual_seed(0)
    table = Table()
    model = nn.WeightNoise(table, nn.Tanh(), std=0.2)
    x = ff.randn(4, 2)
    first, second = model(x), model(x)
    assert not ff.equal(first, second)
    weights, biases = zip(*table.seen, strict=True)
    assert weights[0] != weights[1] and all(bias == [1, 1, 1] for bias in biases)
    assert table._parameters["weight"] is table.weight and isinstance(table.weight, nn.Parameter)
    assert table.weight.tolist() == [[1, 1]] * 3, "the weights themselves have no noise"
    model.eval()(x)
    assert table.seen[-1][0] == [[1, 1]] * 3
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias"]


def test_the_size_of_the_noise_on_weights() -> None:
    ff.manual_seed(0)
    model = nn.WeightNoise(nn.Linear(200, 100, bias=False), std=0.05)
    identity = ff.eye(200)
    noise = (model(identity) - model.eval()(identity)).detach().numpy()
    # 20,000 draws: standard errors 0.05 / 141 and 0.05 / 200
    assert noise.mean() == pytest.approx(0, abs=0.0018) and noise.std() == pytest.approx(0.05, abs=0.0013)


def test_the_gradient_is_that_at_the_noisy_weights() -> None:
    ff.manual_seed(0)
    layer = nn.Linear(3, 1, bias=False)
    model = nn.WeightNoise(layer, std=0.5)
    x = ff.randn(5, 3)
    ff.manual_seed(1)
    (model(x) ** 2).sum().backward()
    ff.manual_seed(1)
    w = (layer.weight.detach() + 0.5 * ff.randn(1, 3)).requires_grad_()
    ((x @ w.T) ** 2).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), w.grad.numpy(), rtol=1e-6)


def test_a_shared_weight_has_one_noise_and_an_error_leaves_the_weights_alone() -> None:
    layer = nn.Linear(3, 3, bias=False)
    tied = nn.Linear(3, 3, bias=False)
    tied.weight = layer.weight
    seen: list[Any] = []
    for one in (layer, tied):
        one.register_forward_pre_hook(lambda module, _: seen.append(module.weight))
    model = nn.WeightNoise(layer, tied, std=0.1)
    model(ff.randn(2, 3))
    assert seen[0] is seen[1] and seen[0] is not layer.weight
    own = layer.weight
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\)"):
        model(ff.randn(2, 4))
    assert layer.weight is own and tied.weight is own


def test_it_is_a_chain_like_others() -> None:
    model = nn.WeightNoise({"a": nn.Linear(2, 3), "b": nn.ReLU()}, std=0.3)
    assert type(model[:1]) is nn.WeightNoise and model[:1].std == 0.3 and len(model) == 2
    assert repr(model).splitlines()[:2] == ["WeightNoise(", "  std=0.3"]
    assert repr(nn.GaussianNoise(0.3)) == "GaussianNoise(std=0.3)"
    assert model.summary(2).rows[0].parameters == 9
    for make in (nn.GaussianNoise, lambda std: nn.WeightNoise(std=std)):
        for std in (-0.1, math.inf, math.nan, "1", True):
            with pytest.raises(ValueError, match=r"Noise: std is .*, expected a number >= 0"):
                make(std)
