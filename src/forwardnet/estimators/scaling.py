"""Putting columns on one scale where they need it, and taking that back out of the weights.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Columns of which the largest value is above the one and the root mean squares are below the other are taken as they
# are ...
SMALL, LARGE = 1e-2, 1e2
# ... unless the root mean square of one is so many times larger than the largest value of another.
APART = 1e3
# No value of a training row lies further than this from the mean, in scaled units: a rare large value of a column that
# is mostly 0 would drown the others.
REACH = 10.0


@dataclass(frozen=True)
class Scaling:
    """x' = (x - shift) / factor, column by column; both (d,), float64."""

    shift: Array
    factor: Array

    def apply(self, X: Array, dtype: Any = np.float64) -> Array:
        """The scaled columns; the difference is taken in double precision."""
        return np.ascontiguousarray((X - self.shift) / self.factor, dtype=dtype)

    def undo(self, X: Array) -> Array:
        """The columns in their own units."""
        return np.asarray(X * self.factor + self.shift)

    def fold_in(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Weights (d, h) and biases (h,) of a layer for columns as they come, from those for scaled ones."""
        own = weight / self.factor[:, None]
        return own, bias - self.shift @ own

    def unfold_in(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """What `fold_in` was given."""
        return weight * self.factor[:, None], bias + self.shift @ weight

    def unfold_out(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """What `fold_out` was given."""
        return weight / self.factor, (bias - self.shift) / self.factor

    def fold_out(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Weights (h, d) and biases (d,) of a layer that puts out columns in their own units."""
        return weight * self.factor, bias * self.factor + self.shift


def measured(X: Array, weight: Array | None = None) -> Scaling:
    """Means and standard deviations of the columns; a factor is at least a tenth of the furthest value from the mean.

    The factor of a constant column is 1.
    """
    X = np.asarray(X, np.float64)
    shift = np.average(X, axis=0, weights=weight)
    spread = np.sqrt(np.average((X - shift) ** 2, axis=0, weights=weight))
    far = np.maximum(X.max(axis=0) - shift, shift - X.min(axis=0))
    factor = np.maximum(spread, far / REACH)
    # Rounding leaves a constant column a spread of a few units in the last place.
    is_constant = factor <= 1e-12 * np.maximum(np.abs(shift), np.finfo(np.float64).tiny)
    return Scaling(shift, np.where(is_constant, 1.0, factor))


def standard(X: Array, weight: Array | None = None) -> Scaling:
    """Means and standard deviations (divisor n) of the columns; 1 for a constant column."""
    shift = np.average(X, axis=0, weights=weight)
    spread = np.sqrt(np.average((X - shift) ** 2, axis=0, weights=weight))
    return Scaling(shift, np.where(spread > 0, spread, 1.0))


def is_wild(X: Array, weight: Array | None = None) -> bool:
    """Whether the columns are of scales on which networks learn badly.

    That is where the root mean square of a column lies above `LARGE` or above `APART` times the largest absolute value
    of another, or where no value at all reaches `SMALL`. Constant columns do not count.
    """
    X = np.asarray(X)
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    varies = high > low
    if not varies.any():
        return False
    largest = np.maximum(np.abs(low), np.abs(high))[varies]
    most = min(LARGE, APART * largest.min())
    if largest.max() < SMALL or largest.max() <= most:
        return bool(largest.max() < SMALL)
    squares = np.average(np.square(X[:, varies], dtype=np.float64), axis=0, weights=weight)
    return bool(np.sqrt(squares).max() > most)
