"""Penalties and constraints: their values, gradients and limits by hand, whom they mean, and misuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim import L1, L2, PENALTIES, MaxNorm


def leaf(values: Any) -> Any:
    return ff.tensor(values, dtype=ff.float64, requires_grad=True)


def gradient(penalty: Any, p: Any) -> Any:
    p.grad = None
    penalty([p]).backward()
    return p.grad.numpy()


def test_the_registry() -> None:
    assert PENALTIES == {"l1": L1, "l2": L2, "max_norm": MaxNorm}
    assert all(cls.__doc__ for cls in PENALTIES.values())


def test_values_and_gradients_by_hand() -> None:
    """RG05 and RG06: w = (3, -4) with strength 0.1."""
    p = leaf([[3.0, -4.0]])
    assert L2(1.0)([p]).item() == 12.5 and L1(1.0)([p]).item() == 7.0
    np.testing.assert_allclose(gradient(L2(0.1), p), [[0.3, -0.4]], rtol=1e-15)
    np.testing.assert_allclose(gradient(L1(0.1), p), [[0.1, -0.1]], rtol=1e-15)
    assert gradient(L1(0.1), leaf([[0.0, 2.0]])).tolist() == [[0.0, 0.1]]  # the subgradient 0 at 0


def test_whom_they_mean() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    weights = [model[0].weight, model[2].weight]
    assert [id(p) for p in L2(1.0).chosen(model.parameters())] == [id(p) for p in weights]
    assert len(L1(1.0, biases=True).chosen(model.parameters())) == 6
    assert [id(p) for p in L1(1.0, only=[model[2].bias]).chosen(model.parameters())] == [id(model[2].bias)]
    by_hand = sum(float((p.detach().numpy().astype(float) ** 2).sum()) for p in weights) / 2
    assert L2(1.0)(model.parameters()).item() == pytest.approx(by_hand, rel=1e-6)  # a sum in float32
    assert L2(1.0)([model[0].bias]) == 0.0


def test_l2_is_the_weight_decay_of_gradient_descent() -> None:
    ends = []
    for strength, decay in ((0.3, 0.0), (0.0, 0.3)):
        p = leaf([[1.0, -2.0]])
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=decay)
        for _ in range(5):
            optimizer.zero_grad()
            (((p - 3) ** 2).sum() + L2(strength)([p])).backward()
            optimizer.step()
        ends.append(p.tolist())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-14)


@pytest.mark.parametrize(("a", "ridge", "lasso"), [(3.0, 1.5, 2.0), (0.5, 0.25, 0.0), (-2.0, -1.0, -1.0)])
def test_minima_of_one_weight(a: float, ridge: float, lasso: float) -> None:
    """(w - a)^2 / 2 with a penalty of strength 1: a / 2, and a drawn towards 0 by 1."""
    for penalty, expected in ((L2(1.0), ridge), (L1(1.0, proximal=True), lasso)):
        p = leaf([[4.0]])
        optimizer = optim.SGD([p], lr=0.1)
        for _ in range(400):
            optimizer.zero_grad()
            loss = 0.5 * ((p - a) ** 2).sum()
            (loss + penalty([p]) if penalty.has_term else loss).backward()
            optimizer.step()
            penalty.constrain(optimizer.param_groups)
        assert p.item() == pytest.approx(expected, abs=1e-12)


def test_proximal_zeros_are_exact_and_the_gradient_swings() -> None:
    zeros = []
    for proximal in (True, False):
        p = leaf([[4.0, 0.03]])
        penalty = L1(1.0, proximal=proximal)
        optimizer = optim.SGD([p], lr=0.1)
        for _ in range(100):
            optimizer.zero_grad()
            loss = 0.5 * ((p - ff.tensor([[3.0, 0.5]], dtype=ff.float64)) ** 2).sum()
            (loss if proximal else loss + penalty([p])).backward()
            optimizer.step()
            penalty.constrain(optimizer.param_groups)
        zeros.append(p[0, 1].item())
    assert zeros[0] == 0.0 and 0 < abs(zeros[1]) < 0.2


def test_the_rate_of_a_group_is_that_of_its_shrinking() -> None:
    p, q = leaf([[1.0]]), leaf([[1.0]])
    groups: list[dict[str, Any]] = [{"params": [p], "lr": 0.1}, {"params": [q], "lr": 0.5}]
    L1(1.0, proximal=True).constrain(groups)
    assert (p.item(), q.item()) == (0.9, 0.5)


def test_rows_are_no_longer_than_the_limit() -> None:
    p = leaf([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [-6.0, 8.0]])
    bias = leaf([100.0])
    MaxNorm(2.0).constrain([{"params": [p, bias]}])
    np.testing.assert_allclose(p.tolist(), [[1.2, 1.6], [0.3, 0.4], [0.0, 0.0], [-1.2, 1.6]], rtol=1e-15)
    assert p[1].tolist() == [0.3, 0.4] and bias.tolist() == [100.0]  # to the bit
    again = p.tolist()
    MaxNorm(3.0).constrain([{"params": [p]}])
    assert p.tolist() == again
    single = ff.tensor(np.random.default_rng(0).normal(size=(50, 70)).astype("float32"), requires_grad=True)
    MaxNorm(0.1).constrain([{"params": [single]}])
    assert single.dtype == ff.float32
    assert float(single.detach().numpy().astype(float).__pow__(2).sum(1).max()) ** 0.5 < 0.1 * (1 + 1e-6)


def test_misuse() -> None:
    with pytest.raises(ValueError, match="L1: strength is -1, expected a number >= 0"):
        L1(-1)
    with pytest.raises(ValueError, match="L2: strength is 'much', expected a number >= 0"):
        L2("much")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="MaxNorm: limit is 0, expected a number above 0"):
        MaxNorm(0)
    with pytest.raises(NotImplementedError, match="MaxNorm has no term"):
        MaxNorm(1.0)([leaf([[1.0]])])
