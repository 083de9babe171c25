"""Mixtures, Hessians, products with them and graphs of gradients against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import explain, nn
from forwardnet.nn import functional as F

torch = pytest.importorskip("torch", reason="PyTorch is not installed: run `make test-torch`")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("k", "d"), [(1, 1), (4, 1), (3, 2)])
def test_mixture_likelihoods_and_their_gradients(k: int, d: int) -> None:
    """torch.distributions: a mixture of independent normal distributions."""
    rng = np.random.default_rng(k + d)
    x, y = rng.normal(size=(7, k * (2 * d + 1))), rng.normal(size=(7, d))
    ours = ff.tensor(x, requires_grad=True)
    loss = F.mixture_nll_loss(ours, ff.tensor(y))
    loss.backward()
    theirs = torch.tensor(x, requires_grad=True)
    scores, rest = theirs[:, :k], theirs[:, k:].reshape(7, 2, d, k).transpose(2, 3)
    dist = torch.distributions
    parts = dist.Independent(dist.Normal(rest[:, 0], rest[:, 1].exp()), 1)
    mixture = dist.MixtureSameFamily(dist.Categorical(logits=scores), parts)
    expected = -mixture.log_prob(torch.tensor(y)).mean()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    assert ours.grad is not None
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_hessian_products_and_curvature_of_a_network() -> None:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.integers(0, 2, size=20)
    objective = explain.Objective.of_model(model, "cross_entropy", X, y)

    def loss(x: Any) -> Any:
        pieces = {part.name: x[part.start : part.stop].reshape(part.shape) for part in objective.parts}
        h = torch.tanh(torch.tensor(X) @ pieces["0.weight"].T + pieces["0.bias"])
        return torch.nn.functional.cross_entropy(h @ pieces["2.weight"].T + pieces["2.bias"], torch.tensor(y))

    x = torch.tensor(objective.x)
    hessian = torch.autograd.functional.hessian(loss, x).numpy()
    np.testing.assert_allclose(objective.hessian(), hessian, atol=1e-13)
    v = rng.normal(size=objective.size)
    product = torch.autograd.functional.hvp(loss, x, torch.tensor(v))[1].numpy()
    np.testing.assert_allclose(objective.product(v), product, atol=1e-12)
    g = torch.autograd.functional.jacobian(loss, x).numpy()
    np.testing.assert_allclose(objective.gradient(), g, atol=1e-14)
    found = explain.curvature(objective)
    assert found.along == pytest.approx(g @ hessian @ g / (g @ g), rel=1e-10)
    spectrum = explain.spectrum(objective)
    np.testing.assert_allclose(spectrum.eigenvalues, np.linalg.eigvalsh(hessian), atol=1e-12)
