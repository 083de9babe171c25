"""Cells: the places outside a function that it reads and may change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from forwardnet.ir.graph import Node, Spec
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor
from forwardnet.tensor.tape import new_tensor

FLOAT64 = np.dtype(np.float64)


class Cell(Protocol):
    """A place that a step reads, and may change."""

    def spec(self) -> Spec: ...

    def read(self) -> np.ndarray[Any, Any]:
        """The present value."""
        ...

    def write(self, value: np.ndarray[Any, Any]) -> None:
        """Put a value there."""
        ...

    def swap(self, value: Any) -> Any:
        """Put a node (or what was there before) there; returns what was there."""
        ...

    def held(self) -> Any:
        """What is there now: an array, a number or a node."""
        ...


class TensorCell:
    """The elements of a tensor."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def spec(self) -> Spec:
        return self.tensor.spec

    def read(self) -> np.ndarray[Any, Any]:
        return np.asarray(self.tensor._data)

    def write(self, value: np.ndarray[Any, Any]) -> None:
        self.tensor._data[...] = value
        self.tensor._counter.count += 1

    def swap(self, value: Any) -> Any:
        before, self.tensor._data = self.tensor._data, value
        return before

    def held(self) -> Any:
        return self.tensor._data


class ItemCell:
    """A number or a tensor in a dictionary: a learning rate, a count of steps, a moment of an optimiser."""

    def __init__(self, owner: dict[str, Any], key: str) -> None:
        self.owner, self.key = owner, key

    def spec(self) -> Spec:
        value = self.owner[self.key]
        return value.spec if isinstance(value, Tensor) else Spec((), FLOAT64)

    def read(self) -> np.ndarray[Any, Any]:
        value = self.owner[self.key]
        return np.asarray(value._data if isinstance(value, Tensor) else value)

    def write(self, value: np.ndarray[Any, Any]) -> None:
        present = self.owner[self.key]
        if isinstance(present, Tensor):
            present._data[...] = value
            present._counter.count += 1
        else:
            self.owner[self.key] = type(present)(value.item())

    def swap(self, value: Any) -> Any:
        before = self.owner[self.key]
        self.owner[self.key] = new_tensor(value) if isinstance(value, Node) else value
        return before

    def held(self) -> Any:
        value = self.owner[self.key]
        return value._data if isinstance(value, Tensor) else value


def begin(optimizer: Any) -> None:
    """Give every parameter the state that its first step would give it."""
    start = getattr(optimizer, "begin", None)
    if start is None:
        raise CannotLower(f"the optimiser {type(optimizer).__name__}, which has no rule")
    start()


def cells_of(owners: Iterable[Any]) -> list[Cell]:
    """The cells of models (parameters, buffers), optimisers (states, learning rates) and tensors, each once."""
    owners = list(owners)
    tensors: dict[int, Tensor] = {}
    optimizers = [o for o in owners if hasattr(o, "param_groups")]
    for owner in owners:
        if isinstance(owner, Tensor):
            tensors.setdefault(id(owner), owner)
        elif hasattr(owner, "parameters"):
            for tensor in (*owner.parameters(), *owner.buffers()):
                tensors.setdefault(id(tensor), tensor)
    cells: list[Cell] = []
    for group in (g for o in optimizers for g in o.param_groups):
        for parameter in group["params"]:
            tensors.setdefault(id(parameter), parameter)
        cells.append(ItemCell(group, "lr"))
    cells.extend(TensorCell(tensor) for tensor in tensors.values())
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                state = optimizer.state.get(parameter, {})
                cells.extend(ItemCell(state, key) for key in state)
    return cells


def settings_of(owners: Iterable[Any]) -> list[Any]:
    """What is constant in a program made for these owners: modes of models, numbers of groups but the rate."""
    found: list[Any] = []
    for owner in owners:
        if hasattr(owner, "param_groups"):
            found += [{k: v for k, v in group.items() if k not in ("params", "lr")} for group in owner.param_groups]
        elif hasattr(owner, "training"):
            found.append(owner.training)
    return found


def mark_of(cell: Cell) -> Any:
    """What changes when somebody writes to a cell."""
    if isinstance(cell, TensorCell):
        return id(cell.tensor._data), cell.tensor._counter.count
    assert isinstance(cell, ItemCell)
    value = cell.owner[cell.key]
    return (id(value._data), value._counter.count) if isinstance(value, Tensor) else value
