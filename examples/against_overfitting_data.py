"""Overfitting, and what more data do against it: more rows, and rows changed in ways that do not change their meaning.

A hundred of the small handwritten digits are few for a network with 5000 weights. Three versions of them are learnt:
as they are, turned by up to 40 degrees, and put somewhere into a larger frame. An augmentation helps where it makes
what the data really vary by: bending for handwriting, turning for turned digits, moving for moved ones. Moving the
digits of the first version, which are all centred, makes them worse.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.data import augment
from forwardnet.data.batches import permutation

SEEDS, FEW = 8, 100

digits = ff.datasets.load("digits")
small, large = (8, 8), (12, 12)
framed = np.pad(digits.X.reshape(-1, *small), ((0, 0), (2, 2), (2, 2))).reshape(len(digits.X), -1)
versions = {
    "as they are": digits.X,
    "turned": augment.Rotate(small, degrees=40)(digits.X, seed=99)[0],
    "moved": augment.Shift(large, pixels=2)(framed, seed=99)[0],
}
orders = [permutation(len(digits.X), seed=seed) for seed in range(SEEDS)]  # the last 797 are never learnt from


def trainer(inputs: int, seed: int) -> ff.Trainer:
    ff.manual_seed(seed)
    model = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 10))
    return ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.003), metrics=["accuracy"], seed=seed)


def measured(X: np.ndarray, n: int, epochs: int, change: augment.Augmentation | None = None) -> np.ndarray:
    """Accuracy on the n rows learnt from and on the others, and the loss of the others: one row for each seed."""
    found = []
    for seed, order in enumerate(orders):
        learnt, others = order[:n], order[1000:]
        t = trainer(X.shape[1], seed)
        t.fit(X[learnt], digits.y[learnt], epochs=epochs, batch_size=25, augment=change, progress=False)
        own, new = (t.evaluate(X[rows], digits.y[rows]) for rows in (learnt, others))
        found.append((own["accuracy"], new["accuracy"], new["loss"]))
    return np.array(found)


def text(values: np.ndarray) -> str:
    return f"{values.mean():.3f} +- {values.std(ddof=1):.3f}"


print("more rows: accuracy on those learnt from, and on others")
gaps = []
for n in (50, 200, 800):
    found = measured(digits.X, n, epochs=10_000 // n)  # the same number of steps
    gaps.append(float((found[:, 0] - found[:, 1]).mean()))
    print(f"{n:4} rows         {text(found[:, 0])}  {text(found[:, 1])}")

cases = {
    ("as they are", "bent"): augment.Elastic(small, strength=0.5, sigma=2.0),
    ("as they are", "moved"): augment.Shift(small, pixels=1),
    ("turned", "turned"): augment.Rotate(small, degrees=30),
    ("moved", "moved"): augment.Shift(large, pixels=2),
}
print(f"{FEW} rows, changed in each epoch: accuracy on others; their loss against that of unchanged rows")
plain = {version: measured(X, FEW, epochs=200) for version, X in versions.items()}
gains: dict[tuple[str, str], tuple[float, float]] = {}
for (version, name), change in cases.items():
    before, after = plain[version], measured(versions[version], FEW, epochs=200, change=change)
    gain = before[:, 2] - after[:, 2]
    gains[version, name] = gain.mean(), gain.std(ddof=1) / np.sqrt(SEEDS)
    print(
        f"{version:11} {name:6} {text(before[:, 1])} -> {text(after[:, 1])}  "
        f"{-gains[version, name][0]:+.3f} +- {gains[version, name][1]:.3f}"
    )

# What is learnt by heart is no longer enough: the gap closes as rows are added.
assert all(later < before for before, later in pairwise(gaps)) and gaps[-1] < gaps[0] / 4
for case in (("as they are", "bent"), ("turned", "turned"), ("moved", "moved")):
    assert gains[case][0] > 2 * gains[case][1], f"{case} does not help"
assert plain["moved"][:, 1].mean() < 0.4 < 0.6 < after[:, 1].mean(), "the last case: digits that move"
# More data of the wrong kind are no help.
assert gains["as they are", "moved"][0] < -2 * gains["as they are", "moved"][1]
