"""Rules of choosing by integer arrays: rows of a table, one column of each row, and writing to such places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from forwardnet.compiler.builder import Builder
from forwardnet.compiler.folds import reduced, spread
from forwardnet.compiler.laid import Axes, Laid, Lengths, aligned, given, laid, renamed
from forwardnet.compiler.matrix import Operand, matrix_shape
from forwardnet.compiler.moves import Target
from forwardnet.compiler.nest import NOWHERE, TARGET, Pick, Read, piece_of, product_shape, strides
from forwardnet.ir.graph import Node
from forwardnet.ir.shapes import broadcast
from forwardnet.ops import index as indexing, logic, scalar
from forwardnet.ops.record import CannotLower

# Comparisons of one sort, at most.
MOST_COMPARED = 1 << 22

# One column of each row


def _places(b: Builder, index: Operand, length: int) -> tuple[Operand, Operand]:
    """Places on an axis, 0 where there is none of that number; and whether there is one.

    What is taken from no place is NaN: native code cannot raise an error, and must not go on with a number.
    """
    index = b.cast(index, np.int64)
    zero = b.const(0, np.int64)
    exists = b.map(
        scalar.logical_and, b.map(scalar.ge, index, zero), b.map(scalar.lt, index, b.const(length, np.int64))
    )
    return b.map(scalar.where, exists, index, zero), exists


def _is_one_of_each_row(node: Node, *values: Laid) -> bool:
    """Whether an index names one column of each row of a matrix of numbers: then there is no need to go to places."""
    x, index = node.inputs[0].shape, node.inputs[1].shape
    is_such = len(x) == 2 and node.attrs["dim"] == 1 and index == (x[0], 1) and node.dtype.kind == "f"
    return is_such and all(u.is_plain for u in values) and node.inputs[-1].shape == index


def _one_of_each_row(b: Builder, node: Node, u: Laid, index: Laid) -> Laid:
    """The number of each column compared with the index: all rows at once, in the kernels around it."""
    width, x = node.inputs[0].shape[1], u.x
    places, exists = _places(b, index.x, width)
    hits = b.map(scalar.eq, b.columns(width), places)
    found = b.reduce("sum", b.map(scalar.where, hits, x, b.const(0, x.val.dtype)), 1)
    return given(b.map(scalar.where, exists, found, b.const(np.nan, x.val.dtype)), node.shape)


def _added_to_each_row(b: Builder, node: Node, u: Laid, index: Laid, v: Laid) -> Laid:
    width, x = node.inputs[0].shape[1], u.x
    places, exists = _places(b, index.x, width)
    new = b.map(scalar.where, exists, v.x, b.const(np.nan, v.x.val.dtype))
    hits = b.map(scalar.eq, b.columns(width), places)
    added = b.map(scalar.where, hits, new, b.const(0, new.val.dtype))
    if x.val.kind == "const" and np.size(x.val.attrs["value"]) == 1 and x.val.attrs["value"] == 0:
        return given(b.full(added, matrix_shape(node.shape)), node.shape)
    return given(b.map(scalar.add, x, added), node.shape)


# Any places


def _check(b: Builder, dtype: Any, chosen: Sequence[tuple[Laid, int, bool]]) -> None:
    """Refuse whole numbers whose places may not exist: there is no NaN to stand for them."""
    if dtype.kind == "f":
        return
    for index, length, wraps in chosen:
        value = index.x.val.attrs.get("value") if index.x.val.kind == "const" else None
        if value is None or np.min(value) < (-length if wraps else 0) or np.max(value) >= length:
            raise CannotLower("whole numbers chosen by an index")


def _dealt(shape: Lengths, *values: Laid) -> tuple[Axes, Axes]:
    """Rows and columns of a new value: as one of the values that has all its axes lies, or the first along the rows."""
    axes = tuple(a for a, n in enumerate(shape) if n > 1)
    if len(shape) > 2:
        for u in values:
            if set(u.axes) == set(axes):
                return u.rows, u.cols
    return (axes[:1], axes[1:]) if len(axes) > 1 else ((), axes)


def _taken(
    b: Builder,
    dtype: Any,
    shape: Lengths,
    x: Laid,
    along: dict[int, int],
    picked: Sequence[tuple[Laid, Pick]],
    like: Laid,
) -> Laid:
    """The elements of x at places that indices name.

    `along` maps an axis of the result to the axis of x that it goes along; the indices have the axes of the result.
    """
    rows, cols = _dealt(shape, like)
    loops, own = (*rows, *cols), x.steps()
    down, right = strides(rows, shape), strides(cols, shape)
    to = [(down[a], 0) if a in down else (0, right[a]) for a in loops]
    reads = [Read(x.x, [own.get(along.get(a, -1), NOWHERE) for a in loops])]
    for index, _ in picked:
        steps = index.steps()
        reads.append(Read(b.cast(index.x, np.int64), [steps.get(a, NOWHERE) for a in loops]))
    picks = tuple(pick._replace(by=i + 1) for i, (_, pick) in enumerate(picked))
    piece = piece_of([shape[a] for a in loops], reads, to, picks=picks)
    found = b.nest("assemble", product_shape(rows, cols, shape), dtype, [([r.x for r in reads], piece)])
    return laid(found, shape, rows, cols)


def gather(b: Builder, node: Node, u: Laid, index: Laid) -> Laid:
    if _is_one_of_each_row(node, u, index):
        return _one_of_each_row(b, node, u, index)
    dim, whole = node.attrs["dim"], node.inputs[0].shape
    _check(b, node.dtype, [(index, whole[dim], False)])
    u = spread(b, u, whole, [dim])
    pick = Pick(0, 0, u.steps().get(dim, NOWHERE), whole[dim], False)
    along = {a: a for a in range(len(node.shape)) if a != dim}
    return _taken(b, node.dtype, node.shape, u, along, [(index, pick)], index)


class Chosen(NamedTuple):
    """An advanced index: the axes of x[indices], and where they come from."""

    indices: tuple[tuple[Laid, int], ...]  # with the axes of the result, and the axis of x that each is for
    along: dict[int, int]  # axis of the result -> axis of x that is kept
    by_index: Axes  # axes of the result that the indices make


def _chosen(node: Node, layout: Sequence[int | None], arrays: Sequence[Laid], rank: int, skipped: int) -> Chosen:
    """`skipped` inputs of the node come before the indices, `rank` is that of the result."""
    specs = [n.single for n in node.inputs[skipped:]]
    if any(spec.dtype.kind == "b" for spec in specs):
        raise CannotLower("a mask as an index")
    count = len(broadcast(*(spec.shape for spec in specs), where="index"))
    used = [axis for axis, p in enumerate(layout) if p is not None]
    kept = [axis for axis in range(rank - count + len(used)) if axis not in used]
    at = used[0] if used == list(range(used[0], used[-1] + 1)) else 0
    by_index = tuple(range(at, at + count))
    names = [a for a in range(rank) if a not in by_index]
    found = []
    for axis in used:
        own = aligned(arrays[layout[axis] or 0], count)
        lengths = [1] * rank
        lengths[at : at + count] = own.lengths
        found.append((renamed(own, by_index, lengths), axis))
    return Chosen(tuple(found), dict(zip(names, kept, strict=True)), by_index)


def index(b: Builder, node: Node, u: Laid, *arrays: Laid) -> Laid:
    whole, layout = node.inputs[0].shape, node.attrs["layout"]
    chosen = _chosen(node, layout, arrays, len(node.shape), 1)
    _check(b, node.dtype, [(own, whole[axis], True) for own, axis in chosen.indices])
    u = spread(b, u, whole, [axis for _, axis in chosen.indices])
    steps = u.steps()
    picked = [(own, Pick(0, 0, steps.get(axis, NOWHERE), whole[axis], True)) for own, axis in chosen.indices]
    return _taken(b, node.dtype, node.shape, u, chosen.along, picked, u)


def _written(
    b: Builder, node: Node, u: Laid, v: Laid, loops: Axes, shape: Lengths, along: dict[int, int], how: str,
    picked: Sequence[tuple[Laid, int, bool]],
) -> Laid:  # fmt: skip
    """u with the elements of v, of the given shape, put or added where indices say: one after the other in order."""
    target = Target(b, node.shape, [u])
    target.put(u, target.whole())
    picks, reads = [], [Read(b.cast(v.x, node.dtype), [v.steps().get(a, NOWHERE) for a in loops])]
    for own, axis, wraps in picked:
        picks.append(Pick(len(reads), TARGET, target.steps.get(axis, NOWHERE), node.shape[axis], wraps))
        steps = own.steps()
        reads.append(Read(b.cast(own.x, np.int64), [steps.get(a, NOWHERE) for a in loops]))
    to = [target.steps.get(along.get(a, -1), NOWHERE) for a in loops]
    piece = piece_of([shape[a] for a in loops], reads, to, picks=tuple(picks), how=how)
    target.add([r.x for r in reads], piece)
    return target.done(node.dtype)


def scatter(b: Builder, node: Node, u: Laid, own: Laid, v: Laid) -> Laid:
    """scatter and scatter_add."""
    if node.name == "scatter_add" and _is_one_of_each_row(node, u, own, v):
        return _added_to_each_row(b, node, u, own, v)
    shape, dim = node.inputs[1].shape, node.attrs["dim"]
    axes = tuple(range(len(shape)))
    along = {a: a for a in axes if a != dim}
    how = "add" if node.name == "scatter_add" else "put"
    _check(b, node.dtype, [(own, node.shape[dim], False)])
    return _written(b, node, u, v, axes, shape, along, how, [(own, dim, False)])


def index_put(b: Builder, node: Node, u: Laid, v: Laid, *arrays: Laid) -> Laid:
    layout = node.attrs["layout"]
    specs = [n.single for n in node.inputs[2:]]
    whole = indexing.index.spec(node.single, *specs, layout=layout).shape
    chosen = _chosen(node, layout, arrays, len(whole), 2)
    loops = (*chosen.by_index, *chosen.along)
    picked = [(own, axis, True) for own, axis in chosen.indices]
    how = "add" if node.attrs["accumulate"] else "put"
    _check(b, node.dtype, [(own, node.shape[axis], True) for own, axis in chosen.indices])
    return _written(b, node, u, aligned(v, len(whole)), loops, whole, chosen.along, how, picked)


# Orders


def argsort(b: Builder, node: Node, u: Laid) -> Laid:
    """Every element is compared with every other along the axis: how many come before it is its place in the order.

    That is more work than sorting from some dozens of elements on, but without a branch; long axes run eagerly.
    """
    shape, dim, rank = node.shape, node.attrs["dim"], len(node.shape)
    n = shape[dim]
    if math.prod(shape) * n > MOST_COMPARED:
        raise CannotLower(f"sorting {n} numbers {math.prod(shape) // n} times")
    whole = (*shape, n)

    def compared(op: Any, *values: Laid) -> Laid:
        return b.elementwise(op, *values, shape=whole, dtype=np.dtype(bool))

    def other(own: Laid) -> Laid:
        """The elements along a further axis, which takes the place of `dim`."""
        names = [rank if a == dim else a for a in range(rank)]
        lengths = [1 if a == dim else m for a, m in enumerate(own.lengths)]
        return renamed(own, names, [*lengths, own.lengths[dim]])

    u = spread(b, u, shape, [dim])
    place = laid(b.columns(n), [n if a == dim else 1 for a in range(rank)], (), (dim,))
    (x, y), (i, j) = ((renamed(own, range(rank), [*own.lengths, 1]), other(own)) for own in (u, place))
    before = compared(scalar.gt if node.attrs["descending"] else scalar.lt, y, x)
    same = compared(scalar.eq, y, x)
    if u.x.val.dtype.kind == "f":  # NaN counts as largest
        nx, ny = (compared(logic.isnan, own) for own in (x, y))
        last, first = (ny, nx) if node.attrs["descending"] else (nx, ny)
        before = compared(
            logic.logical_or, before, compared(logic.logical_and, last, compared(logic.logical_not, first))
        )
        same = compared(logic.logical_or, same, compared(logic.logical_and, nx, ny))
    before = compared(logic.logical_or, before, compared(logic.logical_and, same, compared(scalar.lt, j, i)))
    count = spread(b, before, whole, [rank])
    count = reduced(b, "sum", count._replace(x=b.cast(count.x, np.int64)), [rank])
    places = renamed(count, [*range(rank), None], count.lengths[:rank])
    axes = tuple(range(rank))
    zeros, along = b.number(0, node.dtype, rank), {a: a for a in axes if a != dim}
    return _written(b, node, zeros, place, axes, shape, along, "put", [(places, dim, False)])
