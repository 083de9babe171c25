"""Comparisons, extrema with indices, sorting, ties and NaN."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from peer import ff, same

nan, inf = math.nan, math.inf

OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_comparisons(name: str) -> None:
    a, b = np.array([[1.0], [nan], [inf]]), np.array([1.0, 2.0, nan, -inf])
    expected = OPERATORS[name](a, b).tolist()
    x, y = ff.from_numpy(a), ff.from_numpy(b)
    same(getattr(ff, name)(x, y), expected, ff.bool)
    same(getattr(x, name)(y), expected)
    same(OPERATORS[name](x, y), expected)
    same(OPERATORS[name](y, 2), OPERATORS[name](b, 2).tolist())
    same(OPERATORS[name](2, y), OPERATORS[name](2, b).tolist())
    z = y.clone()
    getattr(z, name + "_")(1.0)
    same(z, OPERATORS[name](b, 1.0).astype(float).tolist(), ff.float64)  # in place keeps the type


def test_comparison_with_something_else() -> None:
    x = ff.ones(2)
    assert (x == "a") is False and (x != "a") is True and (x == None) is False  # noqa: E711
    with pytest.raises(TypeError):
        _ = x < "a"


def test_equal_and_allclose() -> None:
    x = ff.tensor([1.0, nan])
    assert ff.equal(ff.ones(2), ff.ones(2)) and not ff.equal(x, x.clone()) and not ff.equal(ff.ones(2), ff.ones(2, 1))
    assert not ff.allclose(x, x) and ff.allclose(x, x, equal_nan=True)
    assert ff.allclose(ff.ones(1), ff.ones(1) * (1 + 9e-6)) and not ff.allclose(ff.ones(1), ff.ones(1) * (1 + 2e-5))
    assert ff.allclose(ff.zeros(1), ff.full((1,), 0.9e-8)) and not ff.allclose(ff.zeros(1), ff.full((1,), 1.1e-8))
    assert ff.allclose(ff.ones(1), ff.full((1,), 1.4), rtol=0, atol=0.5)
    same(ff.isclose(ff.tensor([inf, inf, nan]), ff.tensor([inf, -inf, nan])), [True, False, False])
    assert isinstance(ff.allclose(x, x), bool)


def test_special_values() -> None:
    x = ff.tensor([nan, inf, -inf, 0.0])
    same(ff.isnan(x), [True, False, False, False])
    same(ff.isinf(x), [False, True, True, False])
    same(ff.isfinite(x), [False, False, False, True])
    same(ff.isnan(ff.tensor([1, 2])), [False, False])
    same(ff.nan_to_num(x, nan=5.0, posinf=6.0, neginf=7.0), [5.0, 6.0, 7.0, 0.0])


def test_logical_functions() -> None:
    a, b = ff.tensor([True, True, False]), ff.tensor([True, False, False])
    same(ff.logical_and(a, b), [True, False, False])
    same(ff.logical_or(a, b), [True, True, False])
    same(ff.logical_xor(a, b), [False, True, False])
    same(ff.logical_not(ff.tensor([0.0, 2.0])), [True, False])
    same(a ^ b, [False, True, False])
    same(ff.tensor([6, 5]) & 3, [2, 1])
    same(ff.tensor([6, 5]) | 1, [7, 5])
    same(~ff.tensor([6]), [-7])
    with pytest.raises(RuntimeError):
        _ = ff.ones(1) & ff.ones(1)


# ---------------------------------------------------------------- extrema


def test_max_and_min_of_two_tensors() -> None:
    a, b = ff.tensor([1.0, 5.0, nan]), ff.tensor([3.0, 2.0, 0.0])
    assert ff.max(a, b).tolist()[:2] == ff.maximum(a, b).tolist()[:2] == [3.0, 5.0]
    assert ff.min(a, b).tolist()[:2] == [1.0, 2.0] and math.isnan(ff.min(a, b)[2].item())


def test_extrema_with_ties_take_the_first() -> None:
    x = ff.tensor([[2.0, 7.0, 7.0], [3.0, 1.0, 1.0]])
    assert x.argmax(1).tolist() == [1, 0] and x.argmin(1).tolist() == [0, 1]
    assert x.max(1).indices.tolist() == [1, 0] and x.min(dim=1).indices.tolist() == [0, 1]
    assert x.argmax().item() == 1
    assert x.max(1, keepdim=True).values.shape == (2, 1) and x.argmax(1, keepdim=True).shape == (2, 1)


def test_results_have_names_and_unpack() -> None:
    result = ff.tensor([1.0, 3.0]).max(0)
    values, indices = result
    assert result.values is values or result.values.item() == values.item()
    assert result[1].item() == result.indices.item() == indices.item() == 1


def test_gradient_goes_to_the_extremum() -> None:
    x = ff.tensor([[1.0, 9.0], [8.0, 2.0]], requires_grad=True)
    x.max(1).values.sum().backward()
    same(x.grad, [[0.0, 1.0], [1.0, 0.0]])


def test_median() -> None:
    assert ff.median(ff.tensor([4.0, 1.0, 3.0, 2.0])).item() == 2.0
    values, indices = ff.median(ff.tensor([[3.0, 1.0, 2.0], [9.0, 7.0, 8.0]]), dim=1)
    same(values, [2.0, 8.0])
    same(indices, [2, 2])
    assert ff.tensor([[3.0, 1.0]]).median(1, keepdim=True).values.shape == (1, 1)
    assert ff.tensor([3, 1, 2]).median().item() == 2


# ---------------------------------------------------------------- sorting

VALUES = st.lists(st.integers(-5, 5), min_size=1, max_size=12)


@given(VALUES, st.booleans())
def test_sort_is_stable_when_asked(values: list[int], descending: bool) -> None:
    x = ff.tensor(values)
    got, order = ff.sort(x, stable=True, dim=0, descending=descending)
    assert got.tolist() == sorted(values, reverse=descending)
    expected = sorted(range(len(values)), key=lambda i: -values[i] if descending else values[i])
    assert order.tolist() == expected
    assert ff.argsort(x, dim=0, descending=descending, stable=True).tolist() == expected


@given(VALUES, st.data())
def test_topk_gives_the_largest_in_order(values: list[int], data: Any) -> None:
    k = data.draw(st.integers(0, len(values)))
    largest = data.draw(st.booleans())
    got, where = ff.topk(ff.tensor(values), k, largest=largest)
    assert got.tolist() == sorted(values, reverse=largest)[:k]
    assert [values[i] for i in where.tolist()] == got.tolist() and len(set(where.tolist())) == k


def test_sort_dims_nan_and_gradient() -> None:
    x = ff.tensor([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]], requires_grad=True)
    values, indices = x.sort()
    same(values, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    same(indices, [[1, 2, 0], [2, 1, 0]])
    (values * ff.tensor([1.0, 10.0, 100.0])).sum().backward()
    same(x.grad, [[100.0, 1.0, 10.0], [100.0, 10.0, 1.0]])
    same(x.detach().sort(0, descending=True).values, [[6.0, 5.0, 4.0], [3.0, 1.0, 2.0]])
    values, indices = ff.sort(ff.tensor([1.0, nan, 3.0, inf]))
    assert values.tolist()[:3] == [1.0, 3.0, inf] and indices.tolist() == [0, 2, 3, 1]  # NaN is the largest
    assert ff.sort(ff.tensor([1.0, nan, 3.0]), descending=True).indices.tolist() == [1, 2, 0]
    assert ff.topk(ff.tensor([1.0, nan, 3.0]), 2).indices.tolist() == [1, 2]


def test_topk_details() -> None:
    x = ff.tensor([[1.0, 4.0], [3.0, 2.0]], requires_grad=True)
    values, indices = x.topk(1, dim=0)
    same(values, [[3.0, 4.0]])
    same(indices, [[1, 0]])
    values.sum().backward()
    same(x.grad, [[0.0, 1.0], [1.0, 0.0]])
    for k in (3, -1):
        with pytest.raises(RuntimeError):
            x.topk(k)


def test_unique_and_bincount() -> None:
    same(ff.unique(ff.tensor([3, 1, 3])), [1, 3])
    same(ff.bincount(ff.tensor([0, 2, 2])), [1, 0, 2])
    same(ff.bincount(ff.tensor([0, 1]), minlength=3), [1, 1, 0])
    values, inverse, counts = ff.unique(ff.tensor([3, 1, 3]), return_inverse=True, return_counts=True)
    same(values, [1, 3])
    same(inverse, [1, 0, 1])
    same(counts, [1, 2])
