"""Rules of products: of matrices, and of batches of them.

The axes of y[.., i, j] = sum_k a[.., i, k] b[.., k, j] are labelled: batches 0 to r - 3, i = r - 2, j = r - 1, k = r. A
product in which no label belongs to both factors and to the result is one of matrices, however many axes it has. The
others are nests of loops; the factors are moved for them where that is worth it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from forwardnet.compiler.builder import Builder
from forwardnet.compiler.laid import Axes, Laid, Lengths, laid, renamed
from forwardnet.compiler.matrix import LANES, matrix_shape
from forwardnet.compiler.nest import ACROSS, MAP, NOWHERE, TWO_LOADS, Read, piece_of, product_shape, strides
from forwardnet.ir.graph import Node
from forwardnet.ops import linear
from forwardnet.ops.record import CannotLower


class Labels(NamedTuple):
    """Labels that have a length, by where they occur: in a and y, in b and y, in all three, in a and b alone."""

    left: Axes
    right: Axes
    batch: Axes
    summed: Axes


def matmul(b: Builder, node: Node, u: Laid, v: Laid) -> Laid:
    if node.dtype.kind != "f":
        raise CannotLower("a product of integer matrices")
    if u.is_plain and v.is_plain:
        x, y = (b.full(w.x, matrix_shape(n.shape)) for w, n in zip((u, v), node.inputs, strict=True))
        return laid(b.once("matmul", matrix_shape(node.shape), node.dtype, None, (x, y)), node.shape, (0,), (1,))
    rank = len(node.shape)
    factors = _labelled(b, node, u, v)
    found = contraction(b, *factors, out=range(rank))
    return renamed(found, [*range(rank), None], found.lengths[:rank])


def summed_product(b: Builder, node: Node) -> Laid | None:
    """The sum of a product over some of its axes as one product, if nobody else reads the product; else None."""
    inner, dims = node.inputs[0], node.attrs["dim"]
    rank = len(inner.shape)
    if inner.op is not linear.matmul or rank < 3 or b.uses[inner.index] > 1:
        return None
    a, c = _labelled(b, inner, *(b.known[n.index] for n in inner.inputs))
    if any(min(a.lengths[d], c.lengths[d]) < inner.shape[d] for d in dims):  # inf 1 - inf 2 is not inf (1 - 2)
        return None
    found = contraction(b, a, c, out=[d for d in range(rank) if d not in dims])
    return renamed(found, [*range(rank), None], found.lengths[:rank])


def _labelled(b: Builder, node: Node, u: Laid, v: Laid) -> tuple[Laid, Laid]:
    """The factors with labels for axes, both with all of k."""
    rank, k = len(node.shape), node.inputs[0].shape[-1]
    made = []
    for w, own in zip((u, v), ((rank - 2, rank), (rank, rank - 1)), strict=True):
        size = len(w.lengths)
        names = [*range(rank - size, rank - 2), *own]
        lengths = [1] * (rank + 1)
        for name, n in zip(names, w.lengths, strict=True):
            lengths[name] = n
        made.append(renamed(w, names, lengths))
    return tuple(w if w.lengths[rank] == k else _spread(b, w, rank, k) for w in made)  # type: ignore[return-value]


def _spread(b: Builder, u: Laid, label: int, count: int) -> Laid:
    lengths = tuple(count if a == label else n for a, n in enumerate(u.lengths))
    return b.arranged(u, lengths, u.rows, (*u.cols, label))


def contraction(b: Builder, a: Laid, c: Laid, *, out: Collection[int]) -> Laid:
    """The product of a and c, summed over the labels that are not in the result, which have the length 1 there."""
    ranks = range(len(a.lengths))
    lengths = tuple(max(m, n) for m, n in zip(a.lengths, c.lengths, strict=True))
    both = [n for n in ranks if a.lengths[n] > 1 and c.lengths[n] > 1]
    labels = Labels(
        tuple(n for n in ranks if a.lengths[n] > 1 and c.lengths[n] == 1),
        tuple(n for n in ranks if a.lengths[n] == 1 and c.lengths[n] > 1),
        tuple(n for n in both if n in out),
        tuple(n for n in both if n not in out),
    )
    return _batches(b, a, c, lengths, labels) if labels.batch else _matrices(b, a, c, lengths, labels)


def _matrices(b: Builder, a: Laid, c: Laid, lengths: Lengths, labels: Labels) -> Laid:
    """One product of two matrices, whose rows and columns are made of several labels."""
    left, right = _as_laid(labels.left, a), _as_laid(labels.right, c)
    summed = _as_laid(labels.summed, a, c)
    m, n, k = (math.prod(lengths[i] for i in group) for group in (left, right, summed))
    x = b.full(b.matrix(a, lengths, left, summed), (m, k))
    y = b.full(b.matrix(c, lengths, summed, right), (k, n))
    made = [size if i not in summed else 1 for i, size in enumerate(lengths)]
    return laid(b.once("matmul", (m, n), a.x.val.dtype, None, (x, y)), made, left, right)


def _as_laid(labels: Axes, *values: Laid) -> Axes:
    """Labels in the order in which one of the values has them, if it has them together."""
    groups = (group for u in values for group in (u.rows, u.cols))
    return next((group for group in groups if set(group) == set(labels)), labels)


# Batches


def _batches(b: Builder, a: Laid, c: Laid, lengths: Lengths, labels: Labels) -> Laid:
    """A product in which both factors have labels of the result in common."""
    lane = min(
        (*labels.left, *labels.right, *labels.batch, *labels.summed),
        key=lambda label: _cost(a, c, lengths, labels, label),
    )
    a, c = (_ready(b, u, lengths, labels, lane) for u in (a, c))
    outer = (*labels.batch, *labels.left, *labels.right)
    rows, cols = ((lane,), tuple(n for n in outer if n != lane)) if lane in outer else _cut(outer)
    down, along = strides(rows, lengths), strides(cols, lengths)
    to = {n: (s, 0) for n, s in down.items()} | {n: (0, s) for n, s in along.items()}
    loops = (*outer, *labels.summed)
    reads = [Read(u.x, [u.steps().get(n, NOWHERE) for n in loops]) for u in (a, c)]
    piece = piece_of(
        [lengths[n] for n in loops],
        reads,
        [to.get(n, NOWHERE) for n in loops],
        how="product",
        inner=len(labels.summed),
    )
    made = [1 if n in labels.summed else size for n, size in enumerate(lengths)]
    x = b.nest("contract", product_shape(rows, cols, lengths), a.x.val.dtype, [([a.x, c.x], piece)])
    return laid(x, made, rows, cols)


def _cut(labels: Axes) -> tuple[Axes, Axes]:
    """The first label along the rows."""
    ordered = tuple(sorted(labels))
    return ordered[:1], ordered[1:]


def _ready(b: Builder, u: Laid, lengths: Lengths, labels: Labels, lane: int) -> Laid:
    """A factor as the loops need it: with the label along the lanes alone, or all in a row if it has not that label."""
    if not _is_to_move(u, lane):
        return u
    order = [n for group in (labels.batch, labels.left, labels.right, labels.summed) for n in group if u.lengths[n] > 1]
    if u.lengths[lane] == 1:
        return b.arranged(u, lengths, (), tuple(order))
    return b.arranged(u, lengths, (lane,), tuple(n for n in order if n != lane))


def _is_to_move(u: Laid, lane: int) -> bool:
    if u.lengths[lane] == 1:
        return bool(u.rows and u.cols)
    return (lane,) not in (u.rows, u.cols)


def _cost(a: Laid, c: Laid, lengths: Lengths, labels: Labels, lane: int) -> tuple[float, int]:
    """Multiply-adds of vectors, with what is moved before, if a label lies along the lanes; of equals the longest."""
    n, groups = lengths[lane], labels.batch + labels.left + labels.right + labels.summed
    vectors = math.prod(lengths[i] for i in groups) / n * -(-n // LANES)
    if lane in (*labels.batch, *labels.summed):
        vectors *= TWO_LOADS
    if lane in labels.summed:
        vectors += ACROSS * math.prod(lengths[i] for i in groups if i not in labels.summed)
    moved: Sequence[Laid] = [u for u in (a, c) if _is_to_move(u, lane)]
    return vectors + sum(MAP * math.prod(u.lengths) for u in moved), -n
