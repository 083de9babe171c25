"""Conversions of a tensor to other number types, and the device it is on."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import DTypeError
from forwardnet.ops.record import REGISTRY
from forwardnet.tensor import create, tape

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

_TYPED: dict[Any, str] = {
    create.FloatTensor: "float32",
    create.DoubleTensor: "float64",
    create.LongTensor: "int64",
    create.IntTensor: "int32",
    create.BoolTensor: "bool",
}


class Device:
    """Where tensors live: the CPU."""

    type = "cpu"
    index = None

    def __init__(self, name: Any = "cpu") -> None:
        create.check_device(name)

    def __eq__(self, other: object) -> bool:
        return str(other) == "cpu"

    def __hash__(self) -> int:
        return hash("cpu")

    def __str__(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"


class Conversions:
    """`to`, `type` and the short forms `float`, `double`, `long`, ..."""

    _data: Any

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: builtins.bool = False) -> Any:
        """What NumPy's functions make of this tensor as a tensor; arrays of types that tensors do not have stay."""
        array = np.asarray(array)
        try:
            return create.from_numpy(array.copy() if any(step < 0 for step in array.strides) else array)
        except DTypeError:
            return array

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: builtins.bool = False) -> Tensor:
        """As another type: `x.to(ff.float64)`, `x.to("cpu")`, `x.to(other)`; the tensor itself if nothing changes."""
        for arg in args:
            if tape.is_tensor(arg):
                dtype = arg.dtype
            elif isinstance(arg, (Device, str)) and str(arg).split(":")[0] in ("cpu", "cuda", "mps", "meta"):
                device = arg
            elif not isinstance(arg, builtins.bool):
                dtype = arg
        create.check_device(device)
        wanted = self._data.dtype if dtype is None else dtypes.as_numpy(dtype)
        if wanted == self._data.dtype:
            me = cast("Tensor", self)
            return me.clone() if copy else me
        return REGISTRY["cast"](self, dtype=wanted)

    def type(self, dtype: Any = None) -> Any:
        """As another type; without one, the name of the type."""
        if dtype is None:
            names = {"float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int"}
            name = self._data.dtype.name
            return f"forwardnet.{names.get(name, name.capitalize())}Tensor"
        if isinstance(dtype, str) and dtype.startswith("forwardnet.") and dtype.endswith("Tensor"):
            dtype = getattr(create, dtype.removeprefix("forwardnet."))
        return self.to(dtype=_TYPED[dtype] if callable(dtype) and dtype in _TYPED else dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """As the type of `other`."""
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        """The tensor itself: it is on the CPU."""
        return self.to("cpu")

    def double(self) -> Tensor:
        """As float64."""
        return self.to(dtype=dtypes.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(dtype=dtypes.float16)

    def short(self) -> Tensor:
        """As int16."""
        return self.to(dtype=dtypes.int16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(dtype=dtypes.int64)

    # The names of builtin types come last: below them the builtins are hidden.

    def float(self) -> Tensor:
        """As float32."""
        return self.to(dtype=dtypes.float32)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(dtype=dtypes.int32)

    def bool(self) -> Tensor:
        """As bool."""
        return self.to(dtype=dtypes.bool_)


class cuda:  # noqa: N801 - stands for the module users ask
    """What programs ask before they choose a device: there is no GPU backend."""

    @staticmethod
    def is_available() -> builtins.bool:
        """Whether tensors can live on a GPU: no."""
        return False

    @staticmethod
    def device_count() -> builtins.int:
        """How many GPUs there are: 0."""
        return 0
