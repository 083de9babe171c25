"""Ops that choose elements by integer arrays: gather, scatter, advanced indexing, sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from forwardnet import dtypes
from forwardnet.ir.graph import Spec
from forwardnet.ir.shapes import broadcast
from forwardnet.ops.layout import expand
from forwardnet.ops.record import Example, Op, array_op

Layout = tuple[int | None, ...]
"""Of an advanced index: for each axis of x the position of its index array, or None for all of that axis."""


def _zeros(spec: Spec) -> Any:
    return expand(np.zeros((), spec.dtype), shape=spec.shape)


def _grid(shape: tuple[int, ...], dim: int, index: Any) -> tuple[Any, ...]:
    """The full index in which only axis `dim` is replaced by `index`; it may be shorter than x elsewhere."""
    ndim = index.ndim
    grid: list[Any] = [np.arange(n).reshape((1,) * i + (n,) + (1,) * (ndim - 1 - i)) for i, n in enumerate(index.shape)]
    if index.ndim:
        grid[dim] = index
        return tuple(grid)
    return (index,) if len(shape) else ()


def _scatter(x: Any, index: Any, v: Any, dim: int) -> Any:
    y = np.array(x, order="C")
    if index.size:
        y[_grid(x.shape, dim, index)] = _cut(v, index)
    return y


def _scatter_add(x: Any, index: Any, v: Any, dim: int) -> Any:
    y = np.array(x, order="C")
    if index.size:
        np.add.at(y, _grid(x.shape, dim, index), _cut(v, index))
    return y


def _cut(v: Any, index: Any) -> Any:
    return v[tuple(slice(n) for n in index.shape)] if v.ndim else v


def _scatter_vjp_x(g: Any, index: Any, dim: int) -> Any:
    zeros = expand(np.zeros((), g.dtype), shape=tuple(index.shape))
    return scatter(g, index, zeros, dim=dim)


def _scatter_vjp_v(g: Any, index: Any, v_spec: Spec, dim: int) -> Any:
    taken = gather(g, index, dim=dim)
    if v_spec.shape == tuple(index.shape):
        return taken
    from forwardnet.ops.layout import slice_put

    items = tuple(("slice", 0, n, None) for n in index.shape)
    return slice_put(_zeros(v_spec), taken, items=items)


def _full_index(layout: Layout, indices: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(slice(None) if p is None else indices[p] for p in layout)


def _index_spec(x: Spec, *indices: Spec, layout: Layout) -> Spec:
    chosen = broadcast(*(s.shape for s in indices), where="index")
    used = [axis for axis, p in enumerate(layout) if p is not None]
    kept = [n for axis, n in enumerate(x.shape) if axis >= len(layout) or layout[axis] is None]
    together = used == list(range(used[0], used[-1] + 1))
    at = used[0] if together else 0
    return Spec((*kept[:at], *chosen, *kept[at:]), x.dtype)


def _index_put(x: Any, v: Any, *indices: Any, layout: Layout, accumulate: bool) -> Any:
    y = np.array(x, order="C")
    where = _full_index(layout, indices)
    if accumulate:
        # np.add.at repeats a vector wrongly along an index of two axes into a vector: it reads behind its end.
        specs = [Spec(i.shape, i.dtype) for i in (x, *indices)]
        np.add.at(y, where, np.broadcast_to(v, _index_spec(*specs, layout=layout).shape))
    else:
        y[where] = v
    return y


def _index_put_vjp_x(g: Any, indices: Any, layout: Layout, accumulate: bool) -> Any:
    if accumulate:
        return g
    return index_put(g, np.zeros((), g.dtype), *indices, layout=layout, accumulate=False)


def _index_put_vjp_v(g: Any, v_spec: Spec, indices: Any, layout: Layout) -> Any:
    from forwardnet.ops.layout import sum_to

    return sum_to(index(g, *indices, layout=layout), v_spec.shape)


I3 = np.array([[0, 1, 1]])
gather: Op = array_op(
    "gather",
    doc="y[.., i, ..] = x[.., index[.., i, ..], ..] along dim",
    inputs=("x", "index"),
    spec=lambda x, index, dim: Spec(index.shape, x.dtype),
    value=lambda x, index, dim: x[_grid(x.shape, dim, index)],
    vjps=(lambda g, x_spec, index, dim: scatter_add(_zeros(x_spec), index, g, dim=dim), None),
    examples=(
        Example(((2, 3), I3), {"dim": 0}),
        Example(((2, 3), np.array([[0, 2, 2, 1]])), {"dim": 1}),
        Example(((4,), np.array([3, 3])), {"dim": 0}),
        Example(((2, 3), np.zeros((0, 3), np.int64)), {"dim": 0}),
    ),
)
scatter: Op = array_op(
    "scatter",
    doc="y = x, but y[.., index[.., i, ..], ..] = v[.., i, ..] along dim",
    inputs=("x", "index", "v"),
    spec=lambda x, index, v, dim: x,
    value=_scatter,
    vjps=(_scatter_vjp_x, None, _scatter_vjp_v),
    examples=(
        Example(((3, 3), np.array([[0, 1, 2]]), (1, 3)), {"dim": 0}),
        Example(((2, 3), np.array([[2], [0]]), (2, 1)), {"dim": 1}),
        Example(((2, 3), np.array([[2], [0]]), (2, 2)), {"dim": 1}),
        Example(((3,), np.zeros((0,), np.int64), (0,)), {"dim": 0}),
    ),
)
scatter_add: Op = array_op(
    "scatter_add",
    doc="y = x, then y[.., index[.., i, ..], ..] += v[.., i, ..] along dim",
    inputs=("x", "index", "v"),
    spec=lambda x, index, v, dim: x,
    value=_scatter_add,
    vjps=(lambda g: g, None, _scatter_vjp_v),
    examples=(
        Example(((3, 3), np.array([[0, 1, 0], [0, 0, 0]]), (2, 3)), {"dim": 0}),
        Example(((2, 3), np.array([[2, 2], [0, 1]]), (2, 2)), {"dim": 1}),
        Example(((3,), np.zeros((0,), np.int64), (0,)), {"dim": 0}),
    ),
)
index: Op = array_op(
    "index",
    doc="y = x[indices]: NumPy's advanced indexing by integer arrays",
    inputs=("x", "*indices"),
    spec=_index_spec,
    value=lambda x, *indices, layout: x[_full_index(layout, indices)],
    vjps=(
        lambda g, x_spec, indices, layout: index_put(_zeros(x_spec), g, *indices, layout=layout, accumulate=True),
        None,
    ),
    examples=(
        Example(((4, 3), np.array([0, 2, 2])), {"layout": (0,)}),
        Example(((4, 3), np.array([[0], [2]]), np.array([1, 2])), {"layout": (0, 1)}),
        Example(((2, 3, 4), np.array([1, 0]), np.array([3, 3])), {"layout": (0, None, 1)}),
        Example(((2, 3), np.zeros((0,), np.int64)), {"layout": (None, 0)}),
    ),
)
index_put: Op = array_op(
    "index_put",
    doc="y = x, but y[indices] = v, or += v where accumulate",
    inputs=("x", "v", "*indices"),
    spec=lambda x, v, *indices, layout, accumulate: x,
    value=_index_put,
    vjps=(_index_put_vjp_x, _index_put_vjp_v, None),
    examples=(
        Example(((4, 3), (2, 3), np.array([0, 2])), {"layout": (0,), "accumulate": False}),
        Example(((4, 3), (3, 3), np.array([0, 2, 2])), {"layout": (0,), "accumulate": True}),
        Example(((4, 3), (), np.array([1, 2])), {"layout": (None, 0), "accumulate": False}),
        Example(((2, 3), (0, 3), np.zeros((0,), np.int64)), {"layout": (0,), "accumulate": True}),
    ),
)
argsort: Op = array_op(
    "argsort",
    doc="y = the order that sorts x along dim, stable; nan counts as largest",
    inputs=("x",),
    spec=lambda x, dim, descending: Spec(x.shape, dtypes.INT64),
    value=lambda x, dim, descending: _argsort(x, dim, descending),
    examples=(
        Example(((2, 3),), {"dim": 1, "descending": False}),
        Example(((4,),), {"dim": 0, "descending": True}),
        Example(((0, 3),), {"dim": 0, "descending": False}),
    ),
)


def _argsort(x: Any, dim: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, axis=dim, kind="stable").astype(np.int64, copy=False)
    # Sorting the reversed array and reading it backwards keeps equal elements in their first order.
    order = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
    return (x.shape[dim] - 1 - np.flip(order, dim)).astype(np.int64, copy=False)
