"""Functions approximated by networks whose weights are written down, and the same found by training.

A pulse is two steps; pulses side by side follow any continuous function on an interval, and boxes side by side any
continuous function on a box. That is the universal approximation theorem with numbers. It promises neither few units
nor that training finds the weights. Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import construct, nn, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
x = np.linspace(0, 1, 2001)


def wave(t: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * t)


def worst(network: nn.Module) -> float:
    """The largest distance from the wave on a grid."""
    with ff.no_grad():
        y = network(ff.tensor(x[:, None], dtype=next(network.parameters()).dtype)).numpy().ravel()
    return float(np.abs(y - wave(x)).max())


print(construct.pulse(0.25, 1.0).about)

# ---------------------------------------------------------------- by construction

print("\nequal pieces      off by      pi/n")
for n in (10, 50, 200, 1000):
    network = construct.approximate_1d(wave, (0, 1), n)
    print(f"{n:12d} {worst(network):11.5f} {np.pi / n:9.5f}")
    # Within 2 % of pi / n, half the rise of the sine in the steepest piece; plus float32 sums of a thousand terms.
    assert worst(network) <= 1.0001 * network.about.error + 1e-5 and abs(network.about.error * n / np.pi - 1) < 0.02

print("\nto a given error   steps   straight pieces")
for error in (0.1, 0.01, 0.001):
    steps = construct.approximate_1d(wave, (0, 1), error=error)
    # A chord of width w is at most max|f''| w^2 / 8 off, here (2 pi)^2 w^2 / 8.
    n = int(np.ceil(np.pi / (2 * error) ** 0.5))
    corners = np.linspace(0, 1, n + 1)
    straight = construct.piecewise_linear(corners, wave(corners))
    print(f"{error:<14g} {steps.about.size.units:9d} {straight.about.size.units:12d}")
    assert worst(steps) <= error + 1e-5 and worst(straight) <= error + 1e-5
    if error == 0.1:
        plot.save(plot.approximation(steps, wave, (0, 1), title="Steps"), folder / "steps.png")
        plot.save(plot.approximation(straight, wave, (0, 1), title="Rectifiers"), folder / "rectifiers.png")


def hills(p: np.ndarray) -> np.ndarray:
    return np.sin(3 * p[:, 0]) * np.cos(2 * p[:, 1])


print("\ntwo inputs: hidden units, off by (boxes, two hidden layers; ridges, one)")
points = np.random.default_rng(0).uniform(0, 1, (5000, 2))
boxes_off = []
for units in (30, 120, 480):
    networks = [build(hills, [(0, 1), (0, 1)], units) for build in (construct.approximate_nd, construct.ridges)]
    answers = [network(ff.tensor(points, dtype=ff.float32)).numpy().ravel() for network in networks]
    boxes, ridges = (np.abs(answer - hills(points)).max() for answer in answers)
    print(f"{units:4d}  {boxes:.4f}  {ridges:.4f}")
    boxes_off.append(boxes)
    assert boxes <= 1.02 * networks[0].about.error
assert boxes_off[0] > 1.5 * boxes_off[1] > 2.25 * boxes_off[2]

# ---------------------------------------------------------------- by training

print("\none hidden layer of 20 tanh units, trained on 256 points")
reached = []
target = wave(np.linspace(0, 1, 256))[:, None].astype(np.float32)
inputs = np.linspace(0, 1, 256)[:, None].astype(np.float32)
for seed in range(4):
    ff.manual_seed(seed)
    network = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1))
    trainer = ff.Trainer(network, "mse", ff.optim.Adam(network.parameters(), lr=0.01), seed=seed)
    trainer.fit(inputs, target, epochs=600, batch_size=32, progress=False)
    reached.append(worst(network))
print("off by", ", ".join(f"{value:.4f}" for value in reached), "from four starts")
assert min(reached) < 0.1, "21 units by training do what takes 22 steps"
assert max(reached) > 0.005, "and nothing says how near they come"

# ---------------------------------------------------------------- sigmoids without end

n = 60
shifts = np.arange(1, n + 1) - 0.5
z = np.linspace(-10, 10, 401)
total = (1 / (1 + np.exp(-(z[:, None] - shifts)))).sum(axis=1)
softplus = nn.Softplus()(ff.tensor(z)).numpy()
off = float(np.abs(total - softplus).max())
print(f"\nsigma(x - 1/2) + sigma(x - 3/2) + ... differs from log(1 + e^x) by {off:.4f} at most")
assert off < 0.0107
