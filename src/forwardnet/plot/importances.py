"""What a model relies on: permutation importance with its spread, contributions of features to an output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forwardnet.errors import ShapeError
from forwardnet.explain.attribution import Attribution
from forwardnet.explain.importance import Importance
from forwardnet.plot.style import BLACK, BLUE, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 20  # features that are shown


def importance(found: Importance, *, title: str = "") -> Figure:
    """Draw by how much shuffling each feature worsens the score: the mean, each repeat as a point."""
    order = found.order[:MOST][::-1]
    figure = new_figure(6.0, 1.2 + 0.32 * len(order))
    axes = figure.add_subplot()
    what = f"{found.score} {'lost' if found.greater_is_better else 'gained'} by shuffling"
    tidy(axes, title=title or f"Permutation importance ({found.score} {found.baseline:.3g})", x=what)
    places = np.arange(len(order))
    colours = [BLUE if found.is_used[j] else GREY for j in order]
    axes.barh(places, found.mean[order], color=colours, height=0.62, alpha=0.75)
    for place, j in zip(places, order, strict=True):
        repeats = found.worsening[j]
        axes.plot(repeats, np.full(len(repeats), place), "|", color=BLACK, markersize=7, alpha=0.7)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_yticks(places, [found.names[j] for j in order], fontsize=SMALL)
    return figure


def attribution(
    found: Attribution, *, row: int | None = None, shape: tuple[int, int] | None = None, title: str = ""
) -> Figure:
    """Draw the contributions of the features: to one row's output, as bars or as an image of `shape`, or over all rows.

    Raises:
        ShapeError: the features do not fill an image of that shape.
    """
    flat = found.values.reshape(len(found.values), -1)
    shown = found.total if row is None else flat[row]
    if shape is not None:
        return _image(shown, shape, title or "Contributions", signed=row is not None)
    order = np.argsort(-np.abs(shown), kind="stable")[:MOST][::-1]
    figure = new_figure(6.0, 1.2 + 0.32 * len(order))
    axes = figure.add_subplot()
    if row is None:
        tidy(axes, title=title or "Contributions, mean size over the rows", x="mean |contribution|")
    else:
        start, end = found.baseline_output[row], found.output[row]
        tidy(axes, title=title or f"Row {row}: output {end:.3g}, {start:.3g} at the baseline", x="contribution")
    colours = [BLUE if value >= 0 else ORANGE for value in shown[order]]
    axes.barh(np.arange(len(order)), shown[order], color=colours, height=0.62, alpha=0.85)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_yticks(np.arange(len(order)), [found.names[j] for j in order], fontsize=SMALL)
    return figure


def _image(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], shape: tuple[int, int], title: str, *, signed: bool
) -> Figure:
    if values.size != shape[0] * shape[1]:
        raise ShapeError(f"attribution: {values.size} features, expected {shape[0]} x {shape[1]}")
    figure = new_figure(4.4, 3.8)
    axes = figure.add_subplot()
    top = float(np.abs(values).max()) or 1.0
    low, colours = (-top, "RdBu") if signed else (0.0, "Blues")
    shown = axes.imshow(values.reshape(shape), cmap=colours, vmin=low, vmax=top)
    tidy(axes, title=title, grid=False)
    axes.set_xticks([])
    axes.set_yticks([])
    figure.colorbar(shown, ax=axes, shrink=0.85, label="contribution")
    return figure
