"""Estimators of tables that do not fit into memory: what is decided before training is decided on a sample of rows.

Axis glossary: n rows.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.rows import RowStore
from forwardnet.data.tables.parts import LearntRows
from forwardnet.data.tables.stream import TableStream
from forwardnet.data.tables.table import Column, Table
from forwardnet.data.tables.target import drop_missing
from forwardnet.estimators.base import NetworkEstimator
from forwardnet.estimators.training import memory_of
from forwardnet.train.run import Run
from forwardnet.train.streamed import fit_stream as train_stream

Array = NDArray[Any]
ENCODED = 0.05  # of the memory, for rows that are on their way to the file
Held = tuple[Table, Any]


def fit_stream(
    estimator: Any,
    stream: TableStream | LearntRows,
    *,
    validation: Table | None = None,
    progress: bool | Callable[[Run], object] = False,
) -> Any:
    """Fit the estimator to all rows of a file; returns it. `stream.target` names the column to be predicted.

    The encoder and the scales are learnt from `stream.sample`, the network from all rows, of which as many are in
    memory at once as `stream.memory_limit` allows. `validation`: rows that are not in the stream, with their targets,
    which end the training early (`forwardnet.data.tables.parts.put_aside` takes some out). `progress` is that of a
    Trainer's fit. All else is as in `estimator.fit`; afterwards it is like any fitted estimator.

    Raises:
        ArgumentError: what would need all rows at once: a preset, L-BFGS, class weights, rows to be held out.
        DataError: the file cannot be read, or has a class that is not in the sample.
    """
    _check(estimator, stream)
    target = str(stream.target)
    X, y = _parted(stream.sample, target)
    held = (None, None, None) if validation is None else (*_parted(validation, target), None)
    with _settled(estimator):
        steps = estimator._steps(X, y, None, held)
        step = next(steps)
        with _store(estimator, stream, step.rows.y) as rows:
            train_stream(
                step.trainer,
                rows,
                epochs=step.epochs,
                batch_size=step.batch_size,
                validation_data=None if step.held is None else step.held.arrays,
                shuffle=step.shuffle,
                callbacks=list(step.callbacks),
                progress=progress,
                memory_limit=stream.memory_limit,
            )
        for _ in steps:  # what is kept, and learnt from validation rows, when the network is trained
            raise AssertionError("an estimator has one training")
    # The trainer and its program refer to each other and to the rows of a window; `partial_fit` makes new ones.
    estimator._memory, estimator._trainer = memory_of(step.trainer), None
    del step
    gc.collect()
    return estimator


def _check(estimator: Any, stream: TableStream | LearntRows) -> None:
    name = type(estimator).__name__
    if stream.target is None:
        raise errors.ArgumentError(
            f"{stream.path}: no column is named as the target", hint="TableStream(.., target=..)"
        )
    if not isinstance(estimator, NetworkEstimator):
        raise errors.ArgumentError(
            f"{name} cannot be fitted to rows in a file", hint="MLPClassifier and MLPRegressor can"
        )
    reasons = {
        "a preset": estimator.preset is not None,
        "L-BFGS": estimator._is_lbfgs,
        "class_weight": getattr(estimator, "class_weight", None) is not None,
        "early_stopping or calibrate, without validation rows": estimator.early_stopping or estimator._holds_out,
    }
    for reason, is_so in reasons.items():
        if is_so:
            raise errors.ArgumentError(f"{name}: {reason} would need all rows of {stream.path} at once")


@contextmanager
def _settled(estimator: Any) -> Iterator[None]:
    """What `auto` decides by the number of rows is decided for many, whatever the sample has."""
    own = {"precision": estimator.precision, "compile": estimator.compile}
    estimator.precision = "float32" if own["precision"] == "auto" else own["precision"]
    estimator.compile = True if own["compile"] == "auto" else own["compile"]
    try:
        yield
    finally:
        for name, value in own.items():
            setattr(estimator, name, value)


def _store(estimator: Any, stream: TableStream | LearntRows, learnt: Array) -> RowStore:
    """All rows as the network takes them; `learnt` are targets of the sample in that form."""
    is_whole = learnt.dtype.kind in "iu"
    store = RowStore(
        estimator._reader.encoder.layout.width,
        target_shape=learnt.shape[1:],
        target_dtype=np.int64 if is_whole else np.float32,
    )
    try:
        for block in stream.blocks(max(int(ENCODED * stream.memory_limit) // store.row_bytes, 1)):
            X, y = _parted(block, str(stream.target))
            if len(X):
                targets = estimator._as_learnt(estimator._targets(y, first=False, partial=True))
                store.append(estimator._reader(X), targets)
    except BaseException:
        store.close()
        raise
    return store


def _parted(table: Table, target: str) -> tuple[Table, Array]:
    """Features and targets of the rows that have one."""
    table, _ = drop_missing(table, target)
    return table.drop([target]), _labels(table[target])


def _labels(column: Column) -> Array:
    """Names as texts, whole numbers as such."""
    if column.levels is not None:
        return np.array(column.levels, dtype=object)[column.values]
    is_flag = column.kind == "boolean"
    return column.values.astype(np.int64) if is_flag else column.values
