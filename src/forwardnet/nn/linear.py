"""Affine maps and the layers that only rearrange.

Axis glossary: B batch, I inputs, O outputs.
"""

from __future__ import annotations

import math
from typing import Any, Self

from forwardnet.errors import ArgumentError, DTypeError, ShapeError
from forwardnet.ir.shapes import numel
from forwardnet.nn import functional as F, init
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import empty

COUNT_WORDS = {2: "two", 3: "three", 4: "four"}


class Affine(Module):
    """Base of the layers with one matrix of weights and a bias: y = x A + b with A made of the weights."""

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if isinstance(size, bool) or not hasattr(size, "__index__") or size < 0:
                raise ArgumentError(f"{type(self).__name__}: {name} is {size!r}, expected a whole number >= 0")
        self.in_features = int(in_features)
        self.out_features = int(out_features)
        self.weight = Parameter(empty(*self._weight_shape(), dtype=dtype))
        if bias:
            self.bias = Parameter(empty(self.out_features, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, int]:
        return self.out_features, self.in_features

    def reset_parameters(self) -> None:
        """Draw weights and biases anew."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)  # Kaiming's rule for a = sqrt(5)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def _check(self, x: Tensor) -> None:
        """Raises `ShapeError` or `DTypeError` for an input that the weights do not fit."""
        if x.ndim == 0 or x.shape[-1] != self.in_features or x.dtype != self.weight.dtype:
            raise self._misfit(x)

    def _misfit(self, x: Tensor) -> Exception:
        where = f"{type(self).__name__}({self.in_features}, {self.out_features})"
        shape = tuple(x.shape)
        if not shape or shape[-1] != self.in_features:
            return ShapeError(
                f"{where}: x has shape {shape}, expected (..., {self.in_features})", hint=self._shape_hint(shape)
            )
        own = str(self.weight.dtype).rpartition(".")[2]
        return DTypeError(
            f"{where}: x has dtype {str(x.dtype).rpartition('.')[2]}, expected {own} as the weights",
            hint=f"convert the input with x.to(forwardnet.{own}), or the model with model.to(x.dtype)",
        )

    def _shape_hint(self, shape: tuple[int, ...]) -> str | None:
        for count in range(2, len(shape) + 1):
            if numel(shape[-count:]) == self.in_features:
                return f"flatten the last {COUNT_WORDS.get(count, count)} axes: x.flatten({-count})"
        if len(shape) == 2 and shape[0] == self.in_features:
            return "the axes look exchanged: x.T"
        if self.in_features == 1:
            return "add an axis: x.unsqueeze(-1)"
        return None

    def _arguments(self) -> dict[str, Any]:
        dtype = str(self.weight.dtype).rpartition(".")[2]
        found = {"in_features": self.in_features, "out_features": self.out_features, "bias": self.bias is not None}
        return found if dtype == "float32" else {**found, "dtype": dtype}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        sizes = [arguments.get(name) for name in ("in_features", "out_features")]
        inputs, outputs = (max(size, 0) if isinstance(size, int) else 0 for size in sizes)
        return inputs * outputs + (outputs if arguments.get("bias", True) else 0)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        rows = numel(y) // self.out_features if self.out_features else 0
        return rows * (2 * self.in_features * self.out_features + (self.out_features if self.bias is not None else 0))

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Linear(Affine):
    """y[..., o] = sum_i x[..., i] W[o, i] + b[o]: the affine map of a dense layer.

    `weight` has shape (O, I), `bias` (O,); both start uniform in +-1/sqrt(I), as PyTorch's do.

    Args:
        in_features: I, length of the last axis of the input.
        out_features: O, length of the last axis of the output.
        bias: whether there is a b.

    Raises:
        ShapeError: the last axis of an input is not I long.

    Example:
        >>> nn.Linear(3, 2)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 2])
    """

    _takes_stacks = True

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return F.linear(x, self.weight, self.bias)


class TransposedLinear(Affine):
    """y[..., o] = sum_i x[..., i] W[i, o] + b[o]: a dense layer whose weights lie the other way round, (I, O).

    Its weights may be those of a `Linear` layer from O to I, as in an autoencoder with one matrix for both directions:
    see `tied_to`.

    Args:
        in_features: I, length of the last axis of the input.
        out_features: O, length of the last axis of the output.
        bias: whether there is a b.

    Example:
        >>> encoder = nn.Linear(8, 3)
        >>> decoder = nn.TransposedLinear.tied_to(encoder)
        >>> nn.Sequential(encoder, nn.Tanh(), decoder).count_parameters()  # 8 * 3 weights, once; 3 and 8 biases
        35
    """

    _takes_stacks = True

    @classmethod
    def tied_to(cls, linear: Linear, *, bias: bool = True) -> Self:
        """The layer from the outputs of `linear` to its inputs that uses its weights, with a bias of its own."""
        made = cls(linear.out_features, linear.in_features, bias, dtype=linear.weight.dtype)
        made.weight = linear.weight
        return made

    def _weight_shape(self) -> tuple[int, int]:
        return self.in_features, self.out_features

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return F.linear(x, self.weight.T, self.bias)


class Flatten(Module):
    """Make one axis of the axes `start_dim` to `end_dim`; by default of all but the first, the batch.

    Example:
        >>> nn.Flatten()(ff.zeros(5, 28, 28)).shape
        forwardnet.Size([5, 784])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.start_dim, self.end_dim)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
