"""What is trained: networks, batches, data, first weights and the order of the rows, the same for every contender.

Axis glossary: n rows, B rows of a batch, I in, O out.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weights = list[tuple[Array, Array]]  # one (W (I, O), b (O,)) for each layer

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam, for everybody
SEED = 0
# This share of the labels is drawn by chance, so that a loss never gets so small that steps become special.
NOISE = 0.2


@dataclass(frozen=True)
class Task:
    """A network (units of each layer), its activation, the rows of a batch, and the batches of an epoch."""

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch: int
    steps: int

    @property
    def rows(self) -> int:
        """Rows of the data: every batch is full."""
        return self.batch * self.steps

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of a step; no gradient of the inputs is counted."""
        products = [n_in * n_out for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        return 2 * self.batch * (3 * sum(products) - products[0])

    @property
    def title(self) -> str:
        """Name, units and batch in words."""
        return f"{self.name} {'-'.join(map(str, self.sizes))} {self.activation}, batch {self.batch}"

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` makes a task from."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Task:
        """The task that `to_dict` described."""
        return cls(**{**found, "sizes": tuple(found["sizes"])})


# Not among them yet: `tab` with batch normalisation, dropout and AdamW, and the many small networks of a leave-one-out.
TASKS = {
    task.name: task
    for task in (
        Task("tiny", (2, 20, 2), "tanh", 200, 200),
        Task("small", (20, 64, 64, 2), "relu", 32, 200),
        Task("mnist", (784, 128, 10), "relu", 64, 150),
        Task("tab", (100, 256, 256, 256, 2), "relu", 256, 40),
        Task("large", (784, 1024, 1024, 10), "relu", 256, 25),
    )
}
# The time to the first epoch is measured with this network; 1792 of the 1797 digits fill 28 batches.
DIGITS = Task("digits", (64, 128, 10), "relu", 64, 28)

# How many times faster than the fastest peer a step is meant to be, on two cores with AVX-512.
AIMS = {"tiny": 4.0, "small": 2.0, "mnist": 2.0, "tab": 1.7, "large": 1.1}


@dataclass(frozen=True)
class Problem:
    """Data, first weights and order of a task: X float32 (n, I), y int64 (n,), order int64 (steps, B)."""

    task: Task
    X: Array
    y: Array
    start: Weights
    order: Array


def problem(task: Task) -> Problem:
    """The same numbers in every process: rows that a random network has labelled."""
    random = np.random.default_rng(SEED)
    X, y = _rows(task, random)
    return Problem(task, X, y, _start(task), order_of(task))


def given(task: Task, X: Array, y: Array, order: Array) -> Problem:
    """A problem with rows from elsewhere; needs nothing but NumPy."""
    return Problem(task, X, y, _start(task), order)


def order_of(task: Task) -> Array:
    """The rows of each batch of the first epoch as `Trainer(seed=SEED)` draws them."""
    from forwardnet.data.batches import batch_indices

    return np.stack(list(batch_indices(task.rows, task.batch, seed=SEED, epoch=1)))


def _rows(task: Task, random: np.random.Generator) -> tuple[Array, Array]:
    """Normal rows, and for most of them the class that a fixed random layer gives."""
    n_in, n_out = task.sizes[0], task.sizes[-1]
    X = random.standard_normal((task.rows, n_in), dtype=np.float32)
    y = (X @ random.standard_normal((n_in, n_out), dtype=np.float32)).argmax(1).astype(np.int64)
    is_noise = random.random(task.rows) < NOISE
    return X, np.where(is_noise, random.integers(0, n_out, task.rows), y)


def _start(task: Task) -> Weights:
    """First weights uniform in +-1 / sqrt(I), biases too."""
    random = np.random.default_rng(SEED + 1)
    weights = []
    for n_in, n_out in zip(task.sizes[:-1], task.sizes[1:], strict=True):
        bound = 1 / math.sqrt(n_in)
        W = random.uniform(-bound, bound, (n_in, n_out)).astype(np.float32)
        weights.append((W, random.uniform(-bound, bound, n_out).astype(np.float32)))
    return weights
