"""What a validation found: every row's prediction by a model that has not seen it, and figures with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.splits import bootstrap
from forwardnet.train.history import History
from forwardnet.train.metrics import confusion_matrix
from forwardnet.train.pairing import Pairing
from forwardnet.train.scoring import Scores
from forwardnet.validate.answers import Layout, responses
from forwardnet.validate.comparison import n_samples
from forwardnet.validate.folds import Fold

Array = NDArray[Any]


@dataclass(repr=False)
class Validation:
    """The outcome of a cross-validation.

    `y` are class indices or numbers; `classes` has the names of the classes of an estimator. `scores` has one value of
    each metric for every fold, NaN where a metric needs more rows than a fold has, or where the fold was not finished;
    `train_scores`, where they were asked for, the same of the rows that were learnt from. `histories` belong to the
    folds (of estimators: those that have a `history_`), as do `models` where they were kept, and `seconds` of training.
    `notes` are sentences about what makes the figures doubtful. `answers` (repeats, n, m) is everything that was said
    about each row; NaN for rows never asked about.
    """

    y: Array
    answers: Array
    folds: list[Fold]
    scores: dict[str, NDArray[np.float64]]
    histories: list[History]
    notes: list[str]
    groups: Array | None = None
    models: list[Any] = field(default_factory=list)
    train_scores: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    seconds: NDArray[np.float64] | None = None
    is_cut: bool = False  # Ctrl-C came before all folds were done
    _layout: Layout | Pairing = field(kw_only=True, repr=False)
    _scorer: Scores = field(kw_only=True, repr=False)
    _seed: int = field(default=0, repr=False)
    _drawn: dict[str, Array] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        """Sizes and figures."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.pooled().items())
        return f"Validation({len(self.folds)} folds, {len(self.y)} rows: {figures})"

    @property
    def outputs(self) -> Array:
        """(repeats, n, k): raw outputs of networks, or probabilities or values of estimators, for each row."""
        return self.answers[..., self._layout.shown] if isinstance(self._layout, Layout) else self.answers

    @property
    def classes(self) -> Array | None:
        """The names of an estimator's classes, in the order of the columns of `outputs`."""
        return self._layout.classes if isinstance(self._layout, Layout) else None

    def is_better(self, metric: str) -> float:
        """1 where more of a metric is better, -1 where less is; scikit-learn's scorers are always better when greater.

        Raises:
            UnknownNameError: the metric was not measured.
        """
        if metric not in self._scorer.metrics:
            raise errors.unknown_name("metric", metric, self._scorer.metrics)
        return 1.0 if getattr(self._scorer.metrics[metric], "greater_is_better", True) else -1.0

    @property
    def predictions(self) -> Array:
        """The outputs averaged over the repeats in which a row was asked about, (n, k); NaN where it never was."""
        return mean_of(self.outputs)

    @property
    def labels(self) -> Array:
        """What each row was taken for, (n,) or (n, k): the names of classes, else their indices; numbers if numbers.

        Of several repeats the one of the mean outputs. -1 (of names: the first) for rows never asked about.
        """
        answers = self._mean
        asked = _asked(answers)
        said = responses(self._layout, answers[asked], self.y[asked])["predict"]
        fill = np.nan if said.dtype.kind == "f" else -1
        found = np.full((len(answers), *said.shape[1:]), fill, said.dtype)
        found[asked] = said
        return found if self.classes is None else self.classes[np.maximum(found, 0)]

    def confusion(self) -> Array:
        """c[i, j] = number of rows of class i that were taken for class j, all of them predicted out of fold."""
        answers = self._mean
        asked = _asked(answers)
        said = responses(self._layout, answers[asked], self.y[asked])["predict"]
        size = None if self.classes is None else len(self.classes)
        return confusion_matrix(self.y[asked], said, classes=size)

    def pooled(self) -> dict[str, float]:
        """Each metric over all rows that were asked about; the mean over repeats."""
        rows = [self._score(own, np.flatnonzero(_asked(own))) for own in self.answers]
        return {name: finite_mean([row[name] for row in rows]) for name in self._scorer.metrics}

    def samples(self, metric: str) -> Array:
        """(b,): the figure for b samples of the rows drawn with replacement; the mean over repeats.

        The samples depend on the seed and the number of rows alone, so those of two models on the same rows belong
        together, pair by pair.
        """
        if metric not in self._drawn:
            asked = [_asked(own) for own in self.answers]
            rows = np.flatnonzero(np.any(asked, axis=0))
            one = Scores({metric: self._scorer.metrics[metric]}, self._scorer.pairing)
            values = np.empty((n_samples(len(rows)), len(asked)))
            for number in range(len(values)):
                drawn = rows[self._sample(rows, number)]
                for repeat, answers in enumerate(self.answers):
                    own = drawn[asked[repeat][drawn]]
                    values[number, repeat] = score_of(one, self.y[own], answers[own])[metric] if len(own) else np.nan
            self._drawn[metric] = np.array([finite_mean(row) for row in values])
        return self._drawn[metric]

    def interval(self, metric: str, *, level: float = 0.95) -> tuple[float, float]:
        """(low, high) of one metric; see `intervals`."""
        return quantiles(self.samples(metric), level)

    def intervals(self, *, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """(low, high) of each metric: what other rows of the same kind could have given, by the bootstrap over rows.

        Rows of a group are drawn together. It is the spread of the sample of rows (Efron 1979, percentile method); that
        of the training, which other seeds show, is not in it.
        """
        return {name: self.interval(name, level=level) for name in self._scorer.metrics}

    def summary(self) -> str:
        """The figures in words, one line for each metric, and what makes them doubtful."""
        asked = int(_asked(self.predictions).sum())
        pooled, intervals = self.pooled(), self.intervals()
        repeats = len(self.answers)
        times = "" if repeats == 1 else f", {repeats} times"
        lines = [f"{len(self.folds) // repeats} folds{times}: {asked} of {len(self.y)} rows asked about"]
        for name, value in pooled.items():
            low, high = intervals[name]
            text = f"{name} {value:.4g} (95 % interval {low:.4g} to {high:.4g}"
            known = self.scores[name][np.isfinite(self.scores[name])]
            if len(known) == len(self.folds) > 1 and min(len(fold.test) for fold in self.folds) > 1:
                text += f"; folds {known.min():.4g} to {known.max():.4g}"
            if name in self.train_scores:
                text += f"; rows learnt from {finite_mean(self.train_scores[name]):.4g}"
            lines.append(text + ")")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def to_frame(self) -> Any:
        """One line for each row and repeat it was asked about in: its fold, its target, what was said about it.

        A pandas DataFrame; a dict of lists where pandas is not installed.
        """
        columns: dict[str, list[Any]] = {"row": [], "repeat": [], "fold": [], "y": [], "predicted": []}
        names = self.classes if self.classes is not None else np.arange(self.outputs.shape[-1])
        outputs: list[Array] = []
        for fold in self.folds:
            own = self.answers[fold.repeat, fold.test]
            rows = fold.test[_asked(own)]
            if not len(rows):
                continue
            said = responses(self._layout, own[_asked(own)], self.y[rows])["predict"]
            columns["row"] += rows.tolist()
            columns["repeat"] += [fold.repeat] * len(rows)
            columns["fold"] += [fold.number] * len(rows)
            columns["y"] += self._named(self.y[rows]).tolist()
            columns["predicted"] += self._named(said).tolist()
            outputs.append(self.outputs[fold.repeat, rows])
        if outputs and self._scorer.pairing.kind != "values":
            for name, column in zip(names, np.concatenate(outputs).reshape(len(columns["row"]), -1).T, strict=True):
                columns[f"output_{name}"] = column.tolist()
        return frame(columns)

    @property
    def _mean(self) -> Array:
        """(n, m): the answers averaged over repeats."""
        mean = mean_of(self.answers)
        return self._layout.settled(mean) if len(self.answers) > 1 and isinstance(self._layout, Layout) else mean

    def _named(self, values: Array) -> Array:
        return values if self.classes is None else self.classes[values]

    def _sample(self, rows: Array, number: int) -> Array:
        """Positions in `rows`, drawn with replacement; whole groups where there are groups."""
        if self.groups is None:
            return bootstrap(len(rows), seed=self._seed, number=number)
        names, member = np.unique(self.groups[rows], return_inverse=True)
        drawn = bootstrap(len(names), seed=self._seed, number=number)
        return np.concatenate([np.flatnonzero(member == group) for group in drawn])

    def _score(self, answers: Array, rows: Array) -> dict[str, float]:
        return score_of(self._scorer, self.y[rows], answers[rows])


def frame(columns: dict[str, list[Any]]) -> Any:
    """A pandas DataFrame of these columns; the dict itself where pandas is not installed."""
    try:
        import pandas
    except ImportError:
        return columns
    return pandas.DataFrame(columns)


def quantiles(values: Array, level: float) -> tuple[float, float]:
    """(low, high) between which the middle `level` of the finite values lies; NaN if there are none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def finite_mean(values: Sequence[float] | Array) -> float:
    known = np.asarray(values)[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def mean_of(answers: Array) -> Array:
    """The mean over repeats, of those in which a row was asked about."""
    is_known = np.isfinite(answers)
    total: Array = np.where(is_known, answers, 0).sum(axis=0)
    counts = is_known.sum(axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan).astype(answers.dtype)


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
