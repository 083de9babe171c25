"""Pictures of the mathematics behind training: constraints, principal components, capacity, dimensions, activations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.data.whitening import PCA
from forwardnet.errors import DataError, ShapeError, unknown_name
from forwardnet.explain.constrained import constrained_least_squares
from forwardnet.explain.dimension import Curse
from forwardnet.explain.slopes import activation_of, slopes
from forwardnet.plot.style import BLUE, CLASS_COLOURS, GREEN, GREY, ORANGE, SMALL, new_figure, tidy
from forwardnet.tensor.functional import from_numpy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]


def norm_balls(A: Any, b: Any, *, radius: float = 1.0, title: str = "") -> Figure:
    """Draw |A x - b|^2 for two unknowns with the L2 and the L1 ball, and the least place within each.

    The ellipses of equal loss touch the round ball anywhere, and the other one mostly at a corner, where a coordinate
    is 0.

    Raises:
        ShapeError: A has not two columns.
    """
    matrix, target = np.asarray(A, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != 2:
        raise ShapeError(f"norm_balls: A has shape {matrix.shape}, expected (rows, 2)")
    figure = new_figure(9.0, 4.3)
    if title:
        figure.suptitle(title, fontsize=12)
    angle = np.linspace(0, 2 * np.pi, 361)
    outlines = {2: np.stack([np.cos(angle), np.sin(angle)]), 1: np.array([[1, 0, -1, 0, 1], [0, 1, 0, -1, 0]])}
    for i, norm in enumerate((2, 1)):
        found = constrained_least_squares(matrix, target, radius=radius, norm=norm)  # type: ignore[arg-type]
        axes = figure.add_subplot(1, 2, i + 1)
        tidy(axes, title=f"L{norm}: ({found.x[0]:.3g}, {found.x[1]:.3g})", x="w1", y="w2")
        reach = 1.3 * max(radius, float(np.abs(found.free).max()))
        grid = np.linspace(-reach, reach, 161)
        across, up = np.meshgrid(grid, grid)
        places = np.stack([across.ravel(), up.ravel()])
        loss = 0.5 * ((matrix @ places - target[:, None]) ** 2).sum(axis=0).reshape(across.shape)
        axes.contour(grid, grid, np.sqrt(loss), levels=14, colors="#9FB3C8", linewidths=0.9)
        axes.contour(grid, grid, loss, levels=[found.value], colors=[BLUE], linewidths=1.6)
        axes.fill(*(radius * outlines[norm]), color=GREEN, alpha=0.25, linewidth=0)
        axes.plot(*(radius * outlines[norm]), color=GREEN, linewidth=1.6, label=f"|w| of L{norm} = {radius:g}")
        axes.plot(*found.free, "+", color=GREY, markersize=11, markeredgewidth=2, label="without the limit")
        axes.plot(*found.x, "o", color=ORANGE, markersize=8, label="within the limit")
        axes.axhline(0, color=GREY, linewidth=0.7)
        axes.axvline(0, color=GREY, linewidth=0.7)
        axes.set_box_aspect(1)
        axes.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none", loc="lower left")
    return figure


def principal_components(pca: PCA, X: Any, *, title: str = "") -> Figure:
    """Draw rows X (n, 2) with their directions of variance, each two standard deviations long, and the rows white.

    Raises:
        ShapeError: the data have not two columns.
    """
    rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ShapeError(f"principal_components: X has shape {rows.shape}, expected (rows, 2)")
    white = PCA(whiten="zca").fit(rows).transform(rows)
    _ = pca.summary()  # refuses one that has not learnt anything
    assert pca.mean is not None and pca.axes is not None and pca.variances is not None and pca.share is not None
    figure = new_figure(9.0, 4.2)
    left, right = figure.subplots(1, 2)
    tidy(left, title=title or "Directions of largest variance", x="x1", y="x2")
    left.scatter(*rows.T, s=14, color=BLUE, alpha=0.55, linewidths=0)
    for axis, variance, share, colour in zip(pca.axes, pca.variances, pca.share, (ORANGE, GREEN), strict=False):
        tip = pca.mean + 2 * math.sqrt(variance) * axis
        left.annotate("", xy=tip, xytext=pca.mean, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.2})
        left.plot([], [], color=colour, linewidth=2.2, label=f"variance {variance:.3g} ({share:.1%})")
    left.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none")
    tidy(right, title="The same rows, white", x="z1", y="z2")
    right.scatter(*white.T, s=14, color=BLUE, alpha=0.55, linewidths=0)
    for axes in (left, right):
        axes.set_aspect("equal", adjustable="datalim")
    return figure


def capacity(sizes: Sequence[float], train: Any, validation: Any, *, name: str = "capacity", title: str = "") -> Figure:
    """Draw training and validation error over the capacity of a model, the best size marked; several runs give a band.

    `train` and `validation` are (k,) for the k sizes, or (runs, k).

    Raises:
        ShapeError: they do not fit the sizes.
        DataError: there is no size.
    """
    errors = [np.atleast_2d(np.asarray(e, dtype=np.float64)) for e in (train, validation)]
    if not len(sizes):
        raise DataError("capacity: there is no size to draw")
    if any(e.shape[1] != len(sizes) for e in errors):
        raise ShapeError(f"capacity: {len(sizes)} sizes and errors of shapes {errors[0].shape} and {errors[1].shape}")
    figure = new_figure(5.8, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title or "Underfitting, the right size, overfitting", x=name, y="error")
    for colour, values, label in ((BLUE, errors[0], "training"), (ORANGE, errors[1], "validation")):
        middle = np.median(values, axis=0)
        axes.plot(sizes, middle, "-o", color=colour, linewidth=1.8, markersize=4, label=label)
        if len(values) > 1:
            axes.fill_between(sizes, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    best = int(np.argmin(np.median(errors[1], axis=0)))
    axes.axvline(
        sizes[best], color=GREY, linewidth=1.0, linestyle=":", label=f"least validation error: {sizes[best]:g}"
    )
    if min(sizes) > 0 and max(sizes) > 20 * min(sizes):
        axes.set_xscale("log")
    both = np.concatenate([e.ravel() for e in errors])
    if both.min() > 0 and both.max() > 30 * both.min():
        axes.set_yscale("log")
    axes.legend(fontsize=SMALL, frameon=False)
    return figure


def dimensions(found: Curse, *, title: str = "") -> Figure:
    """Draw how soon space is empty, and how alike distances become, as dimensions are added."""
    figure = new_figure(9.2, 3.7)
    if title:
        figure.suptitle(title, fontsize=12)
    left, right = figure.subplots(1, 2)
    tidy(left, title=f"Share of cells that hold one of {found.points} points", x="dimensions", y="share")
    left.plot(found.dimensions, found.occupied, "-o", color=BLUE, linewidth=1.8, markersize=5)
    left.set_yscale("log")
    tidy(right, title="Farthest over nearest point", x="dimensions", y="ratio of distances")
    right.plot(found.dimensions, 1 + found.contrast, "-o", color=ORANGE, linewidth=1.8, markersize=5)
    right.axhline(1.0, color=GREY, linewidth=0.9, linestyle="--")
    right.set_yscale("log")
    for axes in (left, right):
        if found.dimensions[-1] > 20 * found.dimensions[0]:
            axes.set_xscale("log")
    return figure


def activation_grid(
    names: Sequence[str] | None = None, *, low: float = -4.0, high: float = 4.0, columns: int = 4
) -> Figure:
    """Draw activations with their derivatives, one panel each: those named, or every elementwise one of the registry.

    Raises:
        UnknownNameError: there is no such activation.
    """
    from forwardnet import nn

    known = [name for name, cls in sorted(nn.ACTIVATIONS.items()) if cls.formula.elementwise]
    chosen = known if names is None else list(names)
    for name in chosen:
        if name not in known:
            raise unknown_name("activation", name, known)
    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(2.6 * columns, 2.2 * rows)
    x = np.linspace(low, high, 401)
    for i, name in enumerate(chosen):
        axes = figure.add_subplot(rows, columns, i + 1)
        tidy(axes, title=name)
        axes.axhline(0, color=GREY, linewidth=0.7)
        axes.axvline(0, color=GREY, linewidth=0.7)
        value = activation_of(name).double().eval()(from_numpy(x.copy())).detach().numpy()
        axes.plot(x, value, color=BLUE, linewidth=2.0, label="f")
        axes.plot(x, slopes(name, x), color=ORANGE, linewidth=1.5, linestyle="--", label="f'")
    figure.axes[0].legend(fontsize=SMALL, frameon=False)
    return figure


def step_losses(runs: Mapping[str, Any], *, title: str = "", smooth: int = 1) -> Figure:
    """Draw the loss after each step of several trainings: a `History` (its steps) or an array (steps,) by name.

    `smooth` steps are averaged into one point. Raises DataError if there is no run.
    """
    if not runs:
        raise DataError("step_losses: there is no run to draw")
    figure = new_figure(6.0, 3.9)
    axes = figure.add_subplot()
    tidy(axes, title=title, x="step", y="loss")
    lows = []
    for colour, (name, run) in zip(CLASS_COLOURS * len(runs), runs.items(), strict=False):
        losses = np.asarray(run.steps["loss"] if hasattr(run, "steps") else run, dtype=np.float64)
        whole = len(losses) // smooth * smooth
        drawn = losses[:whole].reshape(-1, smooth).mean(axis=1)
        axes.plot(smooth * (1 + np.arange(len(drawn))), drawn, color=colour, linewidth=1.4, label=name)
        lows.append(float(drawn.min()) / max(float(drawn.max()), 1e-300))
    if 0 < min(lows) < 0.02:
        axes.set_yscale("log")
    axes.legend(fontsize=SMALL, frameon=False)
    return figure
