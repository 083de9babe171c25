"""Ops that combine the elements along axes: sums, products, extremes, running sums, softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError
from forwardnet.ir.graph import Spec
from forwardnet.ir.shapes import reduced
from forwardnet.ops.layout import expand, flip, reshape
from forwardnet.ops.record import Example, Op, array_op, floating
from forwardnet.ops.scalar import eq, exp, where

Dims = tuple[int, ...]


def spread(g: Any, shape: tuple[int, ...], dim: Dims, keepdim: bool) -> Any:
    """Repeat the result of a reduction over `dim` back to `shape`."""
    kept = g if keepdim else reshape(g, shape=reduced(shape, dim, keepdim=True))
    return expand(kept, shape=shape)


def _spec(x: Spec, dim: Dims, keepdim: bool) -> Spec:
    return Spec(reduced(x.shape, dim, keepdim=keepdim), x.dtype)


def _bool_spec(x: Spec, dim: Dims, keepdim: bool) -> Spec:
    return Spec(reduced(x.shape, dim, keepdim=keepdim), dtypes.BOOL)


def _arg_spec(x: Spec, dim: int, keepdim: bool) -> Spec:
    return Spec(reduced(x.shape, (dim,), keepdim=keepdim), dtypes.INT64)


def _reducer(ufunc: Any) -> Any:
    return lambda x, dim, keepdim: ufunc(
        x, axis=dim, keepdims=keepdim, **({} if ufunc in _PLAIN else {"dtype": x.dtype})
    )


_PLAIN = (np.max, np.min, np.any, np.all)


def _extreme(ufunc: Any, name: str) -> Any:
    def value(x: Any, dim: Dims, keepdim: bool) -> Any:
        if x.size == 0 and any(x.shape[d] == 0 for d in dim):
            raise ArgumentError(
                f"{name}: Expected reduction dim to be specified for input.numel() == 0; "
                f"the shape {x.shape} has no elements along {dim}",
                hint="an empty set has no extreme value",
            )
        return ufunc(x, axis=dim, keepdims=keepdim)

    return value


def _arg(ufunc: Any, name: str) -> Any:
    def value(x: Any, dim: int, keepdim: bool) -> Any:
        if x.shape[dim] == 0:
            raise ArgumentError(f"{name}: Expected reduction dim {dim} to have non-zero size, the shape is {x.shape}")
        return ufunc(x, axis=dim, keepdims=keepdim).astype(np.int64, copy=False)

    return value


def _extreme_vjp(g: Any, y: Any, x: Any, dim: Dims, keepdim: bool) -> Any:
    # Several extreme elements share the gradient evenly.
    hit = eq(x, spread(y, x.shape, dim, keepdim))
    ones = where(hit, np.ones((), g.dtype), np.zeros((), g.dtype))
    share = ones / sum_(ones, dim=dim, keepdim=True)
    return where(hit, spread(g, x.shape, dim, keepdim) * share, np.zeros((), g.dtype))


def _prod_vjp(g: Any, x: Any, dim: Dims, keepdim: bool) -> Any:
    # Product of the others, from the left times from the right: right with zeros in x, and differentiable again.
    axis = dim[0]
    left = _exclusive(x, axis)
    right = flip(_exclusive(flip(x, dims=(axis,)), axis), dims=(axis,))
    return spread(g, x.shape, dim, keepdim) * (left * right)


def _exclusive(x: Any, axis: int) -> Any:
    """prod of the elements before each, along `axis`."""
    from forwardnet.ops.layout import cat, slice_

    head = (("slice", None, None, None),) * axis
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    one = expand(np.ones((), x.dtype), shape=shape)
    if x.shape[axis] <= 1:
        return expand(one, shape=tuple(x.shape))
    return cumprod(cat(one, slice_(x, items=(*head, ("slice", None, -1, None))), dim=axis), dim=axis)


def _cumprod_vjp(g: Any, x: Any, dim: int) -> Any:
    """dL/dx_k = sum_{i >= k} g_i prod_{j <= i, j != k} x_j, written without division so that zeros are right."""
    from forwardnet.ops.layout import cat, slice_

    n = x.shape[dim]
    head = (("slice", None, None, None),) * dim
    columns = []
    for k in range(n):
        ones = expand(np.ones((), x.dtype), shape=tuple(1 if i == dim else s for i, s in enumerate(x.shape)))
        parts = [
            slice_(x, items=(*head, ("slice", 0, k, None))),
            ones,
            slice_(x, items=(*head, ("slice", k + 1, n, None))),
        ]
        others = cumprod(cat(*parts, dim=dim), dim=dim)
        tail = (*head, ("slice", k, n, None))
        columns.append(sum_(slice_(others, items=tail) * slice_(g, items=tail), dim=(dim,), keepdim=True))
    return cat(*columns, dim=dim) if columns else g


REDUCTIONS = (
    Example(((2, 3),), {"dim": (0,), "keepdim": False}),
    Example(((2, 3),), {"dim": (1,), "keepdim": True}),
    Example(((2, 3, 4),), {"dim": (0, 2), "keepdim": False}),
    Example(((3,),), {"dim": (0,), "keepdim": False}),
    Example(((),), {"dim": (), "keepdim": False}),
)
EMPTY = (Example(((0, 3),), {"dim": (0,), "keepdim": False}), Example(((2, 0),), {"dim": (0, 1), "keepdim": False}))
KEPT_EMPTY = (Example(((0, 3),), {"dim": (1,), "keepdim": False}),)
ALONG = (
    Example(((4,),), {"dim": 0}),
    Example(((2, 3),), {"dim": 0}),
    Example(((2, 3, 2),), {"dim": 1}),
    Example(((0, 3),), {"dim": 0}),
)
ARGS = (
    Example(((2, 3),), {"dim": 1, "keepdim": False}),
    Example(((3,),), {"dim": 0, "keepdim": True}),
    Example(((0, 3),), {"dim": 1, "keepdim": False}),
)

sum_: Op = array_op(
    "sum",
    doc="y = sum of x over the axes dim",
    inputs=("x",),
    spec=_spec,
    value=_reducer(np.sum),
    vjps=(lambda g, x_spec, dim, keepdim: spread(g, x_spec.shape, dim, keepdim),),
    examples=REDUCTIONS + EMPTY,
)
prod: Op = array_op(
    "prod",
    doc="y = product of x along the one axis dim",
    inputs=("x",),
    spec=_spec,
    value=_reducer(np.prod),
    vjps=(_prod_vjp,),
    examples=(*REDUCTIONS[:2], REDUCTIONS[3], EMPTY[0]),
)
amax: Op = array_op(
    "amax",
    doc="y = max of x over the axes dim; nan wins; equal maxima share the gradient",
    inputs=("x",),
    spec=_spec,
    value=_extreme(np.max, "amax"),
    vjps=(_extreme_vjp,),
    examples=REDUCTIONS + KEPT_EMPTY,
)
amin: Op = array_op(
    "amin",
    doc="y = min of x over the axes dim; nan wins; equal minima share the gradient",
    inputs=("x",),
    spec=_spec,
    value=_extreme(np.min, "amin"),
    vjps=(_extreme_vjp,),
    examples=REDUCTIONS + KEPT_EMPTY,
)
any_: Op = array_op(
    "any",
    doc="y = whether some x is not 0",
    inputs=("x",),
    spec=_bool_spec,
    value=_reducer(np.any),
    examples=REDUCTIONS + EMPTY,
)
all_: Op = array_op(
    "all",
    doc="y = whether no x is 0",
    inputs=("x",),
    spec=_bool_spec,
    value=_reducer(np.all),
    examples=REDUCTIONS + EMPTY,
)
argmax: Op = array_op(
    "argmax",
    doc="y = index of the first maximum along dim; nan wins",
    inputs=("x",),
    spec=_arg_spec,
    value=_arg(np.argmax, "argmax"),
    examples=ARGS,
)
argmin: Op = array_op(
    "argmin",
    doc="y = index of the first minimum along dim; nan wins",
    inputs=("x",),
    spec=_arg_spec,
    value=_arg(np.argmin, "argmin"),
    examples=ARGS,
)
cumsum: Op = array_op(
    "cumsum",
    doc="y[i] = sum_{j <= i} x[j] along dim",
    inputs=("x",),
    spec=lambda x, dim: x,
    value=lambda x, dim: np.cumsum(x, axis=dim, dtype=x.dtype),
    vjps=(lambda g, dim: flip(cumsum(flip(g, dims=(dim,)), dim=dim), dims=(dim,)),),
    examples=ALONG,
)
cumprod: Op = array_op(
    "cumprod",
    doc="y[i] = prod_{j <= i} x[j] along dim",
    inputs=("x",),
    spec=lambda x, dim: x,
    value=lambda x, dim: np.cumprod(x, axis=dim, dtype=x.dtype),
    vjps=(_cumprod_vjp,),
    examples=ALONG,
)


def _softmax(x: Any, dim: int) -> Any:
    if x.shape[dim] == 0:
        return np.array(x)
    e = np.exp(x - np.max(x, axis=dim, keepdims=True))
    return e / np.sum(e, axis=dim, keepdims=True, dtype=x.dtype)


def _log_softmax(x: Any, dim: int) -> Any:
    if x.shape[dim] == 0:
        return np.array(x)
    # Subtracting the maximum first: exp cannot overflow and the largest term is exactly 1.
    shifted = x - np.max(x, axis=dim, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True, dtype=x.dtype))


softmax: Op = array_op(
    "softmax",
    doc="y_i = e^(x_i) / sum_j e^(x_j) along dim",
    inputs=("x",),
    spec=lambda x, dim: floating("softmax", x),
    value=_softmax,
    vjps=(lambda g, y, dim: y * (g - sum_(g * y, dim=(dim,), keepdim=True)),),
    examples=ALONG,
)
log_softmax: Op = array_op(
    "log_softmax",
    doc="y_i = x_i - ln sum_j e^(x_j) along dim",
    inputs=("x",),
    spec=lambda x, dim: floating("log_softmax", x),
    value=_log_softmax,
    vjps=(lambda g, y, dim: g - exp(y) * sum_(g, dim=(dim,), keepdim=True),),
    examples=ALONG,
)
