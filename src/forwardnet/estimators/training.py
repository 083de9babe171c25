"""Carries out a plan: the trainer it describes, the choice of the best epoch, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet import errors
from forwardnet.estimators.plan import Plan
from forwardnet.estimators.stopping import Best
from forwardnet.train import METRICS, History, Trainer


@dataclass(frozen=True)
class Trained:
    """A finished training. `epochs` were run, and the weights are those after `best_epoch` of them (0: untrained).

    `best_figure` is what `Plan.monitor` was there; None where nothing was chosen.
    """

    trainer: Trainer
    history: History
    epochs: int
    best_epoch: int
    best_figure: float | None = None


def train(
    plan: Plan,
    X: Any,
    y: Any,
    *,
    validation: tuple[Any, ...] | None = None,
    sample_weight: Any = None,
    callbacks: Sequence[Any] = (),
    progress: bool | Callable[..., object] = False,
) -> Trained:
    """Train `plan.model` on X and y; `validation` is (X, y) or (X, y, weights).

    Metrics are taken of the validation rows where there are some, else of the training rows as they were learnt from.

    Raises:
        TrainingDivergedError, DataError, ShapeError, DTypeError: as `Trainer.fit`.
    """
    trainer = trainer_of(plan, measures_training=validation is None)
    if plan.prepare is not None:
        plan.prepare(np.asarray(X), np.asarray(y))
    own, best = list(callbacks), None
    if plan.keep_best or plan.patience is not None:
        best = _choice(plan, trainer, X, y, validation)
        own.insert(0, best)
    history = trainer.fit(
        X,
        y,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        validation_data=validation,
        sample_weight=sample_weight,
        callbacks=own,
        shuffle=plan.shuffle,
        drop_last=plan.drop_last,
        progress=progress,
    )
    if best is None or not plan.keep_best:
        return Trained(trainer, history, len(history), len(history))
    return Trained(trainer, history, len(history), best.best_epoch, best.sign * best.best)


def trainer_of(plan: Plan, *, measures_training: bool = True) -> Trainer:
    """The trainer that a plan describes."""
    return Trainer(
        plan.model,
        plan.loss,
        plan.optimizer,
        plan.scheduler,
        metrics=list(plan.metrics),
        measures_training=measures_training,
        penalty=plan.penalty,
        clip_grad_norm=plan.clip_grad_norm,
        compile=plan.compile,
        precision=plan.precision,
        threads=plan.threads,
        seed=plan.seed,
    )


def memory_of(trainer: Trainer) -> dict[str, Any]:
    """What a training goes on from besides the weights: the optimiser's state, the seed, and how far it has come.

    Tensors are shared with the optimiser, not copied.
    """
    return {
        "optimizer": trainer.optimizer.state_dict(),
        "seed": trainer.seed,
        "epochs": trainer.epochs_done,
        "steps": trainer.steps_done,
    }


def remember(trainer: Trainer, memory: Any) -> None:
    """Let a new trainer go on from what `memory_of` told of another.

    Raises:
        ArgumentError: it is that of another optimiser, or of other parameters.
    """
    groups = memory["optimizer"]["param_groups"]
    for own, old in zip(trainer.optimizer.param_groups, groups, strict=False):
        for name, value in old.items():
            if name not in own or not isinstance(value, type(own[name])):
                raise errors.ArgumentError(
                    f"{type(trainer.optimizer).__name__} remembers {name}={value!r} of another optimiser",
                    hint="call fit, which begins anew",
                )
    trainer.optimizer.load_state_dict(memory["optimizer"])
    trainer.seed, trainer.epochs_done, trainer.steps_done = memory["seed"], memory["epochs"], memory["steps"]


def _choice(plan: Plan, trainer: Trainer, X: Any, y: Any, validation: tuple[Any, ...] | None) -> Best:
    """What watches the figure that a plan names."""
    untrained = None
    if plan.counts_untrained:
        rows = (X, y) if validation is None else validation[:2]
        untrained = trainer.evaluate(*rows)[plan.monitor.removeprefix("val_")]
    return Best(
        plan.monitor,
        greater=greater_is_better(plan.monitor),
        last_of_ties=plan.last_of_ties,
        restore=plan.keep_best,
        untrained=untrained,
        patience=plan.patience,
        min_delta=plan.min_delta,
    )


def greater_is_better(monitor: str) -> bool:
    """Whether more of a figure of `History` is better; less is, of what is no metric of ours."""
    metric = METRICS.get(monitor.removeprefix("val_"))
    return metric is not None and metric.greater_is_better
