"""Forwardnet: deep feedforward networks, from one neuron to a trained, validated, shippable model.

`import forwardnet as ff`. Tensors, automatic differentiation and layers have PyTorch's names and semantics.
"""

from __future__ import annotations

import importlib as _importlib
from typing import Any as _Any

from forwardnet import autograd
from forwardnet.dtypes import (
    DType,
    can_cast,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from forwardnet.dtypes import bool_ as bool
from forwardnet.tensor import Device as device
from forwardnet.tensor import Size, Tensor
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
    "data": "forwardnet.data",
    "datasets": "forwardnet.data.datasets",
    "interop": "forwardnet.interop",
    "metrics": "forwardnet.train.metrics",
    "nn": "forwardnet.nn",
    "optim": "forwardnet.optim",
    "plot": "forwardnet.plot",
    "report": "forwardnet.report",
    "train": "forwardnet.train",
}
_LATER_NAMES = {
    "History": "forwardnet.train",
    "Trainer": "forwardnet.train",
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
