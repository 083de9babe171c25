"""The network that a table is learnt with: from options to an estimator, and what it tells of its training."""

from __future__ import annotations

import math
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
_FEWEST = 60  # rows below which none are put aside to choose the epoch: 6 rows choose nothing


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
    if options.patience is None and not has_line_search(optimizer):
        found["scheduler"] = "cosine"
    if n_rows >= _FEWEST and (rarest is None or rarest >= _RARE):
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
