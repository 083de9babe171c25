"""One neuron, h(w . x + b), and the smallest network that a single one cannot replace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet.construct.network import build
from forwardnet.construct.registry import construction
from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.nn.activations import ACTIVATIONS, Activation, ReLU
from forwardnet.nn.sequential import Sequential


@construction("1", "exact up to rounding")
def neuron(
    weights: Sequence[float],
    bias: float = 0.0,
    activation: str | Activation = "step",
    *,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = h(w . x + b): weights and bias are the parameters, h is any activation, by name or as a module.

    With a step it is the neuron of McCulloch & Pitts (1943), which fires where w . x reaches its threshold theta = -b;
    at w . x = theta, too, because step(0) = 1. With the strict inequality that is sometimes written, two inputs with
    weights 1 and theta = 2 would not make an AND.

    Raises:
        ShapeError: `weights` is no list of numbers. UnknownNameError: there is no such activation.
    """
    w = np.asarray(weights, np.float64)
    if w.ndim != 1 or not len(w):
        raise ShapeError(f"neuron: weights have shape {w.shape}, expected (inputs,)")
    if not np.isfinite([*w, bias]).all():
        raise ArgumentError(f"neuron: weights are {weights!r} and bias {bias!r}, expected finite numbers")
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        activation = ACTIVATIONS[activation]()
    return build(
        [(w[None], np.array([float(bias)]))],
        what=f"neuron of {len(w)} inputs",
        claim="exact up to rounding",
        output=activation,
        steepness=steepness,
        dtype=dtype,
    )


@construction("3", "exact on all 4 inputs")
def xor_relu(*, dtype: Any = None) -> Sequential:
    """y = w . max(0, W x + c), W = [[1, 1], [1, 1]], c = (0, -1), w = (1, -2): exclusive or with two rectifiers.

    For inputs in rows X it reads max(0, X W' + 1 c') w: the biases are added to each row, and the outer weights act on
    the rectified values (Goodfellow, Bengio & Courville 2016, section 6.1).
    """
    layers = [(np.ones((2, 2)), np.array([0.0, -1.0])), (np.array([[1.0, -2.0]]), np.zeros(1))]
    return build(
        layers,
        what="exclusive or with rectifiers",
        claim="exact on all 4 inputs",
        hidden=ReLU,
        inputs=("x1", "x2"),
        formula="y = x1 ^ x2",
        dtype=dtype,
    )
