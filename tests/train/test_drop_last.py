"""Batches of one size only: what is left of an epoch is left out, other rows in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim


def trained(*, compile: bool, n: int = 23, **options: Any) -> ff.Trainer:
    ff.manual_seed(0)
    model = nn.Linear(2, 1)
    t = ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1), compile=compile, precision="float64")
    draw = np.random.default_rng(0)
    t.fit(draw.normal(size=(n, 2)), draw.normal(size=(n, 1)), epochs=3, progress=False, **options)
    return t


@pytest.mark.parametrize("compile", [True, False])
def test_whole_batches_only(compile: bool) -> None:
    kept, dropped = (trained(compile=compile, batch_size=5, drop_last=flag) for flag in (False, True))
    assert len(kept.history.steps["loss"]) == 15 and len(dropped.history.steps["loss"]) == 12
    # the mean of whole batches: none weighs less
    losses = dropped.history.steps["loss"].reshape(3, 4)
    np.testing.assert_allclose(dropped.history["loss"], losses.mean(1), rtol=1e-12)  # float64
    assert dropped.steps_done == 12


def test_fewer_rows_than_a_batch_are_one_batch() -> None:
    t = trained(compile=True, batch_size=64, drop_last=True)
    assert len(t.history.steps["loss"]) == 3
    same = trained(compile=True, batch_size=None)
    assert (t.model.weight.detach().numpy() == same.model.weight.detach().numpy()).all()


def test_rows_left_out_differ_from_epoch_to_epoch() -> None:
    from forwardnet.train.orders import Orders

    orders = Orders(23, 5, seed=0, shuffle=True, drop_last=True)
    left = [set(range(23)) - set(np.concatenate(list(orders(epoch))).tolist()) for epoch in (1, 2, 3)]
    assert all(len(rows) == 3 for rows in left) and len(set(map(frozenset, left))) == 3
