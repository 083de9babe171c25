"""Gaussian noise in training, on what passes through a layer or on its weights.

Noise on inputs acts like a penalty on the square of the derivatives (Bishop 1995); noise on weights prefers minima
around which the loss is flat (An 1996).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from forwardnet.nn.checks import check_number
from forwardnet.nn.module import Module
from forwardnet.nn.sequential import Sequential
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import randn


def gaussian_noise(input: Tensor, std: float = 0.1, training: bool = False) -> Tensor:
    """y = x + std e in `training`, e standard normal and new for each element of each call; else y = x.

    Raises:
        ArgumentError: `std` is no number >= 0.
    """
    check_number("gaussian_noise", "std", std, "a number >= 0")
    return noisy(input, std) if training and std else input


def noisy(x: Tensor, std: float) -> Tensor:
    """x + std e with e standard normal."""
    return x + std * randn(*x.shape, dtype=x.dtype)


class GaussianNoise(Module):
    """y = x + std e in training, e standard normal; y = x in evaluation (Bishop 1995).

    As the first layer it makes many noisy copies of each sample, a new one in each epoch.

    Args:
        std: standard deviation of the noise, in the units of x.
    """

    _takes_stacks = True

    def __init__(self, std: float = 0.1) -> None:
        super().__init__()
        check_number("GaussianNoise", "std", std, "a number >= 0")
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return gaussian_noise(x, self.std, self.training)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        return f"std={self.std}"


class WeightNoise(Sequential):
    """y = f_n(... f_1(x)) with weights w + std e in training, e standard normal and new in each call (An 1996).

    Takes what `Sequential` takes. Noise goes to all parameters of two axes or more inside it, not to biases. The
    gradients are taken at the noisy weights, and change the weights without noise, which evaluation uses.

    Args:
        std: standard deviation of the noise, in the units of the weights.

    Example:
        >>> nn.WeightNoise(nn.Linear(4, 8), nn.Tanh(), std=0.05)(ff.zeros(5, 4)).shape
        forwardnet.Size([5, 8])
    """

    def __init__(self, *modules: Module | Mapping[str, Module], std: float = 0.1) -> None:
        super().__init__(*modules)
        check_number("WeightNoise", "std", std, "a number >= 0")
        self.std = std

    def forward(self, x: Any) -> Any:
        if not (self.training and self.std):
            return super().forward(x)
        with _noisy_weights(self, self.std):
            return super().forward(x)

    def _arguments(self) -> dict[str, Any]:
        return {"std": self.std}

    def _part(self, items: list[tuple[str, Module]]) -> Self:
        return type(self)(dict(items), std=self.std)

    def extra_repr(self) -> str:
        return f"std={self.std}"


@contextmanager
def _noisy_weights(model: Module, std: float) -> Iterator[None]:
    """Let the modules of `model` see noisy weights in place of their own; a shared weight has one noise."""
    places = [
        (module, name, weight)
        for module in model.modules()
        for name, weight in module._parameters.items()
        if weight is not None and weight.ndim >= 2
    ]
    replaced: dict[int, Any] = {id(weight): weight for _, _, weight in places}
    replaced = {key: noisy(weight, std) for key, weight in replaced.items()}
    try:
        for module, name, weight in places:
            module._place("_parameters", name, replaced[id(weight)])
        yield
    finally:
        for module, name, weight in places:
            module._place("_parameters", name, weight)
