"""How many epochs a time limit allows: measured on two short fits."""

from __future__ import annotations

import math
import os
import time
from dataclasses import replace
from typing import Any

from forwardnet.cli.tabular.network import make_estimator
from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.problem import Problem
from forwardnet.validate import Fold

_SHARE = 0.6  # of the time that is left; the rest is for baselines, figures and importances
_SHORT, _LONGER = 1, 3  # epochs


def within(problem: Problem, options: TableOptions, folds: list[Fold], left: float, y: Any) -> tuple[TableOptions, str]:
    """The options with as many epochs as can be run in `left` seconds, and a note if these are fewer than usual."""
    from forwardnet.cli.tabular.run import is_cut

    rows = folds[0].train
    X, targets = problem.X.take(rows), y[rows]

    def seconds(epochs: int) -> float:
        # The rows put aside to choose an epoch cost next to nothing.
        short = replace(options, epochs=epochs)
        estimator = make_estimator(short, is_classifier=problem.is_classifier, n_rows=len(rows), rarest=1)
        started = time.perf_counter()
        estimator.fit(X, targets)
        if is_cut(estimator):  # this was no training to be kept
            raise KeyboardInterrupt
        return time.perf_counter() - started

    seconds(_SHORT)  # makes the native code, which later fits find made
    short, longer = seconds(_SHORT), seconds(_LONGER)
    each = max((longer - short) / (_LONGER - _SHORT), 1e-6)
    workers = options.threads or os.cpu_count() or 1
    rounds = math.ceil(len(folds) / workers) + (len(folds) > 1)
    possible = int((_SHARE * left / rounds - max(short - each, 0.0)) / each)
    usual = usual_epochs(options, is_classifier=problem.is_classifier, n_rows=len(rows))
    if possible >= usual:
        return options, ""
    epochs = max(1, possible)
    return replace(options, epochs=epochs), f"The time limit allowed {epochs} epochs instead of {usual}."


def usual_epochs(options: TableOptions, *, is_classifier: bool, n_rows: int) -> int:
    """How many epochs the network is trained where time does not matter."""
    if options.preset is not None:
        from forwardnet.estimators.presets import PRESETS

        return options.epochs or int(PRESETS[options.preset].options["epochs"])
    estimator = make_estimator(options, is_classifier=is_classifier, n_rows=n_rows)
    return int(estimator.max_iter)
