"""Products, factorisations and what they refuse."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from peer import ff, same

SMALL = 1e-13  # float64, products of length at most 6


def normal(*shape: int) -> Any:
    return ff.from_numpy(np.random.default_rng(sum(shape)).normal(size=shape))


SHAPES = [(3,), (1, 3), (2, 3), (3, 2), (2, 2, 3), (2, 3, 2), (5, 1, 2, 3), (1, 3, 1), (0, 3), (3, 0), (2, 0, 3)]


@pytest.mark.parametrize(("a", "b"), [*itertools.product(SHAPES, SHAPES)], ids=str)
def test_matmul_of_all_dimensions(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = normal(*a), normal(*b)
    try:
        expected = x.numpy() @ y.numpy()
    except ValueError:
        with pytest.raises(RuntimeError):
            x @ y
        return
    got = x @ y
    assert tuple(got.shape) == np.shape(expected)
    np.testing.assert_allclose(got.numpy(), expected, rtol=SMALL, atol=SMALL)
    inputs = (x.requires_grad_(), y.requires_grad_())
    if got.numel() and x.numel():
        assert ff.autograd.gradcheck(ff.matmul, inputs)
    else:
        (x @ y).sum().backward()
        assert x.grad.shape == x.shape and y.grad.shape == y.shape
        assert not x.grad.any() and not y.grad.any()


def test_products() -> None:
    a, b, v = normal(2, 3), normal(3, 4), normal(3)
    for got, expected in [
        (ff.mm(a, b), a.numpy() @ b.numpy()),
        (ff.mv(a, v), a.numpy() @ v.numpy()),
        (ff.dot(v, v), v.numpy() @ v.numpy()),
        (ff.outer(v, v), np.outer(v.numpy(), v.numpy())),
        (ff.bmm(normal(2, 2, 3), normal(2, 3, 4)), normal(2, 2, 3).numpy() @ normal(2, 3, 4).numpy()),
        (ff.addmm(normal(4), a, b, beta=2, alpha=3), 2 * normal(4).numpy() + 3 * a.numpy() @ b.numpy()),
        (ff.trace(normal(3, 3)), np.trace(normal(3, 3).numpy())),
    ]:
        np.testing.assert_allclose(got.numpy(), expected, rtol=SMALL, atol=SMALL)


def test_transposed_operands_and_integers() -> None:
    a, b = normal(3, 2), normal(4, 3)
    np.testing.assert_allclose((a.t() @ b.t()).numpy(), a.numpy().T @ b.numpy().T, rtol=SMALL, atol=SMALL)
    same(ff.tensor([[1, 2], [3, 4]]) @ ff.tensor([[5], [6]]), [[17], [39]], ff.int64)
    same(ff.dot(ff.tensor([2, 3]), ff.tensor([3, 4])), 18, ff.int64)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ff.mm(ff.ones(2, 3), ff.ones(2, 3)),
        lambda: ff.mm(ff.ones(3), ff.ones(3)),
        lambda: ff.mm(ff.ones(1, 2, 3), ff.ones(3, 2)),
        lambda: ff.mv(ff.ones(2, 3), ff.ones(2)),
        lambda: ff.mv(ff.ones(3), ff.ones(3)),
        lambda: ff.dot(ff.ones(2), ff.ones(3)),
        lambda: ff.dot(ff.ones(2, 2), ff.ones(2, 2)),
        lambda: ff.bmm(ff.ones(2, 3), ff.ones(3, 2)),
        lambda: ff.bmm(ff.ones(2, 2, 3), ff.ones(3, 3, 2)),
        lambda: ff.matmul(ff.tensor(1.0), ff.ones(2, 2)),
        lambda: ff.ones(2, 3) @ ff.ones(2, 3),
        lambda: ff.ones(2, 3) @ ff.ones(3).double(),
        lambda: ff.ones(2, 3) @ ff.ones(3).long(),
        lambda: ff.addmm(ff.ones(5), ff.ones(2, 3), ff.ones(3, 2)),
        lambda: ff.outer(ff.ones(2, 2), ff.ones(2)),
        lambda: ff.det(ff.ones(2, 3)),
        lambda: ff.inverse(ff.ones(2, 3)),
        lambda: ff.inverse(ff.zeros(2, 2)),
        lambda: ff.trace(ff.ones(3)),
        lambda: ff.svd(ff.ones(3)),
        lambda: ff.linalg.eigh(ff.ones(2, 3)),
        lambda: ff.det(ff.ones(2, 2).long()),
    ],
)
def test_what_does_not_fit_is_refused(call: Any) -> None:
    with pytest.raises(RuntimeError):
        call()


@pytest.mark.parametrize("shape", [(2, 2), (4, 3), (3, 4), (2, 3, 2)])
def test_svd(shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    u, s, v = ff.svd(x)
    k = min(shape[-2:])
    assert tuple(s.shape) == (*shape[:-2], k) and u.shape[-1] == v.shape[-1] == k
    np.testing.assert_allclose((u * s.unsqueeze(-2) @ v.mT).numpy(), x.numpy(), atol=1e-13)
    np.testing.assert_allclose(s.numpy(), np.linalg.svd(x.numpy(), compute_uv=False), rtol=SMALL)
    u, s, vh = ff.linalg.svd(x, full_matrices=False)
    np.testing.assert_allclose((u * s.unsqueeze(-2) @ vh).numpy(), x.numpy(), atol=1e-13)
    assert ff.autograd.gradcheck(lambda t: ff.svd(t)[1], (x.clone().requires_grad_(),))


def test_svd_gradient_through_all_three_factors() -> None:
    x = normal(3, 2).requires_grad_()

    def invariant(t: Any) -> Any:
        """U S^3 V' does not depend on the signs of the vectors."""
        u, s, v = ff.svd(t)
        return u * s**3 @ v.mT

    assert ff.autograd.gradcheck(invariant, (x,))
    assert ff.autograd.gradgradcheck(lambda t: ff.svd(t)[1], (x,))


def test_eigh() -> None:
    a = normal(4, 4)
    symmetric = (a + a.t()).requires_grad_()
    values, vectors = ff.linalg.eigh(symmetric)
    assert values.tolist() == sorted(values.tolist())
    np.testing.assert_allclose(
        (vectors * values @ vectors.t()).detach().numpy(), symmetric.detach().numpy(), atol=1e-13
    )

    def invariant(t: Any) -> Any:
        s = (t + t.mT) / 2
        values, vectors = ff.linalg.eigh(s)
        return vectors * values**2 @ vectors.mT

    assert ff.autograd.gradcheck(invariant, (a.requires_grad_(),))
    assert ff.autograd.gradcheck(lambda t: ff.linalg.eigh((t + t.mT) / 2)[0], (a,))


def test_det_and_inverse() -> None:
    a = normal(3, 3)
    assert ff.det(a).item() == pytest.approx(np.linalg.det(a.numpy()), rel=1e-12)
    np.testing.assert_allclose((ff.inverse(a) @ a).numpy(), np.eye(3), atol=1e-13)
    batch = normal(2, 2, 2)
    np.testing.assert_allclose(batch.inverse().numpy(), np.linalg.inv(batch.numpy()), rtol=1e-12)
    np.testing.assert_allclose(batch.det().numpy(), np.linalg.det(batch.numpy()), rtol=1e-12)
    for function in (ff.det, ff.inverse, ff.trace):
        x = normal(3, 3).requires_grad_()
        assert ff.autograd.gradcheck(function, (x,)) and ff.autograd.gradgradcheck(function, (x,))
    assert ff.det(ff.zeros(0, 0)).item() == 1.0


@pytest.mark.skipif(ff.__name__ == "torch", reason="PyTorch answers zeros for this matrix")
def test_det_of_a_singular_matrix_has_a_gradient() -> None:
    x = ff.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=ff.float64, requires_grad=True)
    ff.det(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[4, -2], [-2, 1]], atol=1e-12)  # the cofactors


def test_solve() -> None:
    a, b = normal(3, 3), normal(3, 2)
    np.testing.assert_allclose((a @ ff.linalg.solve(a, b)).numpy(), b.numpy(), atol=1e-12)
