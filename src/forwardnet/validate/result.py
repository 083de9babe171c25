"""What a validation found: every row's prediction by a model that has not seen it, and figures with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.splits import bootstrap
from forwardnet.train.history import History
from forwardnet.train.scoring import Scores
from forwardnet.validate.folds import Fold

Array = NDArray[Any]

SAMPLES = 400  # bootstrap samples for an interval


@dataclass
class Validation:
    """The outcome of a cross-validation.

    `outputs` (repeats, n, k) are the raw outputs for each row, by the model that has not seen it; NaN for rows never
    asked about. `scores` has one value of each metric for every fold, NaN where a metric needs more rows than a
    fold has. `histories` belong to the folds, as do `models` where they were kept. `notes` are sentences about what
    makes the figures doubtful.
    """

    y: Array
    outputs: Array
    folds: list[Fold]
    scores: dict[str, NDArray[np.float64]]
    histories: list[History]
    notes: list[str]
    groups: Array | None = None
    models: list[Any] = field(default_factory=list)
    _scorer: Scores | None = None
    _seed: int = 0

    @property
    def predictions(self) -> Array:
        """The outputs averaged over repeats, (n, k); NaN for rows that were never asked about."""
        mean: Array = self.outputs.mean(axis=0)
        return mean

    def pooled(self) -> dict[str, float]:
        """Each metric over all rows that were asked about; the mean over repeats."""
        rows = [self._score(outputs, np.flatnonzero(_asked(outputs))) for outputs in self.outputs]
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def intervals(self, *, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """(low, high) of each metric: what other rows of the same kind could have given, by the bootstrap over rows.

        Rows of a group are drawn together. It is the spread of the sample of rows (Efron 1979, percentile method); that
        of the training, which other seeds show, is not in it.
        """
        outputs = self.predictions
        rows = np.flatnonzero(_asked(outputs))
        drawn = [self._score(outputs, rows[self._sample(rows, number)]) for number in range(SAMPLES)]
        edges = ((1 - level) / 2, (1 + level) / 2)
        found = {}
        for name in drawn[0]:
            values = np.array([row[name] for row in drawn])
            low, high = np.nanquantile(values, edges) if np.isfinite(values).any() else (np.nan, np.nan)
            found[name] = (float(low), float(high))
        return found

    def summary(self) -> str:
        """The figures in words, one line for each metric, and what makes them doubtful."""
        asked = int(_asked(self.predictions).sum())
        pooled, intervals = self.pooled(), self.intervals()
        repeats = len(self.outputs)
        times = "" if repeats == 1 else f", {repeats} times"
        lines = [f"{len(self.folds) // repeats} folds{times}: {asked} of {len(self.y)} rows asked about"]
        for name, value in pooled.items():
            low, high = intervals[name]
            text = f"{name} {value:.4g} (95 % interval {low:.4g} to {high:.4g}"
            known = self.scores[name][np.isfinite(self.scores[name])]
            if len(known) == len(self.folds) > 1 and min(len(fold.test) for fold in self.folds) > 1:
                text += f"; folds {known.min():.4g} to {known.max():.4g}"
            lines.append(text + ")")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _sample(self, rows: Array, number: int) -> Array:
        """Positions in `rows`, drawn with replacement; whole groups where there are groups."""
        if self.groups is None:
            return bootstrap(len(rows), seed=self._seed, number=number)
        names, member = np.unique(self.groups[rows], return_inverse=True)
        drawn = bootstrap(len(names), seed=self._seed, number=number)
        return np.concatenate([np.flatnonzero(member == group) for group in drawn])

    def _score(self, outputs: Array, rows: Array) -> dict[str, float]:
        assert self._scorer is not None
        return score_of(self._scorer, self.y[rows], outputs[rows])


def _asked(outputs: Array) -> NDArray[np.bool_]:
    """Which rows have outputs."""
    return np.asarray(np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))


def score_of(scorer: Scores, y: Array, outputs: Array) -> dict[str, float]:
    """Each metric; NaN where too few rows, or rows of one class alone, leave it undefined."""
    import warnings

    found: dict[str, float] = {}
    for name, metric in scorer.metrics.items():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found.update(Scores({name: metric}, scorer.pairing)(y, outputs))
        except ValueError:
            found[name] = float("nan")
    return found


def fold_scores(scorer: Scores, y: Array, outputs: Sequence[Array], folds: Sequence[Fold]) -> dict[str, Any]:
    """Metric -> one value for each fold, of its own outputs."""
    rows = [score_of(scorer, y[fold.test], own) for fold, own in zip(folds, outputs, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in scorer.metrics}
