"""Backpropagation on paper: the values, local derivatives and gradients of small computations, drawn as graphs.

Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import forwardnet as ff
from forwardnet import explain, nn, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

# Addition passes a gradient on unchanged; multiplication passes it to each factor times the other.
add = explain.computation_graph(lambda x, y: x + y, x=2.0, y=3.0, upstream=5.0)
multiply = explain.computation_graph(lambda x, y: x * y, x=2.0, y=3.0, upstream=5.0)
print(f"addition:\n{add.to_text()}\nmultiplication:\n{multiply.to_text()}")
assert [float(edge.flow) for edge in add.edges] == [5, 5]
assert [float(edge.flow) for edge in multiply.edges] == [15, 10]

# A neuron: the chain rule from the output to every input.
neuron = explain.computation_graph(lambda x, w, b: ff.sigmoid(w * x + b), x=2.0, w=-1.0, b=0.5)
print(f"a neuron:\n{neuron.to_text()}")
plot.save(plot.computation_graph(neuron, title="sigmoid(w x + b)"), folder / "neuron.png")
h = float(neuron.nodes[-1].value)
assert abs(float(neuron.node("w").gradient) - 2.0 * h * (1 - h)) < 1e-15


# A network of two tanh units and its squared error, with the numbers of one step by hand.
def loss(W1: Any, w2: Any, x: Any, y: Any) -> Any:
    """(tanh(x W1) w2 - y)^2 / 2"""
    return 0.5 * (ff.tanh(x @ W1) @ w2 - y) ** 2


inputs = {"W1": [[0.1, 0.2], [0.3, -0.4]], "w2": [0.5, -0.6], "x": [1.0, 2.0], "y": 1.0}
network = explain.computation_graph(loss, **inputs)
print(f"two hidden units:\n{network.to_text()}")
plot.save(plot.computation_graph(network), folder / "two-units.png")
gradients = {name: network.node(name).gradient for name in ("W1", "w2")}
assert np.allclose(gradients["w2"], [-0.226992, 0.201708], atol=5e-7)
assert np.allclose(gradients["W1"], [[-0.1192, 0.160355], [-0.2384, 0.320711]], atol=5e-5)
after = {
    name: np.array(value) - 0.1 * gradients[name] if name in gradients else value for name, value in inputs.items()
}
values = [float(explain.computation_graph(loss, **given).nodes[-1].value) for given in (inputs, after)]
print(f"loss {values[0]:.6f}, after one step of rate 0.1: {values[1]:.6f}")
assert [round(value, 6) for value in values] == [0.070533, 0.044437]

# Whole layers: what each puts out, and the gradient that comes back, also around a residual block.
ff.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Residual(nn.Linear(3, 3), nn.Tanh()), nn.Linear(3, 2))
layers = explain.network_graph(model, "cross_entropy", [[1.0, 2.0]], [0])
print(f"a network with a residual block:\n{layers.to_text()}")
plot.save(plot.computation_graph(layers, title="Layers, values and gradients"), folder / "layers.png")
scores = layers.nodes[-2]
share = np.exp(scores.value) / np.exp(scores.value).sum()
assert np.allclose(scores.gradient, share - [[1, 0]]), "softmax with its loss sends back p - y"
(folder / "layers.dot").write_text(layers.to_dot(), encoding="utf-8")
print(f"pictures, and a file for Graphviz: {folder}")
