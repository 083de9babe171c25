"""Gradients on their way back: by layer, over the steps of a training, and what units do with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from forwardnet.errors import DataError
from forwardnet.explain.activity import Activity
from forwardnet.explain.flow import GradientFlow
from forwardnet.explain.slopes import number_text, slopes, steepest
from forwardnet.plot.style import (
    AMBER,
    BLACK,
    BLUE,
    CLASS_COLOURS,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    SMALL,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

MANY = 12  # layers whose names still fit below their bars


def gradient_flow(flow: GradientFlow, *, title: str = "") -> Figure:
    """Draw the gradient's norm at every layer, with what the activations' slopes alone would allow.

    The dashed line begins at the last layer and falls by the steepest slope of the activation between two layers (1/4
    for the sigmoid): weights of gain 1 could not keep the gradient above it.

    Raises:
        DataError: no gradient is a positive number.
    """
    gradients = flow.gradients
    usable = np.isfinite(gradients) & (gradients > 0)
    if not usable.any():
        raise DataError("there is no gradient to draw: none is a positive number")
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot()
    tidy(axes, title=title or f"Gradient flow: {flow.verdict}", x="layer, from the input to the output", y="norm")
    places = np.arange(len(gradients))
    axes.bar(places[usable], gradients[usable], color=BLUE, width=0.6, label="gradient by the output", zorder=2)
    speeds = flow.weight_gradients
    seen = np.isfinite(speeds) & (speeds > 0)
    axes.plot(places[seen], speeds[seen], "o-", color=ORANGE, markersize=4, label="gradient by the weights", zorder=3)
    bound = flow.activations[0].steepest if flow.activations else 0.0
    if len({one.kind for one in flow.activations}) == 1 and 0 < bound < 1 and usable[-1]:
        limit = gradients[-1] * bound ** (len(gradients) - 1 - places)
        label = f"slopes of at most {number_text(bound)}"
        axes.plot(places, limit, "--", color=BLACK, linewidth=1.2, label=label, zorder=4)
    for place in places[~usable]:
        axes.text(place, gradients[usable].min(), "0", ha="center", fontsize=SMALL, color=BLACK)
    axes.set_yscale("log")
    _name_layers(axes, [layer.name for layer in flow.layers])
    axes.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none")
    return figure


class RecordedSpeeds(Protocol):
    """What `learning_speeds` reads of an `explain.FlowRecorder` or a `train.GradientMonitor`."""

    @property
    def steps(self) -> Sequence[int] | Array: ...

    @property
    def names(self) -> list[str]: ...

    @property
    def speeds(self) -> Array: ...


def learning_speeds(recorder: RecordedSpeeds, *, title: str = "") -> Figure:
    """Draw the norm of every layer's weight gradient over the steps of a training.

    Raises:
        DataError: nothing was recorded.
    """
    from matplotlib.ticker import MaxNLocator

    if not len(recorder.steps) or not recorder.names:
        raise DataError("nothing was recorded", hint="give the recorder to fit(callbacks=[...]) first")
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot()
    tidy(axes, title=title or "How fast each layer learns", x="step", y="norm of the weights' gradient")
    names = recorder.names
    shown = _spread(len(names), len(CLASS_COLOURS))
    for colour, k in zip(CLASS_COLOURS, shown, strict=False):
        speeds = recorder.speeds[:, k]
        speeds = np.where(speeds > 0, speeds, np.nan)
        axes.plot(recorder.steps, speeds, color=colour, linewidth=1.6, label=f"layer {names[k]}")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def activity(found: Activity, *, title: str = "") -> Figure:
    """Draw for every activation the shares of (row, unit) pairs on its flat parts, and the share of dead units."""
    figure = new_figure(6.4, 3.8)
    axes = figure.add_subplot()
    tidy(axes, title=title or "What the units do", x="activation", y="share")
    places = np.arange(len(found.layers))
    low = np.array([layer.flat_low.mean() for layer in found.layers])
    high = np.array([layer.flat_high.mean() for layer in found.layers])
    dead = np.array([layer.dead_share for layer in found.layers])
    axes.bar(places, low, color=SKY, width=0.6, label="flat, input below 0")
    axes.bar(places, 1 - low - high, bottom=low, color=GREEN, alpha=0.45, width=0.6, label="has a slope")
    axes.bar(places, high, bottom=1 - high, color=AMBER, width=0.6, label="flat, input above 0")
    axes.plot(places, dead, "D", color=BLACK, markersize=6, label="units that are dead")
    axes.set_ylim(-0.02, 1.02)
    _name_layers(axes, [f"{layer.name}\n{layer.kind}" for layer in found.layers])
    axes.legend(fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def saturation(name: str, *, flat: float = 0.1, low: float = -6.0, high: float = 6.0) -> Figure:
    """Draw an elementwise activation and its slope, shaded where the slope is below `flat` of the largest.

    Raises:
        UnknownNameError: there is no such activation.
        ArgumentError: it is not elementwise.
    """
    from forwardnet.explain.slopes import activation_of
    from forwardnet.tensor import Tensor
    from forwardnet.tensor.functional import from_numpy

    x = np.linspace(low, high, 1001)
    slope, bound = slopes(name, x), steepest(name)
    module = activation_of(name).double().eval()
    value: Tensor = module(from_numpy(x.copy()))
    figure = new_figure(5.6, 3.8)
    axes = figure.add_subplot()
    tidy(axes, title=f"{name}: slope at most {number_text(bound)}", x="x")
    is_flat = np.abs(slope) < flat * bound
    top, bottom = (f(float(v) for v in (*value.detach().numpy(), *slope)) for f in (max, min))
    margin = 0.06 * (top - bottom)
    axes.fill_between(
        x,
        bottom - margin,
        top + margin,
        where=is_flat,
        color=AMBER,
        alpha=0.25,
        linewidth=0,
        label="flat: hardly learns",
    )
    axes.plot(x, value.detach().numpy(), color=BLUE, linewidth=2.2, label="f(x)")
    axes.plot(x, slope, color=ORANGE, linewidth=1.8, linestyle="--", label="f'(x)")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_ylim(bottom - margin, top + margin)
    axes.set_xlim(low, high)
    axes.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none")
    return figure


def _name_layers(axes: Axes, names: list[str]) -> None:
    shown = _spread(len(names), MANY)
    axes.set_xticks(shown, [names[i] for i in shown], fontsize=SMALL)


def _spread(n: int, most: int) -> list[int]:
    """At most `most` of the numbers 0 to n - 1, the first and last among them."""
    return sorted(set(np.linspace(0, n - 1, min(n, most)).round().astype(int).tolist()))
