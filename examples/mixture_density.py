"""Several answers to one question: a mixture density network where squared error finds a mean that is never right.

Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import nn, plot
from forwardnet.data import GaussianMixture

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

# y + 0.3 sin(2 pi y) = x, to be solved for y: around x = 1/2 there are three solutions.
data, held = (ff.datasets.load("inverse-sine", n=1000, seed=seed) for seed in (0, 1))


def trained(last: nn.Module, loss: str) -> tuple[nn.Sequential, ff.Trainer]:
    """A network of 30 tanh units with this last layer, trained on this loss."""
    model = nn.Sequential(nn.Linear(1, 30), nn.Tanh(), last)
    trainer = ff.Trainer(model, loss, ff.optim.Adam(model.parameters(), lr=0.01))
    trainer.fit(data.X, data.y, epochs=100, batch_size=100, progress=False)
    return model, trainer


ff.manual_seed(0)
_, square = trained(nn.Linear(30, 1), "mse")
ff.manual_seed(0)
model, mixture = trained(nn.MixtureDensity(30, components=5), "mixture_nll")

# Squared error is the likelihood of a normal distribution of one width around the prediction; compare likelihoods.
mse = square.evaluate(held.X, held.y)["loss"]
one_peak = 0.5 * math.log(2 * math.pi * math.e * mse)
several = mixture.evaluate(held.X, held.y)["loss"]
print(f"negative log-likelihood of new rows: {one_peak:.3f} with one peak of fixed width, {several:.3f} with a mixture")
assert several < one_peak - 0.5  # six starts gave 0.73 to 0.83 less

x = np.linspace(0, 1, 201, dtype=np.float32)[:, None]
mixtures = model[2].read(mixture.predict(x))
plot.save(plot.conditional_density(x, mixtures, X=data.X, y=data.y), folder / "density.png")
middle = model[2].read(mixture.predict(np.array([[0.5]], dtype=np.float32)))
grid = np.linspace(0, 1, 401)
density = np.exp(middle.log_pdf(grid[:, None, None]))[:, 0]
peaks = grid[1:-1][(density[1:-1] > density[:-2]) & (density[1:-1] > density[2:]) & (density[1:-1] > 0.5)]
print(f"at x = 0.5 the density has peaks at y = {', '.join(f'{peak:.2f}' for peak in peaks)}")
solutions = [y for y in grid if abs(y + 0.3 * math.sin(2 * math.pi * y) - 0.5) < 0.002]
assert all(min(abs(peak - y) for y in solutions) < 0.1 for peak in peaks) and len(peaks) >= 2

# The likeliest answer solves the equation; the mean, which squared error finds, does not.
where = np.array([[0.35], [0.4], [0.6], [0.65]], dtype=np.float32)
answers = model[2].read(mixture.predict(where))
misses = {}
for name, y in (("mean", square.predict(where)), ("likeliest", answers.likeliest)):
    misses[name] = float(np.abs(y + 0.3 * np.sin(2 * np.pi * y) - where).mean())
print(
    f"how far y + 0.3 sin(2 pi y) is from x: {misses['mean']:.3f} for the mean, {misses['likeliest']:.3f} for the peak"
)
assert misses["likeliest"] < 0.1 and misses["mean"] > 1.5 * misses["likeliest"]

# The same family without inputs: a mixture fitted to data, and its density beside the one that made them.
truth = GaussianMixture([0.5, 0.3, 0.2], [-2.0, 0.0, 3.0], scales=[0.5, 1.0, 0.8])
rows, _ = truth.sample(3000, seed=0)
fitted = GaussianMixture.fit(rows, 3)
order = np.argsort(fitted.means[:, 0])
print("fitted means:", fitted.means[order, 0].round(2).tolist(), "weights:", fitted.weights[order].round(2).tolist())
plot.save(plot.mixture(fitted, X=rows), folder / "mixture.png")
assert np.allclose(fitted.means[order, 0], [-2.0, 0.0, 3.0], atol=0.25)
assert fitted.log_pdf(rows).mean() >= truth.log_pdf(rows).mean()
print(f"pictures: {folder}")
