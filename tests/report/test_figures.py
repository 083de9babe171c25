from __future__ import annotations

import math

import numpy as np
import pytest

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.report import class_table, classification_scores, regression_scores, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81/263, 15/148, 0/20, 1/29.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0000),  # the mirror image of 0/20
    ],
)
def test_wilson_against_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)  # four digits are printed


def test_wilson_covers_as_promised() -> None:
    """Of intervals from many samples about 95 % hold the true share, also for shares near 1."""
    rng = np.random.default_rng(0)
    for p in (0.5, 0.9, 0.97):
        counts = rng.binomial(360, p, 4000)
        covered = np.mean([low <= p <= high for low, high in (wilson(int(k), 360) for k in counts)])
        # Coverage oscillates with n and p by about 1.5 %; 4000 samples give a standard error of 0.35 %.
        assert 0.93 < covered < 0.975


@pytest.mark.parametrize("case", [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses(case: tuple[int, int]) -> None:
    with pytest.raises(ArgumentError):
        wilson(*case)


def test_class_table_by_hand() -> None:
    counts = np.array([[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    a, b, c, d = class_table(counts, ("a", "b", "c", "d"))
    assert (a.precision, a.recall, a.f1, a.rows) == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert (b.precision, b.recall, b.f1, b.rows) == pytest.approx((1 / 3, 1 / 2, 2 / 5, 2))
    assert math.isnan(c.precision) and c.recall == 0 and c.f1 == 0  # never called, one row
    assert math.isnan(d.precision) and math.isnan(d.recall) and math.isnan(d.f1) and d.rows == 0


def test_against_scikit_learn() -> None:
    from sklearn import metrics

    rng = np.random.default_rng(1)
    y = rng.integers(0, 5, 300)
    probabilities = rng.dirichlet(np.ones(5), 300)
    p = probabilities.argmax(1)
    counts = metrics.confusion_matrix(y, p)
    expected = metrics.precision_recall_fscore_support(y, p)
    got = list(zip(*[(r.precision, r.recall, r.f1, r.rows) for r in class_table(counts, tuple("abcde"))], strict=True))
    np.testing.assert_allclose(got, expected, rtol=1e-12)  # the same few float64 operations in another order
    accuracy, loss = classification_scores(y, probabilities)
    assert accuracy.value == pytest.approx(metrics.accuracy_score(y, p), rel=1e-12)
    assert loss.value == pytest.approx(metrics.log_loss(y, probabilities), rel=1e-12)
    assert accuracy.low is not None and accuracy.high is not None
    assert accuracy.low < accuracy.value < accuracy.high

    values, guesses = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    rmse, mae, r2 = regression_scores(values, guesses)
    assert rmse.value == pytest.approx(np.sqrt(metrics.mean_squared_error(values, guesses)), rel=1e-12)
    assert mae.value == pytest.approx(metrics.mean_absolute_error(values, guesses), rel=1e-12)
    assert r2.value == pytest.approx(metrics.r2_score(values, guesses), rel=1e-12)


def test_regression_interval_covers_the_truth() -> None:
    """Noise of standard deviation 2 and a perfect model: the RMSE is 2, and most intervals hold it."""
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(60):
        y = rng.normal(size=150)
        rmse, *_ = regression_scores(y, y + 2 * rng.normal(size=150), seed=seed)
        assert rmse.low is not None and rmse.high is not None
        held += rmse.low <= 2 <= rmse.high
    assert held >= 50  # 95 % of 60 is 57; below 50 has a chance under 1 in 1000 even for a coverage of 92 %


def test_regression_same_seed_same_interval_and_constant_target() -> None:
    y = np.arange(10.0)
    assert regression_scores(y, y + 1, seed=3) == regression_scores(y, y + 1, seed=3)
    _, _, r2 = regression_scores(np.ones(5), np.ones(5))
    assert r2.value == 1.0
    _, _, r2 = regression_scores(np.ones(5), np.zeros(5))
    assert r2.value == 0.0


def test_impossible_probability_gives_a_finite_loss() -> None:
    _, loss = classification_scores(np.array([1]), np.array([[1.0, 0.0]]))
    assert math.isfinite(loss.value) and loss.value > 20


def test_rows_must_match() -> None:
    with pytest.raises(ShapeError, match="3 true values and 2 predictions"):
        classification_scores(np.zeros(3, int), np.ones((2, 2)))
    with pytest.raises(ShapeError):
        regression_scores(np.zeros(3), np.zeros((3, 2)))
