"""From matrices of weights to a network that says how large it is and what is known of it.

Axis glossary: B batch, I inputs, O units of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError
from forwardnet.nn.activations import Activation, Sigmoid
from forwardnet.nn.linear import Linear
from forwardnet.nn.parameter import Parameter
from forwardnet.nn.rectifiers import Step
from forwardnet.nn.sequential import Sequential
from forwardnet.tensor.functional import from_numpy

Array = np.ndarray[Any, np.dtype[Any]]  # float64
Layer = tuple[Array, Array]  # weights (O, I), biases (O,)


@dataclass(frozen=True)
class Size:
    """How large a network is.

    `widths` are the units of each layer with weights, the outputs last; `weights` counts all entries of the matrices,
    `connections` those that are not 0.
    """

    inputs: int
    widths: tuple[int, ...]
    weights: int
    biases: int
    connections: int

    @property
    def units(self) -> int:
        """Hidden and output units together."""
        return sum(self.widths)

    @property
    def layers(self) -> int:
        """Layers with weights."""
        return len(self.widths)

    def __str__(self) -> str:
        widths = f" ({' + '.join(map(str, self.widths))})" if self.layers > 1 else ""
        zeros = f" ({self.connections} not 0)" if self.connections < self.weights else ""
        units, layers = _count(self.units, "unit"), _count(self.layers, "layer")
        weights, biases = _count(self.weights, "weight"), _count(self.biases, "bias", "biases")
        return f"{units} in {layers}{widths}, {weights}{zeros} and {biases}"


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


@dataclass(frozen=True)
class About:
    """What is known of a network by hand: `network.about`, which prints as a sentence or two.

    `claim` says where it is exact or how far off it can be; `error` is that bound as a number, None where the claim
    is not about a number. `inputs` are the names of the inputs, `formula` what a Boolean network computes.
    """

    what: str
    claim: str
    size: Size
    error: float | None = None
    inputs: tuple[str, ...] = ()
    formula: str = ""

    def __str__(self) -> str:
        formula = f", {self.formula}" if self.formula else ""
        return f"{self.what}{formula}: {self.size}; {self.claim}"


def size(network: Any) -> Size:
    """Count the units, layers, weights and biases of a chain of `Linear` layers and activations.

    Raises:
        ArgumentError: there is no `Linear` layer in it.
    """
    linear = linear_layers(network)
    weights = [layer.weight.detach().numpy() for layer in linear]
    return Size(
        inputs=linear[0].in_features,
        widths=tuple(layer.out_features for layer in linear),
        weights=sum(w.size for w in weights),
        biases=sum(layer.out_features for layer in linear if layer.bias is not None),
        connections=sum(int(np.count_nonzero(w)) for w in weights),
    )


def linear_layers(network: Any) -> list[Linear]:
    """The `Linear` layers of a network in order."""
    found = [module for module in network.modules() if isinstance(module, Linear)]
    if not found:
        raise ArgumentError(f"{type(network).__name__} has no Linear layer, expected a chain of Linear and Step")
    return found


def linear(weights: Any, bias: Any, *, dtype: Any = None) -> Linear:
    """y[b, o] = sum_i x[b, i] weights[o, i] + bias[o] as a layer that trains nothing."""
    W, b = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
    kind = dtypes.default() if dtype is None else dtypes.as_numpy(dtype)
    layer = Linear(0, 0)  # an empty layer takes no numbers from the random generator
    layer.out_features, layer.in_features = W.shape
    layer.weight = Parameter(from_numpy(np.ascontiguousarray(W.astype(kind))), requires_grad=False)
    layer.bias = Parameter(from_numpy(b.astype(kind)), requires_grad=False)
    return layer


def rounded(value: float, dtype: Any = None) -> float:
    """The number that a weight of this type holds."""
    return float((dtypes.default() if dtype is None else dtypes.as_numpy(dtype)).type(value))


def build(
    layers: Sequence[Layer],
    *,
    what: str,
    claim: str,
    error: float | None = None,
    hidden: type[Activation] = Step,
    output: Activation | None = None,
    inputs: Sequence[str] = (),
    formula: str = "",
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """Linear layers with `hidden` after each but the last, and `output` after the last; frozen, with its `about`.

    With a `steepness`, `soften` is applied.
    """
    modules: list[Any] = []
    for W, b in layers:
        modules += [linear(W, b, dtype=dtype), hidden()]
    modules.pop()
    network = Sequential(*modules, *([] if output is None else [output])).freeze()
    network.about = About(what, claim, size(network), error, tuple(inputs), formula)
    return network if steepness is None else soften(network, steepness)


def layers_of(network: Any, place: str) -> list[Layer]:
    """The matrices of a chain Linear, Step, ..., Linear, Step.

    Raises:
        ArgumentError: it is another kind of network.
    """
    modules = list(network) if isinstance(network, Sequential) else []
    pairs = list(zip(modules[::2], modules[1::2], strict=False))
    is_chain = all(type(a) is Linear and type(b) is Step for a, b in pairs)
    if not modules or len(modules) % 2 or not is_chain:
        got = ", ".join(type(module).__name__ for module in modules) or type(network).__name__
        raise ArgumentError(
            f"{place}: got {got}, expected a chain of Linear and Step that ends with Step",
            hint="build the parts with steps, and apply soften() to the whole",
        )
    return [(layer.weight.detach().numpy().astype(np.float64), _bias(layer)) for layer in linear_layers(network)]


def _bias(layer: Linear) -> Array:
    zeros = np.zeros(layer.out_features)
    return zeros if layer.bias is None else layer.bias.detach().numpy().astype(np.float64)


def soften(network: Sequential, steepness: float) -> Sequential:
    """A new network with sigmoid(k s) in place of each step(s), k = `steepness`: nearly the same, with a derivative.

    Let s be the largest sum of absolute weights with which a unit reads hidden units, and k >= 4 ln(4 s). Then every
    unit is within e^(-k/4) of its step wherever the sums of the first layer are 1/2 or more away from 0, which they
    always are in a Boolean network: an error of e^(-k/4) in each hidden unit moves the next sum by 1/4 at most, and
    sums of zeros and ones are 1/2 away from the thresholds set here.

    Raises:
        ArgumentError: `steepness` is not positive, or the network has no step.
    """
    if not 0 < steepness < math.inf:
        raise ArgumentError(f"soften: steepness is {steepness!r}, expected a positive number")
    chain = list(network)
    modules: list[Any] = []
    for layer, after in zip(chain, [*chain[1:], None], strict=True):
        if isinstance(layer, Linear):
            factor = steepness if isinstance(after, Step) else 1.0
            weight = layer.weight.detach().numpy().astype(np.float64)
            modules.append(linear(factor * weight, factor * _bias(layer), dtype=layer.weight.dtype))
        else:
            modules.append(Sigmoid() if isinstance(layer, Step) else layer)
    if not any(isinstance(layer, Step) for layer in chain):
        raise ArgumentError("soften: the network has no Step")
    softened = Sequential(*modules)
    about = vars(network).get("about")
    if about is not None:
        claim = f"{about.claim} for steps, here sigmoids of steepness {steepness:g}"
        softened.about = replace(about, claim=claim, error=None, size=size(softened))
    return softened
