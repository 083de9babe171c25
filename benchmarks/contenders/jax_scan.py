"""JAX: one `jit` of a `lax.scan` over the steps of an epoch, the state donated, the data resident."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.contenders.base import Contender
from benchmarks.tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Problem, Task, Weights

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}


def epoch_of(task: Task, unroll: int) -> Callable[..., Any]:
    """epoch(state, X, y, order) -> (state, losses); the state is (weights, moments 1, moments 2, steps done)."""

    def loss(weights: Any, x: Any, y: Any) -> Any:
        for W, b in weights[:-1]:
            x = ACTIVATIONS[task.activation](x @ W + b)
        W, b = weights[-1]
        picked = jax.nn.one_hot(y, task.sizes[-1], dtype=x.dtype)  # faster here than gathering
        return -(jax.nn.log_softmax(x @ W + b) * picked).sum() / task.batch

    def epoch(state: Any, X: Any, y: Any, order: Any) -> Any:
        def step(state: Any, rows: Any) -> Any:
            weights, m, v, t = state
            value, g = jax.value_and_grad(loss)(weights, X[rows], y[rows])
            t = t + 1
            m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, g)
            v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, g)
            first, second = 1 / (1 - BETA_1**t), 1 / (1 - BETA_2**t)
            weights = jax.tree.map(
                lambda p, m, v: p - LEARNING_RATE * (m * first) / (jnp.sqrt(v * second) + EPSILON), weights, m, v
            )
            return (weights, m, v, t), value

        return lax.scan(step, state, order, unroll=unroll)

    return epoch


class Jax(Contender):
    """XLA fixes its threads when it starts, from `NPROC`, so each number of threads has a process of its own."""

    unrolls: tuple[int, ...] = (1, 4)  # steps in the body of the scan: the faster is kept

    def version(self) -> str:
        return f"JAX {jax.__version__}"

    def wake(self) -> None:
        jax.jit(lambda x: x + 1)(jnp.zeros(3)).block_until_ready()

    def load(self, problem: Problem) -> None:
        order = jnp.asarray(problem.order, jnp.int32)
        self.data = (jnp.asarray(problem.X), jnp.asarray(problem.y, jnp.int32), order)
        super().load(problem)

    def reset(self) -> None:
        weights = [(jnp.array(W), jnp.array(b)) for W, b in self.problem.start]
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        self.state = (weights, *zeros, jnp.float32(0))

    def prepare(self) -> float:
        found = []
        for unroll in self.unrolls:
            begin = time.perf_counter()
            lowered = jax.jit(epoch_of(self.problem.task, unroll), donate_argnums=0).lower(self.state, *self.data)
            self.run = lowered.compile()
            seconds = time.perf_counter() - begin
            found.append((self._best_of(5) if len(self.unrolls) > 1 else 0.0, unroll, seconds, self.run))
        _, unroll, seconds, self.run = min(found, key=lambda item: item[0])
        self.notes["unroll"] = unroll
        return seconds

    def _best_of(self, count: int) -> float:
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            self.train(1)
            times.append(time.perf_counter() - begin)
        return min(times)

    def train(self, steps: int) -> int:
        """Whole epochs, one call for each; the next one is given before the last one is done."""
        epochs = -(-steps // self.problem.task.steps)
        for _ in range(epochs):
            self.state, losses = self.run(self.state, *self.data)
        losses.block_until_ready()
        return epochs * self.problem.task.steps

    def weights(self) -> Weights:
        return [(jax.device_get(W), jax.device_get(b)) for W, b in self.state[0]]


class JaxOnce(Jax):
    """The same with one compilation."""

    unrolls = (1,)
