"""Learning rates: the range test, what schedules set over the steps, and how training goes with one rate or another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from forwardnet.errors import DataError
from forwardnet.optim.lr_scheduler import SCHEDULERS, LambdaLR
from forwardnet.plot.style import BLUE, CLASS_COLOURS, GREY, ORANGE, SMALL, new_figure, tidy
from forwardnet.train.pace import Preview, preview

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
    low = float(np.min(found.losses))
    axes.set_ylim(low - 0.1 * (top - low) - 1e-9, top + 0.6 * (top - low) + 1e-9)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def schedule(
    scheduler: Any, *, epochs: int = 30, steps_per_epoch: int = 20, lr: float = 0.1, title: str = "", **options: Any
) -> Figure:
    """Draw what a `Trainer` would set at each step: the rate, and the momentum where it moves.

    `scheduler` is a name, or a function that makes a schedule from an optimiser; `options` go to `train.pace.preview`.
    """
    found = preview(scheduler, epochs=epochs, steps_per_epoch=steps_per_epoch, lr=lr, **options)
    figure = new_figure(6.0, 3.6)
    name = scheduler if isinstance(scheduler, str) else ""
    _course(figure.add_subplot(), found, title or name, labels=True)
    return figure


def schedules(*, epochs: int = 30, steps_per_epoch: int = 20, lr: float = 0.1) -> Figure:
    """Draw every schedule of the registry, as a `Trainer` makes it from its name for a fit of so many epochs.

    The one that takes a function of one's own is shown with 0.9^epoch.
    """
    columns = 5
    rows = -(-len(SCHEDULERS) // columns)
    figure = new_figure(3.2 * columns, 2.4 * rows)
    for place, name in enumerate(sorted(SCHEDULERS)):
        found = preview(_powers if name == "lambda" else name, epochs=epochs, steps_per_epoch=steps_per_epoch, lr=lr)
        axes = figure.add_subplot(rows, columns, place + 1)
        is_last_row = place + columns >= len(SCHEDULERS)
        shown = "lambda: 0.9^epoch" if name == "lambda" else name
        _course(axes, found, shown, labels=False, x="epoch" if is_last_row else "")
    figure.legend(*_legend(figure), loc="outside lower right", ncols=2, fontsize=SMALL + 1, frameon=False)
    return figure


def comparison(losses: Mapping[Any, Any], *, title: str = "", label: str = "learning rate") -> Figure:
    """Draw the losses of several fits, {rate: losses}, on a logarithmic axis; what is not finite ends its line.

    Raises:
        DataError: there is no fit, or one without a loss.
    """
    if not losses or any(np.size(values) == 0 for values in losses.values()):
        raise DataError("there is no loss to compare", hint="give {rate: history['loss'], ...}")
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    tidy(axes, title=title or "The same training with several learning rates", x="epoch", y="loss")
    for number, (rate, values) in enumerate(losses.items()):
        shown = np.where(np.isfinite(values), values, np.nan)
        name = f"{rate:g}" if isinstance(rate, int | float) else str(rate)
        axes.plot(
            np.arange(1, len(shown) + 1),
            shown,
            color=CLASS_COLOURS[number % len(CLASS_COLOURS)],
            linewidth=1.8,
            label=name,
        )
    axes.set_yscale("log")
    axes.legend(title=label, fontsize=SMALL, title_fontsize=SMALL, frameon=False)
    return figure


def _course(axes: Axes, found: Preview, title: str, *, labels: bool, x: str = "epoch") -> None:
    """The rate over the epochs, level within each step; the momentum on an axis of its own."""
    tidy(axes, title=title, x=x, y="learning rate" if labels else "")
    ends = np.append(found.epochs, found.epochs[-1] + (found.epochs[1] if len(found.epochs) > 1 else 1.0))
    axes.stairs(found.rates, ends, baseline=None, color=BLUE, linewidth=1.8, label="learning rate")
    axes.set_ylim(0, 1.12 * float(found.rates.max()))
    if found.momenta is None:
        return
    other = axes.twinx()
    other.stairs(found.momenta, ends, baseline=None, color=ORANGE, linewidth=1.2, linestyle="--", label="momentum")
    other.set_ylim(0, 1.12)
    other.tick_params(labelsize=SMALL, color=GREY, labelcolor=ORANGE)
    for side in ("top", "left"):
        other.spines[side].set_visible(False)
    other.spines["right"].set_color(GREY)
    if labels:
        other.set_ylabel("momentum", fontsize=SMALL + 1, color=ORANGE)


def _powers(optimizer: Any) -> LambdaLR:
    return LambdaLR(optimizer, lambda epoch: 0.9**epoch)


def _legend(figure: Figure) -> tuple[list[Any], list[str]]:
    """One handle for each label in any panel."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    return list(found.values()), list(found)
