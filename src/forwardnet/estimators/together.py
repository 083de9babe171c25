"""Many alike estimators at once: the folds of a validation, the members of a bag, in the lanes of one native program.

Axis glossary: n rows, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from forwardnet.estimators.objective import Objective
from forwardnet.estimators.rows import Rows
from forwardnet.estimators.stopping import NoProgress
from forwardnet.train import History, Trainer
from forwardnet.train.callbacks import Callback
from forwardnet.train.many import Rule, fit_many

# Parameters of these kinds say in words what they do; a function of one's own may be another one with the same name.
PLAIN = (bool, int, float, str, type(None))
OF_CHANCE = ("random_state", "verbose", "n_jobs", "threads")
# Fits that are too short for native code of their own get it where there are so many of them.
MANY = 12


@dataclass
class Training:
    """What an estimator asks of its trainer: `rows` to learn from, and those `held` out to look at."""

    trainer: Trainer
    rows: Rows
    held: Rows | None = None
    epochs: int = field(kw_only=True)
    batch_size: int = field(kw_only=True)
    shuffle: bool = field(kw_only=True)
    callbacks: Sequence[Callback] = field(kw_only=True, default=())
    may_compile: bool = False

    def run(self) -> None:
        """Train alone."""
        self.trainer.fit(
            self.rows.X,
            self.rows.y,
            sample_weight=self.rows.weight,
            epochs=self.epochs,
            batch_size=self.batch_size,
            validation_data=None if self.held is None else self.held.arrays,
            shuffle=self.shuffle,
            callbacks=list(self.callbacks),
            progress=False,
        )

    @property
    def rule(self) -> NoProgress | None:
        """What ends it, where that hangs on the losses of the epochs alone; None where more has to be watched."""
        if len(self.callbacks) != 1 or self.held is not None or self.rows.weight is not None:
            return None
        (only,) = self.callbacks
        is_simple = type(only) is NoProgress and only.monitor == "loss" and not only.adaptive
        return only if is_simple else None  # type: ignore[return-value]


def fit_together(estimators: Sequence[Any], Xs: Sequence[Any], ys: Sequence[Any], threads: int | None = None) -> None:
    """Fit each estimator to its own rows: what `estimator.fit(X, y)` does, alike ones sixteen at a time.

    What is learnt does not depend on the number of threads. Estimators with presets, validation rows, weights of
    classes, or anything else that has to be looked at between epochs are fitted one after another.
    """
    steps: list[Iterator[Training]] = [
        one._steps(X, y, None, (None, None, None)) for one, X, y in zip(estimators, Xs, ys, strict=True)
    ]
    groups: dict[Any, list[Training]] = {}
    for number, (estimator, step) in enumerate(zip(estimators, steps, strict=True)):
        training = next(step, None)
        if training is None:  # a preset is done
            continue
        training.may_compile = estimator.compile == "auto"
        alike = None if training.rule is None else _alike(estimator, training)
        groups.setdefault(number if alike is None else alike, []).append(training)
    for key, group in groups.items():
        if isinstance(key, int):
            group[0].run()
        else:
            _run(group, threads)
    for step in steps:
        for more in step:
            more.run()


def _alike(estimator: Any, training: Training) -> tuple[Any, ...] | None:
    """What the course of a training depends on besides its numbers; None where that cannot be said in words."""
    loss = training.trainer.loss
    params = {name: value for name, value in estimator.get_params(deep=False).items() if name not in OF_CHANCE}
    if not isinstance(loss, Objective) or not all(_is_plain(value) for value in params.values()):
        return None
    width, y = training.rows.X.shape[1], training.rows.y
    loss.alike = f"{type(estimator).__name__} {sorted(params.items())} {y.shape[1:]} {y.dtype}"
    return loss.alike, width, training.epochs, training.batch_size, training.shuffle


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_is_plain(one) for one in value)
    return type(value) in PLAIN or isinstance(value, np.generic)


def _run(group: Sequence[Training], threads: int | None) -> None:
    """Train alike trainings, each on its own rows of one array that has those of all."""
    if not group[0].trainer.compile:
        if len(group) < MANY or not group[0].may_compile:
            for training in group:
                training.run()
            return
        for training in group:
            training.trainer.compile = True
    starts = np.cumsum([0, *(len(one.rows) for one in group)])
    fit_many(
        [one.trainer for one in group],
        np.concatenate([one.rows.X for one in group]),
        np.concatenate([one.rows.y for one in group]),
        [np.arange(start, stop) for start, stop in pairwise(starts)],
        epochs=group[0].epochs,
        batch_size=group[0].batch_size,
        shuffle=group[0].shuffle,
        threads=threads,
        rules=[_begin(one) for one in group],
    )


@dataclass
class _Told:
    """What a rule looks at of a run."""

    epoch: int
    logs: dict[str, float]
    history: History
    optimizer: Any
    is_stopped: bool = False

    def stop(self, reason: str) -> None:
        """The rule has had enough."""
        self.is_stopped = True


def _begin(training: Training) -> Callable[[], Rule]:
    """A function that begins the training's rule: from the start, should the training have to be done again."""

    def begin() -> Rule:
        rule = training.rule
        assert rule is not None
        rule.__init__(tol=rule.tol, patience=rule.patience)  # type: ignore[misc]

        def ends(epoch: int, loss: float) -> bool:
            told: Any = _Told(epoch, {"loss": loss}, training.trainer.history, training.trainer.optimizer)
            rule.on_epoch_end(told)
            return bool(told.is_stopped)

        return ends

    return begin
