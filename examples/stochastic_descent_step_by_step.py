"""Stochastic gradient descent in five steps, written out, and beside batches of all rows and of fifty.

1. begin with random weights; 2. take a random row; 3. compute the gradients from the last layer to the first;
4. move every weight a little against its gradient; 5. go to 2. The layers' gradients are written by hand and checked
against automatic differentiation.
"""

from __future__ import annotations

import numpy as np

import forwardnet as ff

RATE, HIDDEN = 0.05, 6
draw = np.random.default_rng(0)
X = draw.normal(size=(200, 2))
Y = np.sign(X[:, :1] * X[:, 1:])  # like signs: 1, unlike signs: -1


def begin() -> list[np.ndarray]:
    """Step 1: W (2, hidden), b (hidden), v (hidden, 1), c (1)."""
    random = np.random.default_rng(1)
    return [random.normal(size=(2, HIDDEN)), np.zeros(HIDDEN), random.normal(size=(HIDDEN, 1)), np.zeros(1)]


def loss_of(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    """Half the mean square of the error."""
    W, b, v, c = weights
    return float(0.5 * np.square(np.tanh(x @ W + b) @ v + c - y).mean())


def gradients(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Step 3: the error of the output goes back through v, then through tanh, whose slope is 1 - h^2."""
    W, b, v, c = weights
    h = np.tanh(x @ W + b)
    error = (h @ v + c - y) / len(x)  # dL/d(output)
    back = error @ v.T * (1 - h**2)  # dL/d(what goes into tanh)
    return [x.T @ back, back.sum(0), h.T @ error, error.sum(0)]


def train(batch: int, epochs: int, *, rate: float = RATE, trace: int = 0) -> tuple[list[np.ndarray], list[float]]:
    """Steps 2 to 5 with `batch` rows at a time in a new order each epoch; the weights and the loss after each epoch."""
    weights, order, losses = begin(), np.random.default_rng(2), []
    for epoch in range(epochs):
        rows = order.permutation(len(X))
        for step, start in enumerate(range(0, len(X), batch)):
            x, y = X[rows[start : start + batch]], Y[rows[start : start + batch]]
            for weight, gradient in zip(weights, gradients(weights, x, y), strict=True):
                weight -= rate * gradient  # step 4
            if epoch == 0 and step < trace:
                print(f"  step {step + 1}: row {rows[start]:3d}, loss of all rows {loss_of(weights, X, Y):.4f}")
        losses.append(loss_of(weights, X, Y))
    return weights, losses


W, b, v, c = (ff.tensor(w, requires_grad=True) for w in begin())
x, y = ff.tensor(X), ff.tensor(Y)
(0.5 * ((ff.tanh(x @ W + b) @ v + c - y) ** 2).mean()).backward()
for ours, theirs in zip(gradients(begin(), X, Y), (W, b, v, c), strict=True):
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-10)

print("one row at a time:")
_, one = train(1, 20, trace=5)
_, fifty = train(50, 20)
_, whole = train(200, 20)
for name, losses, updates in (("one row", one, 200), ("fifty rows", fifty, 4), ("all rows", whole, 1)):
    print(f"{name:>10} a step, {updates:3d} updates an epoch: loss {losses[0]:.3f} -> {losses[-1]:.4f}")

# One row may raise the loss of all of them; the whole gradient with a small rate never does.
weights, rises = begin(), 0
for row in np.random.default_rng(3).permutation(200):
    before = loss_of(weights, X, Y)
    for weight, gradient in zip(weights, gradients(weights, X[[row]], Y[[row]]), strict=True):
        weight -= RATE * gradient
    rises += loss_of(weights, X, Y) > before
print(f"{rises} of 200 steps of one row raised the loss of all rows; of the steps of all rows none did")

assert one[-1] < fifty[-1] < whole[-1]  # more updates from as many rows
assert (np.diff(whole) < 0).all() and 50 < rises < 150

# Redundancy: each row ten times over. One row at a time learns as much in a tenth of the epochs; all rows gain nothing.
target = one[9]
X, Y = np.repeat(X, 10, axis=0), np.repeat(Y, 10, axis=0)
_, repeated = train(1, 3)
_, repeated_whole = train(len(X), 20)
epochs = 1 + next(i for i, loss in enumerate(repeated) if loss <= target)
print(f"each row ten times over: {epochs} epochs of one row a step do what took 10; all rows are where they were")
assert epochs <= 2
np.testing.assert_allclose(repeated_whole, whole, rtol=1e-9)
