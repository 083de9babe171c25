"""The optimiser rows of the coverage table that these parts serve, named by their ids and using their figures.

Set FORWARDNET_TEST_PEER=torch to run them on PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peer import ff, leaf

nn, optim = ff.nn, ff.optim


def path(make: Any, gradients: list[float], start: float = 1.0) -> list[float]:
    """Where one parameter is after each of the given gradients."""
    theta = leaf([start], ff.float64)
    optimizer = make([theta])
    after = []
    for gradient in gradients:
        theta.grad = ff.tensor([gradient], dtype=ff.float64)
        optimizer.step()
        after.append(theta.item())
    return after


def descend(lr: float, steps: int = 100, momentum: float = 0.0) -> float:
    """f = (x^2 + 100 y^2) / 2 after gradient descent from (1, 1)."""
    scale = ff.tensor([1.0, 100.0], dtype=ff.float64)
    p = leaf([1.0, 1.0], ff.float64)
    optimizer = optim.SGD([p], lr=lr, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (scale * p**2).sum()).backward()
        optimizer.step()
    return float((0.5 * (scale * p**2).sum()).item())


@pytest.mark.parametrize(("lr", "f"), [(0.01, 0.06699), (0.019, 0.01078), (0.0199, 6.708), (0.021, 9.5e9)])
def test_OP01_gradient_descent_converges_below_two_over_the_curvature(lr: float, f: float) -> None:
    assert descend(lr) == pytest.approx(f, rel=5e-3 if f > 1e9 else 5e-4)  # half a unit of the last digit given


@pytest.mark.parametrize(
    ("lr", "momentum", "f", "digits"),
    [(0.01, 0.9, 9.46e-5, 5e-3), (4 / 121, (9 / 11) ** 2, 6.2e-12, 2e-2), (2 / 101, 0.0, 0.9248, 1e-4)],
)
def test_OP11_momentum_in_a_ravine(lr: float, momentum: float, f: float, digits: float) -> None:
    assert descend(lr, momentum=momentum) == pytest.approx(f, rel=digits)


def test_OP06_mini_batches() -> None:
    ff.manual_seed(0)
    x, y = ff.randn(20, 3, dtype=ff.float64), ff.randn(20, 1, dtype=ff.float64)

    def train(batch_size: int, lr: float) -> tuple[Any, int]:
        ff.manual_seed(1)
        net = nn.Linear(3, 1).double()
        optimizer = optim.SGD(net.parameters(), lr=lr)
        updates = 0
        for start in range(0, len(x), batch_size):
            optimizer.zero_grad()
            nn.MSELoss()(net(x[start : start + batch_size]), y[start : start + batch_size]).backward()
            optimizer.step()
            updates += 1
        return net.weight.detach().numpy(), updates

    # one batch of everything: the whole gradient, by hand
    ff.manual_seed(1)
    net = nn.Linear(3, 1).double()
    w, b, X, Y = net.weight.detach().numpy(), net.bias.detach().numpy(), x.numpy(), y.numpy()
    whole = w - 0.1 * 2 * ((X @ w.T + b - Y) * X).mean(axis=0)
    got, updates = train(20, 0.1)
    assert updates == 1
    np.testing.assert_allclose(got, whole, rtol=1e-13)
    # one at a time: an update for every sample, by hand
    w, b = w.copy(), b.copy()
    for row, target in zip(X, Y, strict=True):
        error = w @ row + b - target
        w, b = w - 0.01 * 2 * error * row, b - 0.01 * 2 * error
    got, updates = train(1, 0.01)
    assert updates == 20
    np.testing.assert_allclose(got, w, rtol=1e-12)
    assert train(5, 0.1)[1] == 4


def test_OP13_momentum() -> None:
    got = path(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), [1.0, 2.0, -1.0])
    assert got == pytest.approx([0.9, 0.61, 0.449], rel=1e-14)


def test_OP14_steady_gradients_add_up_tenfold() -> None:
    got = path(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), [1.0] * 300)
    assert got[-2] - got[-1] == pytest.approx(0.1 / (1 - 0.9), rel=1e-9)


def test_OP18_adam() -> None:
    got = path(lambda p: optim.Adam(p, lr=0.1), [1.0, 2.0, -1.0])
    assert got == pytest.approx([0.9000000010, 0.8034817990, 0.7614728690], abs=5e-11)


def test_OP22_parameter_groups() -> None:
    a, b = leaf([1.0], ff.float64), leaf([1.0], ff.float64)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    a.grad = b.grad = ff.tensor([1.0], dtype=ff.float64)
    optimizer.step()
    assert (a.item(), b.item()) == (0.9, 0.5)


def test_OP23_OP24_update_by_hand() -> None:
    w = leaf([2.0])
    (w**2).sum().backward()
    with ff.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
    np.testing.assert_allclose(w.tolist(), [1.6], rtol=1e-6)
    assert w.grad.tolist() == [0] and w.requires_grad
