"""Computational graphs with numbers: the value of every node, the gradient at it, the derivative along every edge.

    graph = explain.computation_graph(lambda x, w, b: ff.sigmoid(w * x + b), x=2.0, w=-1.0, b=0.5)
    print(graph.to_text())

Values flow forward, gradients back: what arrives at a node is the sum over its edges of the gradient at the far end
times the local derivative (the chain rule). `computation_graph` draws every operation of a function, `network_graph`
the layers of a network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.autodiff.reverse import Accumulator, Edge
from forwardnet.autograd import grad
from forwardnet.errors import ArgumentError, AutogradError, ShapeError
from forwardnet.explain.calls import Call, calls_of
from forwardnet.explain.graph_text import label_of, value_text
from forwardnet.explain.objective import double_copy, loss_from, rows_for
from forwardnet.ir.graph import CONST, INPUT, Graph, Node, Spec
from forwardnet.jit import trace
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.tape import edge_of

Array = NDArray[Any]
RESHAPE = "reshape"
Kind = Literal["input", "constant", "operation", "layer", "loss"]


@dataclass(frozen=True)
class GraphNode:
    """One value: what it is called, how it came about, what it is, and the output's derivative by it."""

    index: int
    label: str
    kind: Kind
    value: Array
    gradient: Array | None


@dataclass(frozen=True)
class GraphEdge:
    """From a node to one that uses it.

    `local` is d target / d source, element by element, and None where the operation mixes elements; `flow` is what the
    edge carries back: local times the gradient at the target, summed over what was broadcast.
    """

    source: int
    target: int
    local: Array | None
    flow: Array | None


@dataclass(frozen=True)
class ComputationGraph:
    """Nodes in the order in which they were computed, and edges between them; the last node is the output."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    def node(self, label: str) -> GraphNode:
        """The first node called `label`: an input by its name, an operation by its sign ("+", "sigmoid").

        Raises:
            ArgumentError: there is none.
        """
        for one in self.nodes:
            if one.label == label:
                return one
        raise ArgumentError(f"the graph has no node {label!r}", hint=f"it has {', '.join(n.label for n in self.nodes)}")

    def into(self, target: int | str) -> list[GraphEdge]:
        """The edges that end at a node, in the order of its operands."""
        index = target if isinstance(target, int) else self.node(target).index
        return [edge for edge in self.edges if edge.target == index]

    def to_text(self) -> str:
        """One line for each node: label, value, gradient, and its operands with the local derivatives by them."""
        lines = []
        for node in self.nodes:
            operands = ", ".join(
                f"[{edge.source}]" + (f" d = {value_text(edge.local)}" if edge.local is not None else "")
                for edge in self.into(node.index)
            )
            gradient = "" if node.gradient is None else f"   gradient {value_text(node.gradient)}"
            made_of = f"   from {operands}" if operands else ""
            lines.append(f"[{node.index}] {node.label} = {value_text(node.value)}{gradient}{made_of}")
        return "\n".join(lines)

    def to_dot(self) -> str:
        """The graph in the DOT language of Graphviz, values in the nodes and gradients on the edges."""
        lines = ["digraph computation {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
        for node in self.nodes:
            gradient = "" if node.gradient is None else f"\\ngradient {value_text(node.gradient)}"
            label = f"{node.label}\\n{value_text(node.value)}{gradient}".replace('"', "'")
            lines.append(f'  n{node.index} [label="{label}"];')
        for edge in self.edges:
            label = "" if edge.flow is None else f' [label="{value_text(edge.flow)}"]'
            lines.append(f"  n{edge.source} -> n{edge.target}{label};")
        return "\n".join([*lines, "}"])

    def summary(self) -> str:
        """Sizes of the graph, and the gradient of every input."""
        inputs = [node for node in self.nodes if node.kind == "input"]
        made = [node for node in self.nodes if node.kind not in ("input", "constant")]
        gradients = "; ".join(
            f"{node.label} {value_text(node.gradient)}" for node in inputs if node.gradient is not None
        )
        return (
            f"{len(inputs)} inputs, {len(made)} operations, {len(self.edges)} edges; output "
            f"{value_text(self.nodes[-1].value)}. Gradients: {gradients or 'none'}."
        )


def computation_graph(function: Callable[..., Tensor], *, upstream: Any = None, **inputs: Any) -> ComputationGraph:
    """The graph of `function(**inputs)`, operation by operation, in float64.

    Inputs are numbers, arrays or tensors, named as the parameters are; whole numbers (class indices) stay whole.
    `upstream` is the gradient that arrives at the output, 1 unless given. Numbers that the function uses from outside
    are constants of the graph.

    Raises:
        ArgumentError: there is no input, or the function is not the same at each call (it draws random numbers).
        AutogradError: the output is not one tensor, or needs an `upstream`.

    Example:
        >>> graph = explain.computation_graph(lambda x, y: x * y, x=2.0, y=3.0, upstream=5.0)
        >>> [float(edge.flow) for edge in graph.edges]
        [15.0, 10.0]
    """
    if not inputs:
        raise ArgumentError("computation_graph: no inputs", hint="give them by name: computation_graph(f, x=2.0)")
    values = {name: _array(value) for name, value in inputs.items()}
    specs = [Spec(value.shape, value.dtype) for value in values.values()]
    try:
        traced = trace(lambda *xs: _one(function(**dict(zip(values, xs, strict=True)))), specs, [])
    except CannotLower as error:
        raise ArgumentError(f"computation_graph: the function cannot be drawn because of {error}") from error
    return _Pass(traced.graph, values, upstream).graph()


def _one(result: Any) -> tuple[Tensor]:
    if not isinstance(result, Tensor):
        raise AutogradError(f"computation_graph: the function returned {type(result).__name__}, expected one tensor")
    return (result,)


def _array(value: Any) -> Array:
    array = np.array(value.detach().numpy() if isinstance(value, Tensor) else value)
    return array.astype(np.float64) if array.dtype.kind == "f" or array.ndim == 0 else array


class _Pass:
    """One pass forward through a traced graph and one back, node by node."""

    def __init__(self, graph: Graph, inputs: dict[str, Array], upstream: Any) -> None:
        self.live = graph.live()
        self.output = graph.outputs[0]
        self.names = dict(zip((node.index for node in graph.inputs), inputs, strict=True))
        self.values: dict[int, Any] = {}
        for node in self.live:
            self.values[node.index] = self._value(node, inputs)
        self.gradients: dict[int, Array] = {}
        self.flows: dict[tuple[int, int], Array] = {}
        self._back(upstream)

    def _value(self, node: Node, inputs: dict[str, Array]) -> Any:
        if node.op == INPUT:
            return inputs[self.names[node.index]]
        if node.op == CONST:
            return node.value
        if isinstance(node.op, str):  # one of several results
            return self.values[node.inputs[0].index][node.attrs["index"]]
        return node.op.evaluate([self.values[i.index] for i in node.inputs], node.attrs)

    def _back(self, upstream: Any) -> None:
        shape = self.values[self.output.index].shape
        if upstream is None and self.values[self.output.index].size != 1:
            raise AutogradError(f"computation_graph: the output has shape {shape}, so it needs an upstream gradient")
        start = np.ones(shape) if upstream is None else np.asarray(upstream, dtype=np.float64)
        if start.shape != shape:
            raise ShapeError(f"computation_graph: upstream has shape {start.shape}, expected {shape}")
        self.gradients[self.output.index] = start
        for node in reversed(self.live):
            arriving = self.gradients.get(node.index)
            if arriving is None or isinstance(node.op, str) or node.op.outputs > 1:
                continue
            for position, flow in enumerate(self._flows(node, arriving)):
                if flow is None:
                    continue
                source = node.inputs[position].index
                self.flows[node.index, position] = flow
                self.gradients[source] = np.asarray(self.gradients.get(source, 0.0) + flow)

    def _flows(self, node: Node, arriving: Array) -> list[Array | None]:
        """What an operation passes on to each operand."""
        leaves = [_leaf(self.values[i.index]) for i in node.inputs]
        y = node.op(*leaves, **node.attrs)
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        if not y.requires_grad or not wanted:
            return [None] * len(leaves)
        found = iter(grad(y, wanted, from_numpy(arriving.copy()), allow_unused=True))
        passed = [next(found) if leaf.requires_grad else None for leaf in leaves]
        return [None if g is None else np.array(g.numpy()) for g in passed]

    def _local(self, node: Node, position: int) -> Array | None:
        """d result / d operand, element by element."""
        if not node.op.elementwise or (node.index, position) not in self.flows:
            return None
        # Every operand in the full shape, so that nothing is summed over what is broadcast.
        shape = self.values[node.index].shape
        leaves = [_leaf(np.broadcast_to(self.values[i.index], shape).copy()) for i in node.inputs]
        (found,) = grad(node.op(*leaves, **node.attrs).sum(), [leaves[position]], allow_unused=True)
        return None if found is None else np.array(found.numpy())

    def graph(self) -> ComputationGraph:
        """The result; single numbers that an operation takes are part of its label, and reshaping is not shown."""
        shown = [n for n in self.live if n is self.output or not (_is_number(n) or n.name == RESHAPE)]
        number = {node.index: i for i, node in enumerate(shown)}
        nodes, edges = [], []
        for node in shown:
            kind: Kind = "input" if node.op == INPUT else "constant" if node.op == CONST else "operation"
            label = self.names.get(node.index) or label_of(node)
            value = self.values[node.index]
            value = value if isinstance(value, np.ndarray) else np.array(value[0])
            nodes.append(GraphNode(number[node.index], label, kind, value, self.gradients.get(node.index)))
            edges += [self._edge(node, position, number) for position, n in enumerate(node.inputs) if not _is_number(n)]
        return ComputationGraph(tuple(nodes), tuple(edges))

    def _edge(self, node: Node, position: int, number: dict[int, int]) -> GraphEdge:
        """What one operand carries, in the shape that it has where it was made."""
        source = node.inputs[position]
        while source.name == RESHAPE:
            source = source.inputs[0]
        flow = self.flows.get((node.index, position))
        local = None if isinstance(node.op, str) else self._local(node, position)
        flow = flow if flow is None else flow.reshape(self.values[source.index].shape)
        return GraphEdge(number[source.index], number[node.index], local, flow)


def _is_number(node: Node) -> bool:
    """Whether a node is a single number that the function holds."""
    return bool(node.op == CONST and node.value.ndim == 0)


def _leaf(value: Any) -> Tensor:
    x = from_numpy(np.array(value))
    return x.requires_grad_() if x.is_floating_point() else x


def network_graph(model: nn.Module, loss: Any, X: Any, y: Any, *, training: bool = False) -> ComputationGraph:
    """The graph of a network's layers and its loss on the rows X and y, with values and gradients.

    An edge runs from one layer to the next wherever the one's output reaches the other's input, also where `forward`
    computes something in between; what it carries back is the loss's derivative by that input. Layers that pass their
    input on unchanged are left out.

    Raises:
        DataError, ShapeError, DTypeError: the data cannot be used with this model and loss.
    """
    own, loss_of = double_copy(model, training=training).requires_grad_(), loss_from(loss)
    rows, targets = rows_for(own, loss_of, X, y)
    output, calls = calls_of(own, rows.requires_grad_())
    calls = [call for call in calls if call.output is not call.input and call.output.requires_grad]
    value = loss_of(output, targets)
    tensors = [rows, *(c.input for c in calls), *(c.output for c in calls), output]
    by = dict(zip(map(id, tensors), grad(value, tensors, allow_unused=True), strict=True))

    def gradient(x: Tensor) -> Array | None:
        found = by.get(id(x))
        return None if found is None else np.array(found.numpy())

    known = {_place(rows): 0}
    nodes = [GraphNode(0, "X", "input", rows.detach().numpy(), gradient(rows))]
    edges = []
    for i, call in enumerate(calls, start=1):
        edges += [GraphEdge(j, i, None, gradient(call.input)) for j in _sources(call.input, known)]
        nodes.append(GraphNode(i, _layer_label(call), "layer", call.output.detach().numpy(), gradient(call.output)))
        known[_place(call.output)] = i
    last = len(nodes)
    edges += [GraphEdge(j, last, None, gradient(output)) for j in _sources(output, known)]
    name = type(loss_of).__name__ if isinstance(loss_of, nn.Module) else getattr(loss_of, "__name__", "loss")
    nodes.append(GraphNode(last, name, "loss", value.detach().numpy(), np.ones(())))
    return ComputationGraph(tuple(nodes), tuple(edges))


def _layer_label(call: Call) -> str:
    sizes = call.module.extra_repr() if call.kind != "Linear" else ""
    shape = f"{call.module.in_features} to {call.module.out_features}" if call.kind == "Linear" else sizes
    return f"{call.name}: {call.kind}" + (f" {shape}" if shape and len(shape) < 20 else "")


def _place(x: Tensor) -> tuple[int, int]:
    edge = edge_of(x)
    assert edge is not None
    return id(edge.node), edge.output


def _sources(x: Tensor, known: dict[tuple[int, int], int]) -> list[int]:
    """The known nodes that `x` was computed from, without going through another known node."""
    found: set[int] = set()
    seen: set[int] = set()
    first = edge_of(x)
    todo: list[Edge] = [first] if first is not None else []
    while todo:
        edge = todo.pop()
        number = known.get((id(edge.node), edge.output))
        if number is not None:
            found.add(number)
        elif not isinstance(edge.node, Accumulator) and id(edge.node) not in seen:
            seen.add(id(edge.node))
            todo.extend(e for e in edge.node.edges if e is not None)
    return sorted(found)
