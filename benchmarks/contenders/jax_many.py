"""JAX: `vmap` over the networks of a jitted `lax.scan` over epochs and steps; first weights and orders ready-made.

Axis glossary: m networks, E epochs, S full batches of an epoch, B their rows, R rows of the batch that is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import folds, reference
from benchmarks.contenders.base import ManyContender
from benchmarks.tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Weights


def train_of(X: Any, y: Any, unroll: int) -> Callable[..., Any]:
    """train(weights, full (E, S, B), rest (E, R)) -> (weights, losses), for one network."""

    def loss(weights: Any, x: Any, y: Any) -> Any:
        (W_1, b_1), (W_2, b_2) = weights
        z = jax.nn.relu(x @ W_1 + b_1) @ W_2 + b_2
        return -(jax.nn.log_softmax(z) * jax.nn.one_hot(y, z.shape[1], dtype=z.dtype)).sum() / len(x)

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

    def epoch(state: Any, order: Any) -> Any:
        full, rest = order
        state, values = lax.scan(step, state, full, unroll=unroll)
        state, last = step(state, rest)
        return state, (values.sum() * full.shape[1] + last * len(rest)) / (full.size + len(rest))

    def train(weights: Any, full: Any, rest: Any) -> Any:
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        state, losses = lax.scan(epoch, (weights, *zeros, jnp.float32(0)), (full, rest))
        return state[0], losses

    return train


class JaxMany(ManyContender):
    """Warm, from data in memory; making the networks and predicting are not in it."""

    unrolls: tuple[int, ...] = (1, 4)  # the faster is kept

    def version(self) -> str:
        return f"JAX {jax.__version__}"

    def load(self, count: int) -> float:
        """As for all; two forms are compiled, and the first run is that of the faster."""
        X, y = folds.iris()
        self.problems = [folds.problem(number, X, y) for number in range(count)]
        order = np.stack([p.order for p in self.problems]).astype(np.int32)
        batch = folds.NETWORK.batch
        full = order.shape[2] // batch * batch
        start = [p.start for p in self.problems]
        weights = [
            tuple(jnp.asarray(np.stack(same)) for same in zip(*layer, strict=True))
            for layer in zip(*start, strict=True)
        ]
        parts = order[:, :, :full].reshape(*order.shape[:2], -1, batch), order[:, :, full:]
        self.data = (weights, *map(jnp.asarray, parts))
        found = []
        for unroll in self.unrolls:
            train = jax.jit(jax.vmap(train_of(jnp.asarray(X), jnp.asarray(y, jnp.int32), unroll)))
            begin = time.perf_counter()
            self.train = train.lower(*self.data).compile()
            compiling = time.perf_counter() - begin
            first = super().load(count)
            found.append(
                (
                    min(self.timed(0.0)[0] for _ in range(3)) if len(self.unrolls) > 1 else 0.0,
                    compiling + first,
                    self.train,
                )
            )
        _, seconds, self.train = min(found, key=lambda item: item[0])
        return seconds

    def run(self) -> None:
        self.result = jax.block_until_ready(self.train(*self.data))

    def _weights(self) -> list[Weights]:
        """Of each network."""
        layers = jax.device_get(self.result[0])
        return [[(W[number], b[number]) for W, b in layers] for number in range(self.count)]

    def accuracy(self) -> float:
        rows = [folds.left_out(number, len(self.X)) for number in range(self.count)]
        trained = zip(self._weights(), rows, strict=True)
        return self._correct(
            np.array([reference.logits(folds.NETWORK, w, self.X[row : row + 1]).argmax() for w, row in trained])
        )

    def losses(self, numbers: list[int]) -> list[float] | None:
        self.run()
        weights = self._weights()
        return [reference.loss(self.problems[number], weights[number]) for number in numbers]


class JaxManyOnce(JaxMany):
    """The same with one compilation."""

    unrolls = (1,)
