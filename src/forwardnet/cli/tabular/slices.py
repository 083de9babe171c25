"""Where a model is wrong most: groups of rows by one column, and single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.tabular.run import NETWORK, TableOutcome
from forwardnet.data.tables import Column
from forwardnet.report.words import heading, number, score_text
from forwardnet.train.metrics import METRICS

Array = NDArray[Any]

FEWEST = 20  # rows of a group; fewer are a matter of chance
_MOST = 8
_CLEAR = 2.0  # standard errors
_PARTS = 5  # that a column of numbers is cut into, of as many rows each
_LEVELS = 20  # the most frequent ones of a category


def row_errors(outcome: TableOutcome) -> Array:
    """(m,): 1 for a wrong class and 0 for the right one, or the size of the error, of each row that was asked about."""
    predicted = outcome.predictions[NETWORK]
    if outcome.problem.is_classifier:
        return np.asarray(predicted.argmax(axis=1) != outcome.y, dtype=np.float64)
    return np.asarray(np.abs(predicted - outcome.y))


def worst_slices(outcome: TableOutcome) -> list[tuple[str, ...]]:
    """A heading and the groups whose mean error is most above that of all rows, in standard errors of their size."""
    errors = row_errors(outcome)
    mean, spread = errors.mean(), errors.std()
    found: list[tuple[float, str, int, Array]] = []
    for column in outcome.problem.X:
        for name, rows in groups(column.take(outcome.asked)):
            if FEWEST <= len(rows) < len(errors):
                excess = (errors[rows].mean() - mean) / max(spread / np.sqrt(len(rows)), 1e-300)
                found.append((excess, name, len(rows), rows))
    found.sort(key=lambda one: -one[0])
    metric = "accuracy" if outcome.problem.is_classifier else "mae"
    head = ("group", "rows", heading(metric), "all rows")
    whole = _score(metric, outcome, slice(None))
    worst = [
        (name, f"{n:,}", _score(metric, outcome, rows), whole) for excess, name, n, rows in found if excess > _CLEAR
    ]
    return [head, *worst[:_MOST]]


def _score(metric: str, outcome: TableOutcome, rows: Any) -> str:
    link: Any = "probabilities" if outcome.problem.is_classifier else None
    value = METRICS[metric](outcome.y[rows], outcome.predictions[NETWORK][rows], link=link)
    return score_text(metric, value)


def groups(column: Column) -> list[tuple[str, Array]]:
    """Names and rows of the groups that a column makes: its levels, or parts of its range; missing ones are a group."""
    missing = np.flatnonzero(column.is_missing)
    found = [(f"{column.name} is missing", missing)] if len(missing) else []
    known = np.flatnonzero(~column.is_missing)
    values = column.values[known]
    if column.levels is not None:
        counts = np.bincount(values, minlength=len(column.levels))
        frequent = np.argsort(-counts, kind="stable")[:_LEVELS]
        return found + [(f"{column.name} = {column.levels[k]}", known[values == k]) for k in frequent if counts[k]]
    different = np.unique(values)
    if len(different) <= _PARTS:
        return found + [(f"{column.name} = {value:g}", known[values == value]) for value in different]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)))
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    is_date = column.kind == "date"
    for i in range(len(edges) - 1):
        low, high = (str(np.datetime64(int(e), "s")) if is_date else number(float(e)) for e in edges[i : i + 2])
        found.append((f"{column.name} from {low} to {high}", known[part == i]))
    return found


def worst_rows(outcome: TableOutcome, most: int) -> list[tuple[str, ...]]:
    """A heading and the rows with the least probability for the true class, or the largest error."""
    problem, y, predicted = outcome.problem, outcome.y, outcome.predictions[NETWORK]
    numbers = problem.rows[outcome.asked]
    head = ("row", "true", "predicted", "")
    if not problem.is_classifier:
        off = np.abs(predicted - y)
        order = np.argsort(-off, kind="stable")[:most]
        return [
            head,
            *((str(numbers[i]), number(y[i]), number(predicted[i]), f"off by {number(off[i])}") for i in order),
        ]
    said = predicted.argmax(axis=1)
    wrong = np.flatnonzero(said != y)
    order = wrong[np.argsort(predicted[wrong, y[wrong]], kind="stable")][:most]
    sure = [
        f"{100 * predicted[i].max():.1f} % sure; {100 * predicted[i, y[i]]:.1f} % for the true class" for i in order
    ]
    return [
        head,
        *(
            (str(numbers[i]), problem.classes[y[i]], problem.classes[said[i]], text)
            for i, text in zip(order, sure, strict=True)
        ),
    ]
