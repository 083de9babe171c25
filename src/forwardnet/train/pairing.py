"""Which targets go with which loss: what a loss expects, and targets brought into that form or refused.

NumPy and PyTorch broadcast a target (n,) against an output (n, 1) to (n, n) and go on with a wrong loss. Here such
a target gets the shape of the output when the loss leaves no doubt about the meaning, and is refused otherwise.

Axis glossary: n rows, C classes, k outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors, nn
from forwardnet.train.inputs import as_floats, target_array
from forwardnet.train.metrics import Link

Array = NDArray[Any]
Kind = Literal["classes", "labels", "values", "custom"]


@dataclass(frozen=True)
class Pairing:
    """What a loss expects: the kind of targets, and how the outputs that it trains are read."""

    loss: str
    kind: Kind
    link: Link
    takes_class_probabilities: bool = False
    ignore_index: int | None = None
    needs_classes: bool = True  # whether there is nothing to learn where all rows are of one class

    def targets(self, data: Any, n: int, output_shape: tuple[int, ...], dtype: Any, *, name: str = "y") -> Array:
        """`data` as this loss takes it, for `n` rows and a model whose output has `output_shape`."""
        y = target_array(data, n, name)
        outputs = (n, *output_shape[1:])
        if self.kind == "classes":
            return self._classes(y, outputs, dtype, name)
        if self.kind == "labels":
            return self._labels(y, outputs, dtype, name)
        if self.kind == "values":
            return self._like_outputs(y, as_floats(y, dtype, name), outputs, name)
        return self._custom(y, outputs, dtype, name)

    def _classes(self, y: Array, outputs: tuple[int, ...], dtype: Any, name: str) -> Array:
        """Class indices (n,) as int64, or probabilities (n, C)."""
        if len(outputs) != 2 or outputs[1] < 2:
            raise errors.ShapeError(
                f"{self.loss}: the model's output has shape {outputs}, expected one column for each class",
                hint="two classes: 2 outputs, or 1 output and BCEWithLogitsLoss",
            )
        if y.dtype.kind == "f":
            if y.shape == outputs and self.takes_class_probabilities:
                return as_floats(_within(y, name, "probabilities from 0 to 1"), dtype, name)
            raise self._not_indices(y, outputs, name)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise errors.ShapeError(
                f"{self.loss}: {name} has shape {y.shape}, expected ({len(y)},) class indices",
                hint=f"{name}.argmax(axis=1) turns one-hot rows into indices" if y.ndim == 2 else None,
            )
        if y.dtype.kind == "u" and y.dtype.itemsize == 8 and y.max() > np.iinfo(np.int64).max:
            raise errors.DataError(f"{name} holds {y.max()}, expected class indices")
        y = np.ascontiguousarray(y, dtype=np.int64)
        self._check_range(y, outputs[1], name)
        return y

    def _check_range(self, y: Array, classes: int, name: str) -> None:
        """Raise DataError for a label that is no column of the output."""
        bad = (y < 0) | (y >= classes)
        if self.ignore_index is not None:
            bad &= y != self.ignore_index
        if bad.any():
            row = int(np.argmax(bad))
            starts_at_one = y.min() == 1 and y.max() == classes
            hint = f"subtract 1: {name} = {name} - 1" if starts_at_one else "give the last layer one output per class"
            raise errors.DataError(
                f"{name} holds label {y[row]} at row {row}, but the model has {classes} outputs: "
                f"expected labels 0 to {classes - 1}",
                hint="number the classes from 0" if y[row] < 0 else hint,
            )

    def _not_indices(self, y: Array, outputs: tuple[int, ...], name: str) -> errors.ForwardnetError:
        """The error for floating targets of a loss that takes class indices."""
        expected = f"class indices ({len(y)},) of an integer type"
        if self.takes_class_probabilities:
            expected += f", or probabilities {outputs}"
        finite = y[np.isfinite(y)]
        if np.array_equal(finite, np.round(finite)):
            flat = ".reshape(-1)" if y.ndim == 2 and y.shape[1] == 1 else ""
            hint = f'{name}{flat}.astype("int64"), if these are class indices; MSELoss, if they are values'
        else:
            hint = "use MSELoss or L1Loss to predict numbers"
        return errors.DTypeError(
            f"{self.loss}: {name} has shape {y.shape} and dtype {y.dtype}, expected {expected}", hint=hint
        )

    def _labels(self, y: Array, outputs: tuple[int, ...], dtype: Any, name: str) -> Array:
        """Probabilities (n, k) from numbers 0 to 1 or booleans."""
        if y.dtype.kind in "iub" and y.size == len(y) and len(outputs) == 2 and outputs[1] > 1:
            raise errors.ShapeError(
                f"{self.loss}: {name} has shape {y.shape}, but the model's output has shape {outputs}",
                hint="use CrossEntropyLoss for class labels and one output per class",
            )
        y = self._like_outputs(y, as_floats(y, dtype, name), outputs, name)
        return _within(y, name, f"targets from 0 to 1 for {self.loss}")

    def _like_outputs(self, y: Array, floats: Array, outputs: tuple[int, ...], name: str) -> Array:
        """The `floats` of y in the shape of the outputs: (n,) and (n, 1) turn into each other, nothing is broadcast."""
        if y.shape == outputs:
            return floats
        if y.size == len(y) == int(np.prod(outputs)) and max(y.ndim, len(outputs)) <= 2:
            return floats.reshape(outputs)
        looks_like_labels = y.dtype.kind in "iu" and y.ndim == 1
        raise errors.ShapeError(
            f"{self.loss}: {name} has shape {y.shape}, but the model's output has shape {outputs}",
            hint="use CrossEntropyLoss for class labels" if looks_like_labels else "give one column for each output",
        )

    def _custom(self, y: Array, outputs: tuple[int, ...], dtype: Any, name: str) -> Array:
        """Integers as int64, floats as they are; refuses what would be broadcast to (n, n)."""
        if y.dtype.kind in "iub":
            return np.ascontiguousarray(y, dtype=np.int64)
        y = as_floats(y, dtype, name)
        if {y.shape, outputs} == {(len(y),), (len(y), 1)} and len(y) > 1:
            raise errors.ShapeError(
                f"{self.loss}: {name} has shape {y.shape} and the model's output {outputs}: "
                f"together they would be broadcast to {(len(y), len(y))}",
                hint=f"{name}.reshape(-1, 1)" if y.ndim == 1 else f"{name}.reshape(-1)",
            )
        return y


@dataclass(frozen=True)
class TasksPairing(Pairing):
    """What a loss of several tasks expects: a target for each, by name; they are put side by side in one matrix."""

    tasks: nn.MultiTaskLoss = field(kw_only=True)

    @property
    def parts(self) -> dict[str, Pairing]:
        """What the loss of each task expects."""
        return {name: pairing_of(loss) for name, loss in self.tasks.losses.items()}

    def targets(self, data: Any, n: int, output_shape: tuple[int, ...], dtype: Any, *, name: str = "y") -> Array:
        """`data`, a mapping of names of tasks to targets, as one matrix (n, columns) of the type `dtype`."""
        names = ", ".join(self.tasks.names)
        if not isinstance(data, Mapping):
            raise errors.DTypeError(
                f"{self.loss}: {name} is {type(data).__name__}, expected a dict with targets for the tasks {names}"
            )
        if set(data) != set(self.tasks.names):
            raise errors.ArgumentError(
                f"{self.loss}: {name} has targets for {', '.join(map(str, data))}, expected the tasks {names}"
            )
        columns = []
        self.tasks.split(np.empty(output_shape))  # says when the heads put out another number of columns
        for task, outputs in zip(self.tasks.names, self.tasks.outputs, strict=True):
            part = self.parts[task].targets(data[task], n, (output_shape[0], outputs), dtype, name=f"{name}[{task!r}]")
            if self.tasks.losses[task].target == "classes" and part.ndim == 2:
                raise errors.ShapeError(
                    f"{name}[{task!r}] has shape {part.shape}, expected class indices",
                    hint="probabilities of classes are taken by a loss alone, not by one task of several",
                )
            columns.append(part.reshape(n, -1).astype(dtype))
        return np.ascontiguousarray(np.concatenate(columns, axis=1))


def pairing_of(loss: Any) -> Pairing:
    """What `loss`, an object of `nn`, a function of `nn.functional` or one's own function, expects.

    One's own may say it by an attribute `pairing`.
    """
    own = getattr(loss, "pairing", None)
    if isinstance(own, Pairing):
        return own
    name = getattr(loss, "__name__", type(loss).__name__)
    if isinstance(loss, nn.MultiTaskLoss):
        return TasksPairing(name, "custom", "values", tasks=loss)
    kind = next((c for c in nn.losses.LOSSES.values() if isinstance(loss, c) or loss is c.function), None)
    if kind is None:
        return Pairing(name, "custom", "values")
    return Pairing(
        name,
        cast(Kind, kind.target),
        cast(Link, kind.takes),
        takes_class_probabilities=(kind.target, kind.takes) == ("classes", "logits"),
        ignore_index=getattr(loss, "ignore_index", None),
    )


def _within(y: Array, name: str, expected: str) -> Array:
    """`y`, or DataError when a number lies outside 0 to 1."""
    bad = (y < 0) | (y > 1)
    if bad.any():
        place = np.unravel_index(int(np.argmax(bad)), y.shape)
        raise errors.DataError(
            f"{name} holds {y[place]:.4g} at row {place[0]}, expected {expected}",
            hint="code the two classes as 0 and 1" if np.array_equal(y, np.round(y)) else None,
        )
    return y


def class_labels(y: Array, pairing: Pairing) -> Array | None:
    """The class of each row (n,), from checked targets; None where a row has no one class."""
    if pairing.kind in ("classes", "custom") and y.ndim == 1 and y.dtype.kind in "iu":
        return y
    if pairing.kind == "labels" and y.size == len(y) and bool(np.isin(y, (0, 1)).all()):
        return y.reshape(-1).astype(np.int64)
    return None


def check_classes(y: Array, pairing: Pairing, name: str = "y") -> None:
    """Raise DataError when all training rows belong to one class: there is nothing to tell apart."""
    labels = class_labels(y, pairing) if pairing.kind != "custom" and pairing.needs_classes else None
    if labels is not None and (labels == labels[0]).all():
        raise errors.DataError(
            f"{name} has only one class: all {len(labels)} labels are {labels[0]}, expected at least two classes"
        )
