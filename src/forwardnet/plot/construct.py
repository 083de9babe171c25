"""Pictures of networks by hand: regions with their half-planes, surfaces, and approximations with their pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.plot.style import BLUE, GREY, ORANGE, SKY, SMALL, TEXT, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]
Domain = Sequence[Sequence[float]]

# Half-planes whose borders are drawn; more would hide the region.
MOST_LINES = 60
MOST_PIECES = 80


def _values(model: Any, points: Array) -> Array:
    """A network, or a function of points, at points (M, d), as (M,)."""
    from forwardnet import nn, tensor
    from forwardnet.tensor.mode import no_grad

    if not isinstance(model, nn.Module):
        return np.asarray(model(points), np.float64).reshape(-1)
    with no_grad():
        y = model(tensor(points, dtype=next(model.parameters()).dtype)).numpy()
    if y.size != len(points):
        raise ShapeError(f"the network has outputs of shape {y.shape[1:]}, expected one number by point")
    return np.asarray(y, np.float64).reshape(-1)


def _panels(models: Any, titles: Sequence[str] | None, width: float) -> tuple[Figure, list[tuple[Any, Axes, str]]]:
    """A figure with a square panel for each of one or several models."""
    listed = list(models) if isinstance(models, list | tuple) else [models]
    if not listed:
        raise ArgumentError("there is nothing to draw")
    if titles is not None and len(titles) != len(listed):
        raise ArgumentError(f"{len(titles)} titles for {len(listed)} networks, expected as many")
    across = min(len(listed), 3)
    down = -(-len(listed) // across)
    figure = new_figure(width * across, 3.5 * down)
    axes = np.atleast_1d(figure.subplots(down, across, squeeze=False)).ravel()
    for spare in axes[len(listed) :]:
        spare.set_axis_off()
    return figure, [(m, axes[i], titles[i] if titles else "") for i, m in enumerate(listed)]


def _plane(domain: Domain, resolution: int) -> tuple[Array, Array, Array]:
    """Places along both axes, and all of them together (resolution^2, 2)."""
    box = np.asarray(domain, np.float64)
    if box.shape != (2, 2) or not np.all(box[:, 0] < box[:, 1]):
        raise ArgumentError(f"domain is {domain!r}, expected ((low, high), (low, high))")
    if not 2 <= resolution <= 2000:
        raise ArgumentError(f"resolution is {resolution}, expected 2 to 2000")
    x, y = (np.linspace(low, high, resolution) for low, high in box)
    return x, y, np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1)


def region(
    models: Any, domain: Domain, *, titles: Sequence[str] | None = None, lines: bool = True, resolution: int = 300
) -> Figure:
    """Draw where networks of two inputs answer 1, one panel for each, with the borders of their half-planes.

    Args:
        models: a network, or a list of them; a function of points (M, 2) will do, too.
        lines: whether the borders of first-layer units are drawn; of more than 60 none is.

    Raises:
        ArgumentError: `domain` is not ((low, high), (low, high)).
    """
    x, y, places = _plane(domain, resolution)
    figure, panels = _panels(models, titles, 3.5)
    for model, axes, title in panels:
        inside = _values(model, places).reshape(resolution, resolution) >= 0.5
        tidy(axes, title=title, x="x1", y="x2", grid=False)
        axes.contourf(x, y, inside, levels=[-0.5, 0.5, 1.5], colors=["white", BLUE], alpha=0.45)
        if lines:
            _borders(axes, model, x, y)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(y[0], y[-1])
        axes.set_aspect("equal")
    return figure


def _borders(axes: Axes, model: Any, x: Array, y: Array) -> None:
    """The line w . x + b = 0 of each unit of the first layer."""
    layer = next((m for m in getattr(model, "modules", lambda: ())() if hasattr(m, "in_features")), None)
    if layer is None or layer.in_features != 2 or not 0 < layer.out_features <= MOST_LINES:
        return
    w = layer.weight.detach().numpy().astype(np.float64)
    b = np.zeros(len(w)) if layer.bias is None else layer.bias.detach().numpy().astype(np.float64)
    for (w1, w2), start in zip(w, b, strict=True):
        if w1 or w2:
            foot = -start * np.array([w1, w2]) / (w1 * w1 + w2 * w2)
            axes.axline(tuple(foot), tuple(foot + np.array([-w2, w1])), color=GREY, linewidth=0.7, alpha=0.8)


def surface(models: Any, domain: Domain, *, titles: Sequence[str] | None = None, resolution: int = 200) -> Figure:
    """Draw the values of networks, or functions, of two inputs as colours, one panel for each, on one common scale."""
    x, y, places = _plane(domain, resolution)
    figure, panels = _panels(models, titles, 3.7)
    values = [_values(model, places).reshape(resolution, resolution) for model, _, _ in panels]
    low, high = min(v.min() for v in values), max(v.max() for v in values)
    drawn = None
    for value, (_, axes, title) in zip(values, panels, strict=True):
        tidy(axes, title=title, x="x1", y="x2", grid=False)
        drawn = axes.pcolormesh(x, y, value, vmin=low, vmax=high, cmap="viridis", shading="auto", rasterized=True)
        axes.set_aspect("equal")
    assert drawn is not None
    bar = figure.colorbar(drawn, ax=[axes for _, axes, _ in panels], shrink=0.85)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def approximation(
    model: Any, f: Callable[[Array], Any], interval: Sequence[float], *, title: str = "", n_points: int = 2000
) -> Figure:
    """Draw a network of one input and the function it stands for, its pieces or corners, and below the error.

    Where the first layer has at most 80 units, a tick marks the place at which each of them switches, and the pieces of
    a staircase are shaded as the pulses that they are.
    """
    low, high = float(interval[0]), float(interval[1])
    if not low < high:
        raise ArgumentError(f"interval is {interval!r}, expected low < high")
    x = np.linspace(low, high, n_points)
    y, wanted = _values(model, x[:, None]), np.asarray(f(x), np.float64).reshape(-1)
    figure = new_figure(6.2, 4.8)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    tidy(top, title=title, y="y")
    _switches(top, model, low, high)
    top.plot(x, wanted, color=ORANGE, linewidth=2.2, label="function")
    top.plot(x, y, color=BLUE, linewidth=1.5, label="network")
    top.legend(fontsize=SMALL, frameon=False)
    worst = float(np.abs(y - wanted).max())
    tidy(bottom, x="x", y="error")
    bottom.plot(x, y - wanted, color=GREY, linewidth=1.0)
    bottom.axhline(0.0, color=GREY, linewidth=0.8)
    bottom.set_title(f"largest {worst:.3g}", fontsize=TEXT - 1, loc="right", color=GREY)
    return figure


def _switches(axes: Axes, model: Any, low: float, high: float) -> None:
    """A tick where each unit switches, and the pieces between them as bars from 0."""
    layer = next((m for m in model.modules() if hasattr(m, "in_features")), None)
    if layer is None or layer.in_features != 1 or layer.out_features > MOST_PIECES:
        return
    w = layer.weight.detach().numpy().astype(np.float64).reshape(-1)
    b = np.zeros(len(w)) if layer.bias is None else layer.bias.detach().numpy().astype(np.float64)
    at = np.sort(-b[w != 0] / w[w != 0])
    at = at[(low <= at) & (at < high)]
    axes.plot(at, np.zeros(len(at)), linestyle="", marker="|", color=GREY, markersize=8, label="units")
    if len(at) and "Step" in {type(m).__name__ for m in model.modules()}:
        width = np.diff([*at, high])
        heights = _values(model, (at + width / 2)[:, None])
        axes.bar(at, heights, width, align="edge", color=SKY, alpha=0.3, edgecolor="white", linewidth=0.5)
