"""Functions of several numbers, approximated by boxes that fill a domain, or by ridges in many directions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from forwardnet import seeds
from forwardnet.construct.functions import Function, before_output, piece_count, values_of
from forwardnet.construct.geometry import Points
from forwardnet.construct.network import Array, Layer, build
from forwardnet.construct.registry import construction
from forwardnet.construct.shapes import Domain, corners_of
from forwardnet.errors import ArgumentError
from forwardnet.nn.sequential import Sequential

MAX_BOXES = 1 << 16
# Points at which an error is measured, or to which ridges are fitted: about so many.
MANY_POINTS = 200_000
FITTED_POINTS = 6_000


@construction("k^d + d (k-1) + 1 for k boxes along each axis", "proved with a Lipschitz constant, else measured")
def approximate_nd(
    f: Function,
    domain: Domain,
    units: int | None = None,
    *,
    error: float | None = None,
    lipschitz: float | None = None,
    output: str | None = None,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = sum_c f(m_c) box_c(x): the domain is filled with k^d boxes, each an AND of thresholds on the axes.

    The first layer has k - 1 thresholds for each axis, shared by all boxes; the second a unit for each box; the third
    sums them with the value of f in the middle of each. The error is at most w(half the diagonal of a box), w being
    the modulus of continuity; with a Lipschitz constant L at most L/2 times the diagonal. Outside the domain y is what
    it is in the nearest box. `units` bounds the hidden units of both layers together; with `error` k is found.

    It is often proposed to add up thin cylinders instead (see `cylinder`). Round ones leave gaps or overlap, however
    thin they are, and without a layer that cuts them off their tails do not end; boxes fill the domain, and end.

    Args:
        f: takes points (M, d) and returns (M,); or d arrays; or one point.
        domain: ((low, high), ...) for each of the d axes.
        output: as in `approximate_1d`.

    Raises:
        ArgumentError: neither `units` nor `error`, too few units, or an error that would take more than 65536 boxes.
    """
    low, high = corners_of(domain, "approximate_nd")
    d, diagonal = len(low), float(np.linalg.norm(high - low))
    k = piece_count("approximate_nd", units, error, lipschitz, diagonal)
    if units is not None:
        k = _most_along_an_axis(units, d)
    elif k == 0:
        assert error is not None
        k = _enough_along_an_axis(f, low, high, error)
    if k**d > MAX_BOXES:
        raise ArgumentError(
            f"approximate_nd: {k} boxes along each of {d} axes are {k**d}, expected at most {MAX_BOXES}"
        )
    centres = _grid(low, high, k)
    heights = values_of(f, centres, "approximate_nd")
    bound = _worst(f, low, high, k) if lipschitz is None else lipschitz * diagonal / (2 * k)
    how = "measured in each box" if lipschitz is None else f"proved for the Lipschitz constant {lipschitz:g}"
    sums, end = before_output("approximate_nd", heights, output)
    return build(
        [*_boxes(low, high, k), (sums[None], np.zeros(1))],
        what=f"{k**d} boxes in {d} dimensions",
        claim=f"off by at most {bound:.3g}, {how}",
        error=bound,
        output=end,
        steepness=steepness,
        dtype=dtype,
    )


def _most_along_an_axis(units: int, d: int) -> int:
    k = 1
    while (k + 1) ** d + d * k <= units:
        k += 1
    return k


def _enough_along_an_axis(f: Function, low: Points, high: Points, error: float) -> int:
    """The smallest k by doubling and halving whose measured error is small enough."""
    enough = 1
    while (worst := _worst(f, low, high, enough)) > error:
        enough *= 2
        if enough ** len(low) > MAX_BOXES:
            raise ArgumentError(
                f"approximate_nd: off by {worst:.3g} with {enough // 2} boxes along each axis, expected {error:g}",
                hint=f"that would take more than {MAX_BOXES} boxes; ask for less, or for a smaller domain",
            )
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _worst(f, low, high, middle) <= error:
            enough = middle
        else:
            too_few = middle
    return enough


def _grid(low: Points, high: Points, k: int) -> Points:
    """The middles (k^d, d) of the boxes, the last axis running fastest."""
    axes = [low[i] + (high[i] - low[i]) * (np.arange(k) + 0.5) / k for i in range(len(low))]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(low))


def _worst(f: Function, low: Points, high: Points, k: int) -> float:
    """The largest |f(x) - f(m)| over places spread over every box with middle m, its corners among them."""
    d = len(low)
    per_axis = max(2, min(9, int((MANY_POINTS / k**d) ** (1 / d))))
    centres, half = _grid(low, high, k), (high - low) / (2 * k)
    heights = values_of(f, centres, "approximate_nd")
    worst = 0.0
    for offset in itertools.product(np.linspace(-1, 1, per_axis), repeat=d):
        values = values_of(f, centres + half * np.array(offset), "approximate_nd")
        worst = max(worst, float(np.abs(values - heights).max()))
    return worst


def _boxes(low: Points, high: Points, k: int) -> list[Layer]:
    """Thresholds on the axes, and for each box the AND of those before it and none of those after it."""
    d = len(low)
    first, starts = np.zeros((d * (k - 1), d)), np.zeros(d * (k - 1))
    for axis in range(d):
        rows = slice(axis * (k - 1), (axis + 1) * (k - 1))
        first[rows, axis] = 1
        starts[rows] = -(low[axis] + (high[axis] - low[axis]) * np.arange(1, k) / k)
    if k == 1:  # one box is everything: a unit that always fires
        return [(np.zeros((1, d)), np.ones(1))]
    place = np.stack(np.meshgrid(*[np.arange(k)] * d, indexing="ij"), axis=-1).reshape(-1, d)
    second, biases = np.zeros((k**d, d * (k - 1))), np.full(k**d, 0.5)
    for axis in range(d):
        at, box = place[:, axis], np.arange(k**d)
        begins, ends = at > 0, at < k - 1
        second[box[begins], axis * (k - 1) + at[begins] - 1] = 1
        second[box[ends], axis * (k - 1) + at[ends]] = -1
        biases -= begins
    return [(first, starts), (second, biases)]


# ---------------------------------------------------------------- one hidden layer


@construction("units + 1", "measured on a grid")
def ridges(
    f: Function,
    domain: Domain,
    units: int,
    *,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = c_0 + sum_j c_j step(u_j . x - t_j): one hidden layer of thresholds in many directions, c by least squares.

    The form that the universal approximation theorem is about. Directions are spread evenly in the plane and drawn
    evenly in more dimensions; the thresholds of a direction divide the domain evenly. The first layer is fixed, the
    second is fitted to f on a grid, and the largest error is measured on another.

    Raises:
        ArgumentError: fewer than 2 units.
    """
    low, high = corners_of(domain, "ridges")
    if piece_count("ridges", units, None, None, 1.0) < 2:
        raise ArgumentError(f"ridges: units is {units}, expected at least 2")
    u, t = _directions(low, high, units)

    def fires(points: Points) -> Array:
        return np.column_stack([np.ones(len(points)), points @ u.T >= t]).astype(np.float64)

    d = len(low)
    fitted = _grid(low, high, max(2, int(max(FITTED_POINTS, 4 * units) ** (1 / d))))
    c, *_ = np.linalg.lstsq(fires(fitted), values_of(f, fitted, "ridges"), rcond=1e-10)
    measured = _grid(low, high, max(3, int(2 * FITTED_POINTS ** (1 / d)) + 1))
    off = np.abs(fires(measured) @ c - values_of(f, measured, "ridges"))
    return build(
        [(u, -t), (c[None, 1:], c[:1])],
        what=f"{units} ridges in {d} dimensions",
        claim=f"off by at most {off.max():.3g}, {off.mean():.3g} on average, measured on a grid",
        error=float(off.max()),
        steepness=steepness,
        dtype=dtype,
    )


def _directions(low: Points, high: Points, units: int) -> tuple[Points, Array]:
    """Unit vectors (units, d) and thresholds (units,) of hyperplanes through the domain."""
    d = len(low)
    n = 1 if d == 1 else max(1, round(math.sqrt(units / 2)))
    number = np.arange(units) % n
    if d == 1:
        u = np.ones((1, 1))
    elif d == 2:
        angle = np.pi * (np.arange(n) + 0.5) / n
        u = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        drawn = seeds.normal64(seeds.bits(4 * n * d, seed=0))[: n * d].reshape(n, d)
        u = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    middle, reach = u @ (low + high) / 2, np.abs(u) @ (high - low) / 2
    turn, turns = np.arange(units) // n, np.bincount(number, minlength=n)
    t = middle[number] + reach[number] * (2 * (turn + 0.5) / turns[number] - 1)
    return u[number], t
