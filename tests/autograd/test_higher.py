"""Second and higher derivatives; jacobian, hessian, vjp, jvp, hvp; gradcheck and gradgradcheck."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from peer import ff, leaf, same

EXACT = 1e-12  # float64 with a few dozen roundings
functional = ff.autograd.functional


def f64(data: Any) -> Any:
    return leaf(data, ff.float64)


def derivatives(function: Any, at: float, order: int) -> list[float]:
    """f', f'', ... at a point, each the derivative of the one before."""
    x = f64(at)
    y, found = function(x), []
    for _ in range(order):
        (y,) = ff.autograd.grad(y, x, create_graph=True)
        found.append(y.item())
    return found


CHAINS: dict[str, tuple[Any, float, list[float]]] = {
    "cube": (lambda x: x**3, 1.0, [3, 6, 6]),
    "exp": (ff.exp, 0.5, [math.exp(0.5)] * 4),
    "sin": (ff.sin, 0.5, [math.cos(0.5), -math.sin(0.5), -math.cos(0.5), math.sin(0.5)]),
    "log": (ff.log, 2.0, [1 / 2, -1 / 4, 2 / 8, -6 / 16]),
    "reciprocal": (lambda x: 1 / x, 2.0, [-1 / 4, 2 / 8, -6 / 16]),
    "sqrt": (ff.sqrt, 4.0, [1 / 4, -1 / 32, 3 / 256]),
    "product": (lambda x: x * ff.exp(x), 1.0, [2 * math.e, 3 * math.e, 4 * math.e]),
    "relu": (lambda x: ff.relu(x) * x, 3.0, [6, 2]),
    "tanh": (
        ff.tanh,
        0.3,
        [1 - math.tanh(0.3) ** 2, -2 * math.tanh(0.3) * (1 - math.tanh(0.3) ** 2)],
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_derivatives_of_every_order(name: str) -> None:
    function, at, expected = CHAINS[name]
    assert derivatives(function, at, len(expected)) == pytest.approx(expected, rel=EXACT)


def test_second_derivative_through_backward() -> None:
    x = leaf([2.0])
    (g,) = ff.autograd.grad((x**3).sum(), x, create_graph=True)
    assert g.requires_grad and g.grad_fn is not None
    g.sum().backward()
    same(x.grad, [12.0])


def test_without_create_graph_the_gradient_is_a_constant() -> None:
    x = leaf([2.0])
    (g,) = ff.autograd.grad((x**3).sum(), x)
    assert not g.requires_grad


def test_gradient_penalty() -> None:
    w, x = f64([[1.0, 2.0], [3.0, -1.0]]), f64([0.5, -0.5])
    (g,) = ff.autograd.grad(ff.tanh(w @ x).sum(), x, create_graph=True)
    (g**2).sum().backward()
    h = 1e-6
    numeric = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            values = []
            for sign in (1, -1):
                shifted = w.detach().clone()
                shifted[i, j] += sign * h
                (s,) = ff.autograd.grad(ff.tanh(shifted @ x).sum(), x)
                values.append((s**2).sum().item())
            numeric[i, j] = (values[0] - values[1]) / (2 * h)
    np.testing.assert_allclose(w.grad.numpy(), numeric, rtol=1e-7, atol=1e-9)  # eps / h and h^2


def test_mixed_derivatives_are_symmetric() -> None:
    x, y = f64(0.7), f64(-0.4)
    gx, gy = ff.autograd.grad(ff.sin(x * y) * ff.exp(y), (x, y), create_graph=True)
    (xy,) = ff.autograd.grad(gx, y, retain_graph=True)
    (yx,) = ff.autograd.grad(gy, x)
    assert xy.item() == pytest.approx(yx.item(), rel=EXACT)


def test_second_derivative_through_indexing_and_broadcasting() -> None:
    def f(v: Any) -> Any:
        y = ff.zeros(3, 2, dtype=ff.float64)
        y[:, 0] = v**2
        y[1] = v[:2] * v[2]
        return (y * v.unsqueeze(1)).sum()

    assert ff.autograd.gradcheck(f, (f64([0.3, -0.7, 1.1]),))
    assert ff.autograd.gradgradcheck(f, (f64([0.3, -0.7, 1.1]),))


# ---------------------------------------------------------------- functional


def coupled(x: Any) -> Any:
    return ff.stack([x[0] ** 2 + 3 * x[1], x[1] ** 2 + 2 * x[0]])


def test_jacobian() -> None:
    same(functional.jacobian(coupled, ff.tensor([2.0, 3.0])), [[4.0, 3.0], [2.0, 6.0]])
    by_a, by_b = functional.jacobian(lambda a, b: a * b, (ff.tensor([2.0, 3.0]), ff.tensor([5.0, 7.0])))
    same(by_a, [[5.0, 0.0], [0.0, 7.0]])
    same(by_b, [[2.0, 0.0], [0.0, 3.0]])
    shaped = functional.jacobian(lambda x: x.t(), ff.ones(2, 3))
    assert tuple(shaped.shape) == (3, 2, 2, 3)
    pair = functional.jacobian(lambda x: (x.sum(), x * 2), ff.ones(2))
    same(pair[0], [1.0, 1.0])
    same(pair[1], [[2.0, 0.0], [0.0, 2.0]])
    assert not functional.jacobian(coupled, leaf([2.0, 3.0])).requires_grad
    x = leaf([2.0, 3.0])
    j = functional.jacobian(coupled, x, create_graph=True)
    j.sum().backward()
    same(x.grad, [2.0, 2.0])


def test_hessian() -> None:
    same(functional.hessian(lambda v: v[0] ** 2 * v[1], ff.tensor([2.0, 3.0])), [[6.0, 4.0], [4.0, 0.0]])
    blocks = functional.hessian(lambda a, b: (a**2 * b).sum(), (ff.tensor([2.0]), ff.tensor([3.0])))
    assert [[b.item() for b in row] for row in blocks] == [[6.0, 4.0], [4.0, 0.0]]
    same(functional.hessian(lambda v: v.sum(), ff.ones(2)), [[0.0, 0.0], [0.0, 0.0]])
    with pytest.raises(RuntimeError):
        functional.hessian(coupled, ff.tensor([2.0, 3.0]))  # not a scalar


def test_vjp_and_jvp() -> None:
    x = ff.tensor([2.0, 3.0])
    y, product = functional.vjp(coupled, x, ff.tensor([1.0, 10.0]))
    same(y, [13.0, 13.0])
    same(product, [24.0, 63.0])  # (1, 10) J
    y, product = functional.jvp(coupled, x, ff.tensor([1.0, 10.0]))
    same(y, [13.0, 13.0])
    same(product, [34.0, 62.0])  # J (1, 10)
    _, of_scalar = functional.vjp(lambda v: (v**2).sum(), x)
    same(of_scalar, [4.0, 6.0])
    with pytest.raises(RuntimeError):
        functional.vjp(coupled, x)  # not a scalar: v is needed
    with pytest.raises(RuntimeError):
        functional.vjp(coupled, x, ff.ones(3))


def test_hvp_and_vhp() -> None:
    x, v = ff.tensor([2.0, 3.0]), ff.tensor([1.0, -1.0])
    value, product = functional.hvp(lambda t: t[0] ** 2 * t[1], x, v)
    assert value.item() == 12.0
    same(product, [2.0, 4.0])  # [[6, 4], [4, 0]] (1, -1)
    _, product = functional.vhp(lambda t: t[0] ** 2 * t[1], x, v)
    same(product, [2.0, 4.0])


def test_functional_leaves_its_inputs_alone() -> None:
    x = leaf([2.0, 3.0])
    functional.jacobian(coupled, x)
    functional.hessian(lambda v: (v**3).sum(), x)
    assert x.grad is None and x.requires_grad
    plain = ff.tensor([2.0, 3.0])
    functional.jacobian(coupled, plain)
    assert not plain.requires_grad


# ---------------------------------------------------------------- gradcheck


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda a, b: a * b, [(2, 3), (3,)]),
        (lambda a, b: a / (b**2 + 1), [(2, 1), (1, 3)]),
        (lambda a, b: a @ b, [(2, 3), (3, 4)]),
        (lambda a: ff.log_softmax(a, dim=-1), [(3, 4)]),
        (lambda a: (a.std(dim=0), a.prod(dim=1)), [(3, 2)]),
        (lambda a: a.cumsum(0)[1:, ::2], [(3, 3)]),
    ],
)
def test_gradcheck_passes_right_derivatives(function: Any, shapes: list[tuple[int, ...]]) -> None:
    ff.manual_seed(0)
    inputs = tuple(ff.randn(*s, dtype=ff.float64).requires_grad_() for s in shapes)
    assert ff.autograd.gradcheck(function, inputs)
    assert ff.autograd.gradgradcheck(function, inputs)


def planted(factor: float) -> Any:
    """x^2, with the derivative multiplied by `factor`."""

    def function(x: Any) -> Any:
        y = x * x
        y.register_hook(lambda g: g if g is None else g * factor)
        return y * 1.0

    return function


@pytest.mark.parametrize("factor", [1.001, 0.999, -1.0, 0.0, 1.0 / 3])
def test_gradcheck_catches_a_planted_fault(factor: float) -> None:
    x = f64([[0.3, -1.2, 2.0]])
    tight = {"atol": 1e-6, "rtol": 1e-4}
    assert ff.autograd.gradcheck(planted(1.0), (x,), **tight)
    assert not ff.autograd.gradcheck(planted(factor), (x,), raise_exception=False, **tight)
    with pytest.raises(RuntimeError, match=r"(?i)jacobian|derivative|gradient"):
        ff.autograd.gradcheck(planted(factor), (x,), **tight)


FAULTS: dict[str, Any] = {
    "a value hidden from the derivative": lambda x: x * x.detach(),
    "a term hidden from the derivative": lambda x: x + (0.001 * x**2).detach(),
    "an axis summed in the value only": lambda x: x.sum() + (x * x).detach().sum(),
}


@pytest.mark.parametrize("name", FAULTS)
def test_gradcheck_catches_hidden_dependence(name: str) -> None:
    x = f64([0.7, -1.3])
    assert not ff.autograd.gradcheck(FAULTS[name], (x,), raise_exception=False, rtol=1e-4)


def test_gradcheck_asks_for_something_to_check() -> None:
    with pytest.raises((ValueError, RuntimeError), match="grad"):
        ff.autograd.gradcheck(lambda x: x * 2, (ff.ones(2, dtype=ff.float64),))


def test_broken_second_derivative_is_caught() -> None:
    def f(x: Any) -> Any:
        """x^3 with the right gradient, whose own dependence on x is cut off."""
        c = x.detach()
        return (c**3 + 3 * c**2 * (x - c)).sum() * x.sum()

    x = f64([0.7, -1.3])
    assert ff.autograd.gradcheck(f, (x,))
    assert not ff.autograd.gradgradcheck(f, (x,), raise_exception=False)
