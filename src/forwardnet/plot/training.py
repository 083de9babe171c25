"""The learning curve: loss and metrics by epoch, training beside validation, the chosen epoch marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from forwardnet.errors import DataError
from forwardnet.plot.style import BLUE, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

_NO_METRICS = {"epoch", "loss", "val_loss", "lr", "seconds"}
_TITLES = {"r2": "R²", "rmse": "RMSE", "mae": "MAE"}
_LOG_RATIO = 50.0  # a loss that falls by more than this is unreadable on a linear axis


class HistoryLike(Protocol):
    """What `curves` reads of a training history."""

    @property
    def epochs(self) -> Mapping[str, Array]: ...

    @property
    def best_epoch(self) -> int | None: ...


def curves(history: HistoryLike, *, title: str = "", best: bool = True) -> Figure:
    """Draw loss and every metric over the epochs; `best` marks the epoch whose weights were kept.

    Raises:
        DataError: the history has no epoch.
    """
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in history.epochs.items()}
    if "loss" not in columns or columns["loss"].size == 0:
        raise DataError("the history has no epoch to draw", hint="train for at least one epoch")
    metrics = [name for name in columns if name not in _NO_METRICS and not name.startswith("val_")]
    figure = new_figure(5.2 * (1 + len(metrics)), 3.9)
    if title:
        figure.suptitle(title, fontsize=12)
    epochs = columns.get("epoch", np.arange(1, columns["loss"].size + 1))
    chosen = history.best_epoch if best else None
    for i, name in enumerate(["loss", *metrics]):
        axes = figure.add_subplot(1, 1 + len(metrics), 1 + i)
        _panel(axes, name, epochs, columns[name], columns.get(f"val_{name}"), chosen)
    return figure


def _panel(axes: Axes, name: str, epochs: Array, train: Array, validation: Array | None, chosen: int | None) -> None:
    from matplotlib.ticker import MaxNLocator

    tidy(axes, title=_TITLES.get(name, name.replace("_", " ").capitalize()), x="epoch")
    style: dict[str, Any] = {"linewidth": 1.8, "markersize": 3.5}
    if epochs.size <= 30:  # and a single epoch has no line to see
        style["marker"] = "o"
    axes.plot(epochs, train, color=BLUE, label="training", **style)
    if validation is not None:
        axes.plot(epochs, validation, color=ORANGE, linestyle="--", label="validation", **style)
    if chosen is not None and chosen in epochs:
        value = (train if validation is None else validation)[epochs == chosen][0]
        ring: dict[str, Any] = {
            "markersize": 9,
            "markerfacecolor": "none",
            "markeredgecolor": GREY,
            "markeredgewidth": 1.5,
        }
        axes.axvline(chosen, color=GREY, linewidth=1.0, linestyle=":", zorder=1)
        axes.plot([chosen], [value], "o", label=f"best epoch {chosen}: {value:.4g}", zorder=3, **ring)
    shown = train if validation is None else np.concatenate([train, validation])
    shown = shown[np.isfinite(shown)]
    if name == "loss" and shown.size and shown.min() > 0 and shown.max() > _LOG_RATIO * shown.min():
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=SMALL, frameon=False)
