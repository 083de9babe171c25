"""Too small, right, too large: training and validation error of networks by the number of their units.

A picture goes to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import nn, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
SIZES = (1, 2, 3, 5, 10, 40)


def rows(n: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """y = sin(5 x) + N(0, noise^2), x uniform in -1 .. 1."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, size=(n, 1))
    return x, np.sin(5 * x[:, 0]) + noise * rng.normal(size=n)


held = rows(500, 0.0, seed=100)
training, validation = [], []
for seed in range(3):
    X, y = rows(20, 0.3, seed)
    errors = []
    for size in SIZES:
        ff.manual_seed(seed)
        model = nn.Sequential(nn.Linear(1, size), nn.Tanh(), nn.Linear(size, 1))
        nn.init.normal_(model[0].weight, std=6.0)
        nn.init.normal_(model[0].bias, std=3.0)
        trainer = ff.Trainer(model, "mse", ff.optim.Adam(model.parameters(), lr=0.03))
        trainer.fit(X, y, epochs=1500, batch_size=20, progress=False)
        errors.append([trainer.evaluate(*data)["loss"] for data in ((X, y), held)])
    training.append([e[0] for e in errors])
    validation.append([e[1] for e in errors])

middle = [np.median(errors, axis=0) for errors in (training, validation)]
for size, learnt, new in zip(SIZES, *middle, strict=True):
    print(f"{size:3d} units: training error {learnt:.4f}, error on new rows {new:.4f}")
plot.save(plot.capacity(SIZES, training, validation, name="hidden units"), folder / "capacity.png")
best = int(np.argmin(middle[1]))
print(f"least error on new rows with {SIZES[best]} units; pictures: {folder}")
# More units always fit the rows that were learnt better, down to their noise and beyond; new rows they do not.
assert middle[0][-1] < 0.1 * middle[0][0]
assert 0 < best < len(SIZES) - 1
assert middle[1][-1] > 1.5 * middle[1][best] and middle[1][0] > 1.2 * middle[1][best]
