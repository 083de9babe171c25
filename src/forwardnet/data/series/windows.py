"""Windows of past and future values, and differences that can be undone.

Axis glossary: T points in time, n windows, m past and h future values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.checks import check_features
from forwardnet.errors import ArgumentError, DataError

Array = NDArray[Any]


def windows(y: Any, past: int, future: int, *, step: int = 1) -> tuple[Array, Array]:
    """All pairs of `past` values and the `future` ones that follow: X[i] = y[i : i+m], Y[i] = y[i+m : i+m+h].

    `y` is one series (T,), or a list of series, whose windows are put one below the other and never cross from one
    into the next. `step` is the distance between the starts of neighbouring windows. X (n, m) and Y (n, h) are float64.

    Raises:
        ArgumentError: `past`, `future` or `step` is below 1.
        DataError: a series is shorter than m + h, or has values that are missing or infinite.

    Example:
        >>> windows([1, 2, 3, 4, 5, 6, 7], 3, 2)[0].tolist()
        [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [3.0, 4.0, 5.0]]
    """
    for name, value in (("past", past), ("future", future), ("step", step)):
        if value < 1:
            raise ArgumentError(f"windows: {name} is {value}, expected at least 1")
    many = isinstance(y, list | tuple) and len(y) > 0 and np.ndim(y[0]) == 1
    pairs = [
        _windows(one, past, future, step, f"series {number}" if many else "y")
        for number, one in enumerate(y if many else [y])
    ]
    X, Y = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return X, Y


def _windows(y: Any, past: int, future: int, step: int, where: str) -> tuple[Array, Array]:
    values = check_features(y, where=where, ndim=1, dtype=np.float64)
    if len(values) < past + future:
        raise DataError(f"{where} has {len(values)} values, expected at least {past} past and {future} future ones")
    both = np.lib.stride_tricks.sliding_window_view(values, past + future)[::step]
    return both[:, :past].copy(), both[:, past:].copy()


def difference(y: Any, lag: int = 1) -> Array:
    """d[t] = y[t] - y[t - lag], float64 (T - lag,); `lag` is 1, or the length of a season.

    Raises:
        ArgumentError: `lag` is below 1 or not below T.
    """
    values = np.asarray(y, np.float64)
    if not 1 <= lag < len(values):
        raise ArgumentError(f"difference: lag is {lag}, expected 1 to {len(values) - 1} for {len(values)} values")
    return np.asarray(values[lag:] - values[:-lag])


def undifference(d: Any, start: Any) -> Array:
    """The values (lag + len(d),) of which `d` is `difference(y, lag)`, and `start` the first `lag` values of y.

    Exact where the values are whole numbers or otherwise without rounding; else to a few roundings.
    """
    steps, first = np.asarray(d, np.float64), np.asarray(start, np.float64)
    lag = len(first)
    if lag < 1:
        raise ArgumentError("undifference: start is empty, expected the first values, as many as the lag")
    found = np.concatenate([first, steps])
    for t in range(lag, len(found)):
        found[t] += found[t - lag]
    return found
