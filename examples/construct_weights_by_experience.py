"""One neuron that says which of two groups a person belongs to: weights by experience, and weights by training.

Without training a weight gets the sign of the correlation of its feature with the answer, and a size by how strong that
is. The output of a neuron with a sigmoid is a probability, and training it on the cross-entropy is logistic regression.
The rule of thumb counts twice what two features say alike; training does not.
"""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import construct, nn

rng = np.random.default_rng(4)
FEATURES = ("height", "weight", "shoes", "hair")


def people(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Height in cm, weight in kg, size of the shoes, length of the hair in cm; the group, 0 or 1, of each."""
    group = rng.integers(0, 2, n)
    height = 168 + 8 * group + 8 * rng.normal(size=n)
    weight = 0.9 * (height - 100) + 4 * rng.normal(size=n)  # these two say little that the height has not said
    shoes = 0.25 * height - 2 + 0.8 * rng.normal(size=n)
    hair = 30 - 14 * group + 8 * rng.normal(size=n)
    return np.column_stack([height, weight, shoes, hair]), group


X, y = people(300)
X_test, y_test = people(4000)


def accuracy(model: nn.Module, inputs: np.ndarray, groups: np.ndarray) -> float:
    """Share of the people whose group has the larger probability."""
    with ff.no_grad():
        return float(np.mean((model(ff.tensor(inputs, dtype=ff.float64)).numpy().ravel() > 0.5) == groups))


by_experience = construct.suggest_weights(X, y, dtype=ff.float64)

mean, std = X.mean(axis=0), X.std(axis=0)
model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()).double()
optimizer, loss_of = ff.optim.SGD(model.parameters(), lr=1.0, weight_decay=1e-3), nn.BCELoss()
inputs, target = ff.tensor((X - mean) / std), ff.tensor(y[:, None].astype(float))
for _ in range(500):
    optimizer.zero_grad()
    loss = loss_of(model(inputs), target)
    loss.backward()
    optimizer.step()

# The trained neuron for people as they are: the standardisation goes into its weights.
w = model[0].weight.detach().numpy().ravel() / std
trained = construct.neuron(w, float(model[0].bias.item() - w @ mean), "sigmoid", dtype=ff.float64)

chance = max(np.mean(y_test), 1 - np.mean(y_test))
scores = {"by experience": accuracy(by_experience, X_test, y_test), "trained": accuracy(trained, X_test, y_test)}
for name, neuron in (("by experience", by_experience), ("trained", trained)):
    strengths = neuron[0].weight.numpy().ravel() * std
    told = "  ".join(f"{feature} {strength:+.2f}" for feature, strength in zip(FEATURES, strengths, strict=True))
    print(f"{name:14s} {told}  {100 * scores[name]:.1f} % of {len(y_test)} are right")
print(f"{'chance':14s} {100 * chance:.1f} %")

signs = np.sign([np.corrcoef(X[:, i], y)[0, 1] for i in range(4)])
assert np.array_equal(np.sign(by_experience[0].weight.numpy().ravel()), signs)
assert signs.tolist() == [1, 1, 1, -1]
# The probabilities are those of logistic regression: their logarithmic odds are w . x + b.
odds = trained[0](ff.tensor(X_test)).numpy().ravel()
p = trained(ff.tensor(X_test)).numpy().ravel()
assert np.allclose(p, 1 / (1 + np.exp(-odds)), rtol=1e-12)
assert chance < 0.6 < scores["by experience"] < scores["trained"] - 0.02
