"""Outputs for many rows at once: the bits of each row are those it has alone."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn.architecture import LAYERS
from forwardnet.train import program

MODELS = {
    "dense": lambda: nn.Sequential(nn.Linear(5, 33), nn.ReLU(), nn.Dropout(0.5), nn.Linear(33, 7), nn.Tanh()),
    "nested": lambda: nn.Sequential(
        nn.GaussianNoise(0.1), nn.Sequential(nn.Linear(5, 16), nn.GELU()), nn.Linear(16, 1)
    ),
    "residual": lambda: nn.Sequential(
        nn.Residual(nn.LayerNorm(5), nn.Linear(5, 5), nn.AlphaDropout()), nn.TransposedLinear(5, 3), nn.SiLU(0.7)
    ),
    "columns": lambda: nn.Sequential(
        nn.Heads(
            waves=nn.Sequential(nn.Columns([3, 1]), nn.PBLDEmbeddings(2, 8, 4, 1.0)),
            angles=nn.Sequential(nn.Columns([2]), nn.PeriodicEmbeddings(1, 4, 3)),
            bends=nn.Sequential(nn.Columns([1, 2, 3]), bends()),
            code=nn.Sequential(nn.Columns([0]), nn.CategoryEmbedding([3], 2)),
        ),
        nn.Scale(26),
        nn.NTKLinear(26, 16),
        nn.ParametricActivation("mish", 16),
        nn.NTKLinear(16, 2),
    ),
}


def bends() -> nn.Module:
    made = nn.PiecewiseLinearEmbeddings(3, 6, 4)
    made.fit_bins(np.random.RandomState(1).randn(100, 3))
    nn.init.normal_(made.bin_weight)
    return made


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [1, 64, 127, 128, 200, 64 * 64 + 65])
def test_stacks_of_blocks_have_the_bits_of_blocks(name: str, n: int) -> None:
    model = MODELS[name]()
    X = np.random.RandomState(0).randn(n, 5).astype(np.float32)
    X[:, 0] = np.arange(n) % 3
    whole = n - n % 64 if n >= 128 else 0
    assert program._stacked_rows(model, X) == whole
    together = program.forward(model, X)
    rows = np.unique(np.linspace(0, n - 1, 9).astype(int))
    alone = np.concatenate([program.forward(model, X[i : i + 1]) for i in rows])
    assert together.shape == (n, {"dense": 7, "nested": 1, "residual": 3, "columns": 2}[name])
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


def test_every_layer_that_takes_stacks_is_among_these() -> None:
    used = {type(module) for make in MODELS.values() for module in make().modules()}
    claims = {
        kind for kind in LAYERS.values() if vars(kind).get("_takes_stacks") and not issubclass(kind, nn.Activation)
    }
    assert claims <= used


@pytest.mark.parametrize("name", sorted(nn.ACTIVATIONS))
def test_activations_say_whether_they_take_stacks(name: str) -> None:
    made = nn.ACTIVATIONS[name]().eval()
    assert made._is_stackable() == (made.formula.elementwise and not list(made.parameters()))
    if made._is_stackable():
        X = np.random.RandomState(0).randn(3 * 64, 5).astype(np.float32)
        alone = np.concatenate([made(ff.from_numpy(X[i : i + 64])).numpy() for i in range(0, len(X), 64)])
        assert made(ff.from_numpy(X.reshape(3, 64, 5))).numpy().tobytes() == alone.tobytes()


def test_layers_made_from_ours_say_it_themselves() -> None:
    class Centred(nn.Linear):
        def forward(self, x):
            return super().forward(x - x.mean(0))

    class Mine(nn.ReLU):
        pass

    assert nn.Linear(2, 2)._is_stackable() and not Centred(2, 2)._is_stackable() and not Mine()._is_stackable()
