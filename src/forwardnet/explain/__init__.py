"""Looking into networks and their training: what was found is data, and says in words what it means.

    explain.gradient_flow(model, "cross_entropy", X, y).summary()
    explain.spectrum(explain.Objective.of_model(model, "mse", X, y)).summary()

Every function returns arrays in a small class with `summary()`; `forwardnet.plot` draws each of them. Models are looked
at in copies of float64, and stay as they are.
"""

from __future__ import annotations

from forwardnet.explain.activity import Activity, activity
from forwardnet.explain.advice import Note, review
from forwardnet.explain.attribution import Attribution, integrated_gradients
from forwardnet.explain.column_importance import column_importance
from forwardnet.explain.constrained import (
    Constrained,
    constrained_least_squares,
    project_box,
    project_l1,
    project_l2,
)
from forwardnet.explain.curvature import (
    Curvature,
    Spectrum,
    classify_critical_point,
    condition_number,
    curvature,
    optimal_step,
    spectrum,
)
from forwardnet.explain.dependence import Dependence, partial_dependence
from forwardnet.explain.dimension import Curse, curse_of_dimensionality
from forwardnet.explain.flow import FlowRecorder, GradientFlow, gradient_flow
from forwardnet.explain.gaussians import Gaussian, GaussianFit, fit_gaussian, kl_gaussians
from forwardnet.explain.graph import ComputationGraph, computation_graph, network_graph
from forwardnet.explain.importance import Importance, permutation_importance
from forwardnet.explain.information import (
    Joint,
    cross_entropy,
    entropy,
    kl_divergence,
    kl_from_samples,
    self_information,
)
from forwardnet.explain.lanczos import lanczos
from forwardnet.explain.landscape import Landscape, line_between, loss_landscape, random_direction, weight_axis
from forwardnet.explain.numerics import Conditioning, Overflow, conditioning, overflow
from forwardnet.explain.objective import Objective
from forwardnet.explain.slopes import slopes, steepest
from forwardnet.explain.surfaces import SURFACES, Surface, surface
from forwardnet.explain.trajectories import Trajectories, trajectories

__all__ = [
    "SURFACES",
    "Activity",
    "Attribution",
    "ComputationGraph",
    "Conditioning",
    "Constrained",
    "Curse",
    "Curvature",
    "Dependence",
    "FlowRecorder",
    "Gaussian",
    "GaussianFit",
    "GradientFlow",
    "Importance",
    "Joint",
    "Landscape",
    "Note",
    "Objective",
    "Overflow",
    "Spectrum",
    "Surface",
    "Trajectories",
    "activity",
    "classify_critical_point",
    "column_importance",
    "computation_graph",
    "condition_number",
    "conditioning",
    "constrained_least_squares",
    "cross_entropy",
    "curse_of_dimensionality",
    "curvature",
    "entropy",
    "fit_gaussian",
    "gradient_flow",
    "integrated_gradients",
    "kl_divergence",
    "kl_from_samples",
    "kl_gaussians",
    "lanczos",
    "line_between",
    "loss_landscape",
    "network_graph",
    "optimal_step",
    "overflow",
    "partial_dependence",
    "permutation_importance",
    "project_box",
    "project_l1",
    "project_l2",
    "random_direction",
    "review",
    "self_information",
    "slopes",
    "spectrum",
    "steepest",
    "surface",
    "trajectories",
    "weight_axis",
]
