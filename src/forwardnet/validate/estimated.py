"""Estimators, each fitted on the rows of one fold: a pipeline learns its scales, its encodings, everything in there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.validate import rows as table
from forwardnet.validate.answers import Layout
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.folds import Fold
from forwardnet.validate.options import Options
from forwardnet.validate.outcome import Outcome
from forwardnet.validate.parallel import Workers

Array = NDArray[Any]


def run(
    units: Sequence[tuple[Candidate, Fold]],
    X: Any,
    y: Array,
    layout: Layout,
    options: Options,
    workers: Workers,
    on_done: Callable[[int], object],
) -> Iterator[tuple[int, Outcome]]:
    """(number of the unit, what came of it), as they end."""
    options.check_for_estimators()
    jobs = [(candidate, fold, X, y, layout, options) for candidate, fold in units]
    for number, outcome in workers.run(fitted, jobs):
        on_done(1)
        yield number, outcome


def fitted(candidate: Candidate, fold: Fold, X: Any, y: Array, layout: Layout, options: Options) -> Outcome:
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
