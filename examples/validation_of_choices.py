"""How far can a figure be trusted? One hold-out and five folds, models side by side, a search and what it is worth."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

import forwardnet as ff
from forwardnet import nn
from forwardnet.validate import bagging, compare_models, holdout, k_fold, nested, sweep

moons = ff.datasets.load("moons", n=120, noise=0.3, seed=0)
X, y = moons.X, moons.y
SETTINGS = {"epochs": 60, "batch_size": 24}
SEEDS = 20


def network(units: int = 8, rate: float = 0.03) -> ff.Trainer:
    model = nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))
    return ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=rate))


# 1. The same network, divided into rows to learn from and rows to ask about by 20 seeds.
once = [holdout(network, X, y, 0.2, seed=seed, **SETTINGS).pooled()["accuracy"] for seed in range(SEEDS)]
folds = [k_fold(network, X, y, 5, seed=seed, **SETTINGS).pooled()["accuracy"] for seed in range(SEEDS)]
print(f"one hold-out of 24 rows: {min(once):.1%} to {max(once):.1%}, deviation {np.std(once, ddof=1):.1%}")
print(f"five folds, all 120 rows: {min(folds):.1%} to {max(folds):.1%}, deviation {np.std(folds, ddof=1):.1%}")

# 2. Two models on the same folds: the difference is surer than the two figures suggest.
models = {"network": network, "straight line": LogisticRegression()}
found = compare_models(models, X, y, metrics=["accuracy"], **SETTINGS)
print("\n" + found.summary())
gap = found.difference("network", "straight line")

# 3. Hidden sizes and rates: the best of them is chosen by these rows, so its figure is no promise.
space = {"units": [1, 2, 4, 16], "rate": [0.003, 0.03]}
search = sweep(network, X, y, space, cv=3, metrics=["accuracy"], **SETTINGS)
print("\n" + search.summary(most=3))
honest = nested(network, X, y, space, cv=4, inner=3, metrics=["accuracy"], **SETTINGS)
print("\n" + honest.summary())

# 4. Bags answer for the rows that they missed.
bags = bagging(network, X, y, bags=16, metrics=["log_loss"], **SETTINGS)
print("\n" + bags.summary())

assert np.std(folds, ddof=1) < 0.7 * np.std(once, ddof=1), "a figure of all rows hangs less on the division"
assert gap.high - gap.low < sum(
    high - low for low, high in (one.interval("accuracy") for one in found.validations.values())
)
low, high = honest.validation.interval("accuracy")
assert low < search.best_score + 0.05 and high > 0.8
assert bags.compared().difference("together", "one alone").value < 0, "the mean of bags is better than one of them"
