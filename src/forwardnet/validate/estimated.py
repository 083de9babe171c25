"""Estimators, each fitted on the rows of one fold: a pipeline learns its scales, its encodings, everything in there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
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
    units: Sequence[tuple[Candidate, Fold]], X: Any, y: Array, layout: Layout, options: Options, workers: Workers
) -> Iterator[tuple[int, Outcome]]:
    """(number of the unit, what came of it), as they end."""
    options.check_for_estimators()
    jobs = [(candidate, fold, X, y, layout, options) for candidate, fold in units]
    return workers.run(fitted, jobs)


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
    except Exception as error:
        error.add_note(f"while {type(made).__name__} learnt from the {len(fold.train)} rows of fold {fold.number}")
        raise
    return asked(made, fold, X, layout, options, time.perf_counter() - begun)


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
