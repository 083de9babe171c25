"""Sums, means, extrema and their like: dims, keepdim, types, empty and NaN input, ties, gradients."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from peer import ff, same

SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple)
nan, inf = math.nan, math.inf


def array(shape: tuple[int, ...]) -> Any:
    """Distinct values, positive and negative, none zero."""
    n = int(np.prod(shape))
    return (np.random.default_rng(n).permutation(n).astype(np.float64) - n / 2 + 0.25).reshape(shape)


NUMPY: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "amax": np.max,
    "amin": np.min,
    "var": lambda a, axis, keepdims: np.var(a, axis=axis, keepdims=keepdims, ddof=1),
    "std": lambda a, axis, keepdims: np.std(a, axis=axis, keepdims=keepdims, ddof=1),
    "norm": lambda a, axis, keepdims: np.sqrt(np.sum(a * a, axis=axis, keepdims=keepdims)),
    "logsumexp": lambda a, axis, keepdims: np.log(np.sum(np.exp(a), axis=axis, keepdims=keepdims)),
    "any": np.any,
    "all": np.all,
}
SEVERAL = [n for n in NUMPY if n not in ("prod",)]


@pytest.mark.parametrize("name", NUMPY)
@given(SHAPES, st.data(), st.booleans())
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_reductions_agree_with_numpy(name: str, shape: tuple[int, ...], data: Any, keepdim: bool) -> None:
    n = array(shape) > 0 if name in ("any", "all") else array(shape)
    dims = list(range(len(shape)))
    if name == "prod":
        dim: Any = data.draw(st.sampled_from(dims))
    else:
        dim = tuple(data.draw(st.lists(st.sampled_from(dims), min_size=1, unique=True)))
    axes = (dim,) if isinstance(dim, int) else dim
    if name in ("amax", "amin") and any(shape[a] == 0 for a in axes):
        with pytest.raises((IndexError, RuntimeError)):
            getattr(ff, name)(ff.from_numpy(n), dim, keepdim=keepdim)
        return
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(NUMPY[name](n, axis=dim, keepdims=keepdim))
        x = ff.from_numpy(n)
        got = ff.norm(x, 2, dim, keepdim=keepdim) if name == "norm" else getattr(ff, name)(x, dim, keepdim=keepdim)
        if isinstance(dim, tuple):
            negative = tuple(d - len(shape) for d in dim)
            again = x.norm(2, negative) if name == "norm" else getattr(x, name)(dim=negative)
            assert again.numel() == got.numel()
    assert tuple(got.shape) == expected.shape
    # sums of at most 81 terms of size 40 in float64
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "norm", "amax", "any", "all"])
def test_without_dim_everything_is_reduced(name: str) -> None:
    n = array((2, 3)) > 0 if name in ("any", "all") else array((2, 3))
    got = getattr(ff, name)(ff.from_numpy(n))
    expected = NUMPY[name](n, axis=None, keepdims=False)
    assert tuple(got.shape) == () and got.item() == pytest.approx(float(expected), rel=1e-12)


def test_empty_input() -> None:
    e = ff.zeros(0)
    assert e.sum().item() == 0.0 and e.prod().item() == 1.0 and math.isnan(e.mean().item())
    assert e.any().item() is False and e.all().item() is True and e.norm().item() == 0.0
    same(ff.zeros(2, 0).sum(1), [0.0, 0.0])
    same(ff.zeros(0, 2).sum(0), [0.0, 0.0])
    assert tuple(ff.zeros(2, 0).sum(0).shape) == (0,)
    assert tuple(ff.zeros(2, 0).max(0).values.shape) == (0,)
    same(ff.zeros(2, 0).logsumexp(1), [-inf, -inf])
    assert tuple(ff.zeros(0, 3).cumsum(0).shape) == (0, 3) and tuple(ff.zeros(0, 3).softmax(0).shape) == (0, 3)
    assert tuple(ff.zeros(0).sort().values.shape) == (0,)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_extrema_of_nothing_are_errors(name: str) -> None:
    for call in (lambda: getattr(ff, name)(ff.zeros(0)), lambda: getattr(ff, name)(ff.zeros(2, 0), 1)):
        with pytest.raises((RuntimeError, IndexError)):
            call()


def test_zero_dimensions() -> None:
    s = ff.tensor(3.0)
    assert s.sum(0).item() == s.mean(-1).item() == s.max(0).values.item() == 3.0
    assert s.argmax(0).item() == 0 and s.cumsum(0).item() == 3.0 and s.softmax(0).item() == 1.0
    assert s.sort().values.item() == 3.0 and s.topk(1).values.item() == 3.0
    with pytest.raises(IndexError):
        s.sum(1)


def test_repeated_dims_are_refused() -> None:
    with pytest.raises(RuntimeError):
        ff.ones(2, 2).sum((0, 0))
    with pytest.raises(RuntimeError):
        ff.ones(2, 2).mean((0, -2))


def test_empty_tuple_of_dims_means_all() -> None:
    assert ff.ones(2, 3).sum(()).item() == 6.0
    assert ff.ones(2, 3).sum(dim=None).item() == 6.0


def test_spelled_as_in_numpy() -> None:
    assert ff.ones(2, 3).sum(axis=1).tolist() == [3.0, 3.0]
    assert ff.ones(2, 3).sum(1, keepdims=True).shape == (2, 1) if ff.__name__ != "torch" else True


def test_nan_and_infinity() -> None:
    x = ff.tensor([1.0, nan, 3.0])
    for name in ("sum", "mean", "prod", "max", "min", "std", "median", "norm", "amax"):
        assert math.isnan(getattr(x, name)().item()), name
    assert x.argmax().item() == x.argmin().item() == 1
    values, indices = x.max(dim=0)
    assert math.isnan(values.item()) and indices.item() == 1
    assert ff.tensor([1.0, inf]).sum().item() == inf and math.isnan(ff.tensor([inf, -inf]).sum().item())
    assert ff.tensor([-inf, -inf]).logsumexp(0).item() == -inf and ff.tensor([inf, 1.0]).logsumexp(0).item() == inf
    assert ff.tensor([1000.0, 1000.0]).logsumexp(0).item() == pytest.approx(1000 + math.log(2))
    same(ff.nansum(x), 4.0)
    assert math.isnan(ff.maximum(ff.tensor(nan), ff.tensor(1.0)).item())


def test_softmax_of_extremes() -> None:
    same(ff.tensor([1000.0, -1000.0]).softmax(0), [1.0, 0.0])
    same(ff.tensor([-inf, 0.0]).softmax(0), [0.0, 1.0])
    same(ff.tensor([-inf, 0.0]).log_softmax(0), [-inf, 0.0])
    assert all(math.isnan(v) for v in ff.tensor([-inf, -inf]).softmax(0).tolist())


def test_variance_forms() -> None:
    x = ff.tensor([[1.0, 2.0, 4.0], [0.0, 5.0, 5.0]], dtype=ff.float64)
    for correction in (0, 1, 2):
        got = x.var(dim=1, correction=correction).numpy()
        np.testing.assert_allclose(got, [14 / 3 / (3 - correction), 50 / 3 / (3 - correction)], rtol=1e-14)
    assert x.var(unbiased=False).item() == pytest.approx(x.numpy().var(), rel=1e-14)
    assert (
        x.std(0, True).tolist() == x.std(dim=0).tolist() and x.std(0, False).tolist() == x.std(0, correction=0).tolist()
    )
    assert x.var(dim=(0, 1), keepdim=True).shape == (1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(ff.tensor([1.0]).std().item()) and math.isnan(ff.tensor([1.0]).var().item())
    assert ff.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype=ff.float64).var().item() == 1.0  # no cancellation
    v, m = ff.var_mean(x, dim=1)
    assert v.tolist() == x.var(dim=1).tolist() and m.tolist() == x.mean(dim=1).tolist()


NORMS = {0: 2.0, 1: 7.0, 2: 5.0, 3: (27 + 64) ** (1 / 3), inf: 4.0, -inf: 0.0, "fro": 5.0}


@pytest.mark.parametrize("p", NORMS)
def test_norms(p: Any) -> None:
    x = ff.tensor([3.0, 0.0, -4.0], dtype=ff.float64)
    assert ff.norm(x, p).item() == pytest.approx(NORMS[p], rel=1e-14)
    if p != "fro":
        assert ff.dist(x, ff.zeros(3, dtype=ff.float64), p).item() == pytest.approx(NORMS[p], rel=1e-14)
        assert ff.norm(x.view(3, 1), p, dim=0).item() == pytest.approx(NORMS[p], rel=1e-14)


def test_gradients_at_the_points_without_a_derivative() -> None:
    """The subgradients PyTorch takes."""
    cases: list[tuple[Any, list[float], list[float]]] = [
        (lambda x: x.norm(), [0.0, 0.0], [0.0, 0.0]),
        (lambda x: x.norm(1), [0.0, 2.0], [0.0, 1.0]),
        (lambda x: x.norm(inf), [2.0, -2.0], [0.5, -0.5]),
        (lambda x: x.max(), [2.0, 2.0], [0.5, 0.5]),
        (lambda x: x.amax(0), [2.0, 2.0], [0.5, 0.5]),
        (lambda x: x.max(0).values, [2.0, 2.0], [1.0, 0.0]),
        (lambda x: x.min(), [2.0, 2.0], [0.5, 0.5]),
        (lambda x: x.abs().sum(), [0.0, -1.0], [0.0, -1.0]),
        (lambda x: ff.relu(x).sum(), [0.0, 1.0], [0.0, 1.0]),
        (lambda x: x.clamp(0, 1).sum(), [0.0, 1.0], [1.0, 1.0]),
        (lambda x: ff.maximum(x, ff.zeros(2)).sum(), [0.0, 1.0], [0.5, 1.0]),
        (lambda x: x.prod(), [0.0, 3.0], [3.0, 0.0]),
        (lambda x: x.prod(), [0.0, 0.0], [0.0, 0.0]),
        (lambda x: x.cumprod(0).sum(), [0.0, 3.0], [4.0, 0.0]),
        (lambda x: (x**0).sum(), [0.0, 1.0], [0.0, 0.0]),
        (lambda x: (x**2).sum(), [0.0, 1.0], [0.0, 2.0]),
        (lambda x: x.median(), [5.0, 1.0], [0.0, 1.0]),
        (lambda x: ff.dist(x, ff.zeros(2)), [0.0, 0.0], [0.0, 0.0]),
        (lambda x: x.sign().sum() + x.floor().sum() + x.ceil().sum() + x.round().sum(), [0.5, 1.5], [0.0, 0.0]),
    ]
    for i, (function, at, expected) in enumerate(cases):
        x = ff.tensor(at, requires_grad=True)
        function(x).backward()
        assert x.grad.tolist() == expected, i


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_prod_and_cumprod_with_zeros_to_second_order(zeros: int) -> None:
    x = ff.tensor([1.5, -0.5, 2.0, 0.7], dtype=ff.float64)
    x[:zeros] = 0
    x.requires_grad_()
    for function in (lambda t: t.prod(), lambda t: t.view(2, 2).prod(1), lambda t: t.cumprod(0)):
        assert ff.autograd.gradcheck(function, (x,))
        assert ff.autograd.gradgradcheck(function, (x,))


def test_cumulative_sums_and_products() -> None:
    n = array((3, 4))
    for dim in (0, 1, -1):
        np.testing.assert_allclose(ff.from_numpy(n).cumsum(dim).numpy(), n.cumsum(dim), rtol=1e-14)
        np.testing.assert_allclose(ff.from_numpy(n).cumprod(dim).numpy(), n.cumprod(dim), rtol=1e-14)
    same(ff.tensor([True, True]).cumsum(0), [1, 2], ff.int64)
    assert ff.ones(2).cumsum(dim=0, dtype=ff.float64).dtype == ff.float64


def test_float32_sums_are_accurate() -> None:
    """A million values of 0.1: adding one by one loses 1 %; pairs lose less than 1e-6."""
    x = ff.full((1_000_000,), 0.1)
    assert x.sum().item() == pytest.approx(1e5, rel=2e-6)
    assert x.mean().item() == pytest.approx(0.1, rel=2e-6)
    assert x.view(1000, 1000).sum(0).sum().item() == pytest.approx(1e5, rel=2e-5)
    assert ff.full((4096,), 1.0, dtype=ff.float16).sum().item() == 4096.0


def test_count_nonzero_aminmax_and_friends() -> None:
    x = ff.tensor([[0.0, 2.0], [3.0, 0.0]])
    assert ff.count_nonzero(x).item() == 2
    low, high = ff.aminmax(x)
    assert (low.item(), high.item()) == (0.0, 3.0)
    same(ff.amax(x, dim=(0, 1)), 3.0)
    same(x.sum(0, keepdim=True), [[3.0, 2.0]])
