"""Losses and activations far out: finite at logits of +-1e4, and right to the last digits, value and derivative.

The oracle is the formula as it stands in books, computed with 60 decimal digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F

FAR = [0.0, 1e-3, 0.7, 15.0, 30.0, 88.0, 89.0, 104.0, 700.0, 746.0, 1e3, 1e4]
# Within how many units of the last digit: a function within one, and an addition.
ULPS = 2


def exactly(formula: Callable[..., Decimal], *numbers: float) -> float:
    """`formula` with 60 digits, and exponents far beyond those of a float."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**6, -(10**6)
        return float(formula(*map(Decimal, map(float, numbers))))


def log1p_exp(z: Decimal) -> Decimal:
    # below -100 the logarithm of 1 + e^z is e^z to 43 digits; computed as written 60 digits would not hold the sum
    return z.exp() if z < -100 else (1 + z.exp()).ln()


def sigmoid(z: Decimal) -> Decimal:
    return 1 / (1 + (-z).exp())


def assert_right(got: Any, expected: list[float], dtype: Any) -> None:
    """Finite, and within ULPS of the exact numbers rounded to the type; what is too small for it may be 0."""
    got, rounded = got.detach().numpy().ravel(), np.array(expected).astype(dtype)
    assert got.dtype == dtype and np.isfinite(got).all()
    smallest = np.finfo(dtype).tiny
    np.testing.assert_allclose(got, rounded, rtol=ULPS * np.finfo(dtype).eps, atol=smallest)


DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_and_its_derivative(dtype: Any) -> None:
    numbers = np.array([*FAR, *(-x for x in FAR[1:])], dtype)
    x = ff.tensor(numbers, requires_grad=True)
    y = nn.Softplus(threshold=np.inf)(x)
    y.sum().backward()
    assert_right(y, [exactly(log1p_exp, z) for z in numbers], dtype)
    assert_right(x.grad, [exactly(sigmoid, z) for z in numbers], dtype)
    assert nn.Softplus()(ff.tensor([1e4, -1e4])).tolist() == [1e4, 0]


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_cross_entropy_of_logits_and_its_derivative(dtype: Any, label: float) -> None:
    numbers = np.array([*FAR, *(-x for x in FAR[1:])], dtype)
    x = ff.tensor(numbers, requires_grad=True)
    y = F.binary_cross_entropy_with_logits(x, ff.full(x.shape, label, dtype=x.dtype), reduction="none")
    y.sum().backward()
    sign = -1 if label else 1
    assert_right(y, [exactly(lambda z: log1p_exp(sign * z), z) for z in numbers], dtype)
    assert_right(x.grad, [exactly(lambda z: sign * sigmoid(sign * z), z) for z in numbers], dtype)


ROWS = [
    [1e4, 0.0, -1e4],
    [-1e4, -1e4, -1e4],
    [1e4, 1e4, 1e4 - 1],
    [-1e4, 0.5, 0.25],
    [1e4, 1e4 - 20.0, -3.0],
    [0.0, -30.0, -700.0],
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_and_its_derivative(dtype: Any) -> None:
    """The logarithm of a sum of exponentials of numbers near 1e4 is rounded as they are: relative to 1e4."""
    numbers = np.array([row for row in ROWS for _ in range(3)], dtype)
    labels = np.tile(np.arange(3), len(ROWS))
    x = ff.tensor(numbers, requires_grad=True)
    losses = F.cross_entropy(x, ff.tensor(labels), reduction="none")
    losses.sum().backward()
    got, slopes = losses.detach().numpy(), x.grad.numpy()
    assert np.isfinite(got).all() and np.isfinite(slopes).all()

    def loss(label: int) -> Callable[..., Decimal]:
        return lambda *z: sum(((zi - z[label]).exp() for zi in z), Decimal(0)).ln()

    def slope(i: int, label: int) -> Callable[..., Decimal]:
        return lambda *z: z[i].exp() / sum((zi.exp() for zi in z), Decimal(0)) - (i == label)

    expected = np.array([exactly(loss(k), *row) for row, k in zip(numbers, labels, strict=True)])
    eps = np.finfo(dtype).eps
    # differences of logits are rounded relative to the larger of them
    np.testing.assert_allclose(got, expected, rtol=ULPS * eps, atol=2 * eps)
    wanted = [[exactly(slope(i, k), *row) for i in range(3)] for row, k in zip(numbers, labels, strict=True)]
    np.testing.assert_allclose(slopes, wanted, rtol=ULPS * eps, atol=2 * eps)


def test_the_forms_of_books_are_not_finite_there() -> None:
    """What the stable forms are for: written as it stands, each formula overflows or takes the logarithm of 0."""
    x = ff.tensor([1e4])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        assert not ff.isfinite((1 + x.exp()).log()).item()
        assert not ff.isfinite(-(1 - x.sigmoid()).log()).item()
        two = ff.tensor([[1e4, 0.0]])
        assert not ff.isfinite(-(two.exp() / two.exp().sum())[0, 1].log()).item()


@pytest.mark.parametrize("compile", [True, False])
def test_a_step_of_training_at_the_far_end_is_finite(compile: bool) -> None:
    x = np.array([[1e4], [-1e4], [1e4], [-1e4]], np.float32)
    for loss, outputs, y in (("cross_entropy", 2, [0, 1, 1, 0]), ("bce_with_logits", 1, [0, 1, 1, 0])):
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(1, outputs))
        trainer = ff.Trainer(model, loss, ff.optim.SGD(model.parameters(), lr=1e-6), compile=compile)
        history = trainer.fit(x, np.array(y), epochs=3, progress=False)
        assert np.isfinite(history["loss"]).all() and history["loss"][0] > 100
