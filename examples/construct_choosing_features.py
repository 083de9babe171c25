"""Three ways to features: near to examples, made by hand, and learnt.

A linear model cannot let its inputs interact; features phi(x) before it can. Here the class is the sign of x1 x2, and
four more inputs mean nothing. Features that say how near a point is to the training points have room for anything, and
know nothing between them. The product made by hand is all that is needed, and the fit stays convex. A hidden layer
finds features by itself, for which convexity is given up.
"""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import construct, nn

rng = np.random.default_rng(0)
X, X_test = rng.uniform(-1, 1, (600, 6)), rng.uniform(-1, 1, (4000, 6))
y, y_test = ((data[:, 0] * data[:, 1] > 0).astype(float) for data in (X, X_test))


def linear_on(phi: np.ndarray, phi_test: np.ndarray) -> tuple[float, float]:
    """Share of right answers, on the training and the test points, of least squares on features."""
    fit = construct.fit_linear(phi, y)
    return tuple(
        float(np.mean((features @ fit.weights + fit.bias > 0.5) == classes))
        for features, classes in ((phi, y), (phi_test, y_test))
    )


ff.manual_seed(0)
network = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = ff.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.1)
trainer = ff.Trainer(network, "bce_with_logits", optimizer, seed=0)
trainer.fit(X.astype(np.float32), y[:, None].astype(np.float32), epochs=150, batch_size=50, progress=False)


def learnt(data: np.ndarray, classes: np.ndarray) -> float:
    """Share of right answers of the network."""
    with ff.no_grad():
        return float(np.mean((network(ff.tensor(data, dtype=ff.float32)).numpy().ravel() > 0) == classes))


products, products_test = (construct.polynomial_features(data, interactions_only=True) for data in (X, X_test))
assert np.array_equal(products[:, 6], X[:, 0] * X[:, 1]), "after the six inputs themselves"

scores = {
    "no features": linear_on(X, X_test),
    "600 bumps": linear_on(construct.rbf_features(X, X, 0.5), construct.rbf_features(X_test, X, 0.5)),
    "21 products": linear_on(products, products_test),
    "x1 x2 by hand": linear_on(products[:, [6]], products_test[:, [6]]),
    "32 learnt": (learnt(X, y), learnt(X_test, y_test)),
}
print(f"{'features':18s} training    test")
for name, (training, test) in scores.items():
    print(f"{name:18s} {100 * training:6.1f} %  {100 * test:5.1f} %")

assert scores["no features"][1] < 0.6, "a plane through the origin does no better than chance"
assert scores["600 bumps"][0] == 1, "enough room for every training point"
assert scores["600 bumps"][1] < scores["32 learnt"][1] - 0.05, "and little between them"
assert scores["32 learnt"][1] > 0.85
assert scores["x1 x2 by hand"][1] > 0.95, "one number is enough for who knows which"
assert scores["21 products"][1] > scores["no features"][1] + 0.3
