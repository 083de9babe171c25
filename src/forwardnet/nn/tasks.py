"""Several tasks for one network: a common trunk, one head for each task, and a weighted sum of their losses.

    model = nn.Sequential(trunk, nn.Heads(digit=nn.Linear(64, 10), odd=nn.Linear(64, 1)))
    loss = nn.MultiTaskLoss(digit=nn.Task("cross_entropy", 10), odd=nn.Task("bce_with_logits", 1, weight=0.5))
    ff.Trainer(model, loss, "adam").fit(X, {"digit": digit, "odd": odd})

Outputs of all heads lie side by side in one matrix, and so do the targets, so that everything that works on one
output (batches, compiled steps, prediction) works on several.

Axis glossary: B batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from forwardnet.errors import ArgumentError, DTypeError, ShapeError, unknown_name
from forwardnet.nn.checks import check_count, check_number
from forwardnet.nn.losses import LOSSES, Loss
from forwardnet.nn.module import Module
from forwardnet.nn.sequential import _Numbered
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import cat


class Heads(_Numbered):
    """y = (h_1(x), ..., h_k(x)): modules that read the same input, with their outputs side by side on the last axis.

    Takes modules by name, or one mapping of names to modules.

    Example:
        >>> nn.Heads(digit=nn.Linear(8, 10), odd=nn.Linear(8, 1))(ff.zeros(5, 8)).shape
        forwardnet.Size([5, 11])
    """

    _takes_stacks = True

    def __init__(self, heads: Mapping[str, Module] | None = None, /, **named: Module) -> None:
        super().__init__()
        for name, module in {**(heads or {}), **named}.items():
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        if not self._modules:
            raise ArgumentError("Heads: there is no head", hint="name some: nn.Heads(digit=nn.Linear(64, 10))")
        return cat([head(x) for head in self], dim=-1)

    def _part(self, items: list[tuple[str, Module]]) -> Self:
        return type(self)(dict(items))


@dataclass(frozen=True)
class Task:
    """One task of several: its loss (an object of `nn`, or a name), how many outputs belong to it, and its weight."""

    loss: Loss | str
    outputs: int
    weight: float = 1.0

    def made(self, name: str) -> Loss:
        """The loss as an object; raises `ArgumentError` where something is unusable."""
        loss: Any = self.loss
        if isinstance(loss, str):
            if loss not in LOSSES:
                raise unknown_name(f"loss of task {name!r},", loss, LOSSES)
            loss = LOSSES[loss]()
        if not isinstance(loss, Loss) or loss.reduction == "none" or loss.target == "custom":
            raise ArgumentError(
                f"task {name!r}: loss is {loss!r}, expected a loss of forwardnet.nn that gives one number"
            )
        check_count(f"task {name!r}", "outputs", self.outputs)
        check_number(f"task {name!r}", "weight", self.weight, "a number >= 0")
        return loss


class MultiTaskLoss(Module):
    """l = sum_k w_k l_k(columns of the output that belong to task k, target of task k).

    Takes tasks by name in the order of the heads. In the target matrix (B, columns) a task of classes has one column
    of class indices, any other one column for each of its outputs; `columns` says which. A Trainer takes the targets
    by name, checks each against its loss and puts them together.

    Example:
        >>> loss = nn.MultiTaskLoss(digit=nn.Task("cross_entropy", 10), odd=nn.Task("bce_with_logits", 1, weight=0.5))
        >>> loss.split(ff.zeros(5, 11))["odd"].shape
        forwardnet.Size([5, 1])
    """

    def __init__(self, **tasks: Task) -> None:
        super().__init__()
        if not tasks:
            raise ArgumentError("MultiTaskLoss: there is no task", hint="MultiTaskLoss(digit=nn.Task('mse', 1))")
        for name, task in tasks.items():
            if not isinstance(task, Task):
                raise DTypeError(f"MultiTaskLoss: task {name!r} is {task!r}, expected an nn.Task")
            self.add_module(name, task.made(name))
        self.names = tuple(tasks)
        self.outputs = tuple(task.outputs for task in tasks.values())
        self.weights = tuple(float(task.weight) for task in tasks.values())

    @property
    def losses(self) -> dict[str, Loss]:
        """The loss of each task."""
        return {name: self._modules[name] for name in self.names}

    @property
    def columns(self) -> dict[str, slice]:
        """The columns of each task in the target matrix."""
        owners = zip(self.losses.values(), self.outputs, strict=True)
        widths = [1 if loss.target == "classes" else n for loss, n in owners]
        return dict(zip(self.names, _slices(widths), strict=True))

    def split(self, output: Any) -> dict[str, Any]:
        """The columns of each task in an output of the network, a tensor or an array.

        Raises:
            ShapeError: it has not as many columns as the tasks together.
        """
        if output.ndim != 2 or output.shape[1] != sum(self.outputs):
            raise ShapeError(
                f"MultiTaskLoss: the output has shape {tuple(output.shape)}, expected (batch, {sum(self.outputs)}) "
                f"for the tasks {', '.join(self.names)}"
            )
        return {name: output[:, part] for name, part in zip(self.names, _slices(self.outputs), strict=True)}

    def split_targets(self, target: Any) -> dict[str, Any]:
        """The target of each task in a target matrix: class indices (B,) of an integer type, or values (B, outputs).

        Raises:
            ShapeError: it has not as many columns as the tasks together.
        """
        columns = self.columns
        total = list(columns.values())[-1].stop
        if target.ndim != 2 or target.shape[1] != total:
            raise ShapeError(
                f"MultiTaskLoss: the target has shape {tuple(target.shape)}, expected (batch, {total}) "
                f"for the tasks {', '.join(self.names)}"
            )
        return {
            name: _indices(target[:, columns[name].start]) if loss.target == "classes" else target[:, columns[name]]
            for name, loss in self.losses.items()
        }

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        outputs, targets = self.split(input), self.split_targets(target)
        terms = [
            weight * loss(outputs[name], targets[name])
            for weight, (name, loss) in zip(self.weights, self.losses.items(), strict=True)
        ]
        return sum(terms[1:], terms[0])  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"outputs={self.outputs}, weights={self.weights}"


def _slices(widths: Any) -> list[slice]:
    """Neighbouring slices of these widths."""
    starts = [sum(widths[:i]) for i in range(len(widths))]
    return [slice(start, start + width) for start, width in zip(starts, widths, strict=True)]


def _indices(column: Any) -> Any:
    """Class indices that lie among floating numbers, as integers."""
    return column.long() if isinstance(column, Tensor) else column.astype("int64")
