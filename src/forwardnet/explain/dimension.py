"""The curse of dimensionality: how soon a space of many dimensions is empty, measured on random points.

With `bins` bins along each axis there are bins^d cells, and no number of rows fills them; and the nearest of many
points is nearly as far as the farthest (Beyer, Goldstein, Ramakrishnan & Shaft 1999), so that "near" loses its meaning.

Axis glossary: n points, d dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import seeds
from forwardnet.errors import ArgumentError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curse:
    """For each number of dimensions: cells, the share of them that holds a point, and how alike distances are.

    `contrast` is (farthest - nearest) / nearest distance from a point, the mean over some points; `edge` the side of
    the cube that holds 1 % of the volume.
    """

    dimensions: tuple[int, ...]
    bins: int
    points: int
    cells: tuple[int, ...]
    occupied: Floats
    contrast: Floats
    edge: Floats

    def summary(self) -> str:
        """What it means, in words."""
        first, last = self.dimensions[0], self.dimensions[-1]
        return (
            f"{self.points} points, {self.bins} bins an axis. d = {first}: {self.cells[0]:,} cells, a share of "
            f"{self.occupied[0]:.2g} occupied; d = {last}: {self.cells[-1]:.3g} cells, a share of "
            f"{self.occupied[-1]:.1g}. The farthest point is {1 + self.contrast[0]:.3g} times as far as the nearest "
            f"for d = {first}, {1 + self.contrast[-1]:.3g} times for d = {last}, where a cube with 1 % of the volume "
            f"reaches over {self.edge[-1]:.0%} of every axis."
        )


def curse_of_dimensionality(
    dimensions: Sequence[int] = (1, 2, 3, 10, 100), *, bins: int = 10, points: int = 1000, seed: int = 0
) -> Curse:
    """Measure emptiness and distances of `points` uniform random points in cubes of each number of dimensions.

    Raises:
        ArgumentError: a number of dimensions, bins or points that is too small.
    """
    if not dimensions or min(dimensions) < 1 or bins < 2 or points < 2:
        raise ArgumentError(
            f"curse_of_dimensionality: dimensions {tuple(dimensions)}, {bins} bins and {points} points, "
            "expected at least 1, 2 and 2"
        )
    occupied, contrast = [], []
    for d in dimensions:
        X = _uniform(points, d, seed)
        occupied.append(len(np.unique((X * bins).astype(np.int64), axis=0)) / float(bins) ** d)
        contrast.append(_contrast(X))
    edge = np.array([0.01 ** (1 / d) for d in dimensions])
    cells = tuple(bins**d for d in dimensions)
    return Curse(tuple(dimensions), bins, points, cells, np.array(occupied), np.array(contrast), edge)


def _uniform(n: int, d: int, seed: int) -> Floats:
    drawn: Floats = seeds.unit64(seeds.bits(2 * n * d, seed=seed, stream=d)).reshape(n, d)
    return drawn


def _contrast(X: Floats, centres: int = 20) -> float:
    found: list[Any] = []
    for i in range(min(centres, len(X))):
        distance = np.linalg.norm(np.delete(X, i, axis=0) - X[i], axis=1)
        found.append((distance.max() - distance.min()) / max(float(distance.min()), np.finfo(np.float64).tiny))
    return float(np.median(found))
