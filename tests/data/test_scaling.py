"""Standardizer: mean 0 and deviation 1, exactly undone, and safe with what real columns bring."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.preprocessing import StandardScaler

from forwardnet.data.scaling import Standardizer
from forwardnet.errors import DataError, DTypeError, FileFormatError, ForwardnetError, ShapeError

EPS = float(np.finfo(np.float32).eps)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 50), offset=st.floats(-1e4, 1e4), size=st.floats(1e-3, 1e3))
def test_agrees_with_scikit_learn_and_inverts(seed: int, n: int, offset: float, size: float) -> None:
    X = (np.random.default_rng(seed).normal(offset, size, (n, 3))).astype(np.float32)
    own, theirs = Standardizer().fit(X), StandardScaler().fit(X.astype(np.float64))
    Z = own.transform(X)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(own.mean, theirs.mean_, rtol=1e-12, atol=1e-12 * size)  # float64, in another order
    np.testing.assert_allclose(own.scale, theirs.scale_, rtol=1e-6)  # the offset is up to 1e7 deviations: 1e7 * 2^-52
    # Rounding Z to float32 moves it by eps/2 of its size, which is at most sqrt(n) deviations.
    np.testing.assert_allclose(own.inverse(Z), X, atol=n**0.5 * own.scale.max() * EPS, rtol=EPS)


def test_columns_end_with_mean_0_and_deviation_1() -> None:
    X = np.random.default_rng(0).uniform(100, 101, (5000, 4)).astype(np.float32)
    Z = Standardizer().fit_transform(X).astype(np.float64)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=EPS)  # float32 rounding of values near 1
    np.testing.assert_allclose(Z.std(axis=0), 1, atol=EPS)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-30, 123456789.0])
def test_constant_columns_become_zero(value: float) -> None:
    X = np.stack([np.full(1000, value), np.arange(1000)], axis=1)
    standardizer = Standardizer().fit(X)
    assert standardizer.scale is not None
    assert standardizer.scale[0] == 1.0
    # what is left is the rounding of float64, of the size of the value
    np.testing.assert_allclose(standardizer.transform(X)[:, 0], 0, atol=abs(value) * 1e-15)


def test_a_column_that_differs_by_rounding_is_constant() -> None:
    standardizer = Standardizer().fit([[0.3], [0.1 + 0.2], [0.3]])
    assert standardizer.scale is not None
    assert standardizer.scale.tolist() == [1.0]


def test_one_row_and_one_column() -> None:
    assert Standardizer().fit_transform([[3.0, 4.0]]).tolist() == [[0.0, 0.0]]
    y = np.array([1.0, 3.0], dtype=np.float32)
    scaled = Standardizer().fit(y)
    assert scaled.transform(y).tolist() == [-1.0, 1.0]
    assert scaled.inverse([-1.0, 1.0]).tolist() == [1.0, 3.0]


def test_large_offsets_do_not_drown_the_deviation() -> None:
    X = (np.array([[0.0], [1.0], [2.0]]) + 2.0**23).astype(np.float32)  # the last whole numbers float32 holds exactly
    expected = [[-(1.5**0.5)], [0.0], [1.5**0.5]]
    np.testing.assert_allclose(Standardizer().fit_transform(X), expected, rtol=EPS)


def test_blocks_join_seamlessly() -> None:
    X = np.random.default_rng(1).normal(size=(10_000, 2)).astype(np.float32)
    standardizer = Standardizer().fit(X)
    whole = standardizer.transform(X)
    alone = np.concatenate([standardizer.transform(X[i : i + 1]) for i in range(0, 10_000, 997)])
    assert whole[::997].tobytes() == alone.tobytes()  # a row alone gives the bits it gives among others


def test_json_round_trip_is_exact() -> None:
    standardizer = Standardizer().fit(np.random.default_rng(2).normal(size=(30, 5)))
    back = Standardizer.from_dict(json.loads(json.dumps(standardizer.to_dict())))
    assert back.to_dict() == standardizer.to_dict()
    X = np.ones((2, 5), dtype=np.float32)
    assert back.transform(X).tobytes() == standardizer.transform(X).tobytes()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"mean": [1.0]},
        {"mean": [1.0], "scale": [1.0, 2.0]},
        {"mean": [1.0], "scale": [0.0]},
        {"mean": [1.0], "scale": [-1.0]},
        {"mean": [float("nan")], "scale": [1.0]},
        {"mean": [0.0], "scale": [float("inf")]},
        {"mean": ["a"], "scale": [1.0]},
        {"mean": [[1.0]], "scale": [[1.0]]},
        {"mean": None, "scale": [1.0]},
    ],
)
def test_damaged_values_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(FileFormatError, match="^standardizer: "):
        Standardizer.from_dict(values)


def test_wrong_use() -> None:
    with pytest.raises(ForwardnetError, match=r"Standardizer.transform: nothing has been learnt yet\nhint: call fit"):
        Standardizer().transform([[1.0]])
    fitted = Standardizer().fit([[1.0, 2.0], [3.0, 5.0]])
    with pytest.raises(ShapeError, match=r"Standardizer.transform: the data has shape \(1, 3\), expected 2 columns"):
        fitted.transform([[1.0, 2.0, 3.0]])
    with pytest.raises(DataError, match=r"Standardizer.fit: X has nan at row 1, column 0"):
        Standardizer().fit([[1.0], [np.nan]])
    with pytest.raises(DTypeError):
        Standardizer().fit([["a"]])
    with pytest.raises(DataError, match="column 1 of X is too large"):
        Standardizer().fit([[0.0, 1e200], [1.0, -1e200]])
