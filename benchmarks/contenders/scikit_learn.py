"""scikit-learn's MLPClassifier, in float32, without its penalty, over rows that already lie in order."""

from __future__ import annotations

import warnings
from typing import Any

import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import LabelBinarizer

from benchmarks.contenders.base import Contender
from benchmarks.tasks import LEARNING_RATE, SEED, Array, Weights


class Columns(LabelBinarizer):  # type: ignore[misc]
    """One column for each class, also for two classes: the softmax over two units that all others train."""

    def fit(self, y: Array) -> Columns:
        super().fit(y)
        self.y_type_ = "multiclass"
        return self

    def transform(self, y: Array) -> Array:
        result: Array = y[:, None] == self.classes_
        return result


class Started(MLPClassifier):  # type: ignore[misc]
    """An MLPClassifier that begins with given weights."""

    start: Weights

    def _validate_input(self, X: Array, y: Array, incremental: bool, reset: bool) -> Any:
        X, _ = super()._validate_input(X, y, incremental, reset)
        self._label_binarizer = Columns().fit(y)
        return X, self._label_binarizer.transform(y)

    def _initialize(self, y: Array, layer_units: list[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)
        self.coefs_ = [W.copy() for W, _ in self.start]
        self.intercepts_ = [b.copy() for _, b in self.start]


class ScikitLearn(Contender):
    """`fit` for some epochs; batches are slices, so nothing is gathered."""

    def version(self) -> str:
        return f"scikit-learn {sklearn.__version__}"

    def reset(self) -> None:
        task, order = self.problem.task, self.problem.order.ravel()
        self.X, self.y = self.problem.X[order], self.problem.y[order]
        self.model = Started(
            task.sizes[1:-1],
            activation=task.activation,
            solver="adam",
            alpha=0.0,
            batch_size=task.batch,
            learning_rate_init=LEARNING_RATE,
            shuffle=False,
            tol=0.0,
            n_iter_no_change=10**9,
            warm_start=True,
            random_state=SEED,
        )
        self.model.start = self.problem.start

    def train(self, steps: int) -> int:
        """Whole epochs, or a part of the first one."""
        task = self.problem.task
        epochs, rows = max(1, steps // task.steps), min(steps, task.steps) * task.batch
        self.model.set_params(max_iter=epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # that the last epoch was reached is what is wanted
            self.model.fit(self.X[:rows], self.y[:rows])
        return epochs * rows // task.batch

    def weights(self) -> Weights:
        return list(zip(self.model.coefs_, self.model.intercepts_, strict=True))
