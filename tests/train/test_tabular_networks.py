"""Networks for tables whose values have three axes: they train in native code, as they do eagerly.

Features with weights of their own, ensembles in one network, tables of categories: forward, backward and update. A fit
that falls back to eager warns, and warnings are errors here.

Axis glossary: n rows, d features, k frequencies, l dimensions, m members.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.compiler.fleet.program import Fleet
from forwardnet.nn import functional as F
from forwardnet.train.many import fit_many

N, D = 75, 5
CATEGORIES = (3, 7, 40)


class Frequencies(nn.Module):
    """cos(2 pi w x + b) of each feature, then a linear layer for each: (n, d) -> (d, n, k) -> (d, n, l) -> (n, d l)."""

    def __init__(self, k: int = 6, l: int = 3) -> None:  # noqa: E741 - the glossary's letter
        super().__init__()
        self.w, self.b = nn.Parameter(0.3 * ff.randn(D, 1, k)), nn.Parameter(math.pi * ff.rand(D, 1, k))
        self.W, self.c = nn.Parameter(ff.randn(D, k, l) / k**0.5), nn.Parameter(ff.zeros(D, 1, l))
        self.head = nn.Linear(D * l, 2)

    def forward(self, x: Any) -> Any:
        z = (2 * math.pi * self.w * x.t().unsqueeze(-1) + self.b).cos()
        return self.head((z @ self.W + self.c).relu().transpose(0, 1).flatten(1))


class Pieces(nn.Module):
    """The same with the batch first, by sums of products instead of products of matrices, and a norm for each."""

    def __init__(self, k: int = 4) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(ff.randn(D, k)), nn.Parameter(ff.randn(D, k))
        self.W = nn.Parameter(ff.randn(D, k, 2) / k)
        self.head = nn.Linear(2 * D, 2)

    def forward(self, x: Any) -> Any:
        z = ff.sigmoid(x[:, :, None] * self.w + self.b)
        z = z / z.norm(dim=2, keepdim=True)
        return self.head((z[..., None] * self.W).sum(2).reshape(len(x), -1))


class Members(nn.Module):
    """An ensemble: one matrix for all members, and for each of them scales before and behind it, and a head."""

    def __init__(self, m: int = 3, h: int = 8) -> None:
        super().__init__()
        self.m, self.first, self.second = m, nn.Linear(D, h, bias=False), nn.Linear(h, h, bias=False)
        self.r = nn.Parameter(ff.randn(m, D).sign())
        self.s, self.t = nn.Parameter(ff.ones(m, h)), nn.Parameter(ff.ones(m, h))
        self.b = nn.Parameter(0.1 * ff.randn(m, h))
        self.head = nn.Parameter(ff.randn(m, h, 2) / h**0.5)

    def forward(self, x: Any) -> Any:
        z = x.unsqueeze(1).expand(-1, self.m, -1) * self.r
        z = (self.first(z) * self.s + self.b).relu()
        z = (self.second(z) * self.t).relu()
        return (z.transpose(0, 1) @ self.head).transpose(0, 1)


def loss_of_members(output: Any, y: Any) -> Any:
    """The mean of the members' own losses."""
    n, m, _ = output.shape
    return F.cross_entropy(output.flatten(0, 1), y.unsqueeze(1).expand(n, m).reshape(-1))


class Categories(nn.Module):
    """The first columns are numbers of categories, each with a table of its own."""

    def __init__(self, l: int = 3) -> None:  # noqa: E741 - the glossary's letter
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(n, l) for n in CATEGORIES])
        self.head = nn.Sequential(nn.Linear(D + l * len(CATEGORIES), 9), nn.Tanh(), nn.Linear(9, 2))

    def forward(self, x: Any) -> Any:
        numbers = x[:, : len(CATEGORIES)].long()
        found = [table(numbers[:, i]) for i, table in enumerate(self.tables)]
        return self.head(ff.cat([x[:, len(CATEGORIES) :], *found], 1))


class OneTable(nn.Module):
    """All categories in one table, looked up at once: (n, 3) -> (n, 3, l); row 0 is not trained."""

    def __init__(self, l: int = 4) -> None:  # noqa: E741 - the glossary's letter
        super().__init__()
        self.table = nn.Embedding(sum(CATEGORIES), l, padding_idx=0)
        self.head = nn.Linear(l * len(CATEGORIES) + D, 2)

    def forward(self, x: Any) -> Any:
        starts = ff.tensor([0, *np.cumsum(CATEGORIES)[:-1].tolist()])
        found = self.table(x[:, : len(CATEGORIES)].long() + starts)
        return self.head(ff.cat([found.flatten(1), x[:, len(CATEGORIES) :]], 1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "frequencies": Frequencies,
    "pieces": Pieces,
    "members": Members,
    "categories": Categories,
    "one table": OneTable,
}


def data(name: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    if name in ("categories", "one table"):
        numbers = np.stack([rng.integers(0, n, N) for n in CATEGORIES], axis=1)
        X, y = np.concatenate([numbers, X], axis=1).astype(np.float32), (y + numbers[:, 1]) % 2
    return X, y


def trainer(name: str, *, compile: bool = True, seed: int = 0) -> Any:
    ff.manual_seed(seed)
    model = NETWORKS[name]()
    loss = loss_of_members if name == "members" else nn.CrossEntropyLoss()
    return ff.Trainer(model, loss, optim.AdamW(model.parameters(), lr=0.01), compile=compile, seed=seed)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_course_is_the_eager_one(name: str) -> None:
    X, y = data(name)
    courses, weights = [], []
    for compile in (True, False):
        t = trainer(name, compile=compile)
        courses.append(t.fit(X, y, epochs=6, batch_size=20, progress=False).steps["loss"])  # the last batch is smaller
        weights.append({k: v.numpy() for k, v in t.model.state_dict().items()})
    assert len(courses[0]) == 24 and courses[1][-1] < courses[1][0]
    # float32 over 24 steps of AdamW: sums in another order, and fused multiply-adds
    np.testing.assert_allclose(courses[0], courses[1], rtol=1e-3, atol=1e-5)
    for key, value in weights[1].items():
        np.testing.assert_allclose(weights[0][key], value, rtol=5e-3, atol=2e-4, err_msg=key)


@pytest.mark.parametrize("name", NETWORKS)
def test_sixteen_at_once_learn_what_each_learns_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One model in each lane: rows, and so the places in a table, differ from lane to lane."""
    X, y = data(name)
    rows = [np.delete(np.arange(N), [i, 2 * i + 1]) for i in range(5)]
    fleets: list[int] = []
    own = Fleet.run

    def counted(self: Fleet, *args: Any, **options: Any) -> Any:
        fleets.append(1)
        return own(self, *args, **options)

    monkeypatch.setattr(Fleet, "run", counted)
    together = [trainer(name, seed=i) for i in range(5)]
    fit_many(together, X, y, rows, epochs=3, batch_size=16, threads=1)
    assert fleets
    for i, t in enumerate(together):
        alone = trainer(name, seed=i)
        alone.fit(X[rows[i]], y[rows[i]], epochs=3, batch_size=16, progress=False)
        for key, value in alone.model.state_dict().items():
            got = t.model.state_dict()[key].numpy()
            np.testing.assert_allclose(got, value.numpy(), rtol=5e-3, atol=2e-4, err_msg=key)  # as above, 15 steps
