"""The network that a table is learnt with: from options to an estimator, and what it tells of its training."""

from __future__ import annotations

import math
from typing import Any

from forwardnet.cli.experiment import MANY_ROWS, usual_rate
from forwardnet.cli.options import LEAST_GAIN
from forwardnet.cli.tabular.options import VALIDATION, TableOptions

HIDDEN = (128, 64)
_STEPS = 5000  # of the longest run, unless --epochs says otherwise
_PATIENT_STEPS = 400
_FEW_ROWS = 1000
_FEWEST = 60  # rows below which none are put aside to choose the epoch: 6 rows choose nothing


def parameters(options: TableOptions, *, is_classifier: bool, n_rows: int) -> dict[str, Any]:
    """The estimator's parameters for about `n_rows` rows to learn from; every value that was left to the data is set.

    Small tables need many epochs to make enough steps, large ones few; patience grows with the epochs, so that chance
    does not end a run of tiny epochs.
    """
    found: dict[str, Any] = {"random_state": options.seed}
    if options.threads is not None:
        found["threads"] = options.threads
    if options.preset is not None:
        found["preset"] = options.preset
        if options.epochs is not None:
            found["epochs"] = options.epochs
        return found
    is_many = n_rows >= MANY_ROWS
    batch = options.batch_size or batch_rows(n_rows)
    steps = math.ceil(n_rows / batch)
    optimizer = options.optimizer or "adam"
    smoothing = 0.0 if options.label_smoothing is None else options.label_smoothing
    found |= {
        "hidden_layer_sizes": HIDDEN if options.hidden is None else options.hidden,
        "activation": options.activation or "relu",
        "optimizer": optimizer,
        "learning_rate_init": options.lr or usual_rate(optimizer, is_many=is_many),
        "batch_size": min(batch, n_rows),
        "max_iter": options.epochs or max(60, math.ceil(_STEPS / steps)),
        "n_iter_no_change": options.patience or max(8, math.ceil(_PATIENT_STEPS / steps)),
        "tol": LEAST_GAIN["classification" if is_classifier else "regression"],
    }
    if n_rows >= _FEWEST:
        found |= {"early_stopping": True, "validation_fraction": VALIDATION, "monitor": "loss"}
    if is_classifier and smoothing:
        found["label_smoothing"] = smoothing
    return found


def batch_rows(n_rows: int) -> int:
    """Rows of a step where the options do not say."""
    return 128 if n_rows >= MANY_ROWS else 32 if n_rows < _FEW_ROWS else 64


def make_estimator(options: TableOptions, *, is_classifier: bool, n_rows: int) -> Any:
    """A new estimator that has learnt nothing."""
    from forwardnet.estimators import MLPClassifier, MLPRegressor

    kind = MLPClassifier if is_classifier else MLPRegressor
    return kind(**parameters(options, is_classifier=is_classifier, n_rows=n_rows))
