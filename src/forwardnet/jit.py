"""Joins tensors and the compiler: a Python function of tensors becomes a graph, and the graph a native program.

A function is traced by calling it once with tensors that hold nodes instead of numbers. What it changes outside itself
(parameters, moments, a step count) is named beforehand as cells; a cell that holds another node afterwards is a state
of the program, carried from step to step. The function is called twice, and refused unless both calls give the same
graph: one that draws random numbers or counts its own calls would otherwise be frozen at its first answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from forwardnet.ir.graph import Graph, Node, Spec, tracing
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


@dataclass
class Traced:
    """A step as a graph. Inputs are the cells, then the arguments; outputs are the results, then the changed cells."""

    graph: Graph
    cells: Sequence[Cell]
    states: dict[int, int]  # number of a cell's input -> number of the output that replaces it
    results: int

    @property
    def arguments(self) -> list[int]:
        """The numbers of the inputs that are arguments."""
        return list(range(len(self.cells), len(self.graph.inputs)))


def trace(step: Callable[..., Sequence[Tensor]], arguments: Sequence[Spec], cells: Sequence[Cell]) -> Traced:
    """The graph of `step(*arguments)`; raises `CannotLower` for a function that is not the same at every call."""
    first = _trace_once(step, arguments, cells)
    second = _trace_once(step, arguments, cells)
    if not _same(first.graph, second.graph):
        raise CannotLower("a function that is not the same each time it is called")
    return first


def _trace_once(step: Callable[..., Sequence[Tensor]], arguments: Sequence[Spec], cells: Sequence[Cell]) -> Traced:
    graph = Graph()
    nodes = [graph.input(cell.spec()) for cell in cells]
    before = [cell.swap(node) for cell, node in zip(cells, nodes, strict=True)]
    try:
        with _tracing():
            results = step(*(new_tensor(graph.input(spec)) for spec in arguments))
        graph.outputs = [_node(graph, r._data) for r in results]
        states = {}
        for number, (cell, node) in enumerate(zip(cells, nodes, strict=True)):
            after = cell.held()
            if after is not node:
                states[number] = len(graph.outputs)
                graph.outputs.append(_node(graph, after))
    finally:
        for cell, value in zip(cells, before, strict=True):
            cell.swap(value)
    return Traced(graph, cells, states, len(results))


def _node(graph: Graph, value: Any) -> Node:
    return value if isinstance(value, Node) else graph.const(value)


@contextmanager
def _tracing() -> Any:
    tracing.depth += 1
    try:
        yield
    finally:
        tracing.depth -= 1


def _same(a: Graph, b: Graph) -> bool:
    """Whether two graphs are node by node alike, constants included."""
    if len(a.nodes) != len(b.nodes) or [n.index for n in a.outputs] != [n.index for n in b.outputs]:
        return False
    for x, y in zip(a.nodes, b.nodes, strict=True):
        if x.op is not y.op and x.op != y.op:
            return False
        if [n.index for n in x.inputs] != [n.index for n in y.inputs] or x.spec != y.spec or x.attrs != y.attrs:
            return False
        if x.value is not None and not np.array_equal(x.value, y.value, equal_nan=x.value.dtype.kind == "f"):
            return False
    return True
