"""Whole fits of all that learns from tables, each by its defaults, for the comparison of their errors."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contenders.estimators import Pytabkit, error_of
from benchmarks.tables import data
from benchmarks.tables.quality import PUBLISHED, QUICK_EPOCHS, QUICK_ROWS
from benchmarks.tasks import Array


class Learners:
    """Fits a learner by its name, and predicts the test rows."""

    commands = ("fit",)

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def fit(self, name: str, learner: str, seed: int, quick: bool) -> dict[str, float]:
        """Seconds of the fit by the clock and of processor time, and the error of the test rows."""
        is_classifier = data.SOURCES[name].is_classifier
        train, test = data.split(name, seed, limit=QUICK_ROWS if quick else None)
        if learner == "pytabkit":
            return self._pytabkit(name, seed, quick=quick)
        if learner == "boosting":
            from forwardnet.validate.baselines import baseline

            n_classes = int(train.y.max()) + 1 if is_classifier else None
            found = baseline("boosting", train.table, train.y, test.table, n_classes=n_classes, seed=seed)
            predicted = found.predictions.argmax(1) if is_classifier else found.predictions
            return {"seconds": found.seconds, "error": error_of(test.y, predicted, is_classifier=is_classifier)}
        run = self._sklearn if learner == "sklearn" else self._own
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predict = run(learner, train, seed, is_classifier=is_classifier, quick=quick)
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "error": error_of(test.y, predict(test), is_classifier=is_classifier)}

    def _own(self, learner: str, train: data.Rows, seed: int, *, is_classifier: bool, quick: bool) -> Any:
        """A preset, or the defaults for "plain"."""
        from forwardnet.estimators import MLPClassifier, MLPRegressor

        settings: dict[str, Any] = {} if learner == "plain" else {"preset": learner}
        if learner == PUBLISHED:
            settings = {"preset": "realmlp", "encoder": {"frequent_values": False}}
        settings |= {"epochs": QUICK_EPOCHS} if quick else {}
        kind = MLPClassifier if is_classifier else MLPRegressor
        model = kind(**settings, threads=self.threads, random_state=seed).fit(train.table, train.y)
        return lambda test: model.predict(test.table)

    def _sklearn(
        self, learner: str, train: data.Rows, seed: int, *, is_classifier: bool, quick: bool
    ) -> Callable[[data.Rows], Array]:
        """MLPClassifier and MLPRegressor behind what its manual advises: scaled, one-hot, and a scaled target."""
        from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
        from sklearn.impute import SimpleImputer
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        (X,), is_code = data.matrices(train.table)
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        names = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        columns = ColumnTransformer([("numbers", numbers, ~is_code), ("names", names, is_code)])
        settings: dict[str, Any] = {"random_state": seed, **({"max_iter": QUICK_EPOCHS} if quick else {})}
        network = (MLPClassifier if is_classifier else MLPRegressor)(**settings)
        model: Any = make_pipeline(columns, network)
        if not is_classifier:
            model = TransformedTargetRegressor(model, transformer=StandardScaler())
        model.fit(X, train.y)
        return lambda test: np.asarray(model.predict(data.matrices(train.table, test.table)[0][1]))

    def _pytabkit(self, name: str, seed: int, *, quick: bool) -> dict[str, float]:
        peer = Pytabkit(self.threads)
        peer.load(name, seed, QUICK_ROWS if quick else None)
        found = peer.fit(QUICK_EPOCHS if quick else None)
        return {"seconds": found["seconds"], "error": found["error"]}
