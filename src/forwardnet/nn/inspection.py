"""What can be asked of any network: its size, its cost, all its parameters as one vector.

The work is done by functions of `summary` and `utils`; this class makes them methods. Whatever a network registers
under one of these names wins over the method.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from forwardnet.ir.shapes import numel

if TYPE_CHECKING:
    from forwardnet.nn.summary import Summary
    from forwardnet.tensor import Tensor


class Derived:
    """A computed attribute that a plain assignment on the instance replaces: `self.depth = 3` is the user's own."""

    def __init__(self, compute: Callable[[Any], int]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self.compute(instance)


class Inspection:
    """Methods that look at a network without running it on data."""

    # A layer of several affine maps side by side counts as one: what is inside it is not looked at.
    _is_one_layer: ClassVar[bool] = False
    # Whether a layer in evaluation treats each row alone, and each block of a stack (blocks, rows, features) as it does
    # a block (rows, features). It counts for the very class that says so: a class made from it may do something else.
    _takes_stacks: ClassVar[bool] = False

    def _is_stackable(self) -> bool:
        """Whether this layer, without what is inside it, takes stacks of blocks, and nobody listens to its calls."""
        state = self.__dict__
        listens = state.get("_forward_hooks") or state.get("_forward_pre_hooks")
        return bool(vars(type(self)).get("_takes_stacks", False)) and not listens

    @Derived
    def depth(self) -> int:
        """Number of layers with weights, from input to output."""
        from forwardnet.nn import summary

        return len(summary.weight_layers(self))

    @Derived
    def width(self) -> int:
        """Number of units of the widest hidden layer; 0 without hidden layers."""
        from forwardnet.nn import summary

        return max((layer.out_features for layer in summary.weight_layers(self)[:-1]), default=0)

    def summary(self, input_size: int | Sequence[int], *, dtype: Any = None) -> Summary:
        """Layers, output shapes, parameters and floating-point operations for one sample of shape `input_size`.

        The result prints as a table and holds the figures as attributes.
        """
        from forwardnet.nn import summary

        return summary.summarize(self, input_size, dtype=dtype)

    def count_parameters(self, *, bias: bool = True, trainable_only: bool = False) -> int:
        """Number of parameters, shared ones once; `bias=False` counts the connections (weights) alone."""
        from forwardnet.nn import summary

        return summary.count_parameters(self, bias=bias, trainable_only=trainable_only)

    def memory_footprint(self) -> int:
        """Bytes of all parameters and buffers."""
        from forwardnet.nn import summary

        return summary.memory_footprint(self)

    def _arguments(self) -> dict[str, Any]:
        """The constructor's arguments, read from the attributes of the same names."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        """Number of parameters that a layer made with these arguments has; known before it takes their memory."""
        return 0

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int | None:
        """Floating-point operations for one sample of shape x with a result of shape y; None if not known.

        One for each element of the result, unless there are parameters, whose use only the layer itself knows.
        """
        has_parameters = any(True for _ in self.parameters())  # type: ignore[attr-defined]
        return None if has_parameters else numel(y)

    def freeze(self) -> Self:
        """Stop training: no parameter requires a gradient any more, and gradients there are are dropped."""
        for param in self.parameters():  # type: ignore[attr-defined]
            param.requires_grad_(False)
            param.grad = None
        return self

    def unfreeze(self) -> Self:
        """Train all parameters again."""
        for param in self.parameters():  # type: ignore[attr-defined]
            param.requires_grad_(True)
        return self

    def get_flat_params(self) -> Tensor:
        """A copy of all parameters as one vector, in the order of `parameters()`."""
        from forwardnet.nn import utils

        return utils.parameters_to_vector(self.parameters()).detach()  # type: ignore[attr-defined]

    def set_flat_params(self, vector: Tensor) -> Self:
        """Write `vector`, as `get_flat_params` gives it, into the parameters.

        Raises:
            ShapeError: it has not one element for each parameter.
        """
        from forwardnet.nn import utils

        utils.vector_to_parameters(vector, self.parameters())  # type: ignore[attr-defined]
        return self
