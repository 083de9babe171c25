"""What is trained: networks, batches, data, first weights and the order of the rows, the same for every contender.

Axis glossary: n rows, B rows of a batch, I in, O out.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# (W (I, O), b (O,)) for each layer; with batch normalisation the hidden ones go on with the scale, the shift, and the
# running averages of mean and variance, each (O,).
Weights = list[tuple[Array, ...]]
LEARNED = 4  # of those six: the averages follow the batches, and have no gradients

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam, for everybody
MOMENTUM, NORM_EPSILON = 0.1, 1e-5  # batch normalisation
SEED = 0
# This share of the labels is drawn by chance, so that a loss never gets so small that steps become special.
NOISE = 0.2


@dataclass(frozen=True)
class Task:
    """A network (units of each layer), its activation, the rows of a batch, and the batches of an epoch.

    A hidden layer is Linear, BatchNorm1d if there is `norm`, the activation, and Dropout if that is above 0. With a
    `weight_decay` Adam becomes AdamW, which shrinks everything that is learned.
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch: int
    steps: int
    norm: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.0

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
        text = f"{self.name} {'-'.join(map(str, self.sizes))} {self.activation}, batch {self.batch}"
        if self.is_plain:
            return text
        norm = ", batch norm" if self.norm else ""
        dropout = f", dropout {self.dropout:g}" if self.dropout else ""
        return text + norm + dropout + (", AdamW" if self.weight_decay else ", Adam")

    @property
    def is_plain(self) -> bool:
        """Linear layers, activations and Adam, and nothing else."""
        return not (self.norm or self.dropout or self.weight_decay)

    def without_dropout(self) -> Task:
        """The same, but nothing is left to chance."""
        return replace(self, dropout=0.0)

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` makes a task from."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Task:
        """The task that `to_dict` described."""
        return cls(**{**found, "sizes": tuple(found["sizes"])})


TASKS = {
    task.name: task
    for task in (
        Task("tiny", (2, 20, 2), "tanh", 200, 200),
        Task("small", (20, 64, 64, 2), "relu", 32, 200),
        Task("mnist", (784, 128, 10), "relu", 64, 150),
        Task("tab", (100, 256, 256, 256, 2), "relu", 256, 40),
        Task("tab-norm", (100, 256, 256, 256, 2), "relu", 256, 40, norm=True, dropout=0.1, weight_decay=0.01),
        Task("large", (784, 1024, 1024, 10), "relu", 256, 25),
    )
}
# The time to the first epoch is measured with this network; 1792 of the 1797 digits fill 28 batches.
DIGITS = Task("digits", (64, 128, 10), "relu", 64, 28)

# How many times faster than the fastest peer a step is meant to be, on two cores with AVX-512.
AIMS = {"tiny": 4.0, "small": 2.0, "mnist": 2.0, "tab": 1.7, "tab-norm": 1.7, "large": 1.1}


@dataclass(frozen=True)
class Problem:
    """Data, first weights, order and seed: X float32 (n, I), y int64 (n,), order int64 (steps, B).

    The seed has drawn the order, and draws what dropout leaves out, which each library does in its own way.
    """

    task: Task
    X: Array
    y: Array
    start: Weights
    order: Array
    seed: int = SEED


def problem(task: Task, seed: int = SEED) -> Problem:
    """The same numbers in every process: rows that a random network has labelled."""
    random = np.random.default_rng(SEED)
    X, y = _rows(task, random)
    return Problem(task, X, y, start_of(task), order_of(task, seed), seed)


def given(task: Task, X: Array, y: Array, order: Array) -> Problem:
    """A problem with rows from elsewhere; needs nothing but NumPy."""
    return Problem(task, X, y, start_of(task), order)


def order_of(task: Task, seed: int = SEED) -> Array:
    """The rows of each batch of the first epoch as `Trainer(seed=seed)` draws them."""
    from forwardnet.data.batches import batch_indices

    return np.stack(list(batch_indices(task.rows, task.batch, seed=seed, epoch=1)))


def _rows(task: Task, random: np.random.Generator) -> tuple[Array, Array]:
    """Normal rows, and for most of them the class that a fixed random layer gives."""
    n_in, n_out = task.sizes[0], task.sizes[-1]
    X = random.standard_normal((task.rows, n_in), dtype=np.float32)
    y = (X @ random.standard_normal((n_in, n_out), dtype=np.float32)).argmax(1).astype(np.int64)
    is_noise = random.random(task.rows) < NOISE
    return X, np.where(is_noise, random.integers(0, n_out, task.rows), y)


def start_of(task: Task, seed: int = SEED + 1) -> Weights:
    """First weights uniform in +-1 / sqrt(I), biases too; scales of 1 and shifts of 0."""
    random = np.random.default_rng(seed)
    weights: Weights = []
    last = len(task.sizes) - 2
    for layer, (n_in, n_out) in enumerate(zip(task.sizes[:-1], task.sizes[1:], strict=True)):
        bound = 1 / math.sqrt(n_in)
        W = random.uniform(-bound, bound, (n_in, n_out)).astype(np.float32)
        b = random.uniform(-bound, bound, n_out).astype(np.float32)
        zeros, ones = np.zeros(n_out, np.float32), np.ones(n_out, np.float32)
        weights.append((W, b, ones, zeros, zeros, ones) if task.norm and layer < last else (W, b))
    return weights
