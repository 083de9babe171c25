"""State dicts: all parameters and buffers of a module by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forwardnet.errors import DTypeError, ShapeError
from forwardnet.nn.errors import StateDictError
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad

if TYPE_CHECKING:
    from forwardnet.nn.module import Module


class IncompatibleKeys(NamedTuple):
    """Names that a loaded state dict lacked, and names in it that the module does not know."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def entries(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every parameter and persistent buffer with its dotted name; a shared one under each of its names."""
    for path, owner in module.named_modules(prefix=prefix.rstrip("."), remove_duplicate=False):
        start = f"{path}." if path else ""
        for name, param in owner._parameters.items():
            if param is not None:
                yield start + name, param
        for name, buffer in owner._buffers.items():
            if buffer is not None and name not in owner._non_persistent:
                yield start + name, buffer


def state_of(module: Module, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
    """Name -> tensor, detached from any graph unless `keep_vars`, sharing memory with the module."""
    return {name: tensor if keep_vars else tensor.detach() for name, tensor in entries(module, prefix)}


def load_state(module: Module, state: Mapping[str, Any], *, strict: bool) -> IncompatibleKeys:
    """Copy `state` into `module` after everything in it was found to fit."""
    if not isinstance(state, Mapping):
        raise StateDictError(
            f"load_state_dict: got {type(state).__name__}, expected a mapping of names to tensors",
            hint="pass what state_dict() returned",
        )
    own = dict(entries(module))
    keys = IncompatibleKeys([n for n in own if n not in state], [n for n in state if n not in own])
    values = {name: _as_tensor(name, state[name]) for name in own if name in state}
    misfits = [
        f"{name} has shape {tuple(value.shape)}, expected {tuple(own[name].shape)}"
        for name, value in values.items()
        if tuple(value.shape) != tuple(own[name].shape)
    ]
    where = f"load_state_dict into {type(module).__name__}"
    problems = misfits.copy()
    if strict and keys.missing_keys:
        problems.append(f"missing {', '.join(keys.missing_keys)}")
    if strict and keys.unexpected_keys:
        problems.append(f"unexpected {', '.join(keys.unexpected_keys)}")
    if misfits:
        raise ShapeError(f"{where}: {'; '.join(problems)}", hint="build the network with the sizes it was saved with")
    if problems:
        raise StateDictError(
            f"{where}: {'; '.join(problems)}",
            hint="the names must be those of state_dict(), or pass strict=False to load what fits",
        )
    with no_grad():
        for name, value in values.items():
            own[name].copy_(value)
    return keys


def _as_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "bifu":
        raise DTypeError(f"load_state_dict: {name} is a {type(value).__name__}, expected a tensor or an array")
    return from_numpy(np.array(array))
