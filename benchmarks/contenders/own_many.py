"""Forwardnet: `fit_many` over a Trainer for each network."""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from benchmarks import folds, reference
from benchmarks.contenders.base import ManyContender
from benchmarks.contenders.own import model_of, weights_of
from benchmarks.tasks import LEARNING_RATE, SEED
from forwardnet import nn
from forwardnet.train.many import fit_many


class OwnMany(ManyContender):
    """All that a user waits for: making networks and trainers, training, and a prediction from each."""

    def version(self) -> str:
        return f"Forwardnet {ff.__version__}"

    def run(self) -> None:
        self._make()
        self._fit()
        self._predict()

    def accuracy(self) -> float:
        return self._correct(self.predicted)

    def _make(self) -> None:
        ff.manual_seed(SEED)
        first, hidden, last = folds.NETWORK.sizes
        models = [
            nn.Sequential(nn.Linear(first, hidden), nn.ReLU(), nn.Linear(hidden, last)) for _ in range(self.count)
        ]
        self._train(models)

    def _train(self, models: list[nn.Sequential]) -> None:
        """A trainer for each."""
        self.trainers = [
            ff.Trainer(m, "cross_entropy", ff.optim.Adam(m.parameters(), lr=LEARNING_RATE), seed=number)
            for number, m in enumerate(models)
        ]

    def _fit(self) -> None:
        rows = [folds.rows_of(number, len(self.X)) for number in range(self.count)]
        settings = {"epochs": folds.EPOCHS, "batch_size": folds.NETWORK.batch, "threads": self.threads}
        fit_many(self.trainers, self.X, self.y, rows, **settings)

    def _predict(self) -> None:
        held_out = [folds.left_out(number, len(self.X)) for number in range(self.count)]
        self.predicted = [
            int(np.argmax(t.predict(self.X[row : row + 1]))) for t, row in zip(self.trainers, held_out, strict=True)
        ]

    def losses(self, numbers: list[int]) -> list[float] | None:
        problems = [folds.problem(number, self.X, self.y) for number in range(self.count)]
        self._train([model_of(p.task, p.start) for p in problems])
        self._fit()
        return [reference.loss(problems[number], weights_of(self.trainers[number].model)) for number in numbers]


class OwnManyTraining(OwnMany):
    """The call of `fit_many` alone."""

    def set_up(self) -> object:
        return self._make()

    def run(self) -> None:
        self._fit()

    def accuracy(self) -> float:
        self._predict()
        return super().accuracy()
