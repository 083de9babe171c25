"""Ops that move elements without changing them: reshape, permute, expand, slice, cat, copy, cast."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet.errors import ShapeError
from forwardnet.ir.graph import Spec
from forwardnet.ir.shapes import expanded, reduced, reshaped
from forwardnet.ops.record import Example, Op, array_op

Item = tuple[str, int | None, int | None, int | None]
Items = tuple[Item, ...]
"""A basic index, hashable: ("int", i, None, None), ("slice", start, stop, step) or ("new", None, None, None)."""


def as_index(items: Items) -> tuple[Any, ...]:
    """The index that NumPy understands."""
    made: list[Any] = []
    for kind, start, stop, step in items:
        made.append(start if kind == "int" else None if kind == "new" else slice(start, stop, step))
    return tuple(made)


def sliced(shape: tuple[int, ...], items: Items) -> tuple[int, ...]:
    """The shape of x[items]."""
    result: list[int] = []
    position = 0
    for kind, start, stop, step in items:
        if kind == "new":
            result.append(1)
            continue
        if kind == "slice":
            result.append(len(range(*slice(start, stop, step).indices(shape[position]))))
        position += 1
    return (*result, *shape[position:])


def inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `dims`."""
    result = [0] * len(dims)
    for position, dim in enumerate(dims):
        result[dim] = position
    return tuple(result)


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes that broadcasting added or stretched, back to `shape`."""
    own = tuple(g.shape)
    if own == shape:
        return g
    from forwardnet.ops.reduce import sum_  # reduce is built on layout

    lead = len(own) - len(shape)
    over = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and own[i + lead] != 1))
    return reshape(sum_(g, dim=over, keepdim=True), shape=shape) if over else reshape(g, shape=shape)


def _permuted(x: Spec, dims: tuple[int, ...]) -> Spec:
    return Spec(tuple(x.shape[d] for d in dims), x.dtype)


def _cat_spec(*xs: Spec, dim: int) -> Spec:
    first = xs[0]
    for i, x in enumerate(xs):
        if len(x.shape) != len(first.shape) or reduced(x.shape, [dim], keepdim=True) != reduced(
            first.shape, [dim], keepdim=True
        ):
            raise ShapeError(
                f"cat: Sizes of tensors must match except in dimension {dim}: tensor 0 has shape {first.shape}, "
                f"tensor {i} has shape {x.shape}"
            )
    length = sum(x.shape[dim] for x in xs)
    return Spec((*first.shape[:dim], length, *first.shape[dim + 1 :]), first.dtype)


def _cat_vjp(g: Any, i: int, xs_specs: tuple[Spec, ...], dim: int) -> Any:
    start = sum(s.shape[dim] for s in xs_specs[:i])
    whole = (("slice", None, None, None),) * dim
    return slice_(g, items=(*whole, ("slice", start, start + xs_specs[i].shape[dim], None)))


def diagonal_length(shape: tuple[int, ...], offset: int) -> int:
    """How many elements x[i, i + offset] a matrix of that shape has."""
    rows, columns = shape
    return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))


def _diagonal(x: Any, offset: int) -> Any:
    n = diagonal_length(x.shape, offset)
    step = (x.strides[0] + x.strides[1],)
    start = x[max(0, -offset) :, max(0, offset) :]
    return np.lib.stride_tricks.as_strided(start, (n,), step, writeable=x.flags.writeable) if n else x.reshape(-1)[:0]


def _diagonal_put(x: Any, v: Any, offset: int) -> Any:
    y = np.array(x, order="C")
    _diagonal(y, offset)[...] = v
    return y


def _expand(x: Any, shape: tuple[int, ...]) -> Any:
    wanted = expanded(x.shape, shape)
    # Where nothing is repeated the view can be written to.
    return np.reshape(x, wanted) if math.prod(wanted) == x.size else np.broadcast_to(x, wanted)


def _put(x: Any, v: Any, items: Items) -> Any:
    y = np.array(x, order="C")
    y[as_index(items)] = v
    return y


def _put_zero(g: Any, v_spec: Spec, items: Items) -> Any:
    return slice_put(g, expand(np.zeros((), v_spec.dtype), shape=v_spec.shape), items=items)


def _slice_vjp(g: Any, x_spec: Spec, items: Items) -> Any:
    zeros = expand(np.zeros((), x_spec.dtype), shape=x_spec.shape)
    return slice_put(zeros, g, items=items)


reshape: Op = array_op(
    "reshape",
    doc="y = the elements of x in row-major order, in another shape",
    inputs=("x",),
    spec=lambda x, shape: Spec(reshaped(x.shape, shape), x.dtype),
    value=lambda x, shape: np.reshape(x, shape),
    vjps=(lambda g, x_spec: reshape(g, shape=x_spec.shape),),
    view=True,
    label="View",
    examples=(
        Example(((2, 3),), {"shape": (3, 2)}),
        Example(((2, 3),), {"shape": (6,)}),
        Example(((0, 3),), {"shape": (3, 0)}),
        Example(((),), {"shape": (1, 1)}),
    ),
)
permute: Op = array_op(
    "permute",
    doc="y[i_dims[0], i_dims[1], ...] = x[i_0, i_1, ...]",
    inputs=("x",),
    spec=_permuted,
    value=lambda x, dims: np.transpose(x, dims),
    vjps=(lambda g, dims: permute(g, dims=inverse(dims)),),
    view=True,
    examples=(
        Example(((2, 3),), {"dims": (1, 0)}),
        Example(((2, 3, 4),), {"dims": (2, 0, 1)}),
        Example(((0, 3),), {"dims": (1, 0)}),
        Example(((),), {"dims": ()}),
    ),
)
expand: Op = array_op(
    "expand",
    doc="y[..., i] = x[..., i or 0 where x has length 1]",
    inputs=("x",),
    spec=lambda x, shape: Spec(expanded(x.shape, shape), x.dtype),
    value=_expand,
    vjps=(lambda g, x_spec: sum_to(g, x_spec.shape),),
    view=True,
    examples=(
        Example(((4, 1),), {"shape": (4, 3)}),
        Example(((),), {"shape": (2, 2)}),
        Example(((1, 3),), {"shape": (0, 3)}),
        Example(((3,),), {"shape": (2, 1, 3)}),
        Example(((2, 3),), {"shape": (1, 2, 3)}),
    ),
)
slice_: Op = array_op(
    "slice",
    doc="y = x[items] for a basic index: integers, slices, new axes",
    inputs=("x",),
    spec=lambda x, items: Spec(sliced(x.shape, items), x.dtype),
    # The ellipsis makes a single element a view too, where NumPy would give a copy of it.
    value=lambda x, items: x[(*as_index(items), ...)],
    vjps=(_slice_vjp,),
    view=True,
    examples=(
        Example(((4, 3),), {"items": (("slice", 1, 3, None),)}),
        Example(((4, 3),), {"items": (("int", 2, None, None), ("slice", None, None, 2))}),
        Example(((4, 3),), {"items": (("new", None, None, None), ("slice", 2, 2, None))}),
        Example(((4,),), {"items": (("int", -1, None, None),)}),
    ),
)
slice_put: Op = array_op(
    "slice_put",
    doc="y = x, but y[items] = v",
    inputs=("x", "v"),
    spec=lambda x, v, items: Spec(x.shape, x.dtype),
    value=_put,
    vjps=(_put_zero, lambda g, items: slice_(g, items=items)),
    label="CopySlices",
    examples=(
        Example(((4, 3), (2, 3)), {"items": (("slice", 1, 3, None),)}),
        Example(((4, 3), (2,)), {"items": (("int", 2, None, None), ("slice", None, None, 2))}),
        Example(((4, 3), (0, 3)), {"items": (("slice", 2, 2, None),)}),
        Example(((4,), ()), {"items": (("int", -1, None, None),)}),
    ),
)
flip: Op = array_op(
    "flip",
    doc="y[.., i, ..] = x[.., n-1-i, ..] along each axis of dims",
    inputs=("x",),
    spec=lambda x, dims: x,
    value=lambda x, dims: np.flip(x, dims).copy(),
    vjps=(lambda g, dims: flip(g, dims=dims),),
    examples=(
        Example(((2, 3),), {"dims": (0, 1)}),
        Example(((0, 3),), {"dims": (1,)}),
        Example(((3,),), {"dims": (0,)}),
    ),
)
roll: Op = array_op(
    "roll",
    doc="y[.., (i + shift) mod n, ..] = x[.., i, ..]",
    inputs=("x",),
    spec=lambda x, shifts, dims: x,
    value=lambda x, shifts, dims: np.roll(x, shifts, dims),
    vjps=(lambda g, shifts, dims: roll(g, shifts=tuple(-s for s in shifts), dims=dims),),
    examples=(
        Example(((2, 3),), {"shifts": (1, -2), "dims": (0, 1)}),
        Example(((3,),), {"shifts": (4,), "dims": (0,)}),
        Example(((0, 2),), {"shifts": (1,), "dims": (0,)}),
    ),
)
tril: Op = array_op(
    "tril",
    doc="y[.., i, j] = x[.., i, j] where j - i <= diagonal, else 0",
    inputs=("x",),
    spec=lambda x, diagonal: x,
    value=lambda x, diagonal: np.tril(x, diagonal),
    vjps=(lambda g, diagonal: tril(g, diagonal=diagonal),),
    examples=(
        Example(((3, 3),), {"diagonal": 0}),
        Example(((2, 3, 2),), {"diagonal": -1}),
        Example(((0, 2),), {"diagonal": 0}),
    ),
)
triu: Op = array_op(
    "triu",
    doc="y[.., i, j] = x[.., i, j] where j - i >= diagonal, else 0",
    inputs=("x",),
    spec=lambda x, diagonal: x,
    value=lambda x, diagonal: np.triu(x, diagonal),
    vjps=(lambda g, diagonal: triu(g, diagonal=diagonal),),
    examples=(
        Example(((3, 3),), {"diagonal": 0}),
        Example(((2, 3, 2),), {"diagonal": 1}),
        Example(((0, 2),), {"diagonal": 0}),
    ),
)
cat: Op = array_op(
    "cat",
    doc="y = x_0, x_1, ... one after the other along the axis dim",
    inputs=("*xs",),
    spec=_cat_spec,
    value=lambda *xs, dim: np.concatenate(xs, axis=dim),
    vjps=(_cat_vjp,),
    examples=(
        Example(((2, 3), (1, 3)), {"dim": 0}),
        Example(((2, 3), (2, 1), (2, 0)), {"dim": 1}),
        Example(((0, 2), (0, 1)), {"dim": 1}),
    ),
)
clone: Op = array_op(
    "clone",
    doc="y = x, in memory of its own: in row-major order, or in the order of x",
    inputs=("x",),
    spec=lambda x, row_major: x,
    # The order of a repeated axis says nothing about memory, so the copy of an expanded tensor is row-major.
    value=lambda x, row_major: np.array(x, order="C" if row_major or 0 in x.strides else "K"),
    vjps=(lambda g: g,),
    examples=(
        Example(((2, 3),), {"row_major": True}),
        Example(((0,),), {"row_major": False}),
        Example(((),), {"row_major": False}),
    ),
)
diagonal: Op = array_op(
    "diagonal",
    doc="y[i] = x[i - min(offset, 0), i + max(offset, 0)]",
    inputs=("x",),
    spec=lambda x, offset: Spec((diagonal_length(x.shape, offset),), x.dtype),
    value=_diagonal,
    vjps=(
        lambda g, x_spec, offset: diagonal_put(
            expand(np.zeros((), x_spec.dtype), shape=x_spec.shape), g, offset=offset
        ),
    ),
    view=True,
    examples=(
        Example(((3, 3),), {"offset": 0}),
        Example(((2, 4),), {"offset": 1}),
        Example(((3, 2),), {"offset": -1}),
        Example(((0, 2),), {"offset": 0}),
    ),
)
diagonal_put: Op = array_op(
    "diagonal_put",
    doc="y = x, but y[i - min(offset, 0), i + max(offset, 0)] = v[i]",
    inputs=("x", "v"),
    spec=lambda x, v, offset: x,
    value=_diagonal_put,
    vjps=(
        lambda g, v_spec, offset: diagonal_put(
            g, expand(np.zeros((), v_spec.dtype), shape=v_spec.shape), offset=offset
        ),
        lambda g, offset: diagonal(g, offset=offset),
    ),
    examples=(
        Example(((3, 3), (3,)), {"offset": 0}),
        Example(((2, 4), (2,)), {"offset": 1}),
        Example(((0, 2), (0,)), {"offset": 0}),
    ),
)
cast: Op = array_op(
    "cast",
    doc="y = x as another number type",
    inputs=("x",),
    spec=lambda x, dtype: Spec(x.shape, dtype),
    value=lambda x, dtype: x.astype(dtype),
    vjps=(lambda g, x_spec: cast(g, dtype=x_spec.dtype),),
    label="ToCopy",
    examples=(
        Example(((2, 3),), {"dtype": np.dtype("float64")}),
        Example(((0,),), {"dtype": np.dtype("float64")}),
        Example(((),), {"dtype": np.dtype("float64")}),
    ),
)
