"""The derivative of an activation: at given places, and the steepest that it can be.

The chain rule multiplies a gradient by one such slope for each layer on its way back. That of the sigmoid is at most
1/4, so ten layers of it leave at most a millionth, unless large weights make up for it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.autograd import grad
from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.tensor.functional import from_numpy

Floats = NDArray[np.float64]

# Slopes are looked at on this grid; all activations have their steepest place on it or tend to it at its ends.
REACH, PLACES = 40.0, 80_001


def activation_of(name: str | nn.Activation) -> nn.Activation:
    """The activation itself, or one of the registry by name with its default options, in evaluation mode."""
    if isinstance(name, nn.Activation):
        return name
    if name not in nn.ACTIVATIONS:
        raise unknown_name("activation", name, nn.ACTIVATIONS)
    return nn.ACTIVATIONS[name]().eval()


def slopes(activation: str | nn.Activation, x: Any) -> Floats:
    """h'(x) at each element of x, in float64.

    Raises:
        ArgumentError: the activation works along an axis, and has no slope of one number.
    """
    module = activation_of(activation)
    if not module.formula.elementwise:
        raise ArgumentError(f"slopes: {module.formula.name} works along an axis, expected an elementwise activation")
    at = from_numpy(np.array(x, dtype=np.float64)).requires_grad_()
    y = module(at)
    (found,) = grad(y.sum(), [at], allow_unused=True) if y.requires_grad else (None,)
    return np.zeros(tuple(at.shape)) if found is None else np.array(found.numpy())


def steepest(activation: str | nn.Activation) -> float:
    """The largest |h'(x)| over all x: 1/4 for the sigmoid, 1 for tanh and ReLU.

    Found by looking at 80,001 places from -40 to 40, 0 among them.
    """
    module = activation_of(activation)
    return float(
        np.abs(slopes(module, np.linspace(-REACH, REACH, PLACES).reshape(-1, 1)[:, [0] * _width(module)])).max()
    )


def _width(module: nn.Activation) -> int:
    """Columns that the activation takes: as many as it has learned numbers, one without any."""
    return max((parameter.numel() for parameter in module.parameters()), default=1)


def number_text(value: float) -> str:
    """ "1/4" for 0.25, the shortest decimals for what is no simple fraction."""
    near = Fraction(value).limit_denominator(8)
    return str(near) if near and abs(float(near) - value) < 1e-9 * abs(value) else f"{value:.3g}"
