"""Bagging that is validated as it is made: each model is asked about the rows that its sample misses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.splits import bootstrap
from forwardnet.train import inputs
from forwardnet.validate.answers import Layout, of_probabilities, probabilities
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.compare import Compared, compared_of
from forwardnet.validate.folds import Fold
from forwardnet.validate.options import Options
from forwardnet.validate.result import Validation, mean_of, score_of
from forwardnet.validate.scorers import scores_for
from forwardnet.validate.study import Study, studies_of, validate_all

Array = NDArray[Any]


@dataclass(frozen=True)
class Bags:
    """Models that learnt from bootstrap samples, and what they are worth on the rows that each of them missed.

    `together` is the validation of the mean answer for each row of the models that have not seen it, `alone` that of
    the models one by one (a repeat for each). `models` answer new rows.
    """

    together: Validation
    alone: Validation
    models: list[Any]

    @property
    def covered(self) -> float:
        """The share of rows that at least one model has not seen."""
        return float(np.isfinite(self.together.answers[0, :, 0]).mean())

    def compared(self) -> Compared:
        """Both as models to be compared, with the interval of the difference."""
        return compared_of({"together": self.together, "one alone": self.alone})

    def summary(self) -> str:
        """The out-of-bag figures in words, beside those of a single model."""
        found = self.compared()
        lines = [f"{len(self.models)} bags; {self.covered:.0%} of the rows are out of at least one of them"]
        for metric in found.metrics:
            low, high = self.together.interval(metric)
            gap = found.difference("together", "one alone", metric)
            lines.append(
                f"{metric} {self.together.pooled()[metric]:.4g} (95 % interval {low:.4g} to {high:.4g}); "
                f"against one model {gap.value:+.4g} ({gap.low:+.4g} to {gap.high:+.4g})"
            )
        return "\n".join([*lines, *(f"note: {note}" for note in self.together.notes)])


def bagging(model: Any, X: Any, y: Any, *, bags: int = 10, **options: Any) -> Bags:
    """Train models on rows drawn with replacement, and ask each about the rows it missed (Breiman 1996).

    The mean over the models that have not seen a row is an honest figure for their mean on new rows, a little on the
    dark side, since only about a third of the models answers for a row. `options` are those of `cross_validate` (but
    for what concerns folds). With `groups` whole groups are drawn.

    Raises:
        ArgumentError: fewer than 1 bag, or an option about folds.
    """
    chosen = replace(Options.of(options), keep_models=True)
    count = inputs.whole(bags, "bags", least=1)
    if {"cv", "repeats", "stratify", "ordered"} & set(options):
        raise errors.ArgumentError("bagging: the rows that a bag misses are asked about; there are no other folds")
    candidate = Candidate(model)
    (study, *_) = studies_of([candidate], X, y, chosen)
    folds = list(_bags(len(study.y), chosen, count))
    (alone,) = validate_all([candidate], X, y, chosen, [folds], "bags")
    return Bags(_together(alone, study, chosen), alone, alone.models)


def _bags(n: int, options: Options, count: int) -> Iterator[Fold]:
    """Folds that learn from a bootstrap sample and ask about the rest."""
    groups = np.arange(n) if options.groups is None else np.unique(np.asarray(options.groups), return_inverse=True)[1]
    for number in range(count):
        drawn = bootstrap(int(groups.max()) + 1, seed=options.seed, number=number)
        times = np.bincount(drawn, minlength=int(groups.max()) + 1)[groups]
        rest = np.flatnonzero(times == 0)
        if len(rest):  # of few rows a sample may have every one
            yield Fold(number, number, np.repeat(np.arange(n), times), rest)


def _together(alone: Validation, study: Study, options: Options) -> Validation:
    """The validation of the mean answer of the models that have not seen a row."""
    layout, answers = study.layout, alone.answers
    if not isinstance(layout, Layout):
        answers = np.stack([probabilities(own, layout) for own in answers])
        layout = of_probabilities(layout)
    mean = mean_of(answers)
    if isinstance(layout, Layout):
        mean = layout.settled(mean)
    scorer = scores_for(options.metrics, layout)
    asked = np.flatnonzero(np.isfinite(mean.reshape(len(mean), -1)).all(axis=1))
    scores = score_of(scorer, alone.y[asked], mean[asked])
    return replace(
        alone,
        answers=mean[None],
        folds=[Fold(0, 0, np.arange(len(mean)), asked)],
        scores={name: np.array([value]) for name, value in scores.items()},
        histories=[],
        models=[],
        train_scores={},
        seconds=None,
        _layout=layout,
        _scorer=scorer,
        _drawn={},
    )
