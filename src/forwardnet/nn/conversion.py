"""Changing the number type of everything a module holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, DTypeError
from forwardnet.tensor import Tensor

if TYPE_CHECKING:
    from forwardnet.nn.module import Module

M = TypeVar("M", bound="Module")


def convert(module: M, dtype: Any) -> M:
    """Give every floating parameter and buffer of `module` the floating type `dtype`, in place.

    Parameters stay the same objects, so that an optimiser that holds them goes on working.
    """
    for param in module.parameters():
        if param.is_floating_point() and (param.dtype != dtype or param.grad is not None):
            param.data = param.data.to(dtype)
            if param.grad is not None:
                param.grad = param.grad.detach().to(dtype)
    for owner in module.modules():
        for name, buffer in owner._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                owner._place("_buffers", name, buffer.to(dtype))
    return module


def wanted_dtype(
    *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, copy: bool = False
) -> Any:
    """The type asked for by the arguments of `Module.to`, or None where only a device is named.

    Raises:
        DTypeError: the type is not floating.
        ArgumentError: the device is not the CPU.
    """
    for arg in args:
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, dtypes.DType):
            dtype = arg
        elif not isinstance(arg, bool):  # PyTorch allows a positional non_blocking
            device = arg
    if device is not None and not str(device).startswith("cpu"):
        raise ArgumentError(f"Module.to: device {str(device)!r} is not available", hint='the only device is "cpu"')
    if dtype is not None and not dtypes.face(dtypes.as_numpy(dtype)).is_floating_point:
        raise DTypeError(
            f"Module.to: dtype is {dtype}, expected a floating type",
            hint="use forwardnet.float32 or forwardnet.float64",
        )
    return dtype
