"""Networks by hand: what gates, truth tables, regions and functions need, with weights that are written down.

    net = construct.from_expression("(A & ~X & Z) | (A & ~Y)")
    print(net.about)

Each function returns an `nn.Sequential` of `Linear` and `Step` (or `Sigmoid`, or `ReLU`) whose parameters are frozen;
`unfreeze()` goes on from there with training, which needs derivatives: `soften`, or `steepness`, makes the steps
sigmoids. `about` says how large a network is and how exact; `size` counts any network. `CONSTRUCTIONS` lists them.
"""

from __future__ import annotations

from forwardnet.construct.approximate import approximate_1d, pulse
from forwardnet.construct.boolean import dnf, from_truth_table, gate, parity
from forwardnet.construct.boxes import approximate_nd, ridges
from forwardnet.construct.expression import ExpressionError, from_expression
from forwardnet.construct.linear import (
    LinearFit,
    add_bias_column,
    fit_linear,
    polynomial_features,
    rbf_features,
    suggest_weights,
)
from forwardnet.construct.network import About, Size, size, soften
from forwardnet.construct.neuron import neuron, xor_relu
from forwardnet.construct.perceptron import PerceptronResult, Separation, perceptron, separation
from forwardnet.construct.rectified import max_affine, piecewise_linear
from forwardnet.construct.regions import (
    convex_region,
    difference,
    half_plane,
    intersection,
    nearest,
    polygon,
    union,
)
from forwardnet.construct.registry import CONSTRUCTIONS, Construction
from forwardnet.construct.shapes import cylinder, from_image, shape
from forwardnet.construct.tables import all_inputs, truth_table

__all__ = [
    "CONSTRUCTIONS",
    "About",
    "Construction",
    "ExpressionError",
    "LinearFit",
    "PerceptronResult",
    "Separation",
    "Size",
    "add_bias_column",
    "all_inputs",
    "approximate_1d",
    "approximate_nd",
    "convex_region",
    "cylinder",
    "difference",
    "dnf",
    "fit_linear",
    "from_expression",
    "from_image",
    "from_truth_table",
    "gate",
    "half_plane",
    "intersection",
    "max_affine",
    "nearest",
    "neuron",
    "parity",
    "perceptron",
    "piecewise_linear",
    "polygon",
    "polynomial_features",
    "pulse",
    "rbf_features",
    "ridges",
    "separation",
    "shape",
    "size",
    "soften",
    "suggest_weights",
    "truth_table",
    "union",
    "xor_relu",
]
