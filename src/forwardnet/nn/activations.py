"""Activations: the formula of each, what is known about it, and the module of the same name.

A formula is written once, in ops, and read by everything that evaluates, differentiates or compiles it: an op answers
in kind to arrays, tensors and nodes of a traced program.
To add one, write the formula and one line for its module; the registry, the tables of the documentation and the
tests take it from here. More of them are in `rectifiers` and `smooth`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from forwardnet.nn.module import Module
from forwardnet.ops import scalar as op
from forwardnet.tensor import Tensor

INF = math.inf


@dataclass(frozen=True, eq=False)
class Formula:
    """A function of a tensor with what is known about it.

    `derivative` is h'(x) as text in x, h = h(x) and the formula's options; `range` is the interval of all values,
    `limits` the values at -inf and +inf, `saturates` the ends ("left", "right", "both" or "") at which h'(x) tends
    to 0. Formulas that are not `elementwise` work along an axis; their derivative is that of h_i by x_j.
    """

    function: Callable[..., Tensor]
    derivative: str
    range: tuple[float, float]
    limits: tuple[float, float]
    saturates: str
    zero_centred: bool
    monotone: bool
    elementwise: bool

    def __post_init__(self) -> None:
        told = ("__module__", "__name__", "__qualname__", "__doc__")
        vars(self).update({name: getattr(self.function, name) for name in told}, __wrapped__=self.function)

    @property
    def name(self) -> str:
        """The name in the registry: "leaky_relu"."""
        return str(self.function.__name__)

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The parameters after the input."""
        return dict(list(inspect.signature(self.function).parameters.items())[1:])

    def __call__(self, input: Tensor, *args: Any, inplace: bool = False, **options: Any) -> Tensor:
        # `inplace` asks to overwrite the input, which saves nothing here: the result is the same without it
        return self.function(input, *args, **options)

    def __repr__(self) -> str:
        return f"<formula {self.name}>"


def formula(
    derivative: str,
    *,
    range: tuple[float, float] = (-INF, INF),
    limits: tuple[float, float] | None = None,
    saturates: str = "",
    zero_centred: bool = False,
    monotone: bool = True,
    elementwise: bool = True,
) -> Callable[[Callable[..., Tensor]], Formula]:
    """Make a function the formula of an activation; see `Formula` for the meaning of the rest."""

    def wrap(function: Callable[..., Tensor]) -> Formula:
        return Formula(function, derivative, range, limits or range, saturates, zero_centred, monotone, elementwise)

    return wrap


ACTIVATIONS: dict[str, type[Activation]] = {}


class Activation(Module):
    """Base of the modules that apply a formula; their arguments are its options.

    `class ReLU(Activation, formula=relu)` is a whole definition. Options are attributes, which a class with an
    `__init__` of its own may make parameters.
    """

    formula: ClassVar[Formula]
    _options: ClassVar[tuple[str, ...]] = ()
    _signature: ClassVar[inspect.Signature]

    def __init_subclass__(cls, *, formula: Formula | None = None, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if formula is not None:
            cls.formula = formula
            cls._options = tuple(formula.options)
            cls._signature = inspect.Signature(list(formula.options.values()))
            cls.__doc__ = cls.__doc__ or formula.__doc__
            if "_takes_stacks" not in vars(cls):
                cls._takes_stacks = formula.elementwise and "forward" not in vars(cls)
            if "__init__" not in vars(cls):
                cls.__signature__ = cls._signature  # type: ignore[attr-defined]
            ACTIVATIONS[formula.name] = cls

    def __init__(self, *args: Any, inplace: bool = False, **options: Any) -> None:
        super().__init__()
        bound = self._signature.bind(*args, **options)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, value)

    def forward(self, x: Tensor) -> Tensor:
        return self.formula.function(x, **{name: getattr(self, name) for name in self._options})

    def _is_stackable(self) -> bool:
        return super()._is_stackable() and not self._parameters  # a learned slope may be one of a channel

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._options}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self._arguments().items())


# ---------------------------------------------------------------- element by element


@formula("1 + 0 * x", zero_centred=True)
def identity(x: Tensor) -> Tensor:
    """h(x) = x"""
    return x


@formula("h * (1 - h)", range=(0, 1), saturates="both")
def sigmoid(x: Tensor) -> Tensor:
    """h(x) = 1 / (1 + e^-x), the probability that log-odds x stand for; h' is at most 1/4."""
    return op.sigmoid(x)  # type: ignore[no-any-return]


@formula("1 - h**2", range=(-1, 1), saturates="both", zero_centred=True)
def tanh(x: Tensor) -> Tensor:
    """h(x) = (e^x - e^-x) / (e^x + e^-x) = 2 sigmoid(2x) - 1"""
    return op.tanh(x)  # type: ignore[no-any-return]


@formula("x > 0", range=(0, INF), saturates="left")
def relu(x: Tensor) -> Tensor:
    """h(x) = max(0, x), with h'(0) = 0 (Nair & Hinton 2010)."""
    return op.relu(x)  # type: ignore[no-any-return]


@formula("where(x > 0, 1, negative_slope)", zero_centred=True)
def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """h(x) = max(0, x) + negative_slope * min(0, x), with h'(0) = negative_slope (Maas et al. 2013)."""
    return op.where(x > 0, x, negative_slope * x)  # type: ignore[no-any-return]


class Identity(Activation, formula=identity):
    """y = x; any arguments are accepted and ignored, so that it can stand in for another layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0


class Sigmoid(Activation, formula=sigmoid): ...


class Tanh(Activation, formula=tanh): ...


class ReLU(Activation, formula=relu): ...


class LeakyReLU(Activation, formula=leaky_relu): ...


# ---------------------------------------------------------------- along an axis


@formula("h_i * ((i == j) - h_j)", range=(0, 1), saturates="both", elementwise=False)
def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """h_i(x) = e^{x_i} / sum_j e^{x_j} along `dim`: positive, of sum 1, and unchanged when all x move alike."""
    return x.softmax(dim)


@formula("(i == j) - exp(h_j)", range=(-INF, 0), saturates="right", elementwise=False)
def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """h_i(x) = x_i - log sum_j e^{x_j} along `dim`: the logarithm of softmax, without its loss of digits."""
    return x.log_softmax(dim)


class Softmax(Activation, formula=softmax): ...


class LogSoftmax(Activation, formula=log_softmax): ...
