"""All decisions of one training, made before it begins: what a recipe writes and `training.train` carries out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.nn import Module

Array = NDArray[Any]


@dataclass
class Plan:
    """One network and how it is to be trained.

    `optimizer`, `scheduler`, `loss`, `penalty`, `clip_grad_norm`, `precision` and `threads` are what `Trainer` takes.
    `prepare(X, y)` is called once with the training inputs, before the first step: initialisations that look at data.
    `monitor` names the figure of `History` by which the best epoch is chosen; its weights are restored at the end
    where `keep_best`. Equal figures: the first epoch, or the last where `last_of_ties`; `counts_untrained` lets the
    network before its first step take part. `patience` (None: never) ends a training after so many epochs without a
    better figure by more than `min_delta`.
    """

    model: Module
    loss: Any
    optimizer: Any
    epochs: int
    batch_size: int | None
    scheduler: Any = None
    penalty: Any = None
    clip_grad_norm: float | None = None
    metrics: Sequence[Any] = ()
    monitor: str = "loss"
    keep_best: bool = False
    last_of_ties: bool = False
    counts_untrained: bool = False
    patience: int | Callable[[int, int], bool] | None = None
    min_delta: float = 0.0
    drop_last: bool = False
    shuffle: bool = True
    prepare: Callable[[Array, Array], None] | None = None
    precision: str = "float32"
    threads: int | None = None
    seed: int = 0
    compile: bool = True


@dataclass(frozen=True)
class Inputs:
    """What a recipe knows of the data when it writes a plan.

    X has `width` columns: first numbers and indicators, then the codes of categories that are to be embedded, of which
    `cardinalities` gives the numbers of values. `chunks` (one number for each of the other columns, ascending from 0)
    says which original feature a column comes from: those of one category's one-hot columns are equal.
    """

    n_rows: int
    width: int
    is_number: NDArray[np.bool_]  # (width - codes,): quantities, as opposed to indicators and one-hot columns
    chunks: NDArray[np.int64]  # (width - codes,)
    cardinalities: tuple[int, ...]
    is_classifier: bool
    n_outputs: int  # classes, or numbers to predict
