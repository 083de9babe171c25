"""scikit-learn: `cross_val_score` of an MLPClassifier, a process for each core, which stay between the runs."""

from __future__ import annotations

import os
from itertools import cycle, islice

import joblib
import sklearn
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neural_network import MLPClassifier

from benchmarks import folds
from benchmarks.contenders.base import ManyContender
from benchmarks.tasks import LEARNING_RATE


class ScikitLearnMany(ManyContender):
    """As its manual does it; no penalty, and no stop before the last epoch."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        os.environ["PYTHONWARNINGS"] = "ignore"  # its processes say 150 times that the last epoch was reached

    def version(self) -> str:
        return f"scikit-learn {sklearn.__version__}"

    def run(self) -> None:
        model = MLPClassifier(
            folds.NETWORK.sizes[1:-1],
            activation=folds.NETWORK.activation,
            alpha=0.0,
            batch_size=folds.NETWORK.batch,
            learning_rate_init=LEARNING_RATE,
            max_iter=folds.EPOCHS,
            tol=0.0,
            n_iter_no_change=10**9,
        )
        splits = list(islice(cycle(LeaveOneOut().split(self.X)), self.count))
        with joblib.parallel_config("loky", inner_max_num_threads=1):  # the processes fill the cores
            self.scores = cross_val_score(model, self.X, self.y, cv=splits, n_jobs=self.threads)

    def accuracy(self) -> float:
        return float(self.scores.mean())
