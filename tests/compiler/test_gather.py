"""Rows of a mini-batch come to their places whatever their length, the batch, and the number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.compiler import transfer


def trained(features: int, batch: int, *, compile: bool, threads: int = 1) -> list[Any]:
    """The weights after two epochs over 70 rows."""
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(features, 5), nn.Tanh(), nn.Linear(5, 2))
    rng = np.random.default_rng(features)
    X, y = rng.standard_normal((70, features)), rng.standard_normal((70, 2))
    trainer = ff.Trainer(model, "mse", ff.optim.SGD(model.parameters(), lr=0.1), compile=compile, precision="float64")
    trainer.threads = threads
    trainer.fit(X, y, epochs=2, batch_size=batch, progress=False)
    return [p.detach().numpy().copy() for p in model.parameters()]


@pytest.mark.usefixtures("everything_shared")
@pytest.mark.parametrize("batch", [5, 16, 33])
@pytest.mark.parametrize("features", [1, 2, transfer.NARROW, transfer.NARROW + 1])
def test_rows_are_those_of_the_order(features: int, batch: int) -> None:
    """The oracle takes the rows by NumPy; float64 differs by rounding alone. The last batch is smaller."""
    expected = trained(features, batch, compile=False)
    found = trained(features, batch, compile=True)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)
    for mine, other in zip(trained(features, batch, compile=True, threads=2), found, strict=True):
        assert np.array_equal(mine, other)
