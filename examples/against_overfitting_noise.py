"""Overfitting, and what chance does against it: dropout in both forms, noise, batch norm, mixed rows; sparse units.

The data and the plain network are those of `against_overfitting_weights.py`: sixty noisy points of two half moons, a
thousand weights, eight samples of points from eight starts, measured on 4000 points that nobody learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.data import augment
from forwardnet.train import fit_many

SEEDS, ROWS, EPOCHS, HIDDEN = 8, 60, 300, 30


def points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = ff.data.generators.moons(n=n, noise=0.3, seed=seed)
    return X.astype(np.float32), y


samples = [points(ROWS, seed) for seed in range(SEEDS)]
X, y = (np.concatenate(parts) for parts in zip(*samples, strict=True))
rows = np.arange(len(X)).reshape(SEEDS, ROWS)
X_test, y_test = points(4000, seed=1000)


def network(behind: Callable[[], Sequence[nn.Module]] = tuple) -> nn.Sequential:
    """Two hidden layers, and what `behind` makes behind each."""
    first, second = (nn.Sequential(nn.Tanh(), *behind()) for _ in range(2))
    return nn.Sequential(nn.Linear(2, HIDDEN), first, nn.Linear(HIDDEN, HIDDEN), second, nn.Linear(HIDDEN, 2))


def measured(trainers: Sequence[ff.Trainer]) -> np.ndarray:
    """Loss and share of errors on the points that nobody learnt from: one row for each seed."""
    outputs = [t.predict(X_test) for t in trainers]
    losses = [ff.metrics.log_loss(y_test, output, link="logits") for output in outputs]
    errors = [ff.metrics.classification_error(y_test, output, link="logits") for output in outputs]
    return np.array([losses, errors]).T


methods: dict[str, Callable[[], nn.Module]] = {
    "plain": network,
    "dropout": lambda: network(lambda: [nn.Dropout(0.5)]),
    "dropout, older form": lambda: network(lambda: [nn.Dropout(0.5, inverted=False)]),
    "noise on inputs": lambda: nn.Sequential(nn.GaussianNoise(0.3), network()),
    "noise on weights": lambda: nn.WeightNoise(network(), std=0.3),
    "batch norm": lambda: network(lambda: [nn.BatchNorm1d(HIDDEN)]),
    "sparse units": lambda: network(lambda: [nn.ActivityPenalty(0.01)]),
}


def trainer(make: Callable[[], nn.Module], seed: int) -> ff.Trainer:
    ff.manual_seed(seed)
    model = make()
    return ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01), seed=seed)


results: dict[str, np.ndarray] = {}
activity: dict[str, float] = {}
for name, make in methods.items():
    trainers = [trainer(make, seed) for seed in range(SEEDS)]
    fit_many(trainers, X, y, rows, epochs=EPOCHS, batch_size=20)
    results[name] = measured(trainers)
    if name in ("plain", "sparse units"):
        hidden = np.concatenate([t.model[:2](ff.from_numpy(X_test)).detach().numpy().ravel() for t in trainers])
        activity[name] = float((np.abs(hidden) > 0.1).mean())

# Rows that change from epoch to epoch: measured again with other errors, or mixed two by two with their targets.
targets: dict[str, Any] = {"jitter": y, "mixup": np.eye(2, dtype=np.float32)[y]}
changes = {"jitter": augment.Jitter(0.3), "mixup": augment.Mixup(1.0)}
for name, change in changes.items():
    trainers = [trainer(network, seed) for seed in range(SEEDS)]
    for t, own in zip(trainers, rows, strict=True):
        t.fit(X[own], targets[name][own], epochs=EPOCHS, batch_size=20, augment=change, progress=False)
    results[name] = measured(trainers)

print(f"{'':20} held-out loss    errors           loss against plain")
differences = {}
for name, found in results.items():
    mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    difference = found[:, 0] - results["plain"][:, 0]
    differences[name] = difference.mean(), difference.std(ddof=1) / np.sqrt(SEEDS)
    print(
        f"{name:20} {mean[0]:.3f} +- {spread[0]:.3f}  {mean[1]:.3f} +- {spread[1]:.3f}  "
        f"{differences[name][0]:+.3f} +- {differences[name][1]:.3f}"
    )
print(f"activations beyond 0.1: plain {activity['plain']:.0%}, sparse units {activity['sparse units']:.0%}")

for name in results.keys() - {"plain"}:
    difference, standard_error = differences[name]
    assert difference < -2 * standard_error, f"{name} does not help"
# The two forms of dropout are one network; only the size of a step differs, by the factor that one leaves out.
assert abs(results["dropout"][:, 0].mean() - results["dropout, older form"][:, 0].mean()) < 0.05
assert activity["sparse units"] < 0.5 * activity["plain"]
