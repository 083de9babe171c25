"""Layers of several affine maps of one input: maxout, and gated linear units.

Axis glossary: I inputs, O outputs, K pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError
from forwardnet.ir.shapes import numel
from forwardnet.nn.activations import identity, relu, sigmoid, tanh
from forwardnet.nn.checks import check_count
from forwardnet.nn.layer_functions import halves
from forwardnet.nn.linear import Linear
from forwardnet.nn.module import Module
from forwardnet.nn.sequential import ModuleList
from forwardnet.nn.smooth import silu
from forwardnet.ops.scalar import maximum
from forwardnet.tensor import Tensor

Function = Callable[..., Tensor]


class Maxout(Module):
    """y[..., o] = max_k (sum_i x[..., i] W_k[o, i] + b_k[o]): the largest of K affine maps (Goodfellow et al. 2013).

    The gradient goes to the largest piece; equal ones share it.

    Args:
        in_features: I, length of the last axis of the input.
        out_features: O, length of the last axis of the output.
        pieces: K; with enough of them any convex function can be come near.
        bias: whether there are b_k.

    Example:
        >>> nn.Maxout(3, 2, pieces=4)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 2])
    """

    _is_one_layer = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pieces: int = 2,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_count("Maxout", "pieces", pieces)
        self.linears = ModuleList(Linear(in_features, out_features, bias, device, dtype) for _ in range(pieces))
        self.in_features, self.out_features, self.pieces = int(in_features), int(out_features), int(pieces)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.linears
        y: Tensor = first(x)
        for linear in others:
            y = maximum(y, linear(x))
        return y

    def _arguments(self) -> dict[str, Any]:
        return {**self.linears[0]._arguments(), "pieces": self.pieces}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        pieces = arguments.pop("pieces", 2)
        return (max(pieces, 0) if isinstance(pieces, int) else 0) * Linear._claim(**arguments)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return sum(linear._flops(x, y) or 0 for linear in self.linears) + (self.pieces - 1) * numel(y)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, pieces={self.pieces}"


class GatedUnit(Module):
    """Base of the gated units: y = f(x W' + b) * g(x V' + c), or f(a) * g(b) for the halves a, b of the input.

    Subclasses name f (`linear` by default) and the gate g.
    """

    _is_one_layer = True
    _line: ClassVar[Function]
    _gate: ClassVar[Function]
    value: Linear | None
    gate: Linear | None

    def __init_subclass__(cls, *, line: Function = identity, gate: Function, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls._line, cls._gate = staticmethod(line), staticmethod(gate)
        cls.__doc__ = f"{cls.__doc__}\n{ARGUMENTS}"

    def __init__(
        self,
        in_features: int | None = None,
        out_features: int | None = None,
        bias: bool = True,
        *,
        dim: int = -1,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_features, self.out_features, self.dim = in_features, out_features, dim
        if in_features is not None and out_features is not None:
            self.value = Linear(in_features, out_features, bias, device, dtype)
            self.gate = Linear(in_features, out_features, bias, device, dtype)
        elif in_features is None and out_features is None:
            self.register_module("value", None)
            self.register_module("gate", None)
        else:
            raise ArgumentError(
                f"{name}: in_features is {in_features} and out_features {out_features}, expected both or neither",
                hint=f"to gate one half of the input by the other along an axis, write {name}(dim={in_features})",
            )

    def forward(self, x: Tensor) -> Tensor:
        if self.value is None or self.gate is None:
            a, b = halves(type(self).__name__, x, self.dim)
        else:
            a, b = self.value(x), self.gate(x)
        return self._line(a) * self._gate(b)

    def _arguments(self) -> dict[str, Any]:
        return {"dim": self.dim} if self.value is None else self.value._arguments()

    @staticmethod
    def _claim(**arguments: Any) -> int:
        return 2 * Linear._claim(**arguments)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        maps = sum(part._flops(x, y) for part in (self.value, self.gate) if part is not None)
        return maps + (2 if self._line is identity else 3) * numel(y)

    def extra_repr(self) -> str:
        if self.value is None:
            return f"dim={self.dim}"
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.value.bias is not None}"


ARGUMENTS = """
    Args:
        in_features: I, length of the last axis of the input.
        out_features: O, length of the last axis of the output.
        bias: whether there are b and c.
        dim: without sizes there are no weights: the first half of the input along this axis is gated by the second.

    `value` holds W and b, `gate` V and c.
    """


class GLU(GatedUnit, gate=sigmoid):
    """y = (x W' + b) * sigmoid(x V' + c), the gated linear unit (Dauphin et al. 2017)."""


class GTU(GatedUnit, line=tanh, gate=sigmoid):
    """y = tanh(x W' + b) * sigmoid(x V' + c), the gated tanh unit (van den Oord et al. 2016)."""


class ReGLU(GatedUnit, gate=relu):
    """y = (x W' + b) * relu(x V' + c) (Shazeer 2020)."""


class SwiGLU(GatedUnit, gate=silu):
    """y = (x W' + b) * silu(x V' + c) (Shazeer 2020)."""
