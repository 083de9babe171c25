"""The learning rule ends within its bound where it can, and what it cannot is proved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct
from forwardnet.errors import ArgumentError, DataError, ShapeError

XOR = ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])


def blobs(seed: int, *, noise: bool = False) -> tuple[Any, Any]:
    """Points on both sides of a random hyperplane; with `noise` some on the wrong one."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(6, 80)), int(rng.integers(1, 6))
    X, w = rng.normal(size=(n, d)), rng.normal(size=d)
    w /= np.linalg.norm(w)
    X[:2] = -3 * w, 3 * w  # one at least on each side
    side = X @ w + rng.normal() * 0.3
    X += np.where(side > 0, 0.1, -0.1)[:, None] * w  # a gap, so that learning does not take ages
    y = (side > 0).astype(int)
    if noise:
        y[rng.choice(np.arange(2, n), n // 4 + 1, replace=False)] ^= 1
    return X, y


@pytest.mark.parametrize("order", ["cyclic", "random"])
def test_updates_stay_within_the_bound_for_any_rate(order: str) -> None:
    counts = []
    for seed in range(40):
        X, y = blobs(seed)
        runs = [construct.perceptron(X, y, order=order, rate=rate, seed=seed) for rate in (0.1, 1, 7)]
        known = runs[0].separation
        assert known.is_separable and known.weights is not None and known.bias is not None
        margins = (2 * y - 1) * (X @ known.weights + known.bias)
        assert margins.min() == pytest.approx(known.margin, rel=1e-6)
        assert np.linalg.norm([*known.weights, known.bias]) == pytest.approx(1)
        assert known.radius == pytest.approx(np.linalg.norm(np.column_stack([X, np.ones(len(X))]), axis=1).max())
        for run in runs:
            assert run.is_separating and run.updates <= known.bound
            side = X @ run.weights + run.bias
            assert np.array_equal(side > 0, y == 1)
            # From 0 the rate only scales the weights, up to rounding of what lies next to the hyperplane.
            assert run.updates == runs[0].updates
        counts.append(runs[0].updates / known.bound)
        network = runs[0].network(dtype=ff.float64)
        assert network(ff.tensor(X)).reshape(-1).tolist() == y.tolist()
    assert max(counts) > 0.02, "the bound is within reach of what happens"


def by_the_book(X: Any, y: Any, rate: float) -> tuple[list[float], int, int]:
    """Weights with the bias last, updates and passes, by a loop over the samples."""
    w, updates, passes = np.zeros(X.shape[1] + 1), 0, 0
    while True:
        passes += 1
        before = updates
        for x, sign in zip(np.column_stack([X, np.ones(len(X))]), np.where(y == 1, 1, -1), strict=True):
            if sign * (w @ x) <= 0:
                w += rate * sign * x
                updates += 1
        if updates == before:
            return w.tolist(), updates, passes


def test_samples_are_taken_in_turn() -> None:
    rng = np.random.default_rng(1)
    epochs = []
    for _ in range(25):
        # Whole numbers and a rate of 1, so that both ways of adding up give the same bits.
        X = rng.integers(-9, 10, (int(rng.integers(4, 30)), 2)).astype(float)
        y = (X @ [2.0, -1.0] > 0.5).astype(int)
        X[0], y[0], X[1], y[1] = (9, -9), 1, (-9, 9), 0
        run = construct.perceptron(X, y)
        weights, updates, passes = by_the_book(X, y, 1.0)
        assert ([*run.weights, run.bias], run.updates) == (weights, updates)
        # The last pass of the book only confirms; here it ends when all are known to be right.
        assert passes - 1 <= run.epochs <= passes
        epochs.append(run.epochs)
    assert max(epochs) > 3


def test_no_other_hyperplane_has_a_larger_margin() -> None:
    rng = np.random.default_rng(0)
    for seed in range(5):
        X, y = blobs(seed)
        best = construct.separation(X, y)
        assert best.weights is not None
        w = np.array([*best.weights, best.bias])
        points = (2 * y - 1)[:, None] * np.column_stack([X, np.ones(len(X))])
        for _ in range(2000):
            other = w + rng.normal(size=len(w)) * rng.choice([1e-3, 1e-2, 0.1, 1])
            assert (points @ other).min() / np.linalg.norm(other) <= best.margin * (1 + 1e-7)


def test_what_cannot_be_separated_is_proved_and_the_best_is_kept() -> None:
    proved = 0
    for seed in range(30):
        X, y = blobs(seed, noise=True)
        run = construct.perceptron(X, y, max_updates=500)
        known = run.separation
        wrong = int(np.sum((X @ run.weights + run.bias >= 0) != (y == 1)))
        assert wrong == run.errors
        if not known.is_separable:
            proved += 1
            c = known.certificate
            assert c is not None and c.min() >= 0 and c.sum() == pytest.approx(1)
            points = (2 * y - 1)[:, None] * np.column_stack([X, np.ones(len(X))])
            assert np.abs(c @ points).max() < 1e-9 * known.radius
            assert run.errors > 0 and run.updates == 500 and known.bound == np.inf
            assert "no hyperplane separates these classes" in str(run)
    assert proved >= 20
    longer = construct.perceptron(*XOR, order="random", max_updates=2000)
    assert longer.errors == 1, "three of four is the best for exclusive or"


def test_the_pocket_keeps_the_best_of_what_was_tried() -> None:
    X, y = blobs(3, noise=True)
    errors = [construct.perceptron(X, y, max_updates=n).errors for n in (0, 5, 50, 500)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0]


def test_stopped_before_the_end() -> None:
    X, y = np.array([[0.0], [1.0], [1.2]]), [0, 0, 1]
    run = construct.perceptron(X, y, max_updates=10)
    assert run.separation.is_separable and not run.is_separating and run.updates == 10
    assert "can be needed" in str(run)
    assert construct.perceptron(X, y, max_updates=10**4).is_separating


def test_labels_and_data() -> None:
    X = [[3.0, 3], [4, 3], [1, 1]]
    for y in ([1, 1, -1], [1, 1, 0], np.array([True, True, False])):
        assert construct.perceptron(X, y).weights.tolist() == [1, 1]
    with pytest.raises(DataError, match=r"y has the values \[1, 2\], expected two classes"):
        construct.perceptron(X, [1, 2, 1])
    with pytest.raises(DataError, match=r"y has the values \[1\]"):
        construct.separation(X, [1, 1, 1])
    with pytest.raises(ShapeError, match=r"X has shape \(3, 2\) and y \(2,\)"):
        construct.perceptron(X, [1, 0])
    with pytest.raises(DataError, match="not finite"):
        construct.perceptron([[np.nan], [1.0]], [0, 1])
    with pytest.raises(ArgumentError, match="rate is 0, max_updates 10 and order 'cyclic', expected a positive rate"):
        construct.perceptron(X, [1, 1, 0], rate=0, max_updates=10)
