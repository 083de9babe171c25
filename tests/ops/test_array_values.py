"""Values of array ops against their index formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from forwardnet.ops import REGISTRY
from ops import laws
from ops.formulas import LINEAR, MOVED, REDUCED, slow_philox

EPS = float(np.finfo(np.float64).eps)


@pytest.mark.parametrize("name", list(MOVED))
def test_elements_are_moved_exactly(name: str) -> None:
    checked = 0
    for case in laws.cases(REGISTRY[name]):
        (got,) = laws.call(REGISTRY[name], case.arrays, case.attrs)
        expected = MOVED[name](*case.arrays, **case.attrs)
        np.testing.assert_array_equal(got, expected, err_msg=case.name)
        assert got.shape == np.shape(expected)
        checked += got.size
    assert checked >= 3


@pytest.mark.parametrize("name", list(REDUCED))
def test_reductions(name: str) -> None:
    checked = 0
    for case in laws.cases(REGISTRY[name]):
        (got,) = laws.call(REGISTRY[name], case.arrays, case.attrs)
        expected = REDUCED[name](*case.arrays, **case.attrs)
        (x,) = case.arrays
        # n roundings of partial results that are at most the sum of |x|; products and exponentials round relatively.
        bound = x.size * EPS * (float(np.abs(x).sum()) if "sum" in name else 2 * np.abs(expected))
        assert np.all(np.abs(got.astype(float) - expected.astype(float)) <= bound), case.name
        assert got.shape == expected.shape
        checked += got.size
    assert checked >= 3


@pytest.mark.parametrize("name", list(LINEAR))
def test_linear_algebra(name: str) -> None:
    checked = 0
    for case in laws.cases(REGISTRY[name]):
        (got,) = laws.call(REGISTRY[name], case.arrays, case.attrs)
        # A few roundings each of numbers below 30; the matrices of the examples are far from singular.
        np.testing.assert_allclose(got, LINEAR[name](*case.arrays, **case.attrs), rtol=1e-13, atol=1e-13)
        checked += got.size
    assert checked > 2


def test_svd_and_eigh_give_what_their_formulas_say() -> None:
    for case in laws.cases(REGISTRY["svd"]):
        x = case.arrays[0]
        u, s, v = laws.call(REGISTRY["svd"], (x,), {})
        assert (s >= 0).all()
        assert (np.diff(s, axis=-1) <= 0).all()
        # Orthogonal factors of matrices with norms below 10: some tens of roundings.
        np.testing.assert_allclose(u * s[..., None, :] @ np.swapaxes(v, -1, -2), x, atol=1e-13)
        for q in (u, v):
            np.testing.assert_allclose(np.swapaxes(q, -1, -2) @ q, np.eye(q.shape[-1]) + 0 * q[..., :1, :1], atol=1e-13)
    for case in laws.cases(REGISTRY["eigh"]):
        x = case.arrays[0]
        values, v = laws.call(REGISTRY["eigh"], (x,), {})
        assert (np.diff(values) >= 0).all()
        np.testing.assert_allclose(v * values @ v.T, x, atol=1e-13)


def test_eigh_reads_one_triangle() -> None:
    x = np.array([[2.0, 99.0], [1.0, 2.5]])
    values, _ = REGISTRY["eigh"](x)
    np.testing.assert_allclose(values, np.linalg.eigvalsh([[2.0, 1.0], [1.0, 2.5]]), rtol=1e-15)


@pytest.mark.parametrize("dtype", laws.FLOATS, ids=str)
def test_long_sums_keep_their_bound(dtype: Any) -> None:
    """|error| <= n eps sum |x| for n terms of mixed sign, down the columns, which are added one after the other."""
    x = laws.generator("sums").standard_normal((1000, 3)).astype(dtype)
    for name in ("sum", "cumsum"):
        attrs = {"dim": (0,), "keepdim": False} if name == "sum" else {"dim": 0}
        (got,) = laws.call(REGISTRY[name], [x], attrs)
        last = got if name == "sum" else got[-1]
        for column in range(3):
            error = abs(float(last[column]) - math.fsum(map(float, x[:, column])))
            assert error <= 1000 * float(np.finfo(dtype).eps) * float(np.abs(x[:, column].astype(float)).sum())


def test_sums_keep_the_type_they_were_given() -> None:
    """The functions on tensors widen truth values and small integers first."""
    assert REGISTRY["sum"](np.array([200, 100], np.uint8), dim=(0,), keepdim=False).dtype == np.uint8
    assert REGISTRY["cumsum"](np.array([True, True]), dim=0).dtype == bool


@pytest.mark.parametrize(("name", "low"), [("softmax", 0.0), ("log_softmax", -2000.0)])
def test_exponentials_do_not_overflow(name: str, low: float) -> None:
    got = REGISTRY[name](np.array([1000.0, -1000.0, 1000.0]), dim=0)
    half = 0.5 if name == "softmax" else math.log(0.5)
    np.testing.assert_allclose(got, [half, low + (name == "log_softmax") * half, half], rtol=1e-15)


def test_extremes_of_nothing_are_refused() -> None:
    for name in ("amax", "amin"):
        with pytest.raises(ValueError, match=rf"{name}: .*no elements along \(0,\)"):
            REGISTRY[name](np.zeros((0, 3)), dim=(0,), keepdim=False)
    for name in ("argmax", "argmin"):
        with pytest.raises(ValueError, match="non-zero size"):
            REGISTRY[name](np.zeros((0, 3)), dim=0, keepdim=False)


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin"])
def test_nan_wins(name: str) -> None:
    x = np.array([1.0, np.nan, 3.0, np.nan])
    got = REGISTRY[name](x, dim=(0,) if name.startswith("am") else 0, keepdim=False)
    assert np.isnan(got) if name.startswith("am") else got == 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_a_vector_is_repeated_along_an_index_of_two_axes(dtype: str) -> None:
    """np.add.at alone reads behind the vector's end here."""
    index, v = np.array([[0, 1, 2], [2, 3, 3]]), np.array([1, 10, 100], dtype)
    y = REGISTRY["index_put"](np.zeros(5, dtype), v, index, layout=(0,), accumulate=True)
    assert y.tolist() == [1, 10, 101, 110, 0]


def test_sorting_is_stable_and_nan_is_largest() -> None:
    x = np.array([2.0, np.nan, 1.0, 2.0, 1.0, np.nan])
    assert REGISTRY["argsort"](x, dim=0, descending=False).tolist() == [2, 4, 0, 3, 1, 5]
    assert REGISTRY["argsort"](x, dim=0, descending=True).tolist() == [1, 5, 0, 3, 2, 4]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_takes_words_in_order_from_its_position(dtype: str) -> None:
    """Word by word: the first 24 bits of one, or the first 53 of two."""
    seed, stream, position = -3, 2**40 + 5, 2**33 + 1
    got = REGISTRY["uniform"](np.array(seed), np.array(stream), np.array(position), shape=(3, 3), dtype=np.dtype(dtype))
    key = [seed % 2**32, seed % 2**64 >> 32]
    words = [w for i in range(5) for w in slow_philox([1 + i, 2, 5, 256], key)]
    if dtype == "float32":
        expected = [(w >> 8) / 2**24 for w in words[:9]]
    else:
        expected = [(a << 32 | b) // 2**11 / 2**53 for a, b in zip(words[0:18:2], words[1:18:2], strict=True)]
    assert got.dtype == dtype
    assert got.ravel().tolist() == expected


def test_every_array_op_has_an_oracle() -> None:
    assert {*MOVED, *REDUCED, *LINEAR, "svd", "eigh", "uniform"} == {op.name for op in laws.ARRAY}
