"""Figures over the number of rows learnt from, or over the values of one parameter: learnt rows beside others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.options import Options
from forwardnet.validate.result import Validation, finite_mean, frame
from forwardnet.validate.study import folds_of, part_of_rows, studies_of, validate_all
from forwardnet.validate.sweep import short

Array = NDArray[Any]

SHARES = (0.1, 0.18, 0.32, 0.56, 1.0)  # about equal ratios


@dataclass(frozen=True)
class Curve:
    """Validations over the values of one quantity, called `name`; each knows the figures of the rows learnt from."""

    name: str
    values: list[Any]
    validations: list[Validation]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(self.validations[0].scores)

    def points(self, metric: str | None = None) -> dict[str, Array]:
        """{"test", "low", "high", "train"}: one figure for each value, with the interval of those of unseen rows."""
        metric = metric or self.metrics[0]
        edges = [one.interval(metric) for one in self.validations]
        return {
            "test": np.array([one.pooled()[metric] for one in self.validations]),
            "low": np.array([low for low, _ in edges]),
            "high": np.array([high for _, high in edges]),
            "train": np.array([finite_mean(one.train_scores[metric]) for one in self.validations]),
        }

    def best(self, metric: str | None = None) -> Any:
        """The value with the best figure of unseen rows."""
        metric = metric or self.metrics[0]
        sign = self.validations[0].is_better(metric)
        return self.values[int(np.nanargmax(sign * self.points(metric)["test"]))]

    def to_frame(self) -> Any:
        """One line for each value and metric."""
        columns: dict[str, list[Any]] = {"metric": [], self.name: [], "test": [], "low": [], "high": [], "train": []}
        for metric in self.metrics:
            columns["metric"] += [metric] * len(self.values)
            columns[self.name] += self.values
            for name, values in self.points(metric).items():
                columns[name] += values.tolist()
        return frame(columns)

    def summary(self, metric: str | None = None) -> str:
        """The points in words."""
        metric = metric or self.metrics[0]
        points = self.points(metric)
        lines = [f"{self.name}: {metric} of unseen rows (95 % interval), of rows learnt from"]
        for i, value in enumerate(self.values):
            test, low, high, train = (points[name][i] for name in ("test", "low", "high", "train"))
            lines.append(f"{short(value)}: {test:.4g} ({low:.4g} to {high:.4g}), {train:.4g}")
        return "\n".join([*lines, *(f"note: {note}" for note in dict.fromkeys(self.validations[-1].notes))])

    def plot(self, metric: str | None = None) -> Any:
        """A matplotlib Figure of both figures over the values, the interval shaded."""
        from forwardnet.plot import validation_curve  # stands above: opened only when somebody asks for a picture

        return validation_curve(self, metric=metric)


def learning_curve(model: Any, X: Any, y: Any, *, sizes: Sequence[float | int] = SHARES, **options: Any) -> Curve:
    """Figures over the number of rows that a model learns from: would more rows help?

    `sizes` are shares (0 to 1] or numbers of the training rows of a fold, which are shuffled by the seed, class by
    class; the rows asked about stay the same. `options` are those of `cross_validate`.
    """
    chosen = replace(Options.of(options), train_scores=True)
    if not len(sizes):
        raise errors.ArgumentError("learning_curve: there are no sizes")
    candidate = Candidate(model)
    (study, *_) = studies_of([candidate], X, y, chosen)
    folds = folds_of(study, chosen)
    sets = [part_of_rows(folds, size, study, chosen.seed) for size in sizes]
    found = validate_all([candidate] * len(sets), X, y, chosen, sets)
    counts = [round(float(np.mean([len(fold.train) for fold in one]))) for one in sets]
    return Curve("rows", counts, found)


def validation_curve(model: Any, X: Any, y: Any, name: str, values: Sequence[Any], **options: Any) -> Curve:
    """Figures over the values of one parameter: too little and too much of it.

    `name` is a parameter of an estimator or an argument of a builder function. `options` are those of `cross_validate`.
    """
    if not len(values):
        raise errors.ArgumentError(f"validation_curve: there is nothing to try for {name!r}")
    given = list(values)
    chosen = replace(Options.of(options), train_scores=True)
    return Curve(name, given, validate_all([Candidate(model, {name: value}) for value in given], X, y, chosen))
