"""A program for PyTorch that runs here: apart from where the data come from, only the import differs.

A class with two linear layers learns to tell the digits 0 to 9 apart in pictures of 8 x 8 pixels.
"""

from __future__ import annotations

import forwardnet as torch
from forwardnet import datasets, nn


class Net(nn.Module):
    """Pixels (B, 64) to one score for each digit (B, 10), through one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.relu(self.fc1(x)))


data = datasets.load("digits")
X = torch.from_numpy(data.X)
y = torch.from_numpy(data.y)

torch.manual_seed(0)
order = torch.randperm(len(X))
train, test = order[360:], order[:360]

model = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

for epoch in range(20):
    model.train()
    total = 0.0
    for rows in train[torch.randperm(len(train))].split(32):
        optimizer.zero_grad()
        loss = criterion(model(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1:2d}  loss {total / len(train):.4f}")

model.eval()
with torch.no_grad():
    predicted = model(X[test]).argmax(dim=1)
accuracy = (predicted == y[test]).float().mean().item()
print(f"{100 * accuracy:.1f} % of {len(test)} test pictures are read correctly")

# Ten other seeds gave 96.7 to 98.3 %; a wrong gradient or update stays far below 95 %.
assert accuracy >= 0.95
