"""How much a model relies on each column of a table, in the time there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import seeds
from forwardnet.data.tables.table import Table
from forwardnet.errors import ArgumentError
from forwardnet.explain.importance import Importance, permutation_importance
from forwardnet.train.metrics import Link

Array = NDArray[Any]

FEWEST_ROWS = 50  # fewer say nothing about a column


def column_importance(
    predict: Callable[[Table], Array],
    score: str,
    table: Table,
    y: Array,
    *,
    link: Link | None = None,
    repeats: int = 5,
    time_limit: float | None = None,
    seed: int = 0,
) -> Importance | None:
    """`permutation_importance` of the columns of a table: each is shuffled `repeats` times, and `score` measured.

    `predict` takes a table and returns outputs; `score` names a metric, `link` says how it reads them. With a
    `time_limit` in seconds there are fewer repeats, then fewer rows; None where the limit allows not even that.

    Raises:
        ArgumentError: no column, or not one `y` for each row.
    """
    if not table.columns or len(y) != len(table):
        raise ArgumentError(
            f"column_importance: {table!r} and {len(y)} targets, expected columns and a target for each row"
        )
    if time_limit is not None:
        started = time.perf_counter()
        predict(table)
        passes = time_limit / max(time.perf_counter() - started, 1e-9)  # over all rows, that there is time for
        repeats = int(np.clip((passes - 1) / len(table.columns), 1, repeats))
        share = passes / (1 + repeats * len(table.columns))
        if share < 1:
            rows = np.sort(seeds.permutation(len(table), seed=seed, stream=0)[: int(share * len(table))])
            if len(rows) < FEWEST_ROWS:
                return None
            table, y = table.take(rows), y[rows]
    # Shuffling the values of a column is taking them from other rows: the rows' numbers stand for the values.
    numbers = np.tile(np.arange(len(table), dtype=np.float64)[:, None], (1, len(table.columns)))

    def outputs(sources: Array) -> Array:
        taken = sources.astype(np.int64)
        return predict(replace(table, columns=tuple(c.take(taken[:, j]) for j, c in enumerate(table))))

    return permutation_importance(outputs, score, numbers, y, names=table.names, link=link, repeats=repeats, seed=seed)
