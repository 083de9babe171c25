"""Figures of resampled rows: those of the metrics themselves on the rows repeated as often as the weights say."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.train.metrics import METRICS
from forwardnet.validate.resampling import weighted


@pytest.mark.parametrize("metric", sorted(METRICS))
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("ties", [False, True])
def test_a_weight_counts_a_row_so_many_times(metric: str, n_classes: int, ties: bool) -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(0, 4, 80)
    rows = np.repeat(np.arange(80), times)
    if METRICS[metric].needs == "values":
        y, predicted, link = 1000 + rng.normal(size=80), 1000 + rng.normal(size=80), None
    else:
        y, link = rng.integers(0, n_classes, 80), "probabilities"
        predicted = rng.dirichlet(np.ones(n_classes), 80)
        if ties:
            predicted = np.round(predicted + 1e-3, 1)
            predicted /= predicted.sum(axis=1, keepdims=True)
    found = weighted(metric, y, predicted, link=link)(times.astype(np.float64))
    # Sums of 80 numbers in another order; for r2 of squares about a mean of 1000.
    assert found == pytest.approx(METRICS[metric](y[rows], predicted[rows], link=link), rel=1e-9)


def test_absent_classes_and_single_rows_leave_figures_undefined() -> None:
    y, p = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    only = np.array([1.0, 2.0, 0.0])
    assert np.isnan(weighted("roc_auc", y, p, link="probabilities")(only))
    assert weighted("balanced_accuracy", y, p, link="probabilities")(only) == 1
    assert np.isnan(weighted("r2", np.arange(3.0), np.zeros(3), link=None)(np.array([0.0, 5.0, 0.0])))
