"""Cross-validation: many models of one kind, each asked about rows that it has not learnt from.

Whatever is learnt from rows is learnt inside the fold: the scales of the columns, too. Small networks train sixteen at
a time in the lanes of one native program (`train.fit_many`); estimators one in each thread.

Axis glossary: n rows, d columns, k outputs, F folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forwardnet.validate.candidates import Candidate
from forwardnet.validate.options import Options
from forwardnet.validate.result import Validation
from forwardnet.validate.study import validate_all


def cross_validate(
    model: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    metrics: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    scale: bool | None = None,
    scale_target: bool | None = None,
    fit_params: Mapping[str, Any] | None = None,
    stratify: bool | None = None,
    groups: Any = None,
    ordered: bool = False,
    repeats: int = 1,
    seed: int = 0,
    n_jobs: int | None = None,
    keep_models: bool = False,
    train_scores: bool = False,
    progress: bool | Callable[[Any], object] = False,
) -> Validation:
    """Train a model for each fold, and ask it about the rows it has not seen.

    `model` is an estimator, anything with `fit` and `predict` (pipelines and scikit-learn's own, too), of which each
    fold fits an unfitted copy; or a function that is called for each fold and returns an estimator, a Trainer, or an
    `nn.Module`. What it draws depends on `seed` and the fold alone: a `random_state` of None is given a number.

    `cv`, `groups`, `ordered` and `repeats` say what the folds are (see `folds`); classes are kept in proportion unless
    `stratify` is False. `metrics` are names of `ff.metrics` or of scikit-learn's scorers, scorers, or functions (y,
    outputs) -> number; they default to what suits the model. `X` is an array, a data frame, a `Table` or whatever else
    the model takes; each row or group is asked about by a model that has not seen it. `fit_params` are further
    arguments of an estimator's `fit`, of which arrays of n rows are split like the rows. `train_scores` measures the
    rows that were learnt from, too.

    For functions that return modules or Trainers: an `nn.Module` is trained with `loss` and `optimizer` (a name, or a
    function of the parameters; "adam"), for `epochs` (20) with batches of `batch_size` (64). With `scale` (True)
    columns are standardised by the mean and deviation of the fold's training rows, with `scale_target` (False) the
    targets, too, and outputs are brought back.

    At most `n_jobs` train at once (None: as many as there are processors), in threads, or where
    `joblib.parallel_config(backend=...)` says; the result does not depend on either. Ctrl-C ends it, and the folds that
    are done are kept.

    Returns:
        A `Validation`: every row's out-of-fold outputs, scores of folds and of all rows with intervals, histories.

    Raises:
        ArgumentError, DataError, ShapeError: the call or the data cannot be used.
    """
    given = {name: value for name, value in locals().items() if name not in ("model", "X", "y")}
    (found,) = validate_all([Candidate(model)], X, y, Options.of(given))
    return found


def k_fold(model: Any, X: Any, y: Any, k: int = 5, **options: Any) -> Validation:
    """`cross_validate` with `k` folds: each row is asked about once, by a model that learnt from the other folds."""
    return cross_validate(model, X, y, cv=int(k), **options)


def leave_one_out(model: Any, X: Any, y: Any, **options: Any) -> Validation:
    """`cross_validate` with a model for each row (or group), which learns from all the others."""
    return cross_validate(model, X, y, cv="loo", **options)


def holdout(model: Any, X: Any, y: Any, test: float = 0.2, **options: Any) -> Validation:
    """`cross_validate` with one part of the rows held out; `repeats` draws it anew: much may hang on that."""
    return cross_validate(model, X, y, cv=float(test), **options)
