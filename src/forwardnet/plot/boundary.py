"""Points of two features, and the regions in which a classifier decides for each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import ArgumentError, DataError, ShapeError
from forwardnet.plot.style import CLASS_COLOURS, MARKERS, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]


def scatter(
    X: Array, y: Array, *, labels: Sequence[object] | None = None, names: Sequence[str] = ("x1", "x2"), title: str = ""
) -> Figure:
    """Draw rows of two features, coloured and shaped by class.

    Raises:
        ShapeError: `X` is not (n, 2) or `y` not (n,).
    """
    X, y = _checked(X, y)
    figure = new_figure(5.2, 4.2)
    axes = figure.add_subplot()
    tidy(axes, title=title, x=names[0], y=names[1])
    _points(axes, X, y, labels)
    return figure


def decision_boundary(
    predict: Callable[[Array], Array],
    X: Array,
    y: Array,
    *,
    labels: Sequence[object] | None = None,
    names: Sequence[str] = ("x1", "x2"),
    title: str = "",
    resolution: int = 200,
) -> Figure:
    """Draw the class that `predict` gives at each place of the plane, and the rows `(X, y)` on top.

    Args:
        predict: takes an array (m, 2) float32; returns class indices (m,), or scores (m, classes) whose largest
            wins; a single column of scores is taken as a two-class score with the boundary at 0.
        resolution: places per axis, 2 to 2000.

    Raises:
        ShapeError: `X`, `y` or what `predict` returns has another shape.
    """
    X, y = _checked(X, y)
    _check_resolution(resolution)
    figure = new_figure(5.2, 4.2)
    axes = figure.add_subplot()
    tidy(axes, title=title, x=names[0], y=names[1], grid=False)
    _regions(axes, predict, X, y, resolution)
    _points(axes, X, y, labels)
    return figure


def decision_boundaries(
    predicts: Mapping[str, Callable[[Array], Array]],
    X: Array,
    y: Array,
    *,
    labels: Sequence[object] | None = None,
    names: Sequence[str] = ("x1", "x2"),
    columns: int = 3,
    resolution: int = 120,
) -> Figure:
    """Draw what `decision_boundary` does for several classifiers by name, a panel for each, on the same rows.

    Raises:
        ArgumentError: there is no classifier.
        ShapeError: `X`, `y` or what one of them returns has another shape.
    """
    X, y = _checked(X, y)
    _check_resolution(resolution)
    if not predicts:
        raise ArgumentError("there is no classifier to draw")
    across = min(max(columns, 1), len(predicts))
    down = -(-len(predicts) // across)
    figure = new_figure(3.5 * across, 3.0 * down)
    for number, (title, predict) in enumerate(predicts.items(), start=1):
        axes = figure.add_subplot(down, across, number)
        tidy(axes, title=title, x=names[0], y=names[1], grid=False)
        _regions(axes, predict, X, y, resolution)
        _points(axes, X, y, labels, legend=number == 1)
    return figure


def _check_resolution(resolution: int) -> None:
    if not 2 <= resolution <= 2000:
        raise ArgumentError(f"resolution is {resolution}, expected 2 to 2000")


def _regions(axes: Axes, predict: Callable[[Array], Array], X: Array, y: Array, resolution: int) -> None:
    """The class at each place around the rows, as colours."""
    span = np.maximum(X.max(axis=0) - X.min(axis=0), 1e-6)
    low, high = X.min(axis=0) - 0.12 * span, X.max(axis=0) + 0.12 * span
    across, up = (np.linspace(low[i], high[i], resolution) for i in range(2))
    places = np.stack([axis.ravel() for axis in np.meshgrid(across, up)], axis=1).astype(np.float32)
    classes = _classes(np.asarray(predict(places)), len(places)).reshape(resolution, resolution)
    n = int(max(classes.max(), y.max())) + 1
    colours = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(n)]
    levels = np.arange(n + 1) - 0.5
    axes.contourf(across, up, classes, levels=levels, colors=colours, alpha=0.22)
    if classes.min() != classes.max():
        axes.contour(across, up, classes, levels=levels[1:-1], colors="#444444", linewidths=1.0)


def _points(axes: Axes, X: Array, y: Array, labels: Sequence[object] | None, *, legend: bool = True) -> None:
    size = float(np.clip(4000.0 / len(X), 6.0, 30.0))
    present = np.unique(y)
    for k in present:
        chosen = y == k
        axes.scatter(
            X[chosen, 0],
            X[chosen, 1],
            s=size,
            color=CLASS_COLOURS[k % len(CLASS_COLOURS)],
            marker=MARKERS[k % len(MARKERS)],
            edgecolors="white",
            linewidths=0.5,
            label=f"class {k}" if labels is None else str(labels[k]),
        )
    if legend and len(present) <= len(CLASS_COLOURS):
        axes.legend(fontsize=SMALL, frameon=True, framealpha=0.85, edgecolor="none")


def _checked(X: Array, y: Array) -> tuple[Array, Array]:
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ShapeError(f"X has shape {X.shape}, expected (rows, 2)", hint="choose two of the features")
    if y.shape != (len(X),):
        raise ShapeError(f"y has shape {y.shape}, expected ({len(X)},): one class per row of X")
    if len(X) == 0:
        raise DataError("there is no row to draw")
    if y.dtype.kind not in "iub" or y.min() < 0:
        raise DataError(f"y has type {y.dtype}, expected class indices from 0 up")
    return X, y.astype(np.int64)


def _classes(scores: Array, rows: int) -> Array:
    if scores.shape not in ((rows,), (rows, scores.shape[-1])):
        raise ShapeError(f"predict returned shape {scores.shape}, expected ({rows},) or ({rows}, classes)")
    if scores.ndim == 1 and scores.dtype.kind in "iub":
        return scores.astype(np.int64)
    if scores.ndim == 1 or scores.shape[1] == 1:
        return (scores.reshape(-1) > 0).astype(np.int64)
    return np.asarray(scores.argmax(axis=1))
