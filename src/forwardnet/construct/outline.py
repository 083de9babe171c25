"""The outlines of a shape in the plane that is known only by asking whether a point is inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.construct.geometry import Points, cross

Inside = Callable[[Points], Any]
# Halvings of a grid edge: its crossing is then known as well as double precision can tell.
HALVINGS = 45


def outlines(inside: Inside, low: Points, high: Points, n: int) -> list[Points]:
    """Closed polygons around what `inside` holds on a grid of n x n cells between the corners `low` and `high`.

    Where a grid edge has one end inside, the outline crosses it at a place found by halving; in each cell the crossings
    are joined by straight lines (marching squares, Lorensen & Cline 1987). The inside is to the left: outlines go
    counter-clockwise, holes clockwise. Nothing outside the corners belongs to the shape.
    """
    places = np.stack(np.meshgrid(*(np.linspace(low[i], high[i], n + 1) for i in range(2)), indexing="ij"), axis=-1)
    # A ring of nodes around the grid, at the same places as its border, is outside: the shape ends there.
    nodes = np.pad(places, ((1, 1), (1, 1), (0, 0)), mode="edge")
    is_in = np.pad(_ask(inside, places.reshape(-1, 2)).reshape(n + 1, n + 1), 1)
    crossings = _crossings(inside, nodes, is_in)
    centres = (nodes[:-1, :-1] + nodes[1:, 1:]) / 2
    return _joined(_segments(is_in, _ask(inside, centres.reshape(-1, 2)).reshape(n + 2, n + 2)), crossings)


def _ask(inside: Inside, places: Points) -> Any:
    return np.asarray(inside(places)).reshape(-1).astype(bool)


Edge = tuple[int, int, int]  # axis, and the node that it starts from


def _crossings(inside: Inside, nodes: Points, is_in: Any) -> dict[Edge, Points]:
    """The place where the outline crosses each grid edge whose ends differ."""
    found: dict[Edge, Points] = {}
    for axis in range(2):
        ends = [np.take(nodes, range(1, nodes.shape[axis]), axis), np.take(nodes, range(nodes.shape[axis] - 1), axis)]
        states = [np.take(is_in, range(1, is_in.shape[axis]), axis), np.take(is_in, range(is_in.shape[axis] - 1), axis)]
        where = np.argwhere(states[0] != states[1])
        at = tuple(where.T)
        first = states[0][at]
        a = np.where(first[:, None], ends[0][at], ends[1][at])  # inside
        b = np.where(first[:, None], ends[1][at], ends[0][at])  # outside
        for _ in range(HALVINGS):
            middle = (a + b) / 2
            held = _ask(inside, middle)[:, None] if len(middle) else np.zeros((0, 1), bool)
            a, b = np.where(held, middle, a), np.where(held, b, middle)
        found.update({(axis, int(i), int(j)): place for (i, j), place in zip(where, a, strict=True)})
    return found


def _segments(is_in: Any, centre: Any) -> dict[Edge, Edge]:
    """In each cell, from the edge where the outline comes in to the one where it leaves, the inside to the left."""
    leads: dict[Edge, Edge] = {}
    corners = [is_in[:-1, :-1], is_in[1:, :-1], is_in[1:, 1:], is_in[:-1, 1:]]  # counter-clockwise
    mixed = np.argwhere(np.any([corner != corners[0] for corner in corners], axis=0))
    for i, j in mixed.tolist():
        edges: list[Edge] = [(0, i, j), (1, i + 1, j), (0, i, j + 1), (1, i, j)]
        state = [bool(corner[i, j]) for corner in corners]
        # Edge k joins corners k and k+1. Going around, the outline comes in where it gets inside and leaves where it
        # gets outside; with two of each, the middle of the cell says which belong together.
        comes = [k for k in range(4) if not state[k] and state[(k + 1) % 4]]
        leaves = [k for k in range(4) if state[k] and not state[(k + 1) % 4]]
        if len(comes) == 2 and (leaves[0] == (comes[0] + 1) % 4) == bool(centre[i, j]):
            leaves.reverse()
        for k, m in zip(comes, leaves, strict=True):
            leads[edges[m]] = edges[k]
    return leads


def _joined(leads: dict[Edge, Edge], crossings: dict[Edge, Points]) -> list[Points]:
    found = []
    while leads:
        start, edge = leads.popitem()
        chain = [start, edge]
        while edge in leads:
            edge = leads.pop(edge)
            chain.append(edge)
        found.append(np.array([crossings[edge] for edge in chain[:-1]]))
    return found


def simplified(points: Points, tolerance: float) -> Points:
    """The polygon with fewer corners, none of the others farther than `tolerance` from it (Douglas & Peucker 1973)."""
    far = int(np.argmax(np.sum((points - points[0]) ** 2, axis=1)))
    keep = np.zeros(len(points) + 1, bool)
    keep[[0, far, len(points)]] = True
    closed = np.vstack([points, points[:1]])
    todo = [(0, far), (far, len(points))]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        between = closed[first + 1 : last]
        chord = float(np.linalg.norm(closed[last] - closed[first]))
        if chord == 0:
            distance = np.linalg.norm(between - closed[first], axis=1)
        else:
            distance = np.abs(cross(closed[first], closed[last], between)) / chord
        worst = int(np.argmax(distance))
        if distance[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            todo += [(first, middle), (middle, last)]
    return closed[:-1][keep[:-1]]
