"""An autoencoder in one safetensors file: its network as weights, parameters and scales as JSON beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import nn
from forwardnet.data.scaling import Standardizer
from forwardnet.errors import ArgumentError
from forwardnet.estimators.rebuilding import rebuilt
from forwardnet.interop import save as save_model
from forwardnet.train.program import forward

if TYPE_CHECKING:
    from forwardnet.estimators.autoencoder import Autoencoder

FORMAT = 1


def save(autoencoder: Autoencoder, path: str | os.PathLike[str]) -> None:
    """Write a fitted autoencoder; the file appears whole or not at all."""
    names = getattr(autoencoder, "feature_names_in_", None)
    fitted = {
        "scaler": autoencoder.scaler_.to_dict(),
        "loss_curve": autoencoder.loss_curve_,
        "names": None if names is None else [str(name) for name in names],
    }
    parameters = {**autoencoder.get_params(), "hidden": list(autoencoder.hidden)}
    description = {"format": FORMAT, "class": type(autoencoder).__name__, "parameters": parameters, "fitted": fitted}
    save_model(autoencoder.network_, path, metadata={"estimator": description})


def restored(model: nn.Module, description: Mapping[str, Any], where: str) -> Autoencoder:
    """The autoencoder of which a file holds the network and the description.

    Raises:
        FileFormatError: they are damaged, or do not fit together.
    """
    return rebuilt(_made, model, description, where, "autoencoder")


def _made(model: nn.Module, parameters: Any, values: Any) -> Autoencoder:
    from forwardnet.estimators.autoencoder import Autoencoder

    made = Autoencoder(**{**parameters, "hidden": tuple(parameters["hidden"])})
    made._check()
    made.scaler_ = Standardizer.from_dict(values["scaler"])
    assert made.scaler_.mean is not None
    made.n_features_in_ = width = len(made.scaler_.mean)
    made.loss_curve_ = [float(loss) for loss in values["loss_curve"]]
    made.n_iter_ = len(made.loss_curve_)
    if values["names"] is not None:
        if len(values["names"]) != width:
            raise ArgumentError(f"{len(values['names'])} names for {width} features")
        made.feature_names_in_ = np.array([str(name) for name in values["names"]], object)
    if not isinstance(model, nn.Sequential) or len(model) != 2:
        raise ArgumentError("expected a network of encoder and decoder")
    made.network_ = model
    codes = forward(model[0], np.zeros((1, width), np.float32))
    if codes.shape != (1, made.n_components) or forward(model[1], codes).shape != (1, width):
        raise ArgumentError(f"the network does not lead from {width} features to {made.n_components} units and back")
    return made
