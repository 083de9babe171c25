"""Cross-validation: many models of one kind, each asked about rows that it has not learnt from.

Whatever is learnt from rows is learnt inside the fold: the scales of the columns, too. Small networks train sixteen at
a time in the lanes of one native program (`train.fit_many`).

Axis glossary: n rows, d columns, k outputs, F folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors, nn
from forwardnet.data.batches import stream_of
from forwardnet.data.scaling import Standardizer
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train.many import fit_many
from forwardnet.train.scoring import Chosen, choose
from forwardnet.train.trainer import Trainer
from forwardnet.validate.folds import Fold, folds
from forwardnet.validate.leakage import leaks
from forwardnet.validate.result import Validation, fold_scores

Array = NDArray[Any]
Build = Callable[[], Trainer | nn.Module]

USUAL: dict[str, tuple[str, ...]] = {
    "classes": ("accuracy", "log_loss"),
    "labels": ("accuracy",),
    "values": ("rmse", "mae", "r2"),
}
# Bytes of scaled copies of the data, one for each fold, that are held at once.
MOST_BYTES = 1 << 29


def cross_validate(
    build: Build,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    loss: Any = None,
    optimizer: Any = "adam",
    metrics: Chosen | Sequence[Chosen] | None = None,
    epochs: int = 20,
    batch_size: int = 64,
    scale: bool = True,
    scale_target: bool = False,
    stratify: bool | None = None,
    groups: Any = None,
    ordered: bool = False,
    repeats: int = 1,
    seed: int = 0,
    threads: int | None = None,
    keep_models: bool = False,
) -> Validation:
    """Train a model for each fold, and ask it about the rows it has not seen.

    `build()` is called for each fold and returns a Trainer, or a model, which is trained with `loss` and `optimizer`
    (a name, or a function of the parameters). What it draws depends on `seed` and the fold alone. `cv`, `groups`,
    `ordered` and `repeats` say what the folds are (see `folds`); classes are kept in proportion unless `stratify` is
    False. With `scale` columns are standardised by the mean and deviation of the fold's training rows, with
    `scale_target` the targets, too, and outputs are brought back. `metrics` default to what suits the loss.

    Returns:
        A `Validation`: every row's out-of-fold outputs, scores of folds and of all rows with intervals, histories.

    Raises:
        ArgumentError, DataError, ShapeError: the call or the data cannot be used.
    """
    X = np.ascontiguousarray(X)
    if X.ndim < 2 or not len(X):
        raise errors.ShapeError(f"cross_validate: X has shape {X.shape}, expected rows and columns")
    first = _trainer(build, loss, optimizer, seed, 0)
    targets = first._data(_floats(X, first), y, None, 0.0, None)[0][1]
    labels = _labels(targets, first, stratify, cv, ordered)
    chosen = folds(len(X), cv, labels=labels, groups=groups, ordered=ordered, repeats=repeats, seed=seed)
    scorer = choose(USUAL.get(first._pairing.kind, ()) if metrics is None else metrics, first._pairing)
    if scale_target and first._pairing.kind != "values":
        raise errors.ArgumentError(
            f"cross_validate: scale_target is for numbers, and {first._pairing.loss} has classes"
        )
    trainers = [first, *(_trainer(build, loss, optimizer, seed, fold.number) for fold in chosen[1:])]
    settings = {"epochs": epochs, "batch_size": batch_size, "threads": threads}
    outputs = _run(trainers, chosen, X, targets, settings, scale=scale, scale_target=scale_target)
    return Validation(
        y=targets,
        outputs=_gathered(outputs, chosen, len(X)),
        folds=chosen,
        scores=fold_scores(scorer, targets, outputs, chosen),
        histories=[trainer.history for trainer in trainers],
        notes=_notes(X, targets, chosen, trainers),
        groups=None if groups is None else np.asarray(groups),
        models=[trainer.model for trainer in trainers] if keep_models else [],
        _scorer=scorer,
        _seed=seed,
    )


def k_fold(build: Build, X: Any, y: Any, k: int = 5, **options: Any) -> Validation:
    """`cross_validate` with `k` folds: each row is asked about once, by a model that learnt from the other folds."""
    return cross_validate(build, X, y, cv=int(k), **options)


def leave_one_out(build: Build, X: Any, y: Any, **options: Any) -> Validation:
    """`cross_validate` with a model for each row (or group), which learns from all the others."""
    return cross_validate(build, X, y, cv="loo", **options)


def holdout(build: Build, X: Any, y: Any, test: float = 0.2, **options: Any) -> Validation:
    """`cross_validate` with one part of the rows held out; `repeats` draws it anew: much may hang on that."""
    return cross_validate(build, X, y, cv=float(test), **options)


def _trainer(build: Any, loss: Any, optimizer: Any, seed: int, number: int) -> Trainer:
    """The trainer of a fold; what the builder draws depends on the seed and the number."""
    if not callable(build) or hasattr(build, "parameters"):
        kind = type(build).__name__
        raise errors.ArgumentError(
            f"cross_validate: build is a {kind}, expected a function that makes a new model",
            hint="lambda: make_model()",
        )
    with drawing_from(Generator(seed, stream=stream_of("weights", number))):
        made = build()
        if isinstance(made, Trainer):
            return made
        if not isinstance(made, nn.Module):
            raise errors.ArgumentError(
                f"cross_validate: build() gave {type(made).__name__}, expected a Trainer or a model"
            )
        if loss is None:
            raise errors.ArgumentError("cross_validate: the loss is missing", hint='loss="cross_entropy" or loss="mse"')
        own = optimizer(made.parameters()) if callable(optimizer) else optimizer
        return Trainer(made, loss, own, seed=seed)


def _floats(X: Array, trainer: Trainer) -> Array:
    return X if X.dtype.kind == "f" else X.astype(trainer._dtype)


def _labels(y: Array, trainer: Trainer, stratify: bool | None, cv: Any, ordered: bool) -> Array | None:
    """The classes that folds keep in proportion; None where there are none, or every row is alone."""
    is_classes = trainer._pairing.kind in ("classes", "labels") and (y.ndim == 1 or y.shape[1:] == (1,))
    if stratify and not is_classes:
        raise errors.ArgumentError("cross_validate: stratify needs one class for each row")
    if stratify is False or not is_classes or ordered or cv == "loo":
        return None
    return y.reshape(-1).astype(np.int64)


def _run(
    trainers: Sequence[Trainer],
    chosen: Sequence[Fold],
    X: Array,
    y: Array,
    settings: dict[str, Any],
    *,
    scale: bool,
    scale_target: bool,
) -> list[Array]:
    """Train the models of all folds; the outputs for the test rows of each."""
    outputs: list[Array] = []
    at_once = max(1, MOST_BYTES // max(1, X.nbytes)) if scale else len(chosen)
    for start in range(0, len(chosen), at_once):
        part = slice(start, start + at_once)
        outputs += _run_part(trainers[part], chosen[part], X, y, settings, scale=scale, scale_target=scale_target)
    return outputs


def _run_part(
    trainers: Sequence[Trainer],
    chosen: Sequence[Fold],
    X: Array,
    y: Array,
    settings: dict[str, Any],
    *,
    scale: bool,
    scale_target: bool,
) -> list[Array]:
    """The same for some folds, whose copies of the data are held at once."""
    n = len(X)
    scalers = [Standardizer().fit(X[fold.train]) if scale else None for fold in chosen]
    copies = [X if scaler is None else scaler.transform(X) for scaler in scalers]
    target_scalers = [Standardizer().fit(y[fold.train]) if scale_target else None for fold in chosen]
    targets = [y if scaler is None else scaler.transform(y) for scaler in target_scalers]
    is_shared = not scale and not scale_target
    # Each fold has rows of its own where it has scales of its own: one after another in one array.
    everything = copies[0] if is_shared else np.concatenate(copies)
    answers = targets[0] if is_shared else np.concatenate(targets)
    rows = [fold.train + (0 if is_shared else i * n) for i, fold in enumerate(chosen)]
    fit_many(trainers, everything, answers, rows, **settings)
    outputs = [t.predict(copy[fold.test]) for t, copy, fold in zip(trainers, copies, chosen, strict=True)]
    return [o if s is None else s.inverse(o) for o, s in zip(outputs, target_scalers, strict=True)]


def _gathered(outputs: Sequence[Array], chosen: Sequence[Fold], n: int) -> Array:
    """(repeats, n, k): the outputs of each row, NaN where there are none."""
    repeats = max(fold.repeat for fold in chosen) + 1
    found = np.full((repeats, n, *outputs[0].shape[1:]), np.nan, outputs[0].dtype)
    for fold, own in zip(chosen, outputs, strict=True):
        found[fold.repeat, fold.test] = own
    return found


def _notes(X: Array, y: Array, chosen: Sequence[Fold], trainers: Sequence[Trainer]) -> list[str]:
    notes = leaks(X, y, chosen)
    diverged = [fold.number for fold, t in zip(chosen, trainers, strict=True) if t.history.stopped == "diverged"]
    if diverged:
        notes.append(f"training diverged in {len(diverged)} of {len(chosen)} folds, the first is number {diverged[0]}")
    return notes
