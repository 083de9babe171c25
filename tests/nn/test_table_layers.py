"""Layers of networks for tables: each against its formula in NumPy, its starting values, its misuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.autograd import gradcheck
from forwardnet.nn.numeric_embedding import quantile_edges

X = np.random.default_rng(0).normal(size=(5, 3))


def value(layer: nn.Module, x: Any = X) -> Any:
    return layer.double()(ff.tensor(x)).detach().numpy()


def held(layer: nn.Module) -> dict[str, Any]:
    """Weights and buffers by name."""
    return {name: t.numpy() for name, t in layer.state_dict().items()}


def close(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)  # float64, sums of a few numbers


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "ntk": lambda: nn.NTKLinear(3, 4),
    "scale": lambda: nn.Scale(3),
    "activation": lambda: nn.ParametricActivation("selu", 3),
    "pbld": lambda: nn.PBLDEmbeddings(3, 5),
    "plr": lambda: nn.PeriodicEmbeddings(3, 4, 5, 0.3),
    "lite": lambda: nn.PeriodicEmbeddings(3, 4, 5, 0.3, lite=True),
    "ple": lambda: nn.PiecewiseLinearEmbeddings(3, 4, 5),  # one bin from 0 to 1, which goes on to both sides
    "members": lambda: nn.Sequential(
        nn.EnsembleView(2), nn.LinearBatchEnsemble(3, 4, k=2, start="normal"), nn.LinearEnsemble(4, 2, k=2)
    ),
    "scales": lambda: nn.ScaleEnsemble(3, 2, "normal"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives_by_inputs_and_weights(name: str) -> None:
    ff.manual_seed(1)
    layer = LAYERS[name]().double()
    for p in layer.parameters():  # weights that start alike or at 0 would hide a derivative
        nn.init.normal_(p)
    places = [(module, name) for module in layer.modules() for name in module._parameters]

    def applied(x: Any, *values: Any) -> Any:
        for (module, own), p in zip(places, values, strict=True):
            module._parameters[own] = p
        return layer(x)

    assert gradcheck(applied, (ff.tensor(X).requires_grad_(), *layer.parameters()))


def test_ntk_linear() -> None:
    layer = nn.NTKLinear(3, 400)
    w = held(layer.double())
    close(value(layer), X @ w["weight"].T / np.sqrt(3) + w["bias"])
    assert abs(w["weight"].std() - 1) < 0.1 and abs(w["bias"].std() - 1) < 0.15  # 1200 and 400 draws
    assert nn.NTKLinear(3, 2, bias=False).bias is None and nn.NTKLinear(0, 2)(ff.zeros(1, 0)).shape == (1, 2)


def test_scale_and_activation_begin_as_nothing_and_as_themselves() -> None:
    close(value(nn.Scale(3)), X)
    layer = nn.ParametricActivation("mish", 3)
    close(value(layer), ff.nn.functional.mish(ff.tensor(X)).numpy())
    with ff.no_grad():
        layer.weight.copy_(ff.tensor([0.0, 1.0, 0.5]))
    mish = ff.nn.functional.mish(ff.tensor(X)).numpy()
    close(value(layer), X + (mish - X) * [0.0, 1.0, 0.5])
    with pytest.raises(ValueError, match=r"Scale\(3\): x has shape \(5, 2\), expected \(\.\.\., 3\)"):
        nn.Scale(3)(ff.zeros(5, 2))
    with pytest.raises(ValueError, match=r"unknown activation 'mih'.*\nhint: did you mean 'mish'"):
        nn.ParametricActivation("mih", 3)
    with pytest.raises(ValueError, match="softmax works along an axis"):
        nn.ParametricActivation("softmax", 3)


def test_pbld() -> None:
    ff.manual_seed(0)
    layer = nn.PBLDEmbeddings(3, 16)
    y = value(layer)
    w = held(layer)
    for i in range(3):
        waves = np.cos(2 * np.pi * X[:, i, None] * w["frequencies"][i] + w["phases"][i])
        close(y[:, 4 * i : 4 * i + 3], waves @ w["weight"][i] + w["bias"][i])
        close(y[:, 4 * i + 3], X[:, i])
    wide = held(nn.PBLDEmbeddings(400, 16, frequency_init_scale=0.1))
    assert abs(wide["frequencies"].std() - 0.1) < 0.005  # 6400 draws
    assert np.abs(wide["phases"]).max() <= np.pi and np.abs(wide["weight"]).max() <= 0.25
    assert nn.PBLDEmbeddings(3, flatten=False)(ff.zeros(5, 3)).shape == (5, 3, 4)


@pytest.mark.parametrize("lite", [False, True])
def test_periodic_embeddings(lite: bool) -> None:
    layer = nn.PeriodicEmbeddings(3, 4, 6, 0.5, lite=lite, flatten=False)
    y, w = value(layer), held(layer)
    for i in range(3):
        angles = 2 * np.pi * X[:, i, None] * w["frequencies"][i]
        W, c = (w["weight"], w["bias"]) if lite else (w["weight"][i], w["bias"][i])
        close(y[:, i], np.maximum(np.concatenate([np.cos(angles), np.sin(angles)], 1) @ W + c, 0))
    assert np.abs(w["frequencies"]).max() <= 1.5  # three deviations
    linear = nn.PeriodicEmbeddings(3, 4, 6, activation=False)
    assert (value(linear) < 0).any() and tuple(linear(ff.zeros(5, 3).double()).shape) == (5, 12)


def test_piecewise_linear_embeddings() -> None:
    layer = nn.PiecewiseLinearEmbeddings(3, 4, 2).double()
    column = np.array([0.0, 0, 0, 0, 0, 0, 1, 2, 4, 8])
    layer.fit_bins(np.column_stack([np.arange(10.0), column, np.full(10, 7.0)]))
    probe = np.array([[-3.0, -1, 7], [4.5, 1.5, 9], [20, 100, 0]])
    code = layer.encode(ff.tensor(probe)).numpy()
    close(code[0], [[-3 / 2.25, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 13.25 / 2.25]])  # edges 0, 2.25, 4.5, 6.75, 9
    close(quantile_edges(column, 4), [0, 1.75, 8])  # three quantiles are 0
    close(code[1], [[-1 / 1.75, 0, 0, 0], [1.5 / 1.75, 0, 0, 0], [1, 98.25 / 6.25, 0, 0]])
    assert (code[2] == 0).all()  # one value has no bins
    w = held(layer)
    assert (w["bin_weight"] == 0).all()
    close(value(layer, probe).reshape(3, 3, 2), probe[:, :, None] * w["weight"] + w["bias"])
    with ff.no_grad():
        nn.init.normal_(layer.bin_weight)
    added = np.einsum("ibt,itm->bim", code, held(layer)["bin_weight"])
    close(value(layer, probe).reshape(3, 3, 2), probe[:, :, None] * w["weight"] + w["bias"] + added)


def test_bins_of_hardly_any_width_are_none() -> None:
    """A bin from x to the next float would make 1e7 of a difference that means nothing."""
    near = np.nextafter(np.float32(1), np.float32(2), dtype=np.float32)
    edges = quantile_edges(np.array([0, 1, near, 2], np.float32), 3)
    close(edges, [0, 1, 2])


def test_columns_and_codes() -> None:
    x = ff.tensor([[1.0, 2.0, 0.0, 4.0], [3.0, 4.0, 2.0, 1.0]])
    assert nn.Columns([1, 0])(x).tolist() == [[2, 1], [4, 3]]
    assert nn.Columns([1, 2])(x).tolist() == [[2, 0], [4, 2]] and nn.Columns([0, 1, 2, 3])(x) is x
    layer = nn.CategoryEmbedding([3, 5], 4)
    table = held(layer)["weight"]
    y = layer(nn.Columns([2, 3])(x)).detach().numpy()
    assert (y == np.stack([[*table[0], *table[3 + 4]], [*table[2], *table[3 + 1]]])).all()
    heads = nn.Heads(numbers=nn.Columns([0, 1]), codes=nn.Sequential(nn.Columns([2, 3]), layer))
    assert heads(x).shape == (2, 10) and heads(x)[:, :2].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\), expected \(\.\.\., 2\) codes"):
        layer(x)
    with pytest.raises(ValueError, match="expected at least 6 columns"):
        nn.Columns([5])(x)
    with pytest.raises(ValueError, match="-1 is no number of a column"):
        nn.Columns([-1])


def test_members_are_layers_side_by_side() -> None:
    ff.manual_seed(0)
    shared = nn.LinearBatchEnsemble(3, 4, k=2, start="random_signs")
    own = nn.LinearEnsemble(4, 2, k=2)
    net = nn.Sequential(nn.EnsembleView(2), shared, own).double()
    y, w, v = value(net), held(shared), held(own)
    for j in range(2):
        z = ((X * w["r"][j]) @ w["weight"].T) * w["s"][j] + w["bias"][j]
        close(y[:, j], z @ v["weight"][j] + v["bias"][j])
    assert set(np.unique(w["r"])) == {-1, 1} and (w["s"] == 1).all()
    assert (w["bias"][0] == w["bias"][1]).all() and (v["bias"][0] != v["bias"][1]).any()
    with pytest.raises(ValueError, match=r"expected \(batch, 2, 3\)\nhint: put nn.EnsembleView\(2\) in front"):
        shared(ff.tensor(X))


def test_what_is_made_of_one_feature_starts_with_one_number() -> None:
    weight = held(nn.ScaleEnsemble(6, 50, "normal", chunks=[0, 0, 1, 2, 2, 2]))["weight"]
    assert (weight[:, 0] == weight[:, 1]).all() and (weight[:, 3:] == weight[:, 3:4]).all()
    assert len(np.unique(weight)) == 150 and abs(weight.std() - 1) < 0.25  # 150 draws
    first = held(nn.LinearBatchEnsemble(3, 2, k=4, start="normal", chunks=[0, 0, 1]))["r"]
    assert (first[:, 0] == first[:, 1]).all() and (first[:, 1] != first[:, 2]).any()
    assert (held(nn.LinearBatchEnsemble(3, 2, k=4))["r"] == 1).all()
    with pytest.raises(ValueError, match="chunks has 2 numbers, expected 3"):
        nn.ScaleEnsemble(3, 2, "normal", chunks=[0, 1])
    with pytest.raises(ValueError, match=r"unknown start of scales 'norml'"):
        nn.ScaleEnsemble(3, 2, "norml")


def test_members_answer_together_in_evaluation_only() -> None:
    x = ff.randn(5, 3, 2)
    p = x.softmax(2).mean(1)
    mean = nn.MemberMean("logits")
    assert mean(x) is x
    np.testing.assert_allclose(mean.eval()(x).softmax(1).numpy(), p.numpy(), rtol=1e-5)  # float32
    np.testing.assert_allclose(mean(x).exp().sum(1).numpy(), 1.0, rtol=1e-5)
    assert ff.allclose(nn.MemberMean().eval()(x), x.mean(1))
    huge = ff.tensor([[[1e4, 0.0], [0.0, 1e4]]])  # probabilities 1 and 0: their mean is half
    np.testing.assert_allclose(mean(huge).softmax(1).numpy(), [[0.5, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loss_is_the_mean_of_the_members_losses(reduction: str) -> None:
    output, y, target = ff.randn(5, 3, 4), ff.tensor([0, 3, 1, 1, 2]), ff.randn(5, 4)
    cases: list[tuple[Any, Any, Any]] = [
        (nn.MemberCrossEntropyLoss, nn.CrossEntropyLoss, y),
        (nn.MemberMSELoss, nn.MSELoss, target),
    ]
    for kind, plain, wanted in cases:
        each = [plain(reduction=reduction)(output[:, j], wanted).numpy() for j in range(3)]
        got = kind(reduction=reduction)(output, wanted).numpy()
        if reduction == "none":
            got = got.reshape(5, 3, -1).mean(1)
            each = [e.reshape(5, -1) for e in each]
        np.testing.assert_allclose(got, np.mean(each, axis=0), rtol=1e-5)
        assert ff.equal(kind()(output[:, 0], wanted), plain()(output[:, 0], wanted))  # a common answer


# ---------------------------------------------------------------- starting values that look at data


def spread(n: int = 500) -> Any:
    rng = np.random.default_rng(3)
    return (rng.normal(size=(n, 4)) * [0.1, 1, 5, 20] + [0, 3, -4, 0]).astype(np.float64)


def started(X: Any, **options: Any) -> Any:
    ff.manual_seed(5)
    net = nn.Sequential(nn.NTKLinear(4, 64), nn.SELU(), nn.Dropout(0.5), nn.Heads(a=nn.NTKLinear(64, 3))).double()
    return nn.init_from_data(net, X, **options)


def test_neurons_begin_with_deviation_one_among_the_data() -> None:
    X = spread()
    net = started(X)
    h = ff.tensor(X)
    for layer, before in ((net[0], h), (net[3][0], net[1](net[0](h)))):
        z = before.detach().numpy() @ layer.weight.detach().numpy().T * layer.factor
        np.testing.assert_allclose(z.std(0), 1, rtol=1e-12)
        bias = layer.bias.detach().numpy()
        assert ((-bias > z.min(0)) & (-bias < z.max(0))).all()
        # a mixture of five rows by Dirichlet(1) shares has variance 2 / 6 of one row's
        assert len(bias) == 3 or abs(((-bias - z.mean(0)) / z.std(0)).std() - (1 / 3) ** 0.5) < 0.15  # 64 neurons
    assert net.training
    again = started(X)
    assert all(ff.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))


def test_equal_rows_and_many_rows() -> None:
    same = started(np.ones((10, 4)))
    assert all(np.isfinite(p.detach().numpy()).all() for p in same.parameters())
    few = started(spread(5000), most_rows=1000)
    z = spread(5000) @ few[0].weight.detach().numpy().T * 0.5
    assert np.abs(z.std(0) - 1).max() < 0.15  # of 1000 rows: 2 % is the deviation, of 64 neurons the largest
    assert z.std(0).min() != 1


def test_a_row_of_weight_two_counts_twice_for_every_member() -> None:
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(12, 3)), draw.integers(0, 2, 12)
    found = []
    for rows, weight in ((np.arange(12), np.where(np.arange(12) < 4, 2.0, 1.0)), ([*range(12), *range(4)], None)):
        ff.manual_seed(0)
        model = nn.Sequential(nn.EnsembleView(2), nn.LinearEnsemble(3, 2, k=2), nn.MemberMean("logits"))
        trainer = ff.Trainer(
            model, nn.MemberCrossEntropyLoss(), ff.optim.SGD(model.parameters(), lr=0.1), precision="float64"
        )
        trainer.fit(X[rows], y[rows], epochs=3, batch_size=None, sample_weight=weight, progress=False)
        found.append(model[1].weight.detach().numpy())
    np.testing.assert_allclose(*found, rtol=1e-12)  # float64, sums in another order
