"""What experience says about the activations of a network, told from its layers alone.

Opinions of the literature and no laws: each has its exceptions, and a validation set is the judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from forwardnet.nn.activations import Activation, Identity, LogSoftmax, ReLU, Sigmoid, Softmax
from forwardnet.nn.dropout import AlphaDropout, Dropout
from forwardnet.nn.linear import Affine
from forwardnet.nn.losses import pairing_problem
from forwardnet.nn.module import Module
from forwardnet.nn.rectifiers import RReLU, Step
from forwardnet.nn.smooth import SELU

# From how many hidden layers on sigmoids are warned of: the gradient falls by 1/4 or more at each.
MANY = 2


def advice(model: Module, loss: Module | None = None) -> list[str]:
    """Sentences about what usually learns badly in `model`, by its layers in order; empty where nothing stands out.

    Start with ReLU in hidden layers and nothing behind the last; where units die try LeakyReLU, PReLU, ELU or Maxout;
    where values have to be bounded take Tanh rather than Sigmoid. `loss` is looked at together with the last layer.
    """
    layers = list(_leaves(model))
    has_weights = [isinstance(vars(layer).get("out_features"), int) for layer in layers]
    last = max((i for i, has in enumerate(has_weights) if has), default=-1)
    found: list[str] = []
    hidden = layers[:last] if last >= 0 else []
    n_sigmoids = sum(isinstance(layer, (Sigmoid, Softmax, LogSoftmax)) for layer in hidden)
    if n_sigmoids >= MANY:
        found.append(
            f"{n_sigmoids} hidden layers of Sigmoid or Softmax: gradients fall by a factor of 1/4 or more at each; "
            "use ReLU, or Tanh where values have to be bounded."
        )
    if any(isinstance(layer, Step) and not layer.straight_through for layer in hidden):
        found.append("Step in a hidden layer: its derivative is 0, so nothing before it learns; use straight_through.")
    if _is_linear_run(layers):
        found.append("Two layers of weights with no activation between them are one: put an activation between.")
    if last >= 0:
        found += _about_the_end(layers[last + 1 :])
    if any(isinstance(layer, Dropout) for layer in layers) and any(isinstance(layer, SELU) for layer in layers):
        found.append("Dropout with SELU: its mean and variance are lost; use AlphaDropout.")
    problem = None if loss is None else pairing_problem(model, loss)
    return found if problem is None else [*found, f"{problem}."]


def _leaves(model: Module) -> Iterator[Module]:
    """The layers in order, without what only holds others; one used twice comes twice."""
    if model._is_one_layer or not model._modules:
        yield model
        return
    for inner in model._modules.values():
        if inner is not None:
            yield from _leaves(inner)


def _is_linear_run(layers: list[Module]) -> bool:
    """Whether two affine layers follow each other with nothing but identities and dropout between."""
    was_affine = False
    for layer in layers:
        if isinstance(layer, Affine):
            if was_affine:
                return True
            was_affine = True
        elif not isinstance(layer, (Identity, Dropout, AlphaDropout)):
            was_affine = False
    return False


def _about_the_end(behind: list[Module]) -> Iterator[str]:
    """What stands behind the last layer with weights."""
    for layer in behind:
        if isinstance(layer, (ReLU, RReLU)):
            yield f"{type(layer).__name__} on the output: it cannot be negative there, and may die; leave it out."
        elif isinstance(layer, (Dropout, AlphaDropout)):
            yield f"{type(layer).__name__} on the output: answers are left out, not hidden units; put it before."
        elif isinstance(layer, Activation) and layer.formula.saturates == "both" and layer.formula.zero_centred:
            low, high = layer.formula.range
            yield f"{type(layer).__name__} on the output: targets beyond {low:g} .. {high:g} cannot be reached."
