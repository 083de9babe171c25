"""Linear algebra under the names of `torch.linalg`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from forwardnet.errors import ArgumentError
from forwardnet.ir.shapes import axes
from forwardnet.tensor import matrix, pointwise, reduction
from forwardnet.tensor.matrix import det as det, eigh as eigh, inverse as inv, matmul as matmul, solve as solve

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

__all__ = ["det", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "norm", "solve", "svd", "svdvals", "vector_norm"]


def svd(A: Tensor, full_matrices: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, Vh) with A = U diag(S) Vh; only `full_matrices=False` has a derivative when A is not square."""
    u, s, v = matrix.svd(A, some=not full_matrices or A.shape[-1] == A.shape[-2])
    return u, s, v.mT


def svdvals(A: Tensor) -> Tensor:
    """The singular values, falling."""
    return matrix.svd(A).S


def eigvalsh(A: Tensor) -> Tensor:
    """The eigenvalues of a symmetric matrix, rising."""
    return matrix.eigh(A).eigenvalues


def vector_norm(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """(sum_i |x_i|^ord)^(1/ord)"""
    return reduction.norm(x, ord, dim, keepdim)


def matrix_norm(A: Tensor, ord: Any = "fro") -> Tensor:
    """A norm of the last two dimensions: "fro", "nuc", 2 and -2 by singular values, 1 and -1 by columns, inf by rows.

    Raises `ArgumentError` for another order.
    """
    if ord == "fro":
        return reduction.norm(A, 2, (-2, -1))
    if ord == "nuc":
        return reduction.sum(svdvals(A), -1)
    if ord in (2, -2):
        return (reduction.amax if ord > 0 else reduction.amin)(svdvals(A), -1)
    if ord in (1, -1, math.inf, -math.inf):
        sums = reduction.sum(pointwise.abs(A), -2 if ord in (1, -1) else -1)
        return (reduction.amax if ord > 0 else reduction.amin)(sums, -1)
    raise ArgumentError(f"linalg.matrix_norm: Order {ord} not supported.")


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The 2-norm of all elements; with an order, the norm of a vector or of a matrix, by the number of dimensions."""
    if ord is None or isinstance(dim, int) or (dim is None and A.ndim == 1):
        return reduction.norm(A, 2 if ord is None else ord, dim, keepdim)
    over = axes(dim, A.ndim, where="norm")
    if len(over) != 2:
        if len(over) == 1:
            return reduction.norm(A, ord, over, keepdim)
        raise ArgumentError(f"linalg.norm: with an order, A must have 1 or 2 dimensions, got {A.ndim}")
    first, last = dim if dim is not None else (0, 1)
    found = matrix_norm(A.movedim((first, last), (-2, -1)), ord)
    return found.reshape([1 if i in over else n for i, n in enumerate(A.shape)]) if keepdim else found
