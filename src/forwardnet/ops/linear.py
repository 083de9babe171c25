"""Ops of linear algebra: matrix product, inverse, solve, determinant, decompositions."""

from __future__ import annotations

from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.ir.graph import Spec
from forwardnet.ir.shapes import broadcast
from forwardnet.ops.layout import permute, reshape, sum_to
from forwardnet.ops.record import Example, Op, array_op, floating, same_dtype
from forwardnet.ops.reduce import sum_
from forwardnet.ops.scalar import div, where


def swap(x: Any) -> Any:
    """The transpose of the last two axes."""
    n = len(x.shape)
    return permute(x, dims=(*range(n - 2), n - 1, n - 2))


def _matmul_spec(a: Spec, b: Spec) -> Spec:
    dtype = same_dtype("matmul", a, b)
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"matmul: mat1 and mat2 shapes cannot be multiplied ({_cross(a.shape)} and {_cross(b.shape)})",
            hint=f"the last size of the first ({a.shape[-1]}) must be the last but one of the second ({b.shape[-2]})",
        )
    batch = broadcast(a.shape[:-2], b.shape[:-2], where="matmul")
    return Spec((*batch, a.shape[-2], b.shape[-1]), dtype)


def _cross(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _square(name: str, x: Spec) -> None:
    if len(x.shape) < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{name}: x has shape {x.shape}, expected a square matrix or a batch of them (..., n, n)")
    floating(name, x)


def _inverse(x: Any) -> Any:
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        raise ArgumentError(
            "inverse: the matrix is singular", hint="its rows are linearly dependent; use lstsq or a pseudo-inverse"
        ) from None


def _square_spec(name: str) -> Any:
    def spec(x: Spec) -> Spec:
        _square(name, x)
        return x

    return spec


def _det_spec(x: Spec) -> Spec:
    _square("det", x)
    return Spec(x.shape[:-2], x.dtype)


def _det_vjp(g: Any, y: Any, x: Any) -> Any:
    # d det = det tr(X^-1 dX); a singular matrix needs the cofactors, which come from its SVD.
    n = x.shape[-1]
    wide = reshape(g * y, shape=(*x.shape[:-2], 1, 1))
    try:
        return wide * swap(inverse(x))
    except ArgumentError:
        u, s, v = svd(x)
        return reshape(g, shape=(*x.shape[:-2], 1, 1)) * _cofactors(u, s, v, n)


def _cofactors(u: Any, s: Any, v: Any, n: int) -> Any:
    others = [[s[..., j] for j in range(n) if j != i] for i in range(n)]
    columns = []
    for i in range(n):
        product = 1.0
        for factor in others[i]:
            product = product * factor
        column = reshape(u[..., :, i], shape=(*u.shape[:-1], 1)) * reshape(v[..., :, i], shape=(*v.shape[:-2], 1, n))
        columns.append(reshape(product, shape=(*u.shape[:-2], 1, 1)) * column if n > 1 else column)
    sign = det(u) * det(v)
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return reshape(sign, shape=(*u.shape[:-2], 1, 1)) * total


def _svd_spec(x: Spec) -> tuple[Spec, Spec, Spec]:
    if len(x.shape) < 2:
        raise ShapeError(f"svd: x has shape {x.shape}, expected a matrix or a batch of them (..., m, n)")
    *batch, m, n = floating("svd", x).shape
    k = min(m, n)
    return Spec((*batch, m, k), x.dtype), Spec((*batch, k), x.dtype), Spec((*batch, n, k), x.dtype)


def _svd(x: Any) -> tuple[Any, Any, Any]:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u, s, np.swapaxes(vh, -1, -2)


def _svd_vjp(g: Any, y: Any, x_spec: Spec) -> Any:
    """Townsend (2016), "Differentiating the singular value decomposition", for U S V' with distinct S."""
    gu, gs, gv = g
    u, s, v = y
    *batch, m, n = x_spec.shape
    k = min(m, n)
    eye = np.eye(k, dtype=x_spec.dtype)
    row, column = reshape(s, shape=(*batch, 1, k)), reshape(s, shape=(*batch, k, 1))
    gap = row * row - column * column
    f = where(eye == 1, 0.0, div(1.0, where(eye == 1, 1.0, gap)))
    utgu, vtgv = matmul(swap(u), gu), matmul(swap(v), gv)
    inner = (f * (utgu - swap(utgu))) * row + column * (f * (vtgv - swap(vtgv))) + eye * column * 0.0
    inner = inner + eye * reshape(gs, shape=(*batch, k, 1))
    result = matmul(matmul(u, inner), swap(v))
    if m > k:
        rest = gu - matmul(u, utgu)
        result = result + matmul(rest / row, swap(v))
    if n > k:
        rest = gv - matmul(v, vtgv)
        result = result + matmul(u, swap(rest / row))
    return result


def _eigh_spec(x: Spec) -> tuple[Spec, Spec]:
    _square("eigh", x)
    return Spec(x.shape[:-1], x.dtype), x


def _eigh_vjp(g: Any, y: Any, x_spec: Spec) -> Any:
    """A = V diag(l) V' with distinct l: V (diag(gl) + F o V'gV) V', where F_ij = 1 / (l_j - l_i)."""
    gl, gv = g
    values, v = y
    *batch, n = tuple(values.shape)
    eye = np.eye(n, dtype=x_spec.dtype)
    gap = reshape(values, shape=(*batch, 1, n)) - reshape(values, shape=(*batch, n, 1))
    f = where(eye == 1, 0.0, div(1.0, where(eye == 1, 1.0, gap)))
    inner = f * matmul(swap(v), gv) + eye * reshape(gl, shape=(*batch, n, 1))
    return matmul(matmul(v, inner), swap(v))


matmul: Op = array_op(
    "matmul",
    doc="y[.., m, n] = sum_k a[.., m, k] b[.., k, n]",
    inputs=("a", "b"),
    spec=_matmul_spec,
    value=lambda a, b: np.matmul(a, b),
    vjps=(
        lambda g, b, a_spec: sum_to(matmul(g, swap(b)), a_spec.shape),
        lambda g, a, b_spec: sum_to(matmul(swap(a), g), b_spec.shape),
    ),
    examples=(
        Example(((2, 3), (3, 4))),
        Example(((3, 3), (3, 3))),
        Example(((5, 2, 3), (5, 3, 2))),
        Example(((2, 1, 2, 3), (4, 3, 1))),
        Example(((0, 3), (3, 2))),
        Example(((2, 0), (0, 3))),
        Example(((1, 1), (1, 1))),
    ),
    label="Mm",
)
inverse: Op = array_op(
    "inverse",
    doc="y = x^-1, for which x y = 1",
    inputs=("x",),
    spec=_square_spec("inverse"),
    value=_inverse,
    vjps=(lambda g, y: -matmul(matmul(swap(y), g), swap(y)),),
    examples=(
        Example((np.array([[2.0, 1.0], [1.0, 3.0]]),)),
        Example((np.array([[[2.0, 0.5], [0.1, 1.0]], [[1.0, 0.0], [0.4, -2.0]]]),)),
        Example(((0, 0),)),
    ),
)
det: Op = array_op(
    "det",
    doc="y = determinant of x",
    inputs=("x",),
    spec=_det_spec,
    value=lambda x: np.linalg.det(x),
    vjps=(_det_vjp,),
    examples=(
        Example((np.array([[2.0, 1.0], [1.0, 3.0]]),)),
        Example((np.array([[[2.0, 0.5], [0.1, 1.0]], [[1.0, 0.0], [0.4, -2.0]]]),)),
        Example(((0, 2, 2),)),
    ),
)
svd: Op = array_op(
    "svd",
    doc="x = u diag(s) v', s >= 0 falling, u'u = v'v = 1",
    inputs=("x",),
    spec=_svd_spec,
    value=_svd,
    vjps=(_svd_vjp,),
    outputs=3,
    examples=(
        Example((np.array([[3.0, 0.0], [4.0, 5.0]]),)),
        Example((np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]]),)),
        Example((np.array([[1.0, 2.0, 0.2], [0.5, -1.0, 3.0]]),)),
        Example(((0, 2, 2),)),
    ),
)
eigh: Op = array_op(
    "eigh",
    doc="x = v diag(l) v' for symmetric x, l rising, v'v = 1; only the lower triangle is read",
    inputs=("x",),
    spec=_eigh_spec,
    value=lambda x: np.linalg.eigh(x),
    vjps=(_eigh_vjp,),
    outputs=2,
    examples=(Example((np.array([[2.0, 1.0], [1.0, 2.5]]),)), Example(((0, 0),))),
)


def trace_of(x: Any) -> Any:
    """sum_i x[i, i]"""
    eye = np.eye(x.shape[-2], x.shape[-1], dtype=x.dtype)
    return sum_(x * eye, dim=(-2 % len(x.shape), -1 % len(x.shape)), keepdim=False)
