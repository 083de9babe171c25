"""The same network with four learning rates, what a range test suggests, and what schedules add.

Writes `learning_rates.png` and `range_test.png` into the current folder.
"""

from __future__ import annotations

import contextlib

import numpy as np

import forwardnet as ff
from forwardnet import nn, plot

digits = ff.datasets.load("digits")
rows = np.random.default_rng(0).permutation(len(digits.X))[:600]
X, y = digits.X[rows], digits.y[rows]


def network() -> nn.Module:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def losses(rate: float, scheduler: object = None, epochs: int = 30) -> np.ndarray:
    """The loss of each epoch of gradient descent; NaN after a divergence."""
    model = network()
    optimizer = ff.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    trainer = ff.Trainer(model, "cross_entropy", optimizer, scheduler)
    with contextlib.suppress(ff.TrainingDivergedError):
        trainer.fit(X, y, epochs=epochs, batch_size=50, progress=False)
    found = trainer.history["loss"]
    return np.append(found, np.full(epochs - len(found), np.nan))


names = {"low": 1e-3, "good": 0.2, "high": 0.8, "very high": 3.0}
curves = {name: losses(rate) for name, rate in names.items()}
for name, rate in names.items():
    print(f"{name:>9} ({rate:g}): {curves[name][0]:9.3f} -> {curves[name][-1]:.4g}")
plot.save(plot.comparison({f"{name}: {rate:g}": curves[name] for name, rate in names.items()}), "learning_rates.png")

assert curves["good"][-1] < 0.01 and 2 < curves["low"][-1] < curves["low"][0]  # learns; learns too slowly
# Faster at first, then too restless to get there.
assert curves["high"][0] < curves["good"][0] and curves["high"][-1] > 100 * curves["good"][-1]
assert not curves["very high"][-1] < 2.3  # no better than a guess among ten, ln 10 = 2.303

model = network()
descent = ff.optim.SGD(model.parameters(), momentum=0.9)
found = ff.find_lr(model, "cross_entropy", X, y, optimizer=descent, batch_size=50)
plot.save(found.plot(), "range_test.png")
print(f"the range test suggests {found.suggestion:.3g}")
assert found.suggestion is not None and names["low"] < found.suggestion < names["high"]

# A rate that is too high for the end is fine for the beginning: with a schedule it ends where it should.
level, annealed, cycle = (losses(0.6, scheduler) for scheduler in (None, "cosine", "one_cycle"))
print(f"at 0.6: level {level[-1]:.2g}, down along a cosine {annealed[-1]:.2g}, one cycle {cycle[-1]:.2g}")
assert annealed[-1] < level[-1] / 2 and cycle[-1] < level[-1] / 10
