"""Linear models by hand: the column of ones, least squares by two ways, weights from correlations, and features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np

from forwardnet.construct.network import Array, build
from forwardnet.construct.neuron import neuron
from forwardnet.errors import ArgumentError, DivergedError, ShapeError, unknown_name
from forwardnet.nn.sequential import Sequential


def _rows(place: str, X: Any) -> Array:
    data = np.asarray(X, np.float64)
    if data.ndim != 2 or not data.size:
        raise ShapeError(f"{place}: X has shape {data.shape}, expected (n, d)", hint="one feature: X[:, None]")
    return data


def _with_target(place: str, X: Any, y: Any) -> tuple[Array, Array]:
    data, target = _rows(place, X), np.asarray(y, np.float64).reshape(-1)
    if len(target) != len(data):
        raise ShapeError(f"{place}: X has {len(data)} rows and y {len(target)}, expected as many")
    return data, target


def add_bias_column(X: Any) -> Array:
    """(1, x_1, ..., x_d) for each row of X (n, d): then w0 + w . x is one product, with the bias w0 as a weight."""
    data = _rows("add_bias_column", X)
    return np.column_stack([np.ones(len(data)), data])


@dataclass(frozen=True)
class LinearFit:
    """y = w . x + b with the squared loss L = 1/2 sum_j (w . x_j + b - y_j)^2 it has on the data.

    `curvature` are the eigenvalues of the Hessian of L, X'X with the column of ones, in rising order; gradient descent
    converges for rates below `largest_rate` = 2 / the largest of them.
    """

    weights: Array
    bias: float
    loss: float
    steps: int
    is_converged: bool
    curvature: Array

    @property
    def largest_rate(self) -> float:
        """Gradient descent diverges at higher rates than this."""
        return 2 / float(self.curvature[-1])

    def network(self, *, dtype: Any = None) -> Sequential:
        """The fit as a network of one linear unit."""
        layer = (self.weights[None], np.array([self.bias]))
        return build([layer], what="linear fit", claim=f"squared loss {self.loss:.6g} on its data", dtype=dtype)


def fit_linear(
    X: Any,
    y: Any,
    *,
    solver: str = "normal",
    rate: float | None = None,
    max_steps: int = 100_000,
    tolerance: float = 1e-10,
    start: Sequence[float] | None = None,
) -> LinearFit:
    """Minimise L(w) = 1/2 sum_j (w . (1, x_j) - y_j)^2, the likelihood of y_j = w . (1, x_j) + N(0, sigma^2) errors.

    "normal": the solution of X'X w = X'y, by least squares, the shortest one if there are several.
    "gd": w -= rate dL/dw from `start` (bias first; 0 without), until |dL/dw| <= `tolerance` times its first length, or
    for `max_steps`; the rate is 1 / the largest curvature unless given.

    Raises:
        DivergedError: the rate is too high.
    """
    data, target = _with_target("fit_linear", X, y)
    A = add_bias_column(data)
    curvature = np.linalg.eigvalsh(A.T @ A)
    if solver == "normal":
        w, steps, is_converged = np.linalg.lstsq(A, target, rcond=None)[0], 0, True
    elif solver == "gd":
        first = np.zeros(A.shape[1]) if start is None else np.array(start, np.float64)
        if first.shape != A.shape[1:]:
            raise ShapeError(f"fit_linear: start has shape {first.shape}, expected {A.shape[1:]}: bias, then weights")
        given = 1 / float(curvature[-1]) if rate is None else rate
        w, steps, is_converged = _descend(A, target, first, given, max_steps, tolerance)
    else:
        raise unknown_name("solver", solver, ("normal", "gd"))
    loss = 0.5 * float(np.sum((A @ w - target) ** 2))
    return LinearFit(w[1:], float(w[0]), loss, steps, is_converged, curvature)


def _descend(
    A: Array, target: Array, w: Array, rate: float, max_steps: int, tolerance: float
) -> tuple[Array, int, bool]:
    first: float | None = None
    for step in range(max_steps + 1):
        gradient = A.T @ (A @ w - target)
        length = float(np.linalg.norm(gradient))
        first = length if first is None else first
        if length <= tolerance * first:
            return w, step, True
        if not math.isfinite(length) or length > 1e12 * first:
            raise DivergedError(
                f"fit_linear: the gradient grew to {length:.3g} in {step} steps of rate {rate:g}",
                hint=f"rates below {2 / float(np.linalg.eigvalsh(A.T @ A)[-1]):.4g} converge",
            )
        if step < max_steps:
            w = w - rate * gradient
    return w, max_steps, False


def suggest_weights(X: Any, y: Any, *, dtype: Any = None) -> Sequential:
    """sigmoid(sum_i r_i (x_i - mean_i) / std_i), r_i the correlation of feature i with y: weights by experience.

    The sign of a weight is that of the correlation, its size how strong that is. A rule of thumb: features that say the
    same are counted twice, and a training finds better weights. Features must be standardised for sizes to mean
    anything, which is built into weights and bias here. X (n, d); y (n,), of two classes or of numbers.
    """
    data, target = _with_target("suggest_weights", X, y)
    std, spread = data.std(axis=0), float(target.std())
    if spread == 0:
        raise ArgumentError("suggest_weights: all y are the same")
    scale = np.where(std > 0, std, 1.0)
    centred = data - data.mean(axis=0)
    correlation = (centred * (target - target.mean())[:, None]).mean(axis=0) / (scale * spread)
    w = correlation / scale
    return neuron(w.tolist(), -float(w @ data.mean(axis=0)), "sigmoid", dtype=dtype)


# ---------------------------------------------------------------- features


def polynomial_features(X: Any, degree: int = 2, *, interactions_only: bool = False) -> Array:
    """All products of 1 to `degree` features: (x1, x2, x1 x1, x1 x2, x2 x2) for X (n, 2).

    With `interactions_only` each feature at most once: (x1, x2, x1 x2), in which exclusive or is linear.
    """
    data = _rows("polynomial_features", X)
    if isinstance(degree, bool) or not hasattr(degree, "__index__") or degree < 1:
        raise ArgumentError(f"polynomial_features: degree is {degree!r}, expected a whole number >= 1")
    choose = combinations if interactions_only else combinations_with_replacement
    chosen = [list(c) for k in range(1, degree + 1) for c in choose(range(data.shape[1]), k)]
    return np.column_stack([data[:, columns].prod(axis=1) for columns in chosen])


def rbf_features(X: Any, centers: Any, width: float) -> Array:
    """exp(-|x - c_k|^2 / (2 width^2)) for each row of X (n, d) and of `centers` (k, d): how near x is to each centre.

    Enough of them fit anything that is locally smooth, but what they learn near one centre says nothing elsewhere.
    """
    data, c = _rows("rbf_features", X), _rows("rbf_features, centers", centers)
    if data.shape[1] != c.shape[1]:
        raise ShapeError(f"rbf_features: X has {data.shape[1]} columns and centers {c.shape[1]}, expected as many")
    if not 0 < width < math.inf:
        raise ArgumentError(f"rbf_features: width is {width!r}, expected a positive number")
    squared = ((data[:, None, :] - c[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-squared / (2 * width**2)))
