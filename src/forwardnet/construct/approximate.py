"""Functions of one number, approximated by steps: pulses side by side.

The universal approximation theorem (Cybenko 1989; Hornik, Stinchcombe & White 1989) says that one hidden layer of
sigmoids or steps with a linear output comes as near as one likes to any continuous function on a compact set. It is
often stated for "any function"; continuity and compactness are needed, and nothing is said about how many units it
takes, which can grow exponentially with the number of inputs, nor about whether training finds them. Here the weights
are written down, and the number of units is known.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet.construct.functions import Function, before_output, piece_count, values_of
from forwardnet.construct.network import Array, build, rounded
from forwardnet.construct.registry import construction
from forwardnet.construct.shapes import corners_of
from forwardnet.errors import ArgumentError
from forwardnet.nn.sequential import Sequential

# Samples of f that adaptive pieces are cut from: the first number, and the one at which it is given up.
FIRST_SAMPLES, LAST_SAMPLES = 1 << 12, 1 << 20
# Places by piece at which an error is measured; both ends are among them.
PLACES = 33


@construction("2 + 1", "exact up to the rounding of its ends")
def pulse(
    t1: float, t2: float, height: float = 1.0, *, steepness: float | None = None, dtype: Any = None
) -> Sequential:
    """y = height (step(x - t1) - step(x - t2)): `height` where t1 <= x < t2, 0 elsewhere.

    Two threshold units and one that sums them.

    Raises:
        ArgumentError: not t1 < t2.
    """
    if not -math.inf < t1 < t2 < math.inf:
        raise ArgumentError(f"pulse: t1 is {t1!r} and t2 {t2!r}, expected t1 < t2, finite")
    layers = [(np.ones((2, 1)), -np.array([t1, t2])), (height * np.array([[1.0, -1.0]]), np.zeros(1))]
    claim = "exact up to the rounding of its ends"
    return build(layers, what=f"pulse on [{t1:g}, {t2:g})", claim=claim, steepness=steepness, dtype=dtype)


# ---------------------------------------------------------------- one dimension


@construction("one for each piece, and one", "proved with a Lipschitz constant, else measured")
def approximate_1d(
    f: Function,
    interval: tuple[float, float],
    units: int | None = None,
    *,
    error: float | None = None,
    lipschitz: float | None = None,
    output: str | None = None,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = sum_k (h_k - h_{k-1}) step(x - t_k): pulses of height h_k side by side, where one ends the next begins.

    With `units` = n: n pieces of equal width (b - a)/n, with the value of f in the middle of each. The error is at most
    w((b - a)/(2n)), w being the modulus of continuity of f, so at most L (b - a)/(2n) if |f(x) - f(z)| <= L |x - z|.
    With `error` alone: the fewest pieces on each of which f stays within a band of 2 `error`, cut from samples that are
    made finer until f moves little between two of them; with `lipschitz` = L too: ceil(L (b - a)/(2 error)) equal ones,
    which is a proof and not a measurement. Left of the interval y is 0, right of it the last height.

    `output`: "sigmoid" or "tanh" is put after the sum, which then gives the value that the activation turns into f.

    Args:
        f: takes an array (M,) or a number; continuous on the interval [a, b].

    Raises:
        ArgumentError: neither `units` nor `error`, or values of f that the output cannot give, or f jumps.
    """
    low, high = corners_of([interval], "approximate_1d", 1)
    a, b = float(low[0]), float(high[0])
    n = piece_count("approximate_1d", units, error, lipschitz, b - a)
    starts = a + (b - a) / n * np.arange(n) if n else np.zeros(0)
    if n:
        heights = values_of(f, (starts + (b - a) / (2 * n))[:, None], "approximate_1d")
    else:
        assert error is not None
        starts, heights = _adaptive(f, a, b, error)
    bound = _worst(f, starts, heights, b) if lipschitz is None else lipschitz * (b - a) / (2 * n)
    how = f"measured at {PLACES} places by piece"
    if lipschitz is not None:
        how = f"proved for the Lipschitz constant {lipschitz:g}"
    sums, end = before_output("approximate_1d", heights, output)
    return build(
        [(np.ones((len(starts), 1)), -starts), (_differences(sums, dtype)[None], np.zeros(1))],
        what=f"{len(starts)} pieces on [{a:g}, {b:g}]",
        claim=f"off by at most {bound:.3g}, {how}",
        error=bound,
        output=end,
        steepness=steepness,
        dtype=dtype,
    )


def _differences(heights: Array, dtype: Any) -> Array:
    """Weights whose running sums are the heights, each rounding made good by the next."""
    found, reached = np.empty(len(heights)), 0.0
    for k, height in enumerate(heights.tolist()):
        found[k] = rounded(height - reached, dtype)
        reached += found[k]
    return found


def _worst(f: Function, starts: Array, heights: Array, b: float) -> float:
    """The largest |f(x) - h_k| at places spread over each piece, its ends among them."""
    ends = np.append(starts[1:], b)
    part = np.linspace(0, 1, PLACES)
    places = starts[:, None] * (1 - part) + ends[:, None] * part
    values = values_of(f, places.reshape(-1, 1), "approximate_1d").reshape(places.shape)
    return float(np.abs(values - heights[:, None]).max())


def _adaptive(f: Function, a: float, b: float, error: float) -> tuple[Array, Array]:
    """Pieces as long as f stays in a band of 2 `error`: from the left, which gives the fewest possible."""
    n = FIRST_SAMPLES
    while True:
        x = np.linspace(a, b, n + 1)
        y = values_of(f, x[:, None], "approximate_1d")
        moves = np.abs(np.diff(y))
        move = float(moves.max())
        if move <= error / 8:
            break
        if n >= LAST_SAMPLES:
            raise ArgumentError(
                f"approximate_1d: f moves by {move:.3g} between x = {x[moves.argmax()]:.9g} and the next of "
                f"{LAST_SAMPLES} samples, too much for an error of {error:g}",
                hint="no staircase of finite steps comes near a jump; give `lipschitz` if f is only steep",
            )
        n *= 4
    band = 2 * (error - move)  # between two samples f may leave the band by as much as it moves from one to the next
    starts, heights, first = [], [], 0
    while first <= n:
        end = _first_outside(y, first, band)
        piece = y[first:end]
        starts.append(x[first])
        heights.append((piece.min() + piece.max()) / 2)
        first = end
    return np.array(starts), np.array(heights)


def _first_outside(y: Array, first: int, band: float) -> int:
    """The first place from `first` on at which y has moved by more than `band`."""
    length = 64
    while True:
        part = y[first : first + length]
        outside = np.maximum.accumulate(part) - np.minimum.accumulate(part) > band
        if outside.any():
            return first + int(outside.argmax())
        if first + length >= len(y):
            return len(y)
        length *= 4
