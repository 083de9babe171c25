"""Networks from builder functions, each trained on the rows of one fold, sixteen in one program where they are alike.

Axis glossary: n rows, d columns, k outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors, nn
from forwardnet.data.scaling import Standardizer
from forwardnet.train import many
from forwardnet.train.trainer import Trainer
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.folds import Fold
from forwardnet.validate.options import Options
from forwardnet.validate.outcome import Outcome
from forwardnet.validate.parallel import Workers

Array = NDArray[Any]
Unit = tuple[Candidate, Fold]

# Bytes of scaled copies of the data, one for each fold, that are held at once.
MOST_BYTES = 1 << 29


def trainer_of(candidate: Candidate, options: Options, number: int) -> Trainer:
    """The trainer of a fold; a module gets the loss and the optimiser of the options."""
    made = candidate.make(options.seed, number)
    if isinstance(made, Trainer):
        return made
    assert isinstance(made, nn.Module)
    if options.loss is None:
        raise errors.ArgumentError("validate: the loss is missing", hint='loss="cross_entropy" or loss="mse"')
    optimizer = options.of_builder("optimizer")
    own = optimizer(made.parameters()) if callable(optimizer) else optimizer
    return Trainer(made, options.loss, own, seed=options.seed)


def numbers(X: Any) -> Array:
    """`X` as an array (n, d, ...)."""
    found = np.ascontiguousarray(X.toarray() if hasattr(X, "toarray") else X)
    if found.dtype.kind not in "biuf":
        raise errors.DTypeError(
            f"validate: X holds {found.dtype}, and a network takes numbers",
            hint="an estimator, as MLPClassifier(), encodes a table inside each fold",
        )
    if found.ndim < 2 or not len(found):
        raise errors.ShapeError(f"validate: X has shape {found.shape}, expected rows and columns")
    return found


def targets_of(trainer: Trainer, X: Array, y: Any) -> Array:
    """Targets as the loss takes them."""
    floats = X if X.dtype.kind == "f" else X.astype(trainer._dtype)
    found: Array = trainer._data(floats, y, None, 0.0, None)[0][1]
    return found


def run(
    units: Sequence[Unit],
    X: Array,
    y: Array,
    options: Options,
    workers: Workers,
    on_done: Callable[[int], object],
) -> Iterator[tuple[int, Outcome]]:
    """(number of the unit, what came of it): many at once, as many as have room."""
    if options.fit_params:
        raise errors.ArgumentError("validate: fit_params is for estimators")
    folds = list(dict.fromkeys(id(fold) for _, fold in units))
    at_once = max(1, MOST_BYTES // max(1, X.nbytes)) if options.of_builder("scale") else len(folds)
    for start in range(0, len(folds), at_once):
        together = set(folds[start : start + at_once])
        own = [number for number, (_, fold) in enumerate(units) if id(fold) in together]
        if workers.is_here or workers.count == 1:
            found = fitted([units[i] for i in own], X, y, options, workers.count, on_done)
            yield from ((i, one) for i, one in zip(own, found, strict=True) if one is not None)
            if None in found:
                raise KeyboardInterrupt
            continue
        parts = _parts([units[i] for i in own], options)
        jobs = [([units[own[i]] for i in part], X, y, options, 1) for part in parts]
        for number, outcomes in workers.run(fitted, jobs):
            on_done(len(outcomes))
            yield from ((own[i], one) for i, one in zip(parts[number], outcomes, strict=True) if one is not None)


def _parts(units: Sequence[Unit], options: Options) -> list[list[int]]:
    """Numbers of units that train in one program, for other processes: the same programs as in this one."""
    trainers = [trainer_of(candidate, options, fold.number) for candidate, fold in units]
    found: list[list[int]] = []
    for group in many.alike(trainers, [len(fold.train) for _, fold in units]):
        count = len(group) if len(group) < many.FEWEST else -(-len(group) // many.LANES)
        found += [part.tolist() for part in np.array_split(group, count)]
    return found


def fitted(
    units: Sequence[Unit],
    X: Array,
    y: Array,
    options: Options,
    threads: int,
    on_done: Callable[[int], object] | None = None,
) -> list[Outcome | None]:
    """What came of each unit; None for those that Ctrl-C came before."""
    n, scale, scale_target = len(X), options.of_builder("scale"), options.of_builder("scale_target")
    trainers = [trainer_of(candidate, options, fold.number) for candidate, fold in units]
    chosen = {id(fold): fold for _, fold in units}
    place = {number: i for i, number in enumerate(chosen)}
    scalers = [Standardizer().fit(X[fold.train]) if scale else None for fold in chosen.values()]
    copies = [X if scaler is None else scaler.transform(X) for scaler in scalers]
    target_scalers = [Standardizer().fit(y[fold.train]) if scale_target else None for fold in chosen.values()]
    targets = [y if scaler is None else scaler.transform(y) for scaler in target_scalers]
    is_shared = not scale and not scale_target
    # Each fold has rows of its own where it has scales of its own: one after another in one array.
    everything = copies[0] if is_shared else np.concatenate(copies)
    answers = targets[0] if is_shared else np.concatenate(targets)
    rows = [fold.train + (0 if is_shared else place[id(fold)] * n) for _, fold in units]
    begun = time.perf_counter()
    settings = {"epochs": options.of_builder("epochs"), "batch_size": options.of_builder("batch_size")}
    is_cut = False
    try:
        many.fit_many(trainers, everything, answers, rows, threads=threads, on_done=on_done, **settings)
    except KeyboardInterrupt:
        is_cut = True
        if not any(len(t.history) for t in trainers):
            raise
    seconds = (time.perf_counter() - begun) / len(units)

    def asked(trainer: Trainer, i: int, those: Array) -> Array:
        scaler = target_scalers[i]
        outputs = trainer.predict(copies[i][those])
        return outputs if scaler is None else scaler.inverse(outputs)

    found: list[Outcome | None] = []
    for trainer, (_, fold) in zip(trainers, units, strict=True):
        if is_cut and not len(trainer.history):
            found.append(None)
            continue
        i = place[id(fold)]
        learnt = asked(trainer, i, fold.train) if options.train_scores else None
        model = trainer.model if options.keep_models else None
        found.append(Outcome(asked(trainer, i, fold.test), learnt, trainer.history, model, seconds))
    return found
