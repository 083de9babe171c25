"""Newton's method, L-BFGS and gradient descent with the best step, beside Adam, on a small network and all its rows."""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import nn

draw = np.random.default_rng(0)
X = draw.uniform(-2, 2, size=(120, 1))
y = np.sin(2 * X) + 0.3 * X
EPOCHS = 40


def network() -> nn.Module:
    ff.manual_seed(1)
    return nn.Sequential(nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 1))


# On a quadratic, Newton is there after one step. Gradient descent zigzags, even with the best step each time.
H = ff.tensor([[101.0, 99.0], [99.0, 101.0]])  # curvatures 200 and 2
ends = {}
for name, steps in (("newton", 1), ("steepest_descent", 10), ("lbfgs", 2)):
    p = ff.tensor([1.01, -0.99], requires_grad=True)
    kind = ff.optim.OPTIMIZERS[name]
    optimizer = kind([p], **kind.usual)

    def closure(p=p, optimizer=optimizer) -> ff.Tensor:
        optimizer.zero_grad()
        loss = 0.5 * (p * (H @ p)).sum()
        if optimizer.asks == "closure":  # L-BFGS wants the gradients, the others take them themselves
            loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    ends[name] = closure().item()
    print(f"{name:>16}: loss {ends[name]:.2e} after {steps} steps on a quadratic")
assert ends["newton"] < 1e-8 and ends["lbfgs"] < 1e-6 and ends["steepest_descent"] > 0.5

losses = {}
for name in ("newton", "lbfgs", "steepest_descent", "adam"):
    trainer = ff.Trainer(network(), "mse", name, precision="float64")
    losses[name] = trainer.fit(X, y, epochs=EPOCHS, batch_size=None, progress=False)["loss"]
    steps = trainer.optimizer.state[next(trainer.model.parameters())]
    looks = steps.get("func_evals", EPOCHS)
    print(f"{name:>16}: loss {losses[name][0]:.4f} -> {losses[name][-1]:.2e} in {looks} looks at the loss")
assert losses["newton"][-1] < 1e-3 and losses["lbfgs"][-1] < 1e-4
assert losses["steepest_descent"][-1] > 30 * losses["lbfgs"][-1] and losses["adam"][-1] > 0.3

try:
    ff.optim.Newton(nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 10)).parameters())
    raise SystemExit("a Hessian of 1.58e11 entries was accepted")
except ff.errors.ArgumentError as error:
    print(f"and for digits of 784 pixels? {error.message}")
