"""Mixture density: the likelihood against its definition, extremes, reading outputs, and what squared error cannot."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.data import GaussianMixture
from forwardnet.nn import functional as F

Array = np.ndarray[Any, Any]


def outputs(n: int, k: int, d: int) -> tuple[Array, Array]:
    """Outputs of n rows of k components of d numbers, and targets."""
    rng = np.random.default_rng(10 * k + d)
    return rng.normal(size=(n, k * (2 * d + 1))), rng.normal(size=(n, d))


@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 1), (4, 2), (2, 5)])
def test_the_loss_is_the_negative_log_likelihood(k: int, d: int) -> None:
    """Against the density of `data.GaussianMixture`, which works with covariances and Cholesky factors."""
    x, y = outputs(6, k, d)
    terms = F.mixture_nll_loss(ff.tensor(x), ff.tensor(y), reduction="none").numpy()
    for row, target, term in zip(x, y, terms, strict=True):
        w = np.exp(row[:k]) / np.exp(row[:k]).sum()
        means, scales = row[k : k + k * d].reshape(d, k).T, np.exp(row[k + k * d :]).reshape(d, k).T
        expected = -GaussianMixture(w, means, scales=scales).log_pdf(target[None])[0]
        assert term == pytest.approx(expected, rel=1e-12)  # float64, in another order


def test_one_component_of_fixed_scale_is_squared_error() -> None:
    rng = np.random.default_rng(0)
    mean, y = rng.normal(size=(8, 1)), rng.normal(size=(8, 1))
    x = np.concatenate([np.zeros((8, 1)), mean, np.zeros((8, 1))], axis=1)
    half = 0.5 * ((mean - y) ** 2).mean() + 0.5 * math.log(2 * math.pi)
    assert F.mixture_nll_loss(ff.tensor(x), ff.tensor(y)).item() == pytest.approx(half, rel=1e-14)
    assert F.mixture_nll_loss(ff.tensor(x), ff.tensor(y[:, 0])).item() == pytest.approx(half, rel=1e-14)


@pytest.mark.parametrize("dtype", [ff.float32, ff.float64])
def test_far_targets_have_a_finite_loss_and_a_gradient_that_leads_to_them(dtype: Any) -> None:
    x = ff.tensor([[0.0, 0.0, -1.0, 1.0, 0.0, 0.0]] * 2, dtype=dtype, requires_grad=True)
    loss = F.mixture_nll_loss(x, ff.tensor([1e4, -1e4], dtype=dtype), reduction="none")
    # the nearer component, 9999 away: z^2 / 2 + log 2 + log(2 pi) / 2; float32 has 24 bits
    expected = 0.5 * 9999.0**2 + math.log(2) + 0.5 * math.log(2 * math.pi)
    assert loss.tolist() == pytest.approx([expected] * 2, rel=1e-6)
    loss.sum().backward()
    gradient = x.grad.numpy()
    assert np.isfinite(gradient).all()
    # a density computed without logarithms is 0 there, and its logarithm has no gradient
    assert gradient[0, 3] == -9999 and gradient[1, 2] == 9999


def test_scales_have_a_floor() -> None:
    layer = nn.MixtureDensity(2, components=2, min_scale=0.01).double()
    with ff.no_grad():
        layer.linear.weight.zero_()
        layer.linear.bias.copy_(ff.tensor([0.0, 0.0, 0.0, 0.0, -1e4, 1.0], dtype=ff.float64))
    mixtures = layer.read(layer(ff.zeros(3, 2, dtype=ff.float64)))
    np.testing.assert_allclose(mixtures.scales[0, :, 0], [0.01, math.e + 0.01], rtol=1e-12)


def test_read_gives_the_moments() -> None:
    layer = nn.MixtureDensity(1, components=3, out_features=1)
    output = np.log([[0.5, 0.3, 0.2, *np.exp([-2.0, 0.0, 3.0]), 0.5, 1.0, 0.8]])
    mixtures = layer.read(output)
    assert mixtures.mean[0] == pytest.approx([-0.4], rel=1e-12)
    assert mixtures.variance[0] == pytest.approx([4.193], rel=1e-12)
    assert math.exp(mixtures.log_pdf(np.array([[0.0]]))[0]) == pytest.approx(0.119905, abs=5e-7)
    assert mixtures.likeliest.tolist() == [[-2.0]], "the highest peak, .5 / .5"
    assert layer.read(ff.tensor(output)).mean == pytest.approx(mixtures.mean)
    grid = np.linspace(-9, 9, 7)[:, None, None]
    many = layer.read(np.repeat(output, 2, axis=0)).log_pdf(grid)
    expected = GaussianMixture([0.5, 0.3, 0.2], [-2.0, 0.0, 3.0], scales=[0.5, 1.0, 0.8]).log_pdf(grid[:, 0])
    np.testing.assert_allclose(many, np.stack([expected] * 2, axis=1), rtol=1e-12)


def test_samples_follow_the_mixture() -> None:
    layer = nn.MixtureDensity(1, components=2, out_features=2)
    row = [0.0, math.log(3.0), -1.0, 2.0, 5.0, 7.0, *np.log([0.1, 0.2, 0.3, 0.4])]
    mixtures = layer.read(np.array([row] * 20_000))
    drawn = mixtures.sample(seed=3)
    error = np.sqrt(mixtures.variance[0] / 20_000)
    assert (np.abs(drawn.mean(axis=0) - mixtures.mean[0]) < 5 * error).all(), "five standard errors"
    np.testing.assert_allclose(drawn.var(axis=0), mixtures.variance[0], rtol=0.05)  # five standard errors of two peaks
    np.testing.assert_array_equal(drawn, mixtures.sample(seed=3))
    assert not np.array_equal(drawn, mixtures.sample(seed=4))


def test_it_learns_several_answers_where_squared_error_learns_their_mean() -> None:
    data = ff.datasets.load("inverse-sine", n=1000)
    held = ff.datasets.load("inverse-sine", n=1000, seed=1)

    def trained(last: nn.Module, loss: str) -> tuple[nn.Module, ff.Trainer]:
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, 30), nn.Tanh(), last)
        trainer = ff.Trainer(model, loss, ff.optim.Adam(model.parameters(), lr=0.01))
        trainer.fit(data.X, data.y, epochs=100, batch_size=100, progress=False)
        return model, trainer

    _, square = trained(nn.Linear(30, 1), "mse")
    model, trainer = trained(nn.MixtureDensity(30, components=5), "mixture_nll")
    gauss = math.log(math.sqrt(2 * math.pi * math.e * square.evaluate(held.X, held.y)["loss"]))
    # six starts gave 0.73 to 0.83 less: a normal distribution around the mean is far less likely
    assert trainer.evaluate(held.X, held.y)["loss"] < gauss - 0.5
    middle = model[2].read(trainer.predict(np.array([[0.5]], dtype="float32")))
    y = np.linspace(0, 1, 401)
    density = np.exp(middle.log_pdf(y[:, None, None]))[:, 0]
    peaks = y[1:-1][(density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])]
    # the solutions of y + 0.3 sin(2 pi y) = 1/2; peaks of five normal distributions come near them
    assert peaks == pytest.approx([0.23, 0.5, 0.77], abs=0.08)


def test_unusable_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"input has shape \(4, 7\) and target \(4,\), expected input \(..., K \(2 D"):
        F.mixture_nll_loss(ff.zeros(4, 7), ff.zeros(4))
    with pytest.raises(ValueError, match=r"input has shape \(4, 6\) and target \(3, 1\)"):
        F.mixture_nll_loss(ff.zeros(4, 6), ff.zeros(3, 1))
    with pytest.raises(ValueError, match="components is 0, expected a whole number >= 1"):
        nn.MixtureDensity(3, components=0)
    with pytest.raises(ValueError, match="min_scale is 0, expected a number > 0"):
        nn.MixtureDensity(3, min_scale=0)
    with pytest.raises(ValueError, match=r"read: got shape \(2, 8\), expected \(..., 9\)"):
        nn.MixtureDensity(3).read(np.zeros((2, 8)))


def test_it_is_described_and_built_again() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.MixtureDensity(4, 2, out_features=3, min_scale=0.5))
    again = nn.build(json.loads(json.dumps(nn.architecture(model))))
    again.load_state_dict(model.state_dict())
    x = ff.randn(5, 2)
    assert ff.equal(again(x), model(x))
