"""Any shape in the plane: a picture's pixels, a function that says what is inside, and cylinders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forwardnet.construct.circuit import Circuit, Signal
from forwardnet.construct.geometry import Points, area, clean, winding
from forwardnet.construct.network import build
from forwardnet.construct.outline import outlines, simplified
from forwardnet.construct.regions import outline_network
from forwardnet.construct.registry import construction
from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.nn.rectifiers import Step
from forwardnet.nn.sequential import Sequential

Domain = Sequence[Sequence[float]]
# Cells per axis of the grids on which outlines are traced, and of the one on which the result is measured.
FIRST_GRID, LAST_GRID, MEASURED = 24, 384, 500


def corners_of(domain: Domain, place: str, n_dimensions: int | None = None) -> tuple[Points, Points]:
    """The lower and the upper corner of a box ((low, high), ...).

    Raises:
        ShapeError: it is no sequence of pairs. ArgumentError: an interval is empty or not finite.
    """
    box = np.asarray(domain, np.float64)
    expected = "d" if n_dimensions is None else n_dimensions
    if box.ndim != 2 or box.shape[1] != 2 or not len(box) or n_dimensions not in (None, len(box)):
        raise ShapeError(f"{place}: domain has shape {box.shape}, expected ({expected}, 2): (low, high) by axis")
    if not np.isfinite(box).all() or not np.all(box[:, 0] < box[:, 1]):
        raise ArgumentError(f"{place}: domain is {box.tolist()}, expected low < high, finite, on each axis")
    return box[:, 0], box[:, 1]


# ---------------------------------------------------------------- pictures


@construction("the borders of rectangles, one for each rectangle, and one", "exact on every pixel")
def from_image(
    mask: Any, *, domain: Domain | None = None, steepness: float | None = None, dtype: Any = None
) -> Sequential:
    """y = 1 on the pixels (r, c) of `mask` (rows, columns) that are true: a union of rectangles.

    A point (x, y) is in column c where c <= x < c + 1, and in row r where r <= y < r + 1, y growing downwards as in
    pictures; with a `domain` ((low, high), (low, high)) for x and y, columns and rows are spread over it.
    Exact at whole and half numbers without a domain; with one, up to rounding next to the borders of pixels.

    Raises:
        ShapeError: `mask` is not (rows, columns). ArgumentError: no pixel is true.
    """
    pixels = np.asarray(mask).astype(bool)
    if pixels.ndim != 2 or not pixels.size:
        raise ShapeError(f"from_image: mask has shape {pixels.shape}, expected (rows, columns)")
    if not pixels.any():
        raise ArgumentError("from_image: no pixel is true")
    n_rows, n_columns = pixels.shape
    low, high = corners_of(((0, n_columns), (0, n_rows)) if domain is None else domain, "from_image", 2)
    scale = (high - low) / [n_columns, n_rows]
    circuit = Circuit(2)
    x, y = circuit.inputs

    def beyond(axis: int, place: int) -> Signal:
        return circuit.unit((x, y)[axis] - float(low[axis] + place * scale[axis]))

    found = []
    for top, bottom, left, right in rectangles(pixels):
        sides = [beyond(0, left), 1 - beyond(0, right), beyond(1, top), 1 - beyond(1, bottom)]
        found.append(circuit.all_of(sides))
    made = circuit.any_of(found) if len(found) > 1 else found[0]
    what = f"picture of {n_columns} x {n_rows} pixels in {len(found)} rectangles"
    return build(
        circuit.layers([made]),
        what=what,
        claim="exact on every pixel",
        output=Step(),
        steepness=steepness,
        dtype=dtype,
    )


def rectangles(pixels: Any) -> list[tuple[int, int, int, int]]:
    """(top, bottom, left, right) of rectangles without overlap that hold all true pixels: equal runs of rows joined."""
    found = []
    open_: dict[tuple[int, int], int] = {}  # (left, right) -> the row it began in
    for r in range(len(pixels) + 1):
        row = pixels[r] if r < len(pixels) else np.zeros(pixels.shape[1], bool)
        ends = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
        runs = {(left, right) for left, right in ends.reshape(-1, 2).tolist()}
        for run in [run for run in open_ if run not in runs]:
            found.append((open_.pop(run), r, *run))
        open_ = {run: open_.get(run, r) for run in sorted(runs)}
    return sorted(found)


# ---------------------------------------------------------------- any shape


@construction("corners and cuts of its outlines, convex pieces, and one", "measured: wrong on at most `accuracy`")
def shape(
    inside: Callable[[Points], Any],
    domain: Domain,
    *,
    accuracy: float = 0.01,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = 1 where `inside` is true, but for a part `accuracy` of the area of `domain` at most.

    `inside` takes points (M, 2) and returns M truth values. Its outlines are traced on a grid, simplified as far as the
    accuracy allows, and cut into convex pieces; holes count against the outline around them. The disagreement is
    measured on 500 x 500 places off that grid, so details finer than the grid, 24 to 384 cells wide, can be missed.

    Raises:
        ArgumentError: nothing is inside, or the accuracy cannot be reached.
    """
    low, high = corners_of(domain, "shape", 2)
    if not 0 < accuracy < 1:
        raise ArgumentError(f"shape: accuracy is {accuracy!r}, expected a part of the area between 0 and 1")
    axes = [low[i] + (np.arange(MEASURED) + 0.5) / MEASURED * (high[i] - low[i]) for i in range(2)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    wanted = np.asarray(inside(places.reshape(-1, 2))).reshape(MEASURED, MEASURED).astype(bool)
    if not wanted.any():
        raise ArgumentError("shape: no point of the domain is inside")
    # The measure itself can be off by a few of its places, so 5 % are kept in hand.
    allowed, grid, wrong = 0.95 * accuracy, FIRST_GRID, 1.0
    while grid <= LAST_GRID:
        traced = outlines(inside, low, high, grid)
        wrong = float(np.mean((winding(traced, *axes) > 0) != wanted))
        for cells in (4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.02) if wrong <= allowed else ():
            rings = _simple(traced, cells * float(np.min(high - low)) / grid)
            off = float(np.mean((winding(rings, *axes) > 0) != wanted))
            if off <= allowed and any(area(points) > 0 for points in rings):
                return _outlined(rings, off, steepness, dtype)
        grid *= 2
    raise ArgumentError(
        f"shape: wrong on {wrong:.4f} of the domain with a grid of {LAST_GRID} x {LAST_GRID}, expected {accuracy}",
        hint="ask for less, or make the domain smaller",
    )


def _simple(traced: Sequence[Points], tolerance: float) -> list[Points]:
    """Rings with fewer corners; one whose simplification has no area or crosses itself as it was, or left out."""
    found = []
    for traced_ring in traced:
        for points in (simplified(traced_ring, tolerance), traced_ring):
            try:
                kept = clean(points)
            except ArgumentError:
                continue
            found.append(kept if area(traced_ring) > 0 else kept[::-1])
            break
    return found


def _outlined(rings: Sequence[Points], wrong: float, steepness: float | None, dtype: Any) -> Sequential:
    outer = [ring for ring in rings if area(ring) > 0]
    holes = [ring[::-1] for ring in rings if area(ring) < 0]
    corners = sum(map(len, rings))
    what = f"shape of {len(outer)} outlines and {len(holes)} holes with {corners} corners"
    claim = f"wrong on {wrong:.2e} of the domain's area, measured on {MEASURED} x {MEASURED} places"
    return outline_network(outer, holes, what, claim=claim, error=wrong, steepness=steepness, dtype=dtype)


# ---------------------------------------------------------------- cylinders


@construction("units + 1", "exact up to rounding next to its borders")
def cylinder(
    center: Sequence[float] = (0.0, 0.0),
    radius: float = 1.0,
    units: int = 64,
    *,
    cut: bool = False,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = 2/N sum_k step(R - u_k . (x - c)) - 1: N half-planes around a disc, u_k evenly spread, averaged.

    Inside the disc all N fire and y is 1. At a distance r from the centre a part 1 - arccos(R/r) / pi of many of them
    does, so that y tends to (2/pi) arcsin(R/r). It is often said that the sum is N/2, here y = 0, outside; but it
    falls off only as 2 R / (pi r), so that the tails of many thin cylinders add up and drown what they approximate.
    With `cut` the output is a step at N - 1/2, 1 in the polygon around the disc and 0 outside; such cylinders add up.

    Raises:
        ArgumentError: `radius` is not positive, or fewer than 3 units.
    """
    if not 0 < radius < np.inf or units < 3:
        raise ArgumentError(
            f"cylinder: radius is {radius!r} and units {units!r}, expected a positive radius, 3 or more"
        )
    c = np.asarray(center, np.float64)
    if c.shape != (2,):
        raise ShapeError(f"cylinder: center has shape {c.shape}, expected (2,)")
    angle = 2 * np.pi * (np.arange(units) + 0.5) / units
    u = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ones = np.ones((1, units))
    last = (ones, np.array([0.5 - units])) if cut else (2 / units * ones, np.array([-1.0]))
    claim = "exact up to rounding next to its edges" if cut else "1 in the disc, (2/pi) arcsin(R/r) outside for many"
    return build(
        [(-u, radius + u @ c), last],
        what=f"cylinder of {units} half-planes",
        claim=claim,
        output=Step() if cut else None,
        steepness=steepness,
        dtype=dtype,
    )
