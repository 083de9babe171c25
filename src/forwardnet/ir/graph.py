"""Graph, Node and Spec: a computation as data.

A node is one op applied to earlier nodes, with static attributes; its shape and number type are known when it is made.
Inputs and constants are nodes whose op is the marker `INPUT` or `CONST`. Nodes stand in the order in which they were
made, so every node comes after what it needs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

INPUT = "input"
CONST = "const"
PICK = "pick"


class _Tracing(threading.local):
    depth = 0
    watcher: Any = None


# `depth` is above 0 while a function is traced: what cannot be part of a graph, such as drawing random numbers, then
# says so. A `watcher` is told of the tensors with numbers that are read, `read(tensors)`, and of one that is about to
# be written, `write(tensor)`.
tracing = _Tracing()


class Spec(NamedTuple):
    """Shape and number type of a value, without the value."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        n = 1
        for length in self.shape:
            n *= length
        return n

    def __str__(self) -> str:
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"


class Node:
    """The result of one op in a graph; behaves as a value of known shape and type that has no numbers yet."""

    __slots__ = ("attrs", "graph", "index", "inputs", "op", "spec", "value")
    __array_ufunc__ = None  # NumPy must leave `array * node` to the node

    def __init__(
        self,
        graph: Graph,
        op: Any,
        inputs: tuple[Node, ...],
        attrs: dict[str, Any],
        spec: Spec | tuple[Spec, ...],
        *,
        value: Any = None,
    ) -> None:
        self.graph = graph
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.spec = spec
        self.value = value
        self.index = len(graph.nodes)
        graph.nodes.append(self)

    @property
    def name(self) -> str:
        """The op's name."""
        return self.op if isinstance(self.op, str) else str(self.op.name)

    @property
    def single(self) -> Spec:
        """The spec of a node with one result."""
        assert isinstance(self.spec, Spec), f"{self.name} has several results"
        return self.spec

    @property
    def shape(self) -> tuple[int, ...]:
        return self.single.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.single.dtype

    @property
    def ndim(self) -> int:
        return len(self.single.shape)

    @property
    def size(self) -> int:
        return self.single.size

    def __repr__(self) -> str:
        return f"%{self.index}:{self.spec}"


@dataclass
class Graph:
    """Nodes in order, of which some are inputs and some are outputs."""

    nodes: list[Node] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    outputs: list[Node] = field(default_factory=list)

    def input(self, spec: Spec) -> Node:
        """Add an input of the given shape and type."""
        node = Node(self, INPUT, (), {}, spec)
        self.inputs.append(node)
        return node

    def const(self, value: Any) -> Node:
        """Add a constant array."""
        array = np.asarray(value)
        return Node(self, CONST, (), {}, Spec(array.shape, array.dtype), value=array)

    def add(self, op: Any, inputs: Iterable[Node], attrs: dict[str, Any]) -> Node | tuple[Node, ...]:
        """Add one op; several results come back as a tuple of `pick` nodes."""
        operands = tuple(inputs)
        spec = op.spec(*(n.single for n in operands), **attrs)
        node = Node(self, op, operands, attrs, spec)
        if isinstance(spec, Spec):
            return node
        return tuple(Node(self, PICK, (node,), {"index": i}, s) for i, s in enumerate(spec))

    def live(self) -> list[Node]:
        """The nodes that the outputs need, in order."""
        needed: set[int] = set()
        stack = list(self.outputs)
        while stack:
            node = stack.pop()
            if node.index not in needed:
                needed.add(node.index)
                stack.extend(node.inputs)
        return [n for n in self.nodes if n.index in needed]
