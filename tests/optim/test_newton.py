"""Newton's method and steepest descent with the best step: exact on quadratics, safe where the Hessian is not."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim.newton import is_positive, newton_direction

from .test_lbfgs import leaf, rosenbrock


def quadratic(H: Any, p: Any) -> Any:
    """p'H p / 2."""
    return 0.5 * (p * (ff.tensor(H, dtype=ff.float64) @ p)).sum()


RAVINE = np.array([[101.0, 99.0], [99.0, 101.0]])  # curvatures 200 along (1, 1) and 2 along (1, -1)


@pytest.mark.parametrize("search", ["backtracking", "strong_wolfe", None])
def test_one_step_reaches_the_minimum_of_a_quadratic(search: str | None) -> None:
    p = leaf(3.0, -2.0)
    optimizer = optim.Newton([p], line_search_fn=search)
    before = optimizer.step(lambda: quadratic(RAVINE, p))
    assert before.item() == pytest.approx(0.5 * np.array([3, -2]) @ RAVINE @ np.array([3, -2]))
    np.testing.assert_allclose(p.tolist(), 0.0, atol=1e-12)
    assert optimizer.state[p]["t"] == 1.0 and optimizer.state[p]["shift"] == 0.0


@pytest.mark.parametrize("search", ["backtracking", "strong_wolfe"])
def test_the_valley_in_few_steps(search: str) -> None:
    p = leaf(-1.2, 1.0)
    optimizer = optim.Newton([p], line_search_fn=search)
    losses = [optimizer.step(lambda: rosenbrock(p)).item() for _ in range(25)]
    assert all(b <= a for a, b in itertools.pairwise(losses)) and losses[-1] < 1e-20
    np.testing.assert_allclose(p.tolist(), 1.0, atol=1e-10)


def test_a_saddle_is_left() -> None:
    """x^2 - y^2 + y^4: the pure Newton step would go to the saddle at 0, the shifted one goes down."""
    p = leaf(1.0, 0.01)
    optimizer = optim.Newton([p])
    for _ in range(15):
        optimizer.step(lambda: p[0] ** 2 - p[1] ** 2 + p[1] ** 4)
    np.testing.assert_allclose(p.tolist(), [0.0, 0.5**0.5], atol=1e-8)


def test_shifts() -> None:
    g = np.array([1.0, 1.0])
    d, shift = newton_direction(np.diag([2.0, 10.0]), g)
    np.testing.assert_allclose(d, [-0.5, -0.1])
    assert shift == 0 and newton_direction(np.diag([2.0, 10.0]), g, 0.5)[1] == 0.5
    for matrix in (np.diag([2.0, -3.0]), np.zeros((2, 2)), np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones((2, 2))):
        d, shift = newton_direction(matrix, g)
        assert shift > 0 and is_positive(matrix + shift * np.eye(2)) and g @ d < 0
        np.testing.assert_allclose((matrix + shift * np.eye(2)) @ d, -g, rtol=1e-6)
    assert not is_positive(np.array([[1.0, 1.0], [1.0, 1.0 + 1e-17]]))  # singular but for a rounding


def test_a_network() -> None:
    """The same as a step by hand with the Hessian of autograd, and then to the bottom."""
    ff.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    draw = np.random.default_rng(0)
    x = ff.tensor(draw.normal(size=(30, 2)))
    y = ff.tensor(np.sin(x.numpy()[:, :1]))

    def closure() -> Any:
        return ((net(x) - y) ** 2).mean()

    def at(w: Any) -> Any:
        w1, b1, w2, b2 = w[:6].reshape(3, 2), w[6:9], w[9:12].reshape(1, 3), w[12:]
        return ((ff.tanh(x @ w1.T + b1) @ w2.T + b2 - y) ** 2).mean()

    start = net.get_flat_params().detach().clone()
    H = ff.autograd.functional.hessian(at, start).numpy()
    g = ff.autograd.functional.jacobian(at, start).numpy()
    damping = 1.0 - float(np.linalg.eigvalsh(H).min())  # so that no other shift is needed
    optimizer = optim.Newton(net.parameters(), damping=damping, line_search_fn=None)
    optimizer.step(closure)
    by_hand = start.numpy() - np.linalg.solve(H + damping * np.eye(13), g)
    np.testing.assert_allclose(net.get_flat_params().detach().numpy(), by_hand, rtol=1e-10)
    optimizer = optim.Newton(net.parameters())
    for _ in range(30):
        optimizer.step(closure)
    assert closure().item() < 1e-4 and all(p.grad is None for p in net.parameters())


def test_it_stops_at_a_small_gradient() -> None:
    p = leaf(1.0, 1.0)
    optimizer = optim.Newton([p], tolerance_grad=1e3)
    optimizer.step(lambda: quadratic(RAVINE, p))
    assert p.tolist() == [1.0, 1.0] and optimizer.state[p] == {"step": 1, "func_evals": 1}


def test_the_best_step_of_second_order() -> None:
    """NM18: H = diag(2, 10) from (1, 1): g'g = 104, g'Hg = 1008, step .103175, from 6 to .634921."""
    H = np.diag([2.0, 10.0])
    p = leaf(1.0, 1.0)
    optimizer = optim.SteepestDescent([p])
    assert optimizer.step(lambda: quadratic(H, p)).item() == pytest.approx(6.0)
    assert optimizer.state[p]["t"] == pytest.approx(104 / 1008, rel=1e-12)
    assert quadratic(H, p).item() == pytest.approx(0.634921, abs=5e-7)


@pytest.mark.parametrize(("axis", "step"), [(0, 0.5), (1, 0.1)])
def test_along_an_eigenvector_the_best_step_is_one_over_the_curvature(axis: int, step: float) -> None:
    p = leaf(*np.eye(2)[axis])
    optimizer = optim.SteepestDescent([p])
    optimizer.step(lambda: quadratic(np.diag([2.0, 10.0]), p))
    assert optimizer.state[p]["t"] == pytest.approx(step, rel=1e-12)
    np.testing.assert_allclose(p.tolist(), 0.0, atol=1e-15)


def test_where_the_loss_bends_down_it_backtracks() -> None:
    p = leaf(1.0, 1.0)
    optimizer = optim.SteepestDescent([p], lr=0.1)
    before = optimizer.step(lambda: quadratic(np.diag([2.0, -3.0]), p)).item()  # g'Hg = 8 - 27
    assert optimizer.state[p]["t"] == 0.1 and quadratic(np.diag([2.0, -3.0]), p).item() < before


@pytest.mark.parametrize("search", ["taylor", "strong_wolfe", "backtracking"])
def test_steepest_descent_needs_no_rate(search: str) -> None:
    for scale in (1e-2, 1e2):
        p = leaf(3.0, -2.0)
        optimizer = optim.SteepestDescent([p], lr=1e4, line_search_fn=search)
        for _ in range(120):
            optimizer.step(lambda p=p, scale=scale: scale * quadratic(np.diag([1.0, 5.0]), p))
        np.testing.assert_allclose(p.tolist(), 0.0, atol=1e-2)


def test_misuse() -> None:
    big = ff.zeros(397_510, requires_grad=True)
    with pytest.raises(ValueError, match=r"397,510 parameters have a Hessian of 1.58e\+11 entries, 1,177.3 GiB"):
        optim.Newton([big])
    assert optim.Newton([ff.zeros(3, requires_grad=True)], max_parameters=3)
    p = leaf(1.0)

    def with_backward() -> Any:
        loss = (p**2).sum()
        loss.backward()
        return loss

    for made in (optim.Newton([p]), optim.SteepestDescent([p])):
        name = type(made).__name__
        with pytest.raises(
            RuntimeError, match=f"{name}.step: the closure has called backward.*\nhint: return the loss"
        ):
            made.step(with_backward)
        with pytest.raises(ValueError, match=f"{name}.step: got no closure, expected a function that computes the los"):
            made.step()
        with pytest.raises(ValueError, match="the closure returned a float, expected the loss as it was computed"):
            made.step(lambda: 1.0)
        with pytest.raises(ValueError, match="the closure returned a tensor without history"):
            made.step(lambda: ff.tensor(1.0))
        with pytest.raises(ff.errors.DivergedError, match="the loss is -inf, and its gradient is not finite"):
            made.step(lambda: (p * 0).log().sum())
    with pytest.raises(ValueError, match="unknown line_search_fn 'taylor'"):
        optim.Newton([p], line_search_fn="taylor")
    with pytest.raises(ValueError, match="Newton: damping is -1, expected a number >= 0"):
        optim.Newton([p], damping=-1)
