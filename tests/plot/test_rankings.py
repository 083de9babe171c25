"""ROC, precision and recall, calibration: points against scikit-learn and by hand, and pictures that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from forwardnet import plot
from forwardnet.errors import DataError, ShapeError
from forwardnet.plot import rankings


def scored(ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    is_true = rng.random(200) < 0.3
    score = rng.normal(size=200) + is_true
    return is_true, np.round(score, 1) if ties else score


@pytest.mark.parametrize("ties", [False, True])
def test_points_are_those_of_scikit_learn(ties: bool) -> None:
    is_true, score = scored(ties)
    x, y = rankings.roc_points(is_true, score)
    theirs = metrics.roc_curve(is_true, score, drop_intermediate=False)
    # Both are ratios of whole numbers, so they agree to rounding.
    np.testing.assert_allclose(x, theirs[0], rtol=1e-14)
    np.testing.assert_allclose(y, theirs[1], rtol=1e-14)
    assert rankings.average_precision(is_true, score) == pytest.approx(
        metrics.average_precision_score(is_true, score), rel=1e-12
    )
    recall, precision = rankings.precision_recall_points(is_true, score)
    assert len(recall) == len(np.unique(score)) and recall[-1] == 1 and precision[-1] == is_true.mean()


def test_calibration_by_hand() -> None:
    is_true = np.array([False, True, True, True])
    probability = np.array([0.1, 0.15, 0.95, 1.0])
    said, found, counts = rankings.calibration_points(is_true, probability)
    np.testing.assert_allclose(said, [0.125, 0.975])
    np.testing.assert_allclose(found, [0.5, 1.0])
    assert counts.tolist() == [2, 2]
    assert rankings.calibration_error(is_true, probability) == pytest.approx((2 * 0.375 + 2 * 0.025) / 4)


@pytest.mark.parametrize("draw", [plot.roc, plot.precision_recall, plot.calibration])
@pytest.mark.parametrize("n_classes", [2, 3, 12])
def test_a_curve_for_each_class_that_can_have_one(draw: object, n_classes: int) -> None:
    assert callable(draw)
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes - (n_classes > 2), 300)  # the last of several classes has no row
    p = rng.dirichlet(np.ones(n_classes), 300)
    figure = draw(y, p, [f"c{k}" for k in range(n_classes)])
    named = [line.get_label() for line in figure.axes[0].lines if str(line.get_label()).startswith("c")]
    assert len(named) == {2: 1, 3: 2, 12: 8}[n_classes]
    assert plot.png_bytes(figure).startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(DataError, match="one class"):
        plot.roc(np.zeros(5, int), np.full((5, 2), 0.5), ["a", "b"])
    with pytest.raises(DataError, match="every row is true"):
        rankings.roc_points(np.ones(3, bool), np.arange(3.0))
    with pytest.raises(DataError, match="no row is true"):
        rankings.precision_recall_points(np.zeros(3, bool), np.arange(3.0))
    with pytest.raises(ShapeError):
        plot.calibration(np.zeros(5, int), np.full((5, 3), 0.5), ["a", "b"])
    with pytest.raises(ShapeError):
        rankings.roc_points(np.ones(3, bool), np.arange(4.0))
