"""What a penalty does to weights, over its strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from forwardnet.errors import DataError, ShapeError
from forwardnet.plot.style import CLASS_COLOURS, GREY, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More lines than this have no names: the legend would hide them.
MOST_NAMED = 10


def regularisation_path(
    strengths: ArrayLike, weights: ArrayLike, *, names: Sequence[str] = (), title: str = ""
) -> Figure:
    """Draw each weight over the strength of a penalty: `weights` has a row (k,) for each strength.

    Raises:
        ShapeError: there is not one row for each strength.
        DataError: a strength is not above 0, and has no place on the logarithmic axis.
    """
    x, rows = np.asarray(strengths, np.float64), np.asarray(weights, np.float64)
    if x.ndim != 1 or rows.ndim != 2 or len(rows) != len(x) or not len(x):
        raise ShapeError(
            f"regularisation_path: strengths have shape {x.shape} and weights {rows.shape}, expected (m,) and (m, k)"
        )
    if not (x > 0).all():
        raise DataError(f"regularisation_path: strength {x.min():g}, expected numbers above 0")
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    tidy(axes, title=title or "Weights over the strength of the penalty", x="strength", y="weight")
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    for number, values in enumerate(rows.T):
        style: dict[str, Any] = {"color": CLASS_COLOURS[number % len(CLASS_COLOURS)], "linewidth": 1.6}
        axes.plot(x, values, label=names[number] if names else f"w{number + 1}", **style)
    axes.set_xscale("log")
    if rows.shape[1] <= MOST_NAMED:
        axes.legend(fontsize=SMALL, frameon=False)
    return figure
