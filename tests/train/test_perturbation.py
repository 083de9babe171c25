"""Learning by trying: backpropagation's gradients, within the noise that theory says, with the passes counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train import perturbation


def network(*, double: bool = True, classes: int = 2) -> Any:
    ff.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3), nn.Softplus(), nn.Linear(3, classes))
    return net.double() if double else net


class Counted(nn.Module):
    """A network that counts how often it is run."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net, self.runs = net, 0

    def forward(self, x: Any) -> Any:
        self.runs += 1
        return self.net(x)


def data() -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    return ff.tensor(draw.normal(size=(7, 3))), ff.tensor(draw.normal(size=(7, 2)))


def true_gradient(net: Any, loss: Any) -> Any:
    x, y = data()
    net.zero_grad()
    loss(net(x), y).backward()
    found = np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])
    net.zero_grad()
    return found


N = 3 * 4 + 4 + 4 * 3 + 3 + 3 * 2 + 2
UNITS = 4 + 3 + 2


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("method", "passes", "rtol"), [("one", N + 1, 1e-4), ("central", 2 * N, 1e-8), ("activations", UNITS + 1, 1e-4)]
)
def test_gradients_without_noise(method: str, passes: int, rtol: float, reduction: str) -> None:
    net, (x, y), loss = Counted(network()), data(), nn.MSELoss(reduction=reduction)
    true = true_gradient(net.net, loss)
    net.runs = 0
    if method == "activations":
        found = perturbation.activations(net, loss, x, y)
    else:
        found = perturbation.one_weight(lambda: loss(net(x), y), net.parameters(), central=method == "central")
    assert found.passes == net.runs == passes
    # a quotient of differences of size h is off by h / 2 times the curvature, a central one by h^2 / 6
    np.testing.assert_allclose(found.vector(), true, rtol=rtol, atol=rtol * np.abs(true).max())
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("method", ["weights", "activations"])
def test_BA14_noise_is_what_theory_says(method: str) -> None:
    """All n weights at once with m samples: |error| is about sqrt((n - 1) / m) of the gradient's length."""
    net, (x, y), loss = Counted(network()), data(), nn.MSELoss()
    true = true_gradient(net.net, loss)
    errors = []
    for samples in (4, 100, 400):
        net.runs = 0
        if method == "weights":
            found = perturbation.all_weights(lambda: loss(net(x), y), net.parameters(), samples=samples, seed=3)
        else:
            found = perturbation.activations(net, loss, x, y, samples=samples, seed=3)
        assert found.passes == net.runs == 2 * samples + (method == "activations")
        errors.append(np.linalg.norm(found.vector() - true) / np.linalg.norm(true))
    assert errors[0] > errors[1] > errors[2]
    if method == "weights":
        expected = [np.sqrt((N - 1) / m) for m in (4, 100, 400)]
        assert np.abs(np.array(errors) / expected - 1).max() < 0.35  # one draw of each: a third more or less
    else:
        assert errors[2] < np.sqrt((UNITS - 1) / 400)  # rows have noise of their own, which averages out further


def test_one_sample_is_right_on_average() -> None:
    net, (x, y), loss = network(), data(), nn.MSELoss()
    true = true_gradient(net, loss)
    one = [perturbation.all_weights(lambda: loss(net(x), y), net.parameters(), seed=seed).vector() for seed in range(9)]
    assert len({v.tobytes() for v in one}) == 9 and all(v @ true > 0 for v in one)  # (g'u)^2
    again = perturbation.all_weights(lambda: loss(net(x), y), net.parameters(), seed=4).vector()
    np.testing.assert_array_equal(again, one[4])


def test_classes_and_float32() -> None:
    net, loss = network(double=False, classes=3), nn.CrossEntropyLoss()
    x = data()[0].float()
    y = ff.tensor([0, 1, 2, 0, 1, 2, 0])
    loss(net(x), y).backward()
    true = np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])
    net.zero_grad()
    for found in (
        perturbation.activations(net, loss, x, y),
        perturbation.one_weight(lambda: loss(net(x), y), net.parameters(), central=True),
    ):
        found.assign()
        got = np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])
        assert all(p.grad.dtype == ff.float32 for p in net.parameters())
        np.testing.assert_allclose(got, true, atol=0.01 * np.abs(true).max())  # a hundredth: 7 digits, differenced


def test_BA13_a_search_keeps_what_is_better() -> None:
    net, (x, y), loss = Counted(network()), data(), nn.MSELoss()
    first = loss(net(x), y).item()
    net.runs = 0
    search = perturbation.random_search(lambda: loss(net(x), y), net.parameters(), trials=300, size=0.3, seed=1)
    assert search.passes == net.runs == 301
    assert (np.diff(search.losses) <= 0).all() and search.kept == (np.diff([first, *search.losses]) < 0).sum() > 30
    assert loss(net(x), y).item() == search.losses[-1] < 0.8 * first


def test_EX19_backpropagation_gets_there_in_a_fraction_of_the_passes() -> None:
    """The same fall of the loss, counting three passes for each step of gradient descent."""
    (x, y), loss = data(), nn.MSELoss()
    tried, learnt, unit = (nn.Sequential(nn.Linear(3, 30), nn.Tanh(), nn.Linear(30, 2)).double() for _ in range(3))
    for net in (learnt, unit):
        net.load_state_dict(tried.state_dict())
    search = perturbation.random_search(lambda: loss(tried(x), y), tried.parameters(), trials=400, size=0.3, seed=0)
    steps, optimizer = 0, optim.SGD(learnt.parameters(), lr=0.3)
    while loss(learnt(x), y).item() > search.losses[-1]:
        optimizer.zero_grad()
        loss(learnt(x), y).backward()
        optimizer.step()
        steps += 1
    passes, optimizer = 0, optim.SGD(unit.parameters(), lr=0.3)
    while loss(unit(x), y).item() > search.losses[-1]:
        found = perturbation.activations(unit, loss, x, y)
        found.assign()
        optimizer.step()
        passes += found.passes
    assert passes == (32 + 1) * steps  # the same steps, each dearer
    assert 3 * steps < search.passes / 3


def test_passes_needed() -> None:
    needed = perturbation.passes_needed(network(), error=0.5)
    assert needed == {
        "backpropagation": 3,
        "one weight": N + 1,
        "all weights": 2 * (N - 1) * 4,
        "one activation": UNITS + 1,
        "all activations": 1 + 2 * (UNITS - 1) * 4,
    }
    large = perturbation.passes_needed(nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 10)))
    assert large["one weight"] == 397_511 and large["one activation"] == 511


def test_misuse() -> None:
    (x, y), loss = data(), nn.MSELoss()
    normed = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2)).double()
    with pytest.raises(
        ValueError, match=r"activations: Sequential: '1.weight' belongs to no Linear layer\nhint: all_wei"
    ):
        perturbation.activations(normed, loss, x, y)
    with pytest.raises(ValueError, match="it has no Linear layer"):
        perturbation.activations(nn.Tanh(), loss, x, y)
    with pytest.raises(ValueError, match="the loss gives no value for each row"):
        perturbation.activations(network(), lambda a, b: ((a - b) ** 2).mean(), x, y)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3).double()

        def forward(self, h: Any) -> Any:
            return self.layer(self.layer(h))[:, :2]

    with pytest.raises(ValueError, match="a Linear layer is called more than once, or not at all"):
        perturbation.activations(Twice(), loss, x, y)
    with pytest.raises(ValueError, match="got no parameters"):
        perturbation.one_weight(lambda: 0.0, [])
    with pytest.raises(ValueError, match="size is -1, expected a number above 0"):
        perturbation.all_weights(lambda: 0.0, network().parameters(), size=-1)
    with pytest.raises(ValueError, match="samples"):
        perturbation.all_weights(lambda: 0.0, network().parameters(), samples=0)
    with pytest.raises(ValueError, match="error is 0, expected a number above 0"):
        perturbation.passes_needed(network(), error=0)
