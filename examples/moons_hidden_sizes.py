"""Two moons: how many hidden units does a curved boundary take?"""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import nn

SIZES, SEEDS = (1, 2, 3, 4, 5, 20, 50), 5

train, test = ff.datasets.load("moons", n=400, noise=0.2, seed=0), ff.datasets.load("moons", n=4000, noise=0.2, seed=1)


def trainer(units: int, seed: int) -> ff.Trainer:
    ff.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))
    return ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=0.03), seed=seed)


def errors(trainers: list[ff.Trainer], data: ff.data.Dataset) -> list[float]:
    """The share of rows that each network gets wrong."""
    return [float((t.predict(data.X).argmax(1) != data.y).mean()) for t in trainers]


print("units  wrong of training rows  wrong of other rows (least to most of five starts)")
middle: dict[int, float] = {}
for units in SIZES:
    trainers = [trainer(units, seed) for seed in range(SEEDS)]
    ff.train.fit_many(trainers, train.X, train.y, epochs=300, batch_size=40)
    learnt, asked = errors(trainers, train), sorted(errors(trainers, test))
    middle[units] = float(np.median(asked))
    print(f"{units:5d}  {np.median(learnt):22.1%}  {middle[units]:6.1%} ({asked[0]:.1%} to {asked[-1]:.1%})")

# One unit draws a straight line, two a bent one; from four on the moons come apart, and fifty units gain nothing more.
assert middle[1] > 0.1
assert middle[4] < middle[1] - 0.05
assert middle[20] < 0.06 and middle[50] < 0.06
assert abs(middle[50] - middle[5]) < 0.03
