"""The network that a table is learnt with: from options to an estimator, and what it tells of its training."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from forwardnet.cli.experiment import MANY_ROWS, has_line_search, usual_rate
from forwardnet.cli.tabular.options import VALIDATION, TableOptions

HIDDEN = (128, 64)
_SMALL = (64, 32)  # for few rows
# What the rate falls over, from its first value to 0 along a cosine, unless --epochs says otherwise: steps, and epochs
# at least and at most. Classes are learnt by heart sooner than numbers.
_STEPS = {"classification": (2000, 20, 100), "regression": (5000, 40, 120)}
_RATE = 0.005
_DROPOUT = {"classification": 0.1, "regression": 0.0}
_FEW_ROWS = 1000
_RARE = 4  # rows of a class, of which some can be put aside
# The recipe that is taken where nothing is said of the network. So many rows are learnt in all its epochs within a
# minute or so on two processors; more rows, or more folds, get fewer epochs, of which the first give most.
BEST = "realmlp"
_ROWS, _LEAST_EPOCHS, _LEAST_ROWS = 40_000, 32, 100
MANY_FITS = 30  # from here on networks train many at once: no rows to choose an epoch by, no moving rate
_PART = 0.125  # of the usual steps, which they would use to learn rows by heart
_FEWEST = 60  # rows below which none are put aside to choose the epoch: 6 rows choose nothing


def chosen(options: TableOptions, *, n_rows: int, n_fits: int, rarest: int | None, is_weighted: bool) -> TableOptions:
    """The options with the best recipe there is, in as many epochs as a minute or so allows, if none is asked for.

    `n_fits` networks of `n_rows` rows each are trained. Very many small ones train in one native program, which the
    plain network alone can do; so it is taken for leave-one-out, and where classes or rows are too few to hold out.
    """
    options = replace(options, n_fits=n_fits)
    is_scarce = n_rows < _LEAST_ROWS or (rarest is not None and rarest < _RARE)
    if options.preset is not None or options.own_settings or n_fits > MANY_FITS or is_scarce or is_weighted:
        return options
    from forwardnet.estimators.presets import PRESETS

    usual = int(PRESETS[BEST].options["epochs"])
    possible = min(usual, max(_LEAST_EPOCHS, round(usual * _ROWS / (n_rows * n_fits))))
    epochs = options.epochs or (None if possible == usual else possible)
    return replace(options, preset=BEST, epochs=epochs)


def parameters(options: TableOptions, *, is_classifier: bool, n_rows: int, rarest: int | None = None) -> dict[str, Any]:
    """The estimator's parameters for about `n_rows` rows to learn from; nothing is left open.

    The weights are those of the epoch that does best on rows put aside. Where nobody asks for a patience, no training
    is cut short; the rate comes to rest instead.
    """
    found: dict[str, Any] = {"random_state": options.seed}
    if options.threads is not None:
        found["threads"] = options.threads
    if options.preset is not None:
        found["preset"] = options.preset
        if options.epochs is not None:
            found["epochs"] = options.epochs
        return found
    task = "classification" if is_classifier else "regression"
    batch = min(options.batch_size or batch_rows(n_rows), n_rows)
    steps, least, most = _STEPS[task]
    is_one_of_many = options.n_fits > MANY_FITS and options.patience is None
    if is_one_of_many:  # nobody stops them where they begin to learn by heart
        steps = round(steps * _PART)
    epochs = options.epochs or min(most, max(least, math.ceil(steps * batch / n_rows)))
    optimizer = options.optimizer or "adam"
    found |= {
        "hidden_layer_sizes": options.hidden if options.hidden is not None else usual_hidden(n_rows),
        "activation": options.activation or "relu",
        "dropout": _DROPOUT[task],
        "optimizer": optimizer,
        "learning_rate_init": options.lr or (_RATE if optimizer == "adam" else usual_rate(optimizer, n_rows=n_rows)),
        "batch_size": batch,
        "max_iter": epochs,
        "n_iter_no_change": options.patience or epochs,
        "tol": 0.0,
    }
    if options.patience is None and not has_line_search(optimizer) and not is_one_of_many:
        found["scheduler"] = "cosine"
    if n_rows >= _FEWEST and (rarest is None or rarest >= _RARE) and not is_one_of_many:
        found |= {"early_stopping": True, "validation_fraction": VALIDATION, "monitor": "loss"}
    if is_classifier and options.label_smoothing:
        found["label_smoothing"] = options.label_smoothing
    return found


def usual_hidden(n_rows: int) -> tuple[int, ...]:
    """Units of the hidden layers where the options do not say."""
    return HIDDEN if n_rows >= _FEW_ROWS else _SMALL


def batch_rows(n_rows: int) -> int:
    """Rows of a step where the options do not say."""
    return 256 if n_rows >= MANY_ROWS else 32 if n_rows < _FEW_ROWS else 64


def make_estimator(options: TableOptions, *, is_classifier: bool, n_rows: int, rarest: int | None = None) -> Any:
    """A new estimator that has learnt nothing; the `rarest` class has so many rows."""
    from forwardnet.estimators import MLPClassifier, MLPRegressor

    kind = MLPClassifier if is_classifier else MLPRegressor
    return kind(**parameters(options, is_classifier=is_classifier, n_rows=n_rows, rarest=rarest))
