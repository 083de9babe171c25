"""Models side by side, what errors look like, and what one column does to the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import DataError, ShapeError
from forwardnet.plot.style import BLUE, CLASS_COLOURS, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]


def models(
    names: Sequence[str], values: Sequence[float], intervals: Sequence[tuple[float, float]], *, figure_of_merit: str
) -> Figure:
    """Draw a figure of merit of several models, each as a point with its interval; the first one stands out."""
    if not len(names) == len(values) == len(intervals) or not len(names):
        raise ShapeError(f"{len(names)} names, {len(values)} values and {len(intervals)} intervals")
    figure = new_figure(6.0, 1.2 + 0.42 * len(names))
    axes = figure.add_subplot()
    tidy(axes, x=figure_of_merit)
    places = np.arange(len(names))[::-1]
    for i, (place, value, (low, high)) in enumerate(zip(places, values, intervals, strict=True)):
        colour = ORANGE if i == 0 else BLUE
        axes.plot([low, high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([value], [place], "o", color=colour, markersize=7)
    axes.axvline(values[0], color=ORANGE, linewidth=0.9, linestyle=":")
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter("{x:,.6g}")
    axes.set_yticks(places, list(names), fontsize=SMALL + 1)
    axes.set_ylim(-0.6, len(names) - 0.4)
    return figure


def residuals(y: Array, predicted: Array, *, title: str = "", unit: str = "") -> Figure:
    """Draw the errors y - predicted over the predictions, and how they are distributed."""
    truth, guess = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (y, predicted))
    if truth.shape != guess.shape:
        raise ShapeError(f"{truth.size} true values and {guess.size} predictions, expected as many")
    if not truth.size:
        raise DataError("there is no row to draw")
    error = truth - guess
    figure = new_figure(7.6, 3.9)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    suffix = f" ({unit})" if unit else ""
    tidy(left, title=title, x=f"predicted{suffix}", y=f"true - predicted{suffix}")
    size = float(np.clip(2500.0 / truth.size, 4.0, 36.0))
    left.scatter(guess, error, s=size, color=BLUE, alpha=0.5, linewidths=0)
    tidy(right, x="rows")
    right.hist(error, bins=min(60, max(8, int(np.sqrt(truth.size)))), orientation="horizontal", color=BLUE, alpha=0.75)
    left.locator_params(axis="x", nbins=6)
    for axis in (left.xaxis, left.yaxis, right.xaxis):
        axis.set_major_formatter("{x:,.6g}")
    for axes in (left, right):
        axes.axhline(0.0, color=GREY, linewidth=1.2, linestyle="--")
    return figure


def dependence(
    name: str, places: Sequence[Any], means: Array, outputs: Sequence[str], *, rows: Array | None = None
) -> Figure:
    """Draw the mean prediction (t, k) when every row is given the same value of a column, value by value.

    `places` are numbers, for a line, or texts, for bars. `rows` are values of the column whose density is shown below.
    """
    means = np.asarray(means, dtype=np.float64).reshape(len(places), -1)
    if means.shape[1] != len(outputs):
        raise ShapeError(f"means of {means.shape[1]} outputs and {len(outputs)} names")
    is_text = len(places) > 0 and isinstance(places[0], str)
    figure = new_figure(4.8, 1.4 + 0.3 * len(places) if is_text and len(outputs) == 1 else 3.2)
    axes = figure.add_subplot()
    single = outputs[0] if len(outputs) == 1 else ""
    if is_text and len(outputs) == 1:
        tidy(axes, title=name, x=f"mean prediction: {single}")
        order = np.arange(len(places))[::-1]
        axes.plot(means[:, 0], order, "o", color=BLUE, markersize=7)
        axes.set_yticks(order, [str(place) for place in places], fontsize=SMALL)
        axes.set_ylim(-0.6, len(places) - 0.4)
        return figure
    tidy(axes, x=name, y=f"mean prediction: {single}" if single else "mean prediction")
    at = np.arange(len(places)) if is_text else np.asarray(places, dtype=np.float64)
    for k, output in enumerate(outputs):
        axes.plot(at, means[:, k], "-o", color=CLASS_COLOURS[k % 8], linewidth=1.8, markersize=3.5, label=output)
    if is_text:
        axes.set_xticks(at, [str(place) for place in places], fontsize=SMALL, rotation=30, ha="right")
    elif rows is not None:
        shown = rows[(rows >= at.min()) & (rows <= at.max())][:400]
        axes.plot(shown, np.zeros(len(shown)), "|", color=GREY, alpha=0.35, transform=axes.get_xaxis_transform())
    if len(outputs) > 1:
        axes.legend(fontsize=SMALL, frameon=False)
    return figure
