"""Linear algebra on tensors: products, decompositions, inverse, determinant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, AutogradError, DTypeError, ShapeError
from forwardnet.ops import layout as lay, linear as lin, reduce as r
from forwardnet.ops.record import same_dtype
from forwardnet.tensor import tape
from forwardnet.tensor.mode import is_grad_enabled

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


class SVD(NamedTuple):
    """x = U diag(S) V'."""

    U: Tensor
    S: Tensor
    V: Tensor


class Eigh(NamedTuple):
    """x = V diag(L) V' for symmetric x; L rises."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Dot product, matrix times vector, or (batched) matrix product, by the numbers of dimensions."""
    if not tape.is_tensor(other):
        raise DTypeError(f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}")
    if input.ndim == 0 or other.ndim == 0:
        raise ShapeError(
            f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
        )
    same_dtype("matmul", input.spec, other.spec)
    same_dtype("matmul", input.spec, other.spec)
    a = lay.reshape(input, shape=(1, *input.spec.shape)) if input.ndim == 1 else input
    b = lay.reshape(other, shape=(*other.spec.shape, 1)) if other.ndim == 1 else other
    if input.ndim == other.ndim == 1 and input.spec.shape != other.spec.shape:
        raise ShapeError(
            f"inconsistent tensor size, expected tensor {list(input.spec.shape)} and src {list(other.spec.shape)} to "
            "have the same number of elements"
        )
    product = lin.matmul(a, b)
    shape = list(product.spec.shape)
    if other.ndim == 1:
        shape.pop()
    if input.ndim == 1:
        del shape[-1 if other.ndim == 1 else -2]
    return product if len(shape) == product.ndim else lay.reshape(product, shape=tuple(shape))


def _ranked(name: str, x: Tensor, ndim: int, kind: str, position: str) -> None:
    if x.ndim != ndim:
        raise ShapeError(f"{name}: {position} must be a {kind}, got {x.ndim}D with shape {x.spec.shape}")


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    _ranked("mm", input, 2, "matrix", "self")
    _ranked("mm", mat2, 2, "matrix", "mat2")
    return matmul(input, mat2)


@tape.labelled("Bmm")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """y[b] = input[b] @ mat2[b] for two batches of matrices."""
    _ranked("bmm", input, 3, "3D tensor", "batch1")
    _ranked("bmm", mat2, 3, "3D tensor", "batch2")
    if input.spec.shape[0] != mat2.spec.shape[0]:
        raise ShapeError(
            f"bmm: Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.spec.shape[0]}, {input.spec.shape[2]}] but got: {list(mat2.spec.shape[:2])}."
        )
    return matmul(input, mat2)


@tape.labelled("Mv")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    _ranked("mv", input, 2, "matrix", "input")
    _ranked("mv", vec, 1, "vector", "vec")
    return matmul(input, vec)


@tape.labelled("Dot")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """sum_i a_i b_i of two vectors."""
    for x in (input, tensor):
        if x.ndim != 1:
            raise ShapeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    same_dtype("dot", input.spec, tensor.spec)
    if input.spec.shape != tensor.spec.shape:
        raise ShapeError(
            f"inconsistent tensor size, expected tensor {list(input.spec.shape)} and src {list(tensor.spec.shape)} to "
            "have the same number of elements"
        )
    return matmul(input, tensor)


@tape.labelled("Addmm")
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * mat1 @ mat2; with beta 0 the input is ignored, nan and all."""
    product = mm(mat1, mat2)
    scaled = product if alpha == 1 else product * alpha
    if beta == 0:
        return scaled
    return scaled + (input if beta == 1 else input * beta)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """y[i, j] = a_i b_j"""
    _ranked("outer", input, 1, "vector", "self")
    _ranked("outer", vec2, 1, "vector", "vec2")
    return input.unsqueeze(1) * vec2.unsqueeze(0)


def trace(input: Tensor) -> Tensor:
    """sum_i x[i, i] of a matrix."""
    _ranked("trace", input, 2, "matrix", "input")
    return r.sum_(diagonal(input), dim=(0,), keepdim=False) if input.spec.dtype.kind == "f" else diagonal(input).sum()


def diagonal(input: Tensor, offset: int = 0) -> Tensor:
    """The elements x[i, i + offset] of a matrix, as a vector."""
    _ranked("diagonal", input, 2, "matrix", "input")
    return lay.diagonal(input, offset=offset)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the vector on its diagonal, or the diagonal of a matrix."""
    if input.ndim == 2:
        return _diagonal(input, diagonal)
    _ranked("diag", input, 1, "vector or matrix", "input")
    n = input.numel() + abs(diagonal)
    at = tape.new_tensor(np.arange(input.numel()))
    made = tape.new_tensor(np.zeros((n, n), input.spec.dtype))
    made[at + max(0, -diagonal), at + max(0, diagonal)] = input
    return made


_diagonal = diagonal


def _float(name: str, x: Tensor) -> Tensor:
    if x.spec.dtype not in (dtypes.FLOAT32, dtypes.FLOAT64):
        raise DTypeError(f"{name}: got {x.spec.dtype}, expected float32 or float64", hint="convert with .float()")
    return x


def svd(input: Tensor, some: bool = True) -> SVD:
    """(U, S, V) with input = U diag(S) V'; singular values fall. With `some=False` U and V are square.

    Raises `AutogradError` for the square ones of a tensor that requires grad: their columns beyond the rank are free.
    """
    if not some:
        if input.requires_grad and is_grad_enabled():
            raise AutogradError(
                "svd: the full U and V have no derivative", hint="use some=True (full_matrices=False), or detach()"
            )
        u, s, vh = np.linalg.svd(_float("svd", input).detach()._data)
        return SVD(*(tape.new_tensor(np.ascontiguousarray(a)) for a in (u, s, np.swapaxes(vh, -1, -2))))
    return SVD(*lin.svd(_float("svd", input)))


def eigh(input: Tensor, UPLO: str = "L") -> Eigh:
    """(eigenvalues, eigenvectors) of a symmetric matrix, eigenvalues rising; the lower ("L") or upper part is read."""
    if UPLO.upper() not in ("L", "U"):
        raise ArgumentError(f"eigh: UPLO is {UPLO!r}, expected 'L' or 'U'")
    x = _float("eigh", input)
    return Eigh(*lin.eigh(x if UPLO.upper() == "L" else x.mT))


def inverse(input: Tensor) -> Tensor:
    """The matrix y with input @ y = 1; raises `ArgumentError` for a singular matrix."""
    return lin.inverse(_float("inverse", input))


def solve(input: Tensor, other: Tensor) -> Tensor:
    """The x with input @ x = other, for vectors or matrices; raises `ArgumentError` for a singular matrix."""
    if other.ndim > 1 and other.spec.shape == input.spec.shape[:-1]:  # a batch of vectors
        return matmul(inverse(input), other.unsqueeze(-1)).squeeze(-1)
    return matmul(inverse(input), other)


def det(input: Tensor) -> Tensor:
    """The determinant of a matrix or of each of a batch."""
    return lin.det(_float("det", input))
