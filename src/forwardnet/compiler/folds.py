"""Rules of reductions, running sums, softmax, and the place of an extreme.

What goes over all rows or all columns of a matrix is a reduction, which is fused with the maps around it; what goes
over a part of an axis of the matrix is a nest of loops.
"""

from __future__ import annotations

from collections.abc import Collection

from forwardnet.compiler.builder import Builder
from forwardnet.compiler.laid import Axes, Laid, Lengths, given, laid, renamed
from forwardnet.compiler.matrix import Operand, matrix_shape, turned
from forwardnet.compiler.multiply import summed_product
from forwardnet.compiler.nest import NOWHERE, Read, Step, piece_of, product_shape, strides
from forwardnet.ir.graph import Node
from forwardnet.ops import logic, scalar


def folded(b: Builder, node: Node, u: Laid) -> Laid:
    """sum, prod, amax, amin, any, all."""
    given_shape, dims, name = node.inputs[0].shape, node.attrs["dim"], node.name
    if u.is_plain:
        return _of_matrix(b, node, u.x)
    found = summed_product(b, node) if name == "sum" else None
    if found is None:
        if name in ("sum", "prod"):
            u = spread(b, u, given_shape, dims)
        found = reduced(b, name, u, dims)
    if name in ("any", "all"):
        found = found._replace(x=b.cast(found.x, node.dtype))
    return _dropped(found, dims, node)


def _of_matrix(b: Builder, node: Node, x: Operand) -> Laid:
    """Over rows, columns or both of a matrix."""
    shape, dims = node.inputs[0].shape, node.attrs["dim"]
    x = b.full(x, matrix_shape(shape)) if x.shape != matrix_shape(shape) else x
    found = x if dims else b.cast(x, node.dtype)
    for dim in sorted(dims, reverse=True):
        found = b.reduce(node.name, found, dim + 2 - len(shape))
    if not node.attrs["keepdim"] and len(shape) == 2 and dims == (1,):
        found = turned(found)  # (n, 1) became (n,), a row
    return given(found, node.shape)


def _dropped(u: Laid, dims: Collection[int], node: Node) -> Laid:
    """Without the axes over which was reduced, unless they are kept."""
    if node.attrs["keepdim"]:
        return u
    kept = [a for a in range(len(u.lengths)) if a not in dims]
    names = [kept.index(a) if a in kept else None for a in range(len(u.lengths))]
    return renamed(u, names, [u.lengths[a] for a in kept])


def spread(b: Builder, u: Laid, shape: Lengths, axes: Collection[int]) -> Laid:
    """The value with these axes carried out where it is repeated along them."""
    missing = tuple(a for a in sorted(axes) if u.lengths[a] < shape[a])
    if not missing:
        return u
    lengths = tuple(shape[a] if a in missing else n for a, n in enumerate(u.lengths))
    return b.arranged(u, lengths, u.rows, (*u.cols, *missing))


def reduced(b: Builder, name: str, u: Laid, dims: Collection[int]) -> Laid:
    """The reduction over some axes, which keep the length 1."""
    for axis, group in ((1, u.cols), (0, u.rows)):
        if group and set(group) <= set(dims):
            x = b.reduce(name, u.x, axis)
            lengths = [1 if a in group else n for a, n in enumerate(u.lengths)]
            kept = ((), u.cols) if axis == 0 else (u.rows, ())
            return reduced(b, name, laid(x, lengths, *kept), dims)
    over = tuple(a for a in sorted(u.axes) if a in dims)
    return _fold(b, name, u, over) if over else u


def _fold(b: Builder, name: str, u: Laid, over: Axes) -> Laid:
    own = u.steps()
    lengths = [1 if a in over else n for a, n in enumerate(u.lengths)]
    rows, cols = (tuple(a for a in group if a not in over) for group in (u.rows, u.cols))
    to = _steps(rows, cols, lengths)
    axes = (*rows, *cols, *over)
    piece = piece_of(
        [u.lengths[a] for a in axes],
        [Read(u.x, [own[a] for a in axes])],
        [to.get(a, NOWHERE) for a in axes],
        how=name,
        inner=len(over),
    )
    dtype = bool if name in ("any", "all") else u.x.val.dtype
    x = b.nest("fold", product_shape(rows, cols, lengths), dtype, [([u.x], piece)])
    return laid(x, lengths, rows, cols)


def _steps(rows: Axes, cols: Axes, lengths: list[int]) -> dict[int, Step]:
    down, along = strides(rows, lengths), strides(cols, lengths)
    return {a: (n, 0) for a, n in down.items()} | {a: (0, n) for a, n in along.items()}


def accumulated(b: Builder, node: Node, u: Laid) -> Laid:
    """cumsum and cumprod."""
    dim = node.attrs["dim"]
    u = spread(b, u, node.shape, (dim,))
    if u.lengths[dim] == 1:
        return u
    own, axes = u.steps(), (*(a for a in u.axes if a != dim), dim)
    steps = [own[a] for a in axes]
    how = "sum" if node.name == "cumsum" else "prod"
    counts = [u.lengths[a] for a in axes]
    piece = piece_of(counts, [Read(u.x, steps)], steps, how=how, inner=1, running=True)
    return u._replace(x=b.nest("fold", u.x.shape, node.dtype, [([u.x], piece)]))


def alone(b: Builder, u: Laid, shape: Lengths, dim: int) -> tuple[Laid, int]:
    """The value with all axes carried out, one of them for itself along rows (then 0) or columns (then 1)."""
    if u.is_plain:
        return given(b.full(u.x, matrix_shape(shape)), shape), dim + 2 - len(shape)
    if any(own != n for own, n in zip(u.lengths, shape, strict=True)) or (dim,) not in (u.rows, u.cols):
        rest = tuple(a for a, n in enumerate(shape) if n > 1 and a != dim)
        u = b.arranged(u, shape, *((rest, (dim,)) if shape[dim] > 1 else ((), rest)))
    return u, int(u.cols == (dim,))


def softmax(b: Builder, node: Node, u: Laid) -> Laid:
    """softmax and log_softmax."""
    u, axis = alone(b, u, node.shape, node.attrs["dim"])
    x = u.x
    shifted = b.map(scalar.sub, x, b.reduce("amax", x, axis))
    e = b.map(scalar.exp, shifted)
    total = b.reduce("sum", e, axis)
    if node.name == "softmax":
        return u._replace(x=b.map(scalar.div, e, total))
    return u._replace(x=b.map(scalar.sub, shifted, b.map(scalar.log, total)))


def extreme_place(b: Builder, node: Node, u: Laid) -> Laid:
    """argmax and argmin: the least number of a place that holds the extreme, or a NaN if there is one."""
    shape, dim = node.inputs[0].shape, node.attrs["dim"]
    n = shape[dim]
    if n == 1 or u.lengths[dim] == 1:
        return b.number(0, node.dtype, len(node.shape))
    u, axis = alone(b, u, shape, dim)
    x = u.x
    hits = b.map(scalar.eq, x, b.reduce("amax" if node.name == "argmax" else "amin", x, axis))
    if x.val.dtype.kind == "f":
        hits = b.map(logic.logical_or, hits, b.map(logic.isnan, x))
    places = b.columns(n) if axis == 1 else turned(b.columns(n))
    found = b.reduce("amin", b.map(scalar.where, hits, places, b.const(n, node.dtype)), axis)
    kept = ((), u.cols) if axis == 0 else (u.rows, ())
    return _dropped(laid(found, [1 if a == dim else m for a, m in enumerate(u.lengths)], *kept), (dim,), node)
