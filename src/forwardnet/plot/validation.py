"""What validations found: models side by side, figures over a parameter, all trials of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.plot.style import BLUE, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forwardnet.validate import Compared, Curve, Sweep

_LOG_RATIO = 8.0  # positive values that span more than this stand on a logarithmic axis
_MOST_PANELS = 4
_MOST_TICKS = 8  # as many values are named on the axis, one by one


def compared(found: Compared, *, metric: str | None = None, title: str = "") -> Figure:
    """Draw each model's figure with its 95 % interval, the best on top, and its folds as dots."""
    metric = metric or found.metrics[0]
    order = found.ranking(metric)[::-1]
    figure = new_figure(6.5, 1.4 + 0.55 * len(order))
    axes = figure.add_subplot()
    tidy(axes, title=title or "Models on the same folds", x=metric)
    for place, name in enumerate(order):
        one = found[name]
        low, high = one.interval(metric)
        folds = one.scores[metric][np.isfinite(one.scores[metric])]
        if min(len(fold.test) for fold in one.folds) > 1:  # a fold of one row has no figure worth a dot
            label = "folds" if place == 0 else None
            axes.plot(folds, np.full(len(folds), place), "o", color=GREY, alpha=0.45, markersize=4, label=label)
        axes.plot([low, high], [place, place], color=BLUE, linewidth=2.5, label="95 % interval" if place == 0 else None)
        label = "all rows" if place == 0 else None
        axes.plot([one.pooled()[metric]], [place], "D", color=BLUE, markersize=6, label=label)
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=3)
    return figure


def validation_curve(curve: Curve, *, metric: str | None = None, title: str = "") -> Figure:
    """Draw figures of unseen rows, with their 95 % interval, and of those learnt from, over the values of a curve."""
    metric = metric or curve.metrics[0]
    points = curve.points(metric)
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    tidy(axes, title=title or f"{metric} over {curve.name}", x=curve.name, y=metric)
    x = _axis(axes, curve.values)
    axes.fill_between(x, points["low"], points["high"], color=ORANGE, alpha=0.2, linewidth=0, label="95 % interval")
    style: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 1.8}
    axes.plot(x, points["test"], color=ORANGE, label="rows not seen", **style)
    axes.plot(x, points["train"], color=BLUE, linestyle="--", label="rows learnt from", **style)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def swept(found: Sweep, *, metric: str | None = None, title: str = "") -> Figure:
    """Draw for each parameter (at most four) the figures of all trials over its values, with their intervals."""
    metric = metric or found.metric
    trials = found.ranking
    names = list(trials[0].params)[:_MOST_PANELS]
    figure = new_figure(3.4 * max(len(names), 1) + 1, 3.8)
    figure.suptitle(title or f"{len(trials)} trials, {metric} with 95 % intervals", fontsize=12)
    values = np.array([trial.validation.pooled()[metric] for trial in trials])
    edges = np.array([trial.validation.interval(metric) for trial in trials])
    for i, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), i + 1)
        tidy(axes, x=name, y=metric if i == 0 else "")
        x = _axis(axes, [trial.params[name] for trial in trials])
        axes.vlines(x, edges[:, 0], edges[:, 1], color=GREY, linewidth=1.2, alpha=0.6)
        axes.plot(x, values, "o", color=BLUE, markersize=5)
        axes.plot(x[:1], values[:1], "o", color=ORANGE, markersize=8, label="best")
        if i == 0:
            axes.legend(fontsize=SMALL, frameon=False)
    return figure


def _axis(axes: Axes, values: Sequence[Any]) -> Any:
    """Where values stand on the axis: numbers by size, on a logarithmic scale where they span much, others in turn."""
    if all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values):
        x = np.array(values, np.float64)
        if len(x) > 1 and x.min() > 0 and x.max() > _LOG_RATIO * x.min():
            axes.set_xscale("log")
        ticks = np.unique(x)
        if len(ticks) <= _MOST_TICKS:
            axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
            axes.set_xticks([], minor=True)
        return x
    texts = [str(getattr(value, "__name__", value)) for value in values]
    known = list(dict.fromkeys(texts))
    axes.set_xticks(range(len(known)), known, rotation=0 if sum(map(len, known)) < 24 else 30)
    return np.array([known.index(text) for text in texts], np.float64)
