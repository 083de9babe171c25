"""Validation: figures for rows that the model has not seen, never a lone number."""

from __future__ import annotations

from forwardnet.validate.bags import Bags, bagging
from forwardnet.validate.compare import Compared, Difference, compare_models
from forwardnet.validate.cross import cross_validate, holdout, k_fold, leave_one_out
from forwardnet.validate.curves import Curve, learning_curve, validation_curve
from forwardnet.validate.cycles import snapshot_ensemble
from forwardnet.validate.folds import Fold, folds
from forwardnet.validate.leakage import leaks
from forwardnet.validate.nested import Nested, nested
from forwardnet.validate.result import Validation
from forwardnet.validate.rolling import Rolling, rolling_origin
from forwardnet.validate.space import Between
from forwardnet.validate.sweep import Sweep, Trial, sweep

__all__ = [
    "Bags",
    "Between",
    "Compared",
    "Curve",
    "Difference",
    "Fold",
    "Nested",
    "Rolling",
    "Sweep",
    "Trial",
    "Validation",
    "bagging",
    "compare_models",
    "cross_validate",
    "folds",
    "holdout",
    "k_fold",
    "leaks",
    "learning_curve",
    "leave_one_out",
    "nested",
    "rolling_origin",
    "snapshot_ensemble",
    "sweep",
    "validation_curve",
]
