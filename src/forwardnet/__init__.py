"""Forwardnet: deep feedforward networks, from one neuron to a trained, validated, shippable model.

`import forwardnet as ff`. Tensors, automatic differentiation and layers have PyTorch's names and semantics.
"""

from __future__ import annotations

import importlib as _importlib
from typing import Any as _Any

from forwardnet import autograd as autograd
from forwardnet.dtypes import (
    DType as DType,
    bool_ as bool,  # noqa: F401
    can_cast as can_cast,
    finfo as finfo,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    get_default_dtype as get_default_dtype,
    iinfo as iinfo,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    promote_types as promote_types,
    set_default_dtype as set_default_dtype,
    uint8 as uint8,
)
from forwardnet.jit import jit as jit
from forwardnet.tensor import (
    Device as device,  # noqa: F401, N813
    Size as Size,
    Tensor as Tensor,
)
from forwardnet.tensor.conversion import cuda as cuda
from forwardnet.tensor.functional import *  # noqa: F403

__version__ = "0.1.0"

dtype = DType
float = float32
double = float64
half = float16
int = int32
long = int64
short = int16

# Packages and classes imported when they are first used, so that `import forwardnet` stays cheap.
_LATER = {
    "construct": "forwardnet.construct",
    "data": "forwardnet.data",
    "datasets": "forwardnet.data.datasets",
    "estimators": "forwardnet.estimators",
    "explain": "forwardnet.explain",
    "interop": "forwardnet.interop",
    "metrics": "forwardnet.train.metrics",
    "nn": "forwardnet.nn",
    "optim": "forwardnet.optim",
    "plot": "forwardnet.plot",
    "report": "forwardnet.report",
    "train": "forwardnet.train",
    "validate": "forwardnet.validate",
}
_LATER_NAMES = {
    **dict.fromkeys(
        (
            *("Callback", "CSVLogger", "Checkpoint", "EarlyStopping", "GradientMonitor", "LRMonitor", "Snapshot"),
            *("TensorBoard", "TrainingDivergedError"),
        ),
        "forwardnet.train",
    ),
    **dict.fromkeys(
        (
            *("LinearRegressor", "LogisticRegression", "MLPClassifier", "MLPRegressor", "Perceptron"),
            *("Autoencoder", "BaggedMLP", "BaggedMLPClassifier", "BaggedMLPRegressor", "SequenceForecaster"),
        ),
        "forwardnet.estimators",
    ),
    "History": "forwardnet.train",
    "Trainer": "forwardnet.train",
    "find_lr": "forwardnet.train.find_lr",
    "load": "forwardnet.interop",
    "save": "forwardnet.interop",
}


def __getattr__(name: str) -> _Any:
    if name in _LATER:
        found = _importlib.import_module(_LATER[name])
    elif name in _LATER_NAMES:
        found = getattr(_importlib.import_module(_LATER_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'forwardnet' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_LATER_NAMES})


del annotations  # the name of the future statement, not of the library
