"""What all validations do: sort candidates by how they answer, train every one on its folds, and gather what is said.

Axis glossary: n rows, k outputs, F folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.batches import permutation
from forwardnet.train.pairing import Pairing
from forwardnet.train.progress_tally import Tally, tally_for
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
Unit = tuple[Candidate, Fold]


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
        self, units: Sequence[Unit], options: Options, workers: Workers, tally: Tally
    ) -> Iterator[tuple[int, Outcome]]:
        """(number of the unit, its outcome), as they end."""
        if isinstance(self.layout, Layout):
            return estimated.run(units, self.X, self.raw, self.layout, options, workers, tally.add)
        return built.run(units, self.X, self.y, options, workers, tally.add)

    def outcomes(
        self, units: Sequence[Unit], options: Options, workers: Workers, tally: Tally
    ) -> tuple[list[Outcome | None], bool]:
        """One for each unit, None for those that Ctrl-C came before; and whether it came.

        A training that it ended counts only where it is the only one: beside others it would be another model.
        """
        found: list[Outcome | None] = [None] * len(units)
        try:
            for number, outcome in self.run(units, options, workers, tally):
                if getattr(outcome.history, "stopped", None) == "interrupted":
                    found[number] = outcome if len(units) == 1 else None
                    return found, True
                found[number] = outcome
        except KeyboardInterrupt:
            return found, True
        return found, False

    def validation(
        self, outcomes: Sequence[Outcome | None], chosen: list[Fold], options: Options, notes: Sequence[str]
    ) -> Validation:
        """What was said, gathered row by row, and its scores."""
        done = [(fold, one) for fold, one in zip(chosen, outcomes, strict=True) if one is not None]
        nothing = dict.fromkeys(self.scorer.metrics, float("nan"))
        scores = [
            nothing if one is None or one.error else score_of(self.scorer, self.y[fold.test], one.answers)
            for fold, one in zip(chosen, outcomes, strict=True)
        ]
        learnt = [
            nothing if one is None or one.learnt is None else score_of(self.scorer, self.y[fold.train], one.learnt)
            for fold, one in zip(chosen, outcomes, strict=True)
        ]
        return Validation(
            y=self.y,
            answers=_gathered(done, len(self.y), max(fold.repeat for fold in chosen) + 1),
            folds=chosen,
            scores=_columns(scores),
            histories=[one.history for _, one in done if one.history is not None],
            notes=[*notes, *_troubles(done, len(chosen))],
            groups=None if options.groups is None else np.asarray(options.groups),
            models=[one.model for _, one in done] if options.keep_models else [],
            train_scores=_columns(learnt) if options.train_scores else {},
            seconds=np.array([np.nan if one is None else one.seconds for one in outcomes]),
            is_cut=len(done) < len(chosen),
            _layout=self.layout,
            _scorer=self.scorer,
            _seed=options.seed,
        )


def validate_all(
    candidates: Sequence[Candidate],
    X: Any,
    y: Any,
    options: Options,
    fold_sets: Sequence[list[Fold]] | None = None,
    what: str = "models",
) -> list[Validation]:
    """A `Validation` of each candidate; alike networks train together.

    All on the same folds, with the same seeds, unless `fold_sets` gives each folds of its own. Ctrl-C ends it: what is
    done is in the validations, whose notes say what is missing. Raises KeyboardInterrupt where nothing is done.
    """
    studies = studies_of(candidates, X, y, options)
    if fold_sets is None:
        fold_sets = [folds_of(studies[0], options)] * len(candidates)
    notes = leaks(X, studies[0].y, fold_sets[-1])
    workers = Workers.of(options.n_jobs)
    found: dict[int, Validation] = {}
    is_cut = False
    with tally_for(options.progress, sum(map(len, fold_sets)), what) as tally:
        for study in studies:
            units = [(candidates[i], fold) for i in study.numbers for fold in fold_sets[i]]
            outcomes: list[Outcome | None] = [None] * len(units)
            if not is_cut:
                outcomes, is_cut = study.outcomes(units, options, workers, tally)
            place = 0
            for i in study.numbers:
                own = outcomes[place : place + len(fold_sets[i])]
                found[i] = study.validation(own, fold_sets[i], options, notes)
                place += len(fold_sets[i])
    if is_cut and not any(np.isfinite(one.seconds).any() for one in found.values() if one.seconds is not None):
        raise KeyboardInterrupt
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
    if all(isinstance(study.layout, Layout) for study in studies.values()):
        options.check_for_estimators()  # beside a network the settings are the network's
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


def part_of_rows(folds: Sequence[Fold], size: float | int, study: Study, seed: int) -> list[Fold]:
    """The same folds, of which each learns from a part of its rows: a share (0 to 1], or a whole number of them.

    Which rows depends on the seed and the fold; a smaller part lies in a larger one, and has each class in proportion.

    Raises:
        ArgumentError: a size below 1 row, or above what a fold has.
    """
    found = []
    for fold in folds:
        n = len(fold.train)
        count = int(size) if isinstance(size, (int, np.integer)) and size > 1 else max(1, round(n * float(size)))
        if not 1 <= count <= n or size <= 0:
            raise errors.ArgumentError(f"validate: a part of {size} rows, expected a share of 1 or at most {n} rows")
        order = fold.train[permutation(n, seed=seed, purpose="part", epoch=fold.number)]
        labels = study.labels
        if labels is not None:
            order = order[np.argsort(_places(labels[order]), kind="stable")]
        found.append(replace(fold, train=order[:count] if count < n else fold.train))
    return found


def _places(labels: Array) -> Array:
    """(n,): (rank within the class + 1/2) / rows of the class; sorted by it, every prefix has the whole's shares."""
    order = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    places = np.empty(len(labels))
    places[order] = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    return places


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
    wrong = [(fold.number, one.error) for fold, one in done if one.error]
    if wrong:
        notes.append(f"{len(wrong)} of {count} folds failed, the first is number {wrong[0][0]}: {wrong[0][1]}")
    if len(done) < count:
        notes.append(f"interrupted: {len(done)} of {count} folds are done")
    return notes
