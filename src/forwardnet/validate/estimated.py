"""Estimators, each fitted on the rows of one fold: a pipeline learns its scales, its encodings, everything in there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.train.many import LANES
from forwardnet.validate import rows as table
from forwardnet.validate.answers import Layout
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.folds import Fold
from forwardnet.validate.options import Options
from forwardnet.validate.outcome import Outcome
from forwardnet.validate.parallel import Workers

Array = NDArray[Any]
Unit = tuple[Candidate, Fold]


def run(
    units: Sequence[Unit],
    X: Any,
    y: Array,
    layout: Layout,
    options: Options,
    workers: Workers,
    on_done: Callable[[int], object],
) -> Iterator[tuple[int, Outcome]]:
    """(number of the unit, what came of it), as they end."""
    parts = _parts(units, options)
    threads = max(1, workers.count // len(parts)) if workers.is_here else 1
    jobs = [([units[i] for i in part], X, y, layout, options, threads) for part in parts]
    for number, outcomes in workers.run(fitted, jobs):
        on_done(len(outcomes))
        yield from zip(parts[number], outcomes, strict=True)


def _parts(units: Sequence[Unit], options: Options) -> list[list[int]]:
    """Numbers of units that one job fits: those that can train together sixteen by sixteen, others one by one.

    Which they are does not depend on the workers, so that the result does not, either.
    """
    together: dict[int, list[int]] = {}
    found: list[list[int]] = []
    for number, (candidate, _) in enumerate(units):
        if id(candidate) not in together:
            learner = final_of(candidate.make(options.seed, 0))
            is_many = not options.fit_params and callable(getattr(learner, "_fit_many", None))
            together[id(candidate)] = [] if is_many else [-1]
        own = together[id(candidate)]
        if own[:1] == [-1]:
            found.append([number])
        else:
            own.append(number)
    for own in together.values():
        if own and own[0] >= 0:
            found += [part.tolist() for part in np.array_split(own, -(-len(own) // LANES))]
    return found


def final_of(model: Any) -> Any:
    """The last step of a pipeline that keeps no memory on disk; the model itself if it is none."""
    steps: Any = getattr(model, "steps", None)
    is_plain = isinstance(steps, list) and steps and getattr(model, "memory", None) is None
    return steps[-1][1] if is_plain else model


def fitted(units: Sequence[Unit], X: Any, y: Array, layout: Layout, options: Options, threads: int) -> list[Outcome]:
    """Estimators, fitted and asked; several of them together where they know how."""
    if len(units) == 1:
        return [_alone(*units[0], X, y, layout, options)]
    models = [candidate.make(options.seed, fold.number) for candidate, fold in units]
    learners = [final_of(model) for model in models]
    begun = time.perf_counter()
    try:
        inputs = [
            table.take(X, fold.train)
            if learner is model
            else model[:-1].fit_transform(table.take(X, fold.train), y[fold.train])
            for model, learner, (_, fold) in zip(models, learners, units, strict=True)
        ]
        learners[0]._fit_many(learners, inputs, [y[fold.train] for _, fold in units], threads)
        seconds = (time.perf_counter() - begun) / len(units)
        return [asked(model, fold, X, layout, options, seconds) for model, (_, fold) in zip(models, units, strict=True)]
    except Exception:  # one of them cannot be fitted: each by itself shows which
        return [_alone(*unit, X, y, layout, options) for unit in units]


def _alone(candidate: Candidate, fold: Fold, X: Any, y: Array, layout: Layout, options: Options) -> Outcome:
    """One estimator, fitted and asked."""
    made = candidate.make(options.seed, fold.number)
    given = {
        name: value if value is None or np.ndim(value) == 0 else table.take(value, fold.train)
        for name, value in (options.fit_params or {}).items()
    }
    begun = time.perf_counter()
    try:
        made.fit(table.take(X, fold.train), y[fold.train], **given)
        return asked(made, fold, X, layout, options, time.perf_counter() - begun)
    except Exception as error:
        if not options.keeps_errors:
            error.add_note(f"in fold {fold.number}: {type(made).__name__} of {len(fold.train)} rows")
            raise
        nothing = np.full((len(fold.test), layout.width + layout.more_width), np.nan)
        return Outcome(nothing, seconds=np.nan, error=f"{type(error).__name__}: {str(error).splitlines()[0]}")


def asked(model: Any, fold: Fold, X: Any, layout: Layout, options: Options, seconds: float) -> Outcome:
    """What a fitted estimator says about the rows it has not seen."""
    seen = getattr(model, "classes_", None)
    seen = np.asarray(seen) if layout.kind == "classes" and seen is not None else None
    return Outcome(
        layout.ask(model, table.take(X, fold.test), seen),
        layout.ask(model, table.take(X, fold.train), seen) if options.train_scores else None,
        getattr(model, "history_", None),
        model if options.keep_models else None,
        seconds,
    )
