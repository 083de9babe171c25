"""Overfitting, and what limits on the weights do against it: size, L2, L1, maximum norm, early stopping.

Sixty noisy points of two half moons, and a network of a thousand weights that can learn them by heart. Each method
trains on eight samples of points from eight starts, and is measured on 4000 points that nobody learnt from: the mean
over the eight, its spread, and the mean difference to the plain network with its standard error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train import fit_many

SEEDS, ROWS, EPOCHS, HIDDEN = 8, 60, 300, 30


def points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = ff.data.generators.moons(n=n, noise=0.3, seed=seed)
    return X.astype(np.float32), y


samples = [points(ROWS, seed) for seed in range(SEEDS)]
X, y = (np.concatenate(parts) for parts in zip(*samples, strict=True))
rows = np.arange(len(X)).reshape(SEEDS, ROWS)
X_test, y_test = points(4000, seed=1000)


def trainer(seed: int, hidden: int = HIDDEN, penalty: optim.Penalty | None = None) -> ff.Trainer:
    ff.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 2))
    return ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01), penalty=penalty, seed=seed)


def measured(trainers: Sequence[ff.Trainer]) -> np.ndarray:
    """Loss on the points learnt from, loss and share of errors on the others: one row for each seed."""
    found = []
    for t, own in zip(trainers, rows, strict=True):
        output = t.predict(X_test)
        loss = ff.metrics.log_loss(y_test, output, link="logits")
        error = ff.metrics.classification_error(y_test, output, link="logits")
        found.append((t.evaluate(X[own], y[own])["loss"], loss, error))
    return np.array(found)


results: dict[str, np.ndarray] = {}
methods = {
    "plain": {},
    "3 hidden units": {"hidden": 3},
    "L2": {"penalty": optim.L2(0.01)},
    "L1": {"penalty": optim.L1(0.003)},
    "maximum norm": {"penalty": optim.MaxNorm(1.0)},
}
weights: dict[str, np.ndarray] = {}
for name, options in methods.items():
    trainers = [trainer(seed, **options) for seed in range(SEEDS)]
    fit_many(trainers, X, y, rows, epochs=EPOCHS, batch_size=20)
    results[name] = measured(trainers)
    weights[name] = np.concatenate([t.model.get_flat_params().numpy() for t in trainers])

# Early stopping has to give up a quarter of its few points to know when.
trainers = [trainer(seed) for seed in range(SEEDS)]
for t, own in zip(trainers, rows, strict=True):
    stop = ff.EarlyStopping(patience=20)
    t.fit(X[own], y[own], epochs=EPOCHS, batch_size=20, validation_split=0.25, callbacks=[stop], progress=False)
results["early stopping"] = measured(trainers)

print(f"{'':15} learnt loss  held-out loss    errors          loss against plain")
differences = {}
for name, found in results.items():
    mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    difference = found[:, 1] - results["plain"][:, 1]
    differences[name] = difference.mean(), difference.std(ddof=1) / np.sqrt(SEEDS)
    print(
        f"{name:15} {mean[0]:.3f}        {mean[1]:.3f} +- {spread[1]:.3f}  {mean[2]:.3f} +- {spread[2]:.3f}  "
        f"{differences[name][0]:+.3f} +- {differences[name][1]:.3f}"
    )
near_zero = {name: float((np.abs(values) < 1e-2).mean()) for name, values in weights.items()}
print(f"weights below 0.01: plain {near_zero['plain']:.0%}, L2 {near_zero['L2']:.0%}, L1 {near_zero['L1']:.0%}")

plain = results["plain"].mean(axis=0)
# The plain network knows its points by heart, and is far worse on others.
assert plain[0] < 0.1 and plain[1] > 4 * plain[0]
for name in results.keys() - {"plain"}:
    difference, standard_error = differences[name]
    assert difference < -2 * standard_error, f"{name} does not help"
    assert results[name][:, 0].mean() > plain[0], "what helps learns its points less well"
# L1 makes most of the weights vanish, L2 makes them small.
assert near_zero["L1"] > 0.5 > 3 * near_zero["plain"]
