"""Graphs of matrices: the form in which programs are laid out and fused.

Every value has at most two axes; a vector is a matrix of one row. A transpose is no operation but a flag on the operand
that reads the value (`flip`), and broadcasting is reading an axis of length one. What remains are four kinds of value:
maps (one element from elements at the same place), reductions along an axis, matrix products, and what comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from forwardnet.ir.graph import CONST, INPUT, Graph, Node, Spec
from forwardnet.ops import layout
from forwardnet.ops.record import CannotLower, Op

Shape = tuple[int, int]
CAST, COPY = layout.cast, layout.clone
# The number types that native code computes with.
TYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
ALONE = ("assemble", "random")  # what has a kernel of its own
REDUCTIONS = {"sum": "add", "amax": "maximum", "amin": "minimum", "any": "logical_or", "all": "logical_and"}


@dataclass(eq=False)
class Val:
    """A matrix computed once.

    `kind` is "input", "const", "iota" (the number of the column), "map", "reduce", "matmul", or one of `ALONE`:
    "assemble" (made of parts of other values) and "random" (uniform numbers).
    """

    index: int
    shape: Shape
    dtype: np.dtype[Any]
    kind: str
    op: Op | None = None
    args: tuple[Operand, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def is_vector(self) -> bool:
        return 1 in self.shape

    @property
    def is_scalar(self) -> bool:
        return self.shape == (1, 1)

    def __repr__(self) -> str:
        what = self.op.name if self.op is not None else self.kind
        args = ", ".join(repr(a) for a in self.args)
        more = "".join(f" {k}={v}" for k, v in self.attrs.items() if k != "value" or np.size(v) == 1)
        return f"v{self.index} = {what}({args}){more} : {self.dtype.name}{list(self.shape)}"


class Operand(NamedTuple):
    """A value, read as it is or transposed."""

    val: Val
    flip: bool = False

    @property
    def shape(self) -> Shape:
        rows, cols = self.val.shape
        return (cols, rows) if self.flip else (rows, cols)

    def __repr__(self) -> str:
        return f"v{self.val.index}{chr(39) if self.flip else ''}"


def turned(x: Operand) -> Operand:
    """The transpose; a single number is its own."""
    return x if x.val.is_scalar else Operand(x.val, not x.flip)


@dataclass
class Program:
    """Values in order, with the inputs and outputs of the graph they came from."""

    values: list[Val]
    inputs: list[Val]
    outputs: list[Operand]

    def __str__(self) -> str:
        return "\n".join([*(repr(v) for v in self.values), f"return {', '.join(map(repr, self.outputs))}"])


def matrix_shape(shape: tuple[int, ...]) -> Shape:
    """The two axes of a value: () is (1, 1), (n,) is (1, n)."""
    if len(shape) > 2:
        raise CannotLower(f"a value of shape {shape}")
    return ((1, 1), (1, *shape), shape)[len(shape)]  # type: ignore[return-value]


def flattened(shape: tuple[int, ...]) -> Shape:
    """A batch of images as a matrix: one row each."""
    rest = 1
    for length in shape[1:]:
        rest *= length
    return shape[0], rest


class Builder:
    """Turns nodes into values; equal values are built once, constants are folded."""

    def __init__(self, rules: dict[Any, Any]) -> None:
        """`rules` says what an op on whole arrays becomes: op -> function(builder, node, *operands)."""
        self.rules = rules
        self.values: list[Val] = []
        self.seen: dict[Any, Val] = {}
        self.known: dict[int, Operand] = {}

    def run(self, graph: Graph, states: Mapping[int, int]) -> Program:
        """`states` maps the number of an input to the number of the output that replaces it after a step."""
        inputs: list[Val] = []
        for node in graph.inputs:
            shape = matrix_shape(node.shape) if len(node.shape) <= 2 else flattened(node.shape)
            val = self._new("input", shape, node.dtype, attrs={"number": len(inputs), "rank": len(node.shape)})
            self.known[node.index] = Operand(val)
            inputs.append(val)
        for node in graph.live():
            if node.op != INPUT:
                self.known[node.index] = self._node(node)
        if any(_is_empty(node) for node in graph.outputs):
            raise CannotLower("an empty value")
        outputs = [self.full(self.known[n.index], matrix_shape(n.shape)) for n in graph.outputs]
        for number, output in states.items():
            if outputs[output].shape != inputs[number].shape or outputs[output].val.dtype != inputs[number].dtype:
                raise CannotLower(f"a state {graph.inputs[number].spec} that becomes {graph.outputs[output].spec}")
        replaced = {inputs[i].index for i, output in states.items() if outputs[output] != Operand(inputs[i])}
        outputs = [self._copied(x) if x.val.index in replaced else x for x in outputs]
        return _pruned(self.values, inputs, outputs)

    def _copied(self, x: Operand) -> Operand:
        """A copy of x: of a state that is replaced, the old value is given out."""
        return self.once("map", x.shape, x.val.dtype, COPY, (x,), copy=True)

    def _new(self, kind: str, shape: Shape, dtype: Any, **rest: Any) -> Val:
        if np.dtype(dtype).name not in TYPES:
            raise CannotLower(f"a value of type {np.dtype(dtype).name}")
        val = Val(len(self.values), shape, np.dtype(dtype), kind, **rest)
        self.values.append(val)
        return val

    def once(
        self, kind: str, shape: Shape, dtype: Any, op: Op | None, args: tuple[Operand, ...], **attrs: Any
    ) -> Operand:
        """The value of this description, made if there is none yet."""
        # Numbers by their bits: 0.0 equals -0.0, and NaN nothing.
        described = tuple((k, v.tobytes() if isinstance(v, np.generic) else v) for k, v in sorted(attrs.items()))
        key = (kind, shape, str(dtype), op, tuple((a.val.index, a.flip) for a in args), described)
        val = self.seen.get(key)
        if val is None:
            val = self.seen[key] = self._new(kind, shape, dtype, op=op, args=args, attrs=attrs)
        return Operand(val)

    def const(self, value: Any, dtype: Any) -> Operand:
        """A number, everywhere."""
        return self.once("const", (1, 1), np.dtype(dtype), None, (), value=np.dtype(dtype).type(value))

    def map(self, op: Op, *args: Operand, dtype: Any = None, shape: Shape | None = None) -> Operand:
        """`op` at each place of the common shape of the arguments."""
        rows = max((a.shape[0] for a in args), default=1) if shape is None else shape[0]
        cols = max((a.shape[1] for a in args), default=1) if shape is None else shape[1]
        if op.lower is None and op not in (CAST, COPY):
            raise CannotLower(f"op {op.name}")
        chosen = np.dtype(dtype) if dtype is not None else _result(op, args)
        if all(a.val.kind == "const" for a in args) and (rows, cols) == (1, 1):
            with np.errstate(all="ignore"):
                values = [np.asarray(a.val.attrs["value"]) for a in args]
                folded = values[0].astype(chosen) if op.name == "cast" else op.evaluate(values, {})
            return self.const(folded.item(), chosen)
        extra = {"to": chosen.name} if op is CAST else {}
        return self.once("map", (rows, cols), chosen, op, args, **extra)

    def reduce(self, name: str, x: Operand, axis: int) -> Operand:
        """Combine along rows (axis 0) or columns (axis 1); the axis keeps the length 1."""
        if x.flip:
            return turned(self.reduce(name, Operand(x.val), 1 - axis))
        if x.shape[axis] == 1 and name in ("sum", "amax", "amin"):
            return x
        shape = (1, x.shape[1]) if axis == 0 else (x.shape[0], 1)
        dtype = np.dtype(bool) if name in ("any", "all") else x.val.dtype
        return self.once("reduce", shape, dtype, None, (x,), name=name, axis=axis)

    def full(self, x: Operand, shape: Shape) -> Operand:
        """x in memory of its own shape: broadcasting is carried out, constants are filled in."""
        if x.shape == shape and x.val.kind != "const":
            return x
        return self.once("map", shape, x.val.dtype, COPY, (x,), copy=True)

    def _node(self, node: Node) -> Operand:
        # Loops have at least one turn. Of what is put together, a part may be empty.
        if node.op is not layout.cat and any(_is_empty(n) for n in (node, *node.inputs)):
            raise CannotLower("an empty value")
        if node.op == CONST:
            return self._constant(node)
        args = [self.known[n.index] for n in node.inputs if n.index in self.known]
        op: Op = node.op
        rule = self.rules.get(op)
        if rule is not None:
            found: Operand = rule(self, node, *args)
            return found
        if isinstance(node.op, Op) and op.elementwise:
            return self.map(op, *args, dtype=node.dtype, shape=matrix_shape(node.shape))
        raise CannotLower(f"op {node.name}")

    def _constant(self, node: Node) -> Operand:
        array = node.value
        shape = matrix_shape(array.shape)
        patterns = np.ascontiguousarray(array).reshape(-1).view(f"V{array.dtype.itemsize}")
        if (patterns == patterns[0]).all():
            return self.const(array.reshape(-1)[0], array.dtype)
        return Operand(self._new("const", shape, array.dtype, attrs={"value": array.reshape(shape)}))


def _is_empty(node: Node) -> bool:
    return isinstance(node.spec, Spec) and 0 in node.spec.shape


def _result(op: Op, args: tuple[Operand, ...]) -> np.dtype[Any]:
    found: np.dtype[Any] = op.spec(*(Spec(a.shape, a.val.dtype) for a in args)).dtype
    return found


def _pruned(values: list[Val], inputs: list[Val], outputs: list[Operand]) -> Program:
    needed: set[int] = set()
    stack = [o.val for o in outputs]
    while stack:
        val = stack.pop()
        if val.index not in needed:
            needed.add(val.index)
            stack.extend(a.val for a in val.args)
    kept = [v for v in values if v.index in needed or v.kind == "input"]
    for position, val in enumerate(kept):
        val.index = position
    return Program(kept, inputs, outputs)
