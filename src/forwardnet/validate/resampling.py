"""A figure of many resamples of the same rows: what does not depend on the sample is computed once.

A bootstrap sample is a number of times for each row, so a figure of a sample is the figure of the rows with these
weights. `METRICS` say what the figures are; here they are arranged so that a sample costs one pass over the rows.

Axis glossary: n rows, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.train.metrics import METRICS, Link, area_of

Array = NDArray[Any]
Weighted = Callable[[Array], float]  # from the weights of the rows (n,) to the figure


def weighted(metric: str, y: Array, predicted: Array, *, link: Link | None) -> Weighted:
    """The metric of these rows as a function of their weights; NaN where the weights leave it undefined."""
    make = _FAST.get(metric)
    if make is None or (predicted.ndim == 2) != (link == "probabilities"):
        return lambda weight: _plain(metric, y, predicted, link, weight)
    return make(y, predicted)


def _plain(metric: str, y: Array, predicted: Array, link: Link | None, weight: Array) -> float:
    rows = np.flatnonzero(weight)
    with np.errstate(all="ignore"):
        return METRICS[metric](y[rows], predicted[rows], link=link, sample_weight=weight[rows])


def _mean(values: Array) -> Weighted:
    return lambda weight: float(weight @ values / weight.sum())


def _accuracy(y: Array, p: Array) -> Weighted:
    return _mean((p.argmax(axis=1) == y).astype(np.float64))


def _error(y: Array, p: Array) -> Weighted:
    return _mean((p.argmax(axis=1) != y).astype(np.float64))


def _balanced_accuracy(y: Array, p: Array) -> Weighted:
    hits = (p.argmax(axis=1) == y).astype(np.float64)
    size = int(y.max()) + 1

    def measured(weight: Array) -> float:
        total = np.bincount(y, weight, size)
        present = total > 0
        return float((np.bincount(y, weight * hits, size)[present] / total[present]).mean())

    return measured


def _log_loss(y: Array, p: Array) -> Weighted:
    smallest = np.finfo(p.dtype).eps
    right = p[np.arange(len(y)), y].astype(np.float64)
    return _mean(-np.log(np.clip(right, smallest, 1 - smallest)))


def _roc_auc(y: Array, p: Array) -> Weighted:
    """The mean over the classes (of two: the second one) of the area under the ROC curve."""
    classes = [1] if p.shape[1] == 2 else np.unique(y).tolist()
    areas = [area_of(y == c, p[:, c]) for c in classes]

    def measured(weight: Array) -> float:
        if p.shape[1] == 2:
            return areas[0](weight)
        present = np.bincount(y, weight)[classes] > 0
        if present.sum() < 2:
            return float("nan")
        return float(np.mean([area(weight) for area, is_there in zip(areas, present, strict=True) if is_there]))

    return measured


def _rmse(y: Array, values: Array) -> Weighted:
    squares = _mean((y - values) ** 2)
    return lambda weight: float(np.sqrt(squares(weight)))


def _mae(y: Array, values: Array) -> Weighted:
    return _mean(np.abs(y - values))


def _r2(y: Array, values: Array) -> Weighted:
    squares = (y - values) ** 2
    centred = y - y.mean()  # so that the squares below lose no digits

    def measured(weight: Array) -> float:
        total = weight.sum()
        spread = weight @ centred**2 - (weight @ centred) ** 2 / total
        return float(1 - weight @ squares / spread) if spread > 0 and np.count_nonzero(weight) > 1 else float("nan")

    return measured


_FAST: dict[str, Callable[[Array, Array], Weighted]] = {
    "accuracy": _accuracy,
    "classification_error": _error,
    "balanced_accuracy": _balanced_accuracy,
    "log_loss": _log_loss,
    "roc_auc": _roc_auc,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
