"""Losses of numbers and distributions: values by hand, kinks, extremes, and what they say about unusable input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F


def leaf(values: Any) -> Any:
    return ff.tensor(values, dtype=ff.float64, requires_grad=True)


def terms_and_slopes(loss: Any, x: Any, *rest: Any) -> tuple[list[float], list[float]]:
    at = leaf(x)
    y = loss(at, *(ff.tensor(r, dtype=ff.float64) for r in rest))
    y.sum().backward()
    return y.tolist(), at.grad.tolist()


def test_huber_is_square_within_delta_and_straight_beyond() -> None:
    values, slopes = terms_and_slopes(
        nn.HuberLoss(delta=2.0, reduction="none"), [0, 1, 2, -4, 1e200, math.inf], [0] * 6
    )
    assert values == [0, 0.5, 2, 6, 2e200, math.inf]
    assert slopes == [0, 1, 2, -2, 2, 2]
    values, slopes = terms_and_slopes(nn.SmoothL1Loss(beta=2.0, reduction="none"), [0, 1, 2, -4], [0] * 4)
    assert values == [0, 0.25, 1, 3] and slopes == [0, 0.5, 1, -1]


def test_smooth_l1_without_a_bend_is_l1() -> None:
    x, y = ff.randn(5), ff.randn(5)
    assert nn.SmoothL1Loss(beta=0.0)(x, y).item() == nn.L1Loss()(x, y).item()
    with pytest.raises(ValueError, match="beta is -1.0, expected a number >= 0"):
        nn.SmoothL1Loss(beta=-1.0)(x, y)
    with pytest.raises(ValueError, match="delta is 0, expected a number > 0"):
        nn.HuberLoss(delta=0)(x, y)


def test_quantile_loss_is_least_at_the_quantile() -> None:
    y = np.random.default_rng(0).normal(size=401)
    candidates = np.sort(y)
    for q in (0.1, 0.5, 0.9):
        costs = [
            nn.QuantileLoss(quantile=q)(ff.full((401,), c, dtype=ff.float64), ff.tensor(y)).item() for c in candidates
        ]
        assert candidates[int(np.argmin(costs))] == pytest.approx(np.quantile(y, q), abs=1e-12)
    values, slopes = terms_and_slopes(nn.QuantileLoss(quantile=0.9, reduction="none"), [1, 3, 2], [2, 2, 2])
    np.testing.assert_allclose(values, [0.9, 0.1, 0], rtol=1e-15)
    np.testing.assert_allclose(slopes, [-0.9, 0.1, 0], rtol=1e-15)
    assert nn.QuantileLoss()(ff.tensor([1.0]), ff.tensor([4.0])).item() == 1.5, "half the absolute error"


def test_several_quantiles_have_an_output_each() -> None:
    ff.manual_seed(0)
    x, y = ff.randn(6, 2, dtype=ff.float64), ff.randn(6, 1, dtype=ff.float64).expand(6, 2)
    loss = nn.QuantileLoss(quantile=(0.1, 0.8), reduction="sum")(x, y).item()
    alone = sum(nn.QuantileLoss(quantile=q, reduction="sum")(x[:, i], y[:, i]).item() for i, q in enumerate((0.1, 0.8)))
    assert loss == pytest.approx(alone, rel=1e-14)
    with pytest.raises(ValueError, match=r"input has shape \(6, 2\), expected \(..., 3\): one for each quantile"):
        nn.QuantileLoss(quantile=(0.1, 0.5, 0.9))(x, y)
    with pytest.raises(ValueError, match="quantile is 1.5, expected a number between 0 and 1"):
        nn.QuantileLoss(quantile=1.5)(x, y)


def test_kl_div_forms_and_means() -> None:
    ff.manual_seed(0)
    p, y = F.softmax(ff.randn(5, 3, dtype=ff.float64), 1), F.softmax(ff.randn(5, 3, dtype=ff.float64), 1)
    by_hand = (y.numpy() * np.log(y.numpy() / p.numpy())).sum()
    assert nn.KLDivLoss(reduction="sum")(p.log(), y).item() == pytest.approx(by_hand, rel=1e-13)
    assert nn.KLDivLoss(reduction="sum", log_target=True)(p.log(), y.log()).item() == pytest.approx(by_hand, rel=1e-13)
    assert nn.KLDivLoss(reduction="batchmean")(p.log(), y).item() == pytest.approx(by_hand / 5, rel=1e-13)
    assert nn.KLDivLoss()(p.log(), y).item() == pytest.approx(by_hand / 15, rel=1e-13)
    at = leaf([[0.0, -1.0]])
    loss = F.kl_div(at, ff.tensor([[1.0, 0.0]], dtype=ff.float64), reduction="sum")
    loss.backward()
    assert loss.item() == 0 and at.grad.tolist() == [[-1, 0]], "0 log 0 = 0"
    with pytest.raises(ValueError, match=r"target is -1 at row 1, expected probabilities\nhint: .*log_target=True"):
        F.kl_div(ff.zeros(2), ff.tensor([1.0, -1.0]))


def test_gaussian_nll_of_known_variances() -> None:
    x, y, v = ff.tensor([1.0, 2.0]), ff.tensor([3.0, 2.0]), ff.tensor([4.0, 1.0])
    loss = nn.GaussianNLLLoss(reduction="none")
    np.testing.assert_allclose(loss(x, y, v).numpy(), [0.5 * math.log(4) + 0.5, 0], rtol=1e-6)
    np.testing.assert_array_equal(loss(x, y).numpy(), loss(x, y, ff.ones(2)).numpy())
    np.testing.assert_array_equal(loss(x, y, 1e-9).numpy(), loss(x, y, 1e-6).numpy())
    rows = ff.zeros(3, 2)
    for shape in ((3, 2), (3, 1), (3,)):
        assert loss(rows, rows, ff.ones(*shape)).shape == (3, 2)
    with pytest.raises(ValueError, match=r"var has shape \(2,\), expected \(3, 2\), \(3, 1\) or \(3,\)"):
        loss(rows, rows, ff.ones(2))
    with pytest.raises(ValueError, match=r"var is -1 at row 1, expected variances\nhint: exp or softplus"):
        loss(x, y, ff.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="eps is 0, expected a number > 0"):
        nn.GaussianNLLLoss(eps=0)(x, y)


def test_a_variance_that_is_too_small_can_grow_again() -> None:
    var = leaf([1e-12])
    F.gaussian_nll_loss(leaf([0.0]), leaf([1.0]), var, eps=1e-2).backward()
    assert var.grad.item() == pytest.approx(0.5 * (1 / 1e-2 - 1 / 1e-4), rel=1e-12)


def test_poisson_nll_forms() -> None:
    x, y = [0.5, -1.0, 0.0], [3.0, 0.0, 1.0]
    values, slopes = terms_and_slopes(nn.PoissonNLLLoss(reduction="none"), x, y)
    np.testing.assert_allclose(values, np.exp(x) - np.array(y) * x, rtol=1e-14)
    np.testing.assert_allclose(slopes, np.exp(x) - np.array(y), rtol=1e-14)
    rates, _ = terms_and_slopes(nn.PoissonNLLLoss(log_input=False, reduction="none"), np.exp(x).tolist(), y)
    np.testing.assert_allclose(rates, values, rtol=1e-6)  # eps = 1e-8 in the logarithm
    full, _ = terms_and_slopes(nn.PoissonNLLLoss(full=True, reduction="none"), x, y)
    # Stirling's formula for log 3! = 1.7918; nothing is added for 0 and 1
    np.testing.assert_allclose(np.array(full) - values, [1.764081, 0, 0], atol=1e-6)
    with pytest.raises(ValueError, match=r"target is -2 at row 0, expected counts"):
        F.poisson_nll_loss(ff.zeros(1), ff.tensor([-2.0]))


def test_hinge_asks_for_a_margin() -> None:
    values, slopes = terms_and_slopes(nn.HingeLoss(reduction="none"), [2, 1, 0.25, -3], [1, 1, 1, 1])
    assert values == [0, 0, 0.75, 4] and slopes == [0, 0, -1, -1]
    assert terms_and_slopes(nn.HingeLoss(margin=0.0, reduction="none"), [0.25, 0.25], [1, -1])[0] == [0, 0.25]
    with pytest.raises(ValueError, match=r"target is 0 at row 1, expected -1 or 1\nhint: 2 \* y - 1 turns 0 and 1"):
        nn.HingeLoss()(ff.zeros(2), ff.tensor([1.0, 0.0]))


def test_all_of_it_at_extremes() -> None:
    x = ff.tensor([1e4, -1e4])
    for loss in (nn.HuberLoss(), nn.SmoothL1Loss(), nn.QuantileLoss(), nn.HingeLoss()):
        assert math.isfinite(loss(x, ff.tensor([-1.0, 1.0])).item())


@pytest.mark.parametrize(
    "name", ["SmoothL1Loss", "HuberLoss", "QuantileLoss", "PoissonNLLLoss", "HingeLoss", "KLDivLoss"]
)
def test_what_does_not_fit_together_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"input has shape \(2, 3\) and target \(4, 3\), expected equal shapes"):
        getattr(nn, name)()(ff.zeros(2, 3), ff.ones(4, 3))
