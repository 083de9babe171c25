"""PCA and whitening: directions and variances, white data, exact inverses, and columns that carry nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn import decomposition

from forwardnet.data.whitening import KINDS, PCA
from forwardnet.errors import ArgumentError, DataError, FileFormatError, ForwardnetError, ShapeError, UnknownNameError

EPS = float(np.finfo(np.float32).eps)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 40), d=st.integers(1, 12))
def test_agrees_with_scikit_learn_and_inverts(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    own, theirs = PCA().fit(X), decomposition.PCA().fit(X)
    assert own.variances is not None and own.axes is not None and own.share is not None
    k = min(n, d)
    np.testing.assert_allclose(
        own.variances[:k], theirs.explained_variance_[:k], rtol=1e-9, atol=1e-12 * own.variances[0]
    )
    np.testing.assert_allclose(own.share.sum(), 1, rtol=1e-12)
    # float32 out: relative to the largest number in it
    Z = own.transform(X)
    np.testing.assert_allclose(own.inverse(Z), X, atol=8 * d * EPS * max(np.abs(X).max(), np.abs(Z).max()))
    np.testing.assert_allclose(own.axes @ own.axes.T, np.eye(len(own.axes)), atol=1e-12)


@pytest.mark.parametrize("whiten", ["pca", "zca"])
@pytest.mark.parametrize("shape", [(500, 4), (5000, 30)])
def test_white_data_have_the_identity_as_covariance(whiten: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    X = (rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) + 7).astype(np.float32)
    pca = PCA(whiten=whiten)  # type: ignore[arg-type]
    Z = pca.fit_transform(X)
    assert Z.dtype == np.float32
    # float32 rounding of the data, relative to their smallest direction, which whitening makes as large as the others
    assert pca.variances is not None
    tolerance = 20 * EPS * (pca.variances[0] / pca.variances[-1]) ** 0.5
    np.testing.assert_allclose(np.cov(Z.T.astype(np.float64)), np.eye(shape[1]), atol=tolerance)
    np.testing.assert_allclose(pca.inverse(Z), X, atol=100 * EPS * np.abs(X).max())


def test_zca_is_the_white_data_closest_to_the_columns() -> None:
    """Of all turns R of white data the one nearest to (centred, scaled) columns is zca's: no other comes closer."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 3)) @ np.array([[2.0, 0.6, 0.1], [0.0, 1.0, 0.4], [0.0, 0.0, 0.7]])
    Z = PCA(whiten="zca").fit_transform(X).astype(np.float64)
    centred = X - X.mean(axis=0)
    distance = ((Z - centred) ** 2).sum()
    for seed in range(20):
        turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
        assert ((Z @ turn - centred) ** 2).sum() > distance


def test_components_by_count_and_by_share() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4)) * [10.0, 3.0, 1.0, 0.1]
    two = PCA(2).fit(X)
    assert two.transform(X).shape == (300, 2) and two.inverse(two.transform(X)).shape == (300, 4)
    assert two.share is not None and two.axes is not None
    assert PCA(0.5).fit(X).transform(X).shape == (300, 1), "one direction holds 90 %"
    assert PCA(0.95).fit(X).transform(X).shape == (300, 2)
    whole = PCA(0.999999).fit(X)
    assert whole.share is not None and len(whole.share) == 4
    assert "2 of 4 directions hold 9" in two.summary()
    # what is lost is what the other directions vary: the mean squared error is the variance left out
    lost = ((two.inverse(two.transform(X)) - X) ** 2).sum() / 299
    assert lost == pytest.approx(PCA().fit(X).variances[2:].sum(), rel=1e-4)  # type: ignore[index]
    assert (np.abs(two.axes).argmax(axis=1) == [0, 1]).all() and (two.axes.max(axis=1) > 0.9).all()


@pytest.mark.parametrize("whiten", KINDS)
def test_columns_that_carry_nothing_stay_finite(whiten: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(50, 1))
    X = np.concatenate([x, 2 * x, np.full((50, 1), 0.1), rng.normal(size=(50, 1))], axis=1)
    pca = PCA(whiten=whiten).fit(X)  # type: ignore[arg-type]
    assert pca.variances is not None
    assert (pca.variances > 0).sum() == 2, "two directions have variance, of four columns"
    Z = pca.transform(X)
    assert np.isfinite(Z).all() and np.abs(Z).max() < 20
    np.testing.assert_allclose(pca.inverse(Z), X, atol=1e-5)


def test_eps_keeps_small_directions_small() -> None:
    X = np.random.default_rng(5).normal(size=(1000, 2)) * [1.0, 1e-4]
    sharp, soft = (PCA(whiten="pca", eps=eps).fit_transform(X).std(axis=0) for eps in (0.0, 1e-2))
    np.testing.assert_allclose(sharp, 1, rtol=1e-3)  # the divisor n - 1
    assert soft[0] == pytest.approx(1, abs=0.01) and soft[1] == pytest.approx(1e-3, rel=0.1)


def test_fewer_rows_than_columns() -> None:
    X = np.random.default_rng(6).normal(size=(5, 20))
    pca = PCA().fit(X)
    assert pca.variances is not None and (pca.variances > 0).sum() == 4, "five rows differ in four directions"
    np.testing.assert_allclose(pca.inverse(pca.transform(X)), X, atol=1e-5)
    with pytest.raises(ArgumentError, match="components is 9, but X allows at most 5"):
        PCA(9).fit(X)


def test_it_survives_json() -> None:
    X = np.random.default_rng(7).normal(size=(60, 5))
    for whiten in KINDS:
        pca = PCA(3, whiten=whiten, eps=0.1).fit(X)
        again = PCA.from_dict(json.loads(json.dumps(pca.to_dict())))
        np.testing.assert_array_equal(again.transform(X), pca.transform(X))
        assert again.to_dict() == pca.to_dict()
    for broken in ({"mean": [0.0] * 4}, {"variances": [1.0, -1.0, 1.0]}, {"axes": [[1.0]]}, {"share": "many"}):
        with pytest.raises(FileFormatError, match="^pca: "):
            PCA.from_dict({**pca.to_dict(), **broken})


def test_misuse_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown whitening 'zac'\nhint: did you mean 'zca'"):
        PCA(whiten="zac")  # type: ignore[arg-type]
    for components in (0, 1.5, -1, True, "all"):
        with pytest.raises(ArgumentError, match="PCA: components is"):
            PCA(components)  # type: ignore[arg-type]
    with pytest.raises(ForwardnetError, match=r"PCA.transform: nothing has been learnt yet\nhint: call fit"):
        PCA().transform([[1.0]])
    with pytest.raises(DataError, match="X has 1 row, expected at least two"):
        PCA().fit([[1.0, 2.0]])
    with pytest.raises(ShapeError, match=r"PCA.transform: the data has shape \(2, 3\), expected \(rows, 2\)"):
        PCA().fit([[1.0, 2.0], [3.0, 5.0]]).transform(np.zeros((2, 3)))
    with pytest.raises(DataError, match="too large to be squared"):
        PCA().fit([[1e200, 0.0], [-1e200, 1.0]])
