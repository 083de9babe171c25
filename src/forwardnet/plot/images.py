"""Small images in a grid, with a caption under each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import DataError, ShapeError
from forwardnet.plot.style import BLACK, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]


def images(X: Array, *, captions: Sequence[str] = (), shape: tuple[int, ...] | None = None, columns: int = 8) -> Figure:
    """Draw images (n, height, width), or rows of the given `shape`, dark on light.

    With colours they are (n, height, width, 3) from 0 to 1, or rows of such a `shape`.

    Raises:
        ShapeError: the rows are no images of that shape.
        DataError: there is no image.
    """
    X = np.asarray(X, dtype=np.float64)
    if shape is not None and X.ndim == 2 and X.shape[1] == math.prod(shape):
        X = X.reshape(len(X), *shape)
    if X.ndim != 3 and X.shape[3:] != (3,):
        sizes = "" if shape is None else ", ".join(map(str, shape))
        expected = "(n, height, width)" if shape is None else f"(n, {math.prod(shape)}) or (n, {sizes})"
        raise ShapeError(f"X has shape {X.shape}, expected {expected}")
    if len(X) == 0:
        raise DataError("there is no image to draw")
    columns = min(columns, len(X))
    rows = -(-len(X) // columns)
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    figure = new_figure(1.15 * columns, (1.1 + 0.17 * lines) * rows)
    finite = X[np.isfinite(X)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    for i, image in enumerate(X):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.imshow(image, cmap="gray_r", vmin=low, vmax=high)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color("#CCCCCC")
        if i < len(captions):
            axes.set_xlabel(captions[i], fontsize=SMALL, color=BLACK)
    return figure
