"""Figures: each function returns a matplotlib `Figure` of its own and touches no global state.

    fig = plot.curves(history)
    plot.save(fig, "curves.png")

matplotlib is imported when the first figure is drawn.
"""

from __future__ import annotations

from forwardnet.plot.activations import activation
from forwardnet.plot.boundary import decision_boundary, scatter
from forwardnet.plot.classification import confusion
from forwardnet.plot.construct import approximation, region, surface
from forwardnet.plot.images import images
from forwardnet.plot.network import network, neuron
from forwardnet.plot.regression import fitted_line, predicted_vs_true
from forwardnet.plot.style import png_bytes, save
from forwardnet.plot.training import curves

__all__ = [
    "activation",
    "approximation",
    "confusion",
    "curves",
    "decision_boundary",
    "fitted_line",
    "images",
    "network",
    "neuron",
    "png_bytes",
    "predicted_vs_true",
    "region",
    "save",
    "scatter",
    "surface",
]
