"""Regions: networks against geometry, everywhere but nearer to an edge than the margin that they state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from construct.polygons import POLYGONS, SQUARE, star
from forwardnet import construct, nn
from forwardnet.construct.geometry import clean, contains
from forwardnet.construct.regions import edge_margin
from forwardnet.errors import ArgumentError, ShapeError


def answers(network: Any, points: np.ndarray) -> np.ndarray:
    dtype = next(network.parameters()).dtype
    return network(ff.tensor(points, dtype=dtype)).numpy().astype(int)


def grid(low: float, high: float, n: int) -> np.ndarray:
    axis = np.linspace(low, high, n)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype(np.float32).astype(np.float64)


def distance(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Of each point to the nearest edge."""
    nearest = np.full(len(points), np.inf)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        t = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        nearest = np.minimum(nearest, np.hypot(*(points - a - t[:, None] * (b - a)).T))
    return nearest


def test_half_plane() -> None:
    network = construct.half_plane([1.0, -2.0], 1.0)
    assert answers(network, np.array([[0, 0], [1, 1], [-1, 0], [0, 0.51], [3, 0]])).ravel().tolist() == [1, 1, 1, 0, 1]
    assert network.about.size.units == 1
    for weights in ([0.0, 0.0], [np.inf, 1.0]):
        with pytest.raises(ArgumentError, match="expected finite, not all 0"):
            construct.half_plane(weights)


@pytest.mark.parametrize("dtype", [ff.float32, ff.float64])
@pytest.mark.parametrize("name", POLYGONS)
def test_polygons_on_a_dense_grid_and_next_to_their_edges(name: str, dtype: Any) -> None:
    corners = clean(POLYGONS[name])
    largest = float(np.abs(corners).max()) + 0.5
    network = construct.polygon(POLYGONS[name], dtype=dtype)
    margin = edge_margin(2, dtype) * largest
    rng = np.random.default_rng(0)
    edge = rng.integers(len(corners), size=4000)
    t = rng.random((4000, 1))
    on = corners[edge] * (1 - t) + corners[(edge + 1) % len(corners)] * t
    beside = on + rng.normal(size=(4000, 2)) * 3 * margin  # as near to the edges as the claim goes
    points = np.vstack([grid(-largest, largest, 151), beside])
    points = points.astype(np.float32 if dtype is ff.float32 else np.float64).astype(np.float64)
    far = distance(points, corners) > margin
    assert far[-4000:].sum() > 1000 and (~far[-4000:]).sum() > 100, "points on both sides of the margin"
    wanted = contains(corners, points)
    np.testing.assert_array_equal(answers(network, points).ravel()[far], wanted[far])


def test_edges_and_corners_belong_to_a_polygon() -> None:
    # Halves and whole numbers are exact, so that not even the edge is left to rounding.
    square = construct.polygon(SQUARE)
    points = grid(-0.5, 1.5, 9)
    wanted = np.all((points >= 0) & (points <= 1), axis=1)
    np.testing.assert_array_equal(answers(square, points).ravel(), wanted)
    # A cut between two pieces leaves no seam: every point of the diagonal is in exactly one of them.
    dart = construct.polygon([(0, 0), (2, 1), (0, 2), (0.5, 1)])
    inner = np.stack([np.linspace(0.51, 1.99, 999), np.ones(999)], axis=1)
    assert answers(dart, inner).all()
    pieces = nn.Sequential(*list(dart)[:4])
    assert answers(pieces, inner).sum(axis=1).tolist() == [1] * 999


def test_a_convex_polygon_takes_one_unit_for_each_corner_and_one() -> None:
    for n in (3, 5, 12):
        angle = 2 * np.pi * np.arange(n) / n
        corners = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        assert construct.polygon(corners).about.size.widths == (n, 1)
        assert construct.polygon(corners[::-1]).about.size.widths == (n, 1)
    assert construct.polygon(star(5)).about.size.layers == 3


def test_convex_regions_in_many_dimensions() -> None:
    rng = np.random.default_rng(3)
    W, b = rng.normal(size=(12, 7)), rng.uniform(0.5, 1, 12)
    network = construct.convex_region(W, b)
    X = rng.normal(size=(5000, 7)) * 0.4
    sums = X.astype(np.float32).astype(float) @ W.T + b
    wanted = np.all(sums >= 0, axis=1)
    assert 0.05 < wanted.mean() < 0.95
    far = np.abs(sums / np.linalg.norm(W, axis=1)).min(axis=1) > edge_margin(7) * np.abs(X).max()
    assert far.mean() > 0.999
    np.testing.assert_array_equal(answers(network, X).ravel()[far], wanted[far])
    with pytest.raises(ShapeError, match=r"weights have shape \(2, 2\) and biases \(1,\)"):
        construct.convex_region([[1, 0], [0, 1]], [0])


def test_nearest_prototype() -> None:
    network = construct.nearest([[0, 0], [2, 0], [0, 2]])
    assert network.about.size.widths == (3, 3)
    # exact on whole numbers; at equal distances the first one wins
    points = np.array([[0, 0], [3, 0], [0, 3], [1, 0], [0, 1], [1, 1], [2, 2]])
    assert answers(network, points).argmax(axis=1).tolist() == [0, 1, 2, 0, 0, 0, 1]
    assert answers(network, points).sum(axis=1).tolist() == [1] * 7
    with pytest.raises(ShapeError, match=r"prototypes have shape \(1, 2\)"):
        construct.nearest([[0, 0]])


# ---------------------------------------------------------------- regions made of regions


def test_union_intersection_and_difference() -> None:
    a, b = np.array(SQUARE), np.array(SQUARE) + 0.5
    points = grid(-0.25, 1.75, 41)
    in_a, in_b = (np.all((points >= low) & (points <= low + 1), axis=1) for low in (0, 0.5))
    for network, wanted in (
        (construct.union([a, b]), in_a | in_b),
        (construct.intersection([a, b]), in_a & in_b),
        (construct.difference(a, b), in_a & ~in_b),
        (construct.difference(construct.union([a, b]), construct.intersection([a, b])), in_a ^ in_b),
        (construct.union([a, construct.half_plane([1, 0], -1.25)]), in_a | (points[:, 0] >= 1.25)),
    ):
        np.testing.assert_array_equal(answers(network, points).ravel(), wanted)


def test_equal_parts_are_one() -> None:
    far = np.array(SQUARE) + np.array([3, 0])
    network = construct.union([SQUARE, far])
    # Both squares have the lines y = 0 and y = 1.
    assert network.about.size.widths == (6, 2, 1)
    assert construct.union([SQUARE, SQUARE]).about.size.widths == (4, 2, 1)
    assert {p.dtype for p in construct.union([construct.polygon(SQUARE, dtype=ff.float64)]).parameters()} == {
        ff.float64
    }


def test_sums_of_sums_are_one_sum() -> None:
    assert construct.union([construct.union([SQUARE, star(5)]), SQUARE]).about.size.layers == 3
    assert construct.intersection([SQUARE, np.array(SQUARE) + 0.5]).about.size.widths == (8, 1)
    moon = construct.difference(SQUARE, np.array(SQUARE) + 0.5)
    both = construct.union([moon, np.array(SQUARE) + 2.0])
    places = np.array([[0.25, 0.25], [0.75, 0.75], [2.5, 2.5], [1.5, 1.5]])
    assert answers(both, places).ravel().tolist() == [1, 0, 1, 0], "a sum with a negative weight is no OR"
    ring = construct.difference(np.array(SQUARE) * 3.0, construct.union([np.array(SQUARE) + d for d in (0.25, 1.5)]))
    assert ring.about.size.layers == 3
    points = grid(-0.5, 3.5, 33)
    inside = np.all((points >= 0) & (points <= 3), axis=1)
    for d in (0.25, 1.5):
        inside &= ~np.all((points >= d) & (points <= d + 1), axis=1)
    np.testing.assert_array_equal(answers(ring, points).ravel(), inside)


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match="union: there is no region"):
        construct.union([])
    with pytest.raises(ShapeError, match="union: region 1 has 3 inputs and 1 outputs, expected 2 and 1"):
        construct.union([SQUARE, construct.half_plane([1, 2, 3])])
    with pytest.raises(ShapeError, match="region 0 has 2 inputs and 3 outputs"):
        construct.union([construct.nearest([[0, 0], [1, 0], [0, 1]])])
    with pytest.raises(ArgumentError, match="region 0: got Linear, Sigmoid, expected a chain of Linear and Step"):
        construct.union([construct.neuron([1, 1], activation="sigmoid")])
