"""The work of a fit, apart from everything around it: one step, one epoch of steps, one pass without learning.

`make_step` gives a training step as a plain function of tensors, and `EagerProgram` runs an epoch of them over
batches of row numbers. A compiled program takes the place of the eager one by offering the same `run_epoch`:
it traces the same step, and gathers the same rows.

Axis glossary: n rows, B rows of a batch.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.batches import Batches
from forwardnet.nn.activity import activity_penalties
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad
from forwardnet.train.divergence import Watch, first_bad
from forwardnet.train.update import NOTHING, Update

if TYPE_CHECKING:
    from forwardnet.nn import Module

Array = NDArray[Any]
Loss = Callable[..., Tensor]

# Rows that are run together without learning. Every block has exactly this many rows (see `forward`).
BLOCK = 64
# At most so many blocks are stacked: what they become then stays in the cache.
STACK = 64


@dataclass(frozen=True)
class Epoch:
    """What an epoch of steps gave: the loss over its rows, and, where asked for, the outputs it saw.

    `loss` is the mean over the rows, weighted by batch size (for losses that are sums: the sum). `losses` has one
    value per step. `rows` and `outputs` belong together; the outputs are those that the steps learnt from.
    `is_complete` is False when the epoch was stopped between two steps.
    """

    loss: float
    losses: NDArray[np.float64]
    is_complete: bool
    rows: Array | None = None
    outputs: Array | None = None


class Program(Protocol):
    """Runs epochs of training steps."""

    @property
    def is_native(self) -> bool:
        """Whether steps, or what they spend their time on, are native code."""
        ...

    def explain(self) -> str:
        """What a step runs."""
        ...

    def run_epoch(self, batches: Batches, after_step: Callable[..., bool], *, stays: bool = False) -> Epoch:
        """One step for each array of row numbers; ends early when `after_step(loss)` answers False.

        `after_step` may be given the losses of several steps at once, unless its attribute `is_watched` is true. With
        `stays` nobody looks at the weights until the next epoch, or until `settle` is called.
        """
        ...

    def settle(self) -> None:
        """Bring the weights to where they belong."""
        ...


def minimised(model: Module, loss: Loss, update: Update, x: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The output, the loss, and what is minimised: the loss, what is asked of weights, and what layers ask of their
    activations.
    """
    with activity_penalties() as extra:
        output = model(x)
    value = loss(output, *rest)
    total = update.objective(value, model)
    return output, value, total + extra.total() if extra.values else total


def make_step(
    model: Module,
    loss: Loss,
    optimizer: Any,
    *,
    update: Update = NOTHING,
    before_update: Callable[[Tensor, Tensor], object] | None = None,
) -> Callable[..., tuple[Tensor, Tensor]]:
    """The function `step(x, y)` (or `step(x, y, w)`) -> loss and output: forward, backward, update.

    What else is minimised is no part of the loss that the step returns. `before_update(loss, x)` is called when all
    gradients are known, before they are limited, and no weight has changed yet.
    """

    def step(x: Tensor, y: Tensor, *weight: Tensor) -> tuple[Tensor, Tensor]:
        optimizer.zero_grad()
        output, value, total = minimised(model, loss, update, x, y, *weight)
        total.backward()
        if before_update is not None:
            before_update(value, x)
        update.limit(model)
        optimizer.step()
        update.constrain(optimizer)
        return value, output

    return step


@dataclass(frozen=True)
class Learning:
    """What the steps of `optimizer` are made from: the `loss` of an output and the `arrays` of rows (X, y, weights)."""

    loss: Loss
    optimizer: Any
    arrays: tuple[Array, ...]
    update: Update


# Programs by the model that they train, so that what looks into a fit can measure the same thing as its steps. The
# rows belong to the program: nothing here keeps them alive.
_PROGRAMS: weakref.WeakKeyDictionary[Module, weakref.ref[EagerProgram]] = weakref.WeakKeyDictionary()


def learning_of(model: Module, optimizer: Any) -> Learning | None:
    """What the fit of this model by this optimiser learns from; None where no program here runs it."""
    found = _PROGRAMS.get(model)
    program = None if found is None else found()
    return program.learning if program is not None and program.learning.optimizer is optimizer else None


class EagerProgram:
    """Runs every operation of every step through NumPy."""

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: Any,
        arrays: tuple[Array, ...],
        *,
        watch: Watch,
        update: Update = NOTHING,
        keep_outputs: bool = False,
    ) -> None:
        """`arrays` are the rows that go into a step: X, y, and the sample weights where there are any."""
        self._model = model
        self.learning = Learning(loss, optimizer, arrays, update)
        _PROGRAMS[model] = weakref.ref(self)
        self.watch, self.update = watch, update
        self._arrays = arrays
        self.is_sum = getattr(loss, "reduction", "mean") == "sum"
        self.keeps_outputs = keep_outputs
        self._buffers: tuple[Array, ...] = tuple(np.empty((0, *a.shape[1:]), a.dtype) for a in arrays)
        self._value = 0.0

        def check(value: Tensor, x: Tensor) -> None:
            self._value = float(value.item())
            watch.check(self._value, x)

        self._step = make_step(model, loss, optimizer, update=update, before_update=check)

    @property
    def is_native(self) -> bool:
        return False

    def explain(self) -> str:
        """What a step runs."""
        return "every operation ran eagerly, through NumPy"

    def settle(self) -> None:
        """Nothing to do: the weights are where they belong."""

    def run_epoch(self, batches: Batches, after_step: Callable[..., bool], *, stays: bool = False) -> Epoch:
        """One step for each array of row numbers; ends early when `after_step(loss)` answers False."""
        losses: list[float] = []
        sizes: list[int] = []
        seen: list[Array] = []
        outputs: list[Array] = []
        goes_on = True
        for rows in batches:
            if not goes_on:  # asked to stop, and there is more to do
                return self.summed(losses, sizes, seen, outputs, is_complete=False)
            _, output = self._learn(self._gather(rows))
            losses.append(self._value)
            sizes.append(len(rows))
            if self.keeps_outputs:
                seen.append(rows)
                outputs.append(np.array(output.detach().numpy()))
            goes_on = after_step(self._value)
        return self.summed(losses, sizes, seen, outputs, is_complete=True)

    def _learn(self, tensors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """One step; a loss that refuses outputs which are not finite means a divergence, too."""
        try:
            return self._step(*tensors)
        except errors.ArgumentError as error:
            bad = first_bad(self._model, tensors[0])
            if not bad:
                raise
            self.watch.step += 1
            raise self.watch.error(bad) from error

    def _gather(self, rows: Array) -> list[Tensor]:
        """The tensors of a batch, in buffers that are used again for the next one."""
        size = len(rows)
        if size > len(self._buffers[0]):
            self._buffers = tuple(np.empty((size, *a.shape[1:]), a.dtype) for a in self._arrays)
        gathered = []
        for array, buffer in zip(self._arrays, self._buffers, strict=True):
            # mode="clip": with the default mode NumPy would gather into a second buffer first.
            np.take(array, rows, axis=0, out=buffer[:size], mode="clip")
            gathered.append(from_numpy(buffer[:size]))
        return gathered

    def summed(self, losses: Any, sizes: Any, rows: list[Array], outputs: list[Array], *, is_complete: bool) -> Epoch:
        """An epoch from the losses and sizes of its steps (lists or arrays), and what rows and outputs were kept."""
        values = np.array(losses, dtype=np.float64)
        if not values.size:
            total = float("nan")
        else:
            total = float(mean_loss(values, sizes, is_sum=self.is_sum))
        if not outputs:
            return Epoch(total, values, is_complete)
        return Epoch(total, values, is_complete, np.concatenate(rows), np.concatenate(outputs))


def mean_loss(losses: Array, sizes: Any, *, is_sum: bool) -> Any:
    """Over the last axis, the losses of steps: their mean weighted by the rows of each step, or their sum."""
    return losses.sum(-1) if is_sum else np.multiply(losses, sizes).sum(-1) / np.sum(sizes)


def weighted(loss: Any, name: str) -> Loss:
    """The loss as a function (output, y, w): mean over the rows of w times the row's loss (a sum for sums).

    One that says `takes_weights` is such a function already, and divides by the sum of w itself.
    Needs a loss object that can give one value per row; raises ArgumentError for others.
    """
    if getattr(loss, "takes_weights", False):
        return loss  # type: ignore[no-any-return]
    reduction = getattr(loss, "reduction", None)
    if reduction not in ("mean", "sum"):
        raise errors.ArgumentError(
            f"sample_weight: {name} gives no loss per row", hint="use a loss class of forwardnet.nn, such as MSELoss"
        )
    if getattr(loss, "weight", None) is not None:
        raise errors.ArgumentError(
            f"sample_weight: {name} has class weights already",
            hint="multiply the class weights into sample_weight: sample_weight * class_weight[y]",
        )
    per_row = copy.copy(loss)
    per_row.reduction = "none"

    def weighted_loss(output: Tensor, y: Tensor, w: Tensor) -> Tensor:
        values = per_row(output, y).reshape(len(w), -1)
        value: Tensor = (values.sum(1) * w).sum() if reduction == "sum" else (values.mean(1) * w).mean()
        return value

    weighted_loss.reduction = reduction  # type: ignore[attr-defined]
    return weighted_loss


def forward(model: Module, X: Array) -> Array:
    """The model's outputs for all rows, in evaluation mode and without a graph.

    Rows are run in blocks of one fixed size, the last one filled up, so that matrix products of different shapes,
    which may sum in different orders, never arise: a row gets the same bits alone and in any company.
    """
    was_training = model.training
    model.eval()
    try:
        with no_grad(), np.errstate(over="ignore", invalid="ignore"):
            whole = _stacked_rows(model, X)
            blocks = [
                _stack(model, X[start : min(start + STACK * BLOCK, whole)]) for start in range(0, whole, STACK * BLOCK)
            ]
            blocks += [_block(model, X[start : start + BLOCK]) for start in range(whole, len(X), BLOCK)]
    finally:
        model.train(was_training)
    return np.concatenate(blocks)


def _stacked_rows(model: Module, X: Array) -> int:
    """How many of the first rows go through the model as stacks of blocks: all whole blocks, or none.

    NumPy makes the product of a stack block by block, so the bits are the same, and Python is entered once. It takes a
    model of layers that say that they take stacks, and nobody who listens.
    """
    is_small = X.ndim != 2 or not X.shape[1] or len(X) < 2 * BLOCK
    if is_small or not all(module._is_stackable() for module in model.modules()):
        return 0
    return len(X) - len(X) % BLOCK


def _stack(model: Module, rows: Array) -> Array:
    """The outputs of some whole blocks."""
    output = model(from_numpy(rows.reshape(-1, BLOCK, rows.shape[1])))
    found = output.detach().numpy()
    return np.array(found.reshape(len(rows), *found.shape[2:]))


def _block(model: Module, rows: Array) -> Array:
    count = len(rows)
    if count < BLOCK:
        rows = np.concatenate([rows, np.repeat(rows[-1:], BLOCK - count, axis=0)])
    output = model(from_numpy(rows))
    if not isinstance(output, Tensor) or output.ndim == 0 or len(output) != BLOCK:
        got = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"type {type(output).__name__}"
        raise errors.ShapeError(
            f"{type(model).__name__}: the output for {BLOCK} rows has {got}, expected one row for each row of the input"
        )
    return np.array(output.detach().numpy()[:count])
