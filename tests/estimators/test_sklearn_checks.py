"""scikit-learn's own checks of estimators, for every estimator, none of them expected to fail."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from forwardnet.estimators import (
    Autoencoder,
    LinearRegressor,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    Perceptron,
    SequenceForecaster,
)

# Few epochs with a higher rate, to be fast; the perceptron's bound is only reached where classes overlap.
ESTIMATORS = [
    MLPClassifier(max_iter=10, learning_rate_init=0.05),
    MLPRegressor(max_iter=10, learning_rate_init=0.05),
    LogisticRegression(),
    LinearRegressor(),
    Perceptron(max_iter=20),
    # Networks too small for native code to be worth its making.
    SequenceForecaster(max_epochs=2, members=1, hidden=4, compile=False),
    Autoencoder(max_iter=2, compile=False),
]


@parametrize_with_checks(ESTIMATORS)
# The checks give estimators what they must refuse or convert, and scikit-learn warns of it.
@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.DataConversionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_check(estimator: Any, check: Any) -> None:
    check(estimator)
