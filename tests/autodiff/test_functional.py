"""Jacobians, Hessians and products with them against closed forms; each product against the matrix it avoids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet.autograd import functional as F
from forwardnet.errors import AutogradError
from ops import laws

RNG = np.random.default_rng(5)
A = RNG.standard_normal((3, 4))
Q = RNG.standard_normal((4, 4))
X = RNG.standard_normal(4)
V, W = RNG.standard_normal(4), RNG.standard_normal(3)
# Sums of four products of numbers near 1.
NEAR = {"rtol": 1e-13, "atol": 1e-13}


def t(array: Any) -> Any:
    return ff.from_numpy(np.array(array))


def bent(x: Any) -> Any:
    """tanh(A x), with the Jacobian diag(1 - y^2) A."""
    return ff.tanh(t(A) @ x)


def quadratic(x: Any) -> Any:
    """x' Q x, with the gradient (Q + Q') x and the Hessian Q + Q'."""
    return x @ t(Q) @ x


J = (1 - np.tanh(A @ X) ** 2)[:, None] * A
H = Q + Q.T


def close(got: Any, expected: Any) -> None:
    assert tuple(got.shape) == np.shape(expected)
    np.testing.assert_allclose(got.detach().numpy(), expected, **NEAR)


def test_jacobian_and_hessian() -> None:
    close(F.jacobian(bent, t(X)), J)
    close(F.hessian(quadratic, t(X)), H)
    close(F.jacobian(lambda x: x.sum(), t(X)), np.ones(4))


def test_shapes_of_jacobians() -> None:
    x = t(RNG.standard_normal((2, 3)))
    found = F.jacobian(lambda v: v.t() * 2, x)
    assert tuple(found.shape) == (3, 2, 2, 3)
    for i, j, k, m in np.ndindex(3, 2, 2, 3):
        assert found[i, j, k, m] == 2.0 * (i == m and j == k)


def test_products() -> None:
    y, product = F.vjp(bent, t(X), t(W))
    close(y, np.tanh(A @ X))
    close(product, W @ J)
    y, product = F.jvp(bent, t(X), t(V))
    close(y, np.tanh(A @ X))
    close(product, J @ V)
    y, product = F.hvp(quadratic, t(X), t(V))
    close(y, X @ Q @ X)
    close(product, H @ V)
    close(F.vhp(quadratic, t(X), t(V))[1], V @ H)


def test_of_several_inputs_and_outputs() -> None:
    def both(a: Any, b: Any) -> Any:
        return a * b, a.sum()

    a, b = t([1.0, 2.0]), t([3.0, 5.0])
    rows = F.jacobian(both, (a, b))
    close(rows[0][0], np.diag([3.0, 5.0]))
    close(rows[0][1], np.diag([1.0, 2.0]))
    close(rows[1][0], [1.0, 1.0])
    close(rows[1][1], [0.0, 0.0])
    _, products = F.vjp(both, (a, b), (t([1.0, 10.0]), t(2.0)))
    close(products[0], [3.0 + 2.0, 50.0 + 2.0])
    close(products[1], [1.0, 20.0])
    _, (first, second) = F.jvp(both, (a, b), (t([1.0, 0.0]), t([0.0, 1.0])))
    close(first, [3.0, 2.0])
    close(second, 1.0)
    blocks = F.hessian(lambda a, b: (a * b).sum() + (a * a).sum(), (a, b))
    close(blocks[0][0], 2 * np.eye(2))
    close(blocks[0][1], np.eye(2))
    close(blocks[1][1], np.zeros((2, 2)))


def test_a_constant_function_has_zero_derivatives() -> None:
    fixed = t([1.0, 2.0])
    close(F.jacobian(lambda x: fixed * 1, t(X)), np.zeros((2, 4)))
    close(F.jvp(lambda x: fixed * 1, t(X), t(V))[1], [0.0, 0.0])
    close(F.vjp(lambda x: fixed * 1, t(X), t([1.0, 1.0]))[1], np.zeros(4))
    close(F.hvp(lambda x: x.sum(), t(X), t(V))[1], np.zeros(4))
    close(F.hvp(lambda x: fixed.sum(), t(X), t(V))[1], np.zeros(4))
    close(F.hessian(lambda x: fixed.sum(), t(X)), np.zeros((4, 4)))
    with pytest.raises(AutogradError, match="independent of an input"):
        F.jacobian(lambda x: fixed * 1, t(X), strict=True)


def test_create_graph_goes_on() -> None:
    """d/dx of the trace of the Hessian of sum x^4, which is 24 x."""
    x = t(X).requires_grad_()
    hessian = F.hessian(lambda v: (v**4).sum(), x, create_graph=True)
    close(ff.autograd.grad(ff.trace(hessian), x)[0], 24 * X)
    assert not F.hessian(lambda v: (v**4).sum(), x).requires_grad
    assert x.grad is None


def test_what_is_refused() -> None:
    for product in (F.vjp, F.jvp):
        with pytest.raises(AutogradError, match="the vector v can only be None"):
            product(bent, t(X))
    for product in (F.hvp, F.hessian, F.vhp):
        with pytest.raises((AutogradError, ValueError), match="single"):
            product(*((bent, t(X), t(V)) if product is not F.hessian else (bent, t(X))))
    with pytest.raises(AutogradError, match="returned float, expected a tensor"):
        F.jacobian(lambda x: 3.0, t(X))


def test_ones_stand_in_for_a_missing_vector() -> None:
    close(F.vjp(lambda x: (x * x).sum(), t(X))[1], 2 * X)
    close(F.jvp(lambda x: x * t(X), t(2.0))[1], X)


def test_inputs_are_left_alone() -> None:
    x = t(X)
    before = X.copy()
    F.hessian(quadratic, x)
    F.jvp(bent, x, t(V))
    assert not x.requires_grad
    assert x.grad is None
    assert laws.same_bits(x.numpy(), before)
