"""Cross-validation: many models of one kind, each asked about rows that it has not learnt from.

Whatever is learnt from rows is learnt inside the fold: the scales of the columns, too. Small networks train sixteen at
a time in the lanes of one native program (`train.fit_many`); estimators one in each thread.

Axis glossary: n rows, d columns, k outputs, F folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.train.pairing import Pairing
from forwardnet.train.scoring import Scores
from forwardnet.validate import built, estimated, rows as table
from forwardnet.validate.answers import Layout, layout_of
from forwardnet.validate.candidates import Candidate, is_estimator
from forwardnet.validate.folds import Fold, folds
from forwardnet.validate.leakage import leaks
from forwardnet.validate.options import Options
from forwardnet.validate.outcome import Outcome
from forwardnet.validate.parallel import Workers
from forwardnet.validate.result import Validation, score_of
from forwardnet.validate.scorers import scores_for

Array = NDArray[Any]


def cross_validate(
    model: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    metrics: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    scale: bool | None = None,
    scale_target: bool | None = None,
    fit_params: Mapping[str, Any] | None = None,
    stratify: bool | None = None,
    groups: Any = None,
    ordered: bool = False,
    repeats: int = 1,
    seed: int = 0,
    n_jobs: int | None = None,
    keep_models: bool = False,
    train_scores: bool = False,
    progress: bool | Callable[[Any], object] = False,
) -> Validation:
    """Train a model for each fold, and ask it about the rows it has not seen.

    `model` is an estimator, anything with `fit` and `predict` (pipelines and scikit-learn's own, too), of which each
    fold fits an unfitted copy; or a function that is called for each fold and returns an estimator, a Trainer, or an
    `nn.Module`. What it draws depends on `seed` and the fold alone: a `random_state` of None is given a number.

    `cv`, `groups`, `ordered` and `repeats` say what the folds are (see `folds`); classes are kept in proportion unless
    `stratify` is False. `metrics` are names of `ff.metrics` or of scikit-learn's scorers, scorers, or functions (y,
    outputs) -> number; they default to what suits the model. `X` is an array, a data frame, a `Table` or whatever else
    the model takes; each row or group is asked about by a model that has not seen it. `fit_params` are further
    arguments of an estimator's `fit`, of which arrays of n rows are split like the rows. `train_scores` measures the
    rows that were learnt from, too.

    For functions that return modules or Trainers: an `nn.Module` is trained with `loss` and `optimizer` (a name, or a
    function of the parameters; "adam"), for `epochs` (20) with batches of `batch_size` (64). With `scale` (True)
    columns are standardised by the mean and deviation of the fold's training rows, with `scale_target` (False) the
    targets, too, and outputs are brought back.

    At most `n_jobs` train at once (None: as many as there are processors), in threads, or where
    `joblib.parallel_config(backend=...)` says; the result does not depend on either. Ctrl-C ends it, and the folds that
    are done are kept.

    Returns:
        A `Validation`: every row's out-of-fold outputs, scores of folds and of all rows with intervals, histories.

    Raises:
        ArgumentError, DataError, ShapeError: the call or the data cannot be used.
    """
    given = {name: value for name, value in locals().items() if name not in ("model", "X", "y")}
    (found,) = validate_all([Candidate(model)], X, y, Options.of(given))
    return found


def k_fold(model: Any, X: Any, y: Any, k: int = 5, **options: Any) -> Validation:
    """`cross_validate` with `k` folds: each row is asked about once, by a model that learnt from the other folds."""
    return cross_validate(model, X, y, cv=int(k), **options)


def leave_one_out(model: Any, X: Any, y: Any, **options: Any) -> Validation:
    """`cross_validate` with a model for each row (or group), which learns from all the others."""
    return cross_validate(model, X, y, cv="loo", **options)


def holdout(model: Any, X: Any, y: Any, test: float = 0.2, **options: Any) -> Validation:
    """`cross_validate` with one part of the rows held out; `repeats` draws it anew: much may hang on that."""
    return cross_validate(model, X, y, cv=float(test), **options)


@dataclass
class Study:
    """Candidates whose answers are read in one way, the data as they take them, and how they are scored."""

    layout: Layout | Pairing
    X: Any
    raw: Array  # what estimators learn from
    y: Array  # what is scored
    scorer: Scores
    numbers: list[int] = field(default_factory=list)  # of the candidates

    @property
    def labels(self) -> Array | None:
        """The class of each row (n,); None where rows have none."""
        is_classes = self.layout.kind in ("classes", "labels") and (self.y.ndim == 1 or self.y.shape[1:] == (1,))
        return self.y.reshape(-1).astype(np.int64) if is_classes else None

    def run(
        self, units: Sequence[tuple[Candidate, Fold]], options: Options, workers: Workers, on_done: Any = None
    ) -> Any:
        """(number of the unit, its outcome), as they end."""
        if isinstance(self.layout, Layout):
            return estimated.run(units, self.X, self.raw, self.layout, options, workers)
        return built.run(units, self.X, self.y, options, workers, on_done)


def validate_all(
    candidates: Sequence[Candidate], X: Any, y: Any, options: Options, chosen: list[Fold] | None = None
) -> list[Validation]:
    """A `Validation` of each candidate on the same folds, with the same seeds; alike networks train together."""
    studies = studies_of(candidates, X, y, options)
    if chosen is None:
        chosen = folds_of(studies[0], options)
    notes = leaks(X, studies[0].y, chosen)
    workers = Workers.of(options.n_jobs)
    found: dict[int, Validation] = {}
    for study in studies:
        units = [(candidates[i], fold) for i in study.numbers for fold in chosen]
        outcomes: list[Outcome | None] = [None] * len(units)
        is_cut = False
        try:
            for number, outcome in study.run(units, options, workers):
                outcomes[number] = outcome
        except KeyboardInterrupt:
            if not any(outcomes):
                raise
            is_cut = True
        for place, i in enumerate(study.numbers):
            own = outcomes[place * len(chosen) : (place + 1) * len(chosen)]
            found[i] = _validation(study, own, chosen, options, notes)
        if is_cut:
            break
    return [found[i] for i in sorted(found)]


def studies_of(candidates: Sequence[Candidate], X: Any, y: Any, options: Options) -> list[Study]:
    """The candidates sorted by how their answers are read."""
    studies: dict[str, Study] = {}
    for number, candidate in enumerate(candidates):
        made = candidate.make(options.seed, 0)
        if is_estimator(made):
            raw = table.plain(y)
            if len(raw) != table.count(X):
                raise errors.ShapeError(f"validate: X has {table.count(X)} rows and y has {len(raw)}")
            layout, targets = layout_of(made, raw)
            key = repr((layout.kind, layout.width, layout.more, layout.more_width))
            study = Study(layout, X, raw, targets, scores_for(options.metrics, layout))
        else:
            trainer = built.trainer_of(candidate, options, 0)
            key, numbers = repr((trainer._pairing, trainer.precision)), built.numbers(X)
            if options.scale_target and trainer._pairing.kind != "values":
                raise errors.ArgumentError(
                    f"validate: scale_target is for numbers, and {trainer._pairing.loss} has classes"
                )
            targets = built.targets_of(trainer, numbers, y)
            study = Study(trainer._pairing, numbers, targets, targets, scores_for(options.metrics, trainer._pairing))
        studies.setdefault(key, study).numbers.append(number)
    return list(studies.values())


def folds_of(study: Study, options: Options) -> list[Fold]:
    """The folds that the options ask for."""
    labels = study.labels
    if options.stratify and labels is None:
        raise errors.ArgumentError("validate: stratify needs one class for each row")
    if options.stratify is False or options.ordered or options.cv == "loo":
        labels = None
    return folds(
        len(study.y),
        options.cv,
        labels=labels,
        groups=options.groups,
        ordered=options.ordered,
        repeats=options.repeats,
        seed=options.seed,
    )


def _validation(
    study: Study, outcomes: Sequence[Outcome | None], chosen: list[Fold], options: Options, notes: Sequence[str]
) -> Validation:
    """What was said, gathered row by row, and its scores."""
    done = [(fold, one) for fold, one in zip(chosen, outcomes, strict=True) if one is not None]
    nothing = dict.fromkeys(study.scorer.metrics, float("nan"))
    scores = [
        nothing if one is None else score_of(study.scorer, study.y[fold.test], one.answers)
        for fold, one in zip(chosen, outcomes, strict=True)
    ]
    learnt = [
        nothing if one is None or one.learnt is None else score_of(study.scorer, study.y[fold.train], one.learnt)
        for fold, one in zip(chosen, outcomes, strict=True)
    ]
    return Validation(
        y=study.y,
        answers=_gathered(done, len(study.y), max(fold.repeat for fold in chosen) + 1),
        folds=chosen,
        scores=_columns(scores),
        histories=[one.history for _, one in done if one.history is not None],
        notes=[*notes, *_troubles(done, len(chosen))],
        groups=None if options.groups is None else np.asarray(options.groups),
        models=[one.model for _, one in done] if options.keep_models else [],
        train_scores=_columns(learnt) if options.train_scores else {},
        seconds=np.array([np.nan if one is None else one.seconds for one in outcomes]),
        _layout=study.layout,
        _scorer=study.scorer,
        _seed=options.seed,
    )


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _gathered(done: Sequence[tuple[Fold, Outcome]], n: int, repeats: int) -> Array:
    """(repeats, n, k): the answers for each row, NaN where there are none."""
    if not done:
        return np.full((repeats, n, 1), np.nan)
    first = done[0][1].answers
    found = np.full((repeats, n, *first.shape[1:]), np.nan, first.dtype)
    for fold, one in done:
        found[fold.repeat, fold.test] = one.answers
    return found


def _troubles(done: Sequence[tuple[Fold, Outcome]], count: int) -> list[str]:
    """Sentences about folds that diverged, and about those that are missing."""
    notes = []
    diverged = [fold.number for fold, one in done if getattr(one.history, "stopped", None) == "diverged"]
    if diverged:
        notes.append(f"training diverged in {len(diverged)} of {count} folds, the first is number {diverged[0]}")
    if len(done) < count:
        notes.append(f"interrupted: {len(done)} of {count} folds are done")
    return notes
