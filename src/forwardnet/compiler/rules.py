"""What each op on whole arrays becomes in a program of matrices: the table `RULES`, and `build`, which uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from forwardnet.compiler.matrix import CAST, Builder, Operand, Program, Shape, flattened, matrix_shape, turned
from forwardnet.ir.graph import INPUT, Graph, Node
from forwardnet.ops import index as indexing, layout, linear, random, reduce, scalar
from forwardnet.ops.record import CannotLower


class Piece(NamedTuple):
    """A part of an operand and its place in an assembled value: for rows and columns (start, step), then how many."""

    source: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    to_rows: tuple[int, int]
    to_columns: tuple[int, int]
    shape: Shape


def build(graph: Graph, states: Mapping[int, int]) -> Program:
    """The program of matrices for what the graph's outputs need; raises `CannotLower` naming what has no lowering.

    `states` maps the number of an input to the number of the output that replaces it after a step.
    """
    return Builder(RULES).run(graph, states)


def _reshape(b: Builder, node: Node, x: Operand) -> Operand:
    given = node.inputs[0]
    target = matrix_shape(node.shape)
    if given.op == INPUT and len(given.shape) > 2 and target == flattened(given.shape):
        return x
    source = matrix_shape(given.shape)
    if source == target:
        return x
    if 1 in source and source == (target[1], target[0]):
        return turned(x) if x.shape == source else x
    raise CannotLower(f"reshape of {source} to {target}")


def _permute(b: Builder, node: Node, x: Operand) -> Operand:
    return turned(x) if node.attrs["dims"] == (1, 0) else x


def _same(b: Builder, node: Node, x: Operand) -> Operand:
    return x


def _cast(b: Builder, node: Node, x: Operand) -> Operand:
    if x.val.dtype == node.dtype:
        return x
    return b.map(CAST, x, dtype=node.dtype)


def _reduction(b: Builder, node: Node, x: Operand) -> Operand:
    shape = node.inputs[0].shape
    x = b.full(x, matrix_shape(shape)) if x.shape != matrix_shape(shape) else x
    found = x if node.attrs["dim"] or node.dtype == x.val.dtype else b.map(CAST, x, dtype=node.dtype)
    for dim in sorted(node.attrs["dim"], reverse=True):
        axis = dim + 2 - len(shape)
        found = b.reduce(node.name, found, axis)
    if not node.attrs["keepdim"] and len(shape) == 2 and node.attrs["dim"] == (1,):
        return turned(found)  # (n, 1) became (n,), a row
    return found


def _softmax(b: Builder, node: Node, x: Operand) -> Operand:
    axis = node.attrs["dim"] + 2 - len(node.shape)
    x = b.full(x, matrix_shape(node.shape))
    shifted = b.map(scalar.sub, x, b.reduce("amax", x, axis))
    e = b.map(scalar.exp, shifted)
    total = b.reduce("sum", e, axis)
    if node.name == "softmax":
        return b.map(scalar.div, e, total)
    return b.map(scalar.sub, shifted, b.map(scalar.log, total))


def _places(b: Builder, index: Operand, length: int, dtype: Any) -> tuple[Operand, Operand]:
    """Places on an axis, 0 where there is none of that number; and whether there is one.

    What is taken from no place is NaN: native code cannot raise an error, and must not go on with a number.
    """
    if np.dtype(dtype).kind != "f":
        raise CannotLower("whole numbers chosen by an index")
    index = index if index.val.dtype == np.int64 else b.map(CAST, index, dtype=np.int64)
    zero = b.const(0, np.int64)
    exists = b.map(
        scalar.logical_and, b.map(scalar.ge, index, zero), b.map(scalar.lt, index, b.const(length, np.int64))
    )
    return b.map(scalar.where, exists, index, zero), exists


def _columns(b: Builder, width: int) -> Operand:
    """0, 1, 2, ... as a row."""
    return b.once("iota", (1, width), np.int64, None, ()) if width > 1 else b.const(0, np.int64)


def _one_of_each_row(node: Node) -> int:
    """The number of columns of x, of which an index names one in each row."""
    x, index = node.inputs[0].shape, node.inputs[1].shape
    if len(x) != 2 or node.attrs["dim"] != 1 or index != (x[0], 1):
        raise CannotLower(f"{node.name} but of one column of each row")
    return x[1]


def _taken(b: Builder, x: Operand, places: Operand, exists: Operand, width: int) -> Operand:
    """The element of x in the column that stands in `places` for each row."""
    hits = b.map(scalar.eq, _columns(b, width), places)
    found = b.reduce("sum", b.map(scalar.where, hits, x, b.const(0, x.val.dtype)), 1)
    return b.map(scalar.where, exists, found, b.const(np.nan, x.val.dtype))


def _gather(b: Builder, node: Node, x: Operand, index: Operand) -> Operand:
    width = _one_of_each_row(node)
    return _taken(b, x, *_places(b, index, width, node.dtype), width)


def _index(b: Builder, node: Node, x: Operand, index: Operand, *more: Operand) -> Operand:
    if more or any(len(n.shape) != 1 for n in node.inputs) or node.inputs[1].dtype.kind == "b":
        raise CannotLower("indexing but of a vector by a vector")
    length = node.inputs[0].shape[0]
    index = index if index.val.dtype == np.int64 else b.map(CAST, index, dtype=np.int64)
    from_end = b.map(scalar.add, index, b.const(length, np.int64))
    index = b.map(scalar.where, b.map(scalar.lt, index, b.const(0, np.int64)), from_end, index)
    places, exists = _places(b, turned(index), length, node.dtype)
    return turned(_taken(b, x, places, exists, length))


def _scatter_add(b: Builder, node: Node, x: Operand, index: Operand, v: Operand) -> Operand:
    width = _one_of_each_row(node)
    if node.inputs[2].shape != node.inputs[1].shape:
        raise CannotLower("scatter_add of more values than places")
    places, exists = _places(b, index, width, node.dtype)
    v = b.map(scalar.where, exists, v, b.const(np.nan, v.val.dtype))
    added = b.map(scalar.where, b.map(scalar.eq, _columns(b, width), places), v, b.const(0, v.val.dtype))
    if x.val.kind == "const" and np.size(x.val.attrs["value"]) == 1 and x.val.attrs["value"] == 0:
        return b.full(added, matrix_shape(node.shape))
    return b.map(scalar.add, x, added)


def _matmul(b: Builder, node: Node, x: Operand, y: Operand) -> Operand:
    if any(len(n.shape) != 2 for n in node.inputs) or 0 in node.shape or node.inputs[0].shape[1] == 0:
        raise CannotLower("a product of batches of matrices")
    if node.dtype.kind != "f":
        raise CannotLower("a product of integer matrices")
    x = b.full(x, matrix_shape(node.inputs[0].shape))
    y = b.full(y, matrix_shape(node.inputs[1].shape))
    return b.once("matmul", matrix_shape(node.shape), node.dtype, None, (x, y))


def _replace(b: Builder, node: Node, old: Operand, new: Operand) -> Operand:
    return b.full(new, matrix_shape(node.shape)) if new.shape != matrix_shape(node.shape) else new


def _uniform(b: Builder, node: Node, *counted: Operand) -> Operand:
    return b.once("random", matrix_shape(node.shape), node.dtype, None, counted)


def _zeros(b: Builder, node: Node, x: Operand) -> Operand:
    return b.const(0, node.dtype)


def _assembled(b: Builder, shape: Shape, dtype: Any, parts: list[tuple[Operand, Piece]]) -> Operand:
    """A value put together from parts of others."""
    if any(0 in piece.shape for _, piece in parts):
        raise CannotLower("an empty value")
    parts = [(x if x.val.dtype == dtype else b.map(CAST, x, dtype=dtype), piece) for x, piece in parts]
    return b.once("assemble", shape, dtype, None, tuple(x for x, _ in parts), pieces=tuple(p for _, p in parts))


def _axes(shape: tuple[int, ...], items: layout.Items) -> list[tuple[int, int, int]]:
    """(start, step, count) for each axis of a basic index."""
    found, position = [], 0
    for kind, start, stop, step in items:
        if kind == "new":
            continue
        if kind == "int":
            assert start is not None
            found.append((start % shape[position], 1, 1))
        else:
            span = range(*slice(start, stop, step).indices(shape[position]))
            found.append((span.start, span.step, len(span)))
        position += 1
    return [*found, *((0, 1, n) for n in shape[position:])]


def _window(shape: tuple[int, ...], items: layout.Items) -> tuple[tuple[int, int], tuple[int, int], Shape]:
    """Rows and columns (start, step) of what an index takes of a matrix, and how many of them."""
    if len(shape) > 2:
        raise CannotLower(f"a slice of a value of shape {shape}")
    rows, columns = ([(0, 1, 1)] * 2 + _axes(shape, items))[-2:]
    return rows[:2], columns[:2], (rows[2], columns[2])


def _slice(b: Builder, node: Node, x: Operand) -> Operand:
    shape = node.inputs[0].shape
    rows, columns, size = _window(shape, node.attrs["items"])
    target = matrix_shape(node.shape)
    if size == matrix_shape(shape) and rows == columns == (0, 1):
        made = x
    else:
        x = b.full(x, matrix_shape(shape))
        made = _assembled(b, size, node.dtype, [(x, Piece(0, rows, columns, (0, 1), (0, 1), size))])
    if size == target:
        return made
    if 1 in size and size == target[::-1]:
        return turned(made)
    raise CannotLower(f"a slice of shape {size} as {target}")


def _slice_put(b: Builder, node: Node, x: Operand, v: Operand) -> Operand:
    whole = matrix_shape(node.shape)
    rows, columns, size = _window(node.shape, node.attrs["items"])
    if v.shape != size and v.shape == size[::-1] and 1 in size:
        v = turned(v)
    parts = [
        (b.full(x, whole), Piece(0, (0, 1), (0, 1), (0, 1), (0, 1), whole)),
        (b.full(v, size), Piece(1, (0, 1), (0, 1), rows, columns, size)),
    ]
    return _assembled(b, whole, node.dtype, parts)


def _cat(b: Builder, node: Node, *xs: Operand) -> Operand:
    along_rows = len(node.shape) == 2 and node.attrs["dim"] == 0
    parts, position = [], 0
    for number, (x, given) in enumerate(zip(xs, node.inputs, strict=True)):
        size = matrix_shape(given.shape)
        if 0 in size:
            continue
        place = ((position, 1), (0, 1)) if along_rows else ((0, 1), (position, 1))
        parts.append((b.full(x, size), Piece(number, (0, 1), (0, 1), *place, size)))
        position += size[0] if along_rows else size[1]
    parts = [(x, piece._replace(source=i)) for i, (x, piece) in enumerate(parts)]
    return _assembled(b, matrix_shape(node.shape), node.dtype, parts)


def _flip(b: Builder, node: Node, x: Operand) -> Operand:
    size = matrix_shape(node.shape)
    dims = {dim + 2 - len(node.shape) for dim in node.attrs["dims"]}
    rows = (size[0] - 1, -1) if 0 in dims else (0, 1)
    columns = (size[1] - 1, -1) if 1 in dims else (0, 1)
    return _assembled(b, size, node.dtype, [(b.full(x, size), Piece(0, rows, columns, (0, 1), (0, 1), size))])


RULES: dict[Any, Any] = {
    layout.reshape: _reshape,
    layout.slice_: _slice,
    layout.slice_put: _slice_put,
    layout.cat: _cat,
    layout.flip: _flip,
    layout.permute: _permute,
    layout.expand: _same,
    layout.clone: _same,
    layout.cast: _cast,
    reduce.softmax: _softmax,
    reduce.log_softmax: _softmax,
    indexing.gather: _gather,
    indexing.index: _index,
    indexing.scatter_add: _scatter_add,
    linear.matmul: _matmul,
    random.uniform: _uniform,
    scalar.replace: _replace,
    scalar.zeros_like: _zeros,
    **dict.fromkeys((reduce.sum_, reduce.amax, reduce.amin, reduce.any_, reduce.all_), _reduction),
}
