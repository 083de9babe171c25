"""Layers with one number for each neuron or feature, and the affine map whose weights are of size one.

Axis glossary: B batch, I inputs, O outputs, H neurons.
"""

from __future__ import annotations

import math
from typing import Any

from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.ir.shapes import numel
from forwardnet.nn import functional as F, init
from forwardnet.nn.activations import ACTIVATIONS
from forwardnet.nn.checks import check_count
from forwardnet.nn.linear import Affine
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import ones


class NTKLinear(Affine):
    """y[..., o] = sum_i x[..., i] W[o, i] / sqrt(I) + b[o]: a dense layer whose weights are of size one.

    The factor stands in the formula and not in the weights, so that an optimiser with steps of a given size, as Adam,
    changes wide and narrow layers by the same share (Jacot et al. 2018). `weight` has shape (O, I), `bias` (O,); both
    start with standard normal numbers.

    Args:
        in_features: I, length of the last axis of the input.
        out_features: O, length of the last axis of the output.
        bias: whether there is a b.

    Example:
        >>> nn.NTKLinear(3, 2)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 2])
    """

    _takes_stacks = True

    def reset_parameters(self) -> None:
        """Draw weights and biases anew, from N(0, 1)."""
        init.normal_(self.weight)
        if self.bias is not None:
            init.normal_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        y = F.linear(x, self.weight) * self.factor
        return y if self.bias is None else y + self.bias

    @property
    def factor(self) -> float:
        """1 / sqrt(I)."""
        return 1 / math.sqrt(self.in_features) if self.in_features else 0.0

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return super()._flops(x, y) + numel(y)


class _Neuronwise(Module):
    """Base of the layers with one weight for each element of the last axis, which start as ones."""

    weight: Parameter

    def __init__(self, num_features: int, dtype: Any = None) -> None:
        super().__init__()
        check_count(type(self).__name__, "num_features", num_features)
        self.num_features = int(num_features)
        self.weight = Parameter(ones(self.num_features, dtype=dtype))

    def _check(self, x: Tensor) -> None:
        if x.ndim == 0 or x.shape[-1] != self.num_features:
            where = f"{type(self).__name__}({self.num_features})"
            raise ShapeError(f"{where}: x has shape {tuple(x.shape)}, expected (..., {self.num_features})")

    def _arguments(self) -> dict[str, Any]:
        dtype = str(self.weight.dtype).rpartition(".")[2]
        found: dict[str, Any] = {"num_features": self.num_features}
        return found if dtype == "float32" else {**found, "dtype": dtype}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        size = arguments.get("num_features")
        return max(size, 0) if isinstance(size, int) else 0

    def extra_repr(self) -> str:
        return f"{self.num_features}"


class Scale(_Neuronwise):
    """y[..., i] = w[i] x[..., i]: a diagonal matrix; w starts with ones.

    In front of a network it learns which inputs matter, where its rate is higher than that of the weights behind it
    (Holzmüller et al. 2024).

    Args:
        num_features: length of the last axis.

    Example:
        >>> nn.Scale(3)(ff.ones(5, 3)).shape
        forwardnet.Size([5, 3])
    """

    _takes_stacks = True

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return x * self.weight

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return numel(y)


class ParametricActivation(_Neuronwise):
    """y[..., h] = x[..., h] + (f(x[..., h]) - x[..., h]) w[h]: each neuron learns how much of f it applies.

    w starts with ones, so y = f(x); at 0 the neuron is linear (Holzmüller et al. 2024).

    Args:
        activation: f, a name of `nn.ACTIVATIONS` that works element by element: "selu", "mish".
        num_features: H, length of the last axis.

    Raises:
        UnknownNameError: there is no such activation.

    Example:
        >>> nn.ParametricActivation("mish", 3)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 3])
    """

    _takes_stacks = True

    def __init__(self, activation: str = "selu", num_features: int = 1, dtype: Any = None) -> None:
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        formula = ACTIVATIONS[activation].formula
        if not formula.elementwise:
            raise ArgumentError(f"ParametricActivation: {activation} works along an axis, expected an elementwise one")
        super().__init__(num_features, dtype)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return x + (ACTIVATIONS[self.activation].formula(x) - x) * self.weight

    def _arguments(self) -> dict[str, Any]:
        return {"activation": self.activation, **super()._arguments()}

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 4 * numel(y)

    def extra_repr(self) -> str:
        return f"{self.activation!r}, {self.num_features}"
