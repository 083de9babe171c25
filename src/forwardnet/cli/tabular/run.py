"""One run on a table: folds, the network and its baselines on the same rows, figures, and the network that is kept.

Axis glossary: n rows, m rows that were asked about, C classes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.options import check_memory, check_table_memory
from forwardnet.cli.output import Output
from forwardnet.cli.tabular.network import batch_rows, chosen, make_estimator, usual_hidden
from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.pace import within
from forwardnet.cli.tabular.problem import Problem
from forwardnet.cli.tabular.split import Division, HeldOut, divide
from forwardnet.data.tables import Column, Table
from forwardnet.data.tables.learning import frequent_of
from forwardnet.explain import Dependence, Importance, column_importance, partial_dependence
from forwardnet.train.metrics import METRICS
from forwardnet.validate import Fold, Validation, cross_validate, folds as split_folds
from forwardnet.validate.baselines import BASELINES, baseline, possible
from forwardnet.validate.comparison import Comparison, compare
from forwardnet.validate.parallel import Workers

Array = NDArray[Any]

NETWORK = "network"
FIGURES = {
    "classification": ("accuracy", "balanced_accuracy", "log_loss", "roc_auc"),
    "regression": ("rmse", "mae", "r2"),
}
_MOST_FOLDS = 50  # that the baselines are fitted for, too
_FEWER_FOLDS = 10
_EXPLAINING = 10.0  # seconds at most for importances
_DATE_PARTS = 12  # inputs that a date becomes, at most
_SHOWN = 4  # columns whose dependence is drawn
_DEPENDENCE_ROWS = 500


@dataclass(frozen=True, eq=False)
class TableOutcome:
    """A finished run.

    `asked` (m,) are the rows (of the problem) that were predicted by a model that has not seen them; `predictions` has
    for each model probabilities (m, C) or values (m,). `estimator` is the one that is kept.
    """

    options: TableOptions
    problem: Problem
    division: Division
    validation: Validation | HeldOut
    asked: NDArray[np.int64]
    predictions: dict[str, Array]
    comparison: Comparison
    estimator: Any
    learnt_rows: int
    importance: Importance | None
    dependences: tuple[Dependence, ...]
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()

    @property
    def y(self) -> Array:
        """The true class numbers or values of the rows that were asked about."""
        return np.asarray(self.problem.y.values[self.asked])

    @property
    def metric(self) -> str:
        """The figure by which models are compared."""
        return self.comparison.metrics[0]

    @property
    def baselines(self) -> tuple[str, ...]:
        """The models that the network is compared with."""
        return tuple(name for name in self.predictions if name != NETWORK)

    @property
    def best_baseline(self) -> str:
        """The strongest of them."""
        sign = 1 if METRICS[self.metric].greater_is_better else -1
        return max(self.baselines, key=lambda name: sign * self.comparison.values[name][self.metric])


@dataclass
class Clock:
    """How far a run is: the part it is in, how long each took, what is left of the time limit, and what was learnt.

    After Ctrl-C in a training, a baseline or the importances no time is left: what is needed for the report is done,
    and the rest is left out. `kept` is the network, once there is one.
    """

    limit: float | None = None
    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    part: str = ""
    kept: Kept | None = None
    is_interrupted: bool = False

    @property
    def left(self) -> float:
        """Seconds until the time limit."""
        if self.is_interrupted:
            return -1.0
        return np.inf if self.limit is None else self.limit - (time.perf_counter() - self.started)

    @property
    def why(self) -> str:
        """Why no time is left."""
        return "The run was interrupted" if self.is_interrupted else "The time limit was reached"

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """The result of `work()`; its seconds are added to those of `name`."""
        self.part = name
        started = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def keep(self, kept: Kept, notes: list[str]) -> None:
        """Take the network that was trained; if Ctrl-C ended its training, that is noted."""
        if kept.is_cut and not kept.epochs:  # nothing has been learnt
            raise KeyboardInterrupt
        self.kept = kept
        if kept.is_cut:
            self.is_interrupted = True
            notes.append(f"The training was interrupted after {kept.epochs} epochs; what was learnt is kept.")


@dataclass(frozen=True, eq=False)
class Kept:
    """The network of a run, which learnt from so many rows, with what its file needs to say."""

    estimator: Any
    problem: Problem
    options: TableOptions
    division: Division
    n_learnt: int

    @property
    def is_cut(self) -> bool:
        """Whether Ctrl-C ended its training."""
        return is_cut(self.estimator)

    @property
    def epochs(self) -> int:
        """How many were run."""
        return len(self.estimator.history_)

    @property
    def learnt(self) -> NDArray[np.int64]:
        """The rows of the problem that it learnt from; of a stream these are not all."""
        folds = self.division.folds
        return folds[0].train if len(folds) == 1 else np.arange(len(self.problem.X))


def is_cut(estimator: Any) -> bool:
    """Whether Ctrl-C ended the training of an estimator."""
    return getattr(getattr(estimator, "history_", None), "stopped", None) == "interrupted"


def run(problem: Problem, options: TableOptions, output: Output, clock: Clock) -> TableOutcome:
    """Validate, compare, and train the network that is kept.

    Raises:
        ForwardnetError: the data cannot be used, or training diverged.
    """
    division = divide(problem, options)
    folds = division.folds
    n_rows = min(len(fold.train) for fold in folds)
    metrics = metrics_of(problem, options)
    _check_memory(problem, options, n_rows, len(folds))
    rarest = min(rarest_class(problem, fold.train) or n_rows for fold in folds) if problem.is_classifier else None
    n_fits = len(folds) + (len(folds) > 1)
    options = chosen(options, n_rows=n_rows, n_fits=n_fits, rarest=rarest, is_weighted=problem.weight is not None)
    notes: list[str] = []
    if options.time_limit is not None:
        options, note = clock.timed("pace", lambda: within(problem, options, folds, clock.left, targets(problem)))
        notes += [note] if note else []
    estimator = make_estimator(options, is_classifier=problem.is_classifier, n_rows=n_rows, rarest=rarest)
    output.say(f"split    {division.how}")
    validation = clock.timed("network", lambda: _validate(estimator, problem, division, metrics, options, output))
    asked, own = _asked(validation, problem)
    notes += validation.notes
    if len(folds) == 1:
        clock.keep(Kept(validation.models[0], problem, options, division, len(folds[0].train)), notes)
    elif validation.is_cut:
        raise KeyboardInterrupt
    predictions = {NETWORK: own}
    predictions |= baselines_of(problem, _fewer(problem, folds, options, notes), asked, options, clock, notes)
    y = problem.y.values[asked]
    groups = None if problem.groups is None else problem.groups[asked]
    weight = None if problem.weight is None else problem.weight[asked]
    comparison = clock.timed(
        "figures", lambda: compare(y, predictions, metrics, groups=groups, weight=weight, seed=options.seed)
    )
    if clock.kept is None:
        made = _learnt_from_all(problem, options, output, clock)
        clock.keep(Kept(made, problem, options, division, len(problem.X)), notes)
    assert clock.kept is not None
    kept = clock.kept
    importance, dependences = explained(kept, metrics[0], clock, notes)
    return TableOutcome(
        options, problem, division, validation, asked, predictions, comparison, kept.estimator, kept.n_learnt,
        importance, dependences, clock.seconds, tuple(notes),
    )  # fmt: skip


def _check_memory(problem: Problem, options: TableOptions, n_rows: int, n_folds: int) -> None:
    """Refuse what cannot fit, before anything is trained."""
    width = sum(input_width(column) for column in problem.X)
    workers = min(n_folds, options.threads or os.cpu_count() or 1)
    check_table_memory(n_rows, width, workers)
    hidden = options.hidden if options.hidden is not None else usual_hidden(n_rows)
    outputs = len(problem.classes) if problem.is_classifier else 1
    check_memory((width, *hidden, outputs), options.batch_size or batch_rows(n_rows))


def input_width(column: Column) -> int:
    """At most so many inputs become of a column."""
    if column.kind == "date":
        return _DATE_PARTS
    if column.levels is not None:
        return len(column.levels)
    frequent = frequent_of(column.values) if column.kind == "number" else None
    return 1 + bool(column.is_missing.any()) + (0 if frequent is None else len(frequent.values) + 1)


def rarest_class(problem: Problem, rows: Array) -> int | None:
    """How many of the rows are of the class that has the fewest of them; None for numbers."""
    if not problem.is_classifier:
        return None
    counts = np.bincount(problem.y.values[rows])
    return int(counts[counts > 0].min())


def metrics_of(problem: Problem, options: TableOptions) -> list[str]:
    """The figures that are shown; the first is the one that decides."""
    usual = FIGURES[problem.task]
    first = options.metric or usual[0]
    return [first, *(name for name in usual if name != first)]


def targets(problem: Problem) -> Array:
    """The targets as an estimator gets them: names of classes (n,), or numbers (n,)."""
    return np.array(problem.classes)[problem.y.values] if problem.is_classifier else problem.y.values


def _validate(
    estimator: Any, problem: Problem, division: Division, metrics: list[str], options: TableOptions, output: Output
) -> Validation:
    """The network in every fold."""
    weight = {} if problem.weight is None else {"sample_weight": problem.weight}
    # Progress goes to standard output, which belongs to the JSON object if one was asked for.
    with contextlib.redirect_stdout(output.talk):
        return cross_validate(
            estimator,
            problem.X,
            targets(problem),
            **division.arguments,
            metrics=metrics,
            fit_params=weight,
            seed=options.seed,
            # Of a single network Ctrl-C is to end the training and keep it, which takes the main thread.
            n_jobs=1 if len(division.folds) == 1 else options.threads,
            keep_models=len(division.folds) == 1,
            train_scores=True,
            progress=not output.is_quiet,
        )


def _asked(validation: Validation, problem: Problem) -> tuple[NDArray[np.int64], Array]:
    """The rows that have predictions, and these: probabilities (m, C) or values (m,)."""
    found = validation.predictions
    asked = np.flatnonzero(np.isfinite(found.reshape(len(found), -1)).all(axis=1))
    return asked, found[asked] if problem.is_classifier else found[asked].reshape(-1)


def baselines_of(
    problem: Problem,
    folds: list[Fold],
    asked: Array,
    options: TableOptions,
    clock: Clock,
    notes: list[str],
    *,
    without: Sequence[str] = (),
) -> dict[str, Array]:
    """Each baseline's predictions for the rows that the network was asked about; the simplest has time always."""
    found: dict[str, Array] = {}
    for name in possible(problem.X, [name for name in BASELINES if name not in without]):
        if found and clock.left < 0:
            notes.append(f"{clock.why} before the baseline {name!r}.")
            continue
        try:
            found[name] = clock.timed(name, partial(_baseline, name, problem, folds, options))[asked]
        except KeyboardInterrupt:
            if not found:  # there is nothing to compare with
                raise
            clock.is_interrupted = True
            notes.append(f"The run was interrupted in the baseline {name!r}.")
    return found


def _baseline(name: str, problem: Problem, folds: list[Fold], options: TableOptions) -> Array:
    """(n, C) or (n,): what a baseline says of the rows it has not seen, the mean over repeats; NaN for the others."""
    n_classes = len(problem.classes) if problem.is_classifier else None
    shape = (len(problem.X),) if n_classes is None else (len(problem.X), n_classes)
    total, count = np.zeros(shape), np.zeros(len(problem.X))

    def fitted(fold: Fold) -> Array:
        weight = None if problem.weight is None else problem.weight[fold.train]
        y = problem.y.values[fold.train]
        train, test = problem.X.take(fold.train), problem.X.take(fold.test)
        return baseline(name, train, y, test, n_classes=n_classes, weight=weight, seed=options.seed).predictions

    # One fold in each thread: several threads for one model mostly wait for each other.
    for number, found in Workers.of(options.threads).run(fitted, [(fold,) for fold in folds]):
        total[folds[number].test] += found
        count[folds[number].test] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / (count if n_classes is None else count[:, None]))


def _fewer(problem: Problem, folds: list[Fold], options: TableOptions, notes: list[str]) -> list[Fold]:
    """The folds of the baselines: the network's own, or ten where those are many."""
    if len(folds) <= _MOST_FOLDS:
        return folds
    groups = problem.groups
    if groups is not None and len(np.unique(groups)) < _FEWER_FOLDS:
        return folds
    notes.append(f"The baselines were asked about the same rows in {_FEWER_FOLDS} folds instead of {len(folds)}.")
    return split_folds(len(problem.X), _FEWER_FOLDS, groups=groups, seed=options.seed)


def _learnt_from_all(problem: Problem, options: TableOptions, output: Output, clock: Clock) -> Any:
    """The network that is kept where those of the folds are only asked: a new one that learns from all rows."""
    output.say("keeping  a network that learns from all rows")
    n = len(problem.X)
    rarest = rarest_class(problem, np.arange(n))
    made = make_estimator(options, is_classifier=problem.is_classifier, n_rows=n, rarest=rarest)
    weight = {} if problem.weight is None else {"sample_weight": problem.weight}
    clock.timed("kept network", lambda: made.fit(problem.X, targets(problem), **weight))
    return made


def predict(estimator: Any, table: Table, *, is_classifier: bool) -> Array:
    """Probabilities (n, C) or values (n,)."""
    found = estimator.predict_proba(table) if is_classifier else estimator.predict(table)
    return np.asarray(found, dtype=np.float64)


def explained(
    kept: Kept, metric: str, clock: Clock, notes: list[str]
) -> tuple[Importance | None, tuple[Dependence, ...]]:
    """What each column does; nothing, and a note, after Ctrl-C."""
    try:
        if not clock.is_interrupted:
            work = partial(explain, kept.estimator, kept.problem, kept.division.folds, metric, clock)
            found: tuple[Importance | None, tuple[Dependence, ...]] = clock.timed("explaining", work)
            return found
    except KeyboardInterrupt:
        clock.is_interrupted = True
    notes.append("The run was interrupted before the importances of the columns.")
    return None, ()


def explain(
    estimator: Any, problem: Problem, folds: list[Fold], metric: str, clock: Clock
) -> tuple[Importance | None, tuple[Dependence, ...]]:
    """What each column does, on rows that the kept network has not learnt from where there are some."""
    rows = np.arange(len(problem.X)) if len(folds) > 1 else folds[0].test
    X, y = problem.X.take(rows), problem.y.values[rows]
    link: Any = "probabilities" if problem.is_classifier else None

    def ask(table: Table) -> Array:
        return predict(estimator, table, is_classifier=problem.is_classifier)

    left = min(_EXPLAINING, max(clock.left, 0.0))
    found = column_importance(ask, metric, X, y, link=link, time_limit=left, seed=0)
    if found is None:
        return None, ()
    some = X.take(slice(0, _DEPENDENCE_ROWS))
    strongest = [found.names[j] for j in found.order[:_SHOWN] if found.is_used[j]]
    shown = [name for name in strongest if not some[name].is_missing.all()]
    return found, tuple(partial_dependence(ask, some, name) for name in shown)
