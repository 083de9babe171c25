"""Data sets: what their formulas promise, row by row of the list. Readers and downloads have tests of their own."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct
from forwardnet.data import generators, populations
from forwardnet.errors import ArgumentError


@pytest.mark.parametrize("name", ["and", "or", "not", "xor"])
def test_DS01_DS02_truth_tables_are_those_of_the_gates(name: str) -> None:
    data = ff.datasets.load(name)
    assert len(data.X) == 2**data.n_features and len({tuple(row) for row in data.X.tolist()}) == len(data.X)
    outputs = construct.gate(name, data.n_features)(ff.tensor(data.X)).numpy().reshape(-1)
    np.testing.assert_array_equal(outputs, data.y)


def test_DS04_people_of_two_groups() -> None:
    data = ff.datasets.load("people")
    assert data.feature_names == ("height", "weight", "hair") and data.X.shape == (60, 3)
    X, y = populations.people(n=20_000, seed=1)
    assert np.bincount(y).tolist() == [10_000, 10_000] and X[:, 2].min() >= 0
    for group in (0, 1):  # the means of the formula, within five standard errors of 10,000 draws
        height, weight, hair = X[y == group].mean(axis=0)
        assert height == pytest.approx(168 + 8 * group, abs=5 * 8 / 100)
        assert weight == pytest.approx(0.9 * (68 + 8 * group), abs=5 * 8.8 / 100)
        assert hair == pytest.approx(30 - 14 * group, abs=0.4 + 0.25 * group)  # cut off at 0: a little more


def test_DS09_DS10_a_line_and_a_polynomial_with_noise() -> None:
    for make, formula in (
        (generators.line, lambda x: 2 * x + 1),
        (generators.polynomial, lambda x: 1 + 2 * x - 3 * x**2),
        (lambda **o: generators.polynomial(coefficients=(0, 0, 0, 5), **o), lambda x: 5 * x**3),
    ):
        X, y = make(n=50, noise=0.0)
        np.testing.assert_allclose(y, formula(X[:, 0]), atol=1e-14)  # rounding of a few additions
        X, y = make(n=20_000, noise=0.5)
        assert np.abs(X).max() <= 1 and (y - formula(X[:, 0])).std() == pytest.approx(0.5, rel=0.03)  # 6 errors of std


@pytest.mark.parametrize("margin", [0.05, 0.5])
def test_DS11_separable_points_keep_their_distance(margin: float) -> None:
    X, y = generators.separable(n=500, margin=margin, seed=3)
    distance = (2 * y - 1) * (X @ [0.6, 0.8] - 0.1)
    assert distance.min() >= margin / 2 - 1e-12 and set(y) == {0, 1}
    fitted = construct.perceptron(X, y)
    assert (fitted.network()(ff.tensor(X, dtype=ff.float32)).numpy().reshape(-1) == y).all()


def test_DS14_fraud_is_rare_and_can_be_told() -> None:
    data = ff.datasets.load("fraud")
    assert data.X.shape == (5000, 5) and data.y.sum() == 100
    assert populations.fraud(n=50, share=0.001)[1].sum() == 1
    X, y = populations.fraud(n=40_000, share=0.5, seed=1)
    log_ratio = np.log(X[y == 1, 0]).mean() - np.log(X[y == 0, 0]).mean()
    assert log_ratio == pytest.approx(1.2, abs=0.05)  # five standard errors of 20,000 draws of deviation 1
    assert (X[:, 1] >= 0).all() and (X[:, 1] < 24).all() and X[y == 1, 3].mean() > 1 > X[y == 0, 3].mean()


def test_options_that_cannot_be() -> None:
    for make, wrong in (
        (populations.fraud, {"share": 0}),
        (populations.fraud, {"n": 1}),
        (populations.people, {"n": 1}),
        (generators.separable, {"margin": 0}),
        (generators.line, {"noise": -1}),
    ):
        with pytest.raises(ArgumentError):
            make(**wrong)


def test_made_tables_are_functions_of_their_seed() -> None:
    for make in (populations.fraud, populations.people, generators.separable, generators.line, generators.polynomial):
        same, again, other = make(seed=5), make(seed=5), make(seed=6)
        assert same[0].tobytes() + same[1].tobytes() == again[0].tobytes() + again[1].tobytes()
        assert same[0].tobytes() != other[0].tobytes()
