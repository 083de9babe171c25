"""The backpropagation rows of the coverage table, one test per row, named by its id: the graph, vanishing gradients.

Set FORWARDNET_TEST_PEER=torch to run the same file on PyTorch: what the tests claim is true there too.
"""

from __future__ import annotations

import importlib
import itertools
import warnings
from typing import Any

import numpy as np
import pytest

from peer import ff, leaf, printed, same

# ---------------------------------------------------------------- the graph


def test_BA17_only_the_forward_pass_is_written() -> None:
    x, w = ff.tensor([1.0, 2.0]), leaf([0.5, 0.5])
    out = (x * w).sum()
    assert out.requires_grad and out.grad_fn is not None
    out.backward()
    same(w.grad, [1.0, 2.0])
    silent = (x * w.detach()).sum()
    assert not silent.requires_grad and silent.grad_fn is None
    with pytest.raises(RuntimeError, match="grad"):
        silent.backward()


def test_BA18_computation_graph_of_an_affine_function() -> None:
    x, w, b = ff.tensor([2.0]), leaf([1.0]), leaf([3.0])
    z = w * x + b
    add = z.grad_fn
    assert add.name() == "AddBackward0" and str(add).startswith("<AddBackward0")
    (mul, _), (leaf_b, _) = add.next_functions
    assert mul.name() == "MulBackward0"
    assert leaf_b.variable is b
    (leaf_w, _), (nothing, _) = mul.next_functions
    assert leaf_w.variable is w and nothing is None  # x asks for no gradient


def test_BA19_leaf_and_non_leaf() -> None:
    x, w, b = ff.tensor([2.0]), leaf([3.0]), leaf([1.0])
    y = w * x
    z = y + b
    assert [t.requires_grad for t in (x, w, b, y, z)] == [False, True, True, True, True]
    assert [t.is_leaf for t in (x, w, b, y, z)] == [True, True, True, False, False]
    assert [t.grad_fn for t in (x, w, b)] == [None, None, None]
    assert "MulBackward" in str(y.grad_fn) and "AddBackward" in str(z.grad_fn)


def affine_at_2() -> tuple[Any, Any, Any, Any, Any]:
    x, w, b = ff.tensor([2.0]), leaf([3.0]), leaf([1.0])
    y = w * x
    return x, w, b, y, y + b


def test_BA20_backward_fills_the_leaves() -> None:
    x, w, b, _, z = affine_at_2()
    z.backward()
    same(w.grad, [2.0])
    same(b.grad, [1.0])
    assert x.grad is None


def test_BA21_freed_and_retained_graph_and_accumulation() -> None:
    _, w, b, _, z = affine_at_2()
    z.backward(retain_graph=True)
    z.backward()
    same(w.grad, [4.0])
    same(b.grad, [2.0])
    with pytest.raises(RuntimeError, match=r"second time|freed"):
        z.backward()


def test_BA22_non_leaf_gradients_are_not_kept() -> None:
    *_, y, z = affine_at_2()
    z.backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns when the gradient of a non-leaf is read
        assert y.grad is None and z.grad is None
    *_, y, z = affine_at_2()
    y.retain_grad()
    z.backward()
    same(y.grad, [1.0])


def coupled(x: Any) -> Any:
    """y = (x1^2 + 3 x2, x2^2 + 2 x1), written by index assignment."""
    y = ff.zeros(1, 2)
    y[0, 0] = x[0, 0] ** 2 + 3 * x[0, 1]
    y[0, 1] = x[0, 1] ** 2 + 2 * x[0, 0]
    return y


def test_BA23_vector_output_with_gradient() -> None:
    x = leaf([[2.0, 3.0]])
    y = coupled(x)
    same(y, [[13.0, 13.0]])
    jacobian = ff.zeros(2, 2)
    y.backward(ff.tensor([[1.0, 0.0]]), retain_graph=True)
    jacobian[0] = x.grad
    x.grad = ff.zeros_like(x.grad)
    y.backward(ff.tensor([[0.0, 1.0]]), retain_graph=True)
    jacobian[1] = x.grad
    same(jacobian, [[4.0, 3.0], [2.0, 6.0]])
    x.grad.zero_()
    y.backward(ff.tensor([[1.0, 1.0]]), retain_graph=True)
    same(x.grad, [[6.0, 9.0]])
    by_function = ff.autograd.functional.jacobian(coupled, ff.tensor([[2.0, 3.0]]))
    same(by_function.view(2, 2), [[4.0, 3.0], [2.0, 6.0]])
    x.grad = None
    y.backward(ff.tensor([[1.0, 0.0]]), retain_graph=True)
    y.backward(ff.tensor([[0.0, 1.0]]), create_graph=False)
    same(x.grad, [[6.0, 9.0]])  # not set to zero between the calls, the rows add up


def test_BA24_vector_output_without_gradient_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        coupled(leaf([[2.0, 3.0]])).backward()


def test_BA25_index_assignment_takes_part_in_the_graph() -> None:
    x = leaf([[2.0, 3.0]])
    y = ff.zeros(1, 2)
    y[0, 0] = x[0, 0] * 5
    assert y.requires_grad and not y.is_leaf and "CopySlices" in str(y.grad_fn)
    y.sum().backward()
    same(x.grad, [[5.0, 0.0]])
    jacobian = ff.zeros(2, 2)
    jacobian[0] = x.grad
    same(jacobian, [[5.0, 0.0], [0.0, 0.0]])


def test_BA26_second_derivative() -> None:
    x = leaf(1.0)
    (first,) = ff.autograd.grad(x**3, x, create_graph=True)
    assert first.item() == 3.0
    (second,) = ff.autograd.grad(first, x)
    assert second.item() == 6.0
    hessian = ff.autograd.functional.hessian(lambda v: v[0] ** 2 * v[1], ff.tensor([2.0, 3.0]))
    same(hessian, [[6.0, 4.0], [4.0, 0.0]])


def test_BA27_manual_updates() -> None:
    w = leaf([1.0, 2.0])
    (w**2).sum().backward()
    with ff.no_grad():
        w -= 0.5 * w.grad
        w.grad.zero_()
    same(w, [0.0, 0.0])
    same(w.grad, [0.0, 0.0])
    assert w.requires_grad and w.is_leaf
    with pytest.raises(RuntimeError, match="leaf"):
        w -= 1.0
    with pytest.raises(RuntimeError, match="leaf"):
        w.zero_()


def test_BA28_numpy_of_a_tensor_in_a_graph() -> None:
    w = leaf([1.0, 2.0])
    for t in (w, w * 2):
        with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
            t.numpy()
    assert w.detach().numpy().tolist() == [1.0, 2.0]


# ---------------------------------------------------------------- how gradients travel


def chain_gradients(weights: list[float], x: float = 1.0) -> list[float]:
    """dL/dw_j of h_j = sigmoid(w_j h_{j-1}), L = h_n, first layer first."""
    ws = [leaf(w, ff.float64) for w in weights]
    h = ff.tensor(x, dtype=ff.float64)
    for w in ws:
        h = ff.sigmoid(w * h)
    h.backward()
    return [w.grad.item() for w in ws]


def test_BA29_vanishing_gradient_of_a_sigmoid_chain() -> None:
    printed([0.25**k for k in range(1, 6)], [0.25, 0.0625, 0.015625, 0.003906, 0.000977], 6)
    got = chain_gradients([0.5] * 5)
    expected = [5.267e-5, 2.790e-4, 2.120e-3, 1.715e-2, 1.399e-1]
    assert got == pytest.approx(expected, rel=2.5e-4)  # four printed digits
    assert round(got[-1] / got[0]) == 2656
    s = ff.linspace(-8, 8, 1601, dtype=ff.float64).requires_grad_()
    ff.sigmoid(s).sum().backward()
    assert s.grad.max().item() == 0.25  # at zero: the bound of each factor for |w| < 1


def test_BA30_exploding_gradient_needs_large_weights() -> None:
    # The factor w sigma'(w h) exceeds 1 only beyond |w| = 4, and there only near w h = 0.
    w = leaf(3.99, ff.float64)
    h = ff.linspace(-5, 5, 1001, dtype=ff.float64).requires_grad_()
    ff.sigmoid(w * h).sum().backward()
    assert h.grad.abs().max().item() < 1.0
    h = ff.zeros(1, dtype=ff.float64).requires_grad_()
    ff.sigmoid(4.4 * h).sum().backward()
    assert h.grad.item() == pytest.approx(1.1, rel=1e-14)  # float64
    # With ReLU nothing damps: weights of 3 in 10 layers give 3^9 and more.
    ws = [leaf(3.0, ff.float64) for _ in range(10)]
    out = ff.ones(1, dtype=ff.float64)
    for v in ws:
        out = ff.relu(v * out)
    out.backward()
    assert ws[0].grad.item() == 3.0**9


def test_BA31_layers_near_the_input_learn_slower() -> None:
    got = chain_gradients([0.5] * 5)
    assert all(near_output > 5 * near_input for near_input, near_output in itertools.pairwise(got))
    weights = [0.5] * 5
    moved = [0.0] * 5
    for _ in range(20):
        steps = chain_gradients(weights)
        moved = [m + abs(0.5 * g) for m, g in zip(moved, steps, strict=True)]
        weights = [w - 0.5 * g for w, g in zip(weights, steps, strict=True)]
    assert moved == sorted(moved)


def test_BA32_only_forward_flow_loss_and_architecture_are_given() -> None:
    nn = importlib.import_module(ff.__name__ + ".nn")
    ff.manual_seed(0)

    class Net(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 8), nn.Linear(8, 1)

        def forward(self, x: Any) -> Any:
            return self.second(ff.tanh(self.first(x)))

    model, loss_of = Net(), nn.MSELoss()
    x = ff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = ff.tensor([[0.0], [1.0], [1.0], [0.0]])
    losses = []
    for _ in range(500):
        model.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        losses.append(loss.item())
        with ff.no_grad():
            for p in model.parameters():
                p -= 0.2 * p.grad
    assert losses[-1] < 0.05 < losses[0]


def test_BA33_backprop_needs_one_pass_where_differences_need_two_per_weight() -> None:
    ff.manual_seed(0)
    x, y = ff.randn(16, 5, dtype=ff.float64), ff.randn(16, dtype=ff.float64)
    ws = [ff.randn(5, 6, dtype=ff.float64).requires_grad_(), ff.randn(6, dtype=ff.float64).requires_grad_()]
    passes = 0

    def loss() -> Any:
        nonlocal passes
        passes += 1
        return ((ff.tanh(x @ ws[0]) @ ws[1] - y) ** 2).mean()

    loss().backward()
    assert passes == 1  # and one backward pass, which has two products for each one of the forward pass
    passes, h = 0, 1e-6
    with ff.no_grad():
        for w in ws:
            numeric = ff.zeros_like(w)
            flat, slots = w.view(-1), numeric.view(-1)
            for i in range(w.numel()):
                value = flat[i].item()
                flat[i] = value + h
                up = loss().item()
                flat[i] = value - h
                slots[i] = (up - loss().item()) / (2 * h)
                flat[i] = value
            np.testing.assert_allclose(numeric.numpy(), w.grad.numpy(), rtol=1e-6, atol=1e-8)  # eps / h, h^2
    assert passes == 2 * sum(w.numel() for w in ws) == 72
