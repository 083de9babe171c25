"""The range test of the learning rate: losses over rates, the suggested rate marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from forwardnet.errors import DataError
from forwardnet.plot.style import BLUE, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]


class RangeTestLike(Protocol):
    """What `range_test` reads of the result of `find_lr`."""

    @property
    def rates(self) -> Array: ...

    @property
    def losses(self) -> Array: ...

    @property
    def smoothed(self) -> Array: ...

    @property
    def suggestion(self) -> float | None: ...

    @property
    def mode(self) -> str: ...


def range_test(found: RangeTestLike, *, title: str = "") -> Figure:
    """Draw the losses of a range test over the rates, on a logarithmic axis where the sweep was exponential.

    Raises:
        DataError: the test has no step.
    """
    if len(found.rates) == 0:
        raise DataError("the range test has no step to draw", hint="its first rate diverged: begin with a smaller one")
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    tidy(axes, title=title or "Range test", x="learning rate", y="loss")
    axes.plot(found.rates, found.losses, color=GREY, linewidth=0.8, alpha=0.6, label="batch")
    axes.plot(found.rates, found.smoothed, color=BLUE, linewidth=1.8, label="smoothed")
    if found.mode == "exponential":
        axes.set_xscale("log")
    if found.suggestion is not None:
        at = float(found.smoothed[int(np.argmin(np.abs(found.rates - found.suggestion)))])
        axes.plot([found.suggestion], [at], "o", color=ORANGE, label=f"suggestion {found.suggestion:.2g}")
    # A loss that runs away would press the rest into a line.
    top = float(np.max(found.smoothed[: max(int(np.argmin(found.smoothed)), 1)]))
    low = float(np.min(found.smoothed))
    axes.set_ylim(low - 0.1 * (top - low) - 1e-9, top + 0.6 * (top - low) + 1e-9)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure
