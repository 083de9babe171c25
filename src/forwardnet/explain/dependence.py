"""What one column does to the prediction, the others staying as they are: partial dependence of a table's columns.

    f_j(v) = mean over rows of f(row with column j set to v)

Rows get values that may never occur together with their other values: the curve tells what the model says, not what is
so. Reference: Friedman 2001, section 8.2.

Axis glossary: n rows, t places, k outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables.table import Column, Table
from forwardnet.errors import DataError

Array = NDArray[Any]

PLACES = 20  # of a number, at its quantiles
LEVELS = 12  # of a category, the most frequent ones


@dataclass(frozen=True, eq=False)
class Dependence:
    """Mean outputs (t, k) at `places`: numbers (seconds since 1970 for a date), or the names of levels."""

    name: str
    kind: str
    places: tuple[Any, ...]
    means: NDArray[np.float64]


def partial_dependence(predict: Callable[[Table], Array], table: Table, name: str) -> Dependence:
    """The mean prediction over the rows of `table` when all have the same value of a column, value by value.

    `predict` takes a table and returns outputs (n,) or (n, k). Costs as many passes over the rows as there are places.

    Raises:
        UnknownNameError: the table has no such column.
        DataError: the column has no value in any row.
    """
    column = table[name]
    places = _places(column)
    means = []
    for place in places:
        values = np.full(len(table), place, column.values.dtype)
        changed = tuple(replace(c, values=values) if c.name == name else c for c in table)
        outputs = np.asarray(predict(replace(table, columns=changed)), dtype=np.float64)
        means.append(outputs.reshape(len(table), -1).mean(axis=0))
    named = tuple(float(p) for p in places) if column.levels is None else tuple(column.levels[int(p)] for p in places)
    return Dependence(name, column.kind, named, np.array(means))


def _places(column: Column) -> Array:
    known = column.values[~column.is_missing]
    if not len(known):
        raise DataError(f"partial dependence: column {column.name!r} has no value in any row")
    if column.is_coded:
        counts = np.bincount(known)
        frequent = np.argsort(-counts, kind="stable")[:LEVELS]
        return frequent[counts[frequent] > 0]
    different = np.unique(known)
    if len(different) <= PLACES:
        return different
    # Quantiles, because a grid of equal steps would put most places where there are no rows; without the outermost.
    return np.unique(np.quantile(known, np.linspace(0.01, 0.99, PLACES)))
