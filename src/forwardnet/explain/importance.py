"""How much a model relies on each feature: what becomes of its score when the feature's values are shuffled.

    explain.permutation_importance(model, "mse", X, y, names=columns).summary()

Shuffling a column keeps its distribution and breaks its tie with the target (Breiman 2001, section 10; Fisher, Rudin &
Dominici 2019). It tells what the model uses, not what causes the target, and two columns that say the same share their
importance, because either stands in for the other.

Axis glossary: n rows, d features, r repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn, seeds
from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.explain.objective import double_copy, loss_from
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad
from forwardnet.train.inputs import features
from forwardnet.train.metrics import METRICS, Link
from forwardnet.train.pairing import pairing_of

Array = NDArray[Any]
Floats = NDArray[np.float64]
Score = Callable[[Array], float]


@dataclass(frozen=True)
class Importance:
    """By how much the score worsens when a feature is shuffled: `worsening` (d, r), one number for each repeat.

    `score` names what was measured, and `baseline` is its value on the rows as they are.
    """

    names: tuple[str, ...]
    worsening: Floats
    baseline: float
    score: str
    greater_is_better: bool

    @property
    def mean(self) -> Floats:
        """The mean over the repeats (d,)."""
        return np.asarray(self.worsening.mean(axis=1))

    @property
    def spread(self) -> Floats:
        """The standard deviation over the repeats (d,), of one of them; 0 for a single repeat."""
        r = self.worsening.shape[1]
        return np.asarray(self.worsening.std(axis=1, ddof=1)) if r > 1 else np.zeros(len(self.names))

    @property
    def order(self) -> NDArray[np.int64]:
        """Features from the most important to the least."""
        return np.argsort(-self.mean, kind="stable")

    @property
    def is_used(self) -> NDArray[np.bool_]:
        """Whether a feature's mean lies more than two spreads above 0 (d,)."""
        return np.asarray(self.mean > 2 * np.maximum(self.spread, 1e-12))

    def summary(self) -> str:
        """The features that matter, from the top, and those that do not."""
        sign = "-" if self.greater_is_better else "+"
        used = [
            f"{self.names[j]} ({sign}{self.mean[j]:.3g} +- {self.spread[j]:.2g})" for j in self.order if self.is_used[j]
        ]
        unused = [self.names[j] for j in self.order if not self.is_used[j]]
        told = [f"{self.score} {self.baseline:.4g} on the rows as they are; what shuffling one feature does to it:"]
        told.append(
            ", ".join(used[:10]) + (f", and {len(used) - 10} more" if len(used) > 10 else "") or "nothing clear"
        )
        if unused:
            named = ", ".join(unused[:10]) + (f" and {len(unused) - 10} more" if len(unused) > 10 else "")
            told.append(f"(within the spread: {named})")
        return " ".join(told) + "."


def permutation_importance(
    model: nn.Module | Callable[[Array], Any],
    score: Any,
    X: Any,
    y: Any,
    *,
    names: Sequence[str] | None = None,
    link: Link | None = None,
    repeats: int = 10,
    seed: int = 0,
) -> Importance:
    """Shuffle each column of X (n, d) `repeats` times and measure how much `score` worsens.

    `model` is a network, or any function from rows (n, d) to outputs. `score` is a loss (an object, a function
    (output, y) or a name of `nn.LOSSES`), which rises when it worsens, or a name of `METRICS`, for which `link` says
    how the outputs are to be read (see `ff.metrics`). Use rows that the model was not trained on. The shuffles are a
    function of `seed`. Costs 1 + d r passes over the rows.

    Raises:
        UnknownNameError: `score` names neither a loss nor a metric.
        ShapeError: X has not two axes, or `names` not d entries.
        ArgumentError: `repeats` is below 1.
    """
    rows = np.array(features(X, np.float64))
    if rows.ndim != 2:
        raise ShapeError(f"permutation_importance: X has shape {rows.shape}, expected (rows, features)")
    n, d = rows.shape
    if repeats < 1:
        raise ArgumentError(f"permutation_importance: repeats is {repeats}, expected at least 1")
    named = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(d))
    if len(named) != d:
        raise ShapeError(f"permutation_importance: {len(named)} names for {d} features")
    label, greater, measure = _measure(model, score, rows, y, link)
    baseline = measure(rows)
    worsening = np.empty((d, repeats))
    for j in range(d):
        column = rows[:, j].copy()
        for r in range(repeats):
            rows[:, j] = column[seeds.permutation(n, seed=seed, stream=j * repeats + r)]
            worsening[j, r] = measure(rows) - baseline
        rows[:, j] = column
    return Importance(named, -worsening if greater else worsening, baseline, label, greater)


def _measure(
    model: nn.Module | Callable[[Array], Any], score: Any, rows: Array, y: Any, link: Link | None
) -> tuple[str, bool, Score]:
    """The name of a score, whether greater is better, and the function from rows to its value."""
    predict = _predictor(model)
    if isinstance(score, str) and score in METRICS:
        metric, targets = METRICS[score], np.asarray(y)
        return score, metric.greater_is_better, lambda x: metric(targets, predict(x), link=link)
    loss = loss_from(score)
    name = score if isinstance(score, str) else getattr(loss, "__name__", type(loss).__name__)
    target = from_numpy(pairing_of(loss).targets(y, len(rows), predict(rows[:1]).shape, np.float64))

    def measured(x: Array) -> float:
        with no_grad():
            return float(loss(from_numpy(predict(x)), target).item())

    return name, False, measured


def _predictor(model: nn.Module | Callable[[Array], Any]) -> Callable[[Array], Array]:
    """Rows to outputs: a network in evaluation mode and float64, or the function as it is."""
    if not isinstance(model, nn.Module):
        return lambda x: np.array(model(x))
    own = double_copy(model, training=False)

    def predict(x: Array) -> Array:
        with no_grad():
            found: Array = own(from_numpy(x.copy())).numpy()
            return found

    return predict
