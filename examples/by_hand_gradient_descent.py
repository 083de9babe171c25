"""Gradient descent by hand: fits w x^2 + b to a hundred noisy points of 3 x^2 + 2.

Nothing but tensors and automatic differentiation: leaves that require a gradient, `backward`, and an update inside
`no_grad`. The noise is 0.2 times a number from 0 to 1, never negative, so the best b is near 2.1 and not 2.
"""

from __future__ import annotations

import numpy as np

import forwardnet as ff

STEPS = 800
LEARNING_RATE = 1e-3

# PyTorch's own random numbers, so that every figure below is the one that PyTorch gives for this program.
ff.manual_seed(100, algorithm="torch")
x = ff.unsqueeze(ff.linspace(-1, 1, 100), dim=1)
y = 3 * x.pow(2) + 2 + 0.2 * ff.rand(x.size())
w = ff.randn(1, 1, requires_grad=True)
b = ff.zeros(1, 1, requires_grad=True)

losses = []
for _ in range(STEPS):
    prediction = x.pow(2).mm(w) + b
    loss = 0.5 * ((prediction - y) ** 2).sum()
    loss.backward()
    with ff.no_grad():
        w -= LEARNING_RATE * w.grad
        b -= LEARNING_RATE * b.grad
        w.grad.zero_()
        b.grad.zero_()
    losses.append(loss.item())

# Least squares find the same curve without a single step, and the curvature says which learning rates would diverge.
columns = np.column_stack([x.numpy().ravel() ** 2, np.ones(len(x))])
exact_w, exact_b = np.linalg.lstsq(columns, y.numpy().ravel(), rcond=None)[0]
largest_rate = 2 / np.linalg.eigvalsh(columns.T @ columns).max()

print(f"loss              {losses[0]:.3f} -> {losses[-1]:.6f}")
print(f"gradient descent  w = {w.item():.6f}, b = {b.item():.6f}")
print(f"least squares     w = {exact_w:.6f}, b = {exact_b:.6f}")
print(f"learning rate     {LEARNING_RATE}, stable below {largest_rate:.5f}")

# Sums of a hundred float32 numbers end in other last digits on other processors: 1e-5 leaves room for that.
assert abs(losses[0] - 496.494) < 496.494 * 1e-5
assert abs(losses[-1] - 0.166795) < 1e-5
assert abs(w.item() - 2.964514) < 1e-5
assert abs(b.item() - 2.114641) < 1e-5
# 800 steps stop just short of the minimum.
assert abs(w.item() - exact_w) < 3e-3
assert abs(b.item() - exact_b) < 1e-3
assert abs(largest_rate - 0.01776) < 1e-5
