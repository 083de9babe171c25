"""Outputs for many rows at once: the bits of each row are those it has alone."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet import nn
from forwardnet.train import program

MODELS = {
    "dense": lambda: nn.Sequential(nn.Linear(5, 33), nn.ReLU(), nn.Dropout(0.5), nn.Linear(33, 7), nn.Tanh()),
    "nested": lambda: nn.Sequential(
        nn.GaussianNoise(0.1), nn.Sequential(nn.Linear(5, 16), nn.GELU()), nn.Linear(16, 1)
    ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [1, 64, 127, 128, 200, 64 * 64 + 65])
def test_stacks_of_blocks_have_the_bits_of_blocks(name: str, n: int) -> None:
    model = MODELS[name]()
    X = np.random.RandomState(0).randn(n, 5).astype(np.float32)
    together = program.forward(model, X)
    rows = np.unique(np.linspace(0, n - 1, 9).astype(int))
    alone = np.concatenate([program.forward(model, X[i : i + 1]) for i in rows])
    assert together.shape == (n, 7 if name == "dense" else 1)
    assert together[rows].tobytes() == alone.tobytes()


def test_what_looks_at_more_than_a_row_is_not_stacked() -> None:
    X = np.ones((200, 5), np.float32)
    plain = MODELS["dense"]()
    assert program._stacked_rows(plain, X) == 192
    for layer in (nn.BatchNorm1d(7), nn.PReLU(7), nn.Softmax(0), nn.Flatten()):
        assert program._stacked_rows(nn.Sequential(*plain, layer), X) == 0
    seen = []
    plain[0].register_forward_hook(lambda module, args, output: seen.append(output.ndim))
    program.forward(plain, X)
    assert set(seen) == {2}
