"""How well scores rank and how honest probabilities are: ROC, precision and recall, calibration.

Axis glossary: n rows, C classes, t thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import DataError, ShapeError
from forwardnet.plot.style import CLASS_COLOURS, GREY, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
Floats = NDArray[np.float64]

MOST_CURVES = 8  # classes that are drawn, the most frequent ones
_BINS = 10
_ENOUGH = 300  # rows for ten ranges: fewer leave each to chance


def roc_points(is_true: Array, score: Array) -> tuple[Floats, Floats]:
    """(t + 1,) false and true positive rates from (0, 0) to (1, 1), one point for each different score.

    Raises:
        DataError: rows of one kind only, for which there is no curve.
    """
    hits, called, positives, n = _counts(is_true, score)
    if positives == n:
        raise DataError("ROC: every row is true, expected rows of both kinds")
    rates = (called - hits) / (n - positives), hits / positives
    return np.concatenate([[0.0], rates[0]]), np.concatenate([[0.0], rates[1]])


def precision_recall_points(is_true: Array, score: Array) -> tuple[Floats, Floats]:
    """(t,) recall and precision when the rows above each different score are called true, by growing recall.

    Raises:
        DataError: no row is true.
    """
    hits, called, positives, _ = _counts(is_true, score)
    return hits / positives, hits / called


def average_precision(is_true: Array, score: Array) -> float:
    """sum (R_i - R_{i-1}) P_i: the mean precision over the recall, without interpolation (Davis & Goadrich 2006)."""
    recall, precision = precision_recall_points(is_true, score)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def calibration_points(is_true: Array, probability: Array, bins: int = _BINS) -> tuple[Floats, Floats, Array]:
    """Mean probability, share of true rows and number of rows in each of `bins` equal ranges that has rows."""
    is_true, probability = _pair(is_true, probability)
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    used = counts > 0
    said = np.bincount(place, probability, bins)[used] / counts[used]
    found = np.bincount(place, is_true, bins)[used] / counts[used]
    return said, found, counts[used]


def calibration_error(is_true: Array, probability: Array, bins: int = _BINS) -> float:
    """sum n_b / n |share of true rows - mean probability|: the expected calibration error (Naeini et al. 2015)."""
    said, found, counts = calibration_points(is_true, probability, bins)
    return float(np.average(np.abs(found - said), weights=counts))


def roc(y: Array, probabilities: Array, names: Sequence[str], *, title: str = "") -> Figure:
    """Draw true against false positives: of the second class of two, else of each class against the rest."""

    def draw(axes: Axes, is_true: Array, score: Array, name: str, colour: str) -> None:
        x, y = roc_points(is_true, score)
        axes.plot(x, y, color=colour, linewidth=1.8, label=f"{name}: area {np.trapezoid(y, x):.3f}")

    figure, axes = _each_class(draw, y, probabilities, names, title, ("false positive rate", "true positive rate"))
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, linestyle="--", zorder=1)
    axes.legend(fontsize=SMALL, frameon=False, loc="lower right")
    return figure


def precision_recall(y: Array, probabilities: Array, names: Sequence[str], *, title: str = "") -> Figure:
    """Draw precision against recall: of the second class of two, else of each class against the rest."""

    def draw(axes: Axes, is_true: Array, score: Array, name: str, colour: str) -> None:
        recall, precision = precision_recall_points(is_true, score)
        label = f"{name}: mean {average_precision(is_true, score):.3f}"
        axes.plot(recall, precision, color=colour, linewidth=1.8, label=label)
        axes.axhline(is_true.mean(), color=colour, linewidth=0.9, linestyle=":")

    figure, axes = _each_class(draw, y, probabilities, names, title, ("recall", "precision"))
    axes.legend(fontsize=SMALL, frameon=False, loc="lower left")
    return figure


def calibration(y: Array, probabilities: Array, names: Sequence[str], *, title: str = "") -> Figure:
    """Draw how often a class is true against how probable it was said to be, in ten ranges (few rows: five)."""
    bins = _BINS if len(y) >= _ENOUGH else _BINS // 2

    def draw(axes: Axes, is_true: Array, score: Array, name: str, colour: str) -> None:
        said, found, counts = calibration_points(is_true, score, bins)
        label = f"{name}: off by {calibration_error(is_true, score, bins):.3f}"
        axes.plot(said, found, color=colour, linewidth=1.5, label=label)
        axes.scatter(said, found, s=10 + 90 * np.sqrt(counts / counts.sum()), color=colour, linewidths=0)

    figure, axes = _each_class(draw, y, probabilities, names, title, ("probability said", "share that is true"))
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, linestyle="--", zorder=1)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper left")
    return figure


def shown_classes(y: Array, n_classes: int) -> list[int]:
    """The classes that curves are drawn of: those with rows of both kinds, the most frequent; one of two."""
    counts = np.bincount(y, minlength=n_classes)
    both = [c for c in range(n_classes) if 0 < counts[c] < len(y)]
    if n_classes == 2:
        return [1] if 1 in both else []
    return sorted(sorted(both, key=lambda c: -counts[c])[:MOST_CURVES])


def _each_class(
    draw: Callable[[Axes, Array, Array, str, str], None],
    y: Array,
    probabilities: Array,
    names: Sequence[str],
    title: str,
    labels: tuple[str, str],
) -> tuple[Figure, Axes]:
    """Call `draw` for the curve of each class."""
    if probabilities.shape != (len(y), len(names)):
        raise ShapeError(f"probabilities of shape {probabilities.shape}, expected ({len(y)}, {len(names)})")
    classes = shown_classes(y, len(names))
    if not classes:
        raise DataError("all rows are of one class, which leaves no curve to draw")
    figure = new_figure(4.6, 4.3)
    axes = figure.add_subplot()
    tidy(axes, title=title, x=labels[0], y=labels[1])
    for i, c in enumerate(classes):
        draw(axes, y == c, probabilities[:, c], str(names[c]), CLASS_COLOURS[i])
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    return figure, axes


def _counts(is_true: Array, score: Array) -> tuple[Floats, Floats, int, int]:
    """Of the rows from the highest score down to each different one: how many are true, how many there are."""
    is_true, score = _pair(is_true, score)
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # equal scores are one threshold
    positives = int(is_true.sum())
    if positives == 0:
        raise DataError("no row is true, which leaves no curve")
    return np.cumsum(is_true[order])[last].astype(np.float64), (last + 1).astype(np.float64), positives, len(score)


def _pair(is_true: Array, score: Array) -> tuple[Array, Floats]:
    is_true, score = np.asarray(is_true, dtype=bool), np.asarray(score, dtype=np.float64)
    if is_true.shape != score.shape or is_true.ndim != 1 or not len(score):
        raise ShapeError(f"shapes {is_true.shape} and {score.shape}, expected one score for each row")
    return is_true, score
