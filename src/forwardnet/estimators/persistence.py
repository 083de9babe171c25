"""Fitted estimators as files: one safetensors file with the network, and beside it as JSON all that is around it.

The metadata of the file (`interop.load_model`) has under "estimator"

    class, parameters      the name of the estimator and what it was made with
    fitted                 what was learnt besides the weights: classes, scales, the encoder, the course of the loss
    left_out               parameters that JSON cannot hold, such as functions; predictions do not need them
    memory                 what the optimiser remembers; its arrays lie beside the weights

Nothing is unpickled, and nothing in a file is trusted: the class comes from a list, the parameters are checked as those
of a caller, and the network must take as many inputs as are read and give as many outputs as are expected.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables import stored
from forwardnet.data.tables.encoder import TableEncoder
from forwardnet.errors import ArgumentError, FileFormatError, ForwardnetError
from forwardnet.estimators.base import NetworkEstimator
from forwardnet.estimators.classifier import MLPClassifier
from forwardnet.estimators.diagnosis import Diagnosis, Finding
from forwardnet.estimators.linear import Linear, LinearRegressor, LogisticRegression, Perceptron
from forwardnet.estimators.regressor import MLPRegressor
from forwardnet.estimators.rows import Reader
from forwardnet.estimators.scaling import Scaling
from forwardnet.interop import load_extra, load_model, save as save_model
from forwardnet.tensor import Tensor
from forwardnet.train.program import forward
from forwardnet.train.resume import _packed, _unpacked, _with_tensors

Array = NDArray[Any]

FORMAT = 1
CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (MLPClassifier, MLPRegressor, LogisticRegression, LinearRegressor, Perceptron)
}
# Estimators that describe themselves: the module whose `restored` makes them again.
OTHERS = {
    "Autoencoder": "autoencoder_file",
    "BaggedMLPClassifier": "bagging_file",
    "BaggedMLPRegressor": "bagging_file",
    "SequenceForecaster": "forecaster_file",
}
# What is learnt besides the weights, and what it may be in a file.
FITTED: dict[str, type[Any] | tuple[type[Any], ...]] = {
    "n_features_in_": int,
    "feature_names_in_": np.ndarray,
    "classes_": np.ndarray,
    "n_iter_": int,
    "t_": int,
    "n_layers_": int,
    "n_outputs_": int,
    "out_activation_": str,
    "loss_": float,
    "loss_curve_": list,
    "best_loss_": (float, type(None)),
    "validation_scores_": (list, type(None)),
    "best_validation_score_": (float, type(None)),
    "temperature_": float,
    "_is_multilabel": bool,
    "_is_flat": bool,
    "_is_short": bool,
    "_targets_per_row": int,
    "_clamps": bool,
    "_range": tuple,
}
ARRAYS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


def save(estimator: Any, path: str | os.PathLike[str], *, optimizer: bool = True) -> None:
    """Write a fitted estimator, with what its optimiser remembers; the file appears whole or not at all.

    Raises:
        ArgumentError: it is not fitted, or has a network or classes that cannot be written down.
    """
    network = estimator.network_estimator_ if isinstance(estimator, Linear) else estimator
    name = type(estimator).__name__
    if "network_" not in vars(network):
        raise ArgumentError(f"{name}.save: nothing has been learnt yet", hint="call fit first")
    if name not in CLASSES:
        raise ArgumentError(f"save: {name} is none of {', '.join(CLASSES)}")
    description = described(estimator)
    arrays: dict[str, Array] = {}
    can_go_on = hasattr(network, "partial_fit") and network is estimator and network.preset is None
    memory = network._remembered() if optimizer and can_go_on else None
    if memory is not None:
        description["memory"] = _packed(memory, arrays, Path(path))
    save_model(network.network_, path, metadata={"estimator": description}, extra=arrays)


def described(estimator: Any) -> dict[str, Any]:
    """What a file says about a fitted estimator besides the weights of its network."""
    parameters, left_out = _parameters(estimator)
    network = estimator.network_estimator_ if isinstance(estimator, Linear) else estimator
    return {
        "format": FORMAT,
        "class": type(estimator).__name__,
        "parameters": parameters,
        "left_out": left_out,
        "fitted": _fitted(network),
    }


def load(path: str | os.PathLike[str]) -> Any:
    """The estimator in `path`; its predictions have the same bits as those of the one that was saved.

    `partial_fit` goes on with what its optimiser remembered, where that was saved.

    Raises:
        MissingFileError: it does not exist; a `FileFormatError` and a `FileNotFoundError`.
        FileFormatError: the file is damaged, or holds no estimator.
    """
    where = os.fspath(path)
    model, metadata = load_model(path)
    if "estimator" not in metadata:
        raise FileFormatError(f"{where!r} holds a model, but no estimator", hint="ff.load(path) gives the model")
    place = f"{where!r}, estimator"
    description = stored.mapping(metadata["estimator"], place)
    stored.count(description, "format", place, least=FORMAT, most=FORMAT)
    name = stored.text(description, "class", place, (*CLASSES, *OTHERS))
    if name in OTHERS:
        return importlib.import_module(f"forwardnet.estimators.{OTHERS[name]}").restored(model, description, place)
    return adopted(model, description, place, load_extra(path) if "memory" in description else {})


def adopted(model: Any, description: Mapping[str, Any], place: str, arrays: Mapping[str, Array] | None = None) -> Any:
    """The estimator that `described` wrote about, with `model` as its network; raises `FileFormatError`.

    `arrays` are those that the memory of its optimiser names.
    """
    made = _made(description, place)
    network = made._network() if isinstance(made, Linear) else made
    network.network_ = model
    try:
        _restore(network, stored.mapping(stored.field(description, "fitted", place), place), f"{place}, fitted")
        _check(network, place)
        if "memory" in description:
            network._memory = _memory(description["memory"], arrays or {})
        return made._adopt(network) if isinstance(made, Linear) else made
    except FileFormatError:
        raise
    except (ForwardnetError, TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError) as error:
        told = error.message if isinstance(error, ForwardnetError) else str(error)
        raise FileFormatError(f"{place}: it does not fit together: {told}") from error


def _memory(packed: Any, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """What `training.memory_of` told; whether it fits the optimiser is seen when there is one."""
    found = _with_tensors(_unpacked(packed, arrays))
    state, groups = found["optimizer"]["state"], found["optimizer"]["param_groups"]
    numbers = [value for own in state.values() for value in own.values()]
    if not all(isinstance(value, int | float | Tensor) for value in numbers) or not all(map(dict, groups)):
        raise ArgumentError("the memory of its optimiser is damaged")
    return {"optimizer": found["optimizer"], **{name: int(found[name]) for name in ("seed", "epochs", "steps")}}


# -- writing ------------------------------------------------------------------------------------------------------


def _parameters(estimator: Any) -> tuple[dict[str, Any], list[str]]:
    """The parameters that JSON can hold, and the names of the others."""
    found, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        try:
            found[name] = packed(value)
        except ArgumentError:
            left_out.append(name)
    return found, left_out


def _fitted(own: Any) -> dict[str, Any]:
    reader: Reader = own._reader
    return {
        **{name: packed(getattr(own, name)) for name in FITTED if hasattr(own, name)},
        "reader": {
            "type": np.dtype(reader.dtype).name,
            "encoder": None if reader.encoder is None else reader.encoder.to_dict(),
            "names": list(reader.names),
            "scaling": _of_scaling(reader.scaling),
        },
        "target_scaling": _of_scaling(own._target_scaling),
        "diagnosis": {
            "ending": own.diagnosis_.ending,
            "findings": [{"text": f.text, "change": packed(f.change)} for f in own.diagnosis_],
        },
    }


def _of_scaling(scaling: Scaling | None) -> Any:
    return None if scaling is None else {"shift": scaling.shift.tolist(), "factor": scaling.factor.tolist()}


def packed(value: Any) -> Any:
    """A value of Python or NumPy as JSON holds it; raises `ArgumentError` for anything else."""
    if isinstance(value, np.ndarray):
        values = value.reshape(-1).tolist()
        is_text = value.dtype.kind in "OU" and all(isinstance(item, str) for item in values)
        if not is_text and value.dtype.name not in ARRAYS:
            raise ArgumentError(f"save: an array of {value.dtype} cannot be written down")
        return {"array": [packed(v) for v in values], "type": _type(value), "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return packed(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, Mapping):
        return {"mapping": [[packed(k), packed(v)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [packed(v) for v in value]}
    if isinstance(value, list):
        return [packed(v) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ArgumentError(f"save: a {type(value).__name__} cannot be written down")


def _type(array: Array) -> str:
    return "object" if array.dtype.kind == "O" else "text" if array.dtype.kind == "U" else array.dtype.name


# -- reading ------------------------------------------------------------------------------------------------------


def _made(description: Mapping[str, Any], where: str) -> Any:
    """The estimator with its parameters, not fitted yet."""
    name = stored.text(description, "class", where, CLASSES)
    given = stored.mapping(stored.field(description, "parameters", where), f"{where}, parameters")
    known = CLASSES[name]._get_param_names()
    unknown = [key for key in given if key not in known]
    if unknown:
        raise FileFormatError(f"{where}: {name} has no parameter {unknown[0]!r}")
    return CLASSES[name](**{key: unpacked(value, f"{where}, parameters, {key}") for key, value in given.items()})


def _restore(own: NetworkEstimator, fitted: Mapping[str, Any], where: str) -> None:
    """Put what was learnt where it belongs."""
    for name, kind in FITTED.items():
        if name not in fitted:
            continue
        value = unpacked(fitted[name], f"{where}, {name}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise FileFormatError(f"{where}: {name!r} is a {type(value).__name__}")
        setattr(own, name, value)
    reader, place = stored.mapping(stored.field(fitted, "reader", where), where), f"{where}, reader"
    encoder = stored.field(reader, "encoder", place)
    own._reader = Reader(
        np.dtype(stored.text(reader, "type", place, ("float32", "float64"))),
        None if encoder is None else TableEncoder.from_dict(encoder),
        stored.texts(reader, "names", place, unique=True),
        _scaling(stored.field(reader, "scaling", place), place),
    )
    own._target_scaling = _scaling(stored.field(fitted, "target_scaling", where), where)
    diagnosis, place = stored.mapping(stored.field(fitted, "diagnosis", where), where), f"{where}, diagnosis"
    findings = [
        Finding(stored.text(f, "text", place), dict(unpacked(stored.field(f, "change", place), place)))
        for f in stored.records(diagnosis, "findings", place)
    ]
    own.diagnosis_ = Diagnosis(stored.text(diagnosis, "ending", place), tuple(findings))


def _scaling(value: Any, where: str) -> Scaling | None:
    if value is None:
        return None
    shift = stored.floats(value, "shift", where)
    return Scaling(shift, stored.floats(value, "factor", where, length=len(shift), positive=True))


def _check(own: Any, where: str) -> None:
    """Raise `FileFormatError` unless reader, network and answers fit together."""
    reader: Reader = own._reader
    width = own.n_features_in_ if reader.encoder is None else reader.encoder.layout.width
    if reader.scaling is not None and len(reader.scaling.shift) != width:
        raise FileFormatError(f"{where}: scales of {len(reader.scaling.shift)} features for {width}")
    output = forward(own.network_, np.zeros((1, width), reader.dtype))
    outputs = own._outputs()
    if output.shape != (1, outputs):
        raise FileFormatError(f"{where}: the network gives {output.shape[1:]} outputs, expected {outputs}")
    scaling = own._target_scaling
    if scaling is not None and len(scaling.shift) != own._targets_per_row:
        raise FileFormatError(f"{where}: scales of {len(scaling.shift)} targets for {own._targets_per_row}")
    if isinstance(own, MLPClassifier) and not own.temperature_ > 0:
        raise FileFormatError(f"{where}: the temperature is {own.temperature_}")


def unpacked(value: Any, where: str) -> Any:
    """What `packed` was given; raises `FileFormatError` for anything else."""
    if isinstance(value, list):
        return [unpacked(v, where) for v in value]
    if not isinstance(value, Mapping):
        return value
    if value.keys() == {"array", "type", "shape"}:
        return _array(value, where)
    if value.keys() == {"float"} and value["float"] in ("inf", "-inf", "nan"):
        return float(value["float"])
    if value.keys() == {"tuple"} and isinstance(value["tuple"], list):
        return tuple(unpacked(v, where) for v in value["tuple"])
    if value.keys() == {"mapping"} and isinstance(value["mapping"], list):
        pairs = [(unpacked(k, where), unpacked(v, where)) for k, v in value["mapping"]]
        return dict(pairs)
    raise FileFormatError(f"{where}: an object with the fields {', '.join(map(str, value))} means nothing here")


def _array(value: Mapping[str, Any], where: str) -> Array:
    name = stored.text(value, "type", where, (*ARRAYS, "object", "text"))
    items = [unpacked(v, where) for v in stored.field(value, "array", where)]
    kinds = {"object": str, "text": str, "bool": bool}.get(name, int if "int" in name else (int, float))
    if not all(isinstance(item, kinds) for item in items):
        raise FileFormatError(f"{where}: values that are no {name}")
    shape = [int(size) for size in stored.floats(value, "shape", where)]
    try:
        array = np.array(items, dtype={"object": object, "text": str}.get(name, name))
        return array.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise FileFormatError(f"{where}: {error}") from error
