"""scikit-learn's own checks of estimators, for every estimator, none of them expected to fail."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from forwardnet.estimators import MLPClassifier, MLPRegressor

# As many epochs as scikit-learn gives its own networks in these checks is twice this number.
ESTIMATORS = [MLPClassifier(max_iter=50), MLPRegressor(max_iter=50)]


@parametrize_with_checks(ESTIMATORS)
# The checks give estimators what they must refuse or convert, and scikit-learn warns of it.
@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.DataConversionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_check(estimator: Any, check: Any) -> None:
    check(estimator)
