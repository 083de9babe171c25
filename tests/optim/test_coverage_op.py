"""The optimiser rows of the coverage table that these parts serve, named by their ids and using their figures.

Set FORWARDNET_TEST_PEER=torch to run them on PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forwardnet.optim import Rule
from peer import IS_PEER, ff, leaf

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


def rule_of(step: Any) -> Any:
    """An optimiser made of a rule in one line: what a textbook's variant takes."""

    class Variant(optim.Optimizer, rule=Rule(lambda p, h: {"m": 0 * p, "v": 0 * p}, step)):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

    return Variant


THREE = [1.0, 2.0, -1.0]
HERE = pytest.mark.skipif(IS_PEER, reason="PyTorch has no rules")


def test_OP15_adagrad() -> None:
    """PyTorch's eps = 1e-10 outside the root: the figures without any, to their ten digits."""
    got = path(lambda p: optim.Adagrad(p, lr=0.1), THREE)
    exact = [1 - 0.1, 0.9 - 0.1 * 2 / 5**0.5, 0.9 - 0.1 * 2 / 5**0.5 + 0.1 / 6**0.5]
    assert got == pytest.approx(exact, abs=2e-11)
    assert got[1] == pytest.approx(0.8105572809, abs=5e-11)


@HERE
def test_OP15_delta_inside_the_root() -> None:
    def step(p: Any, g: Any, s: Any, t: Any, h: Any) -> Any:
        v = s["v"] + g * g
        return p - h["lr"] * g / (v + 1e-7) ** 0.5, {"m": s["m"], "v": v}

    inside = path(lambda p: rule_of(step)(p, lr=0.1), THREE)
    assert inside == pytest.approx([0.9000000050, 0.8105572868, 0.8513821155], abs=5e-11)
    outside = path(lambda p: optim.Adagrad(p, lr=0.1), THREE)
    assert inside[0] - outside[0] == pytest.approx(0.1 * 1e-7 / 2, rel=3e-3)  # delta / 2 v of a step; eps is 1e-10


def test_OP16_the_first_step_of_adagrad_is_a_sign() -> None:
    for gradient in (1e-3, 1.0, -50.0):
        got = path(lambda p: optim.Adagrad(p, lr=0.1, eps=0.0), [gradient])
        assert got == pytest.approx([1 - 0.1 * np.sign(gradient)], rel=1e-14)
    # without eps, gradients that are all zero give 0 / 0; with it the parameter stays
    assert np.isnan(path(lambda p: optim.Adagrad(p, lr=0.1, eps=0.0), [0.0])).all()
    assert path(lambda p: optim.Adagrad(p, lr=0.1), [0.0]) == [1.0]


def test_OP17_rmsprop() -> None:
    got = path(lambda p: optim.RMSprop(p, lr=0.1, alpha=0.9, eps=0.0), THREE)
    v = np.array([0.1, 0.49, 0.541])  # the averages of g^2
    assert got == pytest.approx(1 - np.cumsum(0.1 * np.array(THREE) / np.sqrt(v)), rel=1e-14)


def rmsprop_inside(p: Any, g: Any, s: Any, t: Any, h: Any) -> Any:
    """v <- 0.9 v + 0.1 g^2;  p <- p - lr g / sqrt(v + 1e-7)."""
    v = 0.9 * s["v"] + 0.1 * (g * g)
    return p - h["lr"] * g / (v + 1e-7) ** 0.5, {"m": s["m"], "v": v}


@HERE
def test_OP17_delta_inside_the_root() -> None:
    got = path(lambda p: rule_of(rmsprop_inside)(p, lr=0.1), THREE)
    assert got == pytest.approx([0.6837723921, 0.3980581355, 0.5340150586], abs=5e-11)


def test_OP17_a_beta_near_zero_leaves_the_sign() -> None:
    draw = np.random.default_rng(0).normal(size=1001)
    for alpha, median in ((0.001, 0.99999), (0.9, 0.70)):
        steps = np.abs(np.diff(path(lambda p, a=alpha: optim.RMSprop(p, lr=1.0, alpha=a), list(draw))))
        # what one walk of 1000 random gradients tells of the median
        assert np.median(steps) == pytest.approx(median, abs=1e-3 if alpha < 0.01 else 0.05)


@HERE
def test_OP19_eps_beside_the_uncorrected_root() -> None:
    """lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps): eps counts 1 / sqrt(1 - b2^t) times, 31.6 at the start."""

    def step(p: Any, g: Any, s: Any, t: Any, h: Any) -> Any:
        m, v = 0.9 * s["m"] + 0.1 * g, 0.999 * s["v"] + 0.001 * (g * g)
        return p - h["lr"] * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t) * m / (v**0.5 + 1e-8), {"m": m, "v": v}

    got = path(lambda p: rule_of(step)(p, lr=0.1), THREE)
    assert got == pytest.approx([0.9000000316, 0.8034818427, 0.7614729178], abs=5e-11)
    larger = path(lambda p: optim.Adam(p, lr=0.1, eps=1e-8 / (1 - 0.999) ** 0.5), THREE[:1])
    assert larger == pytest.approx(got[:1], rel=1e-14)


def test_OP20_adadelta() -> None:
    got = path(lambda p: optim.Adadelta(p, lr=1.0, rho=0.95, eps=1e-6), THREE)
    # the last digits are cut or rounded up by one: PyTorch has 0.98984259624
    assert got == pytest.approx([0.9955279088, 0.9898425963, 0.9933791442], abs=1e-10)


SADDLE = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.05, alpha=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.05),
    # Along y the first gradients are so small (0.002) that delta inside the root holds back what eps does not.
    "rmsprop, delta inside": lambda p: rule_of(rmsprop_inside)(p, lr=0.05),
}


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("sgd", 73),
        ("momentum", 27),
        ("adagrad", 57),
        ("rmsprop", 8),
        ("adam", 20),
        pytest.param("rmsprop, delta inside", 9, marks=HERE),
    ],
)
def test_OP10_leaving_a_saddle(name: str, steps: int) -> None:
    """Steps until |y| > 1 on x^2 - y^2 from (1, 0.001)."""
    p = leaf([1.0, 0.001], ff.float64)
    optimizer = SADDLE[name]([p])
    taken = 0
    while abs(p[1].item()) <= 1 and taken < 200:
        optimizer.zero_grad()
        (p[0] ** 2 - p[1] ** 2).backward()
        optimizer.step()
        taken += 1
    assert taken == steps


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
