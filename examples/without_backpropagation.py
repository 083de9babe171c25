"""Learning by trying: how many forward passes it takes to find what backpropagation finds in three."""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import nn
from forwardnet.train import perturbation

ff.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3)).double()
iris = ff.datasets.load("iris")
x = ff.tensor((iris.X - iris.X.mean(0)) / iris.X.std(0), dtype=ff.float64)
y = ff.tensor(iris.y)
criterion = nn.CrossEntropyLoss()

criterion(model(x), y).backward()
true = np.concatenate([p.grad.numpy().ravel() for p in model.parameters()])
model.zero_grad()


def loss() -> ff.Tensor:
    return criterion(model(x), y)


found = {
    "one weight at a time": perturbation.one_weight(loss, model.parameters()),
    "all weights, 100 times": perturbation.all_weights(loss, model.parameters(), samples=100),
    "one activation at a time": perturbation.activations(model, criterion, x, y),
    "all activations, 100 times": perturbation.activations(model, criterion, x, y, samples=100),
}
errors = {}
print(f"{len(true)} weights and biases, 15 units, 150 rows")
for name, estimate in found.items():
    errors[name] = float(np.linalg.norm(estimate.vector() - true) / np.linalg.norm(true))
    print(f"{name:>27}: {estimate.passes:4d} forward passes, off by {100 * errors[name]:.3g} %")

assert [estimate.passes for estimate in found.values()] == [100, 200, 16, 201]
assert max(errors["one weight at a time"], errors["one activation at a time"]) < 1e-4
assert 0.5 < errors["all weights, 100 times"] < 2  # sqrt(98 / 100)
assert errors["all activations, 100 times"] < 0.1  # the noise of 150 rows averages out

start = loss().item()
search = perturbation.random_search(loss, model.parameters(), trials=600, size=0.3)
print(f"keeping what is better: loss {start:.3f} -> {search.losses[-1]:.3f} in {search.passes} passes")
needed = perturbation.passes_needed(nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 10)))
print("a step for digits of 784 pixels: " + ", ".join(f"{name} {passes:,}" for name, passes in needed.items()))
assert search.losses[-1] < start / 2 and needed["one weight"] == 397_511
