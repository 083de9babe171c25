"""The backpropagation rows of the coverage table, one test per row, named by its id: the rules, the algorithms.

Set FORWARDNET_TEST_PEER=torch to run the same file on PyTorch: what the tests claim is true there too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peer import ff, leaf, printed, same

Toy = tuple[Any, Any, Any, Any]


def pull_back(function: Callable[..., Any], inputs: tuple[Any, ...], upstream: Any) -> list[Any]:
    """What reaches each input when `upstream` reaches the output of `function`."""
    leaves = [leaf(v) for v in inputs]
    function(*leaves).backward(ff.tensor(upstream, dtype=ff.float32))
    return [v.grad for v in leaves]


def toy() -> Toy:
    """Two-layer tanh network with a linear output: W1 (I, H), w2 (H), the input and the target."""
    f64 = ff.float64
    w1, w2 = leaf([[0.1, 0.2], [0.3, -0.4]], f64), leaf([0.5, -0.6], f64)
    return w1, w2, ff.tensor([1.0, 2.0], dtype=f64), ff.tensor(1.0, dtype=f64)


def toy_loss(w1: Any, w2: Any, x: Any, y: Any) -> Any:
    return 0.5 * (ff.tanh(x @ w1) @ w2 - y) ** 2


def quadratic() -> tuple[Callable[[Any], Any], Any]:
    """A loss with known gradient for the perturbation methods: |A w - c|^2 / 2."""
    a = ff.tensor([[1.0, 0.5, 0.0], [0.0, 2.0, -1.0], [0.5, 0.0, 1.5]], dtype=ff.float64)
    c = ff.tensor([1.0, -2.0, 0.5], dtype=ff.float64)
    return (lambda w: 0.5 * ((a @ w - c) ** 2).sum()), a.t() @ (-c)


# ---------------------------------------------------------------- the rules


def test_BA01_chain_rule_of_an_affine_function() -> None:
    w, x, b = leaf(3.0), leaf(2.0), leaf(1.0)
    (w * x + b).backward()
    assert (w.grad.item(), x.grad.item(), b.grad.item()) == (2.0, 3.0, 1.0)  # dz/dw = x, dz/dx = w, dz/db = 1
    w, x, b = leaf(3.0), leaf(2.0), leaf(1.0)
    ff.exp(ff.sin(w * x + b)).backward()
    outer = math.exp(math.sin(7.0)) * math.cos(7.0)
    assert w.grad.item() == pytest.approx(2.0 * outer, rel=1e-6)  # float32


def test_BA02_weight_updates_of_two_layers_in_a_chain() -> None:
    f64 = ff.float64
    x, w1, w2, rate = 0.5, leaf(0.4, f64), leaf(-0.7, f64), 0.1
    h = ff.tanh(w1 * x)
    p = ff.sigmoid(w2 * h)
    loss = 0.5 * (p - 1.0) ** 2
    loss.backward()
    dl_dp, dp_dz = p.item() - 1, p.item() * (1 - p.item())
    by_hand = (dl_dp * dp_dz * -0.7 * (1 - h.item() ** 2) * x, dl_dp * dp_dz * h.item())
    with ff.no_grad():
        w1 -= rate * w1.grad
        w2 -= rate * w2.grad
    assert w1.item() == pytest.approx(0.4 - rate * by_hand[0], rel=1e-14)  # float64
    assert w2.item() == pytest.approx(-0.7 - rate * by_hand[1], rel=1e-14)


def test_BA03_addition_passes_the_gradient_on() -> None:
    assert [g.item() for g in pull_back(lambda x, y: x + y, (2.0, 3.0), 5.0)] == [5.0, 5.0]


def test_BA04_multiplication_swaps_its_inputs() -> None:
    assert [g.item() for g in pull_back(lambda x, y: x * y, (2.0, 3.0), 5.0)] == [15.0, 10.0]


def test_BA05_affine_node() -> None:
    inputs = ([[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]], [0.0, 0.0])
    dx, dw, db = pull_back(lambda x, w, b: x @ w + b, inputs, [[1.0, 1.0]])
    same(dx, [[3.0, 7.0]])
    same(dw, [[1.0, 1.0], [2.0, 2.0]])
    same(db, [1.0, 1.0])
    *_, db = pull_back(lambda x, w, b: x @ w + b, ([[1.0, 2.0]] * 3, *inputs[1:]), [[1.0, 1.0]] * 3)
    same(db, [3.0, 3.0])  # summed over the batch


def test_BA06_relu_node_softmax_with_loss_node_and_update() -> None:
    same(pull_back(ff.relu, ([-1.0, 2.0],), [5.0, 5.0])[0], [0.0, 5.0])
    z, y = leaf([1.0, 2.0, 3.0]), ff.tensor([0.0, 0.0, 1.0])
    loss = -(y * ff.log_softmax(z, dim=0)).sum()
    loss.backward()
    p = ff.softmax(z.detach(), dim=0)
    printed(z.grad, (p - y).numpy(), 6)  # (p1 - y1, p2 - y2, p3 - y3)
    printed(z.grad, [0.090031, 0.244728, -0.334759], 6)
    before = loss.item()
    with ff.no_grad():
        z -= 0.1 * z.grad
    assert -(y * ff.log_softmax(z, dim=0)).sum().item() < before


def test_BA07_binary_cross_entropy_of_a_sigmoid() -> None:
    w, b, x, y = leaf(0.7, ff.float64), leaf(-0.2, ff.float64), 1.5, 1.0
    p = ff.sigmoid(w * x + b)
    loss = -(y * ff.log(p) + (1 - y) * ff.log(1 - p))
    loss.backward()
    assert w.grad.item() == pytest.approx((p.item() - y) * x, rel=1e-13)  # float64
    printed(w.grad, -0.449149, 6)
    printed(b.grad, p.item() - y, 12)
    s = leaf(0.3, ff.float64)
    ff.sigmoid(s).backward()
    sigma = 1 / (1 + math.exp(-0.3))
    assert s.grad.item() == pytest.approx(sigma * (1 - sigma), rel=1e-14)


def test_BA08_two_layer_tanh_network_worked_by_hand() -> None:
    w1, w2, x, y = toy()
    a = x @ w1
    z = ff.tanh(a)
    prediction = z @ w2
    delta = prediction - y
    printed(a, [0.7, -0.6], 12)
    printed(prediction, 0.624414, 6)
    printed(delta, -0.375586, 6)
    loss = toy_loss(w1, w2, x, y)
    printed(loss, 0.070533, 6)
    loss.backward()
    delta_j = (1 - z**2) * w2 * delta
    printed(delta_j, [-0.1192, 0.160355], 6)
    np.testing.assert_allclose(w1.grad.numpy(), ff.outer(x, delta_j).detach().numpy(), rtol=1e-13)  # float64
    np.testing.assert_allclose(w2.grad.numpy(), (delta * z).detach().numpy(), rtol=1e-13)
    printed(w1.grad, [[-0.1192, 0.160355], [-0.2384, 0.320711]], 6)
    printed(w2.grad, [-0.226992, 0.201708], 6)
    with ff.no_grad():
        w1 -= 0.1 * w1.grad
        w2 -= 0.1 * w2.grad
    printed(toy_loss(w1, w2, x, y), 0.044437, 6)


def test_BA09_several_outputs_sum_their_deltas() -> None:
    w1, _, x, _ = toy()
    w2 = leaf([[0.5, -0.3, 0.2], [-0.6, 0.1, 0.9]], ff.float64)
    y = ff.tensor([1.0, 0.0, -1.0], dtype=ff.float64)
    z = ff.tanh(x @ w1)
    delta = z @ w2 - y
    (0.5 * (delta**2).sum()).backward()
    delta_j = (1 - z**2) * (w2 @ delta)  # (1 - z_j^2) sum_k w_jk delta_k
    np.testing.assert_allclose(w1.grad.numpy(), ff.outer(x, delta_j).detach().numpy(), rtol=1e-13)  # float64


def test_BA10_effects_on_many_outputs_are_summed() -> None:
    h = leaf(2.0)
    outputs = [h * 3, h**2, ff.exp(h) * 0, 5 - h]
    ff.stack(outputs).sum().backward()
    assert h.grad.item() == 3.0 + 4.0 + 0.0 - 1.0


def test_BA11_stochastic_backprop_stops_at_a_small_gradient() -> None:
    w1, w2, x, y = toy()
    losses, norm = [], math.inf
    while norm >= 1e-3 and len(losses) < 1000:
        w1.grad = w2.grad = None
        loss = toy_loss(w1, w2, x, y)
        loss.backward()
        norm = math.sqrt((w1.grad**2).sum().item() + (w2.grad**2).sum().item())
        losses.append(loss.item())
        with ff.no_grad():
            w1 -= 0.1 * w1.grad  # minus: with delta = prediction - target, plus would climb
            w2 -= 0.1 * w2.grad
    assert norm < 1e-3 and 10 < len(losses) < 1000
    assert all(after < before for before, after in itertools.pairwise(losses))
    w1, w2, x, y = toy()
    toy_loss(w1, w2, x, y).backward()
    with ff.no_grad():
        w1 += 0.1 * w1.grad
        w2 += 0.1 * w2.grad
    printed(toy_loss(w1, w2, x, y), 0.1028, 4)  # the wrong sign ascends


def test_BA12_batch_gradient_is_the_sum_over_the_samples() -> None:
    ff.manual_seed(0)
    xs, ys = ff.randn(7, 2, dtype=ff.float64), ff.randn(7, dtype=ff.float64)
    w1, w2, *_ = toy()
    for x, y in zip(xs, ys, strict=True):
        toy_loss(w1, w2, x, y).backward()  # gradients accumulate
    summed = w1.grad.clone()
    w1.grad = None
    (0.5 * (ff.tanh(xs @ w1) @ w2 - ys) ** 2).sum().backward()
    np.testing.assert_allclose(w1.grad.numpy(), summed.numpy(), rtol=1e-12)  # float64, sums of 7


# ---------------------------------------------------------------- without backpropagation


def test_BA13_weight_perturbation_costs_a_pass_per_trial() -> None:
    loss, _ = quadratic()
    generator = np.random.default_rng(0)
    w = ff.zeros(3, dtype=ff.float64)
    best, passes = loss(w).item(), 1
    start = best
    for _ in range(200):
        trial = w.clone()
        trial[int(generator.integers(3))] += float(generator.normal(0, 0.2))
        value, passes = loss(trial).item(), passes + 1
        if value < best:  # keep it if better
            w, best = trial, value
    v = leaf([0.0] * 3, ff.float64)
    steps = 0
    while True:
        v.grad = None
        value = loss(v)
        value.backward()
        steps += 1
        if value.item() <= best or steps > 200:
            break
        with ff.no_grad():
            v -= 0.15 * v.grad
    assert best < 0.1 * start
    assert steps * 3 < passes  # one backward pass costs about two forward passes


def test_BA14_parallel_and_activation_perturbation_estimate_the_gradient() -> None:
    loss, gradient = quadratic()
    true = gradient.numpy()
    generator = np.random.default_rng(1)

    def error(samples: int) -> float:
        estimate = np.zeros(3)
        for _ in range(samples):
            signs = generator.choice([-1.0, 1.0], size=3)
            step = ff.tensor(1e-4 * signs)
            slope = (loss(step) - loss(-step)).item() / 2e-4
            estimate += slope * signs / samples  # correlate the change of the loss with the perturbation
        return float(np.linalg.norm(estimate - true) / np.linalg.norm(true))

    few, many = error(4), error(2000)
    assert many < few and many < 0.15  # about sqrt(2 / 2000) = 0.03; five times that

    # Perturbing the 2 activities instead of the 4 weights: dL/dw_ij = x_i dL/da_j.
    w1, w2, x, y = toy()
    toy_loss(w1, w2, x, y).backward()
    a = (x @ w1).detach()
    slopes = []
    for j in range(2):
        step = ff.zeros(2, dtype=ff.float64)
        step[j] = 1e-5
        outer = [0.5 * ((ff.tanh(a + s * step) @ w2 - y) ** 2).item() for s in (1, -1)]
        slopes.append((outer[0] - outer[1]) / 2e-5)
    np.testing.assert_allclose(np.outer([1.0, 2.0], slopes), w1.grad.numpy(), rtol=1e-6)  # O(h^2), eps / h


def test_BA15_difference_quotients() -> None:
    def cube(w: float) -> float:
        return (ff.tensor(w, dtype=ff.float64) ** 3).item()

    h = 1e-5
    printed((cube(2 + h) - cube(2 - h)) / (2 * h), 12.0000000, 7)
    printed((cube(2 + h) - cube(2)) / h, 12.00006, 5)
    w = leaf(2.0, ff.float64)
    (w**3).backward()
    assert w.grad.item() == 12.0
    assert ff.autograd.gradcheck(lambda t: t**3, (w,))


def test_BA16_numeric_symbolic_and_automatic_derivatives_agree() -> None:
    def f(x: Any, y: Any) -> Any:
        return x**2 * y + ff.sin(y)

    x, y, h = leaf(1.5, ff.float64), leaf(-0.5, ff.float64), 1e-6
    symbolic = (2 * 1.5 * -0.5, 1.5**2 + math.cos(-0.5))
    automatic = [g.item() for g in ff.autograd.grad(f(x, y), (x, y))]
    numeric = [((f(x + h, y) - f(x - h, y)) / (2 * h)).item(), ((f(x, y + h) - f(x, y - h)) / (2 * h)).item()]
    assert automatic == pytest.approx(symbolic, rel=1e-15)
    assert numeric == pytest.approx(symbolic, rel=1e-8)  # eps / h = 2e-10 and h^2
