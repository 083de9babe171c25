"""Walking the graph back from tensors: where it starts, with what gradients, and the handles of hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.autodiff.reverse import Edge, Walk
from forwardnet.errors import AutogradError, ShapeError
from forwardnet.tensor import create, tape
from forwardnet.tensor.mode import enable_grad, no_grad

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


class Removable:
    """A handle that takes a hook away again."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        """Take the hook away."""
        if self.hook in self.hooks:
            self.hooks.remove(self.hook)


def required_edge(x: Tensor, where: str) -> Edge:
    edge = tape.edge_of(x)
    if edge is None:
        raise AutogradError(
            f"{where}: One of the differentiated Tensors does not require grad",
            hint="call requires_grad_() on it first",
        )
    return edge


def root_gradient(output: Tensor, gradient: Any) -> tuple[Edge, Any]:
    """Where a walk from `output` begins, and with what gradient."""
    edge = tape.edge_of(output)
    if edge is None:
        raise AutogradError(
            "element 0 of tensors does not require grad and does not have a grad_fn",
            hint="make an input with requires_grad=True, and compute outside no_grad",
        )
    if gradient is None:
        if output.numel() != 1:
            raise AutogradError(
                f"grad can be implicitly created only for scalar outputs, this one has shape {tuple(output.shape)}",
                hint="pass backward(gradient) of the same shape, or reduce with .sum() or .mean()",
            )
        return edge, np.ones(output.spec.shape, output.spec.dtype)
    given = create.as_tensor(gradient)
    if given.spec.shape != output.spec.shape:
        raise ShapeError(
            f"Mismatch in shape: grad_output[0] has a shape of {tuple(given.shape)} and output[0] has a shape of "
            f"{tuple(output.shape)}."
        )
    # A gradient has the type of what it is the gradient of, whatever type it was given in.
    return edge, given.to(output.dtype)


def walk_back(
    roots: Sequence[tuple[Tensor, Any]],
    keep: bool,
    create_graph: bool,
    wanted: Sequence[Edge] | None,
    capture: bool = False,
) -> list[Any]:
    """Run the reverse pass from the roots; captured gradients come back as tensors."""
    starts = [root_gradient(x, g) for x, g in roots]
    walk = Walk(tape.FACE, create_graph, keep, wanted, accumulate=not capture)
    if create_graph:
        with enable_grad():
            return walk.run(starts)
    raw = [(edge, g._data if tape.is_tensor(g) else g) for edge, g in starts]
    with no_grad():
        return [None if g is None else tape._lift(g) for g in walk.run(raw)]
