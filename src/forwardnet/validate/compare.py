"""Several models on the same folds: a table of figures with intervals, and of differences row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.validate.candidates import Candidate, is_estimator
from forwardnet.validate.options import Options
from forwardnet.validate.result import Validation, finite_mean, frame, quantiles
from forwardnet.validate.study import validate_all

Array = NDArray[Any]


class Difference(NamedTuple):
    """By how much one model's figure is above another's, with an interval, and in what share of the samples it is."""

    value: float
    low: float
    high: float
    share: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves no doubt about the sign."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Compared:
    """Validations of several models by name, on the same folds; `metrics` are those that all of them have."""

    validations: Mapping[str, Validation]
    metrics: tuple[str, ...]

    def __getitem__(self, name: str) -> Validation:
        if name not in self.validations:
            raise errors.unknown_name("model", name, self.validations)
        return self.validations[name]

    def ranking(self, metric: str | None = None) -> list[str]:
        """The models' names, the best first, by one metric (the first)."""
        metric = metric or self.metrics[0]
        values = {name: -one.is_better(metric) * one.pooled()[metric] for name, one in self.validations.items()}
        return sorted(values, key=lambda name: (not np.isfinite(values[name]), values[name]))

    def difference(self, name: str, other: str, metric: str | None = None, *, level: float = 0.95) -> Difference:
        """The figure of one model less that of another, on the same rows, with the interval of the paired bootstrap.

        What makes rows hard for both cancels, so it is narrower than the two intervals suggest. It speaks about rows:
        whether a model is better with other seeds, only `repeats` and other seeds can say.
        """
        metric = metric or self.metrics[0]
        one, two = self[name], self[other]
        gaps = one.samples(metric) - two.samples(metric)
        known = gaps[np.isfinite(gaps)]
        share = float((known > 0).mean() + (known == 0).mean() / 2) if len(known) else float("nan")
        return Difference(one.pooled()[metric] - two.pooled()[metric], *quantiles(gaps, level), share)

    def to_frame(self) -> Any:
        """One line for each model and metric: figure, interval, mean and deviation over the folds, seconds a fit."""
        columns: dict[str, list[Any]] = {}
        for name, one in self.validations.items():
            for metric in self.metrics:
                low, high = one.interval(metric)
                folds = one.scores[metric][np.isfinite(one.scores[metric])]
                row = {
                    "model": name,
                    "metric": metric,
                    "value": one.pooled()[metric],
                    "low": low,
                    "high": high,
                    "fold_mean": finite_mean(folds),
                    "fold_std": float(folds.std(ddof=1)) if len(folds) > 1 else float("nan"),
                    "seconds": finite_mean(one.seconds) if one.seconds is not None else float("nan"),
                }
                for key, value in row.items():
                    columns.setdefault(key, []).append(value)
        return frame(columns)

    def summary(self, metric: str | None = None) -> str:
        """A table in words, the best model first, and how sure its lead is."""
        metric = metric or self.metrics[0]
        order = self.ranking(metric)
        width = max(len(name) for name in order)
        lines = [f"{'':{width}}  {metric} (95 % interval)  against {order[0]}"]
        for name in order:
            low, high = self[name].interval(metric)
            text = f"{name:{width}}  {self[name].pooled()[metric]:.4g} ({low:.4g} to {high:.4g})"
            if name != order[0]:
                gap = self.difference(name, order[0], metric)
                doubt = "" if gap.is_clear else ", no clear difference"
                text += f"  {gap.value:+.4g} ({gap.low:+.4g} to {gap.high:+.4g}{doubt})"
            lines.append(text)
        notes = dict.fromkeys(note for one in self.validations.values() for note in one.notes)
        return "\n".join([*lines, *(f"note: {note}" for note in notes)])

    def plot(self, metric: str | None = None) -> Any:
        """A matplotlib Figure: each model's figure with its interval, and the folds as dots."""
        from forwardnet.plot import compared  # stands above: opened only when somebody asks for a picture

        return compared(self, metric=metric)


def compare_models(models: Mapping[str, Any] | Sequence[Any], X: Any, y: Any, **options: Any) -> Compared:
    """Cross-validate several models on the same folds with the same seeds; `options` are those of `cross_validate`.

    `models` are estimators and functions that make models, by name, or a list of them.

    Raises:
        ArgumentError: there is no model, or they have no metric in common.
    """
    named = dict(models) if isinstance(models, Mapping) else _named(models)
    if not named:
        raise errors.ArgumentError("compare_models: there is no model")
    found = validate_all([Candidate(model) for model in named.values()], X, y, Options.of(options))
    return compared_of(dict(zip(named, found, strict=True)))


def compared_of(validations: Mapping[str, Validation]) -> Compared:
    """Validations side by side, with the metrics that all of them have."""
    first, *rest = validations.values()
    metrics = tuple(name for name in first.scores if all(name in one.scores for one in rest))
    if not metrics:
        raise errors.ArgumentError("compare_models: the models have no metric in common", hint="name one: metrics=...")
    return Compared(validations, metrics)


def _named(models: Sequence[Any]) -> dict[str, Any]:
    """Models by the names of their classes or functions; numbered where a name comes twice."""
    found: dict[str, Any] = {}
    for number, model in enumerate(models, start=1):
        name = type(model).__name__ if is_estimator(model) else getattr(model, "__name__", f"model {number}")
        name = f"model {number}" if name == "<lambda>" else name
        found[name if name not in found else f"{name} {number}"] = model
    return found
