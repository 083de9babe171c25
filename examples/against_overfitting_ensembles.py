"""Several networks instead of one: averages over starts, bagging with its own estimate, and boosting of weak ones.

Everything is repeated for five samples of points, and measured on 4000 points that nobody learnt from.
"""

from __future__ import annotations

from functools import partial

import numpy as np

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train import Ensemble, adaboost, bagging, fit_many

SAMPLES, MEMBERS, ROWS, EPOCHS = 5, 10, 60, 250


def points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = ff.data.generators.moons(n=n, noise=0.3, seed=seed)
    return X.astype(np.float32), y


def classifier(number: int, *, first: int) -> ff.Trainer:
    ff.manual_seed(first + number)
    model = nn.Sequential(nn.Linear(2, 30), nn.Tanh(), nn.Linear(30, 30), nn.Tanh(), nn.Linear(30, 2))
    return ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01), seed=first + number)


def log_loss(ensemble: Ensemble) -> float:
    return ensemble.evaluate(X_test, y_test, ["log_loss"])["log_loss"]


X_test, y_test = points(4000, seed=1000)
names = ("one network", "mean of 10 starts", "bagging of 10")
losses, errors, estimates = np.empty((3, SAMPLES)), np.empty((3, SAMPLES)), np.empty((2, SAMPLES))
for sample in range(SAMPLES):
    X, y = points(ROWS, seed=sample)
    members = [classifier(number, first=100 * sample) for number in range(MEMBERS)]
    fit_many(members, X, y, epochs=EPOCHS, batch_size=20)
    alone = [Ensemble([member]) for member in members]
    together = Ensemble(members)
    make = partial(classifier, first=100 * sample)
    bagged = bagging(make, X, y, members=MEMBERS, epochs=EPOCHS, batch_size=20, seed=sample)
    losses[:, sample] = np.mean([log_loss(one) for one in alone]), log_loss(together), log_loss(bagged)
    right = [one.evaluate(X_test, y_test)["accuracy"] for one in (*alone, together, bagged)]
    errors[:, sample] = 1 - np.mean(right[:-2]), 1 - right[-2], 1 - right[-1]
    estimates[:, sample] = bagged.out_of_bag["accuracy"], right[-1]


def text(values: np.ndarray) -> str:
    return f"{values.mean():.3f} +- {values.std(ddof=1):.3f}"


print(f"{'':18} held-out loss    errors           loss against one")
for name, loss, error in zip(names, losses, errors, strict=True):
    print(f"{name:18} {text(loss)}  {text(error)}  {text(loss - losses[0])}")
print(f"bagging's estimate of its accuracy {text(estimates[0])}, measured {text(estimates[1])}")


# Boosting: networks of two hidden units cannot cut out a triangle; ten of them vote.
def triangle(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 2)).astype(np.float32)
    return X, ((X[:, 0] > -0.6) & (X[:, 1] > -0.5) & (X[:, 0] + X[:, 1] < 0.4)).astype(np.int64)


def weak(number: int, *, first: int) -> ff.Trainer:
    ff.manual_seed(first + number)
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    return ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.05), seed=first + number)


X_test, y_test = triangle(4000, seed=1000)
rounds = np.empty((3, SAMPLES))
for sample in range(SAMPLES):
    X, y = triangle(200, seed=sample)
    boosted = adaboost(partial(weak, first=100 * sample), X, y, rounds=10, epochs=60, batch_size=50)
    for row, count in enumerate((1, 3, 10)):
        part = Ensemble(boosted.members[:count], boosted.weights[:count], how="vote")
        rounds[row, sample] = 1 - part.evaluate(X_test, y_test)["accuracy"]
print(f"boosting weak networks, errors after 1, 3 and 10 rounds: {', '.join(map(text, rounds))}")

for loss in losses[1:]:
    gain = losses[0] - loss
    assert gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(SAMPLES), "an average is better than its members"
assert (losses[1] < losses[0]).all(), "the loss is convex: in no sample is the mean of members worse than their mean"
assert abs(estimates[0].mean() - estimates[1].mean()) < 0.06
assert rounds[2].mean() < 0.6 * rounds[0].mean()
