"""Exclusive or: a linear model cannot learn it, a hidden layer can."""

from __future__ import annotations

import forwardnet as ff
from forwardnet import nn

data = ff.datasets.load("xor")
X, y = ff.from_numpy(data.X), ff.from_numpy(data.y)


def right(model: nn.Module) -> int:
    """How many of the four rows have the larger score at the right class."""
    with ff.no_grad():
        return int((model(X).argmax(dim=1) == y).sum().item())


def learn(model: nn.Module, steps: int = 200) -> float:
    """Train on all four rows at once; the last loss."""
    loss_of, optimizer = nn.CrossEntropyLoss(), ff.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model(X), y)
        loss.backward()
        optimizer.step()
    return loss.item()


solved, tries = 0, 20
for seed in range(tries):
    ff.manual_seed(seed)
    network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    learn(network)
    solved += right(network) == 4

linear = nn.Linear(2, 2)
linear_loss = learn(linear)
print(f"a hidden layer of 8 tanh units: all four rows right in {solved} of {tries} trainings")
print(f"a linear model: {right(linear)} of 4 rows right, loss {linear_loss:.4f} (ln 2 = 0.6931)")

# No straight line has 01 and 10 on one side and 00 and 11 on the other: at most three rows can be right,
# and the least loss is that of answering one half to everything.
assert right(linear) <= 3
assert abs(linear_loss - 0.6931) < 1e-3
assert solved == tries
