"""Linear models by hand, against least squares of NumPy and features written out."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from forwardnet.errors import ArgumentError, DivergedError, ShapeError, UnknownNameError


def data(n: int = 40, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X, X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=n)


def test_both_solvers_find_the_same() -> None:
    X, y = data()
    exact = construct.fit_linear(X, y)
    descent = construct.fit_linear(X, y, solver="gd")
    wanted, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)
    np.testing.assert_allclose([*exact.weights, exact.bias], wanted, rtol=1e-10)
    np.testing.assert_allclose(
        [*descent.weights, descent.bias], wanted, rtol=1e-8
    )  # the gradient is 1e-10 of its first
    assert descent.is_converged and descent.steps > 10 and exact.steps == 0
    assert exact.loss == pytest.approx(0.5 * np.sum((X @ wanted[:3] + wanted[3] - y) ** 2))
    got = exact.network(dtype=ff.float64)(ff.tensor(X)).numpy().ravel()
    np.testing.assert_allclose(got, X @ wanted[:3] + wanted[3], rtol=1e-10)


def test_rates_up_to_the_stated_one_converge() -> None:
    X, y = data()
    largest = construct.fit_linear(X, y).largest_rate
    assert construct.fit_linear(X, y, solver="gd", rate=0.99 * largest).is_converged
    with pytest.raises(DivergedError, match="steps of rate .*\nhint: rates below"):
        construct.fit_linear(X, y, solver="gd", rate=1.01 * largest)
    usual, given = (construct.fit_linear(X, y, solver="gd", rate=rate) for rate in (None, largest / 2))
    assert usual.steps == given.steps, "the rate that is taken without one is 1 / the largest curvature"
    scaled = construct.fit_linear(X, 1e6 * y, solver="gd")
    assert abs(scaled.steps - usual.steps) <= 1, "it stops when the gradient is short beside the first"
    short = construct.fit_linear(X, y, solver="gd", max_steps=3)
    assert short.steps == 3 and not short.is_converged
    there = construct.fit_linear(X, y)
    again = construct.fit_linear(X, y, solver="gd", start=[there.bias, *there.weights], max_steps=5)
    assert again.loss == pytest.approx(there.loss)


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"X has shape \(3,\), expected \(n, d\)\nhint: one feature"):
        construct.fit_linear([1, 2, 3], [1, 2, 3])
    with pytest.raises(ShapeError, match="X has 2 rows and y 3"):
        construct.fit_linear([[1], [2]], [1, 2, 3])
    with pytest.raises(UnknownNameError, match="unknown solver 'sgd'\nhint: did you mean 'gd'"):
        construct.fit_linear([[1], [2]], [1, 2], solver="sgd")
    with pytest.raises(ShapeError, match=r"start has shape \(1,\), expected \(2,\): bias, then weights"):
        construct.fit_linear([[1], [2]], [1, 2], solver="gd", start=[0])


def test_weights_by_experience_have_the_signs_of_the_correlations() -> None:
    X, y = data(400)
    X = X * [1.0, 100.0, 0.01] + [5.0, -3.0, 0.0]  # units do not matter
    label = (y > 3).astype(float)
    network = construct.suggest_weights(X, label, dtype=ff.float64)
    assert [type(layer) for layer in network] == [nn.Linear, nn.Sigmoid]
    w = network[0].weight.numpy().ravel() * X.std(axis=0)
    np.testing.assert_allclose(w, [np.corrcoef(X[:, i], label)[0, 1] for i in range(3)], rtol=1e-10)
    assert w[1] < 0 < w[0] and abs(w[1]) > abs(w[0])
    p = network(ff.tensor(X)).numpy().ravel()
    assert np.mean((p > 0.5) == label) > 0.9 and p[np.argmin(np.abs(y - 3))] == pytest.approx(0.5, abs=0.1)
    constant = construct.suggest_weights(np.column_stack([X, np.ones(len(X))]), label)
    assert constant[0].weight.numpy().ravel()[3] == 0
    with pytest.raises(ArgumentError, match="all y are the same"):
        construct.suggest_weights(X, np.ones(len(X)))


def test_features() -> None:
    X = [[2.0, 3.0, 5.0]]
    assert construct.polynomial_features(X, 1).tolist() == X
    assert construct.polynomial_features(X).tolist() == [[2, 3, 5, 4, 6, 10, 9, 15, 25]]
    assert construct.polynomial_features(X, 3, interactions_only=True).tolist() == [[2, 3, 5, 6, 10, 15, 30]]
    near = construct.rbf_features([[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0]], width=5.0)
    np.testing.assert_allclose(near, [[1], [np.exp(-0.5)]], rtol=1e-15)
    assert construct.add_bias_column([[7.0], [8.0]]).tolist() == [[1, 7], [1, 8]]
    with pytest.raises(ArgumentError, match="degree is 0"):
        construct.polynomial_features(X, 0)
    with pytest.raises(ArgumentError, match="width is 0"):
        construct.rbf_features(X, X, 0)
    with pytest.raises(ShapeError, match="X has 3 columns and centers 2"):
        construct.rbf_features(X, [[1, 2]], 1)
