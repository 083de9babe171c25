"""Tracing: a Python function of tensors becomes a graph.

A function is traced by calling it once with tensors that hold nodes instead of numbers. What it changes outside itself
(parameters, moments, a step count) is named beforehand as cells; a cell that holds another node afterwards is a state
of the program, carried from step to step. The function is called twice, and refused unless both calls give the same
graph: one that counts its own calls would otherwise be frozen at its first answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet.ir.graph import Graph, Node, Spec, tracing
from forwardnet.jit.cells import Cell, GeneratorCell, TensorCell
from forwardnet.jit.outside import Outside
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.tensor.tape import new_tensor


@dataclass
class Traced:
    """A step as a graph. Inputs are the cells, then the arguments; outputs are the results, then the changed cells."""

    graph: Graph
    cells: Sequence[Cell]
    states: dict[int, int]  # number of a cell's input -> number of the output that replaces it
    results: int
    outside: Outside

    @property
    def arguments(self) -> list[int]:
        """The numbers of the inputs that are arguments."""
        return list(range(len(self.cells), len(self.graph.inputs)))


def trace(
    step: Callable[..., Sequence[Tensor]], arguments: Sequence[Spec], cells: Sequence[Cell], *, is_known: bool = False
) -> Traced:
    """The graph of `step(*arguments)`; raises `CannotLower` for a function that is not the same at every call.

    One that `is_known` to be the same each time is called once, others twice.
    """
    tensors = [cell.tensor for cell in cells if isinstance(cell, TensorCell)]
    before = [tensor.grad for tensor in tensors]
    try:
        first = _trace_once(step, arguments, cells)
        # Gradients stay where the first call has left them: a step that adds to them is not the same twice.
        second = first if is_known else _trace_once(step, arguments, cells)
    finally:
        for tensor, grad in zip(tensors, before, strict=True):
            tensor.grad = grad
    if not _same(first.graph, second.graph):
        raise CannotLower("a function that is not the same each time it is called")
    return first


def _trace_once(step: Callable[..., Sequence[Tensor]], arguments: Sequence[Spec], cells: Sequence[Cell]) -> Traced:
    if not any(isinstance(cell, GeneratorCell) for cell in cells):
        return _traced(step, arguments, cells)
    with drawing_from(Generator()):  # nodes are put into one of its own: other threads may draw meanwhile
        return _traced(step, arguments, cells)


def _traced(step: Callable[..., Sequence[Tensor]], arguments: Sequence[Spec], cells: Sequence[Cell]) -> Traced:
    graph, outside = Graph(), Outside()
    nodes = [graph.input(cell.spec()) for cell in cells]
    before = [cell.swap(node) for cell, node in zip(cells, nodes, strict=True)]
    try:
        with _tracing(outside):
            results = step(*(new_tensor(graph.input(spec)) for spec in arguments))
        graph.outputs = [_node(graph, r._data) for r in results]
        states = {}
        for number, (cell, node) in enumerate(zip(cells, nodes, strict=True)):
            after = cell.held()
            if after is not node:
                states[number] = len(graph.outputs)
                graph.outputs.append(_node(graph, after))
        count = len(results)
        del results  # what was made inside must live no longer
        outside.close()
    except BaseException:
        outside.put_back()
        raise
    finally:
        for cell, value in zip(cells, before, strict=True):
            cell.swap(value)
    return Traced(graph, cells, states, count, outside)


def _node(graph: Graph, value: Any) -> Node:
    return value if isinstance(value, Node) else graph.const(value)


@contextmanager
def _tracing(outside: Outside) -> Any:
    before = tracing.watcher
    tracing.depth += 1
    tracing.watcher = outside
    try:
        yield
    finally:
        tracing.depth -= 1
        tracing.watcher = before


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
