"""The functions that are to be approximated: calling them on many points, and what is asked of the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.construct.network import Array
from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.nn.activations import ACTIVATIONS, Activation

Function = Callable[..., Any]
# What has to be summed for an output activation to give a value, and the values it can give.
INVERSES: dict[str, tuple[Callable[[Array], Array], tuple[float, float]]] = {
    "sigmoid": (lambda y: np.log(y / (1 - y)), (0.0, 1.0)),
    "tanh": (np.arctanh, (-1.0, 1.0)),
}


def values_of(f: Function, points: Array, place: str) -> Array:
    """f at each of the points (M, d), as (M,).

    f may take the points, the d coordinates as arrays, or one point at a time (for d = 1: one number).

    Raises:
        ArgumentError: a value is not finite, or f takes none of these.
    """
    columns = points.T
    attempts: list[Callable[[], Any]] = [
        lambda: f(*columns),
        lambda: f(points),
        lambda: [f(*point) for point in points.tolist()],
        lambda: [f(point) for point in points],
    ]
    if points.shape[1] > 1:  # f(x, y) and f(points) differ in the number of arguments
        attempts[:2] = attempts[1::-1]
    told = "it returned values of another shape"
    for attempt in attempts:
        try:
            with np.errstate(all="ignore"):  # what is not finite is named below
                found = np.asarray(attempt(), np.float64)
        except (TypeError, ValueError, IndexError) as error:
            told = str(error)
            continue
        if found.size == len(points) and found.shape[:1] == (len(points),):
            values = found.reshape(-1)
            break
        if found.ndim == 0 and len(points) > 1 and attempt in attempts[:2]:  # a constant function
            values = np.full(len(points), float(found))
            break
    else:
        raise ArgumentError(
            f"{place}: f cannot be called: {told}", hint=f"f takes {points.shape[1]} numbers, or points in rows"
        )
    if not np.isfinite(values).all():
        at = points[np.flatnonzero(~np.isfinite(values))[0]].tolist()
        raise ArgumentError(f"{place}: f is not finite at {at if len(at) > 1 else at[0]}")
    return values


def piece_count(place: str, units: int | None, error: float | None, lipschitz: float | None, length: float) -> int:
    """The number of equal pieces; 0 if they are to be found from samples."""
    if (units is None) == (error is None):
        raise ArgumentError(f"{place}: units is {units!r} and error {error!r}, expected one of them")
    if lipschitz is not None and not 0 < lipschitz < math.inf:
        raise ArgumentError(f"{place}: lipschitz is {lipschitz!r}, expected a positive number")
    if units is not None:
        if isinstance(units, bool) or not hasattr(units, "__index__") or units < 1:
            raise ArgumentError(f"{place}: units is {units!r}, expected a whole number >= 1")
        return int(units)
    assert error is not None
    if not 0 < error < math.inf:
        raise ArgumentError(f"{place}: error is {error!r}, expected a positive number")
    return 0 if lipschitz is None else math.ceil(lipschitz * length / (2 * error))


def before_output(place: str, heights: Array, output: str | None) -> tuple[Array, Activation | None]:
    """The sums, and the activation that turns them into the heights."""
    if output is None:
        return heights, None
    if output not in INVERSES:
        raise unknown_name(f"output of {place},", output, INVERSES)
    inverse, (low, high) = INVERSES[output]
    if not np.all((low < heights) & (heights < high)):
        raise ArgumentError(
            f"{place}: f goes from {heights.min():g} to {heights.max():g}, expected values between {low:g} and "
            f"{high:g}, which are those that a {output} can give"
        )
    return inverse(heights), ACTIVATIONS[output]()
