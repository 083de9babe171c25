"""Whole fits of estimators on tables: ours, scikit-learn's, and RealMLP of the library of its authors."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from benchmarks.tables import data
from benchmarks.tables.fits import Fit
from benchmarks.tasks import Array


def error_of(y: Array, predicted: Array, *, is_classifier: bool) -> float:
    """The share of wrong classes, or the root of the mean squared error."""
    if is_classifier:
        return float((np.asarray(predicted) != y).mean())
    return float(np.sqrt(((np.asarray(predicted, np.float64).reshape(y.shape) - y) ** 2).mean()))


class FitContender(ABC):
    """Fits an estimator with given parameters to given arrays, again and again."""

    commands = ("load", "timed")
    dtype = np.float32

    def __init__(self, threads: int) -> None:
        self.threads = threads

    @abstractmethod
    def make(self, parameters: dict[str, Any], *, is_classifier: bool) -> Any:
        """The estimator, not yet fitted."""

    def load(self, fit: dict[str, Any]) -> dict[str, Any]:
        """Take up a fit and do it once; tells its seconds, epochs and score, and the rows and widths."""
        self.task, self.arrays = Fit.from_dict(fit), data.arrays(fit["data"])
        self.X = self.arrays.X.astype(self.dtype)
        begin = time.perf_counter()
        model = self.run()
        seconds = time.perf_counter() - begin
        score = model.score(self.arrays.X_test.astype(self.dtype), self.arrays.y_test)
        sizes = (*self.X.shape, int(model.n_outputs_))
        return {"seconds": seconds, "score": float(score), "epochs": int(model.n_iter_), "sizes": sizes}

    def run(self) -> Any:
        """One fit."""
        model = self.make(self.task.parameters(), is_classifier=self.arrays.is_classifier)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the last epoch was reached is what is wanted
            return model.fit(self.X, self.arrays.y)

    def timed(self, seconds: float) -> tuple[float, float]:
        """Seconds per fit by the clock and of processor time, over at least one fit and `seconds`."""
        count, clock = 0, 0.0
        begin, used = time.perf_counter(), time.process_time()
        while count == 0 or clock < seconds:
            self.run()
            count, clock = count + 1, time.perf_counter() - begin
        return clock / count, (time.process_time() - used) / count


class OwnFit(FitContender):
    """Ours; everything that belongs to `fit` is timed, tracing and loading kept native code included."""

    def make(self, parameters: dict[str, Any], *, is_classifier: bool) -> Any:
        from forwardnet.estimators import MLPClassifier, MLPRegressor

        return (MLPClassifier if is_classifier else MLPRegressor)(**parameters, threads=self.threads)


class ScikitLearnFit(FitContender):
    """scikit-learn's, in the single precision of the arrays it gets."""

    def make(self, parameters: dict[str, Any], *, is_classifier: bool) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        return (MLPClassifier if is_classifier else MLPRegressor)(**parameters)


class ScikitLearnDoubleFit(ScikitLearnFit):
    """The same in double precision: what those get who do not think of it."""

    dtype = np.float64


class RealMLP(ABC):
    """Default RealMLP, on rows of which the same are held out to choose the best epoch."""

    commands = ("load", "fit")

    def __init__(self, threads: int) -> None:
        self.threads = threads

    @abstractmethod
    def run(self, epochs: int | None) -> Any:
        """A fit of so many epochs, None: as many as are its default."""

    @abstractmethod
    def predict(self) -> Array:
        """Of the test rows, by the latest fit."""

    def load(self, name: str, seed: int, limit: int | None) -> None:
        """Take up a table; the seed decides on splits and first weights."""
        self.is_classifier, self.seed = data.SOURCES[name].is_classifier, seed
        train, test = data.split(name, seed, limit=limit)
        learnt, held = data.validation(train, seed, is_classifier=self.is_classifier)
        self.learnt, self.held, self.test = data.filled(learnt, held, test)
        self.set_up()

    def set_up(self) -> object:
        """What comes before fits and is not timed."""
        return None

    def fit(self, epochs: int | None) -> dict[str, float]:
        """Seconds by the clock and of processor time, and the error of the test rows."""
        begin, used = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.run(epochs)
        seconds, used = time.perf_counter() - begin, time.process_time() - used
        error = error_of(self.test.y, self.predict(), is_classifier=self.is_classifier)
        return {"seconds": seconds, "used": used, "error": error}


class OwnRealMLP(RealMLP):
    """`preset="realmlp"` with the inputs of what is published, so that both networks have the same sizes."""

    commands = (*RealMLP.commands, "sizes")

    def run(self, epochs: int | None) -> Any:
        from forwardnet.estimators import MLPClassifier, MLPRegressor

        kind = MLPClassifier if self.is_classifier else MLPRegressor
        settings = {"epochs": epochs, "threads": self.threads, "random_state": self.seed}
        self.model = kind(preset="realmlp", encoder={"frequent_values": False}, **settings)
        return self.model.fit(self.learnt.table, self.learnt.y, X_val=self.held.table, y_val=self.held.y)

    def predict(self) -> Array:
        return np.asarray(self.model.predict(self.test.table))

    def sizes(self) -> dict[str, int]:
        """Rows to learn from, and the operations of the products of an epoch: three each, and one of what is held out.

        Only those of the dense layers are counted, not the small ones of embeddings.
        """
        from forwardnet import nn

        dense = [m for m in self.model.network_.modules() if isinstance(m, nn.NTKLinear)]
        products = sum(int(np.prod(layer.weight.shape)) for layer in dense)
        rows, batch = len(self.learnt.y), 256
        return {"rows": rows, "flops": 2 * products * (3 * (rows - rows % batch) + len(self.held.y))}


class Pytabkit(RealMLP):
    """RealMLP_TD_Classifier and RealMLP_TD_Regressor of pytabkit, on the processor."""

    def set_up(self) -> object:
        self.frames = [_frame(rows.table) for rows in (self.learnt, self.held, self.test)]
        return None

    def run(self, epochs: int | None) -> Any:
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        kind = RealMLP_TD_Classifier if self.is_classifier else RealMLP_TD_Regressor
        self.model = kind(device="cpu", n_threads=self.threads, n_epochs=epochs, random_state=self.seed)
        return self.model.fit(self.frames[0], self.learnt.y, self.frames[1], self.held.y)

    def predict(self) -> Array:
        return np.asarray(self.model.predict(self.frames[2]))


def _frame(table: Any) -> Any:
    """The table for pandas, categories as such."""
    import pandas as pd

    return pd.DataFrame(
        {c.name: pd.Categorical.from_codes(c.values, c.levels) if c.is_coded else c.values for c in table.columns}
    )
