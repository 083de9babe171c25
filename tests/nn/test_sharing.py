"""Weights used in several places: one layer twice, an encoder whose matrix decodes, and what is counted and saved."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn


def test_RG21_the_gradient_of_a_layer_used_twice_is_the_sum_over_its_uses() -> None:
    ff.manual_seed(0)
    layer, x = nn.Linear(3, 3).double(), ff.randn(5, 3, dtype=ff.float64)
    shared = nn.Sequential(layer, nn.Tanh(), layer)
    assert shared.count_parameters() == 12 and len(list(shared.parameters())) == 2
    shared(x).sum().backward()
    first, second = (nn.Linear(3, 3).double() for _ in range(2))
    for copy in (first, second):
        copy.load_state_dict(layer.state_dict())
    nn.Sequential(first, nn.Tanh(), second)(x).sum().backward()
    assert first.weight.grad is not None and second.weight.grad is not None
    expected = first.weight.grad + second.weight.grad
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected.numpy(), rtol=1e-13)
    assert not ff.allclose(first.weight.grad, second.weight.grad)


def test_RG21_shared_weights_stay_one_in_training_and_in_files(tmp_path: Any) -> None:
    ff.manual_seed(0)
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 1))
    x = np.random.default_rng(0).standard_normal((60, 4)).astype("float32")
    ff.Trainer(model, "mse", "adam").fit(x, x[:, :1] * x[:, 1:2], epochs=3, progress=False)
    assert model[0] is model[2] and model.count_parameters() == 25
    ff.save(model, tmp_path / "shared.safetensors")
    loaded = ff.load(tmp_path / "shared.safetensors")
    assert loaded[0] is loaded[2] and ff.equal(loaded(ff.from_numpy(x)), model(ff.from_numpy(x)))


def autoencoder() -> Any:
    ff.manual_seed(0)
    encoder = nn.Linear(8, 3)
    return nn.Sequential(encoder, nn.Tanh(), nn.TransposedLinear.tied_to(encoder))


def test_a_tied_decoder_uses_the_matrix_of_the_encoder_the_other_way_round() -> None:
    model, x = autoencoder(), ff.randn(5, 8)
    encoder, decoder = model[0], model[2]
    assert decoder.weight is encoder.weight and tuple(decoder.weight.shape) == (3, 8)
    code = np.tanh(x.numpy() @ encoder.weight.detach().numpy().T + encoder.bias.detach().numpy())
    expected = code @ encoder.weight.detach().numpy() + decoder.bias.detach().numpy()
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert model.count_parameters() == 8 * 3 + 3 + 8 and model.depth == 2
    table = model.summary(8)
    assert [(row.type, row.parameters) for row in table.rows] == [("Linear", 27), ("Tanh", 0), ("TransposedLinear", 8)]
    assert nn.TransposedLinear.tied_to(encoder, bias=False).bias is None


@pytest.mark.parametrize("is_compiled", [True, False])
def test_a_tied_autoencoder_learns_with_one_matrix(is_compiled: bool, tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((200, 3)) @ rng.standard_normal((3, 8)) * 0.3).astype("float32")
    model = autoencoder()
    trainer = ff.Trainer(model, "mse", ff.optim.Adam(model.parameters(), lr=0.01), compile=is_compiled)
    history = trainer.fit(x, x, epochs=60, progress=False)
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    assert model[2].weight is model[0].weight
    description = json.loads(json.dumps(nn.architecture(model)))
    assert description["tied"] == {"2.weight": "0.weight"}
    ff.save(model, tmp_path / "tied.safetensors")
    loaded = ff.load(tmp_path / "tied.safetensors")
    assert loaded[2].weight is loaded[0].weight
    np.testing.assert_array_equal(loaded(ff.from_numpy(x)).detach().numpy(), model(ff.from_numpy(x)).detach().numpy())


def test_a_transposed_layer_of_its_own() -> None:
    ff.manual_seed(0)
    layer = nn.TransposedLinear(100, 20)
    # uniform within 1 / sqrt(inputs), 2000 draws
    assert 0.099 < layer.weight.abs().max().item() <= 0.1 and tuple(layer.weight.shape) == (100, 20)
    x = ff.randn(7, 100)
    same = nn.Linear(100, 20)
    same.load_state_dict({"weight": layer.weight.T, "bias": layer.bias})
    np.testing.assert_allclose(layer(x).detach().numpy(), same(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"TransposedLinear\(100, 20\): x has shape \(5, 20\), expected \(..., 100\)"):
        layer(ff.zeros(5, 20))
    with pytest.raises(ValueError, match=r"TransposedLinear: in_features is -1, expected a whole number >= 0"):
        nn.TransposedLinear(-1, 2)
