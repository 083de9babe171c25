"""Densities: normal distributions and mixtures, the two ways of fitting one to another, mixtures that depend on x."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.data.mixtures import GaussianMixture
from forwardnet.errors import ShapeError
from forwardnet.explain.gaussians import fit_gaussian
from forwardnet.nn.mixture import Mixtures
from forwardnet.plot.style import BLACK, BLUE, CLASS_COLOURS, GREEN, GREY, ORANGE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[Any]]

REACH = 3.5  # standard deviations to either side


def mixture(found: GaussianMixture, *, X: Any = None, title: str = "") -> Figure:
    """Draw the density of a mixture (or of a `Gaussian`) of one or two dimensions, its components, and rows X of data.

    Raises:
        ShapeError: the mixture has more than two dimensions.
    """
    d = found.means.shape[1]
    if d not in (1, 2):
        raise ShapeError(f"mixture: {d} dimensions, expected 1 or 2", hint="draw two of them: PCA(2)")
    figure = new_figure(5.6, 3.9 if d == 1 else 4.4)
    axes = figure.add_subplot()
    count = len(found.weights)
    told = title or ("Normal distribution" if count == 1 else f"Mixture of {count} normal distributions")
    if d == 1:
        tidy(axes, title=told, x="x", y="p(x)")
        _curve(axes, found, X)
    else:
        tidy(axes, title=told, x="x1", y="x2", grid=False)
        _plane(axes, found, X)
    return figure


def _box(found: GaussianMixture) -> tuple[Array, Array]:
    spread = np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2))
    low: Array = (found.means - REACH * spread).min(axis=0)
    high: Array = (found.means + REACH * spread).max(axis=0)
    return low, high


def _curve(axes: Axes, found: GaussianMixture, X: Any) -> None:
    low, high = _box(found)
    x = np.linspace(low[0], high[0], 601)
    if X is not None:
        axes.hist(np.asarray(X).reshape(-1), bins=50, density=True, color=GREY, alpha=0.35, label="rows")
    parts = np.exp(found.log_joint(x))
    if len(found.weights) > 1:
        for k, colour in zip(range(parts.shape[1]), CLASS_COLOURS[1:] * parts.shape[1], strict=False):
            axes.plot(x, parts[:, k], "--", color=colour, linewidth=1.3, label=f"component {k + 1}")
    axes.plot(x, found.pdf(x), color=BLUE, linewidth=2.2, label="density")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=SMALL, frameon=False)


def _plane(axes: Axes, found: GaussianMixture, X: Any) -> None:
    low, high = _box(found)
    x, y = np.linspace(low[0], high[0], 161), np.linspace(low[1], high[1], 161)
    places = np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1)
    density = found.pdf(places).reshape(161, 161)
    axes.contourf(x, y, density, levels=18, cmap="Blues")
    axes.contour(x, y, density, levels=18, colors="#7A8CA3", linewidths=0.5)
    if X is not None:
        rows = np.asarray(X)
        axes.scatter(rows[:, 0], rows[:, 1], s=5, color=BLACK, alpha=0.45, linewidths=0)
    axes.plot(*found.means.T, "+", color=ORANGE, markersize=11, markeredgewidth=2.2, label="means")
    axes.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none")


def divergences(found: GaussianMixture, *, title: str = "") -> Figure:
    """Draw a mixture p of one dimension beside the normal q of least KL(p || q), and that of least KL(q || p)."""
    figure = new_figure(9.2, 3.7)
    if title:
        figure.suptitle(title, fontsize=12)
    mean, spread = float(found.mean[0]), float(np.sqrt(found.covariance[0, 0]))
    low, high = _box(found)
    x = np.linspace(min(low[0], mean - 3 * spread), max(high[0], mean + 3 * spread), 601)
    told = {"forward": "least KL(p || q): q covers p", "reverse": "least KL(q || p): q takes one peak"}
    for i, (direction, name) in enumerate(told.items()):
        axes = figure.add_subplot(1, 2, i + 1)
        fit = fit_gaussian(found, direction)  # type: ignore[arg-type]
        tidy(axes, title=f"{name}, {fit.divergence:.3f} nats", x="x", y="density")
        axes.plot(x, found.pdf(x), color=BLUE, linewidth=2.2, label="p")
        axes.plot(x, fit.gaussian.pdf(x), color=GREEN, linewidth=2.0, label=f"q: N({fit.mean:.2f}, {fit.scale:.2f}²)")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=SMALL, frameon=False)
    return figure


def conditional_density(x: Any, mixtures: Mixtures, *, X: Any = None, y: Any = None, title: str = "") -> Figure:
    """Draw p(y | x) as a mixture density network of one input and one target sees it, with its mean, and rows (X, y).

    `x` (n,) are the inputs, rising, for which `mixtures` (`MixtureDensity.read`) were put out.

    Raises:
        ShapeError: another number of mixtures than inputs, or a target of several numbers.
    """
    at = np.asarray(x, dtype=np.float64).reshape(-1)
    if mixtures.means.shape[0] != len(at) or mixtures.means.shape[2] != 1:
        raise ShapeError(f"conditional_density: {len(at)} inputs and means of shape {mixtures.means.shape}")
    spread = np.sqrt(mixtures.variance[:, 0])
    low, high = float((mixtures.mean[:, 0] - 3 * spread).min()), float((mixtures.mean[:, 0] + 3 * spread).max())
    if y is not None:
        low, high = float(np.min(y)), float(np.max(y))
        low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    values = np.linspace(low, high, 201)
    density = np.exp(mixtures.log_pdf(values[:, None, None]))
    figure = new_figure(5.8, 4.2)
    axes = figure.add_subplot()
    tidy(axes, title=title or "p(y | x)", x="x", y="y", grid=False)
    # The square root keeps broad parts visible beside sharp ones.
    axes.pcolormesh(at, values, np.sqrt(density), cmap="Blues", shading="nearest", rasterized=True)
    if X is not None and y is not None:
        axes.scatter(np.asarray(X).reshape(-1), np.asarray(y).reshape(-1), s=5, color=BLACK, alpha=0.5, linewidths=0)
    axes.plot(at, mixtures.mean[:, 0], "--", color=ORANGE, linewidth=1.8, label="mean, what squared error finds")
    axes.legend(fontsize=SMALL, frameon=True, framealpha=0.9, edgecolor="none", loc="upper left")
    axes.set_ylim(low, high)
    return figure
