"""Networks behind scikit-learn's conventions: `fit`, `predict`, `score`, and every meta-estimator."""

from __future__ import annotations

import importlib
from typing import Any

# Name -> the module it is in, which is imported when the name is first used: a plan needs no scikit-learn.
_MODULES = {
    "Autoencoder": "autoencoder",
    "BaggedMLP": "bagging",
    "BaggedMLPClassifier": "bagging",
    "BaggedMLPRegressor": "bagging",
    "LinearRegressor": "linear",
    "LogisticRegression": "linear",
    "MLPClassifier": "classifier",
    "MLPRegressor": "regressor",
    "Perceptron": "linear",
    "SequenceForecaster": "forecaster",
    "load": "persistence",
}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
