"""The rows of the coverage table on outputs and losses, one test per row, named by its id and using its figures.

Set FORWARDNET_TEST_PEER=torch to run what PyTorch has too on PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from peer import IS_PEER, ff, leaf, printed

nn, F = ff.nn, ff.nn.functional
own = pytest.mark.skipif(IS_PEER, reason="PyTorch has no such function")

GRADES = [72, 94, 79, 83, 65, 81, 73, 67, 85, 82]
# Outputs of two networks for the same three people, and their parties.
POOR = [[0.3, 0.3, 0.4], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]]
BETTER = [[0.1, 0.2, 0.7], [0.1, 0.7, 0.2], [0.3, 0.4, 0.3]]
PARTIES = [2, 1, 0]


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def slope(f: Any, x: float, h: float = 1e-6) -> float:
    """Central difference."""
    return float((f(x + h) - f(x - h)) / (2 * h))


def test_OL01_OL02_every_reduction() -> None:
    ff.manual_seed(0)
    x, y = ff.rand(4, 3), ff.rand(4, 3)
    classes = ff.tensor([0, 2, 1, 2])
    for make, target in (
        (nn.MSELoss, y),
        (nn.L1Loss, y),
        (nn.BCELoss, y),
        (nn.BCEWithLogitsLoss, y),
        (nn.CrossEntropyLoss, classes),
        (nn.NLLLoss, classes),
    ):
        terms = make(reduction="none")(x, target)
        total, mean = make(reduction="sum")(x, target), make()(x, target)
        assert terms.shape == target.shape and total.dim() == mean.dim() == 0
        # float32 sums of up to 12 terms
        assert total.item() == pytest.approx(terms.sum().item(), rel=1e-6)
        assert mean.item() == pytest.approx(terms.mean().item(), rel=1e-6)


def test_OL03_absolute_error() -> None:
    y, y_hat = ff.tensor([1.0, 2.0, 3.0]), ff.tensor([2.0, 2.0, 5.0])
    assert nn.L1Loss(reduction="sum")(y_hat, y).item() == 3
    assert nn.L1Loss()(y_hat, y).item() == 1


def test_OL04_squared_error_and_its_root() -> None:
    y = ff.tensor(GRADES, dtype=ff.float32)
    mse = nn.MSELoss()(ff.full((10,), 80.0), y)
    printed(mse, 74.3, 1)
    printed(mse.sqrt(), 8.619745, 6)


def test_OL05_variance_is_not_squared_error() -> None:
    y = ff.tensor(GRADES, dtype=ff.float64)
    printed(y.mean(), 78.1, 1)
    printed(y.var(unbiased=False), 70.69, 2)
    printed(y.std(unbiased=False), 8.407735, 6)
    printed(y.var(), 78.5444, 4)
    printed(y.std(), 8.862530, 6)


def test_OL06_OL07_OL09_cross_entropy_is_negative_log_likelihood() -> None:
    p = ff.tensor([[0.9, 0.1], [0.2, 0.8]])
    classes = ff.tensor([0, 1])
    printed(nn.NLLLoss(reduction="none")(p.log(), classes), [0.105361, 0.223144], 6)
    printed(nn.NLLLoss(reduction="sum")(p.log(), classes), 0.328504, 6)  # .3285041 in full
    printed(nn.NLLLoss()(p.log(), classes), 0.164252, 6)
    one_hot = ff.tensor([[1.0, 0.0], [0.0, 1.0]])
    # The logarithm of probabilities serves as logits: softmax gives the probabilities back.
    printed(nn.CrossEntropyLoss()(p.log(), one_hot), 0.164252, 6)
    printed(nn.CrossEntropyLoss()(p.log(), classes), 0.164252, 6)


@own
def test_OL06_nothing_times_log_of_nothing_is_nothing() -> None:
    p = ff.tensor([[0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0]])
    one_hot = ff.zeros(1, 9)
    one_hot[0, 7] = 1.0
    logits = leaf(np.log(np.maximum(p.numpy(), 0), where=p.numpy() > 0, out=np.full((1, 9), -np.inf, np.float32)))
    loss = nn.CrossEntropyLoss()(logits, one_hot)
    printed(loss, 0.105361, 6)
    loss.backward()
    np.testing.assert_allclose(logits.grad.numpy(), p.numpy() - one_hot.numpy(), atol=1e-6)


def test_OL08_binary_cross_entropy() -> None:
    printed(nn.BCELoss()(ff.tensor([0.9]), ff.tensor([1.0])), 0.105361, 6)
    printed(nn.BCELoss()(ff.tensor([0.2]), ff.tensor([0.0])), 0.223144, 6)


def test_OL10_gradient_of_sigmoid_and_cross_entropy() -> None:
    x, y = 1.5, 1.0
    w, b = leaf(0.7, ff.float64), leaf(-0.2, ff.float64)
    F.binary_cross_entropy_with_logits(w * x + b, ff.tensor(y, dtype=ff.float64)).backward()
    printed(w.grad, -0.449149, 6)
    assert w.grad.item() == pytest.approx((sigma(0.7 * x - 0.2) - y) * x, rel=1e-14)
    assert b.grad.item() == pytest.approx(sigma(0.7 * x - 0.2) - y, rel=1e-14)
    # h^2 for the difference itself, 1e-16 / h for its rounding
    assert w.grad.item() == pytest.approx(slope(lambda v: -math.log(sigma(v * x - 0.2)), 0.7), abs=1e-9)


def test_OL11_squared_error_of_a_sigmoid_learns_slowly() -> None:
    x, y = 1.5, 1.0
    w = leaf(0.7, ff.float64)
    (0.5 * (ff.sigmoid(w * x - 0.2) - y) ** 2).backward()
    printed(w.grad, -0.094219, 6)
    z = leaf(-6.0, ff.float64)
    (0.5 * (ff.sigmoid(z) - y) ** 2).backward()
    printed(z.grad, -0.00246, 5)
    z.grad = None
    F.binary_cross_entropy_with_logits(z, ff.tensor(y, dtype=ff.float64)).backward()
    printed(z.grad, -0.99753, 5)


def test_OL12_counting_errors_is_not_enough() -> None:
    classes = ff.tensor(PARTIES)
    one_hot = ff.tensor(np.eye(3, dtype=np.float32)[PARTIES])
    rows = []
    for outputs in (POOR, BETTER):
        p = ff.tensor(outputs)
        assert (p.argmax(dim=1) != classes).sum().item() == 1, "both networks are wrong once in three"
        squares = nn.MSELoss(reduction="none")(p, one_hot).sum(dim=1)
        rows.append((squares, squares.mean(), nn.NLLLoss()(p.log(), classes)))
    printed(rows[0][0], [0.54, 0.54, 1.34], 2)
    printed(rows[0][1], 0.806667, 6)
    printed(rows[1][0], [0.14, 0.14, 0.74], 2)
    printed(rows[1][1], 0.34, 2)
    # -(2 ln .4 + ln .1) / 3 and -(2 ln .7 + ln .3) / 3
    printed(rows[0][2], 1.378389, 6)
    printed(rows[1][2], 0.639108, 6)


def curvature(loss: Any, w: float) -> float:
    v = leaf(w, ff.float64)
    (first,) = ff.autograd.grad(loss(v), v, create_graph=True)
    (second,) = ff.autograd.grad(first, v)
    return float(second.item())


def test_OL13_squared_error_of_a_sigmoid_is_not_convex() -> None:
    one = ff.tensor(1.0, dtype=ff.float64)

    def squared(w: Any) -> Any:
        return (1 - ff.sigmoid(w)) ** 2

    assert curvature(squared, -math.log(2) - 1e-3) < 0 < curvature(squared, -math.log(2) + 1e-3)
    grid = np.linspace(-6, 6, 241)
    curvatures = [curvature(squared, w) for w in grid]
    assert min(curvatures) == pytest.approx(-0.1202, abs=5e-5)
    assert grid[int(np.argmin(curvatures))] == pytest.approx(-1.85, abs=0.025)  # half a step of the grid
    assert all(curvature(lambda w: F.binary_cross_entropy_with_logits(w, one), w) >= 0 for w in grid)
    assert curvature(lambda w: F.binary_cross_entropy_with_logits(w, one), 0.0) == pytest.approx(0.25, rel=1e-14)


def test_OL14_sigmoid_output_unit_never_overflows() -> None:
    z = leaf([-10.0, 0.0, 10.0], ff.float64)
    terms = F.binary_cross_entropy_with_logits(z, ff.ones(3, dtype=ff.float64), reduction="none")
    np.testing.assert_allclose(terms.detach().numpy(), [10.0000454, 0.693147, 4.54e-5], rtol=1e-4, atol=5e-8)
    terms.sum().backward()
    printed(z.grad[0], -0.99995, 5)
    assert F.binary_cross_entropy_with_logits(ff.tensor(1000.0), ff.tensor(0.0)).item() == 1000


def test_OL15_softmax() -> None:
    expected = [0.000212, 0.000576, 0.001567, 0.004260, 0.011579, 0.031475, 0.085559, 0.232573, 0.632199]
    p = nn.Softmax(dim=0)(ff.arange(1.0, 10.0))
    printed(p, expected, 6)
    assert bool((p > 0).all()) and p.sum().item() == pytest.approx(1, abs=1e-6)
    printed(F.softmax(ff.tensor([1000.0, 1001.0, 1002.0]), dim=0), [0.0900, 0.2447, 0.6652], 4)


def test_OL16_log_softmax() -> None:
    printed(nn.LogSoftmax(dim=0)(ff.tensor([1.0, 2.0, 3.0])), [-2.407606, -1.407606, -0.407606], 6)


def test_OL17_the_loss_of_a_wrong_answer_is_about_the_distance_to_the_largest() -> None:
    z = ff.tensor([10.0, 2.0, 1.0], dtype=ff.float64)
    printed(-F.cross_entropy(z, ff.tensor(0)), -0.000459, 6)
    printed(-F.cross_entropy(z, ff.tensor(2)), -9.000459, 6)


def test_OL18_OL19_gradient_of_softmax_and_cross_entropy() -> None:
    z = leaf([1.0, 2.0, 3.0], ff.float64)
    F.cross_entropy(z, ff.tensor(2)).backward()
    printed(z.grad, [0.090031, 0.244728, -0.334759], 6)
    s = leaf(0.85, ff.float64)
    F.binary_cross_entropy_with_logits(s, ff.tensor(1.0, dtype=ff.float64)).backward()
    printed(s.grad, -0.299433, 6)


def test_OL20_jacobian_of_softmax() -> None:
    z = ff.tensor([1.0, 2.0, 3.0], dtype=ff.float64)
    jacobian = ff.autograd.functional.jacobian(nn.Softmax(dim=0), z)
    expected = [[0.081925, -0.022033, -0.059892], [-0.022033, 0.184836, -0.162803], [-0.059892, -0.162803, 0.222695]]
    printed(jacobian, expected, 6)
    y = F.softmax(z, dim=0).numpy()
    np.testing.assert_allclose(jacobian.numpy(), np.diag(y) - np.outer(y, y), atol=1e-15)


def test_OL21_logit_is_the_inverse_of_sigmoid() -> None:
    printed(ff.logit(ff.tensor(0.9, dtype=ff.float64)), 2.197225, 6)
    x = ff.linspace(0.01, 0.99, 50, dtype=ff.float64)
    np.testing.assert_allclose(ff.sigmoid(ff.logit(x)).numpy(), x.numpy(), rtol=1e-14)


def test_OL22_OL24_squared_error_is_the_likelihood_of_a_gaussian() -> None:
    y, f = ff.tensor([1.0]), ff.tensor([3.0])
    half = 0.5 * nn.MSELoss(reduction="sum")(f, y)
    assert half.item() == 2
    assert half.item() + 0.5 * math.log(2 * math.pi) == pytest.approx(2.918939, abs=5e-7)


def test_OL22_the_likelihood_of_a_linear_output_unit() -> None:
    output, y = leaf([3.0]), ff.tensor([1.0])
    loss = F.gaussian_nll_loss(output, y, ff.ones(1), full=True, reduction="sum")
    printed(loss, 2.918939, 6)
    printed(nn.GaussianNLLLoss(full=True)(output, y, ff.ones(1)) - 0.5 * nn.MSELoss()(output, y), 0.918939, 6)
    loss.backward()
    assert output.grad.item() == 2, "the gradient is that of half the squared error"


def test_OL23_divergence_and_cross_entropy_differ_by_a_constant() -> None:
    p, q = ff.tensor([[0.9, 0.1]]), ff.tensor([[0.5, 0.5]])
    divergence = nn.KLDivLoss(reduction="batchmean")
    printed(divergence(q.log(), p), 0.368064, 6)
    printed(divergence(p.log(), q), 0.510826, 6)
    entropy = -(p * p.log()).sum()
    printed(entropy + divergence(q.log(), p), 0.693147, 6)
    printed(F.cross_entropy(q.log(), p), 0.693147, 6)
    z, w = leaf([[0.3, -0.8]]), leaf([[0.3, -0.8]])
    divergence(F.log_softmax(z, dim=1), p).backward()
    F.cross_entropy(w, p).backward()
    np.testing.assert_allclose(z.grad.numpy(), w.grad.numpy(), rtol=1e-6)


def test_OL25_the_best_constant_for_xor() -> None:
    assert nn.MSELoss()(ff.full((4,), 0.5), ff.tensor([0.0, 1.0, 1.0, 0.0])).item() == 0.25


def test_OL26_gradient_for_several_outputs() -> None:
    y_hat, y = leaf([0.2, -1.0, 3.0]), ff.tensor([1.0, 1.0, 1.0])
    (0.5 * nn.MSELoss(reduction="sum")(y_hat, y)).backward()
    np.testing.assert_allclose(y_hat.grad.numpy(), (y_hat.detach() - y).numpy(), rtol=1e-6)


@own
def test_OL27_softmax_goes_with_cross_entropy() -> None:
    softmax = nn.Sequential(nn.Linear(4, 3), nn.Softmax())
    assert "use CrossEntropyLoss" in nn.pairing_problem(softmax, nn.MSELoss())
    assert nn.pairing_problem(nn.Linear(4, 3), nn.MSELoss()) is None


def test_OL28_OL29_a_class_vector_is_compared_with_a_probability_vector() -> None:
    logits = ff.tensor([[2.0, 0.5, -1.0]])
    p = F.softmax(logits, dim=1)
    assert F.cross_entropy(logits, ff.tensor([0])).item() == pytest.approx(-math.log(p[0, 0].item()), rel=1e-6)
