"""Tracing for tests: a function of tensors run on nodes, and the graph interpreted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forwardnet.ir import Graph, Node, Spec
from forwardnet.ops import interpret
from forwardnet.tensor.tape import new_tensor

Function = Callable[..., Sequence[Any]]


def run(graph: Graph, arrays: Sequence[Any]) -> list[Any]:
    """The outputs of a graph for these inputs, by interpretation of the nodes that they need."""
    values = {node.index: array for node, array in zip(graph.inputs, arrays, strict=True)}
    with np.errstate(all="ignore"):
        interpret(graph.live(), values)
    return [values[n.index] for n in graph.outputs]


def trace(function: Function, arrays: Sequence[Any]) -> Graph:
    """The graph of a function of tensors that returns several tensors (or arrays and numbers, which are constants)."""
    graph = Graph()
    tensors = [new_tensor(graph.input(Spec(a.shape, a.dtype))) for a in arrays]
    graph.outputs = [as_node(graph, y) for y in function(*tensors)]
    return graph


def as_node(graph: Graph, value: Any) -> Node:
    data = getattr(value, "_data", value)
    return data if isinstance(data, Node) else graph.const(data)


def eager(function: Function, arrays: Sequence[Any]) -> list[Any]:
    """The same function on tensors that hold numbers."""
    return [np.asarray(getattr(y, "_data", y)) for y in function(*[new_tensor(a.copy()) for a in arrays])]
