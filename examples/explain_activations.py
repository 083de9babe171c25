"""Sigmoid, tanh, ReLU and its relatives: how fast they learn, what they do to gradients, and what they look like.

Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import explain, nn, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
digits = ff.datasets.load("digits")
X, y = digits.X[:1000], digits.y[:1000]
GOAL = 0.3


def network(activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Three hidden layers of 48 units, with Xavier's start for all."""
    ff.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(64, 48), activation()]
    for _ in range(2):
        layers += [nn.Linear(48, 48), activation()]
    model = nn.Sequential(*layers, nn.Linear(48, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


# The same network, start and optimiser: how many epochs until the training loss is below 0.3?
runs, epochs = {}, {}
for unit in (nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU):
    model, name = network(unit), unit.__name__
    flow = explain.gradient_flow(model, "cross_entropy", X, y)
    trainer = ff.Trainer(model, "cross_entropy", ff.optim.SGD(model.parameters(), lr=0.1))
    runs[name] = trainer.fit(X, y, epochs=40, batch_size=50, progress=False)
    below = np.flatnonzero(runs[name]["loss"] < GOAL)
    epochs[name] = int(below[0]) + 1 if len(below) else 41
    told = f"{epochs[name]} epochs" if len(below) else "not in 40 epochs"
    print(f"{name}: loss below {GOAL}: {told}; a gradient is multiplied by {flow.per_layer:.2f} from layer to layer")
plot.save(plot.step_losses(runs, smooth=20, title="The same network with five activations"), folder / "learning.png")
assert epochs["Sigmoid"] == 41 and max(epochs["ReLU"], epochs["Tanh"], epochs["LeakyReLU"], epochs["ELU"]) < 20


# A layer whose inputs are all positive gets gradients of one sign for all weights of a unit, row by row.
def shares_of_one_sign(activation: nn.Module) -> float:
    """The share of (row, unit) pairs for which the gradients of all incoming weights have one sign."""
    ff.manual_seed(0)
    hidden, output = nn.Linear(64, 8), nn.Linear(8, 10)
    found = []
    for row in ff.tensor(X[:50]):
        scores = output(activation(hidden(row)))
        (gradient,) = ff.autograd.grad((scores**2).sum(), output.weight)
        signs = np.sign(gradient.numpy())
        found.append((np.abs(signs.sum(axis=1)) == 8).mean())
    return float(np.mean(found))


shares = {name: shares_of_one_sign(unit) for name, unit in (("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()))}
print("rows and units whose weights' gradients all have one sign:", {k: f"{v:.0%}" for k, v in shares.items()})
assert shares["sigmoid"] == 1 and shares["tanh"] < 0.5

# So descent zigzags: two inputs that are always positive against the same two centred, both at their best rate.
rng = np.random.default_rng(0)
inputs = rng.uniform(0.0, 1.0, size=(200, 2))
steps = {}
for name, rows in (("positive", inputs), ("centred", inputs - inputs.mean(axis=0))):
    target = rows @ [1.0, -1.0]
    objective = explain.Objective(
        lambda w, rows=rows, target=target: ((ff.tensor(rows) @ w - ff.tensor(target)) ** 2).mean(), [0.0, 0.0]
    )
    bends = explain.spectrum(objective)
    rate = 2 / (bends.largest + bends.smallest)  # the best of all constant rates
    path = [objective.x]
    while np.abs(path[-1] - [1.0, -1.0]).max() > 1e-3:
        path.append(path[-1] - rate * objective.at(path[-1]).gradient())
    steps[name] = len(path) - 1
    print(f"{name} inputs: {steps[name]} steps, condition number {bends.condition_number:.1f}")
assert steps["positive"] > 2 * steps["centred"]

# What a network's architecture gives to think about before it is trained.
doubtful = nn.Sequential(
    *[layer for _ in range(4) for layer in (nn.Linear(8, 8), nn.Sigmoid())], nn.Linear(8, 1), nn.ReLU()
)
notes = explain.review(doubtful)
print(*(note.summary() for note in notes), sep="\n")
assert len(notes) == 5 and "at most 1/4" in notes[0].text and explain.review(network(nn.ReLU)) == []

plot.save(plot.activation_grid(), folder / "activations.png")
plot.save(plot.activation_grid(["relu", "leaky_relu", "rrelu", "elu"]), folder / "rectifiers.png")
plot.save(plot.saturation("tanh"), folder / "saturation.png")
print(f"pictures: {folder}")
