"""Activations made of straight pieces: steps, rectifiers, and bounded lines."""

from __future__ import annotations

from typing import Any

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.ir.shapes import numel
from forwardnet.nn.activations import INF, Activation, formula
from forwardnet.nn.checks import check_count
from forwardnet.nn.parameter import Parameter
from forwardnet.ops import logic, scalar as op
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import full, rand

# ---------------------------------------------------------------- steps


@formula("0 * x", range=(0, 1), saturates="both")
def step(x: Tensor, at_zero: float = 1.0, straight_through: bool = False) -> Tensor:
    """h(x) = 0 for x < 0, `at_zero` at 0, 1 for x > 0: the threshold unit (McCulloch & Pitts 1943).

    Its derivative is 0, which stops learning before it. With `straight_through` the derivative is taken for 1, that
    of the identity (Bengio, Leonard & Courville 2013), so that the layers below learn.
    """
    y = op.where(op.eq(x, 0), at_zero, 0.5 * op.sign(x) + 0.5)
    if not straight_through:
        return y  # type: ignore[no-any-return]
    finite = op.where(logic.isfinite(x), x, 0.0)  # inf - inf would be nan
    return y + (finite - finite.detach())  # type: ignore[no-any-return]


@formula("0 * x", range=(-1, 1), saturates="both", zero_centred=True)
def sign(x: Tensor) -> Tensor:
    """h(x) = -1 for x < 0, 0 at 0, 1 for x > 0; its derivative is 0."""
    return op.sign(x)  # type: ignore[no-any-return]


class Step(Activation, formula=step): ...


class Sign(Activation, formula=sign): ...


# ---------------------------------------------------------------- rectifiers


@formula("sign(x)", range=(0, INF), limits=(INF, INF), monotone=False)
def abs(x: Tensor) -> Tensor:
    """h(x) = |x|, absolute value rectification, with h'(0) = 0 (Jarrett et al. 2009)."""
    return op.abs_(x)  # type: ignore[no-any-return]


@formula("where(x > 0, 1, weight)", zero_centred=True)
def prelu(x: Tensor, weight: Any = 0.25) -> Tensor:
    """h(x) = max(0, x) + w min(0, x) with a learned slope w, with h'(0) = w (He et al. 2015).

    `weight` has one element, or one for each channel: each place of axis 1.
    """
    return op.where(x > 0, x, _per_channel(x, weight) * x)  # type: ignore[no-any-return]


@formula("where(x > 0, 1, (lower + upper) / 2)", zero_centred=True)
def rrelu(x: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """h(x) = max(0, x) + a min(0, x), a uniform in [lower, upper] for each element (Xu et al. 2015).

    Outside `training` a is (lower + upper) / 2.
    """
    slope: Any = (lower + upper) / 2
    if training:
        slope = lower + (upper - lower) * rand(*x.shape, dtype=x.dtype)
    return op.where(x > 0, x, slope * x)  # type: ignore[no-any-return]


def _per_channel(x: Tensor, weight: Any) -> Any:
    """`weight` in a shape that lies along axis 1 of x, or a single number."""
    if isinstance(weight, (int, float)):
        return weight
    (n_channels,) = weight.shape or (1,)
    if n_channels == 1:
        return weight.reshape(())
    if x.ndim < 2 or x.shape[1] != n_channels:
        raise ShapeError(
            f"prelu: x has shape {tuple(x.shape)} and weight {n_channels} elements, expected (batch, {n_channels}, ...)"
        )
    return weight if x.ndim == 2 else weight.reshape(n_channels, *(1,) * (x.ndim - 2))


class Abs(Activation, formula=abs): ...


class PReLU(Activation, formula=prelu):
    """h(x) = max(0, x) + w min(0, x) with a learned slope w, with h'(0) = w (He et al. 2015).

    Args:
        num_parameters: 1, or the number of channels (axis 1), each with a slope of its own.
        init: what the slopes start with.

    Weight decay would draw the slopes to 0, which makes a ReLU: give `weight` a parameter group without it.
    """

    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__(weight=init)
        check_count("PReLU", "num_parameters", num_parameters)
        self.num_parameters = int(num_parameters)
        self.init = init
        self.weight = Parameter(full((self.num_parameters,), float(init), dtype=dtype))

    def reset_parameters(self) -> None:
        """Set the slopes to their start."""
        self.weight.data.fill_(self.init)

    def _arguments(self) -> dict[str, Any]:
        dtype = str(self.weight.dtype).rpartition(".")[2]
        found = {"num_parameters": self.num_parameters, "init": self.init}
        return found if dtype == "float32" else {**found, "dtype": dtype}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        n = arguments.get("num_parameters", 1)
        return max(n, 0) if isinstance(n, int) else 0

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return numel(y)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Activation, formula=rrelu):
    """h(x) = max(0, x) + a min(0, x), a uniform in [lower, upper] for each element (Xu et al. 2015).

    In training a is drawn anew in each call; in evaluation it is (lower + upper) / 2.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(lower=lower, upper=upper, training=True)
        if not lower <= upper:
            raise ArgumentError(f"RReLU: lower is {lower} and upper {upper}, expected lower <= upper")

    def _arguments(self) -> dict[str, Any]:
        return {"lower": self.lower, "upper": self.upper}


# ---------------------------------------------------------------- bounded lines


@formula("(x > min_val) * (x < max_val)", range=(-1, 1), saturates="both", zero_centred=True)
def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """h(x) = x between `min_val` and `max_val`, the nearer of them elsewhere; derivative 0 at both (Collobert 2004)."""
    if min_val > max_val:
        raise ArgumentError(f"hardtanh: min_val is {min_val} and max_val {max_val}, expected min_val <= max_val")
    return op.where(op.le(x, min_val), min_val, op.where(op.ge(x, max_val), max_val, x))  # type: ignore[no-any-return]


@formula("(abs(x) < 3) / 6", range=(0, 1), saturates="both")
def hardsigmoid(x: Tensor) -> Tensor:
    """h(x) = 0 up to -3, 1 from 3 on, x / 6 + 1 / 2 between (Courbariaux et al. 2015, in PyTorch's form)."""
    inside = op.where(op.ge(x, 3), 0.0, op.where(op.le(x, -3), 0.0, x))
    return op.where(op.ge(x, 3), 1.0, op.where(op.le(x, -3), 0.0, inside / 6 + 0.5))  # type: ignore[no-any-return]


class Hardtanh(Activation, formula=hardtanh): ...


class Hardsigmoid(Activation, formula=hardsigmoid): ...
