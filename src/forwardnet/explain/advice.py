"""What the architecture of a network alone gives to think about: advice, not laws.

explain.review(model)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from forwardnet import nn
from forwardnet.explain.slopes import number_text, steepest

DEEP = 3  # hidden layers from which slopes below 1 are felt


@dataclass(frozen=True)
class Note:
    """One remark about one layer: what stands there, and what usually does better."""

    layer: str
    text: str

    def summary(self) -> str:
        """The remark with its place."""
        return f"{self.layer}: {self.text}"


def review(model: nn.Module) -> list[Note]:
    """Remarks about activations and their order, from the input to the output; empty when nothing stands out.

    Start with ReLU in hidden layers; where units die try a leaky one, Maxout or tanh; avoid the sigmoid there; give the
    output what the loss asks for, which for most losses is nothing (LeCun, Bottou, Orr & Mueller 1998; Glorot & Bengio
    2010; He, Zhang, Ren & Sun 2015).
    """
    layers = _in_order(model)
    hidden = [pair for pair in layers[:-1] if _is_activation(pair[1])]
    notes = [*_collapsed(layers), *_flat(hidden), *_mixing(hidden)]
    if layers and isinstance(layers[-1][1], (nn.ReLU, nn.Hardtanh)):
        name, last = layers[-1]
        notes.append(
            Note(
                name,
                f"{type(last).__name__} as output: values outside its range cannot be predicted, and units can die.",
            )
        )
    return notes


def _in_order(model: nn.Module, path: str = "") -> list[tuple[str, nn.Module]]:
    """The innermost layers in the order of their registration, without those that do nothing."""
    if model._is_one_layer or not model._modules:
        return [] if isinstance(model, (nn.Identity, nn.Flatten)) else [(path or type(model).__name__, model)]
    found: list[tuple[str, nn.Module]] = []
    for name, inner in model._modules.items():
        if inner is not None:
            found += _in_order(inner, f"{path}.{name}" if path else name)
    return found


def _is_activation(module: Any) -> bool:
    return isinstance(module, nn.Activation) and not isinstance(module, nn.Identity)


def _collapsed(layers: list[tuple[str, nn.Module]]) -> list[Note]:
    """Two affine layers with nothing in between are one."""
    return [
        Note(after, f"follows {before} with no activation between them: together they are one linear layer.")
        for (before, first), (after, second) in pairwise(layers)
        if isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
    ]


def _flat(hidden: list[tuple[str, nn.Module]]) -> list[Note]:
    """Activations whose slope is below 1 everywhere, in a deep stack."""
    notes = []
    elementwise = [(name, a) for name, a in hidden if isinstance(a, nn.Activation) and a.formula.elementwise]
    for name, activation in elementwise:
        bound = steepest(activation)
        kind = type(activation).__name__
        if bound == 0:
            notes.append(Note(name, f"{kind} has slope 0: nothing before it learns by gradient descent."))
        elif bound < 1 and len(elementwise) >= DEEP:
            left = bound ** len(elementwise)
            notes.append(
                Note(
                    name,
                    f"{kind} has a slope of at most {number_text(bound)}; {len(elementwise)} such layers leave at most "
                    f"{left:.1g} of a gradient, apart from the weights. ReLU or tanh have a slope of 1.",
                )
            )
    return notes


def _mixing(hidden: list[tuple[str, nn.Module]]) -> list[Note]:
    """Softmax among the hidden layers."""
    return [
        Note(
            name, f"{type(a).__name__} as a hidden layer makes its units compete for a sum of 1; it belongs at the end."
        )
        for name, a in hidden
        if isinstance(a, (nn.Softmax, nn.LogSoftmax))
    ]
