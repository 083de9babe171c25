"""Least squares with a limit on the size of the solution: the picture behind L2 and L1 regularisation.

    explain.constrained_least_squares(A, b, radius=1.0, norm=1).summary()

Minimising |A x - b|^2 / 2 under |x| <= r is, by Lagrange's method, minimising it with a penalty whose weight is the
multiplier of the limit. At the answer the conditions of Karush, Kuhn and Tucker hold: the gradient is balanced by the
multiplier times the constraint's slope, and the multiplier is 0 unless the limit is reached (Boyd & Vandenberghe 2004,
section 5.5). The ball of the L1 norm has corners on the axes, where coordinates are exactly 0; that of L2 has none.

Axis glossary: m rows, n unknowns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, ShapeError

Floats = NDArray[np.float64]
Norm = Literal[1, 2]

STEPS = 20_000


def project_l2(x: Any, radius: float = 1.0) -> Floats:
    """The nearest point to x (n,) with sqrt(sum x^2) <= radius."""
    point, size = _point(x, radius)
    length = float(np.linalg.norm(point))
    return point if length <= size else point * (size / length)


def project_l1(x: Any, radius: float = 1.0) -> Floats:
    """The nearest point to x (n,) with sum |x| <= radius: every |x_i| lowered by one amount, at most to 0.

    (Duchi, Shalev-Shwartz, Singer & Chandra 2008.)
    """
    point, size = _point(x, radius)
    sizes = np.abs(point)
    if sizes.sum() <= size:
        return point
    falling = np.sort(sizes)[::-1]
    amounts = (np.cumsum(falling) - size) / np.arange(1, len(falling) + 1)
    amount = amounts[np.flatnonzero(falling > amounts)[-1]]
    return np.asarray(np.sign(point) * np.maximum(sizes - amount, 0.0)) + 0.0  # no -0


def project_box(x: Any, low: Any = 0.0, high: Any = 1.0) -> Floats:
    """The nearest point to x (n,) with low <= x <= high."""
    bounds = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if (bounds[0] > bounds[1]).any():
        raise ArgumentError(f"project_box: low {low!r} lies above high {high!r}")
    return np.clip(np.asarray(x, dtype=np.float64), *bounds)


PROJECTIONS = {1: project_l1, 2: project_l2}


@dataclass(frozen=True)
class Constrained:
    """The x (n,) with the least |A x - b|^2 / 2 under |x| <= radius, and how well it meets its conditions.

    `free` is the least-squares solution without the limit, `multiplier` the price of the limit: by how much the least
    value falls for one more unit of radius. `stationarity`, `overrun` and `slack` are the residuals of the conditions
    of Karush, Kuhn and Tucker; all are 0 up to rounding.
    """

    x: Floats
    free: Floats
    value: float
    multiplier: float
    norm: Norm
    radius: float
    stationarity: float
    overrun: float
    slack: float

    @property
    def zeros(self) -> int:
        """How many coordinates are exactly 0."""
        return int((self.x == 0).sum())

    def summary(self) -> str:
        """What was found, in words."""
        if self.multiplier == 0:
            return f"The limit |x|_{self.norm} <= {self.radius:g} does not bind: the least squares lie inside."
        zero = f"{self.zeros} of {len(self.x)} coordinates are exactly 0" if self.zeros else "no coordinate is 0"
        return (
            f"|x|_{self.norm} = {self.radius:g} is reached, and {zero}. Multiplier {self.multiplier:.4g}: that is the "
            "weight of the penalty with the same answer, and what one more unit of radius would save."
        )


def constrained_least_squares(A: Any, b: Any, *, radius: float, norm: Norm = 2) -> Constrained:
    """Minimise |A x - b|^2 / 2 under |x| <= radius in the L2 or the L1 norm.

    By projected gradient descent with momentum (Beck & Teboulle 2009): a step of 1 / (largest eigenvalue of A'A), then
    back to the nearest point within the limit.

    Raises:
        ShapeError: A is no matrix of as many rows as b has numbers.
        ArgumentError: the radius is not positive, or `norm` neither 1 nor 2.
    """
    matrix, target = np.asarray(A, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if matrix.ndim != 2 or target.shape != matrix.shape[:1]:
        raise ShapeError(f"constrained_least_squares: A has shape {matrix.shape} and b {target.shape}")
    if norm not in PROJECTIONS:
        raise ArgumentError(f"constrained_least_squares: norm is {norm!r}, expected 1 or 2")
    free = np.asarray(np.linalg.lstsq(matrix, target, rcond=None)[0], dtype=np.float64)
    x = _descended(matrix, target, radius, norm)
    if np.linalg.norm(free, norm) <= radius:
        x = free
    pull = matrix.T @ (target - matrix @ x)  # minus the gradient
    multiplier, left = _balance(x, pull, norm, is_binding=x is not free)
    reached = float(np.linalg.norm(x, norm))
    return Constrained(
        x=x,
        free=free,
        value=0.5 * float(((matrix @ x - target) ** 2).sum()),
        multiplier=multiplier,
        norm=norm,
        radius=float(radius),
        stationarity=left,
        overrun=max(0.0, reached - radius),
        slack=multiplier * abs(radius - reached),
    )


def _descended(matrix: Floats, target: Floats, radius: float, norm: Norm) -> Floats:
    project = PROJECTIONS[norm]
    rate = 1 / max(float(np.linalg.norm(matrix, 2)) ** 2, np.finfo(np.float64).tiny)
    x = ahead = project(np.zeros(matrix.shape[1]), radius)
    t = 1.0
    for _ in range(STEPS):
        new = project(ahead + rate * matrix.T @ (target - matrix @ ahead), radius)
        if float((ahead - new) @ (new - x)) > 0:  # momentum points uphill: begin it anew
            t = 1.0
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        ahead = new + (t - 1) / following * (new - x)
        moved = float(np.abs(new - x).max())
        x, t = new, following
        if moved <= 1e-15 * radius:
            break
    return x


def _balance(x: Floats, pull: Floats, norm: Norm, *, is_binding: bool) -> tuple[float, float]:
    """The multiplier, and what it leaves of pull = multiplier * (slope of the norm at x)."""
    if not is_binding:
        return 0.0, float(np.abs(pull).max())
    if norm == 2:
        slope = x / np.linalg.norm(x)
        multiplier = float(pull @ slope)
        return multiplier, float(np.abs(pull - multiplier * slope).max())
    # The slope of |x_i| is its sign, and anything from -1 to 1 where x_i is 0.
    multiplier = float(np.abs(pull[x != 0]).mean()) if (x != 0).any() else float(np.abs(pull).max())
    off = np.where(x != 0, np.abs(pull - multiplier * np.sign(x)), np.maximum(np.abs(pull) - multiplier, 0.0))
    return multiplier, float(off.max())


def _point(x: Any, radius: float) -> tuple[Floats, float]:
    point = np.array(x, dtype=np.float64)
    if point.ndim != 1:
        raise ShapeError(f"projection: x has shape {point.shape}, expected a vector")
    if not radius > 0:
        raise ArgumentError(f"projection: radius is {radius}, expected a number > 0")
    return point, float(radius)
