"""A loss as a function of one vector: what optimisers need that choose their steps for all parameters together.

Axis glossary: n numbers of all parameters, one parameter after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from forwardnet.errors import ArgumentError
from forwardnet.optim.line_search import Point
from forwardnet.optim.optimizer import Optimizer
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import enable_grad, no_grad

Array = np.ndarray[Any, np.dtype[Any]]
Closure = Callable[[], Any]


class FlatOptimizer(Optimizer):
    """Base of the optimisers that move all parameters as one vector, and look at the loss as often as they need.

    Their `step(closure)` calls the closure several times; it has to give the same loss at the same parameters, so that
    mini-batches that change between the calls, and dropout, do not go with them. There is one group.
    """

    # What the closure does: "closure" computes the loss and its gradients, "losses" only the loss, as a function.
    asks: ClassVar[str] = "closure"

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        self._params: list[Tensor] = self.param_groups[0]["params"]

    def add_param_group(self, param_group: Any) -> None:
        """Train the parameters of the one group; raises `ArgumentError` for a second one."""
        if self.param_groups:
            name = type(self).__name__
            raise ArgumentError(
                f"{name}: got a second parameter group, expected one",
                hint="its direction is one vector, whose parts cannot have rates of their own",
            )
        super().add_param_group(param_group)

    def required(self, closure: Closure | None) -> Closure:
        """The closure; raises `ArgumentError` where there is none."""
        if closure is None:
            what = "computes the loss, its gradients (backward) and returns the loss"
            if self.asks == "losses":
                what = "computes the loss and returns it"
            raise ArgumentError(f"{type(self).__name__}.step: got no closure, expected a function that {what}")
        return closure


class Flat:
    """The parameters as a vector (n,), in the number type they have, and the loss of a closure there."""

    def __init__(self, params: Sequence[Tensor], closure: Closure) -> None:
        self.params = params
        self.closure = closure
        self.evaluations = 0

    def read(self) -> Array:
        """The present parameters."""
        return np.concatenate([p.detach().numpy().ravel() for p in self.params])

    def write(self, x: Array) -> None:
        """Put other numbers there."""
        start = 0
        with no_grad():
            for p in self.params:
                p.copy_(from_numpy(x[start : start + p.numel()].reshape(p.shape)))
                start += p.numel()

    def gradient(self) -> Array:
        """What the closure has left in `.grad`; 0 where there is nothing."""
        parts = [p._data * 0 if p.grad is None else p.grad.detach().numpy() for p in self.params]
        return np.concatenate([part.ravel() for part in parts])

    def evaluate(self) -> tuple[Any, float, Array]:
        """What the closure returns, that as a number, and the gradient."""
        self.evaluations += 1
        with enable_grad():
            loss = self.closure()
        return loss, float(loss), self.gradient()

    def along(self, x: Array, d: Array) -> Callable[[float], Point]:
        """The loss on the line from `x` in the direction `d`; the parameters stay where they were looked at last."""

        def at(t: float) -> Point:
            self.write(x + t * d)
            _, loss, gradient = self.evaluate()
            return Point(t, loss, float(gradient @ d), gradient)

        return at
