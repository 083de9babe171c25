"""Validation: figures for rows that the model has not seen, never a lone number."""

from __future__ import annotations

from forwardnet.validate.cross import cross_validate, holdout, k_fold, leave_one_out
from forwardnet.validate.folds import Fold, folds
from forwardnet.validate.leakage import leaks
from forwardnet.validate.result import Validation
from forwardnet.validate.rolling import Rolling, rolling_origin

__all__ = [
    "Fold",
    "Rolling",
    "Validation",
    "cross_validate",
    "folds",
    "holdout",
    "k_fold",
    "leaks",
    "leave_one_out",
    "rolling_origin",
]
