"""Several models on the same rows: each figure with its interval, and whether one model is better than another.

Axis glossary: n rows, C classes, b bootstrap samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.splits import bootstrap
from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.train.metrics import METRICS
from forwardnet.validate.resampling import weighted

Array = NDArray[Any]

FEWEST, MOST = 100, 400  # bootstrap samples
_ROWS = 1_000_000  # rows of all samples of one figure: more takes seconds and narrows nothing that matters
_EDGES = (0.025, 0.975)


class Figure(NamedTuple):
    """A figure of merit and its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The figures of several models on the same rows; `samples[model][metric]` (b,) are those of the resamples."""

    metrics: tuple[str, ...]
    values: Mapping[str, Mapping[str, float]]
    samples: Mapping[str, Mapping[str, NDArray[np.float64]]]

    @property
    def models(self) -> tuple[str, ...]:
        """The models' names in order."""
        return tuple(self.values)

    def figure(self, model: str, metric: str) -> Figure:
        """The figure of one model with the middle 95 % of what it is when the rows are drawn anew."""
        return Figure(metric, self.values[model][metric], *_edges(self.samples[model][metric]))

    def gain(self, model: str, other: str, metric: str) -> Figure:
        """By how much `model` is better than `other`, in the unit of the metric; positive is better.

        Both are asked about the same resamples: what makes rows hard for both cancels.
        """
        sign = 1.0 if METRICS[metric].greater_is_better else -1.0
        gained = sign * (self.samples[model][metric] - self.samples[other][metric])
        value = sign * (self.values[model][metric] - self.values[other][metric])
        return Figure(metric, value, *_edges(gained))


def compare(
    y: Array,
    predictions: Mapping[str, Array],
    metrics: Sequence[str],
    *,
    groups: Array | None = None,
    weight: Array | None = None,
    seed: int = 0,
) -> Comparison:
    """Measure each model's predictions, probabilities (n, C) or values (n,), with names of `METRICS`.

    The intervals come from the bootstrap over rows, or over groups where there are `groups` (n,); the samples are the
    same for all models and for the same seed.

    Raises:
        ArgumentError: no model, or no metric.
        ShapeError: predictions of another number of rows than `y`.
    """
    if not predictions or not metrics:
        raise ArgumentError("compare: expected at least one model and one metric")
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name("metric", metric, METRICS)
    for model, predicted in predictions.items():
        if len(predicted) != len(y):
            raise ShapeError(f"compare: {model} has {len(predicted)} predictions, expected {len(y)}")
    links: dict[str, Any] = {m: "probabilities" if METRICS[m].needs != "values" else None for m in metrics}
    values = {
        model: {m: _score(m, y, predicted, links[m], weight) for m in metrics}
        for model, predicted in predictions.items()
    }
    measures = {
        (model, m): weighted(m, y, predicted, link=links[m])
        for model, predicted in predictions.items()
        for m in metrics
    }
    figures = np.empty((len(measures), n_samples(len(y))))
    for k in range(figures.shape[1]):  # one resample at a time: all of them would be larger than the rows
        times = np.bincount(_draw(len(y), groups, seed, k), minlength=len(y))
        counts = times.astype(np.float64) if weight is None else times * weight
        figures[:, k] = [measure(counts) for measure in measures.values()]
    found = dict(zip(measures, figures, strict=True))
    return Comparison(tuple(metrics), values, {model: {m: found[model, m] for m in metrics} for model in predictions})


def n_samples(n: int) -> int:
    """How many bootstrap samples of `n` rows are drawn."""
    return int(np.clip(_ROWS // max(n, 1), FEWEST, MOST))


def _draw(n: int, groups: Array | None, seed: int, number: int) -> Array:
    if groups is None:
        return bootstrap(n, seed=seed, number=number)
    names, member = np.unique(groups, return_inverse=True)
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(len(names) + 1))
    drawn = bootstrap(len(names), seed=seed, number=number)
    return np.concatenate([order[starts[group] : starts[group + 1]] for group in drawn])


def _score(metric: str, y: Array, predicted: Array, link: Any, weight: Array | None) -> float:
    with np.errstate(all="ignore"):
        return METRICS[metric](y, predicted, link=link, sample_weight=weight)


def _edges(samples: NDArray[np.float64]) -> tuple[float, float]:
    known = samples[np.isfinite(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, _EDGES)
    return float(low), float(high)
