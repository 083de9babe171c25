"""Leave-one-out over iris: as many small networks as there are rows, each learning from all rows but one.

Axis glossary: n rows of iris, m networks, B rows of a batch.
"""

from __future__ import annotations

import numpy as np

from benchmarks.tasks import Array, Problem, Task, start_of

NAME = "leave-one-out"
NETWORK = Task("iris", (4, 16, 3), "relu", 32, 4)
EPOCHS = 100
TITLE = "leave-one-out over iris, 4-16-3 relu, 100 epochs, batch 32, Adam"
# How many times faster than each peer all of ours is meant to be.
AIMS = {"many-sklearn": 40.0, "many-jax": 5.0}


def iris() -> tuple[Array, Array]:
    """The rows with means of 0 and deviations of 1, float32 (n, 4), and their classes, int64 (n,)."""
    import forwardnet as ff

    found = ff.datasets.load("iris")
    X = np.asarray(found.X, np.float64)
    return ((X - X.mean(0)) / X.std(0)).astype(np.float32), np.asarray(found.y, np.int64)


def left_out(number: int, n: int) -> int:
    """The row that network `number` does not see; where there are more networks than rows they begin anew."""
    return number % n


def rows_of(number: int, n: int) -> Array:
    """The rows it learns from, int64 (n - 1,)."""
    return np.delete(np.arange(n), left_out(number, n))


def order_of(number: int, n: int) -> Array:
    """Its rows in the order of each epoch, as `Trainer(seed=number)` draws it, int64 (epochs, n - 1)."""
    from forwardnet.data.batches import batch_indices

    rows = rows_of(number, n)
    epochs = (batch_indices(n - 1, n - 1, seed=number, epoch=epoch) for epoch in range(1, EPOCHS + 1))
    return np.stack([rows[order] for batches in epochs for order in batches])


def problem(number: int, X: Array, y: Array) -> Problem:
    """What network `number` learns, from first weights of its own."""
    return Problem(NETWORK, X, y, start_of(NETWORK, number), order_of(number, len(X)), number)


def batches(given: Problem) -> list[Array]:
    """The rows of each step; the last batch of an epoch has what is left."""
    size = given.task.batch
    return [order[i : i + size] for order in given.order for i in range(0, len(order), size)]
