"""JAX: one `jit` of a `lax.scan` over the steps of an epoch, the state donated, the data resident."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

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
    Task,
    Weights,
)

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}


def epoch_of(task: Task, unroll: int) -> Callable[..., Any]:
    """epoch(state, X, y, order) -> (state, losses).

    The state is (what is learned, moments 1, moments 2, steps done, averages of normalisation, key of dropout).
    """
    decay = 1 - LEARNING_RATE * task.weight_decay

    def hidden(layer: Any, x: Any, key: Any) -> Any:
        """Values of a hidden layer, and mean and unbiased variance of the batch."""
        W, b, *norm = layer
        x, statistics = x @ W + b, ()
        if norm:
            mean, variance = x.mean(0), x.var(0)
            x = (x - mean) * lax.rsqrt(variance + NORM_EPSILON) * norm[0] + norm[1]
            statistics = mean, variance * (task.batch / (task.batch - 1))
        x = ACTIVATIONS[task.activation](x)
        if task.dropout:
            keep = 1 - task.dropout
            x = jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0.0)
        return x, statistics

    def loss(learned: Any, x: Any, y: Any, key: Any) -> Any:
        statistics = []
        keys = jax.random.split(key, len(learned)) if task.dropout else [key] * len(learned)
        for layer, own in zip(learned[:-1], keys[1:], strict=True):
            x, found = hidden(layer, x, own)
            statistics.append(found)
        W, b = learned[-1]
        picked = jax.nn.one_hot(y, task.sizes[-1], dtype=x.dtype)  # faster here than gathering
        return -(jax.nn.log_softmax(x @ W + b) * picked).sum() / task.batch, (statistics, keys[0])

    def epoch(state: Any, X: Any, y: Any, order: Any) -> Any:
        def step(state: Any, rows: Any) -> Any:
            learned, m, v, t, averages, key = state
            (value, (found, key)), g = jax.value_and_grad(loss, has_aux=True)(learned, X[rows], y[rows], key)
            t = t + 1
            averages = jax.tree.map(lambda a, s: (1 - MOMENTUM) * a + MOMENTUM * s, averages, found)
            m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, g)
            v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, g)
            first, second = 1 / (1 - BETA_1**t), 1 / (1 - BETA_2**t)
            learned = jax.tree.map(
                lambda p, m, v: decay * p - LEARNING_RATE * (m * first) / (jnp.sqrt(v * second) + EPSILON),
                learned,
                m,
                v,
            )
            return (learned, m, v, t, averages, key), value

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
        self.rows = jnp.asarray(problem.X), jnp.asarray(problem.y, jnp.int32)
        super().load(problem)

    def reset(self) -> None:
        self.data = (*self.rows, jnp.asarray(self.problem.order, jnp.int32))
        learned = [tuple(map(jnp.array, layer[:LEARNED])) for layer in self.problem.start]
        averages = [tuple(map(jnp.array, layer[LEARNED:])) for layer in self.problem.start[:-1]]
        zeros = [jax.tree.map(jnp.zeros_like, learned) for _ in range(2)]
        self.state = (learned, *zeros, jnp.float32(0), averages, jax.random.key(self.problem.seed))

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
        learned, averages = jax.device_get((self.state[0], self.state[4]))
        return [(*layer, *own) for layer, own in zip(learned, [*averages, ()], strict=True)]


class JaxOnce(Jax):
    """The same with one compilation."""

    unrolls = (1,)
