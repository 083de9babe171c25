"""Networks of the estimators: from sizes and names of activations to a chain of layers, with scikit-learn's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet import errors, nn
from forwardnet.nn.activations import ACTIVATIONS
from forwardnet.nn.init import INITIALIZERS
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad
from forwardnet.tensor.random import Generator, drawing_from

# scikit-learn's names of what is called otherwise in `nn`.
NAMES = {"logistic": "sigmoid", "swish": "silu"}


def activation_layer(name: Any) -> nn.Module:
    """The layer for the name of an activation; raises `UnknownNameError`."""
    found = ACTIVATIONS.get(NAMES.get(name, name)) if isinstance(name, str) else None
    if found is None:
        raise errors.unknown_name("activation", name, [*ACTIVATIONS, *NAMES])
    return found()


def per_layer(value: Any, count: int, name: str) -> list[Any]:
    """One value for each of `count` hidden layers, from one for all of them or a sequence."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise errors.ArgumentError(f"{name} has {len(value)} values, expected one for each of {count} hidden layers")
    return list(value)


def build(
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    *,
    activation: Any,
    dropout: Any = 0.0,
    batch_norm: bool = False,
    layer_norm: bool = False,
    input_noise: float = 0.0,
    residual: bool = False,
) -> nn.Sequential:
    """Linear, (norm), activation, (dropout) for each hidden layer, then Linear.

    With `residual` a hidden layer that is as wide as the one before it learns what is to be added to its input.
    """
    activations = per_layer(activation, len(hidden), "activation")
    drops = per_layer(dropout, len(hidden), "dropout")
    layers: list[nn.Module] = [nn.GaussianNoise(input_noise)] if input_noise else []
    width = inputs
    with drawing_from(Generator()):  # the weights are drawn below; a user's random numbers must not shift
        for size, name, drop in zip(hidden, activations, drops, strict=True):
            block: list[nn.Module] = [nn.Linear(width, size)]
            block += [nn.BatchNorm1d(size)] if batch_norm else []
            block += [nn.LayerNorm(size)] if layer_norm else []
            block += [] if name == "identity" else [activation_layer(name)]
            block += [nn.Dropout(drop)] if drop else []
            layers += [nn.Residual(*block)] if residual and size == width else block
            width = size
        layers.append(nn.Linear(width, outputs))
    return nn.Sequential(*layers)


def dense_layers(model: nn.Module) -> list[nn.Linear]:
    """The dense layers, from the inputs to the outputs."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def is_chain(model: nn.Module) -> bool:
    """Whether the model is dense layers and activations alone, so that its weights are all there is to it."""
    plain = (nn.Sequential, nn.Linear, nn.Dropout, nn.GaussianNoise, *ACTIVATIONS.values())
    return all(type(module) in plain for module in model.modules()) and not any(
        not isinstance(module, nn.Linear) and module._parameters for module in model.modules()
    )


def draw_weights(model: nn.Module, activation: Any, random: np.random.RandomState, init: str | None) -> None:
    """Draw the weights of the dense layers, by default as scikit-learn draws them.

    That is W (in, out), then b, uniform in +-sqrt(f / (in + out)), f = 2 for the logistic function and 6 else: for each
    layer from the first to the last, in double precision (Glorot & Bengio 2010). Any other `init` is one of `nn.init`
    for the weights; biases are then 0.
    """
    if init is not None and init not in INITIALIZERS:
        raise errors.unknown_name("init", init, INITIALIZERS)
    factor = 2.0 if activation == "logistic" else 6.0
    with no_grad():
        if init is None:
            for layer in dense_layers(model):
                bound = np.sqrt(factor / (layer.in_features + layer.out_features))
                weight = random.uniform(-bound, bound, (layer.in_features, layer.out_features))
                set_layer(layer, weight, random.uniform(-bound, bound, layer.out_features))
            return
        with drawing_from(Generator(int(random.randint(2**31)))):
            for layer in dense_layers(model):
                INITIALIZERS[init](layer.weight)
                if layer.bias is not None:
                    layer.bias.zero_()


def set_layer(layer: nn.Linear, weight: Any, bias: Any) -> None:
    """Put weights (in, out) and biases into a layer, in the type that it has."""
    with no_grad():
        for parameter, values in ((layer.weight, np.asarray(weight).T), (layer.bias, np.asarray(bias))):
            if parameter is not None:
                held = parameter.detach().numpy()
                parameter.copy_(from_numpy(np.ascontiguousarray(values, held.dtype)))


def weights_of(model: nn.Module) -> list[Any]:
    """The matrices that scikit-learn's alpha means: those of the dense layers."""
    return [layer.weight for layer in dense_layers(model)]


def folded(own: Any, attribute: str) -> tuple[list[Any], list[Any]]:
    """Weights (in, out) and biases of the dense layers of an estimator's network, in the units of its data.

    Raises `AttributeError` for an estimator that is not fitted, or a network that is no chain of dense layers.
    """
    name = type(own).__name__
    if "network_" not in vars(own):
        raise AttributeError(f"{name} has no {attribute} before it is fitted")
    if not is_chain(own.network_):
        raise AttributeError(f"{name}: the network is no chain of dense layers, which {attribute} would describe")
    layers = dense_layers(own.network_)
    weights = [layer.weight.detach().numpy().T for layer in layers]
    biases = [layer.bias.detach().numpy() for layer in layers if layer.bias is not None]
    if own._reader.scaling is not None:
        weights[0], biases[0] = own._reader.scaling.fold_in(weights[0].astype(np.float64), biases[0])
    if own._target_scaling is not None:
        weights[-1], biases[-1] = own._target_scaling.fold_out(weights[-1].astype(np.float64), biases[-1])
    return weights, biases


def replace(own: Any, weights: Sequence[Any], biases: Sequence[Any]) -> None:
    """Put other weights, in the units of the data, into the network of an estimator."""
    layers = dense_layers(own.network_)
    weights, biases = list(weights), list(biases)
    if len(weights) != len(layers) or len(biases) != len(layers):
        raise errors.ShapeError(f"{len(weights)} weights and {len(biases)} biases for {len(layers)} layers")
    if own._reader.scaling is not None:
        weights[0], biases[0] = own._reader.scaling.unfold_in(np.asarray(weights[0]), np.asarray(biases[0]))
    if own._target_scaling is not None:
        weights[-1], biases[-1] = own._target_scaling.unfold_out(np.asarray(weights[-1]), np.asarray(biases[-1]))
    for layer, weight, bias in zip(layers, weights, biases, strict=True):
        if np.shape(weight) != (layer.in_features, layer.out_features) or np.shape(bias) != (layer.out_features,):
            raise errors.ShapeError(
                f"weights of shape {np.shape(weight)} and biases of shape {np.shape(bias)}, "
                f"expected ({layer.in_features}, {layer.out_features}) and ({layer.out_features},)"
            )
        set_layer(layer, weight, bias)
