"""From the nodes of a graph to values on matrices: equal values are built once, constants are folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from forwardnet.compiler.laid import (
    Axes,
    Laid,
    Lengths,
    aligned,
    arrangements,
    blocks,
    given,
    laid,
    lies,
    needed,
    reshaped,
)
from forwardnet.compiler.matrix import CAST, COPY, TYPES, Operand, Program, Shape, Val, matrix_shape, turned
from forwardnet.compiler.nest import NOWHERE, Piece, Read, piece_of, product_shape, strides
from forwardnet.ir.graph import CONST, INPUT, Graph, Node, Spec
from forwardnet.ops import layout, logic, scalar
from forwardnet.ops.record import CannotLower, Op

Rule = Callable[..., Laid]
Part = tuple[Sequence[Operand], Piece]


class Builder:
    """Turns nodes into values."""

    def __init__(self, rules: Mapping[Any, Rule]) -> None:
        """`rules` says what an op on whole arrays becomes: op -> function(builder, node, *values)."""
        self.rules = rules
        self.values: list[Val] = []
        self.seen: dict[Any, Val] = {}
        self.known: dict[int, Laid] = {}
        self.uses: Counter[int] = Counter()  # how many nodes and outputs read a node

    def run(self, graph: Graph, states: Mapping[int, int]) -> Program:
        """`states` maps the number of an input to the number of the output that replaces it after a step."""
        inputs: list[Val] = []
        self.uses.update(n.index for node in graph.live() for n in node.inputs)
        self.uses.update(node.index for node in graph.outputs)
        for node in graph.inputs:
            attrs = {"number": len(inputs), "rank": len(node.shape)}
            val = self._new("input", matrix_shape(node.shape), node.dtype, attrs=attrs)
            self.known[node.index] = given(Operand(val), node.shape)
            inputs.append(val)
        for node in graph.live():
            if node.op != INPUT:
                self.known[node.index] = self._node(node)
        if any(_is_empty(node) for node in graph.outputs):
            raise CannotLower("an empty value")
        outputs = [self.whole(self.known[n.index], n.shape) for n in graph.outputs]
        for number, output in states.items():
            if outputs[output].shape != inputs[number].shape or outputs[output].val.dtype != inputs[number].dtype:
                raise CannotLower(f"a state {graph.inputs[number].spec} that becomes {graph.outputs[output].spec}")
        replaced = {inputs[i].index for i, output in states.items() if outputs[output] != Operand(inputs[i])}
        outputs = [self._copied(x) if x.val.index in replaced else x for x in outputs]
        return _pruned(self.values, inputs, outputs)

    def _node(self, node: Node) -> Laid:
        # Loops have at least one turn. Of what is put together, a part may be empty.
        if node.op is not layout.cat and any(_is_empty(n) for n in (node, *node.inputs)):
            raise CannotLower("an empty value")
        if node.op == CONST:
            return self.constant(node.value)
        args = [self.known[n.index] for n in node.inputs if n.index in self.known]
        rule = self.rules.get(node.op)
        if rule is not None:
            return rule(self, node, *args)
        if isinstance(node.op, Op) and node.op.elementwise:
            return self.elementwise(node.op, *args, shape=node.shape, dtype=node.dtype)
        raise CannotLower(f"op {node.name}")

    # Matrices

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
        if op is scalar.pow_ and (simple := self._power(*args, shape=(rows, cols), dtype=chosen)) is not None:
            return simple
        if op is logic.where and _is_number(args[0]):
            taken = args[1] if args[0].val.attrs["value"] else args[2]
            if taken.shape == (rows, cols) and taken.val.dtype == chosen:
                return taken
        extra = {"to": chosen.name} if op is CAST else {}
        return self.once("map", (rows, cols), chosen, op, args, **extra)

    def _power(self, base: Operand, exponent: Operand, *, shape: Shape, dtype: Any) -> Operand | None:
        """x^1 and x^2 without the general power; None for other exponents.

        A square and its derivative come with each squared error, and the product has the same bits.
        """
        if not _is_number(exponent) or base.shape != shape or base.val.dtype != dtype or dtype.kind != "f":
            return None
        value = exponent.val.attrs["value"]
        if value == 2:
            return self.map(scalar.mul, base, base, dtype=dtype)
        return base if value == 1 else None

    def cast(self, x: Operand, dtype: Any) -> Operand:
        """x in another number type."""
        return x if x.val.dtype == dtype else self.map(CAST, x, dtype=dtype)

    def reduce(self, name: str, x: Operand, axis: int) -> Operand:
        """Combine along rows (axis 0) or columns (axis 1); the axis keeps the length 1."""
        if x.flip:
            return turned(self.reduce(name, Operand(x.val), 1 - axis))
        if x.shape[axis] == 1 and name not in ("any", "all"):
            return x
        shape = (1, x.shape[1]) if axis == 0 else (x.shape[0], 1)
        dtype = np.dtype(bool) if name in ("any", "all") else x.val.dtype
        return self.once("reduce", shape, dtype, None, (x,), name=name, axis=axis)

    def full(self, x: Operand, shape: Shape) -> Operand:
        """x in memory of its own shape: broadcasting is carried out, constants are filled in."""
        if x.shape == shape and x.val.kind != "const":
            return x
        return self.once("map", shape, x.val.dtype, COPY, (x,), copy=True)

    def columns(self, width: int) -> Operand:
        """0, 1, 2, ... as a row."""
        return self.once("iota", (1, width), np.int64, None, ()) if width > 1 else self.const(0, np.int64)

    def nest(self, kind: str, shape: Shape, dtype: Any, parts: Sequence[Part]) -> Operand:
        """A value of one of `NESTS`: pieces, each with what it reads."""
        args: list[Operand] = []
        pieces = []
        for operands, piece in parts:
            reads = tuple((len(args) + number, start) for number, start in piece.reads)
            pieces.append(piece._replace(reads=reads))
            args += [self._copied(x) if x.val.kind == "iota" else x for x in operands]
        return self.once(kind, shape, dtype, None, tuple(args), pieces=tuple(pieces))

    # Values of any number of axes

    def constant(self, array: np.ndarray[Any, Any]) -> Laid:
        """An array that is known."""
        shape = matrix_shape(array.shape)
        patterns = np.ascontiguousarray(array).reshape(-1).view(f"V{array.dtype.itemsize}")
        if (patterns == patterns[0]).all():
            return self.number(array.reshape(-1)[0], array.dtype, len(array.shape))
        val = self._new("const", shape, array.dtype, attrs={"value": array.reshape(shape)})
        return given(Operand(val), array.shape)

    def number(self, value: Any, dtype: Any, rank: int) -> Laid:
        """One number in all places of a value of `rank` axes."""
        return laid(self.const(value, dtype), (1,) * rank, (), ())

    def matrix(self, u: Laid, lengths: Lengths, rows: Axes, cols: Axes) -> Operand:
        """The matrix of these rows and columns; of one line where the value is repeated along all of them."""
        rows, cols = (tuple(a for a in group if lengths[a] > 1) for group in (rows, cols))
        rows, cols = needed(u, rows, cols)
        found = lies(u, lengths, rows, cols)
        return self.moved(u, lengths, rows, cols) if found is None else found

    def moved(self, u: Laid, lengths: Lengths, rows: Axes, cols: Axes) -> Operand:
        """The value moved to a matrix of these rows and columns."""
        axes, own = (*rows, *cols), u.steps()
        down, along = strides(rows, lengths), strides(cols, lengths)
        to = [(down[a], 0) if a in down else (0, along[a]) for a in axes]
        read = Read(u.x, [own.get(a, NOWHERE) for a in axes])
        piece = piece_of([lengths[a] for a in axes], [read], to)
        return self.nest("assemble", product_shape(rows, cols, lengths), u.x.val.dtype, [([u.x], piece)])

    def arranged(self, u: Laid, lengths: Lengths, rows: Axes, cols: Axes) -> Laid:
        """The value with these rows and columns, all as long as `lengths`."""
        x = self.full(self.matrix(u, lengths, rows, cols), product_shape(rows, cols, lengths))
        return laid(x, [n if a in (*rows, *cols) else 1 for a, n in enumerate(lengths)], rows, cols)

    def plain(self, u: Laid, shape: Lengths) -> Operand:
        """The matrix (or vector) that a value of at most two axes is; of one line where it is repeated."""
        if u.is_plain:
            return u.x
        return self.matrix(u, shape, (0,) if len(shape) == 2 else (), (len(shape) - 1,))

    def whole(self, u: Laid, shape: Lengths) -> Operand:
        """The value as inputs lie, in memory of its own: the first axis along the rows."""
        if len(shape) < 3:
            return self.full(self.plain(u, shape), matrix_shape(shape))
        return self.full(self.matrix(u, shape, (0,), tuple(range(1, len(shape)))), matrix_shape(shape))

    def reshaped(self, u: Laid, shape: Lengths, wanted: Lengths) -> Laid:
        """The value in another shape; what does not lie together is moved, the first axes to the rows."""
        found = reshaped(u, shape, wanted)
        if found is None:
            parts = blocks(shape, wanted)
            carried = {a for ins, outs in parts if len(ins) > 1 or len(outs) > 1 for a in ins}
            lengths = tuple(n if a in carried else own for a, (n, own) in enumerate(zip(shape, u.lengths, strict=True)))
            first = tuple(parts[0][0]) if len(parts) > 1 else ()
            rest = tuple(a for ins, _ in parts for a in ins if a not in first)
            kept = [tuple(a for a in group if lengths[a] > 1) for group in (first, rest)]
            found = reshaped(self.arranged(u, lengths, kept[0], kept[1]), shape, wanted)
            assert found is not None, f"{shape} as {wanted}"
        return found

    def elementwise(self, op: Op, *args: Laid, shape: Lengths, dtype: Any) -> Laid:
        """`op` at each place of a value of the given shape, laid as the least has to be moved for it.

        Beyond two axes, what is the same along an axis stays one number there.
        """
        rank = len(shape)
        values = [aligned(u, rank) for u in args]
        if all(u.is_plain for u in values):
            return given(self.map(op, *(u.x for u in values), dtype=dtype, shape=matrix_shape(shape)), shape)
        lengths = shape if rank < 3 else tuple(max(u.lengths[a] for u in values) for a in range(rank))
        ways = arrangements(lengths, sorted(values, key=lambda u: -u.x.val.shape[0] * u.x.val.shape[1]))
        rows, cols = min(ways, key=lambda way: sum(_elements_moved(u, lengths, *way) for u in values))
        operands = [self.matrix(u, lengths, rows, cols) for u in values]
        found = self.map(op, *operands, dtype=dtype, shape=product_shape(rows, cols, lengths))
        return laid(found, lengths, rows, cols)


def _is_number(x: Operand) -> bool:
    """Whether x is one number that is known."""
    return x.val.kind == "const" and np.size(x.val.attrs["value"]) == 1


def _elements_moved(u: Laid, lengths: Lengths, rows: Axes, cols: Axes) -> int:
    """How many elements have to be written to have a value on a matrix of these rows and columns."""
    rows, cols = needed(u, rows, cols)
    if lies(u, lengths, rows, cols) is not None:
        return 0
    m, n = product_shape(rows, cols, lengths)
    return m * n


def _is_empty(node: Node) -> bool:
    return isinstance(node.spec, Spec) and 0 in node.spec.shape


def _result(op: Op, args: tuple[Operand, ...]) -> np.dtype[Any]:
    found: np.dtype[Any] = op.spec(*(Spec(a.shape, a.val.dtype) for a in args)).dtype
    return found


def _pruned(values: list[Val], inputs: list[Val], outputs: list[Operand]) -> Program:
    found: set[int] = set()
    stack = [o.val for o in outputs]
    while stack:
        val = stack.pop()
        if val.index not in found:
            found.add(val.index)
            stack.extend(a.val for a in val.args)
    kept = [v for v in values if v.index in found or v.kind == "input"]
    for position, val in enumerate(kept):
        val.index = position
    return Program(kept, inputs, outputs)
