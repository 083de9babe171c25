"""PyTorch: eager with the fused Adam, and the whole step through `torch.compile`. Data are resident tensors."""

from __future__ import annotations

import time
from itertools import cycle, islice
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.contenders.base import Contender
from benchmarks.tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Problem, Weights

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


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
        self.order = list(torch.from_numpy(problem.order))
        self.model = self._model(problem)
        super().load(problem)

    def _model(self, problem: Problem) -> nn.Sequential:
        layers: list[nn.Module] = []
        for W, _ in problem.start:
            layers += [nn.Linear(*W.shape), ACTIVATIONS[problem.task.activation]()]
        return nn.Sequential(*layers[:-1])

    def _restart(self) -> None:
        linear = [layer for layer in self.model if isinstance(layer, nn.Linear)]
        with torch.no_grad():
            for layer, (W, b) in zip(linear, self.problem.start, strict=True):
                layer.weight.copy_(torch.from_numpy(W.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))

    def reset(self) -> None:
        self._restart()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE, fused=True)

    def train(self, steps: int) -> int:
        for rows in islice(cycle(self.order), steps):
            self.optimizer.zero_grad()
            output = self.model(self.X.index_select(0, rows))
            F.cross_entropy(output, self.y.index_select(0, rows)).backward()
            self.optimizer.step()
        return steps

    def weights(self) -> Weights:
        linear = [layer for layer in self.model if isinstance(layer, nn.Linear)]
        return [(layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()) for layer in linear]


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
        parameters = dict(self.model.named_parameters())
        self.moments = [[torch.zeros_like(p) for p in parameters.values()] for _ in range(2)]
        self.step = torch.compile(self._step(parameters), dynamic=False, fullgraph=True, options={"cpp_wrapper": True})
        begin = time.perf_counter()
        self.step(self.order[0])
        seconds = time.perf_counter() - begin
        for rows in self.order[:3]:  # the first calls still check their guards at length
            self.step(rows)
        return seconds

    def _step(self, parameters: dict[str, nn.Parameter]) -> Any:
        X, y, model, count = self.X, self.y, self.model, self.count
        values = [p.detach() for p in parameters.values()]  # the same memory
        names, (first, second) = list(parameters), self.moments

        def loss(values: list[torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
            output = torch.func.functional_call(
                model, dict(zip(names, values, strict=True)), (X.index_select(0, rows),)
            )
            return F.cross_entropy(output, y.index_select(0, rows))

        def step(rows: torch.Tensor) -> torch.Tensor:
            gradients, value = torch.func.grad_and_value(loss)(values, rows)
            count.add_(1)
            for p, g, m, v in zip(values, gradients, first, second, strict=True):
                m.lerp_(g, 1 - BETA_1)
                v.lerp_(g * g, 1 - BETA_2)
                p.sub_(LEARNING_RATE * (m / (1 - BETA_1**count)) / ((v / (1 - BETA_2**count)).sqrt() + EPSILON))
            return value

        return step

    def train(self, steps: int) -> int:
        for rows in islice(cycle(self.order), steps):
            self.step(rows)
        return steps
