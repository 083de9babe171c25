"""The perceptron's learning rule, how many corrections it can need, and a proof where no line separates the classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet import seeds
from forwardnet.construct.network import Array
from forwardnet.construct.regions import half_plane
from forwardnet.errors import ArgumentError, DataError, ShapeError
from forwardnet.nn.sequential import Sequential

# A margin below this part of the radius cannot be told from 0 in double precision.
SMALLEST_MARGIN = 1e-9


@dataclass(frozen=True)
class Separation:
    """Whether a hyperplane w . x + b = 0 has the classes on different sides, with what proves it.

    If so, `weights` and `bias` are those of the largest `margin`, the smallest y (w . x + b) for |(w, b)| = 1, and
    `bound` = (R / margin)^2 with R the largest |(x, 1)|. If not, `certificate` are shares of the samples, not negative
    and of sum 1, for which sum_i c_i y_i (x_i, 1) = 0: then sum_i c_i y_i (w . x_i + b) = 0 for every w and b, so that
    not all y_i (w . x_i + b) can be positive (Gordan 1873).
    """

    is_separable: bool
    radius: float
    margin: float
    weights: Array | None
    bias: float | None
    certificate: Array | None

    @property
    def bound(self) -> float:
        """The most corrections the perceptron can need; infinite if there is no separating hyperplane."""
        return (self.radius / self.margin) ** 2 if self.is_separable else math.inf


@dataclass(frozen=True)
class PerceptronResult:
    """What the learning rule came to: `weights`, `bias`, and whether they separate the classes.

    `errors` are the samples on the wrong side at the end, `updates` the corrections made, `epochs` the passes over the
    data, the last unfinished one included. `separation` says what could be reached.
    """

    weights: Array
    bias: float
    updates: int
    epochs: int
    errors: int
    separation: Separation

    @property
    def is_separating(self) -> bool:
        """Whether all samples are on their side."""
        return self.errors == 0

    def network(self, *, dtype: Any = None) -> Sequential:
        """step(w . x + b): 1 for the positive class."""
        return half_plane(self.weights.tolist(), self.bias, dtype=dtype)

    def __str__(self) -> str:
        told = f"{self.errors} errors after {self.updates} updates"
        if self.separation.is_separable:
            return f"{told} (at most {self.separation.bound:.0f} can be needed)"
        return f"{told}; no hyperplane separates these classes"


def _checked(place: str, X: Any, y: Any) -> tuple[Array, Array]:
    """X (n, d) with a column of ones, and y as -1 and 1."""
    data, labels = np.asarray(X, np.float64), np.asarray(y).reshape(-1)
    if data.ndim != 2 or len(labels) != len(data):
        raise ShapeError(f"{place}: X has shape {data.shape} and y {np.shape(y)}, expected (n, d) and (n,)")
    if not np.isfinite(data).all():
        raise DataError(f"{place}: X has numbers that are not finite")
    found = set(np.unique(labels).tolist())
    if not (found <= {0, 1} or found <= {-1, 1}) or len(found) < 2:
        raise DataError(f"{place}: y has the values {sorted(found)}, expected two classes, 0 and 1, or -1 and 1")
    return np.column_stack([data, np.ones(len(data))]), np.where(labels == 1, 1.0, -1.0)


def separation(X: Any, y: Any) -> Separation:
    """The hyperplane of the largest margin through (x, 1), or the proof that there is none.

    Solves min |v|^2 with y_i v . (x_i, 1) >= 1 as a non-negative least squares problem (Lawson & Hanson 1974, chapter
    23). Margins below 1e-9 of the radius count as none.

    Raises:
        ShapeError, DataError: X is not (n, d), or y has not two classes.
    """
    from scipy.optimize import nnls

    points, sign = _checked("separation", X, y)
    radius = float(np.linalg.norm(points, axis=1).max())
    signed = sign[:, None] * points / radius
    shares, _ = nnls(
        np.vstack([signed.T, np.ones(len(points))]), [*np.zeros(points.shape[1]), 1.0], maxiter=30 * len(points)
    )
    shares = shares / shares.sum()
    v = signed.T @ shares  # the point of the convex hull of the signed samples that is nearest to 0
    length = float(np.linalg.norm(v))
    if length > SMALLEST_MARGIN and (reached := float((signed @ v).min()) / length) > SMALLEST_MARGIN:
        w = v / length
        return Separation(True, radius, reached * radius, w[:-1], float(w[-1]), None)
    return Separation(False, radius, 0.0, None, None, shares)


def perceptron(
    X: Any,
    y: Any,
    *,
    rate: float = 1.0,
    max_updates: int = 10_000,
    order: str = "cyclic",
    seed: int = 0,
) -> PerceptronResult:
    """w += rate y_i x_i and b += rate y_i for a sample with y_i (w . x_i + b) <= 0, until there is none.

    Starts from 0 and goes through the samples in turn ("cyclic"), or in an order drawn anew for each pass ("random").
    If a hyperplane separates the classes, it ends after at most (R / gamma)^2 updates, R being the largest |(x, 1)| and
    gamma the largest margin (Novikoff 1962), whatever the rate. If none does, it never ends: it is stopped after
    `max_updates`, keeps the weights with the fewest errors (the pocket of Gallant 1990), and says so, with the proof in
    `separation`. A sample on the hyperplane counts as an error while learning; the network answers 1 there.

    Args:
        X: (n, d). y: (n,), 0 and 1, or -1 and 1.

    Returns:
        `weights`, `bias`, `updates`, `errors`, `separation`, and `network()`.
    """
    points, sign = _checked("perceptron", X, y)
    if not 0 < rate < math.inf or max_updates < 0 or order not in ("cyclic", "random"):
        raise ArgumentError(
            f"perceptron: rate is {rate!r}, max_updates {max_updates!r} and order {order!r}, "
            "expected a positive rate, a number >= 0, 'cyclic' or 'random'"
        )
    n, signed = len(points), sign[:, None] * points
    known = separation(X, y)
    w = np.zeros(points.shape[1])
    best, fewest = w, n + 1
    updates, epochs, place, turn = 0, 0, 0, np.arange(n)
    while True:
        if place == 0 and order == "random":
            turn = seeds.permutation(n, seed=seed, stream=epochs)
        wrong = signed @ w <= 0
        # What the network gets wrong: it answers 1 on the hyperplane itself.
        errors = int(np.sum((points @ w >= 0) != (sign > 0)))
        if errors < fewest:
            best, fewest = w, errors
        ahead = np.flatnonzero(wrong[turn[place:]])
        if not wrong.any() or updates >= max_updates:
            break
        if not len(ahead):
            epochs, place = epochs + 1, 0
            continue
        at = place + int(ahead[0])
        w = w + rate * signed[turn[at]]
        updates += 1
        epochs, place = (epochs, at + 1) if at + 1 < n else (epochs + 1, 0)
    if not wrong.any():
        best, fewest = w, 0
    return PerceptronResult(best[:-1], float(best[-1]), updates, epochs + (place > 0), fewest, known)
