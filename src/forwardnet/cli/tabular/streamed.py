"""A run on a table that need not fit into memory: its rows are read in blocks, and some of them are kept.

In memory are rows to be tested, rows that choose the epoch, and known rows: some of those that are learnt from, for
scales, baselines and whatever looks at many rows at once.

Axis glossary: n rows, m rows in memory, C classes.
"""

from __future__ import annotations

import contextlib
import gc
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.output import Output
from forwardnet.cli.tabular import limit
from forwardnet.cli.tabular.network import batch_rows, parameters, usual_hidden
from forwardnet.cli.tabular.options import TEST, VALIDATION, TableOptions
from forwardnet.cli.tabular.problem import Problem, decide, find_column, make_problem
from forwardnet.cli.tabular.record import fingerprint
from forwardnet.cli.tabular.run import (
    NETWORK,
    Clock,
    Kept,
    TableOutcome,
    baselines_of,
    explained,
    input_width,
    metrics_of,
    predict,
)  # fmt: skip
from forwardnet.cli.tabular.source import open_stream
from forwardnet.cli.tabular.split import Division, HeldOut
from forwardnet.cli.tabular.train import announce
from forwardnet.cli.train import prepare
from forwardnet.data.tables import Table, TableStream
from forwardnet.data.tables.parts import Parts, joined, put_aside
from forwardnet.data.tables.table import USED
from forwardnet.errors import DataError
from forwardnet.train.metrics import METRICS
from forwardnet.validate import Fold
from forwardnet.validate.comparison import compare

Array = NDArray[Any]


def run_streamed(options: TableOptions, output: Output, clock: Clock) -> TableOutcome:
    """Read, put rows aside, train, compare; all within about `options.memory_limit` bytes.

    Raises:
        ForwardnetError: the data cannot be used, or training diverged.
    """
    output.say(f"reading  {options.data} in blocks, within {_megabytes(options)}")
    stream, kinds = clock.timed("reading", lambda: open_stream(options))
    prepare(options.out)
    task, reason = (options.task, "--task says so") if options.task else _decide(stream)
    division, parts = clock.timed("putting rows aside", lambda: _divide(stream, options, task))
    problem = _problem(parts, options, task, reason, kinds)
    folds = _folds(parts)
    division = division._replace(folds=folds)
    announce(problem, output)
    output.say(f"split    {division.how}")
    estimator = clock.timed("network", lambda: _fitted(parts, problem, options, output))
    notes = _notes(parts, folds[0])
    clock.keep(Kept(estimator, problem, options, division, parts.n_learnt), notes)
    assert clock.kept is not None
    asked = folds[0].test
    predictions = {NETWORK: predict(estimator, problem.X.take(asked), is_classifier=problem.is_classifier)}
    metrics = metrics_of(problem, options)
    without = _too_large(problem, options, notes)
    predictions |= baselines_of(problem, folds, asked, options, clock, notes, without=without)
    y = problem.y.values[asked]
    comparison = clock.timed("figures", lambda: compare(y, predictions, metrics, seed=options.seed))
    validation = _figures(estimator, problem, folds, comparison.values[NETWORK])
    importance, dependences = explained(clock.kept, metrics[0], clock, notes)
    gc.collect()  # what is only held by itself would stay beside the pictures of the report
    return TableOutcome(
        options, problem, division, validation, asked, predictions, comparison, estimator, parts.n_learnt,
        importance, dependences, clock.seconds, tuple(notes),
    )  # fmt: skip


def _decide(stream: TableStream) -> tuple[str, str]:
    """The task, by the rows of the stream's sample."""
    asked = stream.sample[str(stream.target)]
    present = np.flatnonzero(~asked.is_missing)
    if not len(present):
        raise DataError(f"{stream.path.name}: column {asked.name!r} has hardly a value, so nothing can be learnt")
    return decide(asked.take(present), stream.path.name)


def _divide(stream: TableStream, options: TableOptions, task: str) -> tuple[Division, Parts]:
    """The parts of the file, as many rows as fit; the folds are not known yet."""
    assert options.memory_limit is not None
    n = stream.n
    sample = stream.sample
    ignored = {find_column(sample, column, "--ignore") for column in options.ignore}
    chosen = [c for c in sample if c.kind in USED and c.name != stream.target and c.name not in ignored]
    inputs = Table(tuple(chosen), name=sample.name)
    width = max(sum(input_width(column) for column in inputs), 1)
    is_classifier = task == "classification"
    asked = sample[str(stream.target)]
    outputs = 1 if not is_classifier else len(asked.levels or np.unique(asked.values))
    hidden = options.hidden if options.hidden is not None else usual_hidden(n)
    limit.check_network(options.memory_limit, (width, *hidden, outputs), options.batch_size or batch_rows(n))
    left = int((1 - TEST) * n)
    usual = parameters(options, is_classifier=is_classifier, n_rows=max(left, 1))
    share = (1 - TEST) * VALIDATION if usual.get("early_stopping") else 0.0
    found = limit.shares(options.memory_limit, n, inputs, width, outputs, test=TEST, validation=share)
    arguments = {**found._asdict(), "task": task, "seed": options.seed}
    limit.check_classes(options.memory_limit, outputs)
    parts = put_aside(stream, **arguments)
    tested = len(parts.test_rows)
    if tested < 1 or len(parts.known) < 1:
        kinds = f" of {outputs:,} classes" if is_classifier else ""
        raise DataError(
            f"{stream.path.name}: of {parts.n:,} rows{kinds} with a target, none could be put aside to be tested",
            hint="is it the right target? Of small files, leave out --memory-limit",
        )
    why = "" if found.test == TEST else ", as many as the limit allows"
    first = "; the first row of each class is learnt from" if is_classifier else ""
    how = (
        f"{tested:,} rows at random ({100 * tested / parts.n:.2g} %{why}) are the test (seed {options.seed}); "
        f"the others teach the network{first}"
    )
    return Division([], how, arguments), parts


def _folds(parts: Parts) -> list[Fold]:
    """The one fold, by places in the table of known and tested rows, which stand as in the file."""
    order = np.argsort(np.concatenate([parts.known_rows, parts.test_rows]), kind="stable")
    is_test = order >= len(parts.known_rows)
    return [Fold(0, 0, np.flatnonzero(~is_test), np.flatnonzero(is_test))]


def _problem(parts: Parts, options: TableOptions, task: str, reason: str, kinds: dict[str, str]) -> Problem:
    """The question, of the known and the tested rows."""
    stream = parts.stream
    numbers = np.concatenate([parts.known_rows, parts.test_rows])
    order = np.argsort(numbers, kind="stable")
    table = joined([parts.known, parts.test]).take(order)
    missing = stream.n - parts.n
    if missing:
        told = "one row without a target was" if missing == 1 else f"{missing:,} rows without a target were"
        table = replace(table, notes=(*table.notes, f"{told} left out"))
    problem = make_problem(table, replace(options, target=stream.target, task=task))
    return replace(
        problem,
        reason=reason,
        rows=numbers[order],
        n_rows=stream.n,
        n_targets=parts.n,
        kinds=kinds,
        fingerprint=fingerprint(options.data, table),
    )


def _fitted(parts: Parts, problem: Problem, options: TableOptions, output: Output) -> Any:
    """The plain network, trained from the stream; rows put aside choose the epoch."""
    from forwardnet.estimators import MLPClassifier, MLPRegressor
    from forwardnet.estimators.streamed import fit_stream

    given = parameters(options, is_classifier=problem.is_classifier, n_rows=parts.n_learnt)
    given = {name: value for name, value in given.items() if name not in ("early_stopping", "validation_fraction")}
    has_some = len(parts.validation_rows) > 0
    if not has_some:
        given.pop("monitor", None)
    estimator = (MLPClassifier if problem.is_classifier else MLPRegressor)(**given)
    learnt = parts.learnt(problem.X.names)
    held = parts.validation.select(learnt.columns) if has_some else None
    # Progress goes to standard output, which belongs to the JSON object if one was asked for.
    with contextlib.redirect_stdout(output.talk):
        return fit_stream(estimator, learnt, validation=held, progress=not output.is_quiet)


def _figures(estimator: Any, problem: Problem, folds: list[Fold], tested: Any) -> HeldOut:
    """The figures of the test, and of the known rows, which the network has learnt from."""
    rows = folds[0].train
    predicted = predict(estimator, problem.X.take(rows), is_classifier=problem.is_classifier)
    y = problem.y.values[rows]
    link: Any = "probabilities" if problem.is_classifier else None
    learnt = {name: np.array([METRICS[name](y, predicted, link=link)]) for name in tested}
    return HeldOut(folds, {name: np.array([value]) for name, value in tested.items()}, learnt)


def _notes(parts: Parts, fold: Fold) -> list[str]:
    """What is different because not all rows are in memory."""
    known = len(fold.train)
    if known >= parts.n_learnt:
        return []
    return [
        f"The linear model and the trees learn from {known:,} rows drawn at random, which fit into the memory limit; "
        f"the network learns from {parts.n_learnt:,}: a larger limit makes the comparison fairer. "
        "Columns are described by the rows that were kept in memory."
    ]


def _too_large(problem: Problem, options: TableOptions, notes: list[str]) -> tuple[str, ...]:
    """The baselines that take too much memory, which are left out and noted."""
    assert options.memory_limit is not None
    if limit.fits_trees(options.memory_limit, len(problem.classes)):
        return ()
    notes.append(f"Gradient-boosted trees of {len(problem.classes):,} classes do not fit into the memory limit.")
    return ("boosting",)


def _megabytes(options: TableOptions) -> str:
    return f"{(options.memory_limit or 0) / 1e6:,.0f} MB"
