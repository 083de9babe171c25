"""What a trained network looks at: contributions of pixels to one answer, and the features that it cannot do without.

Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import explain, nn, plot
from forwardnet.data import Standardizer, train_validation_test

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

# Handwritten digits: which pixels speak for the class that was found? The baseline is an empty image.
digits = ff.datasets.load("digits")
ff.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
trainer = ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=0.005), metrics=["accuracy"])
trainer.fit(digits.X[:1400], digits.y[:1400], epochs=20, progress=False)
rows, labels = digits.X[1400:], digits.y[1400:]
print(f"accuracy on new digits: {trainer.evaluate(rows, labels)['accuracy']:.3f}")

answers = trainer.predict(rows).argmax(axis=1)
found = explain.integrated_gradients(model, rows, target=answers, baseline=0.0, names=digits.feature_names)
print(found.summary())
first = int(np.argmax(answers == labels))
print(found.summary(first))
plot.save(
    plot.attribution(found, row=first, shape=(8, 8), title=f"What speaks for a {answers[first]}"), folder / "pixels.png"
)
# Completeness: the contributions of a row add up to its output less that of the baseline.
assert np.abs(found.gap).max() < 1e-9
# Pixels that are off are the same as in the baseline, and contribute nothing.
assert np.abs(found.values[rows == 0]).max() == 0
# Taking away the three pixels that speak most lowers the score by more than taking away three at random.
top = np.argsort(-found.values, axis=1)[:, :3]
chance = np.argsort(np.where(rows > 0, np.random.default_rng(0).random(rows.shape), -1), axis=1)[:, -3:]
falls = []
for chosen in (top, chance):
    changed = rows.copy()
    np.put_along_axis(changed, chosen, 0.0, axis=1)
    before, after = (trainer.predict(x)[np.arange(len(x)), answers] for x in (rows, changed))
    falls.append(float((before - after).mean()))
print(f"the score falls by {falls[0]:.2f} without the three strongest pixels, by {falls[1]:.2f} without three others")
assert falls[0] > 1.5 * falls[1]

# Tumours: which measurements does the network rely on? Shuffle one at a time on rows that it has not seen.
data = ff.datasets.load("breast-cancer")
noise = np.random.default_rng(0).normal(size=(len(data.X), 2))
X, names = np.concatenate([data.X, noise], axis=1), (*data.feature_names, "noise 1", "noise 2")
train, _, test = train_validation_test(len(X), validation=0.0, test=0.4, stratify=data.y, seed=0)
scaler = Standardizer().fit(X[train])
ff.manual_seed(0)
classifier = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
trainer = ff.Trainer(classifier, "cross_entropy", ff.optim.Adam(classifier.parameters(), lr=0.01, weight_decay=1e-3))
trainer.fit(scaler.transform(X[train]), data.y[train], epochs=30, progress=False)
importance = explain.permutation_importance(
    classifier, "cross_entropy", scaler.transform(X[test]), data.y[test], names=names, repeats=10
)
print(importance.summary())
plot.save(plot.importance(importance), folder / "importance.png")
means = dict(zip(names, importance.mean, strict=True))
assert max(means["noise 1"], means["noise 2"]) < 0.3 * importance.mean.max()
assert importance.is_used.sum() >= 3
print(f"pictures: {folder}")
