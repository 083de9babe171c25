"""Linear algebra under the names of `torch.linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forwardnet.tensor import matrix, reduction
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
    """The Frobenius norm, or with ord 2 the largest singular value."""
    return reduction.norm(A) if ord == "fro" else reduction.amax(svdvals(A), -1)


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The 2-norm of all elements, or the vector norm of order `ord`."""
    return reduction.norm(A, 2 if ord is None else ord, dim, keepdim)
