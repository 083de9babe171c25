"""Pictures of regressions: predicted against true values, and a fitted line through points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import DataError, ShapeError
from forwardnet.plot.style import BLUE, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]


def predicted_vs_true(y: Array, predicted: Array, *, title: str = "", unit: str = "") -> Figure:
    """Draw each row's prediction over its true value, with the line of perfect predictions.

    Raises:
        ShapeError: `y` and `predicted` differ in size.
        DataError: there is no row.
    """
    truth, guess = _column(y), _column(predicted)
    if truth.shape != guess.shape:
        raise ShapeError(f"{truth.size} true values and {guess.size} predictions, expected as many")
    if truth.size == 0:
        raise DataError("there is no row to draw")
    figure = new_figure(4.6, 4.3)
    axes = figure.add_subplot()
    suffix = f" ({unit})" if unit else ""
    tidy(axes, title=title, x=f"true{suffix}", y=f"predicted{suffix}")
    both = np.concatenate([truth, guess])
    both = both[np.isfinite(both)]
    low, high = (both.min(), both.max()) if both.size else (0.0, 1.0)
    margin = 0.04 * (high - low) or 1.0
    axes.plot([low, high], [low, high], color=GREY, linewidth=1.2, linestyle="--", label="perfect", zorder=1)
    axes.scatter(truth, guess, s=_marker_size(truth.size), color=BLUE, alpha=0.6, linewidths=0, label="rows", zorder=2)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    axes.set_aspect("equal")
    axes.locator_params(axis="x", nbins=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.6g}")
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left")
    return figure


def fitted_line(x: Array, y: Array, predict: Any, *, title: str = "", n_points: int = 400) -> Figure:
    """Draw rows `(x, y)` of one feature as points and `predict` over their range as a line.

    `predict` takes an array (n, 1) and returns n values.
    """
    at, target = _column(x), _column(y)
    if at.shape != target.shape:
        raise ShapeError(f"{at.size} values of x and {target.size} of y, expected as many")
    if at.size == 0:
        raise DataError("there is no row to draw")
    grid = np.linspace(at.min(), at.max(), n_points, dtype=np.float32)
    figure = new_figure(5.2, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title, x="x", y="y")
    axes.scatter(at, target, s=_marker_size(at.size), color=BLUE, alpha=0.6, linewidths=0, label="data")
    axes.plot(grid, _column(predict(grid[:, None])), color=ORANGE, linewidth=2.2, label="network")
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def _column(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _marker_size(n: int) -> float:
    """Points shrink as they become many, from 36 square points down to 4."""
    return float(np.clip(2500.0 / max(n, 1), 4.0, 36.0))
