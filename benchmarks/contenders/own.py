"""Forwardnet through its public face: `Trainer.fit`, with the shuffling and the history that belong to it."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

import forwardnet as ff
from benchmarks.contenders.base import Contender
from benchmarks.tasks import LEARNING_RATE, MOMENTUM, NORM_EPSILON, Problem, Task, Weights
from forwardnet import nn

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def model_of(task: Task, start: Weights) -> nn.Sequential:
    """The network with these weights."""
    layers: list[nn.Module] = []
    for layer in start[:-1]:
        layers.append(nn.Linear(*layer[0].shape))
        layers += [nn.BatchNorm1d(len(layer[1]), eps=NORM_EPSILON, momentum=MOMENTUM)] if task.norm else []
        layers.append(ACTIVATIONS[task.activation]())
        layers += [nn.Dropout(task.dropout)] if task.dropout else []
    model = nn.Sequential(*layers, nn.Linear(*start[-1][0].shape))
    with ff.no_grad():
        for place, value in zip(_places(model), [p for layer in start for p in layer], strict=True):
            place.copy_(ff.from_numpy(value.T.copy()))
    return model


def weights_of(model: nn.Sequential) -> Weights:
    """Its weights, layer by layer."""
    found: Weights = []
    for layer in model:
        values = tuple(place.detach().numpy().T.copy() for place in _places([layer]))
        if isinstance(layer, nn.Linear):
            found.append(values)
        elif values:
            found[-1] += values
    return found


def _places(layers: Iterable[nn.Module]) -> list[ff.Tensor]:
    """What belongs to weights, in their order; matrices are transposed."""
    found: list[ff.Tensor] = []
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.BatchNorm1d):
            found += [layer.weight, layer.bias]
        if isinstance(layer, nn.BatchNorm1d):
            found += [layer.running_mean, layer.running_var]
    return found


class Clock(ff.train.Callback):
    """Notes when the epochs of a fit begin and end, by the clock and in processor time; listens to nothing between."""

    began, ended = (0.0, 0.0), (0.0, 0.0)

    def on_train_begin(self, run: Any) -> None:
        self.began = time.perf_counter(), time.process_time()

    def on_train_end(self, run: Any) -> None:
        self.ended = time.perf_counter(), time.process_time()


class Own(Contender):
    """Training through native code."""

    is_compiled = True
    shuffles = True
    epoch_seconds = 1.0  # what the last measurement found

    def version(self) -> str:
        return f"Forwardnet {ff.__version__}"

    def wake(self) -> None:
        model = nn.Linear(1, 1)
        rows = np.zeros((2, 1), np.float32)
        ff.Trainer(model, "mse", "sgd", compile=self.is_compiled).fit(rows, rows, epochs=1, progress=False)

    def reset(self) -> None:
        task = self.problem.task
        self.model = model_of(task, self.problem.start)
        parameters = self.model.parameters()
        if task.weight_decay:
            optimizer = ff.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=task.weight_decay)
        else:
            optimizer = ff.optim.Adam(parameters, lr=LEARNING_RATE)
        settings = {"compile": self.is_compiled, "threads": self.threads, "seed": self.problem.seed}
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
        return weights_of(self.model)

    def timed(self, seconds: float) -> tuple[float, float]:
        """All epochs of one fit, about as many as take `seconds`; its set-up is not counted."""
        self.reset()
        clock, epochs = Clock(), max(2, round(seconds / self.epoch_seconds))
        self._fit(epochs, clock)
        clocked, used = (end - begin for begin, end in zip(clock.began, clock.ended, strict=True))
        self.epoch_seconds = clocked / epochs
        return clocked / epochs / self.problem.task.steps, used / epochs / self.problem.task.steps

    def explain(self) -> str:
        """Where the time of a step goes, kernel by kernel."""
        self.reset()
        self._fit(1)
        return self.trainer.explain()


class OwnInOrder(Own):
    """The same over rows that already lie in the order of the first epoch: drawing an order is not counted."""

    shuffles = False

    def take(self, problem: Problem) -> None:
        rows = problem.order.ravel()
        super().take(dataclasses.replace(problem, X=problem.X[rows], y=problem.y[rows]))


class OwnEager(Own):
    """The same through NumPy, operation by operation."""

    is_compiled = False
