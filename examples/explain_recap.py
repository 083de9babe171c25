"""Mathematics that training leans on: divergences, stable sums, conditioning, whitening, constraints, dimensions.

Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import explain, nn, plot
from forwardnet.data import PCA, GaussianMixture, Standardizer

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

# What a normal distribution makes of two peaks depends on the direction of the divergence.
peaks = GaussianMixture([0.5, 0.5], [-2.0, 2.0], scales=[0.6, 0.6])
forward, reverse = (explain.fit_gaussian(peaks, direction) for direction in ("forward", "reverse"))
print(forward.summary(), reverse.summary(), sep="\n")
plot.save(plot.divergences(peaks), folder / "divergences.png")
assert abs(forward.mean) < 1e-9 and abs(forward.scale - 2.088061) < 1e-6
assert abs(abs(reverse.mean) - 1.99708) < 1e-5 and len(reverse.also) == 1

# Cross-entropy is entropy plus divergence, so that minimising it over q fits q to p.
p, q = (0.9, 0.1), (0.5, 0.5)
print(
    f"H(p) {explain.entropy(p):.6f} + KL(p || q) {explain.kl_divergence(p, q):.6f} = {explain.cross_entropy(p, q):.6f}"
)
assert round(explain.kl_divergence(q, p), 6) == 0.510826 != round(explain.kl_divergence(p, q), 6) == 0.368064

# Numbers end: the formulas as written overflow where the stable ones do not.
for formula in ("softmax", "log_sum_exp", "log_softmax"):
    found = explain.overflow(formula, [1000.0, 1001.0])
    print(found.summary())
    assert found.naive_error == float("inf") and found.stable_error < 1e-6

# A badly conditioned system turns a small error of b into a large one of x.
system = explain.conditioning([[1.0, 1.0], [1.0, 1.0001]])
print(system.summary())
assert system.amplification > 0.99 * system.number > 39_000

# Gradient descent feels it too: columns of different size and correlated ones make it slow, white ones fast.
rng = np.random.default_rng(0)
turn = np.array([[1.0, 0.97], [0.0, 0.25]])
X = (rng.normal(size=(300, 2)) @ turn) * [1.0, 30.0] + [2.0, 100.0]
y = ((X - X.mean(axis=0)) / X.std(axis=0)) @ [1.0, -2.0]
losses, numbers = {}, {}
for name, rows in {
    "as they are": X - X.mean(axis=0),
    "standardised": Standardizer().fit_transform(X),
    "white": PCA(whiten="zca").fit_transform(X),
}.items():
    ff.manual_seed(0)
    model = nn.Linear(2, 1)
    objective = explain.Objective.of_model(model, "mse", rows, y)
    bends = explain.spectrum(objective)
    numbers[name] = bends.condition_number
    rate = bends.stable_rate / 2
    trainer = ff.Trainer(model, "mse", ff.optim.SGD(model.parameters(), lr=rate))
    losses[name] = trainer.fit(rows, y, epochs=30, batch_size=len(rows), progress=False)
    print(f"{name}: condition number {numbers[name]:,.1f}, loss after 30 steps {losses[name]['loss'][-1]:.2g}")
plot.save(
    plot.step_losses(losses, title="Gradient descent, each at half the rate at which it diverges"),
    folder / "preprocessing.png",
)
assert numbers["as they are"] > 100 * numbers["standardised"] > 1000 and numbers["white"] < 2.1
assert losses["as they are"]["loss"][-1] > losses["standardised"]["loss"][-1] > 1e6 * losses["white"]["loss"][-1]

# Principal components: ten published points, nearly on a line.
points = np.array(
    [[2.5, 2.4], [0.5, 0.7], [2.2, 2.9], [1.9, 2.2], [3.1, 3.0], [2.3, 2.7], [2, 1.6], [1, 1.1], [1.5, 1.6], [1.1, 0.9]]
)
pca = PCA().fit(points)
print(pca.summary())
plot.save(plot.principal_components(pca, points), folder / "components.png")
assert pca.variances is not None and pca.variances.round(6).tolist() == [1.284028, 0.049083]

# A limit on the size of the weights: the L1 ball has corners, and at a corner a weight is exactly 0.
A, b = [[2.0, 0.5], [0.5, 1.0], [0.0, 1.0]], [3.0, 1.0, 0.2]
for norm in (2, 1):
    answer = explain.constrained_least_squares(A, b, radius=1.0, norm=norm)
    print(f"L{norm}: w = {answer.x.round(4).tolist()}. {answer.summary()}")
    assert answer.zeros == (1 if norm == 1 else 0) and max(answer.stationarity, answer.overrun, answer.slack) < 1e-9
plot.save(plot.norm_balls(A, b), folder / "norm-balls.png")

# Many dimensions are empty, and everything in them is equally far away.
curse = explain.curse_of_dimensionality()
print(curse.summary())
plot.save(plot.dimensions(curse), folder / "dimensions.png")
assert curse.cells[:4] == (10, 100, 1000, 10**10) and curse.contrast[-1] < 0.6
print(f"pictures: {folder}")
