"""Networks of one layer against scikit-learn's linear models."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import linear_model as sk
from sklearn.datasets import load_diabetes, load_iris

from forwardnet import LinearRegressor, LogisticRegression, Perceptron

X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)


@pytest.mark.parametrize("y", [Y, np.where(Y == 1, "yes", "no")], ids=["three", "two"])
def test_logistic_regression(y: np.ndarray) -> None:
    settings = {"C": 0.5, "tol": 1e-7, "max_iter": 1000}
    ours, theirs = LogisticRegression(**settings).fit(X, y), sk.LogisticRegression(**settings).fit(X, y)
    # The gradient of either is below 1e-7, and the least curvature, that of the penalty, is 1 / (C n) = 0.013.
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-3)
    assert (ours.predict(X) == theirs.predict(X)).all()


def test_least_squares_and_ridge() -> None:
    ours, theirs = LinearRegressor().fit(XD, YD), sk.LinearRegression().fit(XD, YD)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)
    weight = np.random.RandomState(0).uniform(size=442)
    both = np.stack([YD, YD**2 / 100], axis=1)
    shrunk, ridge = LinearRegressor(alpha=2.0, scale=False), sk.Ridge(alpha=2.0)
    shrunk.fit(XD, both, sample_weight=weight)
    ridge.fit(XD, both, sample_weight=weight)
    np.testing.assert_allclose(shrunk.coef_, ridge.coef_, rtol=1e-3)


def test_a_robust_line() -> None:
    x = np.linspace(-1, 1, 101)[:, None]
    y = 3 * x[:, 0] + 1
    y[::10] += 20
    line = LinearRegressor("huber", delta=0.1).fit(x, y)
    assert line.coef_ == pytest.approx(3, abs=0.1)
    assert abs(sk.LinearRegression().fit(x, y).coef_[0] - 3) < 2  # the outliers are even: only the height suffers
    assert line.intercept_ == pytest.approx(1, abs=0.3) != pytest.approx(sk.LinearRegression().fit(x, y).intercept_)


def test_the_perceptrons_rule() -> None:
    y = np.where(Y == 0, "setosa", "other")
    ours = Perceptron(shuffle=False, eta0=0.5).fit(X, y)
    theirs = sk.Perceptron(shuffle=False, eta0=0.5).fit(X, y)
    # The weights are sums of rows, of which float32 keeps seven digits.
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.score(X, y) == 1
    assert Perceptron(max_iter=200).fit(X, Y).score(X, Y) > 0.6
