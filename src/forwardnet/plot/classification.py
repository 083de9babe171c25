"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import ShapeError
from forwardnet.plot.style import BLACK, SMALL, TEXT, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_COUNTS = 20  # with more classes the cells are too small for numbers
_MOST_LABELS = 40


def confusion(matrix: Array, labels: Sequence[object] | None = None, *, title: str = "") -> Figure:
    """Draw counts `matrix[true, predicted]`, shaded by the share of each true class.

    Raises:
        ShapeError: the matrix is not square or has another size than the labels.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ShapeError(f"the confusion matrix has shape {counts.shape}, expected (classes, classes)")
    n = counts.shape[0]
    names = [str(label) for label in (labels if labels is not None else range(n))]
    if len(names) != n:
        raise ShapeError(f"{len(names)} labels for a confusion matrix of {n} classes")
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)

    side = float(np.clip(2.0 + 0.42 * n, 3.6, 9.5))
    figure = new_figure(side + 0.9, side)
    axes = figure.add_subplot()
    tidy(axes, title=title, x="predicted", y="true", grid=False)
    # The square root keeps a few errors visible beside hundreds of right answers.
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0.0, vmax=1.0)
    if n <= _MOST_COUNTS:
        size = TEXT if n <= 12 else SMALL - 2
        for i, j in np.argwhere(counts > 0):
            colour = "white" if shares[i, j] > 0.35 else BLACK
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", fontsize=size, color=colour)
    if n <= _MOST_LABELS:
        # A character is about 0.085 inches wide: names that would touch are turned.
        long = 0.085 * max(len(name) for name in names) > 0.9 * (side - 1.0) / n
        size = SMALL + 1 if n <= _MOST_COUNTS else SMALL - 3
        axes.set_xticks(range(n), names, fontsize=size, rotation=45 if long else 0, ha="right" if long else "center")
        axes.set_yticks(range(n), names, fontsize=size)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure
