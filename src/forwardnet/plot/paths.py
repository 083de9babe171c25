"""Descents: optimisers over a surface, gradient descent down a curve, and the places where gradients vanish."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import ArgumentError
from forwardnet.explain.objective import Objective
from forwardnet.explain.trajectories import Trajectories
from forwardnet.interop.atomic import write_bytes
from forwardnet.plot.loss_surfaces import draw_surface
from forwardnet.plot.style import AMBER, BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

# Orange and green stand out on the blues of the surface.
PATHS = (ORANGE, GREEN, BLACK, PURPLE, AMBER, GREY)


def trajectories(runs: Trajectories, *, title: str = "") -> Figure:
    """Draw the paths of optimisers over their surface, and the value after each step beside it."""
    figure = new_figure(10.0, 4.3)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    tidy(left, title=title or f"{runs.surface.name}: {runs.surface.kind}", x="x", y="y", grid=False)
    draw_surface(left, runs.surface)
    tidy(right, x="step", y="f, above the lowest" if runs.surface.lowest else "f")
    for colour, path in zip(PATHS * len(runs.paths), runs.paths, strict=False):
        label = f"{path.name} (diverged)" if path.diverged else path.name
        _draw_path(left, runs, path.places, colour, label)
        above = path.values - runs.surface.least if runs.surface.lowest else path.values
        # Below the rounding of float64 there is nothing to see, nor far above where everybody began.
        shown = np.clip(above, 1e-16 if runs.surface.lowest else -1e9, 1e4 * max(float(above[0]), 1.0))
        right.plot(shown, color=colour, linewidth=1.6, label=label)
    if runs.surface.lowest:
        right.set_yscale("log")
    else:
        bottom = min(float(runs.surface.grid()[2].min()), 0.0)
        right.set_ylim(2 * bottom, max(float(path.values[0]) for path in runs.paths) * 1.1 + 0.1)
    left.plot(*runs.paths[0].places[0], "s", color=BLACK, markersize=6, zorder=6)
    right.legend(fontsize=SMALL, frameon=False)
    return figure


def _draw_path(axes: Axes, runs: Trajectories, places: Array, colour: str, label: str) -> None:
    x0, x1, y0, y1 = runs.surface.box
    width, height = x1 - x0, y1 - y0
    # What lies far outside would be clipped anyway, and lines to 1e200 overflow the drawing.
    low, high = np.array([x0 - 9 * width, y0 - 9 * height]), np.array([x1 + 9 * width, y1 + 9 * height])
    axes.plot(*np.clip(places, low, high).T, "-o", color=colour, linewidth=1.3, markersize=2.2, label=label, zorder=4)


def animate(runs: Trajectories, path: str | os.PathLike[str], *, frames: int = 60, per_second: int = 12) -> None:
    """Write an animation of the paths over their surface to a `.gif` file, whole or not at all.

    Raises:
        ArgumentError: another ending, or fewer than 2 frames.
    """
    import tempfile
    from pathlib import Path

    from matplotlib.animation import FuncAnimation, PillowWriter

    if os.path.splitext(os.fspath(path))[1].lower() != ".gif":
        raise ArgumentError(f"animate: {os.fspath(path)!r}, expected a name that ends in .gif")
    if frames < 2:
        raise ArgumentError(f"animate: frames is {frames}, expected at least 2")
    figure = new_figure(5.0, 4.2)
    axes = figure.add_subplot()
    tidy(axes, title=f"{runs.surface.name}: {runs.surface.kind}", x="x", y="y", grid=False)
    draw_surface(axes, runs.surface)
    lines = [
        axes.plot([], [], "-", color=colour, linewidth=1.6, label=one.name)[0]
        for colour, one in zip(PATHS * len(runs.paths), runs.paths, strict=False)
    ]
    heads = [axes.plot([], [], "o", color=line.get_color(), markersize=6)[0] for line in lines]
    axes.legend(fontsize=SMALL, loc="upper right")
    ends = np.linspace(1, len(runs.paths[0].values), frames).round().astype(int)

    def draw(frame: int) -> list[Any]:
        for line, head, one in zip(lines, heads, runs.paths, strict=True):
            places = np.clip(one.places[: ends[frame]], -1e6, 1e6)
            line.set_data(*places.T)
            head.set_data(*places[-1:].T)
        return [*lines, *heads]

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "frames.gif"
        FuncAnimation(figure, draw, frames=frames).save(os.fspath(made), writer=PillowWriter(fps=per_second), dpi=80)
        write_bytes(path, made.read_bytes())


def descent(
    function: Callable[[Any], Any], start: float, *, lr: float, steps: int = 20, box: tuple[float, float] | None = None
) -> Figure:
    """Draw gradient descent down a curve f(x) of one variable: its places, and the tangent it goes down at the first.

    `function` takes a tensor of one element. Raises ArgumentError for fewer than one step.
    """
    if steps < 1:
        raise ArgumentError(f"descent: steps is {steps}, expected at least 1")
    objective = Objective(lambda x: function(x[0]), [start])
    places, values, first = [start], [objective.value()], float(objective.gradient()[0])
    for _ in range(steps):
        here = objective.at([places[-1]])
        after = places[-1] - lr * float(here.gradient()[0])
        if not np.isfinite(after) or abs(after) > 1e6:
            break
        places.append(after)
        values.append(objective.value(np.array([after])))
    low, high = box or _around(places)
    x = np.linspace(low, high, 401)
    figure = new_figure(5.6, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=f"Gradient descent, learning rate {lr:g}", x="x", y="f(x)")
    axes.plot(x, [objective.value(np.array([at])) for at in x], color=BLUE, linewidth=2.0)
    axes.plot(places, values, "-o", color=ORANGE, linewidth=1.2, markersize=4, label=f"{len(places) - 1} steps")
    away = 0.18 * (high - low)
    tangent = np.array([start - away, start + away])
    axes.plot(tangent, values[0] + first * (tangent - start), "--", color=GREY, linewidth=1.2, label="tangent")
    towards = (start - np.sign(first) * 0.8 * away, values[0] - abs(first) * 0.8 * away)
    axes.annotate("", xy=towards, xytext=(start, values[0]), arrowprops={"arrowstyle": "->", "color": BLACK, "lw": 1.6})
    axes.set_xlim(low, high)
    shown = np.array([objective.value(np.array([at])) for at in x])
    axes.set_ylim(shown.min() - 0.12 * np.ptp(shown), shown.max() + 0.08 * np.ptp(shown))
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def _around(places: list[float]) -> tuple[float, float]:
    low, high = min(places), max(places)
    margin = 0.35 * (high - low) or 1.0
    return low - margin, high + margin


def critical_points(
    function: Callable[[Any], Any], low: float, high: float, *, title: str = "", flat: float = 1e-2
) -> Figure:
    """Draw a curve f(x) with its minima, maxima, and plateaus, where the slope is below `flat` of the largest.

    `function` takes a tensor of one element. At a plateau or a maximum the gradient is as small as at the minimum, and
    gradient descent as slow.
    """
    objective = Objective(lambda x: function(x[0]), [low])
    x = np.linspace(low, high, 801)
    values = np.array([objective.value(np.array([at])) for at in x])
    slope = np.gradient(values, x)
    figure = new_figure(6.2, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title or "Where the gradient vanishes", x="x", y="f(x)")
    axes.plot(x, values, color=BLUE, linewidth=2.2)
    signs = np.sign(slope)
    turns = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    lowest = x[turns[np.argmin(values[turns])]] if len(turns) else np.nan
    for i in turns:
        is_low = signs[i] < 0
        what = "maximum" if not is_low else "lowest minimum" if x[i] == lowest else "local minimum"
        axes.plot([x[i]], [values[i]], "v" if is_low else "^", color=GREEN if is_low else ORANGE, markersize=9)
        offset = (0, -16) if is_low else (0, 9)
        axes.annotate(what, (x[i], values[i]), offset, textcoords="offset points", ha="center", fontsize=SMALL)
    near_turn = np.min(np.abs(x[:, None] - x[turns][None]), axis=1, initial=np.inf) < 0.04 * (high - low)
    is_flat = (np.abs(slope) < flat * np.abs(slope).max()) & ~near_turn
    axes.fill_between(
        x, values.min(), values.max(), where=is_flat, color=AMBER, alpha=0.25, linewidth=0, label="plateau"
    )
    if is_flat.any():
        axes.legend(fontsize=SMALL, frameon=False)
    axes.margins(y=0.14)
    return figure
