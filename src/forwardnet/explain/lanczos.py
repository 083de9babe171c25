"""Eigenvalues of a symmetric matrix from products with it alone.

Axis glossary: n rows of the matrix, k steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import seeds
from forwardnet.errors import ArgumentError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ritz:
    """Estimates of eigenvalues, rising (k,).

    `errors` (k,): some eigenvalue lies within this distance of the estimate. `weights` (k,), of sum 1: the share of
    the starting vector that lies along each; their mean over random vectors estimates the density of eigenvalues
    (stochastic Lanczos quadrature). `vectors` (n, k) belong to the estimates.
    """

    values: Floats
    errors: Floats
    weights: Floats
    vectors: Floats


def lanczos(product: Callable[[Floats], Floats], n: int, *, steps: int, seed: int = 0, start: Any = None) -> Ritz:
    """Run k = min(`steps`, n) steps of Lanczos' method on the matrix A that `product(v)` = A v multiplies by.

    The largest and smallest eigenvalues come out first, long before k = n; with k = n all of them are exact up to
    rounding, unless some are equal, which then come once. Starts from `start` (n,), or a random vector of `seed`.
    Every new vector is made orthogonal to all earlier ones twice, without which rounding would bring found
    eigenvalues back as copies (Golub & Van Loan 2013, section 10.3).

    Raises:
        ArgumentError: `steps` is below 1, or the starting vector is zero.
    """
    if steps < 1:
        raise ArgumentError(f"lanczos: steps is {steps}, expected at least 1")
    v = random_vector(n, seed) if start is None else np.array(start, dtype=np.float64)
    norm = float(np.linalg.norm(v))
    if not norm > 0:
        raise ArgumentError("lanczos: the starting vector is zero")
    basis = np.zeros((n, min(steps, n)))
    diagonal: list[float] = []
    beside: list[float] = []
    v = v / norm
    scale = 0.0
    for k in range(min(steps, n)):
        basis[:, k] = v
        w = product(v)
        diagonal.append(float(v @ w))
        used = basis[:, : k + 1]
        for _ in range(2):
            w = w - used @ (used.T @ w)
        beside.append(float(np.linalg.norm(w)))
        scale = max(scale, abs(diagonal[-1]), beside[-1])
        if beside[-1] <= 1e-12 * scale:  # an invariant subspace: what else there is cannot be reached from here
            break
        v = w / beside[-1]
    return _ritz(np.array(diagonal), np.array(beside), basis[:, : len(diagonal)])


def _ritz(diagonal: Floats, beside: Floats, basis: Floats) -> Ritz:
    k = len(diagonal)
    tridiagonal = np.diag(diagonal) + np.diag(beside[: k - 1], 1) + np.diag(beside[: k - 1], -1)
    values, vectors = np.linalg.eigh(tridiagonal)
    return Ritz(values, np.abs(beside[-1] * vectors[-1]), vectors[0] ** 2, basis @ vectors)


def random_vector(n: int, seed: int, stream: int = 0) -> Floats:
    """`n` standard normal numbers, a function of `seed` and `stream`."""
    words = seeds.bits(4 * ((n + 1) // 2), seed=seed, stream=stream)
    drawn: Floats = seeds.normal64(words)[:n]
    return drawn
