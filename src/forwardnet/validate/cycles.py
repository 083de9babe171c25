"""Snapshots of one training with a cyclic rate, beside the network at its end, on rows that neither has seen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.scaling import Standardizer
from forwardnet.optim.lr_scheduler import CosineAnnealingWarmRestarts
from forwardnet.train import inputs
from forwardnet.train.divergence import TrainingDivergedError
from forwardnet.train.ensemble_file import LoadedMember
from forwardnet.train.progress_tally import tally_for
from forwardnet.train.snapshots import Snapshot
from forwardnet.train.trainer import Trainer
from forwardnet.validate import built
from forwardnet.validate.answers import Layout, of_probabilities, probabilities
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.compare import Compared, compared_of
from forwardnet.validate.folds import Fold
from forwardnet.validate.leakage import leaks
from forwardnet.validate.options import Options
from forwardnet.validate.outcome import Outcome
from forwardnet.validate.parallel import Workers
from forwardnet.validate.scorers import scores_for
from forwardnet.validate.study import folds_of, studies_of

Array = NDArray[Any]


def snapshot_ensemble(model: Any, X: Any, y: Any, *, cycles: int = 5, epochs: int = 20, **options: Any) -> Compared:
    """Train with a rate that is restarted, keep the weights at each minimum, and let them answer together.

    In each fold one network is trained for `cycles` cycles of `epochs` epochs, in each of which the rate falls from the
    optimiser's own to 0 along a cosine (Huang et al. 2017). `model` is a function that makes a Trainer or a module;
    `options` are those of `cross_validate`.

    Returns:
        A `Compared` of "snapshots", the mean of their answers, and "last", the network at the end of the last cycle, on
        the same rows: what is gained costs no training.

    Raises:
        ArgumentError: the model is an estimator, whose schedule is its own, or its Trainer has a schedule already.
    """
    chosen = Options.of(options)
    candidate = Candidate(model)
    (study, *_) = studies_of([candidate], X, y, chosen)
    if isinstance(study.layout, Layout):
        raise errors.ArgumentError(
            "snapshot_ensemble: an estimator has a schedule of its own", hint="give a function that makes a Trainer"
        )
    chosen = replace(chosen, epochs=inputs.whole(epochs, "epochs", least=1))
    folds, count = folds_of(study, chosen), inputs.whole(cycles, "cycles", least=1)
    jobs = [(candidate, fold, study.X, study.y, chosen, count) for fold in folds]
    done: list[tuple[Outcome, Outcome] | None] = [None] * len(folds)
    with tally_for(chosen.progress, len(folds)) as tally:
        try:
            for number, pair in Workers.of(chosen.n_jobs).run(_cycled, jobs):
                done[number] = pair
                tally.add()
        except KeyboardInterrupt:
            if not tally.done:
                raise
    layout = of_probabilities(study.layout)
    study = replace(study, layout=layout, scorer=scores_for(chosen.metrics, layout))
    notes = leaks(study.X, study.y, folds)
    return compared_of(
        {
            name: study.validation([None if pair is None else pair[i] for pair in done], folds, chosen, notes)
            for i, name in enumerate(("snapshots", "last"))
        }
    )


def _cycled(
    candidate: Candidate, fold: Fold, X: Array, y: Array, options: Options, cycles: int
) -> tuple[Outcome, Outcome]:
    """What the snapshots say together about the rows of a fold, and what the last one says."""
    trainer = built.trainer_of(candidate, options, fold.number)
    if trainer.scheduler is not None:
        raise errors.ArgumentError("snapshot_ensemble: the Trainer has a schedule already", hint="leave it out")
    epochs = options.of_builder("epochs")
    trainer.scheduler = CosineAnnealingWarmRestarts(trainer.optimizer, epochs)
    trainer.threads = 1
    scaler = Standardizer().fit(X[fold.train]) if options.of_builder("scale") else None
    target_scaler = Standardizer().fit(y[fold.train]) if options.of_builder("scale_target") else None
    rows = X if scaler is None else scaler.transform(X)
    targets = y if target_scaler is None else target_scaler.transform(y)
    snapshots = Snapshot(every=epochs)
    begun = time.perf_counter()
    with contextlib.suppress(TrainingDivergedError):  # its history says so; the cycles before it count
        trainer.fit(
            rows[fold.train],
            targets[fold.train],
            epochs=cycles * epochs,
            batch_size=options.of_builder("batch_size"),
            callbacks=[snapshots],
            progress=False,
        )
    seconds = time.perf_counter() - begun
    members = list(snapshots.ensemble(trainer).members) if snapshots.weights else [trainer]

    def asked(member: Trainer | LoadedMember, those: Array) -> Array:
        outputs = member.predict(rows[those])
        return probabilities(outputs if target_scaler is None else target_scaler.inverse(outputs), trainer._pairing)

    def outcome(some: Sequence[Trainer | LoadedMember], model: Any) -> Outcome:
        test = np.mean([asked(member, fold.test) for member in some], axis=0)
        learnt = np.mean([asked(member, fold.train) for member in some], axis=0) if options.train_scores else None
        return Outcome(test, learnt, trainer.history, model if options.keep_models else None, seconds)

    return outcome(members, [member.model for member in members]), outcome(members[-1:], members[-1].model)
