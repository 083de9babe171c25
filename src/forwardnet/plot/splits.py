"""How rows are divided: which of them each fold learns from, and which it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forwardnet.errors import DataError
from forwardnet.plot.style import BLUE, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from forwardnet.validate.folds import Fold

MOST = 40  # folds that still have a line of their own
UNUSED, LEARNT, ASKED = 0, 1, 2


def splits(folds: Sequence[Fold], *, title: str = "") -> Figure:
    """Draw a line for each fold: rows it learns from, rows it is asked about, and rows that it leaves alone.

    Of more than 40 folds, such as those of leave-one-out, the first 40 are drawn, which the title says.

    Raises:
        DataError: there is no fold.
    """
    if not folds:
        raise DataError("there is no fold to draw")
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    shown = list(folds[:MOST])
    n = 1 + max(int(max(fold.train.max(initial=0), fold.test.max(initial=0))) for fold in folds)
    parts = np.full((len(shown), n), UNUSED)
    for part, fold in zip(parts, shown, strict=True):
        part[fold.train] = LEARNT
        part[fold.test] = ASKED
    figure = new_figure(6.4, 1.6 + 0.22 * len(shown))
    axes = figure.add_subplot()
    more = "" if len(shown) == len(folds) else f" (the first {MOST} of {len(folds)})"
    tidy(axes, title=(title or "Folds") + more, x="row", y="fold", grid=False)
    axes.pcolormesh(
        np.arange(n + 1) - 0.5,
        np.arange(len(shown) + 1) + 0.5,
        parts,
        cmap=ListedColormap(["white", BLUE, ORANGE]),
        vmin=UNUSED,
        vmax=ASKED,
        edgecolors="white",
        linewidth=0.6 if n <= 60 else 0.0,
    )
    axes.invert_yaxis()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    names = {LEARNT: (BLUE, "learnt from"), ASKED: (ORANGE, "asked about")}
    patches = [Patch(color=colour, label=name) for colour, name in names.values()]
    axes.legend(handles=patches, fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
