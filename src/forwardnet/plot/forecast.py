"""Pictures of forecasts: what comes after a series, what was said before and what came, and how errors grow.

Axis glossary: T points in time, n origins, H steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import DataError, ShapeError
from forwardnet.plot.style import BLUE, GREY, MARKERS, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_STEPS_MARKED = 40


def forecast(
    history: Array,
    values: Array,
    low: Array | None = None,
    high: Array | None = None,
    *,
    dates: Array | None = None,
    title: str = "",
    name: str = "",
    level: float = 0.9,
) -> Figure:
    """Draw the last values of a series, the `values` (H,) that are to come, and the band between `low` and `high`.

    `dates` are those of history and forecast together; None counts rows.

    Raises:
        DataError: there is nothing to draw.
        ShapeError: `dates` has another length.
    """
    past, ahead = np.asarray(history, np.float64), np.asarray(values, np.float64)
    if not past.size or not ahead.size:
        raise DataError("there is no series and forecast to draw")
    x = _axis(dates, past.size + ahead.size)
    figure = new_figure(8.6, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title, y=name)
    axes.plot(x[: past.size], past, color=BLUE, linewidth=1.5, label="known")
    # The forecast begins where the series ends, so that the eye need not jump.
    shown = np.concatenate([past[-1:], ahead])
    marker = "o" if ahead.size <= _MOST_STEPS_MARKED else ""
    if low is not None and high is not None and np.isfinite(low).all():
        bottom, top = (np.concatenate([past[-1:], side]) for side in (low, high))
        at = x[past.size - 1 :]
        axes.fill_between(at, bottom, top, color=ORANGE, alpha=0.22, linewidth=0, label=f"{100 * level:g} % interval")
    axes.plot(x[past.size - 1 :], shown, color=ORANGE, linewidth=1.8, marker=marker, markersize=3.5, label="forecast")
    axes.axvline(x[past.size - 1], color=GREY, linewidth=1, linestyle=":")
    _finish(axes, dates)
    return figure


def rolling_forecasts(
    truth: Array,
    starts: Sequence[int],
    values: Array,
    low: Array | None = None,
    high: Array | None = None,
    *,
    dates: Array | None = None,
    title: str = "",
    name: str = "",
    level: float = 0.9,
) -> Figure:
    """Draw what came, `truth` (T,), and what had been said: `values` (n, H), each row from its place in `starts`."""
    came = np.asarray(truth, np.float64)
    if not came.size or not len(values):
        raise DataError("there is no forecast to draw")
    x = _axis(dates, came.size)
    figure = new_figure(8.6, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title, y=name)
    axes.plot(x, came, color=BLUE, linewidth=1.5, label="what came", zorder=3)
    for i, start in enumerate(starts):
        at = x[start : start + values.shape[1]]
        first = i == 0
        if low is not None and high is not None and np.isfinite(low[i]).all():
            band = f"{100 * level:g} % interval" if first else None
            axes.fill_between(at, low[i], high[i], color=ORANGE, alpha=0.2, linewidth=0, label=band)
        # A gap between forecasts shows where one ends and the next begins.
        axes.plot(at, values[i], color=ORANGE, linewidth=1.6, label="forecast before" if first else None)
        axes.axvline(at[0], color=GREY, linewidth=0.7, linestyle=":")
    _finish(axes, dates)
    return figure


def errors_by_step(errors: Mapping[str, Array], *, title: str = "", name: str = "mean absolute error") -> Figure:
    """Draw for each method its error (H,) over the steps of the horizon; the first stands out."""
    lengths = {len(np.asarray(values)) for values in errors.values()}
    if len(lengths) != 1:
        raise ShapeError(f"errors of {sorted(lengths)} steps, expected one number of steps for all methods")
    steps = np.arange(1, lengths.pop() + 1)
    figure = new_figure(5.6, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title, x="steps ahead", y=name)
    for i, (method, values) in enumerate(errors.items()):
        style: dict[str, Any] = {"color": BLUE if i == 0 else GREY, "linewidth": 2.2 if i == 0 else 1.2}
        marker = MARKERS[i % len(MARKERS)] if steps.size <= _MOST_STEPS_MARKED else ""
        axes.plot(steps, values, label=method, marker=marker, markersize=4 + (i == 0), **style)
    axes.set_ylim(bottom=0)
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def _axis(dates: Array | None, n: int) -> Array:
    if dates is None:
        return np.arange(n)
    if len(dates) != n:
        raise ShapeError(f"{len(dates)} dates for {n} values")
    return np.asarray(dates, "datetime64[s]")


def _finish(axes: Axes, dates: Array | None) -> None:
    if dates is not None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left")
