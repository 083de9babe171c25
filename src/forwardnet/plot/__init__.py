"""Figures: each function returns a matplotlib `Figure` of its own and touches no global state.

    fig = plot.curves(history)
    plot.save(fig, "curves.png")

matplotlib is imported when the first figure is drawn.
"""

from __future__ import annotations

from forwardnet.plot.activations import activation
from forwardnet.plot.boundary import decision_boundaries, decision_boundary, scatter
from forwardnet.plot.classification import confusion
from forwardnet.plot.comparisons import dependence, models, residuals
from forwardnet.plot.construct import approximation, region, surface
from forwardnet.plot.distributions import conditional_density, divergences, mixture
from forwardnet.plot.forecast import errors_by_step, forecast, rolling_forecasts
from forwardnet.plot.gradients import activity, gradient_flow, learning_speeds, saturation
from forwardnet.plot.graphs import computation_graph
from forwardnet.plot.images import images
from forwardnet.plot.importances import attribution, importance
from forwardnet.plot.loss_surfaces import best_step, landscape, landscapes, spectrum, terrain
from forwardnet.plot.network import network, neuron
from forwardnet.plot.paths import animate, critical_points, descent, trajectories
from forwardnet.plot.rankings import calibration, precision_recall, roc
from forwardnet.plot.rates import comparison, range_test, schedule, schedules
from forwardnet.plot.recap import (
    activation_grid,
    capacity,
    dimensions,
    norm_balls,
    principal_components,
    step_losses,
)
from forwardnet.plot.regression import fitted_line, predicted_vs_true
from forwardnet.plot.regularisation import regularisation_path
from forwardnet.plot.splits import splits
from forwardnet.plot.style import png_bytes, save
from forwardnet.plot.training import curves
from forwardnet.plot.validation import compared, swept, validation_curve

__all__ = [
    "activation",
    "activation_grid",
    "activity",
    "animate",
    "approximation",
    "attribution",
    "best_step",
    "calibration",
    "capacity",
    "compared",
    "comparison",
    "computation_graph",
    "conditional_density",
    "confusion",
    "critical_points",
    "curves",
    "decision_boundaries",
    "decision_boundary",
    "dependence",
    "descent",
    "dimensions",
    "divergences",
    "errors_by_step",
    "fitted_line",
    "forecast",
    "gradient_flow",
    "images",
    "importance",
    "landscape",
    "landscapes",
    "learning_speeds",
    "mixture",
    "models",
    "network",
    "neuron",
    "norm_balls",
    "png_bytes",
    "precision_recall",
    "predicted_vs_true",
    "principal_components",
    "range_test",
    "region",
    "regularisation_path",
    "residuals",
    "roc",
    "rolling_forecasts",
    "saturation",
    "save",
    "scatter",
    "schedule",
    "schedules",
    "spectrum",
    "splits",
    "step_losses",
    "surface",
    "swept",
    "terrain",
    "trajectories",
    "validation_curve",
]
