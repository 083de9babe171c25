"""Polygons and outlines, against areas, and against even-odd counting of crossings."""

from __future__ import annotations

import numpy as np
import pytest

from construct.polygons import POLYGONS, SQUARE, comb, star
from forwardnet.construct import geometry as g
from forwardnet.construct.outline import outlines, simplified
from forwardnet.errors import ArgumentError, ShapeError


@pytest.mark.parametrize("name", POLYGONS)
def test_pieces_are_convex_and_fill_the_polygon_once(name: str) -> None:
    points = g.clean(POLYGONS[name])
    pieces = g.convex_pieces(points)
    corners = [points[piece] for piece in pieces]
    assert sum(map(g.area, corners)) == pytest.approx(g.area(points), rel=1e-12)  # float64, tens of terms
    assert all(g.area(piece) > 0 for piece in corners)
    for piece in corners:
        assert np.all(g.cross(np.roll(piece, 1, axis=0), piece, np.roll(piece, -1, axis=0)) >= 0)
    places = np.random.default_rng(0).uniform(points.min(axis=0), points.max(axis=0), (4000, 2))
    counts = sum(g.contains(piece, places).astype(int) for piece in corners)
    np.testing.assert_array_equal(counts, g.contains(points, places))
    reflex = int(np.sum(g.cross(np.roll(points, 1, axis=0), points, np.roll(points, -1, axis=0)) < 0))
    # At least one cut for two reflex corners is needed, and at most four times the best is allowed.
    assert len(pieces) <= max(1, 2 * reflex + 1)
    assert len(g.triangles(points)) == len(points) - 2


def test_cleaning() -> None:
    clockwise = SQUARE[::-1]
    assert g.area(clockwise) == -1 and g.area(g.clean(clockwise)) == 1
    repeated = [[0, 0], [0, 0], [0.5, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    assert sorted(map(tuple, g.clean(repeated))) == sorted(map(tuple, SQUARE))
    assert g.is_convex(g.clean(repeated)) and not g.is_convex(g.clean(comb(3)))


@pytest.mark.parametrize(
    ("vertices", "error", "told"),
    [
        ([[0, 0], [1, 1], [1, 0], [0, 1]], ArgumentError, "the edges [0.0, 0.0] - [1.0, 1.0] and [1.0, 0.0] - [0.0"),
        ([[0, 0], [1, 1], [2, 2]], ArgumentError, "the vertices lie on a line, expected three or more corners"),
        ([[0, 0]], ArgumentError, "the vertices lie on a line"),
        ([[0, 0, 0]], ShapeError, "vertices have shape (1, 3), expected (corners, 2)"),
        ([[0, 0], [1, 0], [0, np.nan]], ShapeError, "finite"),
        # two squares that touch in a corner, and one that touches its own edge
        ([[0, 0], [1, 0], [1, 1], [2, 1], [2, 2], [1, 2], [1, 1], [0, 1]], ArgumentError, "meet"),
        ([[0, 0], [4, 0], [4, 4], [2, 0], [0, 4]], ArgumentError, "meet"),
    ],
)
def test_what_is_no_simple_polygon(vertices: list[list[float]], error: type[Exception], told: str) -> None:
    with pytest.raises(error) as raised:
        g.clean(vertices)
    assert told in str(raised.value)


def test_crossings_are_found_wherever_they_are() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        points = rng.uniform(size=(6, 2))
        n, ends = len(points), np.roll(points, -1, axis=0)
        crossing = False
        for i in range(n):
            for j in range(i + 2, n if i else n - 1):
                # Solve for the meeting point of the two lines.
                A = np.stack([ends[i] - points[i], points[j] - ends[j]], axis=1)
                s, t = np.linalg.solve(A, points[j] - points[i])
                crossing |= 0 <= s <= 1 and 0 <= t <= 1
        assert (g.crossing_edges(points) is not None) == crossing
        found += crossing
    assert 20 < found < 280


def test_winding_numbers_on_a_grid() -> None:
    x, y = np.linspace(-1.6, 1.7, 41), np.linspace(-1.55, 1.65, 37)
    places = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    outer, hole = g.clean(star(7)) * 1.5, star(5)[::-1] * 0.4
    wanted = g.contains(outer, places).astype(int) - g.contains(hole, places)
    np.testing.assert_array_equal(g.winding([outer, hole], x, y).reshape(-1), wanted)
    assert set(wanted.tolist()) == {0, 1} and g.winding([outer, outer], x, y).max() == 2


# ---------------------------------------------------------------- outlines


def inside_of(rings: list[np.ndarray], places: np.ndarray) -> np.ndarray:
    counts = np.zeros(len(places), int)
    for ring in rings:
        counts += int(np.sign(g.area(ring))) * g.contains(ring, places)
    return counts


def test_outlines_of_random_patterns_hold_exactly_the_nodes_inside() -> None:
    rng = np.random.default_rng(2)
    n = 9
    low, high = np.zeros(2), np.full(2, float(n))
    nodes = np.stack(np.meshgrid(*[np.arange(n + 1.0)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    for _ in range(30):
        pattern = rng.random((n + 1, n + 1)) < 0.5

        def inside(points: np.ndarray, pattern: np.ndarray = pattern) -> np.ndarray:
            i, j = np.clip(np.rint(points), 0, n).astype(int).T
            return pattern[i, j]

        rings = outlines(inside, low, high, n)
        inner = (nodes > 0).all(axis=1) & (nodes < n).all(axis=1)  # on the border a node lies on its outline
        wanted = inside(nodes)
        np.testing.assert_array_equal(inside_of(rings, nodes)[inner], wanted[inner])


def test_the_middle_of_a_cell_says_which_corners_belong_together() -> None:
    rng = np.random.default_rng(4)
    n = 6
    i, j = np.indices((n + 1, n + 1))
    checkered = (i + j) % 2 == 1  # every cell has its corners inside on a diagonal
    middles = rng.random((n, n)) < 0.5

    def inside(points: np.ndarray) -> np.ndarray:
        is_middle = np.all(points % 1 == 0.5, axis=1)
        at = np.clip(np.rint(points), 0, n).astype(int)
        cell = np.clip(np.floor(points), 0, n - 1).astype(int)
        return np.where(is_middle, middles[tuple(cell.T)], checkered[tuple(at.T)])

    rings = outlines(inside, np.zeros(2), np.full(2, float(n)), n)
    centre = np.stack(np.meshgrid(*[np.arange(n) + 0.5] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    np.testing.assert_array_equal(inside_of(rings, centre), middles.ravel())


def test_a_circle_with_a_hole() -> None:
    def ring(points: np.ndarray) -> np.ndarray:
        r = np.hypot(*points.T)
        return (0.5 <= r) & (r <= 1)

    rings = outlines(ring, np.full(2, -1.5), np.full(2, 1.5), 40)
    assert sorted(np.sign([g.area(r) for r in rings])) == [-1, 1]
    # Crossings are found by halving: every corner is on one of the circles to the last digits.
    for corners in rings:
        r = np.hypot(*corners.T)
        assert np.minimum(abs(r - 1), abs(r - 0.5)).max() < 1e-12
    assert sum(g.area(r) for r in rings) == pytest.approx(0.75 * np.pi, rel=5e-3)  # chords of 1/13: 1 - (1/13)^2 / 6


def test_simplified_outlines_stay_near() -> None:
    angle = 2 * np.pi * np.arange(400) / 400
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for tolerance in (0.1, 0.01, 0.001):
        few = simplified(circle, tolerance)
        # A chord over the angle a is 1 - cos(a/2) away from the circle.
        widest = 2 * np.pi / len(few)
        assert len(few) < 400 and 1 - np.cos(widest / 2) <= tolerance * 1.001
        assert np.hypot(*few.T) == pytest.approx(1)
    np.testing.assert_array_equal(simplified(SQUARE, 0.1), SQUARE)
