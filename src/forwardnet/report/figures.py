"""Figures with their uncertainty: what a number from a few hundred rows is worth.

Axis glossary: n rows, C classes, k targets.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.report.content import Score

Array = np.ndarray[Any, np.dtype[Any]]

_Z95 = 1.959963984540054  # the normal distribution has 95 % of its mass within this many standard deviations
_RESAMPLES = 1000
_MANY_ROWS = 20_000  # beyond this, resampling takes seconds and the interval is narrow anyway
_TINY = 1e-12


class ClassRow(NamedTuple):
    """How one class fares: of the rows called so, how many are (precision); of those that are, how many were found."""

    name: str
    precision: float  # NaN when no row was called so
    recall: float  # NaN when the part has no row of the class
    f1: float
    rows: int


def wilson(successes: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """The Wilson score interval (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) of a share p = successes/n.

    Unlike p -+ z sqrt(p(1-p)/n) it stays within 0..1 and keeps its promise for shares near 1, where accuracies are.

    Raises:
        ArgumentError: `n` is not positive or `successes` not within 0..n.

    Reference: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ArgumentError(f"{successes} successes of {n}, expected 0 <= successes <= n and n > 0")
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At the ends the interval touches 0 or 1 exactly; rounding must not push it past the share itself.
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return low, high


def class_table(confusion: Array, names: tuple[str, ...]) -> tuple[ClassRow, ...]:
    """Precision, recall and F1 = 2 precision recall / (precision + recall) of each class."""
    hits, called, actual = np.diagonal(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    rows = []
    for i, name in enumerate(names):
        precision = hits[i] / called[i] if called[i] else math.nan
        recall = hits[i] / actual[i] if actual[i] else math.nan
        f1 = 2 * hits[i] / (called[i] + actual[i]) if called[i] + actual[i] else math.nan
        rows.append(ClassRow(name, float(precision), float(recall), float(f1), int(actual[i])))
    return tuple(rows)


def classification_scores(y: Array, probabilities: Array) -> tuple[Score, ...]:
    """Accuracy with its Wilson interval, and loss = -mean log p(true class), from probabilities (n, C)."""
    _same_rows(y, probabilities)
    right = int((probabilities.argmax(axis=1) == y).sum())
    low, high = wilson(right, len(y))
    chosen = probabilities[np.arange(len(y)), y].astype(np.float64)
    loss = float(-np.log(np.maximum(chosen, _TINY)).mean())
    return Score("accuracy", right / len(y), low, high), Score("loss", loss)


def regression_scores(y: Array, predicted: Array, *, seed: int = 0) -> tuple[Score, ...]:
    """RMSE, MAE and R^2 = 1 - sum (y - p)^2 / sum (y - mean y)^2 in the unit of the target.

    `y` and `predicted` are (n,) or (n, k); several targets are averaged. The intervals are the 2.5 % and 97.5 %
    quantiles over resamples of the rows with replacement, the same ones for the same seed.

    Reference: B. Efron, The Annals of Statistics 7 (1979), 1-26.
    """
    y, predicted = _columns(y), _columns(predicted)
    if y.shape != predicted.shape:
        raise ShapeError(f"true values of shape {y.shape} and predictions of shape {predicted.shape}")
    rng = np.random.default_rng(seed)
    n = len(y)
    values = _errors(y, predicted)
    count = _RESAMPLES if n <= _MANY_ROWS else _RESAMPLES // 5
    samples = np.array([_errors(y[rows], predicted[rows]) for rows in (rng.integers(0, n, n) for _ in range(count))])
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    names = ("rmse", "mae", "r2")
    return tuple(Score(name, values[i], float(low[i]), float(high[i])) for i, name in enumerate(names))


def _errors(y: Array, predicted: Array) -> tuple[float, float, float]:
    difference = y - predicted
    squares = (difference**2).mean(axis=0)
    spread = y.var(axis=0)
    # A constant target leaves nothing to explain: by convention 1 for a perfect fit and 0 otherwise.
    explained = np.where(spread > 0, 1 - squares / np.where(spread > 0, spread, 1), np.where(squares > 0, 0.0, 1.0))
    return float(np.sqrt(squares.mean())), float(np.abs(difference).mean()), float(explained.mean())


def _columns(values: Array) -> Array:
    values = np.asarray(values, dtype=np.float64)
    return values.reshape(len(values), -1)


def _same_rows(y: Array, other: Array) -> None:
    if len(y) != len(other) or len(y) == 0:
        raise ShapeError(f"{len(y)} true values and {len(other)} predictions, expected as many and at least one")
