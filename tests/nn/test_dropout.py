"""Dropout in both forms and alpha dropout: values, means, and the network without them that they stand for."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F
from forwardnet.tensor.random import default_generator

N = 20_000
# the mean of N draws of probability p <= 1/2 lies within 5 standard deviations sqrt(p (1 - p) / N) of p
WITHIN = 5 * math.sqrt(0.25 / N)


def mask_of(layer: Any, n: int = N) -> Any:
    return layer(ff.ones(n)).numpy() != 0


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_RG11_each_unit_is_dropped_with_probability_p_and_anew_in_each_call(p: float) -> None:
    ff.manual_seed(0)
    layer = nn.Dropout(p)
    first, second = mask_of(layer), mask_of(layer)
    for mask in (first, second):
        assert mask.mean() == pytest.approx(1 - p, abs=WITHIN)
    # independent masks are both there with probability (1 - p)^2
    assert (first & second).mean() == pytest.approx((1 - p) ** 2, abs=WITHIN)
    assert (first[1:] & first[:-1]).mean() == pytest.approx((1 - p) ** 2, abs=WITHIN)
    ff.manual_seed(0)
    assert np.array_equal(mask_of(layer), first)


def test_what_is_left_is_scaled_up_and_so_is_its_gradient() -> None:
    ff.manual_seed(1)
    x = ff.randn(50, requires_grad=True)
    y = nn.Dropout(0.25)(x)
    y.sum().backward()
    mask = (y.detach().numpy() != 0).astype("float32")
    assert 0 < mask.sum() < 50
    # float32, multiplied by the reciprocal
    np.testing.assert_allclose(y.detach().numpy(), x.detach().numpy() * mask / np.float32(0.75), rtol=2e-7)
    np.testing.assert_array_equal(x.grad.numpy(), mask * np.float32(1 / 0.75))


@pytest.mark.parametrize("make", [nn.Dropout, nn.AlphaDropout])
def test_the_ends_and_evaluation(make: Any) -> None:
    x = ff.randn(5, requires_grad=True)
    drawn = default_generator().position
    assert make(0.0)(x) is x and make(0.9).eval()(x) is x
    assert default_generator().position == drawn, "no random numbers are used up"
    y = make(1.0)(x)
    y.sum().backward()
    assert y.tolist() == x.grad.tolist() == [0] * 5
    assert tuple(make(0.5)(ff.zeros(0, 3)).shape) == (0, 3)
    for p in (-0.1, 1.1, math.nan, True, "0.5"):
        with pytest.raises(ValueError, match=r"[dD]ropout: p is .*, expected a probability from 0 to 1"):
            make(p)
    with pytest.raises(TypeError, match=r"input has dtype int64, expected a floating type\nhint: convert with input"):
        make(0.5)(ff.tensor([1, 2]))


def test_functions_and_layers_are_the_same() -> None:
    x = ff.randn(40)
    for layer, function in ((nn.Dropout(0.3), F.dropout), (nn.AlphaDropout(0.3), F.alpha_dropout)):
        ff.manual_seed(2)
        first = layer(x)
        ff.manual_seed(2)
        assert ff.equal(function(x, 0.3, training=True), first)
        assert function(x, 0.3, training=False) is x
    assert F.alpha_dropout(x, 0.3) is x and not ff.equal(F.dropout(x, 0.3), x), "the defaults are PyTorch's"
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"
    assert repr(nn.Dropout(0.2, inverted=False)) == "Dropout(p=0.2, inplace=False, inverted=False)"


def test_the_mask_does_not_depend_on_the_number_type() -> None:
    masks = []
    for dtype in (ff.float32, ff.float64, ff.float16):
        ff.manual_seed(3)
        y = nn.Dropout(0.5)(ff.ones(100, dtype=dtype))
        assert y.dtype == dtype
        masks.append((y != 0).tolist())
    assert masks[0] == masks[1] == masks[2]


# ---------------------------------------------------------------- the two forms


def test_RG12_a_linear_unit_with_scaled_weights_is_the_mean_over_all_masks() -> None:
    w, x = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    masks = np.array(list(itertools.product([0, 1], repeat=2)))
    assert (masks * w @ x).mean() == ((1 - 0.5) * w) @ x == 0.5
    # a unit that is not linear has another mean
    relu = lambda z: np.maximum(z, 0)  # noqa: E731
    assert (relu(masks * w @ x).mean(), relu(0.5 * w @ x)) == (1.0, 0.5)


class Pair:
    """The same network with dropout in both forms: weights behind the older form are smaller by 1 - p."""

    def __init__(self, p: float) -> None:
        ff.manual_seed(0)
        self.p = p
        self.inverted = nn.Sequential(
            nn.Dropout(p), nn.Linear(4, 30), nn.Tanh(), nn.Dropout(p), nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 2)
        ).double()
        self.older = nn.build(nn.architecture(self.inverted))
        self.older.load_state_dict(self.inverted.state_dict())
        for layer in (self.older[0], self.older[3]):
            layer.inverted = False
        for layer in (self.older[1], self.older[4]):
            layer.weight.data.div_(1 - p)
        self.x = ff.randn(64, 4, dtype=ff.float64)


def test_RG12_both_forms_are_one_network() -> None:
    pair = Pair(0.3)
    outputs = []
    for model in (pair.inverted, pair.older):
        ff.manual_seed(5)
        outputs.append(model.train()(pair.x))
    assert not ff.equal(outputs[0], pair.inverted.eval()(pair.x))
    # the same masks: rounding of float64 in another order
    np.testing.assert_allclose(outputs[1].detach().numpy(), outputs[0].detach().numpy(), rtol=1e-12, atol=1e-14)
    same = pair.older.eval()(pair.x).detach().numpy()
    np.testing.assert_allclose(same, pair.inverted.eval()(pair.x).detach().numpy(), rtol=1e-12, atol=1e-14)


def test_RG12_the_older_form_is_the_rule_to_scale_weights_after_training() -> None:
    pair = Pair(0.3)
    expected = pair.older.eval()(pair.x).detach().numpy()
    scaled = nn.Sequential(*(layer for layer in pair.older if not isinstance(layer, nn.Dropout)))
    for layer in (scaled[0], scaled[2]):
        layer.weight.data.mul_(1 - pair.p)
    np.testing.assert_allclose(scaled(pair.x).detach().numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("inverted", [True, False])
def test_the_mean_over_masks_is_the_value_in_evaluation(inverted: bool) -> None:
    ff.manual_seed(0)
    layer = nn.Dropout(0.4, inverted=inverted)
    x = ff.tensor([1.0, -2.0, 3.0])
    drawn = layer(x.expand(N, 3)).numpy()
    # within 5 standard errors of the mean of N draws of standard deviation |x| sqrt(p / (1 - p)), at most 2.5
    np.testing.assert_allclose(drawn.mean(axis=0), layer.eval()(x).numpy(), atol=5 * 2.5 / math.sqrt(N))
    assert layer(x).tolist() == pytest.approx([1, -2, 3] if inverted else [0.6, -1.2, 1.8])


def test_RG13_dropout_averages_all_networks_that_can_be_cut_out_of_one() -> None:
    """Ten units make 2^10 networks with shared weights, most of five units; sampling approaches their mean."""
    units = 10
    counts = np.bincount([sum(mask) for mask in itertools.product([0, 1], repeat=units)])
    assert counts.sum() == 1024 and counts.max() == counts[5] == 252
    ff.manual_seed(0)
    output, x = nn.Linear(units, 1).double(), ff.randn(1, units, dtype=ff.float64)
    masks = ff.tensor(np.array(list(itertools.product([0.0, 1.0], repeat=units))))
    networks = (output(x * masks / 0.5)).sigmoid().detach().numpy()
    model = nn.Sequential(nn.Dropout(0.5), output, nn.Sigmoid())
    sampled = model(x.expand(N, units)).detach().numpy()
    # N draws of a number with this standard deviation
    assert sampled.mean() == pytest.approx(networks.mean(), abs=5 * networks.std() / math.sqrt(N))
    assert networks.std() > 0.05
    # the network in evaluation has the mean log-odds, which is exact before the sigmoid and near behind it
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    assert logit(model.eval()(x).item()) == pytest.approx(logit(networks).mean(), rel=1e-12)
    assert model(x).item() == pytest.approx(networks.mean(), abs=0.02)


# ---------------------------------------------------------------- alpha dropout


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    ff.manual_seed(0)
    x = ff.randn(200_000)
    y = nn.AlphaDropout(p)(x).numpy()
    # 200,000 draws: standard errors 0.0022 of the mean and, with the heavier tails, 0.005 of the variance
    assert y.mean() == pytest.approx(0, abs=0.011)
    assert y.var() == pytest.approx(1, abs=0.025)


def test_alpha_dropout_by_its_formula() -> None:
    ff.manual_seed(0)
    p, floor = 0.3, -1.7580993408473766
    a = ((1 - p) * (1 + p * floor**2)) ** -0.5
    x = ff.randn(100, dtype=ff.float64)
    y = nn.AlphaDropout(p)(x).numpy()
    left_out = np.isclose(y, a * floor - a * p * floor)
    assert 10 < left_out.sum() < 60
    np.testing.assert_allclose(y[~left_out], a * x.numpy()[~left_out] - a * p * floor, rtol=1e-12)
    far = nn.SELU()(ff.tensor(-1e4, dtype=ff.float64)).item()
    assert far == pytest.approx(floor, rel=1e-15), "what is left out is what a unit is that is off"
