"""The reverse pass: a tape of functions, and the engine that walks it back.

Nothing here knows tensors. The engine moves gradients that are arrays (or nodes of a graph being traced); asked to
`create_graph`, it moves whatever `Face.lift` makes of them, so that the walk itself is recorded on the tape.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from forwardnet.errors import AutogradError
from forwardnet.ir.graph import Spec
from forwardnet.ops.layout import expand, sum_to
from forwardnet.ops.record import Derivative, Op

_sequence = itertools.count()

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad()."
)


class Edge(NamedTuple):
    """Where a gradient goes: a function and which of its results, or a leaf's accumulator."""

    node: Function | Accumulator
    output: int


class Version:
    """How often a piece of memory was written; views share it."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class OpenVersion(Version):
    """That of memory which may be written without being counted: NumPy shares it, or `.data`."""

    __slots__ = ()


class Saved:
    """A value kept for the backward pass, with the version it had."""

    __slots__ = ("data", "edge", "seen", "version")

    def __init__(self, data: Any, version: Version, edge: Edge | None) -> None:
        self.data = data
        self.version = version
        self.seen = version.count
        self.edge = edge

    def check(self, owner: Function, name: str) -> Saved:
        """Raise `AutogradError` if the value was freed or written since it was saved."""
        if self.data is None:
            raise AutogradError(FREED, hint="pass retain_graph=True to the first call to walk the graph again")
        if self.version.count != self.seen:
            shape = list(self.data.shape)
            raise AutogradError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"{name} of {owner.name()}, shape {shape}, is at version {self.version.count}; "
                f"expected version {self.seen} instead",
                hint="use the out-of-place form (x = x + 1, not x += 1), or change a clone()",
            )
        return self


class Face(NamedTuple):
    """What the engine must know of the tensors above it.

    `lift` makes a tensor of an array; `lower` takes the array out; `restore` makes the tensor of a saved value with its
    place in the graph; `accumulate` adds a gradient to a leaf.
    """

    lift: Callable[[Any], Any]
    lower: Callable[[Any], Any]
    restore: Callable[[Saved], Any]
    accumulate: Callable[[Any, Any], None]


class Accumulator:
    """The end of an edge at a leaf: adds what arrives to `variable.grad`."""

    __slots__ = ("__weakref__", "hooks", "variable")
    sequence = -1  # leaves come last, when all their gradients have arrived

    def __init__(self, variable: Any) -> None:
        self.variable = variable
        self.hooks: dict[int, list[Callable[[Any], Any]]] = {}

    next_functions: tuple[Any, ...] = ()

    def name(self) -> str:
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


class Function:
    """One recorded op: where gradients of its inputs go, and the values its derivative needs."""

    __slots__ = ("__weakref__", "attrs", "edges", "hooks", "in_specs", "label", "op", "out_specs", "saved", "sequence")

    def __init__(
        self,
        op: Op,
        attrs: dict[str, Any],
        edges: tuple[Edge | None, ...],
        in_specs: tuple[Spec, ...],
        out_specs: tuple[Spec, ...],
    ) -> None:
        self.op = op
        self.attrs = attrs
        self.edges = edges
        self.in_specs = in_specs
        self.out_specs = out_specs
        self.saved: dict[str, Any] = {}
        self.label = ""
        self.sequence = next(_sequence)
        self.hooks: dict[int, list[Callable[[Any], Any]]] = {}

    def name(self) -> str:
        """The readable name, `MulBackward0`."""
        return f"{self.label}Backward0" if self.label else self.op.grad_name

    @property
    def next_functions(self) -> tuple[tuple[Function | Accumulator | None, int], ...]:
        """Where the gradients of the inputs go, as PyTorch shows it."""
        return tuple((e.node, e.output) if e is not None else (None, 0) for e in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def needed(self) -> tuple[str, ...]:
        """Names of the values that the derivatives of the wanted inputs need."""
        return _needed(self.op, tuple(e is not None for e in self.edges))

    def free(self) -> None:
        """Let the saved values go."""
        for kept in self.saved.values():
            for one in kept if isinstance(kept, tuple) else (kept,):
                one.data = None

    def backward(self, gradients: Sequence[Any], take: Callable[[Saved], Any]) -> list[Any]:
        """The gradient of each input that wants one, else None."""
        g = gradients[0] if self.op.outputs == 1 else tuple(gradients)
        known: dict[str, Any] = {}
        for name, kept in self.saved.items():
            if isinstance(kept, tuple):
                known[name] = tuple(take(k.check(self, name)) for k in kept)
            else:
                known[name] = take(kept.check(self, name))
        return [None if edge is None else self._input_gradient(i, g, known) for i, edge in enumerate(self.edges)]

    def _input_gradient(self, i: int, g: Any, known: dict[str, Any]) -> Any:
        rule = self.op.derivative(i)
        assert rule is not None
        result = rule.rule(*(self._value(name, i, g, known) for name in rule.needs))
        if rule.is_partial:
            result = g * result
        return sum_to(result, self.in_specs[i].shape) if self.op.elementwise else result

    def _value(self, name: str, i: int, g: Any, known: dict[str, Any]) -> Any:
        if name == "g":
            return g
        if name in known:
            return known[name]
        if name in self.attrs:
            return self.attrs[name]
        if name == "i":
            return i - (len(self.op.inputs) - 1)
        stem = name.removesuffix("_specs")
        if stem != name:
            return self.in_specs[len(self.op.inputs) - 1 :]
        return self.in_specs[self.op.inputs.index(name.removesuffix("_spec"))]


_needed_cache: dict[tuple[Op, tuple[bool, ...]], tuple[str, ...]] = {}


def _needed(op: Op, wanted: tuple[bool, ...]) -> tuple[str, ...]:
    key = (op, wanted)
    names = _needed_cache.get(key)
    if names is None:
        values = {"y", *(n.removeprefix("*") for n in op.inputs)}
        rules: Iterable[Derivative | None] = (op.derivative(i) for i, want in enumerate(wanted) if want)
        names = tuple(dict.fromkeys(n for rule in rules if rule is not None for n in rule.needs if n in values))
        _needed_cache[key] = names
    return names


@dataclass
class Walk:
    """One backward pass. `targets` are edges whose gradients are captured; None accumulates into the leaves."""

    face: Face
    create_graph: bool = False
    retain_graph: bool = False
    targets: Sequence[Edge] | None = None
    accumulate: bool = True

    def run(self, roots: Sequence[tuple[Edge, Any]]) -> list[Any]:
        """Walk back from the roots with their gradients; returns the captured gradients, None where none arrived."""
        self.buffers: dict[Function | Accumulator, list[Any]] = {}
        self.heap: list[tuple[int, int, Function | Accumulator]] = []
        self.order = itertools.count()
        self.captured: dict[Edge, Any] = {}
        self.wanted = set(self.targets or ())
        self.useful = self._leading_to_targets([edge.node for edge, _ in roots]) if self.targets is not None else None
        for edge, gradient in roots:
            self._send(edge, self.face.lift(gradient) if self.create_graph else gradient)
        with np.errstate(all="ignore"):
            while self.heap:
                node = heapq.heappop(self.heap)[2]
                self._visit(node, self.buffers.pop(node))
        return [self.captured.get(edge) for edge in self.targets or ()]

    def _visit(self, node: Function | Accumulator, gradients: list[Any]) -> None:
        for output, hooks in node.hooks.items():
            if gradients[output] is not None:
                for hook in tuple(hooks):
                    gradients[output] = self._hooked(hook, gradients[output])
        for output, gradient in enumerate(gradients):
            if Edge(node, output) in self.wanted and gradient is not None:
                self.captured[Edge(node, output)] = gradient
        if isinstance(node, Accumulator):
            if self.accumulate and (self.targets is None or Edge(node, 0) in self.wanted):
                self.face.accumulate(node.variable, gradients.pop())
            return
        if self.useful is not None and not any(e is not None and e.node in self.useful for e in node.edges):
            return
        for edge, gradient in zip(node.edges, self._apply(node, gradients), strict=True):
            if edge is not None and (self.useful is None or edge.node in self.useful):
                self._send(edge, gradient)
        if not self.retain_graph:
            node.free()

    def _hooked(self, hook: Callable[[Any], Any], gradient: Any) -> Any:
        given = gradient if self.create_graph else self.face.lift(gradient)
        answer = hook(given)
        if answer is None:
            return gradient
        return answer if self.create_graph else self.face.lower(answer)

    def _apply(self, node: Function, gradients: list[Any]) -> list[Any]:
        filled = [self._zeros(spec) if g is None else g for g, spec in zip(gradients, node.out_specs, strict=True)]
        return node.backward(filled, self.face.restore if self.create_graph else _data)

    def _zeros(self, spec: Spec) -> Any:
        zeros = expand(np.zeros((), spec.dtype), shape=spec.shape)
        return self.face.lift(zeros) if self.create_graph else zeros

    def _send(self, edge: Edge, gradient: Any) -> None:
        node = edge.node
        buffer = self.buffers.get(node)
        if buffer is None:
            count = 1 if isinstance(node, Accumulator) else len(node.out_specs)
            buffer = self.buffers[node] = [None] * count
            heapq.heappush(self.heap, (-node.sequence, next(self.order), node))
        held = buffer[edge.output]
        buffer[edge.output] = gradient if held is None else held + gradient

    def _leading_to_targets(self, roots: list[Function | Accumulator]) -> set[Function | Accumulator]:
        goals = {edge.node for edge in self.wanted}
        useful: set[Function | Accumulator] = set(goals)
        seen: set[Function | Accumulator] = set()
        stack: list[tuple[Function | Accumulator, bool]] = [(r, False) for r in roots]
        while stack:
            node, done = stack.pop()
            children = [e.node for e in node.edges if e is not None] if isinstance(node, Function) else []
            if done:
                if any(child in useful for child in children):
                    useful.add(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((child, False) for child in children)
        return useful


def _data(saved: Saved) -> Any:
    return saved.data
