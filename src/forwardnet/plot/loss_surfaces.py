"""Losses around a network, surfaces of two variables, curvature along a line, and the paths of optimisers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.explain.curvature import Spectrum, curvature
from forwardnet.explain.landscape import Landscape
from forwardnet.explain.objective import objective_of
from forwardnet.explain.surfaces import Surface, surface_of
from forwardnet.plot.style import BLACK, BLUE, GREY, ORANGE, SMALL, TEXT, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["contour", "surface"]

WIDE = 50.0  # a loss that spans more than this factor is unreadable on a linear scale
COLOURS = "viridis"


def landscape(found: Landscape, *, kind: Kind = "contour", title: str = "") -> Figure:
    """Draw a loss landscape: a curve for one direction; contours, or a surface in three dimensions, for two."""
    return landscapes([found], titles=[title], kind=kind)


def landscapes(found: Sequence[Landscape], *, titles: Sequence[str] = (), kind: Kind = "contour") -> Figure:
    """Draw landscapes of the same sort side by side on one scale, logarithmic where losses differ by a factor of 50.

    Raises:
        ArgumentError: there is none.
        ShapeError: some have one direction and some two.
        UnknownNameError: there is no such kind of picture.
    """
    from matplotlib.ticker import MaxNLocator

    if not found:
        raise ArgumentError("landscapes: there is nothing to draw")
    if len({one.losses.ndim for one in found}) != 1:
        raise ShapeError("landscapes: some have one direction and some two, expected the same for all")
    if kind not in ("contour", "surface"):
        raise unknown_name("kind of picture", kind, ("contour", "surface"))
    names = list(titles) or [""] * len(found)
    if found[0].losses.ndim == 1:
        return _lines(found, names)
    drawn = [np.ma.masked_invalid(one.losses) for one in found]
    low, high = min(float(z.min()) for z in drawn), max(float(z.max()) for z in drawn)
    is_log = high > WIDE * max(low, np.finfo(float).tiny) and low > 0
    if is_log:
        drawn, low, high = [np.ma.log10(z) for z in drawn], float(np.log10(low)), float(np.log10(high))
    levels = np.linspace(low, max(high, low + 1e-12), 25)
    figure = new_figure(4.7 * len(found) + 0.8, 4.2)
    options: dict[str, Any] = {"projection": "3d"} if kind == "surface" else {}
    panels = [figure.add_subplot(1, len(found), i + 1, **options) for i in range(len(found))]
    for axes, one, z, name in zip(panels, found, drawn, names, strict=True):
        shown = (
            _contours(axes, one.places, one.places, z, levels) if kind == "contour" else _relief(axes, one, z, levels)
        )
        tidy(axes, title=name, x=one.names[0], y=one.names[1], grid=False)
        if kind == "contour":
            axes.plot([0], [0], "+", color="white", markersize=11, markeredgewidth=2)
            axes.set_box_aspect(1)
            axes.locator_params(nbins=5)
    bar = figure.colorbar(shown, ax=panels, shrink=0.85, pad=0.08 if kind == "surface" else 0.02, ticks=MaxNLocator(5))
    bar.set_label("log10 of the loss" if is_log else "loss", fontsize=TEXT)
    return figure


def _contours(axes: Axes, x: Array, y: Array, z: Array, levels: Array) -> Any:
    filled = axes.contourf(x, y, z, levels=levels, cmap=COLOURS, extend="both")
    axes.contour(x, y, z, levels=levels[::2], colors="white", linewidths=0.5, alpha=0.6)
    return filled


def _relief(axes: Any, one: Landscape, z: Array, levels: Array) -> Any:
    across, up = np.meshgrid(one.places, one.places)
    axes.view_init(elev=35, azim=-60)
    axes.locator_params(nbins=5)
    return axes.plot_surface(
        across, up, z, cmap=COLOURS, vmin=levels[0], vmax=levels[-1], linewidth=0, antialiased=True
    )


def _lines(found: Sequence[Landscape], names: Sequence[str]) -> Figure:
    figure = new_figure(5.8, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=names[0] if len(found) == 1 else "", x=found[0].names[0], y="loss")
    values = np.concatenate([one.losses for one in found])
    values = values[np.isfinite(values)]
    for colour, one, name in zip((BLUE, ORANGE, GREY, BLACK) * len(found), found, names, strict=False):
        axes.plot(one.places, one.losses, color=colour, linewidth=2.0, label=name or None)
    axes.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":")
    if values.size and values.min() > 0 and values.max() > WIDE * values.min():
        axes.set_yscale("log")
    if any(names) and len(found) > 1:
        axes.legend(fontsize=SMALL, frameon=False)
    return figure


def terrain(which: str | Surface, *, kind: Kind = "contour", arrows: bool = False, title: str = "") -> Figure:
    """Draw a surface of the registry over its box, its lowest places marked; `arrows` point against the gradient."""
    chosen = surface_of(which)
    x, y, z = chosen.grid()
    if kind == "contour":
        figure = new_figure(5.2, 4.4)
        axes = figure.add_subplot()
        tidy(axes, title=title or f"{chosen.name}: {chosen.kind}", x="x", y="y", grid=False)
        draw_surface(axes, chosen)
        if arrows:
            _arrows(axes, chosen)
        return figure
    if kind != "surface":
        raise unknown_name("kind of picture", kind, ("contour", "surface"))
    figure = new_figure(5.2, 4.4)
    axes = figure.add_subplot(projection="3d")
    tidy(axes, title=title or f"{chosen.name}: {chosen.kind}", x="x", y="y", grid=False)
    across, up = np.meshgrid(x, y)
    axes.plot_surface(across, up, z, cmap=COLOURS, linewidth=0, antialiased=True)
    return figure


def draw_surface(axes: Axes, chosen: Surface) -> None:
    """Contours of a surface on given axes, their levels spaced so that valleys show beside cliffs."""
    x, y, z = chosen.grid(201)
    low = chosen.least if np.isfinite(chosen.least) else float(z.min())
    root = np.maximum(z - low, 0.0) ** 0.35  # contours near the bottom as well as up the walls
    axes.contourf(x, y, root, levels=24, cmap="Blues", alpha=0.75)
    axes.contour(x, y, root, levels=24, colors="#7A8CA3", linewidths=0.4)
    for place in chosen.lowest:
        if chosen.box[0] <= place[0] <= chosen.box[1] and chosen.box[2] <= place[1] <= chosen.box[3]:
            axes.plot(*place, "*", color=ORANGE, markersize=13, markeredgecolor="white", zorder=5)
    axes.set_xlim(*chosen.box[:2])
    axes.set_ylim(*chosen.box[2:])


def _arrows(axes: Axes, chosen: Surface) -> None:
    """Arrows of one length against the gradient."""
    x, y = np.linspace(*chosen.box[:2], 15)[1:-1], np.linspace(*chosen.box[2:], 15)[1:-1]
    places = np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1)
    down = np.array([-chosen.at(place).gradient() for place in places])
    length = np.linalg.norm(down, axis=1, keepdims=True)
    unit = np.divide(down, length, out=np.zeros_like(down), where=length > 0)
    axes.quiver(places[:, 0], places[:, 1], unit[:, 0], unit[:, 1], color=BLACK, alpha=0.65, width=0.004)


def best_step(target: Any, x: Any = None, *, reach: float = 2.2, title: str = "") -> Figure:
    """Draw a loss along its negative gradient, the quadratic that second order sees, and the best step on it.

    `target` is an `Objective`, or a function with a place `x`; the picture reaches over `reach` best steps.
    """
    objective = objective_of(target, x, where="best_step")
    found, g = curvature(objective), objective.gradient()
    squared = float(g @ g)
    span = reach * found.best_step if found.best_step is not None else 1.0 / max(np.sqrt(squared), 1e-12)
    steps = np.linspace(0.0, span, 121)
    true = np.array([objective.value(objective.x - s * g) for s in steps])
    quadratic = found.value - steps * squared + 0.5 * steps**2 * found.along * squared
    figure = new_figure(5.8, 3.9)
    axes = figure.add_subplot()
    tidy(
        axes, title=title or f"Curvature along the gradient: {found.along:.4g}", x="step against the gradient", y="loss"
    )
    axes.plot(steps, true, color=BLUE, linewidth=2.2, label="loss")
    axes.plot(steps, quadratic, "--", color=GREY, linewidth=1.6, label="as second order sees it")
    line = found.value - steps * squared
    is_seen = line > min(true.min(), quadratic.min()) - 0.15 * np.ptp(true)
    axes.plot(steps[is_seen], line[is_seen], ":", color=BLACK, linewidth=1.2, label="as the gradient sees it")
    if found.best_step is not None and found.reached is not None:
        label = f"best step {found.best_step:.4g}"
        axes.plot([found.best_step], [found.reached], "o", color=ORANGE, markersize=7, label=label)
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def spectrum(found: Spectrum, *, title: str = "") -> Figure:
    """Draw the eigenvalues of a Hessian: how many lie where, negative ones in another colour."""
    figure = new_figure(6.0, 3.8)
    axes = figure.add_subplot()
    tidy(axes, title=title or f"Eigenvalues of the Hessian, {found.size} parameters", x="eigenvalue", y="share")
    values, shares = found.eigenvalues, found.density
    width = max(float(np.ptp(values)), 1e-12) / min(60, max(10, len(values)))
    # 0 is an edge, so that no bar holds both signs.
    edges = width * np.arange(math.floor(values[0] / width), math.ceil(values[-1] / width) + 2)
    for is_counted, colour, label in ((values >= 0, BLUE, "bends upwards"), (values < 0, ORANGE, "bends downwards")):
        if is_counted.any():
            axes.hist(values[is_counted], bins=edges.tolist(), weights=shares[is_counted], color=colour, label=label)
    axes.set_yscale("log")
    axes.axvline(0.0, color=BLACK, linewidth=0.8)
    axes.legend(
        fontsize=SMALL, frameon=False, title=f"condition number {found.condition_number:.3g}", title_fontsize=SMALL
    )
    return figure
