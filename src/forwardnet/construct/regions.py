"""Regions of the plane, and of any space, as networks: 1 inside, 0 outside.

One layer of steps gives a half-plane; a second layer, an AND, a convex region; a third, an OR, any union of those, so
that a region need be neither convex nor in one piece.

Rounding: in d dimensions a first-layer sum w . x + b has an error below 4 (d + 4) sqrt(d) u |w| M, where u is 2^-24 in
float32 and 2^-53 in float64, and M is the largest coordinate of the corners and of x. So every point that is farther
than 4 (d + 4) sqrt(d) u M from all edges is answered exactly (in the plane and float32: than two millionths of M); the
layers after the first add whole numbers and make no error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet import dtypes
from forwardnet.construct.circuit import Circuit, Signal, total
from forwardnet.construct.geometry import Points, clean, convex_pieces
from forwardnet.construct.network import Array, Layer, build, layers_of, size
from forwardnet.construct.registry import construction
from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.nn.rectifiers import Step
from forwardnet.nn.sequential import Sequential


def edge_margin(n_dimensions: int, dtype: Any = None) -> float:
    """The distance from an edge, as a part of the largest coordinate, beyond which a region is exact; see above."""
    kind = dtypes.default() if dtype is None else dtypes.as_numpy(dtype)
    return 4 * (n_dimensions + 4) * math.sqrt(n_dimensions) * float(np.finfo(kind).epsneg)


def region_network(layers: Sequence[Layer], what: str, *, steepness: float | None, dtype: Any) -> Sequential:
    """Steps all the way, with the claim of this module."""
    margin = edge_margin(layers[0][0].shape[1], dtype)
    claim = f"exact for every point farther from all edges than {margin:.1e} of the largest coordinate"
    return build(layers, what=what, claim=claim, output=Step(), steepness=steepness, dtype=dtype)


# ---------------------------------------------------------------- convex


@construction("1", "exact up to rounding next to the boundary")
def half_plane(
    weights: Sequence[float], bias: float = 0.0, *, steepness: float | None = None, dtype: Any = None
) -> Sequential:
    """y = step(w . x + b): 1 on the side that w points to and on the line itself, in a space of any dimension.

    Raises:
        ArgumentError: all weights are 0, or one is not finite.
    """
    w = np.asarray(weights, np.float64)
    if w.ndim != 1 or not np.any(w) or not np.isfinite([*w, bias]).all():
        raise ArgumentError(f"half_plane: weights are {weights!r} and bias {bias!r}, expected finite, not all 0")
    return region_network([(w[None], np.array([float(bias)]))], "half-space", steepness=steepness, dtype=dtype)


@construction("m + 1 for m half-spaces", "exact up to rounding next to the boundary")
def convex_region(
    weights: Sequence[Sequence[float]],
    biases: Sequence[float],
    *,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = 1 where W x + b >= 0 in every row: the AND of m half-spaces (m, I), in a space of any dimension."""
    W, b = np.asarray(weights, np.float64), np.asarray(biases, np.float64)
    if W.ndim != 2 or b.shape != W.shape[:1] or not len(W):
        raise ShapeError(f"convex_region: weights have shape {W.shape} and biases {b.shape}, expected (m, I) and (m,)")
    W, b = _scaled(W, b)
    layers = [(W, b), (np.ones((1, len(W))), np.array([0.5 - len(W)]))]
    return region_network(layers, f"AND of {len(W)} half-spaces", steepness=steepness, dtype=dtype)


def _scaled(W: Array, b: Array) -> tuple[Array, Array]:
    """Each row divided by a power of two, which rounds nothing, so that its largest weight is in [1/2, 1)."""
    if not np.all(np.any(W, axis=1)) or not (np.isfinite(W).all() and np.isfinite(b).all()):
        raise ArgumentError("half-spaces need finite weights that are not all 0")
    scale = np.exp2(-np.frexp(np.abs(W).max(axis=1))[1].astype(np.float64))
    return W * scale[:, None], b * scale


@construction("k (k-1) / 2 + k", "exact up to rounding where two prototypes are equally near")
def nearest(prototypes: Any, *, steepness: float | None = None, dtype: Any = None) -> Sequential:
    """y_i = 1 for the prototype p_i, a row of (k, I), that is nearest to x, the first of equally near ones.

    |x - p_i| <= |x - p_j| is the half-space (p_i - p_j) . x >= (|p_i|^2 - |p_j|^2) / 2; an output is the AND of k - 1
    of them or their opposites. A classifier of any number of classes for inputs of any dimension.
    """
    p = np.asarray(prototypes, np.float64)
    if p.ndim != 2 or len(p) < 2 or not np.isfinite(p).all():
        raise ShapeError(f"nearest: prototypes have shape {p.shape}, expected (two or more, features), finite")
    i, j = np.triu_indices(len(p), 1)
    middle = (p[i] + p[j]) / 2
    W, b = _scaled(p[i] - p[j], -np.einsum("mi,mi->m", p[i] - p[j], middle))
    readers, starts = np.zeros((len(p), len(i))), np.full(len(p), 1.5 - len(p))
    readers[i, np.arange(len(i))] = 1
    readers[j, np.arange(len(j))] = -1
    starts += np.bincount(j, minlength=len(p))
    return region_network(
        [(W, b), (readers, starts)],
        f"nearest of {len(p)} prototypes",
        steepness=steepness,
        dtype=dtype,
    )


# ---------------------------------------------------------------- polygons


def edge_sum(circuit: Circuit, start: Points, end: Points) -> Signal:
    """A sum that is positive to the left of the line from `start` to `end`, 0 on it."""
    dx, dy = end - start
    w = _scaled(np.array([[-dy, dx]]), np.zeros(1))[0][0]
    x, y = circuit.inputs
    return float(w[0]) * x + float(w[1]) * y - float(w @ start)


def pieces_of(circuit: Circuit, points: Points) -> list[Signal]:
    """A signal for each convex piece of a simple polygon; no two of them are 1 at a point.

    The two sides of a cut read the same unit, one of them its negation, so no seam can open between them.
    """
    n, found = len(points), []
    for piece in convex_pieces(points):
        sides = []
        for a, b in zip(piece, [*piece[1:], piece[0]], strict=True):
            if b == (a + 1) % n or a < b:  # an edge of the polygon, or one side of a cut
                sides.append(circuit.unit(edge_sum(circuit, points[a], points[b])))
            else:
                sides.append(1 - circuit.unit(edge_sum(circuit, points[b], points[a])))
        found.append(circuit.all_of(sides))
    return found


@construction("convex: corners + 1; else corners + cuts + pieces + 1", "exact up to rounding next to the edges")
def polygon(vertices: Any, *, steepness: float | None = None, dtype: Any = None) -> Sequential:
    """y = 1 inside a simple polygon (corners, 2), edges included: the sum of N half-planes reaches N if it is convex.

    Any other polygon is cut along diagonals into convex pieces (ear clipping; Hertel & Mehlhorn 1983), which a third
    layer joins. The corners may be given in either direction.

    Raises:
        ShapeError: `vertices` is no array (corners, 2). ArgumentError: they have no area, or edges cross.
    """
    points = clean(vertices)
    circuit = Circuit(2)
    pieces = pieces_of(circuit, points)
    y = pieces[0] if len(pieces) == 1 else circuit.any_of(pieces)
    what = f"convex polygon of {len(points)} corners"
    if len(pieces) > 1:
        what = f"polygon of {len(points)} corners in {len(pieces)} convex pieces"
    return region_network(circuit.layers([y]), what, steepness=steepness, dtype=dtype)


def outline_network(
    outer: Sequence[Points],
    holes: Sequence[Points],
    what: str,
    *,
    claim: str,
    error: float,
    steepness: float | None,
    dtype: Any,
) -> Sequential:
    """1 inside more of the outer outlines than of the holes: islands in holes are outlines again."""
    circuit = Circuit(2)
    inside = [piece for points in outer for piece in pieces_of(circuit, points)]
    outside = [piece for points in holes for piece in pieces_of(circuit, points)]
    y = inside[0] if len(inside) == 1 and not outside else circuit.unit(total(inside) - total(outside) - 0.5)
    return build(
        circuit.layers([y]),
        what=what,
        claim=claim,
        error=error,
        output=Step(),
        steepness=steepness,
        dtype=dtype,
    )


# ---------------------------------------------------------------- regions made of regions


@construction("those of the parts, equal ones once, and one", "exact where the parts are")
def union(regions: Sequence[Any], *, steepness: float | None = None, dtype: Any = None) -> Sequential:
    """y = 1 where at least one of the regions is 1: an OR after them, of convex polygons in the third layer.

    Each is a network of `Linear` and `Step` with one output, or the vertices of a polygon. Shallower ones are carried
    to the depth of the deepest, by one unit a layer; an OR of ORs is one OR.
    """
    networks, parts = _parts("union", regions, dtype)
    parts = [_without_last(part, -0.5) for part in parts]
    n = sum(len(part[-1][1]) for part in parts)
    return _joined("union", networks, parts, np.ones(n), -0.5, steepness, dtype)


@construction("those of the parts, equal ones once, and one", "exact where the parts are")
def intersection(regions: Sequence[Any], *, steepness: float | None = None, dtype: Any = None) -> Sequential:
    """y = 1 where all of the regions are 1: an AND after them; an AND of ANDs is one AND."""
    networks, parts = _parts("intersection", regions, dtype)
    parts = [_without_last(part, 0.5 - part[-1][0].shape[1]) for part in parts]
    n = sum(len(part[-1][1]) for part in parts)
    return _joined("intersection", networks, parts, np.ones(n), 0.5 - n, steepness, dtype)


@construction("those of the parts, equal ones once, and one", "exact where the parts are")
def difference(region: Any, *holes: Any, steepness: float | None = None, dtype: Any = None) -> Sequential:
    """y = 1 where `region` is 1 and none of the `holes` is."""
    networks, (first, *rest) = _parts("difference", [region, *holes], dtype)
    rest = [_without_last(part, -0.5) for part in rest]
    weights = np.array([1.0] + [-1.0] * sum(len(part[-1][1]) for part in rest))
    return _joined("difference", networks, [first, *rest], weights, -0.5, steepness, dtype)


def _parts(place: str, regions: Sequence[Any], dtype: Any) -> tuple[list[Sequential], list[list[Layer]]]:
    """The regions as networks, and the layers of each."""
    networks = [r if isinstance(r, Sequential) else polygon(r, dtype=dtype) for r in regions]
    if not networks:
        raise ArgumentError(f"{place}: there is no region")
    n_inputs = size(networks[0]).inputs
    for i, own in enumerate(map(size, networks)):
        if own.inputs != n_inputs or own.widths[-1] != 1:
            raise ShapeError(
                f"{place}: region {i} has {own.inputs} inputs and {own.widths[-1]} outputs, expected {n_inputs} and 1"
            )
    return networks, [layers_of(network, f"{place}, region {i}") for i, network in enumerate(networks)]


def _without_last(part: list[Layer], bias: float) -> list[Layer]:
    """Without the last layer where it only adds up, with this bias: what follows can do so itself."""
    W, b = part[-1]
    return part[:-1] if len(part) > 1 and np.all(W == 1) and b[0] == bias else part


def _joined(
    place: str,
    networks: Sequence[Sequential],
    parts: Sequence[Sequence[Layer]],
    weights: Array,
    bias: float,
    steepness: float | None,
    dtype: Any,
) -> Sequential:
    kinds = {parameter.dtype for network in networks for parameter in network.parameters()}
    return build(
        [*side_by_side(parts), (weights[None], np.array([bias]))],
        what=f"{place} of {len(networks)} regions",
        claim="exact where its parts are",
        output=Step(),
        steepness=steepness,
        dtype=dtype or (kinds.pop() if len(kinds) == 1 else None),
    )


def side_by_side(parts: Sequence[Sequence[Layer]]) -> list[Layer]:
    """Networks of steps with the same inputs as one network with all their outputs; equal units are made once."""
    depth = max(map(len, parts))
    deep = [[*part, *[_carry(len(part[-1][1]))] * (depth - len(part))] for part in parts]
    found: list[Layer] = []
    columns = [np.arange(deep[0][0][0].shape[1])] * len(parts)  # where each part's values are in the layer before
    width = len(columns[0])
    for level in range(depth):
        rows: dict[bytes, int] = {}
        W: list[Array] = []
        b: list[float] = []
        places = []
        for part, at in zip(deep, columns, strict=True):
            wide = np.zeros((len(part[level][1]), width))
            for column, weights in zip(at, part[level][0].T, strict=True):
                wide[:, column] += weights
            own = []
            for row, start in zip(wide, part[level][1], strict=True):
                key = row.tobytes() + np.float64(start).tobytes()
                # the last layer keeps equal outputs apart: each stands for its part
                if key not in rows or level == depth - 1:
                    rows[key] = len(W)
                    W.append(row)
                    b.append(start)
                own.append(rows[key])
            places.append(np.array(own))
        found.append((np.array(W), np.array(b)))
        columns, width = places, len(W)
    return found


def _carry(n: int) -> Layer:
    """The same n zeros and ones again."""
    return np.eye(n), np.full(n, -0.5)
