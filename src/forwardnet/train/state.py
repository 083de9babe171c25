"""Copies of what training changes, to go back to: weights, buffers, and the state of the optimiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.tensor import Tensor

if TYPE_CHECKING:
    from forwardnet.nn import Module


@dataclass(frozen=True)
class Snapshot:
    """A copy of a model's parameters and buffers, and of an optimiser's state when one is given."""

    weights: dict[str, NDArray[Any]]
    optimizer: Any = None

    @classmethod
    def of(cls, model: Module, optimizer: Any = None) -> Snapshot:
        """The state as it is now; later training does not change the copy."""
        weights = {name: np.array(t.numpy()) for name, t in model.state_dict().items()}
        return cls(weights, None if optimizer is None else _copy(optimizer.state_dict()))

    def restore(self, model: Module, optimizer: Any = None) -> None:
        """Write the copied values back, in place."""
        model.load_state_dict(self.weights)
        if optimizer is not None and self.optimizer is not None:
            optimizer.load_state_dict(_copy(self.optimizer))


def _copy(value: Any) -> Any:
    """A copy that shares no memory with `value`: a tree of dicts, lists and tensors."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copy(item) for item in value)
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    return value
