"""Forwardnet through its public face: `Trainer.fit`, with the shuffling and the history that belong to it."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import Any

import numpy as np

import forwardnet as ff
from benchmarks.contenders.base import Contender
from benchmarks.tasks import LEARNING_RATE, SEED, Problem, Weights
from forwardnet import nn

FOREVER = 10**9
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


class Clock(ff.train.Callback):
    """Notes when epochs end, and stops the fit when the first one is `seconds` past."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.began, self.ended = (0.0, 0.0), (0.0, 0.0)  # by the clock, and processor time
        self.epochs = -1  # the first one warms up

    def on_epoch_end(self, run: Any) -> None:
        self.ended = time.perf_counter(), time.process_time()
        self.epochs += 1
        if self.epochs == 0:
            self.began = self.ended
        elif self.ended[0] - self.began[0] >= self.seconds:
            run.stop("enough")


class Own(Contender):
    """Training through native code."""

    is_compiled = True
    shuffles = True

    def version(self) -> str:
        return f"Forwardnet {ff.__version__}"

    def wake(self) -> None:
        model = nn.Linear(1, 1)
        rows = np.zeros((2, 1), np.float32)
        ff.Trainer(model, "mse", "sgd", compile=self.is_compiled).fit(rows, rows, epochs=1, progress=False)

    def reset(self) -> None:
        task = self.problem.task
        layers: list[nn.Module] = []
        for W, b in self.problem.start:
            layer = nn.Linear(*W.shape)
            with ff.no_grad():
                layer.weight.copy_(ff.from_numpy(W.T.copy()))
                layer.bias.copy_(ff.from_numpy(b.copy()))
            layers += [layer, ACTIVATIONS[task.activation]()]
        self.model = nn.Sequential(*layers[:-1])
        optimizer = ff.optim.Adam(self.model.parameters(), lr=LEARNING_RATE)
        settings = {"compile": self.is_compiled, "threads": self.threads, "seed": SEED}
        self.trainer = ff.Trainer(self.model, nn.CrossEntropyLoss(), optimizer, **settings)

    def prepare(self) -> float | None:
        """The time of a fit of one step with nothing compiled before: trace, compile, and the step itself."""
        if not self.is_compiled:
            return None
        batch = self.problem.task.batch
        begin = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.trainer.fit(self.problem.X[:batch], self.problem.y[:batch], epochs=1, batch_size=batch, progress=False)
        seconds = time.perf_counter() - begin
        for warning in caught:
            self.notes["warning"] = str(warning.message)
        return seconds

    def train(self, steps: int) -> int:
        epochs = -(-steps // self.problem.task.steps)
        self._fit(epochs)
        return epochs * self.problem.task.steps

    def _fit(self, epochs: int, *callbacks: Clock) -> None:
        p, settings = self.problem, {"shuffle": self.shuffles, "progress": False}
        self.trainer.fit(p.X, p.y, epochs=epochs, batch_size=p.task.batch, callbacks=callbacks, **settings)

    def weights(self) -> Weights:
        linear = [layer for layer in self.model if isinstance(layer, nn.Linear)]
        return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linear]

    def timed(self, seconds: float) -> tuple[float, float]:
        """Between the ends of epochs of one fit, so that its set-up is not counted."""
        self.reset()
        clock = Clock(seconds)
        self._fit(FOREVER, clock)
        steps = clock.epochs * self.problem.task.steps
        return (clock.ended[0] - clock.began[0]) / steps, (clock.ended[1] - clock.began[1]) / steps

    def explain(self) -> str:
        """Where the time of a step goes, kernel by kernel."""
        self.reset()
        self._fit(1)
        return self.trainer.explain()


class OwnInOrder(Own):
    """The same over rows that already lie in the order of the first epoch: drawing an order is not counted."""

    shuffles = False

    def load(self, problem: Problem) -> None:
        rows = problem.order.ravel()
        super().load(dataclasses.replace(problem, X=problem.X[rows], y=problem.y[rows]))


class OwnEager(Own):
    """The same through NumPy, operation by operation."""

    is_compiled = False
