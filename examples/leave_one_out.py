"""Leave-one-out: 150 networks, each trained without one flower and asked about it, in a fraction of a second."""

from __future__ import annotations

import time

import numpy as np

import forwardnet as ff
from forwardnet import nn

iris = ff.datasets.load("iris")
n = len(iris.X)


def trainer(seed: int) -> ff.Trainer:
    """A small network with weights and an order of the rows of its own."""
    ff.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    return ff.Trainer(model, nn.CrossEntropyLoss(), ff.optim.Adam(model.parameters(), lr=0.01), seed=seed)


rows = [np.delete(np.arange(n), i) for i in range(n)]
begin = time.perf_counter()
trainers = [trainer(i) for i in range(n)]
histories = ff.train.fit_many(trainers, iris.X, iris.y, rows, epochs=100, batch_size=32)
answers = np.array([t.predict(iris.X[i : i + 1])[0].argmax() for i, t in enumerate(trainers)])
seconds = time.perf_counter() - begin

right = int((answers == iris.y).sum())
print(f"{n} networks of 100 epochs in {seconds:.2f} s: {right} of {n} flowers named by a network that never saw them")

# The same network, trained by itself, is the same network but for rounding.
alone = trainer(7)
history = alone.fit(iris.X[rows[7]], iris.y[rows[7]], epochs=100, batch_size=32, progress=False)
difference = float(np.abs(history["loss"] - histories[7]["loss"]).max())
print(f"number 7 trained alone: losses differ by {difference:.1e} at most")

assert right >= 0.93 * n
assert difference < 1e-3
