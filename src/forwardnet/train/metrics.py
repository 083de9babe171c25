"""Figures that are reported and not minimised: one registry, each entry saying what it needs to see.

A metric is called with the targets and the raw outputs of a model. What raw outputs mean depends on the loss they
were trained with, so a `link` says how to read them:

| link | outputs are |
| --- | --- |
| `"logits"` | scores before softmax (several columns) or before the sigmoid (one column) |
| `"log-probabilities"` | logarithms of class probabilities |
| `"probabilities"` | class probabilities, or one column: the probability of class 1 |
| `"values"` | predicted numbers |

Axis glossary: n rows, C classes, k outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forwardnet import errors

Array = NDArray[Any]
Needs = Literal["labels", "probabilities", "values"]
Link = Literal["logits", "log-probabilities", "probabilities", "values"]
Score = Callable[[Array, Array, Array | None], float]

LINKS: tuple[str, ...] = ("logits", "log-probabilities", "probabilities", "values")
METRICS: dict[str, Metric] = {}


@dataclass(frozen=True)
class Metric:
    """A figure of merit: `metric(y_true, output)`.

    `y_true`: (n,) class indices or values, (n, k) values or one-hot rows. `output`: (n,) predicted labels of an
    integer type, or what the model gave, read as `link` says (see the module). Without `link`, integers are labels,
    and floats are probabilities for the metrics of classes (refused when they cannot be) and values for the others.
    """

    name: str
    needs: Needs
    greater_is_better: bool
    score: Score = field(repr=False)

    def __call__(
        self, y_true: ArrayLike, output: ArrayLike, *, link: Link | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        y, out = _array(y_true), _array(output)
        weight = None if sample_weight is None else _array(sample_weight).astype(np.float64)
        if len(y) != len(out):
            raise errors.ShapeError(f"{self.name}: y_true has {len(y)} rows and output has {len(out)}")
        if len(y) == 0:
            raise errors.DataError(f"{self.name}: no rows, expected at least one")
        if link is not None and link not in LINKS:
            raise errors.unknown_name("link", link, LINKS)
        if self.needs == "values":
            value = self.score(*_paired_values(y, out, self.name), weight)
        elif self.needs == "labels":
            value = self.score(true_labels(y, self.name), _labels(y, out, link, self.name), weight)
        else:
            probability = out if link is None else to_probabilities(out, link, self.name)
            value = self.score(true_labels(y, self.name), _checked_probabilities(probability, self.name), weight)
        return float(value)


def metric(needs: Needs, *, greater_is_better: bool) -> Callable[[Score], Metric]:
    """Decorator that enters a function `(y_true, what it needs, weight or None)` into the registry."""

    def enter(score: Score) -> Metric:
        record = Metric(score.__name__, needs, greater_is_better, score)
        object.__setattr__(record, "__doc__", score.__doc__)
        object.__setattr__(record, "__name__", score.__name__)
        METRICS[record.name] = record
        return record

    return enter


# -- the metrics ----------------------------------------------------------------------------------------------


@metric("labels", greater_is_better=True)
def accuracy(y: Array, labels: Array, weight: Array | None) -> float:
    """Share of rows whose predicted class is the right one, 0 to 1."""
    return float(np.average(y == labels, weights=weight))


@metric("labels", greater_is_better=False)
def classification_error(y: Array, labels: Array, weight: Array | None) -> float:
    """Share of rows whose predicted class is wrong: 1 - accuracy."""
    return float(np.average(y != labels, weights=weight))


@metric("labels", greater_is_better=True)
def balanced_accuracy(y: Array, labels: Array, weight: Array | None) -> float:
    """Mean over the classes of the share of their rows that is found."""
    present, index = np.unique(y, return_inverse=True)
    total = np.bincount(index, weight, len(present))
    found = np.bincount(index, (y == labels) * (1.0 if weight is None else weight), len(present))
    return float(np.divide(found, total, out=np.zeros(len(present)), where=total > 0).mean())


@metric("labels", greater_is_better=True)
def f1(y: Array, labels: Array, weight: Array | None) -> float:
    """2 precision recall / (precision + recall): of class 1 for two classes 0 and 1, else the mean over classes."""
    classes, index = np.unique(np.concatenate([y, labels]), return_inverse=True)
    true, said = np.split(index, 2)
    sizes = np.bincount(true, weight, len(classes)) + np.bincount(said, weight, len(classes))
    found = np.bincount(true, (true == said) * (1.0 if weight is None else weight), len(classes))
    each = np.divide(2 * found, sizes, out=np.zeros(len(classes)), where=sizes > 0)
    if not set(classes.tolist()) <= {0, 1}:
        return float(each.mean())
    return float(each[-1]) if classes[-1] == 1 else 0.0


@metric("probabilities", greater_is_better=True)
def roc_auc(y: Array, probability: Array, weight: Array | None) -> float:
    """Area under the ROC curve; for several classes the mean over one class against the rest. NaN for one class."""
    present = np.unique(y)
    if len(present) < 2:
        return float("nan")
    weights = np.ones(len(y)) if weight is None else weight
    if probability.ndim == 1 or probability.shape[1] == 2:
        column = probability if probability.ndim == 1 else probability[:, 1]
        return area_of(y == 1, column)(weights)
    _check_range(y, probability.shape[1], "roc_auc")
    return float(np.mean([area_of(y == c, probability[:, c])(weights) for c in present]))


def area_of(is_true: Array, score: Array) -> Callable[[Array], float]:
    """The area under the ROC curve as a function of the weights of the rows (n,).

    The share of pairs of a true and an untrue row in which the true one has the higher score; half for equal ones. NaN
    where there is no such pair, or a score is NaN.

    Reference: Mann and Whitney, The Annals of Mathematical Statistics 18 (1947), 50-60.
    """
    if np.isnan(score).any():
        return lambda weight: float("nan")
    order = np.argsort(score, kind="stable")
    ranked_scores, ranked = score[order], is_true[order].astype(np.float64)
    starts = np.flatnonzero(np.append(True, ranked_scores[1:] != ranked_scores[:-1]))  # of rows with one score

    def measured(weight: Array) -> float:
        own = weight[order]
        true = np.add.reduceat(own * ranked, starts)
        untrue = np.add.reduceat(own, starts) - true
        pairs = true.sum() * untrue.sum()
        below = np.cumsum(untrue) - untrue / 2
        return float(true @ below / pairs) if pairs else float("nan")

    return measured


@metric("probabilities", greater_is_better=False)
def log_loss(y: Array, probability: Array, weight: Array | None) -> float:
    """-mean log(probability of the right class), natural logarithm; probabilities kept off 0 by the type's epsilon."""
    if probability.ndim == 1:
        probability = np.stack([1 - probability, probability], axis=1)
    _check_range(y, probability.shape[1], "log_loss")
    smallest = np.finfo(probability.dtype).eps
    right = np.clip(probability[np.arange(len(y)), y].astype(np.float64), smallest, 1 - smallest)
    return float(np.average(-np.log(right), weights=weight))


@metric("values", greater_is_better=False)
def rmse(y: Array, values: Array, weight: Array | None) -> float:
    """Root of the mean squared difference, in the unit of the target; of several outputs the mean of their roots."""
    return float(np.sqrt(np.average((y - values) ** 2, axis=0, weights=weight)).mean())


@metric("values", greater_is_better=False)
def mae(y: Array, values: Array, weight: Array | None) -> float:
    """Mean absolute difference, in the unit of the target."""
    return float(np.average(np.abs(y - values), axis=0, weights=weight).mean())


@metric("values", greater_is_better=True)
def r2(y: Array, values: Array, weight: Array | None) -> float:
    """1 - sum (y - values)^2 / sum (y - mean y)^2, mean over the outputs; 1 is perfect, 0 no better than the mean."""
    if len(y) < 2:
        return float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.average(y, axis=0, weights=weight)
        left = np.average((y - values) ** 2, axis=0, weights=weight)
        spread = np.average((y - mean) ** 2, axis=0, weights=weight)
        # Of a target that does not vary: 1 where it is met, else 0.
        each = np.where(spread == 0, (left == 0) * 1.0, 1 - left / np.where(spread == 0, 1.0, spread))
    return float(each.mean())


def confusion_matrix(
    y_true: ArrayLike,
    output: ArrayLike,
    *,
    classes: int | None = None,
    link: Link | None = None,
    sample_weight: ArrayLike | None = None,
) -> Array:
    """c[i, j] = number of rows (or sum of weights) of class i that were taken for class j: (C, C).

    C is `classes`, else the number of columns of `output`, else the largest label + 1. Not among METRICS, which
    give one number each. Raises DataError for labels outside 0 to C - 1.
    """
    y, out = true_labels(y_true, "confusion_matrix"), _array(output)
    if len(y) != len(out):
        raise errors.ShapeError(f"confusion_matrix: y_true has {len(y)} rows and output has {len(out)}")
    labels = _labels(y, out, link, "confusion_matrix")
    columns = out.shape[1] if out.ndim == 2 and out.shape[1] > 1 else 2 if out.dtype.kind == "f" else 0
    size = classes or max(columns, int(max(y.max(initial=0), labels.max(initial=0))) + 1)
    _check_range(y, size, "confusion_matrix")
    _check_range(labels, size, "confusion_matrix")
    weight = None if sample_weight is None else _array(sample_weight).astype(np.float64)
    return np.bincount(y * size + labels, weights=weight, minlength=size * size).reshape(size, size)


# -- reading targets and outputs ------------------------------------------------------------------------------


def to_probabilities(output: ArrayLike, link: Link, name: str = "probabilities") -> Array:
    """Class probabilities from raw outputs: (n, C), or (n,) for one column (the probability of class 1)."""
    out = _array(output)
    out = out.astype(np.float64) if out.dtype.kind in "iub" else out
    out = out[:, 0] if out.ndim == 2 and out.shape[1] == 1 else out
    if link == "probabilities":
        return out
    if link == "log-probabilities":
        return np.asarray(np.exp(out))
    if link == "logits" and out.ndim == 1:
        return np.asarray(np.exp(-np.logaddexp(0, -out)))  # the sigmoid, written so that exp never overflows
    if link == "logits":
        shifted = np.exp(out - out.max(axis=-1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
    raise errors.ArgumentError(
        f"{name}: the outputs are values, not classes", hint="use rmse, mae or r2, or train with a classification loss"
    )


def true_labels(y_true: ArrayLike, name: str = "labels") -> Array:
    """Class indices (n,) from integers, whole-numbered floats, or one-hot rows (n, C)."""
    y = _array(y_true)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and y.dtype.kind in "fiub":
        return np.asarray(y.argmax(axis=1), dtype=np.int64)
    if y.dtype.kind == "f" and np.array_equal(y, np.round(y)):
        y = y.astype(np.int64)
    if y.ndim != 1 or y.dtype.kind not in "iub":
        raise errors.DataError(
            f"{name}: y_true has shape {y.shape} and dtype {y.dtype}, expected class indices",
            hint="for numbers use rmse, mae or r2",
        )
    return y.astype(np.int64)


def to_labels(output: ArrayLike, link: Link, *, targets: ArrayLike | None = None) -> Array:
    """Predicted class indices (n,) from raw outputs: the largest column, or one column against its threshold.

    `targets` tells apart the codes 0/1 and -1/+1 where the outputs are values.
    """
    out = _array(output)
    if out.ndim == 2 and out.shape[1] > 1:
        return np.asarray(out.argmax(axis=1), dtype=np.int64)
    out = out.reshape(-1)
    if link == "logits":
        return (out > 0).astype(np.int64)
    if link == "log-probabilities":
        return np.zeros(len(out), np.int64)  # one class only: its log-probability is 0
    codes = set() if targets is None else set(np.unique(_array(targets)).tolist())
    if link == "values" and codes and codes <= {-1, 1} and -1 in codes:
        return np.where(out > 0, 1, -1).astype(np.int64)
    if link == "values" and not codes <= {0, 1}:
        raise errors.DataError("labels: the targets are numbers, not classes", hint="for numbers use rmse, mae or r2")
    return (out > 0.5).astype(np.int64)


def _labels(y: Array, out: Array, link: Link | None, name: str) -> Array:
    """Predicted labels for a metric that needs them."""
    if out.dtype.kind in "iub" and (out.ndim == 1 or out.shape[1] == 1):
        return out.reshape(-1).astype(np.int64)
    if link is None and (out.ndim == 1 or out.shape[1] == 1):
        _checked_probabilities(out.reshape(-1), name)
        return to_labels(out, "probabilities")
    return to_labels(out, link or "probabilities", targets=y)


def _checked_probabilities(probability: Array, name: str) -> Array:
    """The same array; raises DataError when a number outside 0 to 1 shows that these are no probabilities."""
    column = probability[:, 0] if probability.ndim == 2 and probability.shape[1] == 1 else probability
    bad = (column < 0) | (column > 1 + 1e-6)  # sums in float32 may end a few units above 1
    if bad.any():
        raise errors.DataError(
            f"{name}: output holds {column[bad].flat[0]!s}, expected probabilities from 0 to 1",
            hint='say link="logits" for outputs before softmax or sigmoid',
        )
    return column


def _check_range(labels: Array, size: int, name: str) -> None:
    """Raise DataError for a label outside 0 to `size` - 1."""
    bad = (labels < 0) | (labels >= size)
    if bad.any():
        raise errors.DataError(f"{name}: label {labels[bad][0]}, expected class indices 0 to {size - 1}")


def _paired_values(y: Array, out: Array, name: str) -> tuple[Array, Array]:
    """Targets and outputs as float64 of one shape; (n,) and (n, 1) fit together, nothing is broadcast."""
    y, out = y.astype(np.float64), out.astype(np.float64)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    out = out[:, 0] if out.ndim == 2 and out.shape[1] == 1 else out
    if y.shape != out.shape:
        raise errors.ShapeError(f"{name}: y_true has shape {y.shape} and output has shape {out.shape}")
    return y, out


def _array(values: ArrayLike) -> Array:
    """A NumPy array of at least one dimension, also from a tensor that requires grad."""
    detach = getattr(values, "detach", None)
    return np.atleast_1d(np.asarray(detach().numpy() if detach is not None else values))
