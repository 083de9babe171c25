"""Scaling of numbers, against scikit-learn and formulas written out again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from forwardnet.data.tables.features import scaled
from forwardnet.data.tables.numbers import METHODS, NumberScaler, is_near_constant
from forwardnet.errors import UnknownNameError

Array = NDArray[Any]
RNG = np.random.default_rng(0)
LONG_TAIL = np.exp(RNG.normal(size=(400, 3)) * [1.0, 2.0, 0.01]) * [1.0, 1e6, 1e-7]


def run(scaler: NumberScaler, X: Array) -> Array:
    out = np.empty(X.shape, dtype=np.float32)
    assert scaler.transform(list(X.T), out) is None
    return out


def published_robust(X: Array) -> Array:
    """Median, 1 / (q75 - q25) with two fallbacks, x / sqrt(1 + (x / 3)^2), column by column."""
    columns = []
    for x in X.T:
        width = np.quantile(x, 0.75) - np.quantile(x, 0.25)
        if width == 0:
            width = (x.max() - x.min()) / 2
        factor = 0 if width == 0 else 1 / width
        z = factor * (x - np.median(x))
        columns.append(z / (1 + (z / 3) ** 2) ** 0.5)
    return np.stack(columns, axis=1)


def test_standard_is_that_of_scikit_learn() -> None:
    found = run(NumberScaler("standard").fit(list(LONG_TAIL.T)), LONG_TAIL)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(LONG_TAIL), rtol=1e-6, atol=1e-7)  # float32


def test_robust_is_the_published_formula() -> None:
    X = np.column_stack([LONG_TAIL, np.repeat([0.0, 5.0], [390, 10])])  # the last has equal quartiles
    found = run(NumberScaler("robust").fit(list(X.T)), X)
    np.testing.assert_allclose(found, published_robust(X), rtol=1e-6, atol=1e-7)  # float32


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.75, 0.25), (0.2, 0.5, 0.3)])
def test_outputs_known_by_their_counts_are_scaled_like_columns(shares: tuple[float, ...]) -> None:
    values = np.array([-1.0, 1.0, 0.0])[: len(shares)]
    counts = np.array([round(43 * share) for share in shares])
    column = RNG.permutation(np.repeat(values, counts))[:, None]
    for method, oracle in (("robust", published_robust(column)), ("standard", StandardScaler().fit_transform(column))):
        found = scaled(method, values, counts)
        for value, z in zip(values, found, strict=True):
            np.testing.assert_allclose(oracle[column == value], z, rtol=1e-12, atol=1e-15)  # float64


@pytest.mark.parametrize("n", [12, 400])
def test_quantile_is_that_of_scikit_learn(n: int) -> None:
    X = np.column_stack([LONG_TAIL[:n, 0], np.round(LONG_TAIL[:n, 0]), RNG.integers(0, 3, n)])
    scaler = NumberScaler("quantile", seed=5).fit(list(X.T))
    noise = np.column_stack([np.random.default_rng((5, i)).normal(0, 1e-5, n) for i in range(3)])
    q = max(min(n // 30, 1000), 10)
    theirs = QuantileTransformer(output_distribution="normal", n_quantiles=q, subsample=10**9).fit(X + noise)
    new = np.concatenate([X, X + 0.3, X * 100, -X])
    np.testing.assert_allclose(np.stack(scaler.quantiles, axis=1), theirs.quantiles_, rtol=1e-12)  # float64
    np.testing.assert_allclose(run(scaler, new), theirs.transform(new), rtol=1e-6, atol=1e-6)  # float32 up to 5.2


def test_quantiles_do_not_blur_narrow_columns() -> None:
    x = LONG_TAIL[:, 0]
    wide, narrow = (NumberScaler("quantile").fit([x * size]) for size in (1.0, 1e-9))
    found = run(narrow, x[:, None] * 1e-9)
    # Noise is at most a thousandth of the deviation, so ranks move by about as much where values lie dense.
    np.testing.assert_allclose(found, run(wide, x[:, None]), atol=0.05)
    assert (np.diff(found[np.argsort(x), 0]) >= 0).all()


def test_none_changes_nothing_and_fills_with_the_mean() -> None:
    x = np.array([1.0, 2.0, 6.0, np.nan])
    assert run(NumberScaler("none").fit([x]), x[:, None]).ravel().tolist() == [1, 2, 6, 3]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_overflows(method: str) -> None:
    extremes = np.array([1.7e308, -1.7e308, 1e300, -1e-310, 0.0, 1e39, np.nan])[:, None]
    for learnt in (np.arange(50.0), np.arange(50.0) * 1e298, np.arange(50.0) * 1e-299, np.repeat([0, 1e-280], [49, 1])):
        with np.errstate(all="raise", under="ignore"):
            found = run(NumberScaler(method).fit([learnt]), extremes)
        assert np.isfinite(found).all()
        limit = {"robust": 3.0, "quantile": 5.2, "standard": 1e6}.get(method, float(np.finfo(np.float32).max))
        assert np.abs(found).max() <= limit
        assert found[6] == (0 if method != "none" else np.float32(min(learnt.mean(), limit)))


def test_the_smooth_clip_rises_to_3() -> None:
    scaler = NumberScaler("robust").fit([np.arange(9.0)])
    found = run(scaler, np.array([[-1e200], [-100.0], [4.0], [8.0], [1e5], [1e200]])).ravel()
    assert (np.diff(found) >= 0).all()
    assert found[0] == -3 and found[2] == 0 and found[-1] == 3


@pytest.mark.parametrize(
    ("values", "is_constant"),
    [
        ([0.3, 0.1 + 0.2], True),
        ([1000.0, 1000.0009], True),
        ([1000.5, 1000.6], False),
        ([1.7e9, 1.7e9 + 1], False),  # seconds, whole numbers: exact
        ([5.0, 5.0], True),
        ([0.0, 1e-30], False),
        ([0.0, 1e-305], True),
        ([], True),
    ],
)
def test_near_constant_columns_are_known(values: list[float], is_constant: bool) -> None:
    assert is_near_constant(np.array(values)) is is_constant


def test_an_infinite_number_is_found() -> None:
    scaler = NumberScaler().fit([np.arange(5.0), np.arange(5.0)])
    columns = [np.zeros(5000), np.where(np.arange(5000) == 4500, -np.inf, 0.0)]
    assert scaler.transform(columns, np.empty((5000, 2), dtype=np.float32)) == (1, 4500)


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'robust'"):
        NumberScaler("robus")


@pytest.mark.parametrize("method", METHODS)
def test_a_file_gives_the_same_bits(method: str) -> None:
    scaler = NumberScaler(method).fit(list(LONG_TAIL.T))
    state = json.loads(json.dumps(scaler.to_dict()))
    loaded = NumberScaler.from_dict(state, 3, "file")
    np.testing.assert_array_equal(run(loaded, LONG_TAIL * 1.7), run(scaler, LONG_TAIL * 1.7))
