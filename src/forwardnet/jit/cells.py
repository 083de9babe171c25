"""Cells: the places outside a function that it reads and may change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from forwardnet.autodiff.reverse import OpenVersion
from forwardnet.ir.graph import Node, Spec
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor
from forwardnet.tensor.random import Generator, default_generator
from forwardnet.tensor.tape import new_tensor

FLOAT64, INT64 = np.dtype(np.float64), np.dtype(np.int64)


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
    """A number or a tensor in a dictionary: a learning rate, a count of steps, a moment of an optimiser.

    A number that is the same in several dictionaries, as the count of steps is for all parameters, is one cell.
    """

    def __init__(self, owner: dict[str, Any], key: str) -> None:
        self.owners, self.key = [owner], key
        self.placed: Any = None

    def get(self, owner: dict[str, Any]) -> Any:
        """What a dictionary holds there."""
        return owner[self.key]

    def put(self, owner: dict[str, Any], value: Any) -> None:
        """Put a value there."""
        owner[self.key] = value

    @property
    def value(self) -> Any:
        """What the dictionaries hold."""
        return self.get(self.owners[0])

    def spec(self) -> Spec:
        return self.value.spec if isinstance(self.value, Tensor) else Spec((), FLOAT64)

    def read(self) -> np.ndarray[Any, Any]:
        value = self.value
        return np.asarray(value._data if isinstance(value, Tensor) else value)

    def write(self, value: np.ndarray[Any, Any]) -> None:
        present = self.value
        if isinstance(present, Tensor):
            present._data[...] = value
            present._counter.count += 1
        else:
            for owner in self.owners:
                self.put(owner, type(present)(value.item()))

    def swap(self, value: Any) -> Any:
        before = self.value
        self.placed = value
        for owner in self.owners:
            self.put(owner, new_tensor(value) if isinstance(value, Node) else value)
        return before

    def held(self) -> Any:
        values = [self.get(owner) for owner in self.owners]
        found = [v._data if isinstance(v, Tensor) else v for v in values]
        if isinstance(self.placed, Node) and len({node is self.placed for node in found}) > 1:
            raise UnevenError("a number that only some parameters change")
        return found[0]


class FirstCell(ItemCell):
    """The first of several numbers under one name: of the two betas, that which schedules change."""

    def get(self, owner: dict[str, Any]) -> Any:
        return owner[self.key][0]

    def put(self, owner: dict[str, Any], value: Any) -> None:
        owner[self.key] = (value, *owner[self.key][1:])


class GeneratorCell:
    """A number of the generator that functions draw from: its seed, its stream, or its position."""

    def __init__(self, key: str) -> None:
        self.key = key

    def spec(self) -> Spec:
        return Spec((), INT64)

    def read(self) -> np.ndarray[Any, Any]:
        return np.array(int(self.held()) % 2**64, np.uint64).view(np.int64)

    def write(self, value: np.ndarray[Any, Any]) -> None:
        setattr(default_generator(), self.key, int(value.view(np.uint64).item()))

    def swap(self, value: Any) -> Any:
        before = self.held()
        setattr(default_generator(), self.key, value)
        return before

    def held(self) -> Any:
        return getattr(default_generator(), self.key)


def generator_cells() -> list[Cell]:
    """The cells of the generator that this thread draws from; none if only Python knows its algorithm."""
    if type(default_generator()) is not Generator:
        return []
    return [GeneratorCell(key) for key in ("seed", "stream", "position")]


class UnevenError(CannotLower):
    """Equal numbers that were taken for one turned out to change apart; the cells must be made without sharing."""


def begin(optimizer: Any) -> None:
    """Give every parameter the state that its first step would give it."""
    start = getattr(optimizer, "begin", None)
    if start is None or getattr(type(optimizer), "rule", start) is None:
        raise CannotLower(f"the optimiser {type(optimizer).__name__}, which has no rule")
    start()


def cells_of(owners: Iterable[Any], *, share: bool = True) -> list[Cell]:
    """The cells of models (parameters, buffers), optimisers (states, learning rates) and tensors, each once.

    The generator's come first. With `share`, equal numbers of an optimiser's state are one cell.
    """
    owners = list(owners)
    tensors: dict[int, Tensor] = {}
    optimizers = [o for o in owners if hasattr(o, "param_groups")]
    for owner in owners:
        if isinstance(owner, Tensor):
            tensors.setdefault(id(owner), owner)
        elif hasattr(owner, "parameters"):
            for tensor in (*owner.parameters(), *owner.buffers()):
                tensors.setdefault(id(tensor), tensor)
    cells = generator_cells()
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                tensors.setdefault(id(parameter), parameter)
            cells += [ItemCell(group, "lr"), *moving_cells(optimizer, group)]
    cells.extend(TensorCell(tensor) for tensor in tensors.values())
    for optimizer in optimizers:
        cells.extend(_state_cells(optimizer, share))
    return cells


def moving_cells(optimizer: Any, group: dict[str, Any]) -> list[ItemCell]:
    """The cells of the numbers of a group, besides the rate, that schedules change.

    One that is 0 is a constant: rules leave out what it would multiply.
    """
    found = [key for key in getattr(optimizer, "moving", ()) if key in group]
    cells = [(FirstCell if isinstance(group[key], tuple) else ItemCell)(group, key) for key in found]
    return [cell for cell in cells if type(cell.value) in (int, float) and cell.value != 0]


def _state_cells(optimizer: Any, share: bool) -> list[Cell]:
    """The cells of what an optimiser remembers; equal numbers under one name share a cell."""
    cells: list[Cell] = []
    shared: dict[tuple[str, Any], ItemCell] = {}
    for parameter in (p for group in optimizer.param_groups for p in group["params"] if p.requires_grad):
        state = optimizer.state.get(parameter, {})
        for key, value in state.items():
            if isinstance(value, Tensor):
                cells.append(ItemCell(state, key))
            elif share and (key, value) in shared:
                shared[key, value].owners.append(state)
            else:
                shared[key, value] = ItemCell(state, key)
                cells.append(shared[key, value])
    return cells


def settings_of(owners: Iterable[Any], *, modes: bool = True) -> list[Any]:
    """What is constant in a program made for these owners: attributes of modules, numbers of groups that are no cells.

    Without `modes` it makes no difference whether a module trains or is evaluated.
    """
    found: list[Any] = []
    for owner in owners:
        if hasattr(owner, "param_groups"):
            found += [_constants(owner, group) for group in owner.param_groups]
        elif hasattr(owner, "modules"):
            found += [_attributes(module, modes) for module in owner.modules()]
    return found


def _constants(optimizer: Any, group: dict[str, Any]) -> dict[str, Any]:
    constants = {key: value for key, value in group.items() if key not in ("params", "lr")}
    for cell in moving_cells(optimizer, group):
        cell.put(constants, None)
    return constants


def _attributes(module: Any, modes: bool) -> list[Any]:
    """The numbers, names and switches that a module holds, in their own types."""
    plain = ((k, v) for k, v in vars(module).items() if k[0] != "_" and type(v) in (bool, int, float, str, tuple))
    return [(k, repr(v)) for k, v in plain if modes or k != "training"]


def mark_of(cell: Cell) -> Any:
    """What changes when somebody writes to a cell."""
    if isinstance(cell, TensorCell):
        return mark_of_tensor(cell.tensor)
    if isinstance(cell, GeneratorCell):
        return cell.held()
    assert isinstance(cell, ItemCell)
    value = cell.value
    return mark_of_tensor(value) if isinstance(value, Tensor) else (type(value), repr(value))


def mark_of_tensor(tensor: Tensor) -> Any:
    """What changes when somebody writes to a tensor: its count of writes, or the numbers, where not all are counted."""
    data = tensor._data
    place = (id(data), tensor._counter.count)
    return (*place, data.tobytes()) if isinstance(tensor._counter, OpenVersion) else place
