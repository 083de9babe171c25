"""Regions of the plane as networks of steps: what one, two and three layers can do, and what depth saves.

One layer is a half-plane, two an AND of half-planes, three an OR of those, which is any region. One hidden layer with a
sum after it can do it, too, with far more units, because each of its half-planes goes on for ever; that the sum of many
half-planes around a disc is nothing outside is often said, and wrong. Pictures go to the folder named on the command
line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import construct, nn, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
domain = ((-2.0, 2.0), (-2.0, 2.0))
places = np.random.default_rng(0).uniform(-2, 2, (40_000, 2)).astype(np.float32)


def values(network: nn.Module, points: np.ndarray) -> np.ndarray:
    """Outputs of a network of one output."""
    return network(ff.tensor(points, dtype=ff.float32)).numpy().ravel()


# ---------------------------------------------------------------- one, two and three layers

angle = np.pi * np.arange(10) / 5 + 0.3
pentagon = 1.4 * np.stack([np.cos(angle[::2]), np.sin(angle[::2])], axis=1)
radius = np.where(np.arange(10) % 2, 0.45, 1.1)
star = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + np.array([0.5, 0.5])
triangle = [(-1.7, -1.6), (-0.3, -1.6), (-1.0, -0.5)]
layers = {
    "one layer": construct.half_plane([1.0, 0.5], -0.2),
    "two layers": construct.polygon(pentagon),
    "three layers": construct.union([star, triangle]),
}
for name, network in layers.items():
    print(f"{name:13s} {network.about}")
plot.save(plot.region(list(layers.values()), domain, titles=list(layers)), folder / "layers.png")
assert [network.depth for network in layers.values()] == [1, 2, 3]

# ---------------------------------------------------------------- any shape, to a given accuracy


def heart(p: np.ndarray) -> np.ndarray:
    x, y = 0.8 * p[:, 0], 0.8 * p[:, 1]
    return (x**2 + y**2 - 1) ** 3 - x**2 * y**3 <= 0


print("\na heart       wrong on   units")
hearts = {}
for accuracy in (0.03, 0.003, 0.0003):
    network = construct.shape(heart, domain, accuracy=accuracy)
    wrong = float(np.mean((values(network, places) == 1) != heart(places)))
    print(f"to {accuracy:<9g} {wrong:10.5f} {network.about.size.units:7d}")
    hearts[f"{network.about.size.units} units"] = network
    assert wrong <= accuracy + 4 * (accuracy / len(places)) ** 0.5, "counted on other places than it was built on"
plot.save(plot.region(list(hearts.values()), domain, titles=list(hearts)), folder / "heart.png")

# ---------------------------------------------------------------- the same region with one hidden layer

wanted = values(layers["three layers"], places) == 1
print("\nstar and triangle         units   wrong on")
print(f"three layers              {layers['three layers'].about.size.units:5d}   0")
shallow_wrong = []
for units in (25, 100, 400):
    shallow = construct.ridges(lambda p: values(layers["three layers"], p), domain, units)
    shallow_wrong.append(float(np.mean((values(shallow, places) >= 0.5) != wanted)))
    print(f"one hidden layer          {units:5d}   {shallow_wrong[-1]:.4f}")
assert layers["three layers"].about.size.units < 35
assert shallow_wrong[0] > shallow_wrong[1] > shallow_wrong[2] > 0.005, "many times the units, and still not exact"

# ---------------------------------------------------------------- half-planes around a disc

counts = (4, 5, 6, 16)
cylinders: list[object] = [construct.cylinder((0.0, 0.0), 1.0, n) for n in counts]
cylinders.append(lambda p: np.where(np.hypot(*p.T) <= 1, 1.0, 2 / np.pi * np.arcsin(1 / np.maximum(1, np.hypot(*p.T)))))
titles = [*(f"N = {n}" for n in counts), "N without end"]
plot.save(plot.surface(cylinders, ((-3, 3), (-3, 3)), titles=titles), folder / "cylinders.png")
many = construct.cylinder((0.0, 0.0), 1.0, 1000, dtype=ff.float64)
print("\nhalf-planes around a disc of radius 1: the part of 1000 that fires at a distance r")
for r in (0.9, 1.5, 2.0, 5.0, 100.0):
    part = float(many[:2](ff.tensor([[r, 0.0]], dtype=ff.float64)).mean().item())
    expected = 1.0 if r < 1 else 1 - np.arccos(1 / r) / np.pi
    print(f"r = {r:5.1f}  {part:.3f}  (1 - arccos(1/r) / pi = {expected:.3f})")
    assert abs(part - expected) <= 2e-3

# Thin cylinders beside each other do not add up, because their tails do; with a step after each of them they do.
sums = {}
for k in (4, 8, 16):
    middles = (np.arange(k) + 0.5) / k
    parts = [construct.cylinder((a, b), 1 / (k * np.pi**0.5), 32) for a in middles for b in middles]
    sums[k * k] = sum(float(values(part, np.array([[0.51, 0.51]]))[0]) for part in parts)
told = ", ".join(f"{total:.1f} from {n}" for n, total in sums.items())
print(f"thin cylinders that cover a square once should add up to about 1 in it: {told}")
assert 2 < sums[16] < sums[64] < sums[256]
cut = construct.union([construct.cylinder((x, 0.0), 0.6, 48, cut=True) for x in (-1.0, 1.0)])
discs = np.hypot(np.abs(places[:, 0]) - 1, places[:, 1]) <= 0.6
assert np.mean((values(cut, places) == 1) != discs) < 1e-3
