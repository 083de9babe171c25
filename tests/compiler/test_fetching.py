"""What an epilogue reads is asked for before the products are summed, where that takes long enough."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.compiler import products

WRITTEN = "i32 1, i32 3, i32 1)"  # the last operands of a fetch of what will be written


@pytest.mark.parametrize(("rows", "is_fetched"), [(products.FAR, True), (products.FAR - 1, False)])
def test_states_are_fetched_beside_long_sums(rows: int, is_fetched: bool) -> None:
    """The gradient of a weight is a sum over the rows of the batch; the epilogue of plain descent reads the weight."""
    model = nn.Linear(20, 40)
    trainer = ff.Trainer(model, "mse", "sgd", threads=1)
    X = np.ones((rows, 20), np.float32)
    trainer.fit(X, np.ones((rows, 40), np.float32), epochs=1, batch_size=rows, progress=False)
    native = trainer._last_program._program(rows)[1]
    code = native._emitted()
    assert (WRITTEN in code) == is_fetched
