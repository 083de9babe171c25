"""Drawings of networks: units as circles, weights as lines, and one neuron with the names of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import ArgumentError
from forwardnet.plot.style import BLACK, BLUE, GREY, ORANGE, SKY, SMALL, TEXT, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

# Units of a layer that are drawn, and lines that carry their weight as a number.
MOST_UNITS = 16
MOST_NUMBERS = 24
RADIUS = 0.26


def network(
    model: Any,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str = "",
    values: bool = True,
) -> Figure:
    """Draw a chain of `Linear` layers: units in columns, a line for each weight that is not 0, biases in the circles.

    Blue lines are positive weights, orange ones negative, thicker the larger; `values` writes the weights on them where
    there are few. Of a layer with more than 16 units the first and the last are drawn.

    Raises:
        ArgumentError: there is no `Linear` layer.
    """
    from forwardnet.nn.summary import weight_layers

    layers = [layer for layer in weight_layers(model) if hasattr(layer, "in_features")]
    if not layers:
        raise ArgumentError(f"{type(model).__name__} has no Linear layer to draw")
    weights = [layer.weight.detach().numpy().astype(np.float64) for layer in layers]
    biases = [np.zeros(layer.out_features) if layer.bias is None else layer.bias.detach().numpy() for layer in layers]
    counts = [weights[0].shape[1], *map(len, weights)]
    shown = [_shown(n) for n in counts]
    tallest = max(len(rows) for rows in shown)
    figure = new_figure(1.4 + 2.3 * len(layers), 1.3 + 0.68 * max(tallest, 3))
    axes = _canvas(figure, title)
    places = [_places(rows, 2.6 * column) for column, rows in enumerate(shown)]
    drawn = [W[np.ix_(rows, columns)] for W, columns, rows in zip(weights, shown[:-1], shown[1:], strict=True)]
    has_numbers = values and sum(map(np.count_nonzero, drawn)) <= MOST_NUMBERS
    for column, W in enumerate(weights):
        _lines(axes, W, places[column], places[column + 1], values=has_numbers)
    names = _input_names(model, counts[0], inputs)
    for column, at in enumerate(places):
        for unit, (x, y) in at.items():
            text = names[unit] if column == 0 else f"{biases[column - 1][unit]:.3g}"
            _circle(axes, x, y, text, filled=column > 0)
            if column == len(places) - 1 and outputs is not None:
                axes.text(x + RADIUS + 0.12, y, outputs[unit], fontsize=SMALL + 1, va="center", color=BLACK)
        if len(at) < counts[column]:
            axes.text(2.6 * column, 0, f"... {counts[column] - len(at)} more", fontsize=SMALL, ha="center", va="center")
    low = min(y for at in places for _, y in at.values())
    for column, text in enumerate(_captions(model, layers)):
        axes.text(2.6 * column, low - 0.62, text, fontsize=SMALL, ha="center", va="top", color=GREY)
    axes.set_xlim(-0.7, 2.6 * len(layers) + (1.2 if outputs else 0.7))
    axes.set_ylim(low - 1.2, -low + 0.5)
    return figure


def _canvas(figure: Figure, title: str) -> Axes:
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal")
    if title:
        axes.set_title(title, fontsize=TEXT + 1, loc="left", color=BLACK)
    return axes


def _shown(n: int) -> list[int]:
    """The units that are drawn: all, or half of the most from either end."""
    half = MOST_UNITS // 2
    return list(range(n)) if n <= MOST_UNITS else [*range(half), *range(n - half, n)]


def _places(rows: Sequence[int], x: float) -> dict[int, tuple[float, float]]:
    """Units from the top down, with a gap where some are left out."""
    gap = [0, *np.cumsum([1.0 if b == a + 1 else 2.0 for a, b in pairwise(rows)]).tolist()]
    return {unit: (x, (gap[-1] / 2 - at) * 0.9) for unit, at in zip(rows, gap, strict=True)}


def _lines(axes: Axes, W: Array, left: dict[int, Any], right: dict[int, Any], *, values: bool) -> None:
    largest = float(np.abs(W).max()) or 1.0
    for i, (x1, y1) in right.items():
        for j, (x0, y0) in left.items():
            weight = float(W[i, j])
            if weight == 0:
                continue
            colour = BLUE if weight > 0 else ORANGE
            width = 0.5 + 1.7 * abs(weight) / largest
            axes.plot([x0, x1], [y0, y1], color=colour, linewidth=width, alpha=0.75, zorder=1)
            if values:
                part = 0.3  # not in the middle, where most lines cross
                axes.text(
                    x0 + part * (x1 - x0),
                    y0 + part * (y1 - y0),
                    f"{weight:.3g}",
                    fontsize=SMALL - 2,
                    ha="center",
                    va="center",
                    color=colour,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.9},
                    zorder=2,
                )


def _circle(axes: Axes, x: float, y: float, text: str, *, filled: bool) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), RADIUS, facecolor="#EAF3F9" if filled else "white", edgecolor=BLACK, zorder=3))
    axes.text(x, y, text, fontsize=SMALL - 2 if len(text) > 4 else SMALL - 1, ha="center", va="center", zorder=4)


def _input_names(model: Any, n: int, inputs: Sequence[str] | None) -> list[str]:
    about = vars(model).get("about")
    names = inputs if inputs is not None else getattr(about, "inputs", ())
    if names and len(names) != n:
        raise ArgumentError(f"inputs are {list(names)!r}, expected {n} names")
    return [str(name) for name in names] if names else [f"x{i + 1}" for i in range(n)]


def _captions(model: Any, layers: Sequence[Any]) -> list[str]:
    """What each column is: the inputs, and the activation after each layer."""
    found = ["inputs"]
    chain = [module for module in model.modules() if not any(True for _ in module.children())]
    for layer in layers:
        after = chain[chain.index(layer) + 1 :] if layer in chain else []
        kind = type(after[0]).__name__ if after and not hasattr(after[0], "in_features") else "Linear"
        found.append(f"{kind}\n(biases inside)" if layer is layers[0] else kind)
    return found


# ---------------------------------------------------------------- one neuron

# Part of a nerve cell, part of the model, what it does there, and where it is drawn.
PARTS = (
    ("dendrites", "inputs x", 0.0),
    ("synapses", "weights w", 1.35),
    ("cell body", "sum w . x + b", 2.9),
    ("threshold", "activation h", 4.5),
    ("axon", "output y", 6.1),
)


def neuron(weights: Sequence[float] | None = None, bias: float | None = None, *, activation: str = "h") -> Figure:
    """Draw one neuron, y = h(w . x + b), its parts named as in the model and as in a nerve cell.

    Many dendrites bring signals in, synapses weigh them, the cell body adds them up, and one axon carries the result to
    many others. Without `weights` there are three inputs with weights w1, w2, w3.
    """
    from matplotlib.patches import FancyArrowPatch

    labels = [f"w{i + 1}" for i in range(3)] if weights is None else [f"{w:.3g}" for w in weights]
    if not 1 <= len(labels) <= MOST_UNITS:
        raise ArgumentError(f"neuron: {len(labels)} weights, expected 1 to {MOST_UNITS}")
    figure = new_figure(8.2, 2.3 + 0.5 * len(labels))
    axes = _canvas(figure, "")
    _, _, body = PARTS[2]
    _, _, hill = PARTS[3]
    _, _, end = PARTS[4]
    tops = [0.8 * ((len(labels) - 1) / 2 - i) for i in range(len(labels))]
    for i, (y, label) in enumerate(zip(tops, labels, strict=True)):
        axes.plot([RADIUS, body - 0.42], [y, 0.12 * y], color=GREY, linewidth=1.4, zorder=1)
        _circle(axes, 0.0, y, f"x{i + 1}", filled=False)
        box = {"facecolor": "white", "edgecolor": SKY, "boxstyle": "round,pad=0.25"}
        axes.text(PARTS[1][2], y * (1 - 0.88 * 0.45), label, fontsize=SMALL, ha="center", va="center", bbox=box)
    for x, text in ((body, "\u03a3"), (hill, activation)):
        _big_circle(axes, x, text)
    axes.text(body, 0.62, "b" if bias is None else f"b = {bias:.3g}", fontsize=SMALL, ha="center")
    for start, stop in ((body + 0.42, hill - 0.42), (hill + 0.42, end - 0.25)):
        axes.add_patch(FancyArrowPatch((start, 0), (stop, 0), arrowstyle="-|>", mutation_scale=12, color=BLACK))
    axes.text(end - 0.1, 0, "y", fontsize=TEXT, va="center")
    low = min(tops[-1], -0.5) - 0.55
    for biological, model, x in PARTS:
        axes.text(x, low, model, fontsize=SMALL + 1, ha="center", color=BLUE)
        axes.text(x, low - 0.42, biological, fontsize=SMALL, ha="center", color=GREY)
    axes.set_xlim(-0.8, end + 0.8)
    axes.set_ylim(low - 0.7, max(tops[0], 0.8) + 0.4)
    return figure


def _big_circle(axes: Axes, x: float, text: str) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, 0.0), 0.42, facecolor="#EAF3F9", edgecolor=BLACK, zorder=3))
    axes.text(x, 0.0, text, fontsize=TEXT if len(text) < 4 else SMALL - 1, ha="center", va="center", zorder=4)
