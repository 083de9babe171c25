"""PyTorch: eager with the fused Adam, and the whole step through `torch.compile`. Data are resident tensors."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import cycle, islice
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.contenders.base import Contender
from benchmarks.tasks import (
    BETA_1,
    BETA_2,
    EPSILON,
    LEARNED,
    LEARNING_RATE,
    MOMENTUM,
    NORM_EPSILON,
    Problem,
    Weights,
)

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu}


class Eager(Contender):
    """The training loop of the tutorials, with the optimiser that updates all parameters in one call."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)

    def version(self) -> str:
        return f"PyTorch {torch.__version__.split('+')[0]}"

    def load(self, problem: Problem) -> None:
        self.X, self.y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
        self.model = self._model(problem)
        super().load(problem)

    def _model(self, problem: Problem) -> nn.Sequential:
        task, layers = problem.task, []
        for layer in problem.start[:-1]:
            layers.append(nn.Linear(*layer[0].shape))
            layers += [nn.BatchNorm1d(len(layer[1]), eps=NORM_EPSILON, momentum=MOMENTUM)] if task.norm else []
            layers.append(ACTIVATIONS[task.activation]())
            layers += [nn.Dropout(task.dropout)] if task.dropout else []
        return nn.Sequential(*layers, nn.Linear(*problem.start[-1][0].shape))

    def _restart(self) -> None:
        torch.manual_seed(self.problem.seed)
        self.order = list(torch.from_numpy(self.problem.order))
        values = [p for layer in self.problem.start for p in layer]
        with torch.no_grad():
            for place, value in zip(_places(self.model), values, strict=True):
                place.copy_(torch.from_numpy(value.T.copy()))

    def reset(self) -> None:
        self._restart()
        parameters, decay = self.model.parameters(), self.problem.task.weight_decay
        if decay:
            self.optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=decay, fused=True)
        else:
            self.optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)

    def train(self, steps: int) -> int:
        for rows in islice(cycle(self.order), steps):
            self.optimizer.zero_grad()
            output = self.model(self.X.index_select(0, rows))
            F.cross_entropy(output, self.y.index_select(0, rows)).backward()
            self.optimizer.step()
        return steps

    def weights(self) -> Weights:
        found: Weights = []
        for layer in self.model:
            values = tuple(place.detach().numpy().T.copy() for place in _places([layer]))
            if isinstance(layer, nn.Linear):
                found.append(values)
            elif values:
                found[-1] += values
        return found


def _places(layers: Iterable[nn.Module]) -> list[torch.Tensor]:
    """What belongs to weights, in their order; matrices are transposed."""
    found: list[torch.Tensor] = []
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.BatchNorm1d):
            found += [layer.weight, layer.bias]
        if isinstance(layer, nn.BatchNorm1d):
            assert layer.running_mean is not None and layer.running_var is not None
            found += [layer.running_mean, layer.running_var]
    return found


class Compiled(Eager):
    """Gather, forward, backward and update as one graph: the fastest of the forms tried."""

    def wake(self) -> None:
        torch.compile(lambda x: x + 1, options={"cpp_wrapper": True})(torch.zeros(3))

    def reset(self) -> None:
        self._restart()
        for moment in (*self.moments[0], *self.moments[1], self.count):
            moment.zero_()

    def load(self, problem: Problem) -> None:
        self.moments: list[list[torch.Tensor]] = [[], []]
        self.count = torch.zeros(())
        super().load(problem)

    def prepare(self) -> float:
        torch._dynamo.reset()
        # the same memory as the model's
        layers = [[place.detach() for place in places] for places in self._layers()]
        learned = [p for layer in layers for p in layer[:LEARNED]]
        self.moments = [[torch.zeros_like(p) for p in learned] for _ in range(2)]
        self.step = torch.compile(self._step(layers), dynamic=False, fullgraph=True, options={"cpp_wrapper": True})
        begin = time.perf_counter()
        self.step(self.order[0])
        seconds = time.perf_counter() - begin
        for rows in self.order[:3]:  # the first calls still check their guards at length
            self.step(rows)
        return seconds

    def _layers(self) -> list[list[torch.Tensor]]:
        """The model's tensors, in the order of the weights."""
        every = iter(_places(self.model))
        return [[next(every) for _ in layer] for layer in self.problem.start]

    def _step(self, layers: list[list[torch.Tensor]]) -> Any:
        X, y, count, task = self.X, self.y, self.count, self.problem.task
        activation = FUNCTIONS[task.activation]
        learned = [layer[:LEARNED] for layer in layers]
        averages = [p for layer in layers for p in layer[LEARNED:]]
        values, (first, second) = [p for layer in learned for p in layer], self.moments
        decay = 1 - LEARNING_RATE * task.weight_decay

        def loss(learned: list[list[torch.Tensor]], rows: torch.Tensor) -> Any:
            x, found = X.index_select(0, rows), []
            for W, b, *norm in learned[:-1]:
                x = F.linear(x, W, b)
                if norm:
                    variance, mean = torch.var_mean(x, 0, correction=0)
                    found += [mean.detach(), variance.detach() * (task.batch / (task.batch - 1))]
                    x = (x - mean) * torch.rsqrt(variance + NORM_EPSILON) * norm[0] + norm[1]
                x = F.dropout(activation(x), task.dropout) if task.dropout else activation(x)
            return F.cross_entropy(F.linear(x, *learned[-1]), y.index_select(0, rows)), found

        def step(rows: torch.Tensor) -> torch.Tensor:
            gradients, (value, found) = torch.func.grad_and_value(loss, has_aux=True)(learned, rows)
            count.add_(1)
            for average, of_batch in zip(averages, found, strict=True):
                average.lerp_(of_batch, MOMENTUM)
            of_all = [g for layer in gradients for g in layer]
            for p, g, m, v in zip(values, of_all, first, second, strict=True):
                if task.weight_decay:
                    p.mul_(decay)
                m.lerp_(g, 1 - BETA_1)
                v.lerp_(g * g, 1 - BETA_2)
                p.sub_(LEARNING_RATE * (m / (1 - BETA_1**count)) / ((v / (1 - BETA_2**count)).sqrt() + EPSILON))
            return value

        return step

    def train(self, steps: int) -> int:
        for rows in islice(cycle(self.order), steps):
            self.step(rows)
        return steps
