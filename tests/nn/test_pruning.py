"""Magnitude pruning: which weights are cut, that they stay cut through training, and the way back to plain layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import pruning


def network() -> Any:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 3))


def magnitudes(model: Any) -> Any:
    return np.concatenate([np.abs(model[i].weight.detach().numpy()).ravel() for i in (0, 2)])


def kept(model: Any) -> Any:
    return np.concatenate([model[i].mask.numpy().ravel() > 0 for i in (0, 2)])


def test_the_smallest_weights_of_all_layers_are_cut() -> None:
    model = network()
    before, biases = magnitudes(model), [model[i].bias.tolist() for i in (0, 2)]
    shares = pruning.prune(model, 0.75)
    assert (~kept(model)).sum() == 135 == round(0.75 * 180) and pruning.sparsity(model) == 0.75
    assert before[kept(model)].min() > before[~kept(model)].max()
    assert list(shares) == ["0", "2"] and shares["0"] * 120 + shares["2"] * 60 == pytest.approx(135)
    assert magnitudes(model)[~kept(model)].max() == 0
    np.testing.assert_array_equal(magnitudes(model)[kept(model)], before[kept(model)])
    assert [model[i].bias.tolist() for i in (0, 2)] == biases


def test_layer_by_layer_and_by_chance() -> None:
    model = network()
    assert pruning.prune(model, 0.5, scope="layer") == {"0": 0.5, "2": 0.5}
    other = network()
    before = magnitudes(other)
    pruning.prune(other, 0.5, by="random")
    assert (~kept(other)).sum() == 90
    # among 90 weights cut by chance some are larger than some that were kept
    assert before[~kept(other)].max() > before[kept(other)].min()
    excluded = network()
    assert list(pruning.prune(excluded, 0.5, exclude=["2"])) == ["0"] and type(excluded[2]) is nn.Linear


@pytest.mark.parametrize("by", ["magnitude", "random"])
def test_what_is_cut_stays_cut_when_more_is(by: str) -> None:
    model = network()
    pruning.prune(model, 0.3, by=by)
    first = kept(model)
    pruning.prune(model, 0.6, by=by)
    assert (~kept(model)).sum() == 108 and not (kept(model) & ~first).any()
    pruning.prune(model, 0.2, by=by)
    assert (~kept(model)).sum() == 108, "nothing grows back"
    pruning.prune(model, 1.0, by=by)
    assert not kept(model).any()
    x = ff.randn(4, 6)
    assert ff.equal(model(x), model[2].bias.expand(4, 3)), "only biases are left"


def data() -> Any:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 6)).astype("float32")
    return x, np.digitize(x[:, 0] * x[:, 1], [-0.5, 0.5])


@pytest.mark.parametrize("rule", ["adam", "sgd with momentum and decay"])
def test_weights_stay_zero_while_the_others_are_tuned(rule: str) -> None:
    """Compiled and eager, with an optimiser that was moving the weights before they were cut."""
    courses = []
    for is_compiled in (True, False):
        model = network()
        if rule == "adam":
            optimizer: Any = ff.optim.Adam(model.parameters(), lr=0.01)
        else:
            optimizer = ff.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
        trainer = ff.Trainer(model, "cross_entropy", optimizer, compile=is_compiled)
        trainer.fit(*data(), epochs=3, progress=False)
        parameters = list(model.parameters())
        pruning.prune(model, 0.7)
        assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True)), "the optimiser holds them"
        cut, before = ~kept(model), magnitudes(model)
        history = trainer.fit(*data(), epochs=5, progress=False)
        assert history["loss"][-1] < history["loss"][0]
        assert (~kept(model) == cut).all()
        pruning.finish(model)
        assert [type(layer) for layer in model] == [nn.Linear, nn.ReLU, nn.Linear]
        after = magnitudes(model)
        assert after[cut].max() == 0 and (after[~cut] != before[~cut]).all()
        courses.append(history.steps["loss"])
    np.testing.assert_allclose(*courses, rtol=1e-3)  # float32, 15 steps


def test_the_outputs_do_not_change_when_the_masks_are_written_into_the_weights() -> None:
    model, x = network(), ff.randn(9, 6)
    pruning.prune(model, 0.5)
    with ff.no_grad():
        for i in (0, 2):
            model[i].weight.add_(1.0)  # whatever lies under the mask has no effect
    expected = model(x)
    assert pruning.sparsity(model) == 0.5
    assert ff.equal(pruning.finish(model)(x), expected)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert pruning.sparsity(model) == 0.5
    pruning.finish(model)


def test_cut_weights_get_no_gradient_and_a_file_keeps_the_masks(tmp_path: Any) -> None:
    model, x = network(), ff.randn(9, 6)
    pruning.prune(model, 0.5)
    model(x).sum().backward()
    for i in (0, 2):
        assert (model[i].weight.grad.numpy()[model[i].mask.numpy() == 0] == 0).all()
    ff.save(model, tmp_path / "pruned.safetensors")
    loaded = ff.load(tmp_path / "pruned.safetensors")
    assert ff.equal(loaded(x), model(x)) and (kept(loaded) == kept(model)).all()
    assert "sparsity=0." in repr(loaded[0]) and type(loaded[0]) is nn.MaskedLinear


def test_shared_weights_share_their_mask() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    model = nn.Sequential(first, second, first)
    assert pruning.prune(model, 0.5) == {"0": 0.5}
    assert first.mask is second.mask and type(second) is nn.MaskedLinear
    encoder = nn.Linear(4, 3)
    tied = nn.Sequential(encoder, nn.TransposedLinear.tied_to(encoder), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"are those of a TransposedLinear as well.*\nhint: name the layer in exclude"):
        pruning.prune(tied, 0.5)
    assert pruning.prune(tied, 0.5, exclude=["0"]) == {"2": 0.5}


def test_gated_units_are_left_alone() -> None:
    model = nn.Sequential(nn.GLU(4, 4), nn.Linear(4, 2))
    assert list(pruning.prune(model, 0.5)) == ["1"]
    with pytest.raises(ValueError, match=r"GLU has no Linear layer to prune"):
        pruning.prune(nn.GLU(4, 4), 0.5)


def test_unusable_arguments() -> None:
    for options, said in (
        ({"amount": 1.5}, r"prune: amount is 1.5, expected a share from 0 to 1"),
        ({"amount": 0.5, "scope": "globl"}, r"unknown scope of pruning 'globl'\nhint: did you mean 'global'"),
        ({"amount": 0.5, "by": "size"}, r"unknown criterion of pruning 'size'"),
        ({"amount": 0.5, "exclude": ["1"]}, r"unknown layer to exclude from pruning, '1'\nhint: known: 0, 2"),
    ):
        model = network()
        with pytest.raises(ValueError, match=said):
            pruning.prune(model, **options)
        assert type(model[0]) is nn.Linear, "nothing has changed"
