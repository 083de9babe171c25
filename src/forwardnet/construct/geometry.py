"""Polygons in the plane: what is simple, what is convex, and how the rest is cut into convex pieces.

Vertices are arrays (N, 2) in order around the polygon; what is returned goes counter-clockwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError

Points = np.ndarray[Any, np.dtype[Any]]  # float64


def cross(o: Points, a: Points, b: Points) -> Any:
    """(a - o) x (b - o): positive where o, a, b turn left. Points (..., 2)."""
    u, v = a - o, b - o
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def area(vertices: Points) -> float:
    """The signed area, positive counter-clockwise (the shoelace formula)."""
    x, y = (vertices - vertices[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def clean(vertices: Any, place: str = "polygon") -> Points:
    """Counter-clockwise, without repeated vertices and those on the line between their neighbours.

    Raises:
        ShapeError: it is no array (N, 2). ArgumentError: it has no area, or its edges cross.
    """
    points = np.array(vertices, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ShapeError(f"{place}: vertices have shape {points.shape}, expected (corners, 2), finite")
    points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)] if len(points) > 1 else points
    while len(points) > 2:
        turns = cross(np.roll(points, 1, axis=0), points, np.roll(points, -1, axis=0)) != 0
        if turns.all():
            break
        points = np.delete(points, np.argmin(turns), axis=0)
    if len(points) < 3:
        raise ArgumentError(f"{place}: the vertices lie on a line, expected three or more corners around an area")
    crossing = crossing_edges(points)
    if crossing is not None:
        (i, j), n = crossing, len(points)
        raise ArgumentError(
            f"{place}: the edges {points[i].tolist()} - {points[(i + 1) % n].tolist()} and {points[j].tolist()} - "
            f"{points[(j + 1) % n].tolist()} meet",
            hint="give the corners in order around the polygon; union() joins polygons that touch",
        )
    return points if area(points) > 0 else points[::-1].copy()


def crossing_edges(points: Points) -> tuple[int, int] | None:
    """The numbers of two edges that meet and are not neighbours; None if the polygon is simple."""
    n, ends = len(points), np.roll(points, -1, axis=0)
    for i in range(n - 1):
        others = np.arange(i + 2, n if i else n - 1)
        a, b, c, d = points[i], ends[i], points[others], ends[others]
        c_left, d_left, a_left, b_left = cross(a, b, c), cross(a, b, d), cross(c, d, a), cross(c, d, b)
        meet = (c_left * d_left <= 0) & (a_left * b_left <= 0)
        # On one line: they meet if their boxes do.
        boxes = np.all(
            (np.maximum(np.minimum(a, b), np.minimum(c, d)) <= np.minimum(np.maximum(a, b), np.maximum(c, d))), axis=1
        )
        hit = np.flatnonzero(meet & boxes)
        if len(hit):
            return i, int(others[hit[0]])
    return None


def is_convex(points: Points) -> bool:
    """Whether a counter-clockwise simple polygon turns left everywhere."""
    return bool(np.all(cross(np.roll(points, 1, axis=0), points, np.roll(points, -1, axis=0)) > 0))


def contains(points: Points, places: Points) -> Any:
    """Whether each of `places` (M, 2) is inside: a ray to the right meets an odd number of edges."""
    inside = np.zeros(len(places), bool)
    x, y = places.T
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 <= y) != (y2 <= y)) & (x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)))
    return inside


def winding(rings: Sequence[Points], x: Points, y: Points) -> Any:
    """How often the rings go counter-clockwise around each place of the grid x (m,), y (n,), as (m, n).

    From each place a ray goes up; an edge that crosses it to the left counts 1, one to the right -1.
    """
    turns = np.zeros((len(x), len(y) + 1), np.int64)
    for points in rings:
        ends = np.roll(points, -1, axis=0)
        left, right = np.minimum(points[:, 0], ends[:, 0]), np.maximum(points[:, 0], ends[:, 0])
        first, last = np.searchsorted(x, left), np.searchsorted(x, right)  # columns of x from left on, right not met
        edge = np.repeat(np.arange(len(points)), last - first)
        column = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - last, last - first)
        a, b = points[edge], ends[edge]
        height = a[:, 1] + (x[column] - a[:, 0]) * ((b[:, 1] - a[:, 1]) / (b[:, 0] - a[:, 0]))
        np.add.at(turns, (column, np.searchsorted(y, height)), np.where(b[:, 0] < a[:, 0], 1, -1))
    return np.cumsum(turns[:, ::-1], axis=1)[:, ::-1][:, 1:]


def convex_pieces(points: Points) -> list[list[int]]:
    """Cut a simple polygon along diagonals into convex ones, as lists of vertex numbers, counter-clockwise.

    Triangles joined while they stay convex: at most four times as many as needed (Hertel & Mehlhorn 1983).
    """
    if is_convex(points):
        return [list(range(len(points)))]
    pieces = triangles(points)
    owner = {(a, b): piece for piece in pieces for a, b in _edges(piece)}
    for a, b in list(owner):
        if a > b or (b, a) not in owner or (a, b) not in owner:
            continue
        left, right = owner[a, b], owner[b, a]
        i, j = left.index(b), right.index(a)
        joined = left[i:] + left[:i] + (right[j:] + right[:j])[1:-1]
        if _is_convex_piece(points, joined):
            del owner[a, b], owner[b, a]
            owner.update(dict.fromkeys(_edges(joined), joined))
    return list({id(piece): piece for piece in owner.values()}.values())


def _edges(piece: Sequence[int]) -> list[tuple[int, int]]:
    return [(piece[k], piece[(k + 1) % len(piece)]) for k in range(len(piece))]


def _is_convex_piece(points: Points, piece: Sequence[int]) -> bool:
    corners = points[list(piece)]
    return bool(np.all(cross(np.roll(corners, 1, axis=0), corners, np.roll(corners, -1, axis=0)) >= 0))


def triangles(points: Points) -> list[list[int]]:
    """Cut off ears, corners with no vertex inside, until a triangle is left (Meisters 1975)."""
    left = list(range(len(points)))
    found = []
    while len(left) > 3:
        ear = next((k for k in range(len(left)) if _is_ear(points, left, k)), None)
        if ear is None:
            raise ArgumentError("polygon: it is too thin to be cut into triangles in double precision")
        found.append([left[ear - 1], left[ear], left[(ear + 1) % len(left)]])
        del left[ear]
    return [*found, left]


def _is_ear(points: Points, left: Sequence[int], k: int) -> bool:
    a, b, c = left[k - 1], left[k], left[(k + 1) % len(left)]
    p, q, r = points[a], points[b], points[c]
    if cross(p, q, r) <= 0:
        return False
    others = points[[v for v in left if v not in (a, b, c)]]
    return not np.any((cross(p, q, others) >= 0) & (cross(q, r, others) >= 0) & (cross(r, p, others) >= 0))
